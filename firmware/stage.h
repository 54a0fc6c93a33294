/* SPDX-License-Identifier: BSD-2-Clause */
/* From the request window into the tables' staging, by hardware: no key passes through this CPU. */
#ifndef VESPER_FW_STAGE_H
#define VESPER_FW_STAGE_H

#include "crypto.h"
#include "vesper_sa.h"

/**
 * stage_sa - begin to copy a struct vesper_sa into the SA table's staging
 * @offset: where it stands in the request window, bytes, multiple of 4
 *
 * Its key goes into the registers of the next AES-GCM job as well.
 *
 * Return: 0, -EBUSY (an earlier job is still with the engine: the key does not
 * go there, and stage_hash_key() must not be called).
 */
int stage_sa(u32 offset);

/* stage_policy - the same for a struct vesper_policy and the policy table */
void stage_policy(u32 offset);

/* stage_map - wait for the end of the copy, and see which of its words are not zero */
void stage_map(struct vesper_sa_map *map);

/**
 * stage_hash_key - begin to compute H = E(K, 0^128) of the staged key, behind stage_map()
 * @engine: which engine does it
 * @key_len: bytes: 16, 24 or 32
 *
 * H goes into the staged record, and is not seen here (SP 800-38D 6.4).
 */
void stage_hash_key(enum crypto_engine engine, u8 key_len);

/* stage_hash_wait - wait until H is in the record. Return: as crypto_wait(). */
int stage_hash_wait(void);

/* stage_erase - forget the staged SA, its key and its H, also one that is still to come */
void stage_erase(void);

#endif
