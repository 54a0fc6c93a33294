// SPDX-License-Identifier: BSD-2-Clause
//
// Writes the completions of one ring. They gather in two lines of 64 bytes that stand as they will stand in host
// memory; a line is written when it is full, when nothing else can join it (`flush`), or HOLD cycles after its first
// entry, while the other one fills. A line that was written in part goes on where it stopped.
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

  // Completion number n has its place in line n[2], lane n[1:0].
  logic [1:0][511:0] line;
  logic [1:0][3:0] mask;
  logic [7:0] age;     // of the line that is written next
  logic [15:0] moved;  // completions given to the bus or thrown away, free-running

  logic [2:0] counts[LINES];  // entries of each line that awaits its answer
  logic [LineW-1:0] count_in, count_out;
  logic [LineW:0] lines;

  logic push, move, into, from;
  logic [1:0] lane;
  logic [2:0] entries;
  assign into = pushed[2];
  assign lane = pushed[1:0];
  assign from = moved[2];
  assign entries = 3'($countones(mask[from]));
  assign w_valid = mask[from] != 0 && (mask[from][3] || flush || age >= 8'(HOLD)) && !lines[LineW] && !discard;
  assign move = w_valid && w_ready;
  assign c_ready = discard || lane != 0 || mask[into] == 0;
  assign push = c_valid && c_ready;

  logic [15:0] place;
  assign place = {moved[15:2], 2'b00} & ((16'd1 << size_log2) - 16'd1);
  always_comb begin
    w_beat = '0;
    if (w_valid) begin
      w_beat.first = 1'b1;
      w_beat.last = 1'b1;
      w_beat.id = id;
      w_beat.addr = base + {44'd0, place, 4'd0};
      w_beat.strb = {{16{mask[from][3]}}, {16{mask[from][2]}}, {16{mask[from][1]}}, {16{mask[from][0]}}};
      w_beat.data = line[from];
    end
  end

  always_ff @(posedge clk) begin
    if (push) begin
      line[into][128*lane+:128] <= c_data;
      line[into][128*lane+TXC_FLAGS_LSB] <= ~pushed[size_log2];
    end
    if (move) counts[count_in] <= entries;
    if (rst || clear) begin
      mask <= '0;
      age <= '0;
      pushed <= '0;
      moved <= '0;
      acked <= '0;
      count_in <= '0;
      count_out <= '0;
      lines <= '0;
    end else begin
      if (move) mask[from] <= '0;
      if (push) begin
        pushed <= pushed + 1'b1;
        mask[into] <= (move && from == into ? 4'd0 : mask[into]) | (4'd1 << lane);
      end
      if (move) moved <= moved + 16'(entries);
      if (discard) begin
        mask  <= '0;
        moved <= pushed + 16'(push);
      end
      if (mask[from] == 0 || move) age <= '0;
      else if (age < 8'(HOLD)) age <= age + 1'b1;

      if (move) count_in <= count_in + 1'b1;
      lines <= lines + (LineW + 1)'(move) - (LineW + 1)'(b_valid);
      if (b_valid) begin
        acked <= acked + 16'(counts[count_out]);
        count_out <= count_out + 1'b1;
      end
    end
  end

  assign failed = b_valid && b_error;
  assign quiet = mask == 0 && lines == 0;
  assign idle = lines == 0 && (mask == 0 || (!bus_on && w_valid));

  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!(clear && !quiet))
      else $error("cleared with completions unwritten");
      assert (!(b_valid && lines == 0))
      else $error("answer to a completion that was not written");
      assert (pushed - moved <= 16'd8 && (pushed == moved) == (mask == 0))
      else $error("%0d completions in two lines", pushed - moved);
    end
  end

endmodule

`default_nettype wire
