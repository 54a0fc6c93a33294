/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every difference between the kernels that this driver builds for (6.1 and newer), and nothing else. */
#ifndef VESPER_LINUX_COMPAT_H
#define VESPER_LINUX_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#include <net/page_pool.h>
#else
#include <net/page_pool/helpers.h>
#endif

/* Statistics of each queue: 6.9, with all that is told here 6.12. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <net/netdev_queues.h>
#define VESPER_HAVE_STAT_OPS
#endif

#include <linux/netlink.h>
#include <net/devlink.h>
#include <net/xfrm.h>

/*
 * 6.2; before it the text must outlive the call. Two who are refused the same at the same time may read
 * each other's number.
 */
#ifndef NL_SET_ERR_MSG_FMT_MOD
#define NL_SET_ERR_MSG_FMT_MOD(extack, fmt, args...)                                       \
	do {                                                                               \
		static char vesper_msg[80];                                                \
                                                                                           \
		snprintf(vesper_msg, sizeof(vesper_msg), KBUILD_MODNAME ": " fmt, ##args); \
		do_trace_netlink_extack(vesper_msg);                                       \
		if (extack)                                                                \
			(extack)->_msg = vesper_msg;                                       \
	} while (0)
#endif

/* From 6.2 on devlink knows the driver's name itself. */
static inline int vesper_devlink_driver_name(struct devlink_info_req *req, const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return devlink_info_driver_name_put(req, name);
#else
	return 0;
#endif
}

/* Recovery may follow recovery at once: the default of 6.18 and newer. */
static inline struct devlink_health_reporter *
vesper_health_reporter(struct devlink *devlink, const struct devlink_health_reporter_ops *ops,
		       void *priv)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	return devlink_health_reporter_create(devlink, ops, 0, priv);
#else
	return devlink_health_reporter_create(devlink, ops, priv);
#endif
}

/* Is it crypto offload that is asked for? */
static inline bool vesper_xfrm_crypto(const struct xfrm_state *x)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return true;
#else
	return x->xso.type == XFRM_DEV_OFFLOAD_CRYPTO;
#endif
}

/* Before 6.11 bonding calls a driver under RCU or a spinlock, where nobody can wait for the card's answer. */
static inline bool vesper_xfrm_atomic(const struct xfrm_state *x)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0) && netif_is_bond_master(x->xso.dev);
}

/* Packet offload asks for what came by and by until 6.12. */
#define VESPER_XFRM_PACKET (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))

/* An SA that holds the place of one which an IKE daemon is asked for; then the context is atomic. */
static inline bool vesper_xfrm_acquire(const struct xfrm_state *x)
{
#if VESPER_XFRM_PACKET
	return x->xso.flags & XFRM_DEV_OFFLOAD_FLAG_ACQ;
#else
	return false;
#endif
}

/* No options and no extension headers before ESP; from 6.15 on the core sees to it. */
static inline bool vesper_xfrm_simple(const struct sk_buff *skb, const struct xfrm_state *x)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	/* The packet is the inner one, perhaps of the other family; the stack will make a simple header for it. */
	if (x->props.mode == XFRM_MODE_TUNNEL)
		return true;
	if (x->props.family == AF_INET)
		return ip_hdr(skb)->ihl == 5;
	return !ipv6_ext_hdr(ipv6_hdr(skb)->nexthdr);
#else
	return true;
#endif
}

#endif
