// SPDX-License-Identifier: BSD-2-Clause
//
// What SAs have to tell the host (EV_*), from both directions, one event after the other. Nothing is lost: a pipe
// takes a packet only while there is room for what it, and those under way before it, may say.

`default_nettype none

module sa_events
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
#(
    parameter int DEPTH = 8,  // notes a direction, a power of two
    parameter int AHEAD = 4   // packets that a pipe holds between its door and its note
) (
    input wire clk,
    input wire rst,

    // outbound [0], inbound [1]
    input  logic     [1:0] s_valid,
    input  sa_note_t [1:0] s_note,
    output logic     [1:0] s_room,

    output logic   ev_valid,
    input  logic   ev_ready,
    output event_t ev,

    output logic idle
);

  if (AHEAD >= DEPTH) begin : g_bad_depth
    $error("sa_events: %0d places, %0d of them for what is under way", DEPTH, AHEAD);
  end

  localparam int CW = $clog2(DEPTH + 1);

  logic [1:0] ready, valid, take;
  sa_note_t [1:0] note;
  logic [1:0][CW-1:0] count;

  for (genvar i = 0; i < 2; i++) begin : g_side
    fifo #(
        .WIDTH($bits(sa_note_t)),
        .DEPTH(DEPTH)
    ) u_notes (
        .clk,
        .rst,
        .s_valid(s_valid[i]),
        .s_ready(ready[i]),
        .s_data(s_note[i]),
        .m_valid(valid[i]),
        .m_ready(take[i]),
        .m_data(note[i]),
        .count(count[i])
    );
    assign s_room[i] = count[i] <= CW'(DEPTH - AHEAD);
  end

  // One note at a time, its codes from the lowest up; the sides in turn.
  logic side;
  sa_note_t cur;
  logic [1:0] first;
  always_comb begin
    first = '0;
    for (int i = 3; i >= 0; i--) if (cur.codes[i]) first = 2'(i);
    take = '0;
    if (cur.codes == '0) begin
      if (valid[!side]) take[!side] = 1'b1;
      else take[side] = valid[side];
    end
  end

  always_ff @(posedge clk) begin
    if (take != '0) begin
      side <= take[1];
      cur  <= note[take[1]];
    end else if (ev_valid && ev_ready) cur.codes[first] <= 1'b0;
    if (rst) begin
      side <= 1'b0;
      cur  <= '0;
    end
  end

  assign ev_valid = cur.codes != '0;
  always_comb begin
    ev = '0;
    if (ev_valid) begin
      ev.code = EV_SOFT_PACKETS + 8'(first);
      ev.inbound = side;
      ev.spi = cur.spi;
      ev.sa = cur.handle;
      ev.seq = cur.seq;
    end
  end

  assign idle = valid == '0 && !ev_valid;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      assert ((s_valid & ~ready) == '0)
      else $error("sa_events: no room for what an SA tells");
      assert (EV_SOFT_BYTES == EV_SOFT_PACKETS + 8'd1 && EV_EXPIRED == EV_SOFT_PACKETS + 8'd2 &&
              EV_LEASE_LOW == EV_SOFT_PACKETS + 8'd3);
    end
`endif

  wire unused = &{1'b0, ready};

endmodule

`default_nettype wire
