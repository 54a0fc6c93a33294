// SPDX-License-Identifier: BSD-2-Clause
/* ESP in software: what passes, byte for byte, and NIST's vectors through the crypto provider. */
#include <glob.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "lib_frame.h"

static const unsigned int keys[] = { 16, 24, 32 }, icvs[] = { 8, 12, 16 };

/* Every length up to 300 and the longest, all keys and ICVs in turn. */
static void round_trip(unsigned int mode)
{
	static uint8_t frame[ROOM], original[ROOM];
	struct vesper *v = open_soft(0);
	uint32_t len, out, in, i, before, handle_in;
	struct vesper_sa sa;

	for (i = 0; i < 9; i++) {
		sa = make_sa(VESPER_DIR_OUT, mode, keys[i / 3], icvs[i % 3], i);
		assert_int_equal(vesper_sa_add(v, &sa, &out), 0);
		sa.dir = VESPER_DIR_IN;
		sa.replay_window = 64;
		assert_int_equal(vesper_sa_add(v, &sa, &handle_in), 0);
		for (len = 0; len <= 1500; len += len < 300 ? 1 : 97) {
			before = make_frame(frame, len % 11 * 4, len);
			memcpy(original, frame, before);
			in = before + 5; /* Ethernet padding is no part of the packet */
			assert_int_equal(encrypt_one(v, out, frame, &in), VESPER_ST_OK);
			assert_int_equal((in - ETH) % 4, 0);
			assert_int_equal(frame[ETH + 9], 50);
			assert_int_equal(decrypt_one(v, frame, &in), VESPER_ST_OK);
			assert_int_equal(in, before);
			assert_memory_equal(frame, original, before);
		}
	}
	vesper_close(v);
}

static void test_round_trip_tunnel(void **state)
{
	(void)state;
	round_trip(VESPER_MODE_TUNNEL);
}

static void test_round_trip_transport(void **state)
{
	(void)state;
	round_trip(VESPER_MODE_TRANSPORT);
}

/* Against ESP made by hand: the IV is the sequence number, so its first word is zero here. */
static void test_outbound_bytes(void **state)
{
	static uint8_t frame[ROOM], want[ROOM];
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 32, 16, 5);
	struct vesper *v = open_soft(0);
	uint32_t handle, len, i;
	uint8_t *ip = frame + ETH;

	(void)state;
	sa.seq = 0x1233;
	sa.tos = 0x2c;
	sa.flags = VESPER_SAF_DF;
	assert_int_equal(vesper_sa_add(v, &sa, &handle), 0);
	len = make_frame(frame, 0, 7);
	assert_int_equal(encrypt_one(v, handle, frame, &len), VESPER_ST_OK);
	assert_int_equal(len, ETH + IP + 16 + 32 + 16);
	static const uint8_t head[] = { 0x45, 0x2c, 0, 84, 0x12, 0x34, 0x40, 0, 64, 50 };
	static const uint8_t iv[] = { 0, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0x12, 0x34 };
	assert_memory_equal(ip, head, sizeof(head));
	assert_memory_equal(ip + 12, sa.src, 4);
	assert_memory_equal(ip + 16, sa.dst, 4);
	memcpy(want, frame, len);
	set_checksum(want);
	assert_memory_equal(want, frame, len);
	assert_memory_equal(ip + IP, sa.spi, 4);
	assert_memory_equal(ip + IP + 4, iv, sizeof(iv));

	/* The plaintext: packet, 1 2 3, 3, 4. A stream cipher tells it by its own key stream. */
	struct crypto_key *key = crypto->key_new(sa.key, sa.key_len);
	uint8_t plain[32];
	struct crypto_msg m = {
		.aad = ip + IP,
		.aad_len = 8,
		.data = plain,
		.len = sizeof(plain),
		.tag = ip + IP + 48,
		.tag_len = 16,
	};
	memcpy(m.nonce, sa.salt, 4);
	memcpy(m.nonce + 4, ip + IP + 8, 8);
	memcpy(plain, ip + IP + 16, 32);
	assert_int_equal(crypto->open(key, &m), 0);
	make_frame(want, 0, 7);
	assert_memory_equal(plain, want + ETH, 27);
	for (i = 0; i < 3; i++)
		assert_int_equal(plain[27 + i], i + 1);
	assert_int_equal(plain[30], 3);
	assert_int_equal(plain[31], 4);
	crypto->key_free(key);
	vesper_close(v);
}

/* Longer padding than needed and TFC padding (RFC 4303 2.4, 2.7) are a sender's right. */
static void test_inbound_padding(void **state)
{
	static uint8_t frame[ROOM], inner[ROOM];
	struct vesper_sa sa = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 16, 12, 6);
	struct vesper *v = open_soft(0);
	uint32_t handle, pad, i, len, text, seq = 0;
	uint8_t plain[1024];

	(void)state;
	assert_int_equal(vesper_sa_add(v, &sa, &handle), 0);
	for (pad = 0; pad < 256; pad++) {
		uint32_t tfc = pad % 3 * 10;

		text = make_frame(inner, 0, 10) - ETH;
		memset(plain, 0x77, sizeof(plain));
		memcpy(plain, inner + ETH, text);
		while ((text + tfc + pad + 2) % 4)
			tfc++;
		for (i = 0; i < pad; i++)
			plain[text + tfc + i] = (uint8_t)(i + 1);
		plain[text + tfc + pad] = (uint8_t)pad;
		plain[text + tfc + pad + 1] = 4;
		len = make_esp(frame, &sa, ++seq, plain, text + tfc + pad + 2);
		assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_OK);
		assert_int_equal(len, ETH + text);
		assert_memory_equal(frame + ETH, inner + ETH, text);
		if (!pad)
			continue;
		plain[text + tfc + pad / 2] ^= 0x80;
		len = make_esp(frame, &sa, ++seq, plain, text + tfc + pad + 2);
		assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_PADDING);
	}
	vesper_close(v);
}

static size_t unhex(const char *text, uint8_t *out, size_t max)
{
	unsigned int byte;
	size_t n = 0;

	while (n < max && sscanf(text + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

struct vector {
	uint8_t key[32], iv[128], pt[128], aad[128], ct[128], tag[16];
	size_t key_len, iv_len, pt_len, aad_len, ct_len, tag_len;
	bool fail, has_key;
};

static void run_vector(const struct vector *t, bool sealing, unsigned int *ran)
{
	struct crypto_key *key;
	uint8_t data[128] = { 0 }, tag[16], zero[128] = { 0 };
	/* The additional data in two parts. */
	struct crypto_msg m = {
		.aad = t->aad,
		.aad_len = t->aad_len / 2,
		.more = t->aad + t->aad_len / 2,
		.more_len = t->aad_len - t->aad_len / 2,
		.data = data,
		.len = sealing ? t->pt_len : t->ct_len,
		.tag = tag,
		.tag_len = t->tag_len,
	};
	int got;

	if (!t->has_key || t->iv_len != 12)
		return;
	key = crypto->key_new(t->key, t->key_len);
	assert_non_null(key);
	memcpy(m.nonce, t->iv, sizeof(m.nonce));
	if (sealing) {
		memcpy(data, t->pt, t->pt_len);
		assert_int_equal(crypto->seal(key, &m), 0);
		assert_memory_equal(data, t->ct, t->ct_len);
		assert_memory_equal(tag, t->tag, t->tag_len);
	} else {
		memcpy(data, t->ct, t->ct_len);
		memcpy(tag, t->tag, t->tag_len);
		got = crypto->open(key, &m);
		assert_int_equal(got, t->fail ? -EBADMSG : 0);
		assert_memory_equal(data, t->fail ? zero : t->pt, t->ct_len);
	}
	crypto->key_free(key);
	++*ran;
}

static unsigned int run_file(const char *path, bool sealing)
{
	static char line[4096];
	struct vector t = { 0 };
	unsigned int ran = 0;
	FILE *in = fopen(path, "r");
	char *value;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		value = strchr(line, '=');
		value = value ? value + 2 : line;
		if (!strncmp(line, "Count", 5)) {
			run_vector(&t, sealing, &ran);
			memset(&t, 0, sizeof(t));
		} else if (!strncmp(line, "Key =", 5)) {
			t.key_len = unhex(value, t.key, 32);
			t.has_key = true;
		} else if (!strncmp(line, "IV =", 4)) {
			t.iv_len = unhex(value, t.iv, 128);
		} else if (!strncmp(line, "PT =", 4)) {
			t.pt_len = unhex(value, t.pt, 128);
		} else if (!strncmp(line, "AAD =", 5)) {
			t.aad_len = unhex(value, t.aad, 128);
		} else if (!strncmp(line, "CT =", 4)) {
			t.ct_len = unhex(value, t.ct, 128);
		} else if (!strncmp(line, "Tag =", 5)) {
			t.tag_len = unhex(value, t.tag, 16);
		} else if (!strncmp(line, "FAIL", 4)) {
			t.fail = true;
		}
	}
	run_vector(&t, sealing, &ran);
	fclose(in);
	return ran;
}

static void test_nist(void **state)
{
	glob_t found;
	unsigned int ran = 0;
	size_t i;

	(void)state;
	assert_int_equal(
		glob("build/venv/lib/python3*/site-packages/cryptography_vectors/ciphers/AES/GCM/gcm*.rsp",
		     0, NULL, &found),
		0);
	assert_int_equal(found.gl_pathc, 6);
	for (i = 0; i < found.gl_pathc; i++)
		ran += run_file(found.gl_pathv[i], strstr(found.gl_pathv[i], "Encrypt"));
	globfree(&found);
	assert_true(ran > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_tunnel),
		cmocka_unit_test(test_round_trip_transport),
		cmocka_unit_test(test_outbound_bytes),
		cmocka_unit_test(test_inbound_padding),
		cmocka_unit_test(test_nist),
	};

	return cmocka_run_group_tests_name("lib_esp", tests, NULL, NULL);
}
