// SPDX-License-Identifier: BSD-2-Clause
//
// Types and sizes of the host DMA: what the CSR block hands over for each queue pair, and what the parts of
// the DMA hand to each other.

`default_nettype none

package dma_pkg;

  // Who imports only the types of the registers uses none of the constants.
  /* verilator lint_off UNUSEDPARAM */
  // Frames that may be under way in each direction. Their slot number is their AXI ID, so that the answers
  // find their frame in whatever order the host gives them.
  localparam int Slots = 64;
  localparam int SlotW = 6;

  // AXI IDs from here on belong to rings: IdRing | pair << 1 | (1: RX).
  localparam logic [7:0] IdRing = 8'h80;
  /* verilator lint_on UNUSEDPARAM */

  // Registers of one queue pair, as the host wrote them.
  typedef struct packed {
    logic        enable;
    logic [3:0]  tx_log2;  // ring sizes
    logic [3:0]  rx_log2;
    logic [21:0] wait_cycles;  // interrupt moderation: 0: none
    logic [7:0]  wait_frames;  // 0: any number waits
    logic [63:0] tx_base;
    logic [63:0] tx_cpl;
    logic [63:0] rx_base;
    logic [63:0] rx_cpl;
  } queue_cfg_t;

  // Doorbells of one queue pair: *_we is high for one cycle when the host wrote.
  typedef struct packed {
    logic        tx_tail_we;
    logic [15:0] tx_tail;
    logic        rx_tail_we;
    logic [15:0] rx_tail;
    logic        arm_we;
    logic [15:0] tx_seen;
    logic [15:0] rx_seen;
  } queue_db_t;

  // What the host reads of one queue pair.
  typedef struct packed {
    logic active;
    logic bad_config;
    logic tx_bad_doorbell;
    logic rx_bad_doorbell;
    logic dma_error;
  } queue_state_t;

  // One ring as its descriptor fetcher and its completion writer see it; constant while the pair is active.
  typedef struct packed {
    logic [3:0]  size_log2;
    logic [63:0] desc;
    logic [63:0] cpl;
  } ring_t;

  // One beat of a write burst. addr, len and id count with `first`.
  typedef struct packed {
    logic         first;
    logic         last;
    logic [7:0]   id;
    logic [63:0]  addr;
    logic [7:0]   len;   // beats - 1
    logic [63:0]  strb;
    logic [511:0] data;
  } write_beat_t;

  // A burst to be read.
  typedef struct packed {
    logic [7:0]  id;
    logic [63:0] addr;
    logic [7:0]  len;   // beats - 1
  } read_req_t;

  // A beat that was read.
  typedef struct packed {
    logic         last;
    logic         error;
    logic [511:0] data;
  } read_beat_t;

  // A TX descriptor that is about the next frame.
  function automatic logic carries_none(input logic [7:0] op);
    carries_none = op inside {vesper_abi_pkg::OP_CONTEXT, vesper_abi_pkg::OP_CONTEXT_NUMBERED};
  endfunction

endpackage

`default_nettype wire
