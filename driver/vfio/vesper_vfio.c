// SPDX-License-Identifier: BSD-2-Clause
/* Transport over the kernel's VFIO: group and container (Linux, Documentation/driver-api/vfio.rst). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vesper_error.h"
#include "vesper_pci.h"
#include "vesper_transport.h"

#define VECTORS_MAX 64
#define RANGES_MAX  32
#define INFO_MAX    4096 /* of VFIO_IOMMU_GET_INFO, capabilities included */

struct vfio {
	struct vesper_transport base;
	int container, group, device;
	u8 *bar0;
	u64 config_offset, config_size;
	pthread_mutex_t irq_lock;
	bool irq_on;
	struct vesper_iova_range ranges[RANGES_MAX];
	char address[20];
};

static struct vfio *to_vfio(struct vesper_transport *t)
{
	return (struct vfio *)t;
}

static int refused(const struct vfio *v, const char *what)
{
	int error = errno;

	return vesper_error(-error, "vfio: %s refused for %s: %s", what, v->address,
			    strerror(error));
}

/* Registers are 32 bits wide, and the card takes no other access. */
static int bar0_range(const struct vfio *v, u64 offset, u32 len)
{
	if (offset % 4 || len % 4 || offset > v->base.bar0_size || len > v->base.bar0_size - offset)
		return vesper_error(-ERANGE,
				    "%u bytes at 0x%llx are not registers of a BAR0 of %llu bytes",
				    len, (unsigned long long)offset,
				    (unsigned long long)v->base.bar0_size);
	return 0;
}

static int config_access(const struct vfio *v, ssize_t done, u64 offset, u32 len)
{
	if (done == (ssize_t)len)
		return 0;
	if (done < 0)
		return refused(v, "access to the configuration space");
	return vesper_error(-ERANGE,
			    "%u bytes at 0x%llx are beyond a configuration space of %llu bytes",
			    len, (unsigned long long)offset, (unsigned long long)v->config_size);
}

static int no_region(u32 region)
{
	return vesper_error(-ERANGE, "the driver uses no region %u", region);
}

static int vfio_read(struct vesper_transport *t, u32 region, u64 offset, void *data, u32 len)
{
	struct vfio *v = to_vfio(t);
	u32 word, i;
	int err;

	if (region == VESPER_REGION_CONFIG)
		return config_access(
			v, pread(v->device, data, len, (off_t)(v->config_offset + offset)), offset,
			len);
	if (region != VESPER_REGION_BAR0)
		return no_region(region);
	err = bar0_range(v, offset, len);
	for (i = 0; !err && i < len; i += 4) {
		word = *(volatile u32 *)(v->bar0 + offset + i);
		memcpy((u8 *)data + i, &word, 4);
	}
	return err;
}

static int vfio_write(struct vesper_transport *t, u32 region, u64 offset, const void *data, u32 len)
{
	struct vfio *v = to_vfio(t);
	u32 word, i;
	int err;

	if (region == VESPER_REGION_CONFIG)
		return config_access(
			v, pwrite(v->device, data, len, (off_t)(v->config_offset + offset)), offset,
			len);
	if (region != VESPER_REGION_BAR0)
		return no_region(region);
	err = bar0_range(v, offset, len);
	for (i = 0; !err && i < len; i += 4) {
		memcpy(&word, (const u8 *)data + i, 4);
		*(volatile u32 *)(v->bar0 + offset + i) = word;
	}
	return err;
}

static int vfio_post32(struct vesper_transport *t, u32 region, u64 offset, u32 value)
{
	struct vfio *v = to_vfio(t);
	int err = region == VESPER_REGION_BAR0 ? bar0_range(v, offset, 4) : no_region(region);

	if (!err)
		*(volatile vesper_le32 *)(v->bar0 + offset) = cpu_to_le32(value);
	return err;
}

static int vfio_dma_map(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova,
			u64 size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};
	struct rlimit limit = { 0 };
	struct vfio *v = to_vfio(t);

	(void)fd; /* the kernel finds the memory by its address */
	(void)offset;
	if (!ioctl(v->container, VFIO_IOMMU_MAP_DMA, &map))
		return 0;
	if (errno != ENOMEM || getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return refused(v, "VFIO_IOMMU_MAP_DMA");
	return vesper_error(-ENOMEM,
			    "vfio: %llu bytes for %s are beyond what this process may lock, %llu "
			    "bytes: raise it with `ulimit -l`",
			    (unsigned long long)size, v->address,
			    (unsigned long long)limit.rlim_cur);
}

static int vfio_dma_unmap(struct vesper_transport *t, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	if (ioctl(to_vfio(t)->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return refused(to_vfio(t), "VFIO_IOMMU_UNMAP_DMA");
	return 0;
}

static int set_eventfds(struct vfio *v, u32 first, const int *fds, u32 count)
{
	u8 room[sizeof(struct vfio_irq_set) + VECTORS_MAX * sizeof(int)]
		__attribute__((aligned(8)));
	struct vfio_irq_set *set = (struct vfio_irq_set *)room;

	*set = (struct vfio_irq_set){
		.argsz = (u32)(sizeof(*set) + count * sizeof(int)),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.start = first,
		.count = count,
	};
	memcpy(room + sizeof(*set), fds, count * sizeof(int));
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, set) ? refused(v, "VFIO_DEVICE_SET_IRQS") : 0;
}

static int vfio_irq_set(struct vesper_transport *t, u32 vector, int fd)
{
	struct vfio *v = to_vfio(t);
	int none[VECTORS_MAX];
	int err = 0;

	if (vector >= v->base.vectors)
		return vesper_error(-EINVAL, "interrupt %u: the card has %u", vector,
				    v->base.vectors);
	pthread_mutex_lock(&v->irq_lock);
	/* Kernels before 6.5 keep the number of vectors with which the first call came. */
	if (!v->irq_on) {
		memset(none, -1, sizeof(none));
		err = set_eventfds(v, 0, none, v->base.vectors);
		v->irq_on = !err;
	}
	if (!err)
		err = set_eventfds(v, vector, &fd, 1);
	pthread_mutex_unlock(&v->irq_lock);
	return err;
}

static int vfio_reset(struct vesper_transport *t)
{
	return ioctl(to_vfio(t)->device, VFIO_DEVICE_RESET) ?
		       refused(to_vfio(t), "VFIO_DEVICE_RESET") :
		       0;
}

static int vfio_hangup_fd(struct vesper_transport *t)
{
	(void)t; /* a card that is gone reads as all ones */
	return -1;
}

static void vfio_close(struct vesper_transport *t)
{
	struct vfio *v = to_vfio(t);

	if (v->bar0)
		munmap(v->bar0, v->base.bar0_size);
	if (v->device >= 0)
		close(v->device);
	if (v->group >= 0)
		close(v->group);
	if (v->container >= 0)
		close(v->container);
	pthread_mutex_destroy(&v->irq_lock);
	free(v);
}

static const struct vesper_transport_ops vfio_ops = {
	.name = "vfio",
	.read = vfio_read,
	.write = vfio_write,
	.post32 = vfio_post32,
	.dma_map = vfio_dma_map,
	.dma_unmap = vfio_dma_unmap,
	.irq_set = vfio_irq_set,
	.reset = vfio_reset,
	.hangup_fd = vfio_hangup_fd,
	.close = vfio_close,
};

static int open_file(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? vesper_pci_no_file(path, errno) : 0;
}

static int open_container(struct vfio *v, const char *root)
{
	char path[PATH_MAX];
	int version, err;

	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", root);
	err = open_file(path, &v->container);
	if (err)
		return err;
	version = ioctl(v->container, VFIO_GET_API_VERSION);
	if (version != VFIO_API_VERSION)
		return vesper_error(-EPROTO, "%s speaks VFIO %d, this driver %d", path, version,
				    VFIO_API_VERSION);
	if (ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		return vesper_error(-EOPNOTSUPP,
				    "%s offers no IOMMU of type 1 (v2): `modprobe "
				    "vfio_iommu_type1` as root brings it",
				    path);
	return 0;
}

static int open_group(struct vfio *v, const char *root, const struct vesper_pci *card)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/dev/vfio/%d", root, card->group);
	err = open_file(path, &v->group);
	if (err)
		return err;
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status))
		return refused(v, "VFIO_GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		err = vesper_pci_blocker(root, card);
		return err ? err :
			     vesper_error(-EBUSY, "VFIO takes IOMMU group %d of %s for not viable",
					  card->group, card->address);
	}
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container))
		return refused(v, "VFIO_GROUP_SET_CONTAINER");
	if (!ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return 0;
	if (errno != EPERM)
		return refused(v, "VFIO_SET_IOMMU");
	return vesper_error(-EACCES,
			    "the IOMMU of %s does not remap interrupts: switch that on in the "
			    "machine's setup, or trust the card with `modprobe vfio_iommu_type1 "
			    "allow_unsafe_interrupts=1`",
			    v->address);
}

/* Note the ranges of a capability that lies within @size bytes of @info at @at. */
static int take_ranges(struct vfio *v, const u8 *info, u32 size, u32 at)
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
	for (i = 0; i < head.nr_iovas && i < RANGES_MAX; i++) {
		memcpy(&range, info + at + sizeof(head) + i * sizeof(range), sizeof(range));
		v->ranges[i] = (struct vesper_iova_range){ range.start, range.end };
	}
	v->base.ranges = v->ranges;
	v->base.range_count = i;
	return 0;
}

/* Which addresses does the IOMMU translate? Kernels before 5.4 do not say: any, then. */
static int learn_iommu(struct vfio *v)
{
	u8 room[INFO_MAX] __attribute__((aligned(8))) = { 0 };
	struct vfio_iommu_type1_info *info = (struct vfio_iommu_type1_info *)room;
	struct vfio_info_cap_header head;
	u32 at, next;

	info->argsz = sizeof(room);
	if (ioctl(v->container, VFIO_IOMMU_GET_INFO, info))
		return refused(v, "VFIO_IOMMU_GET_INFO");
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

static int learn_region(struct vfio *v, u32 index, u32 flags, u64 *offset, u64 *size)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		return refused(v, "VFIO_DEVICE_GET_REGION_INFO");
	if ((info.flags & flags) != flags)
		return vesper_error(-EPROTO, "vfio: region %u of %s has flags 0x%x, expected 0x%x",
				    index, v->address, info.flags, flags);
	*offset = info.offset;
	*size = info.size;
	return 0;
}

static int map_bar0(struct vfio *v)
{
	u64 offset;
	void *mem;
	int err = learn_region(v, VFIO_PCI_BAR0_REGION_INDEX,
			       VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
				       VFIO_REGION_INFO_FLAG_MMAP,
			       &offset, &v->base.bar0_size);

	if (err)
		return err;
	mem = mmap(NULL, v->base.bar0_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
		   (off_t)offset);
	if (mem == MAP_FAILED)
		return refused(v, "mapping BAR0");
	v->bar0 = mem;
	return 0;
}

static int open_device(struct vfio *v)
{
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	int err;

	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->address);
	if (v->device < 0)
		return refused(v, "VFIO_GROUP_GET_DEVICE_FD");
	err = learn_region(v, VFIO_PCI_CONFIG_REGION_INDEX,
			   VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
			   &v->config_offset, &v->config_size);
	if (!err)
		err = map_bar0(v);
	if (err)
		return err;
	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &irq))
		return refused(v, "VFIO_DEVICE_GET_IRQ_INFO");
	v->base.vectors = irq.count < VECTORS_MAX ? irq.count : VECTORS_MAX;
	return 0;
}

int vesper_vfio_open(const char *root, const char *address, struct vesper_transport **transport)
{
	struct vesper_pci card;
	struct vfio *v;
	int err;

	*transport = NULL;
	err = vesper_pci_look(root, address, &card);
	if (!err)
		err = vesper_pci_usable(&card);
	if (err)
		return err;
	v = calloc(1, sizeof(*v));
	if (!v)
		return vesper_error(-ENOMEM, "out of memory");
	v->base.ops = &vfio_ops;
	v->container = v->group = v->device = -1;
	memcpy(v->address, card.address, sizeof(v->address));
	pthread_mutex_init(&v->irq_lock, NULL);
	err = open_container(v, root);
	if (!err)
		err = open_group(v, root, &card);
	if (!err)
		err = learn_iommu(v);
	if (!err)
		err = open_device(v);
	if (err) {
		vfio_close(&v->base);
		return err;
	}
	*transport = &v->base;
	return 0;
}
