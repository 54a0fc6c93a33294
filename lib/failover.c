// SPDX-License-Identifier: BSD-2-Clause
/* SAs on a card with software behind them: placing them, losing the card, taking one again. */
#include "failover.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES	 65536 /* SA handles' indices, a direction */
#define KEY_LEN	 32
#define SALT_LEN 4

static unsigned int inbound(uint32_t handle)
{
	return !!(handle & VESPER_SA_INBOUND);
}

static struct sa_table *sas(const struct failover *f)
{
	return soft_of(&f->soft)->esp.sas;
}

static struct esp_sa *next_sa(const struct failover *f, const struct esp_sa *sa)
{
	return sa_table_next(sas(f), sa ? sa->info.handle : 0);
}

static void tell(struct failover *f, unsigned int code, uint32_t handle)
{
	struct vesper_event event = { .code = (uint8_t)code, .sa = handle };

	event_queue_put(&soft_of(&f->soft)->events, &event);
}

/* The half's sentence becomes the handle's. */
static int pass_on(struct vesper *v, const struct vesper *half, int err)
{
	return err < 0 ? vesper_fail(v, err, "%s", half->error) : err;
}

struct esp_sa *failover_sa(struct failover *f, uint32_t card_handle)
{
	uint32_t user = f->user[inbound(card_handle)][card_handle & VESPER_SA_INDEX_MASK];
	struct esp_sa *sa = user ? sa_table_get(sas(f), user) : NULL;

	return sa && sa->card->handle == card_handle ? sa : NULL;
}

void failover_lost(struct failover *f, const char *why)
{
	struct esp_sa *sa;

	if (!f->alive)
		return;
	f->alive = false;
	f->stats.card_lost++;
	snprintf(f->stats.reason, sizeof(f->stats.reason), "%s", why);
	for (sa = next_sa(f, NULL); sa; sa = next_sa(f, sa)) {
		if (!sa->card->handle)
			continue;
		/* Whatever of its lease the card has used: software begins behind it. */
		if (sa->info.sa.dir == VESPER_DIR_OUT && sa->info.seq < sa->card->lease_end)
			sa->info.seq = sa->card->lease_end;
		f->stats.moved++;
	}
	tell(f, VESPER_EV_CARD_LOST, 0);
}

/* Nothing more comes from a card that was given up. */
static void bury(struct failover *f)
{
	struct esp_sa *sa;

	if (!f->card.state)
		return;
	backend_card.close(&f->card);
	f->card.state = NULL;
	for (sa = next_sa(f, NULL); sa; sa = next_sa(f, sa))
		sa->card->handle = 0;
}

/* The card's error: does it work still? Return: @err. */
static int judge(struct failover *f, int err)
{
	if (card_error_is_death(err))
		failover_lost(f, f->card.error);
	return err;
}

/* The end of a lease of @n numbers behind @seq. */
static uint64_t lease_from(const struct esp_sa *sa, uint64_t seq, uint64_t n)
{
	uint64_t last = sa_has(sa, VESPER_SAF_ESN) ? UINT64_MAX : UINT32_MAX;

	return last - seq < n ? last : seq + n;
}

int failover_renew(struct failover *f, struct esp_sa *sa, uint32_t n)
{
	uint64_t lease = f->card.lease, end = sa->card->lease_end, left = end - sa->info.seq;
	int err;

	if (left >= n + lease / 2)
		return 0;
	end = lease_from(sa, sa->info.seq, n + lease);
	if (end == sa->card->lease_end)
		return 0;
	/* From here on the card may have it, whatever comes back. */
	sa->card->lease_end = end;
	err = backend_card.sa_lease(&f->card, sa->card->handle, end);
	if (err)
		failover_lost(f, f->card.error);
	return err;
}

/* What is left of a limit; 0: none is set, or it has been told already. */
static uint64_t left_of(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

static bool used_up(const struct esp_sa *sa)
{
	const struct vesper_sa *a = &sa->info.sa;

	return (a->hard_packets && sa->info.packets >= a->hard_packets) ||
	       (a->hard_bytes && sa->info.bytes >= a->hard_bytes);
}

static void describe(const struct failover *f, const struct esp_sa *sa, struct vesper_sa *out)
{
	*out = sa->info.sa;
	memcpy(out->key, sa->card->key, KEY_LEN);
	memcpy(out->salt, sa->card->key + KEY_LEN, SALT_LEN);
	out->seq = sa->info.seq;
	out->soft_packets = left_of(out->soft_packets, sa->info.packets);
	out->soft_bytes = left_of(out->soft_bytes, sa->info.bytes);
	out->hard_packets = left_of(out->hard_packets, sa->info.packets);
	out->hard_bytes = left_of(out->hard_bytes, sa->info.bytes);
	if (sa->info.sa.dir == VESPER_DIR_OUT)
		out->lease_end = lease_from(sa, sa->info.seq, f->card.lease);
}

/* An SA of a former life of this handle, or of this program, is in the way on the card. */
static int evict(struct failover *f, const struct vesper_sa *sa)
{
	struct vesper_sa_info info = { 0 };
	int err;

	do
		err = backend_card.sa_next(&f->card, info.handle, &info);
	while (!err &&
	       (info.sa.dir != sa->dir || info.sa.family != sa->family ||
		memcmp(info.sa.dst, sa->dst, sizeof(sa->dst)) || memcmp(info.sa.spi, sa->spi, 4)));
	return err ? err : backend_card.sa_del(&f->card, info.handle);
}

/*
 * Puts an SA on the card. @again: it may be there already. Return: 0; the card's
 * error, when it goes on in software.
 */
static int to_card(struct failover *f, struct esp_sa *sa, bool again)
{
	struct card_sa *c = sa->card;
	struct vesper_sa out;
	uint32_t handle;
	int err;

	if (used_up(sa))
		return -ENOSPC;
	describe(f, sa, &out);
	c->lease_end = out.lease_end;
	err = backend_card.sa_add(&f->card, &out, &handle);
	if (err == -EEXIST && again && !evict(f, &out))
		err = backend_card.sa_add(&f->card, &out, &handle);
	OPENSSL_cleanse(&out, sizeof(out));
	if (err)
		return judge(f, err);
	c->handle = handle;
	c->packets = sa->info.packets;
	c->bytes = sa->info.bytes;
	memcpy(c->drops, sa->info.drops, sizeof(c->drops));
	f->user[inbound(handle)][handle & VESPER_SA_INDEX_MASK] = sa->info.handle;
	return 0;
}

static void forget(struct failover *f, struct esp_sa *sa)
{
	keystore_put(f->keys, sa->card->key);
	free(sa->card);
	sa->card = NULL;
}

static int failover_sa_add(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle)
{
	struct failover *f = v->state;
	struct card_sa *c;
	struct esp_sa *e;
	int err;

	if (sa->lease_end)
		return vesper_fail(v, -EINVAL, "lease_end = %llu: with fallback the library leases",
				   (unsigned long long)sa->lease_end);
	c = calloc(1, sizeof(*c));
	if (c)
		c->key = keystore_get(f->keys);
	if (!c || !c->key) {
		free(c);
		return vesper_fail(v, -ENOMEM, "no memory for an SA");
	}
	err = backend_soft.sa_add(&f->soft, sa, handle);
	if (err) {
		keystore_put(f->keys, c->key);
		free(c);
		return pass_on(v, &f->soft, err);
	}
	e = sa_table_get(sas(f), *handle);
	e->card = c;
	memcpy(c->key, sa->key, KEY_LEN);
	memcpy(c->key + KEY_LEN, sa->salt, SALT_LEN);
	if (!f->alive)
		return 0;
	err = to_card(f, e, false);
	if (err == -EEXIST) {
		forget(f, e);
		backend_soft.sa_del(&f->soft, *handle);
		return pass_on(v, &f->card, err);
	}
	if (err && f->alive) {
		f->stats.sa_refused++;
		tell(f, VESPER_EV_SA_SOFTWARE, *handle);
	}
	return 0;
}

static int failover_sa_del(struct vesper *v, uint32_t handle)
{
	struct failover *f = v->state;
	struct esp_sa *sa = sa_table_get(sas(f), handle);

	if (sa && sa->card->handle && f->alive)
		judge(f, backend_card.sa_del(&f->card, sa->card->handle));
	if (sa)
		forget(f, sa);
	return pass_on(v, &f->soft, backend_soft.sa_del(&f->soft, handle));
}

static int failover_sa_lease(struct vesper *v, uint32_t handle, uint64_t lease_end)
{
	(void)handle;
	(void)lease_end;
	return vesper_fail(v, -EOPNOTSUPP, "with fallback the library leases by itself");
}

/* The card's counters on top of those that it began with. */
static void follow(struct failover *f, struct esp_sa *sa)
{
	struct card_sa *c = sa->card;
	struct vesper_sa_info info;
	unsigned int i;

	if (!f->alive || !c->handle || judge(f, backend_card.sa_query(&f->card, c->handle, &info)))
		return;
	sa->info.packets = c->packets + info.packets;
	sa->info.bytes = c->bytes + info.bytes;
	for (i = 0; i < VESPER_SAD_COUNT; i++)
		sa->info.drops[i] = c->drops[i] + info.drops[i];
	if (info.seq > sa->info.seq)
		sa->info.seq = info.seq;
}

static int failover_sa_query(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct failover *f = v->state;
	struct esp_sa *sa = sa_table_get(sas(f), handle);

	if (sa)
		follow(f, sa);
	return pass_on(v, &f->soft, backend_soft.sa_query(&f->soft, handle, info));
}

static int failover_sa_next(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct failover *f = v->state;
	struct esp_sa *sa = sa_table_next(sas(f), handle);

	if (sa)
		follow(f, sa);
	return pass_on(v, &f->soft, backend_soft.sa_next(&f->soft, handle, info));
}

/* Policies are looked up in software: they may name SAs that are not on the card. */
static int failover_policy_add(struct vesper *v, const struct vesper_policy *policy,
			       uint32_t *handle)
{
	struct failover *f = v->state;

	return pass_on(v, &f->soft, backend_soft.policy_add(&f->soft, policy, handle));
}

static int failover_policy_del(struct vesper *v, uint32_t handle)
{
	struct failover *f = v->state;

	return pass_on(v, &f->soft, backend_soft.policy_del(&f->soft, handle));
}

static int failover_policy_next(struct vesper *v, uint32_t *handle, struct vesper_policy *policy)
{
	struct failover *f = v->state;

	return pass_on(v, &f->soft, backend_soft.policy_next(&f->soft, handle, policy));
}

static int failover_dscp_map(struct vesper *v, const uint8_t map[64])
{
	struct failover *f = v->state;

	memcpy(f->dscp_map, map, sizeof(f->dscp_map));
	if (f->alive)
		judge(f, backend_card.dscp_map(&f->card, map));
	return backend_soft.dscp_map(&f->soft, map);
}

/* An event from the card names its own handles; what it told, software does not tell again. */
static void translate(struct failover *f, struct vesper_event *event)
{
	struct esp_sa *sa = event->sa ? failover_sa(f, event->sa) : NULL;

	event->sa = sa ? sa->info.handle : 0;
	if (!sa)
		return;
	sa->told_packets |= event->code == VESPER_EV_SOFT_PACKETS;
	sa->told_bytes |= event->code == VESPER_EV_SOFT_BYTES;
	sa->told_expired |= event->code == VESPER_EV_EXPIRED;
}

static int failover_events(struct vesper *v, struct vesper_event *events, size_t count,
			   int timeout_ms)
{
	struct failover *f = v->state;
	int n = backend_soft.events(&f->soft, events, count, 0), i;

	if (!n && f->alive) {
		n = judge(f, backend_card.events(&f->card, events, count, timeout_ms));
		for (i = 0; i < n; i++)
			translate(f, &events[i]);
		if (n >= 0 || f->alive)
			return pass_on(v, &f->card, n);
		timeout_ms = 0;
	}
	return n > 0 ? n : backend_soft.events(&f->soft, events, count, timeout_ms);
}

static bool failover_on_card(const struct vesper *v)
{
	return failover_of(v)->alive;
}

static int failover_info(struct vesper *v, struct vesper_info *info)
{
	struct failover *f = v->state;

	if (f->alive && !judge(f, backend_card.info(&f->card, info)))
		return 0;
	return backend_soft.info(&f->soft, info);
}

static int failover_stats_card(struct vesper *v, struct vesper_stats *stats)
{
	struct failover *f = v->state;
	const uint64_t *from = (const uint64_t *)&soft_of(&f->soft)->stats;
	uint64_t *to = (uint64_t *)stats;
	size_t i;

	if (!f->alive || judge(f, backend_card.stats(&f->card, stats)))
		return backend_soft.stats(&f->soft, stats);
	/* The frames that software processed beside the card. */
	for (i = 0; i < sizeof(*stats) / sizeof(*to); i++)
		to[i] += from[i];
	return 0;
}

static int failover_selftest(struct vesper *v)
{
	struct failover *f = v->state;
	int err = backend_soft.selftest(&f->soft);

	if (err)
		return pass_on(v, &f->soft, err);
	return f->alive ? pass_on(v, &f->card, judge(f, backend_card.selftest(&f->card))) : 0;
}

static int failover_reset(struct vesper *v)
{
	struct failover *f = v->state;
	struct esp_sa *sa;

	for (sa = next_sa(f, NULL); sa; sa = next_sa(f, sa))
		forget(f, sa);
	if (f->alive)
		judge(f, backend_card.reset(&f->card));
	return backend_soft.reset(&f->soft);
}

static int failover_stats_of(struct vesper *v, struct vesper_failover_stats *stats)
{
	struct failover *f = v->state;
	const struct esp_sa *sa;

	*stats = f->stats;
	stats->sa_software = 0;
	for (sa = next_sa(f, NULL); sa; sa = next_sa(f, sa))
		stats->sa_software += !f->alive || !sa->card->handle;
	return 0;
}

/* Connects; a card that answers no mailbox call is none. */
static int attach(struct failover *f)
{
	int err = card_open(&f->card);

	if (err)
		return err;
	f->alive = true;
	err = backend_card.dscp_map(&f->card, f->dscp_map);
	if (err) {
		f->alive = false;
		backend_card.close(&f->card);
		f->card.state = NULL;
	}
	return err;
}

static int failover_reattach(struct vesper *v)
{
	struct failover *f = v->state;
	struct esp_sa *sa;
	int err;

	if (f->alive)
		return vesper_fail(v, -EALREADY, "the card works");
	bury(f);
	err = attach(f);
	if (err)
		return pass_on(v, &f->card, err);
	f->stats.reattached++;
	tell(f, VESPER_EV_CARD_BACK, 0);
	for (sa = next_sa(f, NULL); sa && f->alive; sa = next_sa(f, sa)) {
		if (!to_card(f, sa, true)) {
			f->stats.moved++;
		} else if (f->alive) {
			f->stats.sa_refused++;
			tell(f, VESPER_EV_SA_SOFTWARE, sa->info.handle);
		}
	}
	return f->alive ? 0 : vesper_fail(v, -ENODEV, "%s", f->stats.reason);
}

static void failover_close(struct vesper *v)
{
	struct failover *f = v->state;
	struct esp_sa *sa;

	for (sa = next_sa(f, NULL); sa; sa = next_sa(f, sa)) {
		if (f->alive && sa->card->handle)
			judge(f, backend_card.sa_del(&f->card, sa->card->handle));
		forget(f, sa);
	}
	if (f->card.state)
		backend_card.close(&f->card);
	backend_soft.close(&f->soft);
	keystore_free(f->keys);
	free(f->user[0]);
	free(f->user[1]);
	free(f);
}

int failover_open(struct vesper *v)
{
	struct failover *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return vesper_fail(v, err, "no memory for a handle");
	f->soft = *v;
	f->card = *v;
	f->card.miss_to_host = true;
	f->keys = keystore_new();
	f->user[0] = calloc(PLACES, sizeof(uint32_t));
	f->user[1] = calloc(PLACES, sizeof(uint32_t));
	if (!f->keys || !f->user[0] || !f->user[1])
		goto fail;
	err = soft_open(&f->soft);
	if (err)
		goto fail;
	memcpy(f->dscp_map, soft_of(&f->soft)->esp.dscp_map, sizeof(f->dscp_map));
	v->state = f;
	/* Without a card it begins as it would go on when the card dies. */
	if (attach(f)) {
		f->alive = true;
		failover_lost(f, f->card.error);
	}
	return 0;
fail:
	keystore_free(f->keys);
	free(f->user[0]);
	free(f->user[1]);
	free(f);
	return vesper_fail(v, err, "no memory for a handle");
}

const struct backend backend_failover = {
	.close = failover_close,
	.on_card = failover_on_card,
	.info = failover_info,
	.sa_add = failover_sa_add,
	.sa_del = failover_sa_del,
	.sa_lease = failover_sa_lease,
	.sa_query = failover_sa_query,
	.sa_next = failover_sa_next,
	.policy_add = failover_policy_add,
	.policy_del = failover_policy_del,
	.policy_next = failover_policy_next,
	.dscp_map = failover_dscp_map,
	.events = failover_events,
	.crypt = failover_crypt,
	.recv = failover_recv,
	.stats = failover_stats_card,
	.selftest = failover_selftest,
	.reset = failover_reset,
	.failover_stats = failover_stats_of,
	.reattach = failover_reattach,
};
