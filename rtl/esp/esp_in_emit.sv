// SPDX-License-Identifier: BSD-2-Clause
//
// Last stage of esp_in: frames leave in the order in which they came. A decrypted packet waits for its fate; a good
// one is read out of the packet buffer behind its header, a bad one is skipped without a byte being read.
//
//   tunnel     Ethernet header with the inner family's type | inner packet
//   transport  Ethernet and IP header with protocol, length and checksum (RFC 1624) of what is left | payload
//   in place   everything up to the IV | plaintext, trailer | zeros to the frame's end; where the ICV was wrong,
//              zeros from the IV on, and nothing is read
//
// Whatever is dropped, or delivered although it should have been dropped, is told to the host as an event.

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
    output verdict_t d_verdict,

    output logic   ev_valid,  // for one cycle
    output event_t ev
);

  localparam int HeadBits = 8 * WINDOW_BYTES;

  // ---- what is next ----
  logic busy;  // beats of the frame that left last are still to be fetched
  logic good, bad, start, job_ready, o_free;
  logic [7:0] status;
  logic decrypted;  // it comes from the buffer
  assign status = order.kind == IN_ESP ? fate.status : order.meta.status;
  always_comb begin
    good = 1'b0;
    bad  = 1'b0;
    if (order_valid) begin
      case (order.kind)
        IN_PASS: good = pass_valid;
        IN_ESP:  good = fate_valid && (fate.status == ST_OK || (order.inplace && fate.status == ST_ICV));
        default: ;
      endcase
      bad = order.kind == IN_DROP || (order.kind == IN_ESP && fate_valid && !good);
    end
  end
  assign start = good && !busy && job_ready && o_free;
  assign decrypted = order.kind == IN_ESP && fate.status == ST_OK;
  assign d_valid = bad && !busy;
  assign order_ready = start || (d_valid && d_ready);
  assign fate_ready = order_ready && order.kind == IN_ESP;
  assign d_verdict = '{
          host: order.meta.host,
          silent: 1'b0,
          more: order.meta.more,
          qid: order.meta.qid,
          index: order.meta.index,
          status: status,
          len: 16'd0,
          seq: order.meta.seq
      };

  // ---- its header ----
  logic [HeadBits-1:0] prefix;
  logic [7:0] prefix_bytes;
  meta_t meta;
  logic [15:0] total, old_total, old_proto, new_proto, sum;
  logic [9:0] ip_at;  // bit number
  logic [15:0] body_bytes;  // behind the header
  always_comb begin
    prefix = '0;
    prefix_bytes = '0;
    meta = order.meta;
    {total, old_total, old_proto, new_proto, sum} = '0;
    ip_at = {2'd0, order.l2_bytes, 3'd0};
    body_bytes = '0;
    if (start && order.kind == IN_PASS) meta.seq = '0;
    if (start && order.kind == IN_ESP) begin
      prefix_bytes = order.stay;
      prefix[511:0] = keep_low(order.head[511:0], order.stay < 8'd64 ? order.stay[6:0] : 7'd64);
      if (order.stay > 8'd64) prefix[1023:512] = keep_low(order.head[1023:512], 7'(order.stay - 8'd64));
      body_bytes = 16'(fate.bytes);
      if (order.inplace) begin
        body_bytes   = order.meta.len - 16'(order.stay);
        meta.inplace = 1'b1;
        meta.status  = fate.status;
        if (!decrypted) {meta.esp, meta.seq} = '0;
      end else if (order.tunnel) begin
        prefix[ip_at-10'd16+:16] = be16(fate.next_header == PROTO_IPV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
      end else begin
        total = 16'(order.hdr_bytes) + body_bytes;
        prefix[{order.proto_at[6:0], 3'd0}+:8] = fate.next_header;
        if (order.ipv6) prefix[ip_at+10'd32+:16] = be16(total - 16'(IP6_BYTES));
        else begin
          old_total = be16(order.head[ip_at+10'd16+:16]);
          old_proto = be16(order.head[ip_at+10'd64+:16]);
          new_proto = {old_proto[15:8], fate.next_header};
          sum = ~be16(order.head[ip_at+10'd80+:16]);
          sum = sum_update(sum_update(sum, old_total, total), old_proto, new_proto);
          prefix[ip_at+10'd16+:16] = be16(total);
          prefix[ip_at+10'd80+:16] = be16(~sum);
        end
      end
      meta.len = 16'(prefix_bytes) + body_bytes;
    end
  end

  // ---- its beats: the first is fetched in the cycle of the start ----
  logic o_valid, o_ready, o_last, fetch, ending;
  logic [6:0] o_bytes, o_plain;
  logic [511:0] o_pass;
  logic passing, passing_now;
  logic [15:0] left, left_now;  // bytes to go out
  logic [13:0] plain, plain_now;  // of which come from the buffer
  logic [BUFFER_W:0] after, after_now;  // where the packet buffer goes on behind this packet

  assign o_free = !o_valid || o_ready;
  assign passing_now = start ? order.kind == IN_PASS : passing;
  assign left_now = start ? body_bytes : left;
  assign plain_now = !start ? plain : decrypted ? fate.bytes : 14'd0;
  assign after_now = !start ? after : order.kind == IN_ESP ? rd + (BUFFER_W + 1)'(fate.beats) : rd;
  assign fetch = start || (busy && o_free && (!passing || pass_valid));
  assign pass_ready = fetch && passing_now;
  assign buffer_re = fetch && !passing_now && plain_now != 14'd0;
  assign ending = passing_now ? pass_beat.last : left_now <= 16'd64;

  always_ff @(posedge clk) begin
    if (fetch) begin
      busy <= !ending;
      passing <= passing_now;
      after <= after_now;
      left <= left_now - 16'd64;
      plain <= plain_now > 14'd64 ? plain_now - 14'd64 : 14'd0;
      o_last <= ending;
      o_bytes <= passing_now ? pass_beat.bytes : ending ? left_now[6:0] : 7'd64;
      o_plain <= plain_now > 14'd64 ? 7'd64 : plain_now[6:0];
      if (passing_now) o_pass <= pass_beat.data;
    end
    if (fetch) o_valid <= 1'b1;
    else if (o_ready) o_valid <= 1'b0;

    if (fetch && ending) rd <= after_now;
    else if (buffer_re) rd <= rd + 1'b1;
    else if (d_valid && d_ready && order.kind == IN_ESP) rd <= rd + (BUFFER_W + 1)'(fate.beats);
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
      if (passing) o_beat.data = o_pass;
      else if (o_plain == 7'd64) o_beat.data = buffer_data;
      else if (o_plain != 7'd0) o_beat.data = keep_low(buffer_data, o_plain);
    end
  end

  logic join_idle;
  wire unused = &{1'b0, join_idle, order.proto_at[7]};
  frame_join u_join (
      .clk,
      .rst,
      .job_valid(start),
      .job_ready,
      .job_prefix(prefix),
      .job_prefix_bytes(prefix_bytes),
      .job_meta(meta),
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

  // ---- what the host is told of ----
  function automatic logic is_event(input logic [7:0] code);
    is_event = code == ST_NO_SA || code == ST_FRAGMENT || code == ST_REPLAY || code == ST_ICV || code == ST_SELECTOR ||
        code == ST_ENCAP || code == ST_PADDING || code == ST_LIFETIME;
  endfunction

  logic [9:0] ev_ip_at;
  assign ev_ip_at = {2'd0, order.l2_bytes, 3'd0};
  always_ff @(posedge clk) begin
    ev_valid <= order_ready && is_event(status);
    if (order_ready && is_event(status)) begin
      ev <= '0;
      ev.code <= status;
      ev.inbound <= 1'b1;
      ev.ipv6 <= order.ipv6;
      ev.spi <= order.spi;
      ev.sa <= order.meta.sa;
      ev.seq <= order.meta.seq;
      if (order.ipv6) begin
        ev.src <= order.head[ev_ip_at+10'd64+:128];
        ev.dst <= order.head[ev_ip_at+10'd192+:128];
        ev.flow_label <= 20'(be32(order.head[ev_ip_at+:32]));
      end else begin
        ev.src <= 128'(order.head[ev_ip_at+10'd96+:32]);
        ev.dst <= 128'(order.head[ev_ip_at+10'd128+:32]);
      end
    end
    if (rst) ev_valid <= 1'b0;
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      // The law of this stage.
      if (buffer_re && start)
        assert (order.kind == IN_ESP && fate_valid && fate.status == ST_OK)
        else $error("esp_in_emit: a beat is read of a packet whose fate is %0d", fate.status);
      if (buffer_re)
        assert (after_now - rd != '0 && after_now - rd <= (BUFFER_W + 1)'(BUFFER_BEATS))
        else $error("esp_in_emit: a beat is read from behind its packet");
    end
`endif

`ifdef FORMAL_ESP_IN_EMIT
  // The packet whose fate was taken last lies from f_begin up to f_end in the buffer; the next one begins at f_end.
  logic f_ok, f_read, f_take;
  logic [BUFFER_W:0] f_begin, f_end, f_begin_now, f_end_now;
  assign f_take = fate_valid && fate_ready;
  assign f_begin_now = f_take ? f_end : f_begin;
  assign f_end_now = f_take ? f_end + (BUFFER_W + 1)'(fate.beats) : f_end;
  always_ff @(posedge clk) begin
    // The check counts a packet's beats, and delivers no more than it was given.
    assume (!fate_valid || ({fate.beats, 6'd0} >= fate.bytes && fate.beats != '0) || fate.status != ST_OK);
    f_begin <= f_begin_now;
    f_end   <= f_end_now;
    if (f_take) f_ok <= fate.status == ST_OK;
    if (fetch) f_read <= buffer_re;
    if (rst) begin
      f_begin <= '0;
      f_end   <= '0;
      f_ok    <= 1'b0;
      f_read  <= 1'b0;
    end
    if (was_reset && !rst) begin
      // E1: a beat is read only of a packet whose fate is known and good, and only of that packet.
      if (buffer_re) begin
        assert (f_take ? fate.status == ST_OK : f_ok);
        assert (rd - f_begin_now < f_end_now - f_begin_now);
      end
      // E2: what goes out as plaintext was read for it.
      if (o_valid && !passing && o_plain != '0) assert (f_read);
      // E3: a packet of another fate leaves nothing but its header and zeros.
      if (start && order.kind == IN_ESP && fate.status != ST_OK) assert (order.inplace && plain_now == '0);
      // E4: between frames the buffer is free up to the next packet, whatever became of those before.
      if (!busy) assert (rd == f_end);
      if (busy) assert (after == f_end);
      // For the induction: what is still to be read lies in the packet.
      if (busy && passing) assert (rd == f_end);
      if (busy && !passing) begin
        assert (rd - f_begin <= f_end - f_begin && f_end - f_begin <= (BUFFER_W + 1)'(255));
        assert (plain == '0 || (f_ok && {f_end - rd, 6'd0} >= (BUFFER_W + 7)'(plain)));
      end
    end
  end
`endif

endmodule

`default_nettype wire
