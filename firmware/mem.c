// SPDX-License-Identifier: BSD-2-Clause
/* memcpy and memset by words: those of picolibc for RV32I go byte by byte, which is most of an SA_ADD's time. */
#include "mmio.h"

#define ALIGNED(p) (((uintptr_t)(p) & 3) == 0)

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	u8 *d = to;
	const u8 *s = from;

	if (ALIGNED(d) && ALIGNED(s)) {
		for (; len >= 4; len -= 4, d += 4, s += 4)
			*(word_t *)d = *(const word_t *)s;
	}
	for (; len; len--)
		*d++ = *s++;
	return to;
}

void *memset(void *to, int value, size_t len)
{
	u32 word = (u8)value * 0x01010101u;
	u8 *d = to;

	if (ALIGNED(d)) {
		for (; len >= 16; len -= 16, d += 16) {
			((word_t *)d)[0] = word;
			((word_t *)d)[1] = word;
			((word_t *)d)[2] = word;
			((word_t *)d)[3] = word;
		}
		for (; len >= 4; len -= 4, d += 4)
			*(word_t *)d = word;
	}
	for (; len; len--)
		*d++ = (u8)value;
	return to;
}
