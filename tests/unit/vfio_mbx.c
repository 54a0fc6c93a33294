// SPDX-License-Identifier: BSD-2-Clause
/* The mailbox client: what it sends, what it believes, and how it words a refusal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "vfio_fake.h"

#define REG(name) offsetof(vesper_t, name)

static struct vesper_sa good_sa(u8 last_spi_byte, enum vesper_sa_dir dir)
{
	struct vesper_sa sa = {
		.dir = dir,
		.mode = VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 16,
		.icv_len = 16,
		.ttl = 64,
		.spi = { 0, 0, 1, last_spi_byte },
		.src = { 10, 0, 0, 1 },
		.dst = { 10, 0, 0, 2 },
		.key = { 0xde, 0xad, 0xbe, 0xef },
	};

	return sa;
}

static void set_fault(struct fake *f, enum mbx_fault fault)
{
	pthread_mutex_lock(&f->lock);
	f->mbx = fault;
	pthread_mutex_unlock(&f->lock);
}

static void expect_text(const char *text)
{
	if (!strstr(vesper_dev_strerror(), text))
		fail_msg("'%s' does not hold '%s'", vesper_dev_strerror(), text);
}

static void each_command(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_sa sa = good_sa(1, VESPER_DIR_OUT);
	struct vesper_mbx_identify_rsp id;
	struct vesper_sa_info info;
	struct vesper_stats stats;
	u8 map[64] = { 1, 2, 3, [63] = 9 };
	u32 handle = 0;

	(void)state;
	assert_int_equal(vesper_dev_identify(dev, &id), 0);
	assert_int_equal(id.sa_entries, 1024);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &handle), 0);
	assert_memory_equal(f->last_request + sizeof(struct vesper_mbx_hdr), &sa, sizeof(sa));
	assert_int_equal(vesper_dev_sa_query(dev, handle, &info), 0);
	assert_int_equal(info.handle, handle);
	assert_memory_equal(info.sa.spi, sa.spi, 4);
	assert_int_equal(vesper_dev_sa_lease(dev, handle, 0x123456789), 0);
	assert_int_equal(vesper_dev_sa_query(dev, handle, &info), 0);
	assert_int_equal(info.lease_end, 0x123456789);
	assert_int_equal(vesper_dev_stats(dev, &stats), 0);
	assert_int_equal(stats.tx[VESPER_ST_ICV], 100 + VESPER_ST_ICV);
	assert_int_equal(stats.cycles, 1ull << 40);
	assert_int_equal(vesper_dev_selftest(dev), 0);
	assert_int_equal(vesper_dev_sa_del(dev, handle), 0);
	assert_int_equal(vesper_dev_sa_query(dev, handle, &info), -ENOENT);
	expect_text("the handle names no installed SA");
	assert_int_equal(vesper_dev_sa_lease(dev, handle, 5), -ENOENT);
	assert_int_equal(vesper_dev_dscp_map(dev, map), 0);
	assert_memory_equal(f->last_request + sizeof(struct vesper_mbx_hdr), map, sizeof(map));
	assert_int_equal(((struct vesper_mbx_hdr *)f->last_request)->cmd, VESPER_MBX_DSCP_MAP);
	assert_int_equal(vesper_dev_reset(dev), 0);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void policies(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_policy policy = { .dst_len = 8, .action = VESPER_BYPASS }, got;
	u32 handles[FAKE_POLICIES], handle, cursor = 0, i;
	struct vesper_refusal r;

	(void)state;
	assert_int_equal(vesper_dev_policy_next(dev, &cursor, &handle, &got), 0);
	for (i = 0; i < FAKE_POLICIES; i++) {
		policy.priority = cpu_to_le32(i);
		assert_int_equal(vesper_dev_policy_add(dev, &policy, &handles[i]), 0);
		assert_memory_equal(f->last_request + sizeof(struct vesper_mbx_hdr), &policy,
				    sizeof(policy));
	}
	assert_int_equal(vesper_dev_policy_add(dev, &policy, &handle), -EEXIST);
	expect_text("(dst_len is 8)");
	policy.priority = 9;
	assert_int_equal(vesper_dev_policy_add(dev, &policy, &handle), -ENOSPC);
	vesper_dev_refusal(&r);
	assert_int_equal(r.status, VESPER_MBX_E_POLICY_FULL);

	assert_int_equal(vesper_dev_policy_del(dev, handles[1]), 0);
	assert_int_equal(vesper_dev_policy_del(dev, handles[1]), -ENOENT);
	expect_text("POLICY_DEL refused: the handle names no installed policy");
	cursor = 0;
	for (i = 0; i < FAKE_POLICIES; i += 2) {
		assert_int_equal(vesper_dev_policy_next(dev, &cursor, &handle, &got), 1);
		assert_int_equal(handle, handles[i]);
		assert_int_equal(le32_to_cpu(got.priority), i);
	}
	assert_int_equal(vesper_dev_policy_next(dev, &cursor, &handle, &got), 0);
	assert_int_equal(vesper_dev_policy_next(dev, &cursor, &handle, &got), 0);

	assert_int_equal(vesper_dev_policy_add(dev, &policy, &handle), 0);
	cursor = 1;
	set_fault(f, MBX_OTHER_PLACE);
	assert_int_equal(vesper_dev_policy_next(dev, &cursor, &handle, &got), -EPROTO);
	assert_int_equal(cursor, 1);
	set_fault(f, MBX_GOOD);
	assert_int_equal(vesper_dev_policy_del(dev, handles[0]), 0);
	set_fault(f, MBX_NO_GENERATION);
	assert_int_equal(vesper_dev_policy_add(dev, &policy, &handle), -EPROTO);
	expect_text("handle 0");
	vesper_dev_close(dev);
	fake_stop(f);
}

static void walks_through_sas(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_sa sa;
	struct vesper_sa_info info;
	u32 handles[4], cursor = 0;
	int i;

	(void)state;
	assert_int_equal(vesper_dev_sa_next(dev, &cursor, &info), 0);
	for (i = 0; i < 4; i++) {
		sa = good_sa((u8)i, i < 2 ? VESPER_DIR_OUT : VESPER_DIR_IN);
		assert_int_equal(vesper_dev_sa_add(dev, &sa, &handles[i]), 0);
	}
	sa = good_sa(9, VESPER_DIR_OUT);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &cursor), -ENOSPC);
	sa = good_sa(0, VESPER_DIR_OUT);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &cursor), -EEXIST);
	assert_int_equal(vesper_dev_sa_del(dev, handles[1]), 0);
	cursor = 0;
	for (i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		assert_int_equal(vesper_dev_sa_next(dev, &cursor, &info), 1);
		assert_int_equal(info.handle, handles[i]);
	}
	assert_int_equal(vesper_dev_sa_next(dev, &cursor, &info), 0);
	assert_int_equal(vesper_dev_sa_next(dev, &cursor, &info), 0);
	/* A card that goes backwards would have us walk for ever. */
	cursor = VESPER_SA_INBOUND + 1;
	set_fault(f, MBX_OTHER_PLACE);
	assert_int_equal(vesper_dev_sa_next(dev, &cursor, &info), -EPROTO);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void names_the_field(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_sa sa = good_sa(1, VESPER_DIR_OUT);
	struct vesper_refusal r;
	u32 handle;

	(void)state;
	sa.key_len = 17;
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &handle), -EINVAL);
	expect_text("neither 16, 24 nor 32 bytes (key_len is 17)");
	vesper_dev_refusal(&r);
	assert_int_equal(r.status, VESPER_MBX_E_KEY_LEN);
	assert_int_equal(r.field,
			 sizeof(struct vesper_mbx_hdr) + offsetof(struct vesper_sa, key_len));
	assert_int_equal(r.value, 17);
	assert_int_equal(vesper_dev_selftest(dev), 0);
	vesper_dev_refusal(&r);
	assert_int_equal(r.status, VESPER_MBX_OK);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void refusals_become_errnos(void **state)
{
	static const struct {
		u32 status;
		int err;
		const char *text;
	} cases[] = {
		{ VESPER_MBX_E_COMMAND, -ENOSYS, "does not know this command" },
		{ VESPER_MBX_E_LENGTH, -EINVAL, "length" },
		{ VESPER_MBX_E_DSCP, -EINVAL, "DSCP" },
		{ VESPER_MBX_E_PORTS_FULL, -ENOSPC, "different UDP ports" },
		{ VESPER_MBX_E_POLICY_MASKS, -ENOSPC, "mask" },
		{ VESPER_MBX_E_SELFTEST, -ENOTRECOVERABLE, "known-answer" },
		{ VESPER_MBX_E_HARDWARE, -EIO, "did not answer the firmware" },
		{ VESPER_MBX_STATUS_COUNT, -EPROTO, "does not know" },
		{ 0xffffffff, -EPROTO, "status 4294967295" },
	};
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	size_t i;

	(void)state;
	f->mbx = MBX_REFUSE;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pthread_mutex_lock(&f->lock);
		f->mbx_status = cases[i].status;
		f->mbx_field = 0xffff;
		f->mbx_value = 0xabc;
		pthread_mutex_unlock(&f->lock);
		assert_int_equal(vesper_dev_selftest(dev), cases[i].err);
		expect_text(cases[i].text);
		expect_text("0xabc");
	}
	vesper_dev_close(dev);
	fake_stop(f);
}

static void unbelievable_responses(void **state)
{
	static const struct {
		enum mbx_fault fault;
		const char *text;
	} cases[] = {
		{ MBX_WRONG_TAG, "tag" },
		{ MBX_WRONG_CMD, "is for command" },
		{ MBX_WRONG_LEN, "bytes, expected" },
	};
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_sa sa = good_sa(7, VESPER_DIR_OUT);
	struct vesper_stats stats;
	u32 handle;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&stats, 0xaa, sizeof(stats));
		set_fault(f, cases[i].fault);
		assert_int_equal(vesper_dev_stats(dev, &stats), -EPROTO);
		expect_text(cases[i].text);
		assert_int_equal(stats.cycles, 0xaaaaaaaaaaaaaaaa);
		/* The next exchange is in order again. */
		set_fault(f, MBX_GOOD);
		assert_int_equal(vesper_dev_stats(dev, &stats), 0);
	}
	set_fault(f, MBX_NO_GENERATION);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &handle), -EPROTO);
	expect_text("generation");
	vesper_dev_close(dev);
	fake_stop(f);
}

static void silence(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	u32 calls;

	(void)state;
	set_fault(f, MBX_NEVER);
	assert_int_equal(vesper_dev_selftest(dev), -ETIMEDOUT);
	expect_text("did not answer SELFTEST within 150 ms");
	/* While it is busy nothing is overwritten in its window. */
	calls = f->mbx_calls;
	assert_int_equal(vesper_dev_reset(dev), -EBUSY);
	expect_text("RESET not sent");
	assert_int_equal(f->mbx_calls, calls);
	assert_int_equal(f->last_request[0], VESPER_MBX_SELFTEST);
	/* Once it has answered late, the next call is served and does not take that answer for its own. */
	fake_reg(f, REG(mbx_status), 1 << 16);
	set_fault(f, MBX_GOOD);
	assert_int_equal(vesper_dev_selftest(dev), 0);
	set_fault(f, MBX_DEAD);
	assert_int_equal(vesper_dev_selftest(dev), -EIO);
	expect_text("trap");
	vesper_dev_close(dev);
	fake_stop(f);
}

/* The count of responses wraps after 65535. */
static void count_wraps(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	int i;

	(void)state;
	fake_reg(f, REG(mbx_status), 0xfffeu << 16);
	for (i = 0; i < 4; i++)
		assert_int_equal(vesper_dev_selftest(dev), 0);
	assert_int_equal(fake_reg_get(f, REG(mbx_status)) >> 16, 2);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void message_sizes(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct {
		struct vesper_mbx_hdr hdr;
		u8 body[VESPER_MBX_SIZE];
	} req = { .hdr.cmd = VESPER_MBX_SELFTEST };

	(void)state;
	assert_int_equal(vesper_dev_call(dev, &req.hdr, 23, NULL, 24), -EINVAL);
	assert_int_equal(vesper_dev_call(dev, &req.hdr, 26, NULL, 24), -EINVAL);
	assert_int_equal(vesper_dev_call(dev, &req.hdr, VESPER_MBX_SIZE + 4, NULL, 24), -EINVAL);
	expect_text("2052");
	assert_int_equal(vesper_dev_call(dev, &req.hdr, 24, NULL, 23), -EINVAL);
	assert_int_equal(f->mbx_calls, 0);
	assert_int_equal(vesper_dev_call(dev, &req.hdr, VESPER_MBX_SIZE, NULL, 24), 0);
	assert_memory_equal(f->last_request, &req, VESPER_MBX_SIZE);
	req.hdr.cmd = 77;
	assert_int_equal(vesper_dev_call(dev, &req.hdr, 24, NULL, 24), -ENOSYS);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void *caller(void *arg)
{
	struct vesper_stats stats;
	intptr_t bad = 0;
	int i;

	for (i = 0; i < 50; i++) {
		bad += vesper_dev_stats(arg, &stats) != 0;
		bad += stats.tx[3] != 103;
		bad += vesper_dev_selftest(arg) != 0;
	}
	return (void *)bad;
}

static void threads_take_turns(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	pthread_t t[4];
	void *bad;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, caller, dev), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(f->mbx_calls, 400);
	vesper_dev_close(dev);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command),
		cmocka_unit_test(policies),
		cmocka_unit_test(walks_through_sas),
		cmocka_unit_test(names_the_field),
		cmocka_unit_test(refusals_become_errnos),
		cmocka_unit_test(unbelievable_responses),
		cmocka_unit_test(silence),
		cmocka_unit_test(count_wraps),
		cmocka_unit_test(message_sizes),
		cmocka_unit_test(threads_take_turns),
	};

	return cmocka_run_group_tests_name("vfio_mbx", tests, NULL, NULL);
}
