// SPDX-License-Identifier: BSD-2-Clause
//
// Records between the stages of esp_in. Each FIFO of records is in the order of the frames.

`default_nettype none

package esp_in_pkg;
  import vesper_pkg::*;
  import gcm_pkg::*;
  import ip_pkg::*;

  localparam int HEAD_BYTES = ETH_BYTES + IP_MAX;
  localparam int BUFFER_BEATS = 1024;  // packet buffer: decrypted, not yet released
  localparam int BUFFER_W = $clog2(BUFFER_BEATS);

  typedef enum logic [1:0] {
    IN_PASS,  // leaves as it came; meta.status may say why it was not decrypted
    IN_DROP,  // meta.status says why
    IN_ESP    // the verdict decides
  } in_kind_e;

  // What the parser found.
  typedef struct packed {
    in_kind_e                kind;
    logic [8*HEAD_BYTES-1:0] head;       // Ethernet and IP header
    logic [5:0]              hdr_bytes;  // of the IP header
    logic [15:0]             esp_bytes;  // from the SPI to the end of the ICV
    logic [31:0]             spi;        // byte string
    logic [31:0]             seq;        // byte string
    logic [63:0]             iv;         // byte string
    meta_t                   meta;
  } parsed_t;

  // Into the engine.
  typedef struct packed {
    gcm_job_t    job;
    logic [13:0] cipher_bytes;
  } crypt_t;

  // For the check behind the engine.
  typedef struct packed {
    logic        replayed;  // by the pre-check: no ciphertext went into the engine
    logic        tunnel;
    logic [4:0]  icv_bytes;
    logic [31:0] handle;
    logic [63:0] seq;
    logic [13:0] cipher_bytes;
  } check_t;

  // For the output.
  typedef struct packed {
    in_kind_e                kind;
    logic                    tunnel;
    logic [8*HEAD_BYTES-1:0] head;
    logic [5:0]              hdr_bytes;
    meta_t                   meta;
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
