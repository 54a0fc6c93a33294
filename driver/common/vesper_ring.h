/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring arithmetic, descriptors and completions.
 *
 * Indices are free-running 16 bit: a ring of 2^n entries uses the low n bits
 * of an index as its slot. Differences are taken modulo 2^16, so that they
 * stay right when an index wraps; a ring has at most 2^15 entries, so that
 * full and empty differ.
 */
#ifndef VESPER_RING_H
#define VESPER_RING_H

#include "vesper_compat.h"

/* Slot of an index in a ring of 2^log2 entries. */
static inline u32 vesper_ring_slot(u16 index, u32 log2)
{
	return index & ((1u << log2) - 1);
}

/* Entries from @head (oldest) up to, not including, @tail (next to be written). */
static inline u16 vesper_ring_used(u16 tail, u16 head)
{
	return (u16)(tail - head);
}

/* Free entries of a ring of 2^log2. */
static inline u16 vesper_ring_space(u16 tail, u16 head, u32 log2)
{
	return (u16)((1u << log2) - vesper_ring_used(tail, head));
}

/* Is @index one of the entries from @head up to, not including, @tail? */
static inline bool vesper_ring_holds(u16 index, u16 tail, u16 head)
{
	return (u16)(index - head) < vesper_ring_used(tail, head);
}

/* Phase bit of the completion at the free-running place @index: 1 on the first pass. */
static inline u8 vesper_ring_phase(u16 index, u32 log2)
{
	return (index >> log2 & 1) ? 0 : VESPER_CPL_PHASE;
}

/* Has the completion at place @index, whose flags read @flags, been written on this pass? */
static inline bool vesper_cpl_ready(u8 flags, u16 index, u32 log2)
{
	return (flags & VESPER_CPL_PHASE) == vesper_ring_phase(index, log2);
}

/* Is the size one that the card takes? */
static inline bool vesper_ring_log2_ok(u32 log2)
{
	return log2 >= VESPER_RING_LOG2_MIN && log2 <= VESPER_RING_LOG2_MAX;
}

/**
 * vesper_tx_desc_set - write a TX descriptor
 * @d: descriptor in the ring
 * @addr: DMA address of the frame
 * @len: bytes
 * @op: enum vesper_tx_op
 * @flags: VESPER_TXF_*
 * @sa: SA handle of ENCRYPT, INPLACE, DUMMY; else 0
 */
static inline void vesper_tx_desc_set(struct vesper_tx_desc *d, u64 addr, u16 len, u8 op, u8 flags,
				      u32 sa)
{
	/* One word, as which compilers write and, from fields in this order, read it. */
	const vesper_le64 rest =
		cpu_to_le64(len | (u64)op << 16 | (u64)flags << 24 | (u64)sa << 32);

	d->addr = cpu_to_le64(addr);
	memcpy((u8 *)d + offsetof(struct vesper_tx_desc, len), &rest, sizeof(rest));
}

/**
 * vesper_tx_ctx_set - write a descriptor without a frame, about the next one
 * @d: descriptor in the ring
 * @seq_hi: upper half of the sequence number of VESPER_OP_INPLACE
 */
static inline void vesper_tx_ctx_set(struct vesper_tx_desc *d, u32 seq_hi)
{
	const struct vesper_tx_ctx ctx = { .seq_hi = cpu_to_le32(seq_hi), .op = VESPER_OP_CONTEXT };

	memcpy(d, &ctx, sizeof(*d));
}

/**
 * vesper_rx_desc_set - write an RX descriptor
 * @d: descriptor in the ring
 * @addr: DMA address of the buffer, multiple of VESPER_RX_ALIGN
 * @len: its bytes, 64..16384, multiple of 64
 */
static inline void vesper_rx_desc_set(struct vesper_rx_desc *d, u64 addr, u16 len)
{
	const vesper_le64 rest = cpu_to_le64(len);

	d->addr = cpu_to_le64(addr);
	/* The reserved fields too. */
	memcpy((u8 *)d + offsetof(struct vesper_rx_desc, len), &rest, sizeof(rest));
}

#endif
