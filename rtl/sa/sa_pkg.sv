// SPDX-License-Identifier: BSD-2-Clause
//
// Records of the SA table, its hash, and the replay check.
//
// The replay window is a ring of 64-bit words, one a block of 64 sequence numbers. The word of the newest block
// (`head`) stands in the SA's own record, so that packets in order touch the ring once in 64. A word in the ring
// carries the upper bits of its block number as a stamp; a word whose stamp differs counts as empty. Hence a jump
// forward clears nothing and nothing is ever shifted. 64 words and the head hold the 4,096 numbers of the largest
// window at any alignment (RFC 4303 3.4.3, RFC 6479).

`default_nettype none

package sa_pkg;
  import vesper_pkg::*;

  localparam int WAYS = 4;
  localparam int RING_LOG2 = 6;

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

  // What the management keeps of an SA: never key, salt or H.
  typedef struct packed {
    logic         valid;
    sa_key_t      key;
    logic [127:0] src;
    logic         tunnel;
    logic [1:0]   key_len;
    logic [4:0]   icv_bytes;
    logic [15:0]  qid;
    logic [12:0]  window;
  } sa_info_t;

  // Operations of the management on an SA's changing state; each takes one cycle of the pipe that owns it.
  typedef enum logic [1:0] {
    SA_SET,    // installed, with op_gen, op_seq, op_window
    SA_CLEAR,  // to zero
    SA_GET,    // answers on st_*
    SA_FILL    // ring word of the block of op_seq: all received
  } sa_op_e;

  typedef struct packed {
    logic [63:0] seq;
    logic [63:0] packets;
    logic [63:0] bytes;
    logic [63:0] replayed;
    logic [63:0] icv_failed;
  } sa_counts_t;

  // An inbound SA's generation and the newest part of its window.
  typedef struct packed {
    logic        valid;
    logic [14:0] gen;
    logic [12:0] window;
    logic [63:0] top;     // highest sequence number received
    logic [63:0] head;    // bit i: number {top[63:6], i} was received
  } sa_edge_t;

  typedef struct packed {
    logic [51:0] stamp;
    logic [63:0] seen;
  } sa_ring_t;

  // An inbound SA as lookup returns it: sa_ctx_t without the outer header.
  typedef struct packed {
    logic [255:0] key;
    logic [1:0]   key_len;
    logic [127:0] h;
    logic [31:0]  salt;
    logic [31:0]  spi;
    logic         tunnel;
    logic [4:0]   icv_bytes;
    logic [3:0]   qid;
    logic [31:0]  flags;
  } sa_in_ctx_t;

  // 1: `seq` was received before, or is older than the window. `word` is the ring's word for the block of `seq`.
  // The generation is none of its business.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic replay_seen(input sa_edge_t e, input sa_ring_t word, input logic [63:0] seq);
    if (e.window <= 13'd1) return 1'b0;
    if (seq == 64'd0) return 1'b1;
    if (seq > e.top) return 1'b0;
    if (e.top - seq >= 64'(e.window)) return 1'b1;
    if (seq[63:6] == e.top[63:6]) return e.head[seq[5:0]];
    return word.stamp == seq[63:12] && word.seen[seq[5:0]];
  endfunction
  // verilator lint_on UNUSEDSIGNAL

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
