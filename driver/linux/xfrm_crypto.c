// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Crypto offload: the stack builds and strips ESP, the card encrypts, authenticates and decrypts in place.
 *
 * But where a checksum is to be put in or segments are to be cut, before encryption, the card gets the packet as it was
 * before ESP, and the number that the stack has given it (VESPER_OP_NUMBERED). Segments count on from there.
 */
#include <net/esp.h>

#include "xfrm.h"

/*
 * IVs are numbers that the card counts, from the one on that an SA comes with; the frames' own are the stack's. Of one
 * that comes from another card it is known that the stack has made so many packets of it, of which this many at most may
 * still be on their way in a queue.
 */
#define IV_MARGIN (1u << 16)

/* The stack has it already: it comes from another card, by bonding's failover, and its numbers are the newest. */
static bool moves(const struct xfrm_state *x)
{
	return !list_empty(&x->km.all);
}

/*
 * The sentence for what is left to the stack's software, or NULL. An IKE daemon moves an SA to another address by adding
 * it anew with the numbers that it had read before, and packets go out in between: software does not mind, since its IVs
 * are masked by a new random number; the card's would begin anew.
 */
const char *vesper_crypto_why_not(const struct xfrm_state *x)
{
	bool in = vesper_xs_in(x);

	if (vesper_xfrm_atomic(x))
		return "Bonding of this kernel does not let the driver wait for the card";
	if (!in && vesper_xs_sequence(x) && !moves(x))
		return "An SA that has sent before is left to software: IVs might come twice";
	if (!in && x->encap && x->props.family == AF_INET6)
		return "ESP in UDP over IPv6 is sent by software: esp6_offload would crash";
	if (in && x->encap && x->props.family == AF_INET6)
		return "ESP in UDP over IPv6 is received by software: it has a UDP checksum";
	if (in && x->encap && x->props.mode == XFRM_MODE_TUNNEL)
		return "A tunnel's ESP in UDP is received by software: the stack would drop it";
	return NULL;
}

void vesper_crypto_begin(struct vesper_xs *xs)
{
	if (!vesper_xs_in(xs->x) && moves(xs->x))
		xs->seq = vesper_xs_sequence(xs->x) + IV_MARGIN;
}

/* The card has lost the SA in a reset, and gets it again. */
void vesper_crypto_again(struct vesper_xs *xs)
{
	xs->seq += atomic64_xchg(&xs->sent, 0);
}

/* What in-place SAs have beyond the common part. The window is the stack's. */
void vesper_crypto_fill(struct vesper_sa *sa, const struct vesper_xs *xs)
{
	const struct xfrm_state *x = xs->x;

	sa->flags |= cpu_to_le32(VESPER_SAF_INPLACE);
	if (vesper_xs_in(x)) {
		/* The card infers the upper half of what it receives itself. */
		if (x->props.flags & XFRM_STATE_ESN)
			sa->seq = cpu_to_le64(vesper_xs_sequence(x));
		return;
	}
	sa->seq = cpu_to_le64(xs->seq);
	if (x->props.mode == XFRM_MODE_TUNNEL && xs->nic->features & VESPER_FEAT_NUMBERED)
		sa->flags |= cpu_to_le32(vesper_xs_tunnel_flags(x));
}

/* What the card can do before it encrypts a packet that the stack has made ESP, or is about to. */
netdev_features_t vesper_crypto_features(const struct sk_buff *skb, const struct xfrm_state *x,
					 netdev_features_t features)
{
	const struct vesper_xs *xs = vesper_xs_of(x);

	/* In UDP the stack puts a trailer behind all segments together. */
	if (!(xs->nic->features & VESPER_FEAT_NUMBERED) || x->encap)
		return features & ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	/* One header of IP and one of TCP can be cut. */
	if (skb_shinfo(skb)->gso_type & (SKB_GSO_IPXIP4 | SKB_GSO_IPXIP6))
		return features & ~NETIF_F_GSO_MASK;
	return features;
}

/* The number that the stack has given it. Of segments that it has cut itself the count is one ahead. */
static u64 number(struct sk_buff *skb)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);
	u64 seq = (u64)xo->seq.hi << 32 | xo->seq.low;

	return xo->flags & XFRM_GSO_SEGMENT ? seq - 1 : seq;
}

/* Padding, its length, next header, and room for the ICV. Before segments there are none. */
static int trailer_off(struct sk_buff *skb, const struct xfrm_state *x)
{
	int icv = x->aead->alg_icv_len / 8, err;
	u8 padding;

	if (skb_is_gso(skb))
		return 0;
	err = skb_copy_bits(skb, (int)skb->len - icv - 2, &padding, 1);
	return err ? err : pskb_trim(skb, skb->len - icv - 2 - padding);
}

/* Bytes of the headers go, those before them move up. */
static int headers_off(struct sk_buff *skb, u32 before, u32 bytes)
{
	if (!pskb_may_pull(skb, before + bytes + 1))
		return -EINVAL;
	if (skb_cow_head(skb, 0))
		return -ENOMEM;
	memmove(skb->data + bytes, skb->data, before);
	skb_pull(skb, bytes);
	return 0;
}

static void mend_ipv4(struct sk_buff *skb, u8 proto)
{
	struct iphdr *ip = ip_hdr(skb);

	ip->tot_len = htons(skb->len - skb_network_offset(skb));
	ip->protocol = proto;
	ip_send_check(ip);
}

static void mend_ipv6(struct sk_buff *skb, u8 proto)
{
	struct ipv6hdr *ip = ipv6_hdr(skb);

	ip->payload_len = htons(skb->len - skb_network_offset(skb) - sizeof(*ip));
	ip->nexthdr = proto;
}

/* ESP is taken off again; the core gives no options and extension headers. */
static int unwrap(struct sk_buff *skb, const struct xfrm_state *x)
{
	u32 l2 = skb_network_offset(skb), esp = sizeof(struct ip_esp_hdr) + sizeof(u64);
	u32 ip = x->props.family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	u8 proto = xfrm_offload(skb)->proto;
	__be16 type;
	int err;

	err = trailer_off(skb, x);
	if (err)
		return err;
	if (x->props.mode == XFRM_MODE_TUNNEL) {
		err = headers_off(skb, l2, ip + esp);
		if (err)
			return err;
		skb_set_network_header(skb, l2);
		type = htons(skb->data[l2] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
		memcpy(skb->data + l2 - sizeof(type), &type, sizeof(type));
		return 0;
	}
	err = headers_off(skb, l2 + ip, esp);
	if (err)
		return err;
	skb_set_network_header(skb, l2);
	if (x->props.family == AF_INET)
		mend_ipv4(skb, proto);
	else
		mend_ipv6(skb, proto);
	return 0;
}

/**
 * vesper_crypto_tx - a frame that the stack has made ESP
 *
 * Return: 0; -EINVAL for one that is not what the stack makes; -ENOMEM.
 */
int vesper_crypto_tx(struct sk_buff *skb, struct vesper_xs *xs, struct vesper_tx_esp *esp)
{
	u64 seq = number(skb);

	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		esp->op = VESPER_OP_INPLACE;
		if (xs->x->props.flags & XFRM_STATE_ESN)
			esp->seq = seq & ~(u64)U32_MAX;
		atomic64_inc(&xs->sent);
		return 0;
	}
	esp->op = VESPER_OP_NUMBERED;
	esp->seq = seq;
	vesper_xs_given(xs, skb);
	return unwrap(skb, xs->x);
}

static u32 crypto_status(const struct xfrm_state *x, u8 status)
{
	switch (status) {
	case VESPER_ST_OK:
		return CRYPTO_SUCCESS;
	case VESPER_ST_ICV:
		return x->props.mode == XFRM_MODE_TUNNEL ? CRYPTO_TUNNEL_ESP_AUTH_FAILED :
							   CRYPTO_TRANSPORT_ESP_AUTH_FAILED;
	default:
		return CRYPTO_GENERIC_ERROR;
	}
}

/* A frame that the card has decrypted, and still is ESP: its SA is the last of @sp. */
void vesper_crypto_rx(struct sk_buff *skb, struct sec_path *sp, u8 status)
{
	struct xfrm_offload *xo;

	sp->olen++;
	xo = xfrm_offload(skb);
	xo->flags = CRYPTO_DONE;
	xo->status = crypto_status(sp->xvec[sp->len - 1], status);
}
