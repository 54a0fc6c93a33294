/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two ways to a card over the kernel's VFIO share: the device's file
 * and all that is done with it. They differ in how that file is had, and in who
 * maps memory for the IOMMU.
 */
#ifndef VESPER_VFIO_H
#define VESPER_VFIO_H

#include <pthread.h>

#include "vesper_pci.h"
#include "vesper_transport.h"

#define VESPER_VFIO_RANGES_MAX 32

struct vesper_vfio {
	struct vesper_transport base;
	struct vesper_transport_ops ops; /* with those of its way */
	int iommu;			 /* the container, or /dev/iommu */
	int group;			 /* -1 with iommufd */
	int device;
	u32 ioas; /* iommufd's address space */
	u8 *bar0;
	u64 config_offset, config_size;
	pthread_mutex_t irq_lock;
	bool irq_on;
	struct vesper_iova_range ranges[VESPER_VFIO_RANGES_MAX];
	char address[20];
};

/* One way to a card. */
struct vesper_vfio_way {
	const char *name; /* of the transport */
	/* Have v->device, attached to an IOMMU whose ranges are in v->base; v->iommu and v->group
	 * as needed. What is open when it fails is closed by the caller. */
	int (*open)(struct vesper_vfio *v, const char *root, const struct vesper_pci *card);
	/* Those of struct vesper_transport_ops. */
	int (*dma_map)(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova,
		       u64 size);
	int (*dma_unmap)(struct vesper_transport *t, u64 iova, u64 size);
};

extern const struct vesper_vfio_way vesper_vfio_group, vesper_vfio_iommufd;

static inline struct vesper_vfio *to_vfio(struct vesper_transport *t)
{
	return (struct vesper_vfio *)t;
}

/* Note that the kernel refused @what, with the sentence of errno. Return: -errno. */
int vesper_vfio_refused(const struct vesper_vfio *v, const char *what);

/* Note why @what, a mapping of @size bytes, was refused; errno says it. Return: -errno. */
int vesper_vfio_map_refused(const struct vesper_vfio *v, const char *what, u64 size);

/* Note that the card could forge interrupts; an option of @module allows it. Return: -EACCES. */
int vesper_vfio_unsafe(const struct vesper_vfio *v, const char *module);

/* Open a device file; @module brings it, should it be missing. */
int vesper_vfio_open_file(const char *path, const char *module, int *fd);

#endif
