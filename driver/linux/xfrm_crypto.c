// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Crypto offload: the stack builds and strips ESP, the card encrypts, authenticates and decrypts in place. */
#include "xfrm.h"

/*
 * IVs are numbers that the card counts, from the one on that an SA comes with; the frames' own are the stack's. Of one
 * that comes from another card it is known that the stack has made so many packets of it, of which this many at most may
 * still be on their way in a queue.
 */
#define IV_MARGIN (1u << 16)

/* The stack has it already: it comes from another card, by bonding's failover, and its numbers are the newest. */
static bool moves(const struct xfrm_state *x)
{
	return !list_empty(&x->km.all);
}

/*
 * The sentence for what is left to the stack's software, or NULL. An IKE daemon moves an SA to another address by adding
 * it anew with the numbers that it had read before, and packets go out in between: software does not mind, since its IVs
 * are masked by a new random number; the card's would begin anew.
 */
const char *vesper_crypto_why_not(const struct xfrm_state *x)
{
	bool in = vesper_xs_in(x);

	if (vesper_xfrm_atomic(x))
		return "Bonding of this kernel does not let the driver wait for the card";
	if (!in && vesper_xs_sequence(x) && !moves(x))
		return "An SA that has sent before is left to software: IVs might come twice";
	if (!in && x->encap && x->props.family == AF_INET6)
		return "ESP in UDP over IPv6 is sent by software: esp6_offload would crash";
	if (in && x->encap && x->props.family == AF_INET6)
		return "ESP in UDP over IPv6 is received by software: it has a UDP checksum";
	if (in && x->encap && x->props.mode == XFRM_MODE_TUNNEL)
		return "A tunnel's ESP in UDP is received by software: the stack would drop it";
	return NULL;
}

void vesper_crypto_begin(struct vesper_xs *xs)
{
	if (!vesper_xs_in(xs->x) && moves(xs->x))
		xs->seq = vesper_xs_sequence(xs->x) + IV_MARGIN;
}

/* The card has lost the SA in a reset, and gets it again. */
void vesper_crypto_again(struct vesper_xs *xs)
{
	xs->seq += atomic64_xchg(&xs->sent, 0);
}

/* What in-place SAs have beyond the common part. The window is the stack's. */
void vesper_crypto_fill(struct vesper_sa *sa, const struct vesper_xs *xs)
{
	const struct xfrm_state *x = xs->x;

	sa->flags |= cpu_to_le32(VESPER_SAF_INPLACE);
	if (!vesper_xs_in(x))
		sa->seq = cpu_to_le64(xs->seq);
	else if (x->props.flags &
		 XFRM_STATE_ESN) /* the card infers the upper half of what it receives itself */
		sa->seq = cpu_to_le64(vesper_xs_sequence(x));
}

/* A frame that the stack has made ESP. */
void vesper_crypto_tx(struct sk_buff *skb, struct vesper_xs *xs, struct vesper_tx_esp *esp)
{
	esp->op = VESPER_OP_INPLACE;
	if (xs->x->props.flags & XFRM_STATE_ESN)
		esp->seq_hi = xfrm_offload(skb)->seq.hi;
	atomic64_inc(&xs->sent);
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

/* A frame that the card has decrypted, and still is ESP: its SA is the last of @sp. */
void vesper_crypto_rx(struct sk_buff *skb, struct sec_path *sp, u8 status)
{
	struct xfrm_offload *xo;

	sp->olen++;
	xo = xfrm_offload(skb);
	xo->flags = CRYPTO_DONE;
	xo->status = crypto_status(sp->xvec[sp->len - 1], status);
}
