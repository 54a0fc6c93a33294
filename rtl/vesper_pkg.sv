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
    logic        inplace;    // received: decrypted, not stripped; `status` is the verdict
    logic        more;       // a TCP segment, not the last of its frame: it completes nothing
    logic [7:0]  op;         // OP_*
    logic [7:0]  status;     // ST_*: why it is dropped, or why an ESP frame is delivered untouched
    logic [3:0]  qid;        // host: pair it was fetched from; wire: pair that receives it
    logic [15:0] index;      // host: free-running index of its TX descriptor
    logic [31:0] sa;         // handle: asked for (encrypt), or applied (decrypt)
    logic [15:0] len;        // bytes of the frame
    logic [63:0] seq;        // ESP sequence number; from the host, OP_INPLACE: the upper half is the descriptor's,
                             // OP_NUMBERED: all of it
  } meta_t;

  // An SA as the pipes need it. The key and H go to the engine and nowhere else. Addresses, SPI, salt and ports are
  // byte strings, numbers are numbers.
  typedef struct packed {
    logic [255:0] key;
    logic [1:0]   key_len;     // 0: 128, 1: 192, 2: 256 bits
    logic [127:0] h;
    logic [31:0]  salt;
    logic [31:0]  spi;
    logic [31:0]  flags;       // SAF_*, by SAF_*_BIT
    logic         gmac;        // AES-GMAC, else AES-GCM
    logic         tunnel;      // else transport
    logic         ipv6;        // family of src and dst
    logic [4:0]   icv_bytes;   // 8, 12, 16
    logic [15:0]  sport;       // outer UDP ports
    logic [15:0]  dport;
  } sa_common_t;

  // Outbound.
  typedef struct packed {
    sa_common_t   c;
    logic [127:0] src;
    logic [127:0] dst;
    logic [7:0]   ttl;
    logic [7:0]   tos;         // DSCP; ECN zero
    logic [19:0]  flow_label;
    logic [15:0]  hdr_sum;     // one's complement sum of src and dst as 16-bit numbers (IPv4), not inverted
    logic [13:0]  tfc;         // pad a shorter plaintext packet to this many bytes, where the MTU allows
    logic [15:0]  mtu;         // largest outer IP packet, 0: no limit but the port's
  } sa_out_ctx_t;

  // Inbound selector (RFC 4301 4.4.1.1).
  typedef struct packed {
    logic [127:0] src;
    logic [127:0] dst;
    logic [7:0]   src_len;
    logic [7:0]   dst_len;
    logic [3:0]   family;      // 4, 6, 0: either
    logic [7:0]   proto;       // 0: any
    logic [15:0]  sport_min, sport_max, dport_min, dport_max;
  } selector_t;
  typedef struct packed {
    sa_common_t c;
    selector_t  sel;
    logic [3:0] qid;           // pair that receives
  } sa_in_ctx_t;

  // Outbound lookup: by handle. The table knows the SA and decides all that depends on it, so that a packet which is
  // refused takes no sequence number and is counted with its SA. docs/esp.md has the rules and their order.
  typedef struct packed {
    logic [31:0] handle;
    logic        inplace;      // OP_INPLACE
    logic        numbered;     // OP_NUMBERED
    logic        ipv6;         // family of the packet
    logic        fragment;
    logic        esp;          // in-place: the packet is ESP, alone or in UDP
    logic        udp;          // in-place: in UDP
    logic [31:0] spi;          // in-place: the packet's, byte string
    logic [15:0] total;        // bytes of the IP packet, header included
    logic [7:0]  hdr_bytes;    // of its header, IPv6 extension headers before ESP included
    logic [15:0] mtu;          // largest resulting IP packet that the port sends: MTU register less 14
  } sa_out_req_t;
  typedef struct packed {
    logic [7:0]  status;       // ST_OK, ST_SA_DIRECTION, ST_SA_STALE, ST_SA_KIND, ...
    logic [15:0] fits;         // ST_TOO_BIG: largest IP packet that would have passed, 0 if none
    logic [63:0] seq;          // taken from the SA's counter: number to be sent and IV; in-place, numbered: IV only
    logic [13:0] padded;       // plaintext bytes with TFC padding, ESP's own padding not included
    sa_out_ctx_t ctx;
  } sa_out_rsp_t;

  // Inbound lookup and replay pre-check: by destination and SPI.
  typedef struct packed {
    logic         ipv6;
    logic [127:0] dst;         // IPv4 in [31:0], rest zero
    logic [31:0]  spi;
    logic [31:0]  seq;         // as a number (converted from network order)
    logic         udp;         // came in UDP
  } sa_in_req_t;
  typedef struct packed {
    logic [7:0]  status;       // ST_OK, ST_NO_SA, ST_ENCAP, ST_REPLAY; ctx counts unless ST_NO_SA
    logic [31:0] handle;
    logic [63:0] seq;          // upper half inferred with ESN, else 0
    sa_in_ctx_t  ctx;
  } sa_in_rsp_t;

  // After the ICV: second replay check and window update, or the failure count.
  typedef struct packed {
    logic [31:0] handle;
    logic [63:0] seq;
    logic [15:0] bytes;        // plaintext bytes, for the SA's byte counter
    logic [7:0]  status;       // ST_OK: authentic; ST_ICV, ST_REPLAY, ST_ENCAP, ST_ESP_LENGTH: count only; else:
                               // authentic, but not delivered
  } sa_commit_req_t;
  // Answer: 8 bits, the final status: the request's, or ST_REPLAY, ST_SA_STALE, ST_LIFETIME.

  // Outbound policy: what is looked up of a packet.
  typedef struct packed {
    logic         ipv6;
    logic [127:0] src;         // byte strings, IPv4 in [31:0], rest zero
    logic [127:0] dst;
    logic [7:0]   proto;
    logic         ports;       // sport and dport are known
    logic [15:0]  sport;       // byte strings; ICMP: type in [7:0]
    logic [15:0]  dport;       // ICMP: code in [7:0]
  } policy_req_t;
  typedef struct packed {
    logic        hit;
    logic [1:0]  action;       // PROTECT, BYPASS, DISCARD
    logic [31:0] sa;           // PROTECT: handle
  } policy_rsp_t;

  // One packet's fate, for completions and counters.
  typedef struct packed {
    logic        host;
    logic        silent;       // completes, but is not counted (OP_CONTEXT)
    logic        more;         // is counted, but completes nothing
    logic [3:0]  qid;
    logic [15:0] index;
    logic [7:0]  status;
    logic [15:0] len;          // bytes of the resulting frame, 0 when dropped; ST_TOO_BIG: see struct vesper_tx_cpl
    logic [63:0] seq;
  } verdict_t;

  // Something that the host is told through the event ring: struct vesper_event without time and count.
  typedef struct packed {
    logic [7:0]   code;        // ST_* of a dropped packet, or EV_*
    logic         inbound;
    logic         ipv6;
    logic [127:0] src;         // byte strings; zero where there is no packet
    logic [127:0] dst;
    logic [31:0]  spi;         // byte string
    logic [31:0]  sa;
    logic [63:0]  seq;
    logic [19:0]  flow_label;
  } event_t;

endpackage

`default_nettype wire
