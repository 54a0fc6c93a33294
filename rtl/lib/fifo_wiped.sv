// SPDX-License-Identifier: BSD-2-Clause
//
// A FIFO of few entries for words that hold keys: what leaves is overwritten with zeros, and reset overwrites all.

`default_nettype none

// First word falls through, one word a cycle. Made of registers, since a RAM could not be erased at once.
module fifo_wiped #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4   // entries, a power of two
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              s_valid,
    output logic             s_ready,
    input  wire  [WIDTH-1:0] s_data,
    output logic             m_valid,
    input  wire              m_ready,
    output logic [WIDTH-1:0] m_data
);

  localparam int Bits = $clog2(DEPTH);

  if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $error("fifo_wiped: DEPTH %0d is not a power of two of at least 2", DEPTH);
  end

  logic [WIDTH-1:0] words[DEPTH];
  logic [DEPTH-1:0] used;
  logic [Bits-1:0] head, tail;

  assign s_ready = !used[tail];
  assign m_valid = used[head];
  assign m_data  = words[head];

  always_ff @(posedge clk) begin
    if (s_valid && s_ready) begin
      words[tail] <= s_data;
      used[tail]  <= 1'b1;
      tail        <= tail + 1'b1;
    end
    if (m_valid && m_ready) begin
      words[head] <= '0;
      used[head]  <= 1'b0;
      head        <= head + 1'b1;
    end
    if (rst) begin
      for (int i = 0; i < DEPTH; i++) words[i] <= '0;
      used <= '0;
      head <= '0;
      tail <= '0;
    end
  end

`ifndef SYNTHESIS
`ifndef FORMAL
  always_ff @(posedge clk)
    if (!rst) begin
      assert (used[tail] || words[tail] == '0)
      else $error("fifo_wiped: a free entry is not zero");
    end
`endif
`endif

endmodule

`default_nettype wire
