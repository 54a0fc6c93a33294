// SPDX-License-Identifier: BSD-2-Clause
//
// XOR of M one-bit products, for a Xilinx FPGA in its six-input look-up tables.

`default_nettype none

// Combinational: y = a[0] & b[0] ^ ... ^ a[M-1] & b[M-1]. With VESPER_LUT6 a table takes three
// products, or two and two of the results before it, which makes ceil((2 M - 1) / 5) tables, as few as
// there can be; left to itself Yosys takes half as many again.
module xor_of_products #(
    parameter int unsigned M = 16
) (
    input wire [M-1:0] a,
    input wire [M-1:0] b,
    output wire y
);

`ifdef VESPER_LUT6

  if (M < 3) begin : g_small
    // goes into the table of whoever reads it
    assign y = ^(a & b);
  end else begin : g_tables
    localparam logic [63:0] Three = 64'h8777_7888_7888_7888;  // I0 I1 ^ I2 I3 ^ I4 I5
    localparam logic [63:0] Two = 64'h7888_8777_8777_7888;  // I0 I1 ^ I2 I3 ^ I4 ^ I5
    // after the first three products five a step, of which three have a table of their own
    localparam int unsigned Steps = (M - 3 + 4) / 5;

    wire [Steps:0] sum;
    wire [5*Steps+2:0] x = (5 * Steps + 3)'(a);
    wire [5*Steps+2:0] z = (5 * Steps + 3)'(b);

    LUT6 #(
        .INIT(Three)
    ) u_first (
        .O (sum[0]),
        .I0(x[0]),
        .I1(z[0]),
        .I2(x[1]),
        .I3(z[1]),
        .I4(x[2]),
        .I5(z[2])
    );

    for (genvar s = 0; s < Steps; s++) begin : g_step
      localparam int unsigned At = 3 + 5 * s;
      wire more;

      if (M > At + 2) begin : g_more
        LUT6 #(
            .INIT(Three)
        ) u_three (
            .O (more),
            .I0(x[At+2]),
            .I1(z[At+2]),
            .I2(x[At+3]),
            .I3(z[At+3]),
            .I4(x[At+4]),
            .I5(z[At+4])
        );
      end else begin : g_no_more
        assign more = 1'b0;
      end

      LUT6 #(
          .INIT(Two)
      ) u_two (
          .O (sum[s+1]),
          .I0(x[At]),
          .I1(z[At]),
          .I2(x[At+1]),
          .I3(z[At+1]),
          .I4(sum[s]),
          .I5(more)
      );
    end

    assign y = sum[Steps];
  end

`else

  assign y = ^(a & b);

`endif

endmodule

`default_nettype wire
