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
#define VESPER_ABI_MAJOR 1
#define VESPER_ABI_MINOR 0

/* Feature bits, register FEATURES. */
#define VESPER_FEAT_ESP_OUT   (1u << 0) /* inline ESP to the wire */
#define VESPER_FEAT_ESP_IN    (1u << 1) /* inline ESP from the wire */
#define VESPER_FEAT_LOOKASIDE (1u << 2) /* results back to the host */
#define VESPER_FEAT_TUNNEL    (1u << 3)
#define VESPER_FEAT_TRANSPORT (1u << 4)
#define VESPER_FEAT_IPV4      (1u << 5)
#define VESPER_FEAT_AES_GCM   (1u << 6)

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
	/* frames */
	VESPER_ST_NOT_IP = 16,	  /* ESP asked for a frame that is not IPv4 */
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
	VESPER_ST_NOT_ESP = 28,	    /* decryption asked for a frame that is not ESP */
	/* wire */
	VESPER_ST_RUNT = 32,	      /* shorter than an Ethernet header */
	VESPER_ST_OVERSIZE = 33,      /* longer than VESPER_FRAME_MAX */
	VESPER_ST_WIRE_ERROR = 34,    /* the MAC marked the frame as bad */
	VESPER_ST_WIRE_OVERFLOW = 35, /* the receive FIFO was full */
	VESPER_ST_COUNT = 64
};

/* ---- TX descriptor, 16 bytes ---- */
enum vesper_tx_op {
	VESPER_OP_PLAIN = 0,   /* send the frame as it is */
	VESPER_OP_ENCRYPT = 1, /* ESP with the outbound SA `sa` */
	VESPER_OP_DECRYPT = 2, /* ESP inbound processing; needs VESPER_TXF_LOOKASIDE */
};

#define VESPER_TXF_LOOKASIDE (1u << 0) /* the result comes back on this pair's RX ring */
#define VESPER_TXF_MASK	     VESPER_TXF_LOOKASIDE

struct vesper_tx_desc {
	vesper_le64 addr; /* DMA address of the frame, any alignment */
	vesper_le16 len;  /* bytes */
	vesper_u8 op;	  /* enum vesper_tx_op */
	vesper_u8 flags;  /* VESPER_TXF_* */
	vesper_le32 sa;	  /* SA handle; 0 unless op is VESPER_OP_ENCRYPT */
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
 * An RX completion of length 0 returns a buffer without a frame, and its status
 * says why: BAD_LENGTH or BAD_FLAGS (malformed descriptor), DMA_WRITE.
 */
#define VESPER_CPL_PHASE     (1u << 0)
#define VESPER_CPL_ESP	     (1u << 1) /* RX: the card decrypted and authenticated */
#define VESPER_CPL_LOOKASIDE (1u << 2) /* RX: result of a TX descriptor, see `tag` */

struct vesper_tx_cpl {
	vesper_le16 index; /* free-running index of the TX descriptor */
	vesper_le16 len;   /* bytes of the resulting frame, 0 when dropped */
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
	vesper_le32 hash;  /* receive hash, 0 where none was made */
};

/* ---- SA handle: [15:0] index, [16] 1 = inbound, [31:17] generation, never 0 ---- */
#define VESPER_SA_INDEX_MASK 0x0000ffffu
#define VESPER_SA_INBOUND    (1u << 16)
#define VESPER_SA_GEN_SHIFT  17

/* ---- SA, as the host describes it ---- */
enum vesper_sa_dir { VESPER_DIR_OUT = 1, VESPER_DIR_IN = 2 };
enum vesper_sa_mode { VESPER_MODE_TUNNEL = 1, VESPER_MODE_TRANSPORT = 2 };
enum vesper_sa_alg { VESPER_ALG_AES_GCM = 1 }; /* RFC 4106 */
enum vesper_family { VESPER_IPV4 = 4, VESPER_IPV6 = 6 };

#define VESPER_REPLAY_MAX 4096

struct vesper_sa {
	vesper_u8 dir;		   /* enum vesper_sa_dir */
	vesper_u8 mode;		   /* enum vesper_sa_mode */
	vesper_u8 family;	   /* of src and dst: enum vesper_family */
	vesper_u8 alg;		   /* enum vesper_sa_alg */
	vesper_u8 key_len;	   /* bytes: 16, 24, 32 */
	vesper_u8 icv_len;	   /* bytes: 8, 12, 16 */
	vesper_u8 ttl;		   /* outer header, outbound tunnel; 1..255 */
	vesper_u8 tos;		   /* outer header, outbound tunnel */
	vesper_le32 flags;	   /* VESPER_SAF_* */
	vesper_le32 replay_window; /* packets, inbound, 0..VESPER_REPLAY_MAX; 0 or 1: none */
	vesper_u8 spi[4];	   /* network order, above 255 */
	vesper_u8 salt[4];
	vesper_u8 src[16]; /* network order, IPv4 in the first four, rest zero */
	vesper_u8 dst[16];
	vesper_u8 key[32]; /* unused bytes zero */
	vesper_le64 seq;   /* outbound: last number used; inbound: highest received */
	vesper_le16 queue; /* inbound: queue pair that receives the packets */
	vesper_le16 reserved0;
	vesper_le32 reserved1;
	vesper_u8 reserved2[24];
};

#define VESPER_SAF_DF	(1u << 0) /* outbound tunnel: set DF in the outer header */
#define VESPER_SAF_MASK VESPER_SAF_DF

/* ---- mailbox: host writes a request, rings MBX_DOORBELL, waits for the response ---- */
#define VESPER_MBX_SIZE 2048 /* bytes, each direction */

enum vesper_mbx_cmd {
	VESPER_MBX_IDENTIFY = 1,
	VESPER_MBX_SA_ADD = 2,
	VESPER_MBX_SA_DEL = 3,
	VESPER_MBX_SA_QUERY = 4,
	VESPER_MBX_STATS = 5,
	VESPER_MBX_SELFTEST = 6,
	VESPER_MBX_RESET = 7, /* deletes every SA, erases keys, clears the counters */
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
	VESPER_MBX_E_SPI = 10,	       /* 0..255 */
	VESPER_MBX_E_ADDRESS = 11,     /* zero address, or bytes beyond the family's length */
	VESPER_MBX_E_WINDOW = 12,      /* beyond VESPER_REPLAY_MAX, or on an outbound SA */
	VESPER_MBX_E_FLAGS = 13,       /* unknown SA flag, or one that does not fit the SA */
	VESPER_MBX_E_TTL = 14,	       /* 0 on an outbound tunnel */
	VESPER_MBX_E_SEQ = 15,	       /* beyond 32 bits without ESN */
	VESPER_MBX_E_QUEUE = 16,       /* no such queue pair */
	VESPER_MBX_E_DUPLICATE = 17,   /* SA with this direction, destination and SPI exists */
	VESPER_MBX_E_FULL = 18,	       /* no free SA entry */
	VESPER_MBX_E_HANDLE = 19,      /* handle names no installed SA */
	VESPER_MBX_E_SELFTEST = 20,    /* known-answer test failed: the data path is closed */
	VESPER_MBX_E_KEY_PADDING = 21, /* key bytes beyond key_len are not zero */
	VESPER_MBX_E_HARDWARE = 22,    /* a block of the card did not answer */
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
	vesper_le32 reserved;
};

struct vesper_mbx_sa_add {
	struct vesper_mbx_hdr hdr;
	struct vesper_sa sa;
};

/* SA_ADD response, SA_DEL request, SA_QUERY request. */
struct vesper_mbx_handle {
	struct vesper_mbx_hdr hdr;
	vesper_le32 handle;
	vesper_le32 flags; /* SA_QUERY: VESPER_QUERY_NEXT; else 0 */
};

/*
 * SA_QUERY answers about the SA `handle`, or with VESPER_QUERY_NEXT about the
 * first installed SA whose direction and index are at or above the handle's
 * (generation ignored; outbound before inbound; E_HANDLE at the end).
 */
#define VESPER_QUERY_NEXT (1u << 0)

struct vesper_sa_info { /* never the key, the salt or H */
	vesper_le32 handle;
	vesper_u8 dir;
	vesper_u8 mode;
	vesper_u8 family;
	vesper_u8 alg;
	vesper_u8 key_len;
	vesper_u8 icv_len;
	vesper_le16 queue;
	vesper_le32 replay_window;
	vesper_u8 spi[4];
	vesper_le32 reserved;
	vesper_u8 src[16]; /* zero for SAs that keep no source (inbound) */
	vesper_u8 dst[16];
	vesper_le64 seq;	/* outbound: last used; inbound: highest accepted */
	vesper_le64 packets;	/* passed */
	vesper_le64 bytes;	/* of the plaintext IP packets (tunnel) or payloads (transport) */
	vesper_le64 replayed;	/* dropped as VESPER_ST_REPLAY */
	vesper_le64 icv_failed; /* dropped as VESPER_ST_ICV */
};

struct vesper_mbx_sa_query_rsp {
	struct vesper_mbx_hdr hdr;
	struct vesper_sa_info info;
};

/* Counters since reset. Index: enum vesper_status; entry 0 counts what passed. */
struct vesper_stats {
	vesper_le64 tx[VESPER_ST_COUNT]; /* one for each TX descriptor, lookaside ones too */
	vesper_le64 rx[VESPER_ST_COUNT]; /* one for each frame from the wire */
	vesper_le64 tx_bytes;		 /* of passed frames, as they left the pipe */
	vesper_le64 rx_bytes;
	vesper_le64 tx_bad_doorbell; /* doorbells beyond the ring, ignored */
	vesper_le64 rx_bad_doorbell;
	vesper_le64 cycles; /* card clock since reset */
};

struct vesper_mbx_stats_rsp {
	struct vesper_mbx_hdr hdr;
	struct vesper_stats stats;
};

/* Messages that are a header only: IDENTIFY, STATS, SELFTEST and RESET requests, and their empty responses. */

/*
 * ---- SA record: what firmware stages into the SA table ----
 * Written by the management CPU word by word, never read back. Bytes stand in
 * the record as the RTL consumes them; offsets become SA_REC_* in SystemVerilog.
 */
#define VESPER_SA_HDR_MAX 40

struct vesper_sa_record {
	vesper_u8 key[32];
	vesper_u8 h[16]; /* E(K, 0^128) */
	vesper_u8 salt[4];
	vesper_u8 spi[4];
	vesper_u8 dst[16];
	vesper_u8 src[16];
	vesper_u8 hdr[VESPER_SA_HDR_MAX]; /* outer IP header, length, id and checksum zero */
	vesper_u8 hdr_len;		  /* 0 (transport), 20 */
	vesper_u8 key_len;		  /* 0: 128, 1: 192, 2: 256 bits */
	vesper_u8 icv_len;		  /* bytes */
	vesper_u8 mode;			  /* enum vesper_sa_mode */
	vesper_u8 family;		  /* enum vesper_family */
	vesper_u8 dir;			  /* enum vesper_sa_dir */
	vesper_le16 queue;
	vesper_le64 seq;
	vesper_le32 replay_window;
	vesper_le32 flags; /* VESPER_SAF_* */
	vesper_le16
		hdr_sum; /* one's complement sum of hdr's 16-bit words, in network order, not inverted */
	vesper_u8 reserved[102];
};

/* What the SA table answers to a READ command. */
struct vesper_sa_state {
	vesper_le64 seq;
	vesper_le64 packets;
	vesper_le64 bytes;
	vesper_le64 replayed;
	vesper_le64 icv_failed;
	vesper_u8 spi[4];
	vesper_u8 mode;
	vesper_u8 family;
	vesper_u8 key_len; /* as in the record */
	vesper_u8 icv_len;
	vesper_u8 src[16];
	vesper_u8 dst[16];
	vesper_le16 queue;
	vesper_le16 replay_window;
	vesper_le32 reserved;
};

#define VESPER_ABI_SIZE(type, size) \
	VESPER_STATIC_ASSERT(sizeof(struct type) == (size), #type " size")
#define VESPER_ABI_OFFSET(type, member, offset) \
	VESPER_STATIC_ASSERT(offsetof(struct type, member) == (offset), #type "." #member " offset")

VESPER_ABI_SIZE(vesper_tx_desc, 16);
VESPER_ABI_OFFSET(vesper_tx_desc, len, 8);
VESPER_ABI_OFFSET(vesper_tx_desc, op, 10);
VESPER_ABI_OFFSET(vesper_tx_desc, sa, 12);
VESPER_ABI_SIZE(vesper_rx_desc, 16);
VESPER_ABI_OFFSET(vesper_rx_desc, len, 8);
VESPER_ABI_SIZE(vesper_tx_cpl, 16);
VESPER_ABI_OFFSET(vesper_tx_cpl, status, 4);
VESPER_ABI_OFFSET(vesper_tx_cpl, seq, 8);
VESPER_ABI_SIZE(vesper_rx_cpl, 16);
VESPER_ABI_OFFSET(vesper_rx_cpl, status, 4);
VESPER_ABI_OFFSET(vesper_rx_cpl, tag, 6);
VESPER_ABI_OFFSET(vesper_rx_cpl, sa, 8);
VESPER_ABI_SIZE(vesper_sa, 128);
VESPER_ABI_OFFSET(vesper_sa, flags, 8);
VESPER_ABI_OFFSET(vesper_sa, spi, 16);
VESPER_ABI_OFFSET(vesper_sa, src, 24);
VESPER_ABI_OFFSET(vesper_sa, key, 56);
VESPER_ABI_OFFSET(vesper_sa, seq, 88);
VESPER_ABI_OFFSET(vesper_sa, queue, 96);
VESPER_ABI_SIZE(vesper_mbx_hdr, 24);
VESPER_ABI_OFFSET(vesper_mbx_hdr, status, 8);
VESPER_ABI_OFFSET(vesper_mbx_hdr, value, 16);
VESPER_ABI_SIZE(vesper_mbx_identify_rsp, 48);
VESPER_ABI_SIZE(vesper_mbx_sa_add, 152);
VESPER_ABI_SIZE(vesper_mbx_handle, 32);
VESPER_ABI_SIZE(vesper_sa_info, 96);
VESPER_ABI_OFFSET(vesper_sa_info, src, 24);
VESPER_ABI_OFFSET(vesper_sa_info, seq, 56);
VESPER_ABI_SIZE(vesper_mbx_sa_query_rsp, 120);
VESPER_ABI_SIZE(vesper_stats, 1064);
VESPER_ABI_OFFSET(vesper_stats, rx, 512);
VESPER_ABI_OFFSET(vesper_stats, tx_bytes, 1024);
VESPER_ABI_SIZE(vesper_mbx_stats_rsp, 1088);
VESPER_ABI_SIZE(vesper_sa_record, 256);
VESPER_ABI_OFFSET(vesper_sa_record, h, 32);
VESPER_ABI_OFFSET(vesper_sa_record, hdr, 88);
VESPER_ABI_OFFSET(vesper_sa_record, hdr_len, 128);
VESPER_ABI_OFFSET(vesper_sa_record, seq, 136);
VESPER_ABI_SIZE(vesper_sa_state, 88);
VESPER_ABI_OFFSET(vesper_sa_state, spi, 40);
VESPER_ABI_OFFSET(vesper_sa_state, src, 48);

#endif
