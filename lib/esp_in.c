// SPDX-License-Identifier: BSD-2-Clause
/* ESP inbound (RFC 4303 3.4). */
#include <openssl/crypto.h>
#include <string.h>

#include "bytes.h"
#include "esp.h"
#include "selector.h"

/* What is known of one packet on its way. */
struct inbound {
	struct esp_where w;
	struct esp_sa *sa;
	uint64_t seq;
	uint8_t *text; /* payload to next header */
	uint32_t text_len;
};

/* Does it look like ESP? By its protocol whether sound or not; in UDP only what is sound has a port. */
static bool looks_like_esp(struct sa_table *sas, const struct packet *p, bool *udp)
{
	*udp = p->named && p->proto == IPPROTO_UDP_NR;
	if (*udp)
		return p->ports && !p->fragment && sa_table_port(sas, p->dport);
	return p->named && p->proto == IPPROTO_ESP_NR;
}

/* Behind a UDP header (RFC 3948 2.2, 4). */
static enum vesper_status open_udp(const uint8_t *udp, uint32_t room, uint32_t *len)
{
	if (room < UDP_HLEN || get_be16(udp + 4) < UDP_HLEN || get_be16(udp + 4) > room)
		return VESPER_ST_UDP_LENGTH;
	*len = get_be16(udp + 4) - UDP_HLEN;
	if (*len == 1 && udp[UDP_HLEN] == 0xff)
		return VESPER_ST_KEEPALIVE;
	/* IKE, behind the non-ESP marker */
	if (*len < ESP_HLEN || !get_be32(udp + UDP_HLEN))
		return VESPER_ST_NOT_ESP;
	return VESPER_ST_OK;
}

enum vesper_status esp_find(struct sa_table *sas, const uint8_t *frame, uint32_t len,
			    struct esp_where *w)
{
	enum vesper_status status = packet_parse(frame, len, false, &w->p);

	if (status == VESPER_ST_NOT_IP || !looks_like_esp(sas, &w->p, &w->udp))
		return VESPER_ST_NOT_ESP;
	if (status != VESPER_ST_OK)
		return status;
	if (w->p.fragment)
		return VESPER_ST_FRAGMENT;
	w->at = w->p.l2 + w->p.head;
	w->len = w->p.total - w->p.head;
	if (w->udp) {
		status = open_udp(frame + w->at, w->len, &w->len);
		if (status != VESPER_ST_OK)
			return status;
		w->at += UDP_HLEN;
	}
	/* What no SA could accept; the exact length is known with the SA. */
	if (w->len < ESP_LEAST || w->len % 4)
		return VESPER_ST_ESP_LENGTH;
	return VESPER_ST_OK;
}

struct esp_sa *esp_find_sa(struct sa_table *sas, const uint8_t *frame, const struct esp_where *w)
{
	return sa_table_find_in(sas, w->p.family, ip_dst(frame + w->p.l2, w->p.family),
				frame + w->at);
}

/* Bytes of an IP packet at @ip as its header says, @len at most; 0: impossible. */
static uint32_t inner_total(const uint8_t *ip, uint32_t len, unsigned int family)
{
	uint32_t hlen, total;

	if (len < (family == VESPER_IPV6 ? IPV6_HLEN : IPV4_HLEN_MIN) || ip[0] >> 4 != family)
		return 0;
	hlen = family == VESPER_IPV6 ? IPV6_HLEN : 4 * (ip[0] & 0xfu);
	total = family == VESPER_IPV6 ? IPV6_HLEN + get_be16(ip + 4) : get_be16(ip + 2);
	return hlen < IPV4_HLEN_MIN || total < hlen || total > len ? 0 : total;
}

/* RFC 6040 4.2. Return: false for a packet that has to be dropped. */
static bool join_ecn(uint8_t outer, uint8_t *inner)
{
	enum { NOT_ECT = 0, ECT1 = 1, ECT0 = 2, CE = 3 };

	outer &= 3;
	if (outer == CE && (*inner & 3) == NOT_ECT)
		return false;
	if (outer == CE || (outer == ECT1 && (*inner & 3) == ECT0))
		*inner = (uint8_t)((*inner & 0xfc) | outer);
	return true;
}

/* Tunnel: what was inside becomes the frame's packet; its own length counts (TFC padding). */
static enum vesper_status strip_tunnel(struct esp *esp, const struct inbound *in,
				       struct vesper_frame *frame, uint32_t len, uint8_t next,
				       uint32_t *out_len)
{
	uint8_t *ip = frame->data + in->w.p.l2;
	unsigned int family = next == IPPROTO_IPV6_NR ? VESPER_IPV6 : VESPER_IPV4;
	uint8_t outer = ip_get_tos(ip, in->w.p.family), tos;
	enum vesper_status status;
	uint32_t total;

	if (next != IPPROTO_IPIP_NR && next != IPPROTO_IPV6_NR)
		return VESPER_ST_NEXT_HEADER;
	total = inner_total(in->text, len, family);
	if (!total)
		return VESPER_ST_INNER;
	if (sa_has(in->sa, VESPER_SAF_SELECTOR) &&
	    !selector_match(&in->sa->info.sa.sel, in->text, total))
		return VESPER_ST_SELECTOR;
	tos = ip_get_tos(in->text, family);
	if (!sa_has(in->sa, VESPER_SAF_ECN_OFF) && !join_ecn(outer, &tos))
		return VESPER_ST_ECN;
	if (sa_has(in->sa, VESPER_SAF_DSCP_COPY))
		tos = (uint8_t)((outer & 0xfc) | (tos & 3));
	status = sa_pass(in->sa, total, esp->events);
	if (status != VESPER_ST_OK)
		return status;
	ip_set_tos(in->text, family, tos);
	memmove(ip, in->text, total);
	put_be16(ip - 2, family == VESPER_IPV6 ? ETHERTYPE_IPV6_NR : ETHERTYPE_IPV4_NR);
	*out_len = total;
	return VESPER_ST_OK;
}

/* Transport: the IP header gets its protocol, length and checksum back. */
static enum vesper_status strip_transport(struct esp *esp, const struct inbound *in,
					  struct vesper_frame *frame, uint32_t len, uint8_t next,
					  uint32_t *out_len)
{
	const struct packet *p = &in->w.p;
	enum vesper_status status = VESPER_ST_OK;
	uint8_t *ip = frame->data + p->l2;
	uint8_t before[EXT_FRAME_MAX];

	memcpy(before, ip, p->head);
	*out_len = p->head + len;
	ip[p->proto_at] = next;
	if (p->family == VESPER_IPV6) {
		put_be16(ip + 4, *out_len - IPV6_HLEN);
	} else {
		put_be16(ip + 2, *out_len);
		ipv4_set_checksum(ip, p->head);
	}
	memmove(ip + p->head, in->text, len);
	if (sa_has(in->sa, VESPER_SAF_SELECTOR) &&
	    !selector_match(&in->sa->info.sa.sel, ip, *out_len))
		status = VESPER_ST_SELECTOR;
	if (status == VESPER_ST_OK)
		status = sa_pass(in->sa, len, esp->events);
	if (status != VESPER_ST_OK)
		memcpy(ip, before, p->head);
	return status;
}

/* Padding is 1, 2, 3, ... (RFC 4303 2.4); @end is where the pad length stands. */
static bool padding_ok(const uint8_t *text, const uint8_t *end)
{
	uint32_t pad = *end;
	uint32_t i;

	if (pad > (uint32_t)(end - text))
		return false;
	for (i = 0; i < pad; i++)
		if (end[-(int)pad + (int)i] != i + 1)
			return false;
	return true;
}

/* An authentic packet's inside becomes the frame. @out_len: bytes of the IP packet. */
static enum vesper_status strip(struct esp *esp, const struct inbound *in,
				struct vesper_frame *frame, uint32_t *out_len)
{
	const uint8_t *end = in->text + in->text_len - ESP_TRAILER;
	uint32_t len = in->text_len - ESP_TRAILER - *end;
	uint8_t next = end[1];

	if (!padding_ok(in->text, end))
		return VESPER_ST_PADDING;
	if (next == IPPROTO_NONE_NR)
		return VESPER_ST_DUMMY;
	return sa_tunnel(in->sa) ? strip_tunnel(esp, in, frame, len, next, out_len) :
				   strip_transport(esp, in, frame, len, next, out_len);
}

/* Decrypts and authenticates; on success the plaintext is in place of the ciphertext. */
static bool authentic(const struct inbound *in, const uint8_t *hdr)
{
	uint8_t implicit[ESP_IVLEN];
	struct esp_text t = {
		.hdr = hdr,
		.iv = hdr + ESP_HLEN,
		.text = in->text,
		.len = in->text_len,
		.icv = in->text + in->text_len,
		.seq = in->seq,
	};

	if (!sa_iv_len(in->sa)) {
		put_be64(implicit, in->seq);
		t.iv = implicit;
	}
	return !esp_open(in->sa, &t);
}

/* The host strips: the frame keeps its length, and the ICV has done its work. */
static enum vesper_status deliver_inplace(struct esp *esp, struct inbound *in,
					  struct vesper_frame *frame)
{
	enum vesper_status status = sa_pass(in->sa, in->text_len, esp->events);

	uint8_t *behind = in->text + in->text_len;

	if (status != VESPER_ST_OK)
		return status;
	memset(behind, 0, (size_t)(frame->data + frame->len - behind));
	frame->inplace = true;
	return VESPER_ST_OK;
}

/* From the SA on. Sets frame->len to what is delivered, 0 for nothing. */
static enum vesper_status process(struct esp *esp, struct inbound *in, struct vesper_frame *frame)
{
	uint8_t *hdr = frame->data + in->w.at;
	const uint32_t overhead = ESP_HLEN + sa_iv_len(in->sa) + in->sa->info.sa.icv_len;
	uint32_t len = 0, behind;
	enum vesper_status status;

	if (in->w.udp != sa_has(in->sa, VESPER_SAF_UDP))
		return VESPER_ST_ENCAP;
	if (in->w.len < overhead + ESP_TRAILER)
		return VESPER_ST_ESP_LENGTH;
	in->text = hdr + ESP_HLEN + sa_iv_len(in->sa);
	in->text_len = in->w.len - overhead;
	status = sa_check_seq(in->sa, get_be32(hdr + 4), &in->seq);
	if (status != VESPER_ST_OK)
		return status;
	behind = frame->len - (uint32_t)(in->text - frame->data);
	if (!authentic(in, hdr)) {
		OPENSSL_cleanse(in->text, behind);
		frame->inplace = sa_has(in->sa, VESPER_SAF_INPLACE);
		return VESPER_ST_ICV;
	}

	/* Authentic: now the number counts as seen, whatever is inside. */
	sa_mark_seq(in->sa, in->seq);
	if (sa_has(in->sa, VESPER_SAF_INPLACE))
		return deliver_inplace(esp, in, frame);
	status = strip(esp, in, frame, &len);
	if (status != VESPER_ST_OK) {
		/* Transport has moved the payload to the front. */
		OPENSSL_cleanse(frame->data + in->w.p.l2 + in->w.p.head,
				frame->len - in->w.p.l2 - in->w.p.head);
		return status;
	}
	frame->len = in->w.p.l2 + len;
	return VESPER_ST_OK;
}

enum vesper_status esp_in(struct esp *esp, struct vesper_frame *frame)
{
	struct inbound in = { 0 };
	enum vesper_status status;
	uint8_t spi[4] = { 0 };

	frame->seq = 0;
	frame->sa = 0;
	frame->esp = false;
	frame->inplace = false;
	frame->fits = 0;
	status = esp_find(esp->sas, frame->data, frame->len, &in.w);
	if (status == VESPER_ST_OK) {
		in.sa = esp_find_sa(esp->sas, frame->data, &in.w);
		memcpy(spi, frame->data + in.w.at, sizeof(spi));
		in.seq = get_be32(frame->data + in.w.at + 4);
		status = in.sa ? process(esp, &in, frame) : VESPER_ST_NO_SA;
	}
	if (status != VESPER_ST_OK) {
		if (in.sa)
			sa_drop(in.sa, status);
		event_drop(esp->events, status, true, &in.w.p, frame->data + in.w.p.l2, in.sa, spi,
			   in.seq);
	}
	if (status == VESPER_ST_OK || frame->inplace)
		frame->sa = in.sa->info.handle;
	if (status == VESPER_ST_OK)
		frame->seq = in.seq;
	frame->status = (uint8_t)status;
	frame->esp = status == VESPER_ST_OK;
	if (status != VESPER_ST_OK && !frame->inplace)
		frame->len = 0;
	return status;
}

uint32_t esp_delivered_bytes(const struct esp_sa *sa, const uint8_t *frame, uint32_t len)
{
	struct packet p;

	if (packet_parse(frame, len, false, &p) != VESPER_ST_OK)
		return 0;
	return sa_tunnel(sa) ? p.total : p.total - p.head;
}
