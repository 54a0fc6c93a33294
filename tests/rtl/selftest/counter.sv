// SPDX-License-Identifier: BSD-2-Clause
//
// An up-counter: what the test of the test runner runs on.

`default_nettype none

module counter #(
    parameter int WIDTH = 4
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              enable,
    output logic [WIDTH-1:0] count
);

  if (WIDTH < 1) begin : g_width
    $fatal(1, "WIDTH is %0d, must be at least 1", WIDTH);
  end

  always_ff @(posedge clk) begin
    if (rst) count <= '0;
    else if (enable) count <= count + 1'b1;
  end

  assert property (@(posedge clk) !(rst && enable));

endmodule

`default_nettype wire
