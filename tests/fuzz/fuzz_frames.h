/* SPDX-License-Identifier: BSD-2-Clause */
/* A batch of frames, as those who send it and those who look at the card afterwards share it. */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include "fuzz.h"

#define BATCH_MAX  512
#define TIMEOUT_MS 20000

/* A frame, what the oracle makes of it and what the card does. */
struct item {
	struct input in;
	uint8_t want_data[ROOM], got_data[ROOM];
	struct vesper_frame want, got;
	bool maybe_icv; /* a replay whose ICV is wrong too */
};

struct frames {
	struct vesper *card, *soft;
	struct vesper
		*open_window; /* the same SAs without windows: what else is wrong with a replay? */
	int wire;
	enum path path;
	struct sas sas;
	/* Handles, outbound and inbound, of card and software. */
	uint32_t card_out[SA_OUT + 1], soft_out[SA_OUT + 1];
	uint32_t card_in[SA_IN + 1], soft_in[SA_IN + 1];
	/* Expected counters of this batch. */
	uint64_t tx[VESPER_ST_COUNT], rx[VESPER_ST_COUNT], tx_bytes, rx_bytes, maybe_icv;
	uint64_t seen[PATHS][VESPER_ST_COUNT];
	uint64_t seed;
	uint32_t number;
	struct item item[BATCH_MAX];
	uint32_t count;
};

/* Says what went wrong and how to have it again. Return: -1. */
int frames_say(const struct frames *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same of frame @i, with all of its bytes. */
int frames_differ(const struct frames *f, uint32_t i, const char *what, uint64_t want,
		  uint64_t got);

const char *frames_name(uint32_t status);

/* Expect the card to have counted this result of a TX descriptor. */
void frames_count_tx(struct frames *f, const struct vesper_frame *frame);

/* After a batch: a good packet passes, and all counters are right. Return: 0, or -1 (said). */
int frames_check(struct frames *f, struct rng *r);

#endif
