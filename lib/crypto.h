/* SPDX-License-Identifier: BSD-2-Clause */
/* What ESP in software needs of a crypto library: AES-GCM with a key that stays loaded. */
#ifndef VESPER_CRYPTO_H
#define VESPER_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define CRYPTO_NONCE_LEN 12
#define CRYPTO_TAG_LEN	 16

struct crypto_key; /* a provider's own */

/* One message. Lengths in bytes; the additional data may come in two parts, each of which may be empty. */
struct crypto_msg {
	uint8_t nonce[CRYPTO_NONCE_LEN];
	const uint8_t *aad, *more;
	size_t aad_len, more_len;
	uint8_t *data; /* in place */
	size_t len;
	uint8_t *tag; /* open: read only */
	size_t tag_len;
};

struct crypto_ops {
	const char *name;

	/* Loads a key of 16, 24 or 32 bytes. Return: NULL without memory or if the library refuses. */
	struct crypto_key *(*key_new)(const uint8_t *key, size_t len);

	/* Erases it. NULL is accepted. */
	void (*key_free)(struct crypto_key *key);

	/* Encrypts in place and gives the tag. Return: 0, or -EIO. */
	int (*seal)(struct crypto_key *key, const struct crypto_msg *msg);

	/*
	 * Decrypts in place. Return: 0; -EBADMSG when the tag is wrong, and then
	 * msg->data is erased; -EIO.
	 */
	int (*open)(struct crypto_key *key, const struct crypto_msg *msg);
};

extern const struct crypto_ops crypto_openssl;

/* The provider in use. */
#define crypto (&crypto_openssl)

#endif
