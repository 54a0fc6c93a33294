// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The card's event ring: what SAs with packet offload have to say. Those of a limit go to the stack; the others, of
 * packets that were dropped, are known by the counters. A card without a vector for it, or one that does not start its
 * ring, is asked once a second all the same (xfrm_packet.c).
 */
#include <linux/interrupt.h>
#include <linux/iopoll.h>

#include "xfrm.h"

#define RING_LOG2  6
#define RING_BYTES (sizeof(struct vesper_event) << RING_LOG2)
#define DROP_INTERVAL \
	U32_MAX /* of the card's cycles, at least, between two that tell of drops for one reason */
#define WAIT_US 100
#define LONG_US 200000

struct vesper_events {
	struct vesper_nic *nic;
	struct vesper_event *ring;
	dma_addr_t dma;
	u16 seen;
	bool on;
	char name[IFNAMSIZ + 8];
};

static bool told(struct vesper_events *e)
{
	const struct vesper_event *event = &e->ring[vesper_ring_slot(e->seen, RING_LOG2)];

	if (!vesper_cpl_ready(READ_ONCE(event->flags), e->seen, RING_LOG2))
		return false;
	dma_rmb();
	if (event->code >= VESPER_EV_SOFT_PACKETS && event->code <= VESPER_EV_EXPIRED)
		vesper_packet_limit(e->nic, le32_to_cpu(event->sa));
	e->seen++;
	return true;
}

/* In a thread of its own: the card is asked for the counters of the SA. */
static irqreturn_t collect(int irq, void *data)
{
	struct vesper_events *e = data;

	while (told(e))
		; /* places are given back below, so these are a ring's at most */
	vesper_write(e->nic, VESPER_REG(event_seen), e->seen | VESPER__EVENT_SEEN_R__ARM_bm);
	return IRQ_HANDLED;
}

static int wait_active(struct vesper_nic *nic, bool active)
{
	u32 state;

	return read_poll_timeout(vesper_read, state,
				 !!(state & VESPER__EVENT_STATE_R__ACTIVE_bm) == active, WAIT_US,
				 LONG_US, false, nic, VESPER_REG(event_state));
}

/* The vector is the one behind those of the pairs. */
static int irq_of(const struct vesper_nic *nic)
{
	return pci_irq_vector(nic->pdev, nic->queues);
}

static int start(struct vesper_events *e)
{
	struct vesper_nic *nic = e->nic;
	int err;

	memset(e->ring, 0, RING_BYTES);
	e->seen = 0;
	vesper_write(nic, VESPER_REG(event_base_lo), lower_32_bits(e->dma));
	vesper_write(nic, VESPER_REG(event_base_hi), upper_32_bits(e->dma));
	vesper_write(nic, VESPER_REG(event_interval), DROP_INTERVAL);
	vesper_write(nic, VESPER_REG(event_ctrl),
		     VESPER__EVENT_CTRL_R__ENABLE_bm | RING_LOG2 << VESPER__EVENT_CTRL_R__LOG2_bp);
	err = wait_active(nic, true);
	if (err)
		return err;
	snprintf(e->name, sizeof(e->name), "%s-events", nic->netdev->name);
	return request_threaded_irq(irq_of(nic), NULL, collect, IRQF_ONESHOT, e->name, e);
}

/* The interface comes up; the RTNL lock is held. */
void vesper_events_start(struct vesper_nic *nic)
{
	struct vesper_events *e = nic->events;
	int err;

	if (!e)
		return;
	err = start(e);
	if (err) {
		vesper_write(nic, VESPER_REG(event_ctrl), 0);
		netdev_warn(nic->netdev,
			    "no events: %d; limits of SAs are looked at once a second\n", err);
		return;
	}
	e->on = true;
	vesper_write(nic, VESPER_REG(event_seen), VESPER__EVENT_SEEN_R__ARM_bm);
}

/* The reverse; also with a dead card. */
void vesper_events_stop(struct vesper_nic *nic)
{
	struct vesper_events *e = nic->events;

	if (!e || !e->on)
		return;
	e->on = false;
	if (!vesper_hw_gone(nic)) {
		vesper_write(nic, VESPER_REG(event_ctrl), 0);
		if (wait_active(nic, false))
			netdev_warn(nic->netdev, "the event ring does not stop\n");
	}
	free_irq(irq_of(nic), e);
}

/**
 * vesper_events_init - memory for the ring, before the interface is registered
 * Return: 0, also where there is none because card or kernel have no use for it; -ENOMEM.
 */
int vesper_events_init(struct vesper_nic *nic)
{
	struct vesper_events *e;

	if (!nic->packet || !(nic->features & VESPER_FEAT_EVENTS) || irq_of(nic) < 0)
		return 0;
	e = devm_kzalloc(&nic->pdev->dev, sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	e->nic = nic;
	e->ring = dmam_alloc_coherent(&nic->pdev->dev, RING_BYTES, &e->dma, GFP_KERNEL);
	if (!e->ring)
		return -ENOMEM;
	nic->events = e;
	return 0;
}
