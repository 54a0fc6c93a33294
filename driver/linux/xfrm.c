// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec crypto offload: the stack builds and strips ESP, the card encrypts, authenticates and decrypts in place.
 *
 *   callback      runs in                    does
 *   state_add     process context, may sleep the SA goes to the card
 *   state_delete  under x->lock              reception stops finding it
 *   state_free    process context, may sleep the SA leaves the card
 *   advance_esn   under x->lock              nothing: the card infers the upper half itself
 *   offload_ok    transmit path              which packets the card takes
 *
 * What the card cannot do is refused with -EOPNOTSUPP and one sentence; the stack then does it in software.
 */
#include <net/xfrm.h>

#include "vesper.h"
#include "vesper_status.h"

/* An SA on the card, from state_add to state_free. */
struct vesper_xs {
	struct xfrm_state *x;
	u32 handle;
	struct rcu_head rcu;
};

static struct vesper_xs *xs_of(const struct xfrm_state *x)
{
	return (struct vesper_xs *)x->xso.offload_handle;
}

static u64 sent_before(const struct xfrm_state *x)
{
	if (x->replay_esn)
		return (u64)x->replay_esn->oseq_hi << 32 | x->replay_esn->oseq;
	return x->replay.oseq;
}

/*
 * The sentence for what crypto offload leaves to the stack's software, or NULL. An IKE daemon moves an SA to another
 * address by adding it anew with the numbers that it had read before, and packets go out in between: software does not
 * mind, since its IVs are masked by a new random number; the card's are the sequence numbers.
 */
static const char *crypto_why_not(const struct xfrm_state *x)
{
	bool in = x->xso.dir == XFRM_DEV_OFFLOAD_IN;

	if (!in && sent_before(x))
		return "An SA that has sent before is left to software: IVs might come twice";
	if (!in && x->encap && x->props.family == AF_INET6)
		return "ESP in UDP over IPv6 is sent by software: esp6_offload would crash";
	if (in && x->encap && x->props.family == AF_INET6)
		return "ESP in UDP over IPv6 is received by software: it has a UDP checksum";
	if (in && x->encap && x->props.mode == XFRM_MODE_TUNNEL)
		return "A tunnel's ESP in UDP is received by software: the stack would drop it";
	return NULL;
}

/* The sentence for what the card's rules do not allow, or NULL. */
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
	return vesper_xfrm_crypto(x) ? crypto_why_not(x) : NULL;
}

static void set_address(u8 to[16], const xfrm_address_t *from, u16 family)
{
	memcpy(to, from, family == AF_INET ? 4 : 16);
}

static void fill_sa(struct vesper_sa *sa, const struct xfrm_state *x)
{
	unsigned int key_len = (x->aead->alg_key_len + 7) / 8 - sizeof(sa->salt);
	u32 flags = VESPER_SAF_INPLACE;
	bool in = x->xso.dir == XFRM_DEV_OFFLOAD_IN;
	u64 seq = 0;

	sa->dir = in ? VESPER_DIR_IN : VESPER_DIR_OUT;
	sa->mode = x->props.mode == XFRM_MODE_TUNNEL ? VESPER_MODE_TUNNEL : VESPER_MODE_TRANSPORT;
	sa->family = x->props.family == AF_INET ? VESPER_IPV4 : VESPER_IPV6;
	sa->alg = strcmp(x->aead->alg_name, "rfc4106(gcm(aes))") ? VESPER_ALG_AES_GMAC :
								   VESPER_ALG_AES_GCM;
	sa->key_len = (u8)key_len;
	sa->icv_len = (u8)(x->aead->alg_icv_len / 8);
	sa->ttl = 64; /* the card wants one, and in place does not use it */
	memcpy(sa->spi, &x->id.spi, sizeof(sa->spi));
	set_address(sa->src, &x->props.saddr, x->props.family);
	set_address(sa->dst, &x->id.daddr, x->props.family);
	if (key_len <= sizeof(sa->key)) {
		memcpy(sa->key, x->aead->alg_key, key_len);
		memcpy(sa->salt, x->aead->alg_key + key_len, sizeof(sa->salt));
	}
	if (x->props.flags & XFRM_STATE_ESN) {
		flags |= VESPER_SAF_ESN;
		if (in)
			seq = (u64)x->replay_esn->seq_hi << 32 | x->replay_esn->seq;
	}
	if (x->encap) {
		flags |= VESPER_SAF_UDP;
		memcpy(sa->sport, &x->encap->encap_sport, sizeof(sa->sport));
		memcpy(sa->dport, &x->encap->encap_dport, sizeof(sa->dport));
	}
	sa->flags = cpu_to_le32(flags);
	sa->seq = cpu_to_le64(seq);
}

static int add_to_card(struct vesper_nic *nic, const struct xfrm_state *x, u32 *handle,
		       const char **why)
{
	struct vesper_mbx_sa_add *req = kzalloc(sizeof(*req), GFP_KERNEL);
	struct vesper_mbx_handle rsp = {};
	int err;

	if (!req)
		return -ENOMEM;
	req->hdr.cmd = cpu_to_le16(VESPER_MBX_SA_ADD);
	fill_sa(&req->sa, x);
	err = vesper_mbx(nic, req, sizeof(*req), &rsp, sizeof(rsp));
	kfree_sensitive(req);
	*handle = le32_to_cpu(rsp.handle);
	*why = "The card does not answer";
	if (err == -EINVAL)
		*why = vesper_mbx_strerror(le32_to_cpu(rsp.hdr.status));
	return err;
}

static void del_from_card(struct vesper_nic *nic, u32 handle)
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

static int refuse(struct vesper_nic *nic, struct netlink_ext_ack *extack, const char *why)
{
	atomic64_inc(&nic->sa_software);
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s", why);
	return -EOPNOTSUPP;
}

static int state_add(struct vesper_nic *nic, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	const char *why = why_not(x);
	struct vesper_xs *xs;
	int err;

	if (!vesper_xfrm_crypto(x))
		why = "Packet offload is not supported";
	if (why)
		return refuse(nic, extack, why);
	xs = kzalloc(sizeof(*xs), GFP_KERNEL);
	if (!xs)
		return -ENOMEM;
	err = add_to_card(nic, x, &xs->handle, &why);
	if (err) {
		kfree(xs);
		return refuse(nic, extack, why);
	}
	xs->x = x;
	x->xso.offload_handle = (unsigned long)xs;
	if (x->xso.dir == XFRM_DEV_OFFLOAD_IN)
		rcu_assign_pointer(nic->sa_in[xs->handle & VESPER_SA_INDEX_MASK], xs);
	atomic64_inc(&nic->sa_card);
	return 0;
}

static void state_delete(struct vesper_nic *nic, struct xfrm_state *x)
{
	struct vesper_xs *xs = xs_of(x);

	if (xs && x->xso.dir == XFRM_DEV_OFFLOAD_IN)
		RCU_INIT_POINTER(nic->sa_in[xs->handle & VESPER_SA_INDEX_MASK], NULL);
}

static void state_free(struct vesper_nic *nic, struct xfrm_state *x)
{
	struct vesper_xs *xs = xs_of(x);

	if (!xs)
		return;
	x->xso.offload_handle = 0;
	del_from_card(nic, xs->handle);
	atomic64_dec(&nic->sa_card);
	kfree_rcu(xs, rcu);
}

/* The core has looked at the rest: IPv4 without options, IPv6 without extension headers. */
static bool offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	return vesper_xfrm_simple(skb, x);
}

static void advance_esn(struct xfrm_state *x)
{
}

#include "compat_xfrm.h"

/**
 * vesper_xfrm_tx - what a frame that the stack has made ESP needs of the card
 * @skb: from the stack
 * @seq_hi: becomes the upper half of its extended sequence number, 0 without one
 *
 * Return: handle of its SA; 0: not ESP, or not ours.
 */
u32 vesper_xfrm_tx(struct sk_buff *skb, u32 *seq_hi)
{
	struct xfrm_offload *xo = xfrm_offload(skb);
	struct xfrm_state *x;

	*seq_hi = 0;
	if (!xo || skb_sec_path(skb)->len != 1)
		return 0;
	x = xfrm_input_state(skb);
	if (!x || !xs_of(x))
		return 0;
	if (x->props.flags & XFRM_STATE_ESN)
		*seq_hi = xo->seq.hi;
	return xs_of(x)->handle;
}

static u32 crypto_status(const struct xfrm_state *x, u8 status)
{
	switch (status) {
	case VESPER_ST_OK:
		return CRYPTO_SUCCESS;
	case VESPER_ST_ICV:
		return x->props.mode == XFRM_MODE_TUNNEL ? CRYPTO_TUNNEL_ESP_AUTH_FAILED :
							   CRYPTO_TRANSPORT_ESP_AUTH_FAILED;
	default:
		return CRYPTO_GENERIC_ERROR;
	}
}

/**
 * vesper_xfrm_rx - tell the stack that the card has decrypted a frame
 * @skb: the frame, whole
 * @handle: of the SA, as the card wrote it
 * @status: the card's verdict
 *
 * In NAPI context. Return: 0; -ENOENT for an SA that is gone; -ENOBUFS. Then the frame is to be dropped: it is no
 * longer what was on the wire.
 */
int vesper_xfrm_rx(struct vesper_nic *nic, struct sk_buff *skb, u32 handle, u8 status)
{
	u32 index = handle & VESPER_SA_INDEX_MASK;
	struct xfrm_offload *xo;
	struct vesper_xs *xs;
	struct sec_path *sp;
	int err = -ENOENT;

	rcu_read_lock();
	xs = index < nic->sa_entries ? rcu_dereference(nic->sa_in[index]) : NULL;
	if (!xs || xs->handle != handle)
		goto out;
	err = -ENOBUFS;
	sp = secpath_set(skb);
	if (!sp)
		goto out;
	xfrm_state_hold(xs->x);
	sp->xvec[sp->len++] = xs->x;
	sp->olen++;
	xo = xfrm_offload(skb);
	xo->flags = CRYPTO_DONE;
	xo->status = crypto_status(xs->x, status);
	err = 0;
out:
	rcu_read_unlock();
	return err;
}

/**
 * vesper_xfrm_init - offer the offload, before the interface is registered
 * Return: 0, also where card or kernel have none; -ENOMEM.
 */
int vesper_xfrm_init(struct vesper_nic *nic)
{
	if (!(nic->features & VESPER_FEAT_INPLACE))
		return 0;
	nic->sa_in = kvcalloc(nic->sa_entries, sizeof(*nic->sa_in), GFP_KERNEL);
	if (!nic->sa_in)
		return -ENOMEM;
	nic->netdev->xfrmdev_ops = &xfrmdev_ops;
	nic->netdev->features |= NETIF_F_HW_ESP;
	nic->netdev->hw_features |= NETIF_F_HW_ESP;
	nic->netdev->hw_enc_features |= NETIF_F_HW_ESP;
	return 0;
}

void vesper_xfrm_free(struct vesper_nic *nic)
{
	kvfree(nic->sa_in);
	nic->sa_in = NULL;
}
