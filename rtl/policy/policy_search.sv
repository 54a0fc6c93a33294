// SPDX-License-Identifier: BSD-2-Clause
//
// The search for a packet's policy: its lookups under all masks in use, four a cycle, and the best of what they find.
// A packet takes ceil(masks/4) cycles of the front, then runs through the lanes; packets stay in order.
//
// What the management wants of the memories travels in the same pipe. It enters between packets, never within one, so
// that each packet is looked up under one list of masks.

`default_nettype none

module policy_search
  import vesper_pkg::*;
  import policy_pkg::*;
#(
    parameter int ENTRIES = 4096,
    parameter int MASKS = 16,
    parameter int IW = $clog2(ENTRIES),
    parameter int ROW_W = $clog2(ENTRIES) - 2
) (
    input  wire  clk,
    input  wire  rst,
    input  wire  open,   // packets may enter
    output logic busy,   // a packet has not started yet, or not under all masks
    output logic idle,   // no packet anywhere

    input  logic        req_valid,
    output logic        req_ready,
    input  policy_req_t req,
    output logic        rsp_valid,
    input  logic        rsp_ready,
    output policy_rsp_t rsp,

    input policy_mask_t [MASKS-1:0]         masks,
    input logic [MASKS-1:0][$clog2(MASKS)-1:0] order,      // the masks in use
    input logic [$clog2(MASKS):0]           order_count,   // may change in a cycle of m_ready

    // Management: enters with m_ready, is through with m_done. Arguments stand still in between.
    input  logic                      m_valid,
    output logic                      m_ready,
    input  policy_kind_e              m_kind,
    input  policy_flow_t              m_flow,         // LOOK
    input  logic         [5:0]        m_mask,
    input  logic         [ROW_W-1:0]  m_row,          // ROWS
    input  logic         [23:0]       m_print,
    input  logic         [IW-1:0]     m_index,        // ENTRY
    output logic                      m_done,
    output logic                      m_slots_valid,  // LOOK, ROWS
    output logic         [1:0][ROW_W-1:0] m_slots_row,
    output policy_row_t  [1:0]        m_slots,
    output logic         [23:0]       m_slots_print,
    output logic                      m_match,        // LOOK: a policy with this key, perhaps several
    output logic         [31:0]       m_match_prio,
    output logic                      m_entry_valid,  // ENTRY
    output policy_entry_t             m_entry,

    input logic          [1:0]       row_we,
    input logic          [ROW_W-1:0] row_waddr,
    input policy_row_t               row_wdata,
    input logic                      ent_we,
    input logic          [IW-1:0]    ent_waddr,
    input policy_entry_t             ent_wdata
);

  localparam int FLIGHT = 16;  // packets between request and answer
  localparam int TW = $clog2(FLIGHT);
  localparam int MW = $clog2(MASKS);

  typedef struct packed {
    logic          valid;
    policy_kind_e  kind;
    logic [TW-1:0] tag;
    logic          last;  // of this packet
  } step_t;

  logic go;
  logic [LANES-1:0] more;

  // ---- packets under way, by tag ----
  policy_flow_t ring[FLIGHT];
  logic [TW-1:0] tag_in;
  logic [TW:0] pending;
  logic take, give;
  assign take = req_valid && req_ready;
  assign give = rsp_valid && rsp_ready;
  always_ff @(posedge clk) begin
    if (take) begin
      ring[tag_in] <= '{
          ipv6: req.ipv6,
          ports: req.ports,
          key: '{
              src: policy_swap(req.src),
              dst: policy_swap(req.dst),
              proto: req.proto,
              sport: req.sport,
              dport: req.dport
          }
      };
      tag_in <= tag_in + 1'b1;
    end
    pending <= pending + (TW + 1)'(take) - (TW + 1)'(give);
    if (rst) begin
      tag_in  <= '0;
      pending <= '0;
    end
  end

  // ---- front: deals out masks ----
  logic f_valid, enter, group_last;
  logic [TW-1:0] f_tag;
  logic [MW:0] f_first;  // place in `order` of the first mask of this cycle
  assign m_ready = m_valid && go && (!f_valid || f_first == '0);
  assign enter = f_valid && go && !m_ready;
  assign group_last = 32'(f_first) + LANES >= 32'(order_count);
  assign req_ready = open && !pending[TW] && (!f_valid || (enter && group_last));
  assign busy = f_valid;

  always_ff @(posedge clk) begin
    if (enter) begin
      f_first <= f_first + (MW + 1)'(LANES);
      if (group_last) begin
        f_valid <= 1'b0;
        f_first <= '0;
      end
    end
    if (take) begin
      f_valid <= 1'b1;
      f_tag   <= tag_in;
    end
    if (rst) begin
      f_valid <= 1'b0;
      f_first <= '0;
    end
  end

  step_t s1, s2, s3, s4, s5, s6, s7, s8, s9;
  logic [LANES-1:0] s1_en;
  logic [LANES-1:0][5:0] s1_mask;
  always_ff @(posedge clk) begin
    if (go) begin
      s1.valid <= m_ready || enter;
      s1_en <= '0;
      if (m_ready) begin
        s1.kind <= m_kind;
        s1.last <= 1'b1;
        s1_en[0] <= m_kind == LOOK;
        s1_mask[0] <= m_mask;
      end else if (enter) begin
        s1.kind <= LOOKUP;
        s1.last <= group_last;
        s1.tag  <= f_tag;
        for (int l = 0; l < LANES; l++) begin
          s1_en[l]   <= 32'(f_first) + l < 32'(order_count);
          s1_mask[l] <= 6'(order[f_first[MW-1:0]+MW'(l)]);
        end
      end
      s2 <= s1;
      s3 <= s2;
      s4 <= s3;
      s5 <= s4;
      s6 <= s5;
      s7 <= s6;
    end
    s8 <= s7;
    s8.valid <= s7.valid && go;
    s9 <= s8;
    if (rst) begin
      s1_en <= '0;
      s1.valid <= 1'b0;
      s2.valid <= 1'b0;
      s3.valid <= 1'b0;
      s4.valid <= 1'b0;
      s5.valid <= 1'b0;
      s6.valid <= 1'b0;
      s7.valid <= 1'b0;
      s8.valid <= 1'b0;
      s9.valid <= 1'b0;
    end
  end

  assign go = more == '0;

  policy_flow_t s1_flow, s8_flow;
  always_comb begin
    s1_flow = '0;
    if (s1.valid) s1_flow = s1.kind == LOOKUP ? ring[s1.tag] : m_flow;
  end
  always_ff @(posedge clk) if (s7.valid) s8_flow <= s7.kind == LOOKUP ? ring[s7.tag] : m_flow;

  // ---- lanes ----
  logic [LANES-1:0] s9_match;
  policy_verdict_t [LANES-1:0] s9_verdict;
  logic [LANES-1:0][ROW_W-1:0] s7_row;
  logic [LANES-1:0][23:0] s7_print;
  policy_row_t [LANES-1:0][1:0] s7_slots;
  policy_entry_t [LANES-1:0] s8_entry;

  for (genvar l = 0; l < LANES; l++) begin : g_lane
    policy_lane #(
        .ENTRIES(ENTRIES),
        .MASKS(MASKS)
    ) u_lane (
        .clk,
        .rst,
        .go,
        .masks,
        .s1_en(s1_en[l]),
        .s1_mask(s1_mask[l]),
        .s1_flow,
        .s4_rows(l == 0 && s4.valid && s4.kind == ROWS),
        .m_row,
        .m_print,
        .s7_entry(l == 0 && s7.valid && s7.kind == ENTRY),
        .m_index,
        .s7_more(more[l]),
        .s7_row(s7_row[l]),
        .s7_print(s7_print[l]),
        .s7_slots(s7_slots[l]),
        .s8_flow,
        .s8_entry(s8_entry[l]),
        .s9_match(s9_match[l]),
        .s9_verdict(s9_verdict[l]),
        .row_we,
        .row_waddr,
        .row_wdata,
        .ent_we,
        .ent_waddr,
        .ent_wdata
    );
  end
  wire unused = &{1'b0, s7_row, s7_print, s7_slots, s8_entry, s8.tag, s9.tag};

  // ---- answers to the management ----
  assign m_slots_valid = s7.valid && go && (s7.kind == LOOK || s7.kind == ROWS);
  assign m_slots_row = {s7_row[0] ^ s7_print[0][ROW_W-1:0], s7_row[0]};
  assign m_slots = s7_slots[0];
  assign m_slots_print = s7_print[0];
  assign m_entry_valid = s8.valid && s8.kind == ENTRY;
  assign m_entry = s8_entry[0];
  assign m_match = s9_match[0] && s9.kind == LOOK;
  assign m_match_prio = s9_verdict[0].rank.prio;
  assign m_done = s9.valid && s9.kind != LOOKUP;

  // ---- the best of four lanes, then of all cycles of the packet ----
  typedef struct packed {
    logic            hit;
    policy_verdict_t verdict;
  } best_t;
  function automatic best_t better(input best_t a, input best_t b);
    return b.hit && (!a.hit || b.verdict.rank < a.verdict.rank) ? b : a;
  endfunction

  logic hit, s10_hit, out_push;
  best_t won, s10_won, best, out_won;
  best_t [LANES-1:0] s9_found;
  assign hit = s9_match != '0 && s9.kind == LOOKUP;
  always_comb begin
    won = '0;
    for (int l = 0; l < LANES; l++) s9_found[l] = '{hit: s9_match[l], verdict: s9_verdict[l]};
    if (hit) won = better(better(s9_found[0], s9_found[1]), better(s9_found[2], s9_found[3]));
  end

  // A candidate that held the lanes comes without s9.valid, but with its packet's kind.
  always_ff @(posedge clk) begin
    s10_hit  <= hit;
    out_push <= s9.valid && s9.kind == LOOKUP && s9.last;
    if (hit) s10_won <= won;
    if (rst) begin
      s10_hit  <= 1'b0;
      out_push <= 1'b0;
    end
  end

  always_comb begin
    out_won = best;
    if (s10_hit) out_won = better(best, s10_won);
  end
  always_ff @(posedge clk) begin
    if (s10_hit) best <= out_won;
    if (rst || out_push) best.hit <= 1'b0;
  end

  logic fifo_ready;
  logic [$clog2(FLIGHT+1)-1:0] fifo_count;
  policy_rsp_t answer;
  always_comb begin
    answer = '0;
    if (out_push && out_won.hit) answer = '{hit: 1'b1, action: out_won.verdict.action, sa: out_won.verdict.sa};
  end
  fifo #(
      .WIDTH($bits(policy_rsp_t)),
      .DEPTH(FLIGHT)
  ) u_answers (
      .clk,
      .rst,
      .s_valid(out_push),
      .s_ready(fifo_ready),
      .s_data (answer),
      .m_valid(rsp_valid),
      .m_ready(rsp_ready),
      .m_data (rsp),
      .count  (fifo_count)
  );
  assign idle = pending == '0;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;

  // Packets anywhere between request and answer.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic packet(input step_t s);
    return s.valid && s.kind == LOOKUP && s.last;
  endfunction
  // verilator lint_on UNUSEDSIGNAL
  logic [7:0] held;
  always_comb begin
    held = 8'(f_valid) + 8'(packet(s1)) + 8'(packet(s2)) + 8'(packet(s3)) + 8'(packet(s4)) + 8'(packet(s5));
    held += 8'(packet(s6)) + 8'(packet(s7)) + 8'(packet(s8)) + 8'(packet(s9)) + 8'(out_push) + 8'(fifo_count);
  end

  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      // P1: none is lost, none is made up.
      assert (held == 8'(pending))
      else $error("policy_search: %0d packets, %0d to be answered", held, pending);
      // P2: the answer of each has its place.
      assert (32'(pending) <= FLIGHT && (!out_push || fifo_ready))
      else $error("policy_search: an answer has no place");
`ifndef FORMAL
      assert (!(m_done && s9_match[LANES-1:1] != '0))
      else $error("policy_search: the management's lookup in another lane than its own");
      assert (more == '0 || s7.valid)
      else $error("policy_search: held by nothing");
`endif
    end
`endif

`ifdef FORMAL_POLICY_SEARCH
  always_comb assume (m_kind != LOOKUP);
`endif

  wire unused_count = &{1'b0, fifo_count, fifo_ready};

endmodule

`default_nettype wire
