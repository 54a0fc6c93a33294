// SPDX-License-Identifier: BSD-2-Clause
/* The firmware's mailbox on mocked hardware: answers, refusals, and what it erases. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "card.h"
#include "firmware_host.h"

static void test_start(void **state)
{
	(void)state;
	assert_int_equal(mock.state,
			 VESPER_MGMT__STATE__FW_READY_bm | VESPER_MGMT__STATE__DATA_PATH_OPEN_bm);
	assert_int_equal(mock.fw_version, CARD_FW_VERSION);
	assert_int_equal(mock.gcm_jobs[0], 14);
	assert_int_equal(mock.gcm_jobs[1], 14);
}

static void test_start_broken(void **state)
{
	int engine;

	(void)state;
	for (engine = 0; engine < 2; engine++) {
		mock_reset();
		mock.flip_tag[engine] = 0x10;
		card_start();
		assert_int_equal(mock.state, VESPER_MGMT__STATE__FW_READY_bm |
						     VESPER_MGMT__STATE__SELFTEST_FAILED_bm);
	}
	mock_reset();
	mock.gcm_stuck = true;
	card_start();
	assert_int_equal(mock.state,
			 VESPER_MGMT__STATE__FW_READY_bm | VESPER_MGMT__STATE__SELFTEST_FAILED_bm);
}

static void test_identify(void **state)
{
	struct vesper_mbx_hdr msg = { 0 };
	const struct vesper_mbx_identify_rsp *id = (const void *)mock.response;

	(void)state;
	call(&msg, VESPER_MBX_IDENTIFY, sizeof(msg));
	assert_ok(sizeof(*id));
	assert_int_equal(id->abi_major, VESPER_ABI_MAJOR);
	assert_int_equal(id->abi_minor, VESPER_ABI_MINOR);
	assert_int_equal(id->features, 0x7fffff);
	assert_int_equal(id->fw_version, CARD_FW_VERSION);
	assert_int_equal(id->sa_entries, 1024);
	assert_int_equal(id->queues, 2);
	assert_int_equal(id->gcm_blocks, 4);
	assert_int_equal(id->selftest, 1);
	assert_int_equal(id->policy_entries, 512);
	assert_int_equal(id->policy_masks, 16);
	assert_int_equal(id->replay_max, 1024);
	assert_int_equal(id->reserved, 0);
}

static void test_add_query_delete(void **state)
{
	struct vesper_mbx_sa_add add = good();
	struct vesper_mbx_handle msg = { 0 };
	const struct vesper_mbx_handle *answer = (const void *)mock.response;
	const struct vesper_mbx_sa_query_rsp *query = (const void *)mock.response;
	u32 handle;
	/* E(key, 0) of good()'s key, from Python's cryptography */
	static const u8 h[16] = { 0x7e, 0xbb, 0xeb, 0x74, 0x14, 0xf7, 0xda, 0xe9,
				  0xeb, 0x90, 0xd1, 0xb7, 0xf1, 0x16, 0x95, 0xfc };

	(void)state;
	add.sa.seq = 77;
	add.sa.flags = VESPER_SAF_DF;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_ok(sizeof(msg));
	handle = answer->handle;
	assert_int_equal(answer->flags, 0);
	assert_int_equal(handle, mock.handle[0]);
	assert_memory_equal(&mock.sa[0].sa, &add.sa, sizeof(add.sa));
	assert_memory_equal(mock.sa[0].h, h, 16);
	assert_int_equal(mock.gcm_jobs[CRYPTO_OUT], 15);

	msg.handle = handle;
	call(&msg, VESPER_MBX_SA_QUERY, sizeof(msg));
	assert_ok(sizeof(*query));
	assert_int_equal(query->info.handle, handle);
	assert_int_equal(query->info.reserved, 0);
	assert_int_equal(query->info.packets, 0x1122334455667788);
	assert_int_equal(query->info.seq, 77);
	assert_int_equal(query->info.lease_end, 3);
	assert_int_equal(query->info.drops[VESPER_SAD_KIND], 4);
	memset(add.sa.key, 0, sizeof(add.sa.key));
	memset(add.sa.salt, 0, sizeof(add.sa.salt));
	assert_memory_equal(&query->info.sa, &add.sa, sizeof(add.sa));

	msg.handle = 0;
	msg.flags = VESPER_QUERY_NEXT;
	call(&msg, VESPER_MBX_SA_QUERY, sizeof(msg));
	assert_ok(sizeof(*query));
	assert_int_equal(query->info.handle, handle);

	msg.handle = handle;
	msg.flags = 0;
	call(&msg, VESPER_MBX_SA_DEL, sizeof(msg));
	assert_ok(sizeof(*rsp));
	assert_int_equal(mock.handle[0], 0);
	call(&msg, VESPER_MBX_SA_DEL, sizeof(msg));
	assert_refused(VESPER_MBX_E_HANDLE, 24, handle);
	call(&msg, VESPER_MBX_SA_QUERY, sizeof(msg));
	assert_refused(VESPER_MBX_E_HANDLE, 24, handle);
}

static void test_inbound_uses_inbound_engine(void **state)
{
	struct vesper_mbx_sa_add add = good();

	(void)state;
	add.sa.dir = VESPER_DIR_IN;
	add.sa.replay_window = 64;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_ok(sizeof(struct vesper_mbx_handle));
	assert_int_equal(mock.gcm_jobs[CRYPTO_OUT], 14);
	assert_int_equal(mock.gcm_jobs[CRYPTO_IN], 15);
}

#define REFUSE(change, status, field, value)                                \
	do {                                                                \
		struct vesper_mbx_sa_add add = good();                      \
		struct vesper_sa *sa = &add.sa;                             \
		change;                                                     \
		call(&add, VESPER_MBX_SA_ADD, sizeof(add));                 \
		assert_refused(VESPER_MBX_E_##status, (u16)(field), value); \
		assert_int_equal(mock.installs, 0);                         \
		assert_window_erased();                                     \
	} while (0)

static void test_refused_sas(void **state)
{
	(void)state;
	REFUSE(sa->reserved0 = 5, RESERVED, AT(reserved0), 5);
	REFUSE(sa->reserved1 = 6, RESERVED, AT(reserved1), 6);
	REFUSE(sa->sel.reserved = 8, RESERVED, AT(sel.reserved), 8);
	REFUSE(sa->reserved2[23] = 7, RESERVED, AT(reserved2) + 23, 7);
	REFUSE(sa->dir = 0, DIR, AT(dir), 0);
	REFUSE(sa->mode = 3, MODE, AT(mode), 3);
	REFUSE(sa->family = 7, FAMILY, AT(family), 7);
	REFUSE(sa->alg = 0, ALG, AT(alg), 0);
	REFUSE(sa->key_len = 33, KEY_LEN, AT(key_len), 33);
	REFUSE(sa->icv_len = 4, ICV_LEN, AT(icv_len), 4);
	REFUSE(memcpy(sa->spi, "\0\0\0\x01", 4), SPI, AT(spi), 1);
	REFUSE(memset(sa->dst, 0, 4), ADDRESS, AT(dst), 0);
	REFUSE(sa->src[15] = 1, ADDRESS, AT(src) + 15, 1);
	REFUSE(sa->replay_window = 32, WINDOW, AT(replay_window), 32);
	/* More than this card has, though not more than the ABI knows. */
	REFUSE((sa->dir = VESPER_DIR_IN, sa->replay_window = 1025), WINDOW, AT(replay_window),
	       1025);
	REFUSE(sa->flags = VESPER_SAF_FLOW_COPY, FLAGS, AT(flags), VESPER_SAF_FLOW_COPY);
	REFUSE(sa->ttl = 0, TTL, AT(ttl), 0);
	REFUSE(sa->seq = 1ull << 32, SEQ, AT(seq), 1ull << 32);
	REFUSE((sa->dir = VESPER_DIR_IN, sa->queue = 2), QUEUE, AT(queue), 2);
	REFUSE(sa->key_len = 24, KEY_PADDING, AT(key) + 24, 0);
	REFUSE(sa->tos = 3, TOS, AT(tos), 3);
	REFUSE(sa->tfc = 9601, TFC, AT(tfc), 9601);
	REFUSE(sa->mtu = 67, MTU, AT(mtu), 67);
	REFUSE(sa->dport[1] = 9, PORT, AT(dport), 9);
	REFUSE(sa->flow_label = 9, FLOW_LABEL, AT(flow_label), 9);
	REFUSE((sa->soft_bytes = 9, sa->hard_bytes = 8), LIFETIME, AT(soft_bytes), 9);
	REFUSE(sa->lease_end = 1ull << 32, LEASE, AT(lease_end), 1ull << 32);
	REFUSE(sa->sel.dst[2] = 9, SELECTOR, AT(sel.dst) + 2, 9);
}

static void test_refused_by_table(void **state)
{
	struct vesper_mbx_sa_add add = good();
	int i;

	(void)state;
	for (i = 0; i < MOCK_SAS; i++) {
		add.sa.spi[3] = (u8)i;
		call(&add, VESPER_MBX_SA_ADD, sizeof(add));
		assert_ok(sizeof(struct vesper_mbx_handle));
	}
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_DUPLICATE, AT(spi), 0x1200 + MOCK_SAS - 1);
	add.sa.spi[3] = 0x99;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_FULL, 0, 1024);
}

static void test_broken_hardware(void **state)
{
	struct vesper_mbx_sa_add add = good();
	struct vesper_mbx_handle msg = { 0 };

	(void)state;
	mock.sa_stuck = true;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	call(&msg, VESPER_MBX_SA_DEL, sizeof(msg));
	assert_refused(VESPER_MBX_E_HARDWARE, 24, 0);
	call(&msg, VESPER_MBX_SA_QUERY, sizeof(msg));
	assert_refused(VESPER_MBX_E_HARDWARE, 24, 0);
	call(&msg, VESPER_MBX_RESET, sizeof(msg.hdr));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	mock.sa_stuck = false;
	mock.pol_stuck = true;
	call(&msg, VESPER_MBX_POLICY_DEL, sizeof(msg));
	assert_refused(VESPER_MBX_E_HARDWARE, 24, 0);
	call(&msg, VESPER_MBX_RESET, sizeof(msg.hdr));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	mock.pol_stuck = false;

	mock.gcm_short = true;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	mock.gcm_short = false;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_ok(sizeof(msg));
}

static void test_frame(void **state)
{
	static const struct {
		u16 cmd;
		u16 size;
	} commands[] = {
		{ VESPER_MBX_IDENTIFY, 24 },	 { VESPER_MBX_SA_ADD, 280 },
		{ VESPER_MBX_SA_DEL, 32 },	 { VESPER_MBX_SA_QUERY, 32 },
		{ VESPER_MBX_STATS, 24 },	 { VESPER_MBX_SELFTEST, 24 },
		{ VESPER_MBX_RESET, 24 },	 { VESPER_MBX_SA_LEASE, 40 },
		{ VESPER_MBX_POLICY_ADD, 88 },	 { VESPER_MBX_POLICY_DEL, 32 },
		{ VESPER_MBX_POLICY_QUERY, 32 }, { VESPER_MBX_DSCP_MAP, 88 },
	};
	union {
		struct vesper_mbx_hdr hdr;
		struct vesper_mbx_handle handle;
		struct vesper_mbx_sa_lease lease;
		u8 bytes[288];
	} msg;
	size_t i;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	call(&msg, 0, 24);
	assert_refused(VESPER_MBX_E_COMMAND, 0, 0);
	call(&msg, 13, 24);
	assert_refused(VESPER_MBX_E_COMMAND, 0, 13);
	call(&msg, 0xffff, 24);
	assert_refused(VESPER_MBX_E_COMMAND, 0, 0xffff);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		call_len(&msg, commands[i].cmd, sizeof(msg), commands[i].size + 1);
		assert_refused(VESPER_MBX_E_LENGTH, 2, commands[i].size + 1);
		call_len(&msg, commands[i].cmd, sizeof(msg), commands[i].size - 1);
		assert_refused(VESPER_MBX_E_LENGTH, 2, commands[i].size - 1);
		call_len(&msg, commands[i].cmd, sizeof(msg), 0);
		assert_refused(VESPER_MBX_E_LENGTH, 2, 0);
	}
	msg.hdr.status = 9;
	call(&msg, VESPER_MBX_RESET, 24);
	assert_refused(VESPER_MBX_E_RESERVED, 8, 9);
	msg.hdr.status = 0;
	msg.hdr.field = 10;
	call(&msg, VESPER_MBX_RESET, 24);
	assert_refused(VESPER_MBX_E_RESERVED, 12, 10);
	msg.hdr.field = 0;
	msg.hdr.reserved = 11;
	call(&msg, VESPER_MBX_RESET, 24);
	assert_refused(VESPER_MBX_E_RESERVED, 14, 11);
	msg.hdr.reserved = 0;
	msg.hdr.value = 1ull << 63;
	call(&msg, VESPER_MBX_RESET, 24);
	assert_refused(VESPER_MBX_E_RESERVED, 16, 1ull << 63);
	msg.hdr.value = 0;
	assert_int_equal(mock.clears, 0);

	msg.handle.flags = 1;
	call(&msg, VESPER_MBX_SA_DEL, 32);
	assert_refused(VESPER_MBX_E_RESERVED, 28, 1);
	msg.handle.flags = 2;
	call(&msg, VESPER_MBX_SA_QUERY, 32);
	assert_refused(VESPER_MBX_E_RESERVED, 28, 2);
	call(&msg, VESPER_MBX_POLICY_QUERY, 32);
	assert_refused(VESPER_MBX_E_RESERVED, 28, 2);
	call(&msg, VESPER_MBX_POLICY_DEL, 32);
	assert_refused(VESPER_MBX_E_RESERVED, 28, 2);
	call(&msg, VESPER_MBX_SA_LEASE, 40);
	assert_refused(VESPER_MBX_E_RESERVED, 28, 2);
}

static void test_erases(void **state)
{
	struct vesper_mbx_sa_add add = good();
	u8 *key = malloc(32);

	(void)state;
	assert_non_null(key);
	memcpy(key, add.sa.key, 32);
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_window_erased();
	/* The mock's table rightly holds it; nothing else may. */
	memset(mock.sa, 0, sizeof(mock.sa));
	assert_false(mock_in_globals(key, 8));
	assert_false(mock_in_globals((const u8 *)"SALT\x00\x00\x12\x34", 8));
	/* The search itself works. */
	memcpy(mock.pol_staging, key, 32);
	assert_true(mock_in_globals(key, 8));
	memset(mock.pol_staging, 0, 32);

	/* A key behind the end of a message that is refused anyhow. */
	call_len(&add, VESPER_MBX_IDENTIFY, sizeof(add), 24);
	assert_window_erased();
	call_len(&add, 99, sizeof(add), 7);
	assert_window_erased();
	free(key);
}

static void test_stats_and_reset(void **state)
{
	struct vesper_mbx_hdr msg = { 0 };
	struct vesper_mbx_sa_add add = good();
	const u32 *body = (const u32 *)(mock.response + sizeof(msg));
	u32 i;

	(void)state;
	call(&msg, VESPER_MBX_STATS, sizeof(msg));
	assert_ok(sizeof(struct vesper_mbx_stats_rsp));
	assert_int_equal(mock.snapshots, 1);
	for (i = 0; i < sizeof(struct vesper_stats) / 4; i++)
		assert_int_equal(body[i], 0x5a000000 + 4 * i);
	assert_int_equal(mock.response[sizeof(struct vesper_mbx_stats_rsp)], 0xee);

	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_int_not_equal(mock.handle[0], 0);
	call(&msg, VESPER_MBX_RESET, sizeof(msg));
	assert_ok(sizeof(msg));
	assert_int_equal(mock.handle[0], 0);
	assert_int_equal(mock.clears, 1);
}

static void test_selftest(void **state)
{
	const u32 failed = VESPER_MGMT__STATE__FW_READY_bm | VESPER_MGMT__STATE__SELFTEST_FAILED_bm;
	struct vesper_mbx_hdr msg = { 0 };
	struct vesper_mbx_sa_add add = good();

	(void)state;
	call(&msg, VESPER_MBX_SELFTEST, sizeof(msg));
	assert_ok(sizeof(msg));
	mock.flip_tag[1] = 1;
	call(&msg, VESPER_MBX_SELFTEST, sizeof(msg));
	assert_refused(VESPER_MBX_E_SELFTEST, 0, 1u << 24 | 16u << 16 | KAT_ENCRYPT << 8);
	assert_int_equal(mock.state, failed);
	/* Not trusted again before a reset. */
	mock.flip_tag[1] = 0;
	call(&msg, VESPER_MBX_SELFTEST, sizeof(msg));
	assert_refused(VESPER_MBX_E_SELFTEST, 0, 0);
	assert_int_equal(mock.state, failed);
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_SELFTEST, 0, 0);
	assert_window_erased();
	assert_int_equal(mock.handle[0], 0);
	call(&msg, VESPER_MBX_IDENTIFY, sizeof(msg));
	assert_int_equal(((const struct vesper_mbx_identify_rsp *)mock.response)->selftest, 0);
}

/* The wire takes nothing for long, so the outbound engine cannot get on. */
static void test_stalled_engine(void **state)
{
	const u32 open = VESPER_MGMT__STATE__FW_READY_bm | VESPER_MGMT__STATE__DATA_PATH_OPEN_bm;
	struct vesper_mbx_hdr msg = { 0 };
	struct vesper_mbx_sa_add add = good();
	u32 job = CRYPTO_OUT << 24 | 16u << 16 | KAT_HASH_KEY << 8;

	(void)state;
	mock.gcm_stuck = true;
	request(&msg, VESPER_MBX_SELFTEST, sizeof(msg), sizeof(msg));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, job | ETIMEDOUT);
	assert_int_equal(mock.state, open);
	request(&msg, VESPER_MBX_SELFTEST, sizeof(msg), sizeof(msg));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, job | EBUSY);
	assert_int_equal(mock.state, open);
	mock_gcm_finish();
	assert_true(mock_gcm_erased());
	request(&add, VESPER_MBX_SA_ADD, sizeof(add), sizeof(add));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	assert_window_erased();
	assert_int_equal(mock.handle[0], 0);
	mock_gcm_finish();
	assert_true(mock_gcm_erased());
	mock.gcm_stuck = false;

	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	assert_ok(sizeof(struct vesper_mbx_handle));
	call(&msg, VESPER_MBX_SELFTEST, sizeof(msg));
	assert_ok(sizeof(msg));
	assert_int_equal(mock.state, open);

	/* No excuse for a result that is wrong. */
	mock.gcm_short = true;
	call(&msg, VESPER_MBX_SELFTEST, sizeof(msg));
	assert_refused(VESPER_MBX_E_SELFTEST, 0, job | EIO);
	assert_int_equal(mock.state,
			 VESPER_MGMT__STATE__FW_READY_bm | VESPER_MGMT__STATE__SELFTEST_FAILED_bm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start, boot),
		cmocka_unit_test(test_start_broken),
		cmocka_unit_test_setup(test_identify, boot),
		cmocka_unit_test_setup(test_add_query_delete, boot),
		cmocka_unit_test_setup(test_inbound_uses_inbound_engine, boot),
		cmocka_unit_test_setup(test_refused_sas, boot),
		cmocka_unit_test_setup(test_refused_by_table, boot),
		cmocka_unit_test_setup(test_broken_hardware, boot),
		cmocka_unit_test_setup(test_frame, boot),
		cmocka_unit_test_setup(test_erases, boot),
		cmocka_unit_test_setup(test_stats_and_reset, boot),
		cmocka_unit_test_setup(test_selftest, boot),
		cmocka_unit_test_setup(test_stalled_engine, boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
