// SPDX-License-Identifier: BSD-2-Clause
//
// Control of one queue pair: enable and drain, doorbells, halt after an error of the bus, interrupt.
//
// A pair starts when `enable` is 1 and its configuration is sound; `clear` then sets all of its indices to 0.
// After `enable` went to 0 it drains: nothing new is fetched, what was begun ends, and only then `active` falls.
// A failed access to a descriptor or completion halts the pair (and no other) until it is enabled anew: no
// further descriptor is begun, completions are thrown away, and an armed interrupt is sent once.

`default_nettype none

module dma_queue
  import dma_pkg::*;
  import vesper_abi_pkg::*;
(
    input  wire               clk,
    input  wire               rst,
    input  wire queue_cfg_t   cfg,
    input  wire queue_db_t    db,
    output queue_state_t      state,
    output logic              tx_bad_doorbell,  // pulses
    output logic              rx_bad_doorbell,
    // to the rings
    output logic              clear,            // pulse
    output logic              run,              // fetch and begin descriptors
    output logic              draining,
    output logic              halted,
    output ring_t             tx_ring,
    output ring_t             rx_ring,
    output logic       [15:0] tx_tail,
    output logic       [15:0] rx_tail,
    // from the rings
    input  wire               failed,           // pulse
    input  wire               quiet,            // rings have nothing pending or outstanding
    input  wire        [15:0] tx_begun,         // descriptors given out
    input  wire        [15:0] rx_begun,
    input  wire        [15:0] tx_pushed,        // completions
    input  wire        [15:0] rx_pushed,
    input  wire        [15:0] tx_acked,
    input  wire        [15:0] rx_acked,
    // interrupt
    output logic              irq_valid,
    input  wire               irq_ready,
    output logic              settled           // a clock more changes nothing here
);

  typedef enum logic [1:0] {
    Off,
    Refused,
    Run,
    Drain
  } phase_e;
  phase_e phase;

  // ---- enable, drain, halt ----
  logic sound, drained;
  assign sound = int'(cfg.tx_log2) >= RING_LOG2_MIN && int'(cfg.tx_log2) <= RING_LOG2_MAX &&
      int'(cfg.rx_log2) >= RING_LOG2_MIN && int'(cfg.rx_log2) <= RING_LOG2_MAX &&
      (cfg.tx_base[5:0] | cfg.tx_cpl[5:0] | cfg.rx_base[5:0] | cfg.rx_cpl[5:0]) == 6'd0;
  assign drained = quiet && tx_begun == tx_pushed && rx_begun == rx_pushed;

  logic bad_config, error;
  assign clear = phase == Off && cfg.enable && sound;
  always_ff @(posedge clk) begin
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
      if (failed) error <= 1'b1;
    end
    if (clear) begin
      tx_ring <= '{size_log2: cfg.tx_log2, desc: cfg.tx_base, cpl: cfg.tx_cpl};
      rx_ring <= '{size_log2: cfg.rx_log2, desc: cfg.rx_base, cpl: cfg.rx_cpl};
    end
  end
  assign halted = error;
  assign run = phase == Run && !error;
  assign draining = phase == Drain && !error;

  // ---- doorbells ----
  // A tail may neither go back nor lie more than a ring beyond the completions: those are what the host can know.
  logic [15:0] tx_new, tx_old, rx_new, rx_old;
  logic tx_fits, rx_fits;
  assign tx_new = db.tx_tail - tx_pushed;
  assign tx_old = tx_tail - tx_pushed;
  assign rx_new = db.rx_tail - rx_pushed;
  assign rx_old = rx_tail - rx_pushed;
  assign tx_fits = tx_new >= tx_old && tx_new <= (16'd1 << tx_ring.size_log2);
  assign rx_fits = rx_new >= rx_old && rx_new <= (16'd1 << rx_ring.size_log2);
  assign tx_bad_doorbell = run && db.tx_tail_we && !tx_fits;
  assign rx_bad_doorbell = run && db.rx_tail_we && !rx_fits;

  logic tx_bad, rx_bad;
  always_ff @(posedge clk) begin
    if (rst || clear) begin
      tx_tail <= '0;
      rx_tail <= '0;
      tx_bad <= 1'b0;
      rx_bad <= 1'b0;
    end else if (run) begin
      if (db.tx_tail_we && tx_fits) tx_tail <= db.tx_tail;
      if (db.rx_tail_we && rx_fits) rx_tail <= db.rx_tail;
      if (tx_bad_doorbell) tx_bad <= 1'b1;
      if (rx_bad_doorbell) rx_bad <= 1'b1;
    end
  end

  assign state = '{
          active: phase == Run || phase == Drain,
          bad_config: bad_config,
          tx_bad_doorbell: tx_bad,
          rx_bad_doorbell: rx_bad,
          dma_error: error
      };

  // ---- interrupt ----
  // The host may see a completion in memory before its write is acknowledged here, so `seen` may run ahead of
  // `acked`, but never of `pushed`: counted from there the distances cannot be mistaken.
  // Moderation holds the message of an armed pair back, but never that of an error: the wait is counted from the first
  // completion that is new, and the registers may change meanwhile.
  logic armed, told;
  logic [15:0] tx_seen, rx_seen;
  logic tx_news, rx_news, bad_news, news, due;
  logic [16:0] fresh;  // completions in host memory that the host has not seen
  logic [21:0] waited;
  assign tx_news = (tx_pushed - tx_seen) > (tx_pushed - tx_acked);
  assign rx_news = (rx_pushed - rx_seen) > (rx_pushed - rx_acked);
  assign bad_news = error && !told;
  assign news = tx_news || rx_news || bad_news;
  always_comb begin
    fresh = '0;
    due   = 1'b0;
    if (armed && news) begin
      if (tx_news) fresh = {1'b0, tx_acked - tx_seen};
      if (rx_news) fresh = fresh + {1'b0, rx_acked - rx_seen};
      due = bad_news || waited >= cfg.wait_cycles || (cfg.wait_frames != '0 && fresh >= 17'(cfg.wait_frames));
    end
  end

  always_ff @(posedge clk) begin
    if (rst || clear) begin
      armed <= 1'b0;
      told <= 1'b0;
      irq_valid <= 1'b0;
      tx_seen <= '0;
      rx_seen <= '0;
      waited <= '0;
    end else begin
      if (!armed || !news) waited <= '0;
      else if (!(&waited)) waited <= waited + 1'b1;
      if (irq_valid && irq_ready) irq_valid <= 1'b0;
      if (due && !irq_valid) begin
        irq_valid <= 1'b1;
        armed <= 1'b0;
        if (error) told <= 1'b1;
      end
      if (db.arm_we && (phase == Run || phase == Drain)) begin
        armed <= 1'b1;
        tx_seen <= db.tx_seen;
        rx_seen <= db.rx_seen;
      end
    end
  end

  logic steady;
  always_comb begin
    unique case (phase)
      Off: steady = !cfg.enable;
      Refused, Run: steady = cfg.enable;
      Drain: steady = !drained;
    endcase
  end
  assign settled = steady && !(db.tx_tail_we || db.rx_tail_we || db.arm_we) && !irq_valid && !(armed && news);

`ifdef FORMAL_DMA_QUEUE
  // What the rings do: completions are counted up by one, and never beyond the descriptors that were handed over.
  logic was_reset, f_clear, f_ran;
  logic [15:0] f_tx_pushed, f_rx_pushed, f_tx_tail, f_rx_tail;
  initial {was_reset, f_clear} = '0;
  always_ff @(posedge clk) begin
    if (rst) was_reset <= 1'b1;
    f_clear <= clear || rst;
    f_ran <= run;
    f_tx_pushed <= tx_pushed;
    f_rx_pushed <= rx_pushed;
    f_tx_tail <= tx_tail;
    f_rx_tail <= rx_tail;
    if (f_clear)
      assume (tx_pushed == '0 && rx_pushed == '0);
      else if (was_reset) begin
        assume (tx_pushed == f_tx_pushed || (tx_pushed == f_tx_pushed + 16'd1 && f_tx_pushed != f_tx_tail));
        assume (rx_pushed == f_rx_pushed || (rx_pushed == f_rx_pushed + 16'd1 && f_rx_pushed != f_rx_tail));
      end

    if (was_reset && !rst) begin
      // F1: no more descriptors are open than the ring holds.
      if (state.active) begin
        assert (tx_tail - tx_pushed <= (16'd1 << tx_ring.size_log2));
        assert (rx_tail - rx_pushed <= (16'd1 << rx_ring.size_log2));
      end
      // F2: a tail never goes back: what was handed over stays so.
      if (state.active && !f_clear) begin
        assert (tx_tail - f_tx_pushed >= f_tx_tail - f_tx_pushed);
        assert (rx_tail - f_rx_pushed >= f_rx_tail - f_rx_pushed);
      end
      // F3: a ring's size is one the hardware takes, and its memory is aligned, while it is in use.
      if (state.active) begin
        assert (int'(tx_ring.size_log2) >= RING_LOG2_MIN && int'(rx_ring.size_log2) >= RING_LOG2_MIN);
        assert ((tx_ring.desc[5:0] | tx_ring.cpl[5:0] | rx_ring.desc[5:0] | rx_ring.cpl[5:0]) == '0);
      end
      // F4: tails move only while the pair runs.
      if (!f_clear && !f_ran) assert (tx_tail == f_tx_tail && rx_tail == f_rx_tail);
    end
  end
`endif

endmodule

`default_nettype wire
