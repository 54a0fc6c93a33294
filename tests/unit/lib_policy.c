// SPDX-License-Identifier: BSD-2-Clause
/* The policy table in software, against a search from one end of a list to the other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define ROUNDS 30000
#define MAX    32

static uint64_t seed = 1;

/* xorshift64* */
static uint32_t rnd(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1d) >> 33) % below;
}

/* The list: policies in the order in which they were added. */
static struct {
	struct vesper_policy policy;
	uint32_t handle;
} list[MAX];
static uint32_t listed;

static bool prefix_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static bool port_equal(const uint8_t *port, const uint8_t *mask, const uint8_t *want)
{
	return (port[0] & mask[0]) == want[0] && (port[1] & mask[1]) == want[1];
}

static bool matches(const struct vesper_policy *p, const struct policy_key *k)
{
	static const uint8_t none[2];
	bool ports = memcmp(p->sport_mask, none, 2) || memcmp(p->dport_mask, none, 2);

	return p->family == k->family && prefix_equal(p->src, k->src, p->src_len) &&
	       prefix_equal(p->dst, k->dst, p->dst_len) && (!p->proto || p->proto == k->proto) &&
	       (!ports || k->ports) && port_equal(k->sport, p->sport_mask, p->sport) &&
	       port_equal(k->dport, p->dport_mask, p->dport);
}

static bool same_mask(const struct vesper_policy *a, const struct vesper_policy *b)
{
	return a->family == b->family && a->src_len == b->src_len && a->dst_len == b->dst_len &&
	       !a->proto == !b->proto && !memcmp(a->sport_mask, b->sport_mask, 4);
}

static bool same_selector(const struct vesper_policy *a, const struct vesper_policy *b)
{
	return same_mask(a, b) && !memcmp(a->src, b->src, 32) && a->proto == b->proto &&
	       !memcmp(a->sport, b->sport, 4);
}

static const struct vesper_policy *list_find(const struct policy_key *k)
{
	const struct vesper_policy *best = NULL;
	uint32_t i;

	for (i = 0; i < listed; i++)
		if (matches(&list[i].policy, k) &&
		    (!best || list[i].policy.priority < best->priority))
			best = &list[i].policy;
	return best;
}

static int list_refuses(const struct vesper_policy *p, uint32_t entries, uint32_t masks)
{
	uint32_t i, j, same = 0, different = 1;

	for (i = 0; i < listed; i++) {
		bool first = !same_mask(&list[i].policy, p);

		if (same_selector(&list[i].policy, p)) {
			if (list[i].policy.priority == p->priority)
				return -EEXIST;
			same++;
		}
		for (j = 0; j < i; j++)
			first &= !same_mask(&list[i].policy, &list[j].policy);
		different += first;
	}
	if (same > 1)
		return -EEXIST;
	if (listed == entries)
		return -ENOSPC;
	return different > masks ? -E2BIG : 0;
}

/* Few addresses, of few bits, so that packets and policies meet. */
static void some_address(uint8_t addr[16], uint8_t family, uint32_t len)
{
	uint32_t i, bytes = family == VESPER_IPV6 ? 16 : 4;

	memset(addr, 0, 16);
	for (i = 0; i < bytes; i++)
		addr[i] = (uint8_t)(0x55 * rnd(2));
	for (i = 0; i < 16; i++)
		if (len < 8 * i + 8)
			addr[i] &= len <= 8 * i ? 0 : (uint8_t)(0xff00 >> (len - 8 * i));
}

static struct vesper_policy some_policy(void)
{
	static const uint8_t ports[][2] = { { 0, 0 }, { 0xff, 0xff }, { 0xf0, 0 }, { 0, 1 } };
	struct vesper_policy p = { .family = rnd(2) ? VESPER_IPV4 : VESPER_IPV6 };
	uint32_t i;

	p.src_len = (uint8_t)((1 + rnd(4)) * (p.family == VESPER_IPV6 ? 9 : 7));
	p.dst_len = (uint8_t)(rnd(2) * 12);
	some_address(p.src, p.family, p.src_len);
	some_address(p.dst, p.family, p.dst_len);
	if (rnd(2)) {
		p.proto = rnd(2) ? 6 : 17;
		memcpy(p.sport_mask, ports[rnd(4)], 2);
		memcpy(p.dport_mask, ports[rnd(2)], 2);
	}
	for (i = 0; i < 2; i++) {
		p.sport[i] = (uint8_t)(rnd(2) * 0x31) & p.sport_mask[i];
		p.dport[i] = (uint8_t)(rnd(2) * 0x31) & p.dport_mask[i];
	}
	p.action = VESPER_BYPASS;
	p.priority = cpu_to_le32(rnd(4) ? rnd(4) : 0xffffffff - rnd(4));
	assert_int_equal(vesper_policy_check(&p, NULL), VESPER_MBX_OK);
	return p;
}

static struct policy_key some_packet(void)
{
	struct policy_key k = { .family = rnd(2) ? VESPER_IPV4 : VESPER_IPV6, .ports = rnd(3) };
	uint32_t i;

	some_address(k.src, k.family, 128);
	some_address(k.dst, k.family, 128);
	k.proto = rnd(3) ? 6 : 17;
	for (i = 0; k.ports && i < 2; i++) {
		k.sport[i] = (uint8_t)(rnd(2) * 0x31);
		k.dport[i] = (uint8_t)(rnd(2) * 0x31);
	}
	return k;
}

static void random_against_list(void **state)
{
	struct policy_table *t = policy_table_sized(MAX, 16);
	uint32_t i, n, hits = 0, refused[3] = { 0 }, stale = 0;

	(void)state;
	assert_non_null(t);
	for (n = 0; n < ROUNDS; n++) {
		const struct vesper_policy *got, *want;
		struct policy_key k = some_packet();

		if (rnd(10) < 4) {
			struct vesper_policy p = some_policy();
			uint32_t handle = 0;
			int err = list_refuses(&p, MAX, 16);

			assert_int_equal(policy_add(t, &p, &handle), err);
			refused[0] += err == -EEXIST;
			refused[1] += err == -ENOSPC;
			refused[2] += err == -E2BIG;
			if (!err) {
				list[listed].policy = p;
				list[listed++].handle = handle;
			}
		} else if (listed > rnd(3 * MAX)) {
			i = rnd(listed);
			stale = list[i].handle;
			assert_int_equal(policy_del(t, stale), 0);
			memmove(&list[i], &list[i + 1], (--listed - i) * sizeof(list[0]));
		}
		if (stale)
			assert_int_equal(policy_del(t, stale), -ENOENT);
		got = policy_find(t, &k);
		want = list_find(&k);
		assert_int_equal(!got, !want);
		if (want)
			assert_memory_equal(got, want, sizeof(*want));
		hits += !!want;
	}
	printf("%u packets of %u met a policy\n", hits, ROUNDS);
	assert_true(hits > ROUNDS / 10 && hits < ROUNDS * 9 / 10);
	for (i = 0; i < 3; i++)
		assert_true(refused[i] > 20);
	policy_table_free(t);
	policy_table_free(NULL);
	listed = 0;
}

static struct vesper_policy host(uint32_t number)
{
	struct vesper_policy p = { .src = { 10, 0, (uint8_t)(number >> 8), (uint8_t)number },
				   .src_len = 32,
				   .family = VESPER_IPV4,
				   .action = VESPER_DISCARD };

	return p;
}

static void fills_and_walks(void **state)
{
	struct policy_table *t = policy_table_new();
	static uint32_t handles[POLICY_ENTRIES];
	struct vesper_policy p, found;
	struct policy_key k = { .family = VESPER_IPV4 };
	uint32_t i, n, handle;

	(void)state;
	handle = 0;
	assert_int_equal(policy_get_next(t, &handle, &found), -ENOENT);
	for (i = 0; i < POLICY_ENTRIES; i++) {
		p = host(i);
		assert_int_equal(policy_add(t, &p, &handles[i]), 0);
		assert_true(handles[i] >> 16);
	}
	p = host(POLICY_ENTRIES);
	assert_int_equal(policy_add(t, &p, &handle), -ENOSPC);
	p = host(0);
	assert_int_equal(policy_add(t, &p, &handle), -EEXIST);
	for (i = 0; i < POLICY_ENTRIES; i++) {
		p = host(i);
		memcpy(k.src, p.src, 4);
		assert_memory_equal(policy_find(t, &k), &p, sizeof(p));
	}
	for (i = 0; i < POLICY_ENTRIES; i += 3)
		assert_int_equal(policy_del(t, handles[i]), 0);
	for (n = 0, handle = 0; !policy_get_next(t, &handle, &found); n++) {
		i = n / 2 * 3 + 1 + n % 2;
		p = host(i);
		assert_int_equal(handle, handles[i]);
		assert_memory_equal(&found, &p, sizeof(p));
	}
	assert_int_equal(n, POLICY_ENTRIES - (POLICY_ENTRIES + 2) / 3);
	/* The place of one that is gone still says where to go on, and a stale handle names no successor. */
	handle = handles[3];
	assert_int_equal(policy_get_next(t, &handle, &found), 0);
	assert_int_equal(handle, handles[4]);
	p = host(0);
	assert_int_equal(policy_add(t, &p, &handle), 0);
	assert_int_equal(handle & 0xffff, handles[0] & 0xffff);
	assert_int_not_equal(handle, handles[0]);
	assert_int_equal(policy_del(t, handles[0]), -ENOENT);
	assert_int_equal(policy_del(t, handle & 0xffff), -ENOENT);
	assert_int_equal(policy_del(t, 0xffffffff), -ENOENT);
	policy_table_free(t);
}

/* 65535 generations, then the first again: never 0. */
static void generations(void **state)
{
	struct policy_table *t = policy_table_sized(1, 1);
	struct vesper_policy p = host(1);
	uint32_t i, handle;

	(void)state;
	for (i = 1; i < 0x10003; i++) {
		assert_int_equal(policy_add(t, &p, &handle), 0);
		assert_int_equal(handle >> 16, i > 0xffff ? i - 0xffff : i);
		assert_int_equal(policy_del(t, handle), 0);
	}
	policy_table_free(t);
}

/* A new policy takes over before the old one goes. */
static void replaces_without_gap(void **state)
{
	struct policy_table *t = policy_table_new();
	struct vesper_policy p = host(1);
	struct policy_key k = { .family = VESPER_IPV4, .src = { 10, 0, 0, 1 } };
	uint32_t first, second, third;

	(void)state;
	p.priority = cpu_to_le32(2);
	assert_int_equal(policy_add(t, &p, &first), 0);
	assert_int_equal(policy_add(t, &p, &third), -EEXIST);
	p.priority = cpu_to_le32(1);
	assert_int_equal(policy_add(t, &p, &second), 0);
	p.priority = cpu_to_le32(3);
	assert_int_equal(policy_add(t, &p, &third), -EEXIST);
	assert_int_equal(policy_find(t, &k)->priority, cpu_to_le32(1));
	assert_int_equal(policy_del(t, first), 0);
	assert_int_equal(policy_add(t, &p, &third), 0);
	assert_int_equal(policy_find(t, &k)->priority, cpu_to_le32(1));
	assert_int_equal(policy_del(t, second), 0);
	assert_int_equal(policy_find(t, &k)->priority, cpu_to_le32(3));
	policy_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_list),
		cmocka_unit_test(fills_and_walks),
		cmocka_unit_test(generations),
		cmocka_unit_test(replaces_without_gap),
	};
	const char *text = getenv("VESPER_SEED");

	if (text && strtoull(text, NULL, 10))
		seed = strtoull(text, NULL, 10);
	printf("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
