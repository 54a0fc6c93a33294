// SPDX-License-Identifier: BSD-2-Clause
/* ESP outbound (RFC 4303 3.3). */
#include <string.h>

#include "bytes.h"
#include "esp.h"

/* What is known of one packet on its way. */
struct outbound {
	struct esp_sa *sa;
	struct packet p;
	unsigned int op;
	uint32_t limit; /* bytes of the largest resulting IP packet */
	uint32_t head;	/* bytes from the IP header up to ESP, UDP included, in the result */
	uint32_t text;	/* plaintext bytes, without any padding */
	uint64_t seq;	/* taken from the SA's counter */
};

static uint32_t outer_len(const struct esp_sa *sa)
{
	return sa->info.sa.family == VESPER_IPV6 ? IPV6_HLEN : IPV4_HLEN_MIN;
}

/* The longest plaintext with which the result keeps to the limit; negative: none. */
static int64_t longest_text(const struct outbound *o)
{
	int64_t room =
		(int64_t)o->limit - o->head - ESP_HLEN - sa_iv_len(o->sa) - o->sa->info.sa.icv_len;

	return room < ESP_TRAILER ? -1 : (room & ~3ll) - ESP_TRAILER;
}

/* In place: is this the SA's ESP? */
static enum vesper_status check_inplace(struct outbound *o, const uint8_t *ip)
{
	uint32_t overhead = ESP_HLEN + sa_iv_len(o->sa) + ESP_TRAILER + o->sa->info.sa.icv_len;
	bool udp = o->p.proto == IPPROTO_UDP_NR;
	uint32_t len;

	if ((!udp && o->p.proto != IPPROTO_ESP_NR) || udp != sa_has(o->sa, VESPER_SAF_UDP))
		return VESPER_ST_NOT_ESP;
	o->head = o->p.head + (udp ? UDP_HLEN : 0);
	if (o->p.total < o->head + 4 || memcmp(ip + o->head, o->sa->info.sa.spi, 4))
		return VESPER_ST_SPI;
	len = o->p.total - o->head;
	if (len < overhead || len % 4)
		return VESPER_ST_ESP_LENGTH;
	o->text = len - overhead + ESP_TRAILER;
	return VESPER_ST_OK;
}

/* The SA's rules, in their order, up to the one that takes a number. */
static enum vesper_status check_sa(struct outbound *o, const uint8_t *ip, uint32_t *fits)
{
	const struct vesper_sa *a = &o->sa->info.sa;
	enum vesper_status status;
	int64_t longest;

	if ((o->op == VESPER_OP_INPLACE) != sa_has(o->sa, VESPER_SAF_INPLACE) ||
	    (!sa_tunnel(o->sa) && o->p.family != a->family))
		return VESPER_ST_SA_KIND;
	if (o->p.fragment && (!sa_tunnel(o->sa) || o->op == VESPER_OP_INPLACE))
		return VESPER_ST_FRAGMENT;
	if (a->mtu && a->mtu < o->limit)
		o->limit = a->mtu;
	if (o->op == VESPER_OP_INPLACE) {
		status = check_inplace(o, ip);
		*fits = o->limit;
		return status == VESPER_ST_OK && o->p.total > o->limit ? VESPER_ST_TOO_BIG : status;
	}
	o->head = sa_tunnel(o->sa) ? outer_len(o->sa) : o->p.head;
	o->head += sa_has(o->sa, VESPER_SAF_UDP) ? UDP_HLEN : 0;
	o->text = sa_tunnel(o->sa) ? o->p.total : o->p.total - o->p.head;
	longest = longest_text(o);
	if (longest >= o->text)
		return VESPER_ST_OK;
	*fits = 0;
	if (longest >= 0)
		*fits = (uint32_t)longest + (sa_tunnel(o->sa) ? 0 : o->p.head);
	return VESPER_ST_TOO_BIG;
}

static uint8_t outer_tos(const struct esp *esp, const struct esp_sa *sa, uint8_t inner)
{
	uint8_t dscp = sa->info.sa.tos & 0xfc;

	if (sa_has(sa, VESPER_SAF_DSCP_COPY))
		dscp = inner & 0xfc;
	else if (sa_has(sa, VESPER_SAF_DSCP_MAP))
		dscp = (uint8_t)(esp->dscp_map[inner >> 2] << 2);
	/* RFC 6040 4.1, normal mode */
	return sa_has(sa, VESPER_SAF_ECN_OFF) ? dscp : dscp | (inner & 3);
}

/*
 * Writes a tunnel's outer header over the front of the frame, whose packet has
 * been moved back to @inner. @total: bytes of the resulting IP packet.
 */
static void outer_header(const struct esp *esp, const struct outbound *o, uint8_t *ip,
			 const uint8_t *inner, uint32_t total)
{
	const struct vesper_sa *a = &o->sa->info.sa;
	uint8_t tos = outer_tos(esp, o->sa, ip_get_tos(inner, o->p.family));
	uint8_t proto = sa_has(o->sa, VESPER_SAF_UDP) ? IPPROTO_UDP_NR : IPPROTO_ESP_NR;
	uint32_t flow = a->flow_label;
	bool df = sa_has(o->sa, VESPER_SAF_DF);

	if (a->family == VESPER_IPV6) {
		if (sa_has(o->sa, VESPER_SAF_FLOW_COPY) && o->p.family == VESPER_IPV6)
			flow = ip_get_flow(inner, VESPER_IPV6);
		put_be32(ip, 6u << 28 | (uint32_t)tos << 20 | flow);
		put_be16(ip + 4, total - IPV6_HLEN);
		ip[6] = proto;
		ip[7] = a->ttl;
		memcpy(ip + 8, a->src, 16);
		memcpy(ip + 24, a->dst, 16);
		put_be16(ip - 2, ETHERTYPE_IPV6_NR);
		return;
	}
	if (sa_has(o->sa, VESPER_SAF_DF_COPY))
		df = o->p.family == VESPER_IPV6 || (inner[6] & 0x40);
	ip[0] = 0x45;
	ip[1] = tos;
	put_be16(ip + 2, total);
	put_be16(ip + 4, o->seq & 0xffff);
	put_be16(ip + 6, df ? 0x4000 : 0);
	ip[8] = a->ttl;
	ip[9] = proto;
	memcpy(ip + 12, a->src, 4);
	memcpy(ip + 16, a->dst, 4);
	ipv4_set_checksum(ip, IPV4_HLEN_MIN);
	put_be16(ip - 2, ETHERTYPE_IPV4_NR);
}

/* Transport: the packet's own header leads to ESP now. */
static void own_header(const struct outbound *o, uint8_t *ip, uint32_t total)
{
	ip[o->p.proto_at] = sa_has(o->sa, VESPER_SAF_UDP) ? IPPROTO_UDP_NR : IPPROTO_ESP_NR;
	if (o->p.family == VESPER_IPV6) {
		put_be16(ip + 4, total - IPV6_HLEN);
		return;
	}
	put_be16(ip + 2, total);
	ipv4_set_checksum(ip, o->p.head);
}

static void udp_header(const struct esp_sa *sa, uint8_t *udp, uint32_t len)
{
	memcpy(udp, sa->info.sa.sport, 2);
	memcpy(udp + 2, sa->info.sa.dport, 2);
	put_be16(udp + 4, len);
	put_be16(udp + 6, 0); /* RFC 3948 2.1 */
}

/* Seals what stands in the frame. The IV is the counter's value, sent or not. */
static enum vesper_status seal(const struct outbound *o, uint8_t *hdr, uint32_t text_len,
			       uint64_t number)
{
	uint8_t implicit[ESP_IVLEN];
	struct esp_text t = {
		.hdr = hdr,
		.iv = hdr + ESP_HLEN,
		.text = hdr + ESP_HLEN + sa_iv_len(o->sa),
		.len = text_len,
		.seq = number,
	};

	if (sa_iv_len(o->sa)) {
		put_be64(hdr + ESP_HLEN, o->seq);
	} else {
		put_be64(implicit, o->seq);
		t.iv = implicit;
	}
	t.icv = t.text + text_len;
	if (!esp_seal(o->sa, &t))
		return VESPER_ST_OK;
	/* Nothing of the plaintext may leave in its stead. */
	memset(t.text, 0, text_len);
	return VESPER_ST_NOT_READY;
}

static enum vesper_status build_inplace(struct esp *esp, struct outbound *o,
					struct vesper_frame *frame)
{
	uint8_t *hdr = frame->data + o->p.l2 + o->head;
	uint32_t low = get_be32(hdr + 4);
	uint64_t number = low;
	enum vesper_status status;

	if (sa_has(o->sa, VESPER_SAF_ESN))
		number |= (uint64_t)frame->seq_hi << 32;
	status = sa_take(o->sa, o->text, esp->events, &o->seq);
	if (status != VESPER_ST_OK)
		return status;
	status = seal(o, hdr, o->text, number);
	frame->seq = number;
	frame->len = o->p.l2 + o->p.total; /* without Ethernet's padding */
	return status;
}

static enum vesper_status build(struct esp *esp, struct outbound *o, struct vesper_frame *frame)
{
	uint8_t *ip = frame->data + o->p.l2, *hdr = ip + o->head;
	uint8_t *text = hdr + ESP_HLEN + sa_iv_len(o->sa);
	const struct vesper_sa *a = &o->sa->info.sa;
	uint32_t padded = o->text, pad, total, i;
	enum vesper_status status;
	int64_t longest;
	uint8_t next;

	if (padded < a->tfc) {
		longest = longest_text(o);
		padded = a->tfc < longest ? a->tfc : (uint32_t)longest;
	}
	pad = -(padded + ESP_TRAILER) & 3;
	total = (uint32_t)(text - ip) + padded + pad + ESP_TRAILER + a->icv_len;
	if (o->p.l2 + total > frame->room)
		return VESPER_ST_NO_BUFFER;
	status = sa_take(o->sa, o->text, esp->events, &o->seq);
	if (status != VESPER_ST_OK)
		return status;

	if (sa_tunnel(o->sa)) {
		next = o->p.family == VESPER_IPV6 ? IPPROTO_IPV6_NR : IPPROTO_IPIP_NR;
		memmove(text, ip, o->text);
		outer_header(esp, o, ip, text, total);
	} else {
		next = o->p.proto;
		memmove(text, ip + o->p.head, o->text);
		own_header(o, ip, total);
	}
	if (sa_has(o->sa, VESPER_SAF_UDP))
		udp_header(o->sa, hdr - UDP_HLEN, total - o->head + UDP_HLEN);
	memcpy(hdr, a->spi, 4);
	put_be32(hdr + 4, (uint32_t)o->seq);
	memset(text + o->text, 0, padded - o->text);
	for (i = 0; i < pad; i++)
		text[padded + i] = (uint8_t)(i + 1);
	text[padded + pad] = (uint8_t)pad;
	text[padded + pad + 1] = o->op == VESPER_OP_DUMMY ? IPPROTO_NONE_NR : next;
	frame->seq = o->seq;
	frame->len = o->p.l2 + total;
	return seal(o, hdr, padded + pad + ESP_TRAILER, o->seq);
}

/* As it is: only the MTU counts. */
static enum vesper_status plain(const struct esp *esp, const struct packet *p,
				struct vesper_frame *frame)
{
	if (frame->len - (p->l2 - ETH_HLEN) <= esp->mtu)
		return VESPER_ST_OK;
	frame->fits = (uint16_t)(esp->mtu - ETH_HLEN);
	return VESPER_ST_TOO_BIG;
}

static enum vesper_status protect(struct esp *esp, struct outbound *o, struct vesper_frame *frame,
				  uint32_t handle)
{
	const uint8_t *ip = frame->data + o->p.l2;
	enum vesper_status status;
	uint32_t fits = 0;

	o->limit = esp->mtu - ETH_HLEN;
	status = sa_table_find_out(esp->sas, handle, &o->sa);
	if (status != VESPER_ST_OK)
		return status;
	status = check_sa(o, ip, &fits);
	if (status == VESPER_ST_OK)
		status = o->op == VESPER_OP_INPLACE ? build_inplace(esp, o, frame) :
						      build(esp, o, frame);
	if (status == VESPER_ST_TOO_BIG)
		frame->fits = (uint16_t)fits;
	if (status != VESPER_ST_OK) {
		sa_drop(o->sa, status);
		event_drop(esp->events, status, false, &o->p, ip, o->sa, o->sa->info.sa.spi, 0);
	}
	frame->esp = status == VESPER_ST_OK;
	return status;
}

/* What is asked of the policies: an extension header in the place of the upper layer hides that. */
static void policy_question(const struct packet *p, const uint8_t *ip, struct policy_key *key)
{
	uint32_t len = ip_addr_len(p->family);

	memset(key, 0, sizeof(*key));
	key->family = p->family;
	memcpy(key->src, ip_src(ip, p->family), len);
	memcpy(key->dst, ip_dst(ip, p->family), len);
	if (p->family != VESPER_IPV6 || !ipv6_is_extension(p->proto))
		key->proto = p->proto;
	key->ports = p->ports;
	if (p->proto == IPPROTO_ICMP_NR || p->proto == IPPROTO_ICMPV6_NR) {
		key->sport[0] = (uint8_t)p->sport;
		key->dport[0] = (uint8_t)p->dport;
	} else {
		put_be16(key->sport, p->sport);
		put_be16(key->dport, p->dport);
	}
}

/* Return: VESPER_ST_OK with the SA in @sa, 0 for a packet that passes as it is. */
static enum vesper_status decide(struct esp *esp, const struct packet *p, const uint8_t *ip,
				 uint32_t *sa)
{
	const struct vesper_policy *policy;
	struct policy_key key;

	*sa = 0;
	policy_question(p, ip, &key);
	policy = policy_find(esp->policies, &key);
	if (!policy)
		return esp->policy_bypass ? VESPER_ST_OK : VESPER_ST_NO_POLICY;
	if (policy->action == VESPER_PROTECT)
		*sa = policy->sa;
	return policy->action == VESPER_DISCARD ? VESPER_ST_DISCARD : VESPER_ST_OK;
}

enum vesper_status esp_policy(struct esp *esp, const struct vesper_frame *frame, uint32_t *sa)
{
	enum vesper_status status;
	struct packet p;

	*sa = 0;
	status = packet_parse(frame->data, frame->len, true, &p);
	return status == VESPER_ST_OK ? decide(esp, &p, frame->data + p.l2, sa) : status;
}

/* What the policies say, in terms of the other operations. */
static enum vesper_status by_policy(struct esp *esp, struct outbound *o, struct vesper_frame *frame)
{
	enum vesper_status status;

	status = decide(esp, &o->p, frame->data + o->p.l2, &frame->sa);
	if (status != VESPER_ST_OK)
		return status;
	if (!frame->sa)
		return plain(esp, &o->p, frame);
	o->op = VESPER_OP_ENCRYPT;
	return protect(esp, o, frame, frame->sa);
}

uint32_t esp_plain_bytes(const struct esp_sa *sa, const struct vesper_frame *frame)
{
	struct packet p;
	uint32_t head;

	if (packet_parse(frame->data, frame->len, true, &p) != VESPER_ST_OK)
		return 0;
	if (!sa_has(sa, VESPER_SAF_INPLACE))
		return sa_tunnel(sa) ? p.total : p.total - p.head;
	head = p.head + (p.proto == IPPROTO_UDP_NR ? UDP_HLEN : 0) + ESP_HLEN + sa_iv_len(sa) +
	       sa->info.sa.icv_len;
	return p.total > head ? p.total - head : 0;
}

uint32_t esp_seq_of(const uint8_t *frame, uint32_t len)
{
	struct packet p;
	uint32_t at;

	if (packet_parse(frame, len, true, &p) != VESPER_ST_OK)
		return 0;
	at = p.l2 + p.head + (p.proto == IPPROTO_UDP_NR ? UDP_HLEN : 0);
	return at + ESP_HLEN <= len ? get_be32(frame + at + 4) : 0;
}

enum vesper_status esp_out(struct esp *esp, struct vesper_frame *frame, unsigned int op)
{
	struct outbound o = { .op = op };
	enum vesper_status status;

	frame->seq = 0;
	frame->esp = false;
	frame->inplace = false;
	frame->fits = 0;
	status = packet_parse(frame->data, frame->len, true, &o.p);
	if (status == VESPER_ST_OK)
		status = op == VESPER_OP_POLICY ? by_policy(esp, &o, frame) :
						  protect(esp, &o, frame, frame->sa);
	frame->status = (uint8_t)status;
	if (status != VESPER_ST_OK) {
		frame->len = 0;
		frame->seq = 0;
	}
	return status;
}
