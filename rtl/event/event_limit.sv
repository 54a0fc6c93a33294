// SPDX-License-Identifier: BSD-2-Clause
//
// How many events of each drop reason go to the host: a bucket of BURST tokens a code below ST_COUNT, one more token
// for each that is not full every `interval` cycles (one clock for all of them). An event that finds none is left
// out and counted; the count goes with the next event of that code that is recorded. Codes from ST_COUNT on (EV_*)
// are exempt.
//
// Any number of sources may have an event in the same cycle; they count in the order of their number. What passes has
// spent its token whether it is recorded or not.

`default_nettype none

module event_limit
  import vesper_abi_pkg::*;
#(
    parameter int SOURCES = 3,
    parameter int BURST   = 16  // 1..31
) (
    input  wire                      clk,
    input  wire                      rst,       // or a ring that starts: buckets full, nothing left out
    input  wire  [       31:0]       interval,  // cycles, 0: no limit
    input  wire  [SOURCES-1:0]       valid,
    input  wire  [SOURCES-1:0][ 7:0] code,
    output logic [SOURCES-1:0]       pass,      // in the same cycle; the others are left out
    input  wire  [SOURCES-1:0]       record,    // of those that pass: it is recorded
    output logic [SOURCES-1:0][15:0] left_out   // before it, saturating
);

  if (BURST < 1 || BURST > 31) begin : g_burst
    $fatal(1, "BURST is %0d, must be 1..31", BURST);
  end
  if (ST_COUNT != 64) begin : g_codes
    $fatal(1, "ST_COUNT is %0d, there are buckets for 64 codes", ST_COUNT);
  end

  logic [ST_COUNT-1:0][4:0] tokens;
  logic [15:0] missed[ST_COUNT];
  logic [31:0] age;
  logic tick;
  assign tick = interval != 0 && age >= interval - 1;

  logic [SOURCES-1:0] counts;  // has a bucket
  logic [SOURCES-1:0][4:0] bucket, left;  // of the source's code; tokens after this cycle
  logic [SOURCES-1:0][16:0] total;  // left out after this cycle, before saturation
  // What passes does not depend on what is recorded of it.
  always_comb begin
    counts = '0;
    pass = valid;
    bucket = '0;
    if (valid != 0) begin
      for (int i = 0; i < SOURCES; i++) begin
        counts[i] = valid[i] && code[i] < 8'(ST_COUNT);
        if (counts[i]) begin
          bucket[i] = tokens[code[i][5:0]];
          for (int k = 0; k < i; k++) begin
            if (counts[k] && code[k] == code[i] && bucket[i] != 0) bucket[i] = bucket[i] - 1'b1;
          end
          pass[i] = interval == 0 || bucket[i] != 0;
        end
      end
    end
  end

  always_comb begin
    left_out = '0;
    left = '0;
    total = '0;
    for (int i = 0; i < SOURCES; i++) begin
      if (counts[i]) begin
        left_out[i] = missed[code[i][5:0]];
        for (int k = 0; k < i; k++) if (counts[k] && code[k] == code[i] && record[k]) left_out[i] = '0;
        // Sources of one code agree on what is left: each counts all of them.
        left[i] = tokens[code[i][5:0]];
        total[i] = {1'b0, missed[code[i][5:0]]};
        for (int k = 0; k < SOURCES; k++) begin
          if (counts[k] && code[k] == code[i]) begin
            if (left[i] != 0) left[i] = left[i] - 1'b1;
            if (record[k]) total[i] = '0;
            else if (!pass[k]) total[i] = total[i] + 1'b1;
          end
        end
        if (tick && left[i] != 5'(BURST)) left[i] = left[i] + 1'b1;
      end
    end
  end

  always_ff @(posedge clk) begin
    age <= tick ? '0 : age + 1'b1;
    if (tick) for (int i = 0; i < ST_COUNT; i++) if (tokens[i] != 5'(BURST)) tokens[i] <= tokens[i] + 1'b1;
    for (int i = 0; i < SOURCES; i++) begin
      if (counts[i]) begin
        tokens[code[i][5:0]] <= left[i];
        missed[code[i][5:0]] <= total[i][16] ? 16'hffff : total[i][15:0];
      end
    end
    if (rst) begin
      age <= '0;
      for (int i = 0; i < ST_COUNT; i++) begin
        tokens[i] <= 5'(BURST);
        missed[i] <= '0;
      end
    end
  end

endmodule

`default_nettype wire
