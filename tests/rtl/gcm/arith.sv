// SPDX-License-Identifier: BSD-2-Clause
//
// The functions of aes_pkg and gcm_pkg as ports, both forms of each where there are two.

`default_nettype none

// Combinational; a and b are elements in GHASH's order, words and key of AES, or a state of its key
// schedule; bit s of key_steps_agree tells of step s.
module arith
  import aes_pkg::*;
  import gcm_pkg::*;
(
    input wire [127:0] a,
    input wire [127:0] b,
    input wire [1:0] key_len,
    output logic [ROUNDS_MAX-1:0] key_steps_agree,
    output logic [63:0] clmul,
    output logic [31:0] round_logic,
    output logic [31:0] round_table,
    output logic [127:0] product,
    output logic [127:0] product_logic,
    output logic [127:0] square,
    output logic [127:0] swapped
);

  for (genvar s = 0; s < ROUNDS_MAX; s++) begin : g_key
    key_state_t by_function, by_logic;
    wire [31:0] word = key_sub_input({a, b}, key_len, s);
    wire [31:0] sub;
    aes_sub_word u_sub (
        .i_word(word),
        .o_word(sub)
    );
    aes_key_step #(
        .STAGE(s),
        .LOGIC(1'b0)
    ) u_function (
        .i_valid(1'b1),
        .i_len(key_len),
        .i_key({a, b}),
        .i_sub(sub_word(word)),
        .o_key(by_function)
    );
    aes_key_step #(
        .STAGE(s),
        .LOGIC(1'b1)
    ) u_logic (
        .i_valid(1'b1),
        .i_len(key_len),
        .i_key({a, b}),
        .i_sub(sub),
        .o_key(by_logic)
    );
    assign key_steps_agree[s] = by_function == by_logic;
  end

  assign clmul = clmul32(a[31:0], b[31:0]);
  wire [31:0] substituted;
  aes_sub_word u_sub (
      .i_word(a[31:0]),
      .o_word(substituted)
  );
  assign round_logic = mix_column(substituted) ^ b[31:0];
  assign round_table = round_word(a[31:0], b[31:0]);
  gf_products_t parts, parts_logic;
  gf_product #(
      .LOGIC(1'b0)
  ) u_product (
      .clk(1'b0),
      .rst(1'b0),
      .i_valid(1'b1),
      .i_a(a),
      .i_b(b),
      .o_parts(parts)
  );
  gf_product #(
      .LOGIC(1'b1)
  ) u_product_logic (
      .clk(1'b0),
      .rst(1'b0),
      .i_valid(1'b1),
      .i_a(a),
      .i_b(b),
      .o_parts(parts_logic)
  );
  assign product = gf_reduce(parts);
  assign product_logic = gf_reduce(parts_logic);
  assign square = gf_square(a);
  assign swapped = ghash_order(a);

endmodule

`default_nettype wire
