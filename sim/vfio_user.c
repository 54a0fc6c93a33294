// SPDX-License-Identifier: BSD-2-Clause
/* The commands of vfio-user, each a function from body to reply. */
#include "vfio_user.h"

#include "log.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DMA_UNMAP: everything; address and size are 0 then. */
#define UNMAP_ALL (1u << 1)

/*
 * Shorter than the client's own VERSION (QEMU's has 214 bytes), which is all
 * the room that QEMU has for it.
 */
static const char capabilities[] = "{\"capabilities\":{\"max_msg_fds\":16,"
				   "\"max_data_xfer_size\":1048576,\"pgsizes\":4096,"
				   "\"max_dma_maps\":32768,\"write_multiple\":true}}";

int vfu_device_mem_read(void *dev, uint64_t addr, void *to, size_t len)
{
	return dma_map_read(((struct vfu_device *)dev)->maps, addr, to, len);
}

int vfu_device_mem_write(void *dev, uint64_t addr, const void *from, size_t len, uint64_t strobe)
{
	return dma_map_write(((struct vfu_device *)dev)->maps, addr, from, len, strobe);
}

void vfu_device_interrupt(void *dev, unsigned int vector)
{
	if (irq_raise(&((struct vfu_device *)dev)->irq, vector))
		sim_log(LOG_WARN, "the card raised vector %u, which it does not have", vector);
}

int vfu_device_init(struct vfu_device *dev, struct card *card)
{
	memset(dev, 0, sizeof(*dev));
	dev->card = card;
	irq_init(&dev->irq, card_vectors(card));
	pci_config_init(&dev->pci, card_vectors(card));
	dev->maps = dma_map_new();
	return dev->maps ? 0 : -ENOMEM;
}

void vfu_device_destroy(struct vfu_device *dev)
{
	irq_reset(&dev->irq);
	dma_map_free(dev->maps);
}

void vfu_device_reset(struct vfu_device *dev)
{
	card_set_bus_master(dev->card, false);
	pci_config_init(&dev->pci, dev->irq.vectors);
	memset(dev->msix_table, 0, sizeof(dev->msix_table));
	dev->irq.pending = 0;
	dev->rx_enabled = dev->rx_posted = false;
	card_reset(dev->card);
	sim_log(LOG_INFO, "the card was reset");
}

bool vfu_device_receives(const struct vfu_device *dev)
{
	return dev->rx_enabled && dev->rx_posted && pci_config_bus_master(&dev->pci);
}

void vfu_device_disconnect(struct vfu_device *dev)
{
	card_set_bus_master(dev->card, false);
	pci_config_init(&dev->pci, dev->irq.vectors);
	dma_map_clear(dev->maps);
	irq_reset(&dev->irq);
	dev->negotiated = false;
	dev->rx_posted = false;
}

/* Copies the fixed part of a body; a short one is an error that names the command. */
static int fixed(const char *what, const struct vfu_msg *msg, void *to, size_t need)
{
	if (msg->len < need) {
		sim_log(LOG_WARN, "%s: %zu bytes, needs %zu", what, msg->len, need);
		return -EINVAL;
	}
	memcpy(to, msg->body, need);
	return 0;
}

static int check_argsz(const char *what, uint32_t argsz, size_t need)
{
	if (argsz >= need)
		return 0;
	sim_log(LOG_WARN, "%s: argsz %u, needs %zu", what, argsz, need);
	return -EINVAL;
}

static int cmd_version(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	uint16_t version[2];
	int ret = fixed("VERSION", msg, version, sizeof(version));

	if (ret)
		return ret;
	if (dev->negotiated) {
		sim_log(LOG_WARN, "VERSION: the version was agreed on before");
		return -EINVAL;
	}
	if (version[0] != 0) {
		sim_log(LOG_WARN, "VERSION: major %u is not 0", version[0]);
		return -EINVAL;
	}
	if (msg->len > sizeof(version) && msg->body[msg->len - 1]) {
		sim_log(LOG_WARN, "VERSION: the capabilities do not end in a zero byte");
		return -EINVAL;
	}
	dev->negotiated = true;
	memset(reply, 0, sizeof(version));
	memcpy(reply + sizeof(version), capabilities, sizeof(capabilities));
	return (int)(sizeof(version) + sizeof(capabilities));
}

static int cmd_dma_map(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfu_dma_map m;
	int ret = fixed("DMA_MAP", msg, &m, sizeof(m));

	(void)reply;
	if (ret || (ret = check_argsz("DMA_MAP", m.argsz, sizeof(m))))
		return ret;
	if (!m.flags || m.flags & ~(DMA_READ | DMA_WRITE)) {
		sim_log(LOG_WARN, "DMA_MAP: flags 0x%x are not read 1, write 2 or both", m.flags);
		return -EINVAL;
	}
	if (msg->nfds > 1) {
		sim_log(LOG_WARN, "DMA_MAP: %u descriptors, takes 1", msg->nfds);
		return -EINVAL;
	}
	if (!m.size || m.addr + (m.size - 1) < m.addr) {
		sim_log(LOG_WARN, "DMA_MAP: address 0x%llx, size 0x%llx is no range",
			(unsigned long long)m.addr, (unsigned long long)m.size);
		return -EINVAL;
	}
	if (!msg->nfds) {
		/* ROM and the like, which nobody lets us reach; accesses will fail. */
		sim_log(LOG_DEBUG, "DMA_MAP: address 0x%llx comes without a descriptor: ignored",
			(unsigned long long)m.addr);
		return 0;
	}
	ret = dma_map_add(dev->maps, m.addr, m.size, m.flags, msg->fds[0], m.offset);
	if (ret)
		sim_log(LOG_WARN, "DMA_MAP: address 0x%llx, size 0x%llx, offset 0x%llx: %s",
			(unsigned long long)m.addr, (unsigned long long)m.size,
			(unsigned long long)m.offset, strerror(-ret));
	return ret;
}

static int cmd_dma_unmap(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfu_dma_unmap u;
	int ret = fixed("DMA_UNMAP", msg, &u, sizeof(u));

	if (ret || (ret = check_argsz("DMA_UNMAP", u.argsz, sizeof(u))))
		return ret;
	if (u.flags & ~UNMAP_ALL || (u.flags && (u.addr || u.size))) {
		sim_log(LOG_WARN, "DMA_UNMAP: flags 0x%x with address 0x%llx, size 0x%llx", u.flags,
			(unsigned long long)u.addr, (unsigned long long)u.size);
		return -EINVAL;
	}
	if (u.flags) {
		dma_map_clear(dev->maps);
	} else {
		ret = dma_map_remove(dev->maps, u.addr, u.size);
		if (ret < 0) {
			sim_log(LOG_WARN,
				"DMA_UNMAP: address 0x%llx, size 0x%llx would cut a range in two",
				(unsigned long long)u.addr, (unsigned long long)u.size);
			return ret;
		}
	}
	memcpy(reply, &u, sizeof(u));
	return sizeof(u);
}

static int cmd_info(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	uint32_t info[4];
	int ret = fixed("GET_INFO", msg, info, sizeof(info));

	(void)dev;
	if (ret || (ret = check_argsz("GET_INFO", info[0], sizeof(info))))
		return ret;
	info[0] = sizeof(info);
	info[1] = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
	info[2] = VFIO_PCI_NUM_REGIONS;
	info[3] = VFIO_PCI_NUM_IRQS;
	memcpy(reply, info, sizeof(info));
	return sizeof(info);
}

static int cmd_region_info(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfio_region_info info;
	int ret = fixed("GET_REGION_INFO", msg, &info, sizeof(info));

	(void)dev;
	if (ret || (ret = check_argsz("GET_REGION_INFO", info.argsz, sizeof(info))))
		return ret;
	if (info.index >= VFIO_PCI_NUM_REGIONS) {
		sim_log(LOG_WARN, "GET_REGION_INFO: index %u is not below %u", info.index,
			VFIO_PCI_NUM_REGIONS);
		return -EINVAL;
	}
	info.argsz = sizeof(info);
	info.size = vfu_region_size(info.index);
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	info.cap_offset = 0;
	info.offset = 0;
	memcpy(reply, &info, sizeof(info));
	return sizeof(info);
}

/* No descriptors that would spare a doorbell its message: each write is ordered with all others. */
static int cmd_region_io_fds(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	uint32_t fds[4]; /* argsz, flags, index, count */
	int ret = fixed("GET_REGION_IO_FDS", msg, fds, sizeof(fds));

	(void)dev;
	if (ret || (ret = check_argsz("GET_REGION_IO_FDS", fds[0], sizeof(fds))))
		return ret;
	if (fds[1] || fds[2] >= VFIO_PCI_NUM_REGIONS) {
		sim_log(LOG_WARN, "GET_REGION_IO_FDS: flags 0x%x, index %u", fds[1], fds[2]);
		return -EINVAL;
	}
	fds[0] = sizeof(fds);
	fds[3] = 0;
	memcpy(reply, fds, sizeof(fds));
	return sizeof(fds);
}

static int cmd_irq_info(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfio_irq_info info;
	int ret = fixed("GET_IRQ_INFO", msg, &info, sizeof(info));

	if (ret || (ret = check_argsz("GET_IRQ_INFO", info.argsz, sizeof(info))))
		return ret;
	if (info.index >= VFIO_PCI_NUM_IRQS) {
		sim_log(LOG_WARN, "GET_IRQ_INFO: index %u is not below %u", info.index,
			VFIO_PCI_NUM_IRQS);
		return -EINVAL;
	}
	info.argsz = sizeof(info);
	info.count = info.index == VFIO_PCI_MSIX_IRQ_INDEX ? dev->irq.vectors : 0;
	info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : 0;
	memcpy(reply, &info, sizeof(info));
	return sizeof(info);
}

static int cmd_set_irqs(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	(void)reply;
	return vfu_set_irqs(dev, msg);
}

static int cmd_region_read(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfu_region_access a;
	int ret = fixed("REGION_READ", msg, &a, sizeof(a));

	if (ret)
		return ret;
	ret = vfu_region_read(dev, a.region, a.offset, reply + sizeof(a), a.count);
	if (ret)
		return ret;
	memcpy(reply, &a, sizeof(a));
	return (int)(sizeof(a) + a.count);
}

static int cmd_region_write(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfu_region_access a;
	int ret = fixed("REGION_WRITE", msg, &a, sizeof(a));

	if (ret)
		return ret;
	if (msg->len - sizeof(a) != a.count) {
		sim_log(LOG_WARN, "REGION_WRITE: count %u with %zu bytes of data", a.count,
			msg->len - sizeof(a));
		return -EINVAL;
	}
	ret = vfu_region_write(dev, a.region, a.offset, msg->body + sizeof(a), a.count);
	if (ret)
		return ret;
	memcpy(reply, &a, sizeof(a));
	return sizeof(a);
}

/* All entries are checked for form before the first is written. */
static int cmd_write_multi(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	struct vfu_write_one w;
	uint64_t count, i;
	int ret = fixed("REGION_WRITE_MULTI", msg, &count, sizeof(count));

	if (ret)
		return ret;
	if (count > VFU_MSG_MAX / sizeof(w) || msg->len != sizeof(count) + count * sizeof(w)) {
		sim_log(LOG_WARN, "REGION_WRITE_MULTI: count %llu with %zu bytes of entries",
			(unsigned long long)count, msg->len - sizeof(count));
		return -EINVAL;
	}
	for (i = 0; i < count; i++) {
		memcpy(&w, msg->body + sizeof(count) + i * sizeof(w), sizeof(w));
		if (w.count > sizeof(w.data)) {
			sim_log(LOG_WARN, "REGION_WRITE_MULTI: entry %llu: count %u is above 8",
				(unsigned long long)i, w.count);
			return -EINVAL;
		}
	}
	for (i = 0; i < count; i++) {
		memcpy(&w, msg->body + sizeof(count) + i * sizeof(w), sizeof(w));
		ret = vfu_region_write(dev, w.region, w.offset, w.data, w.count);
		if (ret)
			return ret;
	}
	memcpy(reply, &count, sizeof(count));
	return sizeof(count);
}

static int cmd_reset(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply)
{
	(void)reply;
	if (msg->len) {
		sim_log(LOG_WARN, "DEVICE_RESET: %zu bytes, takes none", msg->len);
		return -EINVAL;
	}
	vfu_device_reset(dev);
	return 0;
}

static const struct {
	int (*serve)(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply);
	unsigned int fds; /* most descriptors that may come along */
} commands[] = {
	[VFU_VERSION] = { cmd_version, 0 },
	[VFU_DMA_MAP] = { cmd_dma_map, 1 },
	[VFU_DMA_UNMAP] = { cmd_dma_unmap, 0 },
	[VFU_GET_INFO] = { cmd_info, 0 },
	[VFU_GET_REGION_INFO] = { cmd_region_info, 0 },
	[VFU_GET_REGION_IO_FDS] = { cmd_region_io_fds, 0 },
	[VFU_GET_IRQ_INFO] = { cmd_irq_info, 0 },
	[VFU_SET_IRQS] = { cmd_set_irqs, VFU_FDS_MAX },
	[VFU_REGION_READ] = { cmd_region_read, 0 },
	[VFU_REGION_WRITE] = { cmd_region_write, 0 },
	[VFU_RESET] = { cmd_reset, 0 },
	[VFU_REGION_WRITE_MULTI] = { cmd_write_multi, 0 },
};

int vfu_command(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply, size_t room)
{
	unsigned int cmd = msg->hdr.cmd;

	if (cmd >= sizeof(commands) / sizeof(commands[0]) || !commands[cmd].serve ||
	    room < VFU_MSG_MAX) {
		sim_log(LOG_WARN, "command %u is not one that a client may give", cmd);
		return -ENOTSUP;
	}
	if (!dev->negotiated && cmd != VFU_VERSION) {
		sim_log(LOG_WARN, "command %u came before VERSION", cmd);
		return -EINVAL;
	}
	if (msg->nfds > commands[cmd].fds) {
		sim_log(LOG_WARN, "command %u: %u descriptors, takes %u", cmd, msg->nfds,
			commands[cmd].fds);
		return -EINVAL;
	}
	return commands[cmd].serve(dev, msg, reply);
}
