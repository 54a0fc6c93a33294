// SPDX-License-Identifier: BSD-2-Clause
//
// The clock of a block that stands still while the block has nothing to do: for simulation only, where a block that is
// not clocked costs nothing. Cycles and bits are the same, for a block that is idle changes nothing at a clock edge.

`default_nettype none

// With VESPER_CLOCK_GATES `gated` follows clk while `busy` (the block is not idle, or something is offered to it) and some
// cycles longer. Without, as in hardware, it is clk.
module clock_gate (
    input  wire clk,
    input  wire rst,
    input  wire busy,
    output wire gated
);

`ifdef VESPER_CLOCK_GATES

  // What an idle block takes back, a valid that falls behind the last of its frames, is done by then.
  localparam logic [3:0] Linger = 4'd8;

  logic [3:0] left;
  logic open;
  always_ff @(posedge clk) begin
    if (rst || busy) left <= Linger;
    else if (left != 0) left <= left - 4'd1;
  end
  // Decided while clk is low, so that `gated` has whole pulses.
  always_latch if (!clk) open = rst || busy || left != 0;
  assign gated = clk & open;

`else

  assign gated = clk;
  wire unused = &{1'b0, rst, busy};

`endif

endmodule

`default_nettype wire
