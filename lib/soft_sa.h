/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs in software: found by handle, or by direction, destination and SPI.
 * Handles look like the card's, generation included, so that a stale one is
 * refused here too.
 */
#ifndef VESPER_SOFT_SA_H
#define VESPER_SOFT_SA_H

#include "esp.h"

#define SOFT_SA_MAX 65536 /* a direction */

struct sa_table;

struct sa_table *sa_table_new(void);
/* Deletes every SA and erases it. NULL is accepted. */
void sa_table_free(struct sa_table *t);

/*
 * Installs a checked SA. Return: 0; -EEXIST when direction, destination and SPI
 * are taken; -ENOSPC; -ENOMEM; -EIO when the crypto provider refuses the key.
 */
int sa_table_add(struct sa_table *t, const struct vesper_sa *sa, uint32_t *handle);
/* Return: 0 or -ENOENT. */
int sa_table_del(struct sa_table *t, uint32_t handle);
/* Return: the SA, NULL when the handle names none that is installed now. */
struct esp_sa *sa_table_get(struct sa_table *t, uint32_t handle);
/* The first SA in the card's order (outbound first) whose place is behind @handle's; 0: the very first. */
struct esp_sa *sa_table_next(struct sa_table *t, uint32_t handle);
/* An esp_lookup_out and an esp_lookup. */
enum vesper_status sa_table_find_out(void *table, uint32_t handle, struct esp_sa **sa);
struct esp_sa *sa_table_find_in(void *table, const uint8_t dst[4], const uint8_t spi[4]);
void sa_table_wipe(struct sa_table *t);

#endif
