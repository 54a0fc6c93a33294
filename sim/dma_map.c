// SPDX-License-Identifier: BSD-2-Clause
/*
 * A sorted array of ranges, searched by halves, with the last hit kept: a ring
 * or a buffer pool is hit again and again. Ranges come in thousands (a guest's
 * IOMMU maps page by page), mostly in ascending order, which appends.
 */
#include "dma_map.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct range {
	uint64_t addr;
	uint64_t size;
	uint8_t *mem;
	unsigned int prot;
};

struct dma_map {
	struct range *ranges;
	size_t count, space;
	size_t last;
};

/* A client may shrink a file that it has handed over; touching the lost pages raises SIGBUS. */
static sigjmp_buf bus_error;
static volatile sig_atomic_t copying;

static void on_sigbus(int sig)
{
	if (copying)
		siglongjmp(bus_error, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

struct dma_map *dma_map_new(void)
{
	struct sigaction action = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	return calloc(1, sizeof(struct dma_map));
}

void dma_map_free(struct dma_map *map)
{
	if (!map)
		return;
	dma_map_clear(map);
	free(map->ranges);
	free(map);
}

/* Index of the first range that ends beyond `addr`. */
static size_t position(const struct dma_map *map, uint64_t addr)
{
	size_t low = 0, high = map->count;

	if (high && map->ranges[high - 1].addr + (map->ranges[high - 1].size - 1) < addr)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct range *r = &map->ranges[mid];

		if (r->addr + (r->size - 1) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int check_file(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0; /* a device; mmap knows */
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return -EINVAL;
	return 0;
}

static int make_room(struct dma_map *map)
{
	struct range *bigger;
	size_t space;

	if (map->count < map->space)
		return 0;
	space = map->space ? 2 * map->space : 64;
	bigger = realloc(map->ranges, space * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	map->ranges = bigger;
	map->space = space;
	return 0;
}

int dma_map_add(struct dma_map *map, uint64_t addr, uint64_t size, unsigned int prot, int fd,
		uint64_t offset)
{
	int flags = (prot & DMA_READ ? PROT_READ : 0) | (prot & DMA_WRITE ? PROT_WRITE : 0);
	size_t at;
	void *mem;
	int ret;

	if (!size || addr + (size - 1) < addr || (addr | size | offset) % DMA_PAGE || !prot)
		return -EINVAL;
	if (map->count == DMA_MAPS_MAX)
		return -ENOSPC;
	at = position(map, addr);
	if (at < map->count && map->ranges[at].addr <= addr + (size - 1))
		return -EEXIST;
	ret = check_file(fd, offset, size);
	if (ret)
		return ret;
	ret = make_room(map);
	if (ret)
		return ret;

	mem = mmap(NULL, size, flags, MAP_SHARED, fd, (off_t)offset);
	if (mem == MAP_FAILED)
		return -errno;
	memmove(&map->ranges[at + 1], &map->ranges[at], (map->count - at) * sizeof(*map->ranges));
	map->ranges[at] = (struct range){ .addr = addr, .size = size, .mem = mem, .prot = prot };
	map->count++;
	return 0;
}

int dma_map_remove(struct dma_map *map, uint64_t addr, uint64_t size)
{
	size_t first, end, i;

	if (!size)
		return 0;
	if (addr + (size - 1) < addr)
		return -EINVAL;
	first = position(map, addr);
	for (end = first; end < map->count; end++) {
		const struct range *r = &map->ranges[end];

		if (r->addr > addr + (size - 1))
			break;
		if (r->addr < addr || r->addr + (r->size - 1) > addr + (size - 1))
			return -EINVAL;
	}
	if (first == end)
		return 0;
	for (i = first; i < end; i++)
		munmap(map->ranges[i].mem, map->ranges[i].size);
	memmove(&map->ranges[first], &map->ranges[end], (map->count - end) * sizeof(*map->ranges));
	map->count -= end - first;
	return (int)(end - first);
}

void dma_map_clear(struct dma_map *map)
{
	size_t i;

	for (i = 0; i < map->count; i++)
		munmap(map->ranges[i].mem, map->ranges[i].size);
	map->count = 0;
}

size_t dma_map_count(const struct dma_map *map)
{
	return map->count;
}

void *dma_map_find(struct dma_map *map, uint64_t addr, size_t len, unsigned int prot)
{
	const struct range *r;

	if (map->last >= map->count ||
	    addr - map->ranges[map->last].addr >= map->ranges[map->last].size)
		map->last = position(map, addr);
	if (map->last >= map->count)
		return NULL;
	r = &map->ranges[map->last];
	if (addr < r->addr || addr - r->addr > r->size || len > r->size - (addr - r->addr))
		return NULL;
	if ((r->prot & prot) != prot)
		return NULL;
	return r->mem + (addr - r->addr);
}

int dma_map_read(struct dma_map *map, uint64_t addr, void *to, size_t len)
{
	const void *from = dma_map_find(map, addr, len, DMA_READ);
	int ret = 0;

	if (!from)
		return -EFAULT;
	copying = 1;
	if (sigsetjmp(bus_error, 0))
		ret = -EFAULT;
	else
		memcpy(to, from, len);
	copying = 0;
	return ret;
}

/* Copies with a strobe. `to` is mapped memory that another process reads meanwhile. */
static __attribute__((noinline)) void copy_strobed(uint8_t *to, const uint8_t *from, size_t len,
						   uint64_t strobe)
{
	size_t at = len;
	uint64_t word;

	while (at) {
		if (at % 8 == 0 && (strobe >> (at - 8) & 0xff) == 0xff && (uintptr_t)to % 8 == 0) {
			at -= 8;
			memcpy(&word, from + at, 8);
			__atomic_store_n((uint64_t *)(to + at), word, __ATOMIC_RELEASE);
		} else {
			at--;
			if (strobe >> at & 1)
				__atomic_store_n(to + at, from[at], __ATOMIC_RELEASE);
		}
	}
}

int dma_map_write(struct dma_map *map, uint64_t addr, const void *from, size_t len, uint64_t strobe)
{
	uint8_t *to = dma_map_find(map, addr, len, DMA_WRITE);
	int ret = 0;

	if (!to || len > 64)
		return -EFAULT;
	copying = 1;
	if (sigsetjmp(bus_error, 0))
		ret = -EFAULT;
	else
		copy_strobed(to, from, len, strobe);
	copying = 0;
	return ret;
}
