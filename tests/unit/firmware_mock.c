// SPDX-License-Identifier: BSD-2-Clause
/* The card's hardware as the firmware sees it, for tests on the host. */
#include "firmware_mock.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct mock mock;

/* Registers that only hold what was written, and results. */
static struct {
	u8 key[32], h[16], j0[16], aad[16], data[64];
	u8 out[64], tag[16];
	u32 bytes;
	bool busy, done;
	bool dropped; /* erased while busy: nothing of the result is kept */
	u32 ctl;      /* of the job that is under way */
	u32 sa_handle, sa_status, sa_rsp_handle, sa_arg_lo, sa_arg_hi;
	struct vesper_sa_state sa_state;
	u32 pol_handle, pol_status, pol_rsp_handle;
	struct vesper_policy pol_state;
	u32 generation;
	u32 copy_lo, copy_hi;
} hw;

void mock_reset(void)
{
	memset(&mock, 0, sizeof(mock));
	memset(&hw, 0, sizeof(hw));
	hw.sa_status = VESPER_MGMT__SA_STATUS__READY_bm;
	hw.pol_status = VESPER_MGMT__POL_STATUS__READY_bm;
}

static bool all_zero(const u8 *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

bool mock_gcm_erased(void)
{
	return all_zero(hw.key, 32) && all_zero(hw.h, 16) && all_zero(hw.j0, 16) &&
	       all_zero(hw.aad, 16) && all_zero(hw.data, 64) && all_zero(hw.out, 64) &&
	       all_zero(hw.tag, 16) && all_zero(mock.staging, sizeof(mock.staging));
}

extern char __data_start[], _end[];

/* Walks over ASan's red zones too, which are part of the range. */
__attribute__((no_sanitize("address"))) bool mock_in_globals(const u8 *secret, size_t len)
{
	const volatile char *p;
	size_t i;

	for (p = __data_start; p + len <= _end; p++) {
		for (i = 0; i < len && (u8)p[i] == secret[i]; i++)
			;
		if (i == len)
			return true;
	}
	return false;
}

void mock_request(const void *msg, size_t len)
{
	memcpy(mock.request, msg, len);
	mock.pending = true;
}

/* ---- AES-GCM (SP 800-38D) ---- */

static void aes(const u8 *key, u32 key_len, const u8 in[16], u8 out[16])
{
	const EVP_CIPHER *cipher = key_len == 16 ? EVP_aes_128_ecb() :
				   key_len == 24 ? EVP_aes_192_ecb() :
						   EVP_aes_256_ecb();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	if (!ctx || !EVP_EncryptInit_ex(ctx, cipher, NULL, key, NULL) ||
	    !EVP_EncryptUpdate(ctx, out, &len, in, 16))
		abort();
	EVP_CIPHER_CTX_free(ctx);
}

static void ghash_block(u8 y[16], const u8 h[16], const u8 block[16])
{
	u8 z[16] = { 0 }, v[16];
	int i, j, carry;

	memcpy(v, h, 16);
	for (i = 0; i < 16; i++)
		y[i] ^= block[i];
	for (i = 0; i < 128; i++) {
		if (y[i / 8] & (0x80 >> i % 8))
			for (j = 0; j < 16; j++)
				z[j] ^= v[j];
		carry = v[15] & 1;
		for (j = 15; j > 0; j--)
			v[j] = (u8)(v[j] >> 1 | v[j - 1] << 7);
		v[0] = (u8)(v[0] >> 1 ^ (carry ? 0xe1 : 0));
	}
	memcpy(y, z, 16);
}

static void gcm_job(u32 ctl)
{
	u32 key_len = 16 + 8 * (ctl & VESPER_MGMT__GCM_CTL__KEY_LEN_bm);
	u32 engine = !!(ctl & VESPER_MGMT__GCM_CTL__ENGINE_bm);
	u32 aad_len = (ctl & VESPER_MGMT__GCM_CTL__AAD_BYTES_bm) >> 8;
	u32 len = (ctl & VESPER_MGMT__GCM_CTL__BYTES_bm) >> 16;
	const u8 *cipher = ctl & VESPER_MGMT__GCM_CTL__DECRYPT_bm ? hw.data : hw.out;
	bool gmac = ctl & VESPER_MGMT__GCM_CTL__AUTH_ONLY_bm;
	u8 y[16] = { 0 }, block[16], stream[16];
	u32 at, i;

	memcpy(block, hw.j0, 16);
	for (at = 0; at < len; at += 16) {
		block[15]++; /* 64 bytes after J0 = IV || 1: no carry */
		aes(hw.key, key_len, block, stream);
		for (i = at; i < at + 16 && i < len; i++)
			hw.out[i] = hw.data[i] ^ (gmac ? 0 : stream[i - at]);
	}
	if (aad_len)
		ghash_block(y, hw.h, hw.aad);
	for (at = 0; at < len; at += 16) {
		memset(block, 0, 16);
		memcpy(block, cipher + at, len - at < 16 ? len - at : 16);
		ghash_block(y, hw.h, block);
	}
	memset(block, 0, 16);
	if (gmac) {
		block[6] = (u8)(8 * (aad_len + len) >> 8);
		block[7] = (u8)(8 * (aad_len + len));
	} else {
		block[7] = (u8)(8 * aad_len);
		block[14] = (u8)(8 * len >> 8);
		block[15] = (u8)(8 * len);
	}
	ghash_block(y, hw.h, block);
	aes(hw.key, key_len, hw.j0, stream);
	for (i = 0; i < 16; i++)
		hw.tag[i] = y[i] ^ stream[i];
	hw.tag[0] ^= mock.flip_tag[engine];
	hw.bytes = mock.gcm_short ? len - 1 : len;
	mock.gcm_jobs[engine]++;
}

static void gcm_start(u32 ctl)
{
	if (hw.busy)
		return;
	hw.done = false;
	hw.busy = true;
	hw.dropped = false;
	hw.ctl = ctl;
	if (!mock.gcm_stuck)
		mock_gcm_finish();
}

void mock_gcm_finish(void)
{
	if (!hw.busy)
		return;
	gcm_job(hw.ctl);
	memset(hw.key, 0, sizeof(hw.key));
	memset(hw.h, 0, sizeof(hw.h));
	memset(hw.j0, 0, sizeof(hw.j0));
	memset(hw.aad, 0, sizeof(hw.aad));
	memset(hw.data, 0, sizeof(hw.data));
	hw.busy = false;
	hw.done = !hw.dropped;
	if (!hw.dropped && (hw.ctl & VESPER_MGMT__GCM_CTL__TO_SA_bm))
		memcpy(mock.staging + offsetof(struct vesper_sa_record, h), hw.tag, 16);
	if (hw.dropped || (hw.ctl & VESPER_MGMT__GCM_CTL__TO_SA_bm)) {
		memset(hw.tag, 0, sizeof(hw.tag));
		memset(hw.out, 0, sizeof(hw.out));
	}
}

/* ---- SA table ---- */

static int sa_find(u32 handle, bool next)
{
	int i;

	for (i = 0; i < MOCK_SAS; i++)
		if (mock.handle[i] && (next ? (mock.handle[i] & 0x1ffff) >= (handle & 0x1ffff) :
					      mock.handle[i] == handle))
			return i;
	return -1;
}

static u32 sa_install(void)
{
	struct vesper_sa_record rec;
	int i, place = -1;

	memcpy(&rec, mock.staging, sizeof(rec));
	memset(mock.staging, 0, sizeof(mock.staging));
	for (i = MOCK_SAS - 1; i >= 0; i--) {
		if (!mock.handle[i])
			place = i;
		else if (!memcmp(mock.sa[i].sa.spi, rec.sa.spi, 4) &&
			 mock.sa[i].sa.dir == rec.sa.dir)
			return VESPER_MBX_E_DUPLICATE;
	}
	if (place < 0)
		return VESPER_MBX_E_FULL;
	mock.sa[place] = rec;
	hw.sa_rsp_handle = ++hw.generation << VESPER_SA_GEN_SHIFT |
			   (rec.sa.dir == VESPER_DIR_IN ? VESPER_SA_INBOUND : 0) | (u32)place;
	mock.handle[place] = hw.sa_rsp_handle;
	return VESPER_MBX_OK;
}

static void sa_read(int i)
{
	hw.sa_rsp_handle = mock.handle[i];
	memset(&hw.sa_state, 0, sizeof(hw.sa_state));
	hw.sa_state.seq = mock.sa[i].sa.seq;
	hw.sa_state.packets = 0x1122334455667788;
	hw.sa_state.bytes = 2;
	hw.sa_state.lease_end = 3;
	hw.sa_state.drops[VESPER_SAD_KIND] = 4;
	hw.sa_state.sa = mock.sa[i].sa;
	memset(hw.sa_state.sa.key, 0, sizeof(hw.sa_state.sa.key));
	memset(hw.sa_state.sa.salt, 0, sizeof(hw.sa_state.sa.salt));
}

static void sa_command(u32 cmd)
{
	bool next = cmd & VESPER_MGMT__SA_CMD__NEXT_bm;
	u32 status = VESPER_MBX_OK, op = cmd & VESPER_MGMT__SA_CMD__OP_bm;
	int i = op == 0 || op == 3 ? 0 : sa_find(hw.sa_handle, op == 2 && next);

	hw.sa_status &= ~VESPER_MGMT__SA_STATUS__DONE_bm;
	if (mock.sa_stuck || !(cmd & VESPER_MGMT__SA_CMD__START_bm))
		return;
	if (op == 0) {
		mock.installs++;
		status = sa_install();
	} else if (op == 3) {
		memset(mock.handle, 0, sizeof(mock.handle));
	} else if (i < 0) {
		status = VESPER_MBX_E_HANDLE;
	} else if (op == 1) {
		mock.handle[i] = 0;
	} else if (op == 2) {
		sa_read(i);
	} else {
		mock.lease_end = (u64)hw.sa_arg_hi << 32 | hw.sa_arg_lo;
	}
	hw.sa_status =
		VESPER_MGMT__SA_STATUS__READY_bm | VESPER_MGMT__SA_STATUS__DONE_bm | status << 8;
}

/* ---- policy table ---- */

static int policy_find(u32 handle, bool next)
{
	int i;

	for (i = 0; i < MOCK_POLICIES; i++)
		if (mock.pol_handle[i] &&
		    (next ? (mock.pol_handle[i] & 0xffff) >= (handle & 0xffff) :
			    mock.pol_handle[i] == handle))
			return i;
	return -1;
}

static u32 policy_install(void)
{
	int i;

	mock.installs++;
	if (mock.pol_status)
		return mock.pol_status;
	for (i = 0; i < MOCK_POLICIES && mock.pol_handle[i]; i++)
		;
	if (i == MOCK_POLICIES)
		return VESPER_MBX_E_POLICY_FULL;
	memcpy(&mock.policy[i], mock.pol_staging, sizeof(mock.policy[i]));
	hw.pol_rsp_handle = ++hw.generation << 16 | (u32)i;
	mock.pol_handle[i] = hw.pol_rsp_handle;
	return VESPER_MBX_OK;
}

static void policy_command(u32 cmd)
{
	u32 status = VESPER_MBX_OK, op = cmd & VESPER_MGMT__POL_CMD__OP_bm;
	int i = op == 0 || op == 3 ? 0 :
				     policy_find(hw.pol_handle,
						 op == 2 && (cmd & VESPER_MGMT__POL_CMD__NEXT_bm));

	hw.pol_status &= ~VESPER_MGMT__POL_STATUS__DONE_bm;
	if (mock.pol_stuck || !(cmd & VESPER_MGMT__POL_CMD__START_bm))
		return;
	if (op == 0) {
		status = policy_install();
	} else if (op == 3) {
		memset(mock.pol_handle, 0, sizeof(mock.pol_handle));
	} else if (i < 0) {
		status = VESPER_MBX_E_POLICY_HANDLE;
	} else if (op == 1) {
		mock.pol_handle[i] = 0;
	} else {
		hw.pol_rsp_handle = mock.pol_handle[i];
		hw.pol_state = mock.policy[i];
	}
	hw.pol_status =
		VESPER_MGMT__POL_STATUS__READY_bm | VESPER_MGMT__POL_STATUS__DONE_bm | status << 8;
}

/* ---- copier ---- */

static void copy(u32 ctl)
{
	u32 from = (ctl & VESPER_MGMT__COPY_CTL__FROM_bm) >> VESPER_MGMT__COPY_CTL__FROM_bp;
	u32 words = (ctl & VESPER_MGMT__COPY_CTL__WORDS_bm) >> VESPER_MGMT__COPY_CTL__WORDS_bp;
	bool policy = ctl & VESPER_MGMT__COPY_CTL__POLICY_bm;
	const u8 *window = mock.request + 4 * from;
	u32 i;

	if (!(ctl & VESPER_MGMT__COPY_CTL__START_bm) || !mock.pending || !words || words > 64 ||
	    (policy && words > 16))
		abort();
	memcpy(policy ? mock.pol_staging : mock.staging, window, 4 * words);
	if (!policy)
		memcpy(hw.key, window + offsetof(struct vesper_sa, key), 32);
	hw.copy_lo = hw.copy_hi = 0;
	for (i = 0; i < words; i++)
		if (!all_zero(window + 4 * i, 4))
			*(i < 32 ? &hw.copy_lo : &hw.copy_hi) |= 1u << i % 32;
}

static void erase(u32 what)
{
	if (what & VESPER_MGMT__ERASE__STAGING_bm)
		memset(mock.staging, 0, sizeof(mock.staging));
	if (!(what & VESPER_MGMT__ERASE__JOB_bm))
		return;
	hw.dropped = hw.busy;
	if (!hw.busy) {
		memset(hw.key, 0, sizeof(hw.key));
		memset(hw.h, 0, sizeof(hw.h));
		memset(hw.j0, 0, sizeof(hw.j0));
		memset(hw.aad, 0, sizeof(hw.aad));
		memset(hw.data, 0, sizeof(hw.data));
	}
	memset(hw.tag, 0, sizeof(hw.tag));
	memset(hw.out, 0, sizeof(hw.out));
	hw.done = false;
}

/* ---- registers ---- */

/* Writable byte strings: offset and place. */
#define STRINGS                                                                                \
	{ REG(gcm_key), hw.key, 32 }, { REG(gcm_h), hw.h, 16 }, { REG(gcm_j0), hw.j0, 16 },    \
		{ REG(gcm_aad), hw.aad, 16 }, { REG(gcm_data), hw.data, 64 },                  \
		{ REG(dscp_map), mock.dscp_map, 64 },                                          \
		{ REG(natt_port[0]), (u8 *)mock.natt_port, 28 }, { REG(gcm_tag), hw.tag, 16 }, \
		{ REG(gcm_out), hw.out, 64 },                                                  \
		{ REG(sa_state), (u8 *)&hw.sa_state, sizeof(hw.sa_state) },                    \
	{                                                                                      \
		REG(pol_state), (u8 *)&hw.pol_state, sizeof(hw.pol_state)                      \
	}
#define WRITABLE_STRINGS 7

static u8 *string_at(u32 offset, bool write)
{
	const struct {
		u32 offset;
		u8 *place;
		u32 len;
	} strings[] = { STRINGS };
	size_t i, from = write ? 0 : WRITABLE_STRINGS,
		  to = write ? WRITABLE_STRINGS : ARRAY_SIZE(strings);

	for (i = from; i < to; i++)
		if (offset >= strings[i].offset && offset < strings[i].offset + strings[i].len)
			return strings[i].place + (offset - strings[i].offset);
	return NULL;
}

u32 mmio_read(u32 offset)
{
	u8 *string = string_at(offset, false);
	u32 word;

	if (string) {
		memcpy(&word, string, 4);
		return word;
	}
	if (offset >= REG(stats) && offset < REG(stats) + sizeof(struct vesper_stats))
		return 0x5a000000 + (offset - REG(stats));
	switch (offset) {
	case REG(geometry):
		return 2 | 4 << 8 | 10 << 16;
	case REG(state):
		return mock.state;
	case REG(mbx):
		return mock.pending;
	case REG(gcm_status):
		return hw.done | hw.busy << 1 | hw.bytes << 8;
	case REG(sa_status):
		return hw.sa_status;
	case REG(sa_rsp_handle):
		return hw.sa_rsp_handle;
	case REG(pol_status):
		return hw.pol_status;
	case REG(pol_rsp_handle):
		return hw.pol_rsp_handle;
	case REG(limits):
		return 1024 | 16 << 16;
	case REG(policies):
		return 512;
	case REG(copy_status):
		return 0;
	case REG(copy_lo):
		return hw.copy_lo;
	case REG(copy_hi):
		return hw.copy_hi;
	default:
		fprintf(stderr, "firmware reads offset 0x%x\n", offset);
		abort();
	}
}

void mmio_write(u32 offset, u32 value)
{
	u8 *string = string_at(offset, true);

	if (string) {
		memcpy(string, &value, 4);
		return;
	}
	switch (offset) {
	case REG(fw_version):
		mock.fw_version = value;
		break;
	case REG(state):
		mock.state = value;
		break;
	case REG(mbx_done):
		mock.done++;
		mock.pending = false;
		memset(mock.request, 0, sizeof(mock.request));
		break;
	case REG(gcm_ctl):
		gcm_start(value);
		break;
	case REG(erase):
		erase(value);
		break;
	case REG(copy_ctl):
		copy(value);
		break;
	case REG(pol_handle):
		hw.pol_handle = value;
		break;
	case REG(pol_cmd):
		policy_command(value);
		break;
	case REG(sa_arg_lo):
		hw.sa_arg_lo = value;
		break;
	case REG(sa_arg_hi):
		hw.sa_arg_hi = value;
		break;
	case REG(sa_handle):
		hw.sa_handle = value;
		break;
	case REG(sa_cmd):
		sa_command(value);
		break;
	case REG(stats_ctl):
		mock.snapshots += value & 1;
		mock.clears += value >> 1 & 1;
		break;
	default:
		fprintf(stderr, "firmware writes 0x%x to offset 0x%x\n", value, offset);
		abort();
	}
}

const void *mmio_request(void)
{
	return mock.request;
}

void mmio_response_write(u32 word, u32 value)
{
	if (word >= VESPER_MBX_SIZE / 4)
		abort();
	memcpy(mock.response + 4 * word, &value, 4);
}

void mmio_sleep(void)
{
}
