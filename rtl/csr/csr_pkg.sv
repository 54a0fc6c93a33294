// SPDX-License-Identifier: BSD-2-Clause
//
// What the management side shows the host in the registers.

`default_nettype none

package csr_pkg;

  typedef struct packed {
    logic [31:0] fw_version;       // major << 24 | minor << 16 | patch; 0 until the firmware runs
    logic        fw_ready;         // serves the mailbox
    logic        data_path_open;   // known-answer tests passed
    logic        selftest_failed;
    logic        fw_dead;          // stopped on a trap
  } csr_status_t;

endpackage

`default_nettype wire
