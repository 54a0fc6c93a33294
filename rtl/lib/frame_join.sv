// SPDX-License-Identifier: BSD-2-Clause
//
// prefix || payload || suffix, as one frame without gaps.

`default_nettype none

// A job holds the prefix (0..128 bytes) and the meta of one frame; the payload is a packet of beats of which the last
// holds 0..64 bytes, the others 64; the suffix (0..32 bytes) comes beside the payload's last beat. All three together
// are at least one byte; bytes beyond prefix_bytes, s_beat.bytes and s_suffix_bytes are zero.
// One beat a cycle, also between frames, as long as the next job waits when the last beat of a frame leaves.
//
//   prefix ──► carry ──┬─► low 64 bytes ──► m_beat
//                      │◄─ the rest ─┐
//   payload, suffix ───┴──► move up ─┘
module frame_join
  import vesper_pkg::*;
  import lane_pkg::*;
(
    input  wire            clk,
    input  wire            rst,
    input  wire            job_valid,
    output logic           job_ready,
    input  wire   [1023:0] job_prefix,
    input  wire   [   7:0] job_prefix_bytes,
    input  meta_t          job_meta,
    input  wire            s_valid,
    output logic           s_ready,
    input  beat_t          s_beat,            // bytes 0..64
    input  wire   [ 255:0] s_suffix,          // with the last beat
    input  wire   [   5:0] s_suffix_bytes,    // with the last beat
    output logic           m_valid,
    input  wire            m_ready,
    output beat_t          m_beat,
    output meta_t          m_meta,
    output logic           idle
);

  logic busy;  // a job is loaded
  logic ended;  // all its payload and suffix lie in `carry`
  logic [7:0] held;  // bytes in `carry`
  logic [1023:0] carry;
  meta_t meta;

  // With exactly 64 bytes held it waits for the payload, since these 64 may be the whole frame.
  wire drain = busy && (ended || held > 8'd64);
  wire body = busy && !drain;
  wire adv = !m_valid || m_ready;
  wire emit = adv && (drain || (body && s_valid));

  wire [7:0] tail = s_beat.last ? {1'b0, s_beat.bytes} + {2'b00, s_suffix_bytes} : 8'd64;
  wire [7:0] total = drain ? held : held + tail;
  wire complete = drain ? ended : s_beat.last;  // nothing follows these bytes
  wire emit_last = complete && total <= 8'd64;

  assign s_ready   = adv && body;
  assign job_ready = !busy || (emit && emit_last);
  assign idle      = !busy && !m_valid;

  logic [767:0] high;  // the suffix above the payload's last beat
  always_comb begin
    high = '0;
    if (body && s_valid && s_beat.last) high = 768'(move_up({256'd0, s_suffix}, s_beat.bytes));
  end

  logic [1279:0] sum;  // carry, payload, suffix
  always_comb begin
    sum = '0;
    if (drain) begin
      sum[1023:0] = carry;
    end else if (body && s_valid) begin
      sum[1023:0] = {512'd0, carry[511:0]} | move_up(s_beat.data, held[6:0]);
      if (s_beat.last && s_suffix_bytes != 6'd0) begin
        sum[1023:0] |= move_up(high[511:0], held[6:0]);
        sum[1279:512] |= 768'(move_up({256'd0, high[767:512]}, held[6:0]));
      end
    end
  end

  always_ff @(posedge clk) begin
    if (job_valid && job_ready) begin
      carry <= job_prefix;
      held  <= job_prefix_bytes;
      meta  <= job_meta;
      ended <= 1'b0;
    end else if (emit) begin
      carry <= {256'd0, sum[1279:512]};
      held  <= total - 8'd64;
      ended <= complete;
    end
    if (job_valid && job_ready) busy <= 1'b1;
    else if (emit && emit_last) busy <= 1'b0;

    if (emit) begin
      m_beat.data  <= sum[511:0];
      m_beat.bytes <= emit_last ? total[6:0] : 7'd64;
      m_beat.last  <= emit_last;
      m_meta       <= meta;
    end
    if (emit) m_valid <= 1'b1;
    else if (m_ready) m_valid <= 1'b0;

    if (rst) begin
      busy    <= 1'b0;
      m_valid <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst) begin
      if (job_valid && job_ready) begin
        assert (job_prefix_bytes <= 8'd128)
        else $error("frame_join: a prefix of %0d bytes", job_prefix_bytes);
      end
      if (s_valid && s_ready) begin
        assert (s_beat.last || s_beat.bytes == 7'd64)
        else $error("frame_join: a beat of %0d bytes within a frame", s_beat.bytes);
        assert (!s_beat.last || s_suffix_bytes <= 6'd32)
        else $error("frame_join: a suffix of %0d bytes", s_suffix_bytes);
      end
      if (emit) begin
        assert (total != 8'd0)
        else $error("frame_join: an empty frame");
      end
    end
`endif

endmodule

`default_nettype wire
