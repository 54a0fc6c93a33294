// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which received frame goes to which pair: Toeplitz hash, its key and fields, and the table that it points into. */
#include "vesper.h"

#define BIT_OF(type) VESPER__RSS_CTRL_R__##type##_bm
#define ADDRESSES    (RXH_IP_SRC | RXH_IP_DST)
#define PORTS	     (RXH_L4_B_0_1 | RXH_L4_B_2_3)

/* Before the interface is registered. UDP is hashed by addresses: ports would part a datagram from its fragments. */
void vesper_rss_init(struct vesper_nic *nic)
{
	netdev_rss_key_fill(nic->rss_key, sizeof(nic->rss_key));
	nic->rss_types = BIT_OF(IPV4) | BIT_OF(TCP4) | BIT_OF(IPV6) | BIT_OF(TCP6);
	vesper_rss_default(nic);
}

/* All pairs in use alike. */
void vesper_rss_default(struct vesper_nic *nic)
{
	u32 i;

	for (i = 0; i < sizeof(nic->rss_table); i++)
		nic->rss_table[i] = (u8)ethtool_rxfh_indir_default(i, nic->used);
}

static void put_bytes(struct vesper_nic *nic, u32 offset, const u8 *bytes, u32 len)
{
	u32 i;

	for (i = 0; i < len; i += 4)
		vesper_write(nic, offset + i, get_unaligned_le32(bytes + i));
}

/* All of it goes to the card; the interface is up, or comes up. */
void vesper_rss_apply(struct vesper_nic *nic)
{
	if (!(nic->features & VESPER_FEAT_RSS))
		return;
	put_bytes(nic, VESPER_REG(rss_key), nic->rss_key, sizeof(nic->rss_key));
	put_bytes(nic, VESPER_REG(rss_table), nic->rss_table, sizeof(nic->rss_table));
	vesper_write(nic, VESPER_REG(rss_ctrl), nic->rss_types | BIT_OF(ENABLE));
}

u32 vesper_rss_rings(struct net_device *netdev)
{
	return ((struct vesper_nic *)netdev_priv(netdev))->used;
}

u32 vesper_rss_key_size(struct net_device *netdev)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	return nic->features & VESPER_FEAT_RSS ? sizeof(nic->rss_key) : 0;
}

u32 vesper_rss_table_size(struct net_device *netdev)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	return nic->features & VESPER_FEAT_RSS ? sizeof(nic->rss_table) : 0;
}

void vesper_rss_get(struct net_device *netdev, u32 *table, u8 *key, u8 *hfunc)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	u32 i;

	*hfunc = ETH_RSS_HASH_TOP;
	for (i = 0; table && i < sizeof(nic->rss_table); i++)
		table[i] = nic->rss_table[i];
	if (key)
		memcpy(key, nic->rss_key, sizeof(nic->rss_key));
}

/* The stack has looked whether the table names pairs that are in use. */
int vesper_rss_set(struct net_device *netdev, const u32 *table, const u8 *key, u8 hfunc,
		   struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	u32 i;

	if (!(nic->features & VESPER_FEAT_RSS)) {
		NL_SET_ERR_MSG(extack, "The card has no receive hash");
		return -EOPNOTSUPP;
	}
	if (hfunc != ETH_RSS_HASH_NO_CHANGE && hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG(extack, "The only hash function is toeplitz");
		return -EOPNOTSUPP;
	}
	for (i = 0; table && i < sizeof(nic->rss_table); i++)
		nic->rss_table[i] = (u8)table[i];
	if (key)
		memcpy(nic->rss_key, key, sizeof(nic->rss_key));
	if (nic->up)
		vesper_rss_apply(nic);
	return 0;
}

/* The bit that adds ports to the fields of a kind of packet; 0: there is none. */
static u32 ports_bit(u32 flow)
{
	switch (flow) {
	case TCP_V4_FLOW:
		return BIT_OF(TCP4);
	case UDP_V4_FLOW:
		return BIT_OF(UDP4);
	case TCP_V6_FLOW:
		return BIT_OF(TCP6);
	case UDP_V6_FLOW:
		return BIT_OF(UDP6);
	default:
		return 0;
	}
}

int vesper_rss_get_fields(struct net_device *netdev, u32 flow, u32 *fields)
{
	struct vesper_nic *nic = netdev_priv(netdev);

	if (!(nic->features & VESPER_FEAT_RSS))
		return -EOPNOTSUPP;
	*fields = ADDRESSES | (nic->rss_types & ports_bit(flow) ? PORTS : 0);
	return 0;
}

int vesper_rss_set_fields(struct net_device *netdev, u32 flow, u32 fields,
			  struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	u32 bit = ports_bit(flow);

	if (!(nic->features & VESPER_FEAT_RSS))
		return -EOPNOTSUPP;
	if (fields != ADDRESSES && (fields != (ADDRESSES | PORTS) || !bit)) {
		NL_SET_ERR_MSG(extack,
			       "Both addresses (sd), with TCP and UDP both ports too (sdfn)");
		return -EINVAL;
	}
	if (fields == ADDRESSES)
		nic->rss_types &= ~bit;
	else
		nic->rss_types |= bit;
	if (nic->up)
		vesper_rss_apply(nic);
	return 0;
}
