// SPDX-License-Identifier: BSD-2-Clause
#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "bytes.h"

#define VLAN_NR 0x8100
#define QINQ_NR 0x88a8
#define EXT_MAX 4 /* extension headers that are walked */

uint16_t bytes_sum(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t word, i;

	/* In the machine's order, swapped at the end: the sum does not mind (RFC 1071 2(B)). */
	for (i = 0; i < len; i += 4) {
		memcpy(&word, p + i, sizeof(word));
		sum += word;
	}
	sum = (sum >> 32) + (uint32_t)sum;
	return ntohs(fold_sum((uint32_t)(sum >> 32) + (uint32_t)sum));
}

void ipv4_set_checksum(uint8_t *hdr, uint32_t hlen)
{
	put_be16(hdr + 10, 0);
	put_be16(hdr + 10, (uint16_t)~bytes_sum(hdr, hlen));
}

uint8_t ip_get_tos(const uint8_t *ip, unsigned int family)
{
	return family == VESPER_IPV6 ? (uint8_t)(get_be16(ip) >> 4) : ip[1];
}

void ip_set_tos(uint8_t *ip, unsigned int family, uint8_t tos)
{
	uint16_t before = get_be16(ip), sum;

	if (family == VESPER_IPV6) {
		put_be16(ip, (uint32_t)(before & 0xf00f) | (uint32_t)tos << 4);
		return;
	}
	if (ip[1] == tos)
		return;
	ip[1] = tos;
	/* RFC 1624, equation 3: a header whose checksum was wrong keeps a wrong one. */
	sum = get_be16(ip + 10);
	put_be16(ip + 10,
		 (uint16_t)~fold_sum((uint32_t)(uint16_t)~sum + (uint16_t)~before + get_be16(ip)));
}

uint32_t ip_get_flow(const uint8_t *ip, unsigned int family)
{
	return family == VESPER_IPV6 ? get_be32(ip) & 0xfffff : 0;
}

const uint8_t *ip_src(const uint8_t *ip, unsigned int family)
{
	return ip + (family == VESPER_IPV6 ? 8 : 12);
}

const uint8_t *ip_dst(const uint8_t *ip, unsigned int family)
{
	return ip + (family == VESPER_IPV6 ? 24 : 16);
}

bool upper_ports(uint8_t proto, const uint8_t *upper, uint32_t len, uint16_t *sport,
		 uint16_t *dport)
{
	switch (proto) {
	case 6: /* TCP */
	case IPPROTO_UDP_NR:
	case 136: /* UDP-Lite */
	case 33:  /* DCCP */
	case 132: /* SCTP */
		if (len < 4)
			return false;
		*sport = get_be16(upper);
		*dport = get_be16(upper + 2);
		return true;
	case IPPROTO_ICMP_NR:
	case IPPROTO_ICMPV6_NR:
		if (len < 2)
			return false;
		*sport = upper[0];
		*dport = upper[1];
		return true;
	default:
		return false;
	}
}

static void read_ports(const uint8_t *ip, struct packet *p)
{
	p->ports = !p->later &&
		   upper_ports(p->proto, ip + p->head, p->total - p->head, &p->sport, &p->dport);
}

static enum vesper_status parse_ipv4(const uint8_t *ip, uint32_t room, struct packet *p)
{
	p->family = VESPER_IPV4;
	p->proto_at = 9;
	if (room > p->proto_at) {
		p->proto = ip[p->proto_at];
		p->named = true;
	}
	if (room < IPV4_HLEN_MIN)
		return VESPER_ST_TRUNCATED;
	p->head = 4 * (ip[0] & 0xf);
	p->total = get_be16(ip + 2);
	p->fragment = get_be16(ip + 6) & 0x3fff;
	p->later = get_be16(ip + 6) & 0x1fff;
	if (ip[0] >> 4 != 4 || p->head < IPV4_HLEN_MIN || p->total < p->head)
		return VESPER_ST_IP_HEADER;
	if (p->total > room)
		return VESPER_ST_TRUNCATED;
	if (bytes_sum(ip, p->head) != 0xffff)
		return VESPER_ST_IP_CHECKSUM;
	read_ports(ip, p);
	return VESPER_ST_OK;
}

bool ipv6_is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS_NR || proto == IPPROTO_ROUTING_NR ||
	       proto == IPPROTO_FRAGMENT_NR || proto == IPPROTO_DSTOPTS_NR;
}

uint32_t ipv6_extension_len(uint8_t proto, const uint8_t *hdr)
{
	return proto == IPPROTO_FRAGMENT_NR ? 8 : 8 * (hdr[1] + 1u);
}

/* From the fixed header to the first header that is not walked. */
static enum vesper_status walk(const uint8_t *ip, bool outbound, struct packet *p)
{
	uint32_t len, count = 0;
	bool routing = false;

	p->head = IPV6_HLEN;
	while (ipv6_is_extension(p->proto)) {
		if (p->proto == IPPROTO_DSTOPTS_NR && outbound && routing)
			break;
		/* What follows in a later fragment is no header. */
		if (p->later)
			break;
		if (count++ == EXT_MAX || p->head + 8 > p->total)
			return VESPER_ST_EXT_HEADER;
		len = ipv6_extension_len(p->proto, ip + p->head);
		if (p->head + len > p->total || p->l2 + p->head + len > EXT_FRAME_MAX)
			return VESPER_ST_EXT_HEADER;
		if (p->proto == IPPROTO_FRAGMENT_NR) {
			p->fragment |= (get_be16(ip + p->head + 2) & 0xfff9) != 0;
			p->later = get_be16(ip + p->head + 2) & 0xfff8;
		}
		routing |= p->proto == IPPROTO_ROUTING_NR;
		p->proto = ip[p->head];
		p->proto_at = p->head;
		p->head += len;
	}
	return VESPER_ST_OK;
}

static enum vesper_status parse_ipv6(const uint8_t *ip, uint32_t room, bool outbound,
				     struct packet *p)
{
	enum vesper_status status;

	p->family = VESPER_IPV6;
	p->proto_at = 6;
	if (room > p->proto_at) {
		p->proto = ip[p->proto_at];
		p->named = true;
	}
	if (room < IPV6_HLEN)
		return VESPER_ST_TRUNCATED;
	p->total = IPV6_HLEN + get_be16(ip + 4);
	if (ip[0] >> 4 != 6)
		return VESPER_ST_IP_HEADER;
	if (p->total > room)
		return VESPER_ST_TRUNCATED;
	status = walk(ip, outbound, p);
	if (status != VESPER_ST_OK)
		p->named = false;
	else
		read_ports(ip, p);
	return status;
}

enum vesper_status packet_parse(const uint8_t *frame, uint32_t len, bool outbound, struct packet *p)
{
	uint16_t type = get_be16(frame + ETH_HLEN - 2);

	memset(p, 0, sizeof(*p));
	p->l2 = ETH_HLEN;
	while ((type == VLAN_NR || type == QINQ_NR) && p->l2 < ETH_HLEN_MAX) {
		if (p->l2 + 4 > len)
			return VESPER_ST_NOT_IP;
		p->l2 += 4;
		type = get_be16(frame + p->l2 - 2);
	}
	if (type == ETHERTYPE_IPV4_NR)
		return parse_ipv4(frame + p->l2, len - p->l2, p);
	if (type == ETHERTYPE_IPV6_NR)
		return parse_ipv6(frame + p->l2, len - p->l2, outbound, p);
	return VESPER_ST_NOT_IP;
}
