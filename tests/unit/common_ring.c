// SPDX-License-Identifier: BSD-2-Clause
/* Ring arithmetic across the 16-bit wrap, phases, and the bytes of descriptors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "vesper_ring.h"

static void used_and_space(void **state)
{
	u32 log2, base;

	(void)state;
	for (log2 = VESPER_RING_LOG2_MIN; log2 <= VESPER_RING_LOG2_MAX; log2++) {
		u32 size = 1u << log2;

		for (base = 0; base < 65536; base += 4095) {
			u16 head = (u16)base;

			assert_int_equal(vesper_ring_space(head, head, log2), size);
			assert_int_equal(vesper_ring_used((u16)(head + size), head), size);
			assert_int_equal(vesper_ring_space((u16)(head + size), head, log2), 0);
			assert_int_equal(vesper_ring_space((u16)(head + 3), head, log2), size - 3);
			assert_int_equal(vesper_ring_slot(head, log2), base % size);
		}
	}
}

static void holds(void **state)
{
	(void)state;
	assert_true(vesper_ring_holds(5, 6, 5));
	assert_false(vesper_ring_holds(6, 6, 5));
	assert_false(vesper_ring_holds(4, 6, 5));
	assert_false(vesper_ring_holds(5, 5, 5));
	assert_true(vesper_ring_holds(0xffff, 2, 0xfffe));
	assert_true(vesper_ring_holds(1, 2, 0xfffe));
	assert_false(vesper_ring_holds(2, 2, 0xfffe));
	assert_false(vesper_ring_holds(0xfffd, 2, 0xfffe));
}

/* A model counts passes with a wide integer; the 16-bit index must agree with it for ever. */
static void phase_follows_passes(void **state)
{
	u32 log2, i;

	(void)state;
	for (log2 = VESPER_RING_LOG2_MIN; log2 <= VESPER_RING_LOG2_MAX; log2++)
		for (i = 0; i < 3 * 65536; i++) {
			u8 want = (i >> log2) % 2 == 0;

			assert_int_equal(vesper_ring_phase((u16)i, log2), want);
			assert_true(vesper_cpl_ready(want | VESPER_CPL_ESP, (u16)i, log2));
			assert_false(vesper_cpl_ready(!want, (u16)i, log2));
		}
}

static void sizes(void **state)
{
	(void)state;
	assert_false(vesper_ring_log2_ok(2));
	assert_true(vesper_ring_log2_ok(3));
	assert_true(vesper_ring_log2_ok(15));
	assert_false(vesper_ring_log2_ok(16));
}

static void descriptor_bytes(void **state)
{
	static const u8 tx[16] = { 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
				   0x34, 0x12, 1,    1,	   0xdd, 0xcc, 0xbb, 0xaa };
	static const u8 rx[16] = { 0x40, 0, 0, 0, 1, 0, 0, 0, 0x00, 0x28 };
	struct vesper_tx_desc t;
	struct vesper_rx_desc r;

	(void)state;
	vesper_tx_desc_set(&t, 0x0102030405060708, 0x1234, VESPER_OP_ENCRYPT, VESPER_TXF_LOOKASIDE,
			   0xaabbccdd);
	assert_memory_equal(&t, tx, 16);
	memset(&r, 0xff, sizeof(r));
	vesper_rx_desc_set(&r, 0x100000040, 10240);
	assert_memory_equal(&r, rx, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used_and_space),	cmocka_unit_test(holds),
		cmocka_unit_test(phase_follows_passes), cmocka_unit_test(sizes),
		cmocka_unit_test(descriptor_bytes),
	};

	return cmocka_run_group_tests_name("common_ring", tests, NULL, NULL);
}
