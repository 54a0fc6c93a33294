// SPDX-License-Identifier: BSD-2-Clause
/* AES-GCM by OpenSSL. Each key keeps one context a direction, so that a packet costs no key schedule. */
#include "crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

struct crypto_key {
	EVP_CIPHER_CTX *seal;
	EVP_CIPHER_CTX *open;
};

static const EVP_CIPHER *cipher_of(size_t len)
{
	switch (len) {
	case 16:
		return EVP_aes_128_gcm();
	case 24:
		return EVP_aes_192_gcm();
	case 32:
		return EVP_aes_256_gcm();
	default:
		return NULL;
	}
}

static void openssl_key_free(struct crypto_key *key)
{
	if (!key)
		return;
	/* Freeing a context erases its key schedule. */
	EVP_CIPHER_CTX_free(key->seal);
	EVP_CIPHER_CTX_free(key->open);
	free(key);
}

static struct crypto_key *openssl_key_new(const uint8_t *bytes, size_t len)
{
	const EVP_CIPHER *cipher = cipher_of(len);
	struct crypto_key *key;

	if (!cipher)
		return NULL;
	key = calloc(1, sizeof(*key));
	if (!key)
		return NULL;
	key->seal = EVP_CIPHER_CTX_new();
	key->open = EVP_CIPHER_CTX_new();
	if (!key->seal || !key->open || !EVP_EncryptInit_ex(key->seal, cipher, NULL, bytes, NULL) ||
	    !EVP_DecryptInit_ex(key->open, cipher, NULL, bytes, NULL)) {
		openssl_key_free(key);
		return NULL;
	}
	return key;
}

static bool additional(EVP_CIPHER_CTX *ctx, bool seal, const uint8_t *aad, size_t len)
{
	int n;

	if (!len)
		return true;
	return seal ? EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)len) :
		      EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)len);
}

static int openssl_seal(struct crypto_key *key, const struct crypto_msg *m)
{
	EVP_CIPHER_CTX *ctx = key->seal;
	uint8_t none[16];
	int n;

	OSSL_PARAM get_tag[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, m->tag, m->tag_len),
		OSSL_PARAM_END,
	};

	if (!EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, m->nonce) ||
	    !additional(ctx, true, m->aad, m->aad_len) ||
	    !additional(ctx, true, m->more, m->more_len) ||
	    (m->len && !EVP_EncryptUpdate(ctx, m->data, &n, m->data, (int)m->len)) ||
	    !EVP_EncryptFinal_ex(ctx, none, &n) || !EVP_CIPHER_CTX_get_params(ctx, get_tag))
		return -EIO;
	return 0;
}

static int openssl_open(struct crypto_key *key, const struct crypto_msg *m)
{
	EVP_CIPHER_CTX *ctx = key->open;
	uint8_t none[16];
	int n;

	if (!EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, m->nonce) ||
	    !additional(ctx, false, m->aad, m->aad_len) ||
	    !additional(ctx, false, m->more, m->more_len) ||
	    (m->len && !EVP_DecryptUpdate(ctx, m->data, &n, m->data, (int)m->len)) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)m->tag_len, m->tag)) {
		OPENSSL_cleanse(m->data, m->len);
		return -EIO;
	}
	/* OpenSSL compares the tag in constant time. */
	if (EVP_DecryptFinal_ex(ctx, none, &n) <= 0) {
		OPENSSL_cleanse(m->data, m->len);
		return -EBADMSG;
	}
	return 0;
}

const struct crypto_ops crypto_openssl = {
	.name = "openssl",
	.key_new = openssl_key_new,
	.key_free = openssl_key_free,
	.seal = openssl_seal,
	.open = openssl_open,
};
