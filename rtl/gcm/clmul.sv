// SPDX-License-Identifier: BSD-2-Clause
//
// Carry-less product of two words, as logic: Karatsuba down to 16 bits.

`default_nettype none

// Combinational; WIDTH is 16, 32 or 64.
module clmul #(
    parameter int unsigned WIDTH = 64
) (
    input wire [WIDTH-1:0] a,
    input wire [WIDTH-1:0] b,
    output wire [2*WIDTH-2:0] y
);

  if (WIDTH <= 16) begin : g_base
    for (genvar k = 0; k < 2 * WIDTH - 1; k++) begin : g_bit
      // the pairs of bits whose places add up to k
      localparam int unsigned Low = k < WIDTH ? 0 : k - WIDTH + 1;
      localparam int unsigned M = k < WIDTH ? k + 1 : 2 * WIDTH - 1 - k;
      wire [M-1:0] x, z;
      for (genvar i = 0; i < M; i++) begin : g_pair
        assign x[i] = a[Low+i];
        assign z[i] = b[k-Low-i];
      end
      xor_of_products #(
          .M(M)
      ) u_sum (
          .a(x),
          .b(z),
          .y(y[k])
      );
    end
  end else begin : g_karatsuba
    localparam int unsigned H = WIDTH / 2;
    wire [2*H-2:0] lo, hi, both, middle;

    clmul #(
        .WIDTH(H)
    ) u_lo (
        .a(a[H-1:0]),
        .b(b[H-1:0]),
        .y(lo)
    );
    clmul #(
        .WIDTH(H)
    ) u_hi (
        .a(a[WIDTH-1:H]),
        .b(b[WIDTH-1:H]),
        .y(hi)
    );
    clmul #(
        .WIDTH(H)
    ) u_both (
        .a(a[WIDTH-1:H] ^ a[H-1:0]),
        .b(b[WIDTH-1:H] ^ b[H-1:0]),
        .y(both)
    );

    assign middle = both ^ lo ^ hi;
    assign y = (2 * WIDTH - 1)'(lo) ^ ((2 * WIDTH - 1)'(middle) << H) ^ ((2 * WIDTH - 1)'(hi) << WIDTH);
  end

endmodule

`default_nettype wire
