// SPDX-License-Identifier: BSD-2-Clause
/* The replay window against RFC 4303's words, kept as a plain list of what was seen. */
#include <stdlib.h>
#include <string.h>

#include "lib_frame.h"
#include "replay.h"

#define NUMBERS 60000

static uint32_t random_state = 1;

static uint32_t rnd(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)random_state * below >> 32);
}

/* Numbers start at @base, so that the model's list may be short. */
static void compare(uint32_t size, uint64_t base)
{
	static uint8_t seen[NUMBERS];
	struct replay_window *w = replay_new(size, base);
	uint64_t top = base, seq;
	unsigned int i;
	bool want;

	assert_non_null(w);
	memset(seen, 0, sizeof(seen));
	/* What it begins with counts as seen, and all below. */
	for (i = 0; i < 100 && i <= base; i++)
		assert_false(replay_check(w, base - i));
	for (i = 0; i < 20000; i++) {
		switch (rnd(8)) {
		case 0: /* far ahead, perhaps by more than the window or the ring */
			seq = top + rnd(3 * size + 130);
			break;
		case 1: /* about the window's left edge */
			seq = top - size + rnd(5) - 2;
			break;
		case 2:
			seq = top + 1;
			break;
		default:
			seq = top + 4 - rnd(size + 8);
			break;
		}
		if (seq <= base || seq >= base + NUMBERS)
			continue;
		want = seq > top || (top - seq < size && !seen[seq - base]);
		assert_int_equal(replay_check(w, seq), want);
		if (want && rnd(10)) { /* some turn out forged: nothing is marked */
			replay_mark(w, seq);
			seen[seq - base] = 1;
			if (seq > top)
				top = seq;
		}
	}
	replay_free(w);
}

static void test_every_size(void **state)
{
	static const uint64_t bases[] = { 0, 1, 63, 64, 12345, UINT32_MAX - NUMBERS };
	uint32_t size;

	(void)state;
	for (size = 2; size <= 200; size++)
		compare(size, bases[size % 6]);
	for (size = 201; size <= 4096; size += 211)
		compare(size, bases[size % 6]);
	compare(4095, 0);
	compare(4096, 0);
}

static void test_zero(void **state)
{
	struct replay_window *w = replay_new(64, 0);

	(void)state;
	assert_false(replay_check(w, 0));
	assert_true(replay_check(w, 1));
	replay_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_size),
					    cmocka_unit_test(test_zero) };

	return cmocka_run_group_tests_name("lib_replay", tests, NULL, NULL);
}
