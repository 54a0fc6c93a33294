// SPDX-License-Identifier: BSD-2-Clause
/* Every rule of vesper_sa_check(), the SA record against headers made by hand, and the sentences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "vesper_sa.h"
#include "vesper_status.h"

#define AT(member) offsetof(struct vesper_sa, member)

static struct vesper_sa good_sa(enum vesper_sa_dir dir, enum vesper_sa_mode mode)
{
	struct vesper_sa sa = {
		.dir = dir,
		.mode = mode,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 32,
		.icv_len = 16,
		.spi = { 0x00, 0x00, 0x01, 0x00 },
		.salt = { 0xca, 0xfe, 0xba, 0xbe },
		.src = { 192, 168, 0, 1 },
		.dst = { 192, 168, 0, 199 },
		.seq = cpu_to_le64(7),
	};
	int i;

	for (i = 0; i < 32; i++)
		sa.key[i] = (u8)(0x40 + i);
	if (dir == VESPER_DIR_OUT && mode == VESPER_MODE_TUNNEL)
		sa.ttl = 64;
	if (dir == VESPER_DIR_IN)
		sa.replay_window = cpu_to_le32(64);
	return sa;
}

static void expect(const struct vesper_sa *sa, enum vesper_mbx_status status, size_t field,
		   u64 value)
{
	struct vesper_sa_error err = { .field = 0xffff, .value = ~0ull };

	assert_int_equal(vesper_sa_check(sa, &err), status);
	assert_int_equal(vesper_sa_check(sa, NULL), status);
	if (!status) {
		assert_int_equal(err.field, 0xffff);
		return;
	}
	assert_int_equal(err.field, field);
	assert_int_equal(err.value, value);
}

static void accepts_each_kind(void **state)
{
	static const u8 keys[] = { 16, 24, 32 }, icvs[] = { 8, 12, 16 };
	size_t k, i;
	int dir, mode;

	(void)state;
	for (dir = VESPER_DIR_OUT; dir <= VESPER_DIR_IN; dir++)
		for (mode = VESPER_MODE_TUNNEL; mode <= VESPER_MODE_TRANSPORT; mode++)
			for (k = 0; k < ARRAY_SIZE(keys); k++)
				for (i = 0; i < ARRAY_SIZE(icvs); i++) {
					struct vesper_sa sa = good_sa(dir, mode);

					sa.key_len = keys[k];
					memset(sa.key + keys[k], 0, 32 - keys[k]);
					sa.icv_len = icvs[i];
					expect(&sa, VESPER_MBX_OK, 0, 0);
				}
}

/* One byte changed from a good SA must give exactly this code, field and value. */
static void refuses_each_bad_byte(void **state)
{
	static const struct {
		enum vesper_sa_dir dir;
		enum vesper_sa_mode mode;
		size_t at;
		u8 byte;
		enum vesper_mbx_status status;
		size_t field;
		u64 value;
	} cases[] = {
#define OUT_T VESPER_DIR_OUT, VESPER_MODE_TUNNEL
#define OUT_X VESPER_DIR_OUT, VESPER_MODE_TRANSPORT
#define IN_T  VESPER_DIR_IN, VESPER_MODE_TUNNEL
		{ OUT_T, AT(reserved0) + 1, 2, VESPER_MBX_E_RESERVED, AT(reserved0), 0x200 },
		{ OUT_T, AT(reserved1) + 3, 1, VESPER_MBX_E_RESERVED, AT(reserved1), 1u << 24 },
		{ IN_T, AT(reserved2) + 23, 9, VESPER_MBX_E_RESERVED, AT(reserved2) + 23, 9 },
		{ OUT_T, AT(dir), 0, VESPER_MBX_E_DIR, AT(dir), 0 },
		{ OUT_T, AT(dir), 3, VESPER_MBX_E_DIR, AT(dir), 3 },
		{ OUT_T, AT(mode), 0, VESPER_MBX_E_MODE, AT(mode), 0 },
		{ IN_T, AT(mode), 3, VESPER_MBX_E_MODE, AT(mode), 3 },
		{ OUT_T, AT(family), 6, VESPER_MBX_E_FAMILY, AT(family), 6 },
		{ OUT_T, AT(family), 5, VESPER_MBX_E_FAMILY, AT(family), 5 },
		{ OUT_T, AT(alg), 0, VESPER_MBX_E_ALG, AT(alg), 0 },
		{ OUT_T, AT(alg), 2, VESPER_MBX_E_ALG, AT(alg), 2 },
		{ OUT_T, AT(key_len), 0, VESPER_MBX_E_KEY_LEN, AT(key_len), 0 },
		{ OUT_T, AT(key_len), 17, VESPER_MBX_E_KEY_LEN, AT(key_len), 17 },
		{ OUT_T, AT(key_len), 255, VESPER_MBX_E_KEY_LEN, AT(key_len), 255 },
		{ OUT_T, AT(icv_len), 4, VESPER_MBX_E_ICV_LEN, AT(icv_len), 4 },
		{ OUT_T, AT(icv_len), 17, VESPER_MBX_E_ICV_LEN, AT(icv_len), 17 },
		{ OUT_T, AT(spi) + 2, 0, VESPER_MBX_E_SPI, AT(spi), 0 },
		{ OUT_T, AT(src) + 4, 7, VESPER_MBX_E_ADDRESS, AT(src) + 4, 7 },
		{ IN_T, AT(src) + 15, 8, VESPER_MBX_E_ADDRESS, AT(src) + 15, 8 },
		{ IN_T, AT(dst) + 9, 3, VESPER_MBX_E_ADDRESS, AT(dst) + 9, 3 },
		{ IN_T, AT(replay_window) + 1, 17, VESPER_MBX_E_WINDOW, AT(replay_window),
		  17 * 256 + 64 },
		{ OUT_T, AT(replay_window), 1, VESPER_MBX_E_WINDOW, AT(replay_window), 1 },
		{ OUT_T, AT(flags), 2, VESPER_MBX_E_FLAGS, AT(flags), 2 },
		{ OUT_T, AT(flags) + 3, 0x80, VESPER_MBX_E_FLAGS, AT(flags), 0x80000000 },
		{ OUT_X, AT(flags), VESPER_SAF_DF, VESPER_MBX_E_FLAGS, AT(flags), 1 },
		{ IN_T, AT(flags), VESPER_SAF_DF, VESPER_MBX_E_FLAGS, AT(flags), 1 },
		{ OUT_T, AT(ttl), 0, VESPER_MBX_E_TTL, AT(ttl), 0 },
		{ OUT_T, AT(seq) + 4, 1, VESPER_MBX_E_SEQ, AT(seq), 0x100000007 },
		/* The key has 32 bytes, and its ninth from the end is not reported. */
		{ OUT_T, AT(key_len), 24, VESPER_MBX_E_KEY_PADDING, AT(key) + 24, 0 },
		{ OUT_T, AT(key_len), 16, VESPER_MBX_E_KEY_PADDING, AT(key) + 16, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vesper_sa sa = good_sa(cases[i].dir, cases[i].mode);

		expect(&sa, VESPER_MBX_OK, 0, 0);
		((u8 *)&sa)[cases[i].at] = cases[i].byte;
		expect(&sa, cases[i].status, cases[i].field, cases[i].value);
	}
}

static void zero_addresses(void **state)
{
	struct vesper_sa sa = good_sa(OUT_T);

	(void)state;
	memset(sa.src, 0, 4);
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(src), 0);
	sa = good_sa(OUT_T);
	memset(sa.dst, 0, 4);
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(dst), 0);
	sa = good_sa(IN_T);
	memset(sa.src, 0, 4);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	memset(sa.dst, 0, 4);
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(dst), 0);
}

static void limits(void **state)
{
	struct vesper_sa sa = good_sa(IN_T);

	(void)state;
	sa.replay_window = cpu_to_le32(VESPER_REPLAY_MAX);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.replay_window = cpu_to_le32(VESPER_REPLAY_MAX + 1);
	expect(&sa, VESPER_MBX_E_WINDOW, AT(replay_window), VESPER_REPLAY_MAX + 1);
	sa.replay_window = 0;
	sa.seq = cpu_to_le64(0xffffffff);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	memset(sa.spi, 0, 4);
	sa.spi[3] = 255;
	expect(&sa, VESPER_MBX_E_SPI, AT(spi), 255);
	memset(sa.spi, 0xff, 4);
	expect(&sa, VESPER_MBX_OK, 0, 0);
}

/* Of several broken rules the first in the order of the enum is reported. */
static void order_of_rules(void **state)
{
	struct vesper_sa sa;

	(void)state;
	memset(&sa, 0xff, sizeof(sa));
	expect(&sa, VESPER_MBX_E_RESERVED, AT(reserved0), 0xffff);
	memset(&sa, 0, sizeof(sa));
	expect(&sa, VESPER_MBX_E_DIR, AT(dir), 0);
	sa = good_sa(OUT_T);
	sa.ttl = 0;
	sa.key_len = 16;
	expect(&sa, VESPER_MBX_E_TTL, AT(ttl), 0);
	sa.spi[2] = 0;
	expect(&sa, VESPER_MBX_E_SPI, AT(spi), 0);
}

static void queue_rule(void **state)
{
	struct vesper_sa sa = good_sa(IN_T);
	struct vesper_sa_error err = { 0 };

	(void)state;
	sa.queue = cpu_to_le16(1);
	assert_int_equal(vesper_sa_check_queue(&sa, 2, &err), VESPER_MBX_OK);
	sa.queue = cpu_to_le16(0x102);
	assert_int_equal(vesper_sa_check_queue(&sa, 2, &err), VESPER_MBX_E_QUEUE);
	assert_int_equal(vesper_sa_check_queue(&sa, 2, NULL), VESPER_MBX_E_QUEUE);
	assert_int_equal(err.field, AT(queue));
	assert_int_equal(err.value, 0x102);
	sa = good_sa(OUT_T);
	sa.queue = cpu_to_le16(9);
	assert_int_equal(vesper_sa_check_queue(&sa, 2, NULL), VESPER_MBX_OK);
}

/* 4500 0000 0000 4000 4032 0000 c0a8 0001 c0a8 00c7, added up by hand. */
static void template_by_hand(void **state)
{
	static const u8 want[20] = { 0x45, 0xb8, 0,   0,   0, 0, 0x40, 0,   0x40, 0x32,
				     0,	   0,	 192, 168, 0, 1, 192,  168, 0,	  199 };
	struct vesper_sa sa = good_sa(OUT_T);
	u8 hdr[20];

	(void)state;
	sa.tos = 0xb8;
	sa.flags = cpu_to_le32(VESPER_SAF_DF);
	/* 45b8 + 4000 + 4032 + c0a8 + 0001 + c0a8 + 00c7 = 24802, folded 4804. */
	assert_int_equal(vesper_ipv4_template(&sa, hdr), 0x4804);
	assert_memory_equal(hdr, want, 20);
	sa.flags = 0;
	assert_int_equal(vesper_ipv4_template(&sa, hdr), 0x0804);
	assert_int_equal(hdr[6], 0);
}

/* The largest sum there is, and the well-known header whose checksum is b861. */
static void template_sums(void **state)
{
	struct vesper_sa sa = good_sa(OUT_T);
	u32 sum, ip;
	u8 hdr[20];

	(void)state;
	sa.tos = 0xff;
	sa.ttl = 0xff;
	memset(sa.src, 0xff, 4);
	memset(sa.dst, 0xff, 4);
	/* 45ff + ff32 + 4 * ffff = 5452d, folded 4532. */
	assert_int_equal(vesper_ipv4_template(&sa, hdr), 0x4532);

	/* 4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7, with protocol 50 for 17. */
	sa = good_sa(OUT_T);
	sa.flags = cpu_to_le32(VESPER_SAF_DF);
	sum = vesper_ipv4_template(&sa, hdr);
	ip = sum + 0x73 - (0x32 - 0x11);
	assert_int_equal((u16)~ip, 0xb861);
}

static void record_fields(void **state)
{
	static const u8 h[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	static const u8 zeros[VESPER_SA_HDR_MAX];
	struct vesper_sa sa = good_sa(OUT_T);
	struct vesper_sa_record rec;
	u8 hdr[20];

	(void)state;
	memset(&rec, 0xee, sizeof(rec));
	vesper_sa_encode(&sa, h, &rec);
	assert_memory_equal(rec.key, sa.key, 32);
	assert_memory_equal(rec.h, h, 16);
	assert_memory_equal(rec.salt, sa.salt, 4);
	assert_memory_equal(rec.spi, sa.spi, 4);
	assert_memory_equal(rec.dst, sa.dst, 16);
	assert_memory_equal(rec.src, sa.src, 16);
	assert_int_equal(le16_to_cpu(rec.hdr_sum), vesper_ipv4_template(&sa, hdr));
	assert_memory_equal(rec.hdr, hdr, 20);
	assert_memory_equal(rec.hdr + 20, zeros, 20);
	assert_int_equal(rec.hdr_len, 20);
	assert_int_equal(rec.key_len, 2);
	assert_int_equal(rec.icv_len, 16);
	assert_int_equal(rec.mode, VESPER_MODE_TUNNEL);
	assert_int_equal(rec.family, VESPER_IPV4);
	assert_int_equal(rec.dir, VESPER_DIR_OUT);
	assert_int_equal(le64_to_cpu(rec.seq), 7);
	assert_memory_equal(rec.reserved, (u8[102]){ 0 }, 102);

	sa = good_sa(IN_T);
	sa.key_len = 16;
	memset(sa.key + 16, 0, 16);
	sa.queue = cpu_to_le16(1);
	vesper_sa_encode(&sa, h, &rec);
	assert_int_equal(rec.hdr_len, 0);
	assert_int_equal(rec.hdr_sum, 0);
	assert_memory_equal(rec.hdr, zeros, 40);
	assert_int_equal(rec.key_len, 0);
	assert_int_equal(le16_to_cpu(rec.queue), 1);
	assert_int_equal(le32_to_cpu(rec.replay_window), 64);
	sa.key_len = 24;
	vesper_sa_encode(&sa, h, &rec);
	assert_int_equal(rec.key_len, 1);
	sa = good_sa(OUT_X);
	vesper_sa_encode(&sa, h, &rec);
	assert_int_equal(rec.hdr_len, 0);
}

/* Each assigned code has a sentence and a name of its own, and no other number has. */
static void sentences(void **state)
{
	u32 a, b, named = 0;

	(void)state;
	for (a = 0; a < VESPER_MBX_STATUS_COUNT; a++) {
		assert_non_null(vesper_mbx_strerror(a));
		for (b = 0; b < a; b++)
			assert_string_not_equal(vesper_mbx_strerror(a), vesper_mbx_strerror(b));
		assert_string_not_equal(vesper_mbx_strerror(a), vesper_mbx_strerror(0xffffffff));
	}
	for (a = 0; a < VESPER_ST_COUNT; a++) {
		if (!vesper_status_name(a)) {
			assert_string_equal(vesper_status_str(a), vesper_status_str(0x10000));
			continue;
		}
		named++;
		assert_string_not_equal(vesper_status_str(a), vesper_status_str(0x10000));
		for (b = 0; b < a; b++) {
			if (!vesper_status_name(b))
				continue;
			assert_string_not_equal(vesper_status_str(a), vesper_status_str(b));
			assert_string_not_equal(vesper_status_name(a), vesper_status_name(b));
		}
	}
	assert_int_equal(named, 30);
	assert_null(vesper_status_name(VESPER_ST_COUNT));
	assert_string_equal(vesper_status_name(VESPER_ST_ICV), "icv");
}

static void field_names(void **state)
{
	(void)state;
	assert_string_equal(vesper_sa_field_name(0), "dir");
	assert_string_equal(vesper_sa_field_name(AT(src) + 15), "src");
	assert_string_equal(vesper_sa_field_name(AT(dst)), "dst");
	assert_string_equal(vesper_sa_field_name(127), "reserved2");
	assert_string_equal(vesper_sa_field_name(128), "?");
	assert_string_equal(vesper_sa_field_name(0xffffffff), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_each_kind), cmocka_unit_test(refuses_each_bad_byte),
		cmocka_unit_test(zero_addresses),    cmocka_unit_test(limits),
		cmocka_unit_test(order_of_rules),    cmocka_unit_test(queue_rule),
		cmocka_unit_test(template_by_hand),  cmocka_unit_test(template_sums),
		cmocka_unit_test(record_fields),     cmocka_unit_test(sentences),
		cmocka_unit_test(field_names),
	};

	return cmocka_run_group_tests_name("common_sa", tests, NULL, NULL);
}
