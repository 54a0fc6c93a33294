// SPDX-License-Identifier: BSD-2-Clause
#include "soft_sa.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "packet.h"

#define BUCKETS	  4096
#define PORT_NATT 4500 /* RFC 3948 */

struct entry {
	struct esp_sa sa;
	struct entry *next; /* in its bucket */
};

struct sa_table {
	struct {
		struct entry *at[SOFT_SA_MAX];
		uint16_t gen[SOFT_SA_MAX];
		uint32_t end;  /* every installed index is below */
		uint32_t from; /* none is free below */
	} dir[2];	       /* outbound, inbound */
	struct entry *bucket[BUCKETS];
	/* UDP destination ports of inbound SAs, but for 4500. */
	struct {
		uint16_t port;
		uint32_t users;
	} ports[SOFT_PORTS_MAX];
};

static unsigned int inbound(uint32_t handle)
{
	return !!(handle & VESPER_SA_INBOUND);
}

static struct entry **bucket_of(struct sa_table *t, unsigned int in, unsigned int family,
				const uint8_t *dst, const uint8_t spi[4])
{
	uint32_t hash = 2166136261u ^ in; /* FNV-1a */
	uint32_t i;

	for (i = 0; i < ip_addr_len(family); i++)
		hash = (hash ^ dst[i]) * 16777619u;
	for (i = 0; i < 4; i++)
		hash = (hash ^ spi[i]) * 16777619u;
	return &t->bucket[(hash ^ hash >> 16) % BUCKETS];
}

static struct entry *find(struct sa_table *t, unsigned int in, unsigned int family,
			  const uint8_t *dst, const uint8_t spi[4])
{
	struct entry *e;

	for (e = *bucket_of(t, in, family, dst, spi); e; e = e->next)
		if (inbound(e->sa.info.handle) == in && e->sa.info.sa.family == family &&
		    !memcmp(e->sa.info.sa.dst, dst, ip_addr_len(family)) &&
		    !memcmp(e->sa.info.sa.spi, spi, 4))
			return e;
	return NULL;
}

/* The place of a port, or else a free one, or else NULL. */
static uint32_t *port_users(struct sa_table *t, uint16_t port)
{
	uint32_t *vacant = NULL;
	unsigned int i;

	for (i = 0; i < SOFT_PORTS_MAX; i++) {
		if (t->ports[i].users && t->ports[i].port == port)
			return &t->ports[i].users;
		if (!t->ports[i].users && !vacant) {
			vacant = &t->ports[i].users;
			t->ports[i].port = port;
		}
	}
	return vacant;
}

/* The port that an SA wants to be looked at; 0: none, or 4500. */
static uint16_t own_port(const struct vesper_sa *sa)
{
	uint16_t port = get_be16(sa->dport);

	return sa->dir == VESPER_DIR_IN && (sa->flags & VESPER_SAF_UDP) && port != PORT_NATT ?
		       port :
		       0;
}

bool sa_table_port(const struct sa_table *t, uint16_t port)
{
	unsigned int i;

	if (port == PORT_NATT)
		return true;
	for (i = 0; i < SOFT_PORTS_MAX; i++)
		if (t->ports[i].users && t->ports[i].port == port)
			return true;
	return false;
}

struct sa_table *sa_table_new(void)
{
	return calloc(1, sizeof(struct sa_table));
}

static void erase(struct entry *e)
{
	if (!e)
		return;
	crypto->key_free(e->sa.key);
	replay_free(e->sa.window);
	OPENSSL_cleanse(e, sizeof(*e));
	free(e);
}

void sa_table_wipe(struct sa_table *t)
{
	unsigned int in;
	uint32_t i;

	for (in = 0; in < 2; in++) {
		for (i = 0; i < t->dir[in].end; i++) {
			erase(t->dir[in].at[i]);
			t->dir[in].at[i] = NULL;
		}
		t->dir[in].end = 0;
		t->dir[in].from = 0;
	}
	memset(t->bucket, 0, sizeof(t->bucket));
	memset(t->ports, 0, sizeof(t->ports));
}

void sa_table_free(struct sa_table *t)
{
	if (!t)
		return;
	sa_table_wipe(t);
	free(t);
}

static void describe(struct esp_sa *e, const struct vesper_sa *sa)
{
	e->info.sa = *sa;
	memcpy(e->salt, sa->salt, sizeof(e->salt));
	OPENSSL_cleanse(e->info.sa.key, sizeof(e->info.sa.key));
	OPENSSL_cleanse(e->info.sa.salt, sizeof(e->info.sa.salt));
	e->info.seq = sa->seq;
	e->info.lease_end = sa->lease_end;
}

/* Parts of a new SA that may fail. */
static int equip(struct esp_sa *e, const struct vesper_sa *sa)
{
	e->key = crypto->key_new(sa->key, sa->key_len);
	if (!e->key)
		return -EIO;
	if (sa->dir == VESPER_DIR_IN && sa->replay_window > 1) {
		e->window = replay_new(sa->replay_window, sa->seq);
		if (!e->window)
			return -ENOMEM;
	}
	return 0;
}

int sa_table_add(struct sa_table *t, const struct vesper_sa *sa, uint32_t *handle)
{
	unsigned int in = sa->dir == VESPER_DIR_IN;
	uint32_t *users = NULL;
	struct entry **bucket;
	struct entry *e;
	uint32_t i;
	int err;

	if (find(t, in, sa->family, sa->dst, sa->spi))
		return -EEXIST;
	for (i = t->dir[in].from; i < t->dir[in].end && t->dir[in].at[i]; i++)
		;
	if (i == SOFT_SA_MAX)
		return -ENOSPC;
	if (own_port(sa)) {
		users = port_users(t, own_port(sa));
		if (!users)
			return -EMFILE;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	describe(&e->sa, sa);
	err = equip(&e->sa, sa);
	if (err) {
		erase(e);
		return err;
	}
	if (users)
		++*users;
	/* 15 bits of generation, never 0. */
	t->dir[in].gen[i] = t->dir[in].gen[i] % 0x7fff + 1;
	e->sa.info.handle = (uint32_t)t->dir[in].gen[i] << VESPER_SA_GEN_SHIFT |
			    (in ? VESPER_SA_INBOUND : 0) | i;
	t->dir[in].at[i] = e;
	t->dir[in].from = i + 1;
	if (i == t->dir[in].end)
		t->dir[in].end++;
	bucket = bucket_of(t, in, sa->family, sa->dst, sa->spi);
	e->next = *bucket;
	*bucket = e;
	*handle = e->sa.info.handle;
	return 0;
}

struct esp_sa *sa_table_get(struct sa_table *t, uint32_t handle)
{
	struct entry *e = t->dir[inbound(handle)].at[handle & VESPER_SA_INDEX_MASK];

	return e && e->sa.info.handle == handle ? &e->sa : NULL;
}

int sa_table_del(struct sa_table *t, uint32_t handle)
{
	unsigned int in = inbound(handle);
	uint32_t index = handle & VESPER_SA_INDEX_MASK;
	struct entry *e = t->dir[in].at[index];
	const struct vesper_sa *sa;
	struct entry **link;

	if (!sa_table_get(t, handle))
		return -ENOENT;
	sa = &e->sa.info.sa;
	if (own_port(sa))
		--*port_users(t, own_port(sa));
	for (link = bucket_of(t, in, sa->family, sa->dst, sa->spi); *link != e;
	     link = &(*link)->next)
		;
	*link = e->next;
	t->dir[in].at[index] = NULL;
	if (index < t->dir[in].from)
		t->dir[in].from = index;
	erase(e);
	return 0;
}

struct esp_sa *sa_table_next(struct sa_table *t, uint32_t handle)
{
	unsigned int in = inbound(handle);
	uint32_t i = handle ? (handle & VESPER_SA_INDEX_MASK) + 1 : 0;

	for (; in < 2; in++, i = 0)
		for (; i < t->dir[in].end; i++)
			if (t->dir[in].at[i])
				return &t->dir[in].at[i]->sa;
	return NULL;
}

enum vesper_status sa_table_find_out(struct sa_table *t, uint32_t handle, struct esp_sa **sa)
{
	if (handle & VESPER_SA_INBOUND)
		return VESPER_ST_SA_DIRECTION;
	*sa = sa_table_get(t, handle);
	return *sa ? VESPER_ST_OK : VESPER_ST_SA_STALE;
}

struct esp_sa *sa_table_find_in(struct sa_table *t, unsigned int family, const uint8_t *dst,
				const uint8_t spi[4])
{
	struct entry *e = find(t, 1, family, dst, spi);

	return e ? &e->sa : NULL;
}
