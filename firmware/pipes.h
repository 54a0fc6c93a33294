/* SPDX-License-Identifier: BSD-2-Clause */
/* What the firmware sets for the pipes beside SAs and policies: UDP ports and the DSCP map. */
#ifndef VESPER_FW_PIPES_H
#define VESPER_FW_PIPES_H

#include "mmio.h"

/**
 * pipes_port_get - have the card look for ESP at a UDP port too (RFC 3948)
 * @port: host order, not 0; 4500 is always looked at
 *
 * To be given back with pipes_port_put() as often as it was got.
 *
 * Return: VESPER_MBX_OK or VESPER_MBX_E_PORTS_FULL.
 */
enum vesper_mbx_status pipes_port_get(u16 port);
void pipes_port_put(u16 port);

/* pipes_dscp_map - set the map; word i holds the outer DSCPs of the inner ones 4 i to 4 i + 3 */
void pipes_dscp_map(const word_t words[16]);

/* pipes_reset - no port but 4500, and each DSCP mapped to itself */
void pipes_reset(void);

#endif
