// SPDX-License-Identifier: BSD-2-Clause
//
// N frame streams into one, a whole frame at a time, round robin: whoever sent last is asked last. No cycle is lost
// between frames, and a source that waits gets its turn after at most N-1 frames of others.

`default_nettype none

module frame_arb
  import vesper_pkg::*;
#(
    parameter int N = 2
) (
    input  wire           clk,
    input  wire           rst,
    input  wire   [N-1:0] s_valid,
    output logic  [N-1:0] s_ready,
    input  beat_t [N-1:0] s_beat,
    input  meta_t [N-1:0] s_meta,
    output logic          m_valid,
    input  wire           m_ready,
    output beat_t         m_beat,
    output meta_t         m_meta
);

  localparam int W = N > 1 ? $clog2(N) : 1;

  logic busy;  // inside a frame of `owner`
  logic [W-1:0] owner, next, grant;

  // Going down from the one that sent last, the last match is the one next in turn.
  always_comb begin
    next = owner;
    for (int i = N; i > 0; i--)
      if (s_valid[W'((int'(owner) + i) % N)]) next = W'((int'(owner) + i) % N);
  end

  assign grant   = busy ? owner : next;
  assign m_valid = s_valid[grant];
  assign m_beat  = s_beat[grant];
  assign m_meta  = s_meta[grant];

  always_comb begin
    s_ready        = '0;
    s_ready[grant] = m_ready && s_valid[grant];
  end

  // The choice is kept while the sink waits, so that what is offered stays the same.
  always_ff @(posedge clk) begin
    if (m_valid) begin
      owner <= grant;
      busy  <= !(m_ready && m_beat.last);
    end
    if (rst) begin
      busy  <= 1'b0;
      owner <= '0;
    end
  end

endmodule

`default_nettype wire
