// SPDX-License-Identifier: BSD-2-Clause
/* One ESP packet through AES-GCM (RFC 4106, RFC 8750) or AES-GMAC (RFC 4543). */
#include <string.h>

#include "bytes.h"
#include "esp.h"

#define AAD_MAX 12 /* SPI, both halves of the number */

static void prepare(const struct esp_sa *sa, const struct esp_text *t, uint8_t aad[AAD_MAX],
		    struct crypto_msg *m)
{
	memcpy(m->nonce, sa->salt, sizeof(sa->salt));
	memcpy(m->nonce + sizeof(sa->salt), t->iv, ESP_IVLEN);
	memcpy(aad, t->hdr, 4);
	m->aad = aad;
	m->aad_len = 8;
	if (sa_has(sa, VESPER_SAF_ESN)) {
		put_be32(aad + 4, (uint32_t)(t->seq >> 32));
		m->aad_len = 12;
	}
	memcpy(aad + m->aad_len - 4, t->hdr + 4, 4);
	m->tag = t->icv;
	m->tag_len = sa->info.sa.icv_len;
	if (sa->info.sa.alg == VESPER_ALG_AES_GMAC) {
		/* The IV stands before the text: no implicit IV here. */
		m->more = t->iv;
		m->more_len = ESP_IVLEN + t->len;
	} else {
		m->data = t->text;
		m->len = t->len;
	}
}

int esp_seal(const struct esp_sa *sa, const struct esp_text *t)
{
	struct crypto_msg m = { 0 };
	uint8_t aad[AAD_MAX];

	prepare(sa, t, aad, &m);
	return crypto->seal(sa->key, &m);
}

int esp_open(const struct esp_sa *sa, const struct esp_text *t)
{
	struct crypto_msg m = { 0 };
	uint8_t aad[AAD_MAX];

	prepare(sa, t, aad, &m);
	return crypto->open(sa->key, &m);
}
