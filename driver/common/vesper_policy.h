/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of an outbound policy, and how it is compared with packets. */
#ifndef VESPER_POLICY_H
#define VESPER_POLICY_H

#include "vesper_sa.h"

/**
 * vesper_policy_check - does the card accept this policy?
 * @policy: the policy, as it goes into VESPER_MBX_POLICY_ADD
 * @err: filled in when a rule is broken; may be NULL. The field's offset is in
 *       struct vesper_policy; ports and their masks are reported in host order
 *
 * The rules are tried in the order of enum vesper_mbx_status, and the first
 * broken one is reported. Of VESPER_MBX_E_POLICY_SA this tells what the handle
 * itself says; whether such an SA is installed only the card knows.
 *
 * Return: VESPER_MBX_OK or the code of the rule.
 */
enum vesper_mbx_status vesper_policy_check(const struct vesper_policy *policy,
					   struct vesper_sa_error *err);

/* Which bits of a packet a policy looks at. No padding: may be compared by memcmp(). */
struct vesper_policy_mask {
	u8 family; /* enum vesper_family */
	u8 src_len;
	u8 dst_len;
	u8 proto; /* 1: the protocol counts */
	u8 sport[2];
	u8 dport[2];
};

/* Those bits, the others zero. Byte strings as in struct vesper_policy; no padding. */
struct vesper_policy_key {
	u8 src[16];
	u8 dst[16];
	u8 sport[2];
	u8 dport[2];
	u8 proto;
	u8 zero[3];
};

/**
 * vesper_policy_split - take a checked policy apart
 * @policy: a policy that vesper_policy_check() accepts
 * @mask: result; policies of equal mask share a hash lookup
 * @key: result; together with the mask it is the policy's selector
 */
void vesper_policy_split(const struct vesper_policy *policy, struct vesper_policy_mask *mask,
			 struct vesper_policy_key *key);

/**
 * vesper_policy_mask - the bits of a packet that a mask looks at
 * @mask: of the packet's family
 * @packet: addresses, protocol and ports, IPv4 addresses in the first four bytes
 * @key: result; equal to a policy's key if and only if the policy matches
 */
void vesper_policy_mask(const struct vesper_policy_mask *mask,
			const struct vesper_policy_key *packet, struct vesper_policy_key *key);

/* Does the mask look at ports? Then it fits only packets whose ports are known. */
static inline bool vesper_policy_wants_ports(const struct vesper_policy_mask *mask)
{
	return mask->sport[0] | mask->sport[1] | mask->dport[0] | mask->dport[1];
}

#endif
