// SPDX-License-Identifier: BSD-2-Clause
//
// Writes the completions of one ring. They gather in a line of 64 bytes that stands as it will stand in host
// memory; the line is written when it is full, when nothing else can join it (`flush`), or HOLD cycles after
// its first entry. A line that was written in part goes on where it stopped.
//
// The phase bit is made here: 1 on even passes through the ring, 0 on odd ones.

`default_nettype none

module dma_cpl_ring
  import dma_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter int HOLD  = 16,  // cycles that an entry waits for company, 1..255
    parameter int LINES = 16   // lines written but not answered, a power of two
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                clear,      // start anew at index 0; only while quiet
    input  wire                discard,    // the pair is halted: take entries, write nothing
    input  wire                bus_on,
    input  wire         [ 3:0] size_log2,
    input  wire         [63:0] base,       // multiple of 64
    input  wire         [ 7:0] id,
    input  wire                c_valid,
    output logic               c_ready,
    input  wire        [127:0] c_data,     // completion with a phase bit of 0
    input  wire                flush,
    output logic               w_valid,
    input  wire                w_ready,
    output write_beat_t        w_beat,
    input  wire                b_valid,    // always taken
    input  wire                b_error,
    output logic               failed,     // pulse
    output logic        [15:0] pushed,     // completions taken, free-running
    output logic        [15:0] acked,      // completions that stand in host memory, free-running
    output logic               quiet,      // everything taken is in host memory
    output logic               idle        // nothing that goes on by itself
);

  if (HOLD < 1 || HOLD > 255) begin : g_hold
    $fatal(1, "HOLD is %0d, must be 1..255", HOLD);
  end
  if (LINES < 2 || (LINES & (LINES - 1)) != 0) begin : g_lines
    $fatal(1, "LINES is %0d, must be a power of two from 2", LINES);
  end
  localparam int LineW = $clog2(LINES);

  logic [511:0] line;
  logic [3:0] mask;
  logic [7:0] age;
  logic [15:0] start;  // index of lane 0 of the line

  logic [2:0] counts[LINES];  // entries of each line that awaits its answer
  logic [LineW-1:0] count_in, count_out;
  logic [LineW:0] lines;

  logic push, move;
  logic [1:0] lane;
  logic [127:0] entry;
  assign lane = pushed[1:0];
  assign move = mask != 0 && (mask[3] || flush || age >= 8'(HOLD)) && (!w_valid || w_ready) && !lines[LineW] &&
      !discard;
  assign c_ready = discard || !mask[3] || move;
  assign push = c_valid && c_ready;
  always_comb begin
    entry = '0;
    if (push) begin
      entry = c_data;
      entry[TXC_FLAGS_LSB] = ~pushed[size_log2];
    end
  end

  logic [15:0] place;
  assign place = start & ((16'd1 << size_log2) - 16'd1);

  always_ff @(posedge clk) begin
    if (push) line[128*lane+:128] <= entry;
    if (move) begin
      w_beat.data <= line;
      w_beat.strb <= {{16{mask[3]}}, {16{mask[2]}}, {16{mask[1]}}, {16{mask[0]}}};
      w_beat.addr <= base + {44'd0, place, 4'd0};
      counts[count_in] <= 3'(mask[0]) + 3'(mask[1]) + 3'(mask[2]) + 3'(mask[3]);
    end
    w_beat.id <= id;
    w_beat.len <= '0;
    w_beat.first <= 1'b1;
    w_beat.last <= 1'b1;
    if (rst || clear) begin
      mask <= '0;
      age <= '0;
      start <= '0;
      pushed <= '0;
      acked <= '0;
      w_valid <= 1'b0;
      count_in <= '0;
      count_out <= '0;
      lines <= '0;
    end else begin
      if (discard) mask <= '0;
      else mask <= (move ? 4'd0 : mask) | (push ? 4'd1 << lane : 4'd0);
      if (push) begin
        pushed <= pushed + 1'b1;
        if (lane == 0 || mask == 0 || move) start <= {pushed[15:2], 2'b00};
      end
      if (mask == 0 || move) age <= '0;
      else if (age < 8'(HOLD)) age <= age + 1'b1;

      if (move) begin
        w_valid <= 1'b1;
        count_in <= count_in + 1'b1;
      end else if (w_ready || (discard && w_valid)) begin
        w_valid <= 1'b0;
      end
      // A line that a halt takes back awaits no answer.
      if (discard && w_valid && !w_ready) count_in <= count_in - 1'b1;
      lines <= lines + (LineW + 1)'(move) - (LineW + 1)'(b_valid) - (LineW + 1)'(discard && w_valid && !w_ready);
      if (b_valid) begin
        acked <= acked + 16'(counts[count_out]);
        count_out <= count_out + 1'b1;
      end
    end
  end

  assign failed = b_valid && b_error;
  assign quiet = mask == 0 && lines == 0;
  assign idle = quiet || (!bus_on && w_valid && lines == 1);

  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!(clear && !quiet))
      else $error("cleared with completions unwritten");
      assert (!(b_valid && lines == 0))
      else $error("answer to a completion that was not written");
    end
  end

endmodule

`default_nettype wire
