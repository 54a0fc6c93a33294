// SPDX-License-Identifier: BSD-2-Clause
//
// First half of a product in GF(2^128): three carry-less products of 64 x 64 bits.

`default_nettype none

// Operands in GHASH's order (see gcm_pkg). With CYCLES = 1 combinational, and o_parts means something only while
// i_valid; with 2, in logic only, o_parts belongs to the operands of the last cycle with i_valid. With 3 the operands, and
// the sums of their halves, are registered first: for those that come from afar.
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
`ifdef VESPER_DPI
  if (LOGIC) begin : g_check_form
    $error("gf_product: VESPER_DPI has another first half than LOGIC");
  end
`endif
  if (CYCLES < 1 || CYCLES > 3) begin : g_check_range
    $error("gf_product: CYCLES is %0d, must be 1, 2 or 3", CYCLES);
  end

  if (!LOGIC) begin : g_function
    wire unused = &{1'b0, clk, rst};

    always_comb begin
      o_parts = '0;
      if (i_valid) o_parts = gf_products(i_a, i_b);
    end
  end else begin : g_logic
    wire [126:0] hi, mid, lo;
    // of each operand the upper half, both halves' sum, the lower half
    wire [2:0][63:0] a = {i_a[127:64], i_a[127:64] ^ i_a[63:0], i_a[63:0]};
    wire [2:0][63:0] b = {i_b[127:64], i_b[127:64] ^ i_b[63:0], i_b[63:0]};
    logic [2:0][63:0] x, z;
    logic valid;

    if (CYCLES == 3) begin : g_operands
      always_ff @(posedge clk) begin
        valid <= i_valid && !rst;
        if (i_valid) begin
          x <= a;
          z <= b;
        end
        if (rst) begin
          x <= '0;
          z <= '0;
        end
      end
    end else begin : g_no_operands
      assign x = a;
      assign z = b;
      assign valid = i_valid;
    end

    clmul #(
        .WIDTH (64),
        .CYCLES(CYCLES == 1 ? 1 : 2)
    ) u_hi (
        .clk,
        .rst,
        .i_valid(valid),
        .a(x[2]),
        .b(z[2]),
        .y(hi)
    );
    clmul #(
        .WIDTH (64),
        .CYCLES(CYCLES == 1 ? 1 : 2)
    ) u_mid (
        .clk,
        .rst,
        .i_valid(valid),
        .a(x[1]),
        .b(z[1]),
        .y(mid)
    );
    clmul #(
        .WIDTH (64),
        .CYCLES(CYCLES == 1 ? 1 : 2)
    ) u_lo (
        .clk,
        .rst,
        .i_valid(valid),
        .a(x[0]),
        .b(z[0]),
        .y(lo)
    );

    assign o_parts = {1'b0, hi, 1'b0, mid, 1'b0, lo};
  end

endmodule

`default_nettype wire
