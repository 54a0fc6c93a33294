// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound parser: looks at the first one or two beats of each frame as they pass, and says what the frame is.

`default_nettype none

// A frame whose IP header lies in its first beat (up to 48 bytes of it) is described two cycles after that beat, else
// two cycles after the second one. The beats themselves go on beside this block; it takes part in their handshake.
module esp_out_parse
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import esp_out_pkg::*;
(
    input  wire              clk,
    input  wire              rst,
    input  wire       [15:0] cfg_mtu,
    input  wire              s_take,      // a beat passes in this cycle; only while s_ready
    output logic             s_ready,
    input  wire      [511:0] s_data,
    input  wire              s_last,
    input  meta_t            s_meta,
    output logic             m_valid,
    input  wire              m_ready,
    output out_desc_t        m_desc,
    output logic             idle
);

  localparam int InFirst = (BEAT_BYTES - ETH_BYTES) / 4;  // words of an IP header that the first beat holds

  logic first;  // the next beat opens a frame
  logic half;  // the header goes on in the next beat
  logic full;  // head and meta describe a frame
  logic [8*HEAD_BYTES-1:0] head;
  meta_t meta;

  wire step = !m_valid || m_ready;
  wire second_needed =
      s_meta.op == OP_ENCRYPT && s_data[8*ETH_BYTES+:4] > 4'(InFirst) && !s_last;

  assign s_ready = !full || step;
  assign idle = first && !half && !full && !m_valid;

  always_ff @(posedge clk) begin
    if (full && step) full <= 1'b0;
    if (s_take) begin
      first <= s_last;
      if (first) begin
        head <= {80'd0, s_data};
        meta <= s_meta;
        half <= second_needed;
        full <= !second_needed;
      end else if (half) begin
        head[8*HEAD_BYTES-1:8*BEAT_BYTES] <= s_data[8*(HEAD_BYTES-BEAT_BYTES)-1:0];
        half <= 1'b0;
        full <= 1'b1;
      end
    end
    if (rst) begin
      first <= 1'b1;
      half  <= 1'b0;
      full  <= 1'b0;
    end
  end

  // The smallest result: transport mode with the shortest ICV. What exceeds the MTU even so is refused before it
  // costs a sequence number.
  function automatic logic [16:0] least_length(input logic [15:0] total, input logic [5:0] hdr_bytes);
    logic [16:0] n;
    n = {1'b0, total} - {11'd0, hdr_bytes} + 17'd5;  // trailer, rounded up to words
    n[1:0] = 2'b00;
    least_length = n + {11'd0, hdr_bytes} + 17'(ETH_BYTES + ESP_BYTES + IV_BYTES + 8);
  endfunction

  out_desc_t desc;
  ip4_t ip;
  always_comb begin
    desc = '0;
    ip   = '0;
    if (full) begin
      ip = ip4_parse(head[8*HEAD_BYTES-1:8*ETH_BYTES], meta.len - 16'(ETH_BYTES));
      desc.meta = meta;
      desc.head = head;
      desc.fragment = ip.fragment;
      desc.hdr_bytes = ip.hdr_bytes;
      desc.total = ip.total;
      desc.proto = ip.proto;
      if (meta.op == OP_PLAIN) desc.status = meta.len > cfg_mtu ? ST_TOO_BIG : ST_OK;
      else if (meta.op != OP_ENCRYPT) desc.status = ST_BAD_OP;
      else if (meta.len < 16'(ETH_BYTES) || be16(head[8*12+:16]) != ETHERTYPE_IPV4) desc.status = ST_NOT_IP;
      else if (ip.status != ST_OK) desc.status = ip.status;
      else if (least_length(ip.total, ip.hdr_bytes) > {1'b0, cfg_mtu}) desc.status = ST_TOO_BIG;
      else desc.status = ST_OK;
      desc.lookup = desc.status == ST_OK && meta.op == OP_ENCRYPT;
    end
  end

  always_ff @(posedge clk) begin
    if (full && step) m_desc <= desc;
    if (step) m_valid <= full;
    if (rst) m_valid <= 1'b0;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst && s_take) begin
      assert (s_ready)
      else $error("esp_out_parse: a beat passed that was not asked for");
    end
`endif

endmodule

`default_nettype wire
