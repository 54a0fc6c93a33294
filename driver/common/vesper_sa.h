/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of an SA. */
#ifndef VESPER_SA_H
#define VESPER_SA_H

#include "vesper_compat.h"

/*
 * What was wrong with an SA, or with a policy.
 * @field: offset in struct vesper_sa, or vesper_policy, of the field (or of the byte in it) at fault
 * @value: what stood there; an SPI in host order; always 0 for bytes of the key
 */
struct vesper_sa_error {
	u16 field;
	u64 value;
};

/* Fills in @err, which may be NULL. Return: @status. */
static inline enum vesper_mbx_status
vesper_sa_fail(struct vesper_sa_error *err, enum vesper_mbx_status status, size_t field, u64 value)
{
	if (err) {
		err->field = (u16)field;
		err->value = value;
	}
	return status;
}

/**
 * vesper_sa_check - does an ABI 2 card accept this SA?
 * @sa: the SA, as it goes into VESPER_MBX_SA_ADD
 * @err: filled in when a rule is broken; may be NULL
 *
 * The rules are tried in the order of enum vesper_mbx_status and, within one, in
 * the order of the fields; the first broken one is reported. What depends on the
 * card is another check, vesper_sa_check_card(), and comes after all of these.
 *
 * Where the card makes no outer header (transport, inbound, in place), src may
 * be zero and ttl and tos are ignored; queue is for outbound SAs. Every other
 * attribute that the card could not honour is refused: a flag that does not fit
 * is E_FLAGS, but for the pair DSCP_COPY and DSCP_MAP, which is E_TOS (field
 * flags). In place no flag fits but ESN and UDP.
 *
 * Return: VESPER_MBX_OK or the code of the rule.
 */
enum vesper_mbx_status vesper_sa_check(const struct vesper_sa *sa, struct vesper_sa_error *err);

/* Which 32-bit words of a struct vesper_sa are not zero: bit n of lo is word n, of hi word 32 + n. */
struct vesper_sa_map {
	u32 lo;
	u32 hi;
};

/**
 * vesper_sa_check_kind - the first half of the same: what can be said without such a map
 * @sa: the SA; neither key nor salt is read
 * @err: as there
 *
 * The firmware's way: the card's hardware makes the map while it copies the SA, and this is looked at meanwhile.
 *
 * Return: what vesper_sa_check_mapped() is to be told. If it is VESPER_MBX_OK, key_len is one of AES.
 */
enum vesper_mbx_status vesper_sa_check_kind(const struct vesper_sa *sa,
					    struct vesper_sa_error *err);

/**
 * vesper_sa_check_mapped - the second half
 * @sa: the SA; neither key nor salt is read
 * @map: of all its words
 * @kind: what vesper_sa_check_kind() has returned
 * @err: what it has filled in; as there
 */
enum vesper_mbx_status vesper_sa_check_mapped(const struct vesper_sa *sa,
					      const struct vesper_sa_map *map,
					      enum vesper_mbx_status kind,
					      struct vesper_sa_error *err);

/**
 * vesper_sa_check_card - does this card have what the SA asks for?
 * @sa: the SA; outbound ones always pass
 * @queues: queue pairs of the card (register GEOMETRY)
 * @replay_max: largest replay window of the card (struct vesper_mbx_identify_rsp)
 * @err: filled in when it does not; may be NULL
 *
 * Return: VESPER_MBX_OK, VESPER_MBX_E_WINDOW or VESPER_MBX_E_QUEUE.
 */
enum vesper_mbx_status vesper_sa_check_card(const struct vesper_sa *sa, u32 queues, u32 replay_max,
					    struct vesper_sa_error *err);

/**
 * vesper_lease_fits - may an outbound SA use the numbers up to @lease_end?
 * @lease_end: last number, 0: no lease
 * @seq: last number used
 * @flags: VESPER_SAF_* of the SA
 */
bool vesper_lease_fits(u64 lease_end, u64 seq, u32 flags);

#endif
