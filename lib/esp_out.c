// SPDX-License-Identifier: BSD-2-Clause
/* ESP outbound (RFC 4303 3.3). */
#include <string.h>

#include "esp.h"
#include "ipv4.h"

/* The sequence number to send, or 0 when it would cycle (RFC 4303 3.3.3). */
static uint64_t next_seq(struct esp_sa *sa)
{
	return sa->info.seq >= UINT32_MAX ? 0 : ++sa->info.seq;
}

/* Tunnel: the frame's Ethernet header, then the outer header from the template. */
static void outer_header(const struct esp_sa *sa, uint8_t *ip, uint32_t total)
{
	memcpy(ip, sa->hdr, sa->hdr_len);
	put_be16(ip + 2, (uint16_t)total);
	put_be16(ip + 4, (uint16_t)sa->info.seq);
	put_be16(ip + 10, (uint16_t)~ipv4_fold(sa->hdr_sum + total + (uint16_t)sa->info.seq));
}

/* The smallest result there is for such a packet: transport mode with the shortest ICV. */
static uint32_t least_length(const struct ipv4 *hdr)
{
	uint32_t text = (hdr->total - hdr->hlen + ESP_TRAILER + 3) & ~3u;

	return ETH_HLEN + hdr->hlen + ESP_HLEN + ESP_IVLEN + text + ICV_MIN;
}

static enum vesper_status encapsulate(esp_lookup_out lookup, void *table,
				      struct vesper_frame *frame, uint32_t mtu)
{
	uint32_t head, text, pad, total, i;
	uint8_t *ip = frame->data + ETH_HLEN;
	uint8_t nonce[CRYPTO_NONCE_LEN];
	uint8_t *esp, *payload;
	enum vesper_status status;
	struct esp_sa *sa;
	struct ipv4 hdr;
	uint64_t seq;
	uint8_t next;
	bool tunnel;

	if (!eth_is_ipv4(frame->data, frame->len))
		return VESPER_ST_NOT_IP;
	status = ipv4_parse(ip, frame->len - ETH_HLEN, &hdr);
	if (status != VESPER_ST_OK)
		return status;
	if (least_length(&hdr) > mtu)
		return VESPER_ST_TOO_BIG;
	status = lookup(table, frame->sa, &sa);
	if (status != VESPER_ST_OK)
		return status;
	seq = next_seq(sa);
	if (!seq)
		return VESPER_ST_SEQ_EXHAUSTED;
	tunnel = sa->info.mode == VESPER_MODE_TUNNEL;
	/* Counted with its number, as the card does, whatever becomes of it. */
	text = tunnel ? hdr.total : hdr.total - hdr.hlen;
	sa->info.packets++;
	sa->info.bytes += text;
	if (hdr.fragment && !tunnel)
		return VESPER_ST_FRAGMENT;

	/* What is encrypted starts behind the Ethernet header (tunnel) or the IP header (transport). */
	pad = -(text + ESP_TRAILER) & 3;
	head = tunnel ? sa->hdr_len : hdr.hlen;
	total = head + ESP_HLEN + ESP_IVLEN + text + pad + ESP_TRAILER + sa->info.icv_len;
	if (ETH_HLEN + total > mtu)
		return VESPER_ST_TOO_BIG;
	if (ETH_HLEN + total > frame->room)
		return VESPER_ST_NO_BUFFER;

	next = tunnel ? IPPROTO_IPIP_NR : hdr.proto;
	esp = ip + head;
	payload = esp + ESP_HLEN + ESP_IVLEN;
	memmove(payload, tunnel ? ip : ip + hdr.hlen, text);
	if (tunnel) {
		outer_header(sa, ip, total);
	} else {
		ip[9] = IPPROTO_ESP_NR;
		put_be16(ip + 2, (uint16_t)total);
		ipv4_set_checksum(ip, hdr.hlen);
	}
	memcpy(esp, sa->info.spi, 4);
	put_be32(esp + 4, (uint32_t)seq);
	put_be64(esp + ESP_HLEN, seq);
	for (i = 0; i < pad; i++)
		payload[text + i] = (uint8_t)(i + 1);
	payload[text + pad] = (uint8_t)pad;
	payload[text + pad + 1] = next;

	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, esp + ESP_HLEN, ESP_IVLEN);
	i = text + pad + ESP_TRAILER;
	if (crypto->seal(sa->key, nonce, esp, ESP_HLEN, payload, i, payload + i,
			 sa->info.icv_len)) {
		/* Nothing of the plaintext may leave in its stead. */
		memset(payload, 0, i);
		return VESPER_ST_NOT_READY;
	}
	frame->seq = seq;
	frame->len = ETH_HLEN + total;
	return VESPER_ST_OK;
}

enum vesper_status esp_out(esp_lookup_out lookup, void *table, struct vesper_frame *frame,
			   uint32_t mtu)
{
	frame->seq = 0;
	frame->esp = false;
	frame->status = (uint8_t)encapsulate(lookup, table, frame, mtu);
	frame->esp = frame->status == VESPER_ST_OK;
	if (frame->status != VESPER_ST_OK)
		frame->len = 0;
	return frame->status;
}
