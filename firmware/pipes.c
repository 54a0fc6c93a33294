// SPDX-License-Identifier: BSD-2-Clause
/* What the firmware sets for the pipes beside SAs and policies: UDP ports and the DSCP map. */
#include "pipes.h"

#define NATT_PORT 4500 /* RFC 3948; the hardware looks there in any case */
#define PORTS	  ARRAY_SIZE(((vesper_mgmt_t *)0)->natt_port)
#define MAP_WORDS 16

/* As the registers have it, and how many inbound SAs use it. */
static struct {
	u16 port;
	u32 users;
} ports[PORTS];

static void set_port(u32 i, u16 port)
{
	ports[i].port = port;
	mmio_write(REG(natt_port[0]) + 4 * i, port);
}

enum vesper_mbx_status pipes_port_get(u16 port)
{
	u32 i, free = PORTS;

	if (port == NATT_PORT)
		return VESPER_MBX_OK;
	for (i = 0; i < PORTS; i++) {
		if (!ports[i].users)
			free = i;
		else if (ports[i].port == port)
			break;
	}
	if (i == PORTS) {
		if (free == PORTS)
			return VESPER_MBX_E_PORTS_FULL;
		i = free;
		set_port(i, port);
	}
	ports[i].users++;
	return VESPER_MBX_OK;
}

void pipes_port_put(u16 port)
{
	u32 i;

	for (i = 0; i < PORTS; i++)
		if (ports[i].users && ports[i].port == port && !--ports[i].users)
			set_port(i, 0);
}

void pipes_dscp_map(const word_t words[MAP_WORDS])
{
	u32 i;

	for (i = 0; i < MAP_WORDS; i++)
		mmio_write(REG(dscp_map.mem[0]) + 4 * i, words[i]);
}

void pipes_reset(void)
{
	u32 i;

	for (i = 0; i < PORTS; i++) {
		ports[i].users = 0;
		set_port(i, 0);
	}
	for (i = 0; i < MAP_WORDS; i++)
		mmio_write(REG(dscp_map.mem[0]) + 4 * i, 0x03020100u + 0x04040404u * i);
}
