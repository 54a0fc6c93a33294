// SPDX-License-Identifier: BSD-2-Clause
//
// Counters and limits of the SAs of one direction: packets and bytes that passed, drops by reason, soft and hard
// limits. Its owner's pipe lends it three cycles:
//
//   A  `a_valid`: the SA's counters and limits are read
//   B  the cycle after: is the packet beyond a hard limit; counters up if it passes. The writes are bypassed, so that
//      packets of one SA may follow one another
//   C  drop counter up (read, then written in D)
//
// A hard limit is exact: the packet that would exceed it is refused (`b_over`). What an SA has to say (RFC 4301
// 4.4.2.1) it says once, and `b_told` remembers; its owner sees to it that nothing said is lost.

`default_nettype none

module sa_count
  import sa_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter int ENTRIES = 1024,
    parameter int IW = $clog2(ENTRIES)
) (
    input wire clk,
    input wire rst,

    input logic          a_valid,
    input logic [IW-1:0] a_index,

    input  logic        b_check,   // a packet that is held against the limits
    input  logic        b_go,      // it passes, but for the limits
    input  logic [15:0] b_bytes,
    output logic        b_over,    // beyond a hard limit
    output logic [ 2:0] b_codes,   // to be told: as in sa_note_t, without LEASE_LOW
    output logic [31:0] b_spi,
    input  logic        b_drop,    // a packet that is dropped, for this reason
    input  logic [ 3:0] b_reason,

    // Management, in B.
    input  logic        b_op_valid,
    input  sa_op_e      b_op,
    input  logic [ 4:0] b_word,
    input  logic [63:0] b_value,    // SA_GET: what the owner has for SNAP_SEQ and SNAP_LEASE
    output logic        st_valid,
    output logic [63:0] st,

    input logic          lim_we,
    input logic [IW-1:0] lim_index,
    input sa_limits_t    lim_wdata,

    output logic idle
);

  typedef struct packed {
    logic [2:0]         told;
    logic [COUNT_W-1:0] packets;
    logic [COUNT_W-1:0] bytes;
  } counters_t;

  if (COUNT_W == 64 && ($bits(counters_t) != 131 || $bits(sa_limits_t) != 288)) begin : g_bad_size
    $error("sa_count: words of %0d and %0d bits; correct README.md", $bits(counters_t), $bits(sa_limits_t));
  end

  // ---- A ----
  logic [IW-1:0] b_index;
  logic b_valid, b_we, byp_valid;
  counters_t rd, cur, nxt, byp;
  sa_limits_t limits;

  sa_ram #(
      .WIDTH($bits(counters_t)),
      .DEPTH(ENTRIES)
  ) u_counters (
      .clk,
      .we(b_we),
      .waddr(b_index),
      .wdata(nxt),
      .re(a_valid),
      .raddr(a_index),
      .rdata(rd)
  );
  sa_ram #(
      .WIDTH($bits(sa_limits_t)),
      .DEPTH(ENTRIES)
  ) u_limits (
      .clk,
      .we(lim_we),
      .waddr(lim_index),
      .wdata(lim_wdata),
      .re(a_valid),
      .raddr(a_index),
      .rdata(limits)
  );

  // The memory returns what stood there before the write of the preceding packet.
  always_ff @(posedge clk) begin
    b_valid <= a_valid;
    if (a_valid) begin
      b_index <= a_index;
      byp_valid <= b_we && b_index == a_index;
      byp <= nxt;
    end
    if (rst) b_valid <= 1'b0;
  end
  assign cur = byp_valid ? byp : rd;

  // ---- B ----
  logic [COUNT_W:0] bytes_up;
  logic packets_spent, bytes_spent;
  always_comb begin
    nxt = cur;
    b_we = 1'b0;
    b_over = 1'b0;
    b_codes = '0;
    bytes_up = '0;
    packets_spent = 1'b0;
    bytes_spent = 1'b0;
    if (b_op_valid) begin
      b_we = b_op == SA_SET || b_op == SA_CLEAR;
      if (b_we) nxt = '0;
    end else if (b_check) begin
      bytes_up = {1'b0, cur.bytes} + (COUNT_W + 1)'(b_bytes);
      packets_spent = limits.hard_packets != '0 && cur.packets >= limits.hard_packets;
      bytes_spent = limits.hard_bytes != '0 && bytes_up > {1'b0, limits.hard_bytes};
      b_over = packets_spent || bytes_spent;
      if (b_go && !b_over) begin
        nxt.packets = cur.packets + 1'b1;
        nxt.bytes   = bytes_up[COUNT_W-1:0];
        b_codes[0]  = limits.soft_packets != '0 && nxt.packets >= limits.soft_packets;
        b_codes[1]  = limits.soft_bytes != '0 && nxt.bytes >= limits.soft_bytes;
        b_codes[2]  = (limits.hard_packets != '0 && nxt.packets >= limits.hard_packets) ||
            (limits.hard_bytes != '0 && nxt.bytes >= limits.hard_bytes);
      end else b_codes[2] = b_over;
      b_codes &= ~cur.told;
      nxt.told = cur.told | b_codes;
      b_we = 1'b1;
    end
  end
  assign b_spi = limits.spi;

  // ---- C, D: drops ----
  logic c_drop, c_zero, c_get, c_get_drop, d_we, d_zero, d_get, d_get_drop, d_byp_valid;
  logic [IW+3:0] c_addr, d_addr;
  logic [63:0] c_value, d_value, d_rd, d_byp, d_cur, d_wdata;

  always_ff @(posedge clk) begin
    c_drop <= b_drop && !b_op_valid;
    c_zero <= b_op_valid && b_op == SA_FILL && !b_word[4];
    c_get <= b_op_valid && b_op == SA_GET;
    d_we <= c_drop || c_zero;
    d_get <= c_get;
    if (b_drop || b_op_valid) begin
      c_addr <= {b_index, b_op_valid ? (b_op == SA_GET ? b_word[3:0] - 4'(SNAP_DROPS) : b_word[3:0]) : b_reason};
      c_get_drop <= b_word >= 5'(SNAP_DROPS);
      c_value <= b_word == 5'(SNAP_PACKETS) ? 64'(cur.packets) : b_word == 5'(SNAP_BYTES) ? 64'(cur.bytes) : b_value;
    end
    if (c_drop || c_zero || c_get) begin
      d_addr <= c_addr;
      d_zero <= c_zero;
      d_get_drop <= c_get_drop;
      d_value <= c_value;
      d_byp_valid <= d_we && d_addr == c_addr;
      d_byp <= d_wdata;
    end
    if (rst) begin
      c_drop <= 1'b0;
      c_zero <= 1'b0;
      c_get  <= 1'b0;
      d_we   <= 1'b0;
      d_get  <= 1'b0;
    end
  end

  sa_ram #(
      .WIDTH(64),
      .DEPTH(16 * ENTRIES)
  ) u_drops (
      .clk,
      .we(d_we),
      .waddr(d_addr),
      .wdata(d_wdata),
      .re(c_drop || c_zero || c_get),
      .raddr(c_addr),
      .rdata(d_rd)
  );
  assign d_cur = d_byp_valid ? d_byp : d_rd;
  assign d_wdata = d_zero ? '0 : d_cur + 64'd1;
  assign st_valid = d_get;
  assign st = d_get_drop ? d_cur : d_value;

  assign idle = !(b_valid || c_drop || c_zero || c_get || d_we || d_get);

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
`ifndef FORMAL
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      assert (SAD_COUNT == 16 && SNAP_WORDS == SNAP_DROPS + SAD_COUNT);
      assert (b_valid || !(b_check || b_drop || b_op_valid));
      assert (!(b_op_valid && (b_check || b_drop)));
    end
`endif
`endif

`ifdef FORMAL_SA_COUNT
  // One index, any, from one install to the next; its limits stand while an SA is installed there.
  logic [IW-1:0] f_index, f_index_past;
  logic f_past, f_set;
  logic [2:0] f_told;
  initial {f_past, f_set} = '0;
  wire f_hit = b_valid && b_index == f_index;
  wire f_start = f_hit && b_op_valid && b_op == SA_SET;
  counters_t f_counters;
  sa_limits_t f_limits;
  assign f_counters = u_counters.mem[f_index];
  assign f_limits   = u_limits.mem[f_index];
  always_ff @(posedge clk) begin
    f_past <= 1'b1;
    f_index_past <= f_index;
    if (f_past) assume (f_index == f_index_past);
    // Its owner: nothing is asked in B that did not stand in A; a packet passes only if it is checked.
    if (!b_valid) assume (!b_check && !b_op_valid);
    if (b_op_valid) assume (!b_check);
    if (b_go) assume (b_check);
    // sa_cfg writes the limits before SA_SET, and not again until SA_CLEAR.
    if (f_set || (f_hit && b_op_valid) || (a_valid && a_index == f_index)) assume (!(lim_we && lim_index == f_index));
    if (f_start) begin
      f_set  <= 1'b1;
      f_told <= '0;
    end
    if (f_hit && b_op_valid && b_op == SA_CLEAR) f_set <= 1'b0;
    if (f_hit && b_check) f_told <= f_told | b_codes;
    if (rst) f_set <= 1'b0;

    if (was_reset && !rst && f_set) begin
      // F1: no hard limit is ever exceeded.
      assert (f_limits.hard_packets == '0 || f_counters.packets <= f_limits.hard_packets);
      assert (f_limits.hard_bytes == '0 || f_counters.bytes <= f_limits.hard_bytes);
      // F2: the packet that reaches a limit passes, the next one does not.
      if (f_hit && b_check && f_limits.hard_packets != '0 && f_counters.packets == f_limits.hard_packets)
        assert (b_over);
      if (f_hit && b_check && b_over)
        assert ((f_limits.hard_packets != '0 && f_counters.packets == f_limits.hard_packets) ||
                (f_limits.hard_bytes != '0 &&
                 {1'b0, f_counters.bytes} + (COUNT_W + 1)'(b_bytes) > {1'b0, f_limits.hard_bytes}));
      // F3: nothing is told twice.
      assert (f_counters.told == f_told);
      if (f_hit && b_check) assert ((b_codes & f_told) == '0);
      // F4: what the pipe works on is what the memories hold, also right behind a write.
      if (f_hit) assert (cur == f_counters && limits == f_limits);
    end
    if (was_reset && !rst && b_valid && b_index == f_index) assert (cur == f_counters);
  end
`endif

endmodule

`default_nettype wire
