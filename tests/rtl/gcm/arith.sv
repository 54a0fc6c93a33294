// SPDX-License-Identifier: BSD-2-Clause
//
// The functions of aes_pkg and gcm_pkg as ports, both forms of each where there are two.

`default_nettype none

// Combinational; a and b are elements in GHASH's order, rk a word.
module arith
  import aes_pkg::*;
  import gcm_pkg::*;
(
    input wire [127:0] a,
    input wire [127:0] b,
    output logic [63:0] clmul_logic,
    output logic [63:0] clmul_integer,
    output logic [31:0] round_logic,
    output logic [31:0] round_table,
    output logic [127:0] product,
    output logic [127:0] square,
    output logic [127:0] swapped
);

  assign clmul_logic = clmul32_logic(a[31:0], b[31:0]);
  assign clmul_integer = clmul32_integer(a[31:0], b[31:0]);
  assign round_logic = round_word_logic(a[7:0], a[15:8], a[23:16], a[31:24], b[31:0]);
  assign round_table = round_word_table(a[7:0], a[15:8], a[23:16], a[31:24], b[31:0]);
  assign product = gf_reduce(gf_products(a, b));
  assign square = gf_square(a);
  assign swapped = ghash_order(a);

endmodule

`default_nettype wire
