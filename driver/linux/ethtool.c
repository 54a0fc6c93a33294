// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What ethtool asks. */
#include <linux/ethtool.h>
#include <linux/netdevice.h>

#include "vesper.h"
#include "vesper_status.h"

static void get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	strscpy(info->driver, VESPER_NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(nic->pdev), sizeof(info->bus_info));
	snprintf(info->fw_version, sizeof(info->fw_version), "%u.%u.%u abi %u.%u",
		 nic->fw_version >> 24, nic->fw_version >> 16 & 0xff, nic->fw_version & 0xffff,
		 nic->abi >> 16, nic->abi & 0xffff);
}

/* The simulated wire has no speed of its own; a board reports its MAC's. */
static int get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *ks)
{
	ks->base.speed = SPEED_100000;
	ks->base.duplex = DUPLEX_FULL;
	ks->base.autoneg = AUTONEG_DISABLE;
	ks->base.port = PORT_OTHER;
	return 0;
}

static void get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	ring->tx_max_pending = 1u << VESPER_RING_MAX_LOG2;
	ring->rx_max_pending = 1u << VESPER_RING_MAX_LOG2;
	ring->tx_pending = 1u << nic->tx_log2;
	ring->rx_pending = 1u << nic->rx_log2;
}

static bool ring_size_ok(u32 entries, u32 log2_min)
{
	return is_power_of_2(entries) && entries >= 1u << log2_min &&
	       entries <= 1u << VESPER_RING_MAX_LOG2;
}

static int set_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			 struct kernel_ethtool_ringparam *kernel_ring,
			 struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	u8 tx_log2 = nic->tx_log2, rx_log2 = nic->rx_log2;
	bool running = netif_running(netdev);
	int err = 0;

	if (!ring_size_ok(ring->tx_pending, VESPER_TX_LOG2_MIN)) {
		NL_SET_ERR_MSG(extack, "TX ring: not a power of two from 64 to 4096");
		return -EINVAL;
	}
	if (!ring_size_ok(ring->rx_pending, VESPER_RING_LOG2_MIN)) {
		NL_SET_ERR_MSG(extack, "RX ring: not a power of two from 8 to 4096");
		return -EINVAL;
	}
	if (running)
		vesper_down(nic);
	nic->tx_log2 = ilog2(ring->tx_pending);
	nic->rx_log2 = ilog2(ring->rx_pending);
	if (running)
		err = vesper_up(nic);
	if (!err)
		return 0;
	NL_SET_ERR_MSG(extack, "no memory for rings of that size");
	nic->tx_log2 = tx_log2;
	nic->rx_log2 = rx_log2;
	if (vesper_up(nic))
		dev_close(netdev);
	return err;
}

static void get_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	channels->max_combined = nic->queues;
	channels->combined_count = nic->used;
}

/* Fewer pairs than the card has; the stack has checked the limits. */
static int set_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	bool running = netif_running(netdev);
	int err;

	if (running)
		vesper_down(nic);
	nic->used = channels->combined_count;
	/* The stack has refused it if a table that the user made names more. */
	if (!netif_is_rxfh_configured(netdev))
		vesper_rss_default(nic);
	err = netif_set_real_num_queues(netdev, nic->used, nic->used);
	if (running && vesper_up(nic)) {
		netdev_err(netdev, "the interface does not come up with %u pairs\n", nic->used);
		dev_close(netdev);
		err = -EIO;
	}
	return err;
}

/* The card neither sends nor obeys pause frames. */
static void get_pauseparam(struct net_device *netdev, struct ethtool_pauseparam *pause)
{
}

/* Who answers for pause frames is expected to count them; of those that come in the card knows nothing. */
static void get_pause_stats(struct net_device *netdev, struct ethtool_pause_stats *stats)
{
	stats->tx_pause_frames = 0;
}

/* ---- statistics: of each queue pair, then the card's own by fate ---- */

struct pair_stat {
	const char *name;
	size_t offset; /* in struct vesper_pair */
};

#define PAIR_STAT(name, member) { name, offsetof(struct vesper_pair, member) }

static const struct pair_stat pair_stats[] = {
	PAIR_STAT("tx_packets", tx.packets),
	PAIR_STAT("tx_bytes", tx.bytes),
	PAIR_STAT("tx_dropped", tx.dropped),
	PAIR_STAT("tx_stopped", tx.stopped),
	PAIR_STAT("tx_linearized", tx.linearized),
	PAIR_STAT("tx_checksum_by_card", tx.csum),
	PAIR_STAT("tx_tso", tx.tso),
	PAIR_STAT("tx_tso_segments", tx.tso_frames),
	PAIR_STAT("rx_packets", rx.packets),
	PAIR_STAT("rx_bytes", rx.bytes),
	PAIR_STAT("rx_dropped", rx.dropped),
	PAIR_STAT("rx_bad_completion", rx.errors),
	PAIR_STAT("rx_no_page", rx.no_page),
	PAIR_STAT("rx_empty_buffer", rx.empty),
	PAIR_STAT("rx_checksum_by_card", rx.csum_ok),
	PAIR_STAT("interrupts", interrupts),
	PAIR_STAT("lost_interrupts", lost_interrupts),
};

/* Fates with a name; the card counts TX descriptors and received frames by each. */
static unsigned int named_statuses(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < VESPER_ST_COUNT; i++)
		n += vesper_status_name(i) != NULL;
	return n;
}

static int get_sset_count(struct net_device *netdev, int set)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	if (set == ETH_SS_PRIV_FLAGS)
		return 1;
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return 7 + nic->queues * ARRAY_SIZE(pair_stats) + 2 * named_statuses();
}

static void get_strings(struct net_device *netdev, u32 set, u8 *data)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	unsigned int i, j;

	if (set == ETH_SS_PRIV_FLAGS)
		ethtool_sprintf(&data, "esp-udp6-checksum-0");
	if (set != ETH_SS_STATS)
		return;
	ethtool_sprintf(&data, "resets");
	ethtool_sprintf(&data, "ipsec_sa_on_card");
	ethtool_sprintf(&data, "ipsec_sa_refused");
	ethtool_sprintf(&data, "ipsec_packet_sas");
	ethtool_sprintf(&data, "ipsec_packet_refused");
	ethtool_sprintf(&data, "ipsec_policies");
	ethtool_sprintf(&data, "ipsec_limit_events");
	for (i = 0; i < nic->queues; i++)
		for (j = 0; j < ARRAY_SIZE(pair_stats); j++)
			ethtool_sprintf(&data, "queue%u_%s", i, pair_stats[j].name);
	for (i = 0; i < VESPER_ST_COUNT; i++)
		if (vesper_status_name(i))
			ethtool_sprintf(&data, "card_tx_%s", vesper_status_name(i));
	for (i = 0; i < VESPER_ST_COUNT; i++)
		if (vesper_status_name(i))
			ethtool_sprintf(&data, "card_rx_%s", vesper_status_name(i));
}

/* The one flag: SAs that send ESP in UDP over IPv6 may have packet offload. */
static u32 get_priv_flags(struct net_device *netdev)
{
	const struct vesper_nic *nic = netdev_priv(netdev);

	return nic->udp6_checksum_0;
}

static int set_priv_flags(struct net_device *netdev, u32 flags)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	WRITE_ONCE(nic->udp6_checksum_0, flags & 1);
	return 0;
}

static void get_ethtool_stats(struct net_device *netdev, struct ethtool_stats *stats, u64 *data)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct vesper_stats card = {};
	unsigned int i, j;

	*data++ = nic->resets;
	*data++ = atomic64_read(&nic->sa_card);
	*data++ = atomic64_read(&nic->sa_software);
	*data++ = atomic64_read(&nic->packet_sas);
	*data++ = atomic64_read(&nic->packet_refused);
	*data++ = atomic64_read(&nic->packet_policies);
	*data++ = atomic64_read(&nic->limit_events);
	for (i = 0; i < nic->queues; i++)
		for (j = 0; j < ARRAY_SIZE(pair_stats); j++)
			*data++ = *(const u64 *)((const u8 *)nic->pair[i] + pair_stats[j].offset);
	vesper_hw_stats(nic, &card); /* zeros where the card does not answer */
	for (i = 0; i < VESPER_ST_COUNT; i++)
		if (vesper_status_name(i))
			*data++ = le64_to_cpu(card.tx[i]);
	for (i = 0; i < VESPER_ST_COUNT; i++)
		if (vesper_status_name(i))
			*data++ = le64_to_cpu(card.rx[i]);
}

/* All registers that can be read without effect: identity to the mailbox's state, then each pair's. */
#define GLOBAL_REGS (VESPER_REG(scratch) / 4 + 1)
#define PAIR_REGS   (sizeof(vesper__queue_rf__stride80_t) / 4)

static int get_regs_len(struct net_device *netdev)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	return 4 * (GLOBAL_REGS + nic->queues * PAIR_REGS);
}

static void get_regs(struct net_device *netdev, struct ethtool_regs *regs, void *data)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	u32 *out = data;
	u32 i, q;

	regs->version = nic->abi;
	for (i = 0; i < GLOBAL_REGS; i++)
		*out++ = vesper_read(nic, 4 * i);
	for (q = 0; q < nic->queues; q++)
		for (i = 0; i < PAIR_REGS; i++)
			*out++ = vesper_read(nic, VESPER_REG(queue) +
							  q * sizeof(vesper__queue_rf__stride80_t) +
							  4 * i);
}

#include "compat_ethtool.h"

const struct ethtool_ops vesper_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_ksettings,
	.get_ringparam = get_ringparam,
	.set_ringparam = set_ringparam,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS | ETHTOOL_COALESCE_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE,
	.get_coalesce = vesper_get_coalesce,
	.set_coalesce = vesper_set_coalesce,
	VESPER_RSS_OPS,
	.get_pauseparam = get_pauseparam,
	.get_pause_stats = get_pause_stats,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
	.get_priv_flags = get_priv_flags,
	.set_priv_flags = set_priv_flags,
	.get_regs_len = get_regs_len,
	.get_regs = get_regs,
	.get_ts_info = ethtool_op_get_ts_info,
};
