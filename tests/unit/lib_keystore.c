// SPDX-License-Identifier: BSD-2-Clause
/* Slots for keys: none is given twice, and what is given back holds nothing of what it held. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "keystore.h"

#define SLOTS 5000 /* several chunks */

static uint8_t *slot[SLOTS];

static void slots(void **state)
{
	static const uint8_t zero[KEYSTORE_SLOT];
	struct keystore *k = keystore_new();
	unsigned int round, i, n;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = round; i < SLOTS; i += round ? 2 : 1) {
			slot[i] = keystore_get(k);
			assert_non_null(slot[i]);
			assert_memory_equal(slot[i], zero, KEYSTORE_SLOT);
			memset(slot[i], (int)(1 + i % 255), KEYSTORE_SLOT);
		}
		for (i = 0; i < SLOTS; i++)
			for (n = 0; n < KEYSTORE_SLOT; n++)
				assert_int_equal(slot[i][n], 1 + i % 255);
		for (i = round + 1; i < SLOTS; i += 2) {
			keystore_put(k, slot[i]);
			/* All but the link to the next free one. */
			assert_memory_equal(slot[i] + sizeof(void *), zero,
					    KEYSTORE_SLOT - sizeof(void *));
		}
		if (round == 1)
			break;
	}
	keystore_put(k, NULL);
	keystore_free(k);
	keystore_free(NULL);
}

/* The memory is left out of core dumps, and locked where the process may. */
static void protected(void **state)
{
	struct keystore *k = keystore_new();
	uintptr_t at = (uintptr_t)keystore_get(k), low, high;
	bool inside = false, seen = false;
	char line[512];
	FILE *maps = fopen("/proc/self/smaps", "r");

	(void)state;
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &low, &high) == 2)
			inside = at >= low && at < high;
		if (inside && !strncmp(line, "VmFlags:", 8)) {
			assert_non_null(strstr(line, " dd"));
			assert_non_null(strstr(line, " dc"));
			seen = true;
		}
	}
	fclose(maps);
	assert_true(seen);
	keystore_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots),
		cmocka_unit_test(protected),
	};

	return cmocka_run_group_tests_name("lib_keystore", tests, NULL, NULL);
}
