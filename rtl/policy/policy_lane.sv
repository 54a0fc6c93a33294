// SPDX-License-Identifier: BSD-2-Clause
//
// One lane of the policy search: looks for a packet under one mask a cycle, in a copy of the hash table of its own.
//
//   s1 mask of this cycle | s2 masked words | s3 products | s4 sum | s5 row, fingerprint | s6 two rows of four slots
//   s7 slots of that fingerprint, one after the other | s8 entry, compared to the last bit | s9 match
//
// Two slots with one fingerprint are rare; then `more` holds s1 to s7 of all lanes for a cycle (`go` is low).

`default_nettype none

module policy_lane
  import policy_pkg::*;
#(
    parameter int ENTRIES = 4096,
    parameter int MASKS = 16,
    parameter int IW = $clog2(ENTRIES),
    parameter int ROW_W = $clog2(ENTRIES) - 2
) (
    input wire clk,
    input wire rst,
    input wire go,

    input policy_mask_t [MASKS-1:0] masks,  // those of what is under way do not change

    input logic         s1_en,
    input logic [5:0]   s1_mask,
    input policy_flow_t s1_flow,

    // Management: rows and entry by number instead.
    input logic             s4_rows,
    input logic [ROW_W-1:0] m_row,
    input logic [23:0]      m_print,
    input logic             s7_entry,
    input logic [IW-1:0]    m_index,

    output logic                    s7_more,
    output logic        [ROW_W-1:0] s7_row,   // of the first table
    output logic        [23:0]      s7_print,
    output policy_row_t [1:0]       s7_slots,

    input  policy_flow_t    s8_flow,
    output policy_entry_t   s8_entry,
    output logic            s9_match,
    output policy_verdict_t s9_verdict,

    input logic [1:0]       row_we,     // one a table
    input logic [ROW_W-1:0] row_waddr,
    input policy_row_t      row_wdata,
    input logic             ent_we,
    input logic [IW-1:0]    ent_waddr,
    input policy_entry_t    ent_wdata
);

  localparam int MW = $clog2(MASKS);

  logic s2_en, s3_en, s4_en, s5_en, s6_en, s5_rows, s6_rows;
  logic [5:0] s2_mask, s3_mask, s4_mask, s5_mask, s6_mask, s7_mask, s8_mask;

  // ---- s1: mask the packet; a mask of the other family, or of ports that are not known, is not looked at ----
  policy_mask_t s1_bits;
  policy_words_t s2_words;
  assign s1_bits = masks[s1_mask[MW-1:0]];
  always_ff @(posedge clk) begin
    if (go) begin
      s2_en <= s1_en && s1_bits.ipv6 == s1_flow.ipv6 && (s1_flow.ports || {s1_bits.sport, s1_bits.dport} == '0);
      if (s1_en) begin
        s2_words <= policy_words(policy_masked(s1_flow.key, s1_bits), s1_mask);
        s2_mask  <= s1_mask;
      end
    end
    if (rst) s2_en <= 1'b0;
  end

  // ---- s2 to s5: hash ----
  policy_products_t s3_products;
  logic [63:0] s4_sum;
  logic [39:0] s4_hash;
  logic [ROW_W-1:0] s5_row, s6_row;
  logic [23:0] s5_print, s6_print;
  always_comb begin
    s4_hash = '0;
    if (s4_en) s4_hash = policy_spread(s4_sum);
  end
  always_ff @(posedge clk) begin
    if (go) begin
      s3_en   <= s2_en;
      s4_en   <= s3_en;
      s5_en   <= s4_en;
      s6_en   <= s5_en;
      s5_rows <= s4_rows;
      s6_rows <= s5_rows;
      if (s2_en) begin
        s3_products <= policy_products(s2_words);
        s3_mask <= s2_mask;
      end
      if (s3_en) begin
        s4_sum  <= policy_sum(s3_products);
        s4_mask <= s3_mask;
      end
      if (s4_rows || s4_en) begin
        s5_row   <= s4_rows ? m_row : s4_hash[39-:ROW_W];
        s5_print <= s4_rows ? m_print : s4_hash[23:0];
        s5_mask  <= s4_mask;
      end
      if (s5_rows || s5_en) begin
        s6_row   <= s5_row;
        s6_print <= s5_print;
        s6_mask  <= s5_mask;
      end
    end
    if (rst) {s3_en, s4_en, s5_en, s6_en, s5_rows, s6_rows} <= '0;
  end
  wire unused_hash = &{1'b0, s4_hash};

  // ---- s5, s6: rows ----
  policy_row_t [1:0] s6_slots;
  for (genvar t = 0; t < 2; t++) begin : g_table
    sa_ram #(
        .WIDTH($bits(policy_row_t)),
        .DEPTH(1 << ROW_W)
    ) u_rows (
        .clk,
        .we(row_we[t]),
        .waddr(row_waddr),
        .wdata(row_wdata),
        .re(go && (s5_en || s5_rows)),
        .raddr(t == 0 ? s5_row : s5_row ^ s5_print[ROW_W-1:0]),
        .rdata(s6_slots[t])
    );
  end

  // ---- s7: candidates, one a cycle ----
  logic [2*WAYS-1:0] s6_found, s7_found, s7_rest;
  logic [15:0] s7_index;
  always_comb begin
    s6_found = '0;
    if (s6_en)
      for (int t = 0; t < 2; t++)
      for (int w = 0; w < WAYS; w++) s6_found[WAYS*t+w] = s6_slots[t][w].valid && s6_slots[t][w].print == s6_print;
  end
  always_comb begin
    s7_rest  = s7_found & (s7_found - 1'b1);
    s7_index = '0;
    if (s7_found != '0)
      for (int t = 1; t >= 0; t--)
      for (int w = WAYS - 1; w >= 0; w--) if (s7_found[WAYS*t+w]) s7_index = s7_slots[t][w].index;
  end
  assign s7_more = s7_rest != '0;

  always_ff @(posedge clk) begin
    s7_found <= go ? s6_found : s7_rest;
    if (go && (s6_en || s6_rows)) begin
      s7_slots <= s6_slots;
      s7_row   <= s6_row;
      s7_print <= s6_print;
      s7_mask  <= s6_mask;
    end
    if (rst) s7_found <= '0;
  end

  // ---- s8: the entry ----
  logic s8_en;
  sa_ram #(
      .WIDTH($bits(policy_entry_t)),
      .DEPTH(ENTRIES)
  ) u_entries (
      .clk,
      .we(ent_we),
      .waddr(ent_waddr),
      .wdata(ent_wdata),
      .re(s7_found != '0 || s7_entry),
      .raddr(s7_entry ? m_index : s7_index[IW-1:0]),
      .rdata(s8_entry)
  );

  logic s8_match;
  always_comb begin
    s8_match = 1'b0;
    if (s8_en && s8_entry.mask == s8_mask)
      s8_match = s8_entry.key == policy_masked(s8_flow.key, masks[s8_mask[MW-1:0]]);
  end
  always_ff @(posedge clk) begin
    s8_en <= s7_found != '0;
    if (s7_found != '0) s8_mask <= s7_mask;
    s9_match <= s8_match;
    if (s8_match) s9_verdict <= s8_entry.verdict;
    if (rst) begin
      s8_en <= 1'b0;
      s9_match <= 1'b0;
    end
  end

  wire unused = &{1'b0, s1_mask, s8_mask, s7_index, s8_flow.ipv6, s8_flow.ports};

endmodule

`default_nettype wire
