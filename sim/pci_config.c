// SPDX-License-Identifier: BSD-2-Clause
/* Configuration space: a table of values with a table of writable bits. */
#include "pci_config.h"

#include "vesper_abi.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

enum { CAP_PM = 0x40, CAP_MSIX = 0x50, CAP_PCIE = 0x60, CAP_AER = 0x100 };

static void set(struct pci_config *pci, unsigned int at, unsigned int bytes, uint32_t value,
		uint32_t writable)
{
	unsigned int i;

	for (i = 0; i < bytes; i++) {
		pci->reg[at + i] = (uint8_t)(value >> 8 * i);
		pci->writable[at + i] = (uint8_t)(writable >> 8 * i);
	}
}

static void init_header(struct pci_config *pci)
{
	set(pci, PCI_VENDOR_ID, 2, VESPER_PCI_VENDOR, 0);
	set(pci, PCI_DEVICE_ID, 2, VESPER_PCI_DEVICE, 0);
	set(pci, PCI_COMMAND, 2, 0,
	    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		    PCI_COMMAND_INTX_DISABLE);
	set(pci, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	set(pci, PCI_CLASS_REVISION, 4, 0x020000u << 8, 0); /* Ethernet controller */
	set(pci, PCI_CACHE_LINE_SIZE, 1, 0, 0xff);
	set(pci, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_NORMAL, 0);
	set(pci, PCI_BASE_ADDRESS_0, 4, PCI_BASE_ADDRESS_MEM_TYPE_64, ~(PCI_BAR0_BYTES - 1));
	set(pci, PCI_BASE_ADDRESS_1, 4, 0, ~0u);
	set(pci, PCI_BASE_ADDRESS_2, 4, PCI_BASE_ADDRESS_MEM_TYPE_64, ~(PCI_BAR2_BYTES - 1));
	set(pci, PCI_BASE_ADDRESS_3, 4, 0, ~0u);
	set(pci, PCI_SUBSYSTEM_VENDOR_ID, 2, VESPER_PCI_VENDOR, 0);
	set(pci, PCI_SUBSYSTEM_ID, 2, VESPER_PCI_DEVICE, 0);
	set(pci, PCI_CAPABILITY_LIST, 1, CAP_PM, 0);
	set(pci, PCI_INTERRUPT_LINE, 1, 0, 0xff);
}

/*
 * Advanced error reporting (PCIe 7.8.4), with the values after reset: no bus, no errors of its own, so its status
 * stays zero. Linux recovers a card from errors, also from those that aer_inject pretends, only if it has this.
 */
static void init_aer(struct pci_config *pci)
{
	const uint32_t fatal = PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_FCP |
			       PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_INTN;
	const uint32_t uncorrectable = fatal | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_COMP_TIME |
				       PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP |
				       PCI_ERR_UNC_UNSUP;
	const uint32_t correctable = PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP |
				     PCI_ERR_COR_REP_ROLL | PCI_ERR_COR_REP_TIMER |
				     PCI_ERR_COR_ADV_NFAT;

	set(pci, CAP_AER, 4, PCI_EXT_CAP_ID_ERR | 2 << 16, 0);
	set(pci, CAP_AER + PCI_ERR_UNCOR_MASK, 4, 0, uncorrectable);
	set(pci, CAP_AER + PCI_ERR_UNCOR_SEVER, 4, fatal, uncorrectable);
	set(pci, CAP_AER + PCI_ERR_COR_MASK, 4, PCI_ERR_COR_ADV_NFAT, correctable);
}

void pci_config_init(struct pci_config *pci, unsigned int vectors)
{
	memset(pci, 0, sizeof(*pci));
	pci->vectors = vectors;
	init_header(pci);

	set(pci, CAP_PM, 2, PCI_CAP_ID_PM | CAP_MSIX << 8, 0);
	set(pci, CAP_PM + PCI_PM_PMC, 2, 3, 0);
	set(pci, CAP_PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK);

	set(pci, CAP_MSIX, 2, PCI_CAP_ID_MSIX | CAP_PCIE << 8, 0);
	set(pci, CAP_MSIX + PCI_MSIX_FLAGS, 2, vectors - 1,
	    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set(pci, CAP_MSIX + PCI_MSIX_TABLE, 4, BAR2_MSIX_TABLE | 2, 0);
	set(pci, CAP_MSIX + PCI_MSIX_PBA, 4, BAR2_MSIX_PBA | 2, 0);

	set(pci, CAP_PCIE, 2, PCI_CAP_ID_EXP, 0);
	set(pci, CAP_PCIE + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0);
	set(pci, CAP_PCIE + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR | 1, 0);
	set(pci, CAP_PCIE + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN,
	    0x7fff);
	/* Gen 3 x16: 16 GB/s, the rate of a 512-bit bus at 250 MHz. */
	set(pci, CAP_PCIE + PCI_EXP_LNKCAP, 4, PCI_EXP_LNKCAP_SLS_8_0GB | 16u << 4, 0);
	set(pci, CAP_PCIE + PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_8_0GB | 16u << 4, 0);
	set(pci, CAP_PCIE + PCI_EXP_LNKCAP2, 4, PCI_EXP_LNKCAP2_SLS_8_0GB, 0);
	set(pci, CAP_PCIE + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_8_0GT, 0);

	init_aer(pci);
}

int pci_config_read(const struct pci_config *pci, uint64_t offset, void *to, size_t len)
{
	if (offset > PCI_CONFIG_BYTES || len > PCI_CONFIG_BYTES - offset)
		return -EINVAL;
	memcpy(to, &pci->reg[offset], len);
	return 0;
}

int pci_config_write(struct pci_config *pci, uint64_t offset, const void *from, size_t len)
{
	const uint8_t *bytes = from;
	const uint64_t reset_at = CAP_PCIE + PCI_EXP_DEVCTL + 1;
	size_t i;

	if (offset > PCI_CONFIG_BYTES || len > PCI_CONFIG_BYTES - offset)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		uint8_t mask = pci->writable[offset + i];
		uint8_t *reg = &pci->reg[offset + i];

		*reg = (uint8_t)((*reg & ~mask) | (bytes[i] & mask));
	}
	return reset_at >= offset && reset_at < offset + len &&
	       bytes[reset_at - offset] & PCI_EXP_DEVCTL_BCR_FLR >> 8;
}

bool pci_config_bus_master(const struct pci_config *pci)
{
	return pci->reg[PCI_COMMAND] & PCI_COMMAND_MASTER;
}
