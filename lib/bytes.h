/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in network order, and the Internet checksum (RFC 1071). */
#ifndef VESPER_BYTES_H
#define VESPER_BYTES_H

#include <stdint.h>

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v & 0xffff);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

/* Folds a one's complement sum to 16 bits. */
static inline uint16_t fold_sum(uint32_t sum)
{
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + sum);
}

/* One's complement sum of @len bytes (a multiple of 4), folded, not inverted. */
uint16_t bytes_sum(const uint8_t *p, uint32_t len);

#endif
