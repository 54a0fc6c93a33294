// SPDX-License-Identifier: BSD-2-Clause
#include "selector.h"

#include "bytes.h"
#include "packet.h"

#define LOOK_BYTES 64 /* of the packet, in which protocol and ports are looked for */
#define LOOK_EXT   2  /* extension headers behind which they may stand */

struct upper {
	uint8_t proto;
	bool known;
	bool ports;
	uint16_t sport, dport;
};

static void find_upper(const uint8_t *ip, uint32_t total, struct upper *u)
{
	uint32_t limit = total < LOOK_BYTES ? total : LOOK_BYTES, at, len, count;
	bool later = false;

	*u = (struct upper){ .known = true };
	if (ip[0] >> 4 == 4) {
		u->proto = ip[9];
		at = 4 * (ip[0] & 0xfu);
		later = get_be16(ip + 6) & 0x1fff;
	} else {
		u->proto = ip[6];
		at = IPV6_HLEN;
		for (count = 0; ipv6_is_extension(u->proto) && !later; count++) {
			len = at + 8 > limit ? 0 : ipv6_extension_len(u->proto, ip + at);
			if (count == LOOK_EXT || !len || at + len > total) {
				u->known = false;
				return;
			}
			later = u->proto == IPPROTO_FRAGMENT_NR && (get_be16(ip + at + 2) & 0xfff8);
			u->proto = ip[at];
			at += len;
		}
	}
	u->ports = !later && at < limit &&
		   upper_ports(u->proto, ip + at, limit - at, &u->sport, &u->dport);
}

static bool in_prefix(const uint8_t *address, const uint8_t *prefix, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < bits / 8; i++)
		if (address[i] != prefix[i])
			return false;
	return !(bits % 8) || !((address[i] ^ prefix[i]) >> (8 - bits % 8));
}

static bool in_range(bool known, uint16_t port, uint16_t low, uint16_t high)
{
	return known ? port >= low && port <= high : !low && high == UINT16_MAX;
}

bool selector_match(const struct vesper_selector *sel, const uint8_t *ip, uint32_t total)
{
	unsigned int family = ip[0] >> 4;
	struct upper u;

	if (sel->family && sel->family != family)
		return false;
	if (!in_prefix(ip_src(ip, family), sel->src, sel->src_len) ||
	    !in_prefix(ip_dst(ip, family), sel->dst, sel->dst_len))
		return false;
	find_upper(ip, total, &u);
	return (!sel->proto || (u.known && u.proto == sel->proto)) &&
	       in_range(u.ports, u.sport, sel->sport_min, sel->sport_max) &&
	       in_range(u.ports, u.dport, sel->dport_min, sel->dport_max);
}
