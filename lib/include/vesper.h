/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libvesper: IPsec ESP on a Vesper card, or in software where there is none.
 *
 * A program opens a handle, adds SAs and passes frames in bursts. The same
 * calls work on a card and in software, and give the same bytes and the same
 * verdict for each frame; docs/esp.md has the rules. Frames are Ethernet frames
 * without FCS.
 *
 * One handle belongs to one thread at a time; several handles may be used side
 * by side. Functions return 0 or a count when they succeed and a negative errno
 * when they do not; vesper_strerror() then has a sentence about it.
 */
#ifndef VESPER_H
#define VESPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vesper_abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vesper;

/* What happens when a card cannot: enough room, a feature, or its life. */
enum vesper_fallback {
	VESPER_FALLBACK_NONE = 0, /* the call fails */
	/*
	 * The library goes on in software, mid-flow. It keeps each SA's key in locked
	 * memory of its own, lets the card use sequence numbers only within leases and
	 * notes what the card delivered, so that no IV repeats and no packet is
	 * delivered twice. See vesper_failover_stats() and vesper_reattach().
	 */
	VESPER_FALLBACK_AUTO = 1,
};

/* Options of vesper_open(). Zero means the default; `size` lets the structure grow. */
struct vesper_opts {
	size_t size; /* sizeof(struct vesper_opts) */
	const char *
		card; /* PCI address ("0000:01:00.0", "01:00.0"), or path of a vfio-user socket; NULL: software only */
	unsigned int queue; /* queue pair to use, 0 by default */
	unsigned int
		ring;	  /* entries of each ring, a power of two from 8 to 32768; 256 by default */
	unsigned int mtu; /* largest resulting frame in bytes, 14 to VESPER_FRAME_MAX (default) */
	unsigned int timeout_ms;    /* for one answer of the card; 10,000 by default */
	unsigned int fallback;	    /* enum vesper_fallback */
	unsigned int policy_bypass; /* 1: packets that no policy matches pass as they are */
	unsigned int lease; /* VESPER_FALLBACK_AUTO: numbers a lease, 2 to 2^24; 4096 by default */
};

/**
 * vesper_open - open a card, or software only
 * @opts: may be NULL (software only)
 * @out: the handle; the caller closes it with vesper_close()
 * @text: room for a sentence that says why it failed; may be NULL
 * @text_size: bytes in @text
 *
 * Return: 0; -EINVAL for an option out of range (the text names it); -ENODEV
 * for a card with another ABI, a failed self-test or dead firmware; -ETIMEDOUT
 * if it does not answer; -ENOMEM; or what connecting gave.
 */
int vesper_open(const struct vesper_opts *opts, struct vesper **out, char *text, size_t text_size);

/**
 * vesper_close - give back the handle
 *
 * SAs in software are deleted and their keys erased; SAs on a card stay there,
 * but for those of a handle with VESPER_FALLBACK_AUTO, which are deleted.
 * NULL is accepted.
 */
void vesper_close(struct vesper *v);

/* Why the last call on this handle failed: one sentence, valid until the next call. */
const char *vesper_strerror(const struct vesper *v);

/* Is there a card behind this handle (false: software, or the card has gone)? */
bool vesper_on_card(const struct vesper *v);

/* What the card is; for software the ABI version and zeros. */
struct vesper_info {
	uint16_t abi_major, abi_minor;
	uint32_t features;   /* VESPER_FEAT_* */
	uint32_t fw_version; /* major << 24 | minor << 16 | patch */
	uint32_t sa_entries; /* a direction */
	uint16_t queues;
	uint8_t gcm_blocks; /* 128-bit blocks a cycle of each engine */
	bool selftest_passed;
	uint8_t mac[6];
	uint32_t policy_entries;
	uint16_t policy_masks; /* different masks that policies may have */
	uint16_t replay_max;   /* largest replay window, packets */
};

/**
 * vesper_info - ask who it is
 * Return: 0, or the error of the mailbox.
 */
int vesper_info(struct vesper *v, struct vesper_info *info);

/**
 * vesper_sa_add - install an SA
 * @sa: copied; the caller erases its own copy. See struct vesper_sa.
 * @handle: names the SA from here on; never 0
 *
 * Return: 0; -EINVAL for an SA that breaks a rule (vesper_strerror() names field
 * and value); -EEXIST for a second SA with the same direction, destination and
 * SPI; -ENOSPC when the table is full; or the error of the mailbox.
 */
int vesper_sa_add(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle);

/**
 * vesper_sa_del - delete an SA and erase its key
 * Return: 0, or -ENOENT if the handle names no SA.
 */
int vesper_sa_del(struct vesper *v, uint32_t handle);

/**
 * vesper_sa_lease - let an outbound SA use the sequence numbers up to @lease_end
 * @lease_end: last number, 0: all
 *
 * With VESPER_FALLBACK_AUTO the library leases by itself, and this is refused.
 *
 * Return: 0; -ENOENT if the handle names no SA; -EINVAL for an inbound SA, or a
 * number below one that was used or beyond 32 bits without ESN; -EOPNOTSUPP.
 */
int vesper_sa_lease(struct vesper *v, uint32_t handle, uint64_t lease_end);

/**
 * vesper_sa_query - state and counters of one SA; never its key
 *
 * An outbound SA counts a packet when it takes a sequence number for it, an
 * inbound one when the packet passed every check. `drops` says what else came.
 *
 * Return: 0, or -ENOENT if the handle names no SA.
 */
int vesper_sa_query(struct vesper *v, uint32_t handle, struct vesper_sa_info *info);

/**
 * vesper_sa_next - walk over all SAs
 * @handle: 0 for the first; then the handle of the last answer
 *
 * Return: 0, or -ENOENT at the end.
 */
int vesper_sa_next(struct vesper *v, uint32_t handle, struct vesper_sa_info *info);

/**
 * vesper_policy_add - install an outbound policy; see struct vesper_policy
 * @handle: names the policy from here on; never 0
 *
 * Return: 0; -EINVAL for a policy that breaks a rule (vesper_strerror() names field
 * and value); -EEXIST for a second one with the same matches and priority; -ENOSPC
 * when the table or its masks are full; or the error of the mailbox.
 */
int vesper_policy_add(struct vesper *v, const struct vesper_policy *policy, uint32_t *handle);

/* Return: 0, or -ENOENT if the handle names no policy. */
int vesper_policy_del(struct vesper *v, uint32_t handle);

/**
 * vesper_policy_next - walk over all policies
 * @handle: 0 for the first; then the handle of the last answer; becomes the policy's
 *
 * Return: 0, or -ENOENT at the end.
 */
int vesper_policy_next(struct vesper *v, uint32_t *handle, struct vesper_policy *policy);

/**
 * vesper_dscp_map - outer DSCP for each inner one, for SAs with VESPER_SAF_DSCP_MAP
 * @map: values from 0 to 63
 *
 * Return: 0; -EINVAL for a value beyond 63; or the error of the mailbox.
 */
int vesper_dscp_map(struct vesper *v, const uint8_t map[64]);

/*
 * Events of the library itself, beside enum vesper_status and enum vesper_event_code
 * in vesper_event.code; only with VESPER_FALLBACK_AUTO.
 */
enum vesper_library_event {
	VESPER_EV_CARD_LOST = 128, /* the card is given up; software goes on */
	VESPER_EV_CARD_BACK = 129, /* vesper_reattach() has taken a card in use */
	VESPER_EV_SA_SOFTWARE =
		130, /* `sa` is in software: the card has no room, or cannot do it */
};

/**
 * vesper_events - take events, oldest first
 * @events: room for @count
 * @timeout_ms: how long to wait for the first; 0 only looks, -1: for ever
 *
 * On a card they come from its event ring, which is set up by the first call: ask
 * once early. Where the library processes packets itself it makes the same records,
 * and `time` counts nanoseconds since vesper_open().
 *
 * Return: number of events, 0 when none came in time; or an error of the card.
 */
int vesper_events(struct vesper *v, struct vesper_event *events, size_t count, int timeout_ms);

/* One frame. The memory is the caller's and is overwritten with the result. */
struct vesper_frame {
	uint8_t *data;
	uint32_t len;  /* bytes; becomes the length of the result */
	uint32_t room; /* bytes at data; the result must fit */
	uint32_t sa;   /* encrypt: SA to use; decrypt: becomes the SA that was used, or 0 */
	uint8_t status; /* enum vesper_status; other than OK: no result, len is 0 (but see inplace) */
	bool esp;	/* became ESP, or was decrypted and authenticated */
	uint64_t
		seq; /* becomes the ESP sequence number, 0 when dropped; received: the lower half */
	uint8_t op;  /* 0: ENCRYPT; or VESPER_OP_POLICY, VESPER_OP_INPLACE, VESPER_OP_DUMMY */
	/*
	 * Becomes true when an SA with VESPER_SAF_INPLACE decrypted: the frame is not
	 * stripped, and status is the verdict: OK, or ICV with all behind the IV zero.
	 */
	bool inplace;
	uint16_t
		fits; /* TOO_BIG: becomes the bytes of the largest IP packet that would pass, or 0 */
	uint32_t seq_hi; /* VESPER_OP_INPLACE with ESN: upper half of the sequence number; else 0 */
};

/*
 * ESP makes a frame longer by at most this: IPv6, UDP, SPI and number, IV, padding,
 * trailer, ICV. TFC padding (vesper_sa.tfc) comes on top.
 */
#define VESPER_OVERHEAD (40 + 8 + 8 + 8 + 3 + 2 + 16)

/**
 * vesper_encrypt - encapsulate and encrypt frames, each with its SA, in place
 * @frames: each with data, len, room, op and sa (POLICY: none); after the call each
 *	has its status
 * @count: any number
 *
 * Frames of one SA take sequence numbers in the order in which they stand. What a
 * policy lets pass comes back as it is, with esp false.
 *
 * Return: number of frames whose status is VESPER_ST_OK; negative errno when
 * the card failed, and then every frame that did not pass has its status.
 */
int vesper_encrypt(struct vesper *v, struct vesper_frame *frames, size_t count);

/**
 * vesper_decrypt - authenticate, decrypt and decapsulate ESP frames in place
 *
 * As vesper_encrypt(), but the SA is found by destination address and SPI.
 * Nothing of a frame that fails is left in its buffer but what came in or zeros.
 */
int vesper_decrypt(struct vesper *v, struct vesper_frame *frames, size_t count);

/**
 * vesper_send - send frames to the card's wire
 *
 * As vesper_encrypt(), but frames with op 0 and without an SA leave as they are. The
 * buffers keep what was in them; len, status and seq tell what left. (Where the
 * library encrypts for the card, the buffer is needed and then holds what left.)
 *
 * Return: number of frames that left; -EOPNOTSUPP without a card, -ENODEV when it
 * has gone (VESPER_FALLBACK_AUTO); as vesper_encrypt().
 */
int vesper_send(struct vesper *v, struct vesper_frame *frames, size_t count);

/**
 * vesper_recv - frames that the card received from its wire
 * @frames: data and room are the caller's
 * @timeout_ms: how long to wait for the first; -1: for ever
 *
 * Return: number of frames, 0 when none came in time; -EOPNOTSUPP without a card;
 * -ENODEV when it has gone (VESPER_FALLBACK_AUTO) and nothing of it is left;
 * -EMSGSIZE when the next frame is longer than its room (it is dropped). A frame
 * whose status is not OK is ESP that came as it stands, an in-place verdict, or
 * (with length 0, VESPER_FALLBACK_AUTO) one that the library dropped.
 */
int vesper_recv(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms);

/**
 * vesper_stats - counters since reset, one consistent set
 * Return: 0, or the error of the mailbox.
 */
int vesper_stats(struct vesper *v, struct vesper_stats *stats);

/**
 * vesper_selftest - known-answer tests through the engines (or the crypto provider)
 * Return: 0; -EIO when one failed.
 */
int vesper_selftest(struct vesper *v);

/* What became of a handle with VESPER_FALLBACK_AUTO. */
struct vesper_failover_stats {
	uint64_t card_lost;   /* times that a card was given up */
	uint64_t reattached;  /* times that one was taken in use again */
	uint64_t sa_software; /* SAs that are in software now */
	uint64_t sa_refused;  /* SAs that the card refused or had no room for */
	uint64_t moved;	      /* SAs that went on in software, or back to a card, mid-flow */
	uint64_t redone;      /* frames in flight at a card's death, processed again in software */
	uint64_t lost;	      /* frames in flight to its wire: whether they left is not known */
	uint64_t twice;	  /* packets that a card delivered although they had been before: dropped */
	char reason[160]; /* why the card was given up last; empty: never */
};

/* Return: 0; -EOPNOTSUPP without VESPER_FALLBACK_AUTO. */
int vesper_failover_stats(struct vesper *v, struct vesper_failover_stats *stats);

/**
 * vesper_reattach - take a card in use (again), by the name given to vesper_open()
 *
 * The SAs move to the card, outbound ones above every number that was used, as far
 * as it takes them. What the old card had received can no longer be collected:
 * call vesper_recv() until it says -ENODEV before.
 *
 * Return: 0; -EOPNOTSUPP without VESPER_FALLBACK_AUTO; -EALREADY if the card works;
 * or the error of opening it, and software goes on.
 */
int vesper_reattach(struct vesper *v);

/**
 * vesper_reset - delete every SA and policy, erase all keys, clear the counters
 * Return: 0, or the error of the mailbox.
 */
int vesper_reset(struct vesper *v);

/* One sentence about enum vesper_status, and its short name (NULL where none is assigned). */
const char *vesper_status_str(uint32_t status);
const char *vesper_status_name(uint32_t status);

#ifdef __cplusplus
}
#endif

#endif
