// SPDX-License-Identifier: BSD-2-Clause
/* Queue pairs: frames there and back over many wraps, in any order, with and without interrupts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "vfio_bench.h"

#define REG(name)	offsetof(vesper_t, name)
#define QUEUE_STATE(id) (REG(queue) + (id) * 0x80 + 4)

static void bad_options(void **state)
{
	static const struct {
		struct vesper_queue_opts o;
		u32 id;
		const char *text;
	} cases[] = {
		{ { .size = 3 }, 0, "size is 3" },
		{ { .size = sizeof(struct vesper_queue_opts), .tx_log2 = 2 }, 0, "tx_log2 is 2" },
		{ { .size = sizeof(struct vesper_queue_opts), .rx_log2 = 16 }, 0, "rx_log2 16" },
		{ { .size = sizeof(struct vesper_queue_opts), .buf_size = 100 }, 0, "is 100" },
		{ { .size = sizeof(struct vesper_queue_opts), .buf_size = 16448 }, 0, "16448" },
		{ { .size = sizeof(struct vesper_queue_opts), .buffers = 1u << 20 }, 0, "1048576" },
		{ { .size = sizeof(struct vesper_queue_opts), .flags = 2 }, 0, "0x2" },
		{ { .size = sizeof(struct vesper_queue_opts) }, 2, "queue pair 2" },
	};
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_queue *q;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(vesper_queue_open(dev, cases[i].id, &cases[i].o, &q), -EINVAL);
		assert_null(q);
		assert_non_null(strstr(vesper_dev_strerror(), cases[i].text));
	}
	assert_int_equal(f->maps_made, 0);
	vesper_dev_close(dev);
	fake_stop(f);
}

static void open_and_close(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_queue *q0, *q1, *again;
	struct vesper_queue_stats s;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(vesper_queue_open(dev, 0, NULL, &q0), 0);
		assert_int_equal(vesper_queue_open(dev, 1, NULL, &q1), 0);
		assert_int_equal(vesper_queue_open(dev, 0, NULL, &again), -EBUSY);
		settle(dev);
		assert_int_equal(f->queue[0].tx_log2, 9);
		assert_int_equal(f->queue[0].tx_base % 64, 0);
		assert_int_equal(f->queue[1].rx_tail, 512);
		vesper_queue_stats(q0, &s);
		assert_int_equal(s.rx_posted, 512);
		assert_int_equal(s.buffers_free, 1024);
		vesper_queue_close(q0);
		if (i < 2)
			vesper_queue_close(q1);
	}
	/* Closing the device closes the pair that is left. */
	vesper_dev_close(dev);
	vesper_queue_close(NULL);
	fake_stop(f);
}

static void open_failures(void **state)
{
	struct fake *f = fake_start();
	struct vesper_dev *dev = fake_open(f);
	struct vesper_queue *q;

	(void)state;
	f->bad_config = true;
	assert_int_equal(vesper_queue_open(dev, 0, NULL, &q), -EIO);
	assert_non_null(strstr(vesper_dev_strerror(), "refused queue pair 0"));
	f->bad_config = false;
	f->stuck = true;
	assert_int_equal(vesper_queue_open(dev, 0, NULL, &q), -EBUSY);
	f->stuck = false;
	pthread_mutex_lock(&f->lock);
	f->fault = FAULT_ERROR;
	f->fault_cmd = 2;
	f->fault_value = ENOMEM;
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(vesper_queue_open(dev, 0, NULL, &q), -ENOMEM);
	assert_int_equal(vesper_queue_open(dev, 0, NULL, &q), 0);
	vesper_queue_close(q);
	vesper_dev_close(dev);
	fake_stop(f);
}

/* Bursts of 1 to 8 frames through rings of 8, until the 16-bit indices have wrapped. */
static void wraps(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[8];
	struct vesper_tx t[8];
	struct vesper_rx r[8];
	struct vesper_queue_stats s;
	u32 sent = 0, i, n, at;
	u16 len[8];

	(void)state;
	while (sent < 70000) {
		n = 1 + sent % 8;
		for (i = 0; i < n; i++) {
			len[i] = (u16)(14 + (sent * 37 + i * 11) % 243);
			t[i] = frame(&b, len[i], (u8)(sent + i), VESPER_TXF_LOOKASIDE);
		}
		assert_int_equal(vesper_queue_tx(b.q, t, n), n);
		for (i = 0; i < n;) {
			assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
			i += (u32)vesper_queue_rx(b.q, r + i, n - i);
			if (i < n)
				continue;
		}
		for (at = 0; at < n;)
			at += vesper_queue_tx_done(b.q, done + at, n - at);
		for (i = 0; i < n; i++) {
			expect_inverse(&r[i], len[i], (u8)(sent + i));
			assert_ptr_equal(done[i].buf, t[i].buf);
			assert_int_equal(done[i].cookie, t[i].cookie);
			assert_int_equal(done[i].len, len[i]);
			vesper_buf_put(r[i].buf);
			vesper_buf_put(done[i].buf);
		}
		sent += n;
	}
	vesper_queue_stats(b.q, &s);
	assert_int_equal(s.tx_frames, sent);
	assert_int_equal(s.rx_frames, sent);
	assert_int_equal(s.tx_drops + s.hw_errors, 0);
	assert_int_equal(s.tx_pending, 0);
	assert_int_equal(s.rx_posted + s.buffers_free, 24);
	end(&b);
}

static void ring_full(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[16];
	struct vesper_tx t[9];
	u32 i;

	(void)state;
	b.f->hold = true;
	for (i = 0; i < 9; i++)
		t[i] = frame(&b, 60, (u8)i, 0);
	assert_int_equal(vesper_queue_tx(b.q, t, 9), 8);
	assert_int_equal(vesper_queue_tx(b.q, t + 8, 1), 0);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 16), 0);
	assert_int_equal(vesper_queue_wait(b.q, 0), 0);
	assert_int_equal(vesper_queue_wait(b.q, 20), 0);
	release(&b);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 16), 8);
	assert_int_equal(vesper_queue_tx(b.q, t + 8, 1), 1);
	release(&b);
	assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 16), 1);
	assert_int_equal(done[0].cookie, t[8].cookie);
	end(&b);
}

static void completions_in_any_order(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[8];
	struct vesper_rx r[8];
	struct vesper_tx t[8];
	u32 round, i;

	(void)state;
	b.f->reversed = b.f->hold = true;
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 6; i++)
			t[i] = frame(&b, 60, (u8)i, i % 2 ? VESPER_TXF_LOOKASIDE : 0);
		assert_int_equal(vesper_queue_tx(b.q, t, 6), 6);
		release(&b);
		assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 6);
		for (i = 0; i < 6; i++) {
			assert_int_equal(done[i].cookie, t[5 - i].cookie);
			vesper_buf_put(done[i].buf);
		}
		assert_int_equal(vesper_queue_rx(b.q, r, 8), 3);
		for (i = 0; i < 3; i++) {
			expect_inverse(&r[i], 60, (u8)(5 - 2 * i));
			vesper_buf_put(r[i].buf);
		}
	}
	assert_int_equal(hw_errors(&b), 0);
	end(&b);
}

/* A lookaside frame that is collected late is still known by its cookie: its place is not reused. */
static void late_collection(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[8];
	struct vesper_rx r[8];
	struct vesper_tx t;
	u32 i;

	(void)state;
	t = frame(&b, 60, 1, VESPER_TXF_LOOKASIDE);
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
	assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
	settle(b.dev);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 1);
	vesper_buf_put(done[0].buf);
	for (i = 0; i < 7; i++) {
		t = frame(&b, 60, 9, 0);
		assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
		assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
	}
	t = frame(&b, 60, 9, 0);
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 0);
	vesper_buf_put(t.buf);
	assert_int_equal(vesper_queue_rx(b.q, r, 8), 1);
	expect_inverse(&r[0], 60, 1);
	vesper_buf_put(r[0].buf);
	release(&b);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 7);
	for (i = 0; i < 7; i++)
		vesper_buf_put(done[i].buf);
	still_works(&b);
	end(&b);
}

static void what_the_card_refuses(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[8];
	struct vesper_tx t[3];
	u64 iova;

	(void)state;
	t[0] = frame(&b, 13, 0, 0);
	t[1] = frame(&b, 60, 1, 0x80);
	t[2] = frame(&b, 60, 2, 0);
	t[2].op = VESPER_OP_ENCRYPT;
	t[2].sa = 0x12345678;
	t[2].offset = 3;
	iova = t[2].buf->iova;
	assert_int_equal(vesper_queue_tx(b.q, t, 3), 3);
	assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
	release(&b);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 3);
	assert_int_equal(done[0].status, VESPER_ST_BAD_LENGTH);
	assert_int_equal(done[0].len, 0);
	assert_int_equal(done[1].status, VESPER_ST_BAD_FLAGS);
	assert_int_equal(done[2].status, VESPER_ST_OK);
	assert_int_equal(done[2].seq, 1002);
	assert_int_equal(b.f->last_tx.sa, 0x12345678);
	assert_int_equal(b.f->last_tx.addr, iova + 3);
	assert_int_equal(b.f->last_tx.op, VESPER_OP_ENCRYPT);
	assert_int_equal(hw_errors(&b), 0);
	still_works(&b);
	end(&b);
}

static void what_the_driver_refuses(void **state)
{
	struct bench b = begin();
	struct vesper_queue_stats s, again;
	struct vesper_queue *other;
	struct vesper_tx t[3];

	(void)state;
	b.f->hold = true;
	t[0] = frame(&b, 60, 0, 0);
	t[1] = frame(&b, 60, 1, 0);
	t[1].len = 257;
	assert_int_equal(vesper_queue_tx(b.q, t, 2), 1);
	assert_int_equal(vesper_queue_tx(b.q, t + 1, 1), -EINVAL);
	assert_non_null(strstr(vesper_dev_strerror(), "len 257"));
	t[1].len = 60;
	t[1].offset = 197;
	assert_int_equal(vesper_queue_tx(b.q, t + 1, 1), -EINVAL);
	/* With the card already. */
	assert_int_equal(vesper_queue_tx(b.q, t, 1), -EINVAL);
	assert_non_null(strstr(vesper_dev_strerror(), "not the caller's"));
	/* Of another pair. */
	assert_int_equal(vesper_queue_open(b.dev, 0, NULL, &other), 0);
	t[1].offset = 0;
	assert_int_equal(vesper_queue_tx(other, t + 1, 1), -EINVAL);
	vesper_queue_close(other);
	/* Given back twice, or while the card has it: no harm. */
	vesper_buf_put(t[1].buf);
	vesper_queue_stats(b.q, &s);
	vesper_buf_put(t[1].buf);
	vesper_buf_put(t[0].buf);
	vesper_queue_stats(b.q, &again);
	assert_int_equal(again.buffers_free, s.buffers_free);
	assert_int_equal(vesper_queue_tx(b.q, t + 1, 1), -EINVAL);
	end(&b);
}

static void no_buffers(void **state)
{
	struct bench b = begin();
	struct vesper_buf *taken[24];
	struct vesper_tx_result done;
	struct vesper_rx r[8];
	struct vesper_tx t;
	u32 n = 0, i;

	(void)state;
	while ((taken[n] = vesper_buf_get(b.q)))
		n++;
	assert_int_equal(n, 16);
	/*
	 * Eight frames use up what is posted, and nothing can be posted anew. The
	 * many after them are dropped, and must not keep their places in the TX ring.
	 */
	for (i = 0; i < 30; i++) {
		t = (struct vesper_tx){ .buf = taken[i % 16],
					.len = 60,
					.flags = VESPER_TXF_LOOKASIDE };
		assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
		assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
		settle(b.dev);
		assert_int_equal(vesper_queue_rx(b.q, &r[i % 8], 1), i < 8);
		assert_int_equal(vesper_queue_tx_done(b.q, &done, 1), 1);
		assert_int_equal(done.status, i < 8 ? VESPER_ST_OK : VESPER_ST_NO_BUFFER);
	}
	assert_int_equal(vesper_queue_refill(b.q), 0);
	for (i = 0; i < 8; i++)
		vesper_buf_put(r[i].buf);
	assert_int_equal(vesper_queue_refill(b.q), 8);
	settle(b.dev);
	/* Buffers put back while the RX ring is empty are posted before the next frame goes out. */
	for (i = 0; i < 8; i++) {
		fake_put_rx(b.f, 1, (struct vesper_rx_cpl){ .index = (u16)(8 + i), .len = 60 });
		assert_int_equal(vesper_queue_rx(b.q, &r[i], 1), 1);
	}
	for (i = 0; i < 8; i++)
		vesper_buf_put(r[i].buf);
	t = (struct vesper_tx){ .buf = taken[0], .len = 60, .flags = VESPER_TXF_LOOKASIDE };
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
	settle(b.dev);
	assert_int_equal(vesper_queue_tx_done(b.q, &done, 1), 1);
	assert_int_equal(done.status, VESPER_ST_OK);
	assert_int_equal(vesper_queue_rx(b.q, r, 1), 1);
	vesper_buf_put(r[0].buf);
	for (i = 0; i < n; i++)
		vesper_buf_put(taken[i]);
	still_works(&b);
	end(&b);
}

/* Frames from the wire, with what the card says about them; delivered in any order of buffers. */
static void wire_frames(void **state)
{
	struct bench b = begin();
	struct vesper_rx r[8];

	(void)state;
	fake_put_rx(b.f, 1,
		    (struct vesper_rx_cpl){ .index = 2,
					    .len = 256,
					    .sa = 0x30001,
					    .flags = VESPER_CPL_ESP,
					    .seq = 77 });
	fake_put_rx(b.f, 1,
		    (struct vesper_rx_cpl){ .index = 0, .len = 14, .status = VESPER_ST_NO_SA });
	assert_int_equal(vesper_queue_rx(b.q, r, 1), 1);
	assert_int_equal(r[0].len, 256);
	assert_int_equal(r[0].sa, 0x30001);
	assert_int_equal(r[0].seq, 77);
	assert_int_equal(r[0].flags, VESPER_CPL_ESP);
	assert_int_equal(r[0].cookie, 0);
	assert_int_equal(vesper_queue_rx(b.q, r + 1, 8), 1);
	assert_int_equal(r[1].status, VESPER_ST_NO_SA);
	assert_int_equal(hw_errors(&b), 0);
	vesper_buf_put(r[0].buf);
	vesper_buf_put(r[1].buf);
	end(&b);
}

/* The upper half of an ESN takes a place of its own in the ring, and gives no result. */
static void contexts(void **state)
{
	struct bench b = begin();
	struct vesper_tx_result done[8];
	struct vesper_tx t[8];
	u32 round, i;

	(void)state;
	b.f->hold = true;
	for (round = 0; round < 70000 / 6; round++) {
		for (i = 0; i < 8; i++) {
			t[i] = frame(&b, 60, (u8)i, 0);
			t[i].op = VESPER_OP_INPLACE;
			t[i].seq_hi = i % 2 ? 0x1000 + i : 0;
		}
		/* 0, 1+1, 2, 3+1, 4: then one place is left, and the next needs two. */
		assert_int_equal(vesper_queue_tx(b.q, t, 8), 5);
		release(&b);
		assert_int_equal(b.f->contexts, 2 * (round + 1));
		assert_int_equal(b.f->last_seq_hi, 0x1003);
		assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 5);
		for (i = 0; i < 5; i++) {
			assert_int_equal(done[i].cookie, t[i].cookie);
			assert_int_equal(done[i].seq, i % 2 ? 0x1000 + i : 0);
		}
		for (i = 0; i < 8; i++)
			vesper_buf_put(t[i].buf);
		assert_int_equal(hw_errors(&b), 0);
	}
	/* No other operation has one. */
	t[0] = frame(&b, 60, 1, 0);
	t[0].op = VESPER_OP_ENCRYPT;
	t[0].seq_hi = 5;
	assert_int_equal(vesper_queue_tx(b.q, t, 1), 1);
	release(&b);
	assert_int_equal(b.f->contexts, 2 * round);
	assert_int_equal(vesper_queue_tx_done(b.q, done, 8), 1);
	vesper_buf_put(t[0].buf);
	end(&b);
}

/* TOO_BIG says what would fit; in place, the status is the verdict on a frame that came. */
static void words_of_the_card(void **state)
{
	struct bench b = begin();
	struct vesper_tx t = frame(&b, 60, 0, 0);
	struct vesper_tx_result done;
	struct vesper_rx r[4];

	(void)state;
	b.f->hold = true;
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
	settle(b.dev);
	fake_put_tx(b.f, 1, (struct vesper_tx_cpl){ .len = 1438, .status = VESPER_ST_TOO_BIG });
	assert_int_equal(vesper_queue_tx_done(b.q, &done, 1), 1);
	assert_int_equal(done.status, VESPER_ST_TOO_BIG);
	assert_int_equal(done.len, 0);
	assert_int_equal(done.fits, 1438);
	vesper_buf_put(t.buf);
	fake_put_rx(b.f, 1,
		    (struct vesper_rx_cpl){ .index = 0,
					    .len = 100,
					    .flags = VESPER_CPL_INPLACE | VESPER_CPL_ESP |
						     VESPER_CPL_CSUM });
	fake_put_rx(b.f, 1,
		    (struct vesper_rx_cpl){ .index = 1,
					    .len = 100,
					    .status = VESPER_ST_ICV,
					    .flags = VESPER_CPL_INPLACE });
	assert_int_equal(vesper_queue_rx(b.q, r, 4), 2);
	assert_int_equal(r[0].flags, VESPER_CPL_INPLACE | VESPER_CPL_ESP);
	assert_int_equal(r[1].status, VESPER_ST_ICV);
	assert_int_equal(r[1].flags, VESPER_CPL_INPLACE);
	vesper_buf_put(r[0].buf);
	vesper_buf_put(r[1].buf);
	assert_int_equal(hw_errors(&b), 0);
	/* What the checksums are is not told, and holds up no run. */
	fake_put_rx(b.f, 1,
		    (struct vesper_rx_cpl){
			    .index = 2, .len = 100, .flags = VESPER_CPL_ESP | VESPER_CPL_CSUM });
	assert_int_equal(vesper_queue_rx(b.q, r, 4), 1);
	assert_int_equal(r[0].flags, VESPER_CPL_ESP);
	vesper_buf_put(r[0].buf);
	/* No verdict: another status; and nothing with a fault was proven. */
	fake_put_rx(b.f, 1,
		    (struct vesper_rx_cpl){ .index = 3,
					    .len = 100,
					    .status = VESPER_ST_REPLAY,
					    .flags = VESPER_CPL_INPLACE });
	fake_put_rx(
		b.f, 1,
		(struct vesper_rx_cpl){
			.index = 4, .len = 100, .status = VESPER_ST_ICV, .flags = VESPER_CPL_ESP });
	assert_int_equal(vesper_queue_rx(b.q, r, 4), 0);
	assert_int_equal(hw_errors(&b), 2);
	end(&b);
}

static void interrupts(void **state)
{
	struct bench b = begin();
	struct vesper_queue_stats s;
	struct vesper_tx_result done;
	struct vesper_tx t = frame(&b, 60, 0, 0);

	(void)state;
	b.f->hold = true;
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
	/* Armed by a wait that ends too early; the interrupt comes later. */
	assert_int_equal(vesper_queue_wait(b.q, 5), 0);
	release(&b);
	assert_int_equal(vesper_queue_wait(b.q, 1000), 1);
	assert_int_equal(vesper_queue_tx_done(b.q, &done, 1), 1);
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
	/* The stale eventfd does not end a wait early. */
	assert_int_equal(vesper_queue_wait(b.q, 30), 0);
	vesper_queue_stats(b.q, &s);
	assert_int_equal(s.interrupts, 1);
	release(&b);
	/* Without an interrupt it is noticed at the latest when the time is over. */
	assert_int_equal(vesper_queue_tx_done(b.q, &done, 1), 1);
	b.f->deaf = true;
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), 1);
	release(&b);
	assert_int_equal(vesper_queue_wait(b.q, 30), 1);
	end(&b);
}

static void polling(void **state)
{
	struct vesper_queue_opts o = small_rings();
	struct bench b = begin();

	(void)state;
	vesper_queue_close(b.q);
	o.flags = VESPER_QUEUE_POLL;
	assert_int_equal(vesper_queue_open(b.dev, 1, &o, &b.q), 0);
	assert_int_equal(b.f->queue[1].irq_fd, -1);
	assert_int_equal(vesper_queue_wait(b.q, 10), 0);
	still_works(&b);
	end(&b);
}

static void halted_or_gone(void **state)
{
	struct bench b = begin();
	struct vesper_tx t = frame(&b, 60, 0, 0);

	(void)state;
	fake_reg(b.f, QUEUE_STATE(1), 0x10);
	assert_int_equal(vesper_queue_wait(b.q, 10), -EIO);
	assert_non_null(strstr(vesper_dev_strerror(), "queue pair 1 has halted"));
	fake_stop(b.f);
	assert_int_equal(vesper_queue_wait(b.q, -1), -ECONNRESET);
	assert_int_equal(vesper_queue_tx(b.q, &t, 1), -ECONNRESET);
	vesper_queue_close(b.q);
	vesper_dev_close(b.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_options),
		cmocka_unit_test(open_and_close),
		cmocka_unit_test(open_failures),
		cmocka_unit_test(wraps),
		cmocka_unit_test(ring_full),
		cmocka_unit_test(completions_in_any_order),
		cmocka_unit_test(late_collection),
		cmocka_unit_test(what_the_card_refuses),
		cmocka_unit_test(what_the_driver_refuses),
		cmocka_unit_test(no_buffers),
		cmocka_unit_test(contexts),
		cmocka_unit_test(words_of_the_card),
		cmocka_unit_test(contexts),
		cmocka_unit_test(words_of_the_card),
		cmocka_unit_test(wire_frames),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(polling),
		cmocka_unit_test(halted_or_gone),
	};

	return cmocka_run_group_tests_name("vfio_queue", tests, NULL, NULL);
}
