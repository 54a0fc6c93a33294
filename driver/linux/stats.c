// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts of packets, of the interface and of each queue pair. What the card itself counts: ethtool.c. */
#include "vesper.h"

struct tx_counts {
	u64 packets, bytes, dropped, stopped, csum, tso, tso_frames;
};

struct rx_counts {
	u64 packets, bytes, dropped, errors, no_page, csum_ok, csum_none;
};

static struct tx_counts tx_counts(const struct vesper_tx *tx)
{
	struct tx_counts c;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&tx->sync);
		c = (struct tx_counts){ tx->packets, tx->bytes, tx->dropped,   tx->stopped,
					tx->csum,    tx->tso,	tx->tso_frames };
	} while (u64_stats_fetch_retry(&tx->sync, start));
	return c;
}

static struct rx_counts rx_counts(const struct vesper_rx *rx)
{
	struct rx_counts c;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&rx->sync);
		c = (struct rx_counts){ rx->packets, rx->bytes,	  rx->dropped,	rx->errors,
					rx->no_page, rx->csum_ok, rx->csum_none };
	} while (u64_stats_fetch_retry(&rx->sync, start));
	return c;
}

void vesper_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	int i;

	for (i = 0; i < nic->queues; i++) {
		struct tx_counts tx = tx_counts(&nic->pair[i]->tx);
		struct rx_counts rx = rx_counts(&nic->pair[i]->rx);

		stats->tx_packets += tx.packets;
		stats->tx_bytes += tx.bytes;
		stats->tx_dropped += tx.dropped;
		stats->rx_packets += rx.packets;
		stats->rx_bytes += rx.bytes;
		stats->rx_dropped += rx.dropped;
		stats->rx_errors += rx.errors;
	}
}

#ifdef VESPER_HAVE_STAT_OPS

static void queue_stats_rx(struct net_device *netdev, int index,
			   struct netdev_queue_stats_rx *stats)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct rx_counts rx = rx_counts(&nic->pair[index]->rx);

	stats->packets = rx.packets;
	stats->bytes = rx.bytes;
	stats->alloc_fail = rx.no_page;
	stats->csum_unnecessary = rx.csum_ok;
	stats->csum_none = rx.csum_none;
}

static void queue_stats_tx(struct net_device *netdev, int index,
			   struct netdev_queue_stats_tx *stats)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct tx_counts tx = tx_counts(&nic->pair[index]->tx);

	stats->packets = tx.packets;
	stats->bytes = tx.bytes;
	stats->stop = tx.stopped;
	stats->needs_csum = tx.csum;
	stats->hw_gso_packets = tx.tso;
	stats->hw_gso_wire_packets = tx.tso_frames;
}

/* What pairs have counted that ethtool -L has taken out of use since. */
static void base_stats(struct net_device *netdev, struct netdev_queue_stats_rx *rx,
		       struct netdev_queue_stats_tx *tx)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct netdev_queue_stats_rx rx_one = {};
	struct netdev_queue_stats_tx tx_one = {};
	int i;

	rx->packets = 0;
	rx->bytes = 0;
	rx->alloc_fail = 0;
	rx->csum_unnecessary = 0;
	rx->csum_none = 0;
	tx->packets = 0;
	tx->bytes = 0;
	tx->stop = 0;
	tx->needs_csum = 0;
	tx->hw_gso_packets = 0;
	tx->hw_gso_wire_packets = 0;
	for (i = nic->used; i < nic->queues; i++) {
		queue_stats_rx(netdev, i, &rx_one);
		queue_stats_tx(netdev, i, &tx_one);
		rx->packets += rx_one.packets;
		rx->bytes += rx_one.bytes;
		rx->alloc_fail += rx_one.alloc_fail;
		rx->csum_unnecessary += rx_one.csum_unnecessary;
		rx->csum_none += rx_one.csum_none;
		tx->packets += tx_one.packets;
		tx->bytes += tx_one.bytes;
		tx->stop += tx_one.stop;
		tx->needs_csum += tx_one.needs_csum;
		tx->hw_gso_packets += tx_one.hw_gso_packets;
		tx->hw_gso_wire_packets += tx_one.hw_gso_wire_packets;
	}
}

static const struct netdev_stat_ops stat_ops = {
	.get_queue_stats_rx = queue_stats_rx,
	.get_queue_stats_tx = queue_stats_tx,
	.get_base_stats = base_stats,
};

void vesper_stats_init(struct net_device *netdev)
{
	netdev->stat_ops = &stat_ops;
}

#else

void vesper_stats_init(struct net_device *netdev)
{
}

#endif
