// SPDX-License-Identifier: BSD-2-Clause
/* Checks of an outbound policy, and how it is compared with packets. */
#include "vesper_policy.h"

#define FIELD(member) offsetof(struct vesper_policy, member)

/* Bits of byte @i of an address that a prefix of @len bits covers. */
static u8 prefix_bits(u32 len, u32 i)
{
	if (len >= 8 * i + 8)
		return 0xff;
	if (len <= 8 * i)
		return 0;
	return (u8)(0xff00 >> (len - 8 * i));
}

static enum vesper_mbx_status check_reserved(const struct vesper_policy *policy,
					     struct vesper_sa_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(policy->reserved0); i++)
		if (policy->reserved0[i])
			return vesper_sa_fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved0) + i,
					      policy->reserved0[i]);
	if (policy->reserved1)
		return vesper_sa_fail(err, VESPER_MBX_E_RESERVED, FIELD(reserved1),
				      le64_to_cpu(policy->reserved1));
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_prefix(const u8 addr[16], u8 len, u8 family, size_t field,
					   size_t len_field, struct vesper_sa_error *err)
{
	u32 i;

	if (len > (family == VESPER_IPV6 ? 128 : 32))
		return vesper_sa_fail(err, VESPER_MBX_E_PREFIX, len_field, len);
	for (i = 0; i < 16; i++)
		if (addr[i] & ~prefix_bits(len, i))
			return vesper_sa_fail(err, VESPER_MBX_E_PREFIX, field + i, addr[i]);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_port(const u8 port[2], const u8 mask[2], u8 proto, size_t field,
					 size_t mask_field, struct vesper_sa_error *err)
{
	u16 bits = get_unaligned_be16(mask);
	u16 value = get_unaligned_be16(port);

	if (value & ~bits)
		return vesper_sa_fail(err, VESPER_MBX_E_PORT_MASK, field, value);
	if (bits && !proto)
		return vesper_sa_fail(err, VESPER_MBX_E_PORT_MASK, mask_field, bits);
	return VESPER_MBX_OK;
}

static enum vesper_mbx_status check_action(const struct vesper_policy *policy,
					   struct vesper_sa_error *err)
{
	u32 sa = le32_to_cpu(policy->sa);
	bool outbound = (sa >> VESPER_SA_GEN_SHIFT) && !(sa & VESPER_SA_INBOUND);

	switch (policy->action) {
	case VESPER_PROTECT:
		if (!outbound)
			return vesper_sa_fail(err, VESPER_MBX_E_POLICY_SA, FIELD(sa), sa);
		break;
	case VESPER_BYPASS:
	case VESPER_DISCARD:
		if (sa)
			return vesper_sa_fail(err, VESPER_MBX_E_POLICY_SA, FIELD(sa), sa);
		break;
	default:
		return vesper_sa_fail(err, VESPER_MBX_E_ACTION, FIELD(action), policy->action);
	}
	return VESPER_MBX_OK;
}

enum vesper_mbx_status vesper_policy_check(const struct vesper_policy *policy,
					   struct vesper_sa_error *err)
{
	enum vesper_mbx_status status;

	status = check_reserved(policy, err);
	if (status)
		return status;
	if (policy->family != VESPER_IPV4 && policy->family != VESPER_IPV6)
		return vesper_sa_fail(err, VESPER_MBX_E_FAMILY, FIELD(family), policy->family);
	status = check_prefix(policy->src, policy->src_len, policy->family, FIELD(src),
			      FIELD(src_len), err);
	if (status)
		return status;
	status = check_prefix(policy->dst, policy->dst_len, policy->family, FIELD(dst),
			      FIELD(dst_len), err);
	if (status)
		return status;
	status = check_port(policy->sport, policy->sport_mask, policy->proto, FIELD(sport),
			    FIELD(sport_mask), err);
	if (status)
		return status;
	status = check_port(policy->dport, policy->dport_mask, policy->proto, FIELD(dport),
			    FIELD(dport_mask), err);
	if (status)
		return status;
	return check_action(policy, err);
}

void vesper_policy_split(const struct vesper_policy *policy, struct vesper_policy_mask *mask,
			 struct vesper_policy_key *key)
{
	mask->family = policy->family;
	mask->src_len = policy->src_len;
	mask->dst_len = policy->dst_len;
	mask->proto = !!policy->proto;
	memcpy(mask->sport, policy->sport_mask, sizeof(mask->sport));
	memcpy(mask->dport, policy->dport_mask, sizeof(mask->dport));

	memcpy(key->src, policy->src, sizeof(key->src));
	memcpy(key->dst, policy->dst, sizeof(key->dst));
	memcpy(key->sport, policy->sport, sizeof(key->sport));
	memcpy(key->dport, policy->dport, sizeof(key->dport));
	key->proto = policy->proto;
	memset(key->zero, 0, sizeof(key->zero));
}

void vesper_policy_mask(const struct vesper_policy_mask *mask,
			const struct vesper_policy_key *packet, struct vesper_policy_key *key)
{
	u32 i;

	for (i = 0; i < 16; i++) {
		key->src[i] = packet->src[i] & prefix_bits(mask->src_len, i);
		key->dst[i] = packet->dst[i] & prefix_bits(mask->dst_len, i);
	}
	for (i = 0; i < 2; i++) {
		key->sport[i] = packet->sport[i] & mask->sport[i];
		key->dport[i] = packet->dport[i] & mask->dport[i];
	}
	key->proto = mask->proto ? packet->proto : 0;
	memset(key->zero, 0, sizeof(key->zero));
}
