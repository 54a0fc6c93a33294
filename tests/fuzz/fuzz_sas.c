// SPDX-License-Identifier: BSD-2-Clause
/* Makes the SAs of a batch: all kinds that the card takes. */
#include <string.h>

#include "bytes.h"
#include "fuzz.h"

static void make_simple(struct rng *r, struct vesper_sa *sa, unsigned int dir, unsigned int i)
{
	static const uint32_t windows[] = { 64, 0, 32, 1024, 1, 4096, 2, 65 };
	bool v6 = i % 3 == 2;

	*sa = (struct vesper_sa){
		.dir = (uint8_t)dir,
		.mode = i % 2 ? VESPER_MODE_TRANSPORT : VESPER_MODE_TUNNEL,
		.family = v6 ? VESPER_IPV6 : VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = (uint8_t)(16 + 8 * below(r, 3)),
		.icv_len = (uint8_t)(8 + 4 * below(r, 3)),
		.ttl = (uint8_t)(1 + below(r, 255)),
		.spi = { 1, (uint8_t)dir, 0, (uint8_t)(i / 2) },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, (uint8_t)(2 + i % 2) },
		.replay_window = dir == VESPER_DIR_IN ? windows[i % 8] : 0,
	};
	if (v6) {
		rng_fill(r, sa->src, sizeof(sa->src));
		rng_fill(r, sa->dst, sizeof(sa->dst));
	}
	rng_fill(r, sa->key, sa->key_len);
	rng_fill(r, sa->salt, sizeof(sa->salt));
}

/* What only an outbound SA has. */
static void make_outer(struct rng *r, struct vesper_sa *sa)
{
	static const uint32_t dscps[] = { 0, VESPER_SAF_DSCP_COPY, VESPER_SAF_DSCP_MAP };
	static const uint32_t dfs[] = { 0, VESPER_SAF_DF, VESPER_SAF_DF_COPY };

	if (once_in(r, 3))
		sa->mtu = (uint16_t)(1280 + below(r, 400));
	if (once_in(r, 6)) {
		sa->hard_packets = 5 + below(r, 40);
		sa->hard_bytes = below(r, 20000);
		sa->soft_packets = below(r, (uint32_t)sa->hard_packets);
	}
	if (once_in(r, 6))
		sa->lease_end = 5 + below(r, 40);
	if (sa->mode != VESPER_MODE_TUNNEL || (sa->flags & VESPER_SAF_INPLACE))
		return;
	sa->tos = (uint8_t)(below(r, 64) << 2);
	sa->flags |= dscps[below(r, 3)] | (once_in(r, 3) ? VESPER_SAF_ECN_OFF : 0);
	if (sa->family == VESPER_IPV4) {
		sa->flags |= dfs[below(r, 3)];
	} else {
		sa->flow_label = below(r, 1u << 20);
		sa->flags |= once_in(r, 2) ? VESPER_SAF_FLOW_COPY : 0;
	}
	if (once_in(r, 3))
		sa->tfc = (uint16_t)below(r, 2000);
}

/* What only an inbound SA has. */
static void make_inner(struct rng *r, struct vesper_sa *sa)
{
	if (sa->flags & VESPER_SAF_INPLACE) {
		sa->replay_window = 0;
		return;
	}
	if (sa->mode == VESPER_MODE_TUNNEL)
		sa->flags |= (once_in(r, 3) ? VESPER_SAF_DSCP_COPY : 0) |
			     (once_in(r, 3) ? VESPER_SAF_ECN_OFF : 0);
	if (once_in(r, 6))
		sa->hard_packets = 5 + below(r, 40);
	if (!once_in(r, 3))
		return;
	sa->flags |= VESPER_SAF_SELECTOR;
	sa->sel = (struct vesper_selector){
		.proto = once_in(r, 2) ? 17 : 0,
		.sport_max = once_in(r, 2) ? UINT16_MAX : 0x8000,
		.dport_min = once_in(r, 2) ? 0 : 0x2000,
		.dport_max = UINT16_MAX,
	};
	if (once_in(r, 2)) {
		/* The upper half of all addresses, of either family. */
		sa->sel.family = once_in(r, 3) ? VESPER_IPV6 : VESPER_IPV4;
		sa->sel.src[0] = 0x80;
		sa->sel.src_len = 1;
	}
}

static void make_sa(struct rng *r, struct vesper_sa *sa, unsigned int dir, unsigned int i)
{
	make_simple(r, sa, dir, i);
	if (once_in(r, 4)) {
		sa->alg = VESPER_ALG_AES_GMAC;
		sa->icv_len = 16;
	}
	if (once_in(r, 3)) {
		sa->flags |= VESPER_SAF_ESN;
		sa->seq = dir == VESPER_DIR_IN ? (uint64_t)ESN_HIGH << 32 : 0;
	}
	if (once_in(r, 4)) {
		sa->flags |= VESPER_SAF_UDP;
		put_be16(sa->sport, 1 + below(r, 65535));
		put_be16(sa->dport, once_in(r, 2) ? 4500 : 5000 + below(r, 4));
	}
	if (once_in(r, 6))
		sa->flags |= VESPER_SAF_INPLACE;
	else if (sa->alg == VESPER_ALG_AES_GCM && once_in(r, 4))
		sa->flags |= VESPER_SAF_IIV;
	if (dir == VESPER_DIR_OUT)
		make_outer(r, sa);
	else
		make_inner(r, sa);
}

void make_sas(struct rng *r, struct sas *sas)
{
	unsigned int i;

	for (i = 0; i < SA_OUT; i++)
		make_sa(r, &sas->out[i], VESPER_DIR_OUT, i);
	/* One that comes to its end, one whose numbers carry through all bytes. */
	make_simple(r, &sas->out[0], VESPER_DIR_OUT, 0);
	make_simple(r, &sas->out[1], VESPER_DIR_OUT, 1);
	sas->out[0].seq = UINT32_MAX - below(r, 30);
	sas->out[1].seq = 0x00ffffff - below(r, 30);
	for (i = 0; i < SA_IN; i++)
		make_sa(r, &sas->in[i], VESPER_DIR_IN, i);
	/* Good packets have a pair of SAs of their own, which no mutated frame knows the key of. */
	make_simple(r, &sas->out[SA_GOOD], VESPER_DIR_OUT, 100);
	sas->in[SA_IN] = sas->out[SA_GOOD];
	sas->in[SA_IN].dir = VESPER_DIR_IN;
	sas->in[SA_IN].replay_window = 64;
	for (i = 0; i <= SA_IN; i++)
		sas->seq[i] = 0;
}
