// SPDX-License-Identifier: BSD-2-Clause
/* Transport over the kernel's VFIO: what is done with the device's file, whichever way it was had. */
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
#include "vesper_vfio.h"

#define VECTORS_MAX 64

int vesper_vfio_refused(const struct vesper_vfio *v, const char *what)
{
	int error = errno;

	return vesper_error(-error, "vfio: %s refused for %s: %s", what, v->address,
			    strerror(error));
}

int vesper_vfio_map_refused(const struct vesper_vfio *v, const char *what, u64 size)
{
	struct rlimit limit = { 0 };

	if (errno != ENOMEM || getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return vesper_vfio_refused(v, what);
	return vesper_error(-ENOMEM,
			    "vfio: %llu bytes for %s are beyond what this process may lock, %llu "
			    "bytes: raise it with `ulimit -l`",
			    (unsigned long long)size, v->address,
			    (unsigned long long)limit.rlim_cur);
}

int vesper_vfio_unsafe(const struct vesper_vfio *v, const char *module)
{
	return vesper_error(-EACCES,
			    "the IOMMU of %s does not remap interrupts: switch that on in the "
			    "machine's setup, or trust the card with `modprobe %s "
			    "allow_unsafe_interrupts=1`",
			    v->address, module);
}

int vesper_vfio_open_file(const char *path, const char *module, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? vesper_pci_no_file(path, module, errno) : 0;
}

/* Registers are 32 bits wide, and the card takes no other access. */
static int bar0_range(const struct vesper_vfio *v, u64 offset, u32 len)
{
	if (offset % 4 || len % 4 || offset > v->base.bar0_size || len > v->base.bar0_size - offset)
		return vesper_error(-ERANGE,
				    "%u bytes at 0x%llx are not registers of a BAR0 of %llu bytes",
				    len, (unsigned long long)offset,
				    (unsigned long long)v->base.bar0_size);
	return 0;
}

static int config_access(const struct vesper_vfio *v, ssize_t done, u64 offset, u32 len)
{
	if (done == (ssize_t)len)
		return 0;
	if (done < 0)
		return vesper_vfio_refused(v, "access to the configuration space");
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
	struct vesper_vfio *v = to_vfio(t);
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
	struct vesper_vfio *v = to_vfio(t);
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
	struct vesper_vfio *v = to_vfio(t);
	int err = region == VESPER_REGION_BAR0 ? bar0_range(v, offset, 4) : no_region(region);

	if (!err)
		*(volatile vesper_le32 *)(v->bar0 + offset) = cpu_to_le32(value);
	return err;
}

static int set_eventfds(struct vesper_vfio *v, u32 first, const int *fds, u32 count)
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
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, set) ?
		       vesper_vfio_refused(v, "VFIO_DEVICE_SET_IRQS") :
		       0;
}

static int vfio_irq_set(struct vesper_transport *t, u32 vector, int fd)
{
	struct vesper_vfio *v = to_vfio(t);
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
		       vesper_vfio_refused(to_vfio(t), "VFIO_DEVICE_RESET") :
		       0;
}

static int vfio_hangup_fd(struct vesper_transport *t)
{
	(void)t; /* a card that is gone reads as all ones */
	return -1;
}

static void vfio_close(struct vesper_transport *t)
{
	struct vesper_vfio *v = to_vfio(t);

	if (v->bar0)
		munmap(v->bar0, v->base.bar0_size);
	if (v->device >= 0)
		close(v->device);
	if (v->group >= 0)
		close(v->group);
	if (v->iommu >= 0)
		close(v->iommu);
	pthread_mutex_destroy(&v->irq_lock);
	free(v);
}

static const struct vesper_transport_ops vfio_ops = {
	.read = vfio_read,
	.write = vfio_write,
	.post32 = vfio_post32,
	.irq_set = vfio_irq_set,
	.reset = vfio_reset,
	.hangup_fd = vfio_hangup_fd,
	.close = vfio_close,
};

static int learn_region(struct vesper_vfio *v, u32 index, u32 flags, u64 *offset, u64 *size)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		return vesper_vfio_refused(v, "VFIO_DEVICE_GET_REGION_INFO");
	if ((info.flags & flags) != flags)
		return vesper_error(-EPROTO, "vfio: region %u of %s has flags 0x%x, expected 0x%x",
				    index, v->address, info.flags, flags);
	*offset = info.offset;
	*size = info.size;
	return 0;
}

static int map_bar0(struct vesper_vfio *v)
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
		return vesper_vfio_refused(v, "mapping BAR0");
	v->bar0 = mem;
	return 0;
}

static int learn_device(struct vesper_vfio *v)
{
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	int err = learn_region(v, VFIO_PCI_CONFIG_REGION_INDEX,
			       VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
			       &v->config_offset, &v->config_size);

	if (!err)
		err = map_bar0(v);
	if (err)
		return err;
	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &irq))
		return vesper_vfio_refused(v, "VFIO_DEVICE_GET_IRQ_INFO");
	v->base.vectors = irq.count < VECTORS_MAX ? irq.count : VECTORS_MAX;
	return 0;
}

/* iommufd where the kernel offers it. Where neither way has its file, it is iommufd's that is missed. */
static const struct vesper_vfio_way *choose(const char *root, const struct vesper_pci *card)
{
	char iommu[PATH_MAX], container[PATH_MAX];

	snprintf(iommu, sizeof(iommu), "%s/dev/iommu", root);
	snprintf(container, sizeof(container), "%s/dev/vfio/vfio", root);
	if (card->cdev[0] && (!access(iommu, F_OK) || access(container, F_OK)))
		return &vesper_vfio_iommufd;
	return &vesper_vfio_group;
}

int vesper_vfio_open(const char *root, const char *address, struct vesper_transport **transport)
{
	const struct vesper_vfio_way *way;
	struct vesper_pci card;
	struct vesper_vfio *v;
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
	way = choose(root, &card);
	v->ops = vfio_ops;
	v->ops.name = way->name;
	v->ops.dma_map = way->dma_map;
	v->ops.dma_unmap = way->dma_unmap;
	v->base.ops = &v->ops;
	v->iommu = v->group = v->device = -1;
	memcpy(v->address, card.address, sizeof(v->address));
	pthread_mutex_init(&v->irq_lock, NULL);
	err = way->open(v, root, &card);
	if (!err)
		err = learn_device(v);
	if (err) {
		vfio_close(&v->base);
		return err;
	}
	*transport = &v->base;
	return 0;
}
