// SPDX-License-Identifier: BSD-2-Clause
//
// Cuts TCP segments out of a frame (`tso`); all others pass as they are.
//
// The headers, the first hdr_len bytes, are gathered and looked at. Then each segment is their copy and the next `mss`
// bytes; what differs from the copy goes along as a tx_segment_t, and is written over it when the segment leaves the
// store. A frame whose headers are not what the descriptor says ends as BAD_FLAGS, and nothing of it leaves. One that
// ends with an error loses the segment at hand; those before are gone.
//
// One chunk a cycle, through one output register: a segment costs a cycle for each beat begun of its headers and its
// payload.

`default_nettype none

module tx_cut
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import lane_pkg::*;
  import tx_pkg::*;
(
    input  wire                clk,
    input  wire                rst,
    input  wire                s_valid,
    output logic               s_ready,
    input  wire beat_t         s_beat,     // `last`: of the piece
    input  wire meta_t         s_meta,     // counts with the last beat of the frame
    input  wire tx_job_t       s_job,
    output logic               m_valid,
    input  wire                m_ready,
    output tx_chunk_t          m_chunk,
    output meta_t              m_meta,     // with the last chunk
    output tx_job_t            m_job,
    output tx_segment_t        m_segment,  // with the last chunk
    output logic               idle
);

  localparam logic [7:0] FIN_PSH = 8'h09;
  localparam logic [7:0] CWR = 8'h80;

  typedef enum logic [2:0] {
    Gather,   // the headers; here frames begin
    Look,     // at them
    Headers,  // of a segment
    Payload,
    Refused   // until the frame's end
  } state_e;
  state_e state;

  logic [2:0][511:0] headers;
  logic [7:0] have;  // bytes of them
  logic [5:0] at;  // of the beat at hand: what is before is done
  logic [1:0] copy;  // beat of the headers that goes out next
  logic [13:0] paid;  // payload of the segment at hand so far
  logic later;  // it is not the frame's first
  logic [16:0] cuts;  // segments of the frame before it: with one byte in each, more than 65,535
  logic [31:0] seq;
  logic [15:0] id;

  // ---- what the headers say ----
  logic ipv6;
  logic [15:0] ip_base;  // sum of the IPv4 header without length, identification and checksum
  logic [15:0] tcp_base;  // what is to be taken from the segment's sum: sequence number and flags of the copy
  logic [15:0] flags;  // with the word that they stand in

  logic [8*IP_MAX-1:0] ip, ip_same;  // ip_same: without what differs in each segment
  logic [8*10-1:0] tcp;  // from the sequence number on
  // 64 bytes of the headers, or as many as there are.
  function automatic logic [511:0] from (input logic [7:0] place);
    case (place[7:6])
      2'd0: from = funnel(headers[1], headers[0], place[5:0]);
      2'd1: from = funnel(headers[2], headers[1], place[5:0]);
      default: from = funnel('0, headers[2], place[5:0]);
    endcase
  endfunction
  wire unused_ack = &{1'b0, tcp[63:32]};
  logic sound;
  logic [7:0] ip_bytes;  // between the begin of the IP header and TCP's
  always_comb begin
    ip = '0;
    ip_same = '0;
    tcp = '0;
    ip_bytes = '0;
    sound = 1'b0;
    if (state == Look) begin
      ip = (8 * IP_MAX)'(from(s_job.l3));
      tcp = 80'(from(s_job.csum_start + 8'd4));
      ip_same = ip;
      ip_same[8*2+:32] = '0;
      ip_same[8*10+:16] = '0;
      ip_bytes = s_job.csum_start - s_job.l3;
      if (ip[7:4] == 4'd4) sound = {2'd0, ip[3:0], 2'd0} == ip_bytes && ip[8*9+:8] == PROTO_TCP;
      else sound = ip[7:4] == 4'd6 && ip_bytes >= 8'(IP6_BYTES);
      if ({2'd0, tcp[8*8+4+:4], 2'd0} != s_job.hdr_len - s_job.csum_start) sound = 1'b0;
    end
  end

  // ---- the next bytes ----
  wire step = !m_valid || m_ready;
  wire ends = s_beat.last && !s_job.more;  // of the frame
  wire lost = ends && s_meta.status != ST_OK;
  wire [6:0] avail = s_beat.bytes - {1'b0, at};

  logic [6:0] count;  // of bytes that are used in this cycle
  logic emit, eat, whole;  // eat: nothing is left of the beat; whole: the segment's last bytes
  logic [7:0] want;
  logic [13:0] room;
  tx_chunk_t chunk;
  logic [511:0] part;
  always_comb begin
    count = '0;
    emit = 1'b0;
    eat = 1'b0;
    whole = 1'b0;
    want = '0;
    room = '0;
    part = '0;
    chunk = '0;
    if (s_valid) begin
      if (lost) begin
        emit = 1'b1;
        eat = 1'b1;
        chunk = '{last: 1'b1, drop: 1'b1, bytes: 7'd64, data: '0};
      end else if (!s_job.tso) begin
        emit = 1'b1;
        eat = 1'b1;
        chunk = '{last: ends, drop: 1'b0, bytes: s_beat.bytes, data: s_beat.data};
      end else begin
        case (state)
          Gather: begin
            want = s_job.hdr_len - have;
            count = 8'(avail) < want ? avail : want[6:0];
          end
          Headers: begin
            emit = 1'b1;
            want = s_job.hdr_len - {copy, 6'd0};
            chunk.bytes = want < 8'd64 ? want[6:0] : 7'd64;
            chunk.data = headers[copy];
          end
          Payload: begin
            emit = 1'b1;
            room = s_job.mss - paid;
            count = 14'(avail) < room ? avail : room[6:0];
            whole = 14'(count) == room || (ends && count == avail);
          end
          Refused: begin
            emit = ends;
            eat  = 1'b1;
            chunk = '{last: 1'b1, drop: 1'b1, bytes: 7'd64, data: '0};
          end
          default: ;
        endcase
        if (count != 0) begin
          eat  = count == avail;
          part = at == 0 ? s_beat.data : funnel('0, s_beat.data, at);
          if (!eat) part = keep_low(part, count);
          if (emit) chunk = '{last: whole, drop: 1'b0, bytes: count, data: part};
        end
      end
    end
  end
  assign s_ready = eat && (step || !emit);
  wire go = s_valid && (step || !emit);

  // Where gathered bytes go.
  logic [1023:0] placed;
  always_comb begin
    placed = '0;
    if (go && state == Gather && count != 0) placed = move_up(part, {1'b0, have[5:0]});
  end

  // ---- what differs in a segment from the copy of the headers ----
  tx_segment_t segment;
  logic [15:0] frame_bytes, tcp_bytes;
  logic [7:0] new_flags;
  wire final_one = ends && eat;
  always_comb begin
    segment = '0;
    frame_bytes = '0;
    tcp_bytes = '0;
    new_flags = '0;
    if (go && whole) begin
      frame_bytes = 16'(s_job.hdr_len) + 16'(paid) + 16'(count);
      tcp_bytes = frame_bytes - 16'(s_job.csum_start);
      new_flags = flags[7:0] & ~(final_one ? 8'd0 : FIN_PSH) & ~(later ? CWR : 8'd0);
      segment.tso = 1'b1;
      segment.ipv6 = ipv6;
      segment.l3 = s_job.l3;
      segment.tcp = s_job.csum_start;
      segment.seq = seq;
      segment.flags = new_flags;
      segment.id = id;
      segment.ip_len = frame_bytes - 16'(s_job.l3) - (ipv6 ? 16'(IP6_BYTES) : 16'd0);
      segment.ip_csum = ~fold(32'(ip_base) + 32'(segment.ip_len) + 32'(id));
      segment.extra = fold(
          32'(tcp_base) + 32'(seq[31:16]) + 32'(seq[15:0]) + 32'({flags[15:8], new_flags}) + 32'(tcp_bytes));
    end
  end

  for (genvar i = 0; i < 3; i++) begin : g_header
    logic [511:0] words;
    assign headers[i] = words;
    always_ff @(posedge clk) begin
      if (go && state == Gather && count != 0) begin
        if (have[7:6] == 2'(i)) words <= (have[5:0] == 0 ? '0 : words) | placed[511:0];
        else if (have[7:6] + 2'd1 == 2'(i) && have[7:6] != 2'd3) words <= placed[1023:512];
      end
    end
  end

  always_ff @(posedge clk) begin
    if (go) begin
      at <= eat ? 6'd0 : at + count[5:0];
      if (ends && eat) begin
        state <= Gather;
        have <= '0;
        later <= 1'b0;
        cuts <= '0;
      end else if (s_job.tso) begin
        case (state)
          Gather: begin
            have <= have + 8'(count);
            if (8'(count) == want) state <= Look;
          end
          Look: state <= sound ? Headers : Refused;
          Headers: begin
            copy <= copy + 2'd1;
            if (want <= 8'd64) state <= Payload;
          end
          Payload:
          if (whole) begin
            state <= Headers;
            later <= 1'b1;
            cuts <= cuts + 17'd1;
          end
          default: ;
        endcase
      end
      if (state == Look) begin
        ipv6 <= ip[7:4] == 4'd6;
        ip_base <= ip4_sum(ip_same, ip[3:0]);
        tcp_base <= fold(
            {16'd0, ~be16(tcp[15:0])} + {16'd0, ~be16(tcp[31:16])} + {16'd0, ~be16(tcp[8*8+:16])});
        flags <= be16(tcp[8*8+:16]);
        seq <= be32(tcp[31:0]);
        id <= be16(ip[8*4+:16]);
      end
      if (state != Headers) copy <= '0;
      if (state == Payload) begin
        paid <= whole ? '0 : paid + 14'(count);
        if (whole) begin
          seq <= seq + 32'(s_job.mss);
          id <= id + 16'd1;
        end
      end else paid <= '0;
      if (emit) begin
        m_chunk <= chunk;
        m_job <= s_job;
        m_segment <= segment;
        m_meta <= s_meta;
        if (whole) begin
          m_meta.len  <= frame_bytes;
          m_meta.more <= !final_one;
          if (s_meta.op == OP_NUMBERED) m_meta.seq <= s_meta.seq + 64'(cuts);
        end
        if (state == Refused && !lost) m_meta.status <= ST_BAD_FLAGS;
      end
    end
    if (go && emit) m_valid <= 1'b1;
    else if (m_ready) m_valid <= 1'b0;
    if (rst) begin
      m_valid <= 1'b0;
      state <= Gather;
      have <= '0;
      at <= '0;
      later <= 1'b0;
      cuts <= '0;
    end
  end

  assign idle = !m_valid && state == Gather && have == 0 && at == 0;

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst && go && s_job.tso && !lost) begin
      assert (!(ends && eat) || state inside {Payload, Refused})
      else $error("tx_cut: a frame of %0d bytes of headers has no payload", s_job.hdr_len);
      assert (state != Payload || s_job.mss != 0)
      else $error("tx_cut: segments of no bytes");
    end
`endif

endmodule

`default_nettype wire
