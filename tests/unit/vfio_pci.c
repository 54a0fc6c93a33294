// SPDX-License-Identifier: BSD-2-Clause
/* Cards in a sysfs made of files: found, diagnosed, given to vfio-pci and back; places for their memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cards.h"
#include "vesper_dev.h"
#include "vesper_iova.h"
#include "vesper_pci.h"
#include "vesper_transport.h"

#define CARD	"0000:01:00.0"
#define TWIN	"0000:02:00.0"
#define FOREIGN "0000:00:1f.6"
#define PATH	400

static char root[32];

static const char *at(const char *path)
{
	static char full[PATH];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return full;
}

/* Make folders on the way to @path. */
static void make_folders(const char *path)
{
	char full[PATH];
	char *slash;

	snprintf(full, sizeof(full), "%s", at(path));
	for (slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
}

static void put(const char *path, const char *text)
{
	FILE *file;

	make_folders(path);
	file = fopen(at(path), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void get(const char *path, char *text, size_t size)
{
	FILE *file = fopen(at(path), "r");

	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = 0;
	fclose(file);
}

static void link_to(const char *path, const char *target)
{
	make_folders(path);
	unlink(at(path));
	assert_int_equal(symlink(target, at(path)), 0);
}

static void device_file(const char *address, const char *name, const char *text)
{
	char path[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, name);
	put(path, text);
}

static void set_driver(const char *address, const char *driver)
{
	char path[PATH], target[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", address);
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	if (driver[0])
		link_to(path, target);
	else
		unlink(at(path));
}

static void set_group(const char *address, int group)
{
	char path[PATH], target[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/iommu_group", address);
	snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%d", group);
	link_to(path, target);
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/devices/%s", group, address);
	put(path, "");
}

static void add_device(const char *address, const char *vendor, const char *device)
{
	device_file(address, "vendor", vendor);
	device_file(address, "device", device);
	device_file(address, "class", "0x020000\n");
	device_file(address, "driver_override", "(null)\n");
}

static void add_driver(const char *name)
{
	char path[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/unbind", name);
	put(path, "");
}

static int make_tree(void **state)
{
	(void)state;
	strcpy(root, "/tmp/vesper-XXXXXX");
	assert_non_null(mkdtemp(root));
	add_device(TWIN, "0x1234\n", "0x7e59\n");
	add_device(CARD, "0x1234\n", "0x7e59\n");
	add_device(FOREIGN, "0x8086\n", "0x15bb\n");
	put("sys/bus/pci/drivers_probe", "");
	return 0;
}

static int remove_tree(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static struct vesper_pci look(void)
{
	struct vesper_pci card;

	assert_int_equal(vesper_pci_look(root, CARD, &card), 0);
	return card;
}

static void said(const char *words)
{
	if (!strstr(vesper_dev_strerror(), words))
		fail_msg("'%s' is not in: %s", words, vesper_dev_strerror());
	/* The library keeps so much of it. */
	assert_true(strlen(vesper_dev_strerror()) < 256);
}

static void refuse_open(int err, const char *words)
{
	struct vesper_transport *t;

	assert_int_equal(vesper_vfio_open(root, CARD, &t), err);
	assert_null(t);
	said(words);
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
	assert_int_equal(vesper_pci_look(root, "sock", &card), -EINVAL);
	said("'sock' is not a PCI address");
	assert_int_equal(vesper_pci_look(root, "7f:00.0", &card), -ENODEV);
	said("no PCI device 0000:7f:00.0: `vesper info`");
	assert_int_equal(vesper_pci_look(root, FOREIGN, &card), -ENODEV);
	said(FOREIGN " is not a Vesper card: PCI ID 8086:15bb");
	refuse_open(-EOPNOTSUPP, "intel_iommu=on");
	set_group(CARD, 7);
	refuse_open(-EBUSY, CARD " is bound to no driver: `vesper bind " CARD "`");
	set_driver(CARD, "e1000e");
	refuse_open(-EBUSY, CARD " is bound to the driver e1000e: `vesper bind " CARD "`");
	set_driver(CARD, "vfio-pci");
	refuse_open(-ENOENT, "/dev/vfio/vfio: `modprobe vfio-pci`");
	put("dev/vfio/vfio", "");
	refuse_open(-EPROTO, "/dev/vfio/vfio speaks VFIO -1");
	if (!geteuid()) {
		chmod(at("dev/vfio/vfio"), 0600);
		chmod(root, 0755);
		assert_int_equal(seteuid(65534), 0);
		refuse_open(-EACCES, "`chown 0 ");
		assert_int_equal(seteuid(0), 0);
	}
	vesper_pci_no_file("/dev/vfio/7", EBUSY);
	said("/dev/vfio/7 is in use by another program: `fuser -v /dev/vfio/7`");
}

/* Whoever else is in the group, and with which driver. */
static void groups(void **state)
{
	struct vesper_pci card;

	(void)state;
	set_group(CARD, 7);
	set_driver(CARD, "vfio-pci");
	card = look();
	assert_int_equal(card.group, 7);
	assert_int_equal(vesper_pci_usable(&card), 0);
	assert_int_equal(vesper_pci_blocker(root, &card), 0);
	set_group(FOREIGN, 7);
	assert_int_equal(vesper_pci_blocker(root, &card), 0);
	set_driver(FOREIGN, "pcieport");
	assert_int_equal(vesper_pci_blocker(root, &card), 0);
	set_driver(FOREIGN, "e1000e");
	assert_int_equal(vesper_pci_blocker(root, &card), -EBUSY);
	said("shares IOMMU group 7 with " FOREIGN ", which the driver e1000e has: "
	     "`echo " FOREIGN " >/sys/bus/pci/drivers/e1000e/unbind`");
}

static void list(void **state)
{
	struct vesper_pci cards[4];
	char text[200] = "";

	(void)state;
	set_group(CARD, 7);
	set_driver(CARD, "vfio-pci");
	set_driver(TWIN, "vesper");
	assert_int_equal(cards_find(root, cards, ARRAY_SIZE(cards), text, sizeof(text)), 2);
	assert_string_equal(cards[0].address, CARD);
	assert_string_equal(cards[0].driver, "vfio-pci");
	assert_int_equal(cards[0].group, 7);
	assert_string_equal(cards[1].address, TWIN);
	assert_string_equal(cards[1].driver, "vesper");
	assert_int_equal(cards[1].group, -1);
	assert_int_equal(cards_find(root, cards, 1, text, sizeof(text)), 2);
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
	if (strcmp(path, at("sys/bus/pci/drivers_probe")) || size >= sizeof(address))
		return n;
	memcpy(address, data, size);
	address[size] = 0;
	set_driver(address, probe_driver);
	return n;
}

static void bind_and_unbind(void **state)
{
	struct vesper_pci card = look();
	char text[64];

	(void)state;
	assert_int_equal(vesper_pci_bind(root, &card), -EOPNOTSUPP);
	set_group(CARD, 7);
	add_driver("vesper");
	set_driver(CARD, "vesper");
	card = look();
	assert_int_equal(vesper_pci_bind(root, &card), -ENOENT);
	said("drivers/vfio-pci: `modprobe vfio-pci`");
	add_driver("vfio-pci");
	assert_int_equal(vesper_pci_unbind(root, &card), -EINVAL);
	said("not bound to vfio-pci, but to vesper");

	probe_driver = "vfio-pci";
	assert_int_equal(vesper_pci_bind(root, &card), 0);
	assert_string_equal(card.driver, "vfio-pci");
	get("sys/bus/pci/devices/" CARD "/driver_override", text, sizeof(text));
	assert_string_equal(text, "vfio-pci");
	get("sys/bus/pci/drivers/vesper/unbind", text, sizeof(text));
	assert_string_equal(text, CARD);
	/* Once more does nothing. */
	assert_int_equal(vesper_pci_bind(root, &card), 0);

	device_file(CARD, "driver_override", "");
	probe_driver = "vesper";
	assert_int_equal(vesper_pci_unbind(root, &card), 0);
	assert_string_equal(card.driver, "vesper");
	get("sys/bus/pci/devices/" CARD "/driver_override", text, sizeof(text));
	assert_string_equal(text, "\n");
	get("sys/bus/pci/drivers/vfio-pci/unbind", text, sizeof(text));
	assert_string_equal(text, CARD);

	/* Another driver is quicker. */
	probe_driver = "e1000e";
	assert_int_equal(vesper_pci_bind(root, &card), -EBUSY);
	said("did not take " CARD " (bound to e1000e now)");

	if (!geteuid()) {
		card = look();
		chmod(root, 0755);
		add_driver("e1000e");
		assert_int_equal(seteuid(65534), 0);
		assert_int_equal(vesper_pci_bind(root, &card), -EACCES);
		assert_int_equal(seteuid(0), 0);
		said("no permission to write");
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
	said("no room for 4294967296 bytes in the 3 ranges");

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
		cmocka_unit_test_setup_teardown(refusals, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(groups, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(list, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(bind_and_unbind, make_tree, remove_tree),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
