/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv4 headers (RFC 791) and byte order, as ESP in software needs them. */
#ifndef VESPER_IPV4_H
#define VESPER_IPV4_H

#include <stdbool.h>
#include <stdint.h>

#include "vesper_abi.h"

#define ETH_HLEN      14
#define IPV4_HLEN_MIN 20

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

/* What a header says, once ipv4_parse() found it sound. */
struct ipv4 {
	uint32_t hlen;	/* bytes, options included */
	uint32_t total; /* bytes, header included */
	bool fragment;
	uint8_t proto;
};

/* Folds a one's complement sum to 16 bits. */
static inline uint16_t ipv4_fold(uint32_t sum)
{
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + sum);
}

/* One's complement sum of the first @len bytes (a multiple of 4), folded, not inverted (RFC 1071). */
uint16_t ipv4_sum(const uint8_t *hdr, uint32_t len);

/* Writes the checksum of a header of @hlen bytes. */
void ipv4_set_checksum(uint8_t *hdr, uint32_t hlen);

/*
 * Reads a header in @room bytes. Return: VESPER_ST_OK, _IP_HEADER, _TRUNCATED or
 * _IP_CHECKSUM, tried in the card's order.
 */
enum vesper_status ipv4_parse(const uint8_t *hdr, uint32_t room, struct ipv4 *ip);

/* Does the frame's Ethernet type say IPv4? Shorter frames than a header say nothing. */
bool eth_is_ipv4(const uint8_t *frame, uint32_t len);

#endif
