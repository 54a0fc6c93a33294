/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vfio-user server (QEMU docs/interop/vfio-user.rst, version 0.0) for one
 * client at a time: the messages, and what they do to the card.
 */
#ifndef SIM_VFIO_USER_H
#define SIM_VFIO_USER_H

#include "card.h"
#include "dma_map.h"
#include "irq.h"
#include "pci_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFU_FDS_MAX  16u
#define VFU_DATA_MAX (1024u * 1024)
#define VFU_MSG_MAX  (VFU_DATA_MAX + 4096u)

enum vfu_cmd {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_GET_INFO = 4,
	VFU_GET_REGION_INFO = 5,
	VFU_GET_REGION_IO_FDS = 6,
	VFU_GET_IRQ_INFO = 7,
	VFU_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,
	VFU_DMA_WRITE = 12,
	VFU_RESET = 13,
	VFU_REGION_WRITE_MULTI = 15,
};

#define VFU_F_TYPE     0x0fu /* 0: command, 1: reply */
#define VFU_F_REPLY    0x01u
#define VFU_F_NO_REPLY 0x10u
#define VFU_F_ERROR    0x20u

struct vfu_header {
	uint16_t id;
	uint16_t cmd;
	uint32_t size; /* of the whole message, this header included */
	uint32_t flags;
	uint32_t error; /* errno of a reply with VFU_F_ERROR */
};

struct vfu_dma_map {
	uint32_t argsz, flags;
	uint64_t offset, addr, size;
};

struct vfu_dma_unmap {
	uint32_t argsz, flags;
	uint64_t addr, size;
};

struct vfu_region_access {
	uint64_t offset;
	uint32_t region, count;
};

struct vfu_write_one {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[8];
};

/* A message of which the header is sound and all bytes are there. */
struct vfu_msg {
	struct vfu_header hdr;
	const uint8_t *body;
	size_t len; /* of the body */
	int fds[VFU_FDS_MAX];
	unsigned int nfds;
};

/* What the client sees of the card. */
struct vfu_device {
	struct card *card;
	struct dma_map *maps;
	struct irq irq;
	struct pci_config pci;
	uint8_t msix_table[BAR2_MSIX_PBA];
	bool negotiated;	    /* VERSION was answered */
	bool rx_enabled, rx_posted; /* as the driver's register writes had it */
};

/* The card's DMA and interrupts end here; card_host.ctx is the device. */
int vfu_device_mem_read(void *dev, uint64_t addr, void *to, size_t len);
int vfu_device_mem_write(void *dev, uint64_t addr, const void *from, size_t len, uint64_t strobe);
void vfu_device_interrupt(void *dev, unsigned int vector);

/* Fills in what stands around `card`; -ENOMEM. */
int vfu_device_init(struct vfu_device *dev, struct card *card);
void vfu_device_destroy(struct vfu_device *dev);

/* What a function-level reset does: card and configuration space as after power-on. Maps and eventfds stay. */
void vfu_device_reset(struct vfu_device *dev);

/* The driver has opened reception and posted buffers: frames from a file are not wasted. */
bool vfu_device_receives(const struct vfu_device *dev);

/* The client is gone: no memory, no eventfds, no bus mastering. SAs and registers stay. */
void vfu_device_disconnect(struct vfu_device *dev);

/*
 * Carries out one command and writes the body of its reply, of which `room`
 * bytes fit (at least VFU_MSG_MAX). Returns the reply's length, or a negative
 * errno for the reply's header, after a log line that names field and value.
 * Descriptors that the command takes over are set to -1 in `msg`.
 */
int vfu_command(struct vfu_device *dev, struct vfu_msg *msg, uint8_t *reply, size_t room);

/*
 * Regions by VFIO_PCI_*_REGION_INDEX. count bytes; -EINVAL: no such region,
 * beyond it, or no bytes; -EIO: the card does not answer.
 */
uint64_t vfu_region_size(unsigned int region);
int vfu_region_read(struct vfu_device *dev, unsigned int region, uint64_t offset, uint8_t *to,
		    uint32_t count);
int vfu_region_write(struct vfu_device *dev, unsigned int region, uint64_t offset,
		     const uint8_t *from, uint32_t count);

/* DEVICE_SET_IRQS; as vfu_command. */
int vfu_set_irqs(struct vfu_device *dev, struct vfu_msg *msg);

/* ---- a connection: framing, descriptors, replies ------------------------- */

struct vfu_conn;

/* Serves the client on the non-blocking socket `fd`, which it takes over. NULL: no memory. */
struct vfu_conn *vfu_conn_new(struct vfu_device *dev, int fd);

/* Closes the socket and calls vfu_device_disconnect. */
void vfu_conn_free(struct vfu_conn *conn);
int vfu_conn_fd(const struct vfu_conn *conn);

/* True while a reply waits for room in the socket; nothing is read meanwhile. */
bool vfu_conn_wants_out(const struct vfu_conn *conn);

/* Serves what is there, a few messages at most. False: the client is gone or has lost its framing. */
bool vfu_conn_serve(struct vfu_conn *conn);

#endif
