// SPDX-License-Identifier: BSD-2-Clause
//
// Synchronous FIFO of up to a few dozen entries, first word falls through.
//
// One word a cycle in and out, also when full words leave while others enter. The memory is read without a clock,
// so it becomes distributed RAM; for deep buffers of frames see frame_fifo.

`default_nettype none

module fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4    // entries, a power of two
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         s_valid,
    output logic                        s_ready,
    input  wire  [           WIDTH-1:0] s_data,
    output logic                        m_valid,
    input  wire                         m_ready,
    output logic [           WIDTH-1:0] m_data,
    output logic [$clog2(DEPTH + 1)-1:0] count    // words held now
);

  localparam int AW = $clog2(DEPTH);

  if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $error("fifo: DEPTH %0d is not a power of two of at least 2", DEPTH);
  end

  logic [WIDTH-1:0] mem[DEPTH];
  logic [AW-1:0] head, tail;

  assign s_ready = count != DEPTH[$bits(count)-1:0];
  assign m_valid = count != 0;
  assign m_data  = mem[head];

  always_ff @(posedge clk) begin
    if (s_valid && s_ready) begin
      mem[tail] <= s_data;
      tail      <= tail + 1'b1;
    end
    if (m_valid && m_ready) head <= head + 1'b1;
    count <= count + $bits(count)'(s_valid && s_ready) - $bits(count)'(m_valid && m_ready);
    if (rst) begin
      head  <= '0;
      tail  <= '0;
      count <= '0;
    end
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      assert (count <= DEPTH[$bits(count)-1:0])
      else $error("fifo: %0d words in %0d places", count, DEPTH);
      assert (head + count[AW-1:0] == tail)
      else $error("fifo: pointers and count disagree");
    end
`endif

`ifdef FORMAL_FIFO
  // One word, picked at any time, is followed through the queue.
  logic f_pick, f_held;
  logic [$bits(count)-1:0] f_ahead, f_moved;
  logic [WIDTH-1:0] f_word;
  initial f_held = 1'b0;
  always_ff @(posedge clk) begin
    if (!f_held && f_pick && s_valid && s_ready) begin
      f_held  <= 1'b1;
      f_word  <= s_data;
      f_ahead <= count - $bits(count)'(m_valid && m_ready);
    end else if (f_held && m_valid && m_ready) begin
      f_held  <= f_ahead != 0;
      f_ahead <= f_ahead - 1'b1;
    end
    f_moved <= f_moved + $bits(count)'(s_valid && s_ready) - $bits(count)'(m_valid && m_ready);
    if (rst) begin
      f_held  <= 1'b0;
      f_moved <= '0;
    end
    if (was_reset && !rst) begin
      // F1: the word that entered after n others leaves, unchanged, after exactly those n.
      if (f_held && f_ahead == 0) assert (m_valid && m_data == f_word);
      // F2: until then it is held, at its place.
      if (f_held) assert (f_ahead < count && mem[AW'(head+f_ahead[AW-1:0])] == f_word);
      // F3: no word is invented or lost: what went in less what went out is what is there.
      assert (f_moved == count);
      // F4: words are refused only when it is full and missing only when it is empty.
      assert (s_ready == (count < DEPTH[$bits(count)-1:0]) && m_valid == (count != 0));
    end
  end
`endif

endmodule

`default_nettype wire
