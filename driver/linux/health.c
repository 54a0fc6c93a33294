// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What goes wrong, and what is done about it.
 *
 *   card gone from the bus   detached; it comes back by hot plug, or by remove and rescan
 *   firmware dead            function-level reset
 *   pair halted by the card  all pairs down and up again
 *   impossible completion    the same
 *   TX timeout               the same
 *   work waits, no interrupt the poll is scheduled, and counted
 *
 * All but the last go through devlink's health reporters (devlink.c), which keep a dump of the state, count, and
 * recover at once unless the user has switched that off.
 */
#include <linux/rtnetlink.h>

#include "vesper.h"

#define WATCHDOG_PERIOD HZ
#define QUIET_LOOKS	2

static const char *const fault_text[] = {
	[VESPER_FAULT_GONE] = "the card is gone from the bus",
	[VESPER_FAULT_TX_TIMEOUT] = "transmit timeout",
	[VESPER_FAULT_HALTED] = "a queue pair was halted by the card",
	[VESPER_FAULT_COMPLETION] = "an impossible completion",
	[VESPER_FAULT_FIRMWARE] = "the firmware is dead",
	[VESPER_FAULT_TEST_QUEUES] = "none, a test of recovery",
	[VESPER_FAULT_TEST_FIRMWARE] = "none, a test of recovery",
};

/* Any context: recovery is asked for, once. Return: was this the first fault since the pairs were started? */
bool vesper_fault(struct vesper_nic *nic, enum vesper_fault fault)
{
	if (cmpxchg(&nic->fault, VESPER_FAULT_NONE, fault) != VESPER_FAULT_NONE)
		return false;
	schedule_work(&nic->recover);
	return true;
}

/**
 * vesper_recover_queues - all pairs down and up again
 * Takes the RTNL lock. Return: 0; -ENETDOWN if the interface is down; else the interface is detached.
 */
int vesper_recover_queues(struct vesper_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	int err = 0;

	rtnl_lock();
	if (!netif_running(netdev) || !netif_device_present(netdev)) {
		err = -ENETDOWN;
		goto out;
	}
	vesper_down(nic);
	nic->resets++;
	err = vesper_up(nic);
	if (err) {
		netdev_err(netdev, "the queues do not start (%d)\n", err);
		netif_device_detach(netdev);
	}
out:
	rtnl_unlock();
	return err;
}

/**
 * vesper_recover_card - function-level reset: the firmware starts anew, and the queues if the interface is up
 * Takes device and RTNL locks. Return: 0; -EAGAIN if the device is in other hands; -ENODEV if it is gone
 * or does not come back.
 */
int vesper_recover_card(struct vesper_nic *nic)
{
	int err;

	/* PCI would wait for it, a minute long. */
	if (vesper_read(nic, VESPER_REG(id)) != VESPER__ID_R__MAGIC_reset)
		return -ENODEV;
	/* By way of this driver's reset_prepare() and reset_done(). */
	err = pci_try_reset_function(nic->pdev);
	if (err)
		return err;
	nic->resets++;
	return netif_device_present(nic->netdev) ? 0 : -ENODEV;
}

/* Nobody sends into a card that is gone, or that failed to come back. */
static void detach(struct vesper_nic *nic)
{
	rtnl_lock();
	netif_carrier_off(nic->netdev);
	netif_device_detach(nic->netdev);
	rtnl_unlock();
}

static bool of_firmware(enum vesper_fault fault)
{
	return fault == VESPER_FAULT_GONE || fault == VESPER_FAULT_FIRMWARE ||
	       fault == VESPER_FAULT_TEST_FIRMWARE;
}

static void recover(struct work_struct *work)
{
	struct vesper_nic *nic = container_of(work, struct vesper_nic, recover);
	enum vesper_fault fault = READ_ONCE(nic->fault);

	if (!netif_running(nic->netdev))
		return; /* the queues are new when they start again */
	if (vesper_hw_gone(nic))
		fault = VESPER_FAULT_GONE;
	netdev_warn(nic->netdev, "fault: %s\n", fault_text[fault]);
	if (fault == VESPER_FAULT_GONE)
		detach(nic);
	vesper_devlink_report(nic, of_firmware(fault), fault_text[fault]);
	if (READ_ONCE(nic->fault) == VESPER_FAULT_NONE)
		netdev_info(nic->netdev, "recovered: reset %llu\n", nic->resets);
}

static bool work_waits(const struct vesper_pair *pair)
{
	const struct vesper_tx *tx = &pair->tx;
	const struct vesper_rx *rx = &pair->rx;

	return vesper_cpl_ready(READ_ONCE(tx->cpl[vesper_ring_slot(tx->seen, tx->log2)].flags),
				tx->seen, tx->log2) ||
	       vesper_cpl_ready(READ_ONCE(rx->cpl[vesper_ring_slot(rx->seen, rx->log2)].flags),
				rx->seen, rx->log2);
}

static void look_at_pair(struct vesper_pair *pair)
{
	u32 state = vesper_read(pair->nic, VESPER_QUEUE_REG(pair->id, state));
	u32 seen;

	if (state & VESPER__QUEUE_RF__STATE__DMA_ERROR_bm) {
		vesper_fault(pair->nic, VESPER_FAULT_HALTED);
		return;
	}
	seen = pair->tx.seen | (u32)pair->rx.seen << 16;
	if (!work_waits(pair) || test_bit(NAPI_STATE_SCHED, &pair->napi.state) ||
	    seen != pair->seen_before) {
		pair->seen_before = seen;
		pair->quiet = 0;
		return;
	}
	/* Twice the same completion, and nobody on the way to it. */
	if (++pair->quiet < QUIET_LOOKS)
		return;
	pair->quiet = 0;
	pair->lost_interrupts++;
	local_bh_disable();
	napi_schedule(&pair->napi);
	local_bh_enable();
}

static void watchdog(struct work_struct *work)
{
	struct vesper_nic *nic = container_of(work, struct vesper_nic, watchdog.work);
	int i;

	if (vesper_hw_gone(nic)) {
		netif_carrier_off(nic->netdev);
		vesper_fault(nic, VESPER_FAULT_GONE);
		return;
	}
	if (vesper_read(nic, VESPER_REG(state)) & VESPER__STATE_R__FW_DEAD_bm)
		vesper_fault(nic, VESPER_FAULT_FIRMWARE);
	for (i = 0; i < nic->used; i++)
		look_at_pair(nic->pair[i]);
	schedule_delayed_work(&nic->watchdog, WATCHDOG_PERIOD);
}

void vesper_health_init(struct vesper_nic *nic)
{
	INIT_DELAYED_WORK(&nic->watchdog, watchdog);
	INIT_WORK(&nic->recover, recover);
}

void vesper_health_start(struct vesper_nic *nic)
{
	schedule_delayed_work(&nic->watchdog, WATCHDOG_PERIOD);
}

void vesper_health_stop(struct vesper_nic *nic)
{
	cancel_delayed_work_sync(&nic->watchdog);
}
