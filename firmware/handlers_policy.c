// SPDX-License-Identifier: BSD-2-Clause
/* Requests about outbound policies. */
#include "card.h"
#include "handlers.h"
#include "stage.h"
#include "table.h"
#include "vesper_policy.h"

#define POLICY_FIELD(member) (FIELD(vesper_mbx_policy_add, policy) + FIELD(vesper_policy, member))
#define POLICY_WORDS	     (sizeof(struct vesper_policy) / 4)

/* What the table says about a sound policy. */
static void refused(enum vesper_mbx_status status, struct result *res)
{
	switch (status) {
	case VESPER_MBX_E_POLICY_DUPLICATE:
		refuse(res, status, POLICY_FIELD(src), 0);
		break;
	case VESPER_MBX_E_POLICY_FULL:
		refuse(res, status, 0, card_policies());
		break;
	case VESPER_MBX_E_POLICY_MASKS:
		refuse(res, status, 0, card_policy_masks());
		break;
	default:
		refuse(res, status, 0, 0);
		break;
	}
}

void policy_add(const void *msg, struct result *res)
{
	const struct vesper_policy *policy = &((const struct vesper_mbx_policy_add *)msg)->policy;
	u32 sa = le32_to_cpu(policy->sa), found = sa, handle = 0;
	struct vesper_sa_error err;
	enum vesper_mbx_status status;
	struct vesper_sa_map map;

	stage_policy(FIELD(vesper_mbx_policy_add, policy));
	status = vesper_policy_check(policy, &err);
	if (status) {
		refuse(res, status, (u16)(FIELD(vesper_mbx_policy_add, policy) + err.field),
		       err.value);
		goto out;
	}
	if (policy->action == VESPER_PROTECT) {
		status = table_read(TABLE_SA, &found, false);
		if (status == VESPER_MBX_E_HANDLE) /* that it is an outbound one was checked */
			status = VESPER_MBX_E_POLICY_SA;
		if (status) {
			refuse(res, status, POLICY_FIELD(sa), sa);
			goto out;
		}
	}
	stage_map(&map);
	table_install_begin(TABLE_POLICY);
	status = table_install_end(TABLE_POLICY, &handle);
	if (status)
		refused(status, res);
	else
		give_handle(handle, res);
	return;
out:
	stage_map(&map); /* nothing is copied any more when the next request comes */
}

void policy_del(const void *msg, struct result *res)
{
	const struct vesper_mbx_handle *req = msg;
	u32 handle = le32_to_cpu(req->handle);
	enum vesper_mbx_status status;

	if (req->flags) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags),
		       le32_to_cpu(req->flags));
		return;
	}
	status = table_remove(TABLE_POLICY, handle);
	if (status)
		refuse(res, status, FIELD(vesper_mbx_handle, handle), handle);
}

void policy_query(const void *msg, struct result *res)
{
	const struct vesper_mbx_handle *req = msg;
	u32 handle = le32_to_cpu(req->handle), flags = le32_to_cpu(req->flags), i;
	enum vesper_mbx_status status;

	if (flags & ~VESPER_QUERY_NEXT) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), flags);
		return;
	}
	status = table_read(TABLE_POLICY, &handle, flags & VESPER_QUERY_NEXT);
	if (status) {
		refuse(res, status, FIELD(vesper_mbx_handle, handle), le32_to_cpu(req->handle));
		return;
	}
	give_handle(handle, res);
	for (i = 0; i < POLICY_WORDS; i++)
		mmio_response_write(HDR_WORDS + 2 + i, table_policy_word(i));
	res->body += sizeof(struct vesper_policy);
}

_Static_assert(sizeof(struct vesper_mbx_policy_query_rsp) ==
		       sizeof(struct vesper_mbx_hdr) + 8 + sizeof(struct vesper_policy),
	       "POLICY_QUERY");
