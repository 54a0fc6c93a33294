// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packet offload, receive: no way past the card.
 *
 * What the card does not take it leaves to the host as it came: fragments, IP options. The stack has the SA with its
 * key and would decrypt it, but its replay window is not the card's: whatever the card has received already would be
 * received a second time, if only somebody cut it in two. So such a packet is dropped here, and its first fragment, without
 * which the rest is nothing. RFC 4303 wants fragments put together first; a tunnel's path MTU keeps peers from sending any.
 */
#include "xfrm.h"

#if VESPER_XFRM_PACKET

#include <linux/if_vlan.h>
#include <net/ipv6.h>

/* Where an IP packet's payload begins, if it is there. */
struct payload {
	u16 family;
	u8 proto;
	int at; /* offset in the frame; below 0: nothing to look at */
	xfrm_address_t daddr;
};

static void of_ipv4(const struct sk_buff *skb, int at, struct payload *p)
{
	const struct iphdr *ip;
	struct iphdr room;

	ip = skb_header_pointer(skb, at, sizeof(room), &room);
	if (!ip || ip->frag_off & htons(IP_OFFSET))
		return;
	p->family = AF_INET;
	p->proto = ip->protocol;
	p->at = at + ip->ihl * 4;
	p->daddr.a4 = ip->daddr;
}

static void of_ipv6(const struct sk_buff *skb, int at, struct payload *p)
{
	const struct ipv6hdr *ip;
	struct ipv6hdr room;
	__be16 frag_off;

	ip = skb_header_pointer(skb, at, sizeof(room), &room);
	if (!ip)
		return;
	p->family = AF_INET6;
	p->proto = ip->nexthdr;
	p->daddr.in6 = ip->daddr;
	/* Of a later fragment it stops at the fragment header. */
	p->at = ipv6_skip_exthdr(skb, at + sizeof(*ip), &p->proto, &frag_off);
}

static struct payload payload_of(const struct sk_buff *skb)
{
	struct payload p = { .at = -1 };
	int at = ETH_HLEN;
	__be16 type;

	if (skb_copy_bits(skb, at - sizeof(type), &type, sizeof(type)))
		return p;
	while (eth_type_vlan(type)) {
		at += VLAN_HLEN;
		if (skb_copy_bits(skb, at - sizeof(type), &type, sizeof(type)))
			return p;
	}
	if (type == htons(ETH_P_IP))
		of_ipv4(skb, at, &p);
	else if (type == htons(ETH_P_IPV6))
		of_ipv6(skb, at, &p);
	return p;
}

/* Is there an inbound SA with packet offload for it? @spi 0: in UDP to this port, whatever the SPI. */
static bool has_sa(struct vesper_nic *nic, const struct payload *p, __be32 spi, __be16 port)
{
	bool found = false;
	u32 i;

	rcu_read_lock();
	for (i = 0; i < nic->sa_entries && !found; i++) {
		struct vesper_xs *xs = rcu_dereference(nic->sa_in[i]);
		const struct xfrm_state *x = xs ? xs->x : NULL;

		found = x && !vesper_xfrm_crypto(x) && x->props.family == p->family &&
			(spi ? x->id.spi == spi : x->encap && x->encap->encap_dport == port) &&
			xfrm_addr_equal(&x->id.daddr, &p->daddr, p->family);
	}
	rcu_read_unlock();
	return found;
}

/**
 * vesper_packet_goes_past - is it ESP for an SA with packet offload, though the card has left it as it was?
 * @skb: the frame, in NAPI context; it is counted in /proc/net/xfrm_stat if so
 */
bool vesper_packet_goes_past(struct vesper_nic *nic, struct sk_buff *skb)
{
	__be32 word[3] = {}; /* of ESP the SPI; in UDP ports, length and checksum, SPI */
	struct payload p;
	bool found;

	if (likely(!atomic64_read(&nic->packet_sas)))
		return false;
	p = payload_of(skb);
	if (p.at < 0)
		return false;
	if (p.proto == IPPROTO_ESP) {
		found = !skb_copy_bits(skb, p.at, word, sizeof(word[0])) &&
			has_sa(nic, &p, word[0], 0);
	} else if (p.proto == IPPROTO_UDP && !skb_copy_bits(skb, p.at, word, 8)) {
		/* A first fragment so short that it has no SPI, or the marker of IKE, which is 0. */
		bool cut = skb_copy_bits(skb, p.at + 8, &word[2], sizeof(word[2]));

		found = (cut || word[2]) &&
			has_sa(nic, &p, cut ? 0 : word[2], htons(be32_to_cpu(word[0]) & 0xffff));
	} else {
		return false;
	}
	if (found)
		XFRM_INC_STATS(dev_net(nic->netdev), LINUX_MIB_XFRMINSTATEMISMATCH);
	return found;
}

#endif
