// SPDX-License-Identifier: BSD-2-Clause
//
// Holds a frame until all of it is here, sums it meanwhile, and writes the checksum over it as it leaves, and what else
// a TCP segment has of its own. A frame that ends with `s_drop` becomes a verdict instead, with the status of its meta.
//
//   s ──┬─► frame_fifo ──────────► patch ─► m
//       └─► sum ─► fifo of patches ──┘

`default_nettype none

module tx_store
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::fold;
  import ip_pkg::be16;
  import lane_pkg::*;
  import tx_pkg::*;
#(
    parameter int BEATS = 256  // a power of two from the longest frame's
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             s_valid,
    output logic            s_ready,
    input  wire beat_t      s_beat,
    input  wire             s_drop,       // with the last beat
    input  wire meta_t      s_meta,       // with the last beat
    input  wire tx_job_t    s_job,
    input  wire tx_segment_t s_segment,   // with the last beat
    output logic            m_valid,
    input  wire             m_ready,
    output beat_t           m_beat,
    output meta_t           m_meta,
    output logic            err_valid,
    input  wire             err_ready,
    output verdict_t        err_verdict,
    output logic            idle
);

  localparam int Frames = 64;

  if (64 * BEATS < FRAME_MAX) begin : g_beats
    $fatal(1, "BEATS is %0d, too few for a frame of %0d bytes", BEATS, FRAME_MAX);
  end

  wire drop = s_beat.last && s_drop;
  wire give_up = s_valid && drop;
  logic fifo_ready, fifo_idle, fifo_valid;
  beat_t stored;
  wire take = s_valid && s_ready;
  assign s_ready = drop ? !err_valid || err_ready : fifo_ready;

  frame_fifo #(
      .BEATS (BEATS),
      .FRAMES(Frames)
  ) u_frames (
      .clk,
      .rst,
      .s_valid(drop ? take : s_valid),
      .s_ready(fifo_ready),
      .s_beat,
      .s_meta,
      .s_drop(drop),
      .m_valid(fifo_valid),
      .m_ready(m_valid && m_ready),
      .m_beat(stored),
      .m_meta,
      .idle(fifo_idle)
  );

  always_ff @(posedge clk) begin
    if (give_up && s_ready) begin
      err_verdict <= '0;
      err_verdict.host <= 1'b1;
      err_verdict.qid <= s_meta.qid;
      err_verdict.index <= s_meta.index;
      err_verdict.status <= s_meta.status;
    end
    if (rst) err_valid <= 1'b0;
    else if (give_up && s_ready) err_valid <= 1'b1;
    else if (err_ready) err_valid <= 1'b0;
  end

  // ---- sum: of words of 32 bits, as they stand in memory; folded and swapped at the end (RFC 1071 2(B)) ----
  localparam int SumW = 32 + 4 + $clog2(BEATS);
  logic first;
  logic [2:0] place;  // of the beat in the frame; stays at 4
  logic [SumW-1:0] sum, more_sum;
  logic [511:0] counted;

  always_comb begin
    counted  = '0;
    more_sum = '0;
    if (take && s_job.csum) begin
      counted = s_beat.data;
      if (place < {1'b0, s_job.csum_start[7:6]}) counted = '0;
      else if (place == {1'b0, s_job.csum_start[7:6]}) counted ^= keep_low(s_beat.data, {1'b0, s_job.csum_start[5:0]});
      for (int i = 0; i < 16; i++) more_sum = more_sum + SumW'(counted[32*i+:32]);
    end
  end

  logic closing;  // `sum` is that of a whole frame, which is `closed`
  tx_job_t closed;
  tx_segment_t closed_segment;
  always_ff @(posedge clk) begin
    if (take && s_job.csum) sum <= first ? more_sum : sum + more_sum;
    if (take) begin
      first <= s_beat.last;
      place <= s_beat.last ? 3'd0 : place == 3'd4 ? place : place + 3'd1;
      if (s_beat.last) closed <= s_job;
      if (s_beat.last) closed_segment <= s_segment;
    end
    closing <= take && s_beat.last && !s_drop;
    if (rst) begin
      first <= 1'b1;
      place <= '0;
      closing <= 1'b0;
    end
  end

  // ---- patch ----
  tx_patch_t patch_in, patch;
  logic patch_ready, patch_valid;
  logic [15:0] folded, csum;
  logic [31:0] short_sum;
  logic [32:0] long_sum;
  logic [$clog2(Frames+1)-1:0] patches;
  wire unused_job = &{1'b0, closed.more, closed.tso, closed.l3, closed.hdr_len, closed.mss};

  always_comb begin
    patch_in = '0;
    long_sum = '0;
    short_sum = '0;
    folded = '0;
    csum = '0;
    if (closing && closed.csum) begin
      long_sum = 33'(sum[31:0]) + 33'(sum[SumW-1:32]);
      short_sum = long_sum[31:0] + 32'(long_sum[32]);
      folded = fold(short_sum);
      if (!closed.csum_start[0]) folded = be16(folded);
      patch_in.csum = 1'b1;
      patch_in.csum_at = closed.csum_at;
      csum = fold({16'd0, folded} + {16'd0, closed_segment.extra});
      patch_in.csum_value = csum == 16'hffff ? 16'hffff : ~csum;
      patch_in.segment = closed_segment;
    end
  end

  fifo #(
      .WIDTH($bits(tx_patch_t)),
      .DEPTH(Frames)
  ) u_patches (
      .clk,
      .rst,
      .s_valid(closing),
      .s_ready(patch_ready),
      .s_data(patch_in),
      .m_valid(patch_valid),
      .m_ready(m_valid && m_ready && stored.last),
      .m_data(patch),
      .count(patches)
  );

  // ---- out ----
  function automatic logic [511:0] put(input logic [511:0] data, input logic [7:0] at, input logic [1:0] beat,
                                       input logic [7:0] value);
    put = data;
    if (at[7:6] == beat) put[{at[5:0], 3'd0}+:8] = value;
  endfunction

  logic [2:0] out_place;
  logic [7:0] len_at;
  assign m_valid = fifo_valid && patch_valid;
  always_comb begin
    m_beat = stored;
    len_at = '0;
    if (m_valid && patch.csum && !out_place[2]) begin
      m_beat.data = put(m_beat.data, patch.csum_at, out_place[1:0], patch.csum_value[15:8]);
      m_beat.data = put(m_beat.data, patch.csum_at + 8'd1, out_place[1:0], patch.csum_value[7:0]);
      if (patch.segment.tso) begin
        for (int i = 0; i < 4; i++)
        m_beat.data = put(m_beat.data, patch.segment.tcp + 8'(4 + i), out_place[1:0], patch.segment.seq[8*(3-i)+:8]);
        m_beat.data = put(m_beat.data, patch.segment.tcp + 8'd13, out_place[1:0], patch.segment.flags);
        for (int i = 0; i < 2; i++) begin
          len_at = patch.segment.l3 + (patch.segment.ipv6 ? 8'd4 : 8'd2) + 8'(i);
          m_beat.data = put(m_beat.data, len_at, out_place[1:0], patch.segment.ip_len[8*(1-i)+:8]);
          if (!patch.segment.ipv6) begin
            m_beat.data = put(m_beat.data, patch.segment.l3 + 8'(4 + i), out_place[1:0], patch.segment.id[8*(1-i)+:8]);
            m_beat.data =
                put(m_beat.data, patch.segment.l3 + 8'(10 + i), out_place[1:0], patch.segment.ip_csum[8*(1-i)+:8]);
          end
        end
      end
    end
  end
  always_ff @(posedge clk) begin
    if (rst) out_place <= '0;
    else if (m_valid && m_ready) out_place <= stored.last ? '0 : out_place[2] ? out_place : out_place + 3'd1;
  end

  assign idle = fifo_idle && !closing && patches == 0;

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst) begin
      assert (!closing || patch_ready)
      else $error("tx_store: no room for a patch");
      if (take && s_beat.last && !s_drop) begin
        assert (s_meta.len[5:0] == s_beat.bytes[5:0])
        else $error("tx_store: a frame of %0d bytes ends with a beat of %0d", s_meta.len, s_beat.bytes);
      end
    end
`endif

endmodule

`default_nettype wire
