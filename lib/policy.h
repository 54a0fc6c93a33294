/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Outbound policies in software: the card's table (rtl/policy), with the same
 * answers. Policies that look at the same bits of a packet share a mask; each
 * mask in use costs one hash lookup, however many policies there are.
 *
 * A table is not locked: whoever shares it between threads does that.
 */
#ifndef VESPER_LIB_POLICY_H
#define VESPER_LIB_POLICY_H

#include "vesper_policy.h"

#define POLICY_ENTRIES 4096 /* as the card has them */
#define POLICY_MASKS   16

struct policy_table;

/* A packet: byte strings in network order, IPv4 addresses in the first four bytes, the rest zero. */
struct policy_key {
	uint8_t src[16], dst[16];
	uint8_t family;		    /* enum vesper_family */
	uint8_t proto;		    /* upper-layer protocol, 0: not found */
	bool ports;		    /* sport and dport are known */
	uint8_t sport[2], dport[2]; /* ICMP: type, and code as dport, in the first byte */
};

/* An empty table of the card's size. NULL without memory. */
struct policy_table *policy_table_new(void);
/* The same for at most @entries policies (up to 65536) of at most @masks masks. */
struct policy_table *policy_table_sized(uint32_t entries, uint32_t masks);
/* NULL is accepted. */
void policy_table_free(struct policy_table *t);

/*
 * Adds a policy that vesper_policy_check() accepts. A selector may stand in the
 * table at two priorities, so that a policy can be replaced without a gap.
 * Return: 0; or as the card refuses it, and in this order: -EEXIST (the selector
 * is there at this priority, or twice), -ENOSPC (no place), -E2BIG (one mask
 * more than can be searched); -ENOMEM.
 */
int policy_add(struct policy_table *t, const struct vesper_policy *policy, uint32_t *handle);
/* Return: 0, or -ENOENT when the handle names no policy that is in the table now. */
int policy_del(struct policy_table *t, uint32_t handle);
/*
 * Copies the first policy whose place is behind that of *@handle, and its handle;
 * 0: the very first. What *@handle names need not be there any more.
 * Return: 0, or -ENOENT behind the last one.
 */
int policy_get_next(const struct policy_table *t, uint32_t *handle, struct vesper_policy *policy);

/*
 * The policy for a packet: of those that match the one with the lowest priority
 * value, of equal ones the oldest. NULL if none matches. Valid until it is deleted.
 */
const struct vesper_policy *policy_find(const struct policy_table *t,
					const struct policy_key *packet);

#endif
