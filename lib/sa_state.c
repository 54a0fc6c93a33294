// SPDX-License-Identifier: BSD-2-Clause
/* What packets do to an SA: numbers, limits, leases, window, counters. */
#include "soft_sa.h"

static int drop_index(enum vesper_status status)
{
	switch (status) {
	case VESPER_ST_REPLAY:
		return VESPER_SAD_REPLAY;
	case VESPER_ST_ICV:
		return VESPER_SAD_ICV;
	case VESPER_ST_PADDING:
		return VESPER_SAD_PADDING;
	case VESPER_ST_NEXT_HEADER:
		return VESPER_SAD_NEXT_HEADER;
	case VESPER_ST_INNER:
		return VESPER_SAD_INNER;
	case VESPER_ST_DUMMY:
		return VESPER_SAD_DUMMY;
	case VESPER_ST_SELECTOR:
		return VESPER_SAD_SELECTOR;
	case VESPER_ST_ECN:
		return VESPER_SAD_ECN;
	case VESPER_ST_LIFETIME:
		return VESPER_SAD_LIFETIME;
	case VESPER_ST_ENCAP:
		return VESPER_SAD_ENCAP;
	case VESPER_ST_ESP_LENGTH:
		return VESPER_SAD_ESP_LENGTH;
	case VESPER_ST_TOO_BIG:
		return VESPER_SAD_TOO_BIG;
	case VESPER_ST_FRAGMENT:
		return VESPER_SAD_FRAGMENT;
	case VESPER_ST_SEQ_EXHAUSTED:
		return VESPER_SAD_SEQ_EXHAUSTED;
	case VESPER_ST_LEASE:
		return VESPER_SAD_LEASE;
	case VESPER_ST_SA_KIND:
	case VESPER_ST_SPI:
	case VESPER_ST_NOT_ESP:
		return VESPER_SAD_KIND;
	default:
		return -1;
	}
}

void sa_drop(struct esp_sa *sa, enum vesper_status status)
{
	int index = drop_index(status);

	if (index >= 0)
		sa->info.drops[index]++;
}

/* Would one packet more exceed a hard limit (RFC 4301 4.4.2.1)? */
static bool beyond_hard(const struct esp_sa *sa, uint32_t bytes)
{
	const struct vesper_sa *a = &sa->info.sa;

	return (a->hard_packets && sa->info.packets >= a->hard_packets) ||
	       (a->hard_bytes && sa->info.bytes + bytes > a->hard_bytes);
}

static void tell(bool *told, struct event_queue *events, unsigned int code, const struct esp_sa *sa)
{
	if (*told)
		return;
	*told = true;
	event_sa(events, code, sa);
}

static void count(struct esp_sa *sa, uint32_t bytes, struct event_queue *events)
{
	const struct vesper_sa *a = &sa->info.sa;

	sa->info.packets++;
	sa->info.bytes += bytes;
	if (a->soft_packets && sa->info.packets >= a->soft_packets)
		tell(&sa->told_packets, events, VESPER_EV_SOFT_PACKETS, sa);
	if (a->soft_bytes && sa->info.bytes >= a->soft_bytes)
		tell(&sa->told_bytes, events, VESPER_EV_SOFT_BYTES, sa);
	if ((a->hard_packets && sa->info.packets >= a->hard_packets) ||
	    (a->hard_bytes && sa->info.bytes >= a->hard_bytes))
		tell(&sa->told_expired, events, VESPER_EV_EXPIRED, sa);
}

enum vesper_status sa_take(struct esp_sa *sa, uint32_t bytes, struct event_queue *events,
			   uint64_t *seq)
{
	const struct vesper_sa *a = &sa->info.sa;
	uint64_t last = sa_has(sa, VESPER_SAF_ESN) ? UINT64_MAX : UINT32_MAX;

	if (beyond_hard(sa, bytes)) {
		tell(&sa->told_expired, events, VESPER_EV_EXPIRED, sa);
		return VESPER_ST_LIFETIME;
	}
	if (sa->info.seq >= last)
		return VESPER_ST_SEQ_EXHAUSTED;
	if (sa->info.lease_end && sa->info.seq >= sa->info.lease_end)
		return VESPER_ST_LEASE;
	*seq = ++sa->info.seq;
	count(sa, bytes, events);
	if (sa->info.lease_end && a->lease_warn &&
	    sa->info.lease_end - sa->info.seq <= a->lease_warn)
		tell(&sa->told_lease, events, VESPER_EV_LEASE_LOW, sa);
	return VESPER_ST_OK;
}

enum vesper_status sa_pass(struct esp_sa *sa, uint32_t bytes, struct event_queue *events)
{
	if (beyond_hard(sa, bytes)) {
		tell(&sa->told_expired, events, VESPER_EV_EXPIRED, sa);
		return VESPER_ST_LIFETIME;
	}
	count(sa, bytes, events);
	return VESPER_ST_OK;
}

/* RFC 4303 A2.1. @none: the number lies in the subspace below the first. */
static uint32_t upper_half(uint64_t top, uint32_t window, uint32_t low, bool *none)
{
	uint32_t high = (uint32_t)(top >> 32), top_low = (uint32_t)top;
	uint32_t bottom = top_low - window + 1; /* modulo 2^32 */

	*none = false;
	if (top_low >= window - 1)
		return low >= bottom ? high : high + 1;
	if (low < bottom)
		return high;
	*none = !high;
	return high ? high - 1 : 0;
}

enum vesper_status sa_check_seq(const struct esp_sa *sa, uint32_t low, uint64_t *seq)
{
	uint32_t window = sa->window ? sa->info.sa.replay_window : 1u << 31;
	bool none;

	*seq = low;
	if (sa_has(sa, VESPER_SAF_ESN)) {
		*seq |= (uint64_t)upper_half(sa->info.seq, window, low, &none) << 32;
		if (none && sa->window)
			return VESPER_ST_REPLAY;
	}
	return !sa->window || replay_check(sa->window, *seq) ? VESPER_ST_OK : VESPER_ST_REPLAY;
}

void sa_mark_seq(struct esp_sa *sa, uint64_t seq)
{
	if (sa->window)
		replay_mark(sa->window, seq);
	if (seq > sa->info.seq)
		sa->info.seq = seq;
}
