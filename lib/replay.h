/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anti-replay window of any size from 2 to 4096 (RFC 4303 3.4.3), as a ring of
 * words in the manner of RFC 6479, except that each word carries the number of
 * the block it stands for: a word left over from an earlier round counts as
 * empty, so that nothing is ever cleared or shifted. The card does the same.
 */
#ifndef VESPER_REPLAY_H
#define VESPER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

struct replay_window;

/*
 * Makes a window of @size packets that begins behind @top: all up to that counts
 * as received. NULL without memory.
 */
struct replay_window *replay_new(uint32_t size, uint64_t top);
void replay_free(struct replay_window *w);

/* Would @seq be accepted? Number 0 never is. */
bool replay_check(const struct replay_window *w, uint64_t seq);

/* Marks @seq, which replay_check() accepts, as seen. */
void replay_mark(struct replay_window *w, uint64_t seq);

#endif
