// SPDX-License-Identifier: BSD-2-Clause
//
// One stage of the AES pipeline: one round in each column, one step of the key schedule they share.

`default_nettype none

// Stage STAGE (1..14) applies round STAGE; the last one is the final round of every key length, and
// a shorter key passes its block unchanged through the stages it has no round for.
//
// i_key stands in front of round STAGE (see key_state_t), o_key in front of the next one. Registers
// are written only while i_valid, and a column only while its i_en is set.
module aes_stage
  import aes_pkg::*;
#(
    parameter int unsigned BLOCKS = 4,  // columns
    parameter int unsigned STAGE = 1
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire [BLOCKS-1:0] i_en,
    input wire [1:0] i_len,
    input wire key_state_t i_key,
    input wire [BLOCKS-1:0][127:0] i_state,
    output logic o_valid,
    output logic [BLOCKS-1:0] o_en,
    output logic [1:0] o_len,
    output key_state_t o_key,
    output logic [BLOCKS-1:0][127:0] o_state
);

  if (STAGE < 1 || STAGE > ROUNDS_MAX) begin : g_check_stage
    $error("aes_stage: STAGE is %0d, must be 1..14", STAGE);
  end

  // Does this key length have a normal round here?
  wire round = (STAGE <= 9) || (STAGE <= 11 && i_len != KEY_128) || (i_len == KEY_256);

  always_ff @(posedge clk) begin
    o_valid <= i_valid && !rst;
    if (i_valid) begin
      o_en <= i_en;
      o_len <= i_len;
      if (STAGE < ROUNDS_MAX) o_key <= key_step(i_key, i_len, STAGE);
      else o_key <= '0;
    end
  end

  for (genvar c = 0; c < BLOCKS; c++) begin : g_col
    wire [31:0] s0 = i_state[c][31:0];
    wire [31:0] s1 = i_state[c][63:32];
    wire [31:0] s2 = i_state[c][95:64];
    wire [31:0] s3 = i_state[c][127:96];

    always_ff @(posedge clk) begin
      if (i_valid && i_en[c]) begin
        if (STAGE == ROUNDS_MAX) begin
          o_state[c][31:0] <= sub_column(s0[7:0], s1[15:8], s2[23:16], s3[31:24]) ^ i_key.a[0];
          o_state[c][63:32] <= sub_column(s1[7:0], s2[15:8], s3[23:16], s0[31:24]) ^ i_key.a[1];
          o_state[c][95:64] <= sub_column(s2[7:0], s3[15:8], s0[23:16], s1[31:24]) ^ i_key.a[2];
          o_state[c][127:96] <= sub_column(s3[7:0], s0[15:8], s1[23:16], s2[31:24]) ^ i_key.a[3];
        end else if (round) begin
          o_state[c][31:0] <= round_word(s0[7:0], s1[15:8], s2[23:16], s3[31:24], i_key.a[0]);
          o_state[c][63:32] <= round_word(s1[7:0], s2[15:8], s3[23:16], s0[31:24], i_key.a[1]);
          o_state[c][95:64] <= round_word(s2[7:0], s3[15:8], s0[23:16], s1[31:24], i_key.a[2]);
          o_state[c][127:96] <= round_word(s3[7:0], s0[15:8], s1[23:16], s2[31:24], i_key.a[3]);
        end else begin
          o_state[c] <= i_state[c];
        end
      end
    end
  end

endmodule

`default_nettype wire
