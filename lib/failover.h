/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card with software behind it. Every SA lives in software; one that is on the
 * card too is processed there, and software only follows:
 *
 *   outbound  the card may use numbers up to its lease's end and no further, so
 *             that software, going on beyond that, never uses one twice
 *   inbound   software marks the number of each packet that the card delivered,
 *             so that it delivers none of them again
 *
 * Calls are synchronous: between two of them no frame is with the card but those
 * that come from its wire.
 */
#ifndef VESPER_FAILOVER_H
#define VESPER_FAILOVER_H

#include "card.h"
#include "keystore.h"
#include "soft.h"

/* What is known of an SA beyond its software half. */
struct card_sa {
	uint32_t handle;    /* the card's; 0: in software */
	uint8_t *key;	    /* key (32 bytes) and salt */
	uint64_t lease_end; /* outbound: granted, or asked for */
	uint32_t pending;   /* frames of the burst under way */
	/* Counters when it went to the card. */
	uint64_t packets, bytes, drops[VESPER_SAD_COUNT];
};

struct failover {
	struct vesper soft; /* software half of the handle */
	struct vesper card; /* card half; no state: there is none */
	bool alive;	    /* the card works; else what it had delivered may still be collected */
	struct keystore *keys;
	uint8_t dscp_map[64];
	struct vesper_failover_stats stats;
	uint32_t *user[2]; /* handle of the SA that has this place on the card, a direction */
};

static inline struct failover *failover_of(const struct vesper *v)
{
	return v->state;
}

/* The SA behind one of the card's handles; NULL for another client's. */
struct esp_sa *failover_sa(struct failover *f, uint32_t card_handle);

/* Gives the card up: from here on software does everything. @why: the sentence. */
void failover_lost(struct failover *f, const char *why);

/* Makes sure that the card may use @n numbers more. Return: 0, or the card's error. */
int failover_renew(struct failover *f, struct esp_sa *sa, uint32_t n);

/* The crypt and recv members of the backend. */
int failover_crypt(struct vesper *v, struct vesper_frame *frames, size_t count, enum crypt_way way);
int failover_recv(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms);

#endif
