// SPDX-License-Identifier: BSD-2-Clause
/* Makes frames: sound ones, and such as an attacker or a broken peer would send. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "fuzz.h"
#include "ipv4.h"

#define ESP_HEAD 16 /* SPI, sequence number, IV */
#define TEXT_MAX 9400

static void note(struct input *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct input *in, const char *format, ...)
{
	size_t have = strlen(in->what);
	va_list args;

	va_start(args, format);
	vsnprintf(in->what + have, sizeof(in->what) - have, format, args);
	va_end(args);
}

static void make_sa(struct rng *r, struct vesper_sa *sa, unsigned int dir, unsigned int i)
{
	static const uint32_t windows[] = { 64, 0, 32, 1024, 1, 4096, 2, 65 };

	*sa = (struct vesper_sa){
		.dir = (uint8_t)dir,
		.mode = i % 2 ? VESPER_MODE_TRANSPORT : VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = (uint8_t)(16 + 8 * (i % 3)),
		.icv_len = (uint8_t)(8 + 4 * below(r, 3)),
		.ttl = (uint8_t)(1 + below(r, 255)),
		.tos = (uint8_t)below(r, 256),
		.spi = { 1, (uint8_t)dir, 0, (uint8_t)(i / 2) },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, (uint8_t)(2 + i % 2) },
		.replay_window = dir == VESPER_DIR_IN ? windows[i % 8] : 0,
	};
	if (dir == VESPER_DIR_OUT && sa->mode == VESPER_MODE_TUNNEL && once_in(r, 2))
		sa->flags = VESPER_SAF_DF;
	rng_fill(r, sa->key, sa->key_len);
	rng_fill(r, sa->salt, sizeof(sa->salt));
}

void make_sas(struct rng *r, struct sas *sas)
{
	unsigned int i;

	for (i = 0; i < SA_OUT; i++)
		make_sa(r, &sas->out[i], VESPER_DIR_OUT, i);
	/* One that comes to its end, one whose numbers carry through all bytes. */
	sas->out[0].seq = UINT32_MAX - below(r, 30);
	sas->out[1].seq = 0x00ffffff - below(r, 30);
	for (i = 0; i < SA_IN; i++)
		make_sa(r, &sas->in[i], VESPER_DIR_IN, i);
	/* Good packets have a pair of SAs of their own, which no mutated frame knows the key of. */
	make_sa(r, &sas->out[SA_GOOD], VESPER_DIR_OUT, 100);
	sas->in[SA_IN] = sas->out[SA_GOOD];
	sas->in[SA_IN].dir = VESPER_DIR_IN;
	sas->in[SA_IN].flags = 0;
	sas->in[SA_IN].replay_window = 64;
	for (i = 0; i <= SA_IN; i++)
		sas->seq[i] = 0;
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

static void make_eth(uint8_t *frame)
{
	static const uint8_t eth[ETH] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };

	memcpy(frame, eth, ETH);
}

static void any_packet(struct rng *r, struct input *in, uint32_t len)
{
	static uint8_t payload[TEXT_MAX];
	uint8_t dst[4];
	uint32_t hlen = once_in(r, 8) ? IP + 4 * below(r, 11) : IP;

	rng_fill(r, payload, len);
	rng_fill(r, dst, sizeof(dst));
	make_eth(in->data);
	in->len = ETH + make_ip(r, in->data + ETH, dst, once_in(r, 2) ? 17 : 6, hlen, payload, len);
}

void make_good(struct rng *r, struct input *in)
{
	in->what[0] = 0;
	any_packet(r, in, below(r, 400));
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
	uint8_t next = tunnel ? 4 : 17;
	uint8_t dst[4] = { 10, 0, 0, 1 };

	rng_fill(r, text, len);
	if (tunnel)
		len = make_ip(r, text, dst, 17, once_in(r, 8) ? 24 : IP, text, len);
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
		if (len >= 4)
			put_be16(text + 2, (uint16_t)odd_length(r, len));
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

static void seal(const struct vesper_sa *sa, uint8_t *esp, uint32_t len)
{
	struct crypto_key *key = crypto->key_new(sa->key, sa->key_len);
	uint8_t nonce[CRYPTO_NONCE_LEN];

	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, esp + 8, 8);
	if (!key || crypto->seal(key, nonce, esp, 8, esp + ESP_HEAD, len, esp + ESP_HEAD + len,
				 sa->icv_len)) {
		fprintf(stderr, "fuzz: sealing failed\n");
		abort();
	}
	crypto->key_free(key);
}

/* ---- mutations of the frame ---- */

static void fix_checksum(struct input *in)
{
	uint32_t hlen;

	if (in->len < ETH + IP)
		return;
	hlen = 4 * (in->data[ETH] & 15u);
	if (hlen >= IP && in->len >= ETH + hlen)
		ipv4_set_checksum(in->data + ETH, hlen);
}

/* Fields of the IPv4 header. */
static void mutate_ip(struct rng *r, struct input *in)
{
	uint8_t *ip = in->data + ETH;
	uint32_t kind = below(r, 8);

	if (in->len < ETH + IP)
		return;
	note(in, " ip:%u", kind);
	switch (kind) {
	case 0:
		ip[below(r, IP)] = (uint8_t)below(r, 256);
		break;
	case 1:
		put_be16(ip + 2, (uint16_t)odd_length(r, in->len - ETH));
		break;
	case 2:
		ip[0] = (uint8_t)((ip[0] & 0xf0) | below(r, 16));
		break;
	case 3:
		put_be16(ip + 6, (uint16_t)(1u << below(r, 16)));
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
		put_be16(ip + 10, (uint16_t)(once_in(r, 2) ? 0xffff : below(r, 65536)));
		return;
	}
	if (below(r, 3))
		fix_checksum(in);
	else
		note(in, "!");
}

/* Fields behind an IPv4 header without options; the last bytes are the ICV. */
static void mutate_esp(struct rng *r, struct input *in)
{
	uint32_t kind = below(r, 6), start = ETH + IP, at;

	if (in->len < start + ESP_HEAD + 10)
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
		put_be16(in->data + ETH + 2, (uint16_t)(in->len - ETH));
		fix_checksum(in);
		note(in, " esp:short");
		return;
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
	any_packet(r, in, any_size(r));
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

void make_esp(struct rng *r, struct sas *sas, struct input *in, const struct input *prev)
{
	static uint8_t packet[ROOM + 1024];
	uint32_t i = below(r, SA_IN), len, n;
	const struct vesper_sa *sa = &sas->in[i];
	uint32_t hlen = once_in(r, 10) ? IP + 4 * below(r, 11) : IP;

	in->what[0] = 0;
	note(in, "sa %u", i);
	len = make_text(r, in, sa, packet + ESP_HEAD);
	memcpy(packet, sa->spi, 4);
	put_be32(packet + 4, next_number(r, in, &sas->seq[i]));
	rng_fill(r, packet + 8, 8);
	/* The byte before the payload may look like the first of a padding. */
	if (once_in(r, 4))
		packet[ESP_HEAD - 1] = 1;
	seal(sa, packet, len);
	make_eth(in->data);
	len = ESP_HEAD + len + sa->icv_len;
	if (len > VESPER_FRAME_MAX - ETH - 60)
		len = VESPER_FRAME_MAX - ETH - 60;
	in->len = ETH + make_ip(r, in->data + ETH, sa->dst, 50, hlen, packet, len);
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
