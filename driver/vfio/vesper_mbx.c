// SPDX-License-Identifier: BSD-2-Clause
/* Mailbox client: requests to the card's firmware, and what its refusals mean. */
#include <errno.h>

#include "vesper_dev_priv.h"
#include "vesper_status.h"

static const char *const cmd_names[] = {
	[VESPER_MBX_IDENTIFY] = "IDENTIFY",
	[VESPER_MBX_SA_ADD] = "SA_ADD",
	[VESPER_MBX_SA_DEL] = "SA_DEL",
	[VESPER_MBX_SA_QUERY] = "SA_QUERY",
	[VESPER_MBX_STATS] = "STATS",
	[VESPER_MBX_SELFTEST] = "SELFTEST",
	[VESPER_MBX_RESET] = "RESET",
	[VESPER_MBX_SA_LEASE] = "SA_LEASE",
	[VESPER_MBX_POLICY_ADD] = "POLICY_ADD",
	[VESPER_MBX_POLICY_DEL] = "POLICY_DEL",
	[VESPER_MBX_POLICY_QUERY] = "POLICY_QUERY",
	[VESPER_MBX_DSCP_MAP] = "DSCP_MAP",
};

static const char *cmd_name(u32 cmd)
{
	return cmd < ARRAY_SIZE(cmd_names) && cmd_names[cmd] ? cmd_names[cmd] : "request";
}

static int refusal_errno(u32 status)
{
	switch (status) {
	case VESPER_MBX_E_COMMAND:
		return -ENOSYS;
	case VESPER_MBX_E_DUPLICATE:
	case VESPER_MBX_E_POLICY_DUPLICATE:
		return -EEXIST;
	case VESPER_MBX_E_FULL:
	case VESPER_MBX_E_PORTS_FULL:
	case VESPER_MBX_E_POLICY_FULL:
	case VESPER_MBX_E_POLICY_MASKS:
		return -ENOSPC;
	case VESPER_MBX_E_HANDLE:
	case VESPER_MBX_E_POLICY_HANDLE:
		return -ENOENT;
	case VESPER_MBX_E_SELFTEST:
		return -ENOTRECOVERABLE;
	case VESPER_MBX_E_HARDWARE:
		return -EIO;
	default:
		return status < VESPER_MBX_STATUS_COUNT ? -EINVAL : -EPROTO;
	}
}

/* The field of what is added that a refusal names, or NULL. */
static const char *field_name(u32 cmd, u32 field)
{
	u32 offset = field - (u32)sizeof(struct vesper_mbx_hdr);

	if (field < sizeof(struct vesper_mbx_hdr))
		return NULL;
	switch (cmd) {
	case VESPER_MBX_SA_ADD:
		return vesper_sa_field_name(offset);
	case VESPER_MBX_POLICY_ADD:
		return vesper_policy_field_name(offset);
	default:
		return NULL;
	}
}

static int refused(const struct vesper_mbx_hdr *rsp)
{
	u32 cmd = le16_to_cpu(rsp->cmd), status = le32_to_cpu(rsp->status);
	u32 field = le16_to_cpu(rsp->field);
	u64 value = le64_to_cpu(rsp->value);
	const char *name = field_name(cmd, field);

	vesper_set_refusal((enum vesper_mbx_status)status, (u16)field, value);
	if (name)
		return vesper_error(refusal_errno(status), "%s refused: %s (%s is %llu)",
				    cmd_name(cmd), vesper_mbx_strerror(status), name,
				    (unsigned long long)value);
	return vesper_error(refusal_errno(status),
			    "%s refused: %s (status %u, offset %u, value 0x%llx)", cmd_name(cmd),
			    vesper_mbx_strerror(status), status, field, (unsigned long long)value);
}

/*
 * Wait until the firmware is not busy, and with @count >= 0, until it has given
 * more responses than that. -ETIMEDOUT: it has not.
 */
static int wait_response(struct vesper_dev *dev, int count, u32 *status)
{
	u64 deadline = vesper_now_ms() + dev->timeout_ms;
	u32 round = 0;
	bool late;
	int err;

	for (;;) {
		late = vesper_now_ms() >= deadline;
		err = vesper_reg_read(dev, REG(mbx_status), status);
		if (err)
			return err;
		if (!(*status & VESPER__MBX_STATUS_R__BUSY_bm) &&
		    (int)(*status >> VESPER__MBX_STATUS_R__COUNT_bp) != count)
			return 0;
		if (late)
			return -ETIMEDOUT;
		vesper_backoff(++round);
	}
}

/* Which sentence a response that does not come deserves. */
static int explain_timeout(struct vesper_dev *dev, u32 cmd)
{
	u32 state;
	int err = vesper_reg_read(dev, REG(state), &state);

	if (err)
		return err;
	if (state & VESPER__STATE_R__FW_DEAD_bm)
		return vesper_error(-EIO,
				    "the card's firmware stopped on a trap (state 0x%x) during %s",
				    state, cmd_name(cmd));
	return vesper_error(-ETIMEDOUT,
			    "the card's firmware did not answer %s within %u ms (state 0x%x)",
			    cmd_name(cmd), dev->timeout_ms, state);
}

static int check_response(const struct vesper_mbx_hdr *req, const struct vesper_mbx_hdr *rsp,
			  size_t rsp_len)
{
	u32 status = le32_to_cpu(rsp->status);
	/* A refusal is a header only. */
	size_t want = status ? sizeof(*rsp) : rsp_len;

	if (rsp->cmd != req->cmd)
		return vesper_error(-EPROTO, "the response to %s is for command %u",
				    cmd_name(le16_to_cpu(req->cmd)), le16_to_cpu(rsp->cmd));
	if (rsp->tag != req->tag)
		return vesper_error(-EPROTO, "the response to %s carries tag 0x%x, expected 0x%x",
				    cmd_name(le16_to_cpu(req->cmd)), le32_to_cpu(rsp->tag),
				    le32_to_cpu(req->tag));
	if (le16_to_cpu(rsp->len) != want)
		return vesper_error(-EPROTO, "the response to %s has %u bytes, expected %zu",
				    cmd_name(le16_to_cpu(req->cmd)), le16_to_cpu(rsp->len), want);
	return status ? refused(rsp) : 0;
}

static int call_locked(struct vesper_dev *dev, struct vesper_mbx_hdr *req, size_t req_len,
		       void *rsp, size_t rsp_len)
{
	const struct vesper_transport_ops *ops = dev->t->ops;
	u32 cmd = le16_to_cpu(req->cmd), status;
	struct vesper_mbx_hdr hdr;
	int err;

	err = wait_response(dev, -1, &status);
	if (err == -ETIMEDOUT && (status & VESPER__MBX_STATUS_R__BUSY_bm))
		return vesper_error(
			-EBUSY,
			"the card's firmware is still busy with an earlier request (%s not sent)",
			cmd_name(cmd));
	if (err)
		return err;
	err = ops->write(dev->t, VESPER_REGION_BAR0, REG(mbx_request), req, (u32)req_len);
	if (!err)
		err = vesper_reg_write(dev, REG(mbx_doorbell), 1);
	if (err)
		return err;
	err = wait_response(dev, (int)(status >> VESPER__MBX_STATUS_R__COUNT_bp), &status);
	if (err == -ETIMEDOUT)
		return explain_timeout(dev, cmd);
	if (!err)
		err = ops->read(dev->t, VESPER_REGION_BAR0, REG(mbx_response), &hdr, sizeof(hdr));
	if (!err)
		err = check_response(req, &hdr, rsp_len);
	if (err || !rsp)
		return err;
	return ops->read(dev->t, VESPER_REGION_BAR0, REG(mbx_response), rsp, (u32)rsp_len);
}

int vesper_dev_call(struct vesper_dev *dev, struct vesper_mbx_hdr *req, size_t req_len, void *rsp,
		    size_t rsp_len)
{
	int err;

	vesper_set_refusal(VESPER_MBX_OK, 0, 0);
	if (req_len < sizeof(*req) || req_len > VESPER_MBX_SIZE || req_len % 4)
		return vesper_error(
			-EINVAL,
			"a mailbox request of %zu bytes: expected a multiple of 4 from %zu to %u",
			req_len, sizeof(*req), VESPER_MBX_SIZE);
	if (rsp_len < sizeof(*req) || rsp_len > VESPER_MBX_SIZE)
		return vesper_error(-EINVAL, "a mailbox response of %zu bytes: expected %zu to %u",
				    rsp_len, sizeof(*req), VESPER_MBX_SIZE);
	req->len = cpu_to_le16((u16)req_len);
	req->status = 0;
	req->field = 0;
	req->reserved = 0;
	req->value = 0;

	pthread_mutex_lock(&dev->mbx_lock);
	req->tag = cpu_to_le32(++dev->mbx_tag);
	err = call_locked(dev, req, req_len, rsp, rsp_len);
	pthread_mutex_unlock(&dev->mbx_lock);
	return err;
}

/* A request that is a header only. */
static int call_bare(struct vesper_dev *dev, enum vesper_mbx_cmd cmd, void *rsp, size_t rsp_len)
{
	struct vesper_mbx_hdr req = { .cmd = cpu_to_le16(cmd) };

	return vesper_dev_call(dev, &req, sizeof(req), rsp, rsp_len);
}

int vesper_dev_identify(struct vesper_dev *dev, struct vesper_mbx_identify_rsp *rsp)
{
	return call_bare(dev, VESPER_MBX_IDENTIFY, rsp, sizeof(*rsp));
}

int vesper_dev_sa_add(struct vesper_dev *dev, const struct vesper_sa *sa, u32 *handle)
{
	struct vesper_mbx_sa_add req = { .hdr.cmd = cpu_to_le16(VESPER_MBX_SA_ADD), .sa = *sa };
	struct vesper_mbx_handle rsp = { 0 };
	int err = vesper_dev_call(dev, &req.hdr, sizeof(req), &rsp, sizeof(rsp));

	explicit_bzero(&req, sizeof(req));
	*handle = le32_to_cpu(rsp.handle);
	if (!err && !(*handle >> VESPER_SA_GEN_SHIFT))
		return vesper_error(-EPROTO,
				    "SA_ADD answered with handle 0x%x, whose generation is 0",
				    *handle);
	return err;
}

/* A request that is a handle. */
static int call_handle(struct vesper_dev *dev, enum vesper_mbx_cmd cmd, u32 handle, u32 flags,
		       void *rsp, size_t rsp_len)
{
	struct vesper_mbx_handle req = {
		.hdr.cmd = cpu_to_le16(cmd),
		.handle = cpu_to_le32(handle),
		.flags = cpu_to_le32(flags),
	};

	return vesper_dev_call(dev, &req.hdr, sizeof(req), rsp, rsp_len);
}

int vesper_dev_sa_del(struct vesper_dev *dev, u32 handle)
{
	return call_handle(dev, VESPER_MBX_SA_DEL, handle, 0, NULL, sizeof(struct vesper_mbx_hdr));
}

int vesper_dev_sa_lease(struct vesper_dev *dev, u32 handle, u64 lease_end)
{
	struct vesper_mbx_sa_lease req = {
		.hdr.cmd = cpu_to_le16(VESPER_MBX_SA_LEASE),
		.handle = cpu_to_le32(handle),
		.lease_end = cpu_to_le64(lease_end),
	};

	return vesper_dev_call(dev, &req.hdr, sizeof(req), NULL, sizeof(struct vesper_mbx_hdr));
}

static int query(struct vesper_dev *dev, u32 handle, u32 flags, struct vesper_sa_info *info)
{
	struct vesper_mbx_sa_query_rsp rsp;
	int err = call_handle(dev, VESPER_MBX_SA_QUERY, handle, flags, &rsp, sizeof(rsp));

	if (!err)
		*info = rsp.info;
	return err;
}

int vesper_dev_sa_query(struct vesper_dev *dev, u32 handle, struct vesper_sa_info *info)
{
	return query(dev, handle, 0, info);
}

int vesper_dev_sa_next(struct vesper_dev *dev, u32 *cursor, struct vesper_sa_info *info)
{
	const u32 place_mask = VESPER_SA_INBOUND | VESPER_SA_INDEX_MASK;
	u32 place;
	int err;

	if (*cursor > place_mask)
		return 0;
	err = query(dev, *cursor, VESPER_QUERY_NEXT, info);
	if (err == -ENOENT) {
		*cursor = place_mask + 1;
		return 0;
	}
	if (err)
		return err;
	place = le32_to_cpu(info->handle) & place_mask;
	if (place < *cursor)
		return vesper_error(-EPROTO, "SA_QUERY answered with place 0x%x, below 0x%x", place,
				    *cursor);
	*cursor = place + 1;
	return 1;
}

int vesper_dev_policy_add(struct vesper_dev *dev, const struct vesper_policy *policy, u32 *handle)
{
	struct vesper_mbx_policy_add req = {
		.hdr.cmd = cpu_to_le16(VESPER_MBX_POLICY_ADD),
		.policy = *policy,
	};
	struct vesper_mbx_handle rsp = { 0 };
	int err = vesper_dev_call(dev, &req.hdr, sizeof(req), &rsp, sizeof(rsp));

	*handle = le32_to_cpu(rsp.handle);
	if (!err && !*handle)
		return vesper_error(-EPROTO, "POLICY_ADD answered with handle 0");
	return err;
}

int vesper_dev_policy_del(struct vesper_dev *dev, u32 handle)
{
	return call_handle(dev, VESPER_MBX_POLICY_DEL, handle, 0, NULL,
			   sizeof(struct vesper_mbx_hdr));
}

int vesper_dev_policy_next(struct vesper_dev *dev, u32 *cursor, u32 *handle,
			   struct vesper_policy *policy)
{
	struct vesper_mbx_policy_query_rsp rsp;
	u32 index;
	int err;

	if (*cursor > VESPER_SA_INDEX_MASK)
		return 0;
	err = call_handle(dev, VESPER_MBX_POLICY_QUERY, *cursor, VESPER_QUERY_NEXT, &rsp,
			  sizeof(rsp));
	if (err == -ENOENT) {
		*cursor = VESPER_SA_INDEX_MASK + 1;
		return 0;
	}
	if (err)
		return err;
	index = le32_to_cpu(rsp.handle) & VESPER_SA_INDEX_MASK;
	if (index < *cursor)
		return vesper_error(-EPROTO, "POLICY_QUERY answered with index %u, below %u", index,
				    *cursor);
	*cursor = index + 1;
	*handle = le32_to_cpu(rsp.handle);
	*policy = rsp.policy;
	return 1;
}

int vesper_dev_dscp_map(struct vesper_dev *dev, const u8 map[64])
{
	struct vesper_mbx_dscp_map req = { .hdr.cmd = cpu_to_le16(VESPER_MBX_DSCP_MAP) };

	memcpy(req.map, map, sizeof(req.map));
	return vesper_dev_call(dev, &req.hdr, sizeof(req), NULL, sizeof(struct vesper_mbx_hdr));
}

int vesper_dev_stats(struct vesper_dev *dev, struct vesper_stats *stats)
{
	struct vesper_mbx_stats_rsp rsp;
	int err = call_bare(dev, VESPER_MBX_STATS, &rsp, sizeof(rsp));

	if (!err)
		*stats = rsp.stats;
	return err;
}

int vesper_dev_selftest(struct vesper_dev *dev)
{
	return call_bare(dev, VESPER_MBX_SELFTEST, NULL, sizeof(struct vesper_mbx_hdr));
}

int vesper_dev_reset(struct vesper_dev *dev)
{
	return call_bare(dev, VESPER_MBX_RESET, NULL, sizeof(struct vesper_mbx_hdr));
}
