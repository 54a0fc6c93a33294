// SPDX-License-Identifier: BSD-2-Clause
//
// What the RTL expects of a Xilinx FPGA with VESPER_LUT6: six inputs, any function of them.

`default_nettype none

module LUT6 #(
    parameter logic [63:0] INIT = 64'd0
) (
    output wire O,
    input wire I0,
    input wire I1,
    input wire I2,
    input wire I3,
    input wire I4,
    input wire I5
);

  assign O = INIT[{I5, I4, I3, I2, I1, I0}];

endmodule

`default_nettype wire
