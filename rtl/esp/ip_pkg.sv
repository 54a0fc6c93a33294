// SPDX-License-Identifier: BSD-2-Clause
//
// IPv4 headers (RFC 791) as both ESP pipes read and write them.
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
  localparam int ESP_BYTES = 8;  // SPI, sequence number
  localparam int IV_BYTES = 8;

  localparam logic [15:0] ETHERTYPE_IPV4 = 16'h0800;
  localparam logic [7:0] PROTO_IPIP = 8'd4;
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
