/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest memory that the client handed to the card: address ranges, each
 * backed by a file descriptor that is mapped here.
 */
#ifndef SIM_DMA_MAP_H
#define SIM_DMA_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMA_PAGE 4096u

/* Below the kernel's usual limit of 65530 mappings a process. */
#define DMA_MAPS_MAX 32768u

#define DMA_READ  (1u << 0)
#define DMA_WRITE (1u << 1)

struct dma_map;

/* Returns NULL when memory is short. */
struct dma_map *dma_map_new(void);
void dma_map_free(struct dma_map *map);

/*
 * Makes [addr, addr + size) known, backed by `fd` from byte `offset` on; the
 * descriptor stays the caller's. prot: DMA_READ, DMA_WRITE.
 * -EINVAL: size 0, not whole pages, wrap-around, file too short; -EEXIST:
 * overlaps a range that is known; -ENOSPC: DMA_MAPS_MAX reached; -ENOMEM; or
 * what mmap said.
 */
int dma_map_add(struct dma_map *map, uint64_t addr, uint64_t size, unsigned int prot, int fd,
		uint64_t offset);

/*
 * Forgets all ranges inside [addr, addr + size) and returns how many there
 * were; none is no error. -EINVAL: wrap-around, or a range lies only partly
 * inside (then nothing is changed).
 */
int dma_map_remove(struct dma_map *map, uint64_t addr, uint64_t size);
void dma_map_clear(struct dma_map *map);
size_t dma_map_count(const struct dma_map *map);

/*
 * Where [addr, addr + len) stands in this process, or NULL: not known, not
 * within one range, or without the right `prot`. Valid until the next change.
 */
void *dma_map_find(struct dma_map *map, uint64_t addr, size_t len, unsigned int prot);

/*
 * Copies of one bus beat; -EFAULT when the range is not known or the file
 * behind it has shrunk. Writes change the bytes whose bit in `strobe` is set,
 * in whole 64-bit words where a word's eight bits are, the highest word first:
 * a reader that polls the first word of a completion finds the rest in place.
 */
int dma_map_read(struct dma_map *map, uint64_t addr, void *to, size_t len);
int dma_map_write(struct dma_map *map, uint64_t addr, const void *from, size_t len,
		  uint64_t strobe);

#endif
