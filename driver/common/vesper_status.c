// SPDX-License-Identifier: BSD-2-Clause
/* Words for the card's codes: one sentence a rule. */
#include "vesper_status.h"

static const char *const mbx_text[VESPER_MBX_STATUS_COUNT] = {
	[VESPER_MBX_OK] = "success",
	[VESPER_MBX_E_COMMAND] = "the firmware does not know this command",
	[VESPER_MBX_E_LENGTH] = "the message's length does not fit its command",
	[VESPER_MBX_E_RESERVED] = "a reserved field or bit is not zero",
	[VESPER_MBX_E_DIR] = "the direction is neither outbound (1) nor inbound (2)",
	[VESPER_MBX_E_MODE] = "the mode is neither tunnel (1) nor transport (2)",
	[VESPER_MBX_E_FAMILY] = "the family is neither IPv4 (4) nor IPv6 (6)",
	[VESPER_MBX_E_ALG] = "the algorithm is neither AES-GCM (1) nor AES-GMAC (2)",
	[VESPER_MBX_E_KEY_LEN] = "the key has neither 16, 24 nor 32 bytes",
	[VESPER_MBX_E_ICV_LEN] = "the ICV has neither 8, 12 nor 16 bytes, or AES-GMAC not 16",
	[VESPER_MBX_E_SPI] = "SPIs 0 to 255 are reserved",
	[VESPER_MBX_E_ADDRESS] = "an address is zero, or longer than its family allows",
	[VESPER_MBX_E_WINDOW] =
		"the replay window is beyond what the card has, or the SA is outbound or in place",
	[VESPER_MBX_E_FLAGS] = "an SA flag is unknown, or does not fit this kind of SA",
	[VESPER_MBX_E_TTL] = "an outbound tunnel needs a TTL or hop limit of 1 to 255",
	[VESPER_MBX_E_SEQ] = "the sequence number is beyond 32 bits, and the SA has no ESN",
	[VESPER_MBX_E_QUEUE] = "the card has no such queue pair",
	[VESPER_MBX_E_DUPLICATE] = "an SA with this direction, destination and SPI exists",
	[VESPER_MBX_E_FULL] = "the SA table is full",
	[VESPER_MBX_E_HANDLE] = "the handle names no installed SA",
	[VESPER_MBX_E_SELFTEST] = "a known-answer test failed, and the data path is closed",
	[VESPER_MBX_E_KEY_PADDING] = "bytes beyond the key's length are not zero",
	[VESPER_MBX_E_HARDWARE] = "a block of the card did not answer the firmware",
	[VESPER_MBX_E_TOS] = "the TOS has ECN bits set, or the DSCP is both copied and mapped",
	[VESPER_MBX_E_TFC] = "TFC padding is beyond 9600 bytes, or not for an outbound tunnel",
	[VESPER_MBX_E_MTU] = "the SA's MTU is below 68 (IPv4) or 1280 (IPv6), or it is inbound",
	[VESPER_MBX_E_PORT] = "a UDP port is 0, or set though the SA is not in UDP",
	[VESPER_MBX_E_PORTS_FULL] = "inbound SAs use as many different UDP ports as the card knows",
	[VESPER_MBX_E_FLOW_LABEL] =
		"the flow label is beyond 20 bits, or not for an outbound IPv6 tunnel",
	[VESPER_MBX_E_LIFETIME] = "a soft limit is above the hard one",
	[VESPER_MBX_E_LEASE] = "the lease is below the sequence number, beyond 32 bits without "
			       "ESN, or not for an outbound SA",
	[VESPER_MBX_E_SELECTOR] = "the selector has a wrong family, prefix or port range, or its "
				  "flag is not set",
	[VESPER_MBX_E_PREFIX] = "the prefix is longer than the address, or bits beyond it are set",
	[VESPER_MBX_E_PORT_MASK] =
		"the port has bits outside its mask, or there is no protocol for it",
	[VESPER_MBX_E_ACTION] = "the action is neither PROTECT (1), BYPASS (2) nor DISCARD (3)",
	[VESPER_MBX_E_POLICY_SA] =
		"PROTECT needs an installed outbound SA, and no other action has one",
	[VESPER_MBX_E_POLICY_DUPLICATE] = "a policy for the same packets has this priority, or two "
					  "others exist",
	[VESPER_MBX_E_POLICY_FULL] = "the policy table is full",
	[VESPER_MBX_E_POLICY_MASKS] = "the card cannot search one more kind of mask",
	[VESPER_MBX_E_POLICY_HANDLE] = "the handle names no installed policy",
	[VESPER_MBX_E_DSCP] = "a DSCP is beyond 63",
};

struct status_word {
	const char *name;
	const char *text;
};

static const struct status_word status_words[VESPER_ST_COUNT] = {
	[VESPER_ST_OK] = { "ok", "passed" },
	[VESPER_ST_BAD_LENGTH] = { "bad_length",
				   "the descriptor's length is below 14 or above 9618 "
				   "bytes" },
	[VESPER_ST_BAD_FLAGS] = { "bad_flags",
				  "the descriptor sets an unknown flag or a field that "
				  "its operation does not use" },
	[VESPER_ST_BAD_OP] = { "bad_op", "the descriptor's operation is unknown, or lacks the "
					 "lookaside flag" },
	[VESPER_ST_DMA_READ] = { "dma_read", "the card could not read the frame from host memory" },
	[VESPER_ST_DMA_WRITE] = { "dma_write", "the card could not write to host memory" },
	[VESPER_ST_NO_BUFFER] = { "no_buffer",
				  "no receive buffer was posted, or it was too small" },
	[VESPER_ST_NOT_READY] = { "not_ready", "the data path is closed: no self-test has passed" },
	[VESPER_ST_SA_STALE] = { "sa_stale", "the handle names no SA that is installed now" },
	[VESPER_ST_SA_DIRECTION] = { "sa_direction", "the SA is for the other direction" },
	[VESPER_ST_SEQ_EXHAUSTED] = { "seq_exhausted", "the SA's sequence numbers are used up" },
	[VESPER_ST_TOO_BIG] = { "too_big", "the frame would exceed the MTU after encapsulation" },
	[VESPER_ST_NO_SA] = { "no_sa", "no SA has this destination and SPI" },
	[VESPER_ST_SA_KIND] = { "sa_kind", "the operation or the packet does not fit the SA" },
	[VESPER_ST_LEASE] = { "lease", "the leased sequence numbers are used up" },
	[VESPER_ST_LIFETIME] = { "lifetime", "a hard limit of the SA is reached" },
	[VESPER_ST_NOT_IP] = { "not_ip",
			       "ESP was asked for, but the frame is neither IPv4 nor IPv6" },
	[VESPER_ST_IP_HEADER] = { "ip_header", "the IP version, header length or total length is "
					       "impossible" },
	[VESPER_ST_IP_CHECKSUM] = { "ip_checksum", "the IP header checksum is wrong" },
	[VESPER_ST_TRUNCATED] = { "truncated", "the IP length goes beyond the frame" },
	[VESPER_ST_FRAGMENT] = { "fragment", "ESP does not take this fragment" },
	[VESPER_ST_ESP_LENGTH] = { "esp_length", "the ESP packet's length is impossible" },
	[VESPER_ST_REPLAY] = { "replay", "the sequence number was seen before, or lies below the "
					 "window" },
	[VESPER_ST_ICV] = { "icv", "the ICV is wrong: the packet was forged or damaged" },
	[VESPER_ST_PADDING] = { "padding", "the ESP padding is not 1, 2, 3, ..., or too long" },
	[VESPER_ST_NEXT_HEADER] = { "next_header", "the next header does not fit the SA's mode" },
	[VESPER_ST_INNER] = { "inner", "the inner IP header contradicts the decrypted length" },
	[VESPER_ST_DUMMY] = { "dummy", "a dummy packet, discarded as it should be" },
	[VESPER_ST_NOT_ESP] = { "not_esp", "ESP in the frame was asked for, but there is none" },
	[VESPER_ST_SELECTOR] = { "selector", "the inner packet is outside the SA's selector" },
	[VESPER_ST_ECN] = { "ecn", "congestion was marked on a packet that does not take part in "
				   "ECN" },
	[VESPER_ST_ENCAP] = { "encap", "the packet is in UDP though the SA is not, or the "
				       "reverse" },
	[VESPER_ST_RUNT] = { "runt", "the frame is shorter than an Ethernet header" },
	[VESPER_ST_OVERSIZE] = { "oversize", "the frame is longer than 9618 bytes" },
	[VESPER_ST_WIRE_ERROR] = { "wire_error", "the MAC marked the frame as bad" },
	[VESPER_ST_WIRE_OVERFLOW] = { "wire_overflow", "the receive FIFO was full" },
	[VESPER_ST_KEEPALIVE] = { "keepalive", "a NAT keepalive, discarded as it should be" },
	[VESPER_ST_EXT_HEADER] = { "ext_header", "the IPv6 extension headers are malformed, or "
						 "beyond what the card reads" },
	[VESPER_ST_UDP_LENGTH] = { "udp_length", "the UDP length is impossible" },
	[VESPER_ST_DISCARD] = { "discard", "the outbound policy discards the packet" },
	[VESPER_ST_NO_POLICY] = { "no_policy", "no outbound policy matches the packet" },
	[VESPER_ST_SPI] = { "spi", "the frame's SPI is not the SA's" },
	[VESPER_ST_FILTERED] = { "filtered", "for another station's address" },
};

const char *vesper_mbx_strerror(u32 code)
{
	if (code >= VESPER_MBX_STATUS_COUNT)
		return "the card answered with a status that this driver does not know";
	return mbx_text[code];
}

const char *vesper_status_str(u32 code)
{
	if (code >= VESPER_ST_COUNT || !status_words[code].text)
		return "the card gave a status that this driver does not know";
	return status_words[code].text;
}

const char *vesper_status_name(u32 code)
{
	return code < VESPER_ST_COUNT ? status_words[code].name : NULL;
}

static const struct status_word event_words[] = {
	{ "soft_packets", "the SA has reached its soft limit in packets" },
	{ "soft_bytes", "the SA has reached its soft limit in bytes" },
	{ "expired", "the SA has used up a hard limit" },
	{ "lease_low", "the SA's lease of sequence numbers runs out" },
};

static const struct status_word *event_word(u32 code)
{
	u32 i = code - VESPER_EV_SOFT_PACKETS;

	if (i < ARRAY_SIZE(event_words))
		return &event_words[i];
	return code && code < VESPER_ST_COUNT && status_words[code].text ? &status_words[code] :
									   NULL;
}

const char *vesper_event_str(u32 code)
{
	const struct status_word *word = event_word(code);

	return word ? word->text : "the card reports an event that this driver does not know";
}

const char *vesper_event_name(u32 code)
{
	const struct status_word *word = event_word(code);

	return word ? word->name : NULL;
}

/* By index of vesper_sa_info.drops; the last one has no single status. */
static const u8 drop_status[VESPER_SAD_COUNT] = {
	[VESPER_SAD_REPLAY] = VESPER_ST_REPLAY,
	[VESPER_SAD_ICV] = VESPER_ST_ICV,
	[VESPER_SAD_PADDING] = VESPER_ST_PADDING,
	[VESPER_SAD_NEXT_HEADER] = VESPER_ST_NEXT_HEADER,
	[VESPER_SAD_INNER] = VESPER_ST_INNER,
	[VESPER_SAD_DUMMY] = VESPER_ST_DUMMY,
	[VESPER_SAD_SELECTOR] = VESPER_ST_SELECTOR,
	[VESPER_SAD_ECN] = VESPER_ST_ECN,
	[VESPER_SAD_LIFETIME] = VESPER_ST_LIFETIME,
	[VESPER_SAD_ENCAP] = VESPER_ST_ENCAP,
	[VESPER_SAD_ESP_LENGTH] = VESPER_ST_ESP_LENGTH,
	[VESPER_SAD_TOO_BIG] = VESPER_ST_TOO_BIG,
	[VESPER_SAD_FRAGMENT] = VESPER_ST_FRAGMENT,
	[VESPER_SAD_SEQ_EXHAUSTED] = VESPER_ST_SEQ_EXHAUSTED,
	[VESPER_SAD_LEASE] = VESPER_ST_LEASE,
	[VESPER_SAD_KIND] = VESPER_ST_SA_KIND,
};

const char *vesper_sa_drop_name(u32 drop)
{
	return drop < VESPER_SAD_COUNT ? status_words[drop_status[drop]].name : NULL;
}

struct field_name {
	u16 offset;
	u16 size;
	const char *name;
};

#define FIELD(member) \
	{ offsetof(struct vesper_sa, member), sizeof(((struct vesper_sa *)0)->member), #member }
#define SEL_FIELD(member)                                                             \
	{ offsetof(struct vesper_sa, sel) + offsetof(struct vesper_selector, member), \
	  sizeof(((struct vesper_selector *)0)->member), "sel." #member }

static const struct field_name field_names[] = {
	FIELD(dir),	      FIELD(mode),	    FIELD(family),	  FIELD(alg),
	FIELD(key_len),	      FIELD(icv_len),	    FIELD(ttl),		  FIELD(tos),
	FIELD(flags),	      FIELD(replay_window), FIELD(spi),		  FIELD(salt),
	FIELD(src),	      FIELD(dst),	    FIELD(key),		  FIELD(seq),
	FIELD(queue),	      FIELD(tfc),	    FIELD(mtu),		  FIELD(reserved0),
	FIELD(sport),	      FIELD(dport),	    FIELD(flow_label),	  FIELD(soft_packets),
	FIELD(soft_bytes),    FIELD(hard_packets),  FIELD(hard_bytes),	  FIELD(lease_end),
	FIELD(lease_warn),    FIELD(reserved1),	    SEL_FIELD(src),	  SEL_FIELD(dst),
	SEL_FIELD(src_len),   SEL_FIELD(dst_len),   SEL_FIELD(family),	  SEL_FIELD(proto),
	SEL_FIELD(sport_min), SEL_FIELD(sport_max), SEL_FIELD(dport_min), SEL_FIELD(dport_max),
	SEL_FIELD(reserved),  FIELD(reserved2),
};

static const char *field_name(const struct field_name *names, size_t count, u32 offset)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (offset - names[i].offset < names[i].size)
			return names[i].name;
	return "?";
}

const char *vesper_sa_field_name(u32 offset)
{
	return field_name(field_names, ARRAY_SIZE(field_names), offset);
}

#define POLICY_FIELD(member)                                                                   \
	{ offsetof(struct vesper_policy, member), sizeof(((struct vesper_policy *)0)->member), \
	  #member }

static const struct field_name policy_field_names[] = {
	POLICY_FIELD(src),	  POLICY_FIELD(dst),	POLICY_FIELD(src_len),
	POLICY_FIELD(dst_len),	  POLICY_FIELD(family), POLICY_FIELD(proto),
	POLICY_FIELD(sport),	  POLICY_FIELD(dport),	POLICY_FIELD(sport_mask),
	POLICY_FIELD(dport_mask), POLICY_FIELD(action), POLICY_FIELD(reserved0),
	POLICY_FIELD(priority),	  POLICY_FIELD(sa),	POLICY_FIELD(reserved1),
};

const char *vesper_policy_field_name(u32 offset)
{
	return field_name(policy_field_names, ARRAY_SIZE(policy_field_names), offset);
}
