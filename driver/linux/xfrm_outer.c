// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packet offload, transmit: how a packet of the stack comes to the card with its SA.
 *
 * The stack asks offload_ok() for each packet and then sends it like one that needs nothing (6.12: xfrm_output()):
 *
 *   transport, and tunnel from a socket   through the IP layer, by the route to the tunnel's end
 *   tunnel, forwarded                     straight to the device, with room for an Ethernet header that nobody fills in
 *
 * Three things are lost on this way, so offload_ok() adds them: the SA (a secpath, without the flags of an offload);
 * the outer header, without which the IP layer takes the inner destination for the neighbour; and for the second way
 * the Ethernet header. What is put before the packet is a true IP-in-IP header, so that everything on the way,
 * segmentation too, knows what it sees. vesper_packet_tx() takes it off again: the card makes the one that leaves.
 *
 * IPv6 in an IPv4 tunnel has neither: 6.12 looks for its route with the outer addresses read as inner ones
 * (xfrm_bundle_create()), and what it finds, if anything, is no way to the tunnel's end. vesper_packet_tx() finds that.
 */
#include "xfrm.h"

#if VESPER_XFRM_PACKET

#include <linux/if_vlan.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/neighbour.h>

static u32 outer_bytes(const struct xfrm_state *x)
{
	return x->props.family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

static void put_ipv4(struct sk_buff *skb, const struct xfrm_state *x, u8 tos)
{
	struct iphdr *ip = ip_hdr(skb);

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = tos,
		.tot_len = htons(skb->len),
		.frag_off = htons(IP_DF),
		.ttl = 64,
		.protocol = IPPROTO_IPIP,
		.saddr = x->props.saddr.a4,
		.daddr = x->id.daddr.a4,
	};
	ip_send_check(ip);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->flags = IPSKB_XFRM_TRANSFORMED;
	skb->protocol = htons(ETH_P_IP);
}

static void put_ipv6(struct sk_buff *skb, const struct xfrm_state *x, u8 tos)
{
	struct ipv6hdr *ip = ipv6_hdr(skb);

	ip6_flow_hdr(ip, tos, 0);
	ip->payload_len = htons(skb->len - sizeof(*ip));
	ip->nexthdr = IPPROTO_IPV6;
	ip->hop_limit = 64;
	ip->saddr = x->props.saddr.in6;
	ip->daddr = x->id.daddr.in6;
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->flags = IP6SKB_XFRM_TRANSFORMED;
	skb->protocol = htons(ETH_P_IPV6);
}

/* Inner and outer packet are of one family. */
static bool put_outer(struct sk_buff *skb, const struct xfrm_state *x, struct net_device *dev)
{
	bool ipv4 = x->props.family == AF_INET;
	u8 proto = ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	u8 tos = ipv4 ? ip_hdr(skb)->tos : ipv6_get_dsfield(ipv6_hdr(skb));

	if (skb_cow_head(skb, outer_bytes(x) + LL_RESERVED_SPACE(dev)) ||
	    iptunnel_handle_offloads(skb, ipv4 ? SKB_GSO_IPXIP4 : SKB_GSO_IPXIP6))
		return false;
	skb_set_inner_ipproto(skb, proto);
	skb_push(skb, outer_bytes(x));
	skb_reset_network_header(skb);
	if (ipv4)
		put_ipv4(skb, x, tos);
	else
		put_ipv6(skb, x, tos);
	return true;
}

/* Once the neighbour is known, a copy of the packet goes by way of it. */
static void wait_for(struct neighbour *neigh, struct sk_buff *skb, struct dst_entry *path)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (!copy)
		return;
	copy->dev = neigh->dev;
	skb_dst_drop(copy);
	skb_dst_set(copy, dst_clone(path));
	if (!neigh_event_send(neigh, copy))
		kfree_skb(copy); /* known by now: the next packet finds it */
}

/* Addresses of the way to the tunnel's end. @waiting: goes there later, if the neighbour is not known yet; or NULL. */
static bool put_addresses(struct ethhdr *eth, const struct xfrm_state *x, struct dst_entry *path,
			  struct sk_buff *waiting)
{
	struct neighbour *neigh = dst_neigh_lookup(path, &x->id.daddr);
	bool known;

	if (!neigh)
		return false;
	/* Also tells the neighbour that it is in use. */
	if (!(READ_ONCE(neigh->nud_state) & NUD_CONNECTED))
		neigh_event_send(neigh, NULL);
	known = READ_ONCE(neigh->nud_state) & NUD_VALID;
	if (known) {
		neigh_ha_snapshot(eth->h_dest, neigh, path->dev);
		ether_addr_copy(eth->h_source, path->dev->dev_addr);
	} else if (waiting) {
		wait_for(neigh, waiting, path);
	}
	neigh_release(neigh);
	return known;
}

/*
 * The Ethernet header stands before the packet, where the stack will uncover it. It sends by way of the SA's device,
 * also where the route is by a VLAN of that.
 */
static bool put_ethernet(struct sk_buff *skb, const struct xfrm_state *x, struct dst_entry *path)
{
	struct ethhdr *eth = (struct ethhdr *)(skb->data - ETH_HLEN);

	eth->h_proto = skb->protocol;
	if (!put_addresses(eth, x, path, skb))
		return false;
	if (is_vlan_dev(path->dev))
		__vlan_hwaccel_put_tag(skb, vlan_dev_vlan_proto(path->dev),
				       vlan_dev_vlan_id(path->dev));
	return true;
}

/* The route is by the SA's device or by a VLAN of it. */
static bool leads_to(const struct net_device *dev, const struct xfrm_state *x)
{
	return dev == x->xso.dev ||
	       (is_vlan_dev(dev) && dev_get_iflink(dev) == x->xso.dev->ifindex);
}

/**
 * vesper_packet_offload_ok - does the card take this packet? Then it gets what it needs on its way
 * @skb: from xfrm_output(), its size looked at, its dst the stack's bundle
 *
 * On the transmit path. A packet that the route leads to another interface is not taken: it would leave in clear.
 */
bool vesper_packet_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	struct dst_entry *path = xfrm_dst_path(skb_dst(skb));
	struct sec_path *sp;

	if (!leads_to(path->dev, x))
		return false;
	secpath_reset(skb);
	sp = secpath_set(skb);
	if (!sp)
		return false;
	xfrm_state_hold(x);
	sp->xvec[sp->len++] = x;
	if (x->props.mode != XFRM_MODE_TUNNEL || skb_dst(skb)->ops->family != x->props.family)
		return true;
	if (!put_outer(skb, x, path->dev))
		return false;
	return skb->sk || put_ethernet(skb, x, path);
}

/* The inner packet of another family: no header to be taken off, but the way to be found. */
static int tx_across(struct sk_buff *skb, struct xfrm_state *x)
{
	struct xfrm_dst_lookup_params params = {
		.net = dev_net(skb->dev),
		.saddr = &x->props.saddr,
		.daddr = &x->id.daddr,
		.ipproto = x->id.proto,
	};
	struct dst_entry *path;
	struct ethhdr *eth;
	int err = 0;

	if (skb_network_offset(skb) != ETH_HLEN)
		return -EINVAL;
	if (skb_cow_head(skb, 0))
		return -ENOMEM;
	path = __xfrm_dst_lookup(x->props.family, &params);
	if (IS_ERR(path))
		return PTR_ERR(path);
	eth = (struct ethhdr *)skb->data;
	eth->h_proto = skb->protocol;
	if (path->dev != skb->dev)
		err = -EXDEV;
	else if (!put_addresses(eth, x, path, NULL))
		err = -EHOSTUNREACH;
	dst_release(path);
	return err;
}

static int take_outer_off(struct sk_buff *skb, u32 outer)
{
	u32 l2 = skb_network_offset(skb);
	__be16 type;

	if (skb_headlen(skb) <= l2 + outer)
		return -EINVAL;
	if (skb_cow_head(skb, 0))
		return -ENOMEM;
	type = htons(skb->data[l2 + outer] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
	memmove(skb->data + outer, skb->data, l2 - sizeof(type));
	memcpy(skb->data + outer + l2 - sizeof(type), &type, sizeof(type));
	skb_pull(skb, outer);
	skb_set_network_header(skb, l2);
	return 0;
}

/**
 * vesper_packet_tx - a frame that vesper_packet_offload_ok() has seen arrives
 *
 * Return: 0; -EXDEV or -EHOSTUNREACH, or another error of the route; -EINVAL; -ENOMEM.
 */
int vesper_packet_tx(struct sk_buff *skb, struct xfrm_state *x, struct vesper_xs *xs)
{
	__be16 outer = htons(x->props.family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	int err = 0;

	if (skb_network_offset(skb) < ETH_HLEN)
		return -EINVAL;
	if (x->props.mode == XFRM_MODE_TUNNEL) {
		/* The header says it, behind a VLAN tag, too. */
		if (get_unaligned((__be16 *)(skb_network_header(skb) - sizeof(outer))) != outer)
			err = tx_across(skb, x);
		else
			err = take_outer_off(skb, outer_bytes(x));
	}
	if (!err)
		vesper_xs_given(xs, skb);
	return err;
}

#endif
