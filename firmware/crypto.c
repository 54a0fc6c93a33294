// SPDX-License-Identifier: BSD-2-Clause
/* AES-GCM jobs through the card's own engines, between the packets that they serve. */
#include "crypto.h"

#include <errno.h>

#define POLLS \
	100000u /* a job waits for the packets in the engine, and these for the wire or the host */

#define CTL(field, value) ((u32)(value) << VESPER_MGMT__GCM_CTL__##field##_bp)

static void put(u32 offset, const u8 *bytes, u32 len)
{
	const word_t *words = (const word_t *)__builtin_assume_aligned(bytes, 4);
	u32 i;

	for (i = 0; i < (len + 3) / 4; i++)
		mmio_write(offset + 4 * i, words[i]);
}

static void get(u32 offset, u8 *bytes, u32 len)
{
	word_t *words = (word_t *)__builtin_assume_aligned(bytes, 4);
	u32 i;

	for (i = 0; i < (len + 3) / 4; i++)
		words[i] = mmio_read(offset + 4 * i);
}

bool crypto_busy(void)
{
	return mmio_read(REG(gcm_status)) & VESPER_MGMT__GCM_STATUS__BUSY_bm;
}

void crypto_start(u32 ctl)
{
	mmio_write(REG(gcm_ctl), ctl | VESPER_MGMT__GCM_CTL__START_bm);
}

int crypto_wait(u32 bytes)
{
	u32 polls, status;

	for (polls = 0; polls < POLLS; polls++) {
		status = mmio_read(REG(gcm_status));
		if (status & VESPER_MGMT__GCM_STATUS__DONE_bm)
			return (status & VESPER_MGMT__GCM_STATUS__BYTES_bm) ==
					       bytes << VESPER_MGMT__GCM_STATUS__BYTES_bp ?
				       0 :
				       -EIO;
	}
	return -ETIMEDOUT;
}

int crypto_run(enum crypto_engine engine, const struct crypto_job *job, u8 *out, u8 tag[16])
{
	int ret;

	if (crypto_busy())
		return -EBUSY;

	/* What is not written is zero: the registers are erased as soon as the engine has the job. */
	put(REG(gcm_key), job->key, job->key_len);
	put(REG(gcm_h), job->h, 16);
	put(REG(gcm_j0), job->j0, 16);
	if (job->aad_len)
		put(REG(gcm_aad), job->aad, 16);
	if (job->len)
		put(REG(gcm_data), job->in, job->len);
	crypto_start(CTL(KEY_LEN, job->key_len / 8 - 2) | CTL(DECRYPT, job->decrypt) |
		     CTL(ENGINE, engine) | CTL(AAD_BYTES, job->aad_len) |
		     CTL(AUTH_ONLY, job->auth_only) | CTL(BYTES, job->len));
	ret = crypto_wait(job->len);
	if (!ret) {
		get(REG(gcm_tag), tag, 16);
		if (out)
			get(REG(gcm_out), out, job->len);
	}
	/* On a timeout, of the answer when it comes, too: it may be an H. */
	mmio_write(REG(erase), VESPER_MGMT__ERASE__JOB_bm);
	return ret;
}

int crypto_hash_key(enum crypto_engine engine, const u8 *key, u8 key_len, u8 h[16])
{
	static const u8 zero[16] __attribute__((aligned(4)));
	const struct crypto_job job = { .key = key, .key_len = key_len, .h = zero, .j0 = zero };

	/* With H = 0 an empty packet's tag is E(K, J0), and J0 is zero here. */
	return crypto_run(engine, &job, NULL, h);
}

bool crypto_equal(const u8 *a, const u8 *b, size_t len)
{
	const word_t *wa = (const word_t *)__builtin_assume_aligned(a, 4);
	const word_t *wb = (const word_t *)__builtin_assume_aligned(b, 4);
	u32 differ = 0;
	size_t i;

	for (i = 0; i < (len + 3) / 4; i++)
		differ |= wa[i] ^ wb[i];
	return !differ;
}
