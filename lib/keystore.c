// SPDX-License-Identifier: BSD-2-Clause
#include "keystore.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK 65536 /* bytes; its first slot heads it */

/* A slot that is free holds the address of the next one. */
struct free_slot {
	struct free_slot *next;
};

struct chunk {
	struct chunk *next;
};

struct keystore {
	struct chunk *chunks;
	struct free_slot *vacant;
};

struct keystore *keystore_new(void)
{
	return calloc(1, sizeof(struct keystore));
}

void keystore_free(struct keystore *k)
{
	struct chunk *c, *next;

	if (!k)
		return;
	for (c = k->chunks; c; c = next) {
		next = c->next;
		OPENSSL_cleanse(c, CHUNK);
		munmap(c, CHUNK);
	}
	free(k);
}

static int grow(struct keystore *k)
{
	struct free_slot *slot;
	struct chunk *c;
	uint32_t at;

	c = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return -1;
	/* Where the process may not lock so much, swap is the system's; dumps are still ours. */
	(void)mlock(c, CHUNK);
	madvise(c, CHUNK, MADV_DONTDUMP);
	madvise(c, CHUNK, MADV_DONTFORK);
	c->next = k->chunks;
	k->chunks = c;
	for (at = KEYSTORE_SLOT; at < CHUNK; at += KEYSTORE_SLOT) {
		slot = (struct free_slot *)((uint8_t *)c + at);
		slot->next = k->vacant;
		k->vacant = slot;
	}
	return 0;
}

uint8_t *keystore_get(struct keystore *k)
{
	struct free_slot *slot;

	if (!k->vacant && grow(k))
		return NULL;
	slot = k->vacant;
	k->vacant = slot->next;
	memset(slot, 0, KEYSTORE_SLOT);
	return (uint8_t *)slot;
}

void keystore_put(struct keystore *k, uint8_t *bytes)
{
	struct free_slot *slot = (struct free_slot *)bytes;

	if (!bytes)
		return;
	OPENSSL_cleanse(bytes, KEYSTORE_SLOT);
	slot->next = k->vacant;
	k->vacant = slot;
}
