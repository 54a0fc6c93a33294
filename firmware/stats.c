// SPDX-License-Identifier: BSD-2-Clause
/* The card's counters. */
#include "stats.h"

void stats_copy(u32 word)
{
	u32 i;

	mmio_write(REG(stats_ctl), VESPER_MGMT__STATS_CTL__SNAPSHOT_bm);
	for (i = 0; i < sizeof(struct vesper_stats) / 4; i++)
		mmio_response_write(word + i, mmio_read(REG(stats.mem[i])));
}

void stats_clear(void)
{
	mmio_write(REG(stats_ctl), VESPER_MGMT__STATS_CTL__CLEAR_bm);
}
