// SPDX-License-Identifier: BSD-2-Clause
/* Memory that the card may reach: shared, so that a simulated card can map it too. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vesper_dev_priv.h"

#define HUGE_PAGE 0x200000ull

static const struct vesper_iova_range everything = { 0, UINT64_MAX };

/* A mapped memfd; the kernel's errno as a negative number if there is none. */
static int map_memfd(struct vesper_dma *dma, u64 size, unsigned int flags)
{
	int fd = memfd_create("vesper", MFD_CLOEXEC | flags);
	void *mem;
	int err;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size)) {
		err = -errno;
		goto fail;
	}
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED) {
		err = -errno;
		goto fail;
	}
	dma->fd = fd;
	dma->mem = mem;
	dma->size = size;
	return 0;
fail:
	close(fd);
	return err;
}

int vesper_dma_alloc(struct vesper_dev *dev, size_t size, struct vesper_dma *dma)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 huge = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	u64 small = (size + page - 1) & ~(page - 1);
	int err = -ENOMEM;

	*dma = (struct vesper_dma){ .dev = dev, .fd = -1 };
	/* A small area would waste most of a huge page. */
	if (size > HUGE_PAGE / 2)
		err = map_memfd(dma, huge, MFD_HUGETLB);
	if (err)
		err = map_memfd(dma, small, 0);
	if (err)
		return vesper_error(err, "no shared memory of %llu bytes: %s",
				    (unsigned long long)small, strerror(-err));
	madvise(dma->mem, dma->size, MADV_DONTDUMP);
	dma->place.size = huge;
	err = vesper_iova_take(&dev->iova, dev->t->ranges ? dev->t->ranges : &everything,
			       dev->t->ranges ? dev->t->range_count : 1, &dma->place, HUGE_PAGE);
	if (!err) {
		dma->iova = dma->place.first;
		err = dev->t->ops->dma_map(dev->t, dma->fd, 0, dma->mem, dma->iova, dma->size);
	}
	if (err) {
		vesper_dma_free(dma);
		return err;
	}
	dma->mapped = true;
	return 0;
}

void vesper_dma_free(struct vesper_dma *dma)
{
	if (!dma->mem)
		return;
	/* If this fails the connection is gone, and with it the card's mapping. */
	if (dma->mapped)
		dma->dev->t->ops->dma_unmap(dma->dev->t, dma->iova, dma->size);
	vesper_iova_give(&dma->dev->iova, &dma->place);
	munmap(dma->mem, dma->size);
	close(dma->fd);
	dma->mem = NULL;
}
