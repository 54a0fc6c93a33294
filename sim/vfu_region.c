// SPDX-License-Identifier: BSD-2-Clause
/*
 * The regions that a client reads and writes: BAR0 (registers, by the card's
 * AXI4-Lite port), BAR2 (MSI-X table and pending bits) and the configuration
 * space. No region can be mapped: each access reaches the card in order.
 */
#include "log.h"
#include "vesper_regs.h"
#include "vfio_user.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <string.h>

uint64_t vfu_region_size(unsigned int region)
{
	switch (region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return PCI_BAR0_BYTES;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return PCI_BAR2_BYTES;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return PCI_CONFIG_BYTES;
	default:
		return 0;
	}
}

static int check_range(const char *what, unsigned int region, uint64_t offset, uint32_t count)
{
	uint64_t size = vfu_region_size(region);

	if (!size) {
		sim_log(LOG_WARN, "%s: region %u does not exist", what, region);
		return -EINVAL;
	}
	if (!count || offset > size || count > size - offset) {
		sim_log(LOG_WARN,
			"%s: offset 0x%llx, count %u is not within region %u of %llu bytes", what,
			(unsigned long long)offset, count, region, (unsigned long long)size);
		return -EINVAL;
	}
	return 0;
}

/* Bytes of the 32-bit word at `offset` that lie within `count`: how many, and where the first one is. */
static unsigned int part(uint64_t offset, uint32_t count, unsigned int *shift)
{
	unsigned int n = 4 - offset % 4;

	*shift = offset % 4;
	return n < count ? n : count;
}

static int bar0_read(struct card *card, uint64_t offset, uint8_t *to, uint32_t count)
{
	unsigned int n, shift;
	uint32_t word;
	int ret;

	for (; count; count -= n, offset += n, to += n) {
		n = part(offset, count, &shift);
		ret = card_reg_read(card, (uint32_t)offset & ~3u, &word);
		if (ret)
			return ret;
		memcpy(to, (uint8_t *)&word + shift, n);
	}
	return 0;
}

/* Notes what tells us that the driver receives. Bytes of `word` that are not in `strobe` are not written. */
static void watch(struct vfu_device *dev, uint32_t at, uint32_t word, unsigned int strobe)
{
	const uint32_t bell = offsetof(vesper_t, doorbell);
	const uint32_t page = sizeof(vesper__doorbell_rf__stride1000_t);

	if (at == offsetof(vesper_t, control) && strobe & 1u << VESPER__CONTROL_R__RX_ENABLE_bp / 8)
		dev->rx_enabled = word & VESPER__CONTROL_R__RX_ENABLE_bm;
	if (at >= bell &&
	    (at - bell) % page == offsetof(vesper__doorbell_rf__stride1000_t, rx_tail))
		dev->rx_posted = true;
}

static int bar0_write(struct vfu_device *dev, uint64_t offset, const uint8_t *from, uint32_t count)
{
	unsigned int n, shift, strobe;
	uint32_t word;
	int ret;

	for (; count; count -= n, offset += n, from += n) {
		n = part(offset, count, &shift);
		word = 0;
		memcpy((uint8_t *)&word + shift, from, n);
		strobe = ((1u << n) - 1) << shift & 0xf;
		watch(dev, (uint32_t)offset & ~3u, word, strobe);
		ret = card_reg_write(dev->card, (uint32_t)offset & ~3u, word, strobe);
		if (ret)
			return ret;
	}
	return 0;
}

static void bar2_read(const struct vfu_device *dev, uint64_t offset, uint8_t *to, uint32_t count)
{
	uint8_t bar[PCI_BAR2_BYTES] = { 0 };

	memcpy(bar, dev->msix_table, sizeof(dev->msix_table));
	memcpy(bar + BAR2_MSIX_PBA, &dev->irq.pending, sizeof(dev->irq.pending));
	memcpy(to, bar + offset, count);
}

/* Only the table's entries can be written; the pending bits are the card's. */
static void bar2_write(struct vfu_device *dev, uint64_t offset, const uint8_t *from, uint32_t count)
{
	uint64_t end = 16ull * dev->irq.vectors;

	if (offset < end)
		memcpy(dev->msix_table + offset, from, count < end - offset ? count : end - offset);
}

int vfu_region_read(struct vfu_device *dev, unsigned int region, uint64_t offset, uint8_t *to,
		    uint32_t count)
{
	int ret = check_range("REGION_READ", region, offset, count);

	if (ret)
		return ret;
	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return pci_config_read(&dev->pci, offset, to, count);
	if (region == VFIO_PCI_BAR0_REGION_INDEX)
		return bar0_read(dev->card, offset, to, count);
	bar2_read(dev, offset, to, count);
	return 0;
}

int vfu_region_write(struct vfu_device *dev, unsigned int region, uint64_t offset,
		     const uint8_t *from, uint32_t count)
{
	int ret = check_range("REGION_WRITE", region, offset, count);

	if (ret)
		return ret;
	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		ret = pci_config_write(&dev->pci, offset, from, count);
		if (ret > 0)
			vfu_device_reset(dev);
		card_set_bus_master(dev->card, pci_config_bus_master(&dev->pci));
		return ret < 0 ? ret : 0;
	}
	if (region == VFIO_PCI_BAR0_REGION_INDEX)
		return bar0_write(dev, offset, from, count);
	bar2_write(dev, offset, from, count);
	return 0;
}
