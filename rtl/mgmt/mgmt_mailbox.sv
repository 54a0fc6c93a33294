// SPDX-License-Identifier: BSD-2-Clause
//
// Mailbox between host and management CPU: a request window that the host only writes and a response window
// that it only reads, 2 KiB each, and who owns them.
//
// The host owns both until it rings; then the CPU does until `done`. The request window, which may hold keys, is
// erased before the host gets them back, and after a reset. From reset until the firmware serves the mailbox (`serve`)
// it is busy too, so that no request is lost. The host's writes are ignored while busy.

`default_nettype none

module mgmt_mailbox (
    input  wire         clk,
    input  wire         rst,
    // host
    input  wire         ring,
    output logic        busy,
    output logic [15:0] count,      // responses since reset
    input  wire         h_wr,       // request window
    input  wire  [ 8:0] h_wr_addr,  // 32-bit words
    input  wire  [31:0] h_wr_data,
    input  wire  [ 3:0] h_wr_be,
    input  wire  [ 8:0] h_rd_addr,  // response window, data in the next cycle
    output logic [31:0] h_rd_data,
    // CPU
    input  wire         serve,      // the firmware serves the mailbox
    output logic        pending,    // the request window holds a message
    input  wire         done,       // pulse: the response is there
    output logic        erasing,    // the request window
    input  wire         rsp_wr,     // response window, write only
    input  wire  [ 8:0] rsp_addr,
    input  wire  [31:0] wdata,
    input  wire  [ 3:0] be,
    // request window, data in the next cycle
    input  wire         req_rd,
    input  wire  [ 8:0] req_addr,
    output logic [31:0] req_rdata
);

  logic [3:0][3:0][7:0] req[128];  // four words wide, so that erasing takes a quarter of the cycles
  logic [3:0][7:0] rsp[512];
  logic [7:0] rows;  // of the request window, from the first, that are to be erased
  logic [3:0][31:0] req_row;
  logic [1:0] req_word;
  logic answered;  // the host waits for the erasing only

  assign busy = pending || erasing || !serve;

  // One write port. What the host may have written is erased from its end.
  wire              wr = erasing || (h_wr && !busy);
  wire  [ 6:0]      wr_row = erasing ? 7'(rows - 8'd1) : h_wr_addr[8:2];
  wire  [31:0]      wr_data = erasing ? '0 : h_wr_data;
  logic [ 3:0][3:0] wr_be;

  always_comb begin
    wr_be = '1;
    if (!erasing) for (int i = 0; i < 4; i++) wr_be[i] = h_wr_addr[1:0] == 2'(i) ? h_wr_be : '0;
  end

  assign req_rdata = req_row[req_word];

  always_ff @(posedge clk) begin
    if (wr)
      for (int w = 0; w < 4; w++) for (int i = 0; i < 4; i++) if (wr_be[w][i]) req[wr_row][w][i] <= wr_data[8*i+:8];
    if (req_rd) begin
      req_row  <= req[req_addr[8:2]];
      req_word <= req_addr[1:0];
    end
    if (rsp_wr) for (int i = 0; i < 4; i++) if (be[i]) rsp[rsp_addr][i] <= wdata[8*i+:8];
    h_rd_data <= rsp[h_rd_addr];
  end

  always_ff @(posedge clk) begin
    if (ring && !busy) pending <= 1'b1;
    if (h_wr && !busy && {1'b0, h_wr_addr[8:2]} >= rows) rows <= {1'b0, h_wr_addr[8:2]} + 8'd1;
    if (done && pending) begin
      pending  <= 1'b0;
      answered <= 1'b1;
      erasing  <= rows != 0;
      if (rows == 0) begin
        answered <= 1'b0;
        count    <= count + 16'd1;
      end
    end
    if (erasing) begin
      rows <= rows - 8'd1;
      if (rows == 8'd1) begin
        erasing  <= 1'b0;
        answered <= 1'b0;
        count    <= count + 16'(answered);
      end
    end
    if (rst) begin
      pending  <= 1'b0;
      answered <= 1'b0;
      erasing  <= 1'b1;
      rows     <= 8'd128;
      count    <= '0;
    end
  end

endmodule

`default_nettype wire
