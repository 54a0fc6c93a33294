// SPDX-License-Identifier: BSD-2-Clause
#include "lib_frame.h"

#include <openssl/evp.h>
#include <string.h>

struct vesper *open_soft(uint32_t mtu)
{
	struct vesper_opts opts = { .size = sizeof(opts), .mtu = mtu };
	struct vesper *v;

	assert_int_equal(vesper_open(&opts, &v, NULL, 0), 0);
	assert_false(vesper_on_card(v));
	return v;
}

struct vesper_sa make_sa(unsigned int dir, unsigned int mode, unsigned int key_len,
			 unsigned int icv_len, uint32_t seed)
{
	struct vesper_sa sa = {
		.dir = (uint8_t)dir,
		.mode = (uint8_t)mode,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = (uint8_t)key_len,
		.icv_len = (uint8_t)icv_len,
		.ttl = 64,
		.spi = { 1, (uint8_t)(seed >> 16), (uint8_t)(seed >> 8), (uint8_t)seed },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 },
		.replay_window = dir == VESPER_DIR_IN ? 64 : 0,
	};
	unsigned int i;

	for (i = 0; i < key_len; i++)
		sa.key[i] = (uint8_t)(seed * 31 + i * 7 + 1);
	for (i = 0; i < 4; i++)
		sa.salt[i] = (uint8_t)(seed + 0xa0 + i);
	return sa;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

void set_checksum(uint8_t *frame)
{
	uint8_t *ip = frame + ETH;
	uint32_t hlen = 4 * (ip[0] & 15), sum = 0, i;

	put16(ip + 10, 0);
	for (i = 0; i < hlen; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum);
}

static void make_head(uint8_t *frame, uint32_t hlen, uint32_t total, uint8_t proto)
{
	static const uint8_t eth[ETH] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
	static const uint8_t addresses[8] = { 192, 0, 2, 1, 192, 0, 2, 2 };
	uint8_t *ip = frame + ETH;

	memcpy(frame, eth, ETH);
	memset(ip, 1, hlen); /* options: NOP */
	memset(ip, 0, IP);
	ip[0] = (uint8_t)(0x40 | hlen / 4);
	put16(ip + 2, total);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, addresses, 8);
	set_checksum(frame);
}

uint32_t make_frame(uint8_t *frame, uint32_t options, uint32_t len)
{
	uint32_t i;

	make_head(frame, IP + options, IP + options + len, 17);
	for (i = 0; i < len; i++)
		frame[ETH + IP + options + i] = (uint8_t)(i * 13 + len);
	return ETH + IP + options + len;
}

uint32_t make_esp(uint8_t *frame, const struct vesper_sa *sa, uint32_t seq, const uint8_t *text,
		  uint32_t len)
{
	const EVP_CIPHER *cipher = sa->key_len == 16 ? EVP_aes_128_gcm() :
				   sa->key_len == 24 ? EVP_aes_192_gcm() :
						       EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *esp = frame + ETH + IP;
	uint8_t nonce[12];
	int n;

	make_head(frame, IP, IP + 16 + len + sa->icv_len, 50);
	memcpy(frame + ETH + 16, sa->dst, 4);
	set_checksum(frame);
	memcpy(esp, sa->spi, 4);
	put32(esp + 4, seq);
	put32(esp + 8, 0x01020304); /* any IV is right that the sender does not repeat */
	put32(esp + 12, seq);
	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, esp + 8, 8);
	assert_true(EVP_EncryptInit_ex(ctx, cipher, NULL, sa->key, nonce));
	assert_true(EVP_EncryptUpdate(ctx, NULL, &n, esp, 8));
	assert_true(EVP_EncryptUpdate(ctx, esp + 16, &n, text, (int)len));
	assert_true(EVP_EncryptFinal_ex(ctx, esp + 16 + n, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sa->icv_len, esp + 16 + len));
	EVP_CIPHER_CTX_free(ctx);
	return ETH + IP + 16 + len + sa->icv_len;
}

static enum vesper_status one(struct vesper *v, bool encrypt, uint32_t sa, uint8_t *data,
			      uint32_t *len)
{
	struct vesper_frame frame = { .data = data, .len = *len, .room = ROOM, .sa = sa };
	int passed = (encrypt ? vesper_encrypt : vesper_decrypt)(v, &frame, 1);

	assert_int_equal(passed, frame.status == VESPER_ST_OK);
	assert_int_equal(frame.esp, frame.status == VESPER_ST_OK);
	if (frame.status != VESPER_ST_OK) {
		assert_int_equal(frame.len, 0);
		assert_int_equal(frame.seq, 0);
	}
	*len = frame.len;
	return frame.status;
}

enum vesper_status encrypt_one(struct vesper *v, uint32_t sa, uint8_t *data, uint32_t *len)
{
	return one(v, true, sa, data, len);
}

enum vesper_status decrypt_one(struct vesper *v, uint8_t *data, uint32_t *len)
{
	return one(v, false, 0, data, len);
}
