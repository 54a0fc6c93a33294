// SPDX-License-Identifier: BSD-2-Clause
//
// esp_in with the real engine; the SA table is the bench's, so that it can say what it likes.

`default_nettype none

module esp_in_bench
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
#(
    parameter int BLOCKS = 4
) (
    input wire clk,
    input wire rst,
    input wire miss_to_host,
    input wire fragment_to_host,
    input wire [3:0] rx_queue,
    input wire [7:0][15:0] natt_port,
    input wire engine_stall,  // holds back what leaves the engine

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
    output logic   ev_valid,
    output event_t ev,

    output logic       sa_req_valid,
    input  wire        sa_req_ready,
    output sa_in_req_t sa_req,
    input  wire        sa_rsp_valid,
    output logic       sa_rsp_ready,
    input  sa_in_rsp_t sa_rsp,
    output logic           cm_req_valid,
    input  wire            cm_req_ready,
    output sa_commit_req_t cm_req,
    input  wire            cm_rsp_valid,
    output logic           cm_rsp_ready,
    input  wire      [7:0] cm_rsp,

    output logic idle,
    output logic [31:0] engine_beats  // beats that entered the engine
);

  logic e_valid, e_ready, e_last, r_valid, r_ready, r_last;
  gcm_job_t e_job;
  logic [511:0] e_data, r_data;
  logic [6:0] e_bytes, r_bytes;
  logic [127:0] r_tag;
  logic idle_esp, idle_engine;
  assign idle = idle_esp && idle_engine;

  esp_in u_esp (
      .cfg_miss_to_host(miss_to_host),
      .cfg_fragment_to_host(fragment_to_host),
      .cfg_rx_queue(rx_queue),
      .cfg_natt_port(natt_port),
      .cm_rsp_status(cm_rsp),
      .r_valid(r_valid && !engine_stall),
      .idle(idle_esp),
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

endmodule

`default_nettype wire
