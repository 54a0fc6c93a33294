// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Crypto offload: the stack builds and strips ESP, the card encrypts, authenticates and decrypts in place. */
#include "xfrm.h"

/* The stack has it already: it comes from another card, by bonding's failover, and its numbers are the newest. */
static bool moves(const struct xfrm_state *x)
{
	return !list_empty(&x->km.all);
}

/*
 * The sentence for what is left to the stack's software, or NULL. An IKE daemon moves an SA to another address by adding
 * it anew with the numbers that it had read before, and packets go out in between: software does not mind, since its IVs
 * are masked by a new random number; the card's are the sequence numbers.
 */
const char *vesper_crypto_why_not(const struct xfrm_state *x)
{
	bool in = vesper_xs_in(x);

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

/* What in-place SAs have beyond the common part. The window is the stack's. */
void vesper_crypto_fill(struct vesper_sa *sa, const struct xfrm_state *x)
{
	sa->flags |= cpu_to_le32(VESPER_SAF_INPLACE);
	/* The card infers the upper half of what it receives itself. */
	if (vesper_xs_in(x) && x->props.flags & XFRM_STATE_ESN)
		sa->seq = cpu_to_le64(vesper_xs_sequence(x));
}

/* A frame that the stack has made ESP. */
void vesper_crypto_tx(struct sk_buff *skb, struct xfrm_state *x, struct vesper_tx_esp *esp)
{
	esp->op = VESPER_OP_INPLACE;
	if (x->props.flags & XFRM_STATE_ESN)
		esp->seq_hi = xfrm_offload(skb)->seq.hi;
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
