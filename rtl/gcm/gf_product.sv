// SPDX-License-Identifier: BSD-2-Clause
//
// First half of a product in GF(2^128): three carry-less products of 64 x 64 bits.

`default_nettype none

// Combinational; operands in GHASH's order (see gcm_pkg). o_parts means something only while i_valid.
module gf_product
  import gcm_pkg::*;
#(
    parameter bit LOGIC = !Sparing  // as logic, not by integer products
) (
    input wire i_valid,
    input wire [127:0] i_a,
    input wire [127:0] i_b,
    output gf_products_t o_parts
);

  if (!LOGIC) begin : g_function
    always_comb begin
      o_parts = '0;
      if (i_valid) o_parts = gf_products(i_a, i_b);
    end
  end else begin : g_logic
    wire [126:0] hi, mid, lo;

    clmul #(
        .WIDTH(64)
    ) u_hi (
        .a(i_a[127:64]),
        .b(i_b[127:64]),
        .y(hi)
    );
    clmul #(
        .WIDTH(64)
    ) u_mid (
        .a(i_a[127:64] ^ i_a[63:0]),
        .b(i_b[127:64] ^ i_b[63:0]),
        .y(mid)
    );
    clmul #(
        .WIDTH(64)
    ) u_lo (
        .a(i_a[63:0]),
        .b(i_b[63:0]),
        .y(lo)
    );

    assign o_parts = {1'b0, hi, 1'b0, mid, 1'b0, lo};

    wire unused = &{1'b0, i_valid};
  end

endmodule

`default_nettype wire
