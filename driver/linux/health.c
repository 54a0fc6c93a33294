// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What goes wrong, and what is done about it.
 *
 *   card gone from the bus   detached; it comes back by remove and rescan
 *   firmware dead            function-level reset
 *   pair halted by the card  all pairs down and up again
 *   impossible completion    the same
 *   TX timeout               the same
 *   work waits, no interrupt the poll is scheduled, and counted
 */
#include <linux/rtnetlink.h>

#include "vesper.h"

#define WATCHDOG_PERIOD HZ
#define QUIET_LOOKS	2

static const char *const fault_text[] = {
	[VESPER_FAULT_TX_TIMEOUT] = "transmit timeout",
	[VESPER_FAULT_HALTED] = "a queue pair was halted by the card",
	[VESPER_FAULT_COMPLETION] = "an impossible completion",
	[VESPER_FAULT_FIRMWARE] = "the firmware is dead",
};

/* Any context: recovery is asked for, once. */
void vesper_fault(struct vesper_nic *nic, enum vesper_fault fault)
{
	if (cmpxchg(&nic->fault, VESPER_FAULT_NONE, fault) == VESPER_FAULT_NONE)
		schedule_work(&nic->recover);
}

static void recover(struct work_struct *work)
{
	struct vesper_nic *nic = container_of(work, struct vesper_nic, recover);
	struct net_device *netdev = nic->netdev;
	int err = 0;

	rtnl_lock();
	if (!netif_running(netdev) || !netif_device_present(netdev))
		goto out;
	if (vesper_hw_gone(nic)) {
		netif_device_detach(netdev);
		goto out;
	}
	nic->resets++;
	netdev_warn(netdev, "reset %llu: %s\n", nic->resets, fault_text[nic->fault]);
	vesper_down(nic);
	if (nic->fault == VESPER_FAULT_FIRMWARE) {
		err = pcie_reset_flr(nic->pdev, false);
		if (!err) {
			pci_set_master(nic->pdev);
			err = vesper_hw_check(nic);
		}
	}
	if (!err)
		err = vesper_up(nic);
	if (err) {
		netdev_err(netdev, "the reset failed (%d); the interface goes down\n", err);
		netif_device_detach(netdev);
	}
out:
	WRITE_ONCE(nic->fault, VESPER_FAULT_NONE);
	rtnl_unlock();
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
		vesper_fault(nic, VESPER_FAULT_HALTED);
		return;
	}
	if (vesper_read(nic, VESPER_REG(state)) & VESPER__STATE_R__FW_DEAD_bm)
		vesper_fault(nic, VESPER_FAULT_FIRMWARE);
	for (i = 0; i < nic->queues; i++)
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
