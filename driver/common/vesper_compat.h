/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few kernel names that driver/common uses, for where there is no kernel:
 * the library, the unit tests, and the firmware (freestanding but for string.h).
 */
#ifndef VESPER_COMPAT_H
#define VESPER_COMPAT_H

#include "vesper_abi.h"

#ifdef __KERNEL__

#include <linux/string.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif
#include <asm/barrier.h>

#define vesper_dma_rmb() dma_rmb()
#define vesper_dma_wmb() dma_wmb()

#else

#include <stdbool.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define vesper_le16_swap(x) (x)
#define vesper_le32_swap(x) (x)
#define vesper_le64_swap(x) (x)
#else
#define vesper_le16_swap(x) __builtin_bswap16(x)
#define vesper_le32_swap(x) __builtin_bswap32(x)
#define vesper_le64_swap(x) __builtin_bswap64(x)
#endif

static inline u16 le16_to_cpu(vesper_le16 x)
{
	return vesper_le16_swap(x);
}

static inline u32 le32_to_cpu(vesper_le32 x)
{
	return vesper_le32_swap(x);
}

static inline u64 le64_to_cpu(vesper_le64 x)
{
	return vesper_le64_swap(x);
}

static inline vesper_le16 cpu_to_le16(u16 x)
{
	return vesper_le16_swap(x);
}

static inline vesper_le32 cpu_to_le32(u32 x)
{
	return vesper_le32_swap(x);
}

static inline vesper_le64 cpu_to_le64(u64 x)
{
	return vesper_le64_swap(x);
}

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return (u16)((u16)b[0] << 8 | b[1]);
}

static inline u32 get_unaligned_be32(const void *p)
{
	const u8 *b = p;

	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

/* Order of accesses to memory that a device reads and writes coherently. */
#define vesper_dma_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define vesper_dma_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#endif

#endif
