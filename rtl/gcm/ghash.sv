// SPDX-License-Identifier: BSD-2-Clause
//
// GHASH (NIST SP 800-38D, 6.4) over beats of BLOCKS slots, and the tag.

`default_nettype none

// A packet of N slots X_0..X_(N-1) hashes to the sum of X_i * H^(N-i). A slot with 2 * BLOCKS or
// fewer to the end is multiplied by its own power and added to the sum. Any other is multiplied by
// H^(2*BLOCKS) and added to the slot in the same column two beats later: the feedback has two cycles,
// for two interleaved accumulators a column, and each column has one multiplier.
//
// Pipeline: i_* -> operands (with what the feedback adds) -> products -> sum -> tag. o_tag is GHASH XOR i_mask (E(K, J0), taken with
// the first beat), a byte string. i_slot is a byte string, i_power in GHASH's order and that of the
// beat's packet.
module ghash
  import gcm_pkg::*;
#(
    parameter int unsigned BLOCKS = 4
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire i_first,
    input wire [3:0] i_rem,
    input wire i_lane,
    input wire i_chained,
    input wire [BLOCKS-1:0][127:0] i_slot,
    input wire [2*BLOCKS:1][127:0] i_power,
    input wire [127:0] i_mask,
    output logic o_valid,
    output logic [127:0] o_tag
);

  localparam int unsigned Lookahead = 2 * BLOCKS;

  typedef struct packed {
    logic first;
    logic last;
    logic lane;
    logic [BLOCKS-1:0] used;  // slots that hold something
    logic [BLOCKS-1:0] final_slot;  // slots that go to the sum
  } step_t;

  logic valid1, valid2, valid3;
  step_t step1, step2, step3;
  logic [127:0] mask1, mask2, mask3;
  logic [BLOCKS-1:0][127:0] acc[2];
  logic [BLOCKS-1:0][127:0] product;  // reduced, after the second half

  always_ff @(posedge clk) begin
    valid1 <= i_valid && !rst;
    valid2 <= valid1 && !rst;
    valid3 <= valid2 && !rst;
    if (i_valid) begin
      step1.first <= i_first;
      step1.last <= i_rem <= 4'(BLOCKS);
      step1.lane <= i_lane;
      for (int unsigned c = 0; c < BLOCKS; c++) begin
        step1.used[c] <= i_rem > 4'(c);
        step1.final_slot[c] <= i_rem <= 4'(c + Lookahead);
      end
      if (i_first) mask1 <= i_mask;
    end
    if (valid1) begin
      step2 <= step1;
      if (step1.first) mask2 <= mask1;
    end
    if (valid2) begin
      step3 <= step2;
      if (step2.first) mask3 <= mask2;
    end
    if (rst) begin
      mask1 <= '0;  // a reset erases H, which a mask is when H is asked for
      mask2 <= '0;
      mask3 <= '0;
    end
  end

  // The beat before the last one, whose products this beat's slots get, is either in front of its
  // accumulators in this very cycle or behind.
  wire forward = valid2 && step2.lane == i_lane;

  for (genvar c = 0; c < BLOCKS; c++) begin : g_col
    logic [127:0] operand, power;
    gf_products_t next_parts, parts;

    // operands: the slot and what comes back, and the power of H at the slot's distance from the end
    always_ff @(posedge clk) begin
      if (i_valid && i_rem > 4'(c)) begin
        operand <= ghash_order(i_slot[c]) ^ (!i_chained ? 128'd0 : forward ? product[c] : acc[i_lane][c]);
        power <= i_power[(i_rem > 4'(c+Lookahead))?Lookahead : 32'(i_rem)-c];
      end
      if (rst) power <= '0;
    end

    // first half of the product
    gf_product u_product (
        .i_valid(valid1 && step1.used[c]),
        .i_a(operand),
        .i_b(power),
        .o_parts(next_parts)
    );

    always_ff @(posedge clk) begin
      if (valid1 && step1.used[c]) parts <= next_parts;
      if (rst) parts <= '0;
    end

    // second half; on to the accumulator or to the sum
    always_comb begin
      product[c] = '0;
      if ((valid2 && step2.used[c]) || !Sparing) product[c] = gf_reduce(parts);
    end

    always_ff @(posedge clk) begin
      if (valid2 && !step2.final_slot[c]) acc[step2.lane][c] <= product[c];
    end
  end

  // sum of a beat, then of a packet
  logic [127:0] beat_sum, beat_sum_q, packet_sum, sum;

  always_comb begin
    beat_sum = '0;
    for (int unsigned c = 0; c < BLOCKS; c++) begin
      if (step2.used[c] && step2.final_slot[c]) beat_sum ^= product[c];
    end
  end

  always_ff @(posedge clk) if (valid2) beat_sum_q <= beat_sum;

  assign sum = beat_sum_q ^ (step3.first ? 128'd0 : packet_sum);

  always_ff @(posedge clk) begin
    if (valid3) packet_sum <= sum;
  end

  assign o_valid = valid3 && step3.last;
  always_comb begin
    o_tag = '0;
    if (o_valid) o_tag = ghash_order(sum) ^ mask3;
  end

  wire unused = &{1'b0, step3.lane, step3.used, step3.final_slot};

endmodule

`default_nettype wire
