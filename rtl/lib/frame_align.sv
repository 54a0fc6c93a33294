// SPDX-License-Identifier: BSD-2-Clause
//
// Cuts bytes `skip` .. `skip + keep - 1` out of each frame and moves them to the front of the beats.

`default_nettype none

// skip and keep (bytes; skip + keep <= the frame's length) are read with the frame's first beat. The result has
// ceil(keep / 64) beats, zero beyond their bytes; keep = 0 gives one beat with no bytes and `last`, so that an empty
// payload still is a packet. One beat a cycle, frames without a gap between them; a result beat leaves in the cycle
// in which its last byte came in, through one output register. What follows the kept bytes is swallowed.
//
//   s_beat ──┬─► hold ──► funnel ──► zero beyond the end ──► m_beat
//            └──────────────┘
module frame_align
  import vesper_pkg::*;
  import lane_pkg::*;
(
    input  wire          clk,
    input  wire          rst,
    input  wire          s_valid,
    output logic         s_ready,
    input  beat_t        s_beat,
    input  wire   [13:0] s_skip,   // with the first beat
    input  wire   [13:0] s_keep,   // with the first beat
    output logic         m_valid,
    input  wire          m_ready,
    output beat_t        m_beat,   // bytes 0..64
    output logic         idle
);

  // The frame whose beats come in.
  logic first;  // its first beat is next
  logic swallow;  // nothing of it is needed any more
  logic started;  // its first kept byte came in
  logic [7:0] whole;  // whole beats yet to be skipped
  logic [5:0] in_off;
  logic [13:0] in_keep;

  // The frame whose bytes lie in `hold`.
  logic [BEAT_BITS-1:0] hold;
  logic hold_valid;
  logic [5:0] off;  // where the next result beat begins
  logic [13:0] left;  // bytes yet to go out, from `off` on

  wire adv = !m_valid || m_ready;
  wire hold_has_rest = {8'd0, off} + left <= 14'd64;
  wire emit = hold_valid && adv && (off == 6'd0 || hold_has_rest || s_valid);

  wire useful = first ? s_keep == 14'd0 || s_skip[13:6] == 8'd0 : !swallow && whole == 8'd0;
  assign s_ready = useful ? !hold_valid || adv : 1'b1;

  wire opens = first || !started;  // the beat holds its frame's first kept byte
  wire closes = !opens && hold_valid && left <= 14'd64;  // its needed bytes all go out together with those in `hold`
  wire load = s_valid && s_ready && useful && !closes;
  wire [5:0] load_off = !opens ? off : !first ? in_off : s_keep == 14'd0 ? 6'd0 : s_skip[5:0];
  wire [13:0] load_left = !opens ? (hold_valid ? left - 14'd64 : left) : first ? s_keep : in_keep;

  assign idle = first && !hold_valid && !m_valid;

  always_ff @(posedge clk) begin
    if (s_valid && s_ready) begin
      first <= s_beat.last;
      started <= useful || (!first && started);
      if (first) begin
        whole <= s_skip[13:6] - {7'd0, s_skip[13:6] != 8'd0};
        in_off <= s_skip[5:0];
        in_keep <= s_keep;
      end else if (whole != 8'd0) begin
        whole <= whole - 8'd1;
      end
      swallow <= (!first && swallow) || (useful && (closes || {8'd0, load_off} + load_left <= 14'd64));
    end

    if (load) begin
      hold <= s_beat.data;
      off  <= load_off;
      left <= load_left;
    end else if (emit) begin
      // Only with off = 0: the beat went out whole and the next one is not here yet.
      left <= left - 14'd64;
    end
    if (load) hold_valid <= 1'b1;
    else if (emit) hold_valid <= 1'b0;

    if (emit) begin
      m_beat.last  <= left <= 14'd64;
      m_beat.bytes <= left <= 14'd64 ? left[6:0] : 7'd64;
      m_beat.data  <= keep_low(funnel(s_beat.data, hold, off), left <= 14'd64 ? left[6:0] : 7'd64);
    end
    if (emit) m_valid <= 1'b1;
    else if (m_ready) m_valid <= 1'b0;

    if (rst) begin
      first      <= 1'b1;
      swallow    <= 1'b0;
      started    <= 1'b0;
      whole      <= 8'd0;
      hold_valid <= 1'b0;
      m_valid    <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst && s_valid && s_ready && s_beat.last) begin
      assert (useful || (!first && swallow))
      else $error("frame_align: the frame ends before byte %0d", first ? s_skip : {8'd0, in_off});
      assert (!load || {8'd0, load_off} + load_left <= {7'd0, s_beat.bytes} || load_left == 14'd0)
      else $error("frame_align: %0d bytes short", {8'd0, load_off} + load_left - {7'd0, s_beat.bytes});
      assert (!(useful && closes) || {8'd0, off} + left <= 14'd64 + {7'd0, s_beat.bytes})
      else $error("frame_align: %0d bytes short", {8'd0, off} + left - 14'd64 - {7'd0, s_beat.bytes});
    end
`endif

endmodule

`default_nettype wire
