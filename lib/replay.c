// SPDX-License-Identifier: BSD-2-Clause
#include "replay.h"

#include <stdlib.h>

#define WORD_BITS 64

struct replay_word {
	uint64_t block; /* seq / 64 of what `seen` stands for */
	uint64_t seen;
};

struct replay_window {
	uint64_t top;
	uint64_t base; /* all up to it counts as seen */
	uint32_t size;
	uint32_t mask; /* words - 1 */
	struct replay_word ring[];
};

struct replay_window *replay_new(uint32_t size, uint64_t top)
{
	struct replay_window *w;
	uint32_t words = 2;

	/* A window that starts inside a word touches one word more. */
	while (words < (size + WORD_BITS - 1) / WORD_BITS + 1)
		words *= 2;
	w = calloc(1, sizeof(*w) + words * sizeof(w->ring[0]));
	if (!w)
		return NULL;
	w->top = top;
	w->size = size;
	w->mask = words - 1;
	w->base = top;
	return w;
}

void replay_free(struct replay_window *w)
{
	free(w);
}

bool replay_check(const struct replay_window *w, uint64_t seq)
{
	const struct replay_word *word = &w->ring[(seq / WORD_BITS) & w->mask];

	if (seq <= w->base)
		return false;
	if (seq > w->top)
		return true;
	if (w->top - seq >= w->size)
		return false;
	return word->block != seq / WORD_BITS || !(word->seen >> (seq % WORD_BITS) & 1);
}

void replay_mark(struct replay_window *w, uint64_t seq)
{
	struct replay_word *word = &w->ring[(seq / WORD_BITS) & w->mask];

	if (word->block != seq / WORD_BITS) {
		word->block = seq / WORD_BITS;
		word->seen = 0;
	}
	word->seen |= 1ull << (seq % WORD_BITS);
	if (seq > w->top)
		w->top = seq;
}
