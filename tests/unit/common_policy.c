// SPDX-License-Identifier: BSD-2-Clause
/* Every rule of vesper_policy_check(), and what a mask leaves of a packet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "vesper_policy.h"

#define AT(member) offsetof(struct vesper_policy, member)

#define OUTBOUND 0x00020003 /* generation 1, index 3 */
#define INBOUND	 0x00030003

static struct vesper_policy good_policy(u8 family)
{
	struct vesper_policy p = {
		.src = { 10, 1, 0xf0 },
		.dst = { 192, 0, 2, 1 },
		.src_len = 20,
		.dst_len = family == VESPER_IPV6 ? 128 : 32,
		.family = family,
		.proto = 17,
		.sport = { 0x12, 0x30 },
		.sport_mask = { 0xff, 0xf0 },
		.dport = { 0x11, 0x94 },
		.dport_mask = { 0xff, 0xff },
		.action = VESPER_PROTECT,
		.priority = cpu_to_le32(7),
		.sa = cpu_to_le32(OUTBOUND),
	};

	if (family == VESPER_IPV6)
		p.dst[15] = 0xff;
	return p;
}

static void expect(const struct vesper_policy *p, enum vesper_mbx_status status, size_t field,
		   u64 value)
{
	struct vesper_sa_error err = { .field = 0xffff, .value = ~0ull };

	assert_int_equal(vesper_policy_check(p, &err), status);
	assert_int_equal(vesper_policy_check(p, NULL), status);
	if (!status) {
		assert_int_equal(err.field, 0xffff);
		return;
	}
	assert_int_equal(err.field, field);
	assert_int_equal(err.value, value);
}

/* One byte changed from a good policy must give exactly this code, field and value. */
static void refuses_each_bad_byte(void **state)
{
	static const struct {
		u8 family;
		size_t at;
		u8 byte;
		enum vesper_mbx_status status;
		size_t field;
		u64 value;
	} cases[] = {
#define V4 VESPER_IPV4
#define V6 VESPER_IPV6
		{ V4, AT(reserved0), 1, VESPER_MBX_E_RESERVED, AT(reserved0), 1 },
		{ V6, AT(reserved0) + 2, 9, VESPER_MBX_E_RESERVED, AT(reserved0) + 2, 9 },
		{ V4, AT(reserved1) + 7, 1, VESPER_MBX_E_RESERVED, AT(reserved1), 1ull << 56 },
		{ V4, AT(family), 0, VESPER_MBX_E_FAMILY, AT(family), 0 },
		{ V6, AT(family), 5, VESPER_MBX_E_FAMILY, AT(family), 5 },
		{ V4, AT(src_len), 33, VESPER_MBX_E_PREFIX, AT(src_len), 33 },
		{ V4, AT(dst_len), 255, VESPER_MBX_E_PREFIX, AT(dst_len), 255 },
		{ V6, AT(dst_len), 129, VESPER_MBX_E_PREFIX, AT(dst_len), 129 },
		/* Bits behind the prefix: in its last byte, behind it, behind an IPv4 address. */
		{ V4, AT(src_len), 19, VESPER_MBX_E_PREFIX, AT(src) + 2, 0xf0 },
		{ V4, AT(src_len), 0, VESPER_MBX_E_PREFIX, AT(src), 10 },
		{ V4, AT(src) + 2, 0xf8, VESPER_MBX_E_PREFIX, AT(src) + 2, 0xf8 },
		{ V4, AT(src) + 3, 1, VESPER_MBX_E_PREFIX, AT(src) + 3, 1 },
		{ V4, AT(dst) + 4, 1, VESPER_MBX_E_PREFIX, AT(dst) + 4, 1 },
		{ V6, AT(dst_len), 127, VESPER_MBX_E_PREFIX, AT(dst) + 15, 0xff },
		{ V6, AT(src) + 15, 4, VESPER_MBX_E_PREFIX, AT(src) + 15, 4 },
		{ V4, AT(sport) + 1, 0x31, VESPER_MBX_E_PORT_MASK, AT(sport), 0x1231 },
		{ V4, AT(sport_mask), 0, VESPER_MBX_E_PORT_MASK, AT(sport), 0x1230 },
		{ V6, AT(dport_mask) + 1, 0, VESPER_MBX_E_PORT_MASK, AT(dport), 0x1194 },
		{ V6, AT(proto), 0, VESPER_MBX_E_PORT_MASK, AT(sport_mask), 0xfff0 },
		{ V4, AT(action), 0, VESPER_MBX_E_ACTION, AT(action), 0 },
		{ V4, AT(action), 4, VESPER_MBX_E_ACTION, AT(action), 4 },
		{ V4, AT(action), VESPER_BYPASS, VESPER_MBX_E_POLICY_SA, AT(sa), OUTBOUND },
		{ V4, AT(action), VESPER_DISCARD, VESPER_MBX_E_POLICY_SA, AT(sa), OUTBOUND },
		{ V4, AT(sa) + 2, 3, VESPER_MBX_E_POLICY_SA, AT(sa), INBOUND },
		{ V4, AT(sa) + 2, 0, VESPER_MBX_E_POLICY_SA, AT(sa), 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vesper_policy p = good_policy(cases[i].family);

		expect(&p, VESPER_MBX_OK, 0, 0);
		((u8 *)&p)[cases[i].at] = cases[i].byte;
		expect(&p, cases[i].status, cases[i].field, cases[i].value);
	}
}

static void accepts_the_widest(void **state)
{
	struct vesper_policy p = { .family = VESPER_IPV4, .action = VESPER_DISCARD };

	(void)state;
	expect(&p, VESPER_MBX_OK, 0, 0);
	p.family = VESPER_IPV6;
	p.action = VESPER_BYPASS;
	expect(&p, VESPER_MBX_OK, 0, 0);
	/* A protocol alone; then ports, but of what? */
	p.proto = 50;
	expect(&p, VESPER_MBX_OK, 0, 0);
	p.proto = 0;
	p.dport_mask[0] = 1;
	expect(&p, VESPER_MBX_E_PORT_MASK, AT(dport_mask), 0x100);
}

/* The first rule in the order of the codes is the one reported. */
static void order(void **state)
{
	struct vesper_policy p = good_policy(VESPER_IPV4);

	(void)state;
	p.sa = 0;
	expect(&p, VESPER_MBX_E_POLICY_SA, AT(sa), 0);
	p.action = 9;
	expect(&p, VESPER_MBX_E_ACTION, AT(action), 9);
	p.dport_mask[0] = 0;
	expect(&p, VESPER_MBX_E_PORT_MASK, AT(dport), 0x1194);
	p.dst_len = 31;
	expect(&p, VESPER_MBX_E_PREFIX, AT(dst) + 3, 1);
	p.family = 0;
	expect(&p, VESPER_MBX_E_FAMILY, AT(family), 0);
	p.reserved0[1] = 1;
	expect(&p, VESPER_MBX_E_RESERVED, AT(reserved0) + 1, 1);
}

/* A packet matches until a bit that the policy looks at is changed. */
static void masks_packets(void **state)
{
	struct vesper_policy p = good_policy(VESPER_IPV6);
	struct vesper_policy_mask mask;
	struct vesper_policy_key key, packet, got;
	size_t bit;
	u32 inside = 0;

	(void)state;
	vesper_policy_split(&p, &mask, &key);
	assert_int_equal(mask.family, VESPER_IPV6);
	assert_true(vesper_policy_wants_ports(&mask));
	for (bit = 0; bit < 8 * offsetof(struct vesper_policy_key, zero); bit++) {
		packet = key;
		((u8 *)&packet)[bit / 8] ^= (u8)(0x80 >> bit % 8);
		vesper_policy_mask(&mask, &packet, &got);
		if (memcmp(&got, &key, sizeof(key)))
			inside++;
		else /* in src behind the prefix, or in the low bits of sport */
			assert_true((bit >= 20 && bit < 128) || (bit >= 268 && bit < 272));
	}
	assert_int_equal(inside, 20 + 128 + 12 + 16 + 8);

	memset(&p, 0, sizeof(p));
	p.family = VESPER_IPV4;
	vesper_policy_split(&p, &mask, &key);
	assert_false(vesper_policy_wants_ports(&mask));
	memset(&packet, 0xff, sizeof(packet));
	vesper_policy_mask(&mask, &packet, &got);
	assert_memory_equal(&got, &key, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_bad_byte),
		cmocka_unit_test(accepts_the_widest),
		cmocka_unit_test(order),
		cmocka_unit_test(masks_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
