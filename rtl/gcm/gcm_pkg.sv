// SPDX-License-Identifier: BSD-2-Clause
//
// AES-GCM (NIST SP 800-38D): the job that goes with each packet, and arithmetic in GF(2^128).
//
// Byte strings have byte 0 in [7:0] everywhere outside. Inside GHASH a block stands the other way
// round, byte 0 in [127:120], so that SP 800-38D's leftmost bit is bit 127: the coefficient of x^i
// is bit 127-i, and x^128 = x^7 + x^2 + x + 1. ghash_order() goes from one to the other.
//
// A product is made in two halves, so that a register fits between them: three 64 x 64 carry-less
// products (Karatsuba) and gf_reduce. The first half exists in two forms with the same result
// (gf_product): as logic for synthesis, and, what simulates fastest, by the function gf_products,
// with integer products of operands that have three of every four bits masked out (no carry reaches
// the next kept bit). VESPER_LOGIC_FORM asks for logic under Verilator too. VESPER_DPI, for simulation
// only, calls the processor's carry-less multiplication (gcm_dpi.c), which makes the whole product in the first half.

`default_nettype none

package gcm_pkg;

  // A simulation computes nothing for a beat that is not there; hardware has no such choice, and what
  // nobody reads need not be zero. Who imports only types looks at none of the constants with a waiver.
  /* verilator lint_off UNUSEDPARAM */
`ifdef VERILATOR
`ifdef VESPER_LOGIC_FORM
  localparam bit Sparing = 1'b0;
`elsif VESPER_LUT4
  localparam bit Sparing = 1'b0;
`else
  localparam bit Sparing = 1'b1;
`endif
`else
  localparam bit Sparing = 1'b0;
`endif
  /* verilator lint_on UNUSEDPARAM */

  // Cycles from an operand of GHASH's multiplier to the products' register, and from a slot to the one its product is
  // added to. On small look-up tables (VESPER_LUT4) a product takes two cycles and its reduction one of its own; that of
  // H^3, whose operands come from afar, three.
`ifdef VESPER_LUT4
  localparam int unsigned GF_CYCLES = 2;
  localparam int unsigned H3_CYCLES = 3;
  localparam int unsigned GHASH_CYCLES = 4;
`else
  localparam int unsigned GF_CYCLES = 1;
  localparam int unsigned H3_CYCLES = 1;
  localparam int unsigned GHASH_CYCLES = 2;
`endif

  // Cycles from a packet's H to its powers (gcm_powers): a square, two products and their reductions.
  /* verilator lint_off UNUSEDPARAM */
  localparam int unsigned POWER_CYCLES = H3_CYCLES + GF_CYCLES + 6;
  /* verilator lint_on UNUSEDPARAM */

  typedef struct packed {
    logic [255:0] key;  // AES key; unused upper bytes zero
    logic [1:0] key_len;  // 0: 128, 1: 192, 2: 256
    logic [127:0] h;  // hash subkey E(K, 0)
    logic [127:0] j0;  // pre-counter block; for a 96-bit IV: IV || 00000001
    logic [159:0] aad;  // AAD prefix; bytes beyond aad_bytes are zero
    logic [4:0] aad_bytes;  // 0..16; with auth_only 0, 16 or 20
    logic decrypt;  // GHASH over the input instead of the output
    logic auth_only;  // GMAC: the stream passes unchanged and continues the AAD
  } gcm_job_t;

  // The longest AAD prefix, that of GMAC in ESP with extended sequence numbers (RFC 4543, 3.3): SPI,
  // 64-bit sequence number, IV. The blocks that GHASH sees then straddle those of the stream.
  /* verilator lint_off UNUSEDPARAM */
  localparam logic [4:0] AAD_STRADDLING = 5'd20;  // the engine's own
  /* verilator lint_on UNUSEDPARAM */

`ifdef VESPER_DPI
  // The whole product; operands in GHASH's order.
  import "DPI-C" function void vesper_gf_product(
    input  bit [127:0] a,
    input  bit [127:0] b,
    output bit [127:0] y
  );
`endif

  // What goes with a beat of up to BLOCKS slots through the engine. A packet's slots are the AAD
  // prefix (its first 16 bytes), its blocks, perhaps a block for the end of a straddling stream, the
  // lengths block; rem counts from this beat's first slot to the last one.
  typedef struct packed {
    logic first;  // this beat opens its packet: slot 0 is the AAD prefix
    logic [3:0] rem;  // slots of this packet from here on, this beat's included; 15: 15 or more
    logic [$clog2(GHASH_CYCLES)-1:0] lane;  // which of GHASH's accumulators: beat number modulo GHASH_CYCLES
    logic chained;  // beat number GHASH_CYCLES or higher: the accumulator counts
    logic decrypt;
    logic plain;  // the stream passes unchanged
    logic straddles;  // plain, and GHASH's blocks begin four bytes before the stream's
    logic [31:0] aad_end;  // bytes 16..19 of the AAD prefix
    logic [2:0] sub;  // beat number within the 64-byte beat it was cut from
    logic out_last;  // that 64-byte beat is the packet's last
    logic [6:0] out_bytes;  // its bytes
    logic [4:0] tail_bytes;  // bytes of the packet's last block, 1..16
  } beat_meta_t;

  // Karatsuba's three products of 64-bit halves, each at most 127 bits.
  typedef struct packed {
`ifndef VESPER_DPI
    logic [63:0] hi1, hi0;
    logic [63:0] mid1, mid0;
`endif
    logic [63:0] lo1, lo0;
  } gf_products_t;

  // Number of bytes in blocks of 16, rounded up (0..64 -> 0..4).
  function automatic logic [2:0] blocks_of(input logic [6:0] bytes);
    blocks_of = 3'((bytes + 7'd15) >> 4);
  endfunction

  // Reverses the bytes of a word of 32 bits.
  function automatic logic [31:0] bswap32(input logic [31:0] v);
    bswap32 = {v[7:0], v[15:8], v[23:16], v[31:24]};
  endfunction

  // Reverses the bytes of a word of 64 bits: little-endian to big-endian and back.
  function automatic logic [63:0] bswap64(input logic [63:0] v);
    bswap64 = {v[7:0], v[15:8], v[23:16], v[31:24], v[39:32], v[47:40], v[55:48], v[63:56]};
  endfunction

  // Byte string <-> GHASH's order (see the head of this file).
  function automatic logic [127:0] ghash_order(input logic [127:0] v);
    ghash_order = {bswap64(v[63:0]), bswap64(v[127:64])};
  endfunction

  // Carry-less product of 32 x 32 bits by integer products: digits of four bits hold sums of at most
  // eight, so none overflows.
  function automatic logic [63:0] clmul32(input logic [31:0] a, input logic [31:0] b);
    logic [63:0] a0, a1, a2, a3, b0, b1, b2, b3, z0, z1, z2, z3;
    a0 = {32'd0, a & 32'h11111111};
    a1 = {32'd0, a & 32'h22222222};
    a2 = {32'd0, a & 32'h44444444};
    a3 = {32'd0, a & 32'h88888888};
    b0 = {32'd0, b & 32'h11111111};
    b1 = {32'd0, b & 32'h22222222};
    b2 = {32'd0, b & 32'h44444444};
    b3 = {32'd0, b & 32'h88888888};
    z0 = ((a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1)) & 64'h1111111111111111;
    z1 = ((a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2)) & 64'h2222222222222222;
    z2 = ((a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3)) & 64'h4444444444444444;
    z3 = ((a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0)) & 64'h8888888888888888;
    clmul32 = z0 | z1 | z2 | z3;
  endfunction

  // Carry-less product of 64 x 64 bits, {r1, r0}, by Karatsuba.
  function automatic void clmul64(input logic [63:0] a, input logic [63:0] b, output logic [63:0] r1,
                                  output logic [63:0] r0);
    logic [63:0] lo, hi, mid;
    lo = clmul32(a[31:0], b[31:0]);
    hi = clmul32(a[63:32], b[63:32]);
    mid = clmul32(a[31:0] ^ a[63:32], b[31:0] ^ b[63:32]) ^ lo ^ hi;
    r0 = lo ^ {mid[31:0], 32'd0};
    r1 = hi ^ {32'd0, mid[63:32]};
  endfunction

  // First half of a product in GF(2^128), for simulation; operands in GHASH's order.
  function automatic gf_products_t gf_products(input logic [127:0] a, input logic [127:0] b);
`ifdef VESPER_DPI
    vesper_gf_product(a, b, gf_products);
`else
    logic [63:0] h1, h0, m1, m0, l1, l0;
    clmul64(a[127:64], b[127:64], h1, h0);
    clmul64(a[63:0], b[63:0], l1, l0);
    clmul64(a[127:64] ^ a[63:0], b[127:64] ^ b[63:0], m1, m0);
    gf_products = '{hi1: h1, hi0: h0, mid1: m1, mid0: m0, lo1: l1, lo0: l0};
`endif
  endfunction

  // Reduces {p3, p2, p1, p0}, the product of two elements in GHASH's order before the shift by one
  // that the reflected order asks for (coefficient of x^k at bit 254 - k).
  function automatic logic [127:0] gf_fold(input logic [62:0] p3, input logic [63:0] p2, input logic [63:0] p1,
                                           input logic [63:0] p0);
    logic [63:0] v3, v2, v1, v0;
    v3 = {p3, p2[63]};
    v2 = {p2[62:0], p1[63]};
    v1 = {p1[62:0], p0[63]};
    v0 = {p0[62:0], 1'b0};
    v2 = v2 ^ v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7);
    v1 = v1 ^ (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
    v3 = v3 ^ v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
    v2 = v2 ^ (v1 << 63) ^ (v1 << 62) ^ (v1 << 57);
    gf_fold = {v3, v2};
  endfunction

  // Second half of a product in GF(2^128).
  function automatic logic [127:0] gf_reduce(input gf_products_t p);
`ifdef VESPER_DPI
    gf_reduce = p;
`else
    logic [63:0] m1, m0;
    m0 = p.mid0 ^ p.hi0 ^ p.lo0;
    m1 = p.mid1 ^ p.hi1 ^ p.lo1;
    gf_reduce = gf_fold(p.hi1[62:0], p.hi0 ^ m1, p.lo1 ^ m0, p.lo0);
`endif
  endfunction

  // Puts a zero after each of the 32 bits.
  function automatic logic [63:0] spread32(input logic [31:0] v);
    logic [63:0] x;
    x = {32'd0, v};
    x = (x | (x << 16)) & 64'h0000ffff0000ffff;
    x = (x | (x << 8)) & 64'h00ff00ff00ff00ff;
    x = (x | (x << 4)) & 64'h0f0f0f0f0f0f0f0f;
    x = (x | (x << 2)) & 64'h3333333333333333;
    x = (x | (x << 1)) & 64'h5555555555555555;
    spread32 = x;
  endfunction

  // Square in GF(2^128): linear, so a few XOR a bit.
  function automatic logic [127:0] gf_square(input logic [127:0] a);
    gf_square = gf_fold(63'(spread32(a[127:96])), spread32(a[95:64]), spread32(a[63:32]), spread32(a[31:0]));
  endfunction

endpackage

`default_nettype wire
