/* SPDX-License-Identifier: BSD-2-Clause */
/* The cards on this machine's PCI bus. */
#ifndef VESPER_CLI_CARDS_H
#define VESPER_CLI_CARDS_H

#include <stddef.h>

#include "vesper_pci.h"

/**
 * cards_find - find the Vesper cards on the PCI bus
 * @root: folder below which sys/ is; "": the machine's own
 * @cards: result, in order of addresses
 * @room: how many fit
 * @text: why it failed
 * @text_size: bytes of it
 *
 * Return: how many there are, also beyond @room; -1 on failure.
 */
int cards_find(const char *root, struct vesper_pci *cards, size_t room, char *text,
	       size_t text_size);

#endif
