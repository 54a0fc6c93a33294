// SPDX-License-Identifier: BSD-2-Clause
//
// Carry-less product of two words, as logic: Karatsuba down to 16 bits.

`default_nettype none

// WIDTH is 16, 32 or 64. With CYCLES = 1 combinational; with 2 the products of 16 bits are registered, while
// i_valid, and y is what a and b were a cycle ago.
module clmul #(
    parameter int unsigned WIDTH  = 64,
    parameter int unsigned CYCLES = 1
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire [WIDTH-1:0] a,
    input wire [WIDTH-1:0] b,
    output wire [2*WIDTH-2:0] y
);

  if (CYCLES != 1 && CYCLES != 2) begin : g_check_cycles
    $error("clmul: CYCLES is %0d, must be 1 or 2", CYCLES);
  end

  if (WIDTH <= 16) begin : g_base
    wire [2*WIDTH-2:0] sum;

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
          .y(sum[k])
      );
    end

    if (CYCLES == 2) begin : g_register
      logic [2*WIDTH-2:0] held;
      assign y = held;
      always_ff @(posedge clk) begin
        if (i_valid) held <= sum;
        if (rst) held <= '0;
      end
    end else begin : g_through
      assign y = sum;
      wire unused = &{1'b0, clk, rst, i_valid};
    end
  end else begin : g_karatsuba
    localparam int unsigned H = WIDTH / 2;
    wire [2*H-2:0] lo, hi, both, middle;

    clmul #(
        .WIDTH (H),
        .CYCLES(CYCLES)
    ) u_lo (
        .clk,
        .rst,
        .i_valid,
        .a(a[H-1:0]),
        .b(b[H-1:0]),
        .y(lo)
    );
    clmul #(
        .WIDTH (H),
        .CYCLES(CYCLES)
    ) u_hi (
        .clk,
        .rst,
        .i_valid,
        .a(a[WIDTH-1:H]),
        .b(b[WIDTH-1:H]),
        .y(hi)
    );
    clmul #(
        .WIDTH (H),
        .CYCLES(CYCLES)
    ) u_both (
        .clk,
        .rst,
        .i_valid,
        .a(a[WIDTH-1:H] ^ a[H-1:0]),
        .b(b[WIDTH-1:H] ^ b[H-1:0]),
        .y(both)
    );

    assign middle = both ^ lo ^ hi;
    assign y = (2 * WIDTH - 1)'(lo) ^ ((2 * WIDTH - 1)'(middle) << H) ^ ((2 * WIDTH - 1)'(hi) << WIDTH);
  end

endmodule

`default_nettype wire
