// SPDX-License-Identifier: BSD-2-Clause
//
// esp_out with its engine, for tests of the two together.

`default_nettype none

module esp_out_gcm
  import vesper_pkg::*;
  import gcm_pkg::*;
(
    input  wire                clk,
    input  wire                rst,
    input  wire         [15:0] cfg_mtu,
    input  wire                cfg_policy_bypass,
    input  wire     [63:0][5:0] cfg_dscp_map,
    input  wire                s_valid,
    output logic               s_ready,
    input  beat_t              s_beat,
    input  meta_t              s_meta,
    output logic               m_valid,
    input  wire                m_ready,
    output beat_t              m_beat,
    output meta_t              m_meta,
    output logic               d_valid,
    input  wire                d_ready,
    output verdict_t           d_verdict,
    output logic               ev_valid,
    output event_t             ev,
    output logic               policy_req_valid,
    input  wire                policy_req_ready,
    output policy_req_t        policy_req,
    input  wire                policy_rsp_valid,
    output logic               policy_rsp_ready,
    input  policy_rsp_t        policy_rsp,
    output logic               sa_req_valid,
    input  wire                sa_req_ready,
    output sa_out_req_t        sa_req,
    input  wire                sa_rsp_valid,
    output logic               sa_rsp_ready,
    input  sa_out_rsp_t        sa_rsp,
    output logic               idle
);

  logic e_valid, e_ready, e_last, r_valid, r_ready, r_last, esp_idle, engine_idle;
  gcm_job_t e_job;
  logic [511:0] e_data, r_data;
  logic [6:0] e_bytes, r_bytes;
  logic [127:0] r_tag;

  esp_out u_esp (
      .idle(esp_idle),
      .*
  );

  gcm_engine #(
      .BLOCKS(4)
  ) u_engine (
      .clk,
      .rst,
      .s_valid(e_valid),
      .s_ready(e_ready),
      .s_job  (e_job),
      .s_data (e_data),
      .s_bytes(e_bytes),
      .s_last (e_last),
      .m_valid(r_valid),
      .m_ready(r_ready),
      .m_data (r_data),
      .m_bytes(r_bytes),
      .m_last (r_last),
      .m_tag  (r_tag),
      .idle   (engine_idle)
  );

  assign idle = esp_idle && engine_idle;

endmodule

`default_nettype wire
