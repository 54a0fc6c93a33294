// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory of a queue pair; how it is started and stopped. */
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/vmalloc.h>

#include "vesper.h"

#define ACTIVE_TIMEOUT_US (2 * USEC_PER_SEC)

static int alloc_tx(struct vesper_pair *pair)
{
	struct device *dev = &pair->nic->pdev->dev;
	struct vesper_tx *tx = &pair->tx;
	size_t entries = (size_t)1 << tx->log2;

	tx->slot = kvcalloc(entries, sizeof(*tx->slot), GFP_KERNEL);
	tx->desc = dma_alloc_coherent(dev, entries * sizeof(*tx->desc), &tx->desc_dma, GFP_KERNEL);
	tx->cpl = dma_alloc_coherent(dev, entries * sizeof(*tx->cpl), &tx->cpl_dma, GFP_KERNEL);
	return tx->slot && tx->desc && tx->cpl ? 0 : -ENOMEM;
}

static int alloc_rx(struct vesper_pair *pair)
{
	struct vesper_nic *nic = pair->nic;
	struct device *dev = &nic->pdev->dev;
	struct vesper_rx *rx = &pair->rx;
	size_t entries = (size_t)1 << rx->log2;
	struct page_pool_params params = {
		.order = vesper_rx_order(nic->netdev->mtu),
		.pool_size = entries,
		.nid = dev_to_node(dev),
		.dev = dev,
		.dma_dir = DMA_FROM_DEVICE,
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.max_len = vesper_rx_buf_size(nic->netdev->mtu),
		.offset = NET_SKB_PAD,
	};

	rx->buf_size = params.max_len;
	rx->truesize = PAGE_SIZE << params.order;
	rx->page = kvcalloc(entries, sizeof(*rx->page), GFP_KERNEL);
	rx->desc = dma_alloc_coherent(dev, entries * sizeof(*rx->desc), &rx->desc_dma, GFP_KERNEL);
	rx->cpl = dma_alloc_coherent(dev, entries * sizeof(*rx->cpl), &rx->cpl_dma, GFP_KERNEL);
	if (!rx->page || !rx->desc || !rx->cpl)
		return -ENOMEM;
	rx->pool = page_pool_create(&params);
	if (IS_ERR(rx->pool)) {
		int err = PTR_ERR(rx->pool);

		rx->pool = NULL;
		return err;
	}
	return 0;
}

/**
 * vesper_pair_alloc - memory for the rings of a pair, with the sizes and the MTU of now
 * Return: 0 or -ENOMEM, and then vesper_pair_free() is still to be called.
 */
int vesper_pair_alloc(struct vesper_pair *pair)
{
	int err;

	pair->tx.log2 = pair->nic->tx_log2;
	pair->rx.log2 = pair->nic->rx_log2;
	err = alloc_tx(pair);
	return err ? err : alloc_rx(pair);
}

/* Gives back what vesper_pair_alloc() got, all of it or a part; the pair is stopped. */
void vesper_pair_free(struct vesper_pair *pair)
{
	struct device *dev = &pair->nic->pdev->dev;
	struct vesper_tx *tx = &pair->tx;
	struct vesper_rx *rx = &pair->rx;

	if (rx->pool)
		page_pool_destroy(rx->pool);
	if (rx->cpl)
		dma_free_coherent(dev, sizeof(*rx->cpl) << rx->log2, rx->cpl, rx->cpl_dma);
	if (rx->desc)
		dma_free_coherent(dev, sizeof(*rx->desc) << rx->log2, rx->desc, rx->desc_dma);
	if (tx->cpl)
		dma_free_coherent(dev, sizeof(*tx->cpl) << tx->log2, tx->cpl, tx->cpl_dma);
	if (tx->desc)
		dma_free_coherent(dev, sizeof(*tx->desc) << tx->log2, tx->desc, tx->desc_dma);
	kvfree(rx->page);
	kvfree(tx->slot);
	rx->pool = NULL;
	rx->cpl = NULL;
	rx->desc = NULL;
	rx->page = NULL;
	tx->cpl = NULL;
	tx->desc = NULL;
	tx->slot = NULL;
}

static void write_base(struct vesper_nic *nic, u32 offset_lo, dma_addr_t base)
{
	vesper_write(nic, offset_lo, lower_32_bits(base));
	vesper_write(nic, offset_lo + 4, upper_32_bits(base));
}

static int wait_active(struct vesper_pair *pair, bool active, u32 *state)
{
	return read_poll_timeout(vesper_read, *state,
				 !!(*state & VESPER__QUEUE_RF__STATE__ACTIVE_bm) == active ||
					 *state & VESPER__QUEUE_RF__STATE__BAD_CONFIG_bm,
				 50, ACTIVE_TIMEOUT_US, false, pair->nic,
				 VESPER_QUEUE_REG(pair->id, state));
}

/* Tell the card what was consumed; it interrupts as soon as there is more (rtl/dma/README.md). */
void vesper_pair_arm(struct vesper_pair *pair)
{
	vesper_write(pair->nic, VESPER_DOORBELL_REG(pair->id, arm),
		     pair->tx.seen | (u32)pair->rx.seen << VESPER__DOORBELL_RF__ARM__RX_SEEN_bp);
}

/**
 * vesper_pair_start - hand a pair's rings to the card and post its buffers
 * Return: 0; -EIO if the card refuses them; -ETIMEDOUT.
 */
int vesper_pair_start(struct vesper_pair *pair)
{
	struct vesper_nic *nic = pair->nic;
	struct vesper_tx *tx = &pair->tx;
	struct vesper_rx *rx = &pair->rx;
	u32 state;
	int err;

	memset(tx->cpl, 0, sizeof(*tx->cpl) << tx->log2);
	memset(rx->cpl, 0, sizeof(*rx->cpl) << rx->log2);
	tx->head = 0;
	tx->tail = 0;
	tx->seen = 0;
	rx->head = 0;
	rx->tail = 0;
	rx->seen = 0;
	write_base(nic, VESPER_QUEUE_REG(pair->id, tx_base_lo), tx->desc_dma);
	write_base(nic, VESPER_QUEUE_REG(pair->id, tx_cpl_lo), tx->cpl_dma);
	write_base(nic, VESPER_QUEUE_REG(pair->id, rx_base_lo), rx->desc_dma);
	write_base(nic, VESPER_QUEUE_REG(pair->id, rx_cpl_lo), rx->cpl_dma);
	vesper_write(nic, VESPER_QUEUE_REG(pair->id, ctrl),
		     VESPER__QUEUE_RF__CTRL__ENABLE_bm |
			     (u32)tx->log2 << VESPER__QUEUE_RF__CTRL__TX_LOG2_bp |
			     (u32)rx->log2 << VESPER__QUEUE_RF__CTRL__RX_LOG2_bp);
	err = wait_active(pair, true, &state);
	if (!err && !(state & VESPER__QUEUE_RF__STATE__ACTIVE_bm))
		err = -EIO;
	if (err) {
		netdev_err(nic->netdev, "queue %u does not start (state %#x)\n", pair->id, state);
		return err;
	}
	vesper_rx_refill(pair);
	return 0;
}

/* After this the card touches none of the pair's memory. A card that does not stop is declared dead. */
void vesper_pair_stop(struct vesper_pair *pair)
{
	struct vesper_nic *nic = pair->nic;
	u32 state;

	if (vesper_hw_gone(nic))
		return;
	vesper_write(nic, VESPER_QUEUE_REG(pair->id, ctrl), 0);
	if (wait_active(pair, false, &state)) {
		netdev_err(nic->netdev,
			   "queue %u does not stop (state %#x): bus mastering goes off\n", pair->id,
			   state);
		pci_clear_master(nic->pdev);
		nic->dead = true;
	}
}
