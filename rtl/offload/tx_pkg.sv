// SPDX-License-Identifier: BSD-2-Clause
//
// What the parts of the transmit offloads hand to each other.

`default_nettype none

package tx_pkg;

  // What a descriptor asks for beside its meta_t. Positions in the frame, in bytes.
  typedef struct packed {
    logic       more;        // the frame goes on in the next piece
    logic       csum;        // put a checksum in:
    logic [7:0] csum_start;  // of what it is over
    logic [7:0] csum_at;     // where it stands
  } tx_job_t;

  // Bytes on their way into a frame. Bytes of `data` beyond `bytes` are zero.
  typedef struct packed {
    logic         last;   // of the frame
    logic         drop;   // and there will be none: `status` of its meta says why
    logic [6:0]   bytes;  // 1..64
    logic [511:0] data;
  } tx_chunk_t;

  // What is written over a stored frame as it leaves. Numbers.
  typedef struct packed {
    logic        csum;
    logic [7:0]  csum_at;
    logic [15:0] csum_value;
  } tx_patch_t;

endpackage

`default_nettype wire
