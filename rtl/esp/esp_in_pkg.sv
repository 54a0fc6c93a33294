// SPDX-License-Identifier: BSD-2-Clause
//
// Records between the stages of esp_in. Each FIFO of records is in the order of the frames.

`default_nettype none

package esp_in_pkg;
  import vesper_pkg::*;
  import gcm_pkg::*;
  import ip_pkg::*;

  localparam int BUFFER_BEATS = 1024;  // packet buffer: decrypted, not yet released
  localparam int BUFFER_W = $clog2(BUFFER_BEATS);

  typedef enum logic [1:0] {
    IN_PASS,  // leaves as it came; meta.status may say why it was not decrypted
    IN_DROP,  // meta.status says why
    IN_ESP    // the verdict decides
  } in_kind_e;

  // Of these records the wide fields stand last, each beginning with a word of 32 bits: that simulates faster.

  // What the parser found. All but kind, head and meta counts only for IN_ESP.
  typedef struct packed {
    in_kind_e                  kind;
    meta_t                     meta;
    logic                      ipv6;
    logic [4:0]                l2_bytes;
    logic [7:0]                hdr_bytes;  // of the IP header with its extension headers
    logic [7:0]                proto_at;   // where in the frame the protocol stands
    logic [7:0]                tos;        // or traffic class
    logic                      udp;
    logic [15:0]               esp_bytes;  // from the SPI to the end of the ICV
    logic [63:0]               iv;         // byte string
    logic [31:0]               seq;        // byte string
    logic [31:0]               spi;        // byte string; also of a fragment
    logic [8*WINDOW_BYTES-1:0] head;       // the frame's first bytes
  } parsed_t;

  // Into the engine.
  typedef struct packed {
    logic [13:0] cipher_bytes;
    gcm_job_t    job;
  } crypt_t;

  // For the check behind the engine.
  typedef struct packed {
    logic [7:0]    status;        // not ST_OK: refused before the engine, which has seen nothing of it
    logic          tunnel;
    logic          inplace;
    logic [4:0]    icv_bytes;
    logic [31:0]   handle;
    logic [63:0]   seq;
    logic [13:0]   cipher_bytes;
    logic          ecn;           // the outer ECN field goes into the inner one
    logic          dscp;          // likewise DSCP
    logic [7:0]    tos;           // outer
    logic          selector;      // `sel` is to be matched
    logic [7:0]    hdr_bytes;     // transport mode with a selector: of the packet's header
    logic [7:0]    proto_at;      // likewise: from the IP header on
    selector_t     sel;
    logic [511:0]  head;          // likewise: first bytes of the IP header
  } check_t;

  // For the output.
  typedef struct packed {
    in_kind_e                  kind;
    logic                      tunnel;
    logic                      inplace;
    logic                      ipv6;       // outer
    logic [7:0]                stay;       // IN_ESP: so many bytes of `head` remain
    logic [4:0]                l2_bytes;
    logic [7:0]                hdr_bytes;
    logic [7:0]                proto_at;
    logic [31:0]               spi;
    meta_t                     meta;
    logic [8*WINDOW_BYTES-1:0] head;
  } order_t;

  // Of a packet that was in the engine.
  typedef struct packed {
    logic [7:0]  status;
    logic [13:0] bytes;        // to be delivered, from the start of the plaintext
    logic [7:0]  next_header;
    logic [7:0]  beats;        // in the packet buffer
  } fate_t;

endpackage

`default_nettype wire
