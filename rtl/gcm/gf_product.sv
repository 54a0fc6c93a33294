// SPDX-License-Identifier: BSD-2-Clause
//
// First half of a product in GF(2^128): three carry-less products of 64 x 64 bits.

`default_nettype none

// Operands in GHASH's order (see gcm_pkg). With CYCLES = 1 combinational, and o_parts means something only while
// i_valid; with 2, in logic only, o_parts belongs to the operands of the last cycle with i_valid.
module gf_product
  import gcm_pkg::*;
#(
    parameter bit LOGIC = !Sparing,  // as logic, not by integer products
    parameter int unsigned CYCLES = 1
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire [127:0] i_a,
    input wire [127:0] i_b,
    output gf_products_t o_parts
);

  if (!LOGIC && CYCLES != 1) begin : g_check_cycles
    $error("gf_product: CYCLES is %0d, must be 1 unless LOGIC", CYCLES);
  end

  if (!LOGIC) begin : g_function
    wire unused = &{1'b0, clk, rst};

    always_comb begin
      o_parts = '0;
      if (i_valid) o_parts = gf_products(i_a, i_b);
    end
  end else begin : g_logic
    wire [126:0] hi, mid, lo;

    clmul #(
        .WIDTH (64),
        .CYCLES(CYCLES)
    ) u_hi (
        .clk,
        .rst,
        .i_valid,
        .a(i_a[127:64]),
        .b(i_b[127:64]),
        .y(hi)
    );
    clmul #(
        .WIDTH (64),
        .CYCLES(CYCLES)
    ) u_mid (
        .clk,
        .rst,
        .i_valid,
        .a(i_a[127:64] ^ i_a[63:0]),
        .b(i_b[127:64] ^ i_b[63:0]),
        .y(mid)
    );
    clmul #(
        .WIDTH (64),
        .CYCLES(CYCLES)
    ) u_lo (
        .clk,
        .rst,
        .i_valid,
        .a(i_a[63:0]),
        .b(i_b[63:0]),
        .y(lo)
    );

    assign o_parts = {1'b0, hi, 1'b0, mid, 1'b0, lo};
  end

endmodule

`default_nettype wire
