// SPDX-License-Identifier: BSD-2-Clause
//
// What passes between the parts of the outbound pipe.

`default_nettype none

package esp_out_pkg;

  import vesper_pkg::*;

  localparam int HEAD_BYTES = 74;  // Ethernet header and the largest IPv4 header
  localparam int PREFIX_BYTES = 90;  // the same, SPI, sequence number and IV

  // A frame as the parser read it.
  typedef struct packed {
    meta_t meta;
    logic [7:0] status;  // ST_OK, or why it is dropped
    logic lookup;  // it needs an SA; implies ST_OK
    logic fragment;
    logic [5:0] hdr_bytes;  // IP header
    logic [15:0] total;  // IP total length
    logic [7:0] proto;
    logic [8*HEAD_BYTES-1:0] head;  // the frame's first bytes
  } out_desc_t;

  // Where a frame's beats go.
  typedef enum logic [1:0] {
    RouteDrop,
    RoutePlain,
    RouteEsp
  } out_route_e;

  typedef struct packed {
    out_route_e  to;
    logic [13:0] skip;  // RouteEsp: bytes before the plaintext
    logic [13:0] keep;  // RouteEsp: bytes of it
  } out_route_t;

  // Padding, pad length, next header (RFC 4303 2.4 to 2.6): 2..5 bytes.
  typedef struct packed {
    logic [39:0] data;
    logic [2:0]  bytes;
  } esp_trailer_t;

  // What is put around a frame's payload when it leaves.
  typedef struct packed {
    logic plain;  // nothing
    meta_t meta;
    logic [8*PREFIX_BYTES-1:0] prefix;
    logic [6:0] prefix_bytes;
    logic [4:0] icv_bytes;
  } out_frame_t;

endpackage

`default_nettype wire
