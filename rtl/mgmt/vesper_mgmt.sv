// SPDX-License-Identifier: BSD-2-Clause
//
// Management: CPU and firmware, mailbox, commands of SA table and policy table, one AES-GCM job for either engine,
// what the firmware sets for the pipes (DSCP map, UDP ports), statistics.
// It is off the packet path; driver/abi/vesper_mgmt.rdl describes what the CPU sees.

`default_nettype none

module vesper_mgmt
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import csr_pkg::*;
#(
    parameter string       FIRMWARE   = "",                 // image for $readmemh
    parameter int          QUEUES     = 2,
    parameter int          BLOCKS     = 4,
    parameter int          SA_ENTRIES = 1024,               // a direction
    parameter int          SA_WINDOW  = 4096,               // largest replay window of the SA table, packets
    parameter int          POLICIES   = 4096,               // of the policy table
    parameter int          POLICY_MASKS = 16,
    parameter int          RX_SOURCES = 3
) (
    input  wire                              clk,
    input  wire                              rst,
    output csr_status_t                      status,           // to vesper_csr
    output logic                             data_path_open,   // as in status
    // mailbox
    input  wire                              mbx_ring,
    output logic                             mbx_busy,
    output logic            [          15:0] mbx_count,
    input  wire                              mbx_wr,
    input  wire             [           8:0] mbx_wr_addr,
    input  wire             [          31:0] mbx_wr_data,
    input  wire             [           3:0] mbx_wr_be,
    input  wire             [           8:0] mbx_rd_addr,
    output logic            [          31:0] mbx_rd_data,
    // sa_table
    input  wire                              sa_ready,
    output logic                             cfg_we,
    output logic            [           6:0] cfg_word,
    output logic            [          31:0] cfg_wdata,
    output logic                             cfg_cmd_valid,
    input  wire                              cfg_cmd_ready,
    output logic            [           2:0] cfg_cmd,
    output logic                             cfg_next,
    output logic            [          31:0] cfg_handle,
    output logic            [          63:0] cfg_arg,
    input  wire                              cfg_rsp_valid,
    input  wire             [           7:0] cfg_rsp_status,
    input  wire             [          31:0] cfg_rsp_handle,
    output logic            [           6:0] cfg_rd_word,
    input  wire             [          31:0] cfg_rd_data,      // in the next cycle
    // policy table
    input  wire                              pol_ready,
    output logic                             pol_cfg_we,
    output logic            [           3:0] pol_cfg_word,
    output logic            [          31:0] pol_cfg_wdata,
    output logic                             pol_cfg_cmd_valid,
    input  wire                              pol_cfg_cmd_ready,
    output logic            [           1:0] pol_cfg_cmd,
    output logic                             pol_cfg_next,
    output logic            [          31:0] pol_cfg_handle,
    input  wire                              pol_cfg_rsp_valid,
    input  wire             [           7:0] pol_cfg_rsp_status,
    input  wire             [          31:0] pol_cfg_rsp_handle,
    output logic            [           3:0] pol_cfg_rd_word,
    input  wire             [          31:0] pol_cfg_rd_data,  // in the next cycle
    // what the pipes follow
    output logic            [     63:0][5:0] dscp_map,         // outer DSCP of each inner one
    output logic            [     7:0][15:0] natt_port,        // where to look for ESP in UDP, numbers; 0: nowhere
    // gcm_inject of the outbound [0] and the inbound [1] engine
    output logic            [           1:0] inj_valid,
    input  wire             [           1:0] inj_ready,
    output gcm_job_t                         inj_job,
    output logic            [         511:0] inj_data,
    output logic            [           6:0] inj_bytes,
    input  wire             [           1:0] inj_done,
    input  wire             [    1:0][511:0] inj_rdata,
    input  wire             [    1:0][  6:0] inj_rbytes,
    input  wire             [    1:0][127:0] inj_rtag,
    // statistics: one pulse a verdict; any number of them in a cycle
    input  wire                              txs_valid,
    input  wire verdict_t                    txs_verdict,
    input  wire             [RX_SOURCES-1:0] rxs_valid,
    input  wire verdict_t   [RX_SOURCES-1:0] rxs_verdict,
    input  wire                              tx_bad_doorbell,
    input  wire                              rx_bad_doorbell,
    input  wire                              ev_written,
    input  wire             [           1:0] ev_suppressed,    // how many in this cycle
    input  wire             [           1:0] ev_lost,
    output logic            [          63:0] cycles,           // card clock, as in the statistics
    input  wire                              host_awake,       // it may reach for the mailbox
    // the CPU writes, reads or commands the SA table, the policy table
    output logic                             sa_access,
    output logic                             pol_access,
    output logic                             idle
);

  if (SA_REC_H_LSB != 2048 || SA_STATE_BYTES > 512 || POLICY_BYTES != 64) begin : g_bad_abi
    $error(
        "vesper_mgmt: H at bit %0d of an SA's record, its state of %0d and a policy of %0d bytes",
        SA_REC_H_LSB,
        SA_STATE_BYTES,
        POLICY_BYTES
    );
  end
  if (SA_ENTRIES < 1 || SA_ENTRIES > 65536 || (SA_ENTRIES & (SA_ENTRIES - 1)) != 0) begin : g_bad_sa
    $error("vesper_mgmt: SA_ENTRIES %0d is not a power of two up to 65536", SA_ENTRIES);
  end

  // ---- clock: in simulation all but the statistics stands still while the CPU sleeps ----
  logic awake;  // the CPU or what it commands
  wire clk_awake;
  clock_gate gate (
      .clk,
      .rst,
      .busy (awake || host_awake),
      .gated(clk_awake)
  );

  vesper_mgmt_regs_pkg::vesper_mgmt__in_t hw_in;
  vesper_mgmt_regs_pkg::vesper_mgmt__out_t hw_out;

  // ---- CPU and bus ----

  logic cpu_asleep, mbx_pending, mbx_erasing, fw_ready, fw_dead;
  logic win_rd, win_wr, reg_req, reg_wr, rd_ack, wr_ack;
  logic [9:0] win_addr;
  logic [11:0] reg_addr;
  logic [31:0] wdata, win_rdata, reg_rdata;
  logic [3:0] be;

  mgmt_cpu #(
      .FIRMWARE(FIRMWARE)
  ) cpu (
      .clk(clk_awake),
      .rst,
      .wake(mbx_pending),
      .asleep(cpu_asleep),
      .dead(fw_dead),
      .win_rd,
      .win_wr,
      .win_addr,
      .wdata,
      .be,
      .win_rdata,
      .reg_req,
      .reg_wr,
      .reg_addr,
      .reg_ack(rd_ack || wr_ack),
      .reg_rdata
  );

  /* verilator lint_off PINCONNECTEMPTY */
  vesper_mgmt_regs regs (
      .clk(clk_awake),
      .rst,
      .s_cpuif_req(reg_req),
      .s_cpuif_req_is_wr(reg_wr),
      .s_cpuif_addr(reg_addr),
      .s_cpuif_wr_data(wdata),
      .s_cpuif_wr_biten({{8{be[3]}}, {8{be[2]}}, {8{be[1]}}, {8{be[0]}}}),
      .s_cpuif_req_stall_wr(),  // one request at a time
      .s_cpuif_req_stall_rd(),
      .s_cpuif_rd_ack(rd_ack),
      .s_cpuif_rd_err(),  // unmapped offsets read as zero
      .s_cpuif_rd_data(reg_rdata),
      .s_cpuif_wr_ack(wr_ack),
      .s_cpuif_wr_err(),
      .hwif_in(hw_in),
      .hwif_out(hw_out)
  );
  /* verilator lint_on PINCONNECTEMPTY */

  logic copy_busy, copy_rd, copy_key_we, copy_sa_we, copy_pol_we, h_taken;
  logic h_waiting;  // gcm_tag is an H that is to be staged
  logic [8:0] copy_addr;
  logic [6:0] copy_word;
  logic [2:0] copy_key_word;
  logic [31:0] copy_wdata;
  logic [63:0] copy_nonzero;
  logic [3:0][31:0] gcm_tag;

  wire req_cpu = win_rd && !win_addr[9];

  mgmt_mailbox mailbox (
      .clk(clk_awake),
      .rst,
      .ring(mbx_ring),
      .busy(mbx_busy),
      .count(mbx_count),
      .h_wr(mbx_wr),
      .h_wr_addr(mbx_wr_addr),
      .h_wr_data(mbx_wr_data),
      .h_wr_be(mbx_wr_be),
      .h_rd_addr(mbx_rd_addr),
      .h_rd_data(mbx_rd_data),
      .serve(fw_ready),
      .pending(mbx_pending),
      .done(hw_out.mbx_done.done.value),
      .erasing(mbx_erasing),
      .rsp_wr(win_wr && win_addr[9]),
      .rsp_addr(win_addr[8:0]),
      .wdata,
      .be,
      .req_rd(req_cpu || copy_rd),
      .req_addr(req_cpu ? win_addr[8:0] : copy_addr),
      .req_rdata(win_rdata)
  );

  // ---- copies from the request window ----

  mgmt_copier copier (
      .clk(clk_awake),
      .rst,
      .busy(copy_busy),
      .start(hw_out.copy_ctl.start.value),
      .from(hw_out.copy_ctl.from.value),
      .words(hw_out.copy_ctl.words.value),
      .policy(hw_out.copy_ctl.policy.value),
      .erase(hw_out.erase.staging.value),
      .nonzero(copy_nonzero),
      .rd(copy_rd),
      .rd_ready(!req_cpu),
      .rd_addr(copy_addr),
      .rd_data(win_rdata),
      .h_valid(h_waiting),
      .h(gcm_tag),
      .h_taken,
      .key_we(copy_key_we),
      .key_word(copy_key_word),
      .sa_we(copy_sa_we),
      .pol_we(copy_pol_we),
      .word(copy_word),
      .wdata(copy_wdata)
  );

  // ---- state ----

  // A CPU that stopped serves nobody, and what it left half done may be wrong: no frame passes any more.
  assign fw_ready       = hw_out.state.fw_ready.value && !fw_dead;
  assign data_path_open = hw_out.state.data_path_open.value && !fw_dead;

  assign status = '{
          fw_version: hw_out.fw_version.version.value,
          fw_ready: fw_ready,
          data_path_open: data_path_open,
          selftest_failed: hw_out.state.selftest_failed.value,
          fw_dead: fw_dead
      };

  // ---- tables ----

  logic sa_busy, sa_done, pol_busy, pol_done;
  logic [7:0] sa_status, pol_status;
  logic [31:0] sa_rsp_handle, pol_rsp_handle;

  assign cfg_we          = copy_sa_we;
  assign cfg_word        = copy_word;
  assign cfg_wdata       = copy_wdata;
  assign cfg_cmd         = hw_out.sa_cmd.op.value;
  assign cfg_next        = hw_out.sa_cmd.next.value;
  assign cfg_handle      = hw_out.sa_handle.handle.value;
  assign cfg_arg         = {hw_out.sa_arg_hi.value.value, hw_out.sa_arg_lo.value.value};
  assign cfg_rd_word     = hw_out.sa_state.addr[8:2];

  assign pol_cfg_we      = copy_pol_we;
  assign pol_cfg_word    = copy_word[3:0];
  assign pol_cfg_wdata   = copy_wdata;
  assign pol_cfg_cmd     = hw_out.pol_cmd.op.value;
  assign pol_cfg_next    = hw_out.pol_cmd.next.value;
  assign pol_cfg_handle  = hw_out.pol_handle.handle.value;
  assign pol_cfg_rd_word = hw_out.pol_state.addr[5:2];

  mgmt_command sa_command (
      .clk(clk_awake),
      .rst,
      .start(hw_out.sa_cmd.start.value),
      .busy(sa_busy),
      .done(sa_done),
      .status(sa_status),
      .handle(sa_rsp_handle),
      .cmd_valid(cfg_cmd_valid),
      .cmd_ready(cfg_cmd_ready),
      .rsp_valid(cfg_rsp_valid),
      .rsp_status(cfg_rsp_status),
      .rsp_handle(cfg_rsp_handle)
  );

  mgmt_command policy_command (
      .clk(clk_awake),
      .rst,
      .start(hw_out.pol_cmd.start.value),
      .busy(pol_busy),
      .done(pol_done),
      .status(pol_status),
      .handle(pol_rsp_handle),
      .cmd_valid(pol_cfg_cmd_valid),
      .cmd_ready(pol_cfg_cmd_ready),
      .rsp_valid(pol_cfg_rsp_valid),
      .rsp_status(pol_cfg_rsp_status),
      .rsp_handle(pol_cfg_rsp_handle)
  );

  // ---- what the pipes follow ----

  // The first port is RFC 3948's; whether an SA uses it makes no difference.
  always_comb begin
    natt_port[0] = 16'd4500;
    for (int i = 0; i < 7; i++) natt_port[i+1] = hw_out.natt_port[i].port.value;
  end

  always_ff @(posedge clk_awake) begin
    if (hw_out.dscp_map.req)
      for (int i = 0; i < 4; i++) dscp_map[{hw_out.dscp_map.addr[5:2], 2'(i)}] <= hw_out.dscp_map.wr_data[8*i+:6];
    if (rst) for (int i = 0; i < 64; i++) dscp_map[i] <= 6'(i);
  end

  // ---- AES-GCM job ----

  logic gcm_valid, gcm_busy, gcm_done;  // offered to the engine; start to result; result there
  logic gcm_dropped;  // erased while under way: the result is not kept when it comes
  logic gcm_engine;
  logic [7:0][31:0] gcm_key;
  logic [3:0][31:0] gcm_h, gcm_j0, gcm_aad;
  logic [15:0][31:0] gcm_data, gcm_out;
  logic [6:0] gcm_bytes;

  wire gcm_start = hw_out.gcm_ctl.start.value && !gcm_busy;
  wire gcm_erase = hw_out.erase.job.value && !gcm_busy;
  wire gcm_drop = hw_out.erase.job.value && gcm_busy;
  wire gcm_taken = gcm_valid && inj_ready[gcm_engine];
  wire gcm_answer = gcm_busy && inj_done[gcm_engine];

  always_comb begin
    inj_valid = '0;
    inj_valid[gcm_engine] = gcm_valid;
    inj_job = '{
        key: gcm_key,
        key_len: hw_out.gcm_ctl.key_len.value,
        h: gcm_h,
        j0: gcm_j0,
        aad: {32'd0, gcm_aad},
        aad_bytes: hw_out.gcm_ctl.aad_bytes.value,
        decrypt: hw_out.gcm_ctl.decrypt.value,
        auth_only: hw_out.gcm_ctl.auth_only.value
    };
    inj_data = gcm_data;
    inj_bytes = hw_out.gcm_ctl.bytes.value;
  end

  always_ff @(posedge clk_awake) begin
    if (hw_out.gcm_key.req) gcm_key[hw_out.gcm_key.addr[4:2]] <= hw_out.gcm_key.wr_data;
    // Not into a job that the engine may be reading; the firmware does not start one then.
    if (copy_key_we && !gcm_busy) gcm_key[copy_key_word] <= copy_wdata;
    if (hw_out.gcm_h.req) gcm_h[hw_out.gcm_h.addr[3:2]] <= hw_out.gcm_h.wr_data;
    if (hw_out.gcm_j0.req) gcm_j0[hw_out.gcm_j0.addr[3:2]] <= hw_out.gcm_j0.wr_data;
    if (hw_out.gcm_aad.req) gcm_aad[hw_out.gcm_aad.addr[3:2]] <= hw_out.gcm_aad.wr_data;
    if (hw_out.gcm_data.req) gcm_data[hw_out.gcm_data.addr[5:2]] <= hw_out.gcm_data.wr_data;
    if (gcm_start) begin
      gcm_valid  <= 1'b1;
      gcm_busy   <= 1'b1;
      gcm_done   <= 1'b0;
      gcm_engine <= hw_out.gcm_ctl.engine.value;
    end
    if (gcm_taken) gcm_valid <= 1'b0;
    if (gcm_taken || gcm_erase || rst) begin
      gcm_key  <= '0;
      gcm_h    <= '0;
      gcm_j0   <= '0;
      gcm_aad  <= '0;
      gcm_data <= '0;
    end
    if (gcm_answer) begin
      gcm_busy <= 1'b0;
      if (!gcm_dropped && !gcm_drop) begin
        gcm_done  <= !hw_out.gcm_ctl.to_sa.value;
        h_waiting <= hw_out.gcm_ctl.to_sa.value;
        gcm_out   <= inj_rdata[gcm_engine];
        gcm_bytes <= inj_rbytes[gcm_engine];
        gcm_tag   <= inj_rtag[gcm_engine];
      end
    end
    if (h_taken) begin
      h_waiting <= 1'b0;
      gcm_done  <= 1'b1;
      gcm_out   <= '0;
      gcm_tag   <= '0;
    end
    gcm_dropped <= gcm_busy && !gcm_answer && (gcm_dropped || gcm_drop) && !rst;
    if (gcm_erase || rst) begin
      h_waiting <= 1'b0;
      gcm_done  <= 1'b0;
      gcm_out   <= '0;
      gcm_bytes <= '0;
      gcm_tag   <= '0;
    end
    if (rst) begin
      gcm_valid  <= 1'b0;
      gcm_busy   <= 1'b0;
      gcm_engine <= 1'b0;
    end
  end

  // ---- statistics ----

  logic [31:0] stats_data;

  vesper_stats #(
      .RX_SOURCES(RX_SOURCES)
  ) stats (
      .clk,
      .rst,
      .tx_valid(txs_valid),
      .tx_verdict(txs_verdict),
      .rx_valid(rxs_valid),
      .rx_verdict(rxs_verdict),
      .tx_bad_doorbell,
      .rx_bad_doorbell,
      .ev_written,
      .ev_suppressed,
      .ev_lost,
      .cycles,
      .snapshot(hw_out.stats_ctl.snapshot.value),
      .clear(hw_out.stats_ctl.clear.value),
      .rd(hw_out.stats.req),
      .rd_addr(hw_out.stats.addr[10:2]),
      .rd_data(stats_data)
  );

  // ---- what the CPU reads ----

  // What has another clock in simulation, kept: else the registers' read-out would be worked out at each edge of that
  // clock. The data is there the cycle after the request, here after another one.
  logic sa_is_ready, pol_is_ready;
  logic [1:0] sa_rd, pol_rd, stats_rd;  // how long ago the read was
  logic [31:0] sa_rd_data, pol_rd_data, stats_rd_data;

  always_ff @(posedge clk_awake) begin
    sa_is_ready   <= sa_ready;
    pol_is_ready  <= pol_ready;
    sa_rd_data    <= cfg_rd_data;
    pol_rd_data   <= pol_cfg_rd_data;
    stats_rd_data <= stats_data;
    sa_rd         <= {sa_rd[0], hw_out.sa_state.req};
    pol_rd        <= {pol_rd[0], hw_out.pol_state.req};
    stats_rd      <= {stats_rd[0], hw_out.stats.req};
    if (rst) begin
      sa_rd    <= '0;
      pol_rd   <= '0;
      stats_rd <= '0;
    end
  end

  always_comb begin
    hw_in.geometry.queues.next = 8'(QUEUES);
    hw_in.geometry.blocks.next = 8'(BLOCKS);
    hw_in.geometry.sa_log2.next = 8'($clog2(SA_ENTRIES));
    hw_in.mbx.busy.next = mbx_pending;
    hw_in.limits.replay_max.next = 16'(SA_WINDOW);
    hw_in.limits.policy_masks.next = 16'(POLICY_MASKS);
    hw_in.policies.entries.next = 32'(POLICIES);
    hw_in.copy_status.busy.next = copy_busy;
    hw_in.copy_lo.words.next = copy_nonzero[31:0];
    hw_in.copy_hi.words.next = copy_nonzero[63:32];
    hw_in.pol_status.done.next = pol_done;
    hw_in.pol_status.ready.next = pol_is_ready;
    hw_in.pol_status.status.next = pol_status;
    hw_in.pol_rsp_handle.handle.next = pol_rsp_handle;
    hw_in.sa_status.done.next = sa_done;
    hw_in.sa_status.ready.next = sa_is_ready;
    hw_in.sa_status.status.next = sa_status;
    hw_in.sa_rsp_handle.handle.next = sa_rsp_handle;
    // Byte strings that are only written, and such that are only read.
    hw_in.gcm_key = '{rd_ack: 1'b0, rd_data: '0, wr_ack: hw_out.gcm_key.req};
    hw_in.gcm_h = '{rd_ack: 1'b0, rd_data: '0, wr_ack: hw_out.gcm_h.req};
    hw_in.gcm_j0 = '{rd_ack: 1'b0, rd_data: '0, wr_ack: hw_out.gcm_j0.req};
    hw_in.gcm_aad = '{rd_ack: 1'b0, rd_data: '0, wr_ack: hw_out.gcm_aad.req};
    hw_in.gcm_data = '{rd_ack: 1'b0, rd_data: '0, wr_ack: hw_out.gcm_data.req};
    hw_in.gcm_tag = '{rd_ack: hw_out.gcm_tag.req, rd_data: gcm_tag[hw_out.gcm_tag.addr[3:2]], wr_ack: 1'b0};
    hw_in.gcm_out = '{rd_ack: hw_out.gcm_out.req, rd_data: gcm_out[hw_out.gcm_out.addr[5:2]], wr_ack: 1'b0};
    hw_in.sa_state = '{rd_ack: sa_rd[1], rd_data: sa_rd_data, wr_ack: 1'b0};
    hw_in.pol_state = '{rd_ack: pol_rd[1], rd_data: pol_rd_data, wr_ack: 1'b0};
    hw_in.dscp_map = '{rd_ack: 1'b0, rd_data: '0, wr_ack: hw_out.dscp_map.req};
    hw_in.gcm_status.done.next = gcm_done;
    hw_in.gcm_status.busy.next = gcm_busy;
    hw_in.gcm_status.bytes.next = gcm_bytes;
    hw_in.stats = '{rd_ack: stats_rd[1], rd_data: stats_rd_data, wr_ack: 1'b0};
  end

  assign sa_access  = copy_sa_we || sa_busy || hw_out.sa_state.req;
  assign pol_access = copy_pol_we || pol_busy || hw_out.pol_state.req;

  assign awake = !cpu_asleep || mbx_ring || mbx_erasing || copy_busy || sa_busy || pol_busy || gcm_busy;
  assign idle  = !awake && !txs_valid && rxs_valid == '0;

endmodule

`default_nettype wire
