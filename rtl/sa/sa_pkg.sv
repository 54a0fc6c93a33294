// SPDX-License-Identifier: BSD-2-Clause
//
// Records of the SA table, and its hash.

`default_nettype none

package sa_pkg;
  import vesper_pkg::*;

  localparam int WAYS = 4;
  localparam int DESC_WORDS = 64;  // struct vesper_sa in words of 32 bits
  localparam int COUNT_W = 64;  // bits of packet and byte counters and of their limits

  // What names an SA. Addresses and SPI as byte strings.
  typedef struct packed {
    logic         inbound;
    logic         ipv6;
    logic [127:0] dst;
    logic [31:0]  spi;
  } sa_key_t;

  typedef struct packed {
    logic        valid;
    logic [15:0] index;
    sa_key_t     key;
  } sa_slot_t;
  typedef sa_slot_t [WAYS-1:0] sa_row_t;

  // Operations of the management on an SA's changing state; each takes one cycle of the pipe that owns it.
  typedef enum logic [2:0] {
    SA_NONE,   // nothing but reading the context
    SA_SET,    // installed, with gen, seq, lease_end, window, esn, udp
    SA_CLEAR,  // state to zero
    SA_GET,    // answers `word` of the snapshot
    SA_FILL,   // ring word of the block of `seq`: all as `seen`; drop counter `word`: zero
    SA_LEASE   // lease_end
  } sa_op_e;

  // The numbers of a snapshot, 64 bits each, in the order of struct vesper_sa_state.
  localparam int SNAP_SEQ = 0, SNAP_PACKETS = 1, SNAP_BYTES = 2, SNAP_DROPS = 4;  // 3: lease_end, inbound 0
  localparam int SNAP_WORDS = 20;

  typedef struct packed {
    sa_op_e      op;
    logic [15:0] index;
    logic [14:0] gen;
    logic [63:0] seq;
    logic [63:0] lease_end;
    logic [12:0] window;
    logic        esn;
    logic        udp;
    logic        seen;
    logic [4:0]  word;       // GET: SNAP_*; FILL: index of the drop counter, if below 16
  } sa_op_t;

  // Limits of an SA, 0: none; and its SPI, for the events about them.
  typedef struct packed {
    logic [31:0]        spi;
    logic [COUNT_W-1:0] soft_packets;
    logic [COUNT_W-1:0] soft_bytes;
    logic [COUNT_W-1:0] hard_packets;
    logic [COUNT_W-1:0] hard_bytes;
  } sa_limits_t;

  // What decides how an outbound packet grows, and what is refused.
  typedef struct packed {
    logic [31:0] spi;
    logic        tunnel;
    logic        ipv6;
    logic        inplace;
    logic        udp;
    logic        esn;
    logic        iiv;
    logic [4:0]  icv_bytes;
    logic [13:0] tfc;
    logic [15:0] mtu;
    logic [31:0] lease_warn;
  } sa_shape_t;

  // What an SA has to tell: a bit for each of EV_SOFT_PACKETS, EV_SOFT_BYTES, EV_EXPIRED, EV_LEASE_LOW.
  typedef struct packed {
    logic [3:0]  codes;
    logic [31:0] handle;
    logic [31:0] spi;
    logic [63:0] seq;
  } sa_note_t;

  function automatic logic [31:0] byte_swap(input logic [31:0] w);
    return {w[7:0], w[15:8], w[23:16], w[31:24]};
  endfunction

  // Two row numbers of one key: upper halves of two sums of products, each mixed from numbers in host order, so that
  // neighbouring SPIs and addresses, which is how they are given out, spread.
  function automatic logic [63:0] sa_hash(input sa_key_t k);
    logic [31:0] d, s;
    logic [63:0] a, b;
    s = byte_swap(k.spi);
    d = byte_swap(k.dst[31:0]);
    d ^= {k.dst[50:32], k.dst[63:51]} ^ {k.dst[74:64], k.dst[95:75]} ^ {k.dst[102:96], k.dst[127:103]};
    if (k.inbound) d ^= 32'h5bd1e995;
    if (k.ipv6) d ^= 32'h27d4eb2f;
    a = 64'(s) * 64'h9e3779b97f4a7c15 + 64'(d) * 64'hc2b2ae3d27d4eb4f;
    b = 64'(s) * 64'hd6e8feb86659fd93 + 64'(d) * 64'ha0761d6478bd642f;
    return {a[63:32] ^ {a[15:0], a[31:16]}, b[63:32] ^ {b[15:0], b[31:16]}};
  endfunction

endpackage

`default_nettype wire
