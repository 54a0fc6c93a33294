// SPDX-License-Identifier: BSD-2-Clause
//
// vesper_csr, vesper_dma and event_ring as on the card, with the simplest of pipes between tx and rx: lookaside frames
// turn round, plain ones leave by the wire port, those with SA 0xdead are dropped as SA_STALE, those with SA 0xb16 as
// TOO_BIG with a length of 1400. Frames from the wire come in at `inj`, events at `drop` and `sa_ev`. Verdicts are counted by status.

`default_nettype none

module dma_tb
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import csr_pkg::*;
  import dma_pkg::*;
  import event_pkg::*;
  import rx_pkg::*;
#(
    parameter int QUEUES = 2
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 bus_master_en,
    input  wire                 data_path_open,
    input  wire                 s_axil_awvalid,
    output logic                s_axil_awready,
    input  wire  [16:0]         s_axil_awaddr,
    input  wire  [ 2:0]         s_axil_awprot,
    input  wire                 s_axil_wvalid,
    output logic                s_axil_wready,
    input  wire  [31:0]         s_axil_wdata,
    input  wire  [ 3:0]         s_axil_wstrb,
    output logic                s_axil_bvalid,
    input  wire                 s_axil_bready,
    output logic [ 1:0]         s_axil_bresp,
    input  wire                 s_axil_arvalid,
    output logic                s_axil_arready,
    input  wire  [16:0]         s_axil_araddr,
    input  wire  [ 2:0]         s_axil_arprot,
    output logic                s_axil_rvalid,
    input  wire                 s_axil_rready,
    output logic [31:0]         s_axil_rdata,
    output logic [ 1:0]         s_axil_rresp,
    output logic [ 7:0]         m_axi_awid,
    output logic [63:0]         m_axi_awaddr,
    output logic [ 7:0]         m_axi_awlen,
    output logic [ 2:0]         m_axi_awsize,
    output logic [ 1:0]         m_axi_awburst,
    output logic                m_axi_awvalid,
    input  wire                 m_axi_awready,
    output logic [511:0]        m_axi_wdata,
    output logic [63:0]         m_axi_wstrb,
    output logic                m_axi_wlast,
    output logic                m_axi_wvalid,
    input  wire                 m_axi_wready,
    input  wire  [ 7:0]         m_axi_bid,
    input  wire  [ 1:0]         m_axi_bresp,
    input  wire                 m_axi_bvalid,
    output logic                m_axi_bready,
    output logic [ 7:0]         m_axi_arid,
    output logic [63:0]         m_axi_araddr,
    output logic [ 7:0]         m_axi_arlen,
    output logic [ 2:0]         m_axi_arsize,
    output logic [ 1:0]         m_axi_arburst,
    output logic                m_axi_arvalid,
    input  wire                 m_axi_arready,
    input  wire  [ 7:0]         m_axi_rid,
    input  wire  [511:0]        m_axi_rdata,
    input  wire  [ 1:0]         m_axi_rresp,
    input  wire                 m_axi_rlast,
    input  wire                 m_axi_rvalid,
    output logic                m_axi_rready,
    output logic                msix_valid,
    input  wire                 msix_ready,
    output logic [ 7:0]         msix_vector,
    output logic                wire_valid,
    input  wire                 wire_ready,
    output beat_t               wire_beat,
    output meta_t               wire_meta,
    input  wire                 inj_valid,
    output logic                inj_ready,
    input  wire beat_t          inj_beat,
    input  wire meta_t          inj_meta,
    output logic [ST_COUNT-1:0][31:0] tx_counts,
    output logic [ST_COUNT-1:0][31:0] rx_counts,
    output logic [31:0]         bad_doorbells,
    input  wire  [ 1:0]         drop_valid,
    input  wire event_t [ 1:0]  drop,
    input  wire                 sa_ev_valid,
    output logic                sa_ev_ready,
    input  wire event_t         sa_ev,
    output logic [63:0]         cycles,
    output logic [31:0]         events,
    output logic [31:0]         events_suppressed,
    output logic [31:0]         events_lost,
    output logic                idle
);

  queue_cfg_t [QUEUES-1:0] q_cfg;
  queue_db_t [QUEUES-1:0] q_db;
  queue_state_t [QUEUES-1:0] q_state;
  event_cfg_t ev_cfg;
  event_db_t ev_db;
  event_state_t ev_state;
  logic csr_idle, dma_idle, ev_idle;
  /* verilator lint_off UNUSEDSIGNAL */  // what the card's other blocks would use
  logic miss_to_host, fragment_to_host, rx_enable, policy_bypass, mbx_ring, mbx_wr;
  logic [15:0] mtu;
  logic [3:0] rx_queue, mbx_wr_be;
  rx_filter_t rx_filter;
  rss_t rss;
  logic [8:0] mbx_wr_addr, mbx_rd_addr;
  logic [31:0] mbx_wr_data;
  /* verilator lint_on UNUSEDSIGNAL */
  csr_status_t status;
  always_comb begin
    status = '0;
    status.data_path_open = data_path_open;
  end
  vesper_csr #(
      .QUEUES(QUEUES)
  ) u_csr (
      .mac('0),
      .mbx_busy(1'b0),
      .mbx_count(16'd0),
      .mbx_rd_data(32'd0),
      .idle(csr_idle),
      .*
  );

  logic tx_valid, tx_ready, rx_valid, rx_ready, txs_valid, rxs_valid, tx_bad_doorbell, rx_bad_doorbell;
  beat_t tx_beat, rx_beat;
  meta_t tx_meta, rx_meta;
  /* verilator lint_off UNUSEDSIGNAL */  // only the status is counted
  verdict_t txs_verdict, rxs_verdict;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [1:0] vd_valid, vd_ready;
  verdict_t [1:0] vd_verdict;
  logic ev_w_valid, ev_w_ready, ev_b_valid, ev_b_error, ev_irq_valid, ev_irq_ready;
  write_beat_t ev_w_beat;
  vesper_dma #(
      .QUEUES(QUEUES)
  ) u_dma (
      .idle(dma_idle),
      .*
  );

  logic ev_written;
  logic [1:0] ev_suppressed, ev_lost;
  event_ring #(
      .ID(IdRing | 8'(2 * QUEUES))
  ) u_events (
      .clk,
      .rst,
      .bus_on(bus_master_en),
      .cycles,
      .cfg(ev_cfg),
      .db(ev_db),
      .state(ev_state),
      .drop_valid,
      .drop,
      .sa_valid(sa_ev_valid),
      .sa_ready(sa_ev_ready),
      .sa(sa_ev),
      .w_valid(ev_w_valid),
      .w_ready(ev_w_ready),
      .w_beat(ev_w_beat),
      .b_valid(ev_b_valid),
      .b_error(ev_b_error),
      .irq_valid(ev_irq_valid),
      .irq_ready(ev_irq_ready),
      .stat_written(ev_written),
      .stat_suppressed(ev_suppressed),
      .stat_lost(ev_lost),
      .idle(ev_idle)
  );

  // ---- the pipe ----
  logic dropped, too_big, to_wire, loop_valid, loop_ready, end_wire, end_drop, fate_ready[2];
  beat_t loop_beat;
  meta_t loop_meta;
  assign too_big = tx_meta.sa == 32'hb16;
  assign dropped = tx_meta.op == OP_ENCRYPT && (tx_meta.sa == 32'hdead || too_big);
  assign to_wire = !dropped && !tx_meta.lookaside;
  assign wire_valid = tx_valid && to_wire && fate_ready[0];
  assign wire_beat = tx_beat;
  assign wire_meta = tx_meta;
  assign loop_valid = tx_valid && !dropped && tx_meta.lookaside;
  assign loop_beat = tx_beat;
  always_comb begin
    loop_meta = tx_meta;
    loop_meta.esp = tx_meta.op != OP_PLAIN;
    if (loop_meta.esp) loop_meta.seq = 64'h1_0000_0000 + 64'(tx_meta.index);
    if (tx_meta.op == OP_DECRYPT) loop_meta.sa = 32'h0003_0005;
  end
  assign tx_ready = dropped ? fate_ready[1] : to_wire ? wire_ready && fate_ready[0] : loop_ready;
  assign end_wire = wire_valid && wire_ready && tx_beat.last;
  assign end_drop = tx_valid && dropped && fate_ready[1] && tx_beat.last;

  for (genvar i = 0; i < 2; i++) begin : g_fate
    verdict_t fate;
    always_comb begin
      fate = '0;
      fate.host = 1'b1;
      fate.more = tx_meta.more;
      fate.qid = tx_meta.qid;
      fate.index = tx_meta.index;
      fate.status = i == 0 ? ST_OK : too_big ? ST_TOO_BIG : ST_SA_STALE;
      fate.len = i == 0 ? tx_meta.len : too_big ? 16'd1400 : 16'd0;
    end
    /* verilator lint_off UNUSEDSIGNAL */
    logic [6:0] count;
    /* verilator lint_on UNUSEDSIGNAL */
    fifo #(
        .WIDTH($bits(verdict_t)),
        .DEPTH(64)
    ) u_fifo (
        .clk,
        .rst,
        .s_valid(i == 0 ? end_wire : end_drop),
        .s_ready(fate_ready[i]),
        .s_data(fate),
        .m_valid(vd_valid[i]),
        .m_ready(vd_ready[i]),
        .m_data(vd_verdict[i]),
        .count
    );
  end

  frame_arb #(
      .N(2)
  ) u_arb (
      .clk,
      .rst,
      .s_valid({inj_valid, loop_valid}),
      .s_ready({inj_ready, loop_ready}),
      .s_beat('{loop_beat, inj_beat}),
      .s_meta('{loop_meta, inj_meta}),
      .m_valid(rx_valid),
      .m_ready(rx_ready),
      .m_beat(rx_beat),
      .m_meta(rx_meta)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      tx_counts <= '0;
      rx_counts <= '0;
      bad_doorbells <= '0;
      cycles <= '0;
      events <= '0;
      events_suppressed <= '0;
      events_lost <= '0;
    end else begin
      cycles <= cycles + 1'b1;
      events <= events + 32'(ev_written);
      events_suppressed <= events_suppressed + 32'(ev_suppressed);
      events_lost <= events_lost + 32'(ev_lost);
      if (txs_valid) tx_counts[txs_verdict.status[5:0]] <= tx_counts[txs_verdict.status[5:0]] + 1;
      if (rxs_valid) rx_counts[rxs_verdict.status[5:0]] <= rx_counts[rxs_verdict.status[5:0]] + 1;
      bad_doorbells <= bad_doorbells + 32'(tx_bad_doorbell) + 32'(rx_bad_doorbell);
    end
  end

  assign idle = csr_idle && dma_idle && ev_idle && !inj_valid;

endmodule

`default_nettype wire
