// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Transmit: frames become descriptors, completions free them. */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>

#include "vesper.h"

/* Descriptors of one frame at most: a context, and the frame. A queue with fewer is stopped. */
#define TX_RESERVE 2

static u16 tx_space(const struct vesper_tx *tx)
{
	/* The card counts what it has written of the completion ring, and we what we have read of it. */
	return vesper_ring_space(READ_ONCE(tx->tail), READ_ONCE(tx->head), tx->log2);
}

static void tx_drop(struct vesper_tx *tx, struct sk_buff *skb)
{
	u64_stats_update_begin(&tx->sync);
	tx->dropped++;
	u64_stats_update_end(&tx->sync);
	dev_kfree_skb_any(skb);
}

/* A context goes before the frame that it is about. */
static void put_context(struct vesper_tx *tx, u16 at, u32 seq_hi)
{
	u32 place = vesper_ring_slot(at, tx->log2);
	struct vesper_tx_ctx *ctx = (struct vesper_tx_ctx *)&tx->desc[place];

	memset(ctx, 0, sizeof(*ctx));
	ctx->seq_hi = cpu_to_le32(seq_hi);
	ctx->op = VESPER_OP_CONTEXT;
	tx->slot[place] = (struct vesper_tx_slot){ .open = true };
}

static void put_frame(struct vesper_tx *tx, u16 at, struct sk_buff *skb, dma_addr_t dma,
		      const struct vesper_tx_esp *esp)
{
	u32 place = vesper_ring_slot(at, tx->log2);

	tx->slot[place] = (struct vesper_tx_slot){
		.open = true,
		.skb = skb,
		.dma = dma,
		.len = skb->len,
	};
	vesper_tx_desc_set(&tx->desc[place], dma, (u16)skb->len, esp->op, 0, esp->sa);
}

netdev_tx_t vesper_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct vesper_pair *pair = nic->pair[skb_get_queue_mapping(skb)];
	struct netdev_queue *queue = netdev_get_tx_queue(netdev, pair->id);
	struct vesper_tx *tx = &pair->tx;
	struct device *dev = &nic->pdev->dev;
	bool more = netdev_xmit_more();
	struct vesper_tx_esp esp;
	dma_addr_t dma;
	u16 at = tx->tail;

	if (unlikely(tx_space(tx) < TX_RESERVE)) {
		netif_tx_stop_queue(queue);
		return NETDEV_TX_BUSY;
	}
	if (skb_put_padto(skb, VESPER_FRAME_MIN))
		goto out; /* it is freed */
	/* The stack linearizes before it adds the ESP trailer, which may be a page of its own. */
	if (unlikely(skb->len > VESPER_FRAME_MAX) || skb_linearize(skb) ||
	    vesper_xfrm_tx(skb, &esp)) {
		tx_drop(tx, skb);
		goto out;
	}
	dma = dma_map_single(dev, skb->data, skb->len, DMA_TO_DEVICE);
	if (unlikely(dma_mapping_error(dev, dma))) {
		tx_drop(tx, skb);
		goto out;
	}
	if (esp.seq_hi)
		put_context(tx, at++, esp.seq_hi);
	put_frame(tx, at++, skb, dma, &esp);
	skb_tx_timestamp(skb);
	if (__netdev_tx_sent_queue(queue, skb->len, more))
		more = false;
	/* The completion may come as soon as the doorbell is rung, and compares with this. */
	smp_store_release(&tx->tail, at);

	if (unlikely(tx_space(tx) < TX_RESERVE)) {
		netif_tx_stop_queue(queue);
		u64_stats_update_begin(&tx->sync);
		tx->stopped++;
		u64_stats_update_end(&tx->sync);
		smp_mb(); /* pairs with the one in vesper_tx_clean() */
		if (tx_space(tx) >= TX_RESERVE)
			netif_tx_start_queue(queue);
		more = false;
	}
out:
	if (!more) {
		dma_wmb();
		vesper_write(nic, VESPER_DOORBELL_REG(pair->id, tx_tail), tx->tail);
	}
	return NETDEV_TX_OK;
}

static void unmap(struct vesper_pair *pair, struct vesper_tx_slot *slot)
{
	if (slot->skb)
		dma_unmap_single(&pair->nic->pdev->dev, slot->dma, slot->len, DMA_TO_DEVICE);
	slot->open = false;
}

/**
 * vesper_tx_clean - free what the card has sent
 * @pair: in NAPI context
 * @budget: of the poll; 0 from netpoll
 *
 * Completions of one ring may come out of order; the head moves over all that have come.
 *
 * Return: is there nothing left to look at?
 */
bool vesper_tx_clean(struct vesper_pair *pair, int budget)
{
	struct netdev_queue *queue = netdev_get_tx_queue(pair->nic->netdev, pair->id);
	struct vesper_tx *tx = &pair->tx;
	u16 tail = smp_load_acquire(&tx->tail);
	u64 packets = 0, bytes = 0, dropped = 0;
	unsigned int freed = 0, freed_bytes = 0;
	u32 limit = 1u << tx->log2;
	u16 head = tx->head;

	while (limit--) {
		struct vesper_tx_cpl *cpl = &tx->cpl[vesper_ring_slot(tx->seen, tx->log2)];
		struct vesper_tx_slot *slot;
		u16 index;
		u8 status;

		if (!vesper_cpl_ready(READ_ONCE(cpl->flags), tx->seen, tx->log2))
			break;
		dma_rmb();
		index = le16_to_cpu(cpl->index);
		status = READ_ONCE(cpl->status);
		slot = &tx->slot[vesper_ring_slot(index, tx->log2)];
		if (unlikely(!vesper_ring_holds(index, tail, head) || !slot->open ||
			     status >= VESPER_ST_COUNT)) {
			if (!vesper_fault(pair->nic, VESPER_FAULT_COMPLETION))
				break; /* seen before, and not recovered yet */
			netdev_err(
				pair->nic->netdev,
				"queue %u: TX completion for descriptor %u, status %u; open are %u to %u\n",
				pair->id, index, status, head, tail);
			break;
		}
		unmap(pair, slot);
		if (slot->skb) {
			if (likely(status == VESPER_ST_OK)) {
				packets++;
				bytes += slot->len;
			} else {
				dropped++;
			}
			freed++;
			freed_bytes += slot->len;
			napi_consume_skb(slot->skb, budget);
		}
		tx->seen++;
		while (head != tail && !tx->slot[vesper_ring_slot(head, tx->log2)].open)
			head++;
	}
	WRITE_ONCE(tx->head, head);
	if (!freed)
		return true;
	u64_stats_update_begin(&tx->sync);
	tx->packets += packets;
	tx->bytes += bytes;
	tx->dropped += dropped;
	u64_stats_update_end(&tx->sync);
	netdev_tx_completed_queue(queue, freed, freed_bytes);
	smp_mb(); /* pairs with the one in vesper_xmit() */
	if (netif_tx_queue_stopped(queue) && tx_space(tx) >= 2 * TX_RESERVE &&
	    netif_carrier_ok(pair->nic->netdev))
		netif_tx_wake_queue(queue);
	return limit != (u32)-1;
}

/* Frees everything that was given to a pair which is stopped now. */
void vesper_tx_drain(struct vesper_pair *pair)
{
	struct vesper_tx *tx = &pair->tx;
	u16 i;

	for (i = tx->head; i != tx->tail; i++) {
		struct vesper_tx_slot *slot = &tx->slot[vesper_ring_slot(i, tx->log2)];

		if (!slot->open)
			continue;
		unmap(pair, slot);
		if (slot->skb)
			tx_drop(tx, slot->skb);
	}
	tx->head = tx->tail;
	netdev_tx_reset_queue(netdev_get_tx_queue(pair->nic->netdev, pair->id));
}
