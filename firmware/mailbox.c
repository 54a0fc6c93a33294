// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's requests: each goes to its handler, which fills in a result. A
 * refusal names its rule, the field at fault and the value that stood there.
 */
#include "mailbox.h"

#include "card.h"
#include "handlers.h"
#include "pipes.h"
#include "stats.h"
#include "table.h"

#include <errno.h>

static void write_words(u32 word, const void *data, u32 len)
{
	const word_t *words = (const word_t *)__builtin_assume_aligned(data, 4);
	u32 i;

	for (i = 0; i < len / 4; i++)
		mmio_response_write(word + i, words[i]);
}

static void identify(const void *msg, struct result *res)
{
	struct vesper_mbx_identify_rsp rsp = {
		.abi_major = cpu_to_le16(VESPER_ABI_MAJOR),
		.abi_minor = cpu_to_le16(VESPER_ABI_MINOR),
		.features = cpu_to_le32(CARD_FEATURES),
		.fw_version = cpu_to_le32(CARD_FW_VERSION),
		.sa_entries = cpu_to_le32(card_sa_entries()),
		.queues = cpu_to_le16((u16)card_queues()),
		.gcm_blocks = (u8)card_blocks(),
		.selftest = card_trusted(),
		.policy_entries = cpu_to_le32(card_policies()),
		.policy_masks = cpu_to_le16((u16)card_policy_masks()),
		.replay_max = cpu_to_le16((u16)card_replay_max()),
	};

	(void)msg;
	res->body = sizeof(rsp) - sizeof(rsp.hdr);
	write_words(HDR_WORDS, &rsp.abi_major, res->body);
}

static void stats(const void *msg, struct result *res)
{
	(void)msg;
	stats_copy(HDR_WORDS);
	res->body = sizeof(struct vesper_stats);
}

static void selftest(const void *msg, struct result *res)
{
	struct kat_failure failure;
	int ret = card_selftest(&failure);

	(void)msg;
	/* value: engine in bits 31:24, key length 23:16, step 15:8, errno 7:0; 0: passed now, but not before */
	if (ret)
		refuse(res, ret == -EIO ? VESPER_MBX_E_SELFTEST : VESPER_MBX_E_HARDWARE, 0,
		       (u32)failure.engine << 24 | (u32)failure.key_len << 16 |
			       (u32)failure.step << 8 | (u32)-failure.error);
	else if (!card_trusted())
		refuse(res, VESPER_MBX_E_SELFTEST, 0, 0);
}

static void reset(const void *msg, struct result *res)
{
	/* Policies first: none of them names an SA that is gone. */
	enum vesper_mbx_status policies = table_wipe(TABLE_POLICY);
	enum vesper_mbx_status sas = table_wipe(TABLE_SA);

	(void)msg;
	pipes_reset();
	stats_clear();
	if (sas || policies)
		refuse(res, sas ? sas : policies, 0, 0);
}

static void dscp_map(const void *msg, struct result *res)
{
	const struct vesper_mbx_dscp_map *req = msg;
	u32 i;

	for (i = 0; i < sizeof(req->map); i++) {
		if (req->map[i] > 63) {
			refuse(res, VESPER_MBX_E_DSCP, (u16)(FIELD(vesper_mbx_dscp_map, map) + i),
			       req->map[i]);
			return;
		}
	}
	pipes_dscp_map((const word_t *)__builtin_assume_aligned(req->map, 4));
}

/* By command; all between have a handler. */
static const struct command {
	u16 len; /* of the request */
	void (*handle)(const void *msg, struct result *res);
} commands[] = {
	[VESPER_MBX_IDENTIFY] = { sizeof(struct vesper_mbx_hdr), identify },
	[VESPER_MBX_SA_ADD] = { sizeof(struct vesper_mbx_sa_add), sa_add },
	[VESPER_MBX_SA_DEL] = { sizeof(struct vesper_mbx_handle), sa_del },
	[VESPER_MBX_SA_QUERY] = { sizeof(struct vesper_mbx_handle), sa_query },
	[VESPER_MBX_STATS] = { sizeof(struct vesper_mbx_hdr), stats },
	[VESPER_MBX_SELFTEST] = { sizeof(struct vesper_mbx_hdr), selftest },
	[VESPER_MBX_RESET] = { sizeof(struct vesper_mbx_hdr), reset },
	[VESPER_MBX_SA_LEASE] = { sizeof(struct vesper_mbx_sa_lease), sa_lease },
	[VESPER_MBX_POLICY_ADD] = { sizeof(struct vesper_mbx_policy_add), policy_add },
	[VESPER_MBX_POLICY_DEL] = { sizeof(struct vesper_mbx_handle), policy_del },
	[VESPER_MBX_POLICY_QUERY] = { sizeof(struct vesper_mbx_handle), policy_query },
	[VESPER_MBX_DSCP_MAP] = { sizeof(struct vesper_mbx_dscp_map), dscp_map },
};

/* Header fields that only a response uses must be zero in a request. */
static bool header_clean(const struct vesper_mbx_hdr *hdr, struct result *res)
{
	const word_t *words = (const word_t *)__builtin_assume_aligned(hdr, 4);

	/* status; field and reserved; value */
	if (!(words[2] | words[3] | words[4] | words[5]))
		return true;
	if (hdr->status)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, status),
		       le32_to_cpu(hdr->status));
	else if (hdr->field)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, field),
		       le16_to_cpu(hdr->field));
	else if (hdr->reserved)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, reserved),
		       le16_to_cpu(hdr->reserved));
	else
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, value),
		       le64_to_cpu(hdr->value));
	return false;
}

static void dispatch(const struct vesper_mbx_hdr *hdr, struct result *res)
{
	u32 cmd = le16_to_cpu(hdr->cmd), len = le16_to_cpu(hdr->len);

	if (cmd < VESPER_MBX_IDENTIFY || cmd >= ARRAY_SIZE(commands))
		refuse(res, VESPER_MBX_E_COMMAND, FIELD(vesper_mbx_hdr, cmd), cmd);
	else if (len != commands[cmd].len)
		refuse(res, VESPER_MBX_E_LENGTH, FIELD(vesper_mbx_hdr, len), len);
	else if (header_clean(hdr, res))
		commands[cmd].handle(hdr, res);
}

bool mailbox_pending(void)
{
	return mmio_read(REG(mbx)) & VESPER_MGMT__MBX__BUSY_bm;
}

void mailbox_serve(void)
{
	const struct vesper_mbx_hdr *hdr = mmio_request();
	struct result res = { .status = VESPER_MBX_OK };

	dispatch(hdr, &res);

	/* struct vesper_mbx_hdr, word by word. */
	mmio_response_write(0, le16_to_cpu(hdr->cmd) | (u32)(sizeof(*hdr) + res.body) << 16);
	mmio_response_write(1, hdr->tag);
	mmio_response_write(2, res.status);
	mmio_response_write(3, res.field);
	mmio_response_write(4, (u32)res.value);
	mmio_response_write(5, (u32)(res.value >> 32));
	/* The hardware erases the request before it lets the host go on: a key may stand anywhere in it. */
	mmio_write(REG(mbx_done), VESPER_MGMT__MBX_DONE__DONE_bm);
}
