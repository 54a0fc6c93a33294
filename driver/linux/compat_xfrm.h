/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * struct xfrmdev_ops of each kernel: the same functions under its signatures. Included by xfrm.c alone.
 *
 *   6.2   type in xso; before, all of it is crypto offload
 *   6.3   extack
 *   6.12  packet offload, here
 *   6.15  the core checks header options itself
 *   6.16  the net_device is given
 */

static const struct xfrmdev_ops xfrmdev_ops;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)

static int xdo_state_add(struct net_device *dev, struct xfrm_state *x,
			 struct netlink_ext_ack *extack)
{
	return state_add(netdev_priv(dev), x, extack);
}

static void xdo_state_delete(struct net_device *dev, struct xfrm_state *x)
{
	state_delete(x);
}

static void xdo_state_free(struct net_device *dev, struct xfrm_state *x)
{
	state_free(x);
}

#else

/* That of a slave is where bonding's active one is: 6.12 sets real_dev only after it has asked. Or NULL. */
static struct vesper_nic *nic_of(const struct xfrm_state *x)
{
	struct net_device *dev = x->xso.real_dev ? x->xso.real_dev : x->xso.dev;

	rcu_read_lock();
	if (netif_is_bond_master(dev))
		dev = bond_option_active_slave_get_rcu(netdev_priv(dev));
	rcu_read_unlock();
	return dev && dev->xfrmdev_ops == &xfrmdev_ops ? netdev_priv(dev) : NULL;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
static int xdo_state_add(struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = nic_of(x);

	return nic ? state_add(nic, x, extack) : -EOPNOTSUPP;
}
#else
static int xdo_state_add(struct xfrm_state *x)
{
	struct vesper_nic *nic = nic_of(x);

	return nic ? state_add(nic, x, NULL) : -EOPNOTSUPP;
}
#endif

static void xdo_state_delete(struct xfrm_state *x)
{
	state_delete(x);
}

static void xdo_state_free(struct xfrm_state *x)
{
	state_free(x);
}

#endif

static const struct xfrmdev_ops xfrmdev_ops = {
	.xdo_dev_state_add = xdo_state_add,
	.xdo_dev_state_delete = xdo_state_delete,
	.xdo_dev_state_free = xdo_state_free,
	.xdo_dev_offload_ok = offload_ok,
	.xdo_dev_state_advance_esn = advance_esn,
#if VESPER_XFRM_PACKET
	.xdo_dev_state_update_stats = vesper_packet_update_stats,
	.xdo_dev_policy_add = vesper_packet_policy_add,
	.xdo_dev_policy_delete = vesper_packet_policy_delete,
	.xdo_dev_policy_free = vesper_packet_policy_free,
#endif
};
