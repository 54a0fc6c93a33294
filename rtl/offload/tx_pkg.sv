// SPDX-License-Identifier: BSD-2-Clause
//
// What the parts of the transmit offloads hand to each other.

`default_nettype none

package tx_pkg;

  // What a descriptor asks for beside its meta_t. Positions in the frame, in bytes.
  typedef struct packed {
    logic        more;        // the frame goes on in the next piece
    logic        csum;        // put a checksum in:
    logic [7:0]  csum_start;  // of what it is over
    logic [7:0]  csum_at;     // where it stands
    logic        tso;         // cut TCP segments, and then:
    logic [7:0]  l3;          // the IP header; TCP's is at csum_start
    logic [7:0]  hdr_len;     // bytes up to the end of TCP's
    logic [13:0] mss;         // payload of a segment
  } tx_job_t;

  // In what a TCP segment differs from the copy of the headers that it has. Numbers.
  typedef struct packed {
    logic        tso;      // it is one
    logic        ipv6;
    logic [7:0]  l3;
    logic [7:0]  tcp;
    logic [31:0] seq;
    logic [7:0]  flags;
    logic [15:0] ip_len;   // as it stands in the header
    logic [15:0] id;       // IPv4
    logic [15:0] ip_csum;  // IPv4
    logic [15:0] extra;    // what all this adds to the sum for the TCP checksum
  } tx_segment_t;

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
    tx_segment_t segment;
  } tx_patch_t;

endpackage

`default_nettype wire
