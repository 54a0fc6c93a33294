/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind a handle: a card, software, or both. vesper.c checks
 * arguments, backends do the work.
 */
#ifndef VESPER_BACKEND_H
#define VESPER_BACKEND_H

#include "vesper.h"

struct vesper {
	const struct backend *backend;
	void *state; /* the backend's own */
	char *card;  /* NULL: software only */
	uint32_t mtu;
	uint32_t lease;
	unsigned int queue;
	unsigned int ring;
	unsigned int timeout_ms;
	bool policy_bypass;
	bool miss_to_host; /* frames from the wire for SAs that are not on the card come too */
	char error[256];
};

/* What a call does with its frames: where the result goes, and which way. */
enum crypt_way { WAY_ENCRYPT, WAY_DECRYPT, WAY_SEND };

/* Members have the meaning of the functions of the same name in vesper.h. */
struct backend {
	void (*close)(struct vesper *v);
	bool (*on_card)(const struct vesper *v);
	int (*info)(struct vesper *v, struct vesper_info *info);
	int (*sa_add)(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle);
	int (*sa_del)(struct vesper *v, uint32_t handle);
	int (*sa_lease)(struct vesper *v, uint32_t handle, uint64_t lease_end);
	int (*sa_query)(struct vesper *v, uint32_t handle, struct vesper_sa_info *info);
	int (*sa_next)(struct vesper *v, uint32_t handle, struct vesper_sa_info *info);
	int (*policy_add)(struct vesper *v, const struct vesper_policy *policy, uint32_t *handle);
	int (*policy_del)(struct vesper *v, uint32_t handle);
	int (*policy_next)(struct vesper *v, uint32_t *handle, struct vesper_policy *policy);
	int (*dscp_map)(struct vesper *v, const uint8_t map[64]);
	int (*events)(struct vesper *v, struct vesper_event *events, size_t count, int timeout_ms);
	int (*crypt)(struct vesper *v, struct vesper_frame *frames, size_t count,
		     enum crypt_way way); /* WAY_SEND: -EOPNOTSUPP without a wire */
	int (*recv)(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms);
	int (*stats)(struct vesper *v, struct vesper_stats *stats);
	int (*selftest)(struct vesper *v);
	int (*reset)(struct vesper *v);
	/* NULL: no fallback */
	int (*failover_stats)(struct vesper *v, struct vesper_failover_stats *stats);
	int (*reattach)(struct vesper *v);
};

extern const struct backend backend_soft;
extern const struct backend backend_card;
extern const struct backend backend_failover;

/* Set v->state. Return: 0 or a negative errno, with the sentence in v->error. */
int soft_open(struct vesper *v);
int card_open(struct vesper *v);
int failover_open(struct vesper *v);

/* Leaves a sentence in v->error and returns @err. */
int vesper_fail(struct vesper *v, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The card drops a descriptor with such a length before it looks at the frame. */
static inline bool frame_bad_length(const struct vesper_frame *f)
{
	return f->len < VESPER_FRAME_MIN || f->len > VESPER_FRAME_MAX;
}

/* enum vesper_tx_op of a frame; VESPER_OP_CONTEXT where it asks for what cannot be. */
unsigned int frame_op(const struct vesper_frame *f, enum crypt_way way);

/* No result. */
void frame_drop(struct vesper_frame *f, enum vesper_status status);

#endif
