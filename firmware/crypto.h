/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-GCM jobs through the card's own engines, between the packets that they serve. */
#ifndef VESPER_FW_CRYPTO_H
#define VESPER_FW_CRYPTO_H

#include "mmio.h"

enum crypto_engine { CRYPTO_OUT = 0, CRYPTO_IN = 1 };
#define CRYPTO_ENGINES 2

/* All pointers are word-aligned, but `in` may be NULL when `len` is 0, and aad when aad_len is. */
struct crypto_job {
	const u8 *key;
	const u8 *h;   /* E(K, 0^128), 16 bytes */
	const u8 *j0;  /* pre-counter block, 16 bytes (SP 800-38D 7.1) */
	const u8 *aad; /* bytes beyond aad_len up to 16 are zero */
	const u8 *in;  /* readable up to the next multiple of 4 */
	u8 key_len;    /* bytes: 16, 24, 32 */
	u8 aad_len;    /* 0..16 */
	u8 len;	       /* 0..64 */
	bool decrypt;
	bool auth_only; /* AES-GMAC: `in` follows the AAD, and comes out as it is */
};

/**
 * crypto_run - one AES-GCM job
 * @engine: which engine does it
 * @job: what to do
 * @out: result, room for @job->len rounded up to 4, word-aligned; NULL if of no interest
 * @tag: full tag, 16 bytes, word-aligned
 *
 * Nothing of the job stays in the registers, nor of an answer that comes after
 * the timeout. The tag is not compared here.
 *
 * Return: 0, -EBUSY (an earlier job is still with the engine), -ETIMEDOUT (the
 * engine could not get rid of the packets before the job), -EIO (the result has
 * another length).
 */
int crypto_run(enum crypto_engine engine, const struct crypto_job *job, u8 *out, u8 tag[16]);

/* crypto_busy - is a job with the engine? The job registers are its own as long. */
bool crypto_busy(void);

/**
 * crypto_start - give the engine the job that the registers hold; not while crypto_busy()
 * @ctl: register GCM_CTL but for its start bit
 */
void crypto_start(u32 ctl);

/* crypto_wait - wait for the job's end. Return: 0, -ETIMEDOUT, or -EIO (not @bytes in the result). */
int crypto_wait(u32 bytes);

/**
 * crypto_hash_key - H = E(K, 0^128) (SP 800-38D 6.4)
 * @engine: which engine does it
 * @key: word-aligned
 * @key_len: bytes: 16, 24, 32
 * @h: result, 16 bytes, word-aligned; secret
 *
 * Return: as crypto_run().
 */
int crypto_hash_key(enum crypto_engine engine, const u8 *key, u8 key_len, u8 h[16]);

/*
 * Are two word-aligned byte strings equal, zero up to the next multiple of 4
 * as both are? Takes the same time wherever they differ.
 */
bool crypto_equal(const u8 *a, const u8 *b, size_t len);

#endif
