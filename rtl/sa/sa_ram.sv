// SPDX-License-Identifier: BSD-2-Clause
//
// Memory with one write and one read port, read in the cycle after `re`; a read of the word being written in the
// same cycle returns the old word. No reset of the contents: its owner sweeps it.

`default_nettype none

module sa_ram #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16  // words, a power of two
) (
    input  wire                      clk,
    input  logic                     we,
    input  logic [$clog2(DEPTH)-1:0] waddr,
    input  logic [        WIDTH-1:0] wdata,
    input  logic                     re,
    input  logic [$clog2(DEPTH)-1:0] raddr,
    output logic [        WIDTH-1:0] rdata
);

  if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $error("sa_ram: DEPTH is %0d, not a power of two", DEPTH);
  end

  // Deep ones in block RAM, also where few bits a word would let a tool take LUTs.
  (* ram_style = DEPTH >= 1024 ? "block" : "auto" *)
  logic [WIDTH-1:0] mem[DEPTH];

  always_ff @(posedge clk) begin
    if (we) mem[waddr] <= wdata;
    if (re) rdata <= mem[raddr];
  end

endmodule

`default_nettype wire
