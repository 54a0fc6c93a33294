// SPDX-License-Identifier: BSD-2-Clause
/* The firmware's crypto port, known-answer tests and memory functions on mocked hardware. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "firmware_mock.h"
#include "kat.h"

/* The firmware's own, under other names beside those of this machine. */
#define memcpy fw_memcpy
#define memset fw_memset
void *fw_memcpy(void *restrict to, const void *restrict from, size_t len);
void *fw_memset(void *to, int value, size_t len);
#include "mem.c"
#undef memcpy
#undef memset

static int reset(void **state)
{
	(void)state;
	mock_reset();
	return 0;
}

static void test_hash_key(void **state)
{
	/* FIPS-197 appendix B's key; E(K, 0) of it */
	static const u8 key[16]
		__attribute__((aligned(4))) = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
						0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };
	static const u8 want[16] = { 0x7d, 0xf7, 0x6b, 0x0c, 0x1a, 0xb8, 0x99, 0xb3,
				     0x3e, 0x42, 0xf0, 0x47, 0xb9, 0x1b, 0x54, 0x6f };
	u8 h[16] __attribute__((aligned(4)));

	(void)state;
	assert_int_equal(crypto_hash_key(CRYPTO_IN, key, 16, h), 0);
	assert_memory_equal(h, want, 16);
	assert_int_equal(mock.gcm_jobs[CRYPTO_IN], 1);
	assert_true(mock_gcm_erased());
}

static void test_engine_errors(void **state)
{
	static const u8 zero[32] __attribute__((aligned(4)));
	u8 h[16] __attribute__((aligned(4)));

	(void)state;
	mock.gcm_short = true;
	assert_int_equal(crypto_hash_key(CRYPTO_OUT, zero, 32, h), -EIO);
	assert_true(mock_gcm_erased());
	mock.gcm_short = false;
	mock.gcm_stuck = true;
	assert_int_equal(crypto_hash_key(CRYPTO_OUT, zero, 32, h), -ETIMEDOUT);
	mock.gcm_stuck = false;
	assert_int_equal(crypto_hash_key(CRYPTO_OUT, zero, 32, h), -EBUSY);
	/* The late answer is an H that nobody fetches. */
	mock_gcm_finish();
	assert_true(mock_gcm_erased());
	assert_int_equal(crypto_hash_key(CRYPTO_OUT, zero, 32, h), 0);
}

static void test_kat(void **state)
{
	struct kat_failure failure = { 0 };

	(void)state;
	assert_true(kat_run(&failure));
	assert_int_equal(mock.gcm_jobs[0], 14);
	assert_int_equal(mock.gcm_jobs[1], 14);
	mock.flip_tag[0] = 0x80;
	assert_false(kat_run(&failure));
	assert_int_equal(failure.engine, 0);
	assert_int_equal(failure.key_len, 16);
	assert_int_equal(failure.step, KAT_ENCRYPT);
	assert_int_equal(failure.error, 0);
	mock.flip_tag[0] = 0;
	mock.gcm_short = true;
	assert_false(kat_run(&failure));
	assert_int_equal(failure.step, KAT_HASH_KEY);
	assert_int_equal(failure.error, -EIO);
}

static void test_equal(void **state)
{
	u8 a[52] __attribute__((aligned(4))) = { 0 }, b[52] __attribute__((aligned(4))) = { 0 };
	size_t i;

	(void)state;
	assert_true(crypto_equal(a, b, 51));
	for (i = 0; i < 51; i++) {
		b[i] = 1;
		assert_false(crypto_equal(a, b, 51));
		b[i] = 0;
	}
}

static void test_memory(void **state)
{
	u8 from[96], to[96], want[96];
	size_t len, at, skew, i;

	(void)state;
	for (i = 0; i < sizeof(from); i++)
		from[i] = (u8)(i + 1);
	for (at = 0; at < 5; at++) {
		for (skew = 0; skew < 5; skew++) {
			for (len = 0; len < 70; len++) {
				memset(to, 0xaa, sizeof(to));
				memcpy(want, to, sizeof(to));
				memcpy(want + at, from + skew, len);
				assert_ptr_equal(fw_memcpy(to + at, from + skew, len), to + at);
				assert_memory_equal(to, want, sizeof(to));
				memset(want + at, (int)len, len);
				assert_ptr_equal(fw_memset(to + at, (int)len, len), to + at);
				assert_memory_equal(to, want, sizeof(to));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hash_key, reset),
		cmocka_unit_test_setup(test_engine_errors, reset),
		cmocka_unit_test_setup(test_kat, reset),
		cmocka_unit_test_setup(test_equal, reset),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
