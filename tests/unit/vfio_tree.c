// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vesper_dev.h"
#include "vesper_transport.h"
#include "vfio_tree.h"

char tree_root[32];

const char *tree_at(const char *path)
{
	static char full[PATH];

	snprintf(full, sizeof(full), "%s/%s", tree_root, path);
	return full;
}

/* Make folders on the way to @path. */
static void make_folders(const char *path)
{
	char full[PATH];
	char *slash;

	snprintf(full, sizeof(full), "%s", tree_at(path));
	for (slash = strchr(full + strlen(tree_root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
}

void tree_put(const char *path, const char *text)
{
	FILE *file;

	make_folders(path);
	file = fopen(tree_at(path), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

void tree_get(const char *path, char *text, size_t size)
{
	FILE *file = fopen(tree_at(path), "r");

	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = 0;
	fclose(file);
}

void tree_link(const char *path, const char *target)
{
	make_folders(path);
	unlink(tree_at(path));
	assert_int_equal(symlink(target, tree_at(path)), 0);
}

void tree_device_file(const char *address, const char *name, const char *text)
{
	char path[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, name);
	tree_put(path, text);
}

void tree_set_driver(const char *address, const char *driver)
{
	char path[PATH], target[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", address);
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	if (driver[0])
		tree_link(path, target);
	else
		unlink(tree_at(path));
}

void tree_set_group(const char *address, int group)
{
	char path[PATH], target[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/iommu_group", address);
	snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%d", group);
	tree_link(path, target);
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/devices/%s", group, address);
	tree_put(path, "");
}

void tree_add_device(const char *address, const char *vendor, const char *device)
{
	tree_device_file(address, "vendor", vendor);
	tree_device_file(address, "device", device);
	tree_device_file(address, "class", "0x020000\n");
	tree_device_file(address, "driver_override", "(null)\n");
}

void tree_add_driver(const char *name)
{
	char path[PATH];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/unbind", name);
	tree_put(path, "");
}

int tree_make(void **state)
{
	(void)state;
	strcpy(tree_root, "/tmp/vesper-XXXXXX");
	assert_non_null(mkdtemp(tree_root));
	tree_add_device(TWIN, "0x1234\n", "0x7e59\n");
	tree_add_device(CARD, "0x1234\n", "0x7e59\n");
	tree_add_device(FOREIGN, "0x8086\n", "0x15bb\n");
	tree_put("sys/bus/pci/drivers_probe", "");
	return 0;
}

int tree_remove(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", tree_root);
	return system(command);
}

void expect_said(const char *words)
{
	if (!strstr(vesper_dev_strerror(), words))
		fail_msg("'%s' is not in: %s", words, vesper_dev_strerror());
	/* The library keeps so much of it. */
	assert_true(strlen(vesper_dev_strerror()) < 256);
}

void expect_refused(int err, const char *words)
{
	struct vesper_transport *t;

	assert_int_equal(vesper_vfio_open(tree_root, CARD, &t), err);
	assert_null(t);
	expect_said(words);
}
