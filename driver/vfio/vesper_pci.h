/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card on this machine's PCI bus as sysfs shows it: what stands between it and
 * a program, and the way from the kernel's driver to vfio-pci and back. All take
 * the folder below which sys/ and dev/ are, "" for the machine's own.
 */
#ifndef VESPER_PCI_H
#define VESPER_PCI_H

#include "vesper_compat.h"

#define VESPER_PCI_DRIVER "vfio-pci"

struct vesper_pci {
	char address[20]; /* 0000:01:00.0 */
	u16 vendor, device;
	char driver[32]; /* "": none */
	int group;	 /* IOMMU group; -1: none */
	char cdev[16];	 /* vfio0 of /dev/vfio/devices; "": this kernel gives it no such file */
};

/* Is @text a PCI address, domain or not? @address, unless NULL: the same in sysfs' form. */
bool vesper_pci_address(const char *text, char address[20]);

/* Look at the Vesper card at @address. Return: 0, -ENODEV, -EINVAL (no address). */
int vesper_pci_look(const char *root, const char *address, struct vesper_pci *card);

/* Return: 0, or the errors of vesper_vfio_open() that sysfs knows of. */
int vesper_pci_usable(const struct vesper_pci *card);

/* A device that keeps the card's IOMMU group from use: -EBUSY and its name, 0 if there is none. */
int vesper_pci_blocker(const char *root, const struct vesper_pci *card);

/* Note why @path could not be opened, and what mends it: @module if it is missing. Return: -@error. */
int vesper_pci_no_file(const char *path, const char *module, int error);

/**
 * vesper_pci_bind - take a card from its driver and give it to vfio-pci
 *
 * Return: 0, also if vfio-pci has it already; -EOPNOTSUPP: no IOMMU; -ENOENT: vfio-pci
 * is not loaded; -EACCES: not root; -EBUSY: another driver has it all the same.
 */
int vesper_pci_bind(const char *root, struct vesper_pci *card);

/**
 * vesper_pci_unbind - take a card from vfio-pci and give it to the kernel's driver
 *
 * Return: 0 with card->driver as it is now; -EBUSY: a program uses it;
 * -EINVAL: vfio-pci does not have it; -EACCES: not root.
 */
int vesper_pci_unbind(const char *root, struct vesper_pci *card);

#endif
