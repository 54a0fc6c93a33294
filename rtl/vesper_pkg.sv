// SPDX-License-Identifier: BSD-2-Clause
//
// Types that travel between the blocks of the card.
//
// Byte order: byte 0, the first on the wire or in host memory, stands in bits [7:0] of every vector.
// Frames move as beats of 64 bytes; every beat but the last of a frame is full, and the bytes of the last beat
// beyond `bytes` are zero. Beside the beats runs one `meta_t` a frame, stable from the first beat to the last.

`default_nettype none

package vesper_pkg;

  localparam int BEAT_BYTES = 64;
  localparam int BEAT_BITS = 8 * BEAT_BYTES;

  typedef struct packed {
    logic                 last;
    logic [6:0]           bytes;  // 1..64; 64 unless last
    logic [BEAT_BITS-1:0] data;
  } beat_t;

  // What happens to a frame, and what happened to it. Values of op and status: vesper_abi_pkg.
  typedef struct packed {
    logic        host;       // fetched from a TX ring (1) or received from the wire (0)
    logic        lookaside;  // the result goes back to the host
    logic        esp;        // the card encrypted or decrypted it
    logic [7:0]  op;         // OP_*
    logic [7:0]  status;     // ST_*: why it is dropped, or why an ESP frame is delivered untouched
    logic [3:0]  qid;      // host: pair it was fetched from; wire: pair that receives it
    logic [15:0] index;      // host: free-running index of its TX descriptor
    logic [31:0] sa;         // handle: asked for (encrypt), or applied (decrypt)
    logic [15:0] len;        // bytes of the frame
    logic [63:0] seq;        // ESP sequence number
  } meta_t;

  // An SA as the pipes need it. The key and H go to the engine and nowhere else.
  typedef struct packed {
    logic [255:0] key;
    logic [1:0]   key_len;    // 0: 128, 1: 192, 2: 256 bits
    logic [127:0] h;
    logic [31:0]  salt;
    logic [31:0]  spi;
    logic         tunnel;     // else transport
    logic [4:0]   icv_bytes;  // 8, 12, 16
    logic [3:0]   qid;      // inbound: pair that receives
    logic [31:0]  flags;      // SAF_*
    logic [5:0]   hdr_bytes;  // outer IP header: 0 or 20
    logic [319:0] hdr;        // its template; length, identification and checksum are zero
    logic [15:0]  hdr_sum;    // one's complement sum of the template, as a number (not byte-swapped), not inverted
  } sa_ctx_t;

  // Outbound lookup: by handle. Each answer with ST_OK has consumed one sequence number.
  typedef struct packed {
    logic [31:0] handle;
    logic [15:0] bytes;      // of the plaintext IP packet, for the SA's byte counter
    logic [5:0]  hdr_bytes;  // of its header, which a transport SA does not count
  } sa_out_req_t;
  typedef struct packed {
    logic [7:0]  status;  // ST_OK, ST_SA_STALE, ST_SA_DIRECTION, ST_SEQ_EXHAUSTED
    logic [63:0] seq;     // to be sent; also the IV (big-endian on the wire)
    sa_ctx_t     ctx;
  } sa_out_rsp_t;

  // Inbound lookup and replay pre-check: by destination and SPI.
  typedef struct packed {
    logic         ipv6;
    logic [127:0] dst;    // IPv4 in [31:0], rest zero
    logic [31:0]  spi;
    logic [31:0]  seq;    // as a number (converted from network order)
  } sa_in_req_t;
  typedef struct packed {
    logic [7:0]  status;  // ST_OK, ST_NO_SA, ST_REPLAY
    logic [31:0] handle;
    logic [63:0] seq;     // upper half inferred with ESN, else 0
    sa_ctx_t     ctx;
  } sa_in_rsp_t;

  // After the ICV: second replay check and window update, or the failure count.
  typedef struct packed {
    logic [31:0] handle;
    logic [63:0] seq;
    logic [15:0] bytes;   // plaintext bytes, for the SA's byte counter
    logic [7:0]  status;  // ST_OK: authentic; ST_ICV, ST_REPLAY: count only; else: authentic, but not delivered
  } sa_commit_req_t;
  // Answer: 8 bits, the final status: the request's, or ST_REPLAY, ST_SA_STALE.

  // One packet's fate, for completions and counters.
  typedef struct packed {
    logic        host;
    logic [3:0]  qid;
    logic [15:0] index;
    logic [7:0]  status;
    logic [15:0] len;     // bytes of the resulting frame, 0 when dropped
    logic [63:0] seq;
  } verdict_t;

endpackage

`default_nettype wire
