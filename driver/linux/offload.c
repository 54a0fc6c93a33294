// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Checksums and segmentation: what the stack leaves to the card, and what the card tells of what it received.
 *
 * Plain frames, and those with IPsec: the card puts checksums in and cuts segments before it encrypts, and each segment
 * has a sequence number of its own. For that ESP which the stack has built (crypto offload) is taken off again.
 */
#include <linux/tcp.h>
#include <net/checksum.h>

#include "vesper.h"

#define TCP_HEADER_MAX 60

#define TSO_FEATURES (NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN)

/* Before the interface is registered, after vesper_xfrm_init(). */
void vesper_offload_init(struct vesper_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	netdev_features_t tx = 0, rx = 0, tunnel = 0;
	bool numbered =
		nic->netdev->features & NETIF_F_HW_ESP && nic->features & VESPER_FEAT_NUMBERED;

	if (nic->features & VESPER_FEAT_SG)
		tx |= NETIF_F_SG;
	if (nic->features & VESPER_FEAT_TX_CSUM)
		tx |= NETIF_F_HW_CSUM;
	if (tx & NETIF_F_HW_CSUM && numbered)
		tunnel |= NETIF_F_HW_ESP_TX_CSUM;
	if (tx & NETIF_F_SG && tx & NETIF_F_HW_CSUM && nic->features & VESPER_FEAT_TSO) {
		tx |= TSO_FEATURES;
		/* The header that packet offload puts before a packet, see xfrm_outer.c. */
		if (nic->packet)
			tunnel |= NETIF_F_GSO_IPXIP4 | NETIF_F_GSO_IPXIP6;
		if (numbered)
			tunnel |= NETIF_F_GSO_ESP;
		netif_set_tso_max_size(netdev, min_t(u32, VESPER_TSO_MAX, TSO_LEGACY_MAX_SIZE));
	}
	if (nic->features & VESPER_FEAT_RX_CSUM)
		rx |= NETIF_F_RXCSUM;
	if (nic->features & VESPER_FEAT_RSS)
		rx |= NETIF_F_RXHASH;
	netdev->features |= tx | rx | tunnel;
	netdev->hw_features |= tx | rx | tunnel;
	netdev->vlan_features |= tx;
	netdev->hw_enc_features |= tx | tunnel;
}

/* What the stack is not to ask for without something else. */
netdev_features_t vesper_fix_features(struct net_device *netdev, netdev_features_t features)
{
	/* It would encrypt itself, and leave checksums inside to the card. */
	if (!(features & NETIF_F_HW_ESP))
		features &= ~(NETIF_F_HW_ESP_TX_CSUM | NETIF_F_GSO_ESP);
	return features;
}

/* Which of the features does the card have for this frame? */
netdev_features_t vesper_features_check(struct sk_buff *skb, struct net_device *netdev,
					netdev_features_t features)
{
	unsigned int start;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return features & ~NETIF_F_GSO_MASK;
	start = skb_checksum_start_offset(skb);
	if (start > VESPER_CSUM_START_MAX || skb->csum_offset % sizeof(__sum16) ||
	    start + skb->csum_offset + sizeof(__sum16) > VESPER_CSUM_END_MAX)
		return features & ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	if (start + TCP_HEADER_MAX > VESPER_TSO_HDR_MAX)
		features &= ~NETIF_F_GSO_MASK;
	return vesper_xfrm_features(skb, features);
}

static int tso(struct sk_buff *skb, struct vesper_tx_offload *off)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	u32 start = off->csum_start;
	struct tcphdr *tcp;
	u32 payload;

	if (!(info->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)) || !info->gso_size ||
	    skb->len > VESPER_TSO_MAX || skb_headlen(skb) < start + sizeof(*tcp) ||
	    skb_network_offset(skb) < 0)
		return -EINVAL;
	if (skb_cow_head(skb, 0))
		return -ENOMEM;
	tcp = (struct tcphdr *)(skb->data + start);
	off->flags = VESPER_TXF_TSO;
	off->mss = info->gso_size;
	off->l3_offset = (u16)skb_network_offset(skb);
	off->hdr_len = (u16)(start + tcp->doff * 4);
	if (off->hdr_len > VESPER_TSO_HDR_MAX || off->hdr_len >= skb->len)
		return -EINVAL;
	payload = skb->len - off->hdr_len;
	off->frames = (u16)DIV_ROUND_UP(payload, off->mss);
	off->bytes = payload + off->frames * off->hdr_len;
	/* The length, of which the pseudo header's sum has that of the whole, is each segment's own. */
	csum_replace_by_diff(&tcp->check, (__force __wsum)htonl(skb->len - start));
	return 0;
}

/**
 * vesper_offload_tx - what the card has to do with a frame
 * @skb: as it goes to the card, but for checksums and segments
 * @off: filled in
 *
 * Return: 0; a negative errno for a frame that the card cannot take.
 */
int vesper_offload_tx(struct sk_buff *skb, struct vesper_tx_offload *off)
{
	unsigned int start;

	*off = (struct vesper_tx_offload){ .frames = 1, .bytes = skb->len };
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		start = skb_checksum_start_offset(skb);
		if (start > VESPER_CSUM_START_MAX)
			return -EINVAL;
		off->flags = VESPER_TXF_CSUM;
		off->csum_start = (u16)start;
		off->csum_offset = skb->csum_offset;
		if (skb_is_gso(skb))
			return tso(skb, off);
	}
	return skb_is_gso(skb) || skb->len > VESPER_FRAME_MAX ? -EMSGSIZE : 0;
}

/* What the card has found out about a frame from the wire. One that is still ESP has no other checksum than IPv4's. */
void vesper_offload_rx(struct vesper_pair *pair, struct sk_buff *skb,
		       const struct vesper_rx_cpl *cpl)
{
	netdev_features_t features = pair->nic->netdev->features;
	u8 flags = cpl->flags;

	if (features & NETIF_F_RXCSUM &&
	    (flags & (VESPER_CPL_CSUM | VESPER_CPL_INPLACE)) == VESPER_CPL_CSUM) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		pair->rx.csum_ok++;
	} else {
		pair->rx.csum_none++;
	}
	if (features & NETIF_F_RXHASH &&
	    (flags & (VESPER_CPL_HASH | VESPER_CPL_ESP)) == VESPER_CPL_HASH)
		skb_set_hash(skb, le32_to_cpu(cpl->seq),
			     flags & VESPER_CPL_L4HASH ? PKT_HASH_TYPE_L4 : PKT_HASH_TYPE_L3);
}
