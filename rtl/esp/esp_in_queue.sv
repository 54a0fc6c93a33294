// SPDX-License-Identifier: BSD-2-Clause
//
// Between two stages of esp_in: a fifo of which nobody asks how full it is. With BYPASS a word that finds it empty can
// leave in the cycle in which it comes.

`default_nettype none

module esp_in_queue #(
    parameter int WIDTH  = 8,
    parameter int DEPTH  = 4,    // entries, a power of two
    parameter bit BYPASS = 1'b0
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
  logic held;
  logic [WIDTH-1:0] first;
  wire unused = &{1'b0, count};

  assign m_valid = held || (BYPASS && s_valid);
  assign m_data  = BYPASS && !held ? s_data : first;

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH)
  ) u_fifo (
      .clk,
      .rst,
      .s_valid(s_valid && !(BYPASS && !held && m_ready)),
      .s_ready,
      .s_data,
      .m_valid(held),
      .m_ready,
      .m_data (first),
      .count
  );

endmodule

`default_nettype wire
