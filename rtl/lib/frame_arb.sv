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
    input  wire beat_t    s_beat[N],
    input  wire meta_t    s_meta[N],
    output logic          m_valid,
    input  wire           m_ready,
    output beat_t         m_beat,
    output meta_t         m_meta
);

  localparam int W = N > 1 ? $clog2(N) : 1;

  logic busy;  // inside a frame of `owner`
  logic [W-1:0] owner, next, grant;
  logic [W:0] turn;

  // Going down from the one that sent last, the last match is the one next in turn.
  always_comb begin
    next = owner;
    turn = '0;
    for (int i = N; i > 0; i--) begin
      turn = (W + 1)'(owner) + (W + 1)'(i);
      if (turn >= (W + 1)'(N)) turn = turn - (W + 1)'(N);
      if (s_valid[turn[W-1:0]]) next = turn[W-1:0];
    end
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

`ifdef FORMAL_FRAME_ARB
  logic was_reset, f_open, f_waited, f_chosen;
  logic [W-1:0] f_owner, f_grant;
  logic [N-1:0] f_wait;
  beat_t f_beat[N];
  logic [7:0] f_others[N];  // frames of others that ended since source i began to wait
  initial was_reset = 1'b0;
  // How many turns ago it was the turn of source i.
  function automatic logic [7:0] f_ahead(input int i);
    f_ahead = 8'(owner) - 8'(i);
    if (f_ahead[7]) f_ahead = f_ahead + 8'(N);
  endfunction
  wire f_move = m_valid && m_ready;
  always_ff @(posedge clk) begin
    if (rst) was_reset <= 1'b1;
    f_wait <= rst ? '0 : s_valid & ~s_ready;
    f_beat <= s_beat;
    f_waited <= !rst && m_valid && !m_ready;
    f_grant <= grant;
    if (f_move) begin
      f_open  <= !m_beat.last;
      f_owner <= grant;
    end
    for (int i = 0; i < N; i++) begin
      if (rst || !s_valid[i] || (m_valid && grant == W'(i))) f_others[i] <= '0;
      else if (f_move && m_beat.last) f_others[i] <= f_others[i] + 8'd1;
    end
    if (rst) f_open <= 1'b0;

    // Sources obey the stream's rule: what is offered stays until it is taken.
    if (was_reset) begin
      for (int i = 0; i < N; i++) if (f_wait[i]) assume (s_valid[i] && s_beat[i].last == f_beat[i].last);
    end

    if (was_reset && !rst) begin
      // F1: inside a frame nobody else's beat passes.
      if (f_open) assert (grant == f_owner);
      // F2: what is offered stays until it is taken.
      if (f_waited) assert (m_valid && grant == f_grant);
      // F3: a beat leaves if and only if its source hands it over.
      assert ((s_valid & s_ready) == (f_move ? N'(1) << grant : '0));
      assert (!m_valid || m_beat == s_beat[grant]);
      // F4: who waits gets its turn after at most N-1 frames of others.
      for (int i = 0; i < N; i++) begin
        if (s_valid[i] && grant != W'(i)) assert (f_others[i] < 8'(N));
        // How far the turn has come says how many there were.
        assert (f_others[i] == 0 || f_others[i] + 8'(busy) <= f_ahead(i));
      end
      // F5: the state is that of the frames seen.
      assert (32'(owner) < N);
      assert (f_open ? busy && owner == f_owner : !busy || f_waited);
      if (f_waited) assert (busy && owner == f_grant);
    end
  end
`endif

endmodule

`default_nettype wire
