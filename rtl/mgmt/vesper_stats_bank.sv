// SPDX-License-Identifier: BSD-2-Clause
//
// One source's counters for vesper_stats: 64 of packets by status, one of bytes (status OK only).
//
// A snapshot is kept by saving an entry's old value when it first changes afterwards.

`default_nettype none

module vesper_stats_bank
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
(
    input  wire             clk,
    input  wire             rst,
    input  wire             valid,
    input  wire verdict_t   verdict,
    input  wire             snapshot,
    input  wire             clear,
    input  wire      [ 5:0] index,
    output logic     [63:0] count,     // entry `index` at the snapshot
    output logic     [63:0] bytes      // at the snapshot
);

  logic [63:0] now[64];
  logic [63:0] held[64];
  logic [63:0] used;  // entry of `now` is valid; else it is zero
  logic [63:0] saved;  // entry of `held` is valid; else `now` has not changed since the snapshot
  logic [63:0] bytes_now;

  wire [5:0] s = verdict.status[5:0];
  wire [63:0] old = used[s] ? now[s] : 64'd0;

  assign count = saved[index] ? held[index] : used[index] ? now[index] : 64'd0;

  always_ff @(posedge clk) begin
    if (snapshot) begin
      saved <= '0;
      bytes <= bytes_now;
    end
    if (valid) begin
      now[s]  <= clear ? 64'd1 : old + 64'd1;
      used[s] <= 1'b1;
      if (verdict.status == ST_OK) bytes_now <= bytes_now + 64'(verdict.len);
      if (snapshot || !saved[s]) begin
        held[s]  <= old;
        saved[s] <= 1'b1;
      end
    end
    if (clear) begin
      used      <= valid ? 64'd1 << s : '0;
      saved     <= '0;
      bytes     <= '0;
      bytes_now <= valid && verdict.status == ST_OK ? 64'(verdict.len) : '0;
    end
    if (rst) begin
      used      <= '0;
      saved     <= '0;
      bytes     <= '0;
      bytes_now <= '0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst && valid)
      assert (int'(verdict.status) < ST_COUNT)
      else $error("vesper_stats: status %0d has no counter", verdict.status);
`endif

  // A verdict also says whose it is, which counts nothing here.
  wire _unused = &{1'b0, verdict.host, verdict.silent, verdict.more, verdict.qid, verdict.index, verdict.seq};

endmodule

`default_nettype wire
