// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Interrupt moderation: a pair's one interrupt waits until so many completions are there, or so much time has gone by
 * since the first of them. It is for both directions, so the two of ethtool are one. Where it is adaptive, it waits only
 * under load.
 */
#include "vesper.h"

#define CLOCK_MHZ    250 /* of the card; the simulated one's time goes slower than ours */
#define DELAY_CYCLES 64	 /* unit of the register */
#define DELAY_MAX    VESPER__QUEUE_RF__MODERATION__DELAY_bm
#define USECS_MAX    (DELAY_MAX * DELAY_CYCLES / CLOCK_MHZ)
#define FRAMES_MAX \
	(VESPER__QUEUE_RF__MODERATION__FRAMES_bm >> VESPER__QUEUE_RF__MODERATION__FRAMES_bp)

#define LOADED 8 /* completions between two interrupts, and more are worth waiting for */

/*
 * Adaptive: what comes alone is told at once, and under load one interrupt tells of much. A hypervisor makes an interrupt
 * and the registers that are written for it dear, and a simulated card no less.
 */
static u32 wanted(const struct vesper_nic *nic, u16 taken)
{
	if (READ_ONCE(nic->irq_adaptive) && taken < LOADED)
		return 0;
	return DIV_ROUND_UP(READ_ONCE(nic->irq_usecs) * CLOCK_MHZ, DELAY_CYCLES) |
	       READ_ONCE(nic->irq_frames) << VESPER__QUEUE_RF__MODERATION__FRAMES_bp;
}

static void moderate(struct vesper_pair *pair, u32 value)
{
	pair->moderation = value;
	if (pair->nic->features & VESPER_FEAT_MODERATION)
		vesper_write(pair->nic, VESPER_QUEUE_REG(pair->id, moderation), value);
}

/* The card has just been looked at for the first time: what holds until ethtool says otherwise. */
void vesper_coalesce_init(struct vesper_nic *nic)
{
	if (!(nic->features & VESPER_FEAT_MODERATION))
		return;
	nic->irq_adaptive = true;
	nic->irq_usecs = 4;
}

/* A pair begins anew; before its NAPI runs. */
void vesper_coalesce_start(struct vesper_pair *pair)
{
	pair->armed_at = pair->tx.seen + pair->rx.seen;
	moderate(pair, wanted(pair->nic, 0));
}

/* The pair is about to be armed; in NAPI context. */
void vesper_coalesce_adapt(struct vesper_pair *pair)
{
	u16 seen = pair->tx.seen + pair->rx.seen;
	u32 value = wanted(pair->nic, seen - pair->armed_at);

	pair->armed_at = seen;
	if (value != pair->moderation)
		moderate(pair, value);
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
	coalesce->use_adaptive_rx_coalesce = nic->irq_adaptive;
	coalesce->use_adaptive_tx_coalesce = nic->irq_adaptive;
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
	u32 usecs, frames, adaptive;
	int i;

	if (!both(coalesce->rx_coalesce_usecs, coalesce->tx_coalesce_usecs, nic->irq_usecs,
		  &usecs) ||
	    !both(coalesce->rx_max_coalesced_frames, coalesce->tx_max_coalesced_frames,
		  nic->irq_frames, &frames) ||
	    !both(!!coalesce->use_adaptive_rx_coalesce, !!coalesce->use_adaptive_tx_coalesce,
		  nic->irq_adaptive, &adaptive)) {
		NL_SET_ERR_MSG(extack, "A pair has one interrupt: rx and tx must be alike");
		return -EINVAL;
	}
	if (!(nic->features & VESPER_FEAT_MODERATION) && (usecs || frames || adaptive)) {
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
	WRITE_ONCE(nic->irq_usecs, usecs);
	WRITE_ONCE(nic->irq_frames, frames);
	WRITE_ONCE(nic->irq_adaptive, adaptive);
	/* Only NAPI writes the register, so that no older value comes after a newer one. */
	local_bh_disable();
	for (i = 0; nic->up && i < nic->used; i++)
		napi_schedule(&nic->pair[i]->napi);
	local_bh_enable();
	return 0;
}
