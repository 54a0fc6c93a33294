// SPDX-License-Identifier: BSD-2-Clause
/*
 * The event ring: records that the card writes by itself. A record counts as
 * written when its phase bit, in its last byte, says so; it is copied before it
 * is looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vesper_dev_priv.h"
#include "vesper_ring.h"
#include "vesper_status.h"

#define LOG2_DEFAULT	 9
#define LOG2_MAX	 12
#define INTERVAL_DEFAULT 250000
#define POLL_SLEEP_US	 50

struct vesper_event_ring {
	struct vesper_dma dma;
	const struct vesper_event *at;
	u32 log2;
	u16 seen; /* records consumed, free-running */
	u16 told; /* of these, what the card knows of */
	int irq_fd;
	u64 bad;
};

VESPER_STATIC_ASSERT(offsetof(struct vesper_event, flags) == 63, "flags end the record");

static int read_opts(const struct vesper_event_opts *opts, struct vesper_event_opts *o)
{
	memset(o, 0, sizeof(*o));
	if (opts) {
		if (opts->size < sizeof(opts->size) || opts->size > sizeof(*o))
			return vesper_error(
				-EINVAL, "option size is %zu, this driver knows %zu to %zu bytes",
				opts->size, sizeof(opts->size), sizeof(*o));
		memcpy(o, opts, opts->size);
	}
	if (!o->log2)
		o->log2 = LOG2_DEFAULT;
	if (!o->interval)
		o->interval = INTERVAL_DEFAULT;
	if (o->log2 < VESPER_RING_LOG2_MIN || o->log2 > LOG2_MAX)
		return vesper_error(-EINVAL, "log2 is %u, expected %u to %u", o->log2,
				    VESPER_RING_LOG2_MIN, LOG2_MAX);
	if (o->flags & ~VESPER_QUEUE_POLL)
		return vesper_error(-EINVAL, "option flags 0x%x are unknown",
				    o->flags & ~VESPER_QUEUE_POLL);
	return 0;
}

/* Wait until the ring is active, or is no longer. */
static int wait_state(struct vesper_dev *dev, bool active)
{
	u64 deadline = vesper_now_ms() + dev->timeout_ms;
	u32 state, round = 0;
	bool late;
	int err;

	for (;;) {
		late = vesper_now_ms() >= deadline;
		err = vesper_reg_read(dev, REG(event_state), &state);
		if (err)
			return err;
		if (active && (state & VESPER__EVENT_STATE_R__BAD_CONFIG_bm))
			return vesper_error(-EIO, "the card refused the event ring (state 0x%x)",
					    state);
		if (!!(state & VESPER__EVENT_STATE_R__ACTIVE_bm) == active)
			return 0;
		if (late)
			return vesper_error(active ? -EIO : -EBUSY,
					    "the event ring does not %s within %u ms (state 0x%x)",
					    active ? "start" : "stop", dev->timeout_ms, state);
		vesper_backoff(++round);
	}
}

static int stop(struct vesper_dev *dev)
{
	int err = vesper_reg_write(dev, REG(event_ctrl), 0);

	return err ? err : wait_state(dev, false);
}

static int start(struct vesper_dev *dev, struct vesper_event_ring *r,
		 const struct vesper_event_opts *o)
{
	u32 ctrl = VESPER__EVENT_CTRL_R__ENABLE_bm | r->log2 << VESPER__EVENT_CTRL_R__LOG2_bp;
	int err;

	err = vesper_dma_alloc(dev, sizeof(struct vesper_event) << r->log2, &r->dma);
	if (err)
		return err;
	r->at = r->dma.mem;
	if (!(o->flags & VESPER_QUEUE_POLL) && dev->queues < dev->t->vectors) {
		r->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (r->irq_fd < 0)
			return vesper_error(-errno, "eventfd: %s", strerror(errno));
		err = dev->t->ops->irq_set(dev->t, dev->queues, r->irq_fd);
	}
	if (!err)
		err = stop(dev);
	if (!err)
		err = vesper_reg_write(dev, REG(event_base_lo), (u32)r->dma.iova);
	if (!err)
		err = vesper_reg_write(dev, REG(event_base_hi), (u32)(r->dma.iova >> 32));
	if (!err)
		err = vesper_reg_write(dev, REG(event_interval), o->interval);
	if (!err)
		err = vesper_reg_write(dev, REG(event_ctrl), ctrl);
	return err ? err : wait_state(dev, true);
}

/* The card writes no more, or cannot. */
static void release(struct vesper_dev *dev, struct vesper_event_ring *r)
{
	if (r->irq_fd >= 0) {
		dev->t->ops->irq_set(dev->t, dev->queues, -1);
		close(r->irq_fd);
	}
	vesper_dma_free(&r->dma);
	free(r);
}

int vesper_dev_events_open(struct vesper_dev *dev, const struct vesper_event_opts *opts)
{
	struct vesper_event_opts o;
	struct vesper_event_ring *r;
	int err;

	err = read_opts(opts, &o);
	if (err)
		return err;
	pthread_mutex_lock(&dev->lock);
	if (dev->events) {
		err = vesper_error(-EBUSY, "the event ring is open already");
		goto out;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		err = vesper_error(-ENOMEM, "out of memory");
		goto out;
	}
	r->log2 = o.log2;
	r->irq_fd = -1;
	err = start(dev, r, &o);
	if (err) {
		/* The error that is told is the first. */
		vesper_reg_write(dev, REG(event_ctrl), 0);
		release(dev, r);
		goto out;
	}
	dev->events = r;
out:
	pthread_mutex_unlock(&dev->lock);
	return err;
}

void vesper_dev_events_close(struct vesper_dev *dev)
{
	pthread_mutex_lock(&dev->lock);
	if (dev->events) {
		/* If it does not stop, unmapping its memory ends it. */
		stop(dev);
		release(dev, dev->events);
		dev->events = NULL;
	}
	pthread_mutex_unlock(&dev->lock);
}

u64 vesper_dev_events_bad(const struct vesper_dev *dev)
{
	return dev->events ? dev->events->bad : 0;
}

static bool code_ok(u8 code)
{
	if (code < VESPER_ST_COUNT)
		return code != VESPER_ST_OK && vesper_status_name(code);
	return code >= VESPER_EV_SOFT_PACKETS && code <= VESPER_EV_LEASE_LOW;
}

static bool ready(const struct vesper_event_ring *r)
{
	const struct vesper_event *e = &r->at[vesper_ring_slot(r->seen, r->log2)];

	return vesper_cpl_ready(__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE), r->seen, r->log2);
}

static unsigned int collect(struct vesper_event_ring *r, struct vesper_event *events,
			    unsigned int n)
{
	unsigned int got = 0, looked;

	/* Also those that make no sense count, so that a mad card cannot keep us here. */
	for (looked = 0; looked < n && ready(r); looked++, r->seen++) {
		events[got] = r->at[vesper_ring_slot(r->seen, r->log2)];
		events[got].flags &= VESPER_EVF_INBOUND | VESPER_EVF_IPV6;
		if (code_ok(events[got].code))
			got++;
		else
			r->bad++;
	}
	return got;
}

static int tell_seen(struct vesper_dev *dev, struct vesper_event_ring *r, bool arm)
{
	u32 word = r->seen | (arm ? VESPER__EVENT_SEEN_R__ARM_bm : 0);

	if (!arm && r->told == r->seen)
		return 0;
	r->told = r->seen;
	return dev->t->ops->post32(dev->t, VESPER_REGION_BAR0, REG(event_seen), word);
}

static int check_alive(struct vesper_dev *dev)
{
	u32 state;
	int err = vesper_reg_read(dev, REG(event_state), &state);

	if (!err && (state & VESPER__EVENT_STATE_R__DMA_ERROR_bm))
		return vesper_error(-EIO,
				    "the event ring has halted: the card could not write to it "
				    "(state 0x%x)",
				    state);
	return err;
}

int vesper_dev_events(struct vesper_dev *dev, struct vesper_event *events, unsigned int n,
		      int timeout_ms)
{
	struct vesper_event_ring *r = dev->events;
	u64 now = vesper_now_ms(), checked = now;
	u64 deadline = timeout_ms < 0 ? UINT64_MAX : now + (u64)timeout_ms;
	unsigned int got;
	u64 slice;
	int err;

	if (!r)
		return vesper_error(-EINVAL, "the event ring is not open");
	for (;;) {
		got = collect(r, events, n);
		now = vesper_now_ms();
		if (got || now >= deadline || !timeout_ms) {
			err = tell_seen(dev, r, false);
			return err ? err : (int)got;
		}
		if (now >= checked + VESPER_CHECK_MS) {
			err = check_alive(dev);
			checked = now;
			if (err)
				return err;
		}
		slice = deadline - now < VESPER_CHECK_MS ? deadline - now : VESPER_CHECK_MS;
		if (r->irq_fd >= 0) {
			/* Comes at once if the card has written meanwhile. */
			err = tell_seen(dev, r, true);
			if (!err)
				err = vesper_sleep_irq(dev, r->irq_fd, (int)slice, NULL);
			if (err)
				return err;
		} else {
			usleep(POLL_SLEEP_US);
		}
	}
}
