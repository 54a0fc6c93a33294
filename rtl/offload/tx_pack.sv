// SPDX-License-Identifier: BSD-2-Clause
//
// Puts chunks of bytes behind one another: frames of full beats leave.
//
// One chunk a cycle; a frame's last beat may need a cycle of its own. Through one output register.

`default_nettype none

module tx_pack
  import vesper_pkg::*;
  import lane_pkg::*;
  import tx_pkg::*;
#(
    parameter int SIDE_W = 1  // bits that go with the frame, taken with its last chunk
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   s_valid,
    output logic                  s_ready,
    input  wire tx_chunk_t        s_chunk,
    input  wire      [SIDE_W-1:0] s_side,
    output logic                  m_valid,
    input  wire                   m_ready,
    output beat_t                 m_beat,
    output logic                  m_drop,   // with the last beat
    output logic     [SIDE_W-1:0] m_side,   // with the last beat
    output logic                  idle
);

  logic [511:0] carry;
  logic [5:0] held;  // bytes in `carry`
  logic flush;  // these are the frame's last

  wire step = !m_valid || m_ready;
  wire [7:0] total = {2'd0, held} + {1'b0, s_chunk.bytes};
  wire take = s_valid && s_ready;
  wire full = total >= 8'd64;
  assign s_ready = step && !flush;
  assign idle = held == 0 && !m_valid;

  logic [1023:0] sum;
  always_comb begin
    sum = '0;
    if (take) begin
      sum = move_up(s_chunk.data, {1'b0, held});
      if (held != 0) sum[511:0] |= carry;
    end
  end

  always_ff @(posedge clk) begin
    if (take) begin
      if (full) carry <= sum[1023:512];
      else carry <= sum[511:0];
      if (full || s_chunk.last) begin
        m_beat.data <= sum[511:0];
        m_beat.bytes <= full ? 7'd64 : total[6:0];
        m_beat.last <= s_chunk.last && total <= 8'd64;
        m_drop <= s_chunk.drop;
        m_side <= s_side;
      end
    end else if (step && flush) begin
      m_beat <= '{last: 1'b1, bytes: {1'b0, held}, data: carry};
    end
    if (step) m_valid <= flush || (s_valid && (full || s_chunk.last));
    if (take) held <= s_chunk.last && total <= 8'd64 ? '0 : total[5:0];
    else if (step && flush) held <= '0;
    if (step) flush <= s_valid && !flush && s_chunk.last && total > 8'd64;
    if (rst) begin
      m_valid <= 1'b0;
      held <= '0;
      flush <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst && take) begin
      assert (s_chunk.bytes != 0 && s_chunk.bytes <= 7'd64)
      else $error("tx_pack: a chunk of %0d bytes", s_chunk.bytes);
      assert (s_chunk.last || !s_chunk.drop)
      else $error("tx_pack: dropped before its end");
    end
`endif

endmodule

`default_nettype wire
