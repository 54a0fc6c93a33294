// SPDX-License-Identifier: BSD-2-Clause
/* Checks of an SA. */
#include "vesper_sa.h"

#define FIELD(member)	  offsetof(struct vesper_sa, member)
#define SEL_FIELD(member) (FIELD(sel) + offsetof(struct vesper_selector, member))
#define IPV4_MTU_MIN	  68   /* RFC 791 3.2 */
#define IPV6_MTU_MIN	  1280 /* RFC 8200 5 */

/*
 * Bit of struct vesper_sa_map that belongs to the 32-bit word at an offset, and
 * bits of the words of a member. LO is for the first 128 bytes, HI for the rest.
 */
#define LO(offset)	    (1u << (offset) / 4)
#define HI(offset)	    (1u << ((offset) / 4 - 32))
#define WORDS(offset, size) (((1u << (size) / 4) - 1) << (offset) / 4 % 32) /* in one half */

#define KEY_WORDS   WORDS(FIELD(key), 32)
#define SOFT_WORDS  WORDS(FIELD(soft_packets), 16)
#define LEASE_WORDS WORDS(FIELD(lease_end), 12)
#define SEL_WORDS   WORDS(FIELD(sel), sizeof(struct vesper_selector) - 4)
#define RESERVED_WORDS                                    \
	(HI(FIELD(reserved1)) | HI(SEL_FIELD(reserved)) | \
	 WORDS(FIELD(reserved2), sizeof(((struct vesper_sa *)0)->reserved2)))

/* Index of the first byte that is not zero, or @len. */
static size_t first_nonzero(const u8 *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i])
			break;
	return i;
}

static bool is_tunnel(const struct vesper_sa *sa)
{
	return sa->mode == VESPER_MODE_TUNNEL;
}

static bool is_outbound(const struct vesper_sa *sa)
{
	return sa->dir == VESPER_DIR_OUT;
}

/* Does the card make an outer header for all of this SA's packets? In place only for those that are NUMBERED. */
static bool makes_header(const struct vesper_sa *sa, u32 flags)
{
	return is_outbound(sa) && is_tunnel(sa) && !(flags & VESPER_SAF_INPLACE);
}

static enum vesper_mbx_status refuse_reserved(const struct vesper_sa *sa,
					      struct vesper_sa_error *err)
{
	size_t i;

	if (sa->reserved0)
		return vesper_sa_fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved0),
				      le16_to_cpu(sa->reserved0));
	if (sa->reserved1)
		return vesper_sa_fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved1),
				      le32_to_cpu(sa->reserved1));
	if (sa->sel.reserved)
		return vesper_sa_fail(err, VESPER_MBX_E_RESERVED, SEL_FIELD(reserved),
				      le32_to_cpu(sa->sel.reserved));
	i = first_nonzero(sa->reserved2, sizeof(sa->reserved2));
	return vesper_sa_fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved2) + i, sa->reserved2[i]);
}

enum vesper_mbx_status vesper_sa_check_kind(const struct vesper_sa *sa, struct vesper_sa_error *err)
{
	vesper_le32 spi;

	if (sa->dir != VESPER_DIR_OUT && sa->dir != VESPER_DIR_IN)
		return vesper_sa_fail(err, VESPER_MBX_E_DIR, FIELD(dir), sa->dir);
	if (sa->mode != VESPER_MODE_TUNNEL && sa->mode != VESPER_MODE_TRANSPORT)
		return vesper_sa_fail(err, VESPER_MBX_E_MODE, FIELD(mode), sa->mode);
	if (sa->family != VESPER_IPV4 && sa->family != VESPER_IPV6)
		return vesper_sa_fail(err, VESPER_MBX_E_FAMILY, FIELD(family), sa->family);
	if (sa->alg != VESPER_ALG_AES_GCM && sa->alg != VESPER_ALG_AES_GMAC)
		return vesper_sa_fail(err, VESPER_MBX_E_ALG, FIELD(alg), sa->alg);
	if (sa->key_len != 16 && sa->key_len != 24 && sa->key_len != 32)
		return vesper_sa_fail(err, VESPER_MBX_E_KEY_LEN, FIELD(key_len), sa->key_len);
	if (sa->icv_len != 16 &&
	    (sa->alg == VESPER_ALG_AES_GMAC || (sa->icv_len != 8 && sa->icv_len != 12)))
		return vesper_sa_fail(err, VESPER_MBX_E_ICV_LEN, FIELD(icv_len), sa->icv_len);
	memcpy(&spi, __builtin_assume_aligned(sa->spi, 4), sizeof(spi));
	if (!(le32_to_cpu(spi) & 0xffffff)) /* 1 to 255 are reserved: RFC 4303 2.1 */
		return vesper_sa_fail(err, VESPER_MBX_E_SPI, FIELD(spi), sa->spi[3]);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_address(const u8 addr[16], u32 words, bool ipv4, bool needed,
					    size_t field, struct vesper_sa_error *err)
{
	size_t i;

	if (needed && !(words & (ipv4 ? LO(field) : WORDS(field, 16))))
		return vesper_sa_fail(err, VESPER_MBX_E_ADDRESS, field, 0);
	if (!ipv4 || !(words & WORDS(field + 4, 12)))
		return VESPER_MBX_OK;
	i = 4 + first_nonzero(addr + 4, 12);
	return vesper_sa_fail(err, VESPER_MBX_E_ADDRESS, field + i, addr[i]);
}

static u32 fitting_flags(const struct vesper_sa *sa, u32 flags)
{
	u32 fit = VESPER_SAF_ESN | VESPER_SAF_UDP | VESPER_SAF_INPLACE;
	bool inplace = flags & VESPER_SAF_INPLACE;

	if (!inplace && sa->alg == VESPER_ALG_AES_GCM)
		fit |= VESPER_SAF_IIV;
	if (!inplace && !is_outbound(sa))
		fit |= VESPER_SAF_SELECTOR;
	if (!is_tunnel(sa) || (inplace && !is_outbound(sa)))
		return fit;
	fit |= VESPER_SAF_DSCP_COPY | VESPER_SAF_ECN_OFF;
	if (!is_outbound(sa))
		return fit;
	if (sa->family == VESPER_IPV4)
		return fit | VESPER_SAF_DSCP_MAP | VESPER_SAF_DF | VESPER_SAF_DF_COPY;
	return fit | VESPER_SAF_DSCP_MAP | VESPER_SAF_FLOW_COPY;
}

static enum vesper_mbx_status check_window(const struct vesper_sa *sa, u32 flags,
					   struct vesper_sa_error *err)
{
	u32 window = le32_to_cpu(sa->replay_window);

	if (window > VESPER_REPLAY_MAX || is_outbound(sa) || (flags & VESPER_SAF_INPLACE))
		return vesper_sa_fail(err, VESPER_MBX_E_WINDOW, FIELD(replay_window), window);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_flags(const struct vesper_sa *sa, u32 flags,
					  struct vesper_sa_error *err)
{
	const u32 both = VESPER_SAF_DF | VESPER_SAF_DF_COPY;

	if ((flags & ~fitting_flags(sa, flags)) || (flags & both) == both)
		return vesper_sa_fail(err, VESPER_MBX_E_FLAGS, FIELD(flags), flags);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_tos(const struct vesper_sa *sa, u32 flags,
					struct vesper_sa_error *err)
{
	const u32 both = VESPER_SAF_DSCP_COPY | VESPER_SAF_DSCP_MAP;

	if (sa->tos & 3)
		return vesper_sa_fail(err, VESPER_MBX_E_TOS, FIELD(tos), sa->tos);
	if ((flags & both) == both)
		return vesper_sa_fail(err, VESPER_MBX_E_TOS, FIELD(flags), flags);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_sizes(const struct vesper_sa *sa, u32 flags,
					  struct vesper_sa_error *err)
{
	u16 tfc = le16_to_cpu(sa->tfc), mtu = le16_to_cpu(sa->mtu);

	if (tfc && (tfc > VESPER_TFC_MAX || !makes_header(sa, flags)))
		return vesper_sa_fail(err, VESPER_MBX_E_TFC, FIELD(tfc), tfc);
	if (mtu &&
	    (!is_outbound(sa) || mtu < (sa->family == VESPER_IPV4 ? IPV4_MTU_MIN : IPV6_MTU_MIN)))
		return vesper_sa_fail(err, VESPER_MBX_E_MTU, FIELD(mtu), mtu);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_ports(const struct vesper_sa *sa, u32 flags,
					  struct vesper_sa_error *err)
{
	bool udp = flags & VESPER_SAF_UDP;
	u16 sport, dport; /* is it zero? In either byte order. */

	memcpy(&sport, __builtin_assume_aligned(sa->sport, 2), sizeof(sport));
	memcpy(&dport, __builtin_assume_aligned(sa->dport, 2), sizeof(dport));
	/* An inbound SA does not look at the source port: a NAT may change it at any time. */
	if (udp ? !sport && is_outbound(sa) : sport)
		return vesper_sa_fail(err, VESPER_MBX_E_PORT, FIELD(sport),
				      get_unaligned_be16(sa->sport));
	if (udp != !!dport)
		return vesper_sa_fail(err, VESPER_MBX_E_PORT, FIELD(dport),
				      get_unaligned_be16(sa->dport));
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_flow_label(const struct vesper_sa *sa, u32 flags,
					       struct vesper_sa_error *err)
{
	u32 label = le32_to_cpu(sa->flow_label);

	if (label >> 20 || sa->family != VESPER_IPV6 || !makes_header(sa, flags))
		return vesper_sa_fail(err, VESPER_MBX_E_FLOW_LABEL, FIELD(flow_label), label);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_lifetime(const struct vesper_sa *sa,
					     struct vesper_sa_error *err)
{
	u64 packets = le64_to_cpu(sa->soft_packets), bytes = le64_to_cpu(sa->soft_bytes);

	if (sa->hard_packets && packets > le64_to_cpu(sa->hard_packets))
		return vesper_sa_fail(err, VESPER_MBX_E_LIFETIME, FIELD(soft_packets), packets);
	if (sa->hard_bytes && bytes > le64_to_cpu(sa->hard_bytes))
		return vesper_sa_fail(err, VESPER_MBX_E_LIFETIME, FIELD(soft_bytes), bytes);
	return VESPER_MBX_OK;
}

bool vesper_lease_fits(u64 lease_end, u64 seq, u32 flags)
{
	return !lease_end || (lease_end >= seq && ((flags & VESPER_SAF_ESN) || !(lease_end >> 32)));
}

static enum vesper_mbx_status check_lease(const struct vesper_sa *sa, u32 flags,
					  struct vesper_sa_error *err)
{
	u64 end = le64_to_cpu(sa->lease_end);
	u32 warn = le32_to_cpu(sa->lease_warn);

	if ((end && !is_outbound(sa)) || !vesper_lease_fits(end, le64_to_cpu(sa->seq), flags))
		return vesper_sa_fail(err, VESPER_MBX_E_LEASE, FIELD(lease_end), end);
	if (warn && !end)
		return vesper_sa_fail(err, VESPER_MBX_E_LEASE, FIELD(lease_warn), warn);
	return VESPER_MBX_OK;
}

/* @words: of the address, bit 0 for its first one. */
static enum vesper_mbx_status check_prefix(const u8 addr[16], u32 words, u8 len, size_t field,
					   struct vesper_sa_error *err)
{
	size_t edge = len / 32, i;
	vesper_le32 word;
	u32 beyond;

	/* Of the words from the edge on only the first may hold bits of the prefix. */
	words >>= edge;
	if (!words)
		return VESPER_MBX_OK;
	if (words == 1) {
		memcpy(&word, __builtin_assume_aligned(addr + 4 * edge, 4), sizeof(word));
		beyond = ~(0xff00u >> len % 8 & 0xff) << len % 32 / 8 * 8;
		if (!(le32_to_cpu(word) & beyond))
			return VESPER_MBX_OK;
	}
	i = len / 8;
	if (!(addr[i] & (0xff >> len % 8)))
		i += 1 + first_nonzero(addr + i + 1, 15 - i);
	return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, field + i, addr[i]);
}

static enum vesper_mbx_status check_selector(const struct vesper_sa *sa, u32 words, u32 flags,
					     struct vesper_sa_error *err)
{
	const struct vesper_selector *s = &sa->sel;
	enum vesper_mbx_status status;
	u8 max = s->family == VESPER_IPV4 ? 32 : s->family == VESPER_IPV6 ? 128 : 0;
	u16 low;
	size_t i;

	if (!(flags & VESPER_SAF_SELECTOR)) {
		i = first_nonzero((const u8 *)s, sizeof(*s));
		return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, FIELD(sel) + i,
				      ((const u8 *)s)[i]);
	}
	if (!max && s->family)
		return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, SEL_FIELD(family), s->family);
	if (s->src_len > max)
		return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, SEL_FIELD(src_len), s->src_len);
	if (s->dst_len > max)
		return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, SEL_FIELD(dst_len), s->dst_len);
	status = check_prefix(s->src, words >> (SEL_FIELD(src) / 4 - 32) & 15, s->src_len,
			      SEL_FIELD(src), err);
	if (status)
		return status;
	status = check_prefix(s->dst, words >> (SEL_FIELD(dst) / 4 - 32) & 15, s->dst_len,
			      SEL_FIELD(dst), err);
	if (status)
		return status;
	low = le16_to_cpu(s->sport_min);
	if (low > le16_to_cpu(s->sport_max))
		return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, SEL_FIELD(sport_min), low);
	low = le16_to_cpu(s->dport_min);
	if (low > le16_to_cpu(s->dport_max))
		return vesper_sa_fail(err, VESPER_MBX_E_SELECTOR, SEL_FIELD(dport_min), low);
	return VESPER_MBX_OK;
}

/*
 * A rule is looked at only where the map shows something that it could refuse:
 * on the card's small CPU each load counts.
 */
enum vesper_mbx_status vesper_sa_check_mapped(const struct vesper_sa *sa,
					      const struct vesper_sa_map *map,
					      enum vesper_mbx_status kind,
					      struct vesper_sa_error *err)
{
	const u32 lo = map->lo, hi = map->hi;
	u32 flags = lo & LO(FIELD(flags)) ? le32_to_cpu(sa->flags) : 0;
	enum vesper_mbx_status status;
	bool header;

	if ((hi & RESERVED_WORDS) || ((lo & LO(FIELD(mtu))) && sa->reserved0))
		return refuse_reserved(sa, err);
	if (kind)
		return kind;
	header = makes_header(sa, flags);
	status = check_address(sa->src, lo, sa->family == VESPER_IPV4, header, FIELD(src), err);
	if (status)
		return status;
	status = check_address(sa->dst, lo, sa->family == VESPER_IPV4, true, FIELD(dst), err);
	if (status)
		return status;
	if (lo & LO(FIELD(replay_window))) {
		status = check_window(sa, flags, err);
		if (status)
			return status;
	}
	if (flags) {
		status = check_flags(sa, flags, err);
		if (status)
			return status;
	}
	if (header && !sa->ttl)
		return vesper_sa_fail(err, VESPER_MBX_E_TTL, FIELD(ttl), 0);
	if ((lo & LO(FIELD(seq) + 4)) && !(flags & VESPER_SAF_ESN))
		return vesper_sa_fail(err, VESPER_MBX_E_SEQ, FIELD(seq), le64_to_cpu(sa->seq));
	/* These may be bytes of a longer key: they are never reported, nor which of them it is. */
	if (lo & KEY_WORDS & ~0u << ((FIELD(key) + sa->key_len) / 4))
		return vesper_sa_fail(err, VESPER_MBX_E_KEY_PADDING, FIELD(key) + sa->key_len, 0);
	if (header) {
		status = check_tos(sa, flags, err);
		if (status)
			return status;
	}
	if (lo & (LO(FIELD(tfc)) | LO(FIELD(mtu)))) {
		status = check_sizes(sa, flags, err);
		if (status)
			return status;
	}
	if ((lo & LO(FIELD(sport))) || (flags & VESPER_SAF_UDP)) {
		status = check_ports(sa, flags, err);
		if (status)
			return status;
	}
	if (lo & LO(FIELD(flow_label))) {
		status = check_flow_label(sa, flags, err);
		if (status)
			return status;
	}
	if (lo & SOFT_WORDS) {
		status = check_lifetime(sa, err);
		if (status)
			return status;
	}
	if (hi & LEASE_WORDS) {
		status = check_lease(sa, flags, err);
		if (status)
			return status;
	}
	if (hi & SEL_WORDS)
		return check_selector(sa, hi, flags, err);
	return VESPER_MBX_OK;
}

enum vesper_mbx_status vesper_sa_check(const struct vesper_sa *sa, struct vesper_sa_error *err)
{
	const u8 *bytes = (const u8 *)sa;
	struct vesper_sa_map map = { 0 };
	u32 i;

	for (i = 0; i < 32; i++) {
		if (first_nonzero(bytes + 4 * i, 4) < 4)
			map.lo |= 1u << i;
		if (first_nonzero(bytes + 128 + 4 * i, 4) < 4)
			map.hi |= 1u << i;
	}
	return vesper_sa_check_mapped(sa, &map, vesper_sa_check_kind(sa, err), err);
}

enum vesper_mbx_status vesper_sa_check_card(const struct vesper_sa *sa, u32 queues, u32 replay_max,
					    struct vesper_sa_error *err)
{
	u32 window = le32_to_cpu(sa->replay_window);
	u16 queue = le16_to_cpu(sa->queue);

	if (is_outbound(sa))
		return VESPER_MBX_OK;
	if (window > replay_max)
		return vesper_sa_fail(err, VESPER_MBX_E_WINDOW, FIELD(replay_window), window);
	if (queue >= queues)
		return vesper_sa_fail(err, VESPER_MBX_E_QUEUE, FIELD(queue), queue);
	return VESPER_MBX_OK;
}
