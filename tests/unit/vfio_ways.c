// SPDX-License-Identifier: BSD-2-Clause
/* Both ways to a card over a VFIO made of files and a kernel made of C: which is taken, what is asked, what is said. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vesper_dev.h"
#include "vesper_iommufd.h"
#include "vesper_transport.h"
#include "vfio_tree.h"

/* The kernel's numbers, which this system's headers may be too old to have; later ones append members. */
#define ABI(request, number, type, last, offset) \
	_Static_assert((request) == (number) && offsetof(struct type, last) == (offset), #request)
ABI(VFIO_DEVICE_BIND_IOMMUFD, 0x3b76, vfio_device_bind_iommufd, out_devid, 12);
ABI(VFIO_DEVICE_ATTACH_IOMMUFD_PT, 0x3b77, vfio_device_attach_iommufd_pt, pt_id, 8);
ABI(IOMMU_IOAS_ALLOC, 0x3b81, iommu_ioas_alloc, out_ioas_id, 8);
ABI(IOMMU_IOAS_IOVA_RANGES, 0x3b84, iommu_ioas_iova_ranges, out_iova_alignment, 24);
ABI(IOMMU_IOAS_MAP, 0x3b85, iommu_ioas_map, iova, 32);
ABI(IOMMU_IOAS_UNMAP, 0x3b86, iommu_ioas_unmap, length, 16);

#define IOAS	  5
#define VECTORS	  3
#define BAR0	  4096
#define CONFIG	  256
#define IOVA	  0x100000000ull
#define LENGTH	  0x200000ull
#define IOMMU	  "dev/iommu"
#define CDEV	  "dev/vfio/devices/vfio3"
#define GROUP	  "dev/vfio/7"
#define CONTAINER "dev/vfio/vfio"
#define DEVICE	  "dev/of-the-group" /* what the group's file hands out */

static const struct vfio_iova_range windows[] = { { 0, 0xfedfffff }, { 0xfef00000, 0xffffffffff } };

/* The kernel: what it refuses, with what; how many windows it has; what is mapped. */
static struct {
	unsigned long refuse;
	int error;
	bool not_viable;
	u32 windows;
	u64 mem, iova, size;
	int eventfd;
	u32 vector, resets;
	const char *device; /* the file by which it was had */
} kernel;

static void expect_file(int fd, const char *path)
{
	char self[32], target[PATH];
	ssize_t len;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, target, sizeof(target) - 1);
	assert_true(len > 0);
	target[len] = 0;
	assert_string_equal(target, tree_at(path));
}

static int region_info(void *arg)
{
	struct vfio_region_info *info = arg;

	assert_int_equal(info->argsz, sizeof(*info));
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (info->index == VFIO_PCI_BAR0_REGION_INDEX) {
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		info->size = BAR0;
		info->offset = 0;
	} else {
		assert_int_equal(info->index, VFIO_PCI_CONFIG_REGION_INDEX);
		info->size = CONFIG;
		info->offset = BAR0;
	}
	return 0;
}

static int set_irqs(void *arg)
{
	const struct vfio_irq_set *set = arg;

	assert_int_equal(set->index, VFIO_PCI_MSIX_IRQ_INDEX);
	kernel.vector = set->start;
	memcpy(&kernel.eventfd, set->data, sizeof(int));
	return 0;
}

static int irq_info(void *arg)
{
	struct vfio_irq_info *irq = arg;

	assert_int_equal(irq->index, VFIO_PCI_MSIX_IRQ_INDEX);
	irq->count = VECTORS;
	return 0;
}

static int reset(void *arg)
{
	(void)arg;
	kernel.resets++;
	return 0;
}

static int bind_iommufd(void *arg)
{
	struct vfio_device_bind_iommufd *bind = arg;

	assert_int_equal(bind->argsz, sizeof(*bind));
	assert_int_equal(bind->flags, 0);
	expect_file(bind->iommufd, IOMMU);
	kernel.device = CDEV;
	bind->out_devid = 1;
	return 0;
}

static int attach(void *arg)
{
	struct vfio_device_attach_iommufd_pt *pt = arg;

	assert_int_equal(pt->argsz, sizeof(*pt));
	assert_int_equal(pt->flags, 0);
	assert_int_equal(pt->pt_id, IOAS);
	pt->pt_id = IOAS + 1; /* the table made for it */
	return 0;
}

static int alloc(void *arg)
{
	struct iommu_ioas_alloc *ioas = arg;

	assert_int_equal(ioas->size, sizeof(*ioas));
	assert_int_equal(ioas->flags, 0);
	ioas->out_ioas_id = IOAS;
	return 0;
}

static int iova_ranges(void *arg)
{
	struct iommu_ioas_iova_ranges *ranges = arg;
	struct iommu_iova_range *room = (void *)(uintptr_t)ranges->allowed_iovas;
	u32 i;

	assert_int_equal(ranges->size, sizeof(*ranges));
	assert_int_equal(ranges->ioas_id, IOAS);
	assert_int_equal(ranges->__reserved, 0);
	for (i = 0; i < kernel.windows && i < ranges->num_iovas; i++) {
		room[i].start = windows[i % 2].start;
		room[i].last = windows[i % 2].end;
	}
	i = ranges->num_iovas;
	ranges->num_iovas = kernel.windows;
	if (kernel.windows <= i)
		return 0;
	errno = EMSGSIZE;
	return -1;
}

static int ioas_map(void *arg)
{
	const struct iommu_ioas_map *map = arg;

	assert_int_equal(map->size, sizeof(*map));
	assert_int_equal(map->flags, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
					     IOMMU_IOAS_MAP_WRITEABLE);
	assert_int_equal(map->ioas_id, IOAS);
	assert_int_equal(map->__reserved, 0);
	kernel.mem = map->user_va;
	kernel.iova = map->iova;
	kernel.size = map->length;
	return 0;
}

static int ioas_unmap(void *arg)
{
	const struct iommu_ioas_unmap *unmap = arg;

	assert_int_equal(unmap->size, sizeof(*unmap));
	assert_int_equal(unmap->ioas_id, IOAS);
	assert_true(unmap->iova == kernel.iova && unmap->length == kernel.size);
	kernel.size = 0;
	return 0;
}

static int iommu_info(void *arg)
{
	struct vfio_iommu_type1_info *info = arg;
	struct vfio_iommu_type1_info_cap_iova_range cap = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE },
		.nr_iovas = ARRAY_SIZE(windows),
	};
	u8 *at = (u8 *)info + sizeof(*info);

	info->flags |= VFIO_IOMMU_INFO_CAPS;
	info->cap_offset = sizeof(*info);
	memcpy(at, &cap, sizeof(cap));
	memcpy(at + sizeof(cap), windows, sizeof(windows));
	info->argsz = sizeof(*info) + sizeof(cap) + sizeof(windows);
	return 0;
}

static int dma_map(void *arg)
{
	const struct vfio_iommu_type1_dma_map *map = arg;

	assert_int_equal(map->flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	kernel.mem = map->vaddr;
	kernel.iova = map->iova;
	kernel.size = map->size;
	return 0;
}

static int dma_unmap(void *arg)
{
	const struct vfio_iommu_type1_dma_unmap *unmap = arg;

	assert_true(unmap->iova == kernel.iova && unmap->size == kernel.size);
	kernel.size = 0;
	return 0;
}

static int group_status(void *arg)
{
	struct vfio_group_status *status = arg;

	status->flags = kernel.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
	return 0;
}

static int yes(void *arg)
{
	(void)arg;
	return 1;
}

static int well(void *arg)
{
	(void)arg;
	return 0;
}

static int device_of_group(void *arg)
{
	assert_string_equal(arg, CARD);
	kernel.device = DEVICE;
	return open(tree_at(DEVICE), O_RDWR);
}

static const struct {
	unsigned long request;
	const char *file; /* NULL: the device's, which has two names */
	int (*answer)(void *arg);
} known[] = {
	{ VFIO_DEVICE_BIND_IOMMUFD, CDEV, bind_iommufd },
	{ VFIO_DEVICE_ATTACH_IOMMUFD_PT, CDEV, attach },
	{ IOMMU_IOAS_ALLOC, IOMMU, alloc },
	{ IOMMU_IOAS_IOVA_RANGES, IOMMU, iova_ranges },
	{ IOMMU_IOAS_MAP, IOMMU, ioas_map },
	{ IOMMU_IOAS_UNMAP, IOMMU, ioas_unmap },
	{ VFIO_GET_API_VERSION, CONTAINER, well },
	{ VFIO_CHECK_EXTENSION, CONTAINER, yes },
	{ VFIO_GROUP_GET_STATUS, GROUP, group_status },
	{ VFIO_GROUP_SET_CONTAINER, GROUP, well },
	{ VFIO_SET_IOMMU, CONTAINER, well },
	{ VFIO_GROUP_GET_DEVICE_FD, GROUP, device_of_group },
	{ VFIO_IOMMU_GET_INFO, CONTAINER, iommu_info },
	{ VFIO_IOMMU_MAP_DMA, CONTAINER, dma_map },
	{ VFIO_IOMMU_UNMAP_DMA, CONTAINER, dma_unmap },
	{ VFIO_DEVICE_GET_REGION_INFO, NULL, region_info },
	{ VFIO_DEVICE_GET_IRQ_INFO, NULL, irq_info },
	{ VFIO_DEVICE_SET_IRQS, NULL, set_irqs },
	{ VFIO_DEVICE_RESET, NULL, reset },
};

int __wrap_ioctl(int fd, unsigned long request, void *arg);

/* As the kernel: each file has requests of its own. */
int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known) && known[i].request != request; i++)
		;
	if (i == ARRAY_SIZE(known))
		fail_msg("the kernel was asked 0x%lx", request);
	expect_file(fd, known[i].file ? known[i].file : kernel.device);
	if (request != kernel.refuse)
		return known[i].answer(arg);
	errno = kernel.error;
	return -1;
}

static int make(void **state)
{
	static const char *const files[] = { IOMMU, CDEV, GROUP, CONTAINER, DEVICE };
	size_t i;

	tree_make(state);
	memset(&kernel, 0, sizeof(kernel));
	kernel.windows = ARRAY_SIZE(windows);
	tree_set_group(CARD, 7);
	tree_set_driver(CARD, "vfio-pci");
	tree_device_file(CARD, "vfio-dev/vfio3/dev", "510:3\n");
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		tree_put(files[i], "");
		assert_int_equal(truncate(tree_at(files[i]), BAR0 + CONFIG), 0);
	}
	return 0;
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct vesper_transport *open_by(const char *name)
{
	struct vesper_transport *t;
	int err = vesper_vfio_open(tree_root, CARD, &t);

	if (err)
		fail_msg("%d: %s", err, vesper_dev_strerror());
	assert_string_equal(t->ops->name, name);
	return t;
}

static void taken(const char *name)
{
	struct vesper_transport *t = open_by(name);

	t->ops->close(t);
}

static void remove_file(const char *path)
{
	assert_int_equal(unlink(tree_at(path)), 0);
}

/* By what the system has, not by what the user may. */
static void choice(void **state)
{
	(void)state;
	taken("vfio-iommufd");
	remove_file(IOMMU);
	taken("vfio-group");
	/* Neither: iommufd's file is missing on a kernel without containers. */
	remove_file(CONTAINER);
	expect_refused(-ENOENT, "there is no ");
	expect_said("/dev/iommu: `modprobe iommufd`");
	tree_put(IOMMU, "");
	taken("vfio-iommufd");
	/* A kernel without files of devices: it gives their names no number. */
	tree_put(CONTAINER, "");
	remove_file("sys/bus/pci/devices/" CARD "/vfio-dev/vfio3/dev");
	taken("vfio-group");
	remove_file(CONTAINER);
	expect_refused(-ENOENT, "/dev/vfio/vfio: `modprobe vfio-pci`");
}

/* All that a transport does, and that nothing of it is left. */
static void life(const char *way)
{
	static u8 mem[16];
	int before = open_files();
	struct vesper_transport *t = open_by(way);
	u32 value = 0x12345678, back = 0;

	assert_int_equal(t->bar0_size, BAR0);
	assert_int_equal(t->vectors, VECTORS);
	assert_int_equal(t->range_count, ARRAY_SIZE(windows));
	assert_memory_equal(t->ranges, windows, sizeof(windows));

	assert_int_equal(t->ops->dma_map(t, -1, 0, mem, IOVA, LENGTH), 0);
	assert_true(kernel.mem == (uintptr_t)mem && kernel.iova == IOVA && kernel.size == LENGTH);
	assert_int_equal(t->ops->dma_unmap(t, IOVA, LENGTH), 0);
	assert_true(!kernel.size);

	assert_int_equal(t->ops->write(t, VESPER_REGION_BAR0, 8, &value, 4), 0);
	assert_int_equal(t->ops->read(t, VESPER_REGION_BAR0, 8, &back, 4), 0);
	assert_int_equal(back, value);
	assert_int_equal(t->ops->read(t, VESPER_REGION_BAR0, BAR0, &back, 4), -ERANGE);
	assert_int_equal(t->ops->write(t, VESPER_REGION_CONFIG, 4, &value, 2), 0);
	assert_int_equal(t->ops->read(t, VESPER_REGION_CONFIG, 4, &back, 4), 0);
	assert_int_equal(back, value & 0xffff);
	assert_int_equal(t->ops->irq_set(t, 2, before), 0);
	assert_int_equal(kernel.vector, 2);
	assert_int_equal(kernel.eventfd, before);
	assert_int_equal(t->ops->irq_set(t, VECTORS, before), -EINVAL);
	assert_int_equal(t->ops->reset(t), 0);
	assert_int_equal(kernel.resets, 1);
	t->ops->close(t);
	assert_int_equal(open_files(), before);
}

static void life_by_iommufd(void **state)
{
	(void)state;
	life("vfio-iommufd");
}

static void life_by_group(void **state)
{
	(void)state;
	remove_file(IOMMU);
	life("vfio-group");
}

/* More windows than there is room for: those that came count. */
static void many_windows(void **state)
{
	struct vesper_transport *t;

	(void)state;
	kernel.windows = 100;
	t = open_by("vfio-iommufd");
	assert_in_range(t->range_count, 2, 99);
	assert_true(t->ranges[t->range_count - 1].last == windows[(t->range_count - 1) % 2].end);
	t->ops->close(t);
}

static void refuses(unsigned long request, int error, int err, const char *words)
{
	int before = open_files();

	kernel.refuse = request;
	kernel.error = error;
	expect_refused(err, words);
	kernel.refuse = 0;
	assert_int_equal(open_files(), before);
}

/* Whatever the kernel refuses is named, or told for what it means; no file stays open. */
static void refusals_of_iommufd(void **state)
{
	(void)state;
	refuses(VFIO_DEVICE_BIND_IOMMUFD, EINVAL, -EBUSY,
		CDEV " is in use by another program: `fuser -v ");
	refuses(VFIO_DEVICE_BIND_IOMMUFD, EBUSY, -EBUSY,
		GROUP " is in use by another program: `fuser -v ");
	remove_file(GROUP);
	refuses(VFIO_DEVICE_BIND_IOMMUFD, EBUSY, -EBUSY, CDEV " is in use by another program");
	tree_set_group(FOREIGN, 7);
	tree_set_driver(FOREIGN, "e1000e");
	refuses(VFIO_DEVICE_BIND_IOMMUFD, EBUSY, -EBUSY,
		"shares IOMMU group 7 with " FOREIGN ", which the driver e1000e has");
	refuses(VFIO_DEVICE_BIND_IOMMUFD, EPERM, -EACCES,
		"`modprobe iommufd allow_unsafe_interrupts=1`");
	refuses(VFIO_DEVICE_BIND_IOMMUFD, ENODEV, -ENODEV,
		"VFIO_DEVICE_BIND_IOMMUFD refused for " CARD ": ");
	refuses(IOMMU_IOAS_ALLOC, ENOMEM, -ENOMEM, "IOMMU_IOAS_ALLOC refused for " CARD);
	refuses(VFIO_DEVICE_ATTACH_IOMMUFD_PT, EINVAL, -EINVAL,
		"VFIO_DEVICE_ATTACH_IOMMUFD_PT refused for " CARD);
	refuses(IOMMU_IOAS_IOVA_RANGES, EFAULT, -EFAULT,
		"IOMMU_IOAS_IOVA_RANGES refused for " CARD);
	refuses(VFIO_DEVICE_GET_IRQ_INFO, ENOTTY, -ENOTTY,
		"VFIO_DEVICE_GET_IRQ_INFO refused for " CARD);
	remove_file(CDEV);
	expect_refused(-ENOENT, CDEV ": `modprobe vfio-pci`");
}

static void refusals_of_group(void **state)
{
	(void)state;
	remove_file(IOMMU);
	refuses(VFIO_SET_IOMMU, EPERM, -EACCES,
		"`modprobe vfio_iommu_type1 allow_unsafe_interrupts=1`");
	refuses(VFIO_SET_IOMMU, ENODEV, -ENODEV, "VFIO_SET_IOMMU refused for " CARD);
	refuses(VFIO_CHECK_EXTENSION, EINVAL, -EOPNOTSUPP, "`modprobe vfio_iommu_type1`");
	refuses(VFIO_IOMMU_GET_INFO, EINVAL, -EINVAL, "VFIO_IOMMU_GET_INFO refused for " CARD);
	refuses(VFIO_GROUP_GET_DEVICE_FD, EINVAL, -EINVAL,
		"VFIO_GROUP_GET_DEVICE_FD refused for " CARD);
	kernel.not_viable = true;
	expect_refused(-EBUSY, "group 7 of " CARD " for not viable");
}

/* A user is told each file that is missing to him, until he has all. */
static void permissions(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	chmod(tree_root, 0755);
	chmod(tree_at(IOMMU), 0600);
	chmod(tree_at(CDEV), 0600);
	assert_int_equal(seteuid(65534), 0);
	expect_refused(-EACCES, IOMMU ": `chown 0 ");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(tree_at(IOMMU), 65534, 0), 0);
	assert_int_equal(seteuid(65534), 0);
	expect_refused(-EACCES, CDEV ": `chown 0 ");
	assert_int_equal(seteuid(0), 0);
}

/* More memory than the user may lock. */
static void locked_memory(const char *way, unsigned long request)
{
	struct vesper_transport *t = open_by(way);
	struct rlimit old, few = { .rlim_cur = 65536 };

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &few), 0);
	kernel.refuse = request;
	kernel.error = ENOMEM;
	assert_int_equal(t->ops->dma_map(t, -1, 0, NULL, IOVA, LENGTH), -ENOMEM);
	expect_said("2097152 bytes for " CARD
		    " are beyond what this process may lock, 65536 bytes");
	expect_said("`ulimit -l`");
	kernel.error = EEXIST;
	assert_int_equal(t->ops->dma_map(t, -1, 0, NULL, IOVA, LENGTH), -EEXIST);
	expect_said("MAP");
	expect_said("refused for " CARD);
	kernel.refuse = 0;
	t->ops->close(t);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

static void limits(void **state)
{
	(void)state;
	locked_memory("vfio-iommufd", IOMMU_IOAS_MAP);
	remove_file(IOMMU);
	locked_memory("vfio-group", VFIO_IOMMU_MAP_DMA);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make, tree_remove)
	const struct CMUnitTest tests[] = {
		TEST(choice),
		TEST(life_by_iommufd),
		TEST(life_by_group),
		TEST(many_windows),
		TEST(refusals_of_iommufd),
		TEST(refusals_of_group),
		TEST(permissions),
		TEST(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
