// SPDX-License-Identifier: BSD-2-Clause
//
// Records of the policy table, and its hash.
//
// In here addresses are numbers in network order, the first byte on the wire in [127:120], so that a prefix is the
// upper bits for both families (IPv4 stands in [127:96]). Ports stay byte strings.

`default_nettype none

package policy_pkg;

  localparam int LANES = 4;
  localparam int WAYS = 4;

  // What a packet must have in common with a policy: which bits of its 5-tuple.
  typedef struct packed {
    logic        ipv6;
    logic [7:0]  src_len;
    logic [7:0]  dst_len;
    logic        proto;    // the protocol counts
    logic [15:0] sport;
    logic [15:0] dport;
  } policy_mask_t;

  typedef struct packed {
    logic [127:0] src;
    logic [127:0] dst;
    logic [7:0]   proto;
    logic [15:0]  sport;
    logic [15:0]  dport;
  } policy_key_t;

  // A packet as it is looked up.
  typedef struct packed {
    logic        ipv6;
    logic        ports;  // sport and dport are known
    policy_key_t key;
  } policy_flow_t;

  // The smaller one wins: first by priority, then by age.
  typedef struct packed {
    logic [31:0] prio;
    logic [47:0] serial;
  } policy_rank_t;

  typedef struct packed {
    policy_rank_t rank;
    logic [1:0]   action;
    logic [31:0]  sa;
  } policy_verdict_t;

  typedef struct packed {
    logic [5:0]      mask;
    policy_key_t     key;
    policy_verdict_t verdict;
  } policy_entry_t;

  typedef struct packed {
    logic        valid;
    logic [23:0] print;  // fingerprint: part of the hash
    logic [15:0] index;  // of the entry
  } policy_slot_t;
  typedef policy_slot_t [WAYS-1:0] policy_row_t;

  // What runs through the search. All but LOOKUP are the management's.
  typedef enum logic [2:0] {
    LOOKUP,  // part of a packet's lookup
    LOOK,    // a policy's two rows, and what in them has the same key
    ROWS,    // two rows by number
    ENTRY,   // one entry by index
    FENCE    // nothing; when it is through, all that was before it is
  } policy_kind_e;

  function automatic logic [127:0] policy_prefix(input logic [7:0] len);
    return ~({128{1'b1}} >> len);
  endfunction

  // Bytes in reverse: from a byte string to a number and back.
  function automatic logic [127:0] policy_swap(input logic [127:0] a);
    logic [127:0] r;
    for (int i = 0; i < 16; i++) r[8*i+:8] = a[8*(15-i)+:8];
    return r;
  endfunction

  // The bits of a packet that count under a mask; its family is looked at elsewhere.
  // verilator lint_off UNUSEDSIGNAL
  function automatic policy_key_t policy_masked(input policy_key_t k, input policy_mask_t m);
    return
    '{
        src: k.src & policy_prefix(m.src_len),
        dst: k.dst & policy_prefix(m.dst_len),
        proto: m.proto ? k.proto : 8'd0,
        sport: k.sport & m.sport,
        dport: k.dport & m.dport
    }
    ;
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // ---- hash: NH (Black et al., UMAC), five products of 32 bits, then one multiplication that spreads the sum ----
  typedef logic [9:0][31:0] policy_words_t;

  // The number of the mask goes in, so that one key under many masks does not crowd two rows.
  function automatic policy_words_t policy_words(input policy_key_t k, input logic [5:0] mask);
    policy_words_t w;
    w[3:0] = k.src;
    w[7:4] = k.dst;
    w[8]   = {k.dport, k.sport};
    w[9]   = {18'd0, mask, k.proto};
    // The first digits of pi.
    w ^= {
      32'h38d01377,
      32'h452821e7,
      32'hec4e6c89,
      32'h082efa99,
      32'h299f31d1,
      32'ha4093823,
      32'h03707345,
      32'h13198a2e,
      32'h85a308d3,
      32'h243f6a88
    };
    return w;
  endfunction

  typedef logic [4:0][63:0] policy_products_t;
  function automatic policy_products_t policy_products(input policy_words_t w);
    policy_products_t p;
    for (int i = 0; i < 5; i++) p[i] = 64'(w[2*i]) * 64'(w[2*i+1]);
    return p;
  endfunction

  function automatic logic [63:0] policy_sum(input policy_products_t p);
    logic [63:0] s;
    s = p[0] + p[1] + p[2] + p[3] + p[4];
    return s ^ (s >> 31);
  endfunction

  // Row of the first table from the top, fingerprint in [23:0]; the row of the second table is the first one's XOR
  // the fingerprint, so that a slot knows its other row.
  function automatic logic [39:0] policy_spread(input logic [63:0] x);
    return 40'((x * 64'h9e3779b97f4a7c15) >> 24);
  endfunction

endpackage

`default_nettype wire
