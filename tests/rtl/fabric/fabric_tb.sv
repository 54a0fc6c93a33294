// SPDX-License-Identifier: BSD-2-Clause
//
// The card without its management CPU: registers, host DMA and data path. The bench installs SAs at the table's own
// port. With `direct` the DMA is cut off, frames enter the data path at `inj` and leave it at once, and every fate is
// taken: so the pipes are measured without the host.

`default_nettype none

module fabric_tb
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import csr_pkg::*;
  import dma_pkg::*;
  import event_pkg::*;
  import gcm_pkg::*;
  import rx_pkg::*;
#(
    parameter int QUEUES = 2,
    parameter int SA_ENTRIES = 1024,
    parameter int WINDOW_MAX = 4096,
    parameter int BLOCKS = 4
) (
    input wire clk,
    input wire rst,
    input wire bus_master_en,
    input wire direct,
    input wire s_axil_awvalid,
    output logic s_axil_awready,
    input wire [16:0] s_axil_awaddr,
    input wire [2:0] s_axil_awprot,
    input wire s_axil_wvalid,
    output logic s_axil_wready,
    input wire [31:0] s_axil_wdata,
    input wire [3:0] s_axil_wstrb,
    output logic s_axil_bvalid,
    input wire s_axil_bready,
    output logic [1:0] s_axil_bresp,
    input wire s_axil_arvalid,
    output logic s_axil_arready,
    input wire [16:0] s_axil_araddr,
    input wire [2:0] s_axil_arprot,
    output logic s_axil_rvalid,
    input wire s_axil_rready,
    output logic [31:0] s_axil_rdata,
    output logic [1:0] s_axil_rresp,
    output logic [7:0] m_axi_awid,
    output logic [63:0] m_axi_awaddr,
    output logic [7:0] m_axi_awlen,
    output logic [2:0] m_axi_awsize,
    output logic [1:0] m_axi_awburst,
    output logic m_axi_awvalid,
    input wire m_axi_awready,
    output logic [511:0] m_axi_wdata,
    output logic [63:0] m_axi_wstrb,
    output logic m_axi_wlast,
    output logic m_axi_wvalid,
    input wire m_axi_wready,
    input wire [7:0] m_axi_bid,
    input wire [1:0] m_axi_bresp,
    input wire m_axi_bvalid,
    output logic m_axi_bready,
    output logic [7:0] m_axi_arid,
    output logic [63:0] m_axi_araddr,
    output logic [7:0] m_axi_arlen,
    output logic [2:0] m_axi_arsize,
    output logic [1:0] m_axi_arburst,
    output logic m_axi_arvalid,
    input wire m_axi_arready,
    input wire [7:0] m_axi_rid,
    input wire [511:0] m_axi_rdata,
    input wire [1:0] m_axi_rresp,
    input wire m_axi_rlast,
    input wire m_axi_rvalid,
    output logic m_axi_rready,
    output logic msix_valid,
    input wire msix_ready,
    output logic [7:0] msix_vector,
    input wire inj_valid,
    output logic inj_ready,
    input wire beat_t inj_beat,
    input wire meta_t inj_meta,
    output logic out_valid,  // a frame's last beat goes to the host's side
    output meta_t out_meta,
    output logic [511:0] wire_tx_axis_tdata,
    output logic [63:0] wire_tx_axis_tkeep,
    output logic wire_tx_axis_tvalid,
    input wire wire_tx_axis_tready,
    output logic wire_tx_axis_tlast,
    input wire [511:0] wire_rx_axis_tdata,
    input wire [63:0] wire_rx_axis_tkeep,
    input wire wire_rx_axis_tvalid,
    output logic wire_rx_axis_tready,
    input wire wire_rx_axis_tlast,
    input wire wire_rx_axis_tuser,
    output logic ready,  // the SA table's
    input wire cfg_we,
    input wire [6:0] cfg_word,
    input wire [31:0] cfg_wdata,
    input wire cfg_cmd_valid,
    output logic cfg_cmd_ready,
    input wire [2:0] cfg_cmd,
    input wire cfg_next,
    input wire [31:0] cfg_handle,
    input wire [63:0] cfg_arg,
    output logic cfg_rsp_valid,
    output logic [7:0] cfg_rsp_status,
    output logic [31:0] cfg_rsp_handle,
    input wire [6:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data,
    input wire fill_go,  // see sa_filler
    input wire fill_in,
    input wire [31:0] fill_spi,
    input wire [16:0] fill_count,
    input wire [255:0] fill_key,
    input wire [127:0] fill_h,
    output logic fill_busy,
    output logic [16:0] fill_refused,
    output logic [ST_COUNT-1:0][31:0] drops,  // of frames from the wire, by status
    output logic idle
);

  queue_cfg_t [QUEUES-1:0] q_cfg;
  queue_db_t [QUEUES-1:0] q_db;
  queue_state_t [QUEUES-1:0] q_state;
  logic csr_idle, dma_idle, datapath_idle;
  /* verilator lint_off UNUSEDSIGNAL */  // what the management would use
  logic miss_to_host, fragment_to_host, rx_enable, policy_bypass, mbx_ring, mbx_wr;
  event_cfg_t ev_cfg;
  event_db_t ev_db;
  logic [1:0] drop_valid;
  event_t [1:0] drop;
  logic sa_ev_valid;
  event_t sa_ev;
  logic ev_w_ready, ev_b_valid, ev_b_error, ev_irq_ready;
  logic pol_ready, pol_cfg_cmd_ready, pol_cfg_rsp_valid;
  logic [7:0] pol_cfg_rsp_status;
  logic [31:0] pol_cfg_rsp_handle, pol_cfg_rd_data;
  logic [15:0] mtu;
  logic [3:0] rx_queue, mbx_wr_be;
  rx_filter_t rx_filter;
  rss_t rss;
  logic [8:0] mbx_wr_addr, mbx_rd_addr;
  logic [31:0] mbx_wr_data;
  logic txs_valid, rxs_valid, tx_bad_doorbell, rx_bad_doorbell;
  verdict_t txs_verdict, rxs_verdict;
  logic [1:0] inj_taken, inj_done;
  logic [1:0][511:0] inj_rdata;
  logic [1:0][6:0] inj_rbytes;
  logic [1:0][127:0] inj_rtag;
  verdict_t [1:0] wire_drop_verdict;
  /* verilator lint_on UNUSEDSIGNAL */
  csr_status_t status;
  always_comb begin
    status = '0;
    status.data_path_open = 1'b1;
  end
  vesper_csr #(
      .QUEUES(QUEUES)
  ) u_csr (
      .mac('0),
      .mbx_busy(1'b0),
      .mbx_count(16'd0),
      .mbx_rd_data(32'd0),
      .ev_state('0),
      .idle(csr_idle),
      .*
  );

  logic tx_valid, tx_ready, rx_valid, rx_ready, dma_tx_valid, dma_rx_ready;
  beat_t tx_beat, rx_beat, dma_tx_beat;
  meta_t tx_meta, rx_meta, dma_tx_meta;
  logic [1:0] host_valid, host_ready, vd_ready, wire_drop_valid;
  verdict_t [1:0] host_verdict;
  vesper_dma #(
      .QUEUES(QUEUES)
  ) u_dma (
      .data_path_open(1'b1),
      .tx_valid(dma_tx_valid),
      .tx_ready(tx_ready && !direct),
      .tx_beat(dma_tx_beat),
      .tx_meta(dma_tx_meta),
      .rx_valid(rx_valid && !direct),
      .rx_ready(dma_rx_ready),
      .rx_beat,
      .rx_meta,
      .vd_valid(direct ? 2'b00 : host_valid),
      .vd_ready,
      .vd_verdict(host_verdict),
      .ev_w_valid(1'b0),
      .ev_w_beat('0),
      .ev_irq_valid(1'b0),
      .idle(dma_idle),
      .*
  );

  assign tx_valid = direct ? inj_valid : dma_tx_valid;
  assign tx_beat = direct ? inj_beat : dma_tx_beat;
  assign tx_meta = direct ? inj_meta : dma_tx_meta;
  assign inj_ready = tx_ready && direct;
  assign rx_ready = direct || dma_rx_ready;
  assign host_ready = direct ? 2'b11 : vd_ready;
  assign out_valid = rx_valid && rx_ready && rx_beat.last;
  assign out_meta = rx_meta;

  // The bench's own commands, or the filler's.
  logic fill_we, fill_cmd_valid;
  logic [6:0] fill_word;
  logic [31:0] fill_wdata;
  sa_filler u_filler (
      .clk,
      .rst,
      .go(fill_go),
      .inbound(fill_in),
      .spi(fill_spi),
      .count(fill_count),
      .key(fill_key),
      .key_bytes(8'd32),
      .h(fill_h),
      .busy(fill_busy),
      .refused(fill_refused),
      .we(fill_we),
      .word(fill_word),
      .wdata(fill_wdata),
      .cmd_valid(fill_cmd_valid),
      .cmd_ready(cfg_cmd_ready),
      .rsp_valid(cfg_rsp_valid),
      .rsp_status(cfg_rsp_status)
  );

  vesper_datapath #(
      .BLOCKS(BLOCKS),
      .SA_ENTRIES(SA_ENTRIES),
      .WINDOW_MAX(WINDOW_MAX)
  ) u_datapath (
      .sa_ready(ready),
      .cfg_we(fill_busy ? fill_we : cfg_we),
      .cfg_word(fill_busy ? fill_word : cfg_word),
      .cfg_wdata(fill_busy ? fill_wdata : cfg_wdata),
      .cfg_cmd_valid(fill_busy ? fill_cmd_valid : cfg_cmd_valid),
      .cfg_cmd(fill_busy ? 3'd0 : cfg_cmd),
      .dscp_map('0),
      .natt_port('0),
      .sa_access(1'b1),
      .pol_access(1'b1),
      .sa_ev_ready(1'b1),
      .pol_cfg_we(1'b0),
      .pol_cfg_word('0),
      .pol_cfg_wdata('0),
      .pol_cfg_cmd_valid(1'b0),
      .pol_cfg_cmd('0),
      .pol_cfg_next(1'b0),
      .pol_cfg_handle('0),
      .pol_cfg_rd_word('0),
      .inj_valid(2'b00),
      .inj_ready(inj_taken),
      .inj_job('0),
      .inj_data('0),
      .inj_bytes('0),
      .idle(datapath_idle),
      .*
  );

  always_ff @(posedge clk) begin
    for (int i = 0; i < 2; i++) begin
      if (wire_drop_valid[i]) drops[wire_drop_verdict[i].status[5:0]] <= drops[wire_drop_verdict[i].status[5:0]] + 1;
    end
    if (rst) drops <= '0;
  end

  assign idle = csr_idle && dma_idle && datapath_idle;

endmodule

`default_nettype wire
