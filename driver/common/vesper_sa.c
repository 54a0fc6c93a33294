// SPDX-License-Identifier: BSD-2-Clause
/* Checks of an SA, and its translation into what the card's SA table holds. */
#include "vesper_sa.h"

#define SPI_RESERVED_MAX 255 /* RFC 4303 2.1 */
#define IPV4_LEN	 20
#define IPV4_DF		 0x40
#define PROTO_ESP	 50

#define FIELD(member) offsetof(struct vesper_sa, member)

static enum vesper_mbx_status fail(struct vesper_sa_error *err, enum vesper_mbx_status status,
				   size_t field, u64 value)
{
	if (err) {
		err->field = (u16)field;
		err->value = value;
	}
	return status;
}

/* Index of the first byte that is not zero, or @len. */
static size_t first_nonzero(const u8 *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i])
			break;
	return i;
}

static bool outbound_tunnel(const struct vesper_sa *sa)
{
	return sa->dir == VESPER_DIR_OUT && sa->mode == VESPER_MODE_TUNNEL;
}

static enum vesper_mbx_status check_reserved(const struct vesper_sa *sa,
					     struct vesper_sa_error *err)
{
	size_t i = first_nonzero(sa->reserved2, sizeof(sa->reserved2));

	if (sa->reserved0)
		return fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved0),
			    le16_to_cpu(sa->reserved0));
	if (sa->reserved1)
		return fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved1),
			    le32_to_cpu(sa->reserved1));
	if (i < sizeof(sa->reserved2))
		return fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved2) + i, sa->reserved2[i]);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_address(const u8 addr[16], bool needed, size_t field,
					    struct vesper_sa_error *err)
{
	size_t i;

	if (needed && first_nonzero(addr, 4) == 4)
		return fail(err, VESPER_MBX_E_ADDRESS, field, 0);
	i = 4 + first_nonzero(addr + 4, 12);
	if (i < 16)
		return fail(err, VESPER_MBX_E_ADDRESS, field + i, addr[i]);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_kind(const struct vesper_sa *sa, struct vesper_sa_error *err)
{
	if (sa->dir != VESPER_DIR_OUT && sa->dir != VESPER_DIR_IN)
		return fail(err, VESPER_MBX_E_DIR, FIELD(dir), sa->dir);
	if (sa->mode != VESPER_MODE_TUNNEL && sa->mode != VESPER_MODE_TRANSPORT)
		return fail(err, VESPER_MBX_E_MODE, FIELD(mode), sa->mode);
	if (sa->family != VESPER_IPV4)
		return fail(err, VESPER_MBX_E_FAMILY, FIELD(family), sa->family);
	if (sa->alg != VESPER_ALG_AES_GCM)
		return fail(err, VESPER_MBX_E_ALG, FIELD(alg), sa->alg);
	if (sa->key_len != 16 && sa->key_len != 24 && sa->key_len != 32)
		return fail(err, VESPER_MBX_E_KEY_LEN, FIELD(key_len), sa->key_len);
	if (sa->icv_len != 8 && sa->icv_len != 12 && sa->icv_len != 16)
		return fail(err, VESPER_MBX_E_ICV_LEN, FIELD(icv_len), sa->icv_len);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_limits(const struct vesper_sa *sa, struct vesper_sa_error *err)
{
	u32 window = le32_to_cpu(sa->replay_window);
	u32 flags = le32_to_cpu(sa->flags);
	u64 seq = le64_to_cpu(sa->seq);
	size_t i;

	if (window > VESPER_REPLAY_MAX || (window && sa->dir == VESPER_DIR_OUT))
		return fail(err, VESPER_MBX_E_WINDOW, FIELD(replay_window), window);
	if ((flags & ~VESPER_SAF_MASK) || ((flags & VESPER_SAF_DF) && !outbound_tunnel(sa)))
		return fail(err, VESPER_MBX_E_FLAGS, FIELD(flags), flags);
	if (outbound_tunnel(sa) && !sa->ttl)
		return fail(err, VESPER_MBX_E_TTL, FIELD(ttl), 0);
	if (seq >> 32)
		return fail(err, VESPER_MBX_E_SEQ, FIELD(seq), seq);
	i = sa->key_len + first_nonzero(sa->key + sa->key_len, sizeof(sa->key) - sa->key_len);
	if (i < sizeof(sa->key)) /* these may be bytes of a longer key: never report them */
		return fail(err, VESPER_MBX_E_KEY_PADDING, FIELD(key) + i, 0);
	return VESPER_MBX_OK;
}

enum vesper_mbx_status vesper_sa_check(const struct vesper_sa *sa, struct vesper_sa_error *err)
{
	enum vesper_mbx_status status;
	u32 spi = get_unaligned_be32(sa->spi);

	status = check_reserved(sa, err);
	if (status)
		return status;
	status = check_kind(sa, err);
	if (status)
		return status;
	if (spi <= SPI_RESERVED_MAX)
		return fail(err, VESPER_MBX_E_SPI, FIELD(spi), spi);
	status = check_address(sa->src, outbound_tunnel(sa), FIELD(src), err);
	if (status)
		return status;
	status = check_address(sa->dst, true, FIELD(dst), err);
	if (status)
		return status;
	return check_limits(sa, err);
}

enum vesper_mbx_status vesper_sa_check_queue(const struct vesper_sa *sa, u32 queues,
					     struct vesper_sa_error *err)
{
	u16 queue = le16_to_cpu(sa->queue);

	if (sa->dir == VESPER_DIR_IN && queue >= queues)
		return fail(err, VESPER_MBX_E_QUEUE, FIELD(queue), queue);
	return VESPER_MBX_OK;
}

u16 vesper_ipv4_template(const struct vesper_sa *sa, u8 hdr[IPV4_LEN])
{
	u32 sum = 0;
	int i;

	memset(hdr, 0, IPV4_LEN);
	hdr[0] = 0x45;
	hdr[1] = sa->tos;
	if (le32_to_cpu(sa->flags) & VESPER_SAF_DF)
		hdr[6] = IPV4_DF;
	hdr[8] = sa->ttl;
	hdr[9] = PROTO_ESP;
	memcpy(hdr + 12, sa->src, 4);
	memcpy(hdr + 16, sa->dst, 4);

	for (i = 0; i < IPV4_LEN; i += 2)
		sum += get_unaligned_be16(hdr + i);
	/* Ten words carry less than 16 bits, so that one fold may carry once more. */
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)(sum + (sum >> 16));
}

void vesper_sa_encode(const struct vesper_sa *sa, const u8 h[16], struct vesper_sa_record *rec)
{
	memset(rec, 0, sizeof(*rec));
	memcpy(rec->key, sa->key, sizeof(rec->key));
	memcpy(rec->h, h, sizeof(rec->h));
	memcpy(rec->salt, sa->salt, sizeof(rec->salt));
	memcpy(rec->spi, sa->spi, sizeof(rec->spi));
	memcpy(rec->dst, sa->dst, sizeof(rec->dst));
	memcpy(rec->src, sa->src, sizeof(rec->src));
	if (outbound_tunnel(sa)) {
		rec->hdr_sum = cpu_to_le16(vesper_ipv4_template(sa, rec->hdr));
		rec->hdr_len = IPV4_LEN;
	}
	rec->key_len = (u8)(sa->key_len / 8 - 2);
	rec->icv_len = sa->icv_len;
	rec->mode = sa->mode;
	rec->family = sa->family;
	rec->dir = sa->dir;
	rec->queue = sa->queue;
	rec->seq = sa->seq;
	rec->replay_window = sa->replay_window;
	rec->flags = sa->flags;
}
