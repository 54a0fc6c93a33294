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
	u32 sa_handle, sa_status, sa_rsp_handle;
	struct vesper_sa_state sa_state;
	u32 generation;
} hw;

void mock_reset(void)
{
	memset(&mock, 0, sizeof(mock));
	memset(&hw, 0, sizeof(hw));
	hw.sa_status = VESPER_MGMT__SA_STATUS__READY_bm;
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
	       all_zero(hw.tag, 16);
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
	mock.words = (u32)(len + 3) / 4;
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
	u8 y[16] = { 0 }, block[16], stream[16];
	u32 at, i;

	memcpy(block, hw.j0, 16);
	for (at = 0; at < len; at += 16) {
		block[15]++; /* 64 bytes after J0 = IV || 1: no carry */
		aes(hw.key, key_len, block, stream);
		for (i = at; i < at + 16 && i < len; i++)
			hw.out[i] = hw.data[i] ^ stream[i - at];
	}
	if (aad_len)
		ghash_block(y, hw.h, hw.aad);
	for (at = 0; at < len; at += 16) {
		memset(block, 0, 16);
		memcpy(block, cipher + at, len - at < 16 ? len - at : 16);
		ghash_block(y, hw.h, block);
	}
	memset(block, 0, 16);
	block[7] = (u8)(8 * aad_len);
	block[14] = (u8)(8 * len >> 8);
	block[15] = (u8)(8 * len);
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
	if (hw.dropped) {
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
	for (i = MOCK_SAS - 1; i >= 0; i--) {
		if (!mock.handle[i])
			place = i;
		else if (!memcmp(mock.sa[i].spi, rec.spi, 4) && mock.sa[i].dir == rec.dir)
			return VESPER_MBX_E_DUPLICATE;
	}
	if (place < 0)
		return VESPER_MBX_E_FULL;
	mock.sa[place] = rec;
	hw.sa_rsp_handle = ++hw.generation << VESPER_SA_GEN_SHIFT |
			   (rec.dir == VESPER_DIR_IN ? VESPER_SA_INBOUND : 0) | (u32)place;
	mock.handle[place] = hw.sa_rsp_handle;
	memset(mock.staging, 0, sizeof(mock.staging));
	return VESPER_MBX_OK;
}

static u32 sa_read(bool next)
{
	int i = sa_find(hw.sa_handle, next);

	if (i < 0)
		return VESPER_MBX_E_HANDLE;
	hw.sa_rsp_handle = mock.handle[i];
	memset(&hw.sa_state, 0, sizeof(hw.sa_state));
	hw.sa_state.seq = mock.sa[i].seq;
	hw.sa_state.packets = 0x1122334455667788;
	hw.sa_state.bytes = 2;
	hw.sa_state.replayed = 3;
	hw.sa_state.icv_failed = 4;
	memcpy(hw.sa_state.spi, mock.sa[i].spi, 4);
	memcpy(hw.sa_state.src, mock.sa[i].src, 16);
	memcpy(hw.sa_state.dst, mock.sa[i].dst, 16);
	hw.sa_state.mode = mock.sa[i].mode;
	hw.sa_state.family = mock.sa[i].family;
	hw.sa_state.key_len = mock.sa[i].key_len;
	hw.sa_state.icv_len = mock.sa[i].icv_len;
	hw.sa_state.queue = mock.sa[i].queue;
	hw.sa_state.replay_window = (u16)mock.sa[i].replay_window;
	return VESPER_MBX_OK;
}

static void sa_command(u32 cmd)
{
	u32 status = VESPER_MBX_OK;
	int i;

	hw.sa_status &= ~VESPER_MGMT__SA_STATUS__DONE_bm;
	if (mock.sa_stuck || !(cmd & VESPER_MGMT__SA_CMD__START_bm))
		return;
	switch (cmd & VESPER_MGMT__SA_CMD__OP_bm) {
	case 0:
		status = sa_install();
		break;
	case 1:
		i = sa_find(hw.sa_handle, false);
		if (i < 0)
			status = VESPER_MBX_E_HANDLE;
		else
			mock.handle[i] = 0;
		break;
	case 2:
		status = sa_read(cmd & VESPER_MGMT__SA_CMD__NEXT_bm);
		break;
	default:
		memset(mock.handle, 0, sizeof(mock.handle));
		break;
	}
	hw.sa_status =
		VESPER_MGMT__SA_STATUS__READY_bm | VESPER_MGMT__SA_STATUS__DONE_bm | status << 8;
}

/* ---- registers ---- */

/* Writable byte strings: offset and place. */
#define STRINGS                                                                             \
	{ REG(gcm_key), hw.key, 32 }, { REG(gcm_h), hw.h, 16 }, { REG(gcm_j0), hw.j0, 16 }, \
		{ REG(gcm_aad), hw.aad, 16 }, { REG(gcm_data), hw.data, 64 },               \
		{ REG(sa_record), mock.staging, 256 }, { REG(gcm_tag), hw.tag, 16 },        \
		{ REG(gcm_out), hw.out, 64 }, { REG(sa_state), (u8 *)&hw.sa_state, 88 }
#define WRITABLE_STRINGS 6

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
		return (mock.words != 0) | mock.words << 16;
	case REG(board_mac_lo):
		return 0x33221102;
	case REG(board_mac_hi):
		return 0x5544;
	case REG(gcm_status):
		return hw.done | hw.busy << 1 | hw.bytes << 8;
	case REG(sa_status):
		return hw.sa_status;
	case REG(sa_rsp_handle):
		return hw.sa_rsp_handle;
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
	case REG(mac_lo):
		memcpy(mock.mac, &value, 4);
		break;
	case REG(mac_hi):
		memcpy(mock.mac + 4, &value, 2);
		break;
	case REG(mbx_done):
		mock.done++;
		mock.words = 0;
		break;
	case REG(gcm_ctl):
		gcm_start(value);
		break;
	case REG(gcm_erase):
		hw.dropped = hw.busy;
		memset(hw.tag, 0, sizeof(hw.tag));
		memset(hw.out, 0, sizeof(hw.out));
		hw.done = false;
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

void *mmio_request(void)
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
