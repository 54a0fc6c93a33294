// SPDX-License-Identifier: BSD-2-Clause
/* Tuple-space search in software: a list of the masks in use, and one hash table for the policies of all of them. */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MASK 0xffffu
#define GEN_SHIFT  16

struct entry {
	struct vesper_policy policy;
	struct vesper_policy_key key;
	struct mask *mask;
	struct entry *next; /* in its bucket */
	uint64_t serial;    /* of its add: lower is older */
	uint32_t handle;
};

struct mask {
	struct vesper_policy_mask bits;
	uint32_t users; /* 0: free */
	uint32_t salt;	/* so that one key under many masks does not fill one bucket */
};

struct policy_table {
	uint32_t entries, max_masks, buckets;
	uint32_t count;
	uint32_t from; /* no free index is below */
	uint64_t serial;
	uint32_t used_masks;
	struct mask **used; /* the first used_masks */
	struct mask *masks;
	struct entry **at; /* by index */
	uint16_t *gen;
	struct entry **bucket;
};

/* MurmurHash3's mixing, a word at a time. */
static uint32_t mix(uint32_t hash, uint32_t word)
{
	word *= 0xcc9e2d51;
	word = word << 15 | word >> 17;
	hash ^= word * 0x1b873593;
	hash = hash << 13 | hash >> 19;
	return hash * 5 + 0xe6546b64;
}

static struct entry **bucket_of(const struct policy_table *t, const struct mask *mask,
				const struct vesper_policy_key *key)
{
	uint32_t words[sizeof(*key) / 4];
	uint32_t hash = mask->salt;
	size_t i;

	memcpy(words, key, sizeof(words));
	for (i = 0; i < ARRAY_SIZE(words); i++)
		hash = mix(hash, words[i]);
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return &t->bucket[(hash ^ hash >> 16) & (t->buckets - 1)];
}

struct policy_table *policy_table_sized(uint32_t entries, uint32_t masks)
{
	struct policy_table *t = calloc(1, sizeof(*t));
	uint32_t i;

	if (!t)
		return NULL;
	t->entries = entries;
	t->max_masks = masks;
	for (t->buckets = 1; t->buckets < 2 * entries; t->buckets *= 2)
		;
	t->masks = calloc(masks, sizeof(*t->masks));
	t->used = calloc(masks, sizeof(*t->used));
	t->at = calloc(entries, sizeof(struct entry *));
	t->gen = calloc(entries, sizeof(*t->gen));
	t->bucket = calloc(t->buckets, sizeof(struct entry *));
	if (!t->masks || !t->used || !t->at || !t->gen || !t->bucket) {
		policy_table_free(t);
		return NULL;
	}
	for (i = 0; i < masks; i++)
		t->masks[i].salt = i;
	return t;
}

struct policy_table *policy_table_new(void)
{
	return policy_table_sized(POLICY_ENTRIES, POLICY_MASKS);
}

void policy_table_free(struct policy_table *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; t->at && i < t->entries; i++)
		free(t->at[i]);
	free(t->masks);
	free(t->used);
	free(t->at);
	free(t->gen);
	free(t->bucket);
	free(t);
}

/* The mask with these bits, or a free one, or NULL. */
static struct mask *mask_for(struct policy_table *t, const struct vesper_policy_mask *bits)
{
	struct mask *room = NULL;
	uint32_t i;

	for (i = 0; i < t->used_masks; i++)
		if (!memcmp(&t->used[i]->bits, bits, sizeof(*bits)))
			return t->used[i];
	for (i = 0; i < t->max_masks && !room; i++)
		if (!t->masks[i].users)
			room = &t->masks[i];
	return room;
}

static bool taken(const struct policy_table *t, const struct mask *mask,
		  const struct vesper_policy_key *key, vesper_le32 priority)
{
	const struct entry *e;
	uint32_t same = 0;

	for (e = *bucket_of(t, mask, key); e; e = e->next)
		if (e->mask == mask && !memcmp(&e->key, key, sizeof(*key))) {
			if (e->policy.priority == priority)
				return true;
			same++;
		}
	return same > 1;
}

static void link_entry(struct policy_table *t, struct entry *e)
{
	struct entry **bucket = bucket_of(t, e->mask, &e->key);

	if (!e->mask->users++)
		t->used[t->used_masks++] = e->mask;
	e->next = *bucket;
	*bucket = e;
}

int policy_add(struct policy_table *t, const struct vesper_policy *policy, uint32_t *handle)
{
	struct vesper_policy_mask bits;
	struct vesper_policy_key key;
	struct mask *mask;
	struct entry *e;
	uint32_t i;

	vesper_policy_split(policy, &bits, &key);
	mask = mask_for(t, &bits);
	if (mask && mask->users && taken(t, mask, &key, policy->priority))
		return -EEXIST;
	if (t->count == t->entries)
		return -ENOSPC;
	if (!mask)
		return -E2BIG;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	for (i = t->from; t->at[i]; i++)
		;
	t->gen[i] = t->gen[i] == 0xffff ? 1 : t->gen[i] + 1;
	mask->bits = bits;
	e->policy = *policy;
	e->key = key;
	e->mask = mask;
	e->serial = t->serial++;
	e->handle = (uint32_t)t->gen[i] << GEN_SHIFT | i;
	link_entry(t, e);
	t->at[i] = e;
	t->from = i + 1;
	t->count++;
	*handle = e->handle;
	return 0;
}

static struct entry *entry_of(const struct policy_table *t, uint32_t handle)
{
	uint32_t i = handle & INDEX_MASK;

	return i < t->entries && t->at[i] && t->at[i]->handle == handle ? t->at[i] : NULL;
}

int policy_del(struct policy_table *t, uint32_t handle)
{
	struct entry *e = entry_of(t, handle);
	uint32_t index = handle & INDEX_MASK;
	struct entry **link;
	uint32_t i;

	if (!e)
		return -ENOENT;
	for (link = bucket_of(t, e->mask, &e->key); *link != e; link = &(*link)->next)
		;
	*link = e->next;
	if (!--e->mask->users) {
		for (i = 0; t->used[i] != e->mask; i++)
			;
		t->used[i] = t->used[--t->used_masks];
	}
	t->at[index] = NULL;
	if (index < t->from)
		t->from = index;
	t->count--;
	free(e);
	return 0;
}

int policy_get_next(const struct policy_table *t, uint32_t *handle, struct vesper_policy *policy)
{
	uint32_t i;

	for (i = *handle ? (*handle & INDEX_MASK) + 1 : 0; i < t->entries; i++)
		if (t->at[i]) {
			*handle = t->at[i]->handle;
			*policy = t->at[i]->policy;
			return 0;
		}
	return -ENOENT;
}

static bool better(const struct entry *a, const struct entry *b)
{
	uint32_t pa = le32_to_cpu(a->policy.priority), pb = le32_to_cpu(b->policy.priority);

	return pa != pb ? pa < pb : a->serial < b->serial;
}

const struct vesper_policy *policy_find(const struct policy_table *t,
					const struct policy_key *packet)
{
	const struct entry *best = NULL, *e;
	struct vesper_policy_key flow = { .proto = packet->proto }, key;
	uint32_t i;

	memcpy(flow.src, packet->src, sizeof(flow.src));
	memcpy(flow.dst, packet->dst, sizeof(flow.dst));
	memcpy(flow.sport, packet->sport, sizeof(flow.sport));
	memcpy(flow.dport, packet->dport, sizeof(flow.dport));
	for (i = 0; i < t->used_masks; i++) {
		const struct mask *mask = t->used[i];

		if (mask->bits.family != packet->family ||
		    (!packet->ports && vesper_policy_wants_ports(&mask->bits)))
			continue;
		vesper_policy_mask(&mask->bits, &flow, &key);
		for (e = *bucket_of(t, mask, &key); e; e = e->next)
			if (e->mask == mask && !memcmp(&e->key, &key, sizeof(key)) &&
			    (!best || better(e, best)))
				best = e;
	}
	return best ? &best->policy : NULL;
}
