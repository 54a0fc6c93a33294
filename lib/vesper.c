// SPDX-License-Identifier: BSD-2-Clause
/* The public calls: arguments are checked here, then the backend does the work. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"

#define RING_DEFAULT	   256
#define TIMEOUT_DEFAULT_MS 10000
#define LEASE_DEFAULT	   4096
#define LEASE_MAX	   (1u << 24)

int vesper_fail(struct vesper *v, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->error, sizeof(v->error), format, args);
	va_end(args);
	return err;
}

static int take_options(struct vesper *v, const struct vesper_opts *opts)
{
	v->queue = opts->queue;
	v->ring = opts->ring ? opts->ring : RING_DEFAULT;
	v->mtu = opts->mtu ? opts->mtu : VESPER_FRAME_MAX;
	v->timeout_ms = opts->timeout_ms ? opts->timeout_ms : TIMEOUT_DEFAULT_MS;
	if (v->ring < 1u << VESPER_RING_LOG2_MIN || v->ring > 1u << VESPER_RING_LOG2_MAX ||
	    (v->ring & (v->ring - 1)))
		return vesper_fail(v, -EINVAL,
				   "option ring: %u is not a power of two from %u to %u", v->ring,
				   1u << VESPER_RING_LOG2_MIN, 1u << VESPER_RING_LOG2_MAX);
	if (v->mtu < VESPER_FRAME_MIN || v->mtu > VESPER_FRAME_MAX)
		return vesper_fail(v, -EINVAL, "option mtu: %u is not from %u to %u", v->mtu,
				   VESPER_FRAME_MIN, VESPER_FRAME_MAX);
	if (opts->fallback > VESPER_FALLBACK_AUTO)
		return vesper_fail(v, -EINVAL, "option fallback: %u is not 0 or 1", opts->fallback);
	if (opts->policy_bypass > 1)
		return vesper_fail(v, -EINVAL, "option policy_bypass: %u is not 0 or 1",
				   opts->policy_bypass);
	v->policy_bypass = opts->policy_bypass;
	v->lease = opts->lease ? opts->lease : LEASE_DEFAULT;
	if (v->lease < 2 || v->lease > LEASE_MAX)
		return vesper_fail(v, -EINVAL, "option lease: %u is not from 2 to %u", v->lease,
				   LEASE_MAX);
	return 0;
}

/* A program built against an older header has a shorter structure, one against a newer a longer. */
static int copy_options(struct vesper *v, const struct vesper_opts *opts, struct vesper_opts *all)
{
	size_t i;

	if (!opts)
		return 0;
	if (opts->size < sizeof(opts->size))
		return vesper_fail(v, -EINVAL, "option size: %zu is not the structure's",
				   opts->size);
	memcpy(all, opts, opts->size < sizeof(*all) ? opts->size : sizeof(*all));
	for (i = sizeof(*all); i < opts->size; i++)
		if (((const uint8_t *)opts)[i])
			return vesper_fail(v, -EINVAL,
					   "option at byte %zu: %u is unknown to this library", i,
					   ((const uint8_t *)opts)[i]);
	return 0;
}

static int open_backend(struct vesper *v, const struct vesper_opts *opts)
{
	if (!opts->card) {
		v->backend = &backend_soft;
		return soft_open(v);
	}
	v->card = strdup(opts->card);
	if (!v->card)
		return vesper_fail(v, -ENOMEM, "no memory for the card's name");
	if (opts->fallback == VESPER_FALLBACK_AUTO) {
		v->backend = &backend_failover;
		return failover_open(v);
	}
	v->backend = &backend_card;
	return card_open(v);
}

int vesper_open(const struct vesper_opts *opts, struct vesper **out, char *text, size_t text_size)
{
	struct vesper_opts all = { 0 };
	struct vesper *v;
	int err;

	*out = NULL;
	v = calloc(1, sizeof(*v));
	if (!v) {
		if (text && text_size)
			snprintf(text, text_size, "no memory for a handle");
		return -ENOMEM;
	}
	err = copy_options(v, opts, &all);
	if (!err)
		err = take_options(v, &all);
	if (!err)
		err = open_backend(v, &all);
	if (err) {
		if (text && text_size)
			snprintf(text, text_size, "%s", v->error);
		free(v->card);
		free(v);
		return err;
	}
	*out = v;
	return 0;
}

void vesper_close(struct vesper *v)
{
	if (!v)
		return;
	v->backend->close(v);
	free(v->card);
	free(v);
}

const char *vesper_strerror(const struct vesper *v)
{
	return v->error;
}

bool vesper_on_card(const struct vesper *v)
{
	return v->backend->on_card(v);
}

int vesper_info(struct vesper *v, struct vesper_info *info)
{
	return v->backend->info(v, info);
}

int vesper_sa_add(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle)
{
	return v->backend->sa_add(v, sa, handle);
}

int vesper_sa_del(struct vesper *v, uint32_t handle)
{
	return v->backend->sa_del(v, handle);
}

int vesper_sa_lease(struct vesper *v, uint32_t handle, uint64_t lease_end)
{
	return v->backend->sa_lease(v, handle, lease_end);
}

int vesper_sa_query(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	return v->backend->sa_query(v, handle, info);
}

int vesper_sa_next(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	return v->backend->sa_next(v, handle, info);
}

int vesper_policy_add(struct vesper *v, const struct vesper_policy *policy, uint32_t *handle)
{
	return v->backend->policy_add(v, policy, handle);
}

int vesper_policy_del(struct vesper *v, uint32_t handle)
{
	return v->backend->policy_del(v, handle);
}

int vesper_policy_next(struct vesper *v, uint32_t *handle, struct vesper_policy *policy)
{
	return v->backend->policy_next(v, handle, policy);
}

int vesper_dscp_map(struct vesper *v, const uint8_t map[64])
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		if (map[i] > 63)
			return vesper_fail(v, -EINVAL, "DSCP %u is mapped to %u, beyond 63", i,
					   map[i]);
	return v->backend->dscp_map(v, map);
}

int vesper_events(struct vesper *v, struct vesper_event *events, size_t count, int timeout_ms)
{
	return v->backend->events(v, events, count, timeout_ms);
}

unsigned int frame_op(const struct vesper_frame *f, enum crypt_way way)
{
	if (way == WAY_DECRYPT)
		return VESPER_OP_DECRYPT;
	switch (f->op) {
	case 0:
		return way == WAY_SEND && !f->sa ? VESPER_OP_PLAIN : VESPER_OP_ENCRYPT;
	case VESPER_OP_ENCRYPT:
	case VESPER_OP_POLICY:
	case VESPER_OP_INPLACE:
	case VESPER_OP_DUMMY:
		return f->op;
	default:
		return VESPER_OP_CONTEXT;
	}
}

void frame_drop(struct vesper_frame *f, enum vesper_status status)
{
	f->status = (uint8_t)status;
	f->len = 0;
	f->seq = 0;
	f->esp = false;
	f->inplace = false;
	f->fits = 0;
}

int vesper_encrypt(struct vesper *v, struct vesper_frame *frames, size_t count)
{
	return v->backend->crypt(v, frames, count, WAY_ENCRYPT);
}

int vesper_decrypt(struct vesper *v, struct vesper_frame *frames, size_t count)
{
	return v->backend->crypt(v, frames, count, WAY_DECRYPT);
}

int vesper_send(struct vesper *v, struct vesper_frame *frames, size_t count)
{
	return v->backend->crypt(v, frames, count, WAY_SEND);
}

int vesper_recv(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms)
{
	if (!v->backend->recv)
		return vesper_fail(v, -EOPNOTSUPP,
				   "receiving needs a card; this handle is software only");
	return v->backend->recv(v, frames, count, timeout_ms);
}

int vesper_stats(struct vesper *v, struct vesper_stats *stats)
{
	return v->backend->stats(v, stats);
}

int vesper_selftest(struct vesper *v)
{
	return v->backend->selftest(v);
}

int vesper_failover_stats(struct vesper *v, struct vesper_failover_stats *stats)
{
	if (!v->backend->failover_stats)
		return vesper_fail(v, -EOPNOTSUPP, "this handle was opened without fallback");
	return v->backend->failover_stats(v, stats);
}

int vesper_reattach(struct vesper *v)
{
	if (!v->backend->reattach)
		return vesper_fail(v, -EOPNOTSUPP, "this handle was opened without fallback");
	return v->backend->reattach(v);
}

int vesper_reset(struct vesper *v)
{
	return v->backend->reset(v);
}
