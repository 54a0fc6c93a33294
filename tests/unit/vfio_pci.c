// SPDX-License-Identifier: BSD-2-Clause
/* Cards in a sysfs made of files: found, diagnosed, given to vfio-pci and back; places for their memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cards.h"
#include "vesper_dev.h"
#include "vesper_iova.h"
#include "vesper_pci.h"
#include "vfio_tree.h"

static struct vesper_pci look(void)
{
	struct vesper_pci card;

	assert_int_equal(vesper_pci_look(tree_root, CARD, &card), 0);
	return card;
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *full;
	} good[] = {
		{ "0000:01:00.0", "0000:01:00.0" },   { "01:00.0", "0000:01:00.0" },
		{ "1:1f.7", "0000:01:1f.7" },	      { "FFFF:aB:0.1", "ffff:ab:00.1" },
		{ "10000:e1:00.0", "10000:e1:00.0" },
	};
	static const char *const bad[] = {
		"",	    "01:00",	    "01:00.8",	     "01:20.0",	  "01:00.0 ",
		" 01:00.0", "/tmp/01:00.0", "./1:0.0",	     "-1:00.0",	  "0x1:00.0",
		"100:00.0", "01:00.00",	    "0000:01:00.0x", "card.sock", "123456789:01:00.0",
	};
	char address[20];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(vesper_pci_address(good[i].text, address));
		assert_string_equal(address, good[i].full);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (vesper_pci_address(bad[i], address))
			fail_msg("'%s' was taken for %s", bad[i], address);
}

/* Each way in which a card cannot be had says so, with what mends it. */
static void refusals(void **state)
{
	struct vesper_pci card;

	(void)state;
	assert_int_equal(vesper_pci_look(tree_root, "sock", &card), -EINVAL);
	expect_said("'sock' is not a PCI address");
	assert_int_equal(vesper_pci_look(tree_root, "7f:00.0", &card), -ENODEV);
	expect_said("no PCI device 0000:7f:00.0: `vesper info`");
	assert_int_equal(vesper_pci_look(tree_root, FOREIGN, &card), -ENODEV);
	expect_said(FOREIGN " is not a Vesper card: PCI ID 8086:15bb");
	expect_refused(-EOPNOTSUPP, "intel_iommu=on");
	tree_set_group(CARD, 7);
	expect_refused(-EBUSY, CARD " is bound to no driver: `vesper bind " CARD "`");
	tree_set_driver(CARD, "e1000e");
	expect_refused(-EBUSY, CARD " is bound to the driver e1000e: `vesper bind " CARD "`");
	tree_set_driver(CARD, "vfio-pci");
	expect_refused(-ENOENT, "/dev/vfio/vfio: `modprobe vfio-pci`");
	tree_put("dev/vfio/vfio", "");
	expect_refused(-EPROTO, "/dev/vfio/vfio speaks VFIO -1");
	if (!geteuid()) {
		chmod(tree_at("dev/vfio/vfio"), 0600);
		chmod(tree_root, 0755);
		assert_int_equal(seteuid(65534), 0);
		expect_refused(-EACCES, "`chown 0 ");
		assert_int_equal(seteuid(0), 0);
	}
	vesper_pci_no_file("/dev/vfio/7", "vfio-pci", EBUSY);
	expect_said("/dev/vfio/7 is in use by another program: `fuser -v /dev/vfio/7`");
}

/* Whoever else is in the group, and with which driver. */
static void groups(void **state)
{
	struct vesper_pci card;

	(void)state;
	tree_set_group(CARD, 7);
	tree_set_driver(CARD, "vfio-pci");
	card = look();
	assert_int_equal(card.group, 7);
	assert_int_equal(vesper_pci_usable(&card), 0);
	assert_int_equal(vesper_pci_blocker(tree_root, &card), 0);
	tree_set_group(FOREIGN, 7);
	assert_int_equal(vesper_pci_blocker(tree_root, &card), 0);
	tree_set_driver(FOREIGN, "pcieport");
	assert_int_equal(vesper_pci_blocker(tree_root, &card), 0);
	tree_set_driver(FOREIGN, "e1000e");
	assert_int_equal(vesper_pci_blocker(tree_root, &card), -EBUSY);
	expect_said("shares IOMMU group 7 with " FOREIGN ", which the driver e1000e has: "
		    "`echo " FOREIGN " >/sys/bus/pci/drivers/e1000e/unbind`");
}

static void list(void **state)
{
	struct vesper_pci cards[4];
	char text[200] = "";

	(void)state;
	tree_set_group(CARD, 7);
	tree_set_driver(CARD, "vfio-pci");
	tree_set_driver(TWIN, "vesper");
	assert_int_equal(cards_find(tree_root, cards, ARRAY_SIZE(cards), text, sizeof(text)), 2);
	assert_string_equal(cards[0].address, CARD);
	assert_string_equal(cards[0].driver, "vfio-pci");
	assert_int_equal(cards[0].group, 7);
	assert_string_equal(cards[1].address, TWIN);
	assert_string_equal(cards[1].driver, "vesper");
	assert_int_equal(cards[1].group, -1);
	assert_int_equal(cards_find(tree_root, cards, 1, text, sizeof(text)), 2);
	assert_int_equal(cards_find("/nonexistent", cards, 1, text, sizeof(text)), -1);
	assert_true(text[0]);
}

/* The driver that takes what is written to drivers_probe. */
static const char *probe_driver;

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

/* As the kernel: when the address has been written, the driver is bound. */
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	ssize_t n = __real_write(fd, data, size);
	char self[32], path[PATH], address[20];
	ssize_t len;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, path, sizeof(path) - 1);
	if (len < 0)
		return n;
	path[len] = 0;
	if (strcmp(path, tree_at("sys/bus/pci/drivers_probe")) || size >= sizeof(address))
		return n;
	memcpy(address, data, size);
	address[size] = 0;
	tree_set_driver(address, probe_driver);
	return n;
}

static void bind_and_unbind(void **state)
{
	struct vesper_pci card = look();
	char text[64];

	(void)state;
	assert_int_equal(vesper_pci_bind(tree_root, &card), -EOPNOTSUPP);
	tree_set_group(CARD, 7);
	tree_add_driver("vesper");
	tree_set_driver(CARD, "vesper");
	card = look();
	assert_int_equal(vesper_pci_bind(tree_root, &card), -ENOENT);
	expect_said("drivers/vfio-pci: `modprobe vfio-pci`");
	tree_add_driver("vfio-pci");
	assert_int_equal(vesper_pci_unbind(tree_root, &card), -EINVAL);
	expect_said("not bound to vfio-pci, but to vesper");

	probe_driver = "vfio-pci";
	assert_int_equal(vesper_pci_bind(tree_root, &card), 0);
	assert_string_equal(card.driver, "vfio-pci");
	tree_get("sys/bus/pci/devices/" CARD "/driver_override", text, sizeof(text));
	assert_string_equal(text, "vfio-pci");
	tree_get("sys/bus/pci/drivers/vesper/unbind", text, sizeof(text));
	assert_string_equal(text, CARD);
	/* Once more does nothing. */
	assert_int_equal(vesper_pci_bind(tree_root, &card), 0);

	tree_device_file(CARD, "driver_override", "");
	probe_driver = "vesper";
	assert_int_equal(vesper_pci_unbind(tree_root, &card), 0);
	assert_string_equal(card.driver, "vesper");
	tree_get("sys/bus/pci/devices/" CARD "/driver_override", text, sizeof(text));
	assert_string_equal(text, "\n");
	tree_get("sys/bus/pci/drivers/vfio-pci/unbind", text, sizeof(text));
	assert_string_equal(text, CARD);

	/* Another driver is quicker. */
	probe_driver = "e1000e";
	assert_int_equal(vesper_pci_bind(tree_root, &card), -EBUSY);
	expect_said("did not take " CARD " (bound to e1000e now)");

	if (!geteuid()) {
		card = look();
		chmod(tree_root, 0755);
		tree_add_driver("e1000e");
		assert_int_equal(seteuid(65534), 0);
		assert_int_equal(vesper_pci_bind(tree_root, &card), -EACCES);
		assert_int_equal(seteuid(0), 0);
		expect_said("no permission to write");
	}
}

#define MIB 0x100000ull
#define GIB 0x40000000ull

static u64 take(struct vesper_iova_space *s, const struct vesper_iova_range *r, u32 n,
		struct vesper_iova *place, u64 size)
{
	place->size = size;
	return vesper_iova_take(s, r, n, place, 2 * MIB) ? 0 : place->first;
}

static void places(void **state)
{
	static const struct vesper_iova_range all = { 0, UINT64_MAX };
	/* As behind an IOMMU with an MSI window and a hole. */
	static const struct vesper_iova_range holes[] = { { 0, 0xfedfffff },
							  { 0xfef00000, 4 * GIB + 6 * MIB - 1 },
							  { 4 * GIB + 7 * MIB, 5 * GIB - 1 } };
	static const struct vesper_iova_range low = { 0, 9 * MIB - 1 };
	static const struct vesper_iova_range top = { UINT64_MAX - 4 * MIB + 1, UINT64_MAX };
	struct vesper_iova_space s = { 0 };
	struct vesper_iova p[6];

	(void)state;
	assert_true(take(&s, &all, 1, &p[0], 2 * MIB) == 4 * GIB);
	assert_true(take(&s, &all, 1, &p[1], 4 * MIB) == 4 * GIB + 2 * MIB);
	/* What was given back is not the next to be given. */
	vesper_iova_give(&s, &p[0]);
	assert_true(take(&s, &all, 1, &p[0], 2 * MIB) == 4 * GIB + 6 * MIB);
	vesper_iova_give(&s, &p[0]);
	vesper_iova_give(&s, &p[1]);
	assert_null(s.used);

	s = (struct vesper_iova_space){ 0 };
	assert_true(take(&s, holes, 3, &p[0], 4 * MIB) == 4 * GIB);
	/* Does not fit before the hole. */
	assert_true(take(&s, holes, 3, &p[1], 4 * MIB) == 4 * GIB + 8 * MIB);
	assert_true(take(&s, holes, 3, &p[2], 1016 * MIB) == 2 * MIB);
	assert_true(take(&s, holes, 3, &p[3], 1012 * MIB) == 4 * GIB + 12 * MIB);
	assert_true(take(&s, holes, 3, &p[4], 2 * MIB) == 4 * GIB + 4 * MIB);
	assert_true(take(&s, holes, 3, &p[5], 4 * GIB) == 0);
	expect_said("no room for 4294967296 bytes in the 3 ranges");

	/* A narrow IOMMU: round and round. */
	s = (struct vesper_iova_space){ 0 };
	assert_true(take(&s, &low, 1, &p[0], 2 * MIB) == 2 * MIB);
	assert_true(take(&s, &low, 1, &p[1], 2 * MIB) == 4 * MIB);
	assert_true(take(&s, &low, 1, &p[2], 2 * MIB) == 6 * MIB);
	assert_true(take(&s, &low, 1, &p[3], 2 * MIB) == 0);
	vesper_iova_give(&s, &p[1]);
	assert_true(take(&s, &low, 1, &p[1], 2 * MIB) == 4 * MIB);

	/* To the end of all addresses, and not beyond. */
	s = (struct vesper_iova_space){ 0 };
	assert_true(take(&s, &top, 1, &p[0], 4 * MIB) == UINT64_MAX - 4 * MIB + 1);
	assert_true(take(&s, &top, 1, &p[1], 2 * MIB) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test_setup_teardown(refusals, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(groups, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(list, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(bind_and_unbind, tree_make, tree_remove),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
