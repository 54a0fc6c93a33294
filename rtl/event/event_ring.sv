// SPDX-License-Identifier: BSD-2-Clause
//
// Writes events into a ring in host memory: one record of 64 bytes (struct vesper_event) each.
//
//   esp_out, esp_in (pulses) ──┐
//                              ├─► event_limit ─► room in the ring? ─► FIFO a source ─► record ─► dma_axi_write
//   sa_table (ready/valid) ────┘         │ no            │ no
//                                  suppressed          lost
//
// No source is ever held up for long: what finds no place in the ring (full, disabled, halted, or bus mastering is off)
// or in its FIFO is lost and counted. Once taken, an event has its place. Records of one source come in its order;
// `time` is the cycle in which the event was taken.
//
// The ring starts when `enable` is 1 and its configuration is sound, with indices 0 and full buckets. After `enable`
// went to 0 it takes nothing more, writes what it has taken, and only then `active` falls. A record that could not be
// written halts it until it is enabled anew: what is taken is lost, and an armed interrupt is sent once.
//
// `seen` frees places. It may not go back, nor beyond what was written; else the write is ignored and flagged.

`default_nettype none

module event_ring
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import dma_pkg::*;
  import event_pkg::*;
#(
    parameter logic [7:0] ID    = 8'h84,  // AXI ID of the records
    parameter int         DEPTH = 16      // events of each source that may wait for the bus, a power of two
) (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     bus_on,         // bus mastering is enabled
    input  wire        [63:0]       cycles,         // card clock
    // registers
    input  wire event_cfg_t         cfg,
    input  wire event_db_t          db,
    output event_state_t            state,
    // events: of packets that were dropped outbound (0) and inbound (1), as pulses; of the SA table
    input  wire        [ 1:0]       drop_valid,
    input  wire event_t [ 1:0]      drop,
    input  wire                     sa_valid,
    output logic                    sa_ready,
    input  wire event_t             sa,
    // records to dma_axi_write
    output logic                    w_valid,
    input  wire                     w_ready,
    output write_beat_t             w_beat,
    input  wire                     b_valid,        // always taken
    input  wire                     b_error,
    // interrupt
    output logic                    irq_valid,
    input  wire                     irq_ready,
    // statistics: how many in this cycle
    output logic                    stat_written,
    output logic       [ 1:0]       stat_suppressed,
    output logic       [ 1:0]       stat_lost,
    output logic                    idle            // a clock more changes nothing
);

  localparam int Sources = 3;
  localparam int SizeMin = 3, SizeMax = 12;  // log2

  typedef struct packed {
    event_t      ev;
    logic [63:0] at;        // cycle
    logic [15:0] left_out;  // events of its code before it
  } taken_t;

  // In simulation all but the clock of the limit stands still until there is something to tell.
  wire clk_ring;
  clock_gate u_gate (
      .clk,
      .rst,
      .busy (!idle || b_valid),
      .gated(clk_ring)
  );

  // ---- enable, drain, halt ----
  typedef enum logic [1:0] {
    Off,
    Refused,
    Run,
    Drain
  } phase_e;
  phase_e phase;
  logic error, bad_config, bad_seen, clear, drained, sound;
  logic [3:0] size_log2;
  logic [63:0] base;
  logic [15:0] admitted, written, acked, seen;  // indices, free-running: taken, given to the bus, in memory, consumed
  logic [Sources-1:0] have;  // FIFOs that hold something

  assign sound = int'(cfg.size_log2) >= SizeMin && int'(cfg.size_log2) <= SizeMax && cfg.base[5:0] == 6'd0;
  assign clear = phase == Off && cfg.enable && sound;
  assign drained = have == 0 && written == acked;
  always_ff @(posedge clk_ring) begin
    if (clear) begin
      size_log2 <= cfg.size_log2;
      base <= cfg.base;
    end
    if (rst) begin
      phase <= Off;
      bad_config <= 1'b0;
      error <= 1'b0;
    end else begin
      unique case (phase)
        Off:
        if (cfg.enable) begin
          phase <= sound ? Run : Refused;
          bad_config <= !sound;
          error <= 1'b0;
        end
        Refused: if (!cfg.enable) phase <= Off;
        Run: if (!cfg.enable) phase <= Drain;
        Drain: if (drained) phase <= Off;
      endcase
      if (b_valid && b_error) error <= 1'b1;
    end
  end

  // ---- who is recorded ----
  logic taking;
  logic [Sources-1:0] valid, pass, record, room;
  logic [Sources-1:0][7:0] code;
  logic [Sources-1:0][15:0] left_out;
  event_t [Sources-1:0] ev;
  logic [15:0] size, held;
  logic [Sources-1:0][15:0] ahead;  // records of sources before this one, in the same cycle
  assign taking = phase == Run && !error && bus_on;
  assign size = 16'd1 << size_log2;
  assign held = admitted - seen;
  assign sa_ready = room[2] || !taking;
  assign valid = {sa_valid && sa_ready, drop_valid};
  assign ev = {sa, drop};
  assign code = {sa.code, drop[1].code, drop[0].code};

  event_limit #(
      .SOURCES(Sources)
  ) u_limit (
      .clk,
      .rst(rst || clear),
      .interval(cfg.interval),
      .valid,
      .code,
      .pass,
      .record,
      .left_out
  );

  always_comb begin
    record = '0;
    ahead = '0;
    for (int i = 0; i < Sources; i++) begin
      if (pass[i]) begin
        for (int k = 0; k < i; k++) ahead[i] = ahead[i] + 16'(record[k]);
        record[i] = taking && room[i] && held + ahead[i] < size;
      end
    end
  end

  // ---- what is taken waits for the bus ----
  taken_t head[Sources];
  logic [Sources-1:0] pop;
  for (genvar i = 0; i < Sources; i++) begin : g_source
    /* verilator lint_off UNUSEDSIGNAL */  // whether there is room says s_ready
    logic [$clog2(DEPTH+1)-1:0] count;
    /* verilator lint_on UNUSEDSIGNAL */
    taken_t put;
    always_comb begin
      put = '0;
      if (record[i]) put = '{ev: ev[i], at: cycles, left_out: left_out[i]};
    end
    fifo #(
        .WIDTH($bits(taken_t)),
        .DEPTH(DEPTH)
    ) u_fifo (
        .clk(clk_ring),
        .rst,
        .s_valid(record[i]),
        .s_ready(room[i]),
        .s_data(put),
        .m_valid(have[i]),
        .m_ready(pop[i]),
        .m_data(head[i]),
        .count
    );
  end

  // ---- one after the other into the ring ----
  logic [1:0] turn, pick;
  assign w_valid = have != 0 && !error;
  always_comb begin
    pick = turn;
    for (int i = Sources - 1; i >= 0; i--) begin
      if (have[(int'(turn)+i)%Sources]) pick = 2'((int'(turn) + i) % Sources);
    end
    pop = '0;
    if (error) pop = have;
    else if (w_valid && w_ready) pop[pick] = 1'b1;
  end

  taken_t h;
  logic [15:0] place;
  assign place = written & (size - 1'b1);
  always_comb begin
    w_beat = '0;
    h = '0;
    if (w_valid) begin
      h = head[pick];
      w_beat.first = 1'b1;
      w_beat.last = 1'b1;
      w_beat.id = ID;
      w_beat.addr = base + {42'd0, place, 6'd0};
      w_beat.strb = '1;
      w_beat.data[EVENT_SRC_LSB+:EVENT_SRC_W] = h.ev.src;
      w_beat.data[EVENT_DST_LSB+:EVENT_DST_W] = h.ev.dst;
      w_beat.data[EVENT_TIME_LSB+:EVENT_TIME_W] = h.at;
      w_beat.data[EVENT_SEQ_LSB+:EVENT_SEQ_W] = h.ev.seq;
      w_beat.data[EVENT_SPI_LSB+:EVENT_SPI_W] = h.ev.spi;
      w_beat.data[EVENT_SA_LSB+:EVENT_SA_W] = h.ev.sa;
      w_beat.data[EVENT_FLOW_LABEL_LSB+:EVENT_FLOW_LABEL_W] = EVENT_FLOW_LABEL_W'(h.ev.flow_label);
      w_beat.data[EVENT_SUPPRESSED_LSB+:EVENT_SUPPRESSED_W] = h.left_out;
      w_beat.data[EVENT_CODE_LSB+:EVENT_CODE_W] = h.ev.code;
      w_beat.data[EVENT_FLAGS_LSB+:EVENT_FLAGS_W] =
          (written[size_log2] ? 8'd0 : EVF_PHASE) | (h.ev.inbound ? EVF_INBOUND : 8'd0) |
          (h.ev.ipv6 ? EVF_IPV6 : 8'd0);
    end
  end

  // ---- indices and interrupt ----
  logic seen_fits, take_seen, armed, told, news;
  assign seen_fits = (db.seen - seen) <= (written - seen);
  assign take_seen = db.seen_we && (phase == Run || phase == Drain);
  assign news = (written - seen) > (written - acked) || (error && !told);
  always_ff @(posedge clk_ring) begin
    if (rst) turn <= '0;
    else if (w_valid && w_ready) turn <= int'(pick) == Sources - 1 ? '0 : pick + 1'b1;
    if (rst || clear) begin
      admitted <= '0;
      written <= '0;
      acked <= '0;
      seen <= '0;
      bad_seen <= 1'b0;
      armed <= 1'b0;
      told <= 1'b0;
      irq_valid <= 1'b0;
    end else begin
      admitted <= admitted + 16'($countones(record));
      if (w_valid && w_ready) written <= written + 1'b1;
      if (b_valid) acked <= acked + 1'b1;
      if (irq_valid && irq_ready) irq_valid <= 1'b0;
      if (armed && news && !irq_valid) begin
        irq_valid <= 1'b1;
        armed <= 1'b0;
        if (error) told <= 1'b1;
      end
      if (take_seen && seen_fits) begin
        seen <= db.seen;
        if (db.arm) armed <= 1'b1;
      end
      if (take_seen && !seen_fits) bad_seen <= 1'b1;
    end
  end

  assign state = '{
          active: phase == Run || phase == Drain,
          bad_config: bad_config,
          bad_seen: bad_seen,
          full: phase == Run && !error && held == size,
          dma_error: error
      };

  // ---- statistics ----
  logic failed;
  always_ff @(posedge clk_ring) begin
    stat_written <= b_valid && !b_error && !rst;
    failed <= b_valid && b_error && !rst;
  end
  assign stat_suppressed = 2'($countones(valid & ~pass));
  // A halt loses what it finds in the FIFOs beside what still comes: the surplus is told afterwards.
  logic [6:0] surplus;
  logic [2:0] losses;
  assign losses = 3'($countones(pass & ~record)) + (error ? 3'($countones(have)) : 3'd0) + 3'(failed);
  assign stat_lost = surplus + 7'(losses) < 7'd3 ? 2'(surplus + 7'(losses)) : 2'd3;
  always_ff @(posedge clk_ring) begin
    if (rst) surplus <= '0;
    else surplus <= surplus + 7'(losses) - 7'(stat_lost);
  end

  // ---- idle ----
  logic steady;
  always_comb begin
    unique case (phase)
      Off: steady = !cfg.enable;
      Refused, Run: steady = cfg.enable;
      Drain: steady = !drained;
    endcase
  end
  assign idle = steady && drop_valid == 0 && !sa_valid && (have == 0 || (!bus_on && !error)) && written == acked &&
      surplus == 0 && !stat_written && !failed && !db.seen_we && !irq_valid && !(armed && news);

  always_ff @(posedge clk_ring) begin
    if (!rst) begin
      assert (!(b_valid && written == acked))
      else $error("answer to an event that was not written");
      assert (phase == Off || (admitted - seen <= size && written - seen <= size))
      else $error("%0d events in a ring of %0d", admitted - seen, size);
      assert (surplus < 7'd120)
      else $error("%0d losses not told", surplus);
      assert ((record & ~room) == 0)
      else $error("an event was taken without a place for it");
    end
  end

endmodule

`default_nettype wire
