// SPDX-License-Identifier: BSD-2-Clause
//
// A register stage of a stream: one cycle, full rate, and no path from m_ready to s_ready. While the sink waits, the word
// that was under way stands in a second register.

`default_nettype none

module skid_buffer #(
    parameter int WIDTH = 8
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              s_valid,
    output logic             s_ready,  // a register
    input  wire  [WIDTH-1:0] s_data,
    output logic             m_valid,
    input  wire              m_ready,
    output logic [WIDTH-1:0] m_data
);

  logic full;  // `kept` holds a word
  logic [WIDTH-1:0] kept;
  assign s_ready = !full;

  wire free = !m_valid || m_ready;
  always_ff @(posedge clk) begin
    if (free) begin
      m_valid <= s_valid || full;
      full <= 1'b0;
      if (full) m_data <= kept;
      else if (s_valid) m_data <= s_data;
    end else if (s_valid && !full) begin
      full <= 1'b1;
      kept <= s_data;
    end
    if (rst) begin
      m_valid <= 1'b0;
      full <= 1'b0;
    end
  end

`ifdef FORMAL_SKID_BUFFER
  // One word, picked at any time, is followed through the stage.
  logic was_reset, f_pick, f_held, f_wait;
  logic [1:0] f_ahead, f_count;
  logic [WIDTH-1:0] f_word, f_shown;
  initial {was_reset, f_held, f_wait} = '0;
  always_ff @(posedge clk) begin
    if (rst) was_reset <= 1'b1;
    f_count <= f_count + 2'(s_valid && s_ready) - 2'(m_valid && m_ready);
    f_wait <= m_valid && !m_ready && !rst;
    f_shown <= m_data;
    if (!f_held && f_pick && s_valid && s_ready) begin
      f_held  <= 1'b1;
      f_word  <= s_data;
      f_ahead <= f_count - 2'(m_valid && m_ready);
    end else if (f_held && m_valid && m_ready) begin
      f_held  <= f_ahead != 0;
      f_ahead <= f_ahead - 1'b1;
    end
    if (rst) begin
      f_held  <= 1'b0;
      f_count <= '0;
    end
    if (was_reset && !rst) begin
      // F1: the word that entered after n others leaves, unchanged, after exactly those n.
      if (f_held && f_ahead == 0) assert (m_valid && m_data == f_word);
      if (f_held && f_ahead == 1) assert (full && kept == f_word);
      if (f_held) assert (f_ahead < f_count);
      // F2: no word is invented or lost.
      assert (f_count == 2'(m_valid) + 2'(full) && (m_valid || !full));
      // F3: what is offered stays while the sink waits.
      if (f_wait) assert (m_valid && m_data == f_shown);
    end
  end
`endif

endmodule

`default_nettype wire
