/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for the card's codes. All strings are constant; a sentence is never NULL. */
#ifndef VESPER_STATUS_H
#define VESPER_STATUS_H

#include "vesper_compat.h"

/**
 * vesper_mbx_strerror - one sentence about a mailbox status
 * @code: enum vesper_mbx_status; any other number gives a sentence that says so
 */
const char *vesper_mbx_strerror(u32 code);

/**
 * vesper_status_str - one sentence about what became of a frame
 * @code: enum vesper_status; any other number gives a sentence that says so
 */
const char *vesper_status_str(u32 code);

/**
 * vesper_status_name - short name of a drop counter, fit as a key: "icv", "no_sa"
 * @code: enum vesper_status
 *
 * Return: the name, or NULL for numbers that are not assigned.
 */
const char *vesper_status_name(u32 code);

/**
 * vesper_event_str - one sentence about an event
 * @code: enum vesper_event_code, or enum vesper_status of a dropped packet
 */
const char *vesper_event_str(u32 code);

/**
 * vesper_event_name - short name of an event, fit as a key: "soft_bytes", "replay"
 * @code: as there
 *
 * Return: the name, or NULL for numbers that are not assigned, and for VESPER_ST_OK.
 */
const char *vesper_event_name(u32 code);

/**
 * vesper_sa_drop_name - short name of an SA's drop counter
 * @drop: enum vesper_sa_drop
 *
 * Return: the name, that of the status for which it counts, or NULL beyond the last.
 */
const char *vesper_sa_drop_name(u32 drop);

/**
 * vesper_sa_field_name - the member of struct vesper_sa at an offset
 * @offset: bytes, as struct vesper_sa_error.field; a byte within a member counts as it
 *
 * Return: the name, or "?" beyond the structure.
 */
const char *vesper_sa_field_name(u32 offset);

/* The same for struct vesper_policy. */
const char *vesper_policy_field_name(u32 offset);

#endif
