// SPDX-License-Identifier: BSD-2-Clause
//
// Between the TX DMA and the pipes: frames that come in pieces, with a checksum to be put in, or to be cut into TCP
// segments. See README.md.
//
//   s ─┬─────────────────────────────────┬─► m
//      └─► tx_cut ─► tx_pack ─► tx_store ┘
//
// All others pass in the same cycle, unless one of the former is still inside: then they follow it through the store,
// so that frames keep their order.

`default_nettype none

module tx_offload
  import vesper_pkg::*;
  import tx_pkg::*;
(
    input  wire             clk,
    input  wire             rst,
    input  wire             s_valid,
    output logic            s_ready,
    input  wire beat_t      s_beat,       // `last`: of the piece
    input  wire meta_t      s_meta,       // counts with the frame's last beat; with a status: it is dropped
    input  wire             s_via,        // the frame needs something
    input  wire tx_job_t    s_job,        // that; without s_via it does not count
    output logic            m_valid,
    input  wire             m_ready,
    output beat_t           m_beat,
    output meta_t           m_meta,
    output logic            err_valid,    // fates of frames that end here
    input  wire             err_ready,
    output verdict_t        err_verdict,
    output logic            idle
);

  // ---- straight on, or in ----
  logic cut_idle, pack_idle, store_idle, in_ready, out_valid;
  beat_t out_beat;
  meta_t out_meta;
  wire occupied = !cut_idle || !pack_idle || !store_idle;
  wire direct = !s_via && !occupied;
  wire in_valid = s_valid && !direct;
  assign s_ready = direct ? m_ready : in_ready;
  assign m_valid = out_valid || (s_valid && direct);
  always_comb begin
    m_beat = s_beat;
    m_meta = s_meta;
    if (occupied) begin
      m_beat = out_beat;
      m_meta = out_meta;
    end
  end

  // ---- the frame ----
  tx_job_t job;
  always_comb begin
    job = '0;
    if (in_valid && s_via) job = s_job;
  end

  logic cut_valid, cut_ready;
  tx_chunk_t cut_chunk;
  meta_t cut_meta;
  tx_job_t cut_job;
  tx_segment_t cut_segment;
  tx_cut u_cut (
      .clk,
      .rst,
      .s_valid(in_valid),
      .s_ready(in_ready),
      .s_beat,
      .s_meta,
      .s_job(job),
      .m_valid(cut_valid),
      .m_ready(cut_ready),
      .m_chunk(cut_chunk),
      .m_meta(cut_meta),
      .m_job(cut_job),
      .m_segment(cut_segment),
      .idle(cut_idle)
  );

  logic pack_valid, pack_ready, pack_drop;
  beat_t pack_beat;
  meta_t pack_meta;
  tx_job_t pack_job;
  tx_segment_t pack_segment;
  tx_pack #(
      .SIDE_W($bits(meta_t) + $bits(tx_job_t) + $bits(tx_segment_t))
  ) u_pack (
      .clk,
      .rst,
      .s_valid(cut_valid),
      .s_ready(cut_ready),
      .s_chunk(cut_chunk),
      .s_side({cut_meta, cut_job, cut_segment}),
      .m_valid(pack_valid),
      .m_ready(pack_ready),
      .m_beat(pack_beat),
      .m_drop(pack_drop),
      .m_side({pack_meta, pack_job, pack_segment}),
      .idle(pack_idle)
  );

  tx_store u_store (
      .clk,
      .rst,
      .s_valid(pack_valid),
      .s_ready(pack_ready),
      .s_beat(pack_beat),
      .s_drop(pack_drop),
      .s_meta(pack_meta),
      .s_job(pack_job),
      .s_segment(pack_segment),
      .m_valid(out_valid),
      .m_ready,
      .m_beat(out_beat),
      .m_meta(out_meta),
      .err_valid,
      .err_ready,
      .err_verdict,
      .idle(store_idle)
  );

  assign idle = !s_valid && !occupied && !err_valid;

`ifndef SYNTHESIS
  logic midway, was_direct;  // inside a frame
  always_ff @(posedge clk) begin
    if (rst) midway <= 1'b0;
    else if (s_valid && s_ready) midway <= !s_beat.last || (s_via && s_job.more);
    if (s_valid && s_ready) was_direct <= direct;
    if (!rst && s_valid) begin
      assert (!midway || direct == was_direct)
      else $error("tx_offload: a frame changed its way");
    end
  end
`endif

endmodule

`default_nettype wire
