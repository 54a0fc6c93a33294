// SPDX-License-Identifier: BSD-2-Clause
//
// The S-box (FIPS-197, 5.1.1) in block RAM, for an FPGA whose look-up tables are small.

`default_nettype none

// o_bytes is what i_bytes of the last cycle with i_en substitutes to. Two bytes share a dual-ported RAM of 256 bytes: of
// four-input look-up tables (ECP5) an S-box would take about 140.
module aes_sbox_rom
  import aes_pkg::*;
#(
    parameter int unsigned BYTES = 16  // even
) (
    input wire clk,
    input wire i_en,
    input wire [BYTES-1:0][7:0] i_bytes,
    output logic [BYTES-1:0][7:0] o_bytes
);

  if (BYTES % 2 != 0) begin : g_check_bytes
    $error("aes_sbox_rom: BYTES is %0d, must be even", BYTES);
  end

  for (genvar b = 0; b < BYTES; b += 2) begin : g_bytes
    (* rom_style = "block" *) logic [7:0] rom[256];

    initial begin
      for (int i = 0; i < 256; i++) rom[i] = SBOX[i];
    end

    always_ff @(posedge clk) begin
      if (i_en) begin
        o_bytes[b] <= rom[i_bytes[b]];
        o_bytes[b+1] <= rom[i_bytes[b+1]];
      end
    end
  end

endmodule

`default_nettype wire
