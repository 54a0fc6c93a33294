// SPDX-License-Identifier: BSD-2-Clause
//
// What the card does to a received frame beside ESP: types of the registers that say so, and the functions.

`default_nettype none

package rx_pkg;

  // Who imports the types uses none of the constants.
  /* verilator lint_off UNUSEDPARAM */
  localparam int FILTERS = 16;
  /* verilator lint_on UNUSEDPARAM */

  // Which destinations are taken. Addresses: byte 0, the first on the wire, in [7:0].
  typedef struct packed {
    logic                     promisc;
    logic                     all_multicast;
    logic [47:0]              station;
    logic [FILTERS-1:0]       valid;
    logic [FILTERS-1:0][47:0] address;
  } rx_filter_t;

  function automatic logic rx_wanted(input rx_filter_t f, input logic [47:0] destination);
    rx_wanted = f.promisc || destination == '1 || destination == f.station || (f.all_multicast && destination[0]);
    for (int i = 0; i < FILTERS; i++) if (f.valid[i] && destination == f.address[i]) rx_wanted = 1'b1;
  endfunction

endpackage

`default_nettype wire
