// SPDX-License-Identifier: BSD-2-Clause
//
// What passes between the parts of the outbound pipe.

`default_nettype none

package esp_out_pkg;

  import vesper_pkg::*;
  import ip_pkg::*;

  // What becomes of a frame, as far as it is known.
  typedef enum logic [1:0] {
    OutDrop,
    OutPlain,
    OutPolicy,  // the policies will say
    OutEsp  // it needs an SA
  } out_fate_e;

  // A frame as the parser read it. Its first bytes go beside it in a FIFO of their own.
  typedef struct packed {
    meta_t meta;
    out_fate_e fate;
    logic [7:0] status;  // why it is dropped, else ST_OK
    logic inplace;
    logic numbered;
    logic dummy;
    logic ipv6;
    logic [4:0] l2_bytes;
    logic [7:0] hdr_bytes;  // IP header with the extension headers before ESP
    logic [15:0] total;  // IP packet
    logic [7:0] proto;
    logic [7:0] proto_at;  // where that stands in the frame
    logic fragment;
    logic df;
    logic [7:0] tos;
    logic [19:0] flow_label;
    logic esp;  // in-place: it is ESP, alone or in UDP
    logic udp;  // in-place: in UDP
    logic [31:0] spi;  // in-place: byte string
    logic [31:0] number;  // in-place: sequence number, byte string
  } out_desc_t;

  // Where a frame's beats go.
  typedef enum logic [1:0] {
    RouteDrop,
    RoutePlain,
    RouteEsp
  } out_route_e;

  typedef struct packed {
    out_route_e  to;
    logic [13:0] skip;  // RouteEsp: bytes before what is encrypted
    logic [13:0] keep;  // RouteEsp: bytes of it
  } out_route_t;

  // What follows the payload: zeros (RFC 4303 2.7), then padding, pad length, next header (RFC 4303 2.4 to 2.6).
  typedef struct packed {
    logic [13:0] zeros;
    logic [39:0] data;
    logic [2:0]  bytes;  // 2..5; in-place 0, for the packet has its trailer
  } esp_trailer_t;

  // What is put around a frame's payload when it leaves.
  typedef struct packed {
    logic plain;  // nothing
    meta_t meta;
    logic [4:0] icv_bytes;
    logic [7:0] prefix_bytes;
    logic [8*WINDOW_BYTES-1:0] prefix;  // last, so that it begins with a word: that simulates faster
  } out_frame_t;

endpackage

`default_nettype wire
