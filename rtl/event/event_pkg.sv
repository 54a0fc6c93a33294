// SPDX-License-Identifier: BSD-2-Clause
//
// What the registers tell the event ring, and what it shows in them.

`default_nettype none

package event_pkg;

  // As the host wrote it.
  typedef struct packed {
    logic        enable;
    logic [3:0]  size_log2;  // of the ring's entries
    logic [63:0] base;
    logic [31:0] interval;   // cycles for each event of a reason beyond the burst, 0: no limit
  } event_cfg_t;

  // seen_we is high for one cycle when the host wrote.
  typedef struct packed {
    logic        seen_we;
    logic [15:0] seen;     // events consumed, free-running
    logic        arm;      // and send an interrupt when there are more
  } event_db_t;

  typedef struct packed {
    logic active;
    logic bad_config;
    logic bad_seen;
    logic full;
    logic dma_error;
  } event_state_t;

endpackage

`default_nettype wire
