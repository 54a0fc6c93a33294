// SPDX-License-Identifier: BSD-2-Clause
//
// Frames from the MAC (AXI4-Stream, 64 bytes a beat, no FCS) into the card.
//
// A MAC cannot wait, so tready is always high. A frame is stored whole before it goes on, and dropped with its
// reason if it is too short, too long, marked bad by the MAC (tuser with tlast) or cut up by it (tkeep), if it is for
// somebody else, if the buffer is full, or if the host has not opened reception. One verdict pulse a dropped frame; a frame that goes on is counted where it ends.

`default_nettype none

module wire_rx
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import rx_pkg::*;
#(
    parameter int BEATS = 512  // buffer, in beats; at least three frames of FRAME_MAX
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              enable,           // else every frame is dropped as NOT_READY
    input  wire rx_filter_t  filter,
    input  wire      [511:0] s_axis_tdata,
    input  wire      [ 63:0] s_axis_tkeep,     // contiguous from bit 0; full unless tlast; else the frame is bad
    input  wire              s_axis_tvalid,
    output logic             s_axis_tready,
    input  wire              s_axis_tlast,
    input  wire              s_axis_tuser,
    output logic             m_valid,
    input  wire              m_ready,
    output beat_t            m_beat,
    output meta_t            m_meta,
    output logic             drop_valid,       // pulse
    output verdict_t         drop_verdict,
    output logic             idle
);

  if (64 * BEATS < 3 * FRAME_MAX) begin : g_small
    $error("wire_rx: %0d beats hold less than three frames", BEATS);
  end

  logic         in_frame;  // beats of the frame at hand were seen
  logic [ 14:0] seen;      // bytes before this beat; stays at FRAME_MAX once beyond it
  logic         lost;      // the buffer was full for one of its beats
  logic         broken;    // one of its beats had holes
  logic         stranger;  // its destination is none of ours
  logic         fifo_ready;
  logic         fifo_idle;
  logic [  6:0] bytes;
  logic [511:0] mask;
  logic [  7:0] status;
  meta_t        meta;

  // What a beat adds is known by its tkeep; only the last may be short.
  always_comb begin
    bytes = 7'd64;
    mask  = '1;
    if (s_axis_tvalid && !s_axis_tkeep[63]) begin
      bytes = 7'($countones(s_axis_tkeep));
      for (int i = 0; i < 64; i++) mask[8*i+:8] = {8{s_axis_tkeep[i]}};
    end
  end

  wire [14:0] total = seen + 15'(bytes);
  wire        take = s_axis_tvalid;
  wire        oversize = total > 15'(FRAME_MAX);
  wire        full = lost || !fifo_ready;
  // Beats that the pipe cannot carry: empty, with holes, or short in the middle of a frame.
  wire        hole = !s_axis_tkeep[0] || (s_axis_tkeep & (s_axis_tkeep + 64'd1)) != '0 ||
      (!s_axis_tlast && !s_axis_tkeep[63]);

  // The destination stands in the first beat.
  logic unwanted;
  always_comb begin
    unwanted = stranger;
    if (take && !in_frame) unwanted = !rx_wanted(filter, s_axis_tdata[47:0]);
  end

  always_comb begin
    status = ST_OK;
    if (!enable) status = ST_NOT_READY;
    else if (s_axis_tuser || hole || broken) status = ST_WIRE_ERROR;
    else if (total < 15'(FRAME_MIN)) status = ST_RUNT;
    else if (oversize) status = ST_OVERSIZE;
    else if (unwanted) status = ST_FILTERED;
    else if (full) status = ST_WIRE_OVERFLOW;
  end

  always_comb begin
    meta     = '0;
    meta.len = {1'b0, total};
  end

  assign s_axis_tready = 1'b1;
  assign idle          = !in_frame && fifo_idle;
  assign drop_valid    = take && s_axis_tlast && status != ST_OK;

  always_comb begin
    drop_verdict        = '0;
    drop_verdict.status = status;
  end

  frame_fifo #(
      .BEATS(BEATS)
  ) buffer (
      .clk,
      .rst,
      // Beats beyond the limit, or for somebody else, need no room: the frame is dropped anyway.
      .s_valid(take && (s_axis_tlast || (!oversize && !lost && !unwanted))),
      .s_ready(fifo_ready),
      .s_beat('{last: s_axis_tlast, bytes: bytes, data: s_axis_tdata & mask}),
      .s_meta(meta),
      .s_drop(status != ST_OK),
      .m_valid,
      .m_ready,
      .m_beat,
      .m_meta,
      .idle(fifo_idle)
  );

  always_ff @(posedge clk) begin
    if (take) begin
      in_frame <= !s_axis_tlast;
      seen     <= s_axis_tlast ? '0 : oversize ? 15'(FRAME_MAX) : total;
      lost     <= !s_axis_tlast && full;
      broken   <= !s_axis_tlast && (hole || broken);
      stranger <= unwanted;
    end
    if (rst) begin
      in_frame <= 1'b0;
      seen     <= '0;
      lost     <= 1'b0;
      broken   <= 1'b0;
    end
  end

endmodule

`default_nettype wire
