// SPDX-License-Identifier: BSD-2-Clause
/* The event ring: over many wraps, with and without interrupts, and with records that make no sense. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "vfio_bench.h"

#define REG(name) offsetof(vesper_t, name)

static struct vesper_event_opts small(void)
{
	return (struct vesper_event_opts){ .size = sizeof(struct vesper_event_opts), .log2 = 3 };
}

static void options(void **state)
{
	static const struct {
		struct vesper_event_opts o;
		const char *text;
	} cases[] = {
		{ { .size = 3 }, "size is 3" },
		{ { .size = sizeof(struct vesper_event_opts), .log2 = 2 }, "log2 is 2" },
		{ { .size = sizeof(struct vesper_event_opts), .log2 = 13 }, "log2 is 13" },
		{ { .size = sizeof(struct vesper_event_opts), .flags = 2 }, "0x2" },
	};
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_event_opts o = small();
	struct vesper_event e;
	size_t i;

	(void)state;
	assert_int_equal(vesper_dev_events(dev, &e, 1, 0), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(vesper_dev_events_open(dev, &cases[i].o), -EINVAL);
		assert_non_null(strstr(vesper_dev_strerror(), cases[i].text));
	}
	f->bad_config = true;
	assert_int_equal(vesper_dev_events_open(dev, NULL), -EIO);
	f->bad_config = false;
	f->stuck = true;
	assert_int_equal(vesper_dev_events_open(dev, NULL), -EBUSY);
	f->stuck = false;
	assert_int_equal(f->maps_now, 0);
	o.interval = 77;
	assert_int_equal(vesper_dev_events_open(dev, &o), 0);
	assert_int_equal(vesper_dev_events_open(dev, &o), -EBUSY);
	assert_int_equal(fake_reg_get(f, REG(event_interval)), 77);
	assert_int_equal(f->events.log2, 3);
	vesper_dev_events_close(dev);
	assert_int_equal(f->maps_now, 0);
	assert_int_equal(vesper_dev_events_open(dev, NULL), 0);
	assert_int_equal(f->events.log2, 9);
	assert_int_equal(fake_reg_get(f, REG(event_interval)), 250000);
	/* Closing the device closes the ring. */
	vesper_dev_close(dev);
	fake_stop(f);
}

/* Records of every kind until the 16-bit index has wrapped; what was taken is told to the card. */
static void wraps(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_event_opts o = small();
	struct vesper_event e = { 0 }, got[8];
	u32 sent, n, i;

	(void)state;
	assert_int_equal(vesper_dev_events_open(dev, &o), 0);
	for (sent = 0; sent < 70000; sent += n) {
		n = 1 + sent % 8;
		for (i = 0; i < n; i++) {
			e.seq = sent + i;
			e.sa = ~(sent + i);
			e.code = (sent + i) % 2 ? VESPER_ST_ICV : VESPER_EV_LEASE_LOW;
			e.flags = (sent + i) % 3 ? VESPER_EVF_INBOUND : VESPER_EVF_IPV6;
			fake_put_event(f, e);
		}
		assert_int_equal(vesper_dev_events(dev, got, 8, 0), n);
		for (i = 0; i < n; i++) {
			assert_int_equal(got[i].seq, sent + i);
			assert_int_equal(got[i].sa, ~(sent + i));
			assert_int_equal(got[i].flags,
					 (sent + i) % 3 ? VESPER_EVF_INBOUND : VESPER_EVF_IPV6);
		}
		settle(dev);
		assert_int_equal(f->events.seen, (u16)(sent + n));
	}
	assert_int_equal(vesper_dev_events(dev, got, 8, 0), 0);
	assert_int_equal(vesper_dev_events_bad(dev), 0);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void nonsense(void **state)
{
	static const u8 codes[] = { 0, VESPER_ST_COUNT - 1, 68, 128, 255 };
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_event_opts o = small();
	struct vesper_event e = { .code = VESPER_ST_REPLAY, .seq = 5 }, got[8];
	size_t i;

	(void)state;
	assert_int_equal(vesper_dev_events_open(dev, &o), 0);
	for (i = 0; i < sizeof(codes); i++)
		fake_put_event(f, (struct vesper_event){ .code = codes[i] });
	fake_put_event(f, e);
	assert_int_equal(vesper_dev_events(dev, got, 8, 0), 1);
	assert_int_equal(got[0].seq, 5);
	assert_int_equal(vesper_dev_events_bad(dev), sizeof(codes));
	/* A ring that has halted is noticed by who waits. */
	fake_reg(f, REG(event_state), 0x11);
	assert_int_equal(vesper_dev_events(dev, got, 8, 2000), -EIO);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void *later(void *arg)
{
	struct fake *f = arg;

	usleep(30000);
	fake_put_event(f, (struct vesper_event){ .code = VESPER_ST_ICV, .seq = 9 });
	return NULL;
}

static void waits(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_event_opts o = small();
	struct vesper_event got[8];
	pthread_t thread;
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		o.flags = round ? VESPER_QUEUE_POLL : 0;
		assert_int_equal(vesper_dev_events_open(dev, &o), 0);
		assert_int_equal(f->events.irq_fd >= 0, !round);
		assert_int_equal(vesper_dev_events(dev, got, 8, 5), 0);
		assert_int_equal(pthread_create(&thread, NULL, later, f), 0);
		assert_int_equal(vesper_dev_events(dev, got, 8, 2000), 1);
		assert_int_equal(got[0].seq, 9);
		pthread_join(thread, NULL);
		vesper_dev_events_close(dev);
	}
	vesper_dev_close(dev);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),
		cmocka_unit_test(wraps),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(waits),
	};

	return cmocka_run_group_tests_name("vfio_events", tests, NULL, NULL);
}
