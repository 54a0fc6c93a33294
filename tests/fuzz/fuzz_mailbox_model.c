// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "fuzz_mailbox.h"
#include "vesper_policy.h"
#include "vesper_sa.h"
#include "vesper_status.h"

#define FIELD(type, member) ((uint16_t)offsetof(struct type, member))

#define PORT  4500 /* at which the card looks for ESP anyway */
#define PORTS 8

struct entry {
	uint32_t handle; /* 0: free */
	uint64_t lease_end;
	struct vesper_sa sa;
};

struct policy {
	uint32_t handle; /* 0: free */
	struct vesper_policy policy;
};

struct model {
	uint32_t entries, queues, replay_max;
	uint32_t policies, masks;
	uint32_t count[2];   /* outbound, inbound */
	struct entry *at[2]; /* by index */
	uint32_t policy_count;
	struct policy *policy; /* by index */
};

struct model *model_new(const struct vesper_mbx_identify_rsp *card)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->entries = card->sa_entries;
	m->queues = card->queues;
	m->replay_max = card->replay_max;
	m->policies = card->policy_entries;
	m->masks = card->policy_masks;
	m->at[0] = calloc(m->entries, sizeof(struct entry));
	m->at[1] = calloc(m->entries, sizeof(struct entry));
	m->policy = calloc(m->policies, sizeof(struct policy));
	if (m->at[0] && m->at[1] && m->policy)
		return m;
	model_free(m);
	return NULL;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	free(m->at[0]);
	free(m->at[1]);
	free(m->policy);
	free(m);
}

static unsigned int inbound(uint32_t handle)
{
	return !!(handle & VESPER_SA_INBOUND);
}

static struct entry *find(struct model *m, uint32_t handle)
{
	uint32_t index = handle & VESPER_SA_INDEX_MASK;
	struct entry *e;

	if (!handle || index >= m->entries)
		return NULL;
	e = &m->at[inbound(handle)][index];
	return e->handle == handle ? e : NULL;
}

/* The first SA whose direction and index are at or above the handle's. */
static struct entry *find_next(struct model *m, uint32_t handle)
{
	uint32_t index = handle & VESPER_SA_INDEX_MASK;
	unsigned int in;

	for (in = inbound(handle); in < 2; in++, index = 0)
		for (; index < m->entries; index++)
			if (m->at[in][index].handle)
				return &m->at[in][index];
	return NULL;
}

static bool taken(struct model *m, const struct vesper_sa *sa)
{
	unsigned int in = sa->dir == VESPER_DIR_IN;
	const struct entry *e;
	uint32_t i;

	for (i = 0; i < m->entries; i++) {
		e = &m->at[in][i];
		if (e->handle && e->sa.family == sa->family &&
		    !memcmp(e->sa.dst, sa->dst, sizeof(sa->dst)) &&
		    !memcmp(e->sa.spi, sa->spi, sizeof(sa->spi)))
			return true;
	}
	return false;
}

static void refuse(struct answer *a, uint32_t status, uint16_t field, uint64_t value)
{
	a->status = a->other = status;
	a->field = field;
	a->value = value;
	a->len = sizeof(struct vesper_mbx_hdr);
}

static uint32_t port_of(const struct vesper_sa *sa)
{
	return sa->dir == VESPER_DIR_IN && (sa->flags & VESPER_SAF_UDP) ?
		       get_unaligned_be16(sa->dport) :
		       0;
}

/* Is the port one too many for the card to look at? */
static bool ports_full(struct model *m, uint32_t port)
{
	uint32_t seen[PORTS] = { PORT }, n = 1, i, k, other;

	for (i = 0; port && i < m->entries; i++) {
		other = m->at[1][i].handle ? port_of(&m->at[1][i].sa) : 0;
		for (k = 0; k < n && seen[k] != other; k++)
			;
		if (other && k == n && n < PORTS)
			seen[n++] = other;
	}
	for (k = 0; k < n && seen[k] != port; k++)
		;
	return port && k == PORTS;
}

static void answer_add(struct model *m, const struct vesper_sa *sa, struct answer *a)
{
	struct vesper_sa_error err = { 0 };
	enum vesper_mbx_status status = vesper_sa_check(sa, &err);
	bool full;

	if (!status)
		status = vesper_sa_check_card(sa, m->queues, m->replay_max, &err);
	a->len = sizeof(struct vesper_mbx_handle);
	if (status) {
		refuse(a, status, (uint16_t)(FIELD(vesper_mbx_sa_add, sa) + err.field), err.value);
		return;
	}
	full = m->count[sa->dir == VESPER_DIR_IN] == m->entries;
	if (ports_full(m, port_of(sa))) {
		refuse(a, VESPER_MBX_E_PORTS_FULL,
		       (uint16_t)(FIELD(vesper_mbx_sa_add, sa) + FIELD(vesper_sa, dport)),
		       port_of(sa));
	} else if (taken(m, sa)) {
		refuse(a, VESPER_MBX_E_DUPLICATE,
		       (uint16_t)(FIELD(vesper_mbx_sa_add, sa) + FIELD(vesper_sa, spi)),
		       get_unaligned_be32(sa->spi));
		if (full)
			a->other = VESPER_MBX_E_FULL;
	} else if (full) {
		refuse(a, VESPER_MBX_E_FULL, 0, m->entries);
	}
}

static void answer_del(struct model *m, const struct vesper_mbx_handle *req, struct answer *a)
{
	struct entry *e = find(m, req->handle);

	a->len = sizeof(struct vesper_mbx_hdr);
	if (req->flags) {
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), req->flags);
	} else if (!e) {
		refuse(a, VESPER_MBX_E_HANDLE, FIELD(vesper_mbx_handle, handle), req->handle);
	} else {
		m->count[inbound(e->handle)]--;
		memset(e, 0, sizeof(*e));
	}
}

static void answer_query(struct model *m, const struct vesper_mbx_handle *req, struct answer *a)
{
	const struct entry *e;

	a->len = sizeof(struct vesper_mbx_sa_query_rsp);
	if (req->flags & ~VESPER_QUERY_NEXT) {
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), req->flags);
		return;
	}
	e = req->flags ? find_next(m, req->handle) : find(m, req->handle);
	if (!e) {
		refuse(a, VESPER_MBX_E_HANDLE, FIELD(vesper_mbx_handle, handle), req->handle);
		return;
	}
	a->info = (struct vesper_sa_info){
		.handle = e->handle,
		.seq = e->sa.seq,
		.lease_end = e->lease_end,
		.sa = e->sa,
	};
	memset(a->info.sa.key, 0, sizeof(a->info.sa.key));
	memset(a->info.sa.salt, 0, sizeof(a->info.sa.salt));
}

static void answer_lease(struct model *m, const struct vesper_mbx_sa_lease *req, struct answer *a)
{
	struct entry *e = find(m, req->handle);

	a->len = sizeof(struct vesper_mbx_hdr);
	if (req->reserved) {
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_sa_lease, reserved),
		       req->reserved);
	} else if (!e) {
		refuse(a, VESPER_MBX_E_HANDLE, FIELD(vesper_mbx_sa_lease, handle), req->handle);
	} else if (inbound(req->handle)) {
		refuse(a, VESPER_MBX_E_LEASE, FIELD(vesper_mbx_sa_lease, handle), req->handle);
	} else if (req->lease_end && (req->lease_end < e->sa.seq ||
				      (!(e->sa.flags & VESPER_SAF_ESN) && req->lease_end >> 32))) {
		refuse(a, VESPER_MBX_E_LEASE, FIELD(vesper_mbx_sa_lease, lease_end),
		       req->lease_end);
	} else {
		e->lease_end = req->lease_end;
	}
}

/* ---- policies ---- */

static struct policy *find_policy(struct model *m, uint32_t handle)
{
	uint32_t index = handle & 0xffff;

	return handle && index < m->policies && m->policy[index].handle == handle ?
		       &m->policy[index] :
		       NULL;
}

static struct policy *next_policy(struct model *m, uint32_t handle)
{
	uint32_t index = handle & 0xffff;

	for (; index < m->policies; index++)
		if (m->policy[index].handle)
			return &m->policy[index];
	return NULL;
}

static bool same_mask(const struct vesper_policy *a, const struct vesper_policy *b)
{
	return a->family == b->family && a->src_len == b->src_len && a->dst_len == b->dst_len &&
	       !a->proto == !b->proto && !memcmp(a->sport_mask, b->sport_mask, 2) &&
	       !memcmp(a->dport_mask, b->dport_mask, 2);
}

static bool same_selector(const struct vesper_policy *a, const struct vesper_policy *b)
{
	return same_mask(a, b) && a->proto == b->proto && !memcmp(a->src, b->src, 16) &&
	       !memcmp(a->dst, b->dst, 16) && !memcmp(a->sport, b->sport, 2) &&
	       !memcmp(a->dport, b->dport, 2);
}

/* A policy may stand in for another while that is replaced, with another priority. */
static bool policy_taken(struct model *m, const struct vesper_policy *p)
{
	uint32_t i, same = 0;

	for (i = 0; i < m->policies; i++) {
		const struct policy *e = &m->policy[i];

		if (!e->handle || !same_selector(&e->policy, p))
			continue;
		same++;
		if (e->policy.priority == p->priority)
			return true;
	}
	return same >= 2;
}

static bool masks_full(struct model *m, const struct vesper_policy *p)
{
	uint32_t i, k, masks = 0;

	for (i = 0; i < m->policies; i++) {
		if (!m->policy[i].handle)
			continue;
		if (same_mask(&m->policy[i].policy, p))
			return false;
		for (k = 0; k < i && !(m->policy[k].handle &&
				       same_mask(&m->policy[k].policy, &m->policy[i].policy));
		     k++)
			;
		masks += k == i;
	}
	return masks == m->masks;
}

static void answer_policy_add(struct model *m, const struct vesper_policy *p, struct answer *a)
{
	struct vesper_sa_error err = { 0 };
	enum vesper_mbx_status status = vesper_policy_check(p, &err);

	a->len = sizeof(struct vesper_mbx_handle);
	if (status) {
		refuse(a, status, (uint16_t)(FIELD(vesper_mbx_policy_add, policy) + err.field),
		       err.value);
		return;
	}
	if (p->action == VESPER_PROTECT && (!find(m, p->sa) || inbound(p->sa))) {
		refuse(a, VESPER_MBX_E_POLICY_SA,
		       (uint16_t)(FIELD(vesper_mbx_policy_add, policy) + FIELD(vesper_policy, sa)),
		       p->sa);
		return;
	}
	if (masks_full(m, p))
		refuse(a, VESPER_MBX_E_POLICY_MASKS, 0, m->masks);
	else if (policy_taken(m, p))
		refuse(a, VESPER_MBX_E_POLICY_DUPLICATE, FIELD(vesper_mbx_policy_add, policy), 0);
	else if (m->policy_count == m->policies)
		refuse(a, VESPER_MBX_E_POLICY_FULL, 0, m->policies);
}

static void answer_policy_del(struct model *m, const struct vesper_mbx_handle *req,
			      struct answer *a)
{
	struct policy *e = find_policy(m, req->handle);

	a->len = sizeof(struct vesper_mbx_hdr);
	if (req->flags) {
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), req->flags);
	} else if (!e) {
		refuse(a, VESPER_MBX_E_POLICY_HANDLE, FIELD(vesper_mbx_handle, handle),
		       req->handle);
	} else {
		m->policy_count--;
		e->handle = 0;
	}
}

static void answer_policy_query(struct model *m, const struct vesper_mbx_handle *req,
				struct answer *a)
{
	const struct policy *e;

	a->len = sizeof(struct vesper_mbx_policy_query_rsp);
	if (req->flags & ~VESPER_QUERY_NEXT) {
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), req->flags);
		return;
	}
	e = req->flags ? next_policy(m, req->handle) : find_policy(m, req->handle);
	if (!e) {
		refuse(a, VESPER_MBX_E_POLICY_HANDLE, FIELD(vesper_mbx_handle, handle),
		       req->handle);
		return;
	}
	a->handle = e->handle;
	a->policy = e->policy;
}

static void answer_dscp_map(const struct vesper_mbx_dscp_map *req, struct answer *a)
{
	uint32_t i;

	a->len = sizeof(struct vesper_mbx_hdr);
	for (i = 0; i < sizeof(req->map) && req->map[i] < 64; i++)
		;
	if (i < sizeof(req->map))
		refuse(a, VESPER_MBX_E_DSCP, (uint16_t)(FIELD(vesper_mbx_dscp_map, map) + i),
		       req->map[i]);
}

static void wipe(struct model *m)
{
	unsigned int in;

	for (in = 0; in < 2; in++) {
		memset(m->at[in], 0, m->entries * sizeof(struct entry));
		m->count[in] = 0;
	}
	memset(m->policy, 0, m->policies * sizeof(struct policy));
	m->policy_count = 0;
}

static uint32_t request_length(uint32_t cmd)
{
	switch (cmd) {
	case VESPER_MBX_IDENTIFY:
	case VESPER_MBX_STATS:
	case VESPER_MBX_SELFTEST:
	case VESPER_MBX_RESET:
		return sizeof(struct vesper_mbx_hdr);
	case VESPER_MBX_SA_ADD:
		return sizeof(struct vesper_mbx_sa_add);
	case VESPER_MBX_SA_DEL:
	case VESPER_MBX_SA_QUERY:
	case VESPER_MBX_POLICY_DEL:
	case VESPER_MBX_POLICY_QUERY:
		return sizeof(struct vesper_mbx_handle);
	case VESPER_MBX_SA_LEASE:
		return sizeof(struct vesper_mbx_sa_lease);
	case VESPER_MBX_POLICY_ADD:
		return sizeof(struct vesper_mbx_policy_add);
	case VESPER_MBX_DSCP_MAP:
		return sizeof(struct vesper_mbx_dscp_map);
	default:
		return 0;
	}
}

static bool header_wrong(const struct vesper_mbx_hdr *hdr, struct answer *a)
{
	if (!request_length(hdr->cmd))
		refuse(a, VESPER_MBX_E_COMMAND, FIELD(vesper_mbx_hdr, cmd), hdr->cmd);
	else if (hdr->len != request_length(hdr->cmd))
		refuse(a, VESPER_MBX_E_LENGTH, FIELD(vesper_mbx_hdr, len), hdr->len);
	else if (hdr->status)
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, status), hdr->status);
	else if (hdr->field)
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, field), hdr->field);
	else if (hdr->reserved)
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, reserved), hdr->reserved);
	else if (hdr->value)
		refuse(a, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, value), hdr->value);
	return a->status;
}

void model_answer(struct model *m, const uint8_t *request, struct answer *a)
{
	union {
		struct vesper_mbx_hdr hdr;
		struct vesper_mbx_handle named;
		struct vesper_mbx_sa_add add;
		struct vesper_mbx_sa_lease lease;
		struct vesper_mbx_policy_add policy;
		struct vesper_mbx_dscp_map map;
	} msg;

	memset(a, 0, sizeof(*a));
	memcpy(&msg, request, sizeof(msg));
	if (header_wrong(&msg.hdr, a))
		return;
	switch (msg.hdr.cmd) {
	case VESPER_MBX_IDENTIFY:
		a->len = sizeof(struct vesper_mbx_identify_rsp);
		break;
	case VESPER_MBX_SA_ADD:
		answer_add(m, &msg.add.sa, a);
		break;
	case VESPER_MBX_SA_DEL:
		answer_del(m, &msg.named, a);
		break;
	case VESPER_MBX_SA_QUERY:
		answer_query(m, &msg.named, a);
		break;
	case VESPER_MBX_SA_LEASE:
		answer_lease(m, &msg.lease, a);
		break;
	case VESPER_MBX_POLICY_ADD:
		answer_policy_add(m, &msg.policy.policy, a);
		break;
	case VESPER_MBX_POLICY_DEL:
		answer_policy_del(m, &msg.named, a);
		break;
	case VESPER_MBX_POLICY_QUERY:
		answer_policy_query(m, &msg.named, a);
		break;
	case VESPER_MBX_DSCP_MAP:
		answer_dscp_map(&msg.map, a);
		break;
	case VESPER_MBX_STATS:
		a->len = sizeof(struct vesper_mbx_stats_rsp);
		break;
	case VESPER_MBX_RESET:
		wipe(m);
		a->len = sizeof(struct vesper_mbx_hdr);
		break;
	default:
		a->len = sizeof(struct vesper_mbx_hdr);
		break;
	}
}

bool model_installed(struct model *m, const uint8_t *request, uint32_t handle)
{
	uint32_t index = handle & VESPER_SA_INDEX_MASK;
	struct vesper_mbx_sa_add add;
	struct entry *e;

	memcpy(&add, request, sizeof(add));
	if (index >= m->entries || !(handle >> VESPER_SA_GEN_SHIFT) ||
	    inbound(handle) != (add.sa.dir == VESPER_DIR_IN))
		return false;
	e = &m->at[inbound(handle)][index];
	if (e->handle)
		return false;
	e->handle = handle;
	e->sa = add.sa;
	e->lease_end = add.sa.lease_end;
	m->count[inbound(handle)]++;
	return true;
}

bool model_policy_installed(struct model *m, const uint8_t *request, uint32_t handle)
{
	uint32_t index = handle & 0xffff;
	struct vesper_mbx_policy_add add;

	memcpy(&add, request, sizeof(add));
	if (index >= m->policies || !(handle >> 16) || m->policy[index].handle)
		return false;
	m->policy[index] = (struct policy){ .handle = handle, .policy = add.policy };
	m->policy_count++;
	return true;
}

uint32_t model_any_policy(struct model *m, struct rng *r)
{
	struct policy *e = next_policy(m, below(r, m->policies));

	if (!e)
		e = next_policy(m, 0);
	return e ? e->handle : 0;
}

uint32_t model_any(struct model *m, struct rng *r)
{
	uint32_t start = (once_in(r, 2) ? VESPER_SA_INBOUND : 0) | below(r, m->entries);
	struct entry *e = find_next(m, start);

	if (!e)
		e = find_next(m, 0);
	return e ? e->handle : 0;
}

const char *model_compare(const struct vesper_sa_info *want, const struct vesper_sa_info *got)
{
	uint32_t i;

	if (got->handle != want->handle || got->reserved)
		return "handle";
	if (got->seq != want->seq)
		return "seq";
	if (got->lease_end != want->lease_end)
		return "lease_end";
	if (got->packets || got->bytes)
		return "packets or bytes";
	for (i = 0; i < VESPER_SAD_COUNT; i++)
		if (got->drops[i])
			return "drops";
	for (i = 0; i < sizeof(want->sa); i++)
		if (((const uint8_t *)&got->sa)[i] != ((const uint8_t *)&want->sa)[i])
			return vesper_sa_field_name(i);
	return NULL;
}
