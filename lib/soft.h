/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the backend without a card, for whoever builds on it. */
#ifndef VESPER_SOFT_H
#define VESPER_SOFT_H

#include "backend.h"
#include "esp.h"

struct soft {
	struct esp esp;
	struct event_queue events;
	struct vesper_stats stats;
};

static inline struct soft *soft_of(const struct vesper *v)
{
	return v->state;
}

/* One frame in software, counted. */
void soft_one(struct soft *s, struct vesper_frame *frame, unsigned int op);

#endif
