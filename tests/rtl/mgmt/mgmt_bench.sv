// SPDX-License-Identifier: BSD-2-Clause
//
// vesper_mgmt with the real SA table, policy table and engines; the bench plays host, pipes and sources of verdicts.
// `flip` corrupts the tag that leaves the outbound [0] or the inbound [1] engine.

`default_nettype none

module mgmt_bench
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import csr_pkg::*;
#(
    parameter int BLOCKS     = 4,
    parameter int SA_ENTRIES = 64,
    parameter int POLICIES = 64,
    parameter int POLICY_MASKS = 4
) (
    input  wire                        clk,
    input  wire                        rst,
    input  wire  [  1:0]               flip,
    output logic [ 31:0]               fw_version,
    output logic                       fw_ready,
    output logic                       data_path_open,
    output logic                       selftest_failed,
    output logic                       fw_dead,
    output logic                       idle,
    input  wire                        mbx_ring,
    output logic                       mbx_busy,
    output logic [ 15:0]               mbx_count,
    input  wire                        mbx_wr,
    input  wire  [  8:0]               mbx_wr_addr,
    input  wire  [ 31:0]               mbx_wr_data,
    input  wire  [  3:0]               mbx_wr_be,
    input  wire  [  8:0]               mbx_rd_addr,
    output logic [ 31:0]               mbx_rd_data,
    // outbound lookups
    input  wire                        out_req_valid,
    output logic                       out_req_ready,
    input  wire  [ 31:0]               out_req_handle,
    output logic                       out_rsp_valid,
    output logic [  7:0]               out_rsp_status,
    output logic [ 63:0]               out_rsp_seq,
    output logic [255:0]               out_rsp_key,
    output logic [127:0]               out_rsp_h,
    // policy lookups: of IPv4 packets of TCP
    input  wire                        pol_req_valid,
    output logic                       pol_req_ready,
    input  wire  [ 31:0]               pol_req_dst,
    output logic                       pol_rsp_valid,
    output logic [ 34:0]               pol_rsp,          // policy_rsp_t
    // what the pipes follow
    output logic [383:0]               dscp_map,
    output logic [127:0]               natt_port,
    // the outbound pipe's side of its engine
    input  wire                        s_valid,
    output logic                       s_ready,
    input  wire  [$bits(gcm_job_t)-1:0] s_job,
    input  wire  [511:0]               s_data,
    input  wire  [  6:0]               s_bytes,
    input  wire                        s_last,
    output logic                       m_valid,
    input  wire                        m_ready,
    output logic [511:0]               m_data,
    output logic [  6:0]               m_bytes,
    output logic                       m_last,
    output logic [127:0]               m_tag,
    // verdicts: source 0 is tx, 1 to 3 are rx
    input  wire  [  3:0]               v_valid,
    input  wire  [3:0][ 7:0]           v_status,
    input  wire  [3:0][15:0]           v_len,
    input  wire  [  3:0]               v_silent,
    input  wire  [  1:0]               bad_doorbell,     // [0] tx, [1] rx
    input  wire                        ev_written,
    input  wire  [  1:0]               ev_suppressed,
    input  wire  [  1:0]               ev_lost,
    output logic [ 63:0]               cycles,
    // secrets in registers, ORed together
    output logic                       secret_read,      // the CPU has read where an SA_ADD has key or salt
    output logic                       job_left,
    output logic                       result_left
);

  csr_status_t status;
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
  verdict_t [3:0] verdict;
  logic mgmt_idle, sa_access, pol_access, sa_idle, pol_idle;

  assign fw_version      = status.fw_version;
  assign fw_ready        = status.fw_ready;
  assign selftest_failed = status.selftest_failed;
  assign fw_dead         = status.fw_dead;
  assign idle            = mgmt_idle && sa_idle && pol_idle;

  always_comb begin
    verdict = '0;
    for (int i = 0; i < 4; i++) begin
      verdict[i].status = v_status[i];
      verdict[i].len    = v_len[i];
      verdict[i].silent = v_silent[i];
    end
  end

  vesper_mgmt #(
      .BLOCKS(BLOCKS),
      .SA_ENTRIES(SA_ENTRIES),
      .POLICIES(POLICIES),
      .POLICY_MASKS(POLICY_MASKS)
  ) mgmt (
      .txs_valid(v_valid[0]),
      .txs_verdict(verdict[0]),
      .rxs_valid(v_valid[3:1]),
      .rxs_verdict(verdict[3:1]),
      .tx_bad_doorbell(bad_doorbell[0]),
      .rx_bad_doorbell(bad_doorbell[1]),
      .host_awake(1'b1),
      .idle(mgmt_idle),
      .*
  );

  sa_out_req_t out_req;
  sa_out_rsp_t out_rsp;
  always_comb begin
    out_req           = '0;
    out_req.handle    = out_req_handle;
    out_req.total     = 16'd100;
    out_req.hdr_bytes = 8'd20;
    out_req.mtu       = 16'd1500;
  end
  assign out_rsp_status = out_rsp.status;
  assign out_rsp_seq    = out_rsp.seq;
  assign out_rsp_key    = out_rsp.ctx.c.key;
  assign out_rsp_h      = out_rsp.ctx.c.h;

  /* verilator lint_off PINCONNECTEMPTY */
  sa_table #(
      .ENTRIES(SA_ENTRIES)
  ) table_ (
      .ready(sa_ready),
      .idle(sa_idle),
      .out_rsp_ready(1'b1),
      .in_req_valid(1'b0),
      .in_req_ready(),
      .in_req('0),
      .in_rsp_valid(),
      .in_rsp_ready(1'b1),
      .in_rsp(),
      .cm_req_valid(1'b0),
      .cm_req_ready(),
      .cm_req('0),
      .cm_rsp_valid(),
      .cm_rsp_ready(1'b1),
      .cm_rsp_status(),
      .ev_valid(),
      .ev_ready(1'b1),
      .ev(),
      .*
  );

  policy_req_t pol_req;
  always_comb begin
    pol_req       = '0;
    pol_req.dst   = 128'(pol_req_dst);
    pol_req.proto = 8'd6;
    pol_req.ports = 1'b1;
  end

  policy_table #(
      .ENTRIES(POLICIES),
      .MASKS(POLICY_MASKS)
  ) policies (
      .clk,
      .rst,
      .ready(pol_ready),
      .idle(pol_idle),
      .req_valid(pol_req_valid),
      .req_ready(pol_req_ready),
      .req(pol_req),
      .rsp_valid(pol_rsp_valid),
      .rsp_ready(1'b1),
      .rsp(pol_rsp),
      .cfg_we(pol_cfg_we),
      .cfg_word(pol_cfg_word),
      .cfg_wdata(pol_cfg_wdata),
      .cfg_cmd_valid(pol_cfg_cmd_valid),
      .cfg_cmd_ready(pol_cfg_cmd_ready),
      .cfg_cmd(pol_cfg_cmd),
      .cfg_next(pol_cfg_next),
      .cfg_handle(pol_cfg_handle),
      .cfg_rsp_valid(pol_cfg_rsp_valid),
      .cfg_rsp_status(pol_cfg_rsp_status),
      .cfg_rsp_handle(pol_cfg_rsp_handle),
      .cfg_rd_word(pol_cfg_rd_word),
      .cfg_rd_data(pol_cfg_rd_data)
  );

  logic [1:0] p_valid, p_ready, p_last, q_valid, q_ready, q_last;
  gcm_job_t [1:0] p_job;
  logic [1:0][511:0] p_data, q_data;
  logic [1:0][6:0] p_bytes, q_bytes;
  logic [1:0][127:0] q_tag;
  logic [1:0] pipe_s_ready, pipe_m_valid, pipe_m_last;
  logic [1:0][511:0] pipe_m_data;
  logic [1:0][6:0] pipe_m_bytes;
  logic [1:0][127:0] pipe_m_tag;

  assign s_ready = pipe_s_ready[0];
  assign m_valid = pipe_m_valid[0];
  assign m_data  = pipe_m_data[0];
  assign m_bytes = pipe_m_bytes[0];
  assign m_last  = pipe_m_last[0];
  assign m_tag   = pipe_m_tag[0];

  for (genvar i = 0; i < 2; i++) begin : g_engine
    gcm_inject inject (
        .clk,
        .rst,
        .s_valid(i == 0 && s_valid),
        .s_ready(pipe_s_ready[i]),
        .s_job(s_job),
        .s_data,
        .s_bytes,
        .s_last,
        .m_valid(pipe_m_valid[i]),
        .m_ready(i != 0 || m_ready),
        .m_data(pipe_m_data[i]),
        .m_bytes(pipe_m_bytes[i]),
        .m_last(pipe_m_last[i]),
        .m_tag(pipe_m_tag[i]),
        .e_valid(p_valid[i]),
        .e_ready(p_ready[i]),
        .e_job(p_job[i]),
        .e_data(p_data[i]),
        .e_bytes(p_bytes[i]),
        .e_last(p_last[i]),
        .r_valid(q_valid[i]),
        .r_ready(q_ready[i]),
        .r_data(q_data[i]),
        .r_bytes(q_bytes[i]),
        .r_last(q_last[i]),
        .r_tag(q_tag[i] ^ 128'(flip[i])),
        .c_valid(inj_valid[i]),
        .c_ready(inj_ready[i]),
        .c_job(inj_job),
        .c_data(inj_data),
        .c_bytes(inj_bytes),
        .c_done(inj_done[i]),
        .c_rdata(inj_rdata[i]),
        .c_rbytes(inj_rbytes[i]),
        .c_rtag(inj_rtag[i]),
        .idle()
    );

    gcm_engine #(
        .BLOCKS(BLOCKS)
    ) engine (
        .clk,
        .rst,
        .s_valid(p_valid[i]),
        .s_ready(p_ready[i]),
        .s_job(p_job[i]),
        .s_data(p_data[i]),
        .s_bytes(p_bytes[i]),
        .s_last(p_last[i]),
        .m_valid(q_valid[i]),
        .m_ready(q_ready[i]),
        .m_data(q_data[i]),
        .m_bytes(q_bytes[i]),
        .m_last(q_last[i]),
        .m_tag(q_tag[i]),
        .idle()
    );
  end
  /* verilator lint_on PINCONNECTEMPTY */

  always_ff @(posedge clk) begin
    // Words of the request window, behind a header of six.
    if (mgmt.req_cpu && (mgmt.win_addr == 10'd11 || (mgmt.win_addr >= 10'd20 && mgmt.win_addr < 10'd28)))
      secret_read <= 1'b1;
    if (rst) secret_read <= 1'b0;
  end

  assign job_left    = mgmt.gcm_key != 0 || mgmt.gcm_h != 0 || mgmt.gcm_data != 0;
  assign result_left = mgmt.gcm_tag != 0 || mgmt.gcm_out != 0 || mgmt.h_waiting;

  // Nobody uses the inbound engine but the firmware.
  wire _unused = &{1'b0, pipe_s_ready[1], pipe_m_valid[1], pipe_m_data[1], pipe_m_bytes[1], pipe_m_last[1],
                   pipe_m_tag[1], out_rsp, status};

endmodule

`default_nettype wire
