// SPDX-License-Identifier: BSD-2-Clause
/* The cards on this machine's PCI bus, found with libpci: here, so that libvesper goes without it. */
#include <limits.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cards.h"

/* libpci would end the process; its callbacks carry no context. */
static _Thread_local struct {
	jmp_buf back;
	char *text;
	size_t size;
} failure;

static __attribute__((noreturn, format(printf, 1, 2))) void on_error(char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure.text, failure.size, format, args);
	va_end(args);
	longjmp(failure.back, 1);
}

static __attribute__((format(printf, 1, 2))) void on_warning(char *format, ...)
{
	(void)format;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct vesper_pci *)a)->address,
		      ((const struct vesper_pci *)b)->address);
}

static int scan(struct pci_access *access, const char *root, struct vesper_pci *cards, size_t room)
{
	struct pci_dev *d;
	char address[20];
	int found = 0;

	pci_init(access);
	pci_scan_bus(access);
	for (d = access->devices; d; d = d->next) {
		pci_fill_info(d, PCI_FILL_IDENT);
		if (d->vendor_id != VESPER_PCI_VENDOR || d->device_id != VESPER_PCI_DEVICE)
			continue;
		snprintf(address, sizeof(address), "%04x:%02x:%02x.%d", d->domain, d->bus, d->dev,
			 d->func);
		/* One that has just been pulled is not there. */
		if ((size_t)found >= room || !vesper_pci_look(root, address, &cards[found]))
			found++;
	}
	return found;
}

int cards_find(const char *root, struct vesper_pci *cards, size_t room, char *text,
	       size_t text_size)
{
	struct pci_access *access = pci_alloc();
	char path[PATH_MAX];
	int found = -1;

	access->method = PCI_ACCESS_SYS_BUS_PCI;
	access->error = on_error;
	access->warning = on_warning;
	access->debug = on_warning;
	failure.text = text;
	failure.size = text_size;
	snprintf(path, sizeof(path), "%s/sys/bus/pci", root);
	if (!setjmp(failure.back)) {
		pci_set_param(access, "sysfs.path", path);
		found = scan(access, root, cards, room);
	}
	pci_cleanup(access);
	if (found > 0)
		qsort(cards, (size_t)found < room ? (size_t)found : room, sizeof(*cards),
		      by_address);
	return found;
}
