// SPDX-License-Identifier: BSD-2-Clause
//
// Are the checksums of a frame right? The frame is summed as it passes, and is not held up.
//
//   headers (ip_parse), first 128 bytes ─► sum from the TCP or UDP header on, pseudo header ─► heads ─┐
//   beats behind these ─► sum ─────────────────────────────────────────────────────────────► tails ─┴─► v
//
// Right are: the IPv4 header's checksum, and that of TCP, or of UDP where there is one. A frame that goes on behind its
// IP packet is looked at only if all of it lies in the first 128 bytes, as Ethernet's padding does. Nothing is said of
// fragments, of lengths that contradict one another, or of what ip_parse finds fault with.
//
// Sums are of words as they stand, byte-swapped that is: one's complement does not mind (RFC 1071 2(B)).

`default_nettype none

module rx_csum
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import rx_pkg::*;
#(
    parameter int DEPTH = 32  // frames whose verdict may wait
) (
    input  wire                             clk,
    input  wire                             rst,
    // headers of a frame; always taken
    input  wire                             h_valid,
    /* verilator lint_off UNUSEDSIGNAL */  // not all of it matters here
    input  wire ip_info_t                   h,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire        [8*WINDOW_BYTES-1:0] h_head,
    input  wire        [              15:0] h_len,    // of the frame
    // beats as they pass
    input  wire                             b_valid,
    input  wire                             b_behind, // beyond the first 128 bytes
    input  wire                             b_last,
    input  wire        [             511:0] b_data,
    // verdicts, one a frame
    output logic                            v_valid,
    input  wire                             v_ready,
    output logic                            v_right,
    output logic                            idle
);

  localparam int Words = WINDOW_BYTES / 2;

  // ---- the first 128 bytes ----
  typedef struct packed {
    logic looked;  // the sum is that of a checksum
    logic [31:0] sum;
  } part_t;
  part_t p_next, p;
  logic p_valid;
  logic [15:0] start, stop, length;
  always_comb begin
    p_next = '0;
    {start, stop, length} = '0;
    if (h_valid && h.status == ST_OK && !h.fragment && (h.proto == PROTO_TCP || h.proto == PROTO_UDP)) begin
      start = 16'(h.l2_bytes) + 16'(h.hdr_bytes);
      stop = 16'(h.l2_bytes) + h.total;
      length = h.total - 16'(h.hdr_bytes);
      p_next.looked = h_len <= 16'(WINDOW_BYTES) || stop == h_len;
      if (h.proto == PROTO_TCP) begin
        if (length < 16'(TCP_BYTES)) p_next.looked = 1'b0;
      end else if (length < 16'(UDP_BYTES) || be16(h.l4[8*4+:16]) != length || h.l4[8*6+:16] == '0) begin
        p_next.looked = 1'b0;
      end
      if (p_next.looked) begin
        p_next.sum = {16'd0, be16(length)} + {16'd0, h.proto, 8'd0};
        for (int i = 0; i < 8; i++) p_next.sum = p_next.sum + {16'd0, h.src[16*i+:16]} + {16'd0, h.dst[16*i+:16]};
        // Headers are even; the packet's end may not be.
        for (int i = 0; i < Words; i++) begin
          if (16'(2 * i) >= start && 16'(2 * i) < stop)
            p_next.sum = p_next.sum + {16'd0, h_head[16*i+8+:8] & {8{stop != 16'(2 * i + 1)}}, h_head[16*i+:8]};
        end
      end
    end
  end

  // ---- the beats behind ----
  logic t_valid;
  logic [31:0] t_sum, beat_sum;
  logic s_valid, s_last;
  always_ff @(posedge clk) begin
    p_valid <= h_valid;
    if (h_valid) p <= p_next;
    s_valid <= b_valid;
    s_last  <= b_last;
    if (b_valid) begin
      if (b_behind) beat_sum <= words_sum(b_data);
      else beat_sum <= '0;
    end
    if (s_valid) t_sum <= s_last ? 32'd0 : t_sum + beat_sum;
    if (rst) begin
      p_valid <= 1'b0;
      s_valid <= 1'b0;
      t_sum   <= '0;
    end
  end
  assign t_valid = s_valid && s_last;

  // ---- both ----
  logic head_room, tail_room, head_valid, tail_valid;
  part_t head;
  logic [31:0] tail;
  logic [$clog2(DEPTH+1)-1:0] heads, tails;
  fifo #(
      .WIDTH($bits(part_t)),
      .DEPTH(DEPTH)
  ) u_heads (
      .clk,
      .rst,
      .s_valid(p_valid),
      .s_ready(head_room),
      .s_data(p),
      .m_valid(head_valid),
      .m_ready(v_valid && v_ready),
      .m_data(head),
      .count(heads)
  );
  fifo #(
      .WIDTH(32),
      .DEPTH(DEPTH)
  ) u_tails (
      .clk,
      .rst,
      .s_valid(t_valid),
      .s_ready(tail_room),
      .s_data(t_sum + beat_sum),
      .m_valid(tail_valid),
      .m_ready(v_valid && v_ready),
      .m_data(tail),
      .count(tails)
  );
  assign v_valid = head_valid && tail_valid;
  always_comb begin
    v_right = 1'b0;
    if (v_valid && head.looked) v_right = fold(head.sum + tail) == 16'hffff;
  end
  assign idle = !p_valid && !s_valid && heads == 0 && tails == 0;

  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!(p_valid && !head_room) && !(t_valid && !tail_room))
      else $error("rx_csum: verdicts are not taken");
    end
  end

endmodule

`default_nettype wire
