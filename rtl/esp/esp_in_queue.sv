// SPDX-License-Identifier: BSD-2-Clause
//
// Between two stages of esp_in: a fifo of which nobody asks how full it is.

`default_nettype none

module esp_in_queue #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4  // entries, a power of two
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              s_valid,
    output logic             s_ready,
    input  wire  [WIDTH-1:0] s_data,
    output logic             m_valid,
    input  wire              m_ready,
    output logic [WIDTH-1:0] m_data
);

  logic [$clog2(DEPTH+1)-1:0] count;
  wire unused = &{1'b0, count};

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH)
  ) u_fifo (
      .*
  );

endmodule

`default_nettype wire
