// SPDX-License-Identifier: BSD-2-Clause
/* Requests about SAs. */
#include "card.h"
#include "handlers.h"
#include "pipes.h"
#include "stage.h"
#include "table.h"
#include "vesper_sa.h"

#define SA_FIELD(member)   (FIELD(vesper_mbx_sa_add, sa) + FIELD(vesper_sa, member))
#define STATE_WORD(member) (offsetof(struct vesper_sa_state, member) / 4)
#define STATE_WORDS	   (sizeof(struct vesper_sa_state) / 4)

/* What the table says about a sound SA. */
static void refused(const struct vesper_sa *sa, enum vesper_mbx_status status, struct result *res)
{
	if (status == VESPER_MBX_E_DUPLICATE)
		refuse(res, status, SA_FIELD(spi), get_unaligned_be32(sa->spi));
	else
		refuse(res, status, 0, status == VESPER_MBX_E_FULL ? card_sa_entries() : 0);
}

/* Is it an SA whose packets come to a UDP port of ours? */
static bool listens(u32 flags, bool inbound)
{
	return inbound && (flags & VESPER_SAF_UDP);
}

/* The SA is sound and staged, and its H is on the way. Return: is it installed? */
static bool install(const struct vesper_sa *sa, struct result *res)
{
	enum vesper_mbx_status status, ports = VESPER_MBX_OK;
	u32 handle = 0;
	u16 dport;
	bool port;

	if (stage_hash_wait()) {
		refuse(res, VESPER_MBX_E_HARDWARE, 0, 0);
		return false;
	}
	table_install_begin(TABLE_SA);
	/* While the table is at work. Before its port is looked at, no packet reaches such an SA. */
	port = listens(le32_to_cpu(sa->flags), sa->dir == VESPER_DIR_IN);
	dport = get_unaligned_be16(sa->dport);
	if (port)
		ports = pipes_port_get(dport);
	status = table_install_end(TABLE_SA, &handle);
	if (!status && !ports) {
		give_handle(handle, res);
		return true;
	}
	if (!status)
		table_remove(TABLE_SA, handle);
	else if (port && !ports)
		pipes_port_put(dport);
	if (ports)
		refuse(res, ports, SA_FIELD(dport), dport);
	else
		refused(sa, status, res);
	return false;
}

/*
 * While the hardware copies the SA and computes its H, this CPU looks at all of
 * it but key and salt. The table gets the command only when everything is right.
 */
void sa_add(const void *msg, struct result *res)
{
	const struct vesper_sa *sa = &((const struct vesper_mbx_sa_add *)msg)->sa;
	struct vesper_sa_error err;
	enum vesper_mbx_status status;
	struct vesper_sa_map map;
	u32 queues, replay_max;
	int ret;

	if (!card_trusted()) {
		refuse(res, VESPER_MBX_E_SELFTEST, 0, 0);
		return;
	}
	ret = stage_sa(FIELD(vesper_mbx_sa_add, sa));
	queues = card_queues(); /* while the copy is under way */
	replay_max = card_replay_max();
	status = vesper_sa_check_kind(sa, &err);
	stage_map(&map);
	if (!ret && !status)
		stage_hash_key(sa->dir == VESPER_DIR_OUT ? CRYPTO_OUT : CRYPTO_IN, sa->key_len);
	status = vesper_sa_check_mapped(sa, &map, status, &err);
	if (!status)
		status = vesper_sa_check_card(sa, queues, replay_max, &err);
	if (status)
		refuse(res, status, (u16)(FIELD(vesper_mbx_sa_add, sa) + err.field), err.value);
	else if (ret)
		refuse(res, VESPER_MBX_E_HARDWARE, 0, 0);
	else if (install(sa, res))
		return;
	stage_erase();
}

void sa_del(const void *msg, struct result *res)
{
	const struct vesper_mbx_handle *req = msg;
	u32 handle = le32_to_cpu(req->handle), found = handle, flags = 0;
	enum vesper_mbx_status status = VESPER_MBX_OK;
	word_t ports = 0;

	if (req->flags) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags),
		       le32_to_cpu(req->flags));
		return;
	}
	if (handle & VESPER_SA_INBOUND) {
		status = table_read(TABLE_SA, &found, false);
		flags = table_sa_word(STATE_WORD(sa.flags));
		ports = table_sa_word(STATE_WORD(sa.sport));
	}
	if (!status)
		status = table_remove(TABLE_SA, handle);
	if (status)
		refuse(res, status, FIELD(vesper_mbx_handle, handle), handle);
	else if (listens(flags, true))
		pipes_port_put(get_unaligned_be16((const u8 *)&ports + 2));
}

void sa_query(const void *msg, struct result *res)
{
	const struct vesper_mbx_handle *req = msg;
	enum vesper_mbx_status status;
	u32 handle = le32_to_cpu(req->handle), flags = le32_to_cpu(req->flags), i;

	if (flags & ~VESPER_QUERY_NEXT) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), flags);
		return;
	}
	status = table_read(TABLE_SA, &handle, flags & VESPER_QUERY_NEXT);
	if (status) {
		refuse(res, status, FIELD(vesper_mbx_handle, handle), le32_to_cpu(req->handle));
		return;
	}
	/* struct vesper_sa_info is a handle and struct vesper_sa_state. */
	give_handle(handle, res);
	for (i = 0; i < STATE_WORDS; i++)
		mmio_response_write(HDR_WORDS + 2 + i, table_sa_word(i));
	res->body += sizeof(struct vesper_sa_state);
}

_Static_assert(sizeof(struct vesper_sa_info) == 8 + sizeof(struct vesper_sa_state), "SA_QUERY");
_Static_assert(offsetof(struct vesper_sa_info, sa) == 8 + offsetof(struct vesper_sa_state, sa),
	       "SA_QUERY");

void sa_lease(const void *msg, struct result *res)
{
	const struct vesper_mbx_sa_lease *req = msg;
	u32 handle = le32_to_cpu(req->handle), found = handle;
	u64 end = le64_to_cpu(req->lease_end), seq;
	enum vesper_mbx_status status;

	if (req->reserved) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_sa_lease, reserved),
		       le32_to_cpu(req->reserved));
		return;
	}
	status = table_read(TABLE_SA, &found, false);
	if (!status && (handle & VESPER_SA_INBOUND))
		status = VESPER_MBX_E_LEASE;
	if (status) {
		refuse(res, status, FIELD(vesper_mbx_sa_lease, handle), handle);
		return;
	}
	seq = (u64)table_sa_word(STATE_WORD(seq) + 1) << 32 | table_sa_word(STATE_WORD(seq));
	if (!vesper_lease_fits(end, seq, table_sa_word(STATE_WORD(sa.flags)))) {
		refuse(res, VESPER_MBX_E_LEASE, FIELD(vesper_mbx_sa_lease, lease_end), end);
		return;
	}
	status = table_lease(handle, end);
	if (status)
		refuse(res, status, FIELD(vesper_mbx_sa_lease, handle), handle);
}
