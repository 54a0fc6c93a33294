/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind a handle: a card, or software. vesper.c checks arguments, backends do the work. */
#ifndef VESPER_BACKEND_H
#define VESPER_BACKEND_H

#include "vesper.h"

struct vesper {
	const struct backend *backend;
	void *state; /* the backend's own */
	uint32_t mtu;
	unsigned int queue;
	unsigned int ring;
	unsigned int timeout_ms;
	char error[256];
};

/* Members have the meaning of the functions of the same name in vesper.h. */
struct backend {
	void (*close)(struct vesper *v);
	int (*info)(struct vesper *v, struct vesper_info *info);
	int (*sa_add)(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle);
	int (*sa_del)(struct vesper *v, uint32_t handle);
	int (*sa_query)(struct vesper *v, uint32_t handle, struct vesper_sa_info *info);
	int (*sa_next)(struct vesper *v, uint32_t handle, struct vesper_sa_info *info);
	/* Encrypts or decrypts (@op: enum vesper_tx_op) in place. */
	int (*crypt)(struct vesper *v, struct vesper_frame *frames, size_t count, unsigned int op);
	int (*send)(struct vesper *v, struct vesper_frame *frames,
		    size_t count); /* NULL: no wire */
	int (*recv)(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms);
	int (*stats)(struct vesper *v, struct vesper_stats *stats);
	int (*selftest)(struct vesper *v);
	int (*reset)(struct vesper *v);
};

extern const struct backend backend_soft;
extern const struct backend backend_card;

/* Set v->state. Return: 0 or a negative errno, with the sentence in v->error. */
int soft_open(struct vesper *v);
int card_open(struct vesper *v, const char *socket);

/* Leaves a sentence in v->error and returns @err. */
int vesper_fail(struct vesper *v, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
