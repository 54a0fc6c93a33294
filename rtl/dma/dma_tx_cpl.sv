// SPDX-License-Identifier: BSD-2-Clause
//
// Collects the fates of TX descriptors from wherever they end and makes one TX completion, and one statistics
// pulse, of each: one a cycle, in turn, passing over sources whose ring is busy. A `silent` verdict completes and is
// not counted, one with `more` is counted and does not complete. Verdicts that are not about a descriptor (`host` = 0) are swallowed.

`default_nettype none

module dma_tx_cpl
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter int SOURCES = 4,
    parameter int QUEUES  = 2
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire      [SOURCES-1:0] s_valid,
    output logic     [SOURCES-1:0] s_ready,
    input  wire verdict_t          s_verdict[SOURCES],
    output logic     [ QUEUES-1:0] c_valid,
    input  wire      [ QUEUES-1:0] c_ready,
    output logic     [ QUEUES-1:0] stuck,          // a completion waits for its ring
    output logic     [      127:0] c_data,         // phase bit 0; common to all
    output logic                   stat_valid,
    output verdict_t               stat_verdict
);

  localparam int SourceW = SOURCES > 1 ? $clog2(SOURCES) : 1;
  localparam int QueueW = QUEUES > 1 ? $clog2(QUEUES) : 1;

  logic [SOURCES-1:0] able;
  always_comb begin
    able  = '0;
    stuck = '0;
    if (s_valid != 0) begin
      for (int i = 0; i < SOURCES; i++) begin
        able[i] = s_valid[i] && s_verdict[i].host && (s_verdict[i].more || c_ready[s_verdict[i].qid[QueueW-1:0]]);
        if (s_valid[i] && s_verdict[i].host && !able[i]) stuck[s_verdict[i].qid[QueueW-1:0]] = 1'b1;
      end
    end
  end

  logic [SourceW-1:0] turn, pick;
  logic any;
  always_comb begin
    pick = turn;
    any  = able != 0;
    if (any) begin
      for (int i = SOURCES - 1; i >= 0; i--) begin
        if (able[(int'(turn)+i)%SOURCES]) pick = SourceW'((int'(turn) + i) % SOURCES);
      end
    end
    stat_verdict = '0;
    if (any) stat_verdict = s_verdict[pick];
    stat_valid = any && !stat_verdict.silent;

    s_ready = '0;
    c_valid = '0;
    if (any) begin
      s_ready[pick] = 1'b1;
      c_valid[stat_verdict.qid[QueueW-1:0]] = !stat_verdict.more;
    end
    for (int i = 0; i < SOURCES; i++) if (s_valid[i] && !s_verdict[i].host) s_ready[i] = 1'b1;

    c_data = '0;
    c_data[TXC_INDEX_LSB+:16] = stat_verdict.index;
    c_data[TXC_LEN_LSB+:16] = stat_verdict.len;
    c_data[TXC_STATUS_LSB+:8] = stat_verdict.status;
    c_data[TXC_SEQ_LSB+:64] = stat_verdict.seq;
  end

  always_ff @(posedge clk) begin
    if (rst) turn <= '0;
    else if (any) turn <= int'(pick) == SOURCES - 1 ? '0 : pick + 1'b1;
  end

  always_ff @(posedge clk) begin
    if (!rst && any) begin
      assert (int'(stat_verdict.qid) < QUEUES)
      else $error("verdict for pair %0d", stat_verdict.qid);
    end
  end

endmodule

`default_nettype wire
