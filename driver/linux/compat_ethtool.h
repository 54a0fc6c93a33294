/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The receive hash in struct ethtool_ops of each kernel: the same functions (rss.c) under its signatures. Included by
 * ethtool.c alone.
 *
 *   6.8   parameters in a structure, extack
 *   6.17  fields of the hash apart from ETHTOOL_[GS]RXFH
 *   6.19  number of rings apart from ETHTOOL_GRXRINGS
 */

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)

static int get_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh)
{
	vesper_rss_get(netdev, rxfh->indir, rxfh->key, &rxfh->hfunc);
	return 0;
}

static int set_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh,
		    struct netlink_ext_ack *extack)
{
	return vesper_rss_set(netdev, rxfh->indir, rxfh->key, rxfh->hfunc, extack);
}

#else

static int get_rxfh(struct net_device *netdev, u32 *table, u8 *key, u8 *hfunc)
{
	u8 ignored;

	vesper_rss_get(netdev, table, key, hfunc ? hfunc : &ignored);
	return 0;
}

static int set_rxfh(struct net_device *netdev, const u32 *table, const u8 *key, const u8 hfunc)
{
	return vesper_rss_set(netdev, table, key, hfunc, NULL);
}

#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)

static int get_rxfh_fields(struct net_device *netdev, struct ethtool_rxfh_fields *fields)
{
	return vesper_rss_get_fields(netdev, fields->flow_type, &fields->data);
}

static int set_rxfh_fields(struct net_device *netdev, const struct ethtool_rxfh_fields *fields,
			   struct netlink_ext_ack *extack)
{
	return vesper_rss_set_fields(netdev, fields->flow_type, fields->data, extack);
}

#define VESPER_RSS_FIELDS_OPS .get_rxfh_fields = get_rxfh_fields, .set_rxfh_fields = set_rxfh_fields

#else

static int set_rxnfc(struct net_device *netdev, struct ethtool_rxnfc *rxnfc)
{
	if (rxnfc->cmd != ETHTOOL_SRXFH)
		return -EOPNOTSUPP;
	return vesper_rss_set_fields(netdev, rxnfc->flow_type, (u32)rxnfc->data, NULL);
}

#define VESPER_RSS_FIELDS_OPS .set_rxnfc = set_rxnfc

#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)

#define VESPER_RSS_RINGS_OPS .get_rx_ring_count = vesper_rss_rings

#else

static int get_rxnfc(struct net_device *netdev, struct ethtool_rxnfc *rxnfc, u32 *rules)
{
	u32 fields;
	int err;

	switch (rxnfc->cmd) {
	case ETHTOOL_GRXRINGS:
		rxnfc->data = vesper_rss_rings(netdev);
		return 0;
	case ETHTOOL_GRXFH:
		err = vesper_rss_get_fields(netdev, rxnfc->flow_type, &fields);
		rxnfc->data = err ? 0 : fields;
		return err;
	default:
		return -EOPNOTSUPP;
	}
}

#define VESPER_RSS_RINGS_OPS .get_rxnfc = get_rxnfc

#endif

#define VESPER_RSS_OPS                                                                          \
	.get_rxfh_key_size = vesper_rss_key_size, .get_rxfh_indir_size = vesper_rss_table_size, \
	.get_rxfh = get_rxfh, .set_rxfh = set_rxfh, VESPER_RSS_FIELDS_OPS, VESPER_RSS_RINGS_OPS
