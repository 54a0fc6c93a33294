// SPDX-License-Identifier: BSD-2-Clause
//
// Counters of packets by fate (struct vesper_stats of vesper_abi.h), readable as one moment's values.
//
// Each source of verdicts has a bank of its own, so that verdicts may come from all of them in every cycle
// and none waits or is lost; a read adds the banks up. `snapshot` freezes what reads return until the next
// one: from then on the first count of an entry saves the entry's old value beside it, so nothing is copied
// and counting never pauses.

`default_nettype none

module vesper_stats
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter int RX_SOURCES = 3
) (
    input  wire                              clk,
    input  wire                              rst,
    input  wire                              tx_valid,         // one for each TX descriptor
    input  wire verdict_t                    tx_verdict,
    input  wire             [RX_SOURCES-1:0] rx_valid,         // one for each frame from the wire
    input  wire verdict_t   [RX_SOURCES-1:0] rx_verdict,
    input  wire                              tx_bad_doorbell,  // pulses
    input  wire                              rx_bad_doorbell,
    input  wire                              ev_written,
    input  wire             [           1:0] ev_suppressed,    // how many in this cycle
    input  wire             [           1:0] ev_lost,
    output logic            [          63:0] cycles,           // card clock
    input  wire                              snapshot,
    input  wire                              clear,
    input  wire                              rd,               // data in the next cycle
    input  wire             [           8:0] rd_addr,          // 32-bit word of struct vesper_stats
    output logic            [          31:0] rd_data
);

  // Words of struct vesper_stats beyond the two arrays, as indices of 64 bits.
  localparam logic [7:0] TxBytes = 8'd128;
  localparam logic [7:0] RxBytes = 8'd129;
  localparam logic [7:0] TxDoorbell = 8'd130;
  localparam logic [7:0] RxDoorbell = 8'd131;
  localparam logic [7:0] Cycles = 8'd132;
  localparam logic [7:0] Events = 8'd133;
  localparam logic [7:0] EventsSuppressed = 8'd134;
  localparam logic [7:0] EventsLost = 8'd135;

  if (ST_COUNT != 64) begin : g_bad_count
    $error("vesper_stats: ST_COUNT is %0d, the banks have 64 entries", ST_COUNT);
  end

  logic [63:0] tx_count, tx_bytes, rx_count, rx_bytes;
  logic [RX_SOURCES-1:0][63:0] src_count, src_bytes;
  logic [63:0] cycles_held;
  logic [31:0] tx_bad, tx_bad_held, rx_bad, rx_bad_held;
  logic [63:0] events, events_held, suppressed, suppressed_held, lost, lost_held;

  vesper_stats_bank tx (
      .clk,
      .rst,
      .valid(tx_valid && !tx_verdict.silent),
      .verdict(tx_verdict),
      .snapshot,
      .clear,
      .index(rd_addr[6:1]),
      .count(tx_count),
      .bytes(tx_bytes)
  );

  for (genvar i = 0; i < RX_SOURCES; i++) begin : g_rx
    vesper_stats_bank bank (
        .clk,
        .rst,
        .valid(rx_valid[i] && !rx_verdict[i].silent),
        .verdict(rx_verdict[i]),
        .snapshot,
        .clear,
        .index(rd_addr[6:1]),
        .count(src_count[i]),
        .bytes(src_bytes[i])
    );
  end

  always_comb begin
    rx_count = '0;
    rx_bytes = '0;
    if (rd)
      for (int i = 0; i < RX_SOURCES; i++) begin
        rx_count += src_count[i];
        rx_bytes += src_bytes[i];
      end
  end

  logic [63:0] word;
  always_comb begin
    word = '0;
    if (rd)
      unique case (rd_addr[8:1])
        TxBytes: word = tx_bytes;
        RxBytes: word = rx_bytes;
        TxDoorbell: word = {32'd0, tx_bad_held};
        RxDoorbell: word = {32'd0, rx_bad_held};
        Cycles: word = cycles_held;
        Events: word = events_held;
        EventsSuppressed: word = suppressed_held;
        EventsLost: word = lost_held;
        default: word = rd_addr[8] ? 64'd0 : rd_addr[7] ? rx_count : tx_count;
      endcase
  end

  always_ff @(posedge clk) begin
    if (rd) rd_data <= rd_addr[0] ? word[63:32] : word[31:0];
    cycles <= cycles + 64'd1;
    if (tx_bad_doorbell) tx_bad <= tx_bad + 32'd1;
    if (rx_bad_doorbell) rx_bad <= rx_bad + 32'd1;
    if (ev_written) events <= events + 64'd1;
    if (ev_suppressed != 0) suppressed <= suppressed + 64'(ev_suppressed);
    if (ev_lost != 0) lost <= lost + 64'(ev_lost);
    if (snapshot) begin
      cycles_held <= cycles;
      events_held <= events;
      suppressed_held <= suppressed;
      lost_held <= lost;
      tx_bad_held <= tx_bad;
      rx_bad_held <= rx_bad;
    end
    if (clear || rst) begin
      cycles      <= '0;
      cycles_held <= '0;
      tx_bad      <= 32'(clear && tx_bad_doorbell && !rst);
      rx_bad      <= 32'(clear && rx_bad_doorbell && !rst);
      tx_bad_held <= '0;
      rx_bad_held <= '0;
      events <= clear && !rst ? 64'(ev_written) : '0;
      suppressed <= clear && !rst ? 64'(ev_suppressed) : '0;
      lost <= clear && !rst ? 64'(ev_lost) : '0;
      events_held <= '0;
      suppressed_held <= '0;
      lost_held <= '0;
    end
  end

endmodule

`default_nettype wire
