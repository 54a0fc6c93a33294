// SPDX-License-Identifier: BSD-2-Clause
/*
 * Has a card reach for memory that its driver did not map: a frame is to be read from there, then one to be
 * written. Either must be refused and reported, and the queue pair must work on. Says which transport it was.
 *
 * Usage: vfio-dma CARD
 */
#include <stdio.h>

#include "vesper_dev.h"
#include "vesper_status.h"

#define LEN 200
/* In the middle of the guest's RAM, where an untranslated access would find it. */
#define OUTSIDE 0x4000000ull

static int fail(const char *what)
{
	fprintf(stderr, "vfio-dma: %s: %s\n", what, vesper_dev_strerror());
	return 1;
}

static const char *name(unsigned int status)
{
	return vesper_status_name(status) ? vesper_status_name(status) : "nonsense";
}

/* Send @buf to the card and take it back. Return: the status, or -1. */
static int round_trip(struct vesper_queue *q, struct vesper_buf *buf, bool *came)
{
	struct vesper_tx tx = {
		.buf = buf, .len = LEN, .op = VESPER_OP_PLAIN, .flags = VESPER_TXF_LOOKASIDE
	};
	struct vesper_tx_result result;
	struct vesper_rx rx;
	bool done = false;
	int i;

	*came = false;
	if (vesper_queue_tx(q, &tx, 1) != 1)
		return -1;
	for (i = 0; i < 100 && !(done && (*came || result.status)); i++) {
		if (vesper_queue_wait(q, 1000) < 0)
			return -1;
		if (vesper_queue_rx(q, &rx, 1) == 1) {
			vesper_buf_put(rx.buf);
			*came = true;
		}
		if (vesper_queue_tx_done(q, &result, 1) == 1)
			done = true;
	}
	return done ? result.status : -1;
}

/* The descriptor names memory outside. */
static int read_outside(struct vesper_queue *q, struct vesper_buf *buf)
{
	u64 iova = buf->iova;
	bool came;
	int status;

	buf->iova = OUTSIDE;
	status = round_trip(q, buf, &came);
	buf->iova = iova;
	if (status < 0)
		return fail("read outside");
	printf("read of 0x%llx: %s, %s\n", OUTSIDE, name((unsigned int)status),
	       came ? "a frame came" : "no frame came");
	return status != VESPER_ST_DMA_READ || came;
}

/* The buffers for results are outside. */
static int write_outside(struct vesper_dev *dev, struct vesper_buf *free_bufs[], int n)
{
	struct vesper_queue_opts o = { .size = sizeof(o), .tx_log2 = 3, .rx_log2 = 3 };
	struct vesper_queue *q;
	struct vesper_buf *buf;
	bool came;
	int status, i, tries;

	if (vesper_queue_open(dev, 1, &o, &q))
		return fail("queue pair 1");
	/* All that are not posted yet; the next to be posted are among them. */
	for (i = 0; i < n && (free_bufs[i] = vesper_buf_get(q)); i++)
		;
	buf = free_bufs[--i];
	while (i--) {
		free_bufs[i]->iova = OUTSIDE;
		vesper_buf_put(free_bufs[i]);
	}
	for (tries = 0, status = 0; tries < 32 && !status; tries++)
		status = round_trip(q, buf, &came);
	if (status < 0)
		return fail("write outside");
	printf("write to 0x%llx, after %d good ones: %s, %s\n", OUTSIDE, tries - 1,
	       name((unsigned int)status), came ? "a frame came" : "no frame came");
	vesper_queue_close(q);
	return status != VESPER_ST_DMA_WRITE || came;
}

static int good(struct vesper_queue *q, struct vesper_buf *buf, const char *when)
{
	bool came;
	int status = round_trip(q, buf, &came);

	if (status < 0)
		return fail(when);
	printf("%s: %s, %s\n", when, name((unsigned int)status),
	       came ? "a frame came" : "no frame came");
	return status || !came;
}

int main(int argc, char **argv)
{
	struct vesper_dev_opts o = { .size = sizeof(o), .card = argc > 1 ? argv[1] : NULL };
	struct vesper_buf *buf, *many[64];
	struct vesper_stats before, after;
	struct vesper_dev_info info;
	struct vesper_queue *q;
	struct vesper_dev *dev;
	int bad = 0;

	if (vesper_dev_open(&o, &dev))
		return fail("open");
	if (vesper_dev_info(dev, &info))
		return fail("info");
	printf("by %s\n", info.transport);
	if (vesper_queue_open(dev, 0, NULL, &q) || vesper_dev_stats(dev, &before))
		return fail("queue pair 0");
	buf = vesper_buf_get(q);
	bad |= good(q, buf, "inside");
	bad |= read_outside(q, buf);
	bad |= write_outside(dev, many, 64);
	bad |= good(q, buf, "inside again");
	if (vesper_dev_stats(dev, &after))
		return fail("counters");
	printf("counted: %llu reads, %llu writes\n",
	       (unsigned long long)(le64_to_cpu(after.tx[VESPER_ST_DMA_READ]) -
				    le64_to_cpu(before.tx[VESPER_ST_DMA_READ])),
	       (unsigned long long)(le64_to_cpu(after.rx[VESPER_ST_DMA_WRITE]) +
				    le64_to_cpu(after.tx[VESPER_ST_DMA_WRITE]) -
				    le64_to_cpu(before.rx[VESPER_ST_DMA_WRITE]) -
				    le64_to_cpu(before.tx[VESPER_ST_DMA_WRITE])));
	bad |= after.tx[VESPER_ST_DMA_READ] == before.tx[VESPER_ST_DMA_READ];
	vesper_dev_close(dev);
	return bad;
}
