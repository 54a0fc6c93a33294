/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for keys that outlive the call which brought them: locked, in no core dump, erased when given back. */
#ifndef VESPER_KEYSTORE_H
#define VESPER_KEYSTORE_H

#include <stdint.h>

#define KEYSTORE_SLOT 64 /* bytes: key, salt */

struct keystore;

struct keystore *keystore_new(void);
/* Erases what is left. NULL is accepted. */
void keystore_free(struct keystore *k);

/* Return: a slot of zeros, or NULL without memory. */
uint8_t *keystore_get(struct keystore *k);
/* Erases a slot and gives it back. NULL is accepted. */
void keystore_put(struct keystore *k, uint8_t *slot);

#endif
