/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The userspace driver of a Vesper card: open it, talk to its firmware, and
 * move frames through its queue pairs.
 *
 * Errors are negative errno; vesper_dev_strerror() has the sentence that names
 * field and value. A struct vesper_dev may be used by several threads. A queue
 * pair with its buffers belongs to one thread at a time, and needs no locks.
 * Nothing that the card writes is believed: what cannot be is counted in
 * vesper_queue_stats.hw_errors and otherwise ignored.
 */
#ifndef VESPER_DEV_H
#define VESPER_DEV_H

#include "vesper_compat.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vesper_dev;
struct vesper_queue;
struct vesper_transport;

/* ---- open, close ---- */

#define VESPER_DEV_RESET     (1u << 0) /* reset the function first: SAs and counters are lost */
#define VESPER_DEV_CLOSED_OK (1u << 1) /* open a card whose self-test failed, to look at it */

struct vesper_dev_opts {
	size_t size;	  /* sizeof(struct vesper_dev_opts) */
	const char *card; /* PCI address (0000:01:00.0, 01:00.0), or path of a vfio-user socket */
	u32 flags;	  /* VESPER_DEV_* */
	u32 features;	  /* VESPER_FEAT_* that the card must have; 0: any */
	u32 timeout_ms;	  /* for a reply, a mailbox response, the firmware's start; 0: 10000 */
	struct vesper_transport *transport; /* instead of card; taken over, also on failure */
};

/**
 * vesper_dev_open - connect to a card and make it ready for use
 * @opts: options; members beyond opts->size count as zero
 * @dev: the card; NULL on failure
 *
 * Checks vendor, device, magic, ABI major, features and the firmware's state,
 * stops queue pairs that a former user left running, and switches on bus
 * mastering. SAs stay as they were.
 *
 * Return: 0, or
 * -EINVAL: an option is wrong;
 * -ENOENT, -ECONNREFUSED, ...: the socket, as connect(2) says;
 * those of vesper_vfio_open() for a PCI address;
 * -EPROTO: the server broke the vfio-user protocol, or refused its version;
 * -ECONNRESET: it closed the connection; -ETIMEDOUT: it, or the firmware, did not answer;
 * -ENODEV: not a Vesper card; -EPROTONOSUPPORT: another ABI major;
 * -EOPNOTSUPP: a feature is missing; -EIO: the firmware is dead;
 * -ENOTRECOVERABLE: the self-test failed; -EBUSY: a queue pair does not stop; -ENOMEM.
 */
int vesper_dev_open(const struct vesper_dev_opts *opts, struct vesper_dev **dev);

/* Closes open queue pairs too, and lets go of all memory. NULL is allowed. */
void vesper_dev_close(struct vesper_dev *dev);

/* One sentence on why the last call of this thread failed; valid until its next call. */
const char *vesper_dev_strerror(void);

/* ---- the card itself ---- */

struct vesper_dev_info {
	u16 abi_major;
	u16 abi_minor;
	u32 features;	/* VESPER_FEAT_* */
	u32 fw_version; /* major << 24 | minor << 16 | patch */
	u32 sa_entries; /* a direction */
	u16 queues;
	u16 gcm_blocks; /* 128-bit blocks a cycle of each engine */
	u8 mac[6];
	bool fw_ready;
	bool data_path_open;
	bool selftest_failed;
	bool fw_dead;
	const char *transport; /* "vfio-user", "vfio-group", "vfio-iommufd" */
};

/* Reads the card's registers. Return: 0, -ETIMEDOUT, -ECONNRESET, -EPROTO. */
int vesper_dev_info(struct vesper_dev *dev, struct vesper_dev_info *info);

#define VESPER_CONTROL_MISS_TO_HOST	(1u << 0) /* deliver ESP without SA rather than drop it */
#define VESPER_CONTROL_FRAGMENT_TO_HOST (1u << 1) /* the same for ESP fragments */
#define VESPER_CONTROL_RX_ENABLE	(1u << 2) /* receive from the wire */
#define VESPER_CONTROL_POLICY_BYPASS	(1u << 3) /* packets without a policy leave as they are */

struct vesper_dev_config {
	u32 control;  /* VESPER_CONTROL_* */
	u16 mtu;      /* largest frame sent, Ethernet header included, 14..9618 */
	u16 rx_queue; /* queue pair for wire frames to which no SA applied */
};

/* Return: 0, -EINVAL (unknown bit, mtu or rx_queue out of range), or a transport error. */
int vesper_dev_set_config(struct vesper_dev *dev, const struct vesper_dev_config *config);
int vesper_dev_get_config(struct vesper_dev *dev, struct vesper_dev_config *config);

/* ---- mailbox ---- */

/* Why the firmware refused the last mailbox call of this thread. */
struct vesper_refusal {
	enum vesper_mbx_status status; /* VESPER_MBX_OK: it did not refuse */
	u16 field;		       /* offset in the request, vesper_mbx_hdr included */
	u64 value;
};

void vesper_dev_refusal(struct vesper_refusal *refusal);

/**
 * vesper_dev_call - send a mailbox message and wait for its response
 * @dev: card; calls of several threads are put in order
 * @req: message; cmd and the body are the caller's, len, tag and status are filled in
 * @req_len: bytes, header included, at most VESPER_MBX_SIZE, multiple of 4
 * @rsp: response; may be NULL when a header is expected
 * @rsp_len: exact bytes of the response, header included
 *
 * Return: 0; a refusal: -EEXIST (duplicate), -ENOSPC (no room for this SA, port,
 * policy or mask), -ENOENT (no such handle), -ENOTRECOVERABLE (self-test), -EIO (hardware), -ENOSYS (unknown
 * command), -EINVAL (any other, see vesper_dev_refusal()); -EPROTO: the
 * response does not belong to the request; -ETIMEDOUT: none in time; -EBUSY:
 * the firmware still works on an earlier call; or a transport error.
 */
int vesper_dev_call(struct vesper_dev *dev, struct vesper_mbx_hdr *req, size_t req_len, void *rsp,
		    size_t rsp_len);

int vesper_dev_identify(struct vesper_dev *dev, struct vesper_mbx_identify_rsp *rsp);

/* Installs an SA; its key leaves no copy in this driver. @handle: what descriptors carry. */
int vesper_dev_sa_add(struct vesper_dev *dev, const struct vesper_sa *sa, u32 *handle);
int vesper_dev_sa_del(struct vesper_dev *dev, u32 handle);
int vesper_dev_sa_query(struct vesper_dev *dev, u32 handle, struct vesper_sa_info *info);
/* From now on the outbound SA may use the sequence numbers up to @lease_end; 0: all. */
int vesper_dev_sa_lease(struct vesper_dev *dev, u32 handle, u64 lease_end);

/**
 * vesper_dev_sa_next - walk through the installed SAs, outbound ones first
 * @dev: card
 * @cursor: 0 to begin; moved on by each call
 * @info: the SA
 *
 * Return: 1 with @info filled in, 0 at the end, or a negative error of vesper_dev_call().
 */
int vesper_dev_sa_next(struct vesper_dev *dev, u32 *cursor, struct vesper_sa_info *info);

/* Installs an outbound policy. @handle: what vesper_dev_policy_del() wants. */
int vesper_dev_policy_add(struct vesper_dev *dev, const struct vesper_policy *policy, u32 *handle);
int vesper_dev_policy_del(struct vesper_dev *dev, u32 handle);

/**
 * vesper_dev_policy_next - walk through the installed policies, by index
 * @dev: card
 * @cursor: 0 to begin; moved on by each call
 * @handle: of the policy
 * @policy: the policy, as it was added
 *
 * Return: 1 with @handle and @policy filled in, 0 at the end, or a negative error
 * of vesper_dev_call().
 */
int vesper_dev_policy_next(struct vesper_dev *dev, u32 *cursor, u32 *handle,
			   struct vesper_policy *policy);

/* Outer DSCP of each inner one, for all SAs with VESPER_SAF_DSCP_MAP. @map: values up to 63. */
int vesper_dev_dscp_map(struct vesper_dev *dev, const u8 map[64]);

int vesper_dev_stats(struct vesper_dev *dev, struct vesper_stats *stats);
int vesper_dev_selftest(struct vesper_dev *dev);
/* Deletes every SA and policy, erases the keys, clears the counters; queue pairs run on. */
int vesper_dev_reset(struct vesper_dev *dev);

/* ---- events ---- */

struct vesper_event_opts {
	size_t size; /* sizeof(struct vesper_event_opts) */
	u32 log2;    /* log2 of the ring's entries, 3..12; 0: 9 */
	u32 interval; /* cycles between records of one kind of drop, beyond a burst of 16; 0: 250000 */
	u32 flags;    /* VESPER_QUEUE_POLL */
};

/**
 * vesper_dev_events_open - set up the event ring
 * @dev: card; one thread at a time uses its event ring
 * @opts: options, or NULL
 *
 * Return: 0, -EINVAL (option), -EBUSY (open already, or it does not stop), -EIO
 * (the card refused the configuration), -ENOMEM, or a transport error.
 */
int vesper_dev_events_open(struct vesper_dev *dev, const struct vesper_event_opts *opts);

/* Stops the ring and takes its memory from the card. vesper_dev_close() does it too. */
void vesper_dev_events_close(struct vesper_dev *dev);

/**
 * vesper_dev_events - collect events, oldest first
 * @dev: card whose event ring is open
 * @events: room for @n; VESPER_EVF_PHASE is cleared, unknown codes are left out
 * @n: how many at most
 * @timeout_ms: how long to wait for the first; 0 only looks, -1: for ever
 *
 * Return: how many were filled in; -EINVAL (not open), -EIO (the ring has halted
 * after a failed DMA access), -ECONNRESET, -EINTR, or a transport error.
 */
int vesper_dev_events(struct vesper_dev *dev, struct vesper_event *events, unsigned int n,
		      int timeout_ms);

/* Event records that made no sense, since the ring was set up. */
u64 vesper_dev_events_bad(const struct vesper_dev *dev);

/* ---- queue pairs ---- */

#define VESPER_QUEUE_POLL (1u << 0) /* no interrupt: vesper_queue_wait() polls */

struct vesper_queue_opts {
	size_t size;  /* sizeof(struct vesper_queue_opts) */
	u32 tx_log2;  /* log2 of the ring's entries, 3..15; 0: 9 */
	u32 rx_log2;  /* the same for receive buffers; 0: 9 */
	u32 buf_size; /* bytes of each buffer, multiple of 64, 64..16384; 0: 2048 */
	u32 buffers;  /* how many; 0: both rings full, and as many received */
	u32 flags;    /* VESPER_QUEUE_* */
};

/*
 * A packet buffer in memory that the card may reach. vesper_buf_get() gives it
 * to the caller, vesper_queue_tx() to the card, vesper_queue_tx_done() and
 * vesper_queue_rx() to the caller again, vesper_buf_put() back to the queue pair.
 */
struct vesper_buf {
	u8 *data; /* multiple of 64 */
	u64 iova; /* the same for the card */
	struct vesper_queue *queue;
	u32 size; /* bytes */
	u32 owner; /* the driver's own note: struct vesper_pool.mine while it is the caller's, else 0 */
};

/**
 * vesper_queue_open - set up a queue pair and post its receive buffers
 * @dev: card
 * @id: queue pair, below vesper_dev_info.queues
 * @opts: options, or NULL
 * @queue: result; NULL on failure
 *
 * Return: 0, -EINVAL (option), -EBUSY (open already, or it does not stop),
 * -EIO (the card refused the configuration), -ENOMEM, or a transport error.
 */
int vesper_queue_open(struct vesper_dev *dev, u32 id, const struct vesper_queue_opts *opts,
		      struct vesper_queue **queue);

/* Stops the pair and takes its memory from the card; buffers are void. NULL is allowed. */
void vesper_queue_close(struct vesper_queue *queue);

/* The free buffers of a queue pair, a stack: its head, for the two functions below alone. */
struct vesper_pool {
	struct vesper_buf **top, **bottom;
	u32 mine; /* what struct vesper_buf.owner says of a buffer that is the caller's; never 0 */
};

/* Return: a buffer for the caller, or NULL when all are in use. */
static inline struct vesper_buf *vesper_buf_get(struct vesper_queue *queue)
{
	struct vesper_pool *pool = (struct vesper_pool *)queue;
	struct vesper_buf *buf;

	if (pool->top == pool->bottom)
		return NULL;
	buf = *--pool->top;
	buf->owner = pool->mine;
	return buf;
}

/* Gives back a buffer that the caller owns; others are left alone. */
static inline void vesper_buf_put(struct vesper_buf *buf)
{
	struct vesper_pool *pool = (struct vesper_pool *)buf->queue;

	if (!buf->owner)
		return;
	buf->owner = 0;
	*pool->top++ = buf;
}

struct vesper_tx {
	struct vesper_buf *buf; /* frame at data + offset */
	u64 cookie;		/* the caller's, comes back with the result */
	u16 len;		/* bytes; offset + len at most buf->size */
	u8 op;			/* enum vesper_tx_op */
	u8 flags;		/* VESPER_TXF_LOOKASIDE or 0: one frame, one buffer */
	u32 sa;			/* handle of ENCRYPT, INPLACE, DUMMY; else 0 */
	u32 seq_hi; /* INPLACE with ESN: upper half of the number; then it takes two places of the ring */
	u16 offset; /* bytes */
};

/**
 * vesper_queue_tx - hand frames to the card, with one doorbell
 * @queue: queue pair
 * @frames: what to do with each
 * @n: how many
 *
 * Return: how many were taken, in order: fewer when the ring is full or a frame
 * is not valid; -EINVAL when the first one is not (buffer not the caller's, or
 * too short; whatever else is wrong with it, the card says), or a transport
 * error of the doorbell: the frames are taken then, and the pair should be closed.
 */
int vesper_queue_tx(struct vesper_queue *queue, const struct vesper_tx *frames, unsigned int n);

/* Status of a result whose completion made no sense; no value of enum vesper_status. */
#define VESPER_STATUS_INVALID 0xff

struct vesper_tx_result {
	struct vesper_buf *buf; /* the caller's again */
	u64 cookie;
	u64 seq;   /* ESP sequence number used, else 0 */
	u16 len;   /* bytes of the resulting frame, 0 when dropped */
	u8 status; /* enum vesper_status or VESPER_STATUS_INVALID */
	u16 fits;  /* VESPER_ST_TOO_BIG: bytes of the largest IP packet that would pass, or 0 */
};

/**
 * vesper_queue_tx_done - collect what has become of frames
 *
 * Results are in the order in which the card finished. A lookaside frame has a
 * result here as well as, if its status is VESPER_ST_OK, a frame in vesper_queue_rx();
 * its place in the TX ring is free when both have been collected.
 *
 * Return: how many of @n were filled in.
 */
unsigned int vesper_queue_tx_done(struct vesper_queue *queue, struct vesper_tx_result *results,
				  unsigned int n);

struct vesper_rx {
	struct vesper_buf *buf; /* the caller's: vesper_buf_put() it, or send it on */
	u64 cookie;		/* lookaside: of the TX frame; else 0 */
	u32 sa;			/* handle of the SA that was applied, else 0 */
	u32 seq;		/* VESPER_CPL_ESP: lower half of the sequence number, else 0 */
	u16 len;		/* bytes, never more than buf->size */
	u8 status; /* VESPER_ST_OK, or why an ESP frame is delivered untouched; INPLACE: ICV */
	u8 flags;  /* VESPER_CPL_ESP, VESPER_CPL_LOOKASIDE, VESPER_CPL_INPLACE */
};

/**
 * vesper_queue_rx - collect received frames and post fresh buffers in their place
 *
 * Return: how many of @n were filled in, or a transport error of the doorbell
 * when none was.
 */
int vesper_queue_rx(struct vesper_queue *queue, struct vesper_rx *frames, unsigned int n);

/**
 * vesper_queue_refill - post free buffers for reception
 *
 * vesper_queue_rx() does this by itself, and so does vesper_queue_tx() when more
 * than half of the ring is empty; call it after vesper_buf_put() when the pair
 * had run out of buffers and neither will be called soon.
 *
 * Return: how many were posted, or a transport error of the doorbell.
 */
int vesper_queue_refill(struct vesper_queue *queue);

/**
 * vesper_queue_wait - sleep until there is something to collect
 * @queue: queue pair
 * @timeout_ms: 0 only looks, -1 waits for ever
 *
 * Return: 1 something is there, 0 not in time, -EIO the pair has halted after a
 * failed DMA access, -ECONNRESET the card has gone, -EINTR a signal, or a
 * transport error.
 */
int vesper_queue_wait(struct vesper_queue *queue, int timeout_ms);

struct vesper_queue_stats {
	u64 tx_frames; /* results with VESPER_ST_OK */
	u64 tx_drops;  /* other results */
	u64 rx_frames;
	u64 rx_returned; /* buffers that came back without a frame, with the reason */
	u64 hw_errors;	 /* completions that made no sense */
	u64 doorbells;	 /* TX and RX */
	u64 interrupts;
	u32 tx_pending; /* in the ring, no result collected yet */
	u32 rx_posted;	/* buffers with the card */
	u32 buffers_free;
};

void vesper_queue_stats(const struct vesper_queue *queue, struct vesper_queue_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
