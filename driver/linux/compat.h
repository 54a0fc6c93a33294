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

#include <linux/netlink.h>
#include <net/xfrm.h>

#ifndef NL_SET_ERR_MSG_FMT_MOD /* 6.2 */
#define NL_SET_ERR_MSG_FMT_MOD(extack, fmt, arg) pr_debug(fmt "\n", arg)
#endif

/* Is it crypto offload that is asked for? */
static inline bool vesper_xfrm_crypto(const struct xfrm_state *x)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return true;
#else
	return x->xso.type == XFRM_DEV_OFFLOAD_CRYPTO;
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
