/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the driver reaches a card. A transport is made by its own open function
 * and is then only used through these operations, all of which may be called
 * by several threads at once. Errors are negative errno with a sentence in
 * vesper_error().
 */
#ifndef VESPER_TRANSPORT_H
#define VESPER_TRANSPORT_H

#include "vesper_compat.h"
#include "vesper_iova.h"

/* Regions, numbered as VFIO does for PCI. */
#define VESPER_REGION_BAR0   0
#define VESPER_REGION_CONFIG 7

struct vesper_transport;

struct vesper_transport_ops {
	const char *name;

	/* @len bytes at @offset of a region; registers: 4 bytes, aligned. -ERANGE beyond it. */
	int (*read)(struct vesper_transport *t, u32 region, u64 offset, void *data, u32 len);
	int (*write)(struct vesper_transport *t, u32 region, u64 offset, const void *data, u32 len);
	/* A 32-bit register write that need not have arrived on return; order is kept. */
	int (*post32)(struct vesper_transport *t, u32 region, u64 offset, u32 value);

	/*
	 * Let the card read and write @size bytes at @offset of the memory behind
	 * @fd (mapped by the caller at @mem) under the addresses from @iova on.
	 * All are multiples of the page size.
	 */
	int (*dma_map)(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova,
		       u64 size);
	int (*dma_unmap)(struct vesper_transport *t, u64 iova, u64 size);

	/* Signal the eventfd @fd on MSI-X @vector; -1 for no longer. */
	int (*irq_set)(struct vesper_transport *t, u32 vector, int fd);
	/* Function-level reset. */
	int (*reset)(struct vesper_transport *t);
	/* A descriptor that polls as POLLHUP or POLLIN when the card has gone; -1: none. */
	int (*hangup_fd)(struct vesper_transport *t);
	void (*close)(struct vesper_transport *t);
};

/* The head of each transport's own structure. */
struct vesper_transport {
	const struct vesper_transport_ops *ops;
	u64 bar0_size;
	u32 vectors;				/* MSI-X */
	const struct vesper_iova_range *ranges; /* for dma_map(); NULL: any address */
	u32 range_count;
};

/**
 * vesper_vfio_user_open - connect to a card behind a vfio-user socket
 * @path: the Unix socket
 * @timeout_ms: for each reply
 * @transport: result
 *
 * Return: 0, or the errors of vesper_dev_open() up to -ETIMEDOUT.
 */
int vesper_vfio_user_open(const char *path, u32 timeout_ms, struct vesper_transport **transport);

/**
 * vesper_vfio_open - take a card on the PCI bus by the kernel's VFIO
 * @root: folder below which sys/ and dev/ are; "": the machine's own
 * @address: PCI address
 * @transport: result
 *
 * By iommufd where the kernel offers it, by group and container otherwise. The kernel resets the
 * card as it is taken, and again when its user has gone.
 *
 * Return: 0, -ENODEV: no such device, or not a Vesper card; -EOPNOTSUPP: no IOMMU; -EBUSY: another
 * driver or program has it, or what it shares its IOMMU group with; -EACCES: no permission;
 * -ENOENT: no VFIO; -EPROTO: VFIO describes no card; -ENOMEM; or what the kernel said.
 */
int vesper_vfio_open(const char *root, const char *address, struct vesper_transport **transport);

#endif
