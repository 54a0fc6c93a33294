// SPDX-License-Identifier: BSD-2-Clause
/* What the firmware sets for the pipes beside SAs and policies: UDP ports and the DSCP map. */
#include "pipes.h"

#define NATT_PORT 4500 /* RFC 3948; the hardware looks there in any case */
#define PORTS	  ARRAY_SIZE(((vesper_mgmt_t *)0)->natt_port)
#define MAP_WORDS 16

/* As the registers have them, without holes; and how many inbound SAs use each. */
static u32 ports[PORTS];
static u32 users[PORTS];
static u32 used;

static void set_port(u32 i, u16 port)
{
	ports[i] = port;
	mmio_write(REG(natt_port[0]) + 4 * i, port);
}

/* Where a port stands, or `used`. */
static u32 find_port(u16 port)
{
	u32 i;

	for (i = 0; i < used && ports[i] != port; i++)
		;
	return i;
}

enum vesper_mbx_status pipes_port_get(u16 port)
{
	u32 i;

	if (port == NATT_PORT)
		return VESPER_MBX_OK;
	i = find_port(port);
	if (i < used) {
		users[i]++;
		return VESPER_MBX_OK;
	}
	if (used == PORTS)
		return VESPER_MBX_E_PORTS_FULL;
	used++;
	users[i] = 1;
	set_port(i, port);
	return VESPER_MBX_OK;
}

void pipes_port_put(u16 port)
{
	u32 i = find_port(port);

	if (i == used || --users[i])
		return;
	/* The last one takes its place before it leaves its own: frames to it are looked at all the time. */
	used--;
	users[i] = users[used];
	set_port(i, (u16)ports[used]);
	set_port(used, 0);
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

	for (i = 0; i < PORTS; i++)
		set_port(i, 0);
	used = 0;
	for (i = 0; i < MAP_WORDS; i++)
		mmio_write(REG(dscp_map.mem[0]) + 4 * i, 0x03020100u + 0x04040404u * i);
}
