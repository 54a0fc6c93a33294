// SPDX-License-Identifier: BSD-2-Clause
//
// GHASH (NIST SP 800-38D, 6.4) over beats of BLOCKS slots, and the tag.

`default_nettype none

// A packet of N slots X_0..X_(N-1) hashes to the sum of X_i * H^(N-i). A slot with Lookahead =
// GHASH_CYCLES * BLOCKS or fewer to the end is multiplied by its own power and added to the sum. Any other is
// multiplied by H^Lookahead and added to the slot in the same column GHASH_CYCLES beats later: that long is the
// feedback, for as many interleaved accumulators a column, and each column has one multiplier.
//
// Pipeline: i_* -> operands (with what the feedback adds) -> products, in GF_CYCLES -> sum -> tag. o_tag is GHASH XOR
// i_mask (E(K, J0), taken with the first beat), a byte string. i_slot is a byte string, i_power in GHASH's order and
// that of the beat's packet.
module ghash
  import gcm_pkg::*;
  import aes_pkg::LONG_WIRES;
#(
    parameter int unsigned BLOCKS = 4
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire i_first,
    input wire [3:0] i_rem,
    input wire [$clog2(GHASH_CYCLES)-1:0] i_lane,
    input wire i_chained,
    input wire [BLOCKS-1:0][127:0] i_slot,
    input wire [GHASH_CYCLES*BLOCKS:1][127:0] i_power,
    input wire [127:0] i_mask,
    output logic o_valid,
    output logic [127:0] o_tag
);

  localparam int unsigned Lookahead = GHASH_CYCLES * BLOCKS;
  // The feedback takes what is reduced in this very cycle; otherwise what is in the accumulator.
  localparam bit Forward = GHASH_CYCLES == GF_CYCLES + 1;
  // Stages: products are in front of Reduce, the beat's sum in front of Sum.
  localparam int unsigned Reduce = GF_CYCLES + 1;
  localparam int unsigned Sum = Reduce + 1;

  if (Lookahead > 12) begin : g_check_lookahead
    $error("ghash: GHASH_CYCLES * BLOCKS is %0d, above the 12 that i_rem tells from what is further on", Lookahead);
  end
  if (!Forward && GHASH_CYCLES != GF_CYCLES + 2) begin : g_check_cycles
    $error("ghash: GHASH_CYCLES is %0d, must be GF_CYCLES and one or two", GHASH_CYCLES);
  end

  typedef struct packed {
    logic first;
    logic last;
    logic [$clog2(GHASH_CYCLES)-1:0] lane;
    logic [BLOCKS-1:0] used;  // slots that hold something
    logic [BLOCKS-1:0] final_slot;  // slots that go to the sum
  } step_t;

  // A reset erases what is wide a cycle later, by a register of this module's own: one net to all would be too long.
  (* keep *) logic erase;
  always_ff @(posedge clk) erase <= rst;

  // Number n is n cycles after i_*.
  logic [Sum:1] valid;
  step_t step[1:Sum];
  logic [127:0] mask[1:Sum];
  logic [BLOCKS-1:0][127:0] acc[GHASH_CYCLES];
  logic [BLOCKS-1:0][127:0] product;  // reduced, after the second half

  always_ff @(posedge clk) begin
    valid <= {valid[Sum-1:1], i_valid} & {Sum{!rst}};
    if (i_valid) begin
      step[1].first <= i_first;
      step[1].last <= i_rem <= 4'(BLOCKS);
      step[1].lane <= i_lane;
      for (int unsigned c = 0; c < BLOCKS; c++) begin
        step[1].used[c] <= i_rem > 4'(c);
        step[1].final_slot[c] <= i_rem <= 4'(c + Lookahead);
      end
      if (i_first) mask[1] <= i_mask;
    end
    for (int n = 1; n < Sum; n++) begin
      if (valid[n]) begin
        step[n+1] <= step[n];
        if (step[n].first) mask[n+1] <= mask[n];
      end
    end
    if (erase) mask <= '{default: '0};  // a reset erases H, which a mask is when H is asked for
  end

  // The beat GHASH_CYCLES before this one, whose products this beat's slots get, is either in front of its
  // accumulators in this very cycle or behind.
  wire forward = Forward && valid[Reduce] && step[Reduce].lane == i_lane;

  for (genvar c = 0; c < BLOCKS; c++) begin : g_col
    logic [127:0] operand, power;
    gf_products_t next_parts, parts;

    // operands: the slot and what comes back, and the power of H at the slot's distance from the end
    always_ff @(posedge clk) begin
      if ((i_valid && i_rem > 4'(c)) || LONG_WIRES) begin
        operand <= ghash_order(i_slot[c]) ^ (!i_chained ? 128'd0 : forward ? product[c] : acc[i_lane][c]);
        power <= i_power[(i_rem > 4'(c+Lookahead))?Lookahead : 32'(i_rem)-c];
      end
      if (erase) power <= '0;
    end

    // first half of the product
    gf_product #(
        .CYCLES(GF_CYCLES)
    ) u_product (
        .clk,
        .rst(erase),
        .i_valid((valid[1] && step[1].used[c]) || LONG_WIRES),
        .i_a(operand),
        .i_b(power),
        .o_parts(next_parts)
    );

    always_ff @(posedge clk) begin
      if ((valid[Reduce-1] && step[Reduce-1].used[c]) || LONG_WIRES) parts <= next_parts;
      if (erase) parts <= '0;
    end

    // second half; on to the accumulator or to the sum
    always_comb begin
      product[c] = '0;
      if ((valid[Reduce] && step[Reduce].used[c]) || !Sparing) product[c] = gf_reduce(parts);
    end

    always_ff @(posedge clk) begin
      if (valid[Reduce] && !step[Reduce].final_slot[c]) acc[step[Reduce].lane][c] <= product[c];
    end
  end

  // sum of a beat, then of a packet
  logic [127:0] beat_sum, beat_sum_q, packet_sum, sum;

  always_comb begin
    beat_sum = '0;
    for (int unsigned c = 0; c < BLOCKS; c++) begin
      if (step[Reduce].used[c] && step[Reduce].final_slot[c]) beat_sum ^= product[c];
    end
  end

  always_ff @(posedge clk) if (valid[Reduce] || LONG_WIRES) beat_sum_q <= beat_sum;

  assign sum = beat_sum_q ^ (step[Sum].first ? 128'd0 : packet_sum);

  always_ff @(posedge clk) begin
    if (valid[Sum]) packet_sum <= sum;
  end

  assign o_valid = valid[Sum] && step[Sum].last;
  always_comb begin
    o_tag = '0;
    if (o_valid) o_tag = ghash_order(sum) ^ mask[Sum];
  end

  wire unused = &{1'b0, step[Sum].lane, step[Sum].used, step[Sum].final_slot};

endmodule

`default_nettype wire
