// SPDX-License-Identifier: BSD-2-Clause
//
// The state between two rounds: 16 bytes in a register, seen through the S-box (SubBytes, FIPS-197, 5.1.1).

`default_nettype none

// Written while i_en; what o_state shows is STAGE_CYCLES old. With SUBSTITUTE each byte of it is
// substituted, but for the table form (see aes_pkg), whose rounds do that themselves.
//
// VESPER_LUT4 makes the S-box a memory (aes_sbox_rom) with a register behind it.
module aes_state_reg
  import aes_pkg::*;
#(
    parameter bit SUBSTITUTE = 1'b1
) (
    input wire clk,
    input wire i_en,
    input wire [127:0] i_state,
    output logic [127:0] o_state
);

  logic [127:0] state;

  if (SUBSTITUTE && STAGE_CYCLES == 2) begin : g_rom
    aes_sbox_rom #(
        .BYTES(16)
    ) u_rom (
        .clk,
        .i_en,
        .i_bytes(i_state),
        .o_bytes(state)
    );
  end else begin : g_register
    always_ff @(posedge clk) if (i_en) state <= i_state;
  end

  if (STAGE_CYCLES == 2) begin : g_second
    always_ff @(posedge clk) o_state <= state;
  end else if (SUBSTITUTE && !FormTable) begin : g_sub
    for (genvar w = 0; w < 4; w++) begin : g_word
      aes_sub_word u_sub (
          .i_word(state[32*w+:32]),
          .o_word(o_state[32*w+:32])
      );
    end
  end else begin : g_plain
    assign o_state = state;
  end

endmodule

`default_nettype wire
