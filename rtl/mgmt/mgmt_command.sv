// SPDX-License-Identifier: BSD-2-Clause
//
// A command of the CPU to a table, from the pulse that starts it to the answer that the CPU polls for.

`default_nettype none

module mgmt_command (
    input  wire         clk,
    input  wire         rst,
    input  wire         start,      // pulse; ignored while busy
    output logic        busy,
    output logic        done,       // status and handle are there; 0 from start on
    output logic [ 7:0] status,
    output logic [31:0] handle,
    // table: the command itself is held by the registers
    output logic        cmd_valid,
    input  wire         cmd_ready,
    input  wire         rsp_valid,  // pulse
    input  wire  [ 7:0] rsp_status,
    input  wire  [31:0] rsp_handle
);

  logic sent;  // taken by the table

  assign cmd_valid = busy && !sent;

  always_ff @(posedge clk) begin
    if (start && !busy) begin
      busy <= 1'b1;
      sent <= 1'b0;
      done <= 1'b0;
    end
    if (cmd_valid && cmd_ready) sent <= 1'b1;
    if (busy && rsp_valid) begin
      busy   <= 1'b0;
      done   <= 1'b1;
      status <= rsp_status;
      handle <= rsp_handle;
    end
    if (rst) begin
      busy   <= 1'b0;
      sent   <= 1'b0;
      done   <= 1'b0;
      status <= '0;
      handle <= '0;
    end
  end

endmodule

`default_nettype wire
