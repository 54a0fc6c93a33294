// SPDX-License-Identifier: BSD-2-Clause
//
// The host side of the data path: rings, frames to and from host memory, completions, interrupts. See README.md.
//
//   rings ─► dma_desc_fetch ─► dma_tx ─► tx_offload ─► tx (pipes)   rx (pipes) ─► rx_class ─► dma_rx ─► host memory
//                 │                │          │                                                │  │
//                 └──► dma_rx      └──────────┴─► dma_tx_cpl ◄─ vd, lookaside ─────────────────┘  └─► dma_cpl_ring ─► rings
//
// One dma_queue a pair holds its state, doorbells and interrupt; one dma_axi_read and one dma_axi_write are the
// AXI4 master, whose accesses are whole 64-byte beats and never cross 4 KiB.

`default_nettype none

module vesper_dma
  import vesper_pkg::*;
  import dma_pkg::*;
  import rx_pkg::*;
  import tx_pkg::*;
#(
    parameter int QUEUES   = 2,   // pairs, 1..16
    parameter int VERDICTS = 2,   // verdict ports
    parameter int HOLD     = 16,  // cycles that a completion waits for company
    parameter int PREFETCH = 128,  // descriptors held of each ring; an RX ring's come behind up to BEATS of frames
    parameter int PATIENCE = 1024,  // cycles that completions may wait for room while bus mastering is off
    parameter int BEATS    = 512  // 64-byte beats of the frame buffer
) (
    input  wire                              clk,
    input  wire                              rst,
    input  wire                              bus_master_en,
    input  wire                              data_path_open,
    // pairs, from and to vesper_csr
    input  wire queue_cfg_t   [  QUEUES-1:0] q_cfg,
    input  wire queue_db_t    [  QUEUES-1:0] q_db,
    output queue_state_t      [  QUEUES-1:0] q_state,
    input  wire rss_t                        rss,
    // frames to the pipes
    output logic                             tx_valid,
    input  wire                              tx_ready,
    output beat_t                            tx_beat,
    output meta_t                            tx_meta,
    // frames from the pipes
    input  wire                              rx_valid,
    output logic                             rx_ready,
    input  wire beat_t                       rx_beat,
    input  wire meta_t                       rx_meta,
    // fates of host frames that did not come back as rx
    input  wire               [VERDICTS-1:0] vd_valid,
    output logic              [VERDICTS-1:0] vd_ready,
    input  wire verdict_t     [VERDICTS-1:0] vd_verdict,
    // statistics: one pulse a finished TX descriptor, and a frame from the wire that came this far
    output logic                             txs_valid,
    output verdict_t                         txs_verdict,
    output logic                             rxs_valid,
    output verdict_t                         rxs_verdict,
    output logic                             tx_bad_doorbell,
    output logic                             rx_bad_doorbell,
    // the event ring: records of one beat under the AXI ID IdRing | 2 * QUEUES, and its interrupt (vector QUEUES)
    input  wire                              ev_w_valid,
    output logic                             ev_w_ready,
    input  wire write_beat_t                 ev_w_beat,
    output logic                             ev_b_valid,
    output logic                             ev_b_error,
    input  wire                              ev_irq_valid,
    output logic                             ev_irq_ready,
    // interrupt messages
    output logic                             msix_valid,
    input  wire                              msix_ready,
    output logic              [         7:0] msix_vector,
    // AXI4 master
    output logic              [         7:0] m_axi_awid,
    output logic              [        63:0] m_axi_awaddr,
    output logic              [         7:0] m_axi_awlen,
    output logic              [         2:0] m_axi_awsize,
    output logic              [         1:0] m_axi_awburst,
    output logic                             m_axi_awvalid,
    input  wire                              m_axi_awready,
    output logic              [       511:0] m_axi_wdata,
    output logic              [        63:0] m_axi_wstrb,
    output logic                             m_axi_wlast,
    output logic                             m_axi_wvalid,
    input  wire                              m_axi_wready,
    input  wire               [         7:0] m_axi_bid,
    input  wire               [         1:0] m_axi_bresp,
    input  wire                              m_axi_bvalid,
    output logic                             m_axi_bready,
    output logic              [         7:0] m_axi_arid,
    output logic              [        63:0] m_axi_araddr,
    output logic              [         7:0] m_axi_arlen,
    output logic              [         2:0] m_axi_arsize,
    output logic              [         1:0] m_axi_arburst,
    output logic                             m_axi_arvalid,
    input  wire                              m_axi_arready,
    input  wire               [         7:0] m_axi_rid,
    input  wire               [       511:0] m_axi_rdata,
    input  wire               [         1:0] m_axi_rresp,
    input  wire                              m_axi_rlast,
    input  wire                              m_axi_rvalid,
    output logic                             m_axi_rready,
    output logic                             idle
);

  if (QUEUES < 1 || QUEUES > 16) begin : g_queues
    $fatal(1, "QUEUES is %0d, must be 1..16", QUEUES);
  end
  localparam int Rings = 2 * QUEUES;  // ring 2q: TX of pair q; 2q + 1: RX

  // ---- rings ----
  logic [QUEUES-1:0] clear, run, draining, halted, failed, quiet, out_of_patience;
  logic [Rings-1:0][15:0] tail, begun, pushed, acked;
  ring_t ring[Rings];
  logic [Rings-1:0] ar_valid, ar_ready, ring_r_valid, fetch_failed, fetch_quiet, fetch_idle;
  read_req_t ar_req[Rings];
  logic [Rings-1:0] raw_valid, d_ready, d_coming, d_whole, d_endless;
  logic [127:0] d_data[Rings];
  logic [Rings-1:0] c_valid, c_ready, flush, w_valid, w_ready, ring_b_valid, cpl_failed, cpl_quiet, cpl_idle;
  write_beat_t ring_w_beat[Rings + 1];  // the last is the event ring's
  logic [127:0] tx_c_data, rx_c_data;
  read_beat_t r_beat;
  logic b_error;
  assign ev_b_error = b_error;
  assign ring_w_beat[Rings] = ev_w_beat;

  for (genvar i = 0; i < Rings; i++) begin : g_ring
    wire clk_ring;
    clock_gate u_gate (
        .clk,
        .rst,
        .busy (!fetch_idle[i] || !cpl_idle[i] || clear[i/2] || d_ready[i] || c_valid[i]),
        .gated(clk_ring)
    );

    dma_desc_fetch #(
        .PIECES(i % 2 == 0),
        .DEPTH (PREFETCH),
        .BURSTS(PREFETCH / 16)
    ) u_fetch (
        .clk(clk_ring),
        .rst,
        .clear(clear[i/2]),
        .run(run[i/2]),
        .bus_on(bus_master_en),
        .size_log2(ring[i].size_log2),
        .base(ring[i].desc[63:4]),
        .tail(tail[i]),
        .id(IdRing | 8'(i)),
        .ar_valid(ar_valid[i]),
        .ar_ready(ar_ready[i]),
        .ar_req(ar_req[i]),
        .r_valid(ring_r_valid[i]),
        .r_beat,
        .failed(fetch_failed[i]),
        .d_valid(raw_valid[i]),
        .d_ready(d_ready[i]),
        .d_data(d_data[i]),
        .d_index(begun[i]),
        .d_whole(d_whole[i]),
        .d_endless(d_endless[i]),
        .d_coming(d_coming[i]),
        .quiet(fetch_quiet[i]),
        .idle(fetch_idle[i])
    );

    dma_cpl_ring #(
        .HOLD(HOLD)
    ) u_cpl (
        .clk(clk_ring),
        .rst,
        .clear(clear[i/2]),
        .discard(halted[i/2]),
        .bus_on(bus_master_en),
        .size_log2(ring[i].size_log2),
        .base(ring[i].cpl),
        .id(IdRing | 8'(i)),
        .c_valid(c_valid[i]),
        .c_ready(c_ready[i]),
        .c_data(i % 2 == 0 ? tx_c_data : rx_c_data),
        .flush(flush[i]),
        .w_valid(w_valid[i]),
        .w_ready(w_ready[i]),
        .w_beat(ring_w_beat[i]),
        .b_valid(ring_b_valid[i]),
        .b_error,
        .failed(cpl_failed[i]),
        .pushed(pushed[i]),
        .acked(acked[i]),
        .quiet(cpl_quiet[i]),
        .idle(cpl_idle[i])
    );
  end

  // ---- pairs ----
  logic [QUEUES-1:0] irq_valid, irq_ready, tx_bad, rx_bad, settled;
  logic [QUEUES-1:0] txd_valid, txd_ready, txd_whole, txd_endless, tx_midway, rxd_valid, rxd_ready, rxd_coming;
  logic [127:0] txd_data[QUEUES], rxd_data[QUEUES];
  logic [QUEUES-1:0][15:0] txd_index, rxd_index, rx_pushed, rx_acked;
  logic [QUEUES-1:0] txc_valid, txc_ready, rxc_valid, rxc_ready, tx_stuck, rx_stuck;
  logic rx_empty, class_empty;

  for (genvar i = 0; i < QUEUES; i++) begin : g_queue
    localparam int T = 2 * i;
    localparam int R = 2 * i + 1;
    assign failed[i] = fetch_failed[T] || fetch_failed[R] || cpl_failed[T] || cpl_failed[R] ||
        out_of_patience[i];
    assign quiet[i] = fetch_quiet[T] && fetch_quiet[R] && cpl_quiet[T] && cpl_quiet[R] && !tx_midway[i];
    wire clk_queue;
    clock_gate u_gate (
        .clk,
        .rst,
        .busy (!settled[i] || failed[i]),
        .gated(clk_queue)
    );
    dma_queue u_queue (
        .clk(clk_queue),
        .rst,
        .cfg(q_cfg[i]),
        .db(q_db[i]),
        .state(q_state[i]),
        .tx_bad_doorbell(tx_bad[i]),
        .rx_bad_doorbell(rx_bad[i]),
        .clear(clear[i]),
        .run(run[i]),
        .draining(draining[i]),
        .halted(halted[i]),
        .tx_ring(ring[T]),
        .rx_ring(ring[R]),
        .tx_tail(tail[T]),
        .rx_tail(tail[R]),
        .failed(failed[i]),
        .quiet(quiet[i]),
        .tx_begun(begun[T]),
        .rx_begun(begun[R]),
        .tx_pushed(pushed[T]),
        .rx_pushed(pushed[R]),
        .tx_acked(acked[T]),
        .rx_acked(acked[R]),
        .irq_valid(irq_valid[i]),
        .irq_ready(irq_ready[i]),
        .settled(settled[i])
    );
    // With bus mastering off a ring takes the completions that it has room for. What comes after them would hold up the
    // pipes, so the pair halts.
    logic [$clog2(PATIENCE+1)-1:0] waited;
    assign out_of_patience[i] = int'(waited) == PATIENCE;
    always_ff @(posedge clk) begin
      if (rst || bus_master_en || !(tx_stuck[i] || rx_stuck[i]) || out_of_patience[i]) waited <= '0;
      else waited <= waited + 1'b1;
    end
    // TX descriptors that were only prefetched when the pair stops are not begun, but a frame in pieces that was is
    // taken to its end, which is here already; RX ones still serve results
    // of lookaside descriptors that are under way.
    assign txd_valid[i] = raw_valid[T] && (run[i] || tx_midway[i]);
    assign txd_whole[i] = d_whole[T];
    assign txd_endless[i] = d_endless[T];
    assign rxd_valid[i] = raw_valid[R] && (run[i] || draining[i]);
    assign rxd_coming[i] = d_coming[R];
    assign d_ready[T] = txd_ready[i];
    assign d_ready[R] = rxd_ready[i];
    assign txd_data[i] = d_data[T];
    assign rxd_data[i] = d_data[R];
    assign txd_index[i] = begun[T];
    assign rxd_index[i] = begun[R];
    assign rx_pushed[i] = pushed[R];
    assign rx_acked[i] = acked[R];
    assign c_valid[T] = txc_valid[i];
    assign c_valid[R] = rxc_valid[i];
    assign txc_ready[i] = c_ready[T];
    assign rxc_ready[i] = c_ready[R];
    // No further completion can come: none of the posted descriptors is open; no frame is inside.
    assign flush[T] = pushed[T] == tail[T] || (!run[i] && pushed[T] == begun[T]);
    assign flush[R] = rx_empty && class_empty;
  end
  assign tx_bad_doorbell = tx_bad != 0;
  assign rx_bad_doorbell = rx_bad != 0;

  // ---- frames ----
  logic frame_ar_valid, frame_ar_ready, frame_r_valid;
  read_req_t frame_ar_req;
  logic [SlotW-1:0] frame_r_slot, frame_b_slot;
  logic err_valid, err_ready, tx_idle, piece_valid, piece_ready, piece_via, off_err_valid, off_err_ready, offload_idle;
  verdict_t err_verdict, off_err_verdict;
  beat_t piece_beat;
  meta_t piece_meta;
  tx_job_t piece_job;
  wire clk_tx, clk_offload;
  clock_gate u_tx_gate (
      .clk,
      .rst,
      .busy (!tx_idle || txd_valid != 0 || clear != 0),
      .gated(clk_tx)
  );
  clock_gate u_offload_gate (
      .clk,
      .rst,
      .busy (!offload_idle),
      .gated(clk_offload)
  );

  dma_tx #(
      .QUEUES(QUEUES),
      .BEATS(BEATS)
  ) u_tx (
      .clk(clk_tx),
      .rst,
      .bus_on(bus_master_en),
      .data_path_open,
      .clear,
      .d_valid(txd_valid),
      .d_ready(txd_ready),
      .d_data(txd_data),
      .d_index(txd_index),
      .d_whole(txd_whole),
      .d_endless(txd_endless),
      .midway(tx_midway),
      .ar_valid(frame_ar_valid),
      .ar_ready(frame_ar_ready),
      .ar_req(frame_ar_req),
      .r_valid(frame_r_valid),
      .r_slot(frame_r_slot),
      .r_beat,
      .tx_valid(piece_valid),
      .tx_ready(piece_ready),
      .tx_beat(piece_beat),
      .tx_meta(piece_meta),
      .tx_via(piece_via),
      .tx_job(piece_job),
      .err_valid,
      .err_ready,
      .err_verdict,
      .idle(tx_idle)
  );

  tx_offload u_offload (
      .clk(clk_offload),
      .rst,
      .s_valid(piece_valid),
      .s_ready(piece_ready),
      .s_beat(piece_beat),
      .s_meta(piece_meta),
      .s_via(piece_via),
      .s_job(piece_job),
      .m_valid(tx_valid),
      .m_ready(tx_ready),
      .m_beat(tx_beat),
      .m_meta(tx_meta),
      .err_valid(off_err_valid),
      .err_ready(off_err_ready),
      .err_verdict(off_err_verdict),
      .idle(offload_idle)
  );

  logic class_valid, class_ready, csum_valid, csum_ready, csum_right, class_idle, rx_idle;
  beat_t class_beat;
  meta_t class_meta;
  rx_info_t class_info;
  wire clk_rx;
  clock_gate u_rx_gate (
      .clk,
      .rst,
      .busy (!rx_idle || !class_idle || rx_valid),
      .gated(clk_rx)
  );

  rx_class #(
      .QUEUES(QUEUES)
  ) u_class (
      .clk(clk_rx),
      .rst,
      .rss,
      .s_valid(rx_valid),
      .s_ready(rx_ready),
      .s_beat(rx_beat),
      .s_meta(rx_meta),
      .m_valid(class_valid),
      .m_ready(class_ready),
      .m_beat(class_beat),
      .m_meta(class_meta),
      .m_info(class_info),
      .v_valid(csum_valid),
      .v_ready(csum_ready),
      .v_right(csum_right),
      .empty(class_empty),
      .idle(class_idle)
  );

  logic frame_w_valid, frame_w_ready, frame_b_valid, la_valid, la_ready;
  write_beat_t frame_w_beat;
  verdict_t la_verdict;
  dma_rx #(
      .QUEUES(QUEUES)
  ) u_rx (
      .clk(clk_rx),
      .rst,
      .bus_on(bus_master_en),
      .rx_valid(class_valid),
      .rx_ready(class_ready),
      .rx_beat(class_beat),
      .rx_meta(class_meta),
      .rx_info(class_info),
      .v_valid(csum_valid),
      .v_ready(csum_ready),
      .v_right(csum_right),
      .run,
      .draining,
      .halted,
      .d_valid(rxd_valid),
      .d_coming(rxd_coming),
      .d_ready(rxd_ready),
      .d_data(rxd_data),
      .d_index(rxd_index),
      .w_valid(frame_w_valid),
      .w_ready(frame_w_ready),
      .w_beat(frame_w_beat),
      .b_valid(frame_b_valid),
      .b_slot(frame_b_slot),
      .b_error,
      .c_valid(rxc_valid),
      .c_ready(rxc_ready),
      .c_data(rx_c_data),
      .pushed(rx_pushed),
      .acked(rx_acked),
      .stuck(rx_stuck),
      .la_valid,
      .la_ready,
      .la_verdict,
      .stat_valid(rxs_valid),
      .stat_verdict(rxs_verdict),
      .empty(rx_empty),
      .idle(rx_idle)
  );

  verdict_t fate[VERDICTS + 3];
  for (genvar i = 0; i < VERDICTS; i++) begin : g_fate
    assign fate[i] = vd_verdict[i];
  end
  assign fate[VERDICTS]   = err_verdict;
  assign fate[VERDICTS+1] = off_err_verdict;
  assign fate[VERDICTS+2] = la_verdict;

  dma_tx_cpl #(
      .SOURCES(VERDICTS + 3),
      .QUEUES(QUEUES)
  ) u_tx_cpl (
      .clk,
      .rst,
      .s_valid({la_valid, off_err_valid, err_valid, vd_valid}),
      .s_ready({la_ready, off_err_ready, err_ready, vd_ready}),
      .s_verdict(fate),
      .c_valid(txc_valid),
      .c_ready(txc_ready),
      .c_data(tx_c_data),
      .stuck(tx_stuck),
      .stat_valid(txs_valid),
      .stat_verdict(txs_verdict)
  );

  // ---- bus ----
  dma_axi_read #(
      .RINGS(Rings)
  ) u_read (
      .clk,
      .rst,
      .bus_on(bus_master_en),
      .ring_valid(ar_valid),
      .ring_ready(ar_ready),
      .ring_req(ar_req),
      .ring_r_valid,
      .frame_valid(frame_ar_valid),
      .frame_ready(frame_ar_ready),
      .frame_req(frame_ar_req),
      .frame_r_valid,
      .frame_r_slot,
      .r_beat,
      .m_axi_arid,
      .m_axi_araddr,
      .m_axi_arlen,
      .m_axi_arsize,
      .m_axi_arburst,
      .m_axi_arvalid,
      .m_axi_arready,
      .m_axi_rid,
      .m_axi_rdata,
      .m_axi_rresp,
      .m_axi_rlast,
      .m_axi_rvalid,
      .m_axi_rready
  );

  dma_axi_write #(
      .RINGS(Rings + 1)
  ) u_write (
      .clk,
      .rst,
      .bus_on(bus_master_en),
      .ring_valid({ev_w_valid, w_valid}),
      .ring_ready({ev_w_ready, w_ready}),
      .ring_beat(ring_w_beat),
      .ring_b_valid({ev_b_valid, ring_b_valid}),
      .frame_valid(frame_w_valid),
      .frame_ready(frame_w_ready),
      .frame_beat(frame_w_beat),
      .frame_b_valid,
      .frame_b_slot,
      .b_error,
      .m_axi_awid,
      .m_axi_awaddr,
      .m_axi_awlen,
      .m_axi_awsize,
      .m_axi_awburst,
      .m_axi_awvalid,
      .m_axi_awready,
      .m_axi_wdata,
      .m_axi_wstrb,
      .m_axi_wlast,
      .m_axi_wvalid,
      .m_axi_wready,
      .m_axi_bid,
      .m_axi_bresp,
      .m_axi_bvalid,
      .m_axi_bready
  );

  // ---- interrupts: one at a time, the vector after the last one first ----
  localparam int Vectors = QUEUES + 1;
  localparam int VectorW = $clog2(Vectors);
  logic [Vectors-1:0] ask, told;
  logic [VectorW-1:0] irq_turn, irq_pick;
  assign ask = {ev_irq_valid, irq_valid};
  assign {ev_irq_ready, irq_ready} = told;
  always_comb begin
    irq_pick = irq_turn;
    for (int i = Vectors - 1; i >= 0; i--) begin
      if (ask[(int'(irq_turn)+i)%Vectors]) irq_pick = VectorW'((int'(irq_turn) + i) % Vectors);
    end
    told = '0;
    if (!msix_valid || msix_ready) told[irq_pick] = 1'b1;
  end
  always_ff @(posedge clk) begin
    if (rst) begin
      msix_valid <= 1'b0;
      irq_turn <= '0;
    end else if (!msix_valid || msix_ready) begin
      msix_valid <= ask != 0;
      if (ask != 0) irq_turn <= int'(irq_pick) == Vectors - 1 ? '0 : irq_pick + 1'b1;
    end
    if ((!msix_valid || msix_ready) && ask != 0) msix_vector <= 8'(irq_pick);
  end

  // ---- idle: a clock more changes nothing ----
  // For an answer waits whoever has asked.
  logic bus_quiet;
  assign bus_quiet = !m_axi_arvalid && !m_axi_awvalid && !m_axi_wvalid;
  assign idle = &settled && bus_quiet && &fetch_idle && &cpl_idle && tx_idle && offload_idle && rx_idle && class_idle &&
      vd_valid == 0 && !msix_valid;

endmodule

`default_nettype wire
