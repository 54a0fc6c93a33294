// SPDX-License-Identifier: BSD-2-Clause
//
// Reads the headers of a frame: Ethernet with up to two tags, IPv4 or IPv6 with extension headers, ports.
//
// docs/esp.md, "Reading a frame", has the rules. Three cycles, one frame a cycle:
//
//   1  tags; the IP header moves to the front
//   2  IPv4 whole; IPv6 base header and two extension headers
//   3  two more; the 24 bytes behind the header, and the ports in them

`default_nettype none

module ip_parse
  import vesper_abi_pkg::*;
  import ip_pkg::*;
#(
    parameter int SIDE_W = 1  // bits that travel with a frame, untouched
) (
    input  wire                            clk,
    input  wire                            rst,
    input  wire                            s_valid,
    output logic                           s_ready,
    input  wire       [8*WINDOW_BYTES-1:0] s_head,   // the frame's first bytes; beyond its end they do not matter
    input  wire       [              15:0] s_len,    // of the frame
    input  wire                            s_all,    // walk destination options behind a routing header, too
    input  wire       [        SIDE_W-1:0] s_side,
    output logic                           m_valid,
    input  wire                            m_ready,
    output ip_info_t                       m_info,
    output logic      [8*WINDOW_BYTES-1:0] m_head,
    output logic      [        SIDE_W-1:0] m_side,
    output logic                           idle
);

  localparam int IpBytes = WINDOW_BYTES - ETH_BYTES;  // of the window, behind the shortest Ethernet header
  localparam int IpWords = IpBytes / 4;
  // The last byte at which a header may end, so that L4_BYTES behind it are in the window.
  localparam logic [7:0] LastEnd = 8'(WINDOW_BYTES - L4_BYTES);

  wire step = !m_valid || m_ready;
  assign s_ready = step;

  // ---- 1: Ethernet ----
  typedef struct packed {
    logic [4:0] l2_bytes;
    logic [15:0] ethertype;
    logic short_frame;  // ends within the Ethernet header
    logic [15:0] room;  // bytes of the frame from the IP header on
    logic all;
    logic [8*IpBytes-1:0] ip;  // last, so that it begins with a word: that simulates faster
  } aligned_t;

  function automatic logic is_tag(input logic [15:0] ethertype);
    is_tag = ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_SVLAN;
  endfunction

  aligned_t a_next, a;
  logic a_valid;
  logic [8*WINDOW_BYTES-1:0] a_head;
  logic [SIDE_W-1:0] a_side;
  always_comb begin
    a_next = '0;
    a_next.all = s_all;
    a_next.l2_bytes = 5'd14;
    if (s_valid) begin
      if (is_tag(be16(s_head[8*12+:16]))) a_next.l2_bytes = is_tag(be16(s_head[8*16+:16])) ? 5'd22 : 5'd18;
      case (a_next.l2_bytes)
        5'd14: begin
          a_next.ethertype = be16(s_head[8*12+:16]);
          a_next.ip = s_head[8*14+:8*IpBytes];
        end
        5'd18: begin
          a_next.ethertype = be16(s_head[8*16+:16]);
          a_next.ip = {32'd0, s_head[8*18+:8*(IpBytes-4)]};
        end
        default: begin
          a_next.ethertype = be16(s_head[8*20+:16]);
          a_next.ip = {64'd0, s_head[8*22+:8*(IpBytes-8)]};
        end
      endcase
      a_next.short_frame = s_len < {11'd0, a_next.l2_bytes};
      a_next.room = s_len - {11'd0, a_next.l2_bytes};
    end
  end

  // ---- 2: base headers, and the walk along extension headers ----
  typedef struct packed {
    logic [7:0] next;  // what stands at `at`
    logic [7:0] next_at;  // from the IP header on: where `next` stands
    logic [7:0] at;  // from the IP header on
    logic done;
    logic bad;
    logic routing;  // a routing header was passed
    logic fragment;
    logic later;
  } walk_t;

  function automatic logic is_extension(input logic [7:0] proto);
    is_extension = proto == PROTO_HOPOPT || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT || proto == PROTO_DSTOPTS;
  endfunction

  // One header further, which opens with `bytes`. `end_at`: where the packet ends, `last_end`: where the headers must.
  // verilator lint_off UNUSEDSIGNAL
  // Two bits of a fragment header are reserved.
  function automatic walk_t walk(input walk_t w, input logic [31:0] bytes, input logic all, input logic [15:0] end_at,
                                 input logic [7:0] last_end);
    // verilator lint_on UNUSEDSIGNAL
    logic [11:0] length;  // 8..2048
    logic [15:0] behind;
    walk = w;
    length = w.next == PROTO_FRAGMENT ? 12'd8 : {{1'b0, bytes[15:8]} + 9'd1, 3'd0};
    behind = 16'(w.at) + 16'(length);
    if (!w.done && !w.bad) begin
      if (!is_extension(w.next) || (w.next == PROTO_DSTOPTS && w.routing && !all)) walk.done = 1'b1;
      else if (behind > end_at || behind > 16'(last_end)) walk.bad = 1'b1;
      else begin
        walk.next = bytes[7:0];
        walk.next_at = w.at;
        walk.at = behind[7:0];
        if (w.next == PROTO_ROUTING) walk.routing = 1'b1;
        if (w.next == PROTO_FRAGMENT) begin
          walk.later = {bytes[23:16], bytes[31:27]} != 13'd0;
          walk.fragment = w.fragment || walk.later || bytes[24];
          walk.done = walk.later;
        end
      end
    end
  endfunction

  // Four bytes of the IP packet from byte 8 * n on.
  function automatic logic [31:0] four(input logic [8*IpBytes-1:0] ip, input logic [3:0] n);
    logic [31:0][31:0] w;
    w = 1024'(ip);
    four = w[{n, 1'b0}];
  endfunction

  typedef struct packed {
    ip_info_t info;  // without what the third stage adds
    walk_t walk;
    logic [15:0] end_at;
    logic all;
    logic [8*IpBytes-1:0] ip;
  } based_t;

  based_t b_next, b;
  logic b_valid;
  logic [8*WINDOW_BYTES-1:0] b_head;
  logic [SIDE_W-1:0] b_side;
  ip4_t ip4;
  logic [7:0] last_end;
  always_comb begin
    b_next   = '0;
    ip4      = '0;
    last_end = LastEnd - {3'd0, a.l2_bytes};
    if (a_valid) begin
      b_next.ip = a.ip;
      b_next.all = a.all;
      b_next.info.l2_bytes = a.l2_bytes;
      if (!a.short_frame && a.ethertype == ETHERTYPE_IPV4) begin
        ip4 = ip4_parse(a.ip[8*IP_MAX-1:0], a.room);
        b_next.info.status = ip4.status;
        b_next.info.total = ip4.total;
        b_next.info.fragment = ip4.fragment;
        b_next.info.later = {a.ip[52:48], a.ip[63:56]} != 13'd0;
        b_next.info.df = a.ip[54];
        b_next.info.tos = a.ip[15:8];
        b_next.info.src = 128'(a.ip[8*12+:32]);
        b_next.info.dst = 128'(a.ip[8*16+:32]);
        b_next.walk.next = ip4.proto;
        b_next.walk.next_at = 8'd9;
        b_next.walk.at = {2'b00, ip4.hdr_bytes};
        b_next.walk.done = 1'b1;
      end else if (!a.short_frame && a.ethertype == ETHERTYPE_IPV6) begin
        b_next.end_at = 16'(IP6_BYTES) + be16(a.ip[8*4+:16]);
        b_next.info.ipv6 = 1'b1;
        if (a.room < 16'(IP6_BYTES)) b_next.info.status = ST_TRUNCATED;
        else if (a.ip[7:4] != 4'd6) b_next.info.status = ST_IP_HEADER;
        else if (be16(a.ip[8*4+:16]) > a.room - 16'(IP6_BYTES)) b_next.info.status = ST_TRUNCATED;
        else b_next.info.status = ST_OK;
        b_next.info.total = b_next.end_at;
        b_next.info.tos = {a.ip[3:0], a.ip[15:12]};
        b_next.info.flow_label = {a.ip[11:8], a.ip[23:16], a.ip[31:24]};
        b_next.info.src = a.ip[8*8+:128];
        b_next.info.dst = a.ip[8*24+:128];
        b_next.walk.next = a.ip[8*6+:8];
        b_next.walk.next_at = 8'd6;
        b_next.walk.at = 8'(IP6_BYTES);
        b_next.walk.done = b_next.info.status != ST_OK;
        for (int i = 0; i < 2; i++) begin
          if (!b_next.walk.done)
            b_next.walk = walk(b_next.walk, four(a.ip, b_next.walk.at[6:3]), a.all, b_next.end_at, last_end);
        end
      end else begin
        b_next.info.status = ST_NOT_IP;
        b_next.walk.done   = 1'b1;
      end
    end
  end

  // ---- 3: two more extension headers; what is behind ----
  ip_info_t c_next;
  walk_t c_walk;
  logic [7:0] c_last_end;
  logic [16:0] c_left;  // bytes of the packet behind the header; the sign counts
  logic [IpWords-1:0][31:0] c_words;
  wire unused_walk = &{1'b0, c_walk.routing, c_left[15:3]};
  always_comb begin
    c_next = '0;
    c_walk = '0;
    c_last_end = LastEnd - {3'd0, b.info.l2_bytes};
    c_left = '0;
    c_words = '0;
    if (b_valid) begin
      c_words = b.ip[32*IpWords-1:0];
      c_next = b.info;
      c_walk = b.walk;
      for (int i = 0; i < 2; i++) begin
        if (!c_walk.done && !c_walk.bad) c_walk = walk(c_walk, four(b.ip, c_walk.at[6:3]), b.all, b.end_at, c_last_end);
      end
      // A fifth one: the walk is not at its end.
      if (!c_walk.done && !c_walk.bad && is_extension(
              c_walk.next
          ) && !(c_walk.next == PROTO_DSTOPTS && c_walk.routing && !b.all))
        c_walk.bad = 1'b1;
      if (c_next.status == ST_OK && c_walk.bad) c_next.status = ST_EXT_HEADER;
      c_next.hdr_bytes = c_walk.at;
      c_next.proto = c_walk.next;
      c_next.proto_at = c_walk.next_at + {3'd0, c_next.l2_bytes};
      if (c_next.ipv6) begin
        c_next.fragment = c_walk.fragment;
        c_next.later = c_walk.later;
      end
      if (c_next.status == ST_OK) begin
        for (int i = 0; i < L4_BYTES / 4; i++) c_next.l4[32*i+:32] = c_words[5'(c_walk.at[6:2])+5'(i)];
        c_left = {1'b0, c_next.total} - {9'd0, c_walk.at};
        case (c_next.proto)
          PROTO_TCP, PROTO_UDP, PROTO_DCCP, PROTO_SCTP, PROTO_UDPLITE: begin
            c_next.ports = !c_next.later && c_left >= 17'd4;
            {c_next.dport, c_next.sport} = c_next.l4[31:0];
          end
          PROTO_ICMP, PROTO_ICMPV6: begin
            c_next.ports = !c_next.later && c_left >= 17'd2;
            c_next.sport = {8'd0, c_next.l4[7:0]};
            c_next.dport = {8'd0, c_next.l4[15:8]};
          end
          default: ;
        endcase
        if (!c_next.ports) {c_next.dport, c_next.sport} = '0;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (step) begin
      a_valid <= s_valid;
      b_valid <= a_valid;
      m_valid <= b_valid;
      if (s_valid) begin
        a <= a_next;
        a_head <= s_head;
        a_side <= s_side;
      end
      if (a_valid) begin
        b <= b_next;
        b_head <= a_head;
        b_side <= a_side;
      end
      if (b_valid) begin
        m_info <= c_next;
        m_head <= b_head;
        m_side <= b_side;
      end
    end
    if (rst) begin
      a_valid <= 1'b0;
      b_valid <= 1'b0;
      m_valid <= 1'b0;
    end
  end

  assign idle = !a_valid && !b_valid && !m_valid;

endmodule

`default_nettype wire
