// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Interrupt moderation: a pair's one interrupt waits until so many completions are there, or so much time has gone by
 * since the first of them. It is for both directions, so the two of ethtool are one.
 */
#include "vesper.h"

#define CLOCK_MHZ    250 /* of the card; the simulated one's time goes slower than ours */
#define DELAY_CYCLES 64	 /* unit of the register */
#define DELAY_MAX    VESPER__QUEUE_RF__MODERATION__DELAY_bm
#define USECS_MAX    (DELAY_MAX * DELAY_CYCLES / CLOCK_MHZ)
#define FRAMES_MAX \
	(VESPER__QUEUE_RF__MODERATION__FRAMES_bm >> VESPER__QUEUE_RF__MODERATION__FRAMES_bp)

/* To all pairs of the card; the interface is up, or comes up. */
void vesper_coalesce_apply(struct vesper_nic *nic)
{
	u32 value = DIV_ROUND_UP(nic->irq_usecs * CLOCK_MHZ, DELAY_CYCLES) |
		    nic->irq_frames << VESPER__QUEUE_RF__MODERATION__FRAMES_bp;
	int i;

	if (!(nic->features & VESPER_FEAT_MODERATION))
		return;
	for (i = 0; i < nic->queues; i++)
		vesper_write(nic, VESPER_QUEUE_REG(i, moderation), value);
}

int vesper_get_coalesce(struct net_device *netdev, struct ethtool_coalesce *coalesce,
			struct kernel_ethtool_coalesce *kernel_coalesce,
			struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	coalesce->rx_coalesce_usecs = nic->irq_usecs;
	coalesce->tx_coalesce_usecs = nic->irq_usecs;
	coalesce->rx_max_coalesced_frames = nic->irq_frames;
	coalesce->tx_max_coalesced_frames = nic->irq_frames;
	return 0;
}

/* The value of both directions, where ethtool has changed one of them or both alike. */
static bool both(u32 rx, u32 tx, u32 old, u32 *value)
{
	*value = rx == old ? tx : rx;
	return rx == old || tx == old || rx == tx;
}

int vesper_set_coalesce(struct net_device *netdev, struct ethtool_coalesce *coalesce,
			struct kernel_ethtool_coalesce *kernel_coalesce,
			struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	u32 usecs, frames;

	if (!both(coalesce->rx_coalesce_usecs, coalesce->tx_coalesce_usecs, nic->irq_usecs,
		  &usecs) ||
	    !both(coalesce->rx_max_coalesced_frames, coalesce->tx_max_coalesced_frames,
		  nic->irq_frames, &frames)) {
		NL_SET_ERR_MSG(extack, "A pair has one interrupt: rx and tx must be alike");
		return -EINVAL;
	}
	if (!(nic->features & VESPER_FEAT_MODERATION) && (usecs || frames)) {
		NL_SET_ERR_MSG(
			extack,
			"The card has no interrupt moderation; see napi_defer_hard_irqs and gro_flush_timeout");
		return -EOPNOTSUPP;
	}
	if (usecs > USECS_MAX) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u microseconds", USECS_MAX);
		return -EINVAL;
	}
	if (frames > FRAMES_MAX) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u frames", FRAMES_MAX);
		return -EINVAL;
	}
	if (frames > 1 && !usecs) {
		NL_SET_ERR_MSG(extack, "Frames without microseconds: fewer would wait for ever");
		return -EINVAL;
	}
	nic->irq_usecs = usecs;
	nic->irq_frames = frames;
	if (nic->up)
		vesper_coalesce_apply(nic);
	return 0;
}
