// SPDX-License-Identifier: BSD-2-Clause
//
// esp_in with the real SA table and the real engine.

`default_nettype none

module esp_in_bench
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
#(
    parameter int BLOCKS  = 4,
    parameter int ENTRIES = 64
) (
    input wire clk,
    input wire rst,
    input wire miss_to_host,
    input wire fragment_to_host,
    input wire [3:0] rx_queue,
    input wire engine_stall,  // holds back what leaves the engine
    input wire [2:0] table_stall,  // holds back lookups' answers (0), commits (1), their answers (2)

    input  wire   s_valid,
    output logic  s_ready,
    input  beat_t s_beat,
    input  meta_t s_meta,
    output logic  m_valid,
    input  wire   m_ready,
    output beat_t m_beat,
    output meta_t m_meta,
    output logic     d_valid,
    input  wire      d_ready,
    output verdict_t d_verdict,

    output logic ready,
    input  wire cfg_we,
    input  wire [5:0] cfg_word,
    input  wire [31:0] cfg_wdata,
    input  wire cfg_cmd_valid,
    output logic cfg_cmd_ready,
    input  wire [1:0] cfg_cmd,
    input  wire cfg_next,
    input  wire [31:0] cfg_handle,
    output logic cfg_rsp_valid,
    output logic [7:0] cfg_rsp_status,
    output logic [31:0] cfg_rsp_handle,
    output logic [8*SA_STATE_BYTES-1:0] cfg_rsp_state,

    output logic idle,
    output logic [31:0] engine_beats  // beats that entered the engine
);

  logic in_req_valid, in_req_ready, in_rsp_valid, in_rsp_ready;
  sa_in_req_t in_req;
  sa_in_rsp_t in_rsp;
  logic cm_req_valid, cm_req_ready, cm_rsp_valid, cm_rsp_ready;
  sa_commit_req_t cm_req;
  logic [7:0] cm_rsp_status;
  logic out_req_ready, out_rsp_valid;
  sa_out_rsp_t out_rsp;

  logic e_valid, e_ready, e_last, r_valid, r_ready, r_last;
  gcm_job_t e_job;
  logic [511:0] e_data, r_data;
  logic [6:0] e_bytes, r_bytes;
  logic [127:0] r_tag;
  logic idle_esp, idle_table, idle_engine;
  assign idle = idle_esp && idle_table && idle_engine;

  esp_in u_esp (
      .clk,
      .rst,
      .cfg_miss_to_host(miss_to_host),
      .cfg_fragment_to_host(fragment_to_host),
      .cfg_rx_queue(rx_queue),
      .s_valid,
      .s_ready,
      .s_beat,
      .s_meta,
      .m_valid,
      .m_ready,
      .m_beat,
      .m_meta,
      .d_valid,
      .d_ready,
      .d_verdict,
      .sa_req_valid(in_req_valid),
      .sa_req_ready(in_req_ready),
      .sa_req(in_req),
      .sa_rsp_valid(in_rsp_valid && !table_stall[0]),
      .sa_rsp_ready(in_rsp_ready),
      .sa_rsp(in_rsp),
      .cm_req_valid,
      .cm_req_ready(cm_req_ready && !table_stall[1]),
      .cm_req,
      .cm_rsp_valid(cm_rsp_valid && !table_stall[2]),
      .cm_rsp_ready,
      .cm_rsp_status,
      .e_valid,
      .e_ready,
      .e_job,
      .e_data,
      .e_bytes,
      .e_last,
      .r_valid(r_valid && !engine_stall),
      .r_ready,
      .r_data,
      .r_bytes,
      .r_last,
      .r_tag,
      .idle(idle_esp)
  );

  sa_table #(
      .ENTRIES(ENTRIES)
  ) u_table (
      .out_req_valid(1'b0),
      .out_req('0),
      .out_rsp_ready(1'b1),
      .in_rsp_ready(in_rsp_ready && !table_stall[0]),
      .cm_req_valid(cm_req_valid && !table_stall[1]),
      .cm_rsp_ready(cm_rsp_ready && !table_stall[2]),
      .idle(idle_table),
      .*
  );

  gcm_engine #(
      .BLOCKS(BLOCKS)
  ) u_engine (
      .clk,
      .rst,
      .s_valid(e_valid),
      .s_ready(e_ready),
      .s_job(e_job),
      .s_data(e_data),
      .s_bytes(e_bytes),
      .s_last(e_last),
      .m_valid(r_valid),
      .m_ready(r_ready && !engine_stall),
      .m_data(r_data),
      .m_bytes(r_bytes),
      .m_last(r_last),
      .m_tag(r_tag),
      .idle(idle_engine)
  );

  always_ff @(posedge clk) begin
    if (e_valid && e_ready) engine_beats <= engine_beats + 32'd1;
    if (rst) engine_beats <= '0;
  end

  wire unused = &{1'b0, out_req_ready, out_rsp_valid, out_rsp};

endmodule

`default_nettype wire
