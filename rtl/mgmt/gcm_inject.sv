// SPDX-License-Identifier: BSD-2-Clause
//
// Lets the management CPU use an AES-GCM engine that serves an ESP pipe.
//
// Stands between the pipe and the engine. Without a CPU job everything passes combinationally. A job is
// one packet of a single beat (0 to 64 bytes); it enters between two of the pipe's packets, and its result,
// which leaves the engine in order, is taken out of the pipe's results. It holds the pipe up for two cycles.
// A CPU job is only accepted while none is under way.

`default_nettype none

module gcm_inject
  import gcm_pkg::*;
(
    input  wire            clk,
    input  wire            rst,
    // packets of the pipe, framed as for gcm_engine
    input  wire            s_valid,
    output logic           s_ready,
    input  wire gcm_job_t  s_job,
    input  wire    [511:0] s_data,
    input  wire    [  6:0] s_bytes,
    input  wire            s_last,
    // their results
    output logic           m_valid,
    input  wire            m_ready,
    output logic   [511:0] m_data,
    output logic   [  6:0] m_bytes,
    output logic           m_last,
    output logic   [127:0] m_tag,
    // engine
    output logic           e_valid,
    input  wire            e_ready,
    output gcm_job_t       e_job,
    output logic   [511:0] e_data,
    output logic   [  6:0] e_bytes,
    output logic           e_last,
    input  wire            r_valid,
    output logic           r_ready,
    input  wire    [511:0] r_data,
    input  wire    [  6:0] r_bytes,
    input  wire            r_last,
    input  wire    [127:0] r_tag,
    // CPU: job held until c_ready; later c_done for one cycle, in which the result is valid
    input  wire            c_valid,
    output logic           c_ready,
    input  wire gcm_job_t  c_job,
    input  wire    [511:0] c_data,
    input  wire    [  6:0] c_bytes,
    output logic           c_done,
    output logic   [511:0] c_rdata,
    output logic   [  6:0] c_rbytes,
    output logic   [127:0] c_rtag,
    output logic           idle      // no packet and no job between here and the engine's results
);

  // The engine holds far fewer packets than this counts.
  localparam int CW = 16;

  logic sel;  // the CPU's job is offered to the engine
  logic mid;  // the pipe is inside a packet
  logic waiting;  // the CPU's job is in the engine
  logic [CW-1:0] packets;  // the pipe's packets in the engine
  logic [CW-1:0] ahead;  // of these, the ones before the CPU's job

  wire s_fire = s_valid && s_ready;
  wire m_end = m_valid && m_ready && m_last;
  wire c_fire = sel && e_ready;
  wire mine = waiting && ahead == 0;  // the next result is the CPU's

  assign e_valid = sel || s_valid;
  assign s_ready = !sel && e_ready;
  assign e_job   = sel ? c_job : s_job;
  assign e_data  = sel ? c_data : s_data;
  assign e_bytes = sel ? c_bytes : s_bytes;
  assign e_last  = sel || s_last;
  assign c_ready = c_fire;

  assign m_valid = r_valid && !mine;
  assign r_ready = mine || m_ready;
  assign m_data  = r_data;
  assign m_bytes = r_bytes;
  assign m_last  = r_last;
  assign m_tag   = r_tag;

  assign c_done   = r_valid && mine;
  assign c_rdata  = r_data;
  assign c_rbytes = r_bytes;
  assign c_rtag   = r_tag;

  assign idle = !sel && !c_valid && !s_valid && !mid && !waiting && packets == 0;

  always_ff @(posedge clk) begin
    if (s_fire) mid <= !s_last;
    packets <= packets + CW'(s_fire && s_last) - CW'(m_end);

    // Not while the pipe has offered a beat that the engine has not taken: an offer stays as it is.
    if (sel) sel <= !e_ready;
    else sel <= c_valid && !waiting && (s_valid ? s_fire && s_last : !mid);

    if (c_fire) begin
      waiting <= 1'b1;
      ahead   <= packets - CW'(m_end);
    end else if (waiting && !mine) begin
      ahead <= ahead - CW'(m_end);
    end else if (c_done) begin
      waiting <= 1'b0;
    end

    if (rst) begin
      sel     <= 1'b0;
      mid     <= 1'b0;
      waiting <= 1'b0;
      packets <= '0;
      ahead   <= '0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst) begin
      assert (!c_done || r_last)
      else $error("gcm_inject: the engine answered a single-beat job with more than one beat");
      assert (!sel || c_valid)
      else $error("gcm_inject: the CPU's job was withdrawn before it was taken");
      assert (!m_end || packets != 0)
      else $error("gcm_inject: a result without a packet");
      assert (!(s_fire && s_last && !m_end && (&packets)))
      else $error("gcm_inject: more than %0d packets in the engine", 2 ** CW - 1);
    end
`endif

endmodule

`default_nettype wire
