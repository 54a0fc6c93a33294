// SPDX-License-Identifier: BSD-2-Clause
//
// BAR0: the registers that PeakRDL made of driver/abi/vesper.rdl, between AXI4-Lite and the blocks that they
// configure or show. Unmapped addresses read as 0 and ignore writes; the bus always answers.
//
// The mailbox windows lie in vesper_mgmt. The request window is write only (it carries keys) and closed while the
// firmware has it; the response window is read only.

`default_nettype none

module vesper_csr
  import vesper_csr_regs_pkg::*;
  import vesper_abi_pkg::*;
  import csr_pkg::*;
  import dma_pkg::*;
  import event_pkg::*;
  import rx_pkg::*;
#(
    parameter int QUEUES     = 2,
    parameter int BLOCKS     = 4,    // of each AES-GCM engine, for the geometry register
    parameter int SA_ENTRIES = 1024  // a direction, for the geometry register
) (
    input  wire                        clk,
    input  wire                        rst,
    input  wire               [  47:0] mac,          // the card's own; byte 0, the first on the wire, in [7:0]
    // AXI4-Lite
    input  wire                        s_axil_awvalid,
    output logic                       s_axil_awready,
    input  wire               [  16:0] s_axil_awaddr,
    input  wire               [   2:0] s_axil_awprot,
    input  wire                        s_axil_wvalid,
    output logic                       s_axil_wready,
    input  wire               [  31:0] s_axil_wdata,
    input  wire               [   3:0] s_axil_wstrb,
    output logic                       s_axil_bvalid,
    input  wire                        s_axil_bready,
    output logic              [   1:0] s_axil_bresp,
    input  wire                        s_axil_arvalid,
    output logic                       s_axil_arready,
    input  wire               [  16:0] s_axil_araddr,
    input  wire               [   2:0] s_axil_arprot,
    output logic                       s_axil_rvalid,
    input  wire                        s_axil_rready,
    output logic              [  31:0] s_axil_rdata,
    output logic              [   1:0] s_axil_rresp,
    // configuration
    output logic                       miss_to_host,
    output logic                       fragment_to_host,
    output logic                       rx_enable,
    output logic                       policy_bypass,
    output logic              [  15:0] mtu,
    output logic              [   3:0] rx_queue,
    output rx_filter_t                 rx_filter,
    output rss_t                       rss,
    output queue_cfg_t  [QUEUES-1:0]   q_cfg,
    output queue_db_t   [QUEUES-1:0]   q_db,
    input  wire queue_state_t [QUEUES-1:0] q_state,
    output event_cfg_t                 ev_cfg,
    output event_db_t                  ev_db,
    input  wire event_state_t          ev_state,
    // management
    input  wire csr_status_t           status,
    output logic                       mbx_ring,     // pulse
    input  wire                        mbx_busy,
    input  wire               [  15:0] mbx_count,
    output logic                       mbx_wr,
    output logic              [   8:0] mbx_wr_addr,  // words
    output logic              [  31:0] mbx_wr_data,
    output logic              [   3:0] mbx_wr_be,
    output logic              [   8:0] mbx_rd_addr,
    input  wire               [  31:0] mbx_rd_data,  // one cycle after the address
    output logic                       idle
);

  vesper__in_t in;
  vesper__out_t out;

  localparam int RegQueues = $size(in.queue);
  if (QUEUES < 1 || QUEUES > RegQueues) begin : g_queues
    $fatal(1, "QUEUES is %0d, must be 1..%0d, as many as vesper.rdl describes", QUEUES, RegQueues);
  end

  vesper_csr_regs u_regs (
      .clk,
      .rst,
      .s_axil_awready,
      .s_axil_awvalid,
      .s_axil_awaddr,
      .s_axil_awprot,
      .s_axil_wready,
      .s_axil_wvalid,
      .s_axil_wdata,
      .s_axil_wstrb,
      .s_axil_bready,
      .s_axil_bvalid,
      .s_axil_bresp,
      .s_axil_arready,
      .s_axil_arvalid,
      .s_axil_araddr,
      .s_axil_arprot,
      .s_axil_rready,
      .s_axil_rvalid,
      .s_axil_rdata,
      .s_axil_rresp,
      .hwif_in(in),
      .hwif_out(out)
  );

  localparam int Features = FEAT_ESP_OUT | FEAT_ESP_IN | FEAT_LOOKASIDE | FEAT_TUNNEL | FEAT_TRANSPORT | FEAT_IPV4 |
      FEAT_AES_GCM | FEAT_IPV6 | FEAT_AES_GMAC | FEAT_ESN | FEAT_UDP | FEAT_INPLACE | FEAT_POLICY | FEAT_LIFETIME |
      FEAT_EVENTS | FEAT_SG | FEAT_TX_CSUM | FEAT_TSO | FEAT_RX_CSUM | FEAT_RSS | FEAT_FILTER | FEAT_MODERATION |
      FEAT_NUMBERED;
  // What the card shows: taken over where it is read, so that nobody picks from it while no one reads.
  csr_status_t shown;
  queue_state_t [QUEUES-1:0] q_shown;
  event_state_t ev_shown;
  logic mbx_busy_shown;
  logic [15:0] mbx_count_shown;
  logic [31:0] mbx_data_shown;
  logic [47:0] own_mac;
  always_ff @(posedge clk) begin
    shown <= status;
    q_shown <= q_state;
    ev_shown <= ev_state;
    mbx_busy_shown <= mbx_busy;
    mbx_count_shown <= mbx_count;
    mbx_data_shown <= mbx_rd_data;
    own_mac <= mac;
  end

  assign in.abi.major.next = 16'(ABI_MAJOR);
  assign in.abi.minor.next = 16'(ABI_MINOR);
  assign in.features.bits.next = 32'(Features);
  assign in.geometry.queues.next = 8'(QUEUES);
  assign in.geometry.blocks.next = 8'(BLOCKS);
  assign in.geometry.sa_log2.next = 8'($clog2(SA_ENTRIES));
  assign in.fw_version.version.next = shown.fw_version;
  assign in.state.fw_ready.next = shown.fw_ready;
  assign in.state.data_path_open.next = shown.data_path_open;
  assign in.state.selftest_failed.next = shown.selftest_failed;
  assign in.state.fw_dead.next = shown.fw_dead;
  assign in.mac_lo.bytes.next = own_mac[31:0];
  assign in.mac_hi.bytes.next = own_mac[47:32];
  assign in.own_mac_lo = own_mac[31:0];
  assign in.own_mac_hi = own_mac[47:32];
  assign in.mbx_status.busy.next = mbx_busy_shown;
  assign in.mbx_status.count.next = mbx_count_shown;

  assign miss_to_host = out.control.miss_to_host.value;
  assign fragment_to_host = out.control.fragment_to_host.value;
  assign rx_enable = out.control.rx_enable.value;
  assign policy_bypass = out.control.policy_bypass.value;
  assign mtu = out.mtu.frame.value;
  assign rx_queue = out.rx_queue.queue.value;
  assign rx_filter.promisc = out.rx_filter.promisc.value;
  assign rx_filter.all_multicast = out.rx_filter.all_multicast.value;
  assign rx_filter.station = {out.station_hi.bytes.value, out.station_lo.bytes.value};
  for (genvar i = 0; i < FILTERS; i++) begin : g_filter
    assign rx_filter.valid[i] = out.filter[i].hi.valid.value;
    assign rx_filter.address[i] = {out.filter[i].hi.bytes.value, out.filter[i].lo.bytes.value};
  end
  assign rss.enable = out.rss_ctrl.enable.value;
  assign rss.ipv4 = out.rss_ctrl.ipv4.value;
  assign rss.tcp4 = out.rss_ctrl.tcp4.value;
  assign rss.udp4 = out.rss_ctrl.udp4.value;
  assign rss.ipv6 = out.rss_ctrl.ipv6.value;
  assign rss.tcp6 = out.rss_ctrl.tcp6.value;
  assign rss.udp6 = out.rss_ctrl.udp6.value;
  for (genvar i = 0; i < RSS_KEY_BYTES / 4; i++) begin : g_key
    assign rss.key[32*i+:32] = out.rss_key[i].bytes.value;
  end
  for (genvar i = 0; i < RSS_ENTRIES / 4; i++) begin : g_table
    assign rss.entry[4*i+:4] = out.rss_table[i].queues.value;
  end
  assign mbx_ring = out.mbx_doorbell.ring.value && !mbx_busy;

  // ---- queue pairs ----
  // The new value stands one cycle after the write strobe.
  logic [RegQueues-1:0] tx_tail_we, rx_tail_we, arm_we;
  for (genvar i = 0; i < RegQueues; i++) begin : g_queue
    always_ff @(posedge clk) begin
      tx_tail_we[i] <= !rst && out.doorbell[i].tx_tail.index.swmod;
      rx_tail_we[i] <= !rst && out.doorbell[i].rx_tail.index.swmod;
      arm_we[i] <= !rst && (out.doorbell[i].arm.tx_seen.swmod || out.doorbell[i].arm.rx_seen.swmod);
    end
    if (i < QUEUES) begin : g_there
      assign q_cfg[i] = '{
              enable: out.queue[i].ctrl.enable.value,
              tx_log2: out.queue[i].ctrl.tx_log2.value,
              rx_log2: out.queue[i].ctrl.rx_log2.value,
              wait_cycles: {out.queue[i].moderation.delay.value, 6'd0},
              wait_frames: out.queue[i].moderation.frames.value,
              tx_base: {out.queue[i].tx_base_hi.addr.value, out.queue[i].tx_base_lo.addr.value},
              tx_cpl: {out.queue[i].tx_cpl_hi.addr.value, out.queue[i].tx_cpl_lo.addr.value},
              rx_base: {out.queue[i].rx_base_hi.addr.value, out.queue[i].rx_base_lo.addr.value},
              rx_cpl: {out.queue[i].rx_cpl_hi.addr.value, out.queue[i].rx_cpl_lo.addr.value}
          };
      assign q_db[i] = '{
              tx_tail_we: tx_tail_we[i],
              tx_tail: out.doorbell[i].tx_tail.index.value,
              rx_tail_we: rx_tail_we[i],
              rx_tail: out.doorbell[i].rx_tail.index.value,
              arm_we: arm_we[i],
              tx_seen: out.doorbell[i].arm.tx_seen.value,
              rx_seen: out.doorbell[i].arm.rx_seen.value
          };
      assign in.queue[i].state.active.next = q_shown[i].active;
      assign in.queue[i].state.bad_config.next = q_shown[i].bad_config;
      assign in.queue[i].state.tx_bad_doorbell.next = q_shown[i].tx_bad_doorbell;
      assign in.queue[i].state.rx_bad_doorbell.next = q_shown[i].rx_bad_doorbell;
      assign in.queue[i].state.dma_error.next = q_shown[i].dma_error;
    end else begin : g_absent
      assign in.queue[i].state.active.next = 1'b0;
      assign in.queue[i].state.bad_config.next = 1'b0;
      assign in.queue[i].state.tx_bad_doorbell.next = 1'b0;
      assign in.queue[i].state.rx_bad_doorbell.next = 1'b0;
      assign in.queue[i].state.dma_error.next = 1'b0;
    end
  end

  // ---- event ring ----
  logic seen_we;
  always_ff @(posedge clk) seen_we <= !rst && (out.event_seen.index.swmod || out.event_seen.arm.swmod);
  assign ev_cfg = '{
          enable: out.event_ctrl.enable.value,
          size_log2: out.event_ctrl.log2.value,
          base: {out.event_base_hi.addr.value, out.event_base_lo.addr.value},
          interval: out.event_interval.cycles.value
      };
  assign ev_db = '{seen_we: seen_we, seen: out.event_seen.index.value, arm: out.event_seen.arm.value};
  assign in.event_state.active.next = ev_shown.active;
  assign in.event_state.bad_config.next = ev_shown.bad_config;
  assign in.event_state.bad_seen.next = ev_shown.bad_seen;
  assign in.event_state.full.next = ev_shown.full;
  assign in.event_state.dma_error.next = ev_shown.dma_error;

  // ---- mailbox windows ----
  assign mbx_wr = out.mbx_request.req && out.mbx_request.req_is_wr && !mbx_busy;
  assign mbx_wr_addr = out.mbx_request.addr[10:2];
  assign mbx_wr_data = out.mbx_request.wr_data;
  assign mbx_wr_be = {
    out.mbx_request.wr_biten[24],
    out.mbx_request.wr_biten[16],
    out.mbx_request.wr_biten[8],
    out.mbx_request.wr_biten[0]
  };
  assign mbx_rd_addr = out.mbx_response.addr[10:2];

  logic req_wr_ack, req_rd_ack, rsp_wr_ack, rsp_rd, rsp_rd_ack;
  always_ff @(posedge clk) begin
    req_wr_ack <= !rst && out.mbx_request.req && out.mbx_request.req_is_wr;
    req_rd_ack <= !rst && out.mbx_request.req && !out.mbx_request.req_is_wr;
    rsp_wr_ack <= !rst && out.mbx_response.req && out.mbx_response.req_is_wr;
    rsp_rd <= !rst && out.mbx_response.req && !out.mbx_response.req_is_wr;
    rsp_rd_ack <= !rst && rsp_rd;
  end
  assign in.mbx_request.wr_ack = req_wr_ack;
  assign in.mbx_request.rd_ack = req_rd_ack;
  assign in.mbx_request.rd_data = '0;
  assign in.mbx_response.wr_ack = rsp_wr_ack;
  assign in.mbx_response.rd_ack = rsp_rd_ack;
  assign in.mbx_response.rd_data = mbx_data_shown;

  // ---- idle: no access under way, no pulse on its way ----
  logic [2:0] writes, reads;  // addresses taken, not answered
  always_ff @(posedge clk) begin
    if (rst) begin
      writes <= '0;
      reads <= '0;
    end else begin
      writes <= writes + 3'(s_axil_awvalid && s_axil_awready) - 3'(s_axil_bvalid && s_axil_bready);
      reads <= reads + 3'(s_axil_arvalid && s_axil_arready) - 3'(s_axil_rvalid && s_axil_rready);
    end
  end
  assign idle = writes == 0 && reads == 0 && !s_axil_awvalid && !s_axil_wvalid && !s_axil_arvalid && !mbx_ring &&
      (tx_tail_we | rx_tail_we | arm_we) == 0 && !seen_we;

endmodule

`default_nettype wire
