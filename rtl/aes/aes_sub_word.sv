// SPDX-License-Identifier: BSD-2-Clause
//
// SubWord (FIPS-197, 5.2): the S-box over the four bytes of a word, as logic.

`default_nettype none

// Combinational. With VESPER_LUT6 each output bit is five six-input look-up tables of a Xilinx FPGA,
// four of them selected by the two upper bits: left to itself Yosys makes about ten of it. Otherwise
// it is a table of 256 bytes.
module aes_sub_word
  import aes_pkg::*;
(
    input wire [31:0] i_word,
    output wire [31:0] o_word
);

`ifdef VESPER_LUT6

  // What bit `n` of the S-box is for the 64 bytes whose upper two bits are `quarter`.
  function automatic logic [63:0] table_of(input logic [2:0] n, input logic [1:0] quarter);
    for (int unsigned i = 0; i < 64; i++) table_of[i] = SBOX[{quarter, 6'(i)}][n];
  endfunction

  localparam logic [63:0] Select = 64'hff00_f0f0_cccc_aaaa;  // O = I[{I5, I4}]

  for (genvar b = 0; b < 4; b++) begin : g_byte
    wire [7:0] x = i_word[8*b+:8];
    for (genvar n = 0; n < 8; n++) begin : g_bit
      wire [3:0] of;
      for (genvar q = 0; q < 4; q++) begin : g_quarter
        LUT6 #(
            .INIT(table_of(3'(n), 2'(q)))
        ) u_table (
            .O (of[q]),
            .I0(x[0]),
            .I1(x[1]),
            .I2(x[2]),
            .I3(x[3]),
            .I4(x[4]),
            .I5(x[5])
        );
      end
      LUT6 #(
          .INIT(Select)
      ) u_select (
          .O (o_word[8*b+n]),
          .I0(of[0]),
          .I1(of[1]),
          .I2(of[2]),
          .I3(of[3]),
          .I4(x[6]),
          .I5(x[7])
      );
    end
  end

`else

  assign o_word = sub_word(i_word);

`endif

endmodule

`default_nettype wire
