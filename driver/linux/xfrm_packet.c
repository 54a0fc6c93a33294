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
#define IDLE_LOOKS  16
#define PAST_TIME   (60 * HZ) /* longer than the stack takes to hear that an SA was used */
#define STOP_TRIES  8
#define NEEDED                                                                                   \
	(VESPER_FEAT_ESP_OUT | VESPER_FEAT_ESP_IN | VESPER_FEAT_TUNNEL | VESPER_FEAT_TRANSPORT | \
	 VESPER_FEAT_ESN | VESPER_FEAT_UDP | VESPER_FEAT_LIFETIME)

/* What is known of an SA that is no longer on the card. (It has its own key: the stack frees that before the SA.) */
struct vesper_past {
	struct list_head list;
	unsigned long until;
	time64_t added; /* by the stack's clock */
	u64 seq, packets, bytes;
	__be32 spi;
	bool in;
	unsigned int key_len;
	u8 key[32 + 4]; /* with the salt */
};

struct vesper_packet {
	struct vesper_nic *nic;
	struct list_head past; /* under nic->sa_lock */
	struct delayed_work poll;
	u32 round;
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

	return !vesper_mbx_head(p->nic, &req, sizeof(req), &p->answer,
				offsetof(typeof(p->answer), info.sa), sizeof(p->answer)) &&
	       le32_to_cpu(p->answer.info.handle) == handle;
}

/* What software ESP would count in /proc/net/xfrm_stat for a packet that the card has dropped; 0: nothing. */
static const u8 mib_in[VESPER_SAD_COUNT] = {
	[VESPER_SAD_REPLAY] = LINUX_MIB_XFRMINSTATESEQERROR,
	[VESPER_SAD_ICV] = LINUX_MIB_XFRMINSTATEPROTOERROR,
	[VESPER_SAD_PADDING] = LINUX_MIB_XFRMINSTATEPROTOERROR,
	[VESPER_SAD_ESP_LENGTH] = LINUX_MIB_XFRMINSTATEPROTOERROR,
	[VESPER_SAD_NEXT_HEADER] = LINUX_MIB_XFRMINSTATEMODEERROR,
	[VESPER_SAD_INNER] = LINUX_MIB_XFRMINSTATEMODEERROR,
	[VESPER_SAD_ENCAP] = LINUX_MIB_XFRMINSTATEMISMATCH,
	[VESPER_SAD_LIFETIME] = LINUX_MIB_XFRMINSTATEEXPIRED,
};
static const u8 mib_out[VESPER_SAD_COUNT] = {
	[VESPER_SAD_LIFETIME] = LINUX_MIB_XFRMOUTSTATEEXPIRED,
	[VESPER_SAD_SEQ_EXHAUSTED] = LINUX_MIB_XFRMOUTSTATESEQERROR,
	[VESPER_SAD_TOO_BIG] = LINUX_MIB_XFRMOUTERROR,
	[VESPER_SAD_FRAGMENT] = LINUX_MIB_XFRMOUTERROR,
};

static void take_counters(struct vesper_xs *xs, const struct vesper_sa_info *info)
{
	const u8 *mib = vesper_xs_in(xs->x) ? mib_in : mib_out;
	int i;

	atomic64_set(&xs->packets, xs->packets_before + le64_to_cpu(info->packets));
	atomic64_set(&xs->bytes, xs->bytes_before + le64_to_cpu(info->bytes));
	for (i = 0; i < VESPER_SAD_COUNT; i++) {
		u64 now = le64_to_cpu(info->drops[i]), more = now - xs->drops[i];

		xs->drops[i] = now;
		if (i == VESPER_SAD_REPLAY)
			atomic64_add(more, &xs->replay);
		if (i == VESPER_SAD_ICV)
			atomic64_add(more, &xs->integrity);
		if (mib[i] && more)
			XFRM_ADD_STATS(xs_net(xs->x), mib[i], more);
	}
}

static void forget(struct vesper_past *past)
{
	list_del(&past->list);
	kfree_sensitive(past);
}

static void forget_old(struct vesper_packet *p)
{
	struct vesper_past *past, *next;

	list_for_each_entry_safe(past, next, &p->past, list)
		if (time_after(jiffies, past->until))
			forget(past);
}

/* Which number has it used, at most? As far as is known without the card. */
static u64 used(const struct vesper_xs *xs)
{
	return vesper_xs_in(xs->x) ? atomic64_read(&xs->received) :
				     xs->seq + atomic64_read(&xs->sent);
}

/*
 * Is it to be asked for? Those in use are, and once more when they no longer are: what was under way may not have been
 * counted. Of the idle ones some each time, in turn, so that a thousand of them leave the mailbox to others.
 */
static bool due(struct vesper_packet *p, struct vesper_xs *xs, int *idle_looks)
{
	u64 now = used(xs);
	bool was_in_use = xs->in_use;

	xs->in_use = now != xs->used_before;
	xs->used_before = now;
	if (!xs->in_use && !was_in_use) {
		if (xs->round == p->round || !*idle_looks)
			return false;
		--*idle_looks;
	}
	xs->round = p->round;
	return true;
}

/* The stack hears of limits that are reached. */
static void look_at(struct vesper_packet *p, struct vesper_xs *xs)
{
	if (!query(p, xs->handle))
		return;
	take_counters(xs, &p->answer.info);
	spin_lock_bh(&xs->x->lock);
	if (xs->x->km.state == XFRM_STATE_VALID && atomic64_read(&xs->packets))
		xfrm_state_check_expire(xs->x);
	spin_unlock_bh(&xs->x->lock);
}

/*
 * The card holds to a hard limit by itself, to the packet, and tells of it, and of soft ones, by an event. Counters are
 * asked for each second: who wants them of the driver may not sleep, and so cannot ask the card. The lock is free
 * between two SAs, so that others come and go while there are many.
 */
static void poll(struct work_struct *work)
{
	struct vesper_packet *p = container_of(work, struct vesper_packet, poll.work);
	s64 count = atomic64_read(&p->nic->sa_card);
	struct list_head *sas = &p->nic->sas;
	int idle_looks = IDLE_LOOKS;
	struct vesper_xs *xs;

	while (count-- > 0) {
		mutex_lock(&p->nic->sa_lock);
		if (!list_empty(sas)) {
			xs = list_first_entry(sas, struct vesper_xs, list);
			if (xs->past && xs->handle && due(p, xs, &idle_looks))
				look_at(p, xs);
			list_rotate_left(sas);
		}
		mutex_unlock(&p->nic->sa_lock);
	}
	if (idle_looks)
		p->round++;
	mutex_lock(&p->nic->sa_lock);
	forget_old(p);
	if (atomic64_read(&p->nic->packet_sas) || !list_empty(&p->past))
		schedule_delayed_work(&p->poll, POLL_PERIOD);
	mutex_unlock(&p->nic->sa_lock);
}

/* The card says that the SA has come to a limit. In the thread of the event ring. */
void vesper_packet_limit(struct vesper_nic *nic, u32 handle)
{
	struct vesper_xs *xs;

	atomic64_inc(&nic->limit_events);
	mutex_lock(&nic->sa_lock);
	list_for_each_entry(xs, &nic->sas, list) {
		if (xs->past && xs->handle == handle) {
			look_at(nic->packet, xs);
			break;
		}
	}
	mutex_unlock(&nic->sa_lock);
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

/* Inbound a key may have more than one SA, where it is the SPI that tells them apart. */
static bool same_key(const struct vesper_past *a, const struct vesper_past *b)
{
	return a->in == b->in && a->key_len == b->key_len &&
	       !crypto_memneq(a->key, b->key, a->key_len) && (!a->in || a->spi == b->spi);
}

/*
 * An outbound SA stops sending, though packets may be on their way to the card. Up to which number has it sent, at most?
 * What ends it is a lease of sequence numbers that ends there; the card refuses one that is used up already.
 */
static bool stop(struct vesper_packet *p, u32 handle, bool in, u64 *last)
{
	struct vesper_mbx_sa_lease req = {
		.hdr.cmd = cpu_to_le16(VESPER_MBX_SA_LEASE),
		.handle = cpu_to_le32(handle),
	};
	struct vesper_mbx_hdr rsp = {};
	int tries;

	for (tries = 0; tries < STOP_TRIES; tries++) {
		if (!query(p, handle))
			return false;
		*last = le64_to_cpu(p->answer.info.seq);
		if (in)
			return true;
		*last = max_t(u64, *last, 1); /* 0 is no lease */
		req.lease_end = cpu_to_le64(*last);
		if (!vesper_mbx(p->nic, &req, sizeof(req), &rsp, sizeof(rsp)))
			return query(p, handle);
	}
	return false;
}

/* An SA that the stack has deleted leaves the card, once; what the card knows of it is kept for a while. */
static void leave(struct vesper_packet *p, struct vesper_xs *xs)
{
	struct vesper_past *past = xs->past;

	if (!past)
		return;
	if (xs->handle) {
		if (stop(p, xs->handle, past->in, &past->seq))
			take_counters(xs, &p->answer.info);
		vesper_xs_leaves(p->nic, xs->handle);
		WRITE_ONCE(xs->handle, 0);
	}
	past->seq = max(past->seq, used(xs));
	past->packets = atomic64_read(&xs->packets);
	past->bytes = atomic64_read(&xs->bytes);
	past->until = jiffies + PAST_TIME;
	list_add(&past->list, &p->past);
	xs->past = NULL;
	schedule_delayed_work(&p->poll, POLL_PERIOD);
}

static bool was_used(const struct xfrm_state *x)
{
	return vesper_xs_sequence(x) || x->curlft.packets || x->curlft.use_time;
}

/* An SA that the stack deletes and adds again, with its times; not another one with the same static key. */
static bool moved(const struct vesper_past *past, const struct vesper_past *now)
{
	return past->added == now->added && past->spi == now->spi;
}

/* The newest past that counts for this SA, or NULL. Numbers of a key count on even if another SA has used it. */
static const struct vesper_past *past_of(struct vesper_packet *p, const struct vesper_past *now)
{
	const struct vesper_past *past;

	list_for_each_entry(past, &p->past, list)
		if (same_key(past, now) && (!now->in || moved(past, now)))
			return past;
	return NULL;
}

static const char *continue_from(struct vesper_xs *xs, const struct vesper_past *past)
{
	const struct xfrm_lifetime_cfg *l = &xs->x->lft;

	if (!past)
		return was_used(xs->x) ? "An SA that was in use elsewhere has no packet offload" :
					 NULL;
	xs->seq = max(xs->seq, past->seq);
	if (!moved(past, xs->past))
		return NULL;
	if (past->packets >= l->hard_packet_limit || past->bytes >= l->hard_byte_limit)
		return "A hard limit of this SA is used up";
	xs->packets_before = past->packets;
	xs->bytes_before = past->bytes;
	atomic64_set(&xs->packets, past->packets);
	atomic64_set(&xs->bytes, past->bytes);
	return NULL;
}

/**
 * vesper_packet_begin - where does an SA begin that comes to the card?
 *
 * IKE daemons move an SA to another address by deleting it and adding it with the numbers that the stack knows: none, in
 * packet mode. So one that has been on the card goes on where the card was: no IV is used twice, no packet is
 * received twice, limits count on. Two outbound SAs with one key at a time (migration: the stack adds first, and
 * deletes then) are refused. Under nic->sa_lock, as all that follow.
 *
 * Return: NULL; or a sentence, and then vesper_packet_abort() is to be called.
 */
const char *vesper_packet_begin(struct vesper_nic *nic, struct vesper_xs *xs)
{
	unsigned int key_len = (xs->x->aead->alg_key_len + 7) / 8;
	struct vesper_packet *p = nic->packet;
	struct vesper_past *now;
	struct vesper_xs *other;
	const char *why = NULL;

	now = kzalloc(sizeof(*now), GFP_KERNEL);
	if (!now)
		return "Out of memory";
	xs->past = now;
	now->in = vesper_xs_in(xs->x);
	now->spi = xs->x->id.spi;
	now->added = xs->x->curlft.add_time;
	/* The card refuses a longer one. */
	now->key_len = min_t(unsigned int, key_len, sizeof(now->key));
	memcpy(now->key, xs->x->aead->alg_key, now->key_len);
	xs->seq = vesper_xs_sequence(xs->x);
	list_for_each_entry(other, &nic->sas, list) {
		if (!other->past || !same_key(other->past, now))
			continue;
		if (READ_ONCE(other->x->km.state) == XFRM_STATE_DEAD)
			leave(p, other);
		else if (!now->in)
			why = "Another outbound SA on the card has this key";
	}
	if (!why)
		why = continue_from(xs, past_of(p, now));
	atomic64_set(&xs->received, xs->seq);
	return why;
}

/* The card has lost the SA in a reset, and gets it again. Its limits count on from what the card said last of it. */
void vesper_packet_again(struct vesper_xs *xs)
{
	xs->seq = used(xs);
	atomic64_set(&xs->sent, 0);
	xs->packets_before = atomic64_read(&xs->packets);
	xs->bytes_before = atomic64_read(&xs->bytes);
	memset(xs->drops, 0, sizeof(xs->drops));
}

/* In NAPI context: a packet with this number, of which the upper half is the one that makes it the nearest. */
void vesper_packet_received(struct vesper_xs *xs, u32 seq)
{
	s64 highest = atomic64_read(&xs->received), now;

	do {
		now = highest + (s32)(seq - (u32)highest);
		if (now <= highest)
			return;
	} while (!atomic64_try_cmpxchg(&xs->received, &highest, now));
}

/* The SA does not come to the card after all. */
void vesper_packet_abort(struct vesper_xs *xs)
{
	kfree_sensitive(xs->past);
	xs->past = NULL;
}

/* The sentence for what packet mode does not allow, or NULL. */
const char *vesper_packet_why_not(const struct vesper_nic *nic, const struct xfrm_state *x)
{
	if ((nic->features & NEEDED) != NEEDED)
		return "The card has no packet offload";
	if (x->xso.dev != nic->netdev)
		return "Bonding passes no policies on, so its SAs have no packet offload";
	if (x->if_id)
		return "SAs of an XFRM interface (if_id) have no packet offload";
	if (x->mark.m || x->props.smark.m || x->props.smark.v)
		return "SAs with a mark have no packet offload";
	if (x->props.extra_flags & XFRM_SA_XFLAG_OSEQ_MAY_WRAP)
		return "The card's sequence numbers do not wrap";
	/* RFC 8200 8.1, RFC 6935: who receives it must have been told, as Linux is by UDP_NO_CHECK6_RX; IKE daemons do not. */
	if (!vesper_xs_in(x) && x->props.family == AF_INET6 && x->encap &&
	    !READ_ONCE(nic->udp6_checksum_0))
		return "ESP in UDP over IPv6 has checksum 0; see flag esp-udp6-checksum-0";
	/* It looks for a route with the first four bytes of the outer addresses, and these are not its own. */
	if (!vesper_xs_in(x) && x->props.family == AF_INET6 && x->sel.family == AF_INET)
		return "The kernel routes no IPv4 into an IPv6 tunnel with packet offload";
	return NULL;
}

/* What is left of it; 0: it does not limit, or has been told of. */
static u64 limit(u64 value, u64 used)
{
	return value == XFRM_INF || value < used ? 0 : value - used;
}

/* The card refuses a soft limit above the hard one; the stack never comes to such a one. */
static u64 soft_limit(u64 soft, u64 hard, u64 used)
{
	return soft <= hard ? limit(soft, used) : 0;
}

void vesper_packet_fill(struct vesper_sa *sa, const struct vesper_xs *xs)
{
	const struct xfrm_state *x = xs->x;
	const struct xfrm_lifetime_cfg *l = &x->lft;
	u64 packets = xs->packets_before, bytes = xs->bytes_before;

	if (x->props.mode == XFRM_MODE_TUNNEL)
		sa->flags |= cpu_to_le32(vesper_xs_tunnel_flags(x));
	sa->seq = cpu_to_le64(xs->seq);
	/* IKE daemons give outbound SAs a window too, which means nothing. */
	if (vesper_xs_in(x))
		sa->replay_window = cpu_to_le32(x->replay_esn ? x->replay_esn->replay_window :
								x->props.replay_window);
	sa->hard_packets = cpu_to_le64(limit(l->hard_packet_limit, packets));
	sa->hard_bytes = cpu_to_le64(limit(l->hard_byte_limit, bytes));
	sa->soft_packets =
		cpu_to_le64(soft_limit(l->soft_packet_limit, l->hard_packet_limit, packets));
	sa->soft_bytes = cpu_to_le64(soft_limit(l->soft_byte_limit, l->hard_byte_limit, bytes));
}

void vesper_packet_added(struct vesper_nic *nic)
{
	atomic64_inc(&nic->packet_sas);
	schedule_delayed_work(&nic->packet->poll, POLL_PERIOD);
}

void vesper_packet_removed(struct vesper_nic *nic, struct vesper_xs *xs)
{
	leave(nic->packet, xs);
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
	INIT_LIST_HEAD(&p->past);
	INIT_DELAYED_WORK(&p->poll, poll);
	nic->packet = p;
	return 0;
}

void vesper_packet_free(struct vesper_nic *nic)
{
	struct vesper_packet *p = nic->packet;
	struct vesper_past *past, *next;

	if (!p)
		return;
	cancel_delayed_work_sync(&p->poll);
	list_for_each_entry_safe(past, next, &p->past, list)
		forget(past);
	p->unprotected->km.state = XFRM_STATE_DEAD;
	xfrm_state_put(p->unprotected);
	kfree(p);
	nic->packet = NULL;
}

#endif
