/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libvesper: IPsec ESP on a Vesper card, or in software where there is none.
 *
 * A program opens a handle, adds SAs and passes frames in bursts. The same
 * calls work on a card and in software, and give the same bytes and the same
 * verdict for each frame. Frames are Ethernet frames without FCS.
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

/* Options of vesper_open(). Zero means the default; `size` lets the structure grow. */
struct vesper_opts {
	size_t size;	    /* sizeof(struct vesper_opts) */
	const char *socket; /* card behind a vfio-user socket; NULL: software only */
	unsigned int queue; /* queue pair to use, 0 by default */
	unsigned int
		ring;	  /* entries of each ring, a power of two from 8 to 32768; 256 by default */
	unsigned int mtu; /* largest resulting frame in bytes, 14 to VESPER_FRAME_MAX (default) */
	unsigned int timeout_ms; /* for one answer of the card; 10,000 by default */
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
 * SAs in software are deleted and their keys erased; SAs on a card stay there.
 * NULL is accepted.
 */
void vesper_close(struct vesper *v);

/* Why the last call on this handle failed: one sentence, valid until the next call. */
const char *vesper_strerror(const struct vesper *v);

/* Is there a card behind this handle (false: software)? */
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
 * vesper_sa_query - state and counters of one SA; never its key
 *
 * An outbound SA counts a packet when it takes a sequence number for it, an
 * inbound one when the packet passed ICV, replay window and padding. Its counters
 * so include frames that were dropped afterwards (too big, no buffer).
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

/* One frame. The memory is the caller's and is overwritten with the result. */
struct vesper_frame {
	uint8_t *data;
	uint32_t len;	/* bytes; becomes the length of the result */
	uint32_t room;	/* bytes at data; the result must fit */
	uint32_t sa;	/* encrypt: SA to use; decrypt: becomes the SA that was used, or 0 */
	uint8_t status; /* enum vesper_status; other than OK: no result, len is 0 */
	bool esp;	/* became ESP, or was decrypted and authenticated */
	uint64_t seq;	/* becomes the ESP sequence number, 0 when dropped */
};

/* An ESP tunnel over IPv4 makes a frame longer by at most this. */
#define VESPER_OVERHEAD (20 + 8 + 8 + 3 + 2 + 16)

/**
 * vesper_encrypt - encapsulate and encrypt frames, each with its SA, in place
 * @frames: each with data, len, room and sa; after the call each has its status
 * @count: any number
 *
 * Frames of one SA take sequence numbers in the order in which they stand.
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
 * Those with an SA (sa != 0) leave as ESP, the others as they are. The buffers
 * keep what was in them; len, status and seq tell what left.
 *
 * Return: number of frames that left; -EOPNOTSUPP without a card; as vesper_encrypt().
 */
int vesper_send(struct vesper *v, struct vesper_frame *frames, size_t count);

/**
 * vesper_recv - frames that the card received from its wire
 * @frames: data and room are the caller's
 * @timeout_ms: how long to wait for the first; -1: for ever
 *
 * Return: number of frames, 0 when none came in time; -EOPNOTSUPP without a card;
 * -EMSGSIZE when the next frame is longer than its room (it is dropped).
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

/**
 * vesper_reset - delete every SA, erase all keys, clear the counters
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
