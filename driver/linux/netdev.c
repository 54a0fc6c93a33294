// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the stack calls. */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>

#include "vesper.h"

static irqreturn_t interrupt(int irq, void *data)
{
	struct vesper_pair *pair = data;

	pair->interrupts++;
	napi_schedule(&pair->napi);
	return IRQ_HANDLED;
}

static int poll(struct napi_struct *napi, int budget)
{
	struct vesper_pair *pair = container_of(napi, struct vesper_pair, napi);
	bool sent = vesper_tx_clean(pair, budget);
	int received = budget ? vesper_rx_poll(pair, budget) : 0;

	if (!sent || (budget && received == budget))
		return budget;
	/* The card compares what it has written with what we have seen: nothing between is lost. */
	if (napi_complete_done(napi, received) &&
	    READ_ONCE(pair->nic->fault) == VESPER_FAULT_NONE) {
		vesper_coalesce_adapt(pair);
		vesper_pair_arm(pair);
	}
	return received;
}

static int pair_up(struct vesper_pair *pair)
{
	struct vesper_nic *nic = pair->nic;
	int irq = pci_irq_vector(nic->pdev, pair->id);
	int err = vesper_pair_alloc(pair);

	if (err)
		goto out_free;
	snprintf(pair->irq_name, sizeof(pair->irq_name), "%s-%u", nic->netdev->name, pair->id);
	err = request_irq(irq, interrupt, 0, pair->irq_name, pair);
	if (err)
		goto out_free;
	err = vesper_pair_start(pair);
	if (err)
		goto out_irq;
	vesper_coalesce_start(pair);
	napi_enable(&pair->napi);
	vesper_pair_arm(pair);
	return 0;

out_irq:
	free_irq(irq, pair);
	vesper_pair_stop(pair);
	vesper_rx_drain(pair);
out_free:
	vesper_pair_free(pair);
	return err;
}

static void pair_down(struct vesper_pair *pair)
{
	vesper_pair_stop(pair);
	napi_disable(&pair->napi);
	free_irq(pci_irq_vector(pair->nic->pdev, pair->id), pair);
	vesper_tx_drain(pair);
	vesper_rx_drain(pair);
	vesper_pair_free(pair);
}

/**
 * vesper_up - bring all queue pairs and reception up; the RTNL lock is held
 * Return: 0, or negative errno with everything down again.
 */
int vesper_up(struct vesper_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	int err = 0, i;

	if (vesper_hw_gone(nic))
		return -ENODEV;
	WRITE_ONCE(nic->fault, VESPER_FAULT_NONE);
	for (i = 0; i < nic->used && !err; i++)
		err = pair_up(nic->pair[i]);
	if (err) {
		for (i -= 2; i >= 0; i--)
			pair_down(nic->pair[i]);
		return err;
	}
	vesper_write(nic, VESPER_REG(mtu), netdev->mtu + ETH_HLEN);
	vesper_write(nic, VESPER_REG(rx_queue), 0);
	vesper_rss_apply(nic);
	vesper_filter_apply(nic);
	vesper_write(nic, VESPER_REG(control),
		     VESPER__CONTROL_R__RX_ENABLE_bm | VESPER__CONTROL_R__MISS_TO_HOST_bm |
			     VESPER__CONTROL_R__FRAGMENT_TO_HOST_bm);
	netif_carrier_on(netdev);
	netif_tx_start_all_queues(netdev);
	vesper_health_start(nic);
	vesper_events_start(nic);
	nic->up = true;
	return 0;
}

/* The reverse; the RTNL lock is held. Works on a dead card, too, and on one that is down already. */
void vesper_down(struct vesper_nic *nic)
{
	int i;

	if (!nic->up)
		return;
	nic->up = false;
	vesper_health_stop(nic);
	vesper_events_stop(nic);
	netif_tx_disable(nic->netdev);
	netif_carrier_off(nic->netdev);
	if (!vesper_hw_gone(nic))
		vesper_write(nic, VESPER_REG(control), 0);
	for (i = 0; i < nic->used; i++)
		pair_down(nic->pair[i]);
}

static int ndo_open(struct net_device *netdev)
{
	return vesper_up(netdev_priv(netdev));
}

static int ndo_stop(struct net_device *netdev)
{
	vesper_down(netdev_priv(netdev));
	return 0;
}

static int ndo_change_mtu(struct net_device *netdev, int mtu)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	int old = netdev->mtu, err;

	if (!netif_running(netdev)) {
		netdev->mtu = mtu;
		return 0;
	}
	/* The buffers have the size of the largest frame. */
	vesper_down(nic);
	netdev->mtu = mtu;
	err = vesper_up(nic);
	if (!err)
		return 0;
	netdev_err(netdev, "no MTU of %d: %d; back to %d\n", mtu, err, old);
	netdev->mtu = old;
	if (vesper_up(nic))
		dev_close(netdev);
	return err;
}

static void ndo_tx_timeout(struct net_device *netdev, unsigned int queue)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct vesper_tx *tx = &nic->pair[queue]->tx;

	netdev_warn(netdev, "queue %u: nothing was sent for long; open descriptors %u to %u\n",
		    queue, tx->head, tx->tail);
	vesper_fault(nic, VESPER_FAULT_TX_TIMEOUT);
}

static const struct net_device_ops netdev_ops = {
	.ndo_open = ndo_open,
	.ndo_stop = ndo_stop,
	.ndo_start_xmit = vesper_xmit,
	.ndo_change_mtu = ndo_change_mtu,
	.ndo_get_stats64 = vesper_get_stats64,
	.ndo_tx_timeout = ndo_tx_timeout,
	.ndo_set_rx_mode = vesper_set_rx_mode,
	.ndo_set_mac_address = vesper_set_mac_address,
	.ndo_fix_features = vesper_fix_features,
	.ndo_features_check = vesper_features_check,
	.ndo_validate_addr = eth_validate_addr,
};

/**
 * vesper_netdev_create - a net_device with its queue pairs, not registered yet
 * @queues: pairs that the card has, 1 to VESPER_QUEUES_MAX
 *
 * Return: the device, to be freed by free_netdev(), or NULL.
 */
struct net_device *vesper_netdev_create(struct pci_dev *pdev, u16 queues)
{
	struct net_device *netdev = alloc_etherdev_mqs(sizeof(struct vesper_nic), queues, queues);
	struct vesper_nic *nic;
	int i;

	if (!netdev)
		return NULL;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	nic = netdev_priv(netdev);
	nic->netdev = netdev;
	nic->pdev = pdev;
	nic->queues = queues;
	nic->used = queues;
	nic->tx_log2 = VESPER_TX_RING_DEFAULT;
	nic->rx_log2 = VESPER_RX_RING_DEFAULT;
	for (i = 0; i < queues; i++) {
		struct vesper_pair *pair = devm_kzalloc(&pdev->dev, sizeof(*pair), GFP_KERNEL);

		if (!pair) {
			free_netdev(netdev);
			return NULL;
		}
		pair->nic = nic;
		pair->id = i;
		u64_stats_init(&pair->tx.sync);
		u64_stats_init(&pair->rx.sync);
		nic->pair[i] = pair;
		netif_napi_add(netdev, &pair->napi, poll);
	}
	netdev->netdev_ops = &netdev_ops;
	netdev->ethtool_ops = &vesper_ethtool_ops;
	vesper_stats_init(netdev);
	netdev->priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE;
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = VESPER_MTU_MAX;
	netdev->features = NETIF_F_HIGHDMA;
	netdev->hw_features = NETIF_F_HIGHDMA;
	netdev->vlan_features = NETIF_F_HIGHDMA;
	netdev->watchdog_timeo = 10 * HZ;
	netif_carrier_off(netdev);
	return netdev;
}
