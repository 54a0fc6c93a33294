/* SPDX-License-Identifier: BSD-2-Clause */
/* A queue pair of small rings on a fake card, for tests; include cmocka.h first. */
#ifndef VFIO_BENCH_H
#define VFIO_BENCH_H

#include "vesper_status.h"
#include "vfio_fake.h"

struct bench {
	struct fake *f;
	struct vesper_dev *dev;
	struct vesper_queue *q;
};

static inline struct vesper_queue_opts small_rings(void)
{
	return (struct vesper_queue_opts){
		.size = sizeof(struct vesper_queue_opts),
		.tx_log2 = 3,
		.rx_log2 = 3,
		.buf_size = 256,
		.buffers = 24,
	};
}

/* Doorbells are posted; a read comes back only after they have arrived. */
static inline void settle(struct vesper_dev *dev)
{
	struct vesper_dev_config c;

	assert_int_equal(vesper_dev_get_config(dev, &c), 0);
}

static inline struct bench begin(void)
{
	struct vesper_queue_opts o = small_rings();
	struct bench b = { .f = fake_start() };

	b.dev = fake_open(b.f);
	assert_int_equal(vesper_queue_open(b.dev, 1, &o, &b.q), 0);
	settle(b.dev);
	return b;
}

static inline void end(struct bench *b)
{
	vesper_queue_close(b->q);
	assert_int_equal(b->f->maps_now, 0);
	vesper_dev_close(b->dev);
	fake_stop(b->f);
}

/* Have the card process what has been posted. */
static inline void release(struct bench *b)
{
	settle(b->dev);
	fake_release(b->f, 1);
}

static inline u64 hw_errors(const struct bench *b)
{
	struct vesper_queue_stats s;

	vesper_queue_stats(b->q, &s);
	return s.hw_errors;
}

/* A frame of @len bytes that differs for each @seed. */
static inline struct vesper_tx frame(struct bench *b, u16 len, u8 seed, u8 flags)
{
	struct vesper_tx t = { .buf = vesper_buf_get(b->q),
			       .cookie = 0x100000000 + seed,
			       .len = len,
			       .flags = flags };
	u16 i;

	assert_non_null(t.buf);
	for (i = 0; i < len; i++)
		t.buf->data[i] = (u8)(seed * 7 + i);
	return t;
}

/* What came back is the inverse of frame(len, seed). */
static inline void expect_inverse(const struct vesper_rx *r, u16 len, u8 seed)
{
	u16 i;

	assert_int_equal(r->len, len);
	assert_int_equal(r->cookie, 0x100000000 + seed);
	for (i = 0; i < len; i++)
		assert_int_equal(r->buf->data[i], (u8) ~(seed * 7 + i));
}

/* Send one frame to the card and back: what must still work after each misdeed. */
static inline void still_works(struct bench *b)
{
	struct vesper_tx t = frame(b, 99, 5, VESPER_TXF_LOOKASIDE);
	struct vesper_tx_result done;
	struct vesper_rx r;

	assert_int_equal(vesper_queue_tx(b->q, &t, 1), 1);
	assert_int_equal(vesper_queue_wait(b->q, 1000), 1);
	settle(b->dev);
	assert_int_equal(vesper_queue_rx(b->q, &r, 1), 1);
	expect_inverse(&r, 99, 5);
	assert_int_equal(vesper_queue_tx_done(b->q, &done, 1), 1);
	assert_int_equal(done.status, VESPER_ST_OK);
	vesper_buf_put(done.buf);
	vesper_buf_put(r.buf);
}

#endif
