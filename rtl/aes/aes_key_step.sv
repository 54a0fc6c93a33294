// SPDX-License-Identifier: BSD-2-Clause
//
// One step of the AES key schedule.

`default_nettype none

// Combinational: from the key state in front of stage STAGE (from the key itself for STAGE 0) to the
// one behind it. i_sub is SubWord of key_sub_input(). o_key means something only while i_valid.
module aes_key_step
  import aes_pkg::*;
#(
    parameter int unsigned STAGE = 1,  // 0..13
    parameter bit LOGIC = !FormTable
) (
    input wire i_valid,
    input wire [1:0] i_len,
    input wire key_state_t i_key,
    input wire [31:0] i_sub,
    output key_state_t o_key
);

  if (STAGE >= ROUNDS_MAX) begin : g_check_stage
    $error("aes_key_step: STAGE is %0d, must be 0..13", STAGE);
  end

  if (STAGE == ROUNDS_MAX - 1) begin : g_last
    // only the last round key is left to hand on
    assign o_key = '{a: i_key.b, b: '0};
    wire unused = &{1'b0, i_valid, i_len, i_key.a, i_sub};
  end else if (!LOGIC) begin : g_table
    always_comb begin
      o_key = '0;
      if (i_valid) o_key = STAGE == 0 ? key_first(i_key, i_len, i_sub) : key_step(i_key, i_len, STAGE, i_sub);
    end
  end else begin : g_logic
    wire unused = &{1'b0, i_valid};

    if (STAGE == 0) begin : g_first
      assign o_key = key_first(i_key, i_len, i_sub);
    end else begin : g_step
      wire [31:0] c0, c1, c2, c3;
      wire [31:0] more0 = key_first_more(i_key.b[3], i_len, STAGE, i_sub);
      wire [31:0] more2 = key_third_more(c1, i_len, STAGE, i_sub);
      // a key of 192 bits that waits has its words 4..7 in a (see key_first)
      wire [3:0][31:0] before_192 = STAGE < ENTRY_192 ? i_key.a : {i_key.b[1:0], i_key.a[3:2]};

      aes_new_word #(
          .STAGE(STAGE)
      ) u_word0 (
          .i_len,
          .i_before_128(i_key.b[0]),
          .i_before_192(before_192[0]),
          .i_before_256(i_key.a[0]),
          .i_more(more0),
          .o_word(c0)
      );
      aes_new_word #(
          .STAGE(STAGE)
      ) u_word1 (
          .i_len,
          .i_before_128(i_key.b[1]),
          .i_before_192(before_192[1]),
          .i_before_256(i_key.a[1]),
          .i_more(c0),
          .o_word(c1)
      );
      aes_new_word #(
          .STAGE(STAGE)
      ) u_word2 (
          .i_len,
          .i_before_128(i_key.b[2]),
          .i_before_192(before_192[2]),
          .i_before_256(i_key.a[2]),
          .i_more(more2),
          .o_word(c2)
      );
      aes_new_word #(
          .STAGE(STAGE)
      ) u_word3 (
          .i_len,
          .i_before_128(i_key.b[3]),
          .i_before_192(before_192[3]),
          .i_before_256(i_key.a[3]),
          .i_more(c2),
          .o_word(c3)
      );

      assign o_key = '{a: i_key.b, b: {c3, c2, c1, c0}};
    end
  end

endmodule

`default_nettype wire
