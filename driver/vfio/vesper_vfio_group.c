// SPDX-License-Identifier: BSD-2-Clause
/* A card by the kernel's older way: group and container (Linux, Documentation/driver-api/vfio.rst). */
#include <errno.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "vesper_error.h"
#include "vesper_vfio.h"

#define INFO_MAX 4096 /* of VFIO_IOMMU_GET_INFO, capabilities included */

static int open_container(struct vesper_vfio *v, const char *root)
{
	char path[PATH_MAX];
	int version, err;

	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", root);
	err = vesper_vfio_open_file(path, VESPER_PCI_DRIVER, &v->iommu);
	if (err)
		return err;
	version = ioctl(v->iommu, VFIO_GET_API_VERSION);
	if (version != VFIO_API_VERSION)
		return vesper_error(-EPROTO, "%s speaks VFIO %d, this driver %d", path, version,
				    VFIO_API_VERSION);
	if (ioctl(v->iommu, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		return vesper_error(-EOPNOTSUPP,
				    "%s offers no IOMMU of type 1 (v2): `modprobe "
				    "vfio_iommu_type1` as root brings it",
				    path);
	return 0;
}

static int open_group(struct vesper_vfio *v, const char *root, const struct vesper_pci *card)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/dev/vfio/%d", root, card->group);
	err = vesper_vfio_open_file(path, VESPER_PCI_DRIVER, &v->group);
	if (err)
		return err;
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status))
		return vesper_vfio_refused(v, "VFIO_GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		err = vesper_pci_blocker(root, card);
		return err ? err :
			     vesper_error(-EBUSY, "VFIO takes IOMMU group %d of %s for not viable",
					  card->group, card->address);
	}
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->iommu))
		return vesper_vfio_refused(v, "VFIO_GROUP_SET_CONTAINER");
	if (!ioctl(v->iommu, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return 0;
	return errno == EPERM ? vesper_vfio_unsafe(v, "vfio_iommu_type1") :
				vesper_vfio_refused(v, "VFIO_SET_IOMMU");
}

/* Note the ranges of a capability that lies within @size bytes of @info at @at. */
static int take_ranges(struct vesper_vfio *v, const u8 *info, u32 size, u32 at)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	struct vfio_iova_range range;
	u32 i;

	if (at > size || size - at < sizeof(head))
		return vesper_error(-EPROTO, "vfio: capability at %u of %u bytes", at, size);
	memcpy(&head, info + at, sizeof(head));
	if (head.nr_iovas > (size - at - sizeof(head)) / sizeof(range))
		return vesper_error(-EPROTO, "vfio: %u ranges of addresses in %u bytes",
				    head.nr_iovas, size - at);
	for (i = 0; i < head.nr_iovas && i < VESPER_VFIO_RANGES_MAX; i++) {
		memcpy(&range, info + at + sizeof(head) + i * sizeof(range), sizeof(range));
		v->ranges[i] = (struct vesper_iova_range){ range.start, range.end };
	}
	v->base.ranges = v->ranges;
	v->base.range_count = i;
	return 0;
}

/* Which addresses does the IOMMU translate? Kernels before 5.4 do not say: any, then. */
static int learn_iommu(struct vesper_vfio *v)
{
	u8 room[INFO_MAX] __attribute__((aligned(8))) = { 0 };
	struct vfio_iommu_type1_info *info = (struct vfio_iommu_type1_info *)room;
	struct vfio_info_cap_header head;
	u32 at, next;

	info->argsz = sizeof(room);
	if (ioctl(v->iommu, VFIO_IOMMU_GET_INFO, info))
		return vesper_vfio_refused(v, "VFIO_IOMMU_GET_INFO");
	if (!(info->flags & VFIO_IOMMU_INFO_CAPS) || info->argsz > sizeof(room))
		return 0;
	for (at = info->cap_offset; at; at = next) {
		if (at > info->argsz || info->argsz - at < sizeof(head))
			return vesper_error(-EPROTO, "vfio: capability at %u of %u bytes", at,
					    info->argsz);
		memcpy(&head, room + at, sizeof(head));
		if (head.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			return take_ranges(v, room, info->argsz, at);
		next = head.next > at ? head.next : 0;
	}
	return 0;
}

static int group_open(struct vesper_vfio *v, const char *root, const struct vesper_pci *card)
{
	int err = open_container(v, root);

	if (!err)
		err = open_group(v, root, card);
	if (!err)
		err = learn_iommu(v);
	if (err)
		return err;
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->address);
	return v->device < 0 ? vesper_vfio_refused(v, "VFIO_GROUP_GET_DEVICE_FD") : 0;
}

static int group_map(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};
	struct vesper_vfio *v = to_vfio(t);

	(void)fd; /* the kernel finds the memory by its address */
	(void)offset;
	return ioctl(v->iommu, VFIO_IOMMU_MAP_DMA, &map) ?
		       vesper_vfio_map_refused(v, "VFIO_IOMMU_MAP_DMA", size) :
		       0;
}

static int group_unmap(struct vesper_transport *t, u64 iova, u64 size)
{
	struct vesper_vfio *v = to_vfio(t);
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return ioctl(v->iommu, VFIO_IOMMU_UNMAP_DMA, &unmap) ?
		       vesper_vfio_refused(v, "VFIO_IOMMU_UNMAP_DMA") :
		       0;
}

const struct vesper_vfio_way vesper_vfio_group = {
	.name = "vfio-group",
	.open = group_open,
	.dma_map = group_map,
	.dma_unmap = group_unmap,
};
