/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of ESP in software: the records and the rate limit of the card's event ring. */
#ifndef VESPER_EVENT_QUEUE_H
#define VESPER_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vesper_abi.h"

struct esp_sa;
struct packet;

#define EVENT_QUEUE_LEN	  1024
#define EVENT_BURST	  16
#define EVENT_INTERVAL_NS 1000000u /* then one a millisecond and code */

struct event_queue {
	struct vesper_event at[EVENT_QUEUE_LEN];
	unsigned int head, count;
	uint64_t start; /* clock when the queue was made, nanoseconds */
	struct {
		uint32_t tokens;
		uint32_t suppressed;
		uint64_t refilled;
	} limit[VESPER_ST_COUNT];
	uint64_t written, suppressed, lost;
};

/* Makes it empty and starts its clock. */
void event_queue_init(struct event_queue *q);

/* Nanoseconds since event_queue_init(). */
uint64_t event_queue_now(const struct event_queue *q);

/* Puts @event in with the time of now. Codes of packets are rate limited; a full queue loses it. */
void event_queue_put(struct event_queue *q, struct vesper_event *event);

/* Takes up to @n out, oldest first. */
size_t event_queue_get(struct event_queue *q, struct vesper_event *events, size_t n);

/* A packet was dropped with @status: puts in the record that RFC 4303 asks for, where it asks. */
void event_drop(struct event_queue *q, enum vesper_status status, bool inbound,
		const struct packet *p, const uint8_t *ip, const struct esp_sa *sa,
		const uint8_t *spi, uint64_t seq);

/* Something about an SA: VESPER_EV_*. */
void event_sa(struct event_queue *q, unsigned int code, const struct esp_sa *sa);

#endif
