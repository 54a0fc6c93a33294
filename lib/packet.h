/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in a frame: tags, IP headers, ports. docs/esp.md, "Reading a frame", has the rules. */
#ifndef VESPER_PACKET_H
#define VESPER_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "vesper_abi.h"

#define ETH_HLEN      14
#define ETH_HLEN_MAX  22 /* with two tags */
#define IPV4_HLEN_MIN 20
#define IPV6_HLEN     40
#define UDP_HLEN      8
#define EXT_FRAME_MAX 104 /* bytes of the frame in which extension headers must end */

#define ETHERTYPE_IPV4_NR 0x0800
#define ETHERTYPE_IPV6_NR 0x86dd

#define IPPROTO_HOPOPTS_NR  0
#define IPPROTO_ICMP_NR	    1
#define IPPROTO_IPIP_NR	    4
#define IPPROTO_UDP_NR	    17
#define IPPROTO_IPV6_NR	    41
#define IPPROTO_ROUTING_NR  43
#define IPPROTO_FRAGMENT_NR 44
#define IPPROTO_ESP_NR	    50
#define IPPROTO_ICMPV6_NR   58
#define IPPROTO_NONE_NR	    59
#define IPPROTO_DSTOPTS_NR  60

struct packet {
	uint32_t l2;	   /* bytes before the IP header */
	uint32_t head;	   /* bytes of the IP header, extension headers that were walked included */
	uint32_t total;	   /* bytes of the IP packet */
	uint32_t proto_at; /* offset from the IP header of the byte that names `proto` */
	uint8_t family;	   /* enum vesper_family; 0: not IP */
	uint8_t proto;	   /* what stands behind `head` */
	bool named;	   /* proto was found, though the header may be unsound */
	bool fragment;
	bool later;	       /* a fragment other than the first */
	bool ports;	       /* known */
	uint16_t sport, dport; /* as numbers; ICMP: type and code */
};

/**
 * packet_parse - read the headers of a frame
 * @frame: Ethernet frame
 * @len: bytes, at least ETH_HLEN
 * @outbound: stop at destination options behind a routing header
 * @p: result; what could be read is filled in whatever is returned
 *
 * Return: VESPER_ST_OK, or VESPER_ST_NOT_IP, _TRUNCATED, _IP_HEADER, _IP_CHECKSUM, _EXT_HEADER.
 */
enum vesper_status packet_parse(const uint8_t *frame, uint32_t len, bool outbound,
				struct packet *p);

/* Is this the number of an IPv6 extension header that is walked, and how many bytes has that at @hdr? */
bool ipv6_is_extension(uint8_t proto);
uint32_t ipv6_extension_len(uint8_t proto, const uint8_t *hdr);

/*
 * Ports of an upper-layer header of which @len bytes are there, as numbers; ICMP:
 * type and code. Return: false where it has none, or not all of them.
 */
bool upper_ports(uint8_t proto, const uint8_t *upper, uint32_t len, uint16_t *sport,
		 uint16_t *dport);

/* Writes a header's checksum. */
void ipv4_set_checksum(uint8_t *hdr, uint32_t hlen);

/* TOS or traffic class of an IP header. */
uint8_t ip_get_tos(const uint8_t *ip, unsigned int family);

/* Replaces it; corrects the checksum of IPv4 (RFC 1624). */
void ip_set_tos(uint8_t *ip, unsigned int family, uint8_t tos);

/* Flow label of an IPv6 header; 0 for IPv4. */
uint32_t ip_get_flow(const uint8_t *ip, unsigned int family);

/* Source and destination address, each 4 or 16 bytes. */
const uint8_t *ip_src(const uint8_t *ip, unsigned int family);
const uint8_t *ip_dst(const uint8_t *ip, unsigned int family);

static inline uint32_t ip_addr_len(unsigned int family)
{
	return family == VESPER_IPV6 ? 16 : 4;
}

#endif
