// SPDX-License-Identifier: BSD-2-Clause
//
// A new word of the AES key schedule: the word n words before, XOR what comes to it.

`default_nettype none

// Combinational. n, the words of the key, chooses one of three; a key that waits for its first round
// (see aes_pkg) gets the chosen word unchanged. With VESPER_LUT6 each bit is one six-input look-up
// table of a Xilinx FPGA: left to itself Yosys makes the four words of a step side by side, of half as
// many tables again.
module aes_new_word
  import aes_pkg::*;
#(
    parameter int unsigned STAGE = 1  // 1..12
) (
    input wire [1:0] i_len,
    input wire [31:0] i_before_128,
    input wire [31:0] i_before_192,
    input wire [31:0] i_before_256,
    input wire [31:0] i_more,
    output wire [31:0] o_word
);

  localparam bit Waits192 = STAGE < ENTRY_192;
  localparam bit Waits128 = STAGE < ENTRY_128 - 1;

`ifdef VESPER_LUT6

  function automatic logic [63:0] table_of();
    for (int unsigned i = 0; i < 64; i++) begin
      logic [5:0] in;
      in = 6'(i);
      unique case (in[1:0])
        KEY_128: table_of[i] = in[2] ^ (in[5] && !Waits128);
        KEY_192: table_of[i] = in[3] ^ (in[5] && !Waits192);
        default: table_of[i] = in[4] ^ in[5];
      endcase
    end
  endfunction

  for (genvar n = 0; n < 32; n++) begin : g_bit
    LUT6 #(
        .INIT(table_of())
    ) u_bit (
        .O (o_word[n]),
        .I0(i_len[0]),
        .I1(i_len[1]),
        .I2(i_before_128[n]),
        .I3(i_before_192[n]),
        .I4(i_before_256[n]),
        .I5(i_more[n])
    );
  end

`else

  logic [31:0] word;
  assign o_word = word;

  always_comb begin
    unique case (i_len)
      KEY_128: word = i_before_128 ^ (Waits128 ? 32'd0 : i_more);
      KEY_192: word = i_before_192 ^ (Waits192 ? 32'd0 : i_more);
      default: word = i_before_256 ^ i_more;
    endcase
  end

`endif

endmodule

`default_nettype wire
