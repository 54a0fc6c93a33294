// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packet offload (6.12 and newer): SAs, their counters and lifetimes, policies.
 *
 * The stack's policies decide, packet by packet, as they do without a card: each packet that the stack gives to the
 * card brings its SA (xfrm_outer.c), each that the card has decrypted brings its SA to the stack's check. So the card
 * has no policies of its own, there is nothing to keep in step with rekeying, and every selector that the stack knows
 * can be used. One thing must be done for policies: the stack believes that a card which was given an inbound policy
 * drops what comes without protection. vesper_packet_unprotected() has the stack look itself.
 */
#include "xfrm.h"

#if VESPER_XFRM_PACKET

#include <crypto/utils.h>

#define POLL_PERIOD HZ
#define NEEDED                                                                                   \
	(VESPER_FEAT_ESP_OUT | VESPER_FEAT_ESP_IN | VESPER_FEAT_TUNNEL | VESPER_FEAT_TRANSPORT | \
	 VESPER_FEAT_ESN | VESPER_FEAT_UDP | VESPER_FEAT_LIFETIME)

struct vesper_packet {
	struct vesper_nic *nic;
	struct mutex lock; /* of the list; held while the card is asked */
	struct list_head sas;
	struct delayed_work poll;
	atomic_t in_policies;		/* inbound and forward ones that want protection */
	struct xfrm_state *unprotected; /* fits no template: what came in clear carries it */
	struct vesper_mbx_sa_query_rsp answer;
};

/* ---- counters and lifetimes ---- */

static bool query(struct vesper_packet *p, u32 handle)
{
	struct vesper_mbx_handle req = {
		.hdr.cmd = cpu_to_le16(VESPER_MBX_SA_QUERY),
		.handle = cpu_to_le32(handle),
	};

	return !vesper_mbx(p->nic, &req, sizeof(req), &p->answer, sizeof(p->answer)) &&
	       le32_to_cpu(p->answer.info.handle) == handle;
}

static void take_counters(struct vesper_xs *xs, const struct vesper_sa_info *info)
{
	atomic64_set(&xs->packets, le64_to_cpu(info->packets));
	atomic64_set(&xs->bytes, le64_to_cpu(info->bytes));
	atomic64_set(&xs->replay, le64_to_cpu(info->drops[VESPER_SAD_REPLAY]));
	atomic64_set(&xs->integrity, le64_to_cpu(info->drops[VESPER_SAD_ICV]));
}

/*
 * The card holds to a hard limit by itself, to the packet; here the stack learns of it, and of soft ones. Each second:
 * what asks for counters may not sleep, and so cannot ask the card.
 */
static void poll(struct work_struct *work)
{
	struct vesper_packet *p = container_of(work, struct vesper_packet, poll.work);
	struct vesper_xs *xs;

	mutex_lock(&p->lock);
	list_for_each_entry(xs, &p->sas, list) {
		if (!query(p, xs->handle))
			continue;
		take_counters(xs, &p->answer.info);
		spin_lock_bh(&xs->x->lock);
		if (xs->x->km.state == XFRM_STATE_VALID && atomic64_read(&xs->packets))
			xfrm_state_check_expire(xs->x);
		spin_unlock_bh(&xs->x->lock);
	}
	if (!list_empty(&p->sas))
		schedule_delayed_work(&p->poll, POLL_PERIOD);
	mutex_unlock(&p->lock);
}

/* Under x->lock or another of the stack's locks, also in softirq. */
void vesper_packet_update_stats(struct xfrm_state *x)
{
	struct vesper_xs *xs = vesper_xs_of(x);

	if (!xs || vesper_xfrm_crypto(x))
		return;
	x->curlft.packets = atomic64_read(&xs->packets);
	x->curlft.bytes = atomic64_read(&xs->bytes);
	x->stats.replay = atomic64_read(&xs->replay);
	x->stats.integrity_failed = atomic64_read(&xs->integrity);
}

/* ---- SAs ---- */

/*
 * Does an outbound SA on the card have this key? The stack does not know the card's numbers: an SA that it makes out of
 * another one (migration to another address) would begin at the first number again, and use IVs twice.
 */
static bool key_in_use(struct vesper_packet *p, const struct xfrm_state *x)
{
	unsigned int len = (x->aead->alg_key_len + 7) / 8;
	struct vesper_xs *xs;
	bool used = false;

	if (vesper_xs_in(x))
		return false;
	mutex_lock(&p->lock);
	list_for_each_entry(xs, &p->sas, list)
		used |= !vesper_xs_in(xs->x) && xs->x->aead->alg_key_len == x->aead->alg_key_len &&
			!crypto_memneq(xs->x->aead->alg_key, x->aead->alg_key, len);
	mutex_unlock(&p->lock);
	return used;
}

/* The sentence for what packet mode does not allow, or NULL. */
const char *vesper_packet_why_not(struct vesper_nic *nic, const struct xfrm_state *x)
{
	if ((nic->features & NEEDED) != NEEDED)
		return "The card has no packet offload";
	if (x->if_id)
		return "SAs of an XFRM interface (if_id) have no packet offload";
	if (x->mark.m || x->props.smark.m || x->props.smark.v)
		return "SAs with a mark have no packet offload";
	if (x->props.extra_flags & XFRM_SA_XFLAG_OSEQ_MAY_WRAP)
		return "The card's sequence numbers do not wrap";
	/* It looks for a route with the first four bytes of the outer addresses, and these are not its own. */
	if (!vesper_xs_in(x) && x->props.family == AF_INET6 && x->sel.family == AF_INET)
		return "The kernel routes no IPv4 into an IPv6 tunnel with packet offload";
	if (key_in_use(nic->packet, x))
		return "Another outbound SA on the card has this key";
	return NULL;
}

static u64 limit(u64 value)
{
	return value == XFRM_INF ? 0 : value;
}

/* The card refuses a soft limit above the hard one; the stack never comes to such a one. */
static u64 soft_limit(u64 soft, u64 hard)
{
	return soft <= hard ? limit(soft) : 0;
}

/* As the stack fills in the outer header (xfrm4_tunnel_encap_add(), xfrm6_tunnel_encap_add()) and reads it. */
static u32 tunnel_flags(const struct xfrm_state *x)
{
	u32 flags = x->props.flags & XFRM_STATE_NOECN ? VESPER_SAF_ECN_OFF : 0;

	if (vesper_xs_in(x))
		return flags | (x->props.flags & XFRM_STATE_DECAP_DSCP ? VESPER_SAF_DSCP_COPY : 0);
	if (!(x->props.extra_flags & XFRM_SA_XFLAG_DONT_ENCAP_DSCP))
		flags |= VESPER_SAF_DSCP_COPY;
	if (x->props.family == AF_INET6)
		return flags | VESPER_SAF_FLOW_COPY;
	return flags | (x->props.flags & XFRM_STATE_NOPMTUDISC ? 0 : VESPER_SAF_DF_COPY);
}

void vesper_packet_fill(struct vesper_sa *sa, const struct xfrm_state *x)
{
	const struct xfrm_lifetime_cfg *l = &x->lft;

	if (x->props.mode == XFRM_MODE_TUNNEL)
		sa->flags |= cpu_to_le32(tunnel_flags(x));
	sa->seq = cpu_to_le64(vesper_xs_sequence(x));
	/* IKE daemons give outbound SAs a window too, which means nothing. */
	if (vesper_xs_in(x))
		sa->replay_window = cpu_to_le32(x->replay_esn ? x->replay_esn->replay_window :
								x->props.replay_window);
	sa->hard_packets = cpu_to_le64(limit(l->hard_packet_limit));
	sa->hard_bytes = cpu_to_le64(limit(l->hard_byte_limit));
	sa->soft_packets = cpu_to_le64(soft_limit(l->soft_packet_limit, l->hard_packet_limit));
	sa->soft_bytes = cpu_to_le64(soft_limit(l->soft_byte_limit, l->hard_byte_limit));
}

void vesper_packet_added(struct vesper_nic *nic, struct vesper_xs *xs)
{
	struct vesper_packet *p = nic->packet;

	atomic64_inc(&nic->packet_sas);
	mutex_lock(&p->lock);
	list_add(&xs->list, &p->sas);
	mutex_unlock(&p->lock);
	schedule_delayed_work(&p->poll, POLL_PERIOD);
}

void vesper_packet_removed(struct vesper_nic *nic, struct vesper_xs *xs)
{
	mutex_lock(&nic->packet->lock);
	list_del(&xs->list);
	mutex_unlock(&nic->packet->lock);
	atomic64_dec(&nic->packet_sas);
}

/* ---- policies ---- */

static const char *policy_why_not(const struct xfrm_policy *xp)
{
	if (xp->type != XFRM_POLICY_TYPE_MAIN)
		return "Only main policies are offloaded";
	if (xp->xfrm_nr > 1)
		return "A policy with more than one template is not offloaded";
	if (xp->xfrm_nr && xp->xfrm_vec[0].id.proto != IPPROTO_ESP)
		return "Only policies for ESP are offloaded";
	if (xp->if_id)
		return "Policies of an XFRM interface (if_id) are not offloaded";
	return NULL;
}

static bool wants_protection(const struct xfrm_policy *xp)
{
	return xp->xdo.dir != XFRM_DEV_OFFLOAD_OUT && xp->xfrm_nr;
}

int vesper_packet_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = netdev_priv(xp->xdo.dev);
	const char *why = policy_why_not(xp);

	if (why) {
		atomic64_inc(&nic->packet_refused);
		NL_SET_ERR_MSG_FMT_MOD(extack, "%s", why);
		return -EOPNOTSUPP;
	}
	if (wants_protection(xp))
		atomic_inc(&nic->packet->in_policies);
	atomic64_inc(&nic->packet_policies);
	return 0;
}

/* The stack no longer finds it. */
void vesper_packet_policy_delete(struct xfrm_policy *xp)
{
}

void vesper_packet_policy_free(struct xfrm_policy *xp)
{
	struct vesper_nic *nic = netdev_priv(xp->xdo.dev);

	if (wants_protection(xp))
		atomic_dec(&nic->packet->in_policies);
	atomic64_dec(&nic->packet_policies);
}

/**
 * vesper_packet_unprotected - mark a packet that came in clear, where an inbound policy was offloaded
 *
 * For a packet without a secpath the stack takes an offloaded policy's templates as fulfilled by the card. This one
 * brings an SA that fits none, which leaves policies without a template as they are.
 *
 * Return: 0; -ENOBUFS.
 */
int vesper_packet_unprotected(struct vesper_nic *nic, struct sk_buff *skb)
{
	struct vesper_packet *p = nic->packet;
	struct sec_path *sp;

	if (!p || likely(!atomic_read(&p->in_policies)))
		return 0;
	sp = secpath_set(skb);
	if (!sp)
		return -ENOBUFS;
	xfrm_state_hold(p->unprotected);
	sp->xvec[sp->len++] = p->unprotected;
	return 0;
}

int vesper_packet_init(struct vesper_nic *nic)
{
	struct vesper_packet *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->unprotected = xfrm_state_alloc(&init_net);
	if (!p->unprotected) {
		kfree(p);
		return -ENOMEM;
	}
	p->unprotected->props.mode = XFRM_MODE_TRANSPORT;
	p->nic = nic;
	mutex_init(&p->lock);
	INIT_LIST_HEAD(&p->sas);
	INIT_DELAYED_WORK(&p->poll, poll);
	nic->packet = p;
	return 0;
}

void vesper_packet_free(struct vesper_nic *nic)
{
	struct vesper_packet *p = nic->packet;

	if (!p)
		return;
	cancel_delayed_work_sync(&p->poll);
	p->unprotected->km.state = XFRM_STATE_DEAD;
	xfrm_state_put(p->unprotected);
	kfree(p);
	nic->packet = NULL;
}

#endif
