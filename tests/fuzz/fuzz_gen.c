// SPDX-License-Identifier: BSD-2-Clause
/* Makes frames: sound ones, and such as an attacker or a broken peer would send. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "crypto.h"
#include "fuzz.h"
#include "packet.h"

#define ESP_HEAD 16 /* SPI, sequence number, IV */
#define TEXT_MAX 9300

static void note(struct input *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct input *in, const char *format, ...)
{
	size_t have = strlen(in->what);
	va_list args;

	va_start(args, format);
	vsnprintf(in->what + have, sizeof(in->what) - have, format, args);
	va_end(args);
}

/* ---- sound ones ---- */

static uint32_t any_size(struct rng *r)
{
	uint32_t kind = below(r, 100);

	/* Up to the MTU, and just beyond it. */
	if (kind >= 95 && kind < 97)
		return MTU - 120 + below(r, 120);
	return below(r, kind < 80 ? 200 : kind < 97 ? 1600 : kind < 99 ? 2100 : TEXT_MAX);
}

/* An IPv4 packet at @ip. Return: its length. */
static uint32_t make_ip(struct rng *r, uint8_t *ip, const uint8_t dst[4], uint8_t proto,
			uint32_t hlen, const uint8_t *payload, uint32_t len)
{
	memmove(ip + hlen, payload, len);
	memset(ip, 1, hlen); /* options: NOP */
	ip[0] = (uint8_t)(0x40 | hlen / 4);
	ip[1] = (uint8_t)below(r, 256);
	put_be16(ip + 2, (uint16_t)(hlen + len));
	put_be16(ip + 4, (uint16_t)below(r, 65536));
	put_be16(ip + 6, once_in(r, 4) ? 0x4000 : 0);
	ip[8] = (uint8_t)below(r, 256);
	ip[9] = proto;
	rng_fill(r, ip + 12, 4);
	memcpy(ip + 16, dst, 4);
	ipv4_set_checksum(ip, hlen);
	return hlen + len;
}

/* An IPv6 packet at @ip; @hlen: 40 and 8 for each destination options header. */
static uint32_t make_ip6(struct rng *r, uint8_t *ip, const uint8_t dst[16], uint8_t proto,
			 uint32_t hlen, const uint8_t *payload, uint32_t len)
{
	static const uint8_t kinds[] = { 60, 60, 0, 43, 60 };
	uint32_t at = IPV6_HLEN, named = 6;

	memmove(ip + hlen, payload, len);
	put_be32(ip, 6u << 28 | (uint32_t)(rng_next(r) & 0xfffffff));
	put_be16(ip + 4, hlen - IPV6_HLEN + len);
	ip[7] = (uint8_t)below(r, 256);
	rng_fill(r, ip + 8, 16);
	memcpy(ip + 24, dst, 16);
	for (; at < hlen; named = at, at += 8) {
		ip[named] = kinds[below(r, sizeof(kinds))];
		memset(ip + at, 0, 8);
		ip[at + 2] = 1; /* PadN of four bytes; of a routing header, its type */
		ip[at + 3] = 4;
		/* An atomic fragment, or one that is not. */
		if (once_in(r, 6)) {
			ip[named] = 44;
			put_be16(ip + at + 2, once_in(r, 2) ? 0 : below(r, 65536));
		}
	}
	ip[named] = proto;
	return hlen + len;
}

/* Ethernet with none, one or two tags. Return: bytes, the type not yet written. */
static uint32_t make_eth(struct rng *r, struct input *in, uint8_t family)
{
	static const uint8_t eth[ETH] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0 };
	uint32_t tags = once_in(r, 4) ? 1 + below(r, 2) : 0, at = 12;

	memcpy(in->data, eth, ETH);
	for (; tags; tags--, at += 4) {
		put_be16(in->data + at, once_in(r, 2) ? 0x8100 : 0x88a8);
		put_be16(in->data + at + 2, below(r, 65536));
	}
	put_be16(in->data + at, family == VESPER_IPV6 ? ETHERTYPE_IPV6_NR : ETHERTYPE_IPV4_NR);
	in->l2 = at + 2;
	in->family = family;
	in->esp = 0;
	return in->l2;
}

/* Bytes of a header, sometimes with options or extension headers. */
static uint32_t any_hlen(struct rng *r, uint8_t family)
{
	if (family == VESPER_IPV6)
		return IPV6_HLEN + (once_in(r, 3) ? 8 * below(r, 7) : 0);
	return once_in(r, 8) ? IP + 4 * below(r, 11) : IP;
}

static uint32_t any_ip(struct rng *r, uint8_t *ip, uint8_t family, const uint8_t dst[16],
		       uint8_t proto, uint32_t hlen, const uint8_t *payload, uint32_t len)
{
	return family == VESPER_IPV6 ? make_ip6(r, ip, dst, proto, hlen, payload, len) :
				       make_ip(r, ip, dst, proto, hlen, payload, len);
}

static void any_packet(struct rng *r, struct input *in, uint32_t len, bool simple)
{
	static uint8_t payload[TEXT_MAX];
	uint8_t family = !simple && once_in(r, 2) ? VESPER_IPV6 : VESPER_IPV4;
	uint32_t hlen = simple ? IP : any_hlen(r, family), l2;
	uint8_t dst[16];

	rng_fill(r, payload, len);
	rng_fill(r, dst, sizeof(dst));
	l2 = make_eth(r, in, family);
	in->len = l2 +
		  any_ip(r, in->data + l2, family, dst, once_in(r, 2) ? 17 : 6, hlen, payload, len);
}

void make_good(struct rng *r, struct input *in)
{
	in->what[0] = 0;
	any_packet(r, in, below(r, 400), true);
}

/* ---- mutations of what is encrypted: the ICV will be right ---- */

/* Appends 1, 2, 3, ..., the pad length and the next header. */
static uint32_t add_trailer(uint8_t *text, uint32_t len, uint32_t extra, uint8_t next)
{
	uint32_t pad = (-(len + 2) & 3) + extra, i;

	for (i = 0; i < pad; i++)
		text[len + i] = (uint8_t)(i + 1);
	text[len + pad] = (uint8_t)pad;
	text[len + pad + 1] = next;
	return len + pad + 2;
}

/* Nothing but padding, which begins with the first byte, or would begin one before it. */
static uint32_t all_padding(struct rng *r, uint8_t *text, uint8_t next)
{
	uint32_t n = 4 * below(r, 63) + 2, before = below(r, 2), i;

	for (i = 0; i < n; i++)
		text[i] = (uint8_t)(i + 1 + before);
	text[n] = (uint8_t)(n + before);
	text[n + 1] = next;
	return n + 2;
}

static uint32_t odd_length(struct rng *r, uint32_t len)
{
	switch (below(r, 6)) {
	case 0:
		return below(r, 32);
	case 1:
		return len - 1 - below(r, 4);
	case 2:
		return len + 1 + below(r, 4);
	case 3:
		return 65535 - below(r, 4);
	case 4:
		return len ^ 1u << below(r, 16);
	default:
		return below(r, 65536);
	}
}

/* The payload of an SA's packet, with something wrong about it or not. Return: bytes, trailer included. */
static uint32_t make_text(struct rng *r, struct input *in, const struct vesper_sa *sa,
			  uint8_t *text)
{
	static const uint8_t nexts[] = { 4, 6, 17, 59, 41, 50, 0, 255 };
	bool tunnel = sa->mode == VESPER_MODE_TUNNEL;
	uint32_t kind = once_in(r, 2) ? 0 : 1 + below(r, 11);
	uint32_t len = any_size(r), extra = 0, at;
	uint8_t family = once_in(r, 3) ? VESPER_IPV6 : VESPER_IPV4;
	uint8_t next = tunnel ? family == VESPER_IPV6 ? 41 : 4 : 17;
	uint8_t dst[16] = { 10, 0, 0, 1 };

	rng_fill(r, text, len);
	if (tunnel)
		len = any_ip(r, text, family, dst, 17, any_hlen(r, family), text, len);
	if (kind)
		note(in, " text:%u", kind);
	switch (kind) {
	case 1:
		next = nexts[below(r, sizeof(nexts))];
		break;
	case 2:
		text[0] = (uint8_t)below(r, 256); /* version, header length */
		break;
	case 3:
		if (len >= 6)
			put_be16(text + (family == VESPER_IPV6 ? 4 : 2), odd_length(r, len));
		break;
	case 4: /* traffic flow confidentiality padding (RFC 4303 2.7) */
		extra = below(r, 100);
		rng_fill(r, text + len, extra);
		len += extra;
		extra = 0;
		break;
	case 5:
		len = below(r, len < 40 ? len + 1 : 40);
		break;
	case 6:
		extra = 4 * below(r, 63);
		break;
	case 7:
		next = 59;
		rng_fill(r, text, len);
		break;
	case 8:
		if (len)
			text[below(r, len)] ^= (uint8_t)(1u << below(r, 8));
		break;
	default:
		break;
	}
	if (kind == 11)
		return all_padding(r, text, next);
	len = add_trailer(text, len, extra, next);
	if (kind == 9) {
		text[len - 2] = (uint8_t)below(r, once_in(r, 2) ? 8 : 256);
	} else if (kind == 10) {
		at = 1 + below(r, len < 12 ? len : 12);
		text[len - at] = (uint8_t)below(r, 256);
	} else if (once_in(r, 40)) {
		note(in, " unaligned");
		len += 1 + below(r, 3);
	}
	return len;
}

static uint32_t next_number(struct rng *r, struct input *in, uint32_t *last)
{
	uint32_t seq = *last + 1;

	switch (below(r, 16)) {
	case 0:
		seq = *last - below(r, *last < 70 ? *last + 1 : 70);
		break;
	case 1:
		seq = *last + 1 + below(r, 100);
		break;
	case 2:
		seq = once_in(r, 64) ? (uint32_t)rng_next(r) : *last;
		break;
	case 3:
		seq = once_in(r, 8) ? *last + 5000 : below(r, *last + 1);
		break;
	default:
		break;
	}
	if (seq != *last + 1)
		note(in, " seq:%u after %u", seq, *last);
	/* A number at the end is not followed: nothing could come after it. */
	if (seq > *last && seq < 0xf0000000)
		*last = seq;
	return seq;
}

static uint32_t iv_len(const struct vesper_sa *sa)
{
	return sa->flags & VESPER_SAF_IIV ? 0 : 8;
}

/* Seals @len bytes behind the IV. Written anew from the RFCs, so that it shares no fault with lib/. */
static void seal(const struct vesper_sa *sa, uint8_t *esp, uint32_t len)
{
	struct crypto_key *key = crypto->key_new(sa->key, sa->key_len);
	uint8_t *text = esp + 8 + iv_len(sa);
	struct crypto_msg m = { .tag = text + len, .tag_len = sa->icv_len };
	uint8_t aad[12], number[8] = { 0 };
	uint32_t at = 4;

	memcpy(aad, esp, 4);
	if (sa->flags & VESPER_SAF_ESN) {
		put_be32(aad + at, ESN_HIGH);
		put_be32(number, ESN_HIGH);
		at += 4;
	}
	memcpy(aad + at, esp + 4, 4);
	memcpy(number + 4, esp + 4, 4);
	m.aad = aad;
	m.aad_len = at + 4;
	memcpy(m.nonce, sa->salt, 4);
	memcpy(m.nonce + 4, iv_len(sa) ? esp + 8 : number, 8);
	if (sa->alg == VESPER_ALG_AES_GMAC) {
		m.more = esp + 8;
		m.more_len = 8 + len;
	} else {
		m.data = text;
		m.len = len;
	}
	if (!key || crypto->seal(key, &m)) {
		fprintf(stderr, "fuzz: sealing failed\n");
		abort();
	}
	crypto->key_free(key);
}

/* ---- mutations of the frame ---- */

static void fix_checksum(struct input *in)
{
	uint8_t *ip = in->data + in->l2;
	uint32_t hlen;

	if (in->family != VESPER_IPV4 || in->len < in->l2 + IP)
		return;
	hlen = 4 * (ip[0] & 15u);
	if (hlen >= IP && in->len >= in->l2 + hlen)
		ipv4_set_checksum(ip, hlen);
}

/* Fields of the IPv6 header and of what may be extension headers. */
static void mutate_ip6(struct rng *r, struct input *in)
{
	uint8_t *ip = in->data + in->l2;
	uint32_t kind = below(r, 6);

	if (in->len < in->l2 + IPV6_HLEN + 8)
		return;
	note(in, " ip6:%u", kind);
	switch (kind) {
	case 0:
		ip[below(r, IPV6_HLEN)] = (uint8_t)below(r, 256);
		break;
	case 1:
		put_be16(ip + 4, odd_length(r, in->len - in->l2 - IPV6_HLEN));
		break;
	case 2:
		ip[0] = (uint8_t)below(r, 256);
		break;
	case 3:
		ip[6] = (uint8_t[]){ 0, 43, 44, 60, 50, 17, 59, 51 }[below(r, 8)];
		break;
	case 4: /* of an extension header: what is next, how long */
		ip[IPV6_HLEN + below(r, 2)] = (uint8_t)(once_in(r, 2) ? below(r, 4) : 60);
		break;
	default:
		ip[IPV6_HLEN + below(r, 8)] ^= (uint8_t)(1u << below(r, 8));
		break;
	}
}

/* Fields of the IPv4 header. */
static void mutate_ip4(struct rng *r, struct input *in)
{
	uint8_t *ip = in->data + in->l2;
	uint32_t kind = below(r, 8);

	if (in->len < in->l2 + IP)
		return;
	note(in, " ip:%u", kind);
	switch (kind) {
	case 0:
		ip[below(r, IP)] = (uint8_t)below(r, 256);
		break;
	case 1:
		put_be16(ip + 2, odd_length(r, in->len - in->l2));
		break;
	case 2:
		ip[0] = (uint8_t)((ip[0] & 0xf0) | below(r, 16));
		break;
	case 3:
		put_be16(ip + 6, 1u << below(r, 16));
		break;
	case 4:
		ip[9] = once_in(r, 2) ? 50 : (uint8_t)below(r, 256);
		break;
	case 5:
		ip[16 + below(r, 4)] ^= (uint8_t)(1u << below(r, 8));
		break;
	case 6:
		ip[0] = (uint8_t)below(r, 256);
		break;
	default:
		put_be16(ip + 10, once_in(r, 2) ? 0xffff : below(r, 65536));
		return;
	}
	if (below(r, 3))
		fix_checksum(in);
	else
		note(in, "!");
}

static void mutate_ip(struct rng *r, struct input *in)
{
	if (in->family == VESPER_IPV6)
		mutate_ip6(r, in);
	else
		mutate_ip4(r, in);
}

/* Fields from ESP on, or of the UDP header before it; the last bytes are the ICV. */
static void mutate_esp(struct rng *r, struct input *in)
{
	uint32_t kind = below(r, 7), start = in->esp, at;

	if (!start || in->len < start + ESP_HEAD + 10)
		return;
	switch (kind) {
	case 0:
		at = start + below(r, 4); /* SPI */
		break;
	case 1:
		at = start + 4 + below(r, 4); /* sequence number */
		break;
	case 2:
		at = start + 8 + below(r, 8); /* IV */
		break;
	case 3:
		at = in->len - 1 - below(r, 8); /* ICV */
		break;
	case 4: /* ICV of another length, or so it seems */
		in->len -= 4;
		at = in->l2 + (in->family == VESPER_IPV6 ? 4 : 2);
		put_be16(in->data + at,
			 in->len - in->l2 - (in->family == VESPER_IPV6 ? IPV6_HLEN : 0));
		fix_checksum(in);
		note(in, " esp:short");
		return;
	case 5: /* what may be the UDP header: ports, length, checksum */
		at = start - 1 - below(r, 8);
		break;
	default:
		at = start + ESP_HEAD + below(r, in->len - start - ESP_HEAD);
		break;
	}
	note(in, " esp:%u@%u", kind, at);
	in->data[at] ^= (uint8_t)(1u << below(r, 8));
}

static void splice(struct rng *r, struct input *in, const struct input *prev)
{
	uint32_t cut = below(r, in->len + 1), from = below(r, prev->len + 1);
	uint32_t n = prev->len - from;

	if (cut + n > VESPER_FRAME_MAX)
		n = VESPER_FRAME_MAX - cut;
	note(in, " splice:%u+%u", cut, n);
	memcpy(in->data + cut, prev->data + from, n);
	in->len = cut + n;
}

/* What knows nothing of fields. */
static void mutate_bytes(struct rng *r, struct input *in, const struct input *prev)
{
	uint32_t kind = below(r, 8), n, i;

	note(in, " bytes:%u", kind);
	switch (kind) {
	case 0:
		in->len = below(r, in->len + 1);
		break;
	case 1:
		in->len = below(r, in->len < 80 ? in->len + 1 : 80);
		break;
	case 2:
		n = 1 + below(r, 64);
		if (in->len + n <= VESPER_FRAME_MAX) {
			rng_fill(r, in->data + in->len, n);
			in->len += n;
		}
		break;
	case 3:
		splice(r, in, prev);
		break;
	case 4:
		if (in->len >= ETH)
			in->data[12 + below(r, 2)] ^= (uint8_t)(1u << below(r, 8));
		break;
	case 5: /* some bytes are lost */
		i = below(r, in->len + 1);
		n = below(r, 9);
		if (i + n <= in->len) {
			memmove(in->data + i, in->data + i + n, in->len - i - n);
			in->len -= n;
		}
		break;
	case 6:
		for (n = 1 + below(r, 8); n && in->len; n--)
			in->data[below(r, in->len)] = (uint8_t)below(r, 256);
		break;
	default:
		for (n = 1 + below(r, 3); n && in->len; n--)
			in->data[below(r, in->len)] ^= (uint8_t)(1u << below(r, 8));
		break;
	}
}

void make_plain(struct rng *r, struct input *in, const struct input *prev)
{
	uint32_t n;

	in->what[0] = 0;
	any_packet(r, in, any_size(r), false);
	for (n = once_in(r, 2) ? 0 : 1 + below(r, 3); n; n--) {
		if (once_in(r, 2))
			mutate_ip(r, in);
		else
			mutate_bytes(r, in, prev);
	}
	/* Ethernet's own padding. */
	if (in->len < 60 && once_in(r, 2)) {
		memset(in->data + in->len, 0, 60 - in->len);
		in->len = 60;
	}
}

/* Puts @esp of @len bytes into a frame for the SA, in UDP where it wants that. */
static void carry(struct rng *r, const struct vesper_sa *sa, struct input *in, uint8_t *esp,
		  uint32_t len)
{
	bool udp = sa->flags & VESPER_SAF_UDP;
	uint32_t hlen = once_in(r, 10)		  ? any_hlen(r, sa->family) :
			sa->family == VESPER_IPV6 ? IPV6_HLEN :
						    IP;
	uint32_t l2, room = VESPER_FRAME_MAX - 22 - 100 - 8;
	static uint8_t payload[ROOM + 1024];

	if (len > room)
		len = room;
	/* Now and then as the SA does not want it. */
	if (once_in(r, 40)) {
		udp = !udp;
		note(in, " udp:%u", udp);
	}
	memcpy(payload + (udp ? 8 : 0), esp, len);
	if (udp) {
		put_be16(payload, below(r, 65536));
		memcpy(payload + 2, sa->dport, 2);
		put_be16(payload + 4, len + 8);
		put_be16(payload + 6, below(r, 65536));
		len += 8;
	}
	l2 = make_eth(r, in, sa->family);
	in->esp = l2 + hlen + (udp ? 8 : 0);
	in->len = l2 +
		  any_ip(r, in->data + l2, sa->family, sa->dst, udp ? 17 : 50, hlen, payload, len);
}

static void mutate_carried(struct rng *r, struct input *in, const struct input *prev)
{
	uint32_t n;

	for (n = once_in(r, 2) ? 0 : 1 + below(r, 2); n; n--) {
		switch (below(r, 3)) {
		case 0:
			mutate_ip(r, in);
			break;
		case 1:
			mutate_esp(r, in);
			break;
		default:
			mutate_bytes(r, in, prev);
			break;
		}
	}
}

void make_esp(struct rng *r, struct sas *sas, struct input *in, const struct input *prev)
{
	static uint8_t esp[ROOM + 1024];
	uint32_t i = below(r, SA_IN), head, len;
	const struct vesper_sa *sa = &sas->in[i];

	in->what[0] = 0;
	note(in, "sa %u", i);
	head = 8 + iv_len(sa);
	rng_fill(r, esp + 8, 8);
	len = make_text(r, in, sa, esp + head);
	memcpy(esp, sa->spi, 4);
	put_be32(esp + 4, next_number(r, in, &sas->seq[i]));
	/* The byte before the payload may look like the first of a padding. */
	if (iv_len(sa) && once_in(r, 4))
		esp[head - 1] = 1;
	seal(sa, esp, len);
	carry(r, sa, in, esp, head + len + sa->icv_len);
	if (once_in(r, 200)) { /* NAT keepalive, IKE, or nearly */
		note(in, " udp:ike");
		if (in->esp + 4 <= in->len)
			memset(in->data + in->esp, once_in(r, 2) ? 0 : 0xff, 4);
	}
	mutate_carried(r, in, prev);
}

void make_inplace(struct rng *r, const struct vesper_sa *sa, struct input *in,
		  const struct input *prev)
{
	static uint8_t esp[ROOM + 1024];
	uint32_t head = 8 + iv_len(sa), len = any_size(r);

	in->what[0] = 0;
	note(in, "in place");
	rng_fill(r, esp, head + len + 16);
	memcpy(esp, sa->spi, 4);
	if (!once_in(r, 8))
		len = (len & ~3u) + sa->icv_len % 4;
	carry(r, sa, in, esp, head + len + sa->icv_len);
	mutate_carried(r, in, prev);
}
