// SPDX-License-Identifier: BSD-2-Clause
/* Setting queue pairs up, tearing them down, and sleeping on them. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vesper_dev_priv.h"
#include "vesper_ring.h"

#define RING_LOG2_DEFAULT 9
#define BUF_SIZE_DEFAULT  2048
#define BUF_SIZE_MAX	  16384
#define POLL_SLEEP_US	  50

static int read_opts(const struct vesper_queue_opts *opts, struct vesper_queue_opts *o)
{
	memset(o, 0, sizeof(*o));
	if (opts) {
		if (opts->size < sizeof(opts->size) || opts->size > sizeof(*o))
			return vesper_error(
				-EINVAL, "option size is %zu, this driver knows %zu to %zu bytes",
				opts->size, sizeof(opts->size), sizeof(*o));
		memcpy(o, opts, opts->size);
	}
	if (!o->tx_log2)
		o->tx_log2 = RING_LOG2_DEFAULT;
	if (!o->rx_log2)
		o->rx_log2 = RING_LOG2_DEFAULT;
	if (!o->buf_size)
		o->buf_size = BUF_SIZE_DEFAULT;
	if (!vesper_ring_log2_ok(o->tx_log2) || !vesper_ring_log2_ok(o->rx_log2))
		return vesper_error(-EINVAL, "tx_log2 is %u and rx_log2 %u, expected %u to %u",
				    o->tx_log2, o->rx_log2, VESPER_RING_LOG2_MIN,
				    VESPER_RING_LOG2_MAX);
	if (o->buf_size % VESPER_RX_ALIGN || o->buf_size > BUF_SIZE_MAX)
		return vesper_error(-EINVAL, "buf_size is %u, expected a multiple of %u up to %u",
				    o->buf_size, VESPER_RX_ALIGN, BUF_SIZE_MAX);
	if (!o->buffers)
		o->buffers = (1u << o->tx_log2) + (2u << o->rx_log2);
	if (o->buffers > 1u << (VESPER_RING_LOG2_MAX + 2))
		return vesper_error(-EINVAL, "buffers is %u, expected at most %u", o->buffers,
				    1u << (VESPER_RING_LOG2_MAX + 2));
	if (o->flags & ~VESPER_QUEUE_POLL)
		return vesper_error(-EINVAL, "option flags 0x%x are unknown",
				    o->flags & ~VESPER_QUEUE_POLL);
	return 0;
}

/* One area: TX descriptors, TX completions, RX descriptors, RX completions, buffers. */
static int alloc_memory(struct vesper_queue *q, const struct vesper_queue_opts *o)
{
	size_t tx = sizeof(struct vesper_tx_desc) << o->tx_log2;
	size_t rx = sizeof(struct vesper_rx_desc) << o->rx_log2;
	size_t rings = (2 * (tx + rx) + 4095) & ~(size_t)4095;
	u8 *mem;
	u32 i;
	int err;

	q->tx_slot = calloc((size_t)1 << o->tx_log2, sizeof(*q->tx_slot));
	q->tx_waits = calloc((size_t)1 << o->tx_log2, sizeof(*q->tx_waits));
	q->rx_slot = calloc((size_t)1 << o->rx_log2, sizeof(*q->rx_slot));
	q->bufs = calloc(o->buffers, sizeof(*q->bufs));
	q->pool.bottom = calloc(o->buffers, sizeof(*q->pool.bottom));
	if (!q->tx_slot || !q->tx_waits || !q->rx_slot || !q->bufs || !q->pool.bottom)
		return vesper_error(-ENOMEM, "out of memory for %u buffers", o->buffers);
	err = vesper_dma_alloc(q->dev, rings + (size_t)o->buffers * o->buf_size, &q->dma);
	if (err)
		return err;
	mem = q->dma.mem;
	q->tx_desc = (struct vesper_tx_desc *)mem;
	q->tx_cpl = (struct vesper_tx_cpl *)(mem + tx);
	q->rx_desc = (struct vesper_rx_desc *)(mem + 2 * tx);
	q->rx_cpl = (struct vesper_rx_cpl *)(mem + 2 * tx + rx);
	q->buf_count = o->buffers;
	q->buf_size = o->buf_size;
	q->pool.top = q->pool.bottom;
	for (i = o->buffers; i-- > 0;) {
		struct vesper_buf *b = &q->bufs[i];
		size_t at = rings + (size_t)i * o->buf_size;

		*b = (struct vesper_buf){ mem + at, q->dma.iova + at, q, o->buf_size, 0 };
		*q->pool.top++ = b;
	}
	return 0;
}

static int write_base(struct vesper_queue *q, u32 offset_lo, const void *ring)
{
	u64 iova = q->dma.iova + (u64)((const u8 *)ring - (const u8 *)q->dma.mem);
	int err = vesper_reg_write(q->dev, offset_lo, (u32)iova);

	return err ? err : vesper_reg_write(q->dev, offset_lo + 4, (u32)(iova >> 32));
}

static int enable(struct vesper_queue *q)
{
	u32 ctrl = VESPER__QUEUE_RF__CTRL__ENABLE_bm |
		   (u32)q->tx_log2 << VESPER__QUEUE_RF__CTRL__TX_LOG2_bp |
		   (u32)q->rx_log2 << VESPER__QUEUE_RF__CTRL__RX_LOG2_bp;
	u64 deadline = vesper_now_ms() + q->dev->timeout_ms;
	u32 state, round = 0;
	bool late;
	int err;

	err = write_base(q, QUEUE_REG(q->id, tx_base_lo), q->tx_desc);
	if (!err)
		err = write_base(q, QUEUE_REG(q->id, tx_cpl_lo), q->tx_cpl);
	if (!err)
		err = write_base(q, QUEUE_REG(q->id, rx_base_lo), q->rx_desc);
	if (!err)
		err = write_base(q, QUEUE_REG(q->id, rx_cpl_lo), q->rx_cpl);
	if (!err)
		err = vesper_reg_write(q->dev, QUEUE_REG(q->id, ctrl), ctrl);
	while (!err) {
		late = vesper_now_ms() >= deadline;
		err = vesper_reg_read(q->dev, QUEUE_REG(q->id, state), &state);
		if (err)
			break;
		if (state & VESPER__QUEUE_RF__STATE__BAD_CONFIG_bm)
			return vesper_error(
				-EIO,
				"the card refused queue pair %u: tx_log2 %u, rx_log2 %u (state 0x%x)",
				q->id, q->tx_log2, q->rx_log2, state);
		if (state & VESPER__QUEUE_RF__STATE__ACTIVE_bm)
			break;
		if (late)
			return vesper_error(-EIO,
					    "queue pair %u did not start within %u ms (state 0x%x)",
					    q->id, q->dev->timeout_ms, state);
		vesper_backoff(++round);
	}
	return err;
}

static int setup_irq(struct vesper_queue *q)
{
	q->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->irq_fd < 0)
		return vesper_error(-errno, "eventfd: %s", strerror(errno));
	return q->dev->t->ops->irq_set(q->dev->t, q->id, q->irq_fd);
}

/* Caller holds dev->lock; the pair has stopped. */
static void release(struct vesper_queue *q)
{
	if (q->irq_fd >= 0) {
		q->dev->t->ops->irq_set(q->dev->t, q->id, -1);
		close(q->irq_fd);
	}
	vesper_dma_free(&q->dma);
	free(q->tx_slot);
	free(q->tx_waits);
	free(q->rx_slot);
	free(q->bufs);
	free(q->pool.bottom);
	free(q);
}

/* Queue pairs that this process ever opened. */
static u32 opened;

static int setup(struct vesper_queue *q, const struct vesper_queue_opts *o)
{
	int err;

	/* Of no other pair that is open, here or on another card. */
	do
		q->pool.mine = __atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
	while (!q->pool.mine);
	q->tx_log2 = (u8)o->tx_log2;
	q->rx_log2 = (u8)o->rx_log2;
	q->tx_mask = (u16)((1u << o->tx_log2) - 1);
	q->rx_mask = (u16)((1u << o->rx_log2) - 1);
	q->rx_refill_at = (u16)(1u << (o->rx_log2 - 3));
	err = alloc_memory(q, o);
	if (!err && !(o->flags & VESPER_QUEUE_POLL) && q->id < q->dev->t->vectors)
		err = setup_irq(q);
	if (!err)
		err = vesper_queue_stop(q->dev, q->id);
	if (!err)
		err = enable(q);
	if (!err)
		err = vesper_queue_refill(q);
	return err < 0 ? err : 0;
}

int vesper_queue_open(struct vesper_dev *dev, u32 id, const struct vesper_queue_opts *opts,
		      struct vesper_queue **result)
{
	struct vesper_queue_opts o;
	struct vesper_queue *q;
	int err;

	*result = NULL;
	err = read_opts(opts, &o);
	if (err)
		return err;
	pthread_mutex_lock(&dev->lock);
	if (id >= dev->queues) {
		err = vesper_error(-EINVAL, "queue pair %u: the card has %u", id, dev->queues);
		goto out;
	}
	if (dev->queue[id]) {
		err = vesper_error(-EBUSY, "queue pair %u is open already", id);
		goto out;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		err = vesper_error(-ENOMEM, "out of memory");
		goto out;
	}
	q->dev = dev;
	q->id = id;
	q->irq_fd = -1;
	err = setup(q, &o);
	if (err) {
		/* The error that is told is the first. */
		vesper_reg_write(dev, QUEUE_REG(id, ctrl), 0);
		release(q);
		goto out;
	}
	dev->queue[id] = q;
	*result = q;
out:
	pthread_mutex_unlock(&dev->lock);
	return err;
}

void vesper_queue_close(struct vesper_queue *q)
{
	struct vesper_dev *dev;

	if (!q)
		return;
	dev = q->dev;
	pthread_mutex_lock(&dev->lock);
	/* If it does not stop, unmapping its memory ends it. */
	vesper_queue_stop(dev, q->id);
	dev->queue[q->id] = NULL;
	release(q);
	pthread_mutex_unlock(&dev->lock);
}

static bool ready(const struct vesper_queue *q)
{
	const struct vesper_tx_cpl *t = &q->tx_cpl[vesper_ring_slot(q->tx_seen, q->tx_log2)];
	const struct vesper_rx_cpl *r = &q->rx_cpl[vesper_ring_slot(q->rx_seen, q->rx_log2)];

	return vesper_cpl_ready(__atomic_load_n(&t->flags, __ATOMIC_ACQUIRE), q->tx_seen,
				q->tx_log2) ||
	       vesper_cpl_ready(__atomic_load_n(&r->flags, __ATOMIC_ACQUIRE), q->rx_seen,
				q->rx_log2);
}

static int check_alive(struct vesper_queue *q)
{
	u32 state;
	int err = vesper_reg_read(q->dev, QUEUE_REG(q->id, state), &state);

	if (!err && (state & VESPER__QUEUE_RF__STATE__DMA_ERROR_bm))
		return vesper_error(
			-EIO,
			"queue pair %u has halted: the card could not reach its rings (state 0x%x)",
			q->id, state);
	return err;
}

int vesper_sleep_irq(struct vesper_dev *dev, int irq_fd, int ms, u64 *interrupts)
{
	struct pollfd p[2] = {
		{ .fd = irq_fd, .events = POLLIN },
		{ .fd = dev->t->ops->hangup_fd(dev->t), .events = POLLRDHUP },
	};
	u64 count;

	if (poll(p, 2, ms) < 0)
		return vesper_error(-errno, "poll: %s", strerror(errno));
	if (p[0].revents & POLLIN) {
		if (read(irq_fd, &count, sizeof(count)) == sizeof(count) && interrupts)
			*interrupts += count;
		return 0;
	}
	if (p[1].revents)
		return vesper_error(-ECONNRESET, "the card closed the connection");
	return 0;
}

int vesper_queue_wait(struct vesper_queue *q, int timeout_ms)
{
	u64 now = vesper_now_ms(), checked = now;
	u64 deadline = timeout_ms < 0 ? UINT64_MAX : now + (u64)timeout_ms;
	u32 arm;
	u64 slice;
	int err;

	if (ready(q))
		return 1;
	if (!timeout_ms)
		return 0;
	if (q->irq_fd >= 0) {
		arm = q->tx_seen | (u32)q->rx_seen << VESPER__DOORBELL_RF__ARM__RX_SEEN_bp;
		err = q->dev->t->ops->post32(q->dev->t, VESPER_REGION_BAR0,
					     DOORBELL_REG(q->id, arm), arm);
		if (err)
			return err;
	}
	for (;;) {
		if (ready(q))
			return 1;
		now = vesper_now_ms();
		if (now >= checked + VESPER_CHECK_MS || now >= deadline) {
			err = check_alive(q);
			if (err)
				return err;
			checked = now;
			/* It may have come while the card was asked. */
			if (now >= deadline)
				return ready(q);
		}
		slice = deadline - now < VESPER_CHECK_MS ? deadline - now : VESPER_CHECK_MS;
		if (q->irq_fd >= 0) {
			err = vesper_sleep_irq(q->dev, q->irq_fd, (int)slice, &q->stats.interrupts);
			if (err)
				return err;
		} else {
			usleep(POLL_SLEEP_US);
		}
	}
}

void vesper_queue_stats(const struct vesper_queue *q, struct vesper_queue_stats *stats)
{
	u16 i;

	*stats = q->stats;
	stats->tx_pending = 0;
	for (i = q->tx_head; i != q->tx_tail; i++)
		stats->tx_pending += q->tx_waits[vesper_ring_slot(i, q->tx_log2)] != 0;
	stats->rx_posted = 0;
	for (i = q->rx_head; i != q->rx_tail; i++)
		stats->rx_posted += q->rx_slot[vesper_ring_slot(i, q->rx_log2)] != NULL;
	stats->buffers_free = (u32)(q->pool.top - q->pool.bottom);
}
