// SPDX-License-Identifier: BSD-2-Clause
//
// Third stage of esp_in, behind the engine: stores the decrypted beats in the packet buffer and finds out whether
// they may ever be read (docs/esp.md, "Inbound", steps 6 to 11):
//
//   0  a beat comes: store it, the first with ECN and DSCP of the outer header; with the last, compare the ICV
//   1  a packet is complete: padding, next header, inner header; read what the selector wants to know
//   2  selector; ask the SA table for its last word. Without a selector that is done in 1, if nobody is before it
//
// The ICV is compared all bytes at once, in the cycle of the packet's last beat, whatever differs where. Padding lies
// in the last beat but for the longest; then up to four earlier beats are looked at again, one a cycle, and only of
// packets whose ICV was right. Packets that were refused before the engine take the same way without beats.

`default_nettype none

module esp_in_check
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import esp_in_pkg::*;
  import esp_in_inner_pkg::*;
  import lane_pkg::*;
(
    input wire clk,
    input wire rst,

    input  wire    check_valid,
    output logic   check_ready,
    input  check_t check,
    input  wire    icv_valid,
    output logic   icv_ready,
    input  wire [127:0] icv,

    input  wire          r_valid,
    output logic         r_ready,
    input  wire  [511:0] r_data,
    input  wire  [  6:0] r_bytes,
    input  wire          r_last,
    input  wire  [127:0] r_tag,

    output logic [BUFFER_W:0] wr,          // write pointer of the packet buffer
    input  wire  [BUFFER_W:0] rd,          // all before it is free
    output logic              buffer_we,
    output logic [     511:0] buffer_data,

    output logic           cm_req_valid,
    input  wire            cm_req_ready,
    output sa_commit_req_t cm_req,
    input  wire            cm_rsp_valid,
    output logic           cm_rsp_ready,
    input  wire  [7:0]     cm_rsp_status,

    output logic  fate_valid,
    input  wire   fate_ready,
    output fate_t fate
);

  // ---- beats from the engine ----
  logic c_valid, c_go, c_room, slow;
  logic take, full;
  logic [7:0] beats;  // of this packet, before this one
  logic [511:0] start;  // its first beat
  logic refused;

  // Up to four beats before the last one.
  logic [511:0] past[4];

  assign full = wr[BUFFER_W-1:0] == rd[BUFFER_W-1:0] && wr[BUFFER_W] != rd[BUFFER_W];
  assign c_room = !c_valid || c_go;
  assign refused = check.status != ST_OK;
  assign r_ready = check_valid && !refused && !full && !slow && (!r_last || (c_room && icv_valid));
  assign take = r_valid && r_ready;
  assign icv_ready = take && r_last;
  assign check_ready = refused ? c_room : take && r_last;
  assign buffer_we = take;
  always_comb begin
    buffer_data = r_data;
    if (take && beats == 8'd0 && (check.ecn || check.dscp))
      buffer_data = decap(r_data, check.tos, check.ecn, check.dscp);
  end

  always_ff @(posedge clk) begin
    if (take) begin
      wr <= wr + 1'b1;
      beats <= r_last ? 8'd0 : beats + 8'd1;
      if (beats == 8'd0) start <= r_data;
      if (!r_last) past[beats[1:0]] <= r_data;
    end
    if (rst) begin
      wr <= '0;
      beats <= '0;
    end
  end

  // ---- one packet, complete ----
  check_t c_check;
  logic c_authentic;
  logic [511:0] c_data;
  logic [6:0] c_bytes;
  logic [7:0] c_beats;
  logic [511:0] c_start;

  logic [127:0] icv_mask;
  logic authentic;
  always_comb begin
    for (int i = 0; i < 16; i++) icv_mask[8*i+:8] = {8{5'(i) < check.icv_bytes}};
    authentic = ((r_tag ^ icv) & icv_mask) == '0;
  end

  always_ff @(posedge clk) begin
    if (c_go) c_valid <= 1'b0;
    if (check_valid && check_ready) begin
      c_valid <= 1'b1;
      c_check <= check;
      c_authentic <= authentic && !refused;
      c_data <= r_data;
      c_bytes <= r_bytes;
      c_beats <= refused ? 8'd0 : beats + 8'd1;
      c_start <= beats == 8'd0 ? r_data : start;
    end
    if (rst) c_valid <= 1'b0;
  end

  // Bytes lo..hi-1 of a beat are 1, 2, 3, ..., from where byte `lo` (perhaps of an earlier beat) is 1.
  function automatic logic counts_up(input logic [511:0] data, input logic signed [9:0] lo, input logic [6:0] hi);
    counts_up = 1'b1;
    for (int j = 0; j < 64; j++)
    if (10'(j) >= lo && 7'(j) < hi && data[8*j+:8] != 8'(10'(j) - lo + 10'sd1)) counts_up = 1'b0;
  endfunction

  // The trailer: pad length and next header are the plaintext's last two bytes; its length is a multiple of 4.
  logic [7:0] pad, next_header;
  logic [8:0] trailer_at;  // bit number
  logic signed [9:0] pad_lo;  // where byte 1 of the padding stands, against the last beat
  logic [13:0] payload;
  logic pad_fits, pad_last;
  always_comb begin
    {next_header, pad} = 16'd0;
    trailer_at = '0;
    pad_lo = '0;
    payload = '0;
    pad_fits = 1'b0;
    pad_last = 1'b0;
    if (c_valid && c_authentic && !c_check.inplace) begin
      trailer_at = 9'({c_bytes - 7'd2, 3'd0});
      {next_header, pad} = c_data[trailer_at+:16];
      pad_lo = $signed({3'd0, c_bytes}) - 10'sd2 - $signed({2'd0, pad});
      payload = c_check.cipher_bytes - 14'd2 - 14'(pad);
      pad_fits = 14'(pad) <= c_check.cipher_bytes - 14'd2;
      pad_last = counts_up(c_data, pad_lo, c_bytes - 7'd2);
    end
  end

  // Padding that begins in an earlier beat.
  logic [2:0] step;  // beats looked at
  logic earlier_ok, slow_done;
  logic signed [9:0] lo_step;
  assign lo_step = pad_lo + $signed({1'b0, 3'(step) + 3'd1, 6'd0});
  assign slow_done = step != 3'd0 && pad_lo + $signed({1'b0, step, 6'd0}) >= 10'sd0;
  assign slow = c_valid && pad_fits && pad_lo < 10'sd0 && !slow_done;

  always_ff @(posedge clk) begin
    if (slow) begin
      step <= step + 3'd1;
      earlier_ok <= (step == 3'd0 || earlier_ok) &&
          counts_up(past[2'(c_beats-8'd2-8'(step))], lo_step, 7'd64);
    end else if (c_go) step <= '0;
    if (rst) step <= '0;
  end

  // ---- its header, and what it says of the packet ----
  logic [16:0] inner_total;
  logic inner_ok, inner_ipv6;
  logic [1:0] inner_ecn;
  logic [7:0] c_status;
  logic [13:0] deliver;
  always_comb begin
    inner_ipv6 = next_header == PROTO_IPV6;
    inner_total = inner_ipv6 ? 17'(IP6_BYTES) + 17'(be16(c_start[8*4+:16])) : 17'(be16(c_start[8*2+:16]));
    inner_ok = inner_total <= 17'(payload);
    if (inner_ipv6) inner_ok &= c_start[7:4] == 4'd6;
    else inner_ok &= c_start[7:4] == 4'd4 && c_start[3:0] >= 4'd5 && inner_total >= 17'({c_start[3:0], 2'b00});
    inner_ecn = inner_ipv6 ? c_start[13:12] : c_start[9:8];
    if (c_check.inplace) deliver = c_check.cipher_bytes;
    else if (c_check.tunnel) deliver = inner_total[13:0];
    else deliver = payload;
    if (c_check.status != ST_OK) c_status = c_check.status;
    else if (!c_authentic) c_status = ST_ICV;
    else if (c_check.inplace) c_status = ST_OK;
    else if (!pad_fits || !pad_last || (pad_lo < 10'sd0 && !earlier_ok)) c_status = ST_PADDING;
    else if (next_header == PROTO_NONE) c_status = ST_DUMMY;
    else if (c_check.tunnel && next_header != PROTO_IPIP && next_header != PROTO_IPV6) c_status = ST_NEXT_HEADER;
    else if (c_check.tunnel && !inner_ok) c_status = ST_INNER;
    else c_status = ST_OK;
  end

  logic c_done;

  // The first bytes of the packet that would be delivered.
  inner_t c_inner;
  logic [511:0] packet;
  logic [15:0] total;
  always_comb begin
    packet = '0;
    total = '0;
    c_inner = '0;
    if (c_done && c_check.selector && c_status == ST_OK) begin
      packet = c_start;
      total = 16'(deliver);
      if (!c_check.tunnel) begin
        total = 16'(c_check.hdr_bytes) + 16'(payload);
        packet = c_check.head;
        if (c_check.hdr_bytes < 8'd64)
          packet = keep_low(c_check.head, c_check.hdr_bytes[6:0]) | 512'(move_up(c_start, c_check.hdr_bytes[6:0]));
        if (c_check.proto_at < 8'd64) packet[{c_check.proto_at[5:0], 3'd0}+:8] = next_header;
      end
      c_inner = inner_read(packet, total);
    end
  end

  // ---- the last look, and the SA table's word on it ----
  typedef struct packed {
    logic [31:0] handle;
    logic [63:0] seq;
    fate_t       fate;  // so far
  } last_t;

  last_t c_last, d_last, last;
  logic congested, direct, d_valid, d_selector, asks;
  selector_t d_sel;
  inner_t d_inner;
  logic wait_room, wait_valid;
  fate_t wait_out;

  // Outer CE, inner Not-ECT (RFC 6040 4.2); the selector comes first.
  assign congested = c_check.ecn && c_check.tos[1:0] == CE && inner_ecn == NOT_ECT;
  always_comb begin
    c_last = '0;
    if (c_done) begin
      c_last.handle = c_check.handle;
      c_last.seq = c_check.seq;
      c_last.fate = '{
          status: c_status == ST_OK && congested ? ST_ECN : c_status,
          bytes: deliver,
          next_header: next_header,
          beats: c_beats
      };
    end
  end
  assign c_done = c_valid && !slow;
  assign direct = c_done && !d_valid && !c_check.selector;
  assign c_go = c_done && (!d_valid || asks);
  always_ff @(posedge clk) begin
    if (c_go) begin
      d_last <= c_last;
      d_selector <= c_check.selector && c_status == ST_OK;
      if (c_check.selector) begin
        d_sel   <= c_check.sel;
        d_inner <= c_inner;
      end
    end
    if (c_go) d_valid <= !(direct && asks);
    else if (asks) d_valid <= 1'b0;
    if (rst) d_valid <= 1'b0;
  end

  always_comb begin
    last = d_valid ? d_last : c_last;
    if (d_valid && d_selector) begin
      if (!selected(d_inner, d_sel)) last.fate.status = ST_SELECTOR;
    end
  end
  assign cm_req_valid = (d_valid || direct) && wait_room;
  assign cm_req = '{handle: last.handle, seq: last.seq, bytes: 16'(last.fate.bytes), status: last.fate.status};
  assign asks = cm_req_valid && cm_req_ready;

  esp_in_queue #(
      .WIDTH($bits(fate_t)),
      .DEPTH(8)
  ) u_wait (
      .clk,
      .rst,
      .s_valid(asks),
      .s_ready(wait_room),
      .s_data(last.fate),
      .m_valid(wait_valid),
      .m_ready(cm_rsp_valid && cm_rsp_ready),
      .m_data(wait_out)
  );

  assign cm_rsp_ready = wait_valid && fate_ready;
  assign fate_valid = wait_valid && cm_rsp_valid;
  assign fate = '{
          status: cm_rsp_status,
          bytes: wait_out.bytes,
          next_header: wait_out.next_header,
          beats: wait_out.beats
      };

  wire unused = &{1'b0, inner_total[16:14], c_check.icv_bytes, c_check.dscp};

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      // The table never makes good what was found bad.
      if (fate_valid && cm_rsp_ready)
        assert (cm_rsp_status != ST_OK || wait_out.status == ST_OK)
        else $error("esp_in_check: status %0d became OK", wait_out.status);
      if (take && r_last)
        assert ({beats, 6'd0} + 14'(r_bytes) == check.cipher_bytes)
        else $error("esp_in_check: %0d bytes decrypted of %0d", {beats, 6'd0} + 14'(r_bytes), check.cipher_bytes);
    end
`endif

endmodule

`default_nettype wire
