// SPDX-License-Identifier: BSD-2-Clause
//
// IP headers (RFC 791, RFC 8200) as both ESP pipes read and write them; ip_parse.sv reads whole frames.
//
// Byte strings have byte 0 in [7:0], so a 16-bit field of the wire is byte-swapped here: be16() gives the number.
// One's complement sums (RFC 1071) are of numbers, 16 bits, not inverted.

`default_nettype none

package ip_pkg;

  import vesper_abi_pkg::*;

  // Each pipe needs some of them.
  /* verilator lint_off UNUSEDPARAM */
  localparam int ETH_BYTES = 14;
  localparam int IP_MIN = 20;
  localparam int IP_MAX = 60;
  localparam int IP6_BYTES = 40;
  localparam int UDP_BYTES = 8;
  localparam int TCP_BYTES = 20;  // at least
  localparam int ESP_BYTES = 8;  // SPI, sequence number
  localparam int IV_BYTES = 8;
  localparam int WINDOW_BYTES = 128;  // of a frame, in which its headers are looked for
  localparam int L4_BYTES = 24;  // behind the IP header that lie in it too: UDP, ESP, IV

  localparam logic [15:0] ETHERTYPE_IPV4 = 16'h0800;
  localparam logic [15:0] ETHERTYPE_IPV6 = 16'h86dd;
  localparam logic [15:0] ETHERTYPE_VLAN = 16'h8100;  // IEEE 802.1Q
  localparam logic [15:0] ETHERTYPE_SVLAN = 16'h88a8;  // IEEE 802.1ad
  localparam logic [7:0] PROTO_HOPOPT = 8'd0;
  localparam logic [7:0] PROTO_ICMP = 8'd1;
  localparam logic [7:0] PROTO_IPIP = 8'd4;
  localparam logic [7:0] PROTO_TCP = 8'd6;
  localparam logic [7:0] PROTO_UDP = 8'd17;
  localparam logic [7:0] PROTO_DCCP = 8'd33;
  localparam logic [7:0] PROTO_IPV6 = 8'd41;
  localparam logic [7:0] PROTO_ROUTING = 8'd43;
  localparam logic [7:0] PROTO_FRAGMENT = 8'd44;
  localparam logic [7:0] PROTO_ICMPV6 = 8'd58;
  localparam logic [7:0] PROTO_DSTOPTS = 8'd60;
  localparam logic [7:0] PROTO_SCTP = 8'd132;
  localparam logic [7:0] PROTO_UDPLITE = 8'd136;
  localparam logic [7:0] PROTO_ESP = 8'd50;
  localparam logic [7:0] PROTO_NONE = 8'd59;  // a dummy packet (RFC 4303 2.6)
  /* verilator lint_on UNUSEDPARAM */

  // The addresses stand in bytes 12..15 (source) and 16..19 of the header.
  typedef struct packed {
    logic [7:0] status;  // ST_OK, ST_IP_HEADER, ST_TRUNCATED, ST_IP_CHECKSUM
    logic [5:0] hdr_bytes;  // 20..60
    logic [15:0] total;  // total length
    logic fragment;  // offset not zero, or more fragments follow
    logic [7:0] proto;
  } ip4_t;

  // What ip_parse says of a frame. All but status, l2_bytes and ipv6 counts only with ST_OK.
  typedef struct packed {
    logic [7:0] status;  // ST_OK, ST_NOT_IP, ST_TRUNCATED, ST_IP_HEADER, ST_IP_CHECKSUM, ST_EXT_HEADER
    logic ipv6;
    logic [4:0] l2_bytes;  // Ethernet header with its tags: 14, 18, 22
    logic [7:0] hdr_bytes;  // IP header with the extension headers that were walked
    logic [15:0] total;  // of the IP packet, header included
    logic [7:0] proto;  // of what follows the header
    logic [7:0] proto_at;  // where in the frame that stands
    logic fragment;
    logic later;  // not the first fragment
    logic df;  // IPv4
    logic [7:0] tos;  // or traffic class
    logic [19:0] flow_label;
    logic [127:0] src;  // byte strings, IPv4 in [31:0]
    logic [127:0] dst;
    logic ports;  // the two below are known
    logic [15:0] sport;  // byte strings; ICMP: type in [7:0]
    logic [15:0] dport;  // ICMP: code in [7:0]
    logic [8*L4_BYTES-1:0] l4;  // the bytes behind the header, whatever they are
  } ip_info_t;

  function automatic logic [15:0] be16(input logic [15:0] s);
    be16 = {s[7:0], s[15:8]};
  endfunction

  function automatic logic [31:0] be32(input logic [31:0] s);
    be32 = {s[7:0], s[15:8], s[23:16], s[31:24]};
  endfunction

  function automatic logic [63:0] be64(input logic [63:0] s);
    be64 = {be32(s[31:0]), be32(s[63:32])};
  endfunction

  // Sum of up to 2^16 numbers, folded to 16 bits.
  function automatic logic [15:0] fold(input logic [31:0] s);
    logic [16:0] t;
    t = {1'b0, s[31:16]} + {1'b0, s[15:0]};
    fold = t[15:0] + {15'd0, t[16]};
  endfunction

  // Sum over the first `words` words of 32 bits of a header. It is made of byte-swapped numbers and swapped at the
  // end: the sum does not mind (RFC 1071 2(B)).
  function automatic logic [15:0] ip4_sum(input logic [8*IP_MAX-1:0] hdr, input logic [3:0] words);
    logic [31:0] sum;
    sum = 32'd0;
    for (int i = 0; i < IP_MAX / 4; i++)
    if (4'(i) < words) sum = sum + {16'd0, hdr[32*i+:16]} + {16'd0, hdr[32*i+16+:16]};
    ip4_sum = be16(fold(sum));
  endfunction

  // The sum after one word of what was summed changed (RFC 1624).
  function automatic logic [15:0] sum_update(input logic [15:0] sum, input logic [15:0] old_word,
                                             input logic [15:0] new_word);
    sum_update = fold({16'd0, sum} + {16'd0, ~old_word} + {16'd0, new_word});
  endfunction

  // Reads an IPv4 header. Bytes of `hdr` beyond the packet's end do not matter; `room` is how many bytes there are from
  // the header's first byte on (for a frame: its length less the Ethernet header's).
  function automatic ip4_t ip4_parse(input logic [8*IP_MAX-1:0] hdr, input logic [15:0] room);
    ip4_t r;
    r.hdr_bytes = {hdr[3:0], 2'b00};
    r.total = be16(hdr[31:16]);
    r.fragment = {hdr[52:48], hdr[63:56]} != 13'd0 || hdr[53];
    r.proto = hdr[79:72];
    if (room < 16'(IP_MIN)) r.status = ST_TRUNCATED;
    else if (hdr[7:4] != 4'd4 || r.hdr_bytes < 6'(IP_MIN) || r.total < {10'd0, r.hdr_bytes}) r.status = ST_IP_HEADER;
    else if (r.total > room) r.status = ST_TRUNCATED;
    else if (ip4_sum(hdr, hdr[3:0]) != 16'hffff) r.status = ST_IP_CHECKSUM;
    else r.status = ST_OK;
    ip4_parse = r;
  endfunction

endpackage

`default_nettype wire
