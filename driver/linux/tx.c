// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Transmit: frames become descriptors, completions free them. */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <net/sock.h>

#include "vesper.h"

/*
 * TCP hands down what its rate makes in 1/2^8 s; 2^10 is its own choice. Completions come late here, with interrupt
 * moderation and behind a hypervisor, and a segmented packet costs the same however long it is. At rates of a card
 * that is not simulated other limits are lower.
 */
#define PACING_SHIFT 8

#define PIECE_MAX round_down(VESPER_FRAME_MAX, VESPER_RX_ALIGN)

/* Descriptors of one frame at most: context, head, fragments, and where PIECE_MAX cuts them. A queue with fewer stops. */
#define TX_RESERVE (1 + 1 + MAX_SKB_FRAGS + VESPER_TSO_MAX / PIECE_MAX)
static_assert(TX_RESERVE <= 1 << VESPER_TX_LOG2_MIN && TX_RESERVE <= VESPER_PIECES_MAX);

/* A frame on its way into the ring. */
struct tx_frame {
	struct vesper_tx *tx;
	const struct vesper_tx_esp *esp;
	u32 left; /* bytes that have no descriptor yet */
	u16 at;	  /* next place in the ring */
	u8 flags;
};

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
static void put_context(struct tx_frame *f, const struct vesper_tx_offload *off)
{
	u32 place = vesper_ring_slot(f->at++, f->tx->log2);
	struct vesper_tx_desc *desc = &f->tx->desc[place];

	f->tx->slot[place] = (struct vesper_tx_slot){ .open = true };
	if (f->esp->op == VESPER_OP_NUMBERED) {
		*(struct vesper_tx_numbered *)desc = (struct vesper_tx_numbered){
			.seq = cpu_to_le64(f->esp->seq),
			.mss = cpu_to_le16(off->mss),
			.op = VESPER_OP_CONTEXT_NUMBERED,
			.hdr_len = (u8)off->hdr_len,
			.csum_start = (u8)off->csum_start,
			.csum_offset = (u8)off->csum_offset,
			.l3_offset = (u8)off->l3_offset,
		};
		return;
	}
	*(struct vesper_tx_ctx *)desc = (struct vesper_tx_ctx){
		.seq_hi = cpu_to_le32(upper_32_bits(f->esp->seq)),
		.mss = cpu_to_le16(off->mss),
		.hdr_len = cpu_to_le16(off->hdr_len),
		.csum_start = cpu_to_le16(off->csum_start),
		.op = VESPER_OP_CONTEXT,
		.csum_offset = cpu_to_le16(off->csum_offset),
		.l3_offset = cpu_to_le16(off->l3_offset),
	};
}

/* Descriptors for a range of memory, which is not empty; the first one's slot keeps what is to be unmapped. */
static void put_range(struct tx_frame *f, dma_addr_t dma, u32 len, enum vesper_tx_map map)
{
	struct vesper_tx *tx = f->tx;
	u32 done, piece;

	for (done = 0; done < len; done += piece) {
		u32 place = vesper_ring_slot(f->at++, tx->log2);

		piece = min_t(u32, len - done, PIECE_MAX);
		f->left -= piece;
		tx->slot[place] = (struct vesper_tx_slot){ .open = true };
		if (!done)
			tx->slot[place] = (struct vesper_tx_slot){
				.open = true, .map = map, .dma = dma, .len = len
			};
		vesper_tx_desc_set(&tx->desc[place], dma + done, (u16)piece, f->esp->op,
				   f->flags | (f->left ? VESPER_TXF_MORE : 0), f->esp->sa);
	}
}

static void unmap(struct vesper_pair *pair, struct vesper_tx_slot *slot)
{
	struct device *dev = &pair->nic->pdev->dev;

	if (slot->map == VESPER_MAP_SINGLE)
		dma_unmap_single(dev, slot->dma, slot->len, DMA_TO_DEVICE);
	else if (slot->map == VESPER_MAP_PAGE)
		dma_unmap_page(dev, slot->dma, slot->len, DMA_TO_DEVICE);
	slot->map = VESPER_MAP_NONE;
}

/* The memory of a frame whose descriptors are those from @first up to, not including, @end. */
static void unmap_frame(struct vesper_pair *pair, u16 first, u16 end)
{
	struct vesper_tx *tx = &pair->tx;

	for (; first != end; first++)
		unmap(pair, &tx->slot[vesper_ring_slot(first, tx->log2)]);
}

/* Return: 0; -ENOMEM if there are no DMA addresses for it, and then nothing of it is left. */
static int put_frame(struct vesper_pair *pair, struct tx_frame *f, const struct sk_buff *skb)
{
	struct device *dev = &pair->nic->pdev->dev;
	const struct skb_shared_info *info = skb_shinfo(skb);
	u16 first = f->at;
	dma_addr_t dma;
	unsigned int i;

	dma = dma_map_single(dev, skb->data, skb_headlen(skb), DMA_TO_DEVICE);
	if (unlikely(dma_mapping_error(dev, dma)))
		return -ENOMEM;
	put_range(f, dma, skb_headlen(skb), VESPER_MAP_SINGLE);
	for (i = 0; i < info->nr_frags; i++) {
		const skb_frag_t *frag = &info->frags[i];

		if (unlikely(!skb_frag_size(frag)))
			continue;
		dma = skb_frag_dma_map(dev, frag, 0, skb_frag_size(frag), DMA_TO_DEVICE);
		if (unlikely(dma_mapping_error(dev, dma))) {
			unmap_frame(pair, first, f->at);
			return -ENOMEM;
		}
		put_range(f, dma, skb_frag_size(frag), VESPER_MAP_PAGE);
	}
	return 0;
}

/* A card that wants one piece gets one: the stack linearizes, but before it adds ESP's trailer, perhaps as a page. */
static int linearize(struct vesper_nic *nic, struct vesper_tx *tx, struct sk_buff *skb)
{
	if (!skb_is_nonlinear(skb) || (nic->features & VESPER_FEAT_SG && !skb_has_frag_list(skb)))
		return 0;
	u64_stats_update_begin(&tx->sync);
	tx->linearized++;
	u64_stats_update_end(&tx->sync);
	return skb_linearize(skb);
}

static void count_offload(struct vesper_tx *tx, const struct vesper_tx_offload *off)
{
	u64_stats_update_begin(&tx->sync);
	tx->csum += off->frames;
	if (off->flags & VESPER_TXF_TSO) {
		tx->tso++;
		tx->tso_frames += off->frames;
	}
	u64_stats_update_end(&tx->sync);
}

/* Has the stack given as many numbers as there will be segments? */
static bool numbers_fit(const struct sk_buff *skb, const struct vesper_tx_esp *esp,
			const struct vesper_tx_offload *off)
{
	return esp->op != VESPER_OP_NUMBERED || !skb_is_gso(skb) ||
	       off->frames == skb_shinfo(skb)->gso_segs;
}

netdev_tx_t vesper_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct vesper_pair *pair = nic->pair[skb_get_queue_mapping(skb)];
	struct netdev_queue *queue = netdev_get_tx_queue(netdev, pair->id);
	struct vesper_tx *tx = &pair->tx;
	struct tx_frame frame = { .tx = tx, .at = tx->tail };
	bool more = netdev_xmit_more();
	struct vesper_tx_offload off;
	struct vesper_tx_slot *last;
	struct vesper_tx_esp esp;

	if (unlikely(tx_space(tx) < TX_RESERVE)) {
		netif_tx_stop_queue(queue);
		return NETDEV_TX_BUSY;
	}
	if (skb_put_padto(skb, VESPER_FRAME_MIN))
		goto out; /* it is freed */
	sk_pacing_shift_update(skb->sk, PACING_SHIFT);
	if (vesper_xfrm_tx(skb, &esp) || linearize(nic, tx, skb) || vesper_offload_tx(skb, &off) ||
	    !numbers_fit(skb, &esp, &off)) {
		tx_drop(tx, skb);
		goto out;
	}
	frame.esp = &esp;
	frame.left = skb->len;
	frame.flags = off.flags;
	if (esp.seq || off.flags)
		put_context(&frame, &off);
	if (unlikely(put_frame(pair, &frame, skb))) {
		tx_drop(tx, skb);
		goto out;
	}
	last = &tx->slot[vesper_ring_slot(frame.at - 1, tx->log2)];
	last->skb = skb;
	last->first = tx->tail;
	last->frames = off.frames;
	last->bytes = off.bytes;
	if (off.flags)
		count_offload(tx, &off);
	skb_tx_timestamp(skb);
	if (__netdev_tx_sent_queue(queue, off.bytes, more))
		more = false;
	/* The completion may come as soon as the doorbell is rung, and compares with this. */
	smp_store_release(&tx->tail, frame.at);

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

static bool is_free(const struct vesper_tx_slot *slot)
{
	return !slot->open && slot->map == VESPER_MAP_NONE;
}

/**
 * vesper_tx_clean - free what the card has sent
 * @pair: in NAPI context
 * @budget: of the poll; 0 from netpoll
 *
 * Completions of one ring may come out of order; the head moves over all that have come, but not over a frame's first
 * pieces: their memory is the card's until the last one has completed.
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
		slot->open = false;
		if (slot->skb) {
			unmap_frame(pair, slot->first, index + 1);
			if (likely(status == VESPER_ST_OK)) {
				packets += slot->frames;
				bytes += slot->bytes;
			} else {
				dropped++;
			}
			freed++;
			freed_bytes += slot->bytes;
			napi_consume_skb(slot->skb, budget);
		}
		tx->seen++;
		while (head != tail && is_free(&tx->slot[vesper_ring_slot(head, tx->log2)]))
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
	if (netif_tx_queue_stopped(queue) &&
	    tx_space(tx) >= min_t(u16, 2 * TX_RESERVE, 1u << tx->log2) &&
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

		if (slot->open && slot->skb)
			tx_drop(tx, slot->skb);
		unmap(pair, slot);
		slot->open = false;
	}
	tx->head = tx->tail;
	netdev_tx_reset_queue(netdev_get_tx_queue(pair->nic->netdev, pair->id));
}
