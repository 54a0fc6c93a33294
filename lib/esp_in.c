// SPDX-License-Identifier: BSD-2-Clause
/* ESP inbound (RFC 4303 3.4). */
#include <openssl/crypto.h>
#include <string.h>

#include "esp.h"
#include "ipv4.h"

/* Padding is 1, 2, 3, ... (RFC 4303 2.4); @end is where the pad length stands. */
static bool padding_ok(const uint8_t *payload, const uint8_t *end)
{
	uint32_t pad = *end;
	uint32_t i;

	if (pad > (uint32_t)(end - payload))
		return false;
	for (i = 0; i < pad; i++)
		if (end[-(int)pad + (int)i] != i + 1)
			return false;
	return true;
}

/* Tunnel: what was inside becomes the frame's packet; its own length counts (TFC padding). */
static enum vesper_status strip_tunnel(struct vesper_frame *frame, const uint8_t *inner,
				       uint32_t len, uint8_t next, uint32_t *out_len)
{
	struct ipv4 hdr;

	if (next == IPPROTO_NONE_NR)
		return VESPER_ST_DUMMY;
	if (next != IPPROTO_IPIP_NR)
		return VESPER_ST_NEXT_HEADER;
	if (len < IPV4_HLEN_MIN)
		return VESPER_ST_INNER;
	hdr.hlen = 4 * (inner[0] & 0xf);
	hdr.total = get_be16(inner + 2);
	if (inner[0] >> 4 != 4 || hdr.hlen < IPV4_HLEN_MIN || hdr.total < hdr.hlen ||
	    hdr.total > len)
		return VESPER_ST_INNER;
	memmove(frame->data + ETH_HLEN, inner, hdr.total);
	*out_len = ETH_HLEN + hdr.total;
	return VESPER_ST_OK;
}

/* Transport: the IP header gets its protocol, length and checksum back. */
static enum vesper_status strip_transport(struct vesper_frame *frame, const uint8_t *payload,
					  uint32_t len, uint8_t next, uint32_t hlen,
					  uint32_t *out_len)
{
	uint8_t *ip = frame->data + ETH_HLEN;

	if (next == IPPROTO_NONE_NR)
		return VESPER_ST_DUMMY;
	memmove(ip + hlen, payload, len);
	ip[9] = next;
	put_be16(ip + 2, (uint16_t)(hlen + len));
	ipv4_set_checksum(ip, hlen);
	*out_len = ETH_HLEN + hlen + len;
	return VESPER_ST_OK;
}

/* Decrypts and authenticates; on success the plaintext is in place of the ciphertext. */
static enum vesper_status decrypt(struct esp_sa *sa, uint8_t *esp, uint32_t cipher_len)
{
	uint8_t *payload = esp + ESP_HLEN + ESP_IVLEN;
	uint8_t nonce[CRYPTO_NONCE_LEN];

	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, esp + ESP_HLEN, ESP_IVLEN);
	if (crypto->open(sa->key, nonce, esp, ESP_HLEN, payload, cipher_len, payload + cipher_len,
			 sa->info.icv_len)) {
		sa->info.icv_failed++;
		return VESPER_ST_ICV;
	}
	return VESPER_ST_OK;
}

static enum vesper_status decapsulate(esp_lookup lookup, void *table, struct vesper_frame *frame,
				      uint32_t *out_len)
{
	uint8_t *ip = frame->data + ETH_HLEN;
	uint32_t cipher_len, overhead, esp_len, text;
	uint64_t seq;
	enum vesper_status status;
	uint8_t *esp, *payload, *end;
	struct esp_sa *sa;
	struct ipv4 hdr;

	if (!eth_is_ipv4(frame->data, frame->len) || frame->len < ETH_HLEN + 10 ||
	    ip[9] != IPPROTO_ESP_NR)
		return VESPER_ST_NOT_ESP;
	status = ipv4_parse(ip, frame->len - ETH_HLEN, &hdr);
	if (status != VESPER_ST_OK)
		return status;
	if (hdr.fragment)
		return VESPER_ST_FRAGMENT;
	/* What no SA could accept; the exact length is known only with the SA. */
	esp_len = hdr.total - hdr.hlen;
	if (esp_len < ESP_HLEN + ESP_IVLEN + ESP_TRAILER + ICV_MIN || esp_len % 4)
		return VESPER_ST_ESP_LENGTH;
	esp = ip + hdr.hlen;
	sa = lookup(table, ip + 16, esp);
	if (!sa)
		return VESPER_ST_NO_SA;
	overhead = ESP_HLEN + ESP_IVLEN + sa->info.icv_len;
	if (esp_len < overhead + ESP_TRAILER)
		return VESPER_ST_ESP_LENGTH;
	cipher_len = esp_len - overhead;
	seq = get_be32(esp + 4);
	if (sa->window && !replay_check(sa->window, seq)) {
		sa->info.replayed++;
		return VESPER_ST_REPLAY;
	}
	status = decrypt(sa, esp, cipher_len);
	if (status != VESPER_ST_OK)
		return status;

	/* Authentic: now the number counts as seen, whatever is inside. */
	if (sa->window)
		replay_mark(sa->window, seq);
	if (seq > sa->info.seq)
		sa->info.seq = seq;
	payload = esp + ESP_HLEN + ESP_IVLEN;
	end = payload + cipher_len - ESP_TRAILER;
	text = cipher_len - ESP_TRAILER - *end;
	if (!padding_ok(payload, end))
		status = VESPER_ST_PADDING;
	else if (sa->info.mode == VESPER_MODE_TUNNEL)
		status = strip_tunnel(frame, payload, text, end[1], out_len);
	else
		status = strip_transport(frame, payload, text, end[1], hdr.hlen, out_len);
	if (status != VESPER_ST_OK) {
		OPENSSL_cleanse(payload, cipher_len);
		return status;
	}
	frame->sa = sa->info.handle;
	frame->seq = seq;
	sa->info.packets++;
	sa->info.bytes +=
		*out_len - ETH_HLEN - (sa->info.mode == VESPER_MODE_TUNNEL ? 0 : hdr.hlen);
	return VESPER_ST_OK;
}

enum vesper_status esp_in(esp_lookup lookup, void *table, struct vesper_frame *frame)
{
	uint32_t len = 0;

	frame->seq = 0;
	frame->sa = 0;
	frame->esp = false;
	frame->status = (uint8_t)decapsulate(lookup, table, frame, &len);
	frame->esp = frame->status == VESPER_ST_OK;
	frame->len = len;
	return frame->status;
}
