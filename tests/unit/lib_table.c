// SPDX-License-Identifier: BSD-2-Clause
/* The calls about SAs, the handle's options, and what the library says when it refuses. */
#include <errno.h>
#include <string.h>

#include "lib_frame.h"

static void test_options(void **state)
{
	struct vesper_opts opts = { .size = sizeof(opts) };
	struct {
		struct vesper_opts opts;
		unsigned int newer;
	} longer = { .opts.size = sizeof(longer), .newer = 7 };
	struct vesper *v;
	char text[128];

	(void)state;
	opts.ring = 100;
	assert_int_equal(vesper_open(&opts, &v, text, sizeof(text)), -EINVAL);
	assert_null(v);
	assert_non_null(strstr(text, "ring"));
	assert_non_null(strstr(text, "100"));
	opts.ring = 0;
	opts.mtu = 13;
	assert_int_equal(vesper_open(&opts, &v, text, sizeof(text)), -EINVAL);
	assert_non_null(strstr(text, "mtu: 13"));
	opts.size = 0;
	assert_int_equal(vesper_open(&opts, &v, text, sizeof(text)), -EINVAL);
	assert_non_null(strstr(text, "size: 0"));
	opts = (struct vesper_opts){ .size = sizeof(opts), .card = "/nonexistent/card" };
	assert_true(vesper_open(&opts, &v, text, sizeof(text)) < 0);
	assert_non_null(strstr(text, "/nonexistent/card"));
	assert_int_equal(vesper_open(&longer.opts, &v, text, sizeof(text)), -EINVAL);
	longer.newer = 0;
	assert_int_equal(vesper_open(&longer.opts, &v, text, sizeof(text)), 0);
	vesper_close(v);
	vesper_close(NULL);
}

static void test_many(void **state)
{
	static uint32_t handle[2000];
	struct vesper *v = open_soft(0);
	struct vesper_sa_info info;
	struct vesper_sa sa;
	uint32_t i, n, again;

	(void)state;
	for (i = 0; i < 2000; i++) {
		sa = make_sa(i & 1 ? VESPER_DIR_IN : VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16,
			     i / 2);
		assert_int_equal(vesper_sa_add(v, &sa, &handle[i]), 0);
		assert_int_equal(!!(handle[i] & VESPER_SA_INBOUND), i & 1);
	}
	assert_int_equal(vesper_sa_add(v, &sa, &again), -EEXIST);
	for (n = 0, again = 0; !vesper_sa_next(v, again, &info); again = info.handle, n++) {
		assert_int_equal(info.handle, handle[n < 1000 ? 2 * n : 2 * (n - 1000) + 1]);
		assert_int_equal(info.sa.spi[3], (n % 1000) & 255);
	}
	assert_int_equal(n, 2000);
	/* Every third goes; its handle is stale for good, its place is used again. */
	for (i = 0; i < 2000; i += 3)
		assert_int_equal(vesper_sa_del(v, handle[i]), 0);
	for (i = 0; i < 2000; i++)
		assert_int_equal(vesper_sa_query(v, handle[i], &info), i % 3 ? 0 : -ENOENT);
	for (i = 0; i < 2000; i += 3) {
		uint32_t stale = handle[i];

		sa = make_sa(i & 1 ? VESPER_DIR_IN : VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16,
			     i / 2);
		assert_int_equal(vesper_sa_add(v, &sa, &handle[i]), 0);
		assert_int_not_equal(handle[i], stale);
		assert_int_equal(handle[i] & 0xffff, stale & 0xffff);
		assert_int_equal(vesper_sa_del(v, stale), -ENOENT);
	}
	assert_non_null(strstr(vesper_strerror(v), "handle"));
	assert_int_equal(vesper_reset(v), 0);
	assert_int_equal(vesper_sa_next(v, 0, &info), -ENOENT);
	assert_int_equal(vesper_sa_query(v, handle[5], &info), -ENOENT);
	vesper_close(v);
}

static void test_full(void **state)
{
	struct vesper *v = open_soft(0);
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TRANSPORT, 16, 16, 0);
	struct vesper_info info;
	uint32_t i, handle = 0;

	(void)state;
	assert_int_equal(vesper_info(v, &info), 0);
	for (i = 0; i < info.sa_entries; i++) {
		memcpy(sa.src, &i, 4);
		memcpy(sa.spi + 1, &i, 3);
		assert_int_equal(vesper_sa_add(v, &sa, &handle), 0);
	}
	sa.spi[0] = 9;
	assert_int_equal(vesper_sa_add(v, &sa, &i), -ENOSPC);
	assert_int_equal(vesper_sa_del(v, handle), 0);
	assert_int_equal(vesper_sa_add(v, &sa, &i), 0);
	vesper_close(v);
}

static void test_refused(void **state)
{
	struct vesper *v = open_soft(0);
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 0);
	uint32_t handle;

	(void)state;
	sa.icv_len = 10;
	assert_int_equal(vesper_sa_add(v, &sa, &handle), -EINVAL);
	assert_non_null(strstr(vesper_strerror(v), "icv_len = 10"));
	sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 0);
	sa.replay_window = 64;
	assert_int_equal(vesper_sa_add(v, &sa, &handle), -EINVAL);
	assert_non_null(strstr(vesper_strerror(v), "replay_window = 64"));
	assert_int_equal(vesper_send(v, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(vesper_recv(v, NULL, 0, 0), -EOPNOTSUPP);
	assert_int_equal(vesper_selftest(v), 0);
	vesper_close(v);
}

static void test_counters(void **state)
{
	static uint8_t frame[ROOM];
	struct vesper *v = open_soft(0);
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 3);
	struct vesper_sa_info info;
	struct vesper_stats stats;
	uint32_t out, in, len, esp;
	uint8_t copy[256];

	(void)state;
	assert_int_equal(vesper_sa_add(v, &sa, &out), 0);
	sa.dir = VESPER_DIR_IN;
	sa.replay_window = 32;
	assert_int_equal(vesper_sa_add(v, &sa, &in), 0);
	len = make_frame(frame, 0, 10);
	assert_int_equal(encrypt_one(v, out, frame, &len), VESPER_ST_OK);
	memcpy(copy, frame, esp = len);
	assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_OK);
	memcpy(frame, copy, len = esp);
	assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_REPLAY);
	memcpy(frame, copy, len = esp);
	frame[ETH + IP + 7] = 2; /* another sequence number: another AAD */
	assert_int_equal(decrypt_one(v, frame, &len), VESPER_ST_ICV);
	assert_int_equal(vesper_sa_query(v, in, &info), 0);
	assert_int_equal(info.packets, 1);
	assert_int_equal(info.bytes, 30);
	assert_int_equal(info.drops[VESPER_SAD_REPLAY], 1);
	assert_int_equal(info.drops[VESPER_SAD_ICV], 1);
	assert_int_equal(info.seq, 1);
	assert_int_equal(vesper_sa_query(v, out, &info), 0);
	assert_int_equal(info.packets, 1);
	assert_int_equal(info.seq, 1);
	assert_int_equal(vesper_stats(v, &stats), 0);
	assert_int_equal(stats.tx[VESPER_ST_OK], 2);
	assert_int_equal(stats.tx[VESPER_ST_REPLAY], 1);
	assert_int_equal(stats.tx[VESPER_ST_ICV], 1);
	assert_string_equal(vesper_status_name(VESPER_ST_OK), "ok");
	vesper_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),	 cmocka_unit_test(test_many),
		cmocka_unit_test(test_full),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests_name("lib_table", tests, NULL, NULL);
}
