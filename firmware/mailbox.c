// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's requests. Each handler fills in a result; a refusal names its
 * rule, the field at fault and the value that stood there.
 */
#include "mailbox.h"

#include "card.h"
#include "crypto.h"
#include "satable.h"
#include "stats.h"
#include "vesper_sa.h"

#include <errno.h>

/* What a handler says. The response's body follows its header in the window. */
struct result {
	enum vesper_mbx_status status;
	u16 field;
	u64 value;
	u16 body; /* bytes that the handler has put after the header */
};

#define HDR_WORDS	 (sizeof(struct vesper_mbx_hdr) / 4)
#define FIELD(type, f)	 ((u16)offsetof(struct type, f))
#define SA_FIELD(member) (FIELD(vesper_mbx_sa_add, sa) + FIELD(vesper_sa, member))

static void refuse(struct result *res, enum vesper_mbx_status status, u16 field, u64 value)
{
	res->status = status;
	res->field = field;
	res->value = value;
}

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
	};

	(void)msg;
	res->body = sizeof(rsp) - sizeof(rsp.hdr);
	write_words(HDR_WORDS, &rsp.abi_major, res->body);
}

static void give_handle(u32 handle, struct result *res)
{
	mmio_response_write(HDR_WORDS, handle);
	mmio_response_write(HDR_WORDS + 1, 0);
	res->body = sizeof(struct vesper_mbx_handle) - sizeof(struct vesper_mbx_hdr);
}

static void install(const struct vesper_sa *sa, struct result *res)
{
	static struct vesper_sa_record rec __attribute__((aligned(4)));
	u8 h[16] __attribute__((aligned(4)));
	enum crypto_engine engine = sa->dir == VESPER_DIR_OUT ? CRYPTO_OUT : CRYPTO_IN;
	enum vesper_mbx_status status;
	u32 handle;

	if (crypto_hash_key(engine, sa->key, sa->key_len, h)) {
		refuse(res, VESPER_MBX_E_HARDWARE, 0, 0);
		return;
	}
	vesper_sa_encode(sa, h, &rec);
	status = satable_install(&rec, &handle);
	wipe(&rec, sizeof(rec));
	wipe(h, sizeof(h));

	if (status == VESPER_MBX_E_DUPLICATE)
		refuse(res, status, SA_FIELD(spi), get_unaligned_be32(sa->spi));
	else if (status)
		refuse(res, status, 0, status == VESPER_MBX_E_FULL ? card_sa_entries() : 0);
	else
		give_handle(handle, res);
}

static void sa_add(const void *msg, struct result *res)
{
	const struct vesper_mbx_sa_add *req = msg;
	struct vesper_sa_error err = { 0 };
	enum vesper_mbx_status status;

	if (!card_trusted()) {
		refuse(res, VESPER_MBX_E_SELFTEST, 0, 0);
		return;
	}
	status = vesper_sa_check(&req->sa, &err);
	if (!status)
		status = vesper_sa_check_queue(&req->sa, card_queues(), &err);
	if (status)
		refuse(res, status, (u16)(FIELD(vesper_mbx_sa_add, sa) + err.field), err.value);
	else
		install(&req->sa, res);
}

static void sa_del(const void *msg, struct result *res)
{
	const struct vesper_mbx_handle *req = msg;
	enum vesper_mbx_status status;

	if (req->flags) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags),
		       le32_to_cpu(req->flags));
		return;
	}
	status = satable_remove(le32_to_cpu(req->handle));
	if (status)
		refuse(res, status, FIELD(vesper_mbx_handle, handle), le32_to_cpu(req->handle));
}

static void sa_query(const void *msg, struct result *res)
{
	const struct vesper_mbx_handle *req = msg;
	struct vesper_sa_state state;
	struct vesper_sa_info info;
	enum vesper_mbx_status status;
	u32 handle = le32_to_cpu(req->handle);
	u32 flags = le32_to_cpu(req->flags);

	if (flags & ~VESPER_QUERY_NEXT) {
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_handle, flags), flags);
		return;
	}
	status = satable_read(&handle, flags & VESPER_QUERY_NEXT, &state);
	if (status) {
		refuse(res, status, FIELD(vesper_mbx_handle, handle), le32_to_cpu(req->handle));
		return;
	}
	memset(&info, 0, sizeof(info));
	info.handle = cpu_to_le32(handle);
	info.dir = handle & VESPER_SA_INBOUND ? VESPER_DIR_IN : VESPER_DIR_OUT;
	info.mode = state.mode;
	info.family = state.family;
	info.alg = VESPER_ALG_AES_GCM;
	info.key_len = (u8)(16 + 8 * state.key_len);
	info.icv_len = state.icv_len;
	info.queue = state.queue;
	info.replay_window = cpu_to_le32(le16_to_cpu(state.replay_window));
	memcpy(info.spi, state.spi, sizeof(info.spi));
	memcpy(info.src, state.src, sizeof(info.src));
	memcpy(info.dst, state.dst, sizeof(info.dst));
	info.seq = state.seq;
	info.packets = state.packets;
	info.bytes = state.bytes;
	info.replayed = state.replayed;
	info.icv_failed = state.icv_failed;

	res->body = sizeof(info);
	write_words(HDR_WORDS, &info, sizeof(info));
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
	enum vesper_mbx_status status = satable_wipe();

	(void)msg;
	stats_clear();
	if (status)
		refuse(res, status, 0, 0);
}

static const struct command {
	u16 cmd; /* enum vesper_mbx_cmd */
	u16 len; /* of the request */
	void (*handle)(const void *msg, struct result *res);
} commands[] = {
	{ VESPER_MBX_IDENTIFY, sizeof(struct vesper_mbx_hdr), identify },
	{ VESPER_MBX_SA_ADD, sizeof(struct vesper_mbx_sa_add), sa_add },
	{ VESPER_MBX_SA_DEL, sizeof(struct vesper_mbx_handle), sa_del },
	{ VESPER_MBX_SA_QUERY, sizeof(struct vesper_mbx_handle), sa_query },
	{ VESPER_MBX_STATS, sizeof(struct vesper_mbx_hdr), stats },
	{ VESPER_MBX_SELFTEST, sizeof(struct vesper_mbx_hdr), selftest },
	{ VESPER_MBX_RESET, sizeof(struct vesper_mbx_hdr), reset },
};

static const struct command *find_command(u16 cmd)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cmd == cmd)
			return &commands[i];
	return NULL;
}

/* Header fields that only a response uses must be zero in a request. */
static bool header_clean(const struct vesper_mbx_hdr *hdr, struct result *res)
{
	if (hdr->status)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, status),
		       le32_to_cpu(hdr->status));
	else if (hdr->field)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, field),
		       le16_to_cpu(hdr->field));
	else if (hdr->reserved)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, reserved),
		       le16_to_cpu(hdr->reserved));
	else if (hdr->value)
		refuse(res, VESPER_MBX_E_RESERVED, FIELD(vesper_mbx_hdr, value),
		       le64_to_cpu(hdr->value));
	return !res->status;
}

static void dispatch(const struct vesper_mbx_hdr *hdr, struct result *res)
{
	const struct command *command = find_command(le16_to_cpu(hdr->cmd));

	if (!command)
		refuse(res, VESPER_MBX_E_COMMAND, FIELD(vesper_mbx_hdr, cmd),
		       le16_to_cpu(hdr->cmd));
	else if (le16_to_cpu(hdr->len) != command->len)
		refuse(res, VESPER_MBX_E_LENGTH, FIELD(vesper_mbx_hdr, len), le16_to_cpu(hdr->len));
	else if (header_clean(hdr, res))
		command->handle(hdr, res);
}

bool mailbox_pending(void)
{
	return mmio_read(REG(mbx)) & VESPER_MGMT__MBX__BUSY_bm;
}

void mailbox_serve(void)
{
	const struct vesper_mbx_hdr *hdr = mmio_request();
	struct result res = { .status = VESPER_MBX_OK };
	struct vesper_mbx_hdr rsp;
	u32 words;

	dispatch(hdr, &res);

	memset(&rsp, 0, sizeof(rsp));
	rsp.cmd = hdr->cmd;
	rsp.len = cpu_to_le16((u16)(sizeof(rsp) + res.body));
	rsp.tag = hdr->tag;
	rsp.status = cpu_to_le32(res.status);
	rsp.field = cpu_to_le16(res.field);
	rsp.value = cpu_to_le64(res.value);
	write_words(0, &rsp, sizeof(rsp));

	/* All that the host wrote, whatever length it gave: a key may stand anywhere. */
	words = (mmio_read(REG(mbx)) & VESPER_MGMT__MBX__WORDS_bm) >> VESPER_MGMT__MBX__WORDS_bp;
	wipe(mmio_request(), 4 * words);
	mmio_write(REG(mbx_done), VESPER_MGMT__MBX_DONE__DONE_bm);
}
