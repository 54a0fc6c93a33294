// SPDX-License-Identifier: BSD-2-Clause
/* A card by the kernel's newer way: the device's own file, and /dev/iommu for its memory. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vesper_error.h"
#include "vesper_iommufd.h"
#include "vesper_vfio.h"

#define MODULE "iommufd"

/* Why the device was not bound to our iommufd: errno says it, less clearly. */
static int bind_refused(const struct vesper_vfio *v, const char *root,
			const struct vesper_pci *card, const char *cdev)
{
	char group[PATH_MAX];
	int err;

	switch (errno) {
	case EINVAL: /* a program has bound it to an iommufd of its own */
		return vesper_pci_no_file(cdev, MODULE, EBUSY);
	case EBUSY: /* a program has the group's file open, or a driver another of its devices */
		err = vesper_pci_blocker(root, card);
		if (err)
			return err;
		snprintf(group, sizeof(group), "%s/dev/vfio/%d", root, card->group);
		return vesper_pci_no_file(access(group, F_OK) ? cdev : group, MODULE, EBUSY);
	case EPERM:
		return vesper_vfio_unsafe(v, MODULE);
	default:
		return vesper_vfio_refused(v, "VFIO_DEVICE_BIND_IOMMUFD");
	}
}

static int bind_device(struct vesper_vfio *v, const char *root, const struct vesper_pci *card)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/dev/iommu", root);
	err = vesper_vfio_open_file(path, MODULE, &v->iommu);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/dev/vfio/devices/%s", root, card->cdev);
	err = vesper_vfio_open_file(path, VESPER_PCI_DRIVER, &v->device);
	if (err)
		return err;
	bind.iommufd = v->iommu;
	if (ioctl(v->device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return bind_refused(v, root, card, path);
	return 0;
}

/* Which addresses does the IOMMU translate? Known once the device is attached. */
static int learn_ranges(struct vesper_vfio *v)
{
	struct iommu_iova_range room[VESPER_VFIO_RANGES_MAX];
	struct iommu_ioas_iova_ranges ranges = {
		.size = sizeof(ranges),
		.ioas_id = v->ioas,
		.num_iovas = VESPER_VFIO_RANGES_MAX,
		.allowed_iovas = (uintptr_t)room,
	};
	u32 i;

	/* Of more than there is room for the first have come. */
	if (ioctl(v->iommu, IOMMU_IOAS_IOVA_RANGES, &ranges) && errno != EMSGSIZE)
		return vesper_vfio_refused(v, "IOMMU_IOAS_IOVA_RANGES");
	for (i = 0; i < ranges.num_iovas && i < VESPER_VFIO_RANGES_MAX; i++)
		v->ranges[i] = (struct vesper_iova_range){ room[i].start, room[i].last };
	v->base.ranges = v->ranges;
	v->base.range_count = i;
	return 0;
}

/* All that is made here ends with the two files. */
static int iommufd_open(struct vesper_vfio *v, const char *root, const struct vesper_pci *card)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	int err = bind_device(v, root, card);

	if (err)
		return err;
	if (ioctl(v->iommu, IOMMU_IOAS_ALLOC, &alloc))
		return vesper_vfio_refused(v, "IOMMU_IOAS_ALLOC");
	v->ioas = attach.pt_id = alloc.out_ioas_id;
	if (ioctl(v->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return vesper_vfio_refused(v, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	return learn_ranges(v);
}

static int iommufd_map(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova,
		       u64 size)
{
	struct vesper_vfio *v = to_vfio(t);
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = v->ioas,
		.user_va = (uintptr_t)mem,
		.length = size,
		.iova = iova,
	};

	(void)fd; /* the kernel finds the memory by its address */
	(void)offset;
	return ioctl(v->iommu, IOMMU_IOAS_MAP, &map) ?
		       vesper_vfio_map_refused(v, "IOMMU_IOAS_MAP", size) :
		       0;
}

static int iommufd_unmap(struct vesper_transport *t, u64 iova, u64 size)
{
	struct vesper_vfio *v = to_vfio(t);
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = v->ioas,
		.iova = iova,
		.length = size,
	};

	return ioctl(v->iommu, IOMMU_IOAS_UNMAP, &unmap) ?
		       vesper_vfio_refused(v, "IOMMU_IOAS_UNMAP") :
		       0;
}

const struct vesper_vfio_way vesper_vfio_iommufd = {
	.name = "vfio-iommufd",
	.open = iommufd_open,
	.dma_map = iommufd_map,
	.dma_unmap = iommufd_unmap,
};
