/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's only way to the hardware: registers by their offset in the
 * generated vesper_mgmt_t, the two mailbox windows, and sleep. Unit tests
 * define VESPER_FW_MOCK and bring functions of the same names.
 */
#ifndef VESPER_FW_MMIO_H
#define VESPER_FW_MMIO_H

#include "vesper_compat.h"
#include "vesper_mgmt_regs.h"

/* A word of a structure, whatever its members are. */
typedef u32 __attribute__((may_alias)) word_t;

/* Byte offset of a register, or of one of an array: REG(sa_state.mem[3]). */
#define REG(member) ((u32)offsetof(vesper_mgmt_t, member))

#ifdef VESPER_FW_MOCK

u32 mmio_read(u32 offset);
void mmio_write(u32 offset, u32 value);
const void *mmio_request(void);
void mmio_response_write(u32 word, u32 value);
void mmio_sleep(void);

#else

#define MMIO_WINDOWS 0x20000000u
#define MMIO_REGS    0x30000000u

static inline u32 mmio_read(u32 offset)
{
	return *(volatile u32 *)(MMIO_REGS + offset);
}

static inline void mmio_write(u32 offset, u32 value)
{
	*(volatile u32 *)(MMIO_REGS + offset) = value;
}

/* The request window: nothing changes in it from the doorbell to the response. Only the host writes it. */
static inline const void *mmio_request(void)
{
	const void *window = (const void *)MMIO_WINDOWS;

	__asm__ volatile("" : "+r"(window) : : "memory");
	return window;
}

/* Word @word (of 512) of the response window, which cannot be read back. */
static inline void mmio_response_write(u32 word, u32 value)
{
	((volatile u32 *)(MMIO_WINDOWS + VESPER_MBX_SIZE))[word] = value;
}

/* Wait until the mailbox is busy (PicoRV32's waitirq). Returns at once if it is. */
static inline void mmio_sleep(void)
{
	u32 pending;

	__asm__ volatile(".insn r 0x0b, 4, 4, %0, x0, x0" : "=r"(pending) : : "memory");
	(void)pending;
}

#endif

#endif
