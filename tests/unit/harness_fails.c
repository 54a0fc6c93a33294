// SPDX-License-Identifier: BSD-2-Clause
/*
 * A C test program that passes, skips, fails and, when asked to, corrupts its
 * heap: what the harness must tell apart.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

static void passes(void **state)
{
	(void)state;
	assert_int_equal(2 + 2, 4);
}

static void skips(void **state)
{
	(void)state;
	skip();
}

static void fails(void **state)
{
	(void)state;
	if (getenv("HARNESS_FAIL"))
		assert_int_equal(2 + 2, 5);
}

static void overruns(void **state)
{
	(void)state;
	size_t past_end = getenv("HARNESS_OVERRUN") ? 8 : 7;
	volatile uint8_t *bytes = calloc(1, 8);

	assert_non_null(bytes);
	bytes[past_end] = 1;
	free((void *)bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes),
		cmocka_unit_test(skips),
		cmocka_unit_test(fails),
		cmocka_unit_test(overruns),
	};

	return cmocka_run_group_tests_name("harness", tests, NULL, NULL);
}
