// SPDX-License-Identifier: BSD-2-Clause
//
// What the card does to a received frame beside ESP: types of the registers that say so, and the functions.

`default_nettype none

package rx_pkg;

  // Who imports the types uses none of the constants.
  /* verilator lint_off UNUSEDPARAM */
  localparam int FILTERS = 16;
  localparam int RSS_ENTRIES = 128;
  localparam int RSS_KEY_BYTES = 40;
  localparam int RSS_INPUT_BYTES = 36;  // IPv6 addresses and ports
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

  // Receive side scaling: which fields are hashed, the key (byte string) and the queue of each hash.
  typedef struct packed {
    logic                        enable;
    logic                        ipv4, tcp4, udp4, ipv6, tcp6, udp6;
    logic [8*RSS_KEY_BYTES-1:0]  key;
    logic [RSS_ENTRIES-1:0][7:0] entry;
  } rss_t;

  // What is known of a frame that is delivered.
  typedef struct packed {
    logic        hashed;
    logic        ports;   // the hash is over ports, too
    logic [31:0] hash;
  } rx_info_t;

  // The Toeplitz hash of the Microsoft RSS specification: bit i of the input, counted from the first byte's highest,
  // adds the 32 bits of the key from bit i on. A shorter input is the same with zeros behind it. Byte strings.
  function automatic logic [31:0] toeplitz(input logic [8*RSS_KEY_BYTES-1:0] key,
                                           input logic [8*RSS_INPUT_BYTES-1:0] data);
    logic [8*RSS_KEY_BYTES-1:0] k;
    logic [8*RSS_INPUT_BYTES-1:0] d;
    for (int i = 0; i < RSS_KEY_BYTES; i++) k[8*i+:8] = key[8*(RSS_KEY_BYTES-1-i)+:8];
    for (int i = 0; i < RSS_INPUT_BYTES; i++) d[8*i+:8] = data[8*(RSS_INPUT_BYTES-1-i)+:8];
    for (int i = 0; i < 32; i++) toeplitz[i] = ^(d & k[i+1+:8*RSS_INPUT_BYTES]);
  endfunction

  // One's complement sum, not folded, of the 16-bit words of a beat as they stand; zeros beyond its end do not count.
  function automatic logic [31:0] words_sum(input logic [511:0] data);
    words_sum = '0;
    for (int i = 0; i < 32; i++) words_sum = words_sum + {16'd0, data[16*i+:16]};
  endfunction

endpackage

`default_nettype wire
