// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound parser: takes the first two beats of each frame as they pass, and says what the frame is.

`default_nettype none

// The beats themselves go on beside this block; it takes part in their handshake. One frame a cycle.
module esp_out_parse
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import esp_out_pkg::*;
(
    input  wire                             clk,
    input  wire                             rst,
    input  wire                             s_take,    // a beat passes in this cycle; only while s_ready
    output logic                            s_ready,
    input  wire        [               511:0] s_data,
    input  wire                             s_last,
    input  meta_t                           s_meta,
    output logic                            m_valid,
    input  wire                             m_ready,
    output out_desc_t                       m_desc,
    output policy_req_t                     m_policy,  // what the policies are asked, if they are
    output logic        [8*WINDOW_BYTES-1:0] m_head,
    output logic                            idle
);

  logic first;  // the next beat opens a frame
  logic half;  // the next beat is the second of its frame
  logic full;  // head and meta describe a frame
  logic [8*WINDOW_BYTES-1:0] head;
  meta_t meta;
  logic step, headers_idle;

  assign s_ready = !full || step;
  assign idle = first && !half && !full && headers_idle;

  always_ff @(posedge clk) begin
    if (full && step) full <= 1'b0;
    if (s_take) begin
      first <= s_last;
      half  <= first && !s_last;
      if (first) begin
        head <= {512'd0, s_data};
        meta <= s_meta;
        full <= s_last;
      end else if (half) begin
        head[1023:512] <= s_data;
        full <= 1'b1;
      end
    end
    if (rst) begin
      first <= 1'b1;
      half  <= 1'b0;
      full  <= 1'b0;
    end
  end

  ip_info_t info;
  meta_t meta_out;

  ip_parse #(
      .SIDE_W($bits(meta_t))
  ) u_headers (
      .clk,
      .rst,
      .s_valid(full),
      .s_ready(step),
      .s_head (head),
      .s_len  (meta.len),
      .s_all  (1'b0),
      .s_side (meta),
      .m_valid,
      .m_ready,
      .m_info (info),
      .m_head,
      .m_side (meta_out),
      .idle   (headers_idle)
  );

  wire unused_later = &{1'b0, info.later, info.l4[191:128]};
  wire in_udp = info.proto == PROTO_UDP;
  wire [15:0] l4_bytes = info.total - {8'd0, info.hdr_bytes};

  always_comb begin
    m_desc = '0;
    if (m_valid) begin
      m_desc.meta = meta_out;
      m_desc.inplace = meta_out.op == OP_INPLACE;
      m_desc.numbered = meta_out.op == OP_NUMBERED;
      m_desc.dummy = meta_out.op == OP_DUMMY;
      m_desc.ipv6 = info.ipv6;
      m_desc.l2_bytes = info.l2_bytes;
      m_desc.hdr_bytes = info.hdr_bytes;
      m_desc.total = info.total;
      m_desc.proto = info.proto;
      m_desc.proto_at = info.proto_at;
      m_desc.fragment = info.fragment;
      m_desc.df = info.df;
      m_desc.tos = info.tos;
      m_desc.flow_label = info.flow_label;
      if (m_desc.inplace) begin
        m_desc.esp = in_udp || info.proto == PROTO_ESP;
        m_desc.udp = in_udp;
        m_desc.number = in_udp ? info.l4[127:96] : info.l4[63:32];
        // What the packet is too short for is no SA's SPI.
        if (l4_bytes >= (in_udp ? 16'd12 : 16'd4)) m_desc.spi = in_udp ? info.l4[95:64] : info.l4[31:0];
      end

      m_desc.fate   = OutEsp;
      m_desc.status = ST_OK;
      case (meta_out.op)
        OP_PLAIN: m_desc.fate = OutPlain;
        OP_POLICY: m_desc.fate = OutPolicy;
        OP_ENCRYPT, OP_INPLACE, OP_DUMMY, OP_NUMBERED: ;
        default: begin
          m_desc.fate   = OutDrop;
          m_desc.status = ST_BAD_OP;
        end
      endcase
      if (m_desc.fate inside {OutPolicy, OutEsp} && info.status != ST_OK) begin
        m_desc.fate   = OutDrop;
        m_desc.status = info.status;
      end
    end
  end

  // An IPv6 extension header in the place of the upper layer's: that is out of sight, and protocol 0 matches no policy
  // that has one.
  wire hidden = info.ipv6 && info.proto inside {PROTO_HOPOPT, PROTO_ROUTING, PROTO_FRAGMENT, PROTO_DSTOPTS};

  always_comb begin
    m_policy = '0;
    if (m_valid) begin
      m_policy.ipv6 = info.ipv6;
      m_policy.src = info.src;
      m_policy.dst = info.dst;
      m_policy.proto = hidden ? 8'd0 : info.proto;
      m_policy.ports = info.ports;
      m_policy.sport = info.sport;
      m_policy.dport = info.dport;
    end
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
