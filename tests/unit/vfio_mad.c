// SPDX-License-Identifier: BSD-2-Clause
/* Completions that lie: each costs its frame at most, is counted, and the next frame passes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "vfio_bench.h"

static void mad_tx_completions(void **state)
{
	static const struct {
		struct vesper_tx_cpl c;
		int results;
		u8 status;
	} cases[] = {
		{ { .index = 1, .len = 60 }, 0, 0 },	  /* not posted yet */
		{ { .index = 0xffff, .len = 60 }, 0, 0 }, /* before the ring's start */
		{ { .index = 0x8000, .len = 60 }, 0, 0 },
		{ { .index = 0, .len = 13 }, 1, VESPER_STATUS_INVALID },
		{ { .index = 0, .len = 9619 }, 1, VESPER_STATUS_INVALID },
		{ { .index = 0, .len = 60, .status = 63 }, 1, VESPER_STATUS_INVALID },
		{ { .index = 0, .len = 60, .status = 255 }, 1, VESPER_STATUS_INVALID },
		{ { .index = 0, .len = 60, .status = VESPER_ST_ICV }, 1, VESPER_ST_ICV },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bench b = begin();
		struct vesper_tx t = frame(&b, 60, 1, 0);
		struct vesper_tx_result done[8];

		b.f->hold = true;
		assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
		assert_int_equal(vesper_queue_wait(b.q, 1), 0);
		fake_put_tx(b.f, 1, cases[i].c);
		assert_int_equal(vesper_queue_tx_done(b.q, done, 8), cases[i].results);
		assert_int_equal(hw_errors(&b), cases[i].status != VESPER_ST_ICV);
		if (cases[i].results) {
			assert_int_equal(done[0].status, cases[i].status);
			assert_int_equal(done[0].len, 0);
			/* The same once more: that descriptor is done. */
			fake_put_tx(b.f, 1, cases[i].c);
			assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 0);
		} else {
			release(&b);
			assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 1);
		}
		vesper_buf_put(t.buf);
		pthread_mutex_lock(&b.f->lock);
		b.f->hold = false;
		b.f->queue[1].tx_head = b.f->queue[1].tx_tail;
		pthread_mutex_unlock(&b.f->lock);
		still_works(&b);
		end(&b);
	}
}

/* Completions of a descriptor that waits for none, while it still is within the ring. */
static void completed_twice(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[8];
	struct vesper_rx r[8];
	struct vesper_tx t[2] = { frame(&b, 60, 1, 0), frame(&b, 60, 2, VESPER_TXF_LOOKASIDE) };
	struct vesper_tx_cpl second = { .index = 1, .len = 60 };
	struct vesper_rx_cpl result = { .index = 0, .len = 60, .flags = VESPER_CPL_LOOKASIDE };

	(void)state;
	b.f->hold = true;
	assert_int_equal(vesper_queue_tx(b.q, t, 2), 2);
	settle(b.dev);
	fake_put_tx(b.f, 1, second);
	fake_put_tx(b.f, 1, second);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 1);
	assert_ptr_equal(done[0].buf, t[1].buf);
	assert_int_equal(hw_errors(&b), 1);
	/* The first frame goes to the wire: no result of it may come back. */
	result.tag = 0;
	fake_put_rx(b.f, 1, result);
	assert_int_equal(vesper_queue_rx(b.q, r, 8), 0);
	assert_int_equal(hw_errors(&b), 2);
	/* The second one's comes, once. */
	result.tag = 1;
	result.index = 1;
	fake_put_rx(b.f, 1, result);
	result.index = 2;
	fake_put_rx(b.f, 1, result);
	assert_int_equal(vesper_queue_rx(b.q, r, 8), 1);
	assert_int_equal(r[0].cookie, t[1].cookie);
	assert_int_equal(hw_errors(&b), 3);
	vesper_buf_put(r[0].buf);
	vesper_buf_put(done[0].buf);
	end(&b);
}

static void mad_rx_completions(void **state)
{
	static const struct {
		struct vesper_rx_cpl c;
		bool uses_buffer;
	} cases[] = {
		{ { .index = 8, .len = 60 }, false },
		{ { .index = 0xffff, .len = 60 }, false },
		{ { .index = 3, .len = 257 }, true },
		{ { .index = 3, .len = 0xffff }, true },
		{ { .index = 3, .len = 13 }, true },
		{ { .index = 3, .len = 0 }, true },
		{ { .index = 3, .len = 0, .status = 50 }, true },
		{ { .index = 3, .len = 60, .status = 50 }, true },
		/* A lookaside result of nothing that was sent. */
		{ { .index = 3, .len = 60, .flags = VESPER_CPL_LOOKASIDE, .tag = 0 }, true },
		{ { .index = 3, .len = 60, .flags = VESPER_CPL_LOOKASIDE, .tag = 0xfff8 }, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bench b = begin();
		struct vesper_queue_stats s;
		struct vesper_rx r[8];

		assert_int_equal(vesper_queue_wait(b.q, 1), 0);
		fake_put_rx(b.f, 1, cases[i].c);
		assert_int_equal(vesper_queue_rx(b.q, r, 8), 0);
		assert_int_equal(hw_errors(&b), 1);
		if (cases[i].uses_buffer) {
			/* The same again: that buffer has come back. */
			fake_put_rx(b.f, 1, cases[i].c);
			assert_int_equal(vesper_queue_rx(b.q, r, 8), 0);
			assert_int_equal(hw_errors(&b), 2);
		}
		vesper_queue_stats(b.q, &s);
		assert_int_equal(s.rx_posted + s.buffers_free, 24);
		assert_int_equal(s.rx_frames, 0);
		still_works(&b);
		end(&b);
	}
}

/* A buffer that comes back without a frame is not an error of the card. */
static void returned_buffers(void **state)
{
	struct bench b = begin();
	struct vesper_queue_stats s;
	struct vesper_rx r[8];

	(void)state;
	fake_put_rx(b.f, 1, (struct vesper_rx_cpl){ .index = 0, .status = VESPER_ST_DMA_WRITE });
	fake_put_rx(b.f, 1, (struct vesper_rx_cpl){ .index = 1, .len = 60 });
	assert_int_equal(vesper_queue_rx(b.q, r, 8), 1);
	vesper_buf_put(r[0].buf);
	vesper_queue_stats(b.q, &s);
	assert_int_equal(s.rx_returned, 1);
	assert_int_equal(s.rx_frames, 1);
	assert_int_equal(s.hw_errors, 0);
	assert_int_equal(s.rx_posted + s.buffers_free, 24);
	still_works(&b);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mad_tx_completions),
		cmocka_unit_test(completed_twice),
		cmocka_unit_test(mad_rx_completions),
		cmocka_unit_test(returned_buffers),
	};

	return cmocka_run_group_tests_name("vfio_mad", tests, NULL, NULL);
}
