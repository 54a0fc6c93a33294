/* SPDX-License-Identifier: BSD-2-Clause */
/* Inbound selectors (RFC 4301 4.4.1.1, 5.2). */
#ifndef VESPER_SELECTOR_H
#define VESPER_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "vesper_abi.h"

/* Is the packet of @total bytes at @ip, whose header is sound, what the selector allows? */
bool selector_match(const struct vesper_selector *sel, const uint8_t *ip, uint32_t total);

#endif
