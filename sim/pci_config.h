/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's PCI configuration space, as the PCIe bridge of a board would
 * provide it: 4096 bytes, little-endian.
 *
 *   0x40  power management (D0 and D3hot, no soft reset on the way back)
 *   0x50  MSI-X: table and pending bits in BAR2
 *   0x60  PCI Express endpoint with function-level reset
 */
#ifndef SIM_PCI_CONFIG_H
#define SIM_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_BYTES 4096u
#define PCI_BAR0_BYTES	 0x20000u
#define PCI_BAR2_BYTES	 0x1000u
#define BAR2_MSIX_TABLE	 0x000u /* in BAR2 */
#define BAR2_MSIX_PBA	 0x800u /* in BAR2 */

struct pci_config {
	uint8_t reg[PCI_CONFIG_BYTES];
	uint8_t writable[PCI_CONFIG_BYTES]; /* mask of the bits that software may change */
	unsigned int vectors;
};

/* Power-on state. vectors: of MSI-X, 1..64. */
void pci_config_init(struct pci_config *pci, unsigned int vectors);

/* Both: -EINVAL when beyond the space. */
int pci_config_read(const struct pci_config *pci, uint64_t offset, void *to, size_t len);

/* Returns 1 when the write asks for a function-level reset, which the caller then does. */
int pci_config_write(struct pci_config *pci, uint64_t offset, const void *from, size_t len);

/* The command register's bus master bit. */
bool pci_config_bus_master(const struct pci_config *pci);

#endif
