// SPDX-License-Identifier: BSD-2-Clause
/* Mutated requests, written to the card's mailbox word by word, against the model of the firmware. */
#include "fuzz_mailbox.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vesper_dev_priv.h"
#include "vesper_status.h"

#define TIMEOUT_MS 20000
#define SECRET	   8 /* bytes of a key in a row that must not be seen again */

struct mailbox {
	struct vesper_dev *dev;
	struct model *model;
	uint64_t seen[VESPER_MBX_STATUS_COUNT];
	uint64_t seed;
	uint32_t number, count;
	uint8_t request[VESPER_MBX_SIZE];
	uint32_t written; /* bytes of it that are sent */
	bool keyed;	  /* an SA's key is in it */
};

static int say(const struct mailbox *m, uint32_t i, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says what went wrong and how to have it again. Return: -1. */
static int say(const struct mailbox *m, uint32_t i, const char *format, ...)
{
	va_list args;
	uint32_t at;

	fprintf(stderr, "batch %u, message %u: ", m->number, i);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n%u bytes: ", m->written);
	for (at = 0; at < m->written && at < 256; at++)
		fprintf(stderr, "%02x", m->request[at]);
	fprintf(stderr, "\nagain with --seed %" PRIu64 " --first %u --messages %u --frames 0\n",
		m->seed, m->number, m->count);
	return -1;
}

struct mailbox *mailbox_open(const char *socket)
{
	struct vesper_dev_opts opts = { .size = sizeof(opts), .card = socket };
	struct mailbox *m = calloc(1, sizeof(*m));
	struct vesper_mbx_identify_rsp card;

	if (!m)
		return NULL;
	if (vesper_dev_open(&opts, &m->dev) || vesper_dev_identify(m->dev, &card)) {
		fprintf(stderr, "%s\n", vesper_dev_strerror());
		mailbox_close(m);
		return NULL;
	}
	m->model = model_new(&card);
	if (m->model)
		return m;
	mailbox_close(m);
	return NULL;
}

void mailbox_close(struct mailbox *m)
{
	if (!m)
		return;
	vesper_dev_close(m->dev);
	model_free(m->model);
	free(m);
}

/* ---- requests ---- */

static void make_selector(struct rng *r, struct vesper_selector *sel)
{
	sel->family = once_in(r, 2) ? VESPER_IPV4 : VESPER_IPV6;
	sel->src_len = (uint8_t)(8 * below(r, sel->family == VESPER_IPV4 ? 5 : 17));
	rng_fill(r, sel->src, sel->src_len / 8);
	sel->proto = (uint8_t)below(r, 256);
	sel->sport_max = sel->dport_max = 0xffff;
	sel->dport_min = (uint16_t)below(r, 65536);
}

/* Few addresses and SPIs, so that some are there twice; few ports, so that there are sometimes too many. */
static void make_sa(struct rng *r, struct vesper_sa *sa)
{
	*sa = (struct vesper_sa){
		.dir = (uint8_t)(1 + below(r, 2)),
		.mode = (uint8_t)(1 + below(r, 2)),
		.family = once_in(r, 2) ? VESPER_IPV4 : VESPER_IPV6,
		.alg = once_in(r, 4) ? VESPER_ALG_AES_GMAC : VESPER_ALG_AES_GCM,
		.key_len = (uint8_t)(16 + 8 * below(r, 3)),
		.icv_len = 16,
		.ttl = (uint8_t)(1 + below(r, 255)),
		.tos = (uint8_t)(4 * below(r, 64)),
		.spi = { 1, 0, 0, (uint8_t)below(r, 24) },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, (uint8_t)(2 + below(r, 2)) },
		.flags = once_in(r, 2) ? VESPER_SAF_ESN : 0,
		.seq = once_in(r, 2) ? 0 : (uint32_t)rng_next(r),
		.soft_packets = once_in(r, 2) ? 0 : rng_next(r),
		.hard_bytes = once_in(r, 2) ? 0 : rng_next(r),
	};
	if (sa->alg == VESPER_ALG_AES_GCM)
		sa->icv_len = (uint8_t)(8 + 4 * below(r, 3));
	if (once_in(r, 2)) {
		sa->flags |= VESPER_SAF_UDP;
		sa->sport[0] = 1;
		sa->dport[0] = 0x11;
		sa->dport[1] = (uint8_t)(0x94 + below(r, 9));
	}
	if (sa->dir == VESPER_DIR_IN) {
		sa->replay_window = below(r, VESPER_REPLAY_MAX + 1);
		sa->queue = (uint16_t)below(r, 2);
		if (once_in(r, 2)) {
			sa->flags |= VESPER_SAF_SELECTOR;
			make_selector(r, &sa->sel);
		}
	} else if (once_in(r, 2)) {
		sa->lease_end = sa->seq + below(r, 1000);
		sa->lease_warn = sa->lease_end ? below(r, 1000) : 0;
		sa->mtu = (uint16_t)(1280 + below(r, 1000));
	}
	rng_fill(r, sa->key, sa->key_len);
	rng_fill(r, sa->salt, sizeof(sa->salt));
}

/* Breaks one rule of SAs, or comes near to it. */
static void mutate_sa(struct vesper_sa *sa, struct rng *r)
{
	static const uint8_t lengths[] = { 0, 1, 4, 15, 17, 20, 33, 64, 255 };
	uint8_t length = lengths[below(r, sizeof(lengths))];

	switch (below(r, 26)) {
	case 0:
		sa->dir = once_in(r, 2) ? 0 : (uint8_t)(3 + below(r, 253));
		break;
	case 1:
		sa->mode = once_in(r, 2) ? 0 : (uint8_t)(3 + below(r, 253));
		break;
	case 2:
		sa->family = once_in(r, 2) ? VESPER_IPV6 : (uint8_t)below(r, 256);
		break;
	case 3:
		sa->alg = (uint8_t)(2 + below(r, 255));
		break;
	case 4:
		sa->key_len = length;
		break;
	case 5:
		sa->icv_len = length;
		break;
	case 6: /* 255 is the last reserved SPI, 256 the first that is not */
		memset(sa->spi, 0, sizeof(sa->spi));
		sa->spi[2 + below(r, 2)] = (uint8_t)below(r, 2);
		break;
	case 7:
		memset(once_in(r, 2) ? sa->src : sa->dst, 0, 4);
		break;
	case 8:
		(once_in(r, 2) ? sa->src : sa->dst)[4 + below(r, 12)] = 1;
		break;
	case 9:
		sa->replay_window = once_in(r, 2) ? VESPER_REPLAY_MAX + 1 : (uint32_t)rng_next(r);
		break;
	case 10:
		sa->flags ^= 1u << below(r, once_in(r, 4) ? 32 : 12);
		break;
	case 11:
		sa->ttl = 0;
		break;
	case 12:
		sa->seq = 1ull << (31 + below(r, 33));
		break;
	case 13:
		sa->queue = (uint16_t)(2 + below(r, 65534));
		break;
	case 14:
		sa->reserved0 = (uint16_t)below(r, 65536);
		sa->reserved1 = once_in(r, 2);
		break;
	case 15:
		sa->reserved2[below(r, sizeof(sa->reserved2))] = 1;
		break;
	case 16:
		sa->tos |= (uint8_t)below(r, 4);
		break;
	case 17:
		sa->tfc = (uint16_t)(VESPER_TFC_MAX - 1 + below(r, 3));
		break;
	case 18:
		sa->mtu = (uint16_t)(once_in(r, 2) ? 67 + below(r, 2) : 1279 + below(r, 2));
		break;
	case 19:
		memset(once_in(r, 2) ? sa->sport : sa->dport, (int)below(r, 2), 2);
		break;
	case 20:
		sa->flow_label = 0xfffff + below(r, 2);
		break;
	case 21:
		sa->soft_bytes = below(r, 3);
		sa->hard_bytes = below(r, 3);
		break;
	case 22:
		sa->lease_end = once_in(r, 2) ? sa->seq - below(r, 2) : 0xffffffffull + below(r, 2);
		sa->lease_warn = below(r, 2);
		break;
	case 23:
		((uint8_t *)&sa->sel)[below(r, sizeof(sa->sel))] ^= (uint8_t)(1u << below(r, 8));
		break;
	case 24:
		make_selector(r, &sa->sel);
		sa->sel.src_len = (uint8_t)below(r, 140);
		break;
	default: /* the tail of a longer key */
		sa->key[31] = 1;
		break;
	}
}

/* Few kinds of masks more than most cards can search. */
static void make_policy(struct mailbox *m, struct rng *r, struct vesper_policy *p)
{
	*p = (struct vesper_policy){
		.family = VESPER_IPV4,
		.dst = { 10, (uint8_t)below(r, 4) },
		.dst_len = (uint8_t)(16 + below(r, 17)),
		.proto = once_in(r, 2) ? 0 : 17,
		.action = (uint8_t)(1 + below(r, 3)),
		.priority = below(r, 3),
	};
	if (p->action == VESPER_PROTECT)
		p->sa = model_any(m->model, r);
	if (p->proto && once_in(r, 2)) {
		p->dport_mask[0] = 0xff;
		p->dport[0] = (uint8_t)below(r, 3);
	}
	switch (below(r, 12)) {
	case 0:
		p->dst_len = (uint8_t)below(r, 256);
		break;
	case 1:
		p->dst[below(r, 16)] = 1;
		break;
	case 2:
		p->sport[below(r, 2)] = 1;
		break;
	case 3:
		p->action = (uint8_t)below(r, 5);
		break;
	case 4:
		p->family = (uint8_t)(4 + below(r, 4));
		break;
	case 5:
		((uint8_t *)p)[below(r, sizeof(*p))] ^= (uint8_t)(1u << below(r, 8));
		break;
	default:
		break;
	}
}

static void make_request(struct mailbox *m, struct rng *r)
{
	static const uint8_t commands[] = {
		/* The self-test takes as long as thirty others. */
		VESPER_MBX_IDENTIFY,   VESPER_MBX_STATS,      VESPER_MBX_SA_ADD,
		VESPER_MBX_SA_ADD,     VESPER_MBX_SA_ADD,     VESPER_MBX_SA_ADD,
		VESPER_MBX_SA_ADD,     VESPER_MBX_SA_ADD,     VESPER_MBX_SA_DEL,
		VESPER_MBX_SA_DEL,     VESPER_MBX_SA_DEL,     VESPER_MBX_SA_QUERY,
		VESPER_MBX_SA_QUERY,   VESPER_MBX_SA_QUERY,   VESPER_MBX_SA_QUERY,
		VESPER_MBX_SA_LEASE,   VESPER_MBX_POLICY_ADD, VESPER_MBX_POLICY_ADD,
		VESPER_MBX_POLICY_ADD, VESPER_MBX_POLICY_DEL, VESPER_MBX_POLICY_QUERY,
		VESPER_MBX_DSCP_MAP,
	};
	union {
		struct vesper_mbx_hdr hdr;
		struct vesper_mbx_handle named;
		struct vesper_mbx_sa_add add;
		struct vesper_mbx_sa_lease lease;
		struct vesper_mbx_policy_add policy;
		struct vesper_mbx_dscp_map map;
	} msg;
	uint16_t cmd = once_in(r, 50) ? VESPER_MBX_RESET : commands[below(r, sizeof(commands))];
	uint32_t i;

	if (once_in(r, 200))
		cmd = VESPER_MBX_SELFTEST;
	memset(&msg, 0, sizeof(msg));
	m->keyed = false;
	m->written = sizeof(msg.hdr);
	switch (cmd) {
	case VESPER_MBX_SA_ADD:
		m->written = sizeof(msg.add);
		make_sa(r, &msg.add.sa);
		m->keyed = true;
		if (once_in(r, 2))
			mutate_sa(&msg.add.sa, r);
		break;
	case VESPER_MBX_SA_DEL:
	case VESPER_MBX_SA_QUERY:
	case VESPER_MBX_POLICY_DEL:
	case VESPER_MBX_POLICY_QUERY:
		m->written = sizeof(msg.named);
		msg.named.handle = cmd == VESPER_MBX_POLICY_DEL || cmd == VESPER_MBX_POLICY_QUERY ?
					   model_any_policy(m->model, r) :
					   model_any(m->model, r);
		if ((cmd == VESPER_MBX_SA_QUERY || cmd == VESPER_MBX_POLICY_QUERY) &&
		    once_in(r, 2)) {
			msg.named.flags = VESPER_QUERY_NEXT;
			msg.named.handle += below(r, 3);
		}
		break;
	case VESPER_MBX_SA_LEASE:
		m->written = sizeof(msg.lease);
		msg.lease.handle = model_any(m->model, r);
		msg.lease.lease_end = rng_next(r) >> below(r, 64);
		break;
	case VESPER_MBX_POLICY_ADD:
		m->written = sizeof(msg.policy);
		make_policy(m, r, &msg.policy.policy);
		break;
	case VESPER_MBX_DSCP_MAP:
		m->written = sizeof(msg.map);
		for (i = 0; i < sizeof(msg.map.map); i++)
			msg.map.map[i] = (uint8_t)below(r, 64);
		if (once_in(r, 4))
			msg.map.map[below(r, sizeof(msg.map.map))] |= 64;
		break;
	default:
		break;
	}
	msg.hdr.cmd = cmd;
	msg.hdr.tag = (uint32_t)rng_next(r);
	msg.hdr.len = (uint16_t)m->written;
	memset(m->request, 0, sizeof(m->request));
	memcpy(m->request, &msg, sizeof(msg));
}

static void mutate(struct mailbox *m, struct rng *r)
{
	static const uint16_t lengths[] = { 0,	1,   23,  24,  28,   32,   40,
					    88, 276, 280, 284, 2048, 2052, 65535 };
	static const uint8_t bytes[] = {
		0, 1, 2, 3, 4, 6, 8, 15, 16, 17, 31, 32, 33, 127, 128, 255
	};
	uint16_t half;
	uint32_t at;

	switch (below(r, 8)) {
	case 0: /* the command */
		half = (uint16_t)(once_in(r, 2) ? below(r, 15) : below(r, 65536));
		memcpy(m->request, &half, sizeof(half));
		break;
	case 1: /* the length that it says */
		half = lengths[below(r, sizeof(lengths) / sizeof(lengths[0]))];
		memcpy(m->request + 2, &half, sizeof(half));
		break;
	case 2: /* what the header must leave zero */
		m->request[8 + below(r, 16)] = (uint8_t)(1u << below(r, 8));
		break;
	case 3: /* one field or another */
		m->request[below(r, m->written)] = bytes[below(r, sizeof(bytes))];
		break;
	case 4:
		m->request[below(r, m->written)] ^= (uint8_t)(1u << below(r, 8));
		break;
	case 5: /* less is written than it says */
		m->written = 4 * below(r, m->written / 4 + 1);
		memset(m->request + m->written, 0, sizeof(m->request) - m->written);
		break;
	case 6: /* more is written */
		at = m->written;
		m->written = once_in(r, 8) ? VESPER_MBX_SIZE : at + 4 * below(r, 32);
		if (m->written > VESPER_MBX_SIZE)
			m->written = VESPER_MBX_SIZE;
		rng_fill(r, m->request + at, m->written - at);
		break;
	default:
		at = once_in(r, 4) ? 0 : 24;
		rng_fill(r, m->request + at, m->written > at ? m->written - at : 0);
		break;
	}
	if (!m->written)
		m->written = 4;
}

/* ---- responses ---- */

static int exchange(struct mailbox *m, uint32_t i, uint8_t *response)
{
	const struct vesper_transport_ops *ops = m->dev->t->ops;
	uint64_t deadline = vesper_now_ms() + TIMEOUT_MS;
	uint32_t before, now, round = 0;

	if (vesper_reg_read(m->dev, REG(mbx_status), &before) ||
	    ops->write(m->dev->t, VESPER_REGION_BAR0, REG(mbx_request), m->request, m->written) ||
	    vesper_reg_write(m->dev, REG(mbx_doorbell), 1))
		return say(m, i, "%s", vesper_dev_strerror());
	do {
		if (vesper_now_ms() > deadline)
			return say(m, i, "no answer within %d ms", TIMEOUT_MS);
		vesper_backoff(++round);
		if (vesper_reg_read(m->dev, REG(mbx_status), &now))
			return say(m, i, "%s", vesper_dev_strerror());
	} while (now & VESPER__MBX_STATUS_R__BUSY_bm ||
		 now >> VESPER__MBX_STATUS_R__COUNT_bp == before >> VESPER__MBX_STATUS_R__COUNT_bp);
	if (ops->read(m->dev->t, VESPER_REGION_BAR0, REG(mbx_response), response,
		      sizeof(struct vesper_mbx_sa_query_rsp)))
		return say(m, i, "%s", vesper_dev_strerror());
	return 0;
}

/* Nothing of a request can be read again, and no key stands in either window. */
static int no_secrets(struct mailbox *m, uint32_t i)
{
	const struct vesper_transport_ops *ops = m->dev->t->ops;
	const uint8_t *key =
		m->request + sizeof(struct vesper_mbx_hdr) + offsetof(struct vesper_sa, key);
	static const uint8_t zero[VESPER_MBX_SIZE];
	uint8_t window[VESPER_MBX_SIZE];

	if (ops->read(m->dev->t, VESPER_REGION_BAR0, REG(mbx_request), window, sizeof(window)))
		return say(m, i, "%s", vesper_dev_strerror());
	if (memcmp(window, zero, sizeof(window)))
		return say(m, i, "the request can be read again");
	if (ops->read(m->dev->t, VESPER_REGION_BAR0, REG(mbx_response), window, sizeof(window)))
		return say(m, i, "%s", vesper_dev_strerror());
	/* In other messages there stands what may be read again, as a policy's selector. */
	if (m->keyed && memcmp(key, zero, SECRET) && memmem(window, sizeof(window), key, SECRET))
		return say(m, i, "the key stands in the response");
	return 0;
}

static int check(struct mailbox *m, uint32_t i, const uint8_t *response)
{
	struct vesper_mbx_policy_query_rsp policy;
	struct vesper_mbx_sa_query_rsp rsp;
	struct vesper_mbx_handle named;
	struct vesper_mbx_hdr req;
	struct answer want;
	const char *wrong;

	memcpy(&rsp, response, sizeof(rsp));
	memcpy(&named, response, sizeof(named));
	memcpy(&policy, response, sizeof(policy));
	memcpy(&req, m->request, sizeof(req));
	model_answer(m->model, m->request, &want);
	if (rsp.hdr.status != want.status && rsp.hdr.status != want.other)
		return say(m, i, "status %u (%s), expected %u (%s)", rsp.hdr.status,
			   vesper_mbx_strerror(rsp.hdr.status), want.status,
			   vesper_mbx_strerror(want.status));
	m->seen[rsp.hdr.status]++;
	if (rsp.hdr.cmd != req.cmd || rsp.hdr.tag != req.tag || rsp.hdr.reserved)
		return say(m, i, "the answer is to another request");
	if (rsp.hdr.len != want.len)
		return say(m, i, "length %u, expected %u", rsp.hdr.len, want.len);
	if (rsp.hdr.status == want.status &&
	    (rsp.hdr.field != want.field || rsp.hdr.value != want.value))
		return say(m, i, "field %u, value %" PRIu64 ", expected %u, %" PRIu64,
			   rsp.hdr.field, (uint64_t)rsp.hdr.value, want.field, want.value);
	if (want.status)
		return 0;
	if (req.cmd == VESPER_MBX_SA_ADD && !model_installed(m->model, m->request, named.handle))
		return say(m, i, "handle %#x cannot be", named.handle);
	if (req.cmd == VESPER_MBX_POLICY_ADD &&
	    !model_policy_installed(m->model, m->request, named.handle))
		return say(m, i, "handle %#x cannot be", named.handle);
	if (req.cmd == VESPER_MBX_POLICY_QUERY &&
	    (policy.handle != want.handle || policy.reserved ||
	     memcmp(&policy.policy, &want.policy, sizeof(want.policy))))
		return say(m, i, "policy %#x is wrong", want.handle);
	wrong = req.cmd == VESPER_MBX_SA_QUERY ? model_compare(&want.info, &rsp.info) : NULL;
	return wrong ? say(m, i, "%s of SA %#x is wrong", wrong, want.info.handle) : 0;
}

/* A sound SA goes in, is found, and goes again: the firmware is still all there. */
static int good_messages(struct mailbox *m, struct rng *r)
{
	struct vesper_sa_info info;
	struct vesper_sa sa;
	uint32_t handle;

	make_sa(r, &sa);
	sa.spi[0] = 2; /* none of the others has that */
	if (vesper_dev_sa_add(m->dev, &sa, &handle) || vesper_dev_sa_query(m->dev, handle, &info) ||
	    vesper_dev_sa_del(m->dev, handle))
		return say(m, m->count, "a good message: %s", vesper_dev_strerror());
	return info.handle == handle ? 0 : say(m, m->count, "a good SA has another handle");
}

int mailbox_batch(struct mailbox *m, uint64_t seed, uint32_t number, uint32_t count)
{
	uint8_t reset[VESPER_MBX_SIZE] = { VESPER_MBX_RESET, 0, sizeof(struct vesper_mbx_hdr) };
	uint8_t response[sizeof(struct vesper_mbx_sa_query_rsp)];
	struct rng r = rng_for(seed, 'M', number);
	struct answer answer;
	uint32_t i, n;

	m->seed = seed;
	m->number = number;
	m->count = count;
	m->written = 0;
	if (vesper_dev_reset(m->dev))
		return say(m, 0, "reset: %s", vesper_dev_strerror());
	model_answer(m->model, reset, &answer);
	for (i = 0; i < count; i++) {
		make_request(m, &r);
		for (n = once_in(&r, 2) ? 0 : 1 + below(&r, 2); n; n--)
			mutate(m, &r);
		memset(m->request + m->written, 0, sizeof(m->request) - m->written);
		if (exchange(m, i, response) || check(m, i, response))
			return -1;
		if (once_in(&r, 16) && no_secrets(m, i))
			return -1;
	}
	return good_messages(m, &r);
}

void mailbox_summary(const struct mailbox *m)
{
	unsigned int i;

	printf("messages:");
	for (i = 0; i < VESPER_MBX_STATUS_COUNT; i++)
		if (m->seen[i])
			printf(" %u: %" PRIu64, i, m->seen[i]);
	printf("\n");
}
