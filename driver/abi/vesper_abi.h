/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What host, firmware and RTL agree on beyond the registers: descriptors,
 * completions, status codes, mailbox messages and the SA record.
 *
 * Every multi-byte integer is little-endian and naturally aligned; addresses,
 * SPIs and keys are byte strings in the order in which they stand on the wire.
 * Reserved fields must be zero when written and are ignored when read.
 * The SystemVerilog constants are printed from this file by gen_sv.c.
 */
#ifndef VESPER_ABI_H
#define VESPER_ABI_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/types.h>
#define VESPER_STATIC_ASSERT(cond, text) static_assert(cond, text)
typedef u8 vesper_u8;
typedef __le16 vesper_le16;
typedef __le32 vesper_le32;
typedef __le64 vesper_le64;
#else
#include <stddef.h>
#include <stdint.h>
#define VESPER_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
typedef uint8_t vesper_u8;
typedef uint16_t vesper_le16;
typedef uint32_t vesper_le32;
typedef uint64_t vesper_le64;
#endif

#define VESPER_PCI_VENDOR 0x1234 /* nobody's, as QEMU and Corundum use it; a board brings its own */
#define VESPER_PCI_DEVICE 0x7e59

/* A driver refuses a card whose major differs; minors only add. */
#define VESPER_ABI_MAJOR 2
#define VESPER_ABI_MINOR 2

/* Feature bits, register FEATURES. */
#define VESPER_FEAT_ESP_OUT    (1u << 0) /* inline ESP to the wire */
#define VESPER_FEAT_ESP_IN     (1u << 1) /* inline ESP from the wire */
#define VESPER_FEAT_LOOKASIDE  (1u << 2) /* results back to the host */
#define VESPER_FEAT_TUNNEL     (1u << 3)
#define VESPER_FEAT_TRANSPORT  (1u << 4)
#define VESPER_FEAT_IPV4       (1u << 5)
#define VESPER_FEAT_AES_GCM    (1u << 6)
#define VESPER_FEAT_IPV6       (1u << 7)
#define VESPER_FEAT_AES_GMAC   (1u << 8)
#define VESPER_FEAT_ESN	       (1u << 9)
#define VESPER_FEAT_UDP	       (1u << 10) /* ESP in UDP (RFC 3948) */
#define VESPER_FEAT_INPLACE    (1u << 11) /* ESP that the host builds */
#define VESPER_FEAT_POLICY     (1u << 12) /* outbound policies */
#define VESPER_FEAT_LIFETIME   (1u << 13) /* limits in packets and bytes */
#define VESPER_FEAT_EVENTS     (1u << 14)
#define VESPER_FEAT_SG	       (1u << 15) /* frames in pieces: VESPER_TXF_MORE */
#define VESPER_FEAT_TX_CSUM    (1u << 16) /* checksums put in: VESPER_TXF_CSUM */
#define VESPER_FEAT_TSO	       (1u << 17) /* TCP segmentation: VESPER_TXF_TSO */
#define VESPER_FEAT_RX_CSUM    (1u << 18) /* VESPER_CPL_CSUM */
#define VESPER_FEAT_RSS	       (1u << 19) /* receive hash, and the queue by it: RSS_CTRL */
#define VESPER_FEAT_FILTER     (1u << 20) /* destination addresses: RX_FILTER */
#define VESPER_FEAT_MODERATION (1u << 21) /* interrupts wait: queue[].MODERATION */
#define VESPER_FEAT_NUMBERED   (1u << 22) /* ESP under the host's numbers: VESPER_OP_NUMBERED */

/* Frame lengths in bytes, Ethernet header included, FCS not. */
#define VESPER_FRAME_MIN 14
#define VESPER_FRAME_MAX 9618

/* Rings: power-of-two numbers of descriptors; indices are free-running 16 bit. */
#define VESPER_RING_LOG2_MIN 3
#define VESPER_RING_LOG2_MAX 15

/* ---- status: TX and RX completions, and the index of the drop counter ---- */
enum vesper_status {
	VESPER_ST_OK = 0,
	/* descriptors */
	VESPER_ST_BAD_LENGTH = 1, /* zero, below 14, or beyond VESPER_FRAME_MAX */
	VESPER_ST_BAD_FLAGS = 2,  /* unknown flag or reserved bit set */
	VESPER_ST_BAD_OP = 3,	  /* unknown operation, or one that this card lacks */
	VESPER_ST_DMA_READ = 4,	  /* host memory could not be read */
	VESPER_ST_DMA_WRITE = 5,  /* host memory could not be written */
	VESPER_ST_NO_BUFFER = 6,  /* no RX descriptor, or its buffer is too small */
	VESPER_ST_NOT_READY = 7,  /* the data path is closed (no passed self-test) */
	/* SA */
	VESPER_ST_SA_STALE = 8,	      /* handle names no SA that is installed now */
	VESPER_ST_SA_DIRECTION = 9,   /* inbound SA for encryption, or the reverse */
	VESPER_ST_SEQ_EXHAUSTED = 10, /* the sequence number would cycle (RFC 4303 3.3.3) */
	VESPER_ST_TOO_BIG = 11,	      /* would exceed the MTU after encapsulation */
	VESPER_ST_NO_SA = 12,	      /* (destination, SPI) unknown (RFC 4303 3.4.2) */
	VESPER_ST_SA_KIND = 13,	      /* the operation or the packet's family does not fit the SA */
	VESPER_ST_LEASE = 14,	      /* the leased sequence numbers are used up */
	VESPER_ST_LIFETIME = 15,      /* a hard limit of the SA is reached (RFC 4301 4.4.2.1) */
	/* frames */
	VESPER_ST_NOT_IP = 16,	  /* ESP asked for a frame that is neither IPv4 nor IPv6 */
	VESPER_ST_IP_HEADER = 17, /* version, header length or total length impossible */
	VESPER_ST_IP_CHECKSUM = 18,
	VESPER_ST_TRUNCATED = 19,   /* IP length goes beyond the frame */
	VESPER_ST_FRAGMENT = 20,    /* a fragment was given to ESP (RFC 4303 3.4.1) */
	VESPER_ST_ESP_LENGTH = 21,  /* no room for header, IV, trailer, ICV; not a multiple of 4 */
	VESPER_ST_REPLAY = 22,	    /* RFC 4303 3.4.3 */
	VESPER_ST_ICV = 23,	    /* RFC 4303 3.4.4 */
	VESPER_ST_PADDING = 24,	    /* not 1, 2, 3, ...; or longer than the payload */
	VESPER_ST_NEXT_HEADER = 25, /* not what the SA's mode allows */
	VESPER_ST_INNER = 26,	    /* inner IP header contradicts the decrypted length */
	VESPER_ST_DUMMY = 27,	    /* next header 59, discarded by rule (RFC 4303 2.6) */
	VESPER_ST_NOT_ESP = 28, /* decryption, or in-place encryption, of a frame that is not ESP */
	VESPER_ST_SELECTOR = 29, /* inner packet outside the SA's selector (RFC 4301 5.2) */
	VESPER_ST_ECN = 30,	 /* inner Not-ECT, outer CE (RFC 6040 4.2) */
	VESPER_ST_ENCAP = 31,	 /* in UDP though the SA is not, or the reverse */
	/* wire */
	VESPER_ST_RUNT = 32,	      /* shorter than an Ethernet header */
	VESPER_ST_OVERSIZE = 33,      /* longer than VESPER_FRAME_MAX */
	VESPER_ST_WIRE_ERROR = 34,    /* the MAC marked the frame as bad */
	VESPER_ST_WIRE_OVERFLOW = 35, /* the receive FIFO was full */
	/* more of frames and policies */
	VESPER_ST_KEEPALIVE = 36, /* NAT keepalive, discarded by rule (RFC 3948 4) */
	VESPER_ST_EXT_HEADER =
		37, /* IPv6 extension headers malformed, or beyond what the card reads */
	VESPER_ST_UDP_LENGTH = 38, /* UDP length below 8 or beyond the IP payload */
	VESPER_ST_DISCARD = 39,	   /* the policy says so */
	VESPER_ST_NO_POLICY = 40,  /* no policy matches, and the card does not bypass then */
	VESPER_ST_SPI = 41,	   /* in-place: the frame's SPI is not the SA's */
	VESPER_ST_FILTERED = 42,   /* its destination is none of the card's */
	VESPER_ST_COUNT = 64
};

/* ---- TX descriptor, 16 bytes ---- */
enum vesper_tx_op {
	VESPER_OP_PLAIN = 0,	/* send the frame as it is */
	VESPER_OP_ENCRYPT = 1,	/* ESP with the outbound SA `sa` */
	VESPER_OP_DECRYPT = 2,	/* ESP inbound processing; needs VESPER_TXF_LOOKASIDE */
	VESPER_OP_POLICY = 3,	/* what the outbound policies say: ESP, as it is, or discard */
	VESPER_OP_INPLACE = 4,	/* the frame is ESP already: encrypt it, put IV and ICV in */
	VESPER_OP_DUMMY = 5,	/* as ENCRYPT, but with next header 59: the receiver discards it */
	VESPER_OP_CONTEXT = 6,	/* struct vesper_tx_ctx: more about the next frame of this ring */
	VESPER_OP_NUMBERED = 7, /* as ENCRYPT, with an SA of INPLACE and a number of the host's */
	VESPER_OP_CONTEXT_NUMBERED = 8, /* struct vesper_tx_numbered: the same before NUMBERED */
};

#define VESPER_TXF_LOOKASIDE (1u << 0) /* the result comes back on this pair's RX ring */
#define VESPER_TXF_MORE	     (1u << 1) /* the frame goes on in the next one that is no CONTEXT */
#define VESPER_TXF_CSUM	     (1u << 2) /* put the Internet checksum in: vesper_tx_ctx */
#define VESPER_TXF_TSO	     (1u << 3) /* cut TCP segments: vesper_tx_ctx */
#define VESPER_TXF_MASK	     (VESPER_TXF_LOOKASIDE | VESPER_TXF_MORE | VESPER_TXF_CSUM | VESPER_TXF_TSO)

/* Descriptors of a frame in pieces, from the first piece to the last. */
#define VESPER_PIECES_MAX 64

/* The checksum is over the frame from csum_start on; it stands in the frame's first bytes. */
#define VESPER_CSUM_START_MAX 192
#define VESPER_CSUM_END_MAX   256

/* TCP segmentation: the frame that is cut, and its headers, Ethernet's included. */
#define VESPER_TSO_MAX	   65600
#define VESPER_TSO_HDR_MAX 192

struct vesper_tx_desc {
	vesper_le64 addr; /* DMA address of the frame, any alignment */
	vesper_le16 len;  /* bytes; addr + len must not exceed 2^64 */
	vesper_u8 op;	  /* enum vesper_tx_op */
	vesper_u8 flags;  /* VESPER_TXF_* */
	vesper_le32 sa;	  /* SA handle of ENCRYPT, INPLACE, DUMMY, NUMBERED; else 0 */
};

/*
 * A frame may come in pieces: each has a descriptor of its own, 1 to
 * VESPER_FRAME_MAX bytes at any alignment; all but the last have VESPER_TXF_MORE,
 * and else the same op, sa and flags. All pieces but the last complete with
 * status OK and length 0 and are not counted; the last has the frame's fate. The
 * card begins a frame when it sees its last piece. Not with DECRYPT.
 */

/*
 * A descriptor that carries no frame. It completes as every other does, with
 * status OK and length 0, is not counted, and holds for the next frame that
 * begins on its ring, whatever that is. A later one replaces it.
 *
 * VESPER_TXF_CSUM sums the frame as numbers of 16 bits from csum_start to its end
 * and writes the complement (0xffff instead of 0) to csum_offset bytes behind
 * csum_start, where the pseudo header's sum, not inverted, must stand. Before
 * encryption. Not with DECRYPT.
 *
 * VESPER_TXF_TSO cuts the frame behind hdr_len into segments of mss bytes of TCP
 * payload, the last of fewer, and sends each behind a copy of the headers as a
 * frame of its own, with IPv4 total length, identification (the first has that of
 * the copy, each further one the next) and header checksum or IPv6 payload length,
 * TCP sequence number and checksum; FIN and PSH only in the last, CWR only in the
 * first. The TCP checksum field must hold the pseudo header's sum without the
 * length, not inverted. Any number of IPv6 extension headers, no IP in IP. Not
 * with DECRYPT, INPLACE or LOOKASIDE. Each segment is counted as a frame (and
 * encrypted under a number of its own); the completion has the last one's fate.
 * When a piece cannot be used, segments before it may have been sent.
 */
struct vesper_tx_ctx {
	vesper_le32 seq_hi; /* INPLACE with ESN: upper half of the sequence number; else 0 */
	vesper_le16 mss;    /* TSO: from 1, a segment's frame is at most VESPER_FRAME_MAX; else 0 */
	vesper_le16 hdr_len;	 /* TSO: bytes to the end of the TCP header; else 0 */
	vesper_le16 csum_start;	 /* CSUM: 14..VESPER_CSUM_START_MAX; TSO: of TCP; else 0 */
	vesper_u8 op;		 /* VESPER_OP_CONTEXT */
	vesper_u8 flags;	 /* 0 */
	vesper_le16 csum_offset; /* CSUM: even, ends by VESPER_CSUM_END_MAX; TSO: 16; else 0 */
	vesper_le16 l3_offset;	 /* TSO: of the IP header; else 0 */
};

/*
 * What a NUMBERED frame needs before it, and no other may have, in the place of a
 * vesper_tx_ctx. The card builds ESP as with ENCRYPT, after checksums and TSO, by
 * what the SA says, which is one of INPLACE: the sequence number comes from here,
 * only the IV from the card. Segments of TSO have this number and the following
 * ones, in 64 bits; without ESN the upper half is left out. Libvesper has it not.
 */
struct vesper_tx_numbered {
	vesper_le64 seq; /* not 0 */
	vesper_le16 mss; /* this and the following as in vesper_tx_ctx */
	vesper_u8 op;	 /* VESPER_OP_CONTEXT_NUMBERED */
	vesper_u8 flags; /* 0 */
	vesper_u8 hdr_len;
	vesper_u8 csum_start;
	vesper_u8 csum_offset;
	vesper_u8 l3_offset;
};

/* ---- RX descriptor, 16 bytes: one buffer for one frame ---- */
struct vesper_rx_desc {
	vesper_le64 addr; /* DMA address, multiple of 64 */
	vesper_le16 len;  /* buffer size in bytes, 64..16384, multiple of 64 */
	vesper_le16 reserved0;
	vesper_le32 reserved1;
};

#define VESPER_RX_ALIGN 64

/*
 * Completion rings have as many entries as their descriptor ring. The phase
 * bit is 1 on the first pass through the ring, 0 on the second, and so on; the
 * driver zeroes the ring before it enables the queue. TX completions of one
 * queue come in descriptor order for one path, but a lookaside result may
 * complete after an inline frame that was posted later: `index` tells.
 * With TOO_BIG, `len` is the length in bytes of the largest IP packet that would
 * have passed (RFC 4301 8.2): what a host reports as path MTU. 0 if none would.
 * An RX completion of length 0 returns a buffer without a frame, and its status
 * says why: BAD_LENGTH or BAD_FLAGS (malformed descriptor), DMA_WRITE.
 */
#define VESPER_CPL_PHASE     (1u << 0)
#define VESPER_CPL_ESP	     (1u << 1) /* RX: the card decrypted and authenticated */
#define VESPER_CPL_LOOKASIDE (1u << 2) /* RX: result of a TX descriptor, see `tag` */
#define VESPER_CPL_INPLACE   (1u << 3) /* RX: decrypted, not stripped; `status` is the verdict */
/*
 * RX: of the frame in the buffer, the IPv4 header's checksum is right, and that of TCP, or of UDP
 * where there is one. Not set says nothing.
 */
#define VESPER_CPL_CSUM	  (1u << 4)
#define VESPER_CPL_HASH	  (1u << 5) /* RX: `seq` is the receive hash; never with CPL_ESP */
#define VESPER_CPL_L4HASH (1u << 6) /* RX, CPL_HASH: it is over ports, too */

struct vesper_tx_cpl {
	vesper_le16 index; /* free-running index of the TX descriptor */
	vesper_le16 len;   /* bytes of the resulting frame, 0 when dropped; TOO_BIG: see below */
	vesper_u8 status;  /* enum vesper_status */
	vesper_u8 flags;   /* VESPER_CPL_PHASE */
	vesper_le16 reserved;
	vesper_le64 seq; /* ESP sequence number used, else 0 */
};

struct vesper_rx_cpl {
	vesper_le16 index; /* free-running index of the RX descriptor */
	vesper_le16 len;   /* bytes written to the buffer */
	vesper_u8 status;  /* VESPER_ST_OK, or why an ESP frame is delivered untouched */
	vesper_u8 flags;   /* VESPER_CPL_* */
	vesper_le16 tag;   /* lookaside: free-running index of the TX descriptor */
	vesper_le32 sa;	   /* handle of the SA that was applied, else 0 */
	vesper_le32 seq;   /* CPL_ESP: lower half of the ESP sequence number; CPL_HASH; else 0 */
};

/* ---- SA handle: [15:0] index, [16] 1 = inbound, [31:17] generation, never 0 ---- */
#define VESPER_SA_INDEX_MASK 0x0000ffffu
#define VESPER_SA_INBOUND    (1u << 16)
#define VESPER_SA_GEN_SHIFT  17

/* ---- SA, as the host describes it ---- */
enum vesper_sa_dir { VESPER_DIR_OUT = 1, VESPER_DIR_IN = 2 };
enum vesper_sa_mode { VESPER_MODE_TUNNEL = 1, VESPER_MODE_TRANSPORT = 2 };
enum vesper_sa_alg {
	VESPER_ALG_AES_GCM = 1,	 /* RFC 4106 */
	VESPER_ALG_AES_GMAC = 2, /* RFC 4543: authenticated, not encrypted */
};
enum vesper_family { VESPER_IPV4 = 4, VESPER_IPV6 = 6 };

#define VESPER_REPLAY_MAX 4096
#define VESPER_TFC_MAX	  9600 /* bytes of plaintext */

/* What an inbound SA's packets must be after decapsulation (RFC 4301 4.4.1.1). */
struct vesper_selector {
	vesper_u8 src[16]; /* network order, IPv4 in the first four; zero beyond the prefix */
	vesper_u8 dst[16];
	vesper_u8 src_len; /* prefix length in bits */
	vesper_u8 dst_len;
	vesper_u8 family;      /* enum vesper_family; 0: either, and then both prefixes are 0 */
	vesper_u8 proto;       /* upper-layer protocol, 0: any */
	vesper_le16 sport_min; /* ICMP: type in the source port, code in the destination port */
	vesper_le16 sport_max;
	vesper_le16 dport_min;
	vesper_le16 dport_max;
	vesper_le32 reserved;
};

struct vesper_sa {
	vesper_u8 dir;		   /* enum vesper_sa_dir */
	vesper_u8 mode;		   /* enum vesper_sa_mode */
	vesper_u8 family;	   /* of src and dst, the outer header: enum vesper_family */
	vesper_u8 alg;		   /* enum vesper_sa_alg */
	vesper_u8 key_len;	   /* bytes: 16, 24, 32 */
	vesper_u8 icv_len;	   /* bytes: 8, 12, 16; AES-GMAC: 16 */
	vesper_u8 ttl;		   /* outer header, outbound tunnel; 1..255 */
	vesper_u8 tos;		   /* likewise: DSCP in the upper six bits, ECN zero */
	vesper_le32 flags;	   /* VESPER_SAF_* */
	vesper_le32 replay_window; /* packets, inbound, 0..VESPER_REPLAY_MAX; 0 or 1: none */
	vesper_u8 spi[4];	   /* network order, above 255 */
	vesper_u8 salt[4];
	vesper_u8 src[16]; /* network order, IPv4 in the first four, rest zero */
	vesper_u8 dst[16];
	vesper_u8 key[32]; /* unused bytes zero */
	vesper_le64 seq;   /* outbound: last number used; inbound: highest received */
	vesper_le16 queue; /* inbound: queue pair that receives the packets */
	vesper_le16 tfc;   /* outbound tunnel: pad a shorter plaintext packet to this many bytes */
	vesper_le16 mtu;   /* outbound: largest outer IP packet in bytes, 0: the port's MTU only */
	vesper_le16 reserved0;
	vesper_u8 sport[2]; /* VESPER_SAF_UDP: outer UDP ports, network order */
	vesper_u8 dport[2];
	vesper_le32 flow_label; /* outbound IPv6 tunnel, 20 bits */
	/* Limits, 0: none. A hard limit is never exceeded, not even by the packet that reaches it. */
	vesper_le64 soft_packets;
	vesper_le64 soft_bytes; /* of plaintext: inner packets (tunnel) or payloads (transport) */
	vesper_le64 hard_packets;
	vesper_le64 hard_bytes;
	vesper_le64 lease_end;	/* outbound: last sequence number the card may use, 0: no lease */
	vesper_le32 lease_warn; /* an event when only so many are left, 0: none */
	vesper_le32 reserved1;
	struct vesper_selector sel; /* VESPER_SAF_SELECTOR, else zero */
	vesper_u8 reserved2[48];
};

#define VESPER_SAF_DF	   (1u << 0) /* outbound tunnel over IPv4: set DF */
#define VESPER_SAF_DF_COPY (1u << 1) /* the same: copy DF from inner IPv4, set it for inner IPv6 */
#define VESPER_SAF_DSCP_COPY \
	(1u << 2) /* outbound tunnel: copy the inner DSCP; inbound: the outer one */
#define VESPER_SAF_DSCP_MAP  (1u << 3)	/* outbound tunnel: the inner DSCP through the card's map */
#define VESPER_SAF_ECN_OFF   (1u << 4)	/* tunnel: outer Not-ECT, inner ECN left as it is */
#define VESPER_SAF_FLOW_COPY (1u << 5)	/* outbound tunnel, IPv6 in IPv6: copy the flow label */
#define VESPER_SAF_ESN	     (1u << 6)	/* 64-bit sequence numbers (RFC 4303 2.2.1) */
#define VESPER_SAF_UDP	     (1u << 7)	/* in UDP (RFC 3948) */
#define VESPER_SAF_IIV	     (1u << 8)	/* implicit IV (RFC 8750); AES-GCM only */
#define VESPER_SAF_INPLACE   (1u << 9)	/* the host builds and strips ESP */
#define VESPER_SAF_SELECTOR  (1u << 10) /* inbound: check `sel` */
#define VESPER_SAF_MASK	     0x7ffu

/* Why packets of one SA were dropped: index of vesper_sa_info.drops. */
enum vesper_sa_drop {
	VESPER_SAD_REPLAY = 0,
	VESPER_SAD_ICV = 1,
	VESPER_SAD_PADDING = 2,
	VESPER_SAD_NEXT_HEADER = 3,
	VESPER_SAD_INNER = 4,
	VESPER_SAD_DUMMY = 5,
	VESPER_SAD_SELECTOR = 6,
	VESPER_SAD_ECN = 7,
	VESPER_SAD_LIFETIME = 8,
	VESPER_SAD_ENCAP = 9,
	VESPER_SAD_ESP_LENGTH = 10,
	VESPER_SAD_TOO_BIG = 11,
	VESPER_SAD_FRAGMENT = 12,
	VESPER_SAD_SEQ_EXHAUSTED = 13,
	VESPER_SAD_LEASE = 14,
	VESPER_SAD_KIND = 15, /* SA_KIND, SPI, and NOT_ESP of in-place encryption */
	VESPER_SAD_COUNT = 16
};

/* ---- outbound policy ---- */
enum vesper_action { VESPER_PROTECT = 1, VESPER_BYPASS = 2, VESPER_DISCARD = 3 };

/*
 * Matches when (packet field & mask) == value for each field. Policies of equal
 * family, prefix lengths, port masks and presence of a protocol share a mask;
 * the card has room for a limited number of different masks.
 */
struct vesper_policy {
	vesper_u8 src[16]; /* network order, IPv4 in the first four; zero beyond the prefix */
	vesper_u8 dst[16];
	vesper_u8 src_len; /* prefix length in bits */
	vesper_u8 dst_len;
	vesper_u8 family; /* enum vesper_family */
	vesper_u8 proto;  /* upper-layer protocol, 0: any */
	vesper_u8 sport
		[2]; /* network order; ICMP: type in the first byte, code in dport's; zero where masked */
	vesper_u8 dport[2];
	vesper_u8 sport_mask[2]; /* zero: any */
	vesper_u8 dport_mask[2];
	vesper_u8 action; /* enum vesper_action */
	vesper_u8 reserved0[3];
	vesper_le32 priority; /* the lowest value wins; of equal ones the older policy */
	vesper_le32 sa;	      /* PROTECT: handle of an outbound SA, else 0 */
	vesper_le64 reserved1;
};

/* ---- event ring: one record of 64 bytes an event, written by the card ---- */
enum vesper_event_code { /* below VESPER_ST_COUNT: a packet was dropped with this status */
			 VESPER_EV_SOFT_PACKETS = 64, /* the SA reached its soft limit, once */
			 VESPER_EV_SOFT_BYTES = 65,
			 VESPER_EV_EXPIRED =
				 66, /* a hard limit is used up, or a packet would exceed it; once */
			 VESPER_EV_LEASE_LOW = 67, /* lease_warn numbers are left; once a lease */
};

#define VESPER_EVF_PHASE   (1u << 0) /* as in completions */
#define VESPER_EVF_INBOUND (1u << 1)
#define VESPER_EVF_IPV6	   (1u << 2) /* family of src and dst */

/* What RFC 4303 wants audited (3.3.3, 3.4.1 to 3.4.4), and what an SA has to say. */
struct vesper_event {
	vesper_u8
		src[16]; /* network order, IPv4 in the first four; zero where there is no packet */
	vesper_u8 dst[16];
	vesper_le64 time; /* card clock since reset, as vesper_stats.cycles */
	vesper_le64 seq;  /* ESP sequence number, 0 where none is known */
	vesper_u8 spi[4];
	vesper_le32 sa;		/* handle, 0 where none is known */
	vesper_le32 flow_label; /* IPv6, else 0 */
	vesper_le16 suppressed; /* events of this code left out before this one; 65535: or more */
	vesper_u8 code;		/* enum vesper_status or vesper_event_code */
	vesper_u8 flags;	/* VESPER_EVF_* */
};

/* ---- mailbox: host writes a request, rings MBX_DOORBELL, waits for the response ---- */
#define VESPER_MBX_SIZE 2048 /* bytes, each direction */

enum vesper_mbx_cmd {
	VESPER_MBX_IDENTIFY = 1,
	VESPER_MBX_SA_ADD = 2,
	VESPER_MBX_SA_DEL = 3,
	VESPER_MBX_SA_QUERY = 4,
	VESPER_MBX_STATS = 5,
	VESPER_MBX_SELFTEST = 6,
	VESPER_MBX_RESET = 7, /* deletes every SA and policy, erases keys, clears the counters */
	VESPER_MBX_SA_LEASE = 8,
	VESPER_MBX_POLICY_ADD = 9,
	VESPER_MBX_POLICY_DEL = 10,
	VESPER_MBX_POLICY_QUERY = 11,
	VESPER_MBX_DSCP_MAP = 12,
};

/* One code a rule, so that each refusal has its own sentence (driver/common). */
enum vesper_mbx_status {
	VESPER_MBX_OK = 0,
	VESPER_MBX_E_COMMAND = 1,  /* unknown command */
	VESPER_MBX_E_LENGTH = 2,   /* message length does not fit the command */
	VESPER_MBX_E_RESERVED = 3, /* reserved field or bit set */
	VESPER_MBX_E_DIR = 4,
	VESPER_MBX_E_MODE = 5,
	VESPER_MBX_E_FAMILY = 6,
	VESPER_MBX_E_ALG = 7,
	VESPER_MBX_E_KEY_LEN = 8,
	VESPER_MBX_E_ICV_LEN = 9,
	VESPER_MBX_E_SPI = 10,	   /* 0..255 */
	VESPER_MBX_E_ADDRESS = 11, /* zero address, or bytes beyond the family's length */
	VESPER_MBX_E_WINDOW =
		12, /* beyond VESPER_REPLAY_MAX or the card's, on an outbound or in-place SA */
	VESPER_MBX_E_FLAGS = 13,       /* unknown SA flag, or one that does not fit the SA */
	VESPER_MBX_E_TTL = 14,	       /* 0 on an outbound tunnel, but in place */
	VESPER_MBX_E_SEQ = 15,	       /* beyond 32 bits without ESN */
	VESPER_MBX_E_QUEUE = 16,       /* no such queue pair */
	VESPER_MBX_E_DUPLICATE = 17,   /* SA with this direction, destination and SPI exists */
	VESPER_MBX_E_FULL = 18,	       /* no free SA entry */
	VESPER_MBX_E_HANDLE = 19,      /* handle names no installed SA */
	VESPER_MBX_E_SELFTEST = 20,    /* known-answer test failed: the data path is closed */
	VESPER_MBX_E_KEY_PADDING = 21, /* key bytes beyond key_len are not zero */
	VESPER_MBX_E_HARDWARE = 22,    /* a block of the card did not answer */
	VESPER_MBX_E_TOS = 23,	       /* ECN bits set, or both DSCP_COPY and DSCP_MAP */
	VESPER_MBX_E_TFC = 24,	       /* beyond VESPER_TFC_MAX, or not an outbound tunnel */
	VESPER_MBX_E_MTU = 25,	       /* below 68 (IPv4) or 1280 (IPv6), or inbound */
	VESPER_MBX_E_PORT = 26,	       /* UDP port 0, or a port without VESPER_SAF_UDP */
	VESPER_MBX_E_PORTS_FULL =
		27, /* inbound SAs use as many different UDP ports as the card knows */
	VESPER_MBX_E_FLOW_LABEL = 28, /* beyond 20 bits, or not an outbound IPv6 tunnel */
	VESPER_MBX_E_LIFETIME = 29,   /* a soft limit above the hard one */
	VESPER_MBX_E_LEASE = 30,      /* on an inbound SA, below seq, beyond 32 bits without ESN */
	VESPER_MBX_E_SELECTOR =
		31, /* given without VESPER_SAF_SELECTOR; prefix, port range or family wrong */
	VESPER_MBX_E_PREFIX = 32, /* policy: prefix longer than the address, or bits beyond it */
	VESPER_MBX_E_PORT_MASK =
		33, /* policy: port bits outside the mask, or ports without a protocol */
	VESPER_MBX_E_ACTION = 34, /* policy: unknown action */
	VESPER_MBX_E_POLICY_SA =
		35, /* PROTECT without an installed outbound SA, or an SA without PROTECT */
	/* Looked at in this order. */
	VESPER_MBX_E_POLICY_DUPLICATE =
		36, /* the selector stands at this priority, or at two others */
	VESPER_MBX_E_POLICY_FULL = 37,
	VESPER_MBX_E_POLICY_MASKS = 38, /* one mask more than the card can search */
	VESPER_MBX_E_POLICY_HANDLE = 39,
	VESPER_MBX_E_DSCP = 40, /* a mapped value beyond 63 */
	VESPER_MBX_STATUS_COUNT
};

struct vesper_mbx_hdr {
	vesper_le16 cmd;    /* enum vesper_mbx_cmd, echoed in the response */
	vesper_le16 len;    /* bytes of the message, this header included */
	vesper_le32 tag;    /* any, echoed */
	vesper_le32 status; /* request: 0; response: enum vesper_mbx_status */
	vesper_le16 field;  /* response: offset in the request of the field at fault */
	vesper_le16 reserved;
	vesper_le64 value; /* response: the value that was found there */
};

struct vesper_mbx_identify_rsp {
	struct vesper_mbx_hdr hdr;
	vesper_le16 abi_major;
	vesper_le16 abi_minor;
	vesper_le32 features;
	vesper_le32 fw_version; /* major << 24 | minor << 16 | patch */
	vesper_le32 sa_entries; /* a direction */
	vesper_le16 queues;
	vesper_u8 gcm_blocks; /* 128-bit blocks a cycle of each engine */
	vesper_u8 selftest;   /* 1: passed */
	vesper_le32 policy_entries;
	vesper_le16 policy_masks;
	vesper_le16 replay_max; /* largest replay window, packets */
	vesper_le32 reserved;
};

struct vesper_mbx_sa_add {
	struct vesper_mbx_hdr hdr;
	struct vesper_sa sa;
};

/* Responses of SA_ADD and POLICY_ADD; requests of SA_DEL, SA_QUERY, POLICY_DEL, POLICY_QUERY. */
struct vesper_mbx_handle {
	struct vesper_mbx_hdr hdr;
	vesper_le32 handle;
	vesper_le32 flags; /* *_QUERY: VESPER_QUERY_NEXT; else 0 */
};

/*
 * SA_QUERY answers about the SA `handle`, or with VESPER_QUERY_NEXT about the
 * first installed SA whose direction and index are at or above the handle's
 * (generation ignored; outbound before inbound; E_HANDLE at the end). POLICY_QUERY
 * does the same by index (E_POLICY_HANDLE at the end).
 */
#define VESPER_QUERY_NEXT (1u << 0)

/* One consistent snapshot of an SA. */
struct vesper_sa_info {
	vesper_le32 handle;
	vesper_le32 reserved;
	vesper_le64 seq;       /* outbound: last used; inbound: highest accepted */
	vesper_le64 packets;   /* passed */
	vesper_le64 bytes;     /* of the plaintext IP packets (tunnel) or payloads (transport) */
	vesper_le64 lease_end; /* outbound: as last granted */
	vesper_le64 drops[VESPER_SAD_COUNT];
	struct vesper_sa sa; /* as it was added, but for key and salt, which are zero */
};

/* SA_LEASE: from now on the SA may use the numbers up to `lease_end` (0: all). */
struct vesper_mbx_sa_lease {
	struct vesper_mbx_hdr hdr;
	vesper_le32 handle;
	vesper_le32 reserved;
	vesper_le64 lease_end;
};

/* Policy handle: [15:0] index, [31:16] generation, never 0. */
struct vesper_mbx_policy_add {
	struct vesper_mbx_hdr hdr;
	struct vesper_policy policy;
};

struct vesper_mbx_policy_query_rsp {
	struct vesper_mbx_hdr hdr;
	vesper_le32 handle;
	vesper_le32 reserved;
	struct vesper_policy policy;
};

/* DSCP_MAP: outer DSCP for each inner one, for SAs with VESPER_SAF_DSCP_MAP. Identity after reset. */
struct vesper_mbx_dscp_map {
	struct vesper_mbx_hdr hdr;
	vesper_u8 map[64];
};

struct vesper_mbx_sa_query_rsp {
	struct vesper_mbx_hdr hdr;
	struct vesper_sa_info info;
};

/* Counters since reset, one consistent snapshot. Index: enum vesper_status; entry 0 counts what passed. */
struct vesper_stats {
	vesper_le64
		tx[VESPER_ST_COUNT]; /* one for each frame of the TX rings, lookaside ones too */
	vesper_le64 rx[VESPER_ST_COUNT]; /* one for each frame from the wire */
	vesper_le64 tx_bytes;		 /* of passed frames, as they left the pipe */
	vesper_le64 rx_bytes;
	vesper_le64 tx_bad_doorbell; /* doorbells beyond the ring, ignored */
	vesper_le64 rx_bad_doorbell;
	vesper_le64 cycles;	       /* card clock since reset */
	vesper_le64 events;	       /* records written to the event ring */
	vesper_le64 events_suppressed; /* left out by the rate limit */
	vesper_le64 events_lost;       /* the event ring was full, or there was none */
};

struct vesper_mbx_stats_rsp {
	struct vesper_mbx_hdr hdr;
	struct vesper_stats stats;
};

/* Messages that are a header only: requests of IDENTIFY, STATS, SELFTEST and RESET; responses without a body. */

/*
 * ---- SA record: what the management stages into the SA table ----
 * Written word by word, never read back. Offsets become SA_REC_* in SystemVerilog.
 */
struct vesper_sa_record {
	struct vesper_sa sa;
	vesper_u8 h[16]; /* E(K, 0^128) */
};

/* What the SA table answers to a READ command, by words: vesper_sa_info from `seq` on. */
struct vesper_sa_state {
	vesper_le64 seq;
	vesper_le64 packets;
	vesper_le64 bytes;
	vesper_le64 lease_end;
	vesper_le64 drops[VESPER_SAD_COUNT];
	struct vesper_sa sa; /* key and salt zero */
};

#define VESPER_ABI_SIZE(type, size) \
	VESPER_STATIC_ASSERT(sizeof(struct type) == (size), #type " size")
#define VESPER_ABI_OFFSET(type, member, offset) \
	VESPER_STATIC_ASSERT(offsetof(struct type, member) == (offset), #type "." #member " offset")

VESPER_ABI_SIZE(vesper_tx_desc, 16);
VESPER_ABI_OFFSET(vesper_tx_desc, len, 8);
VESPER_ABI_OFFSET(vesper_tx_desc, op, 10);
VESPER_ABI_OFFSET(vesper_tx_desc, sa, 12);
VESPER_ABI_SIZE(vesper_tx_ctx, 16);
VESPER_ABI_OFFSET(vesper_tx_ctx, mss, 4);
VESPER_ABI_OFFSET(vesper_tx_ctx, csum_start, 8);
VESPER_ABI_OFFSET(vesper_tx_ctx, op, 10);
VESPER_ABI_OFFSET(vesper_tx_ctx, csum_offset, 12);
VESPER_ABI_SIZE(vesper_tx_numbered, 16);
VESPER_ABI_OFFSET(vesper_tx_numbered, op, 10);
VESPER_ABI_SIZE(vesper_rx_desc, 16);
VESPER_ABI_OFFSET(vesper_rx_desc, len, 8);
VESPER_ABI_SIZE(vesper_tx_cpl, 16);
VESPER_ABI_OFFSET(vesper_tx_cpl, status, 4);
VESPER_ABI_OFFSET(vesper_tx_cpl, seq, 8);
VESPER_ABI_SIZE(vesper_rx_cpl, 16);
VESPER_ABI_OFFSET(vesper_rx_cpl, status, 4);
VESPER_ABI_OFFSET(vesper_rx_cpl, tag, 6);
VESPER_ABI_OFFSET(vesper_rx_cpl, sa, 8);
VESPER_ABI_SIZE(vesper_selector, 48);
VESPER_ABI_OFFSET(vesper_selector, sport_min, 36);
VESPER_ABI_SIZE(vesper_sa, 256);
VESPER_ABI_OFFSET(vesper_sa, flags, 8);
VESPER_ABI_OFFSET(vesper_sa, spi, 16);
VESPER_ABI_OFFSET(vesper_sa, src, 24);
VESPER_ABI_OFFSET(vesper_sa, key, 56);
VESPER_ABI_OFFSET(vesper_sa, seq, 88);
VESPER_ABI_OFFSET(vesper_sa, queue, 96);
VESPER_ABI_OFFSET(vesper_sa, flow_label, 108);
VESPER_ABI_OFFSET(vesper_sa, soft_packets, 112);
VESPER_ABI_OFFSET(vesper_sa, lease_end, 144);
VESPER_ABI_OFFSET(vesper_sa, sel, 160);
VESPER_ABI_SIZE(vesper_policy, 64);
VESPER_ABI_OFFSET(vesper_policy, sport, 36);
VESPER_ABI_OFFSET(vesper_policy, priority, 48);
VESPER_ABI_SIZE(vesper_event, 64);
VESPER_ABI_OFFSET(vesper_event, spi, 48);
VESPER_ABI_OFFSET(vesper_event, code, 62);
VESPER_ABI_SIZE(vesper_mbx_hdr, 24);
VESPER_ABI_OFFSET(vesper_mbx_hdr, status, 8);
VESPER_ABI_OFFSET(vesper_mbx_hdr, value, 16);
VESPER_ABI_SIZE(vesper_mbx_identify_rsp, 56);
VESPER_ABI_SIZE(vesper_mbx_sa_add, 280);
VESPER_ABI_SIZE(vesper_mbx_handle, 32);
VESPER_ABI_SIZE(vesper_sa_info, 424);
VESPER_ABI_OFFSET(vesper_sa_info, sa, 168);
VESPER_ABI_SIZE(vesper_mbx_sa_query_rsp, 448);
VESPER_ABI_SIZE(vesper_mbx_sa_lease, 40);
VESPER_ABI_SIZE(vesper_mbx_policy_add, 88);
VESPER_ABI_SIZE(vesper_mbx_policy_query_rsp, 96);
VESPER_ABI_SIZE(vesper_mbx_dscp_map, 88);
VESPER_ABI_SIZE(vesper_stats, 1088);
VESPER_ABI_OFFSET(vesper_stats, rx, 512);
VESPER_ABI_OFFSET(vesper_stats, tx_bytes, 1024);
VESPER_ABI_SIZE(vesper_mbx_stats_rsp, 1112);
VESPER_ABI_SIZE(vesper_sa_record, 272);
VESPER_ABI_OFFSET(vesper_sa_record, h, 256);
VESPER_ABI_SIZE(vesper_sa_state, 416);
VESPER_ABI_OFFSET(vesper_sa_state, sa, 160);

#endif
