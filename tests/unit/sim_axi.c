// SPDX-License-Identifier: BSD-2-Clause
/* Host memory behind the card's AXI4 master: what a burst of writes costs, and data that comes before its address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sim/axi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BEATS 256u

static uint8_t memory[BEATS * BEAT];
static struct card_stats stats;
static struct axi axi;
static struct card_inputs in;
static struct card_outputs out;

static int mem_write(void *ctx, uint64_t addr, const void *from, size_t len, uint64_t strobe)
{
	(void)ctx;
	assert_int_equal(len, BEAT);
	assert_int_equal(strobe, ~0ull);
	if (addr % BEAT || addr > sizeof(memory) - BEAT)
		return -EFAULT;
	memcpy(memory + addr, from, len);
	return 0;
}

static const struct card_host host = { .mem_write = mem_write };

static int start(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&stats, 0, sizeof(stats));
	memset(&in, 0, sizeof(in));
	memset(&out, 0, sizeof(out));
	axi_init(&axi, &host, &stats, 3);
	axi.bus_master = true;
	out.bready = true;
	out.wstrb = ~0ull;
	axi_step(&axi, &in, &out);
	return 0;
}

static void address(uint8_t id, unsigned int beat, unsigned int beats)
{
	out.awvalid = true;
	out.awid = id;
	out.awaddr = (uint64_t)beat * BEAT;
	out.awlen = (uint8_t)(beats - 1);
}

static void data(uint8_t value, bool last)
{
	out.wvalid = true;
	out.wlast = last;
	memset(out.wdata, value, BEAT);
}

/* One cycle; what was taken is no longer offered. Returns whether the beat was. */
static bool cycle(void)
{
	bool address_taken = out.awvalid && in.awready, data_taken = out.wvalid && in.wready;

	axi_step(&axi, &in, &out);
	if (address_taken)
		out.awvalid = false;
	if (data_taken)
		out.wvalid = false;
	return data_taken;
}

static void settle(void)
{
	unsigned int i;

	for (i = 0; i < 20 && !axi_quiet(&axi); i++)
		cycle();
	assert_true(axi_quiet(&axi));
}

/* As rtl/dma does it: the address with the first beat. */
static void test_burst_costs_its_beats(void **state)
{
	unsigned int beat, cycles = 0;

	(void)state;
	for (beat = 0; beat < BEATS; beat++) {
		if (beat % 16 == 0)
			address((uint8_t)(beat / 16), beat, 16);
		data((uint8_t)(beat + 1), beat % 16 == 15);
		do
			cycles++;
		while (!cycle());
	}
	assert_int_equal(cycles, BEATS);
	settle();
	for (beat = 0; beat < BEATS; beat++) {
		assert_int_equal(memory[beat * BEAT], (uint8_t)(beat + 1));
		assert_int_equal(memory[beat * BEAT + BEAT - 1], (uint8_t)(beat + 1));
	}
	for (beat = 0; beat < 16; beat++) {
		assert_int_equal(stats.write[beat].bursts, 1);
		assert_int_equal(stats.write[beat].beats, 16);
		assert_int_equal(stats.write[beat].errors, 0);
	}
}

static void test_data_before_its_address(void **state)
{
	unsigned int i;

	(void)state;
	data(7, false);
	assert_true(cycle());
	assert_false(axi_quiet(&axi));
	data(8, true);
	for (i = 0; i < 5; i++)
		assert_false(cycle()); /* one beat is held, not two */
	assert_int_equal(stats.write[3].beats, 0);
	address(3, 4, 2);
	for (i = 0; i < 3 && !cycle(); i++)
		;
	settle();
	assert_int_equal(memory[4 * BEAT], 7);
	assert_int_equal(memory[5 * BEAT], 8);
	assert_int_equal(stats.write[3].beats, 2);
}

/* The answer of a burst that was wrong in part says so, once. */
static void test_error_of_an_early_beat(void **state)
{
	unsigned int i, answers = 0;

	(void)state;
	data(7, true);
	assert_true(cycle());
	address(5, BEATS, 1);
	for (i = 0; i < 20; i++) {
		cycle();
		if (in.bvalid) {
			answers++;
			assert_int_equal(in.bid, 5);
			assert_int_equal(in.bresp, AXI_DECERR);
		}
	}
	assert_int_equal(answers, 1);
	assert_int_equal(stats.write[5].errors, 1);
}

static void test_reset_forgets_it(void **state)
{
	(void)state;
	data(7, true);
	assert_true(cycle());
	axi_reset(&axi, &in);
	assert_true(axi_quiet(&axi));
	cycle();
	address(0, 0, 1);
	data(9, true);
	assert_true(cycle());
	settle();
	assert_int_equal(memory[0], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_burst_costs_its_beats, start),
		cmocka_unit_test_setup(test_data_before_its_address, start),
		cmocka_unit_test_setup(test_error_of_an_early_beat, start),
		cmocka_unit_test_setup(test_reset_forgets_it, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
