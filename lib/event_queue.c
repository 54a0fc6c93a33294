// SPDX-License-Identifier: BSD-2-Clause
#include "event_queue.h"

#include <string.h>
#include <time.h>

#include "packet.h"
#include "soft_sa.h"

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void event_queue_init(struct event_queue *q)
{
	unsigned int i;

	memset(q, 0, sizeof(*q));
	q->start = clock_ns();
	for (i = 0; i < VESPER_ST_COUNT; i++)
		q->limit[i].tokens = EVENT_BURST;
}

uint64_t event_queue_now(const struct event_queue *q)
{
	return clock_ns() - q->start;
}

/* A token bucket a code. */
static bool limited(struct event_queue *q, struct vesper_event *event)
{
	uint64_t gained;

	if (event->code >= VESPER_ST_COUNT)
		return false;
	gained = (event->time - q->limit[event->code].refilled) / EVENT_INTERVAL_NS;
	q->limit[event->code].refilled += gained * EVENT_INTERVAL_NS;
	gained += q->limit[event->code].tokens;
	q->limit[event->code].tokens = gained < EVENT_BURST ? (uint32_t)gained : EVENT_BURST;
	if (!q->limit[event->code].tokens) {
		q->limit[event->code].suppressed++;
		q->suppressed++;
		return true;
	}
	q->limit[event->code].tokens--;
	return false;
}

void event_queue_put(struct event_queue *q, struct vesper_event *event)
{
	uint32_t left_out = 0;

	event->time = event_queue_now(q);
	if (limited(q, event))
		return;
	if (q->count == EVENT_QUEUE_LEN) {
		q->lost++;
		return;
	}
	if (event->code < VESPER_ST_COUNT) {
		left_out = q->limit[event->code].suppressed;
		q->limit[event->code].suppressed = 0;
	}
	event->suppressed = left_out < UINT16_MAX ? (uint16_t)left_out : UINT16_MAX;
	q->at[(q->head + q->count++) % EVENT_QUEUE_LEN] = *event;
	q->written++;
}

size_t event_queue_get(struct event_queue *q, struct vesper_event *events, size_t n)
{
	size_t i;

	for (i = 0; i < n && q->count; i++) {
		events[i] = q->at[q->head];
		q->head = (q->head + 1) % EVENT_QUEUE_LEN;
		q->count--;
	}
	return i;
}

static bool audited(enum vesper_status status)
{
	switch (status) {
	case VESPER_ST_NO_SA:
	case VESPER_ST_FRAGMENT:
	case VESPER_ST_REPLAY:
	case VESPER_ST_ICV:
	case VESPER_ST_SEQ_EXHAUSTED:
	case VESPER_ST_SELECTOR:
	case VESPER_ST_ENCAP:
	case VESPER_ST_PADDING:
	case VESPER_ST_LEASE:
	case VESPER_ST_LIFETIME:
		return true;
	default:
		return false;
	}
}

void event_drop(struct event_queue *q, enum vesper_status status, bool inbound,
		const struct packet *p, const uint8_t *ip, const struct esp_sa *sa,
		const uint8_t *spi, uint64_t seq)
{
	struct vesper_event event = { .code = (uint8_t)status, .seq = seq };

	if (!audited(status))
		return;
	event.flags = (uint8_t)((inbound ? VESPER_EVF_INBOUND : 0) |
				(p->family == VESPER_IPV6 ? VESPER_EVF_IPV6 : 0));
	memcpy(event.src, ip_src(ip, p->family), ip_addr_len(p->family));
	memcpy(event.dst, ip_dst(ip, p->family), ip_addr_len(p->family));
	event.flow_label = ip_get_flow(ip, p->family);
	if (sa)
		event.sa = sa->info.handle;
	if (spi)
		memcpy(event.spi, spi, sizeof(event.spi));
	event_queue_put(q, &event);
}

void event_sa(struct event_queue *q, unsigned int code, const struct esp_sa *sa)
{
	struct vesper_event event = { .code = (uint8_t)code };

	event.sa = sa->info.handle;
	event.seq = sa->info.seq;
	memcpy(event.spi, sa->info.sa.spi, sizeof(event.spi));
	if (sa->info.sa.dir == VESPER_DIR_IN)
		event.flags = VESPER_EVF_INBOUND;
	event_queue_put(q, &event);
}
