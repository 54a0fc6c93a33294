// SPDX-License-Identifier: BSD-2-Clause
#include "fields.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_to_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *text != '-' && *out <= max;
}

bool text_to_address(const char *text, uint8_t out[16], uint8_t *family)
{
	uint8_t bytes[16] = { 0 };
	uint8_t found = 0;

	if (inet_pton(AF_INET, text, bytes) == 1)
		found = VESPER_IPV4;
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		found = VESPER_IPV6;
	if (!found || (*family && *family != found))
		return false;
	*family = found;
	memcpy(out, bytes, sizeof(bytes));
	return true;
}

bool text_to_prefix(const char *text, uint8_t out[16], uint8_t *len, uint8_t *family)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;
	unsigned int i, all;

	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (!text_to_address(address, out, family))
		return false;
	all = *family == VESPER_IPV6 ? 128 : 32;
	bits = all;
	if (slash && !text_to_number(slash + 1, all, &bits))
		return false;
	*len = (uint8_t)bits;
	for (i = (unsigned int)bits; i < all; i++)
		if (out[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

bool text_to_protocol(const char *text, uint8_t *out)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = { { "any", 0 },	{ "icmp", 1 }, { "tcp", 6 },   { "udp", 17 },
		      { "icmpv6", 58 }, { "esp", 50 }, { "sctp", 132 } };
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i].name)) {
			*out = names[i].number;
			return true;
		}
	}
	if (!text_to_number(text, 255, &n))
		return false;
	*out = (uint8_t)n;
	return true;
}

const char *address_text(unsigned int family, const uint8_t *address, char *out)
{
	const char *text = inet_ntop(family == VESPER_IPV6 ? AF_INET6 : AF_INET, address, out,
				     INET6_ADDRSTRLEN);

	return text ? text : "?";
}

const struct field *field_find(const struct field *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

bool field_set(const struct field *field, void *to, const char *text)
{
	uint64_t n;

	if (field->set)
		return field->set(to, text);
	if (!text_to_number(text, field->max, &n) || n < field->min)
		return false;
	/* Structures of the ABI are little-endian, and so is this machine. */
	memcpy((uint8_t *)to + field->offset, &n, field->size);
	return true;
}

/* ---- an SA ---- */

static bool set_flag(void *to, const char *text, uint32_t flag)
{
	struct vesper_sa *sa = to;

	if (strcmp(text, "yes") && strcmp(text, "no"))
		return false;
	sa->flags = strcmp(text, "no") ? sa->flags | flag : sa->flags & ~flag;
	return true;
}

/* The flags of @mask become @flags. */
static bool set_flags(struct vesper_sa *sa, uint32_t mask, uint32_t flags)
{
	sa->flags = (sa->flags & ~mask) | flags;
	return true;
}

static bool set_direction(void *to, const char *text)
{
	struct vesper_sa *sa = to;

	if (strcmp(text, "out") && strcmp(text, "in"))
		return false;
	sa->dir = strcmp(text, "in") ? VESPER_DIR_OUT : VESPER_DIR_IN;
	return true;
}

static bool set_mode(void *to, const char *text)
{
	struct vesper_sa *sa = to;

	if (strcmp(text, "tunnel") && strcmp(text, "transport"))
		return false;
	sa->mode = strcmp(text, "transport") ? VESPER_MODE_TUNNEL : VESPER_MODE_TRANSPORT;
	return true;
}

static bool set_algorithm(void *to, const char *text)
{
	struct vesper_sa *sa = to;

	if (strcmp(text, "aes-gcm") && strcmp(text, "aes-gmac"))
		return false;
	sa->alg = strcmp(text, "aes-gmac") ? VESPER_ALG_AES_GCM : VESPER_ALG_AES_GMAC;
	return true;
}

static bool set_source(void *to, const char *text)
{
	struct vesper_sa *sa = to;

	return text_to_address(text, sa->src, &sa->family);
}

static bool set_destination(void *to, const char *text)
{
	struct vesper_sa *sa = to;

	return text_to_address(text, sa->dst, &sa->family);
}

static bool set_spi(void *to, const char *text)
{
	struct vesper_sa *sa = to;
	uint64_t n;
	uint32_t spi;

	if (!text_to_number(text, UINT32_MAX, &n) || n < 256)
		return false;
	spi = htonl((uint32_t)n);
	memcpy(sa->spi, &spi, sizeof(sa->spi));
	return true;
}

static bool set_icv(void *to, const char *text)
{
	struct vesper_sa *sa = to;
	uint64_t n;

	if (!text_to_number(text, 16, &n) || (n != 8 && n != 12 && n != 16))
		return false;
	sa->icv_len = (uint8_t)n;
	return true;
}

static bool set_df(void *to, const char *text)
{
	const uint32_t mask = VESPER_SAF_DF | VESPER_SAF_DF_COPY;

	if (!strcmp(text, "copy"))
		return set_flags(to, mask, VESPER_SAF_DF_COPY);
	if (!strcmp(text, "yes"))
		return set_flags(to, mask, VESPER_SAF_DF);
	return !strcmp(text, "no") && set_flags(to, mask, 0);
}

static bool set_dscp(void *to, const char *text)
{
	const uint32_t mask = VESPER_SAF_DSCP_COPY | VESPER_SAF_DSCP_MAP;
	struct vesper_sa *sa = to;
	uint64_t n;

	if (!strcmp(text, "copy"))
		return set_flags(sa, mask, VESPER_SAF_DSCP_COPY);
	if (!strcmp(text, "map"))
		return set_flags(sa, mask, VESPER_SAF_DSCP_MAP);
	if (!text_to_number(text, 63, &n))
		return false;
	sa->tos = (uint8_t)(n << 2);
	return set_flags(sa, mask, 0);
}

static bool set_ecn(void *to, const char *text)
{
	if (!strcmp(text, "off"))
		return set_flags(to, VESPER_SAF_ECN_OFF, VESPER_SAF_ECN_OFF);
	return !strcmp(text, "on") && set_flags(to, VESPER_SAF_ECN_OFF, 0);
}

static bool set_flow_label(void *to, const char *text)
{
	struct vesper_sa *sa = to;
	uint64_t n;

	if (!strcmp(text, "copy"))
		return set_flags(sa, VESPER_SAF_FLOW_COPY, VESPER_SAF_FLOW_COPY);
	if (!text_to_number(text, 0xfffff, &n))
		return false;
	sa->flow_label = (uint32_t)n;
	return set_flags(sa, VESPER_SAF_FLOW_COPY, 0);
}

static bool set_encapsulation(void *to, const char *text)
{
	struct vesper_sa *sa = to;
	unsigned int sport, dport;
	char rest;

	if (!strcmp(text, "none")) {
		memset(sa->sport, 0, 2);
		memset(sa->dport, 0, 2);
		return set_flags(sa, VESPER_SAF_UDP, 0);
	}
	if (sscanf(text, "udp %5u %5u %c", &sport, &dport, &rest) != 2 || sport > 65535 || !dport ||
	    dport > 65535)
		return false;
	sa->sport[0] = (uint8_t)(sport >> 8);
	sa->sport[1] = (uint8_t)sport;
	sa->dport[0] = (uint8_t)(dport >> 8);
	sa->dport[1] = (uint8_t)dport;
	return set_flags(sa, VESPER_SAF_UDP, VESPER_SAF_UDP);
}

static bool set_esn(void *to, const char *text)
{
	return set_flag(to, text, VESPER_SAF_ESN);
}

static bool set_implicit_iv(void *to, const char *text)
{
	return set_flag(to, text, VESPER_SAF_IIV);
}

static bool set_in_place(void *to, const char *text)
{
	return set_flag(to, text, VESPER_SAF_INPLACE);
}

/* A selector that is mentioned is there, and what it does not mention is any. */
static struct vesper_selector *selector(struct vesper_sa *sa)
{
	if (!(sa->flags & VESPER_SAF_SELECTOR)) {
		sa->flags |= VESPER_SAF_SELECTOR;
		sa->sel = (struct vesper_selector){ .sport_max = 65535, .dport_max = 65535 };
	}
	return &sa->sel;
}

static bool set_selector_source(void *to, const char *text)
{
	struct vesper_selector *sel = selector(to);

	return text_to_prefix(text, sel->src, &sel->src_len, &sel->family);
}

static bool set_selector_destination(void *to, const char *text)
{
	struct vesper_selector *sel = selector(to);

	return text_to_prefix(text, sel->dst, &sel->dst_len, &sel->family);
}

static bool set_selector_protocol(void *to, const char *text)
{
	return text_to_protocol(text, &selector(to)->proto);
}

static bool set_range(const char *text, uint16_t *low, uint16_t *high)
{
	unsigned int from, end;
	char rest;
	int n = sscanf(text, "%5u-%5u %c", &from, &end, &rest);

	if (n == 1 && text[strspn(text, "0123456789")])
		return false;
	if (n == 1)
		end = from;
	if (n < 1 || n > 2 || from > end || end > 65535)
		return false;
	*low = (uint16_t)from;
	*high = (uint16_t)end;
	return true;
}

static bool set_selector_sport(void *to, const char *text)
{
	struct vesper_selector *sel = selector(to);

	return set_range(text, &sel->sport_min, &sel->sport_max);
}

static bool set_selector_dport(void *to, const char *text)
{
	struct vesper_selector *sel = selector(to);

	return set_range(text, &sel->dport_min, &sel->dport_max);
}

#define NUMBER(field_name, member, low, high, text)        \
	{ .name = field_name,                              \
	  .wanted = text,                                  \
	  .offset = offsetof(struct vesper_sa, member),    \
	  .size = sizeof(((struct vesper_sa *)0)->member), \
	  .min = low,                                      \
	  .max = high }
#define CUSTOM(field_name, function, text) { .name = field_name, .wanted = text, .set = function }
#define ANY64				   "a number from 0 to 18446744073709551615"

const struct field sa_fields[] = {
	CUSTOM("direction", set_direction, "out or in"),
	CUSTOM("mode", set_mode, "tunnel or transport"),
	CUSTOM("source", set_source, "an IPv4 or IPv6 address of the SA's family"),
	CUSTOM("destination", set_destination, "an IPv4 or IPv6 address of the SA's family"),
	CUSTOM("spi", set_spi, "a number from 256 to 4294967295"),
	CUSTOM("algorithm", set_algorithm, "aes-gcm or aes-gmac"),
	CUSTOM("icv", set_icv, "8, 12 or 16"),
	CUSTOM("esn", set_esn, "yes or no"),
	CUSTOM("implicit-iv", set_implicit_iv, "yes or no"),
	CUSTOM("in-place", set_in_place, "yes or no"),
	CUSTOM("encapsulation", set_encapsulation,
	       "none, or udp with source and destination port, each up to 65535"),
	NUMBER("replay-window", replay_window, 0, VESPER_REPLAY_MAX, "a number from 0 to 4096"),
	NUMBER("sequence", seq, 0, UINT64_MAX, ANY64),
	NUMBER("ttl", ttl, 1, 255, "a number from 1 to 255"),
	CUSTOM("dscp", set_dscp, "copy, map, or a number from 0 to 63"),
	CUSTOM("ecn", set_ecn, "on or off"),
	CUSTOM("df", set_df, "yes, no or copy"),
	CUSTOM("flow-label", set_flow_label, "copy, or a number from 0 to 1048575"),
	NUMBER("tfc", tfc, 0, VESPER_TFC_MAX, "a number from 0 to 9600"),
	NUMBER("mtu", mtu, 0, 65535, "a number from 0 to 65535"),
	NUMBER("queue", queue, 0, 15, "a number from 0 to 15"),
	NUMBER("soft-packets", soft_packets, 0, UINT64_MAX, ANY64),
	NUMBER("soft-bytes", soft_bytes, 0, UINT64_MAX, ANY64),
	NUMBER("hard-packets", hard_packets, 0, UINT64_MAX, ANY64),
	NUMBER("hard-bytes", hard_bytes, 0, UINT64_MAX, ANY64),
	NUMBER("lease-end", lease_end, 0, UINT64_MAX, ANY64),
	NUMBER("lease-warn", lease_warn, 0, UINT32_MAX, "a number from 0 to 4294967295"),
	CUSTOM("selector-source", set_selector_source,
	       "a prefix of the selector's family without bits beyond its length"),
	CUSTOM("selector-destination", set_selector_destination,
	       "a prefix of the selector's family without bits beyond its length"),
	CUSTOM("selector-protocol", set_selector_protocol, "a protocol's name or number"),
	CUSTOM("selector-source-port", set_selector_sport, "a port, or a range LOW-HIGH"),
	CUSTOM("selector-destination-port", set_selector_dport, "a port, or a range LOW-HIGH"),
	{ 0 },
};
#undef NUMBER

/* ---- a policy ---- */

static bool set_policy_source(void *to, const char *text)
{
	struct vesper_policy *p = to;

	return text_to_prefix(text, p->src, &p->src_len, &p->family);
}

static bool set_policy_destination(void *to, const char *text)
{
	struct vesper_policy *p = to;

	return text_to_prefix(text, p->dst, &p->dst_len, &p->family);
}

static bool set_policy_protocol(void *to, const char *text)
{
	struct vesper_policy *p = to;

	return text_to_protocol(text, &p->proto);
}

/* PORT or PORT/MASK; of ICMP, type and code stand in the first byte. */
static bool set_port(const char *text, bool icmp, uint8_t port[2], uint8_t mask[2])
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t value, bits = icmp ? 0xff : 0xffff;
	char number[16];

	if (n >= sizeof(number))
		return false;
	memcpy(number, text, n);
	number[n] = '\0';
	if (!text_to_number(number, icmp ? 0xff : 0xffff, &value) ||
	    (slash && !text_to_number(slash + 1, icmp ? 0xff : 0xffff, &bits)))
		return false;
	if (icmp) {
		value <<= 8;
		bits <<= 8;
	}
	port[0] = (uint8_t)(value >> 8);
	port[1] = (uint8_t)value;
	mask[0] = (uint8_t)(bits >> 8);
	mask[1] = (uint8_t)bits;
	return true;
}

static bool is_icmp(const struct vesper_policy *p)
{
	return p->proto == 1 || p->proto == 58;
}

static bool set_policy_sport(void *to, const char *text)
{
	struct vesper_policy *p = to;

	return set_port(text, is_icmp(p), p->sport, p->sport_mask);
}

static bool set_policy_dport(void *to, const char *text)
{
	struct vesper_policy *p = to;

	return set_port(text, is_icmp(p), p->dport, p->dport_mask);
}

static bool set_action(void *to, const char *text)
{
	static const char *const names[] = { [VESPER_PROTECT] = "protect",
					     [VESPER_BYPASS] = "bypass",
					     [VESPER_DISCARD] = "discard" };
	struct vesper_policy *p = to;

	for (p->action = VESPER_PROTECT; p->action <= VESPER_DISCARD; p->action++)
		if (!strcmp(text, names[p->action]))
			return true;
	return false;
}

#define NUMBER(field_name, member, high, text)                 \
	{ .name = field_name,                                  \
	  .wanted = text,                                      \
	  .offset = offsetof(struct vesper_policy, member),    \
	  .size = sizeof(((struct vesper_policy *)0)->member), \
	  .max = high }

const struct field policy_fields[] = {
	CUSTOM("source", set_policy_source,
	       "a prefix of the policy's family without bits beyond its length"),
	CUSTOM("destination", set_policy_destination,
	       "a prefix of the policy's family without bits beyond its length"),
	CUSTOM("protocol", set_policy_protocol, "a protocol's name or number"),
	CUSTOM("source-port", set_policy_sport, "PORT or PORT/MASK (ICMP: the type)"),
	CUSTOM("destination-port", set_policy_dport, "PORT or PORT/MASK (ICMP: the code)"),
	CUSTOM("action", set_action, "protect, bypass or discard"),
	NUMBER("priority", priority, UINT32_MAX, "a number from 0 to 4294967295"),
	NUMBER("sa", sa, UINT32_MAX, "the handle of an outbound SA"),
	{ 0 },
};
