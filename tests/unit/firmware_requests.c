// SPDX-License-Identifier: BSD-2-Clause
/* The firmware's UDP ports, leases, policies and DSCP map on mocked hardware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "firmware_host.h"

static void add_port(u16 port, u8 spi, struct vesper_mbx_sa_add *add)
{
	*add = good();
	add->sa.dir = VESPER_DIR_IN;
	add->sa.flags = VESPER_SAF_UDP;
	add->sa.spi[3] = spi;
	add->sa.dport[0] = (u8)(port >> 8);
	add->sa.dport[1] = (u8)port;
	call(add, VESPER_MBX_SA_ADD, sizeof(*add));
}

/* How many slots hold a port; of none, how many are free. */
static u32 slots(u16 port)
{
	u32 i, n = 0;

	for (i = 0; i < 7; i++)
		n += mock.natt_port[i] == port;
	return n;
}

static void test_ports(void **state)
{
	const struct vesper_mbx_handle *answer = (const void *)mock.response;
	struct vesper_mbx_handle del[3] = { 0 };
	u32 before[ARRAY_SIZE(mock.handle)];
	struct vesper_mbx_sa_add add;
	u8 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		add_port(i == 2 ? 4500 : 0x1234, i, &add);
		assert_ok(sizeof(*answer));
		del[i].handle = answer->handle;
	}
	assert_int_equal(slots(0x1234), 1);
	assert_int_equal(slots(0), 6);
	/* A duplicate does not count, and neither does one that the table has no room for. */
	add_port(0x4321, 1, &add);
	assert_refused(VESPER_MBX_E_DUPLICATE, AT(spi), 0x1201);
	assert_int_equal(slots(0), 6);
	mock.sa_stuck = true;
	add_port(0x4321, 9, &add);
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	assert_int_equal(slots(0), 6);
	call(&del[0], VESPER_MBX_SA_DEL, sizeof(del[0]));
	assert_refused(VESPER_MBX_E_HARDWARE, 24, del[0].handle);
	mock.sa_stuck = false;
	call(&del[0], VESPER_MBX_SA_DEL, sizeof(del[0]));
	assert_int_equal(slots(0x1234), 1);
	call(&del[0], VESPER_MBX_SA_DEL, sizeof(del[0]));
	assert_refused(VESPER_MBX_E_HANDLE, 24, del[0].handle);
	assert_int_equal(slots(0x1234), 1);
	call(&del[1], VESPER_MBX_SA_DEL, sizeof(del[1]));
	assert_int_equal(slots(0), 7);
	call(&del[2], VESPER_MBX_SA_DEL, sizeof(del[2]));
	assert_int_equal(slots(0), 7);

	for (i = 0; i < 7; i++) {
		add_port(100 + i, i, &add);
		assert_ok(sizeof(*answer));
		if (i == 1)
			del[i].handle = answer->handle;
	}
	/* One goes, and all others are still listened to, each once. */
	call(&del[1], VESPER_MBX_SA_DEL, sizeof(del[1]));
	for (i = 0; i < 7; i++)
		assert_int_equal(slots(100 + i), i != 1);
	add_port(101, 1, &add);
	assert_ok(sizeof(*answer));
	memcpy(before, mock.handle, sizeof(before));
	add_port(107, 7, &add);
	assert_refused(VESPER_MBX_E_PORTS_FULL, AT(dport), 107);
	assert_memory_equal(mock.handle, before, sizeof(before));
	add_port(4500, 7, &add);
	assert_ok(sizeof(*answer));
	add_port(106, 8, &add);
	assert_ok(sizeof(*answer));
	call(&add, VESPER_MBX_RESET, sizeof(add.hdr));
	assert_int_equal(slots(0), 7);
	add_port(106, 8, &add);
	assert_int_equal(slots(0), 6);
}

static void test_lease(void **state)
{
	struct vesper_mbx_sa_lease msg = { 0 };
	struct vesper_mbx_sa_add add = good();
	u32 out, in;

	(void)state;
	add.sa.seq = 1000;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	out = mock.handle[0];
	add.sa.dir = VESPER_DIR_IN;
	call(&add, VESPER_MBX_SA_ADD, sizeof(add));
	in = mock.handle[1];
	mock.lease_end = 99;

	msg.handle = out;
	msg.lease_end = 999;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_refused(VESPER_MBX_E_LEASE, 32, 999);
	msg.lease_end = 1ull << 32;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_refused(VESPER_MBX_E_LEASE, 32, 1ull << 32);
	msg.lease_end = 2000;
	msg.handle = in;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_refused(VESPER_MBX_E_LEASE, 24, in);
	msg.handle = in + 1;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_refused(VESPER_MBX_E_HANDLE, 24, in + 1);
	mock.sa_stuck = true;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_refused(VESPER_MBX_E_HARDWARE, 24, in + 1);
	mock.sa_stuck = false;
	assert_int_equal(mock.lease_end, 99);

	msg.handle = out;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_ok(sizeof(*rsp));
	assert_int_equal(mock.lease_end, 2000);
	msg.lease_end = 0;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_ok(sizeof(*rsp));
	assert_int_equal(mock.lease_end, 0);
	mock.sa[0].sa.flags = VESPER_SAF_ESN;
	msg.lease_end = 0x123456789abcdef0;
	call(&msg, VESPER_MBX_SA_LEASE, sizeof(msg));
	assert_ok(sizeof(*rsp));
	assert_int_equal(mock.lease_end, 0x123456789abcdef0);
}

static struct vesper_mbx_policy_add good_policy(void)
{
	struct vesper_mbx_policy_add msg = { 0 };

	msg.policy.dst[0] = 10;
	msg.policy.dst_len = 8;
	msg.policy.family = VESPER_IPV4;
	msg.policy.proto = 17;
	msg.policy.action = VESPER_BYPASS;
	msg.policy.priority = 5;
	return msg;
}

#define POLICY_AT(member) (sizeof(*rsp) + offsetof(struct vesper_policy, member))

static void test_policies(void **state)
{
	const struct vesper_mbx_policy_query_rsp *query = (const void *)mock.response;
	const struct vesper_mbx_handle *answer = (const void *)mock.response;
	struct vesper_mbx_policy_add add = good_policy();
	struct vesper_mbx_handle msg = { 0 };
	struct vesper_mbx_sa_add sa = good();
	u32 handle;

	(void)state;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_ok(sizeof(*answer));
	handle = answer->handle;
	assert_int_equal(handle, mock.pol_handle[0]);
	assert_memory_equal(&mock.policy[0], &add.policy, sizeof(add.policy));
	msg.handle = handle;
	call(&msg, VESPER_MBX_POLICY_QUERY, sizeof(msg));
	assert_ok(sizeof(*query));
	assert_int_equal(query->handle, handle);
	assert_int_equal(query->reserved, 0);
	assert_memory_equal(&query->policy, &add.policy, sizeof(add.policy));
	msg.handle = 0;
	msg.flags = VESPER_QUERY_NEXT;
	call(&msg, VESPER_MBX_POLICY_QUERY, sizeof(msg));
	assert_ok(sizeof(*query));
	assert_int_equal(query->handle, handle);
	msg.handle = 1;
	call(&msg, VESPER_MBX_POLICY_QUERY, sizeof(msg));
	assert_refused(VESPER_MBX_E_POLICY_HANDLE, 24, 1);

	call(&sa, VESPER_MBX_SA_ADD, sizeof(sa));
	add.policy.action = VESPER_PROTECT;
	add.policy.sa = mock.handle[0];
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_ok(sizeof(*answer));
	add.policy.sa++;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_POLICY_SA, POLICY_AT(sa), add.policy.sa);
	sa.sa.dir = VESPER_DIR_IN;
	call(&sa, VESPER_MBX_SA_ADD, sizeof(sa));
	add.policy.sa = mock.handle[1];
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_POLICY_SA, POLICY_AT(sa), add.policy.sa);
	add.policy.sa = mock.handle[0];
	mock.sa_stuck = true;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_HARDWARE, POLICY_AT(sa), add.policy.sa);
	mock.sa_stuck = false;

	add = good_policy();
	add.policy.action = 0;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_ACTION, POLICY_AT(action), 0);
	add = good_policy();
	mock.pol_status = VESPER_MBX_E_POLICY_DUPLICATE;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_POLICY_DUPLICATE, POLICY_AT(src), 0);
	mock.pol_status = VESPER_MBX_E_POLICY_FULL;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_POLICY_FULL, 0, 512);
	mock.pol_status = VESPER_MBX_E_POLICY_MASKS;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_POLICY_MASKS, 0, 16);
	mock.pol_stuck = true;
	call(&add, VESPER_MBX_POLICY_ADD, sizeof(add));
	assert_refused(VESPER_MBX_E_HARDWARE, 0, 0);
	mock.pol_stuck = false;

	msg.handle = handle;
	msg.flags = 0;
	call(&msg, VESPER_MBX_POLICY_DEL, sizeof(msg));
	assert_ok(sizeof(*rsp));
	assert_int_equal(mock.pol_handle[0], 0);
	call(&msg, VESPER_MBX_POLICY_DEL, sizeof(msg));
	assert_refused(VESPER_MBX_E_POLICY_HANDLE, 24, handle);
	call(&msg, VESPER_MBX_RESET, sizeof(msg.hdr));
	assert_int_equal(mock.pol_handle[1], 0);
}

static void test_dscp_map(void **state)
{
	struct vesper_mbx_dscp_map msg = { 0 };
	u8 identity[64];
	int i;

	(void)state;
	for (i = 0; i < 64; i++) {
		identity[i] = (u8)i;
		msg.map[i] = (u8)(63 - i);
	}
	call(&msg, VESPER_MBX_DSCP_MAP, sizeof(msg));
	assert_ok(sizeof(*rsp));
	assert_memory_equal(mock.dscp_map, msg.map, 64);
	for (i = 0; i < 64; i++) {
		struct vesper_mbx_dscp_map wrong = { 0 };

		wrong.map[i] = (u8)(64 + i);
		call(&wrong, VESPER_MBX_DSCP_MAP, sizeof(wrong));
		assert_refused(VESPER_MBX_E_DSCP, (u16)(24 + i), 64 + (u64)i);
		assert_memory_equal(mock.dscp_map, msg.map, 64);
	}
	call(&msg, VESPER_MBX_RESET, sizeof(msg.hdr));
	assert_memory_equal(mock.dscp_map, identity, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ports, boot),
		cmocka_unit_test_setup(test_lease, boot),
		cmocka_unit_test_setup(test_policies, boot),
		cmocka_unit_test_setup(test_dscp_map, boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
