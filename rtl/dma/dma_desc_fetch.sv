// SPDX-License-Identifier: BSD-2-Clause
//
// Prefetches the descriptors of one ring, in bursts of up to four beats (16 descriptors) and several bursts
// at a time, and gives them out in order.
//
// A burst never crosses a 256-byte line (so never 4 KiB), the end of the ring, or the host's tail: a beat of
// which only some descriptors are ready is read again when the rest is. Room is reserved before the request,
// so the answer is always taken. Indices are free-running 16 bit.

`default_nettype none

module dma_desc_fetch
  import dma_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter bit PIECES = 1'b0,  // a TX ring: look where frames end
    parameter int DEPTH  = 64,  // descriptors held, a power of two from 32; with PIECES from 128
    parameter int BURSTS = 4    // bursts outstanding, a power of two
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               clear,      // start anew at index 0; only while quiet
    input  wire               run,        // may request
    input  wire               bus_on,     // bus mastering is enabled
    input  wire        [ 3:0] size_log2,
    input  wire        [63:4] base,       // multiple of 64
    input  wire        [15:0] tail,
    input  wire        [ 7:0] id,
    output logic              ar_valid,
    input  wire               ar_ready,
    output read_req_t         ar_req,
    input  wire               r_valid,    // always taken
    input  read_beat_t        r_beat,
    output logic              failed,     // pulse: the host answered with an error
    output logic              d_valid,
    input  wire               d_ready,
    output logic      [127:0] d_data,
    output logic       [15:0] d_index,    // of the descriptor given out, else of the next one
    output logic              d_whole,    // PIECES: the last piece of a frame is held
    output logic              d_endless,  // PIECES: none is, though as much is held as a frame or the ring may have
    output logic              d_coming,   // one is there, is being fetched, or will be
    output logic              quiet,      // no request pending or outstanding
    output logic              idle        // nothing that goes on by itself
);

  if (DEPTH < 32 || (DEPTH & (DEPTH - 1)) != 0) begin : g_depth
    $fatal(1, "DEPTH is %0d, must be a power of two from 32", DEPTH);
  end
  // A burst is not begun unless all of it has room: so many are held whatever the place of the first.
  if (PIECES && DEPTH - 15 <= PIECES_MAX) begin : g_pieces
    $fatal(1, "DEPTH is %0d, too little for %0d pieces", DEPTH, PIECES_MAX);
  end
  if (BURSTS < 2 || (BURSTS & (BURSTS - 1)) != 0) begin : g_bursts
    $fatal(1, "BURSTS is %0d, must be a power of two from 2", BURSTS);
  end

  localparam int Rows = DEPTH / 4;
  localparam int RowW = $clog2(Rows);
  localparam int BurstW = $clog2(BURSTS);

  logic [15:0] asked, got, used;  // indices: requested, arrived, given out

  // ---- requests ----
  logic [4:0] burst_count[BURSTS];  // descriptors of each outstanding burst
  logic [BurstW-1:0] burst_in, burst_out;
  logic [BurstW:0] bursts;

  logic [15:0] ready_count, place, ring_left, held;
  logic [63:4] addr;
  logic [4:0] line_left, count, beats;
  logic want;
  always_comb begin
    ready_count = tail - asked;
    want = 1'b0;
    place = '0;
    ring_left = '0;
    addr = '0;
    line_left = '0;
    count = '0;
    beats = '0;
    held = asked - used;
    if (run && ready_count != 0 && !ar_valid && !bursts[BurstW]) begin
      place = asked & ((16'd1 << size_log2) - 16'd1);
      ring_left = (16'd1 << size_log2) - place;
      addr = base[63:4] + 60'(place);
      line_left = 5'd16 - {1'b0, addr[7:4]};
      count = line_left;
      if (ring_left < 16'(count)) count = ring_left[4:0];
      if (ready_count < 16'(count)) count = ready_count[4:0];
      beats = (5'(addr[5:4]) + count + 5'd3) >> 2;
      want = held + 16'(count) <= 16'(DEPTH);
    end
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      ar_valid <= 1'b0;
      asked <= '0;
      burst_in <= '0;
    end else begin
      if (ar_valid && ar_ready) ar_valid <= 1'b0;
      if (want) begin
        ar_valid <= 1'b1;
        asked <= asked + 16'(count);
        burst_in <= burst_in + 1'b1;
      end
    end
    if (want) begin
      ar_req <= '{id: id, addr: {addr[63:6], 6'd0}, len: 8'(beats) - 8'd1};
      burst_count[burst_in] <= count;
    end
  end

  // ---- answers ----
  logic [4:0] done;  // descriptors of the current burst that arrived
  logic [4:0] left;
  logic [2:0] fill;
  logic [3:0] takes;  // which descriptors of the beat are taken
  always_comb begin
    left  = '0;
    fill  = '0;
    takes = '0;
    if (r_valid) begin
      left = burst_count[burst_out] - done;
      fill = 3'd4 - {1'b0, got[1:0]};
      if (left < 5'(fill)) fill = left[2:0];
      for (int i = 0; i < 4; i++) takes[i] = i >= int'(got[1:0]) && i < int'(got[1:0]) + int'(fill);
    end
  end
  assign failed = r_valid && r_beat.error;

  // a memory for each place of a beat
  logic [3:0][127:0] head;
  for (genvar i = 0; i < 4; i++) begin : g_lane
    logic [127:0] rows[Rows];
    always_ff @(posedge clk) if (takes[i]) rows[got[RowW+1:2]] <= r_beat.data[128*i+:128];
    assign head[i] = rows[used[RowW+1:2]];
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      got <= '0;
      done <= '0;
      burst_out <= '0;
      bursts <= '0;
    end else begin
      if (r_valid) begin
        got <= got + 16'(fill);
        done <= r_beat.last ? '0 : done + 5'(fill);
        if (r_beat.last) burst_out <= burst_out + 1'b1;
      end
      bursts <= bursts + (BurstW + 1)'(want) - (BurstW + 1)'(r_valid && r_beat.last);
    end
  end

  // ---- descriptors out ----
  assign d_valid = got != used;
  assign d_index = used;
  always_comb begin
    d_data = '0;
    if (d_valid) d_data = head[used[1:0]];
  end
  always_ff @(posedge clk) begin
    if (rst || clear) used <= '0;
    else if (d_valid && d_ready) used <= used + 1'b1;
  end

  // ---- frames in pieces ----
  if (PIECES) begin : g_ends
    function automatic logic ends_frame(input logic [7:0] op, input logic [7:0] flags);
      ends_frame = !carries_none(op) && (flags & TXF_MORE) == 0;
    endfunction

    logic [15:0] ends, came;
    wire gone = d_valid && d_ready && ends_frame(d_data[TXD_OP_LSB+:8], d_data[TXD_FLAGS_LSB+:8]);
    always_comb begin
      came = '0;
      for (int i = 0; i < 4; i++) begin
        if (takes[i]) came += 16'(ends_frame(r_beat.data[128*i+TXD_OP_LSB+:8], r_beat.data[128*i+TXD_FLAGS_LSB+:8]));
      end
    end
    always_ff @(posedge clk) begin
      if (rst || clear) ends <= '0;
      else if (r_valid || (d_valid && d_ready)) ends <= ends + came - 16'(gone);
    end
    assign d_whole = ends != 0;
    assign d_endless = ends == 0 && (got - used > 16'(PIECES_MAX) || got - used == 16'd1 << size_log2);
  end else begin : g_no_ends
    assign d_whole   = 1'b0;
    assign d_endless = 1'b0;
  end

  assign quiet = bursts == 0;
  assign d_coming = (run && tail != used) || d_valid || !quiet;
  assign idle = !want && (quiet || (ar_valid && !bus_on && bursts == 1));

  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!(clear && !quiet))
      else $error("cleared with %0d bursts outstanding", bursts);
      assert (!(r_valid && bursts == 0))
      else $error("descriptor beat that nobody asked for");
      assert (!(r_valid && r_beat.last && left != 5'(fill)))
      else $error("burst ended after %0d of %0d descriptors", done + 5'(fill), burst_count[burst_out]);
    end
  end

endmodule

`default_nettype wire
