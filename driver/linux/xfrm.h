/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files about IPsec share: xfrm.c (both modes), xfrm_crypto.c, xfrm_packet.c, _outer.c and _guard.c. */
#ifndef VESPER_LINUX_XFRM_H
#define VESPER_LINUX_XFRM_H

#include <net/xfrm.h>

#include "vesper.h"

/* An SA on the card, from state_add to state_free. */
struct vesper_xs {
	struct xfrm_state *x;
	struct vesper_nic *nic; /* after bonding's failover another one, with another vesper_xs */
	u32 handle;		/* 0: not on the card now */
	struct rcu_head rcu;
	struct list_head list;
	/*
	 * What a card that is reset cannot tell any more: packets that it was given, beyond seq, with a number (packet
	 * offload) or an IV (crypto offload) each; highest number received.
	 */
	atomic64_t sent, received;
	u64 seq; /* as it came to the card */
	/* Packet offload: the counters, the card's as they were last asked for and those from before it was moved. */
	atomic64_t packets, bytes, replay, integrity;
	u64 packets_before, bytes_before; /* as it came to the card */
	u64 drops[VESPER_SAD_COUNT];	  /* the card's, as they were last asked for */
	u64 used_before;		  /* numbers, at the last poll */
	bool in_use;			  /* was, at the last poll */
	u32 round;			  /* of the idle ones, in which it was last asked for */
	/* what will be known of it when it has left the card; NULL once it has */
	struct vesper_past *past;
};

static inline struct vesper_xs *vesper_xs_of(const struct xfrm_state *x)
{
	return (struct vesper_xs *)READ_ONCE(x->xso.offload_handle);
}

static inline bool vesper_xs_in(const struct xfrm_state *x)
{
	return x->xso.dir == XFRM_DEV_OFFLOAD_IN;
}

/* It has been given a packet; each of its segments, at most: gso_segs of one from a virtual machine may not be set. */
static inline void vesper_xs_given(struct vesper_xs *xs, const struct sk_buff *skb)
{
	u32 size = skb_is_gso(skb) ? skb_shinfo(skb)->gso_size : skb->len;

	atomic64_add(DIV_ROUND_UP(skb->len, size), &xs->sent);
}

/* ---- xfrm.c ---- */

u64 vesper_xs_sequence(const struct xfrm_state *x);
u32 vesper_xs_tunnel_flags(const struct xfrm_state *x);
void vesper_xs_leaves(struct vesper_nic *nic, u32 handle);

/* ---- xfrm_crypto.c ---- */

const char *vesper_crypto_why_not(const struct xfrm_state *x);
void vesper_crypto_begin(struct vesper_xs *xs);
void vesper_crypto_again(struct vesper_xs *xs);
void vesper_crypto_fill(struct vesper_sa *sa, const struct vesper_xs *xs);
int vesper_crypto_tx(struct sk_buff *skb, struct vesper_xs *xs, struct vesper_tx_esp *esp);
netdev_features_t vesper_crypto_features(const struct sk_buff *skb, const struct xfrm_state *x,
					 netdev_features_t features);
void vesper_crypto_rx(struct sk_buff *skb, struct sec_path *sp, u8 status);

/* ---- xfrm_packet.c, xfrm_outer.c, xfrm_guard.c: nothing of it before 6.12 ---- */

#if VESPER_XFRM_PACKET

int vesper_packet_init(struct vesper_nic *nic);
void vesper_packet_free(struct vesper_nic *nic);
const char *vesper_packet_why_not(const struct vesper_nic *nic, const struct xfrm_state *x);
const char *vesper_packet_begin(struct vesper_nic *nic, struct vesper_xs *xs);
void vesper_packet_again(struct vesper_xs *xs);
void vesper_packet_abort(struct vesper_xs *xs);
void vesper_packet_received(struct vesper_xs *xs, u32 seq);
void vesper_packet_fill(struct vesper_sa *sa, const struct vesper_xs *xs);
void vesper_packet_added(struct vesper_nic *nic);
void vesper_packet_removed(struct vesper_nic *nic, struct vesper_xs *xs);
void vesper_packet_limit(struct vesper_nic *nic, u32 handle);
void vesper_packet_update_stats(struct xfrm_state *x);
int vesper_packet_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack);
void vesper_packet_policy_delete(struct xfrm_policy *xp);
void vesper_packet_policy_free(struct xfrm_policy *xp);
int vesper_packet_unprotected(struct vesper_nic *nic, struct sk_buff *skb);
bool vesper_packet_goes_past(struct vesper_nic *nic, struct sk_buff *skb);

bool vesper_packet_offload_ok(struct sk_buff *skb, struct xfrm_state *x);
int vesper_packet_tx(struct sk_buff *skb, struct xfrm_state *x, struct vesper_xs *xs);

#else

static inline int vesper_packet_init(struct vesper_nic *nic)
{
	return 0;
}

static inline void vesper_packet_free(struct vesper_nic *nic)
{
}

static inline void vesper_packet_limit(struct vesper_nic *nic, u32 handle)
{
}

static inline const char *vesper_packet_why_not(const struct vesper_nic *nic,
						const struct xfrm_state *x)
{
	return "Packet offload needs Linux 6.12";
}

static inline const char *vesper_packet_begin(struct vesper_nic *nic, struct vesper_xs *xs)
{
	return NULL;
}

static inline void vesper_packet_again(struct vesper_xs *xs)
{
}

static inline void vesper_packet_abort(struct vesper_xs *xs)
{
}

static inline void vesper_packet_received(struct vesper_xs *xs, u32 seq)
{
}

static inline void vesper_packet_fill(struct vesper_sa *sa, const struct vesper_xs *xs)
{
}

static inline void vesper_packet_added(struct vesper_nic *nic)
{
}

static inline void vesper_packet_removed(struct vesper_nic *nic, struct vesper_xs *xs)
{
}

static inline int vesper_packet_unprotected(struct vesper_nic *nic, struct sk_buff *skb)
{
	return 0;
}

static inline bool vesper_packet_goes_past(struct vesper_nic *nic, struct sk_buff *skb)
{
	return false;
}

static inline bool vesper_packet_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	return false;
}

static inline int vesper_packet_tx(struct sk_buff *skb, struct xfrm_state *x, struct vesper_xs *xs)
{
	return -EOPNOTSUPP;
}

#endif

#endif
