// SPDX-License-Identifier: BSD-2-Clause
#include "ipv4.h"

#include <arpa/inet.h>
#include <string.h>

uint16_t ipv4_sum(const uint8_t *hdr, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t word, i;

	/* In the machine's order, swapped at the end: the sum does not mind (RFC 1071 2(B)). */
	for (i = 0; i < len; i += 4) {
		memcpy(&word, hdr + i, sizeof(word));
		sum += word;
	}
	sum = (sum >> 32) + (uint32_t)sum;
	return ntohs(ipv4_fold((uint32_t)(sum >> 32) + (uint32_t)sum));
}

void ipv4_set_checksum(uint8_t *hdr, uint32_t hlen)
{
	put_be16(hdr + 10, 0);
	put_be16(hdr + 10, (uint16_t)~ipv4_sum(hdr, hlen));
}

enum vesper_status ipv4_parse(const uint8_t *hdr, uint32_t room, struct ipv4 *ip)
{
	if (room < IPV4_HLEN_MIN)
		return VESPER_ST_TRUNCATED;
	ip->hlen = 4 * (hdr[0] & 0xf);
	ip->total = get_be16(hdr + 2);
	ip->fragment = get_be16(hdr + 6) & 0x3fff;
	ip->proto = hdr[9];
	if (hdr[0] >> 4 != 4 || ip->hlen < IPV4_HLEN_MIN || ip->total < ip->hlen)
		return VESPER_ST_IP_HEADER;
	if (ip->total > room)
		return VESPER_ST_TRUNCATED;
	if (ipv4_sum(hdr, ip->hlen) != 0xffff)
		return VESPER_ST_IP_CHECKSUM;
	return VESPER_ST_OK;
}

bool eth_is_ipv4(const uint8_t *frame, uint32_t len)
{
	return len >= ETH_HLEN && get_be16(frame + 12) == 0x0800;
}
