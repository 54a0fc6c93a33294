// SPDX-License-Identifier: BSD-2-Clause
/* Register writes of a vfio-user client: what reaches the card, and what the server concludes from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../sim/vfio_user.h"
#include "vesper_regs.h"

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>

#define CONTROL offsetof(vesper_t, control)
#define RX_TAIL \
	(offsetof(vesper_t, doorbell) + offsetof(vesper__doorbell_rf__stride1000_t, rx_tail))

/* A card that keeps its control register, byte by byte as it is written. */
static uint32_t control;

int card_reg_read(struct card *card, uint32_t offset, uint32_t *value)
{
	(void)card;
	*value = offset == CONTROL ? control : 0;
	return 0;
}

int card_reg_write(struct card *card, uint32_t offset, uint32_t value, unsigned int strobe)
{
	unsigned int i;

	(void)card;
	for (i = 0; i < 4; i++)
		if (offset == CONTROL && strobe & 1u << i)
			memcpy((uint8_t *)&control + i, (uint8_t *)&value + i, 1);
	return 0;
}

unsigned int card_vectors(const struct card *card)
{
	(void)card;
	return 3;
}

void card_reset(struct card *card)
{
	(void)card;
	control = 0;
}

void card_set_bus_master(struct card *card, bool on)
{
	(void)card;
	(void)on;
}

static struct vfu_device dev;

static void put(uint64_t offset, uint32_t value, uint32_t count)
{
	assert_int_equal(vfu_region_write(&dev, VFIO_PCI_BAR0_REGION_INDEX, offset,
					  (const uint8_t *)&value, count),
			 0);
}

static int start(void **state)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	(void)state;
	control = 0;
	if (vfu_device_init(&dev, NULL))
		return -1;
	return vfu_region_write(&dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
				(const uint8_t *)&command, sizeof(command));
}

static int stop(void **state)
{
	(void)state;
	vfu_device_destroy(&dev);
	return 0;
}

static void test_receives(void **state)
{
	(void)state;
	assert_false(vfu_device_receives(&dev));
	put(CONTROL, VESPER__CONTROL_R__RX_ENABLE_bm, 4);
	assert_false(vfu_device_receives(&dev));
	put(RX_TAIL, 1, 4);
	assert_true(vfu_device_receives(&dev));
	put(CONTROL, 0, 4);
	assert_false(vfu_device_receives(&dev));
}

/* The server must think of RX_ENABLE what the card does, whichever bytes are written. */
static void test_bytes_of_control(void **state)
{
	uint32_t at, count;
	const uint32_t values[] = { 0, ~0u };
	size_t i;

	(void)state;
	put(RX_TAIL, 1, 4);
	for (at = 0; at < 4; at++) {
		for (count = 1; at + count <= 4; count++) {
			for (i = 0; i < 2; i++) {
				put(CONTROL, VESPER__CONTROL_R__RX_ENABLE_bm, 4);
				put(CONTROL + at, values[i], count);
				assert_int_equal(vfu_device_receives(&dev),
						 !!(control & VESPER__CONTROL_R__RX_ENABLE_bm));
				put(CONTROL, 0, 4);
				put(CONTROL + at, values[i], count);
				assert_int_equal(vfu_device_receives(&dev),
						 !!(control & VESPER__CONTROL_R__RX_ENABLE_bm));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_receives, start, stop),
		cmocka_unit_test_setup_teardown(test_bytes_of_control, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
