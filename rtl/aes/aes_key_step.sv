// SPDX-License-Identifier: BSD-2-Clause
//
// One step of the AES key schedule.

`default_nettype none

// Combinational: from the key state in front of stage STAGE (from the key itself for STAGE 0) to the
// one behind it. o_key means something only while i_valid.
module aes_key_step
  import aes_pkg::*;
#(
    parameter int unsigned STAGE = 1
) (
    input wire i_valid,
    input wire [1:0] i_len,
    input wire key_state_t i_key,
    output key_state_t o_key
);

  if (STAGE >= ROUNDS_MAX) begin : g_check_stage
    $error("aes_key_step: STAGE is %0d, must be 0..13", STAGE);
  end

  if (STAGE == ROUNDS_MAX - 1) begin : g_last
    // only the last round key is left to hand on
    assign o_key = '{a: i_key.b, b: '0};
    wire unused = &{1'b0, i_valid, i_len, i_key.a};
  end else begin : g_step
    logic [31:0] sub;

    if (FormTable) begin : g_table
      always_comb begin
        sub = '0;
        if (i_valid) sub = sub_word(key_sub_input(i_key, i_len, STAGE));
      end
    end else begin : g_logic
      wire [31:0] word = key_sub_input(i_key, i_len, STAGE);
      aes_sub_word u_sub (
          .i_word(word),
          .o_word(sub)
      );
    end

    always_comb begin
      o_key = '0;
      if (i_valid || !FormTable) begin
        if (STAGE == 0) o_key = key_first(i_key, i_len, sub);
        else o_key = key_step(i_key, i_len, STAGE, sub);
      end
    end
  end

endmodule

`default_nettype wire
