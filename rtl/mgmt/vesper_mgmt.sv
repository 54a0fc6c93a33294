// SPDX-License-Identifier: BSD-2-Clause
//
// Management: CPU and firmware, mailbox, SA table commands, one AES-GCM job for either engine, statistics.
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
    parameter logic [47:0] MAC        = 48'h01_00_50_53_56_02, // byte 0, the first on the wire, in [7:0]
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
    output logic            [           5:0] cfg_word,
    output logic            [          31:0] cfg_wdata,
    output logic                             cfg_cmd_valid,
    input  wire                              cfg_cmd_ready,
    output logic            [           1:0] cfg_cmd,
    output logic                             cfg_next,
    output logic            [          31:0] cfg_handle,
    input  wire                              cfg_rsp_valid,
    input  wire             [           7:0] cfg_rsp_status,
    input  wire             [          31:0] cfg_rsp_handle,
    input  wire             [8*SA_STATE_BYTES-1:0] cfg_rsp_state,
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
    output logic                             idle
);

  if (SA_REC_BYTES != 256 || SA_STATE_BYTES != 88) begin : g_bad_abi
    $error(
        "vesper_mgmt: SA record of %0d and state of %0d bytes; the registers have 256 and 88",
        SA_REC_BYTES,
        SA_STATE_BYTES
    );
  end
  if (SA_ENTRIES < 1 || SA_ENTRIES > 65536 || (SA_ENTRIES & (SA_ENTRIES - 1)) != 0) begin : g_bad_sa
    $error("vesper_mgmt: SA_ENTRIES %0d is not a power of two up to 65536", SA_ENTRIES);
  end

  vesper_mgmt_regs_pkg::vesper_mgmt__in_t hw_in;
  vesper_mgmt_regs_pkg::vesper_mgmt__out_t hw_out;

  // ---- CPU and bus ----

  logic cpu_asleep, mbx_pending, fw_ready, fw_dead;
  logic win_rd, win_wr, reg_req, reg_wr, rd_ack, wr_ack;
  logic [9:0] win_addr, mbx_words;
  logic [11:0] reg_addr;
  logic [31:0] wdata, win_rdata, reg_rdata;
  logic [3:0] be;

  mgmt_cpu #(
      .FIRMWARE(FIRMWARE)
  ) cpu (
      .clk,
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
      .clk,
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

  mgmt_mailbox mailbox (
      .clk,
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
      .words(mbx_words),
      .done(hw_out.mbx_done.done.value),
      .req_rd(win_rd && !win_addr[9]),
      .req_wr(win_wr && !win_addr[9]),
      .rsp_wr(win_wr && win_addr[9]),
      .addr(win_addr[8:0]),
      .wdata,
      .be,
      .req_rdata(win_rdata)
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
          fw_dead: fw_dead,
          mac: {hw_out.mac_hi.bytes.value, hw_out.mac_lo.bytes.value}
      };

  // ---- SA table ----

  logic sa_pending, sa_sent, sa_done;  // command given; taken by the table; answered
  logic [7:0] sa_status;
  logic [31:0] sa_rsp_handle;
  logic [31:0][31:0] sa_state;

  wire sa_start = hw_out.sa_cmd.start.value && !sa_pending;

  assign sa_state      = 1024'(cfg_rsp_state);
  assign cfg_we        = hw_out.sa_record.req;
  assign cfg_word      = hw_out.sa_record.addr[7:2];
  assign cfg_wdata     = hw_out.sa_record.wr_data;
  assign cfg_cmd_valid = sa_pending && !sa_sent;
  assign cfg_cmd       = hw_out.sa_cmd.op.value;
  assign cfg_next      = hw_out.sa_cmd.next.value;
  assign cfg_handle    = hw_out.sa_handle.handle.value;

  always_ff @(posedge clk) begin
    if (sa_start) begin
      sa_pending <= 1'b1;
      sa_sent    <= 1'b0;
      sa_done    <= 1'b0;
    end
    if (cfg_cmd_valid && cfg_cmd_ready) sa_sent <= 1'b1;
    if (sa_pending && cfg_rsp_valid) begin
      sa_pending    <= 1'b0;
      sa_done       <= 1'b1;
      sa_status     <= cfg_rsp_status;
      sa_rsp_handle <= cfg_rsp_handle;
    end
    if (rst) begin
      sa_pending    <= 1'b0;
      sa_sent       <= 1'b0;
      sa_done       <= 1'b0;
      sa_status     <= '0;
      sa_rsp_handle <= '0;
    end
  end

  // ---- AES-GCM job ----

  logic gcm_valid, gcm_busy, gcm_done;  // offered to the engine; start to result; result there
  logic gcm_dropped;  // erased while under way: the result is not kept when it comes
  logic gcm_engine;
  logic [7:0][31:0] gcm_key;
  logic [3:0][31:0] gcm_h, gcm_j0, gcm_aad, gcm_tag;
  logic [15:0][31:0] gcm_data, gcm_out;
  logic [6:0] gcm_bytes;

  wire gcm_start = hw_out.gcm_ctl.start.value && !gcm_busy;
  wire gcm_erase = hw_out.gcm_erase.erase.value && !gcm_busy;
  wire gcm_drop = hw_out.gcm_erase.erase.value && gcm_busy;
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
        auth_only: 1'b0
    };
    inj_data = gcm_data;
    inj_bytes = hw_out.gcm_ctl.bytes.value;
  end

  always_ff @(posedge clk) begin
    if (hw_out.gcm_key.req) gcm_key[hw_out.gcm_key.addr[4:2]] <= hw_out.gcm_key.wr_data;
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
        gcm_done  <= 1'b1;
        gcm_out   <= inj_rdata[gcm_engine];
        gcm_bytes <= inj_rbytes[gcm_engine];
        gcm_tag   <= inj_rtag[gcm_engine];
      end
    end
    gcm_dropped <= gcm_busy && !gcm_answer && (gcm_dropped || gcm_drop) && !rst;
    if (gcm_erase || rst) begin
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

  logic stats_rd, stats_ack;
  logic [31:0] stats_data;

  assign stats_rd = hw_out.stats.req;

  always_ff @(posedge clk) stats_ack <= hw_out.stats.req && !rst;

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
      .snapshot(hw_out.stats_ctl.snapshot.value),
      .clear(hw_out.stats_ctl.clear.value),
      .rd(stats_rd),
      .rd_addr(hw_out.stats.addr[10:2]),
      .rd_data(stats_data)
  );

  // ---- what the CPU reads ----

  always_comb begin
    hw_in.geometry.queues.next = 8'(QUEUES);
    hw_in.geometry.blocks.next = 8'(BLOCKS);
    hw_in.geometry.sa_log2.next = 8'($clog2(SA_ENTRIES));
    hw_in.mbx.busy.next = mbx_pending;
    hw_in.mbx.words.next = mbx_words;
    hw_in.board_mac_lo.bytes.next = MAC[31:0];
    hw_in.board_mac_hi.bytes.next = MAC[47:32];
    hw_in.sa_status.done.next = sa_done;
    hw_in.sa_status.ready.next = sa_ready;
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
    hw_in.sa_state = '{rd_ack: hw_out.sa_state.req, rd_data: sa_state[hw_out.sa_state.addr[6:2]], wr_ack: 1'b0};
    hw_in.gcm_status.done.next = gcm_done;
    hw_in.gcm_status.busy.next = gcm_busy;
    hw_in.gcm_status.bytes.next = gcm_bytes;
    hw_in.sa_record = '{rd_ack: 1'b0, rd_data: '0, wr_ack: cfg_we};
    hw_in.stats = '{rd_ack: stats_ack, rd_data: stats_data, wr_ack: 1'b0};
  end

  assign idle = cpu_asleep && !mbx_ring && !sa_pending && !gcm_busy && !txs_valid && rxs_valid == '0;

endmodule

`default_nettype wire
