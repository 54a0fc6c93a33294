// SPDX-License-Identifier: BSD-2-Clause
//
// The card: what an FPGA board wraps with its PCIe bridge and its MAC.
//
//   AXI4-Lite (BAR0) ─► vesper_csr ──┬─► vesper_mgmt (CPU, firmware) ─┐ SA table, engines, counters
//                                    │                                ▼
//   AXI4 512 bit ◄────► vesper_dma ◄─┴────────────────────────► vesper_datapath ◄─► AXI4-Stream (wire)
//   MSI-X requests ◄────────┘  ▲                                      │ events
//                              └────────── event_ring ◄───────────────┘
//
// One clock, one synchronous reset. A function-level reset is `rst` held for 16 cycles: it forgets every SA and every
// key. `idle` is high while nothing moves and nothing waits; a simulation may then stop the clock until the host
// writes a register or a frame arrives.

`default_nettype none

module vesper_top
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import csr_pkg::*;
  import dma_pkg::*;
  import event_pkg::*;
  import rx_pkg::*;
#(
    parameter int    BLOCKS         = 4,     // 128-bit blocks a cycle of each engine: 1, 2, 4
    parameter int    QUEUES         = 2,     // queue pairs; MSI-X vectors are one more, for events
    parameter int    SA_ENTRIES     = 1024,  // SAs a direction
    parameter int    WINDOW_MAX     = 4096,  // largest replay window, packets
    parameter int    POLICY_ENTRIES = 4096,  // outbound policies
    parameter int    POLICY_MASKS   = 16,    // different masks of policies
    parameter string FIRMWARE       = "build/firmware/vesper-fw.hex"  // image for $readmemh
) (
    input  wire          clk,
    input  wire          rst,
    input  wire          bus_master_en,        // of the PCI command register
    input  wire  [ 47:0] mac,                  // the card's address; byte 0, the first on the wire, in [7:0]
    // BAR0
    input  wire          s_axil_awvalid,
    output logic         s_axil_awready,
    input  wire  [ 16:0] s_axil_awaddr,
    input  wire  [  2:0] s_axil_awprot,
    input  wire          s_axil_wvalid,
    output logic         s_axil_wready,
    input  wire  [ 31:0] s_axil_wdata,
    input  wire  [  3:0] s_axil_wstrb,
    output logic         s_axil_bvalid,
    input  wire          s_axil_bready,
    output logic [  1:0] s_axil_bresp,
    input  wire          s_axil_arvalid,
    output logic         s_axil_arready,
    input  wire  [ 16:0] s_axil_araddr,
    input  wire  [  2:0] s_axil_arprot,
    output logic         s_axil_rvalid,
    input  wire          s_axil_rready,
    output logic [ 31:0] s_axil_rdata,
    output logic [  1:0] s_axil_rresp,
    // host memory
    output logic [  7:0] m_axi_awid,
    output logic [ 63:0] m_axi_awaddr,
    output logic [  7:0] m_axi_awlen,
    output logic [  2:0] m_axi_awsize,
    output logic [  1:0] m_axi_awburst,
    output logic         m_axi_awvalid,
    input  wire          m_axi_awready,
    output logic [511:0] m_axi_wdata,
    output logic [ 63:0] m_axi_wstrb,
    output logic         m_axi_wlast,
    output logic         m_axi_wvalid,
    input  wire          m_axi_wready,
    input  wire  [  7:0] m_axi_bid,
    input  wire  [  1:0] m_axi_bresp,
    input  wire          m_axi_bvalid,
    output logic         m_axi_bready,
    output logic [  7:0] m_axi_arid,
    output logic [ 63:0] m_axi_araddr,
    output logic [  7:0] m_axi_arlen,
    output logic [  2:0] m_axi_arsize,
    output logic [  1:0] m_axi_arburst,
    output logic         m_axi_arvalid,
    input  wire          m_axi_arready,
    input  wire  [  7:0] m_axi_rid,
    input  wire  [511:0] m_axi_rdata,
    input  wire  [  1:0] m_axi_rresp,
    input  wire          m_axi_rlast,
    input  wire          m_axi_rvalid,
    output logic         m_axi_rready,
    // interrupts
    output logic         msix_valid,
    input  wire          msix_ready,
    output logic [  7:0] msix_vector,
    // wire: frames without FCS; tuser with tlast marks a bad one
    output logic [511:0] wire_tx_axis_tdata,
    output logic [ 63:0] wire_tx_axis_tkeep,
    output logic         wire_tx_axis_tvalid,
    input  wire          wire_tx_axis_tready,
    output logic         wire_tx_axis_tlast,
    input  wire  [511:0] wire_rx_axis_tdata,
    input  wire  [ 63:0] wire_rx_axis_tkeep,
    input  wire          wire_rx_axis_tvalid,
    output logic         wire_rx_axis_tready,
    input  wire          wire_rx_axis_tlast,
    input  wire          wire_rx_axis_tuser,
    output logic         idle
);

  // ---- configuration and state ----
  logic miss_to_host, fragment_to_host, rx_enable, policy_bypass, data_path_open;
  logic [15:0] mtu;
  logic [3:0] rx_queue;
  rx_filter_t rx_filter;
  rss_t rss;
  queue_cfg_t [QUEUES-1:0] q_cfg;
  queue_db_t [QUEUES-1:0] q_db;
  queue_state_t [QUEUES-1:0] q_state;
  event_cfg_t ev_cfg;
  event_db_t ev_db;
  event_state_t ev_state;
  logic [63:0][5:0] dscp_map;
  logic [7:0][15:0] natt_port;
  csr_status_t status;

  // ---- mailbox ----
  logic mbx_ring, mbx_busy, mbx_wr;
  logic [15:0] mbx_count;
  logic [8:0] mbx_wr_addr, mbx_rd_addr;
  logic [31:0] mbx_wr_data, mbx_rd_data;
  logic [3:0] mbx_wr_be;

  // ---- frames and their fates ----
  logic tx_valid, tx_ready, rx_valid, rx_ready;
  beat_t tx_beat, rx_beat;
  meta_t tx_meta, rx_meta;
  logic [1:0] vd_valid, vd_ready, wire_drop_valid;
  verdict_t [1:0] vd_verdict, wire_drop_verdict;
  logic txs_valid, rxs_valid, tx_bad_doorbell, rx_bad_doorbell;
  verdict_t txs_verdict, rxs_verdict;

  // ---- SA table, policy table and engines, management side ----
  logic sa_ready, cfg_we, cfg_cmd_valid, cfg_cmd_ready, cfg_next, cfg_rsp_valid;
  logic [6:0] cfg_word, cfg_rd_word;
  logic [31:0] cfg_wdata, cfg_handle, cfg_rsp_handle, cfg_rd_data;
  logic [63:0] cfg_arg;
  logic [2:0] cfg_cmd;
  logic [7:0] cfg_rsp_status;
  logic pol_ready, pol_cfg_we, pol_cfg_cmd_valid, pol_cfg_cmd_ready, pol_cfg_next, pol_cfg_rsp_valid;
  logic [3:0] pol_cfg_word, pol_cfg_rd_word;
  logic [31:0] pol_cfg_wdata, pol_cfg_handle, pol_cfg_rsp_handle, pol_cfg_rd_data;
  logic [1:0] pol_cfg_cmd;
  logic [7:0] pol_cfg_rsp_status;
  logic [1:0] inj_valid, inj_ready, inj_done;
  gcm_job_t inj_job;
  logic [511:0] inj_data;
  logic [6:0] inj_bytes;
  logic [1:0][511:0] inj_rdata;
  logic [1:0][6:0] inj_rbytes;
  logic [1:0][127:0] inj_rtag;

  // ---- events ----
  logic [63:0] cycles;
  logic [1:0] drop_valid, ev_suppressed, ev_lost;
  event_t [1:0] drop;
  event_t sa_ev;
  logic sa_ev_valid, sa_ev_ready, ev_written;
  logic ev_w_valid, ev_w_ready, ev_b_valid, ev_b_error, ev_irq_valid, ev_irq_ready;
  write_beat_t ev_w_beat;

  logic csr_idle, mgmt_idle, sa_access, pol_access, dma_idle, events_idle, datapath_idle;
  // What the board sets decides about much here.
  logic bus_on;
  always_ff @(posedge clk) bus_on <= bus_master_en && !rst;

  // Nothing waits for it, so it may be a cycle late.
  always_ff @(posedge clk) begin
    idle <= 1'b0;
    if (csr_idle && mgmt_idle && dma_idle && events_idle && datapath_idle && !wire_rx_axis_tvalid) idle <= !rst;
  end

  // In simulation it stands still until the host reads or writes.
  wire clk_csr;
  clock_gate csr_gate (
      .clk,
      .rst,
      .busy (!csr_idle),
      .gated(clk_csr)
  );

  vesper_csr #(
      .QUEUES(QUEUES),
      .BLOCKS(BLOCKS),
      .SA_ENTRIES(SA_ENTRIES)
  ) csr (
      .clk (clk_csr),
      .idle(csr_idle),
      .*
  );

  vesper_mgmt #(
      .FIRMWARE(FIRMWARE),
      .QUEUES(QUEUES),
      .BLOCKS(BLOCKS),
      .SA_ENTRIES(SA_ENTRIES),
      .SA_WINDOW(WINDOW_MAX),
      .POLICIES(POLICY_ENTRIES),
      .POLICY_MASKS(POLICY_MASKS)
  ) mgmt (
      .rxs_valid({wire_drop_valid, rxs_valid}),
      .rxs_verdict({wire_drop_verdict, rxs_verdict}),
      .host_awake(!csr_idle),
      .idle(mgmt_idle),
      .*
  );

  vesper_dma #(
      .QUEUES(QUEUES)
  ) dma (
      .bus_master_en(bus_on),
      .idle(dma_idle),
      .*
  );

  event_ring #(
      .ID(IdRing | 8'(2 * QUEUES))
  ) events (
      .bus_on,
      .cfg(ev_cfg),
      .db(ev_db),
      .state(ev_state),
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
      .idle(events_idle),
      .*
  );

  vesper_datapath #(
      .BLOCKS(BLOCKS),
      .SA_ENTRIES(SA_ENTRIES),
      .WINDOW_MAX(WINDOW_MAX),
      .POLICY_ENTRIES(POLICY_ENTRIES),
      .POLICY_MASKS(POLICY_MASKS)
  ) datapath (
      // Nothing is received before the engines have proved themselves.
      .rx_enable(rx_enable && data_path_open),
      .host_valid(vd_valid),
      .host_ready(vd_ready),
      .host_verdict(vd_verdict),
      .idle(datapath_idle),
      .*
  );

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers, and the clock may begin with an edge.
  initial $assertoff;
  always_ff @(posedge clk) if (rst) $asserton;
`endif

endmodule

`default_nettype wire
