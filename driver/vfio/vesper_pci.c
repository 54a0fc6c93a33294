// SPDX-License-Identifier: BSD-2-Clause
/* A card in sysfs: who has it, and who shall. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vesper_error.h"
#include "vesper_pci.h"
#include "vesper_transport.h"

/* A file of a PCI device. */
static void device_path(char path[PATH_MAX], const char *root, const char *address,
			const char *name)
{
	snprintf(path, PATH_MAX, "%s/sys/bus/pci/devices/%s/%s", root, address, name);
}

bool vesper_pci_address(const char *text, char address[20])
{
	unsigned int domain, bus, device, function;
	int end = 0;

	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3)
			return false;
	}
	/* sscanf() skips blanks and takes signs and 0x. */
	if (text[end] || text[strspn(text, "0123456789abcdefABCDEF:.")] || device > 31 ||
	    function > 7)
		return false;
	if (address)
		snprintf(address, 20, "%04x:%02x:%02x.%x", domain, bus & 255, device, function);
	return true;
}

/* The last component of what a link names. Return: is there one? */
static bool link_name(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *last;
	size_t len;

	if (n < 0)
		return false;
	target[n] = 0;
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	len = strlen(last);
	if (len >= size)
		len = size - 1;
	memcpy(name, last, len);
	name[len] = 0;
	return true;
}

static void find_driver(const char *root, const char *address, char *driver, size_t size)
{
	char path[PATH_MAX];

	device_path(path, root, address, "driver");
	if (!link_name(path, driver, size))
		driver[0] = 0;
}

/* The device's name in VFIO; it has a number only with a file of its own. */
static void find_cdev(const char *root, struct vesper_pci *card)
{
	char path[PATH_MAX], name[40];
	struct dirent *entry;
	DIR *dir;

	device_path(path, root, card->address, "vfio-dev");
	dir = opendir(path);
	if (!dir)
		return;
	while (!card->cdev[0] && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4) ||
		    strlen(entry->d_name) >= sizeof(card->cdev))
			continue;
		snprintf(name, sizeof(name), "vfio-dev/%.15s/dev", entry->d_name);
		device_path(path, root, card->address, name);
		if (!access(path, F_OK))
			strcpy(card->cdev, entry->d_name);
	}
	closedir(dir);
}

static int read_id(const char *root, const char *address, const char *name, u16 *id)
{
	char path[PATH_MAX];
	unsigned int value;
	FILE *file;
	int n;

	device_path(path, root, address, name);
	file = fopen(path, "re");
	if (!file)
		return vesper_error(-ENODEV,
				    "there is no PCI device %s: `vesper info` lists the Vesper "
				    "cards of this machine",
				    address);
	n = fscanf(file, "%x", &value);
	fclose(file);
	if (n != 1)
		return vesper_error(-ENODEV, "%s does not hold a PCI ID", path);
	*id = (u16)value;
	return 0;
}

int vesper_pci_look(const char *root, const char *address, struct vesper_pci *card)
{
	char path[PATH_MAX], group[32];
	int err;

	memset(card, 0, sizeof(*card));
	if (!vesper_pci_address(address, card->address))
		return vesper_error(-EINVAL, "'%s' is not a PCI address like 0000:01:00.0",
				    address);
	err = read_id(root, card->address, "vendor", &card->vendor);
	if (!err)
		err = read_id(root, card->address, "device", &card->device);
	if (err)
		return err;
	if (card->vendor != VESPER_PCI_VENDOR || card->device != VESPER_PCI_DEVICE)
		return vesper_error(-ENODEV,
				    "%s is not a Vesper card: PCI ID %04x:%04x, expected "
				    "%04x:%04x; `vesper info` lists those of this machine",
				    card->address, card->vendor, card->device, VESPER_PCI_VENDOR,
				    VESPER_PCI_DEVICE);
	find_driver(root, card->address, card->driver, sizeof(card->driver));
	device_path(path, root, card->address, "iommu_group");
	card->group = link_name(path, group, sizeof(group)) ? atoi(group) : -1;
	find_cdev(root, card);
	return 0;
}

static int check_iommu(const struct vesper_pci *card)
{
	if (card->group >= 0)
		return 0;
	return vesper_error(-EOPNOTSUPP,
			    "%s has no IOMMU group: switch the IOMMU on in the machine's setup "
			    "(VT-d, AMD-Vi) and boot with intel_iommu=on on the kernel's command "
			    "line",
			    card->address);
}

int vesper_pci_usable(const struct vesper_pci *card)
{
	int err = check_iommu(card);

	if (err || !strcmp(card->driver, VESPER_PCI_DRIVER))
		return err;
	return vesper_error(-EBUSY,
			    "%s is bound to %s%s: `vesper bind %s` gives it to " VESPER_PCI_DRIVER,
			    card->address, card->driver[0] ? "the driver " : "no driver",
			    card->driver, card->address);
}

/* What the kernel lets stand beside a device that userspace drives. */
static bool harmless(const char *driver)
{
	return !driver[0] || !strncmp(driver, "vfio", 4) || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub");
}

int vesper_pci_blocker(const char *root, const struct vesper_pci *card)
{
	char path[PATH_MAX], driver[32];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices", root, card->group);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, card->address))
			continue;
		find_driver(root, entry->d_name, driver, sizeof(driver));
		if (harmless(driver))
			continue;
		err = vesper_error(-EBUSY,
				   "%s shares IOMMU group %d with %s, which the driver %s has: "
				   "`echo %s >/sys/bus/pci/drivers/%s/unbind` as root frees it",
				   card->address, card->group, entry->d_name, driver, entry->d_name,
				   driver);
	}
	closedir(dir);
	return err;
}

int vesper_pci_no_file(const char *path, const char *module, int error)
{
	switch (error) {
	case ENOENT:
		return vesper_error(-error, "there is no %s: `modprobe %s` as root brings it", path,
				    module);
	case EACCES:
	case EPERM:
		return vesper_error(-EACCES,
				    "no permission for %s: `chown %u %s` as root gives it to you",
				    path, getuid(), path);
	case EBUSY:
		return vesper_error(-error,
				    "%s is in use by another program: `fuser -v %s` says by which",
				    path, path);
	default:
		return vesper_error(-error, "%s: %s", path, strerror(error));
	}
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		error = errno;
	else if (write(fd, text, strlen(text)) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error == EACCES || error == EPERM)
		return vesper_error(-EACCES,
				    "no permission to write %s: do it as root (sudo vesper ...)",
				    path);
	if (error)
		return vesper_error(-error, "%s: %s", path, strerror(error));
	return 0;
}

/* Take the card from its driver, and have the kernel look for one again. */
static int move(const char *root, struct vesper_pci *card, const char *override)
{
	char path[PATH_MAX];
	int err;

	device_path(path, root, card->address, "driver_override");
	err = write_file(path, override);
	if (!err && card->driver[0]) {
		device_path(path, root, card->address, "driver/unbind");
		err = write_file(path, card->address);
	}
	if (!err) {
		snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers_probe", root);
		err = write_file(path, card->address);
	}
	find_driver(root, card->address, card->driver, sizeof(card->driver));
	return err;
}

int vesper_pci_bind(const char *root, struct vesper_pci *card)
{
	char path[PATH_MAX];
	int err;

	if (!strcmp(card->driver, VESPER_PCI_DRIVER))
		return 0;
	err = check_iommu(card);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/" VESPER_PCI_DRIVER, root);
	if (access(path, F_OK))
		return vesper_pci_no_file(path, VESPER_PCI_DRIVER, ENOENT);
	err = move(root, card, VESPER_PCI_DRIVER);
	if (!err && strcmp(card->driver, VESPER_PCI_DRIVER))
		err = vesper_error(-EBUSY,
				   VESPER_PCI_DRIVER
				   " did not take %s (bound to %s now): `dmesg` says why",
				   card->address, card->driver[0] ? card->driver : "no driver");
	return err;
}

int vesper_pci_unbind(const char *root, struct vesper_pci *card)
{
	struct vesper_transport *t;
	int err;

	if (strcmp(card->driver, VESPER_PCI_DRIVER))
		return vesper_error(-EINVAL, "%s is not bound to " VESPER_PCI_DRIVER ", but to %s",
				    card->address, card->driver[0] ? card->driver : "no driver");
	/* The kernel would wait until its user is done with it. */
	err = vesper_vfio_open(root, card->address, &t);
	if (!err)
		t->ops->close(t);
	else if (err == -EBUSY && !vesper_pci_blocker(root, card))
		return err;
	return move(root, card, "\n");
}
