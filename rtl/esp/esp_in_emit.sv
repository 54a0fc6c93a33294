// SPDX-License-Identifier: BSD-2-Clause
//
// Last stage of esp_in: frames leave in the order in which they came. A decrypted packet waits for its fate; a good
// one is read out of the packet buffer behind its header, a bad one is skipped without a byte being read. Tunnel:
// Ethernet header and inner packet. Transport: Ethernet and IP header, with the protocol, total length and checksum
// that belong to what is left (RFC 1624).

`default_nettype none

module esp_in_emit
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import lane_pkg::*;
  import esp_in_pkg::*;
(
    input wire clk,
    input wire rst,

    input  wire    order_valid,
    output logic   order_ready,
    input  order_t order,
    input  wire    fate_valid,
    output logic   fate_ready,
    input  fate_t  fate,
    input  wire    pass_valid,
    output logic   pass_ready,
    input  beat_t  pass_beat,

    output logic [BUFFER_W:0] rd,          // read pointer of the packet buffer
    output logic              buffer_re,
    input  wire  [     511:0] buffer_data, // in the cycle after

    output logic     m_valid,
    input  wire      m_ready,
    output beat_t    m_beat,
    output meta_t    m_meta,
    output logic     d_valid,
    input  wire      d_ready,
    output verdict_t d_verdict
);

  typedef struct packed {
    logic [8*HEAD_BYTES-1:0] prefix;
    logic [6:0]              prefix_bytes;
    meta_t                   meta;
  } job_t;

  // ---- what is next ----
  logic busy, ending, job_room, job_go, good, bad;
  logic from_buffer;
  logic [13:0] left;
  logic [BUFFER_W:0] after;  // where the packet buffer goes on behind this packet

  assign good = order_valid && (order.kind == IN_PASS || (order.kind == IN_ESP && fate_valid && fate.status == ST_OK));
  assign bad = order_valid && (order.kind == IN_DROP || (order.kind == IN_ESP && fate_valid && fate.status != ST_OK));
  assign job_go = good && job_room && (!busy || ending);
  assign d_valid = bad && !busy;
  assign order_ready = job_go || (d_valid && d_ready);
  assign fate_ready = order_ready && order.kind == IN_ESP;
  assign d_verdict = '{
          host: order.meta.host,
          qid: order.meta.qid,
          index: order.meta.index,
          status: order.kind == IN_ESP ? fate.status : order.meta.status,
          len: 16'd0,
          seq: order.meta.seq
      };

  // ---- its header ----
  job_t job_in, job;
  logic [15:0] total, old_total, old_proto, new_proto, sum;
  always_comb begin
    job_in = '0;
    job_in.meta = order.meta;
    old_total = be16(order.head[8*(ETH_BYTES+2)+:16]);
    old_proto = be16(order.head[8*(ETH_BYTES+8)+:16]);
    new_proto = {old_proto[15:8], fate.next_header};
    total = '0;
    sum = '0;
    if (job_go && order.kind == IN_ESP) begin
      job_in.prefix[8*ETH_BYTES-1:0] = order.head[8*ETH_BYTES-1:0];
      job_in.prefix_bytes = 7'(ETH_BYTES);
      if (!order.tunnel) begin
        total = 16'(order.hdr_bytes) + 16'(fate.bytes);
        sum = ~be16(order.head[8*(ETH_BYTES+10)+:16]);
        sum = sum_update(sum_update(sum, old_total, total), old_proto, new_proto);
        for (int i = 0; i < IP_MAX / 4; i++)
        if (4'(i) < order.hdr_bytes[5:2]) job_in.prefix[8*(ETH_BYTES+4*i)+:32] = order.head[8*(ETH_BYTES+4*i)+:32];
        job_in.prefix[8*(ETH_BYTES+2)+:16] = be16(total);
        job_in.prefix[8*(ETH_BYTES+9)+:8] = fate.next_header;
        job_in.prefix[8*(ETH_BYTES+10)+:16] = be16(~sum);
        job_in.prefix_bytes = 7'(ETH_BYTES) + 7'(order.hdr_bytes);
      end
      job_in.meta.len = 16'(job_in.prefix_bytes) + 16'(fate.bytes);
    end
  end

  logic job_valid, job_ready;
  esp_in_queue #(
      .WIDTH($bits(job_t)),
      .DEPTH(2)
  ) u_jobs (
      .clk,
      .rst,
      .s_valid(job_go),
      .s_ready(job_room),
      .s_data(job_in),
      .m_valid(job_valid),
      .m_ready(job_ready),
      .m_data(job)
  );

  // ---- its beats ----
  logic o_valid, o_ready, o_last, o_buffer, fetch;
  logic [6:0] o_bytes;
  logic [511:0] o_pass;
  assign fetch = busy && (!o_valid || o_ready) && (from_buffer || pass_valid);
  assign pass_ready = fetch && !from_buffer;
  assign buffer_re = fetch && from_buffer;
  assign ending = fetch && (from_buffer ? left <= 14'd64 : pass_beat.last);

  always_ff @(posedge clk) begin
    if (job_go) begin
      busy <= 1'b1;
      from_buffer <= order.kind == IN_ESP;
      left <= fate.bytes;
    end else if (ending) busy <= 1'b0;
    else if (fetch) left <= left - 14'd64;

    if (ending && from_buffer) rd <= after;
    else if (buffer_re) rd <= rd + 1'b1;
    else if (d_valid && d_ready && order.kind == IN_ESP) rd <= rd + (BUFFER_W + 1)'(fate.beats);
    if (job_go && order.kind == IN_ESP) after <= (ending && from_buffer ? after : rd) + (BUFFER_W + 1)'(fate.beats);

    if (fetch) begin
      o_last   <= ending;
      o_buffer <= from_buffer;
      o_bytes  <= from_buffer ? (ending ? left[6:0] : 7'd64) : pass_beat.bytes;
      if (!from_buffer) o_pass <= pass_beat.data;
    end
    if (fetch) o_valid <= 1'b1;
    else if (o_ready) o_valid <= 1'b0;
    if (rst) begin
      busy <= 1'b0;
      o_valid <= 1'b0;
      rd <= '0;
    end
  end

  beat_t o_beat;
  always_comb begin
    o_beat = '0;
    if (o_valid) begin
      o_beat.last  = o_last;
      o_beat.bytes = o_bytes;
      if (!o_buffer) o_beat.data = o_pass;
      else if (o_last) o_beat.data = keep_low(buffer_data, o_bytes);
      else o_beat.data = buffer_data;
    end
  end

  logic join_idle;
  wire unused_idle = &{1'b0, join_idle};
  frame_join u_join (
      .clk,
      .rst,
      .job_valid,
      .job_ready,
      .job_prefix({(1024 - 8 * HEAD_BYTES)'(0), job.prefix}),
      .job_prefix_bytes({1'b0, job.prefix_bytes}),
      .job_meta(job.meta),
      .s_valid(o_valid),
      .s_ready(o_ready),
      .s_beat(o_beat),
      .s_suffix('0),
      .s_suffix_bytes('0),
      .m_valid,
      .m_ready,
      .m_beat,
      .m_meta,
      .idle(join_idle)
  );

endmodule

`default_nettype wire
