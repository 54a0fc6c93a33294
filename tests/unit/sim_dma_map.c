// SPDX-License-Identifier: BSD-2-Clause
/* Guest memory of vesper-sim: ranges, strobes, thousands of maps, and what a lookup costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sim/dma_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAPS 4096u
#define RW   (DMA_READ | DMA_WRITE)

static int memory(size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void ranges_and_edges(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = memory(1 << 20);

	(void)state;
	assert_int_equal(dma_map_add(map, 0x10000, 0x2000, RW, fd, 0), 0);
	assert_int_equal(dma_map_add(map, 0x12000, 0x1000, DMA_READ, fd, 0x2000), 0);
	assert_int_equal(dma_map_add(map, ~0xfffull, 0x1000, RW, fd, 0x3000), 0);
	assert_int_equal(dma_map_count(map), 3);

	assert_non_null(dma_map_find(map, 0x10000, 0x2000, RW));
	assert_non_null(dma_map_find(map, 0x11fff, 1, RW));
	assert_null(dma_map_find(map, 0x11fff, 2, RW));
	assert_null(dma_map_find(map, 0xffff, 2, RW));
	assert_null(dma_map_find(map, 0x12000, 1, DMA_WRITE));
	assert_non_null(dma_map_find(map, 0x12000, 0x1000, DMA_READ));
	assert_null(dma_map_find(map, 0x13000, 1, DMA_READ));
	assert_non_null(dma_map_find(map, ~0ull, 1, RW));
	assert_null(dma_map_find(map, ~0ull, 2, RW));
	assert_null(dma_map_find(map, 0, 1, DMA_READ));
	assert_null(dma_map_find(map, 0x10000, SIZE_MAX, DMA_READ));

	assert_int_equal(dma_map_remove(map, 0x11000, 0x1000), -EINVAL);
	assert_int_equal(dma_map_remove(map, 0x10000, 0x2800), -EINVAL);
	assert_int_equal(dma_map_remove(map, 0x20000, 0x2000), 0);
	assert_int_equal(dma_map_remove(map, 0, 0x1000000), 2);
	assert_int_equal(dma_map_remove(map, 1ull << 63, 1ull << 63), 1);
	assert_int_equal(dma_map_remove(map, 1, ~0ull), 0);
	assert_int_equal(dma_map_count(map), 0);
	dma_map_free(map);
	close(fd);
}

static void refusals(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = memory(0x4000);

	(void)state;
	assert_int_equal(dma_map_add(map, 0x1000, 0, RW, fd, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1001, 0x1000, RW, fd, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1000, 0x1001, RW, fd, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1000, 0x1000, RW, fd, 1), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1000, 0x1000, 0, fd, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, ~0xfffull, 0x2000, RW, fd, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1000, 0x5000, RW, fd, 0), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1000, 0x1000, RW, fd, ~0xfffull), -EINVAL);
	assert_int_equal(dma_map_add(map, 0x1000, 0x1000, RW, -1, 0), -EBADF);
	assert_int_equal(dma_map_add(map, 0x2000, 0x2000, RW, fd, 0), 0);
	assert_int_equal(dma_map_add(map, 0x1000, 0x2000, RW, fd, 0), -EEXIST);
	assert_int_equal(dma_map_add(map, 0x3000, 0x2000, RW, fd, 0), -EEXIST);
	assert_int_equal(dma_map_add(map, 0x1000, 0x4000, RW, fd, 0), -EEXIST);
	assert_int_equal(dma_map_count(map), 1);
	dma_map_free(map);
	close(fd);
}

/* Each combination of strobe edges within a beat changes exactly the bytes it names. */
static void strobes(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = memory(DMA_PAGE);
	unsigned int first, end, i;
	uint8_t beat[64], seen[64];

	(void)state;
	assert_int_equal(dma_map_add(map, 0, DMA_PAGE, RW, fd, 0), 0);
	for (first = 0; first < 64; first++) {
		for (end = first; end <= 64; end++) {
			uint64_t strobe = (end == 64 ? 0 : 1ull << end) - (1ull << first);
			uint8_t *mem = dma_map_find(map, 64, 64, RW);

			memset(mem, 0xee, 64);
			for (i = 0; i < 64; i++)
				beat[i] = (uint8_t)(i + 1);
			assert_int_equal(
				dma_map_write(map, 64, beat, 64, first == end ? 0 : strobe), 0);
			assert_int_equal(dma_map_read(map, 64, seen, 64), 0);
			for (i = 0; i < 64; i++)
				assert_int_equal(seen[i], i >= first && i < end ? i + 1 : 0xee);
		}
	}
	assert_int_equal(dma_map_write(map, DMA_PAGE, beat, 64, ~0ull), -EFAULT);
	assert_int_equal(dma_map_read(map, DMA_PAGE - 32, beat, 64), -EFAULT);
	dma_map_free(map);
	close(fd);
}

static void shrunk_file(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = memory(2 * DMA_PAGE);
	uint8_t beat[64] = { 1 };

	(void)state;
	assert_int_equal(dma_map_add(map, 0, 2 * DMA_PAGE, RW, fd, 0), 0);
	assert_int_equal(ftruncate(fd, DMA_PAGE), 0);
	assert_int_equal(dma_map_write(map, 0, beat, 64, ~0ull), 0);
	assert_int_equal(dma_map_write(map, DMA_PAGE, beat, 64, ~0ull), -EFAULT);
	assert_int_equal(dma_map_read(map, DMA_PAGE, beat, 64), -EFAULT);
	assert_int_equal(dma_map_read(map, 0, beat, 64), 0);
	assert_int_equal(beat[0], 1);
	dma_map_free(map);
	close(fd);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Mean cost of finding one of `maps` ranges of 4 KiB, each time another one. */
static double lookup_ns(unsigned int maps)
{
	struct dma_map *map = dma_map_new();
	int fd = memory((size_t)maps * DMA_PAGE);
	const unsigned int lookups = 200000;
	unsigned int i, at = 1;
	double start;

	for (i = 0; i < maps; i++) {
		/* Descending at first, then ascending, with holes between. */
		unsigned int n = i < maps / 2 ? maps / 2 - 1 - i : i;

		assert_int_equal(dma_map_add(map, 2ull * n * DMA_PAGE, DMA_PAGE, RW, fd,
					     (uint64_t)n * DMA_PAGE),
				 0);
	}
	*(uint32_t *)dma_map_find(map, 2ull * (maps - 1) * DMA_PAGE, 4, RW) = 0x600dcafe;
	start = now_ns();
	for (i = 0; i < lookups; i++) {
		at = at * 1664525u + 1013904223u;
		assert_non_null(dma_map_find(map, 2ull * (at / 65536 % maps) * DMA_PAGE, 64, RW));
	}
	start = (now_ns() - start) / lookups;
	assert_int_equal(*(uint32_t *)dma_map_find(map, 2ull * (maps - 1) * DMA_PAGE, 4, RW),
			 0x600dcafe);
	assert_null(dma_map_find(map, DMA_PAGE, 1, DMA_READ));
	assert_int_equal(dma_map_remove(map, 0, 2ull * maps * DMA_PAGE), (int)maps);
	dma_map_free(map);
	close(fd);
	return start;
}

/* Twelve steps of a binary search, not four thousand of a list. */
static void thousands_stay_fast(void **state)
{
	double few = lookup_ns(16), many = lookup_ns(MAPS);

	(void)state;
	print_message("a lookup among 16 maps: %.0f ns, among %u: %.0f ns (sanitized build)\n", few,
		      MAPS, many);
	assert_true(many < 2000);
	assert_true(many < 20 * few + 200);
}

static void limit(void **state)
{
	struct dma_map *map = dma_map_new();
	int fd = memory(DMA_PAGE);
	uint64_t i;

	(void)state;
	for (i = 0; i < DMA_MAPS_MAX; i++)
		assert_int_equal(dma_map_add(map, i * 2 * DMA_PAGE, DMA_PAGE, DMA_READ, fd, 0), 0);
	assert_int_equal(dma_map_add(map, i * 2 * DMA_PAGE, DMA_PAGE, DMA_READ, fd, 0), -ENOSPC);
	assert_int_equal(dma_map_remove(map, 0, DMA_PAGE), 1);
	assert_int_equal(dma_map_add(map, i * 2 * DMA_PAGE, DMA_PAGE, DMA_READ, fd, 0), 0);
	dma_map_free(map);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_and_edges),
		cmocka_unit_test(refusals),
		cmocka_unit_test(strobes),
		cmocka_unit_test(shrunk_file),
		cmocka_unit_test(thousands_stay_fast),
		cmocka_unit_test(limit),
	};

	return cmocka_run_group_tests_name("sim_dma_map", tests, NULL, NULL);
}
