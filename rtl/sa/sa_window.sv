// SPDX-License-Identifier: BSD-2-Clause
//
// Replay windows of the inbound SAs (RFC 4303 3.4.3 and A2, RFC 6479).
//
// A window is a ring of words, one a block of 2^BLOCK_LOG2 sequence numbers. The word of the newest block (`head`)
// stands in the SA's own record, so that packets in order touch the ring once a block. A word in the ring carries the
// upper bits of its block number as a stamp; a word whose stamp differs counts as empty. Hence a jump forward clears
// nothing and nothing is ever shifted. 2^RING_LOG2 words and the head hold as many blocks of numbers as the ring has
// words, at any alignment: that is the largest window.
//
//   lookup: index, lower half of the number -> (cycle) upper half by ESN's rule -> (cycle) was it seen?
//   commit: index, number -> (cycle) check, set, write back
//
// The commit alone writes and bypasses its own writes, so what decides is exact, while the lookup may miss a packet
// that is between it and its commit. Record and ring stand twice, since both read them.

`default_nettype none

module sa_window
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024,
    parameter int RING_LOG2 = 6,
    parameter int BLOCK_LOG2 = 6,
    parameter int SEQ_W = 64,
    parameter int IW = $clog2(ENTRIES),
    parameter int WW = RING_LOG2 + BLOCK_LOG2 + 1
) (
    input wire clk,
    input wire rst,

    // Lookup; the answer comes two cycles later.
    input  logic                lk_valid,
    input  logic [      IW-1:0] lk_index,
    input  logic [SEQ_W/2-1:0] lk_seq,      // as it stood in the packet
    output logic                lk_known,    // an SA is installed there: in the next cycle already
    output logic                lk_replay,
    output logic [   SEQ_W-1:0] lk_number,
    output logic [        14:0] lk_gen,
    output logic                lk_udp,

    // Commit and management; what they decide stands in the next cycle.
    input  logic             c0_valid,
    input  logic             c0_authentic,  // else nothing moves
    input  logic             c0_op_valid,
    input  sa_op_e           c0_op,
    input  logic [   IW-1:0] c0_index,
    input  logic [     14:0] c0_gen,
    input  logic [SEQ_W-1:0] c0_seq,
    input  logic [   WW-1:0] c0_window,
    input  logic             c0_esn,
    input  logic             c0_udp,
    input  logic             c0_seen,
    output logic             c1_stale,      // no SA of this generation
    output logic             c1_replay,     // authentic, but was seen or is below the window
    output logic [SEQ_W-1:0] c1_top         // highest number received
);

  localparam int HALF = SEQ_W / 2;
  localparam int BLOCK = 1 << BLOCK_LOG2;
  localparam int STAMP_W = SEQ_W - BLOCK_LOG2 - RING_LOG2;
  localparam int RW = IW + RING_LOG2;

  if (RING_LOG2 < 1 || RING_LOG2 + BLOCK_LOG2 > HALF - 2) begin : g_bad_ring
    $error("sa_window: a ring of 2^%0d words of 2^%0d numbers of %0d bits", RING_LOG2, BLOCK_LOG2, SEQ_W);
  end

  // An SA's generation and the newest part of its window.
  typedef struct packed {
    logic             valid;
    logic [14:0]      gen;
    logic             esn;
    logic             udp;
    logic [WW-1:0]    window;  // 0 and 1: nothing is checked
    logic [SEQ_W-1:0] top;     // highest number received
    logic [BLOCK-1:0] head;    // bit i: number {block of top, i} was received
  } edge_t;

  typedef struct packed {
    logic [STAMP_W-1:0] stamp;
    logic [BLOCK-1:0]   seen;
  } ring_t;

  if (SEQ_W == 64 && BLOCK_LOG2 == 6 && ($bits(
          edge_t
      ) != 146 + WW || $bits(
          ring_t
      ) != 122 - RING_LOG2)) begin : g_bad_size
    $error("sa_window: words of %0d and %0d bits; correct README.md", $bits(edge_t), $bits(ring_t));
  end

  // 1: `seq` was received before, or is older than the window. `word` is the ring's word for the block of `seq`.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic replay_seen(input edge_t e, input ring_t word, input logic [SEQ_W-1:0] seq);
    if (e.window <= WW'(1)) return 1'b0;
    if (seq == '0) return 1'b1;
    if (seq > e.top) return 1'b0;
    if (e.top - seq >= SEQ_W'(e.window)) return 1'b1;
    if (seq[SEQ_W-1:BLOCK_LOG2] == e.top[SEQ_W-1:BLOCK_LOG2]) return e.head[seq[BLOCK_LOG2-1:0]];
    return word.stamp == seq[SEQ_W-1-:STAMP_W] && word.seen[seq[BLOCK_LOG2-1:0]];
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  logic edge_we, ring_we;
  logic [IW-1:0] c1_index;
  logic [RW-1:0] ring_waddr;
  edge_t edge_wdata;
  ring_t ring_wdata;

  // ---- lookup ----
  logic l1_valid, l2_valid;
  logic [HALF-1:0] l1_seq;
  edge_t l1_edge, l2_edge;
  ring_t l1_word, l2_word;
  logic [SEQ_W-1:0] l1_number, l2_number;
  logic l1_below, l2_below;

  sa_ram #(
      .WIDTH($bits(edge_t)),
      .DEPTH(ENTRIES)
  ) u_lookup_edge (
      .clk,
      .we(edge_we),
      .waddr(c1_index),
      .wdata(edge_wdata),
      .re(lk_valid),
      .raddr(lk_index),
      .rdata(l1_edge)
  );
  sa_ram #(
      .WIDTH($bits(ring_t)),
      .DEPTH(ENTRIES << RING_LOG2)
  ) u_lookup_ring (
      .clk,
      .we(ring_we),
      .waddr(ring_waddr),
      .wdata(ring_wdata),
      .re(lk_valid),
      .raddr({lk_index, lk_seq[BLOCK_LOG2+:RING_LOG2]}),
      .rdata(l1_word)
  );

  // Which subspace: with the window's bottom Tl - W + 1, modulo 2^HALF, numbers from there up are of the bottom's
  // subspace, those below are of the next (RFC 4303 A2.1).
  logic [HALF-1:0] l1_low, l1_high, l1_span, l1_bottom;
  logic l1_wraps, l1_at_or_above;
  always_comb begin
    l1_number = '0;
    l1_below = 1'b0;
    {l1_low, l1_high, l1_span, l1_bottom} = '0;
    {l1_wraps, l1_at_or_above} = '0;
    if (l1_valid) begin
      l1_number = SEQ_W'(l1_seq);
      if (l1_edge.esn) begin
        {l1_high, l1_low} = l1_edge.top;
        // W - 1; where nothing is checked W is half of a subspace.
        l1_span = l1_edge.window > WW'(1) ? HALF'(l1_edge.window) - 1'b1 : {1'b0, {HALF - 1{1'b1}}};
        l1_bottom = l1_low - l1_span;
        l1_wraps = l1_low < l1_span;
        l1_at_or_above = l1_seq >= l1_bottom;
        if (!l1_wraps) l1_number[SEQ_W-1:HALF] = l1_at_or_above ? l1_high : l1_high + 1'b1;
        else if (!l1_at_or_above || l1_high == '0) l1_number[SEQ_W-1:HALF] = l1_high;
        else l1_number[SEQ_W-1:HALF] = l1_high - 1'b1;
        // There is no subspace below the first.
        l1_below = l1_wraps && l1_at_or_above && l1_high == '0 && l1_edge.window > WW'(1);
      end
    end
  end

  always_ff @(posedge clk) begin
    l1_valid <= lk_valid;
    l2_valid <= l1_valid;
    if (lk_valid) l1_seq <= lk_seq;
    if (l1_valid) begin
      l2_edge   <= l1_edge;
      l2_word   <= l1_word;
      l2_number <= l1_number;
      l2_below  <= l1_below;
    end
    if (rst) begin
      l1_valid <= 1'b0;
      l2_valid <= 1'b0;
    end
  end

  assign lk_known  = l1_valid && l1_edge.valid;
  assign lk_replay = l2_valid && (l2_below || replay_seen(l2_edge, l2_word, l2_number));
  assign lk_number = l2_number;
  assign lk_gen    = l2_edge.gen;
  assign lk_udp    = l2_edge.udp;

  // ---- commit ----
  logic c1_valid, c1_authentic, c1_op_valid, c1_esn, c1_udp, c1_seen, edge_byp_valid, word_byp_valid, windowed;
  sa_op_e c1_op;
  logic [14:0] c1_gen;
  logic [SEQ_W-1:0] c1_seq;
  logic [WW-1:0] c1_window;
  logic [RW-1:0] c0_ring;
  logic [BLOCK-1:0] c1_bit;
  edge_t rd_edge, edge_byp, cur;
  ring_t rd_word, word_byp, word;
  assign c0_ring = {c0_index, c0_seq[BLOCK_LOG2+:RING_LOG2]};

  sa_ram #(
      .WIDTH($bits(edge_t)),
      .DEPTH(ENTRIES)
  ) u_edge (
      .clk,
      .we(edge_we),
      .waddr(c1_index),
      .wdata(edge_wdata),
      .re(c0_valid || c0_op_valid),
      .raddr(c0_index),
      .rdata(rd_edge)
  );
  sa_ram #(
      .WIDTH($bits(ring_t)),
      .DEPTH(ENTRIES << RING_LOG2)
  ) u_ring (
      .clk,
      .we(ring_we),
      .waddr(ring_waddr),
      .wdata(ring_wdata),
      .re(c0_valid || c0_op_valid),
      .raddr(c0_ring),
      .rdata(rd_word)
  );

  always_ff @(posedge clk) begin
    c1_valid <= c0_valid;
    c1_op_valid <= c0_op_valid;
    if (c0_valid || c0_op_valid) begin
      c1_authentic <= c0_authentic;
      c1_op <= c0_op;
      c1_index <= c0_index;
      c1_gen <= c0_gen;
      c1_seq <= c0_seq;
      c1_window <= c0_window;
      c1_esn <= c0_esn;
      c1_udp <= c0_udp;
      c1_seen <= c0_seen;
      // The memories return what stood there before the writes of the preceding request.
      edge_byp_valid <= edge_we && c1_index == c0_index;
      word_byp_valid <= ring_we && ring_waddr == c0_ring;
      edge_byp <= edge_wdata;
      word_byp <= ring_wdata;
    end
    if (rst) begin
      c1_valid <= 1'b0;
      c1_op_valid <= 1'b0;
    end
  end
  assign cur  = edge_byp_valid ? edge_byp : rd_edge;
  assign word = word_byp_valid ? word_byp : rd_word;

  always_comb begin
    edge_wdata = cur;
    ring_wdata = '{stamp: c1_seq[SEQ_W-1-:STAMP_W], seen: {BLOCK{c1_seen}}};
    ring_waddr = {c1_index, c1_seq[BLOCK_LOG2+:RING_LOG2]};
    edge_we = 1'b0;
    ring_we = 1'b0;
    c1_bit = '0;
    c1_stale = 1'b0;
    c1_replay = 1'b0;
    windowed = 1'b0;
    if (c1_op_valid) begin
      unique case (c1_op)
        SA_SET: begin
          // Everything up to the number given counts as received: see SA_FILL for the older blocks.
          edge_wdata = '{
              valid: 1'b1,
              gen: c1_gen,
              esn: c1_esn,
              udp: c1_udp,
              window: c1_window,
              top: c1_seq,
              head: {BLOCK{1'b1}} >> (BLOCK_LOG2'(BLOCK - 1) - c1_seq[BLOCK_LOG2-1:0])
          };
          edge_we = 1'b1;
        end
        SA_CLEAR: begin
          edge_wdata = '0;
          edge_we = 1'b1;
        end
        SA_FILL: ring_we = 1'b1;
        default: ;
      endcase
    end else if (c1_valid) begin
      c1_stale  = !cur.valid || c1_gen != cur.gen;
      c1_replay = !c1_stale && c1_authentic && replay_seen(cur, word, c1_seq);
      windowed  = cur.window > WW'(1);
      c1_bit = BLOCK'(1) << c1_seq[BLOCK_LOG2-1:0];
      if (!c1_stale && c1_authentic && !c1_replay) begin
        edge_we = 1'b1;
        if (c1_seq > cur.top) begin
          edge_wdata.top = c1_seq;
          if (c1_seq[SEQ_W-1:BLOCK_LOG2] == cur.top[SEQ_W-1:BLOCK_LOG2]) edge_wdata.head = cur.head | c1_bit;
          else begin
            // A new block: the one that was newest moves to the ring.
            edge_wdata.head = c1_bit;
            ring_waddr = {c1_index, cur.top[BLOCK_LOG2+:RING_LOG2]};
            ring_wdata = '{stamp: cur.top[SEQ_W-1-:STAMP_W], seen: cur.head};
            ring_we = windowed;
          end
        end else if (c1_seq[SEQ_W-1:BLOCK_LOG2] == cur.top[SEQ_W-1:BLOCK_LOG2]) edge_wdata.head = cur.head | c1_bit;
        else begin
          ring_wdata.seen = c1_bit | (word.stamp == c1_seq[SEQ_W-1-:STAMP_W] ? word.seen : '0);
          ring_we = windowed;
        end
      end
    end
  end
  assign c1_top = cur.top;

`ifdef FORMAL_SA_WINDOW
  // One SA (index) and one sequence number, any: how often the number is taken from one install to the next.
  logic [IW-1:0] f_index, f_index_past;
  logic [SEQ_W-1:0] f_seq, f_seq_past;
  logic was_reset, f_past, f_taken, f_wide;
  initial {was_reset, f_past, f_taken, f_wide} = '0;
  localparam logic [WW-1:0] F_MAX = {1'b1, {WW - 1{1'b0}}};
  wire f_hit = c1_valid && !c1_op_valid && c1_index == f_index;
  wire f_accept = f_hit && !c1_stale && c1_authentic && windowed && !c1_replay && c1_seq == f_seq;
  wire f_op = c1_op_valid && c1_index == f_index && (c1_op == SA_SET || c1_op == SA_CLEAR);
  edge_t f_edge;
  ring_t f_word;
  assign f_edge = u_edge.mem[f_index];
  assign f_word = u_ring.mem[{f_index, f_seq[BLOCK_LOG2+:RING_LOG2]}];
  always_ff @(posedge clk) begin
    if (rst) was_reset <= 1'b1;
    f_past <= 1'b1;
    f_index_past <= f_index;
    f_seq_past <= f_seq;
    if (f_past) assume (f_index == f_index_past && f_seq == f_seq_past);
    assume (!(c0_valid && c0_op_valid));
    // No window is wider than the ring: sa_cfg clips it. The ring is filled only while no SA is installed there.
    if (c0_op_valid) assume (c0_window <= F_MAX);
    if (c0_op_valid && c0_index == f_index && (f_edge.valid || f_taken || (edge_we && c1_index == f_index)))
      assume (c0_op != SA_FILL);
    if (f_accept && f_wide) f_taken <= 1'b1;
    if (f_op) f_taken <= 1'b0;
    if (f_op) f_wide <= 1'b1;
    if (rst) {f_taken, f_wide} <= '0;

    if (was_reset && !rst) begin
      // F1: a number that was taken is not taken again.
      if (f_taken) assert (!f_accept);
      // F2: for it is in the window, or the window has passed it.
      if (f_taken) assert (f_wide && f_edge.valid && f_edge.window > WW'(1) && replay_seen(f_edge, f_word, f_seq));
      if (f_wide) assert (f_edge.window <= F_MAX);
      // F3: what the pipe works on is what the memories hold, also right behind a write.
      if (c1_index == f_index && (c1_valid || c1_op_valid)) begin
        assert (cur == f_edge);
        assert (word == u_ring.mem[{c1_index, c1_seq[BLOCK_LOG2+:RING_LOG2]}]);
      end
      if (c1_op_valid) assert (c1_window <= F_MAX);
      if (c1_op_valid && c1_index == f_index && f_edge.valid) assert (c1_op != SA_FILL);
      assert (!(c1_valid && c1_op_valid));
    end
  end
`endif

endmodule

`default_nettype wire
