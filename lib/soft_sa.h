/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs in software: found by handle, or by direction, destination and SPI.
 * Handles look like the card's, generation included, so that a stale one is
 * refused here too.
 */
#ifndef VESPER_SOFT_SA_H
#define VESPER_SOFT_SA_H

#include "crypto.h"
#include "event_queue.h"
#include "replay.h"
#include "vesper.h"

#define SOFT_SA_MAX    65536 /* a direction */
#define SOFT_PORTS_MAX 8     /* UDP destination ports at which ESP is looked for, beside 4500 */

struct sa_table;
struct card_sa; /* what failover knows of the same SA on a card */

/*
 * An installed SA. The key itself stands in the crypto provider's context only;
 * this and that are erased when the SA goes.
 */
struct esp_sa {
	/* Handle, attributes and counters, all current. */
	struct vesper_sa_info info;
	uint8_t salt[4];
	struct crypto_key *key;
	struct replay_window *window; /* inbound; NULL without a check */
	/* Events that have been given. */
	bool told_packets, told_bytes, told_expired, told_lease;
	struct card_sa *card; /* with failover, else NULL; freed by whoever set it */
};

static inline bool sa_has(const struct esp_sa *sa, uint32_t flag)
{
	return sa->info.sa.flags & flag;
}

static inline bool sa_tunnel(const struct esp_sa *sa)
{
	return sa->info.sa.mode == VESPER_MODE_TUNNEL;
}

/* Bytes of IV in each packet. */
static inline uint32_t sa_iv_len(const struct esp_sa *sa)
{
	return sa_has(sa, VESPER_SAF_IIV) ? 0 : 8;
}

struct sa_table *sa_table_new(void);
/* Deletes every SA and erases it. NULL is accepted. */
void sa_table_free(struct sa_table *t);

/*
 * Installs a checked SA. Return: 0; -EEXIST when direction, destination and SPI
 * are taken; -ENOSPC; -EMFILE when it would be one UDP port too many; -ENOMEM;
 * -EIO when the crypto provider refuses the key.
 */
int sa_table_add(struct sa_table *t, const struct vesper_sa *sa, uint32_t *handle);
/* Return: 0 or -ENOENT. */
int sa_table_del(struct sa_table *t, uint32_t handle);
/* Return: the SA, NULL when the handle names none that is installed now. */
struct esp_sa *sa_table_get(struct sa_table *t, uint32_t handle);
/* The first SA in the card's order (outbound first) whose place is behind @handle's; 0: the very first. */
struct esp_sa *sa_table_next(struct sa_table *t, uint32_t handle);
/* Finds an outbound SA. Return: VESPER_ST_OK, _SA_DIRECTION or _SA_STALE. */
enum vesper_status sa_table_find_out(struct sa_table *t, uint32_t handle, struct esp_sa **sa);
/* Finds an inbound SA; @dst has 4 or 16 bytes. NULL where none is. */
struct esp_sa *sa_table_find_in(struct sa_table *t, unsigned int family, const uint8_t *dst,
				const uint8_t spi[4]);
/* Does an inbound SA want ESP in UDP at this port (4500 always counts)? */
bool sa_table_port(const struct sa_table *t, uint16_t port);
void sa_table_wipe(struct sa_table *t);

/* ---- what packets do to an SA ---- */

/* Counts a dropped packet with its SA. */
void sa_drop(struct esp_sa *sa, enum vesper_status status);

/**
 * sa_take - the next sequence number of an outbound SA, if limits and lease allow
 * @sa: SA
 * @bytes: of plaintext
 * @events: where soft limits and the like are told
 * @seq: result
 *
 * Return: VESPER_ST_OK, and the packet is counted; or VESPER_ST_LIFETIME,
 * _SEQ_EXHAUSTED, _LEASE, tried in this order.
 */
enum vesper_status sa_take(struct esp_sa *sa, uint32_t bytes, struct event_queue *events,
			   uint64_t *seq);

/* The last step inbound: VESPER_ST_OK, and the packet is counted; or VESPER_ST_LIFETIME. */
enum vesper_status sa_pass(struct esp_sa *sa, uint32_t bytes, struct event_queue *events);

/*
 * Infers a received number's upper half (RFC 4303 A2.1) and looks at the window.
 * Return: VESPER_ST_OK or VESPER_ST_REPLAY.
 */
enum vesper_status sa_check_seq(const struct esp_sa *sa, uint32_t low, uint64_t *seq);

/* An authentic packet: marks its number. */
void sa_mark_seq(struct esp_sa *sa, uint64_t seq);

#endif
