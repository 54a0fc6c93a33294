// SPDX-License-Identifier: BSD-2-Clause
//
// Inbound ESP (RFC 4303) with AES-GCM (RFC 4106) or AES-GMAC (RFC 4543), alone or in UDP (RFC 3948), over IPv4 and
// IPv6, tunnel, transport and in place, in the order of arrival. docs/esp.md has the rules.
//
//   s ─► parse ─► body FIFO ─► feed ─► align ─► engine ─► check ─► packet buffer ─► emit ─► m
//          │                    ▲  └──────── frames that pass ─────────────────────► │ ─► d
//          └─► SA table ────────┘                          └─► SA table (commit) ───►┘ ─► ev
//
// Frames that are not ESP pass untouched (from a TX ring they are refused: ST_NOT_ESP). Nothing of a packet is read
// out of the packet buffer before its ICV, trailer, selector and replay window were found good. Each frame that goes in
// comes out at m, or as one verdict at d.

`default_nettype none

module esp_in
  import vesper_pkg::*;
  import gcm_pkg::*;
  import esp_in_pkg::*;
(
    input wire clk,
    input wire rst,
    input wire cfg_miss_to_host,      // deliver ESP of unknown SAs from the wire instead of dropping it
    input wire cfg_fragment_to_host,  // the same for fragments
    input wire [3:0] cfg_rx_queue,    // pair for frames that are not decrypted
    input wire [7:0][15:0] cfg_natt_port,  // UDP ports (destination) at which ESP is looked for, 0: unused

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

    output logic   ev_valid,  // for one cycle; nobody holds it back
    output event_t ev,

    output logic       sa_req_valid,
    input  wire        sa_req_ready,
    output sa_in_req_t sa_req,
    input  wire        sa_rsp_valid,
    output logic       sa_rsp_ready,
    input  sa_in_rsp_t sa_rsp,

    output logic                 cm_req_valid,
    input  wire                  cm_req_ready,
    output sa_commit_req_t       cm_req,
    input  wire                  cm_rsp_valid,
    output logic                 cm_rsp_ready,
    input  wire            [7:0] cm_rsp_status,

    output logic             e_valid,
    input  wire              e_ready,
    output gcm_job_t         e_job,
    output logic     [511:0] e_data,
    output logic     [  6:0] e_bytes,
    output logic             e_last,
    input  wire              r_valid,
    output logic             r_ready,
    input  wire      [511:0] r_data,
    input  wire      [  6:0] r_bytes,
    input  wire              r_last,
    input  wire      [127:0] r_tag,

    output logic idle
);

  // Packets that may be between the feed and the output: as many as fit in the engine, and then some.
  localparam int PACKETS = 64;

  logic body_valid, body_ready, p_valid, p_ready;
  beat_t   body_beat;
  parsed_t p_parsed;
  logic order_in_valid, order_in_ready, order_valid, order_ready;
  order_t order_in, order;
  logic check_in_valid, check_in_ready, check_valid, check_ready;
  check_t check_in, check;
  logic icv_in_valid, icv_in_ready, icv_valid, icv_ready;
  logic [127:0] icv_in, icv;
  logic pass_in_valid, pass_in_ready, pass_valid, pass_ready;
  beat_t pass_in, pass_beat;
  logic fate_in_valid, fate_in_ready, fate_valid, fate_ready;
  fate_t fate_in, fate;
  logic [BUFFER_W:0] wr, rd;
  logic buffer_we, buffer_re;
  logic [511:0] buffer_wdata, buffer_rdata;

  esp_in_parse u_parse (.*);

  esp_in_feed u_feed (
      .order_valid(order_in_valid),
      .order_ready(order_in_ready),
      .order(order_in),
      .check_valid(check_in_valid),
      .check_ready(check_in_ready),
      .check(check_in),
      .icv_valid(icv_in_valid),
      .icv_ready(icv_in_ready),
      .icv(icv_in),
      .pass_valid(pass_in_valid),
      .pass_ready(pass_in_ready),
      .pass_beat(pass_in),
      .*
  );

  esp_in_queue #(
      .WIDTH($bits(order_t)),
      .DEPTH(PACKETS)
  ) u_order (
      .clk,
      .rst,
      .s_valid(order_in_valid),
      .s_ready(order_in_ready),
      .s_data(order_in),
      .m_valid(order_valid),
      .m_ready(order_ready),
      .m_data(order)
  );
  esp_in_queue #(
      .WIDTH($bits(check_t)),
      .DEPTH(PACKETS)
  ) u_checks (
      .clk,
      .rst,
      .s_valid(check_in_valid),
      .s_ready(check_in_ready),
      .s_data(check_in),
      .m_valid(check_valid),
      .m_ready(check_ready),
      .m_data(check)
  );
  esp_in_queue #(
      .WIDTH(128),
      .DEPTH(PACKETS)
  ) u_icvs (
      .clk,
      .rst,
      .s_valid(icv_in_valid),
      .s_ready(icv_in_ready),
      .s_data(icv_in),
      .m_valid(icv_valid),
      .m_ready(icv_ready),
      .m_data(icv)
  );
  esp_in_queue #(
      .WIDTH($bits(beat_t)),
      .DEPTH(PACKETS)
  ) u_pass (
      .clk,
      .rst,
      .s_valid(pass_in_valid),
      .s_ready(pass_in_ready),
      .s_data(pass_in),
      .m_valid(pass_valid),
      .m_ready(pass_ready),
      .m_data(pass_beat)
  );
  esp_in_queue #(
      .WIDTH($bits(fate_t)),
      .DEPTH(32),
      .BYPASS(1'b1)
  ) u_fates (
      .clk,
      .rst,
      .s_valid(fate_in_valid),
      .s_ready(fate_in_ready),
      .s_data(fate_in),
      .m_valid(fate_valid),
      .m_ready(fate_ready),
      .m_data(fate)
  );

  esp_in_check u_check (
      .buffer_data(buffer_wdata),
      .fate_valid(fate_in_valid),
      .fate_ready(fate_in_ready),
      .fate(fate_in),
      .*
  );

  logic [511:0] buffer[BUFFER_BEATS];
  always_ff @(posedge clk) begin
    if (buffer_we) buffer[wr[BUFFER_W-1:0]] <= buffer_wdata;
    if (buffer_re) buffer_rdata <= buffer[rd[BUFFER_W-1:0]];
  end

  esp_in_emit u_emit (
      .buffer_data(buffer_rdata),
      .*
  );

  // ---- frames held ----
  logic [9:0] held;
  logic first;
  always_ff @(posedge clk) begin
    if (s_valid && s_ready) first <= s_beat.last;
    held <= held + 10'(s_valid && s_ready && first) - 10'(m_valid && m_ready && m_beat.last) - 10'(d_valid && d_ready);
    if (rst) begin
      first  <= 1'b1;
      held <= '0;
    end
  end
  assign idle = held == '0 && !s_valid;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      assert (wr - rd <= (BUFFER_W + 1)'(BUFFER_BEATS))
      else $error("esp_in: %0d beats in the packet buffer", wr - rd);
      assert (held != '0 || (!m_valid && !d_valid))
      else $error("esp_in: a frame leaves that did not come in");
    end
`endif

endmodule

`default_nettype wire
