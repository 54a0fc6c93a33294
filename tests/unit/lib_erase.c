// SPDX-License-Identifier: BSD-2-Clause
/* Keys are gone from memory when it is given back: every free() of library and OpenSSL is looked at. */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib_frame.h"

#define BLOCKS 65536

static const uint8_t *needle; /* the first 16 bytes of a key; they stand in the schedule too */
static size_t needle_len;
static unsigned int leaked;
static void *live[BLOCKS]; /* OpenSSL's blocks */

void __real_free(void *p);
void __wrap_free(void *p);

static bool holds(const void *block)
{
	return needle && memmem(block, malloc_usable_size((void *)block), needle, needle_len);
}

void __wrap_free(void *p)
{
	if (p && holds(p))
		leaked++;
	__real_free(p);
}

static void note(void *old, void *new)
{
	size_t i;

	for (i = 0; i < BLOCKS; i++)
		if (live[i] == old) {
			live[i] = new;
			return;
		}
	abort();
}

static void *ssl_malloc(size_t size, const char *file, int line)
{
	void *p = malloc(size);

	(void)file, (void)line;
	if (p)
		note(NULL, p);
	return p;
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	if (p)
		note(p, NULL);
	__wrap_free(p);
}

static void *ssl_realloc(void *p, size_t size, const char *file, int line)
{
	void *q = ssl_malloc(size, file, line);
	size_t old;

	if (!p || !q)
		return q;
	old = malloc_usable_size(p);
	memcpy(q, p, old < size ? old : size);
	ssl_free(p, file, line);
	return q;
}

static unsigned int blocks_with_key(void)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < BLOCKS; i++)
		n += live[i] && holds(live[i]);
	return n;
}

/* @how: 0 delete, 1 reset, 2 close */
static void erased(int how, unsigned int key_len)
{
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, key_len, 16, 0x55);
	struct vesper *v = open_soft(0);
	static uint8_t frame[ROOM];
	uint32_t out, in, len;

	needle = sa.key;
	needle_len = 16;
	leaked = 0;
	assert_int_equal(vesper_sa_add(v, &sa, &out), 0);
	sa.dir = VESPER_DIR_IN;
	assert_int_equal(vesper_sa_add(v, &sa, &in), 0);
	len = make_frame(frame, 0, 100);
	assert_int_equal(encrypt_one(v, out, frame, &len), VESPER_ST_OK);
	assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_OK);
	assert_true(blocks_with_key() > 0); /* else this test would see nothing at all */
	if (how == 0) {
		assert_int_equal(vesper_sa_del(v, out), 0);
		assert_int_equal(vesper_sa_del(v, in), 0);
		assert_int_equal(blocks_with_key(), 0);
	} else if (how == 1) {
		assert_int_equal(vesper_reset(v), 0);
		assert_int_equal(blocks_with_key(), 0);
	}
	vesper_close(v);
	assert_int_equal(blocks_with_key(), 0);
	assert_int_equal(leaked, 0);
	needle = NULL;
}

static void test_erased(void **state)
{
	int how;

	(void)state;
	for (how = 0; how < 3; how++) {
		erased(how, 16);
		erased(how, 24);
		erased(how, 32);
	}
}

/* The watch itself: a block that is freed with a key in it is seen. */
static void test_watch(void **state)
{
	static const uint8_t key[16] = "0123456789abcdef";
	uint8_t *block = malloc(100);

	(void)state;
	needle = key;
	needle_len = sizeof(key);
	leaked = 0;
	memcpy(block + 7, key, sizeof(key));
	__wrap_free(block);
	assert_int_equal(leaked, 1);
	needle = NULL;
}

/* A frame that is refused after decryption: nothing of its plaintext is left in the caller's memory. */
static void test_forged(void **state)
{
	struct vesper_sa sa = make_sa(VESPER_DIR_IN, VESPER_MODE_TRANSPORT, 32, 16, 0x56);
	struct vesper *v = open_soft(0);
	static uint8_t frame[ROOM];
	uint8_t text[256];
	uint32_t handle, len, i;

	(void)state;
	assert_int_equal(vesper_sa_add(v, &sa, &handle), 0);
	memset(text, 'p', sizeof(text));
	text[254] = 0;
	text[255] = 17;
	len = make_esp(frame, &sa, 1, text, sizeof(text));
	frame[len - 1] ^= 1;
	assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_ICV);
	for (i = 0; i < sizeof(text); i++)
		assert_int_equal(frame[ETH + IP + 16 + i], 0);

	/* Authentic, but refused for what is inside. */
	text[255] = 59;
	len = make_esp(frame, &sa, 2, text, sizeof(text));
	assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_DUMMY);
	for (i = 0; i < sizeof(text); i++)
		assert_int_equal(frame[ETH + IP + 16 + i], 0);
	vesper_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_watch),
					    cmocka_unit_test(test_erased),
					    cmocka_unit_test(test_forged) };

	if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free))
		return 1;
	return cmocka_run_group_tests_name("lib_erase", tests, NULL, NULL);
}
