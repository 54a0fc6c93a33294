// SPDX-License-Identifier: BSD-2-Clause
/* Opening a card: each way in which it fails has its errno and its sentence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vesper_transport.h"
#include "vfio_fake.h"

#define REG(name) offsetof(vesper_t, name)

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Open with @o: must fail with @err, and the sentence must hold @text. */
static void expect_failure(const struct vesper_dev_opts *o, int err, const char *text)
{
	struct vesper_dev *dev = (void *)1;
	int got = vesper_dev_open(o, &dev);

	if (got != err || !strstr(vesper_dev_strerror(), text))
		fail_msg("got %d (%s), expected %d (...%s...)", got, vesper_dev_strerror(), err,
			 text);
	assert_null(dev);
}

static void opens_and_tells(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_dev_info info;
	static const u8 mac[6] = { 2, 0x22, 0x33, 0x44, 0x55, 0x66 };

	(void)state;
	assert_int_equal(vesper_dev_info(dev, &info), 0);
	assert_int_equal(info.abi_major, VESPER_ABI_MAJOR);
	assert_int_equal(info.abi_minor, 7);
	assert_int_equal(info.features, 0x7f);
	assert_int_equal(info.fw_version, 0x00010203);
	assert_int_equal(info.sa_entries, 1024);
	assert_int_equal(info.queues, 2);
	assert_int_equal(info.gcm_blocks, 4);
	assert_memory_equal(info.mac, mac, 6);
	assert_true(info.fw_ready && info.data_path_open);
	assert_false(info.selftest_failed || info.fw_dead);
	assert_string_equal(info.transport, "vfio-user");
	/* Memory space and bus master are on. */
	assert_int_equal(f->config[4], 6);
	assert_int_equal(f->resets, 0);
	vesper_dev_close(dev);
	vesper_dev_close(NULL);
	fake_stop(f);
}

static void bad_options(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);
	struct vesper_dev *dev;
	char longer[200];

	(void)state;
	expect_failure(NULL, -EINVAL, "no options");
	o.size = 4;
	expect_failure(&o, -EINVAL, "option size is 4");
	o.size = sizeof(o) + 8;
	expect_failure(&o, -EINVAL, "option size");
	o = fake_opts(f);
	o.flags = 0x80;
	expect_failure(&o, -EINVAL, "0x80");
	o = fake_opts(f);
	o.card = NULL;
	expect_failure(&o, -EINVAL, "transport");
	o.card = "/tmp/vesper-there-is-no-such.sock";
	expect_failure(&o, -ENOENT, "/tmp/vesper-there-is-no-such.sock");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	o.card = longer;
	expect_failure(&o, -ENAMETOOLONG, "199");
	/* A program that knows fewer options. */
	o = fake_opts(f);
	o.size = offsetof(struct vesper_dev_opts, flags);
	o.flags = 0x80;
	assert_int_equal(vesper_dev_open(&o, &dev), 0);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void wrong_cards(void **state)
{
	static const struct {
		u32 offset, value;
		int err;
		const char *text;
	} cases[] = {
		{ REG(id), 0x56535053, -ENODEV, "0x56535053" },
		{ REG(id), 0xffffffff, -ENODEV, "all ones" },
		{ REG(abi), 3 << 16 | 1, -EPROTONOSUPPORT, "ABI 3.1" },
		{ REG(abi), 0, -EPROTONOSUPPORT, "ABI 0.0" },
		{ REG(features), 0x5f, -EOPNOTSUPP, "0x20" },
		{ REG(geometry), 10 << 16, -ENODEV, "0 queue pairs" },
		{ REG(geometry), 17, -ENODEV, "17 queue pairs" },
		{ REG(state), 8, -EIO, "trap" },
		{ REG(state), 9, -EIO, "trap" },
		{ REG(state), 0, -ETIMEDOUT, "not ready within 150 ms" },
		{ REG(state), 1, -ETIMEDOUT, "state 0x1" },
		{ REG(state), 5, -ENOTRECOVERABLE, "self-test" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = fake_start();
		struct vesper_dev_opts o = fake_opts(f);

		o.features = VESPER_FEAT_IPV4 | VESPER_FEAT_TUNNEL;
		fake_reg(f, cases[i].offset, cases[i].value);
		expect_failure(&o, cases[i].err, cases[i].text);
		/* Nothing may run on a card that was refused. */
		assert_int_equal(f->config[4] & 4, 0);
		fake_stop(f);
	}
}

static void wrong_pci_devices(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);

	(void)state;
	f->config[2] ^= 1;
	expect_failure(&o, -ENODEV, "1234:7e58");
	f->config[2] ^= 1;
	f->bar_size = 0x1000;
	expect_failure(&o, -ENODEV, "BAR0 has 4096");
	f->bar_size = sizeof(f->bar);
	f->stuck = true;
	expect_failure(&o, -EBUSY, "queue pair 0 does not stop");
	fake_stop(f);
}

static void closed_data_path(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);
	struct vesper_dev *dev;
	struct vesper_dev_info info;

	(void)state;
	fake_reg(f, REG(state), 5);
	o.flags = VESPER_DEV_CLOSED_OK | VESPER_DEV_RESET;
	assert_int_equal(vesper_dev_open(&o, &dev), 0);
	assert_int_equal(f->resets, 1);
	assert_int_equal(vesper_dev_info(dev, &info), 0);
	assert_true(info.selftest_failed);
	vesper_dev_close(dev);
	fake_stop(f);
}

/* Each command of the opening, with each kind of wrong reply; none may leave a descriptor open. */
static void wrong_replies(void **state)
{
	static const u16 commands[] = { 1, 4, 5, 7, 9, 10 };
	static const struct {
		enum fault fault;
		u32 value;
		int err;
		const char *text;
	} cases[] = {
		{ FAULT_SILENT, 0, -ETIMEDOUT, "within 150 ms" },
		{ FAULT_CLOSE, 0, -ECONNRESET, "closed the connection" },
		{ FAULT_CUT, 0, -ECONNRESET, "closed the connection" },
		{ FAULT_ERROR, EPERM, -EPERM, "Operation not permitted" },
		{ FAULT_ERROR, 0, -EIO, "Input/output error" },
		{ FAULT_ERROR, 0x80000000, -EIO, "Input/output error" },
		{ FAULT_WRONG_ID, 0, -EPROTO, "carries id" },
		{ FAULT_WRONG_CMD, 0, -EPROTO, "carries command" },
		{ FAULT_NOT_REPLY, 0, -EPROTO, "type 0" },
		{ FAULT_TINY, 0, -EPROTO, "size as 3" },
		{ FAULT_SHORT, 0, -EPROTO, "has a payload of" },
		{ FAULT_LONG, 0, -EPROTO, "has a payload of" },
	};
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);
	struct vesper_dev *dev;
	size_t c, i;
	int fds;

	(void)state;
	vesper_dev_close(fake_open(f));
	fds = count_fds();
	for (c = 0; c < ARRAY_SIZE(commands); c++) {
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			/* The capabilities of VERSION may have any length, if they end in NUL. */
			if (commands[c] == 1 &&
			    (cases[i].fault == FAULT_SHORT || cases[i].fault == FAULT_LONG))
				continue;
			pthread_mutex_lock(&f->lock);
			f->fault_cmd = commands[c];
			f->fault_skip = 0;
			f->fault = cases[i].fault;
			f->fault_value = cases[i].value;
			pthread_mutex_unlock(&f->lock);
			expect_failure(&o, cases[i].err, cases[i].text);
			/* The card is none the worse. */
			assert_int_equal(vesper_dev_open(&o, &dev), 0);
			vesper_dev_close(dev);
		}
	}
	/* The server's side of the last connection may take a moment to close. */
	for (i = 0; i < 100 && count_fds() > fds; i++)
		usleep(1000);
	assert_true(count_fds() <= fds);
	fake_stop(f);
}

static void patched_replies(void **state)
{
	static const struct {
		u16 cmd;
		u32 skip, at, value;
		const char *text;
	} cases[] = {
		{ 1, 0, 0, 1, "version 1.0" },	      { 4, 0, 8, 7, "7 regions" },
		{ 4, 0, 12, 2, "2 interrupt types" }, { 5, 0, 4, 1, "flags 0x1" },
		{ 5, 1, 8, 6, "as region 6" },	      { 9, 0, 0, 4, "at 0x4" },
		{ 9, 1, 8, 3, "of region 3" },	      { 10, 0, 12, 8, "8 bytes" },
	};
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pthread_mutex_lock(&f->lock);
		f->fault_cmd = cases[i].cmd;
		f->fault_skip = cases[i].skip;
		f->fault_at = cases[i].at;
		f->fault_value = cases[i].value;
		f->fault = FAULT_PATCH;
		pthread_mutex_unlock(&f->lock);
		expect_failure(&o, -EPROTO, cases[i].text);
	}
	fake_stop(f);
}

/* Capabilities without their NUL. */
static void cut_capabilities(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);

	(void)state;
	f->fault_cmd = 1;
	f->fault = FAULT_SHORT;
	expect_failure(&o, -EPROTO, "NUL");
	fake_stop(f);
}

static void replies_in_slivers(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev_opts o = fake_opts(f);
	struct vesper_dev *dev;

	(void)state;
	f->fault_cmd = 9;
	f->fault = FAULT_SLIVERS;
	assert_int_equal(vesper_dev_open(&o, &dev), 0);
	vesper_dev_close(dev);
	fake_stop(f);
}

/* After a broken exchange each further call fails at once rather than read somebody else's reply. */
static void gives_up_for_good(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_dev_info info;

	(void)state;
	pthread_mutex_lock(&f->lock);
	f->fault_cmd = 9;
	f->fault = FAULT_SILENT;
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(vesper_dev_info(dev, &info), -ETIMEDOUT);
	assert_int_equal(vesper_dev_info(dev, &info), -ETIMEDOUT);
	assert_non_null(strstr(vesper_dev_strerror(), "given up"));
	vesper_dev_close(dev);
	fake_stop(f);
}

static void transport_ranges(void **state)
{
	struct fake *f = fake_start();
	struct vesper_transport *t;
	u8 data[8];

	(void)state;
	assert_int_equal(vesper_vfio_user_open(f->path, 150, &t), 0);
	assert_int_equal(t->ops->read(t, 0, 0x1fffc, data, 4), 0);
	assert_int_equal(t->ops->read(t, 0, 0x20000, data, 4), -ERANGE);
	assert_int_equal(t->ops->write(t, 0, 0x1fffd, data, 4), -ERANGE);
	assert_int_equal(t->ops->post32(t, 0, UINT64_MAX - 1, 0), -ERANGE);
	assert_int_equal(t->ops->read(t, 7, 254, data, 4), -ERANGE);
	assert_int_equal(t->ops->read(t, 3, 0, data, 4), -ERANGE);
	assert_int_equal(t->ops->dma_unmap(t, 0x1000, 0x1000), -EINVAL);
	t->ops->close(t);
	fake_stop(f);
}

static void configuration(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_dev_config c = { VESPER_CONTROL_RX_ENABLE | VESPER_CONTROL_POLICY_BYPASS,
				       1600, 1 },
				 got;

	(void)state;
	assert_int_equal(vesper_dev_set_config(dev, &c), 0);
	assert_int_equal(fake_reg_get(f, REG(control)), 12);
	assert_int_equal(fake_reg_get(f, REG(mtu)), 1600);
	assert_int_equal(fake_reg_get(f, REG(rx_queue)), 1);
	assert_int_equal(vesper_dev_get_config(dev, &got), 0);
	assert_memory_equal(&got, &c, sizeof(c));
	c.rx_queue = 2;
	assert_int_equal(vesper_dev_set_config(dev, &c), -EINVAL);
	c.rx_queue = 0;
	c.mtu = VESPER_FRAME_MAX + 1;
	assert_int_equal(vesper_dev_set_config(dev, &c), -EINVAL);
	c.mtu = 13;
	assert_int_equal(vesper_dev_set_config(dev, &c), -EINVAL);
	assert_non_null(strstr(vesper_dev_strerror(), "mtu is 13"));
	c.mtu = 14;
	c.control = 16;
	assert_int_equal(vesper_dev_set_config(dev, &c), -EINVAL);
	assert_int_equal(fake_reg_get(f, REG(mtu)), 1600);
	vesper_dev_close(dev);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_tells),    cmocka_unit_test(bad_options),
		cmocka_unit_test(wrong_cards),	      cmocka_unit_test(wrong_pci_devices),
		cmocka_unit_test(closed_data_path),   cmocka_unit_test(wrong_replies),
		cmocka_unit_test(patched_replies),    cmocka_unit_test(cut_capabilities),
		cmocka_unit_test(replies_in_slivers), cmocka_unit_test(gives_up_for_good),
		cmocka_unit_test(transport_ranges),   cmocka_unit_test(configuration),
	};

	return cmocka_run_group_tests_name("vfio_open", tests, NULL, NULL);
}
