// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Receive: pages from a pool are posted, filled ones become skbs. */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <net/gro.h>

#include "vesper.h"

/* Bytes that the card may write into one buffer: whole cache lines that hold the longest frame. */
u32 vesper_rx_buf_size(unsigned int mtu)
{
	return ALIGN(mtu + ETH_HLEN + 2 * VLAN_HLEN, VESPER_RX_ALIGN);
}

/* Pages a buffer: what the card writes, with headroom before and the skb's shared part behind. */
unsigned int vesper_rx_order(unsigned int mtu)
{
	return get_order(NET_SKB_PAD + vesper_rx_buf_size(mtu) +
			 SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));
}

/* Posts a buffer for each free descriptor, as far as there are pages. */
void vesper_rx_refill(struct vesper_pair *pair)
{
	struct vesper_rx *rx = &pair->rx;
	u16 space = vesper_ring_space(rx->tail, rx->head, rx->log2);
	u16 posted = 0;

	while (posted < space) {
		u32 at = vesper_ring_slot(rx->tail, rx->log2);
		struct page *page = page_pool_dev_alloc_pages(rx->pool);

		if (!page) {
			u64_stats_update_begin(&rx->sync);
			rx->no_page++;
			u64_stats_update_end(&rx->sync);
			break;
		}
		rx->page[at] = page;
		vesper_rx_desc_set(&rx->desc[at], page_pool_get_dma_addr(page) + NET_SKB_PAD,
				   (u16)rx->buf_size);
		rx->tail++;
		posted++;
	}
	if (!posted)
		return;
	dma_wmb();
	vesper_write(pair->nic, VESPER_DOORBELL_REG(pair->id, rx_tail), rx->tail);
}

/*
 * GRO does not look at secpaths: it would join what came protected with what came in clear, or by another SA. So it holds
 * frames of one SA at a time, or without any, also from one poll to the next.
 */
static void join_alike(struct vesper_pair *pair, const struct vesper_rx_cpl *cpl)
{
	u32 sa = cpl->flags & (VESPER_CPL_ESP | VESPER_CPL_INPLACE) ? le32_to_cpu(cpl->sa) : 0;

	if (sa != pair->rx.held_sa)
		napi_gro_flush(&pair->napi, false);
	pair->rx.held_sa = sa;
}

static void deliver(struct vesper_pair *pair, struct page *page, u16 len,
		    const struct vesper_rx_cpl *cpl)
{
	struct vesper_rx *rx = &pair->rx;
	struct net_device *netdev = pair->nic->netdev;
	struct sk_buff *skb;

	dma_sync_single_range_for_cpu(&pair->nic->pdev->dev, page_pool_get_dma_addr(page),
				      NET_SKB_PAD, len, DMA_FROM_DEVICE);
	skb = napi_build_skb(page_address(page), rx->truesize);
	if (unlikely(!skb)) {
		page_pool_recycle_direct(rx->pool, page);
		rx->dropped++;
		return;
	}
	skb_reserve(skb, NET_SKB_PAD);
	skb_put(skb, len);
	skb_mark_for_recycle(skb);
	skb_record_rx_queue(skb, pair->id);
	if (vesper_xfrm_rx(pair->nic, skb, cpl)) {
		dev_kfree_skb_any(skb);
		rx->dropped++;
		return;
	}
	vesper_offload_rx(pair, skb, cpl);
	skb->protocol = eth_type_trans(skb, netdev);
	rx->packets++;
	rx->bytes += len;
	join_alike(pair, cpl);
	napi_gro_receive(&pair->napi, skb);
}

/**
 * vesper_rx_poll - deliver what the card has received
 * @pair: in NAPI context
 * @budget: frames at most
 *
 * Nothing that the card wrote is used before it was checked: the index must be that of an open buffer, the
 * length within what the buffer has, the status one of the ABI.
 *
 * Return: frames taken.
 */
int vesper_rx_poll(struct vesper_pair *pair, int budget)
{
	struct vesper_rx *rx = &pair->rx;
	int done = 0;

	u64_stats_update_begin(&rx->sync);
	while (done < budget) {
		struct vesper_rx_cpl *cpl = &rx->cpl[vesper_ring_slot(rx->seen, rx->log2)];
		struct page *page;
		u16 index, len;
		u8 status;
		u32 at;

		if (!vesper_cpl_ready(READ_ONCE(cpl->flags), rx->seen, rx->log2))
			break;
		dma_rmb();
		index = le16_to_cpu(cpl->index);
		len = le16_to_cpu(cpl->len);
		status = READ_ONCE(cpl->status);
		at = vesper_ring_slot(index, rx->log2);
		page = vesper_ring_holds(index, rx->tail, rx->head) ? rx->page[at] : NULL;
		if (unlikely(!page || len > rx->buf_size || status >= VESPER_ST_COUNT)) {
			if (!vesper_fault(pair->nic, VESPER_FAULT_COMPLETION))
				break; /* seen before, and not recovered yet */
			netdev_err(
				pair->nic->netdev,
				"queue %u: RX completion for descriptor %u with %u bytes, status %u; open are %u to %u with %u bytes\n",
				pair->id, index, len, status, rx->head, rx->tail, rx->buf_size);
			rx->errors++;
			break;
		}
		rx->page[at] = NULL;
		rx->seen++;
		done++;
		if (unlikely(len < ETH_HLEN)) {
			/* A buffer that comes back without a frame. */
			rx->empty++;
			page_pool_recycle_direct(rx->pool, page);
		} else {
			deliver(pair, page, len, cpl);
		}
		while (rx->head != rx->tail && !rx->page[vesper_ring_slot(rx->head, rx->log2)])
			rx->head++;
	}
	u64_stats_update_end(&rx->sync);
	if (vesper_ring_space(rx->tail, rx->head, rx->log2) >= 1u << (rx->log2 - 2))
		vesper_rx_refill(pair);
	return done;
}

/* Gives back all posted pages of a pair that is stopped now. */
void vesper_rx_drain(struct vesper_pair *pair)
{
	struct vesper_rx *rx = &pair->rx;
	u32 i;

	for (i = 0; i < 1u << rx->log2; i++) {
		if (rx->page[i])
			page_pool_put_full_page(rx->pool, rx->page[i], false);
		rx->page[i] = NULL;
	}
	rx->head = rx->tail;
}
