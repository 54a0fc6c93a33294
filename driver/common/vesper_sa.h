/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of an SA, and its translation into what the card's SA table holds. */
#ifndef VESPER_SA_H
#define VESPER_SA_H

#include "vesper_compat.h"

/*
 * What was wrong with an SA.
 * @field: offset in struct vesper_sa of the field (or of the byte in it) at fault
 * @value: what stood there; an SPI in host order; always 0 for bytes of the key
 */
struct vesper_sa_error {
	u16 field;
	u64 value;
};

/**
 * vesper_sa_check - does the card accept this SA?
 * @sa: the SA, as it goes into VESPER_MBX_SA_ADD
 * @err: filled in when a rule is broken; may be NULL
 *
 * The rules are tried in the order of enum vesper_mbx_status, and the first
 * broken one is reported. Whether the queue pair exists is another check,
 * because it depends on the card: vesper_sa_check_queue(). src may be zero but
 * for an outbound tunnel, which needs it for the outer header; ttl and tos are
 * ignored for other SAs, and queue is for outbound ones.
 *
 * Return: VESPER_MBX_OK or the code of the rule.
 */
enum vesper_mbx_status vesper_sa_check(const struct vesper_sa *sa, struct vesper_sa_error *err);

/**
 * vesper_sa_check_queue - does the SA's queue pair exist?
 * @sa: the SA
 * @queues: queue pairs of the card (register GEOMETRY)
 * @err: filled in when it does not; may be NULL
 *
 * Return: VESPER_MBX_OK or VESPER_MBX_E_QUEUE.
 */
enum vesper_mbx_status vesper_sa_check_queue(const struct vesper_sa *sa, u32 queues,
					     struct vesper_sa_error *err);

/**
 * vesper_sa_encode - translate a checked SA into the record of the SA table
 * @sa: an SA that vesper_sa_check() accepts
 * @h: the GHASH key, E(K, 0^128), first byte first
 * @rec: result, wholly overwritten; it holds key, salt and H: erase after use
 *
 * The outer IPv4 header of an outbound tunnel (RFC 791, RFC 4303 3.1.2) has
 * total length, identification and checksum zero: the card fills them in.
 */
void vesper_sa_encode(const struct vesper_sa *sa, const u8 h[16], struct vesper_sa_record *rec);

/**
 * vesper_ipv4_template - make the outer header of an outbound tunnel
 * @sa: gives tos, DF, ttl, src, dst
 * @hdr: result, 20 bytes as on the wire; total length, identification, checksum zero
 *
 * Return: the one's complement sum of its 16-bit words in network order
 * (RFC 1071), folded to 16 bits, not inverted.
 */
u16 vesper_ipv4_template(const struct vesper_sa *sa, u8 hdr[20]);

#endif
