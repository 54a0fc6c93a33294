// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec offload, what both modes share: SAs go to the card and leave it, frames find their SA.
 *
 *   crypto  the stack builds and strips ESP, the card encrypts, authenticates and decrypts in place
 *   packet  the card does it all: ESP, headers, numbers, replay window, lifetimes
 *
 *   callback       runs in                       does
 *   state_add      process context, may sleep    the SA goes to the card
 *                  (an ACQ SA: atomic)           nothing: it holds a place in the stack, and has no key
 *   state_delete   under x->lock                 reception stops finding it
 *   state_free     process context, may sleep    the SA leaves the card
 *   update_stats   under a lock, or softirq      the card's counters, as they were last asked for
 *   advance_esn    under x->lock                 nothing: the card counts itself
 *   offload_ok     transmit path                 which packets the card takes; packet mode: see xfrm_outer.c
 *   policy_add     process context, may sleep    looks whether the stack's policy can be honoured
 *
 * A card that is reset forgets its SAs. vesper_xfrm_away() and vesper_xfrm_back() bring them back to it; meanwhile
 * crypto mode goes on in software, packet mode drops. Both hold the RTNL lock.
 *
 * What the card cannot do is refused with -EOPNOTSUPP and one sentence. In crypto mode the stack then does it in
 * software, in packet mode the installation fails.
 */
#include "xfrm.h"

#include <net/bonding.h>

#include "vesper_status.h"

/* The last number that was sent, or the highest that was received, with its upper half. */
u64 vesper_xs_sequence(const struct xfrm_state *x)
{
	const struct xfrm_replay_state_esn *esn = x->replay_esn;
	bool in = vesper_xs_in(x);
	u64 high = 0;

	if (!esn)
		return in ? x->replay.seq : x->replay.oseq;
	if (x->props.flags & XFRM_STATE_ESN)
		high = in ? esn->seq_hi : esn->oseq_hi;
	return high << 32 | (in ? esn->seq : esn->oseq);
}

/* The sentence for what the card's rules do not allow in any mode, or NULL. */
static const char *why_not(const struct xfrm_state *x)
{
	if (x->id.proto != IPPROTO_ESP)
		return "Only ESP is offloaded";
	if (x->props.mode != XFRM_MODE_TUNNEL && x->props.mode != XFRM_MODE_TRANSPORT)
		return "Only tunnel and transport mode are offloaded";
	if (x->props.family != AF_INET && x->props.family != AF_INET6)
		return "Only IPv4 and IPv6 are offloaded";
	if (!x->aead)
		return "Only AES-GCM and AES-GMAC are offloaded";
	if (strcmp(x->aead->alg_name, "rfc4106(gcm(aes))") &&
	    strcmp(x->aead->alg_name, "rfc4543(gcm(aes))"))
		return "Only rfc4106(gcm(aes)) and rfc4543(gcm(aes)) are offloaded";
	if (x->geniv && strcmp(x->geniv, "seqiv"))
		return "Only the IV generator seqiv is offloaded";
	if (x->encap && x->encap->encap_type != UDP_ENCAP_ESPINUDP)
		return "Only ESP in UDP (RFC 3948) is offloaded";
	if (x->props.calgo != SADB_X_CALG_NONE)
		return "Compression is not offloaded";
	return NULL;
}

/* As the stack fills in the outer header (xfrm4_tunnel_encap_add(), xfrm6_tunnel_encap_add()) and reads it. */
u32 vesper_xs_tunnel_flags(const struct xfrm_state *x)
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

static void set_address(u8 to[16], const xfrm_address_t *from, u16 family)
{
	memcpy(to, from, family == AF_INET ? 4 : 16);
}

static void fill_sa(struct vesper_sa *sa, const struct vesper_xs *xs)
{
	const struct xfrm_state *x = xs->x;
	unsigned int key_len = (x->aead->alg_key_len + 7) / 8 - sizeof(sa->salt);
	u32 flags = 0;

	sa->dir = vesper_xs_in(x) ? VESPER_DIR_IN : VESPER_DIR_OUT;
	sa->mode = x->props.mode == XFRM_MODE_TUNNEL ? VESPER_MODE_TUNNEL : VESPER_MODE_TRANSPORT;
	sa->family = x->props.family == AF_INET ? VESPER_IPV4 : VESPER_IPV6;
	sa->alg = strcmp(x->aead->alg_name, "rfc4106(gcm(aes))") ? VESPER_ALG_AES_GMAC :
								   VESPER_ALG_AES_GCM;
	sa->key_len = (u8)key_len;
	sa->icv_len = (u8)(x->aead->alg_icv_len / 8);
	sa->ttl = 64; /* as the stack's default; counts where the card makes the header */
	memcpy(sa->spi, &x->id.spi, sizeof(sa->spi));
	set_address(sa->src, &x->props.saddr, x->props.family);
	set_address(sa->dst, &x->id.daddr, x->props.family);
	if (key_len <= sizeof(sa->key)) {
		memcpy(sa->key, x->aead->alg_key, key_len);
		memcpy(sa->salt, x->aead->alg_key + key_len, sizeof(sa->salt));
	}
	if (x->props.flags & XFRM_STATE_ESN)
		flags |= VESPER_SAF_ESN;
	if (x->encap) {
		flags |= VESPER_SAF_UDP;
		memcpy(sa->sport, &x->encap->encap_sport, sizeof(sa->sport));
		memcpy(sa->dport, &x->encap->encap_dport, sizeof(sa->dport));
	}
	sa->flags = cpu_to_le32(flags);
	if (vesper_xfrm_crypto(x))
		vesper_crypto_fill(sa, xs);
	else
		vesper_packet_fill(sa, xs);
}

static int add_to_card(struct vesper_nic *nic, struct vesper_xs *xs, const char **why)
{
	struct vesper_mbx_sa_add *req = kzalloc(sizeof(*req), GFP_KERNEL);
	struct vesper_mbx_handle rsp = {};
	int err;

	if (!req) {
		*why = "Out of memory";
		return -ENOMEM;
	}
	req->hdr.cmd = cpu_to_le16(VESPER_MBX_SA_ADD);
	fill_sa(&req->sa, xs);
	err = vesper_mbx(nic, req, sizeof(*req), &rsp, sizeof(rsp));
	kfree_sensitive(req);
	if (!err)
		WRITE_ONCE(xs->handle, le32_to_cpu(rsp.handle));
	else if (err == -EINVAL)
		*why = vesper_mbx_strerror(le32_to_cpu(rsp.hdr.status));
	else
		*why = "The card does not answer";
	return err;
}

/* The SA leaves the card; a frame that names it afterwards is dropped there. */
void vesper_xs_leaves(struct vesper_nic *nic, u32 handle)
{
	struct vesper_mbx_handle req = {
		.hdr.cmd = cpu_to_le16(VESPER_MBX_SA_DEL),
		.handle = cpu_to_le32(handle),
	};
	struct vesper_mbx_hdr rsp = {};
	int err = vesper_mbx(nic, &req, sizeof(req), &rsp, sizeof(rsp));

	if (err && err != -ENODEV)
		netdev_warn(nic->netdev, "SA %#x does not leave the card: %d\n", handle, err);
}

static int refuse(atomic64_t *count, struct netlink_ext_ack *extack, const char *why)
{
	atomic64_inc(count);
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s", why);
	return -EOPNOTSUPP;
}

/* Reception finds it from now on, unless the stack has deleted it. */
static void publish(struct vesper_xs *xs)
{
	if (!vesper_xs_in(xs->x))
		return;
	spin_lock_bh(&xs->x->lock);
	if (xs->x->km.state != XFRM_STATE_DEAD)
		rcu_assign_pointer(xs->nic->sa_in[xs->handle & VESPER_SA_INDEX_MASK], xs);
	spin_unlock_bh(&xs->x->lock);
}

/* Under x->lock. */
static void unpublish(struct vesper_xs *xs)
{
	if (vesper_xs_in(xs->x) && xs->handle)
		RCU_INIT_POINTER(xs->nic->sa_in[xs->handle & VESPER_SA_INDEX_MASK], NULL);
}

static const char *install(struct vesper_nic *nic, struct vesper_xs *xs)
{
	bool crypto = vesper_xfrm_crypto(xs->x);
	const char *why = NULL;

	if (nic->sas_away)
		return "The card is being reset";
	if (crypto)
		vesper_crypto_begin(xs);
	else
		why = vesper_packet_begin(nic, xs);
	if (!why)
		add_to_card(nic, xs, &why);
	if (why)
		vesper_packet_abort(xs);
	return why;
}

static int state_add(struct vesper_nic *nic, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	bool crypto = vesper_xfrm_crypto(x);
	atomic64_t *refused = crypto ? &nic->sa_software : &nic->packet_refused;
	struct vesper_xs *xs;
	const char *why;

	if (vesper_xfrm_acquire(x))
		return 0;
	why = why_not(x);
	if (!why)
		why = crypto ? vesper_crypto_why_not(x) : vesper_packet_why_not(nic, x);
	if (why)
		return refuse(refused, extack, why);
	xs = kzalloc(sizeof(*xs), GFP_KERNEL);
	if (!xs)
		return -ENOMEM;
	xs->x = x;
	xs->nic = nic;
	mutex_lock(&nic->sa_lock);
	why = install(nic, xs);
	if (!why) {
		list_add(&xs->list, &nic->sas);
		WRITE_ONCE(x->xso.offload_handle, (unsigned long)xs);
		publish(xs);
		if (!crypto)
			vesper_packet_added(nic);
	}
	mutex_unlock(&nic->sa_lock);
	if (why) {
		kfree(xs);
		return refuse(refused, extack, why);
	}
	atomic64_inc(&nic->sa_card);
	return 0;
}

static void state_delete(struct xfrm_state *x)
{
	struct vesper_xs *xs = vesper_xs_of(x);

	if (xs)
		unpublish(xs);
}

static void state_free(struct xfrm_state *x)
{
	struct vesper_xs *xs = vesper_xs_of(x);
	struct vesper_nic *nic;

	if (!xs)
		return;
	nic = xs->nic;
	mutex_lock(&nic->sa_lock);
	if (!vesper_xfrm_crypto(x))
		vesper_packet_removed(nic, xs);
	else if (xs->handle)
		vesper_xs_leaves(nic, xs->handle);
	WRITE_ONCE(x->xso.offload_handle, 0);
	list_del(&xs->list);
	mutex_unlock(&nic->sa_lock);
	atomic64_dec(&nic->sa_card);
	kfree_rcu(xs, rcu);
}

/* Crypto: the core has looked at the rest: IPv4 without options, IPv6 without extension headers. */
static bool offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	struct vesper_xs *xs = vesper_xs_of(x);

	if (!xs || !READ_ONCE(xs->handle))
		return false;
	return vesper_xfrm_crypto(x) ? vesper_xfrm_simple(skb, x) :
				       vesper_packet_offload_ok(skb, x);
}

static void advance_esn(struct xfrm_state *x)
{
}

#include "compat_xfrm.h"

/**
 * vesper_xfrm_tx - what a frame from the stack needs of the card
 * @skb: in packet mode it loses the header that vesper_packet_offload_ok() put before it
 * @esp: filled in
 *
 * Return: 0; a negative errno for a frame that must not leave: -EXDEV if it counts on an SA that is not on this card
 * (any more).
 */
int vesper_xfrm_tx(struct sk_buff *skb, struct vesper_tx_esp *esp)
{
	struct vesper_nic *nic = netdev_priv(skb->dev);
	struct sec_path *sp = skb_sec_path(skb);
	struct xfrm_offload *xo = xfrm_offload(skb);
	struct xfrm_state *x;
	struct vesper_xs *xs;

	*esp = (struct vesper_tx_esp){ .op = VESPER_OP_PLAIN };
	if (!sp || sp->len != 1)
		return 0;
	x = sp->xvec[0];
	/* A secpath stays with what was received and is forwarded. */
	if (x->xso.dir != XFRM_DEV_OFFLOAD_OUT)
		return 0;
	/* The stack has encrypted it after all. */
	if (xo && !(xo->flags & XFRM_XMIT))
		return 0;
	if (x->xso.dev != skb->dev && x->xso.real_dev != skb->dev)
		return -EXDEV; /* another driver's, perhaps */
	xs = vesper_xs_of(x);
	if (!xs || xs->nic != nic)
		return -EXDEV;
	esp->sa = READ_ONCE(xs->handle);
	if (!esp->sa)
		return -EXDEV;
	if (xo)
		return vesper_crypto_tx(skb, xs, esp);
	esp->op = VESPER_OP_ENCRYPT;
	return vesper_packet_tx(skb, x, xs);
}

/**
 * vesper_xfrm_features - checksums and segmentation where there is IPsec
 * @skb: on its way to the card, perhaps with an outbound SA
 * @features: that the card has without
 *
 * A packet that vesper_packet_offload_ok() has seen has them all, for the card makes its outer header; so has what the
 * stack has made ESP as far as vesper_crypto_tx() can take that off again. Any other tunnel's header is one more that
 * would have to be mended in each segment.
 */
netdev_features_t vesper_xfrm_features(const struct sk_buff *skb, netdev_features_t features)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x = sp && sp->len == 1 ? sp->xvec[0] : NULL;

	if (x && vesper_xs_of(x) && !vesper_xs_in(x))
		return vesper_xfrm_crypto(x) ? vesper_crypto_features(skb, x, features) : features;
	return skb->encapsulation ? features & ~NETIF_F_GSO_MASK : features;
}

/* The SA behind a handle that the card wrote, its state held; or NULL. */
static struct vesper_xs *find_in(struct vesper_nic *nic, u32 handle)
{
	u32 index = handle & VESPER_SA_INDEX_MASK;
	struct vesper_xs *xs;

	xs = nic->sa_in && index < nic->sa_entries ? rcu_dereference(nic->sa_in[index]) : NULL;
	if (xs && xs->handle == handle && refcount_inc_not_zero(&xs->x->refcnt))
		return xs;
	return NULL;
}

/**
 * vesper_xfrm_rx - tell the stack what the card has done with a frame
 * @skb: the frame, whole
 * @cpl: its completion
 *
 * In NAPI context. What the card has stripped carries its SA like a packet that the stack has decrypted itself, so that
 * the stack checks the SA's selector and the policy for it; not with the flags of an offload, which would have it trust
 * the card to have done that.
 *
 * Return: 0; -ENOENT for an SA that is gone; -EPERM for ESP that is to be received by the card; -ENOBUFS. Then the frame is to be dropped: it is no longer what was on the
 * wire, or policies could not be checked.
 */
int vesper_xfrm_rx(struct vesper_nic *nic, struct sk_buff *skb, const struct vesper_rx_cpl *cpl)
{
	struct vesper_xs *xs;
	struct sec_path *sp;
	int err = 0;

	if (!(cpl->flags & (VESPER_CPL_INPLACE | VESPER_CPL_ESP)))
		return vesper_packet_goes_past(nic, skb) ? -EPERM :
							   vesper_packet_unprotected(nic, skb);
	rcu_read_lock();
	xs = find_in(nic, le32_to_cpu(cpl->sa));
	if (!xs) {
		err = -ENOENT;
		goto out;
	}
	sp = secpath_set(skb);
	if (!sp) {
		xfrm_state_put(xs->x);
		err = -ENOBUFS;
		goto out;
	}
	sp->xvec[sp->len++] = xs->x;
	if (cpl->flags & VESPER_CPL_INPLACE)
		vesper_crypto_rx(skb, sp, cpl->status);
	else
		vesper_packet_received(xs, le32_to_cpu(cpl->seq));
out:
	rcu_read_unlock();
	return err;
}

/**
 * vesper_xfrm_away - the card is about to be reset; no frame is on its way to it
 *
 * The RTNL lock is held. May be called again without vesper_xfrm_back() between.
 */
void vesper_xfrm_away(struct vesper_nic *nic)
{
	struct vesper_xs *xs;

	mutex_lock(&nic->sa_lock);
	nic->sas_away = true;
	list_for_each_entry(xs, &nic->sas, list) {
		spin_lock_bh(&xs->x->lock);
		unpublish(xs);
		WRITE_ONCE(xs->handle, 0);
		spin_unlock_bh(&xs->x->lock);
	}
	mutex_unlock(&nic->sa_lock);
}

static void back(struct vesper_nic *nic, struct vesper_xs *xs)
{
	const char *why;

	if (xs->handle || !refcount_inc_not_zero(&xs->x->refcnt))
		return;
	if (vesper_xfrm_crypto(xs->x))
		vesper_crypto_again(xs);
	else
		vesper_packet_again(xs);
	if (READ_ONCE(xs->x->km.state) == XFRM_STATE_DEAD)
		goto out;
	if (!add_to_card(nic, xs, &why))
		publish(xs);
	else if (net_ratelimit())
		netdev_warn(nic->netdev, "SA %#x does not come back to the card: %s\n",
			    be32_to_cpu(xs->x->id.spi), why);
out:
	xfrm_state_put(xs->x);
}

/**
 * vesper_xfrm_back - after a reset the card gets its SAs again, with numbers and IVs beyond all that were used
 *
 * The RTNL lock is held, the queues do not run yet.
 */
void vesper_xfrm_back(struct vesper_nic *nic)
{
	struct vesper_xs *xs;

	mutex_lock(&nic->sa_lock);
	nic->sas_away = false;
	list_for_each_entry(xs, &nic->sas, list)
		back(nic, xs);
	mutex_unlock(&nic->sa_lock);
}

/**
 * vesper_xfrm_init - offer the offload, before the interface is registered
 * Return: 0, also where card or kernel have none; -ENOMEM.
 */
int vesper_xfrm_init(struct vesper_nic *nic)
{
	int err;

	mutex_init(&nic->sa_lock);
	INIT_LIST_HEAD(&nic->sas);
	if (!(nic->features & VESPER_FEAT_INPLACE))
		return 0;
	nic->sa_in = kvcalloc(nic->sa_entries, sizeof(*nic->sa_in), GFP_KERNEL);
	if (!nic->sa_in)
		return -ENOMEM;
	err = vesper_packet_init(nic);
	if (err)
		return err;
	nic->netdev->xfrmdev_ops = &xfrmdev_ops;
	nic->netdev->features |= NETIF_F_HW_ESP;
	nic->netdev->hw_features |= NETIF_F_HW_ESP;
	nic->netdev->hw_enc_features |= NETIF_F_HW_ESP;
	return 0;
}

/* After the interface is gone, and with it every SA; also after a failed vesper_xfrm_init(). */
void vesper_xfrm_free(struct vesper_nic *nic)
{
	vesper_packet_free(nic);
	kvfree(nic->sa_in);
	nic->sa_in = NULL;
}
