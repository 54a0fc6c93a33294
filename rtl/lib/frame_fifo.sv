// SPDX-License-Identifier: BSD-2-Clause
//
// Store-and-forward buffer of frames: a frame leaves only after its last beat came in, and not at all if that beat
// carried `s_drop`. Beats lie in block RAM (clocked read), one meta_t a frame in a small FIFO.
//
//   s_beat ──► RAM ──────────────► output register ──► m_beat
//   s_meta (with the last beat) ──► FIFO ────────────► m_meta
//
// `s_meta` is taken with the last beat, because the length is known only then. `s_ready` falls when the RAM or the
// FIFO is full; a source that cannot wait then sets s_drop on the last beat, for which there is always room: a last
// beat with s_drop is accepted even while s_ready is low.

`default_nettype none

module frame_fifo
  import vesper_pkg::*;
#(
    parameter int BEATS  = 512,  // RAM size in beats, a power of two
    parameter int FRAMES = 64    // frames held at most, a power of two
) (
    input  wire   clk,
    input  wire   rst,
    input  wire   s_valid,
    output logic  s_ready,
    input  beat_t s_beat,
    input  meta_t s_meta,
    input  wire   s_drop,
    output logic  m_valid,
    input  wire   m_ready,
    output beat_t m_beat,
    output meta_t m_meta,
    output logic  idle
);

  localparam int AW = $clog2(BEATS);

  if ((BEATS & (BEATS - 1)) != 0) begin : g_bad_beats
    $error("frame_fifo: BEATS %0d is not a power of two", BEATS);
  end

  beat_t mem[BEATS];
  logic [AW:0] wr, wr_done, rd;  // one bit more than an address: full and empty differ
  logic meta_ready, meta_valid;
  logic [$clog2(FRAMES+1)-1:0] frames;

  wire full = wr[AW-1:0] == rd[AW-1:0] && wr[AW] != rd[AW];
  wire take = s_valid && s_ready;
  wire commit = take && s_beat.last && !s_drop;
  wire fetch = rd != wr_done && (!m_valid || m_ready);

  assign s_ready = !full && meta_ready;
  assign idle = rd == wr_done && wr == wr_done && !m_valid;

  fifo #(
      .WIDTH($bits(meta_t)),
      .DEPTH(FRAMES)
  ) meta_fifo (
      .clk,
      .rst,
      .s_valid(commit),
      .s_ready(meta_ready),
      .s_data(s_meta),
      .m_valid(meta_valid),
      .m_ready(m_valid && m_ready && m_beat.last),
      .m_data(m_meta),
      .count(frames)
  );

  always_ff @(posedge clk) begin
    if (take) mem[wr[AW-1:0]] <= s_beat;
    if (fetch) m_beat <= mem[rd[AW-1:0]];
  end

  always_ff @(posedge clk) begin
    if (s_valid && s_beat.last && s_drop) wr <= wr_done;
    else if (take) wr <= wr + 1'b1;
    if (commit) wr_done <= wr + 1'b1;
    if (fetch) rd <= rd + 1'b1;
    if (fetch) m_valid <= 1'b1;
    else if (m_ready) m_valid <= 1'b0;
    if (rst) begin
      wr      <= '0;
      wr_done <= '0;
      rd      <= '0;
      m_valid <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      assert (!m_valid || meta_valid)
      else $error("frame_fifo: a beat without its meta");
      assert (wr - rd <= (AW + 1)'(BEATS))
      else $error("frame_fifo: more beats than places");
      assert (meta_valid == (frames != 0));
    end
`endif

endmodule

`default_nettype wire
