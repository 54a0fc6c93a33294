// SPDX-License-Identifier: BSD-2-Clause
//
// Everything between the host's DMA and the wire: one straight pipe a direction.
//
//                         policy_table
//                            ▼
//                     ┌─► esp_out ◄─► gcm_engine ─┬─► wire_tx ─► wire
//   tx (from DMA) ────┤      ▲                    │
//                     │   sa_table                └─(lookaside)─┐
//                     │      ▼                                  ▼
//   wire ─► wire_rx ──┴─► esp_in ◄──► gcm_engine ─────────────► rx (to DMA)
//
// Both pipes and the SA table tell events. Frames of the host that are to be decrypted join those from the wire; lookaside results join what was received.
// Between each pipe and its engine stands a gcm_inject, through which the management CPU tests the engines.

`default_nettype none

module vesper_datapath
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import rx_pkg::*;
#(
    parameter int BLOCKS         = 4,     // 128-bit blocks a cycle of each engine: 1, 2, 4
    parameter int SA_ENTRIES     = 1024,  // a direction
    parameter int WINDOW_MAX     = 4096,  // largest replay window
    parameter int POLICY_ENTRIES = 4096,
    parameter int POLICY_MASKS   = 16     // different masks of policies
) (
    input  wire              clk,
    input  wire              rst,
    // configuration
    input  wire              rx_enable,
    input  wire rx_filter_t  rx_filter,
    input  wire              miss_to_host,
    input  wire              fragment_to_host,
    input  wire      [ 15:0] mtu,
    input  wire      [  3:0] rx_queue,
    input  wire              policy_bypass,
    input  wire [63:0][ 5:0] dscp_map,
    input  wire [ 7:0][15:0] natt_port,
    // frames from and to the host
    input  wire              tx_valid,
    output logic             tx_ready,
    input  beat_t            tx_beat,
    input  meta_t            tx_meta,
    output logic             rx_valid,
    input  wire              rx_ready,
    output beat_t            rx_beat,
    output meta_t            rx_meta,
    // fates: of host frames that were sent or dropped outbound (0) or dropped inbound (1); of wire frames that were
    // dropped by the port (0) or by the pipe (1), as pulses
    output logic     [  1:0] host_valid,
    input  wire      [  1:0] host_ready,
    output verdict_t [  1:0] host_verdict,
    output logic     [  1:0] wire_drop_valid,
    output verdict_t [  1:0] wire_drop_verdict,
    // events: of packets that were dropped outbound (0) and inbound (1), as pulses; of the SA table
    output logic     [  1:0] drop_valid,
    output event_t   [  1:0] drop,
    output logic             sa_ev_valid,
    input  wire              sa_ev_ready,
    output event_t           sa_ev,
    // wire
    output logic     [511:0] wire_tx_axis_tdata,
    output logic     [ 63:0] wire_tx_axis_tkeep,
    output logic             wire_tx_axis_tvalid,
    input  wire              wire_tx_axis_tready,
    output logic             wire_tx_axis_tlast,
    input  wire      [511:0] wire_rx_axis_tdata,
    input  wire      [ 63:0] wire_rx_axis_tkeep,
    input  wire              wire_rx_axis_tvalid,
    output logic             wire_rx_axis_tready,
    input  wire              wire_rx_axis_tlast,
    input  wire              wire_rx_axis_tuser,
    // SA table, management side
    input  wire              sa_access,  // it is written, read or commanded
    output logic             sa_ready,
    input  wire              cfg_we,
    input  wire      [  6:0] cfg_word,
    input  wire      [ 31:0] cfg_wdata,
    input  wire              cfg_cmd_valid,
    output logic             cfg_cmd_ready,
    input  wire      [  2:0] cfg_cmd,
    input  wire              cfg_next,
    input  wire      [ 31:0] cfg_handle,
    input  wire      [ 63:0] cfg_arg,
    output logic             cfg_rsp_valid,
    output logic     [  7:0] cfg_rsp_status,
    output logic     [ 31:0] cfg_rsp_handle,
    input  wire      [  6:0] cfg_rd_word,
    output logic     [ 31:0] cfg_rd_data,
    // policy table, management side
    input  wire              pol_access,
    output logic             pol_ready,
    input  wire              pol_cfg_we,
    input  wire      [  3:0] pol_cfg_word,
    input  wire      [ 31:0] pol_cfg_wdata,
    input  wire              pol_cfg_cmd_valid,
    output logic             pol_cfg_cmd_ready,
    input  wire      [  1:0] pol_cfg_cmd,
    input  wire              pol_cfg_next,
    input  wire      [ 31:0] pol_cfg_handle,
    output logic             pol_cfg_rsp_valid,
    output logic     [  7:0] pol_cfg_rsp_status,
    output logic     [ 31:0] pol_cfg_rsp_handle,
    input  wire      [  3:0] pol_cfg_rd_word,
    output logic     [ 31:0] pol_cfg_rd_data,
    // engines, management side: outbound (0), inbound (1)
    input  wire      [  1:0] inj_valid,
    output logic     [  1:0] inj_ready,
    input  gcm_job_t         inj_job,
    input  wire      [511:0] inj_data,
    input  wire      [  6:0] inj_bytes,
    output logic     [  1:0] inj_done,
    output logic     [1:0][511:0] inj_rdata,
    output logic     [1:0][  6:0] inj_rbytes,
    output logic     [1:0][127:0] inj_rtag,
    output logic             idle
);

  // ---- frame streams ----
  logic [1:0] tx_sel_valid, tx_sel_ready;  // 0: outbound pipe, 1: inbound pipe
  beat_t tx_sel_beat;
  meta_t tx_sel_meta;

  logic wire_in_valid, wire_in_ready;
  beat_t wire_in_beat;
  meta_t wire_in_meta;

  logic in_valid, in_ready, in_out_valid, in_out_ready;
  beat_t in_beat, in_out_beat;
  meta_t in_meta, in_out_meta;

  logic out_valid, out_ready;
  beat_t out_beat, out_sel_beat;
  meta_t out_meta, out_sel_meta;
  logic [1:0] out_sel_valid, out_sel_ready;  // 0: wire, 1: host

  // ---- fates ----
  logic sent_valid, sent_ready, out_drop_valid, out_drop_ready, in_drop_valid, in_drop_ready;
  verdict_t sent, out_drop, in_drop;
  logic fate_ready;
  logic [2:0] fate_count;

  // ---- SA table ----
  logic out_req_valid, out_req_ready, out_rsp_valid, out_rsp_ready;
  sa_out_req_t out_req;
  sa_out_rsp_t out_rsp;
  logic in_req_valid, in_req_ready, in_rsp_valid, in_rsp_ready;
  sa_in_req_t in_req;
  sa_in_rsp_t in_rsp;
  logic cm_req_valid, cm_req_ready, cm_rsp_valid, cm_rsp_ready;
  sa_commit_req_t cm_req;
  logic [7:0] cm_rsp_status;

  // ---- policy table ----
  logic policy_req_valid, policy_req_ready, policy_rsp_valid, policy_rsp_ready;
  policy_req_t policy_req;
  policy_rsp_t policy_rsp;

  // ---- pipe (p), engine (e) and its results (r, q) of each direction ----
  logic [1:0] p_valid, p_ready, p_last, e_valid, e_ready, e_last;
  logic [1:0] r_valid, r_ready, r_last, q_valid, q_ready, q_last;
  gcm_job_t p_job[2], e_job[2];
  logic [1:0][511:0] p_data, e_data, r_data, q_data;
  logic [1:0][6:0] p_bytes, e_bytes, r_bytes, q_bytes;
  logic [1:0][127:0] r_tag, q_tag;

  logic [1:0] engine_idle, inject_idle;
  logic wire_rx_idle, wire_tx_idle, esp_out_idle, esp_in_idle, table_idle, policy_idle;

  assign idle = &engine_idle && &inject_idle && wire_rx_idle && wire_tx_idle && esp_out_idle && esp_in_idle &&
      table_idle && policy_idle && fate_count == 0 && !tx_valid;

  // ---- clocks: in simulation blocks without work stand still ----
  wire clk_esp_out, clk_esp_in, clk_sa, clk_policy;
  clock_gate gate_esp_out (
      .clk,
      .rst,
      .busy (!esp_out_idle || tx_sel_valid[0]),
      .gated(clk_esp_out)
  );
  clock_gate gate_esp_in (
      .clk,
      .rst,
      .busy (!esp_in_idle || in_valid),
      .gated(clk_esp_in)
  );
  clock_gate gate_sa (
      .clk,
      .rst,
      .busy (!table_idle || sa_access || out_req_valid || in_req_valid || cm_req_valid),
      .gated(clk_sa)
  );
  clock_gate gate_policy (
      .clk,
      .rst,
      .busy (!policy_idle || pol_access || policy_req_valid),
      .gated(clk_policy)
  );

  frame_demux #(
      .N(2)
  ) tx_demux (
      .s_valid(tx_valid),
      .s_ready(tx_ready),
      .s_beat (tx_beat),
      .s_meta (tx_meta),
      .s_sel  (tx_meta.op == OP_DECRYPT),
      .m_valid(tx_sel_valid),
      .m_ready(tx_sel_ready),
      .m_beat (tx_sel_beat),
      .m_meta (tx_sel_meta)
  );

  wire_rx wire_rx (
      .clk,
      .rst,
      .enable       (rx_enable),
      .filter       (rx_filter),
      .s_axis_tdata (wire_rx_axis_tdata),
      .s_axis_tkeep (wire_rx_axis_tkeep),
      .s_axis_tvalid(wire_rx_axis_tvalid),
      .s_axis_tready(wire_rx_axis_tready),
      .s_axis_tlast (wire_rx_axis_tlast),
      .s_axis_tuser (wire_rx_axis_tuser),
      .m_valid      (wire_in_valid),
      .m_ready      (wire_in_ready),
      .m_beat       (wire_in_beat),
      .m_meta       (wire_in_meta),
      .drop_valid   (wire_drop_valid[0]),
      .drop_verdict (wire_drop_verdict[0]),
      .idle         (wire_rx_idle)
  );

  frame_arb #(
      .N(2)
  ) in_arb (
      .clk,
      .rst,
      .s_valid({tx_sel_valid[1], wire_in_valid}),
      .s_ready({tx_sel_ready[1], wire_in_ready}),
      .s_beat ('{wire_in_beat, tx_sel_beat}),
      .s_meta ('{wire_in_meta, tx_sel_meta}),
      .m_valid(in_valid),
      .m_ready(in_ready),
      .m_beat (in_beat),
      .m_meta (in_meta)
  );

  esp_out esp_out (
      .clk(clk_esp_out),
      .rst,
      .cfg_mtu     (mtu),
      .cfg_policy_bypass(policy_bypass),
      .cfg_dscp_map(dscp_map),
      .s_valid     (tx_sel_valid[0]),
      .s_ready     (tx_sel_ready[0]),
      .s_beat      (tx_sel_beat),
      .s_meta      (tx_sel_meta),
      .m_valid     (out_valid),
      .m_ready     (out_ready),
      .m_beat      (out_beat),
      .m_meta      (out_meta),
      .d_valid     (out_drop_valid),
      .d_ready     (out_drop_ready),
      .d_verdict   (out_drop),
      .ev_valid    (drop_valid[0]),
      .ev          (drop[0]),
      .policy_req_valid,
      .policy_req_ready,
      .policy_req,
      .policy_rsp_valid,
      .policy_rsp_ready,
      .policy_rsp,
      .sa_req_valid(out_req_valid),
      .sa_req_ready(out_req_ready),
      .sa_req      (out_req),
      .sa_rsp_valid(out_rsp_valid),
      .sa_rsp_ready(out_rsp_ready),
      .sa_rsp      (out_rsp),
      .e_valid     (p_valid[0]),
      .e_ready     (p_ready[0]),
      .e_job       (p_job[0]),
      .e_data      (p_data[0]),
      .e_bytes     (p_bytes[0]),
      .e_last      (p_last[0]),
      .r_valid     (q_valid[0]),
      .r_ready     (q_ready[0]),
      .r_data      (q_data[0]),
      .r_bytes     (q_bytes[0]),
      .r_last      (q_last[0]),
      .r_tag       (q_tag[0]),
      .idle        (esp_out_idle)
  );

  esp_in esp_in (
      .clk(clk_esp_in),
      .rst,
      .cfg_miss_to_host    (miss_to_host),
      .cfg_fragment_to_host(fragment_to_host),
      .cfg_rx_queue        (rx_queue),
      .cfg_natt_port       (natt_port),
      .s_valid             (in_valid),
      .s_ready             (in_ready),
      .s_beat              (in_beat),
      .s_meta              (in_meta),
      .m_valid             (in_out_valid),
      .m_ready             (in_out_ready),
      .m_beat              (in_out_beat),
      .m_meta              (in_out_meta),
      .d_valid             (in_drop_valid),
      .d_ready             (in_drop_ready),
      .d_verdict           (in_drop),
      .ev_valid            (drop_valid[1]),
      .ev                  (drop[1]),
      .sa_req_valid        (in_req_valid),
      .sa_req_ready        (in_req_ready),
      .sa_req              (in_req),
      .sa_rsp_valid        (in_rsp_valid),
      .sa_rsp_ready        (in_rsp_ready),
      .sa_rsp              (in_rsp),
      .cm_req_valid,
      .cm_req_ready,
      .cm_req,
      .cm_rsp_valid,
      .cm_rsp_ready,
      .cm_rsp_status,
      .e_valid             (p_valid[1]),
      .e_ready             (p_ready[1]),
      .e_job               (p_job[1]),
      .e_data              (p_data[1]),
      .e_bytes             (p_bytes[1]),
      .e_last              (p_last[1]),
      .r_valid             (q_valid[1]),
      .r_ready             (q_ready[1]),
      .r_data              (q_data[1]),
      .r_bytes             (q_bytes[1]),
      .r_last              (q_last[1]),
      .r_tag               (q_tag[1]),
      .idle                (esp_in_idle)
  );

  sa_table #(
      .ENTRIES(SA_ENTRIES),
      .WINDOW_MAX(WINDOW_MAX)
  ) sa_table (
      .clk(clk_sa),
      .rst,
      .ready(sa_ready),
      .out_req_valid,
      .out_req_ready,
      .out_req,
      .out_rsp_valid,
      .out_rsp_ready,
      .out_rsp,
      .in_req_valid,
      .in_req_ready,
      .in_req,
      .in_rsp_valid,
      .in_rsp_ready,
      .in_rsp,
      .cm_req_valid,
      .cm_req_ready,
      .cm_req,
      .cm_rsp_valid,
      .cm_rsp_ready,
      .cm_rsp_status,
      .ev_valid(sa_ev_valid),
      .ev_ready(sa_ev_ready),
      .ev(sa_ev),
      .cfg_we,
      .cfg_word,
      .cfg_wdata,
      .cfg_cmd_valid,
      .cfg_cmd_ready,
      .cfg_cmd,
      .cfg_next,
      .cfg_handle,
      .cfg_arg,
      .cfg_rsp_valid,
      .cfg_rsp_status,
      .cfg_rsp_handle,
      .cfg_rd_word,
      .cfg_rd_data,
      .idle(table_idle)
  );

  policy_table #(
      .ENTRIES(POLICY_ENTRIES),
      .MASKS  (POLICY_MASKS)
  ) policy_table (
      .clk(clk_policy),
      .rst,
      .ready         (pol_ready),
      .req_valid     (policy_req_valid),
      .req_ready     (policy_req_ready),
      .req           (policy_req),
      .rsp_valid     (policy_rsp_valid),
      .rsp_ready     (policy_rsp_ready),
      .rsp           (policy_rsp),
      .cfg_we        (pol_cfg_we),
      .cfg_word      (pol_cfg_word),
      .cfg_wdata     (pol_cfg_wdata),
      .cfg_cmd_valid (pol_cfg_cmd_valid),
      .cfg_cmd_ready (pol_cfg_cmd_ready),
      .cfg_cmd       (pol_cfg_cmd),
      .cfg_next      (pol_cfg_next),
      .cfg_handle    (pol_cfg_handle),
      .cfg_rsp_valid (pol_cfg_rsp_valid),
      .cfg_rsp_status(pol_cfg_rsp_status),
      .cfg_rsp_handle(pol_cfg_rsp_handle),
      .cfg_rd_word   (pol_cfg_rd_word),
      .cfg_rd_data   (pol_cfg_rd_data),
      .idle          (policy_idle)
  );

  for (genvar i = 0; i < 2; i++) begin : g_engine
    gcm_inject inject (
        .clk,
        .rst,
        .s_valid (p_valid[i]),
        .s_ready (p_ready[i]),
        .s_job   (p_job[i]),
        .s_data  (p_data[i]),
        .s_bytes (p_bytes[i]),
        .s_last  (p_last[i]),
        .m_valid (q_valid[i]),
        .m_ready (q_ready[i]),
        .m_data  (q_data[i]),
        .m_bytes (q_bytes[i]),
        .m_last  (q_last[i]),
        .m_tag   (q_tag[i]),
        .e_valid (e_valid[i]),
        .e_ready (e_ready[i]),
        .e_job   (e_job[i]),
        .e_data  (e_data[i]),
        .e_bytes (e_bytes[i]),
        .e_last  (e_last[i]),
        .r_valid (r_valid[i]),
        .r_ready (r_ready[i]),
        .r_data  (r_data[i]),
        .r_bytes (r_bytes[i]),
        .r_last  (r_last[i]),
        .r_tag   (r_tag[i]),
        .c_valid (inj_valid[i]),
        .c_ready (inj_ready[i]),
        .c_job(inj_job),
        .c_data(inj_data),
        .c_bytes(inj_bytes),
        .c_done  (inj_done[i]),
        .c_rdata (inj_rdata[i]),
        .c_rbytes(inj_rbytes[i]),
        .c_rtag  (inj_rtag[i]),
        .idle    (inject_idle[i])
    );

    wire clk_engine;
    clock_gate gate_engine (
        .clk,
        .rst,
        .busy (!engine_idle[i] || e_valid[i]),
        .gated(clk_engine)
    );

    gcm_engine #(
        .BLOCKS(BLOCKS)
    ) engine (
        .clk(clk_engine),
        .rst,
        .s_valid(e_valid[i]),
        .s_ready(e_ready[i]),
        .s_job  (e_job[i]),
        .s_data (e_data[i]),
        .s_bytes(e_bytes[i]),
        .s_last (e_last[i]),
        .m_valid(r_valid[i]),
        .m_ready(r_ready[i]),
        .m_data (r_data[i]),
        .m_bytes(r_bytes[i]),
        .m_last (r_last[i]),
        .m_tag  (r_tag[i]),
        .idle   (engine_idle[i])
    );
  end

  frame_demux #(
      .N(2)
  ) out_demux (
      .s_valid(out_valid),
      .s_ready(out_ready),
      .s_beat (out_beat),
      .s_meta (out_meta),
      .s_sel  (out_meta.lookaside),
      .m_valid(out_sel_valid),
      .m_ready(out_sel_ready),
      .m_beat (out_sel_beat),
      .m_meta (out_sel_meta)
  );

  wire_tx wire_tx (
      .clk,
      .rst,
      .s_valid      (out_sel_valid[0]),
      .s_ready      (out_sel_ready[0]),
      .s_beat       (out_sel_beat),
      .s_meta       (out_sel_meta),
      .m_axis_tdata (wire_tx_axis_tdata),
      .m_axis_tkeep (wire_tx_axis_tkeep),
      .m_axis_tvalid(wire_tx_axis_tvalid),
      .m_axis_tready(wire_tx_axis_tready),
      .m_axis_tlast (wire_tx_axis_tlast),
      .sent_valid,
      .sent_ready,
      .sent_verdict (sent),
      .idle         (wire_tx_idle)
  );

  frame_arb #(
      .N(2)
  ) rx_arb (
      .clk,
      .rst,
      .s_valid({out_sel_valid[1], in_out_valid}),
      .s_ready({out_sel_ready[1], in_out_ready}),
      .s_beat ('{in_out_beat, out_sel_beat}),
      .s_meta ('{in_out_meta, out_sel_meta}),
      .m_valid(rx_valid),
      .m_ready(rx_ready),
      .m_beat (rx_beat),
      .m_meta (rx_meta)
  );

  // Frames of the host end at the wire or as a drop; drops go first, for they are the rarer. The FIFO keeps what
  // is offered stable while the sink waits.
  assign out_drop_ready = fate_ready;
  assign sent_ready     = fate_ready && !out_drop_valid;

  fifo #(
      .WIDTH($bits(verdict_t)),
      .DEPTH(4)
  ) fates (
      .clk,
      .rst,
      .s_valid(sent_valid || out_drop_valid),
      .s_ready(fate_ready),
      .s_data (out_drop_valid ? out_drop : sent),
      .m_valid(host_valid[0]),
      .m_ready(host_ready[0]),
      .m_data (host_verdict[0]),
      .count  (fate_count)
  );

  // What the inbound pipe drops belongs to whoever sent it in.
  assign host_valid[1]        = in_drop_valid && in_drop.host;
  assign host_verdict[1]      = in_drop;
  assign wire_drop_valid[1]   = in_drop_valid && !in_drop.host;
  assign wire_drop_verdict[1] = in_drop;
  assign in_drop_ready        = !in_drop.host || host_ready[1];

endmodule

`default_nettype wire
