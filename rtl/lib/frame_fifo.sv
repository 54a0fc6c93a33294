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
  // The last beat may come in just now: those before it can be read already.
  wire whole = rd != wr_done || (commit && rd != wr);
  wire fetch = whole && (!m_valid || m_ready);

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

`ifdef FORMAL_FRAME_FIFO
  // One beat, picked at any time, is followed through the buffer.
  typedef enum logic [1:0] {
    FNone,
    FOpen,   // its frame is not complete
    FWhole,  // its frame will leave
    FOut     // in the output register
  } f_where_e;
  logic f_pick;
  f_where_e f_where;
  logic [AW:0] f_at, f_moved;
  beat_t f_beat;
  logic [7:0] f_pushed, f_popped, f_mine;  // metas so far; the number of the beat's frame
  wire f_dropped = s_valid && s_beat.last && s_drop;
  initial f_where = FNone;
  always_ff @(posedge clk) begin
    unique case (f_where)
      FNone:
      if (f_pick && take && !f_dropped) begin
        f_where <= commit ? FWhole : FOpen;
        f_at <= wr;
        f_beat <= s_beat;
        f_mine <= f_pushed;
      end
      FOpen:
      if (f_dropped) f_where <= FNone;
      else if (commit) f_where <= fetch && rd == f_at ? FOut : FWhole;
      FWhole: if (fetch && rd == f_at) f_where <= FOut;
      FOut: if (m_ready) f_where <= FNone;
    endcase
    f_moved <= f_moved + (commit ? wr + 1'b1 - wr_done : '0) - (AW + 1)'(m_valid && m_ready);
    f_pushed <= f_pushed + 8'(commit);
    f_popped <= f_popped + 8'(m_valid && m_ready && m_beat.last);
    if (rst) begin
      f_where <= FNone;
      f_moved <= '0;
      f_pushed <= '0;
      f_popped <= '0;
    end
  end

  // Ends of frames among the first n beats to be read.
  function automatic logic [AW:0] f_ends(input logic [AW:0] n);
    f_ends = '0;
    for (int i = 0; i < BEATS; i++) if ((AW + 1)'(i) < n && mem[AW'(rd+(AW+1)'(i))].last) f_ends = f_ends + 1'b1;
  endfunction
  wire [AW:0] f_whole = wr_done - rd;
  wire [AW:0] f_held = wr - rd;
  wire f_end_out = m_valid && m_beat.last;
  wire [AW:0] f_turn = f_ends(f_at - rd) + (AW + 1)'(f_end_out);

  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      // F1: a beat of a frame that was not dropped leaves unchanged, beside the meta given with its last beat: as
      // many metas left before as there were whole frames before (the queue of metas has a proof of its own).
      if (f_where == FOut) assert (m_valid && m_beat == f_beat && f_mine == f_popped);
      // F2: until then it stands where it was written; a frame that is not complete is beyond what may leave.
      if (f_where == FWhole) assert (f_at - rd < f_whole && mem[f_at[AW-1:0]] == f_beat);
      if (f_where == FOpen) assert (f_at - wr_done < wr - wr_done && mem[f_at[AW-1:0]] == f_beat && !f_beat.last);
      // F3: no beat is invented, lost or doubled: those of whole frames less those that left are there.
      assert (f_moved == f_whole + (AW + 1)'(m_valid));
      // F4: it waits for room only if there is none.
      assert (s_ready || f_held == (AW + 1)'(BEATS) || 32'(frames) == FRAMES);
      // F5: the metas are those of the frames that are whole, in their order.
      assert ((AW + 1)'(frames) == f_ends(f_whole) + (AW + 1)'(f_end_out));
      assert (f_pushed - f_popped == 8'(frames) && 32'(frames) <= FRAMES);
      if (f_where == FOpen) assert (f_mine == f_pushed);
      if (f_where == FWhole) assert (f_mine - f_popped == 8'(f_turn));
      // F6: what may leave ends with the end of a frame, and nothing after it does.
      assert (f_whole <= f_held);
      assert (f_whole == 0 ? (!m_valid || m_beat.last) : mem[AW'(wr_done-1'b1)].last);
      assert (f_ends(f_held) == f_ends(f_whole));
    end
`endif

endmodule

`default_nettype wire
