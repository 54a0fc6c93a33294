// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "fuzz_mailbox.h"
#include "ipv4.h"
#include "vesper_sa.h"

#define FIELD(type, member) ((uint16_t)offsetof(struct type, member))

struct entry {
	uint32_t handle; /* 0: free */
	struct vesper_sa sa;
};

struct model {
	uint32_t entries, queues;
	uint32_t count[2];   /* outbound, inbound */
	struct entry *at[2]; /* by index */
};

struct model *model_new(uint32_t entries, uint32_t queues)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->entries = entries;
	m->queues = queues;
	m->at[0] = calloc(entries, sizeof(struct entry));
	m->at[1] = calloc(entries, sizeof(struct entry));
	if (m->at[0] && m->at[1])
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
		if (e->handle && !memcmp(e->sa.dst, sa->dst, sizeof(sa->dst)) &&
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

static void answer_add(struct model *m, const struct vesper_sa *sa, struct answer *a)
{
	struct vesper_sa_error err = { 0 };
	enum vesper_mbx_status status = vesper_sa_check(sa, &err);
	bool full;

	if (!status)
		status = vesper_sa_check_queue(sa, m->queues, &err);
	a->len = sizeof(struct vesper_mbx_handle);
	if (status) {
		refuse(a, status, (uint16_t)(FIELD(vesper_mbx_sa_add, sa) + err.field), err.value);
		return;
	}
	full = m->count[sa->dir == VESPER_DIR_IN] == m->entries;
	if (taken(m, sa)) {
		refuse(a, VESPER_MBX_E_DUPLICATE,
		       (uint16_t)(FIELD(vesper_mbx_sa_add, sa) + FIELD(vesper_sa, spi)),
		       get_be32(sa->spi));
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
		.dir = e->sa.dir,
		.mode = e->sa.mode,
		.family = e->sa.family,
		.alg = e->sa.alg,
		.key_len = e->sa.key_len,
		.icv_len = e->sa.icv_len,
		.queue = e->sa.queue,
		.replay_window = e->sa.replay_window,
		.seq = e->sa.seq,
	};
	memcpy(a->info.spi, e->sa.spi, sizeof(a->info.spi));
	memcpy(a->info.src, e->sa.src, sizeof(a->info.src));
	memcpy(a->info.dst, e->sa.dst, sizeof(a->info.dst));
}

static void wipe(struct model *m)
{
	unsigned int in;

	for (in = 0; in < 2; in++) {
		memset(m->at[in], 0, m->entries * sizeof(struct entry));
		m->count[in] = 0;
	}
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
		return sizeof(struct vesper_mbx_handle);
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
	struct vesper_mbx_hdr hdr;
	struct vesper_mbx_handle named;
	struct vesper_mbx_sa_add add;

	memset(a, 0, sizeof(*a));
	memcpy(&hdr, request, sizeof(hdr));
	memcpy(&named, request, sizeof(named));
	memcpy(&add, request, sizeof(add));
	if (header_wrong(&hdr, a))
		return;
	switch (hdr.cmd) {
	case VESPER_MBX_IDENTIFY:
		a->len = sizeof(struct vesper_mbx_identify_rsp);
		break;
	case VESPER_MBX_SA_ADD:
		answer_add(m, &add.sa, a);
		break;
	case VESPER_MBX_SA_DEL:
		answer_del(m, &named, a);
		break;
	case VESPER_MBX_SA_QUERY:
		answer_query(m, &named, a);
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
	m->count[inbound(handle)]++;
	return true;
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
	bool out = want->dir == VESPER_DIR_OUT;

	if (got->handle != want->handle)
		return "handle";
	if (got->dir != want->dir || got->mode != want->mode || got->family != want->family ||
	    got->alg != want->alg)
		return "kind";
	if (got->key_len != want->key_len || got->icv_len != want->icv_len)
		return "key_len or icv_len";
	if (!out && got->queue != want->queue)
		return "queue";
	if (got->replay_window != want->replay_window)
		return "replay_window";
	if (memcmp(got->spi, want->spi, sizeof(want->spi)))
		return "spi";
	if (memcmp(got->dst, want->dst, sizeof(want->dst)))
		return "dst";
	if (out && want->mode == VESPER_MODE_TUNNEL &&
	    memcmp(got->src, want->src, sizeof(want->src)))
		return "src";
	if (got->seq != want->seq)
		return "seq";
	if (got->packets || got->bytes || got->replayed || got->icv_failed)
		return "counters";
	return NULL;
}
