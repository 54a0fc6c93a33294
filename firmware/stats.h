/* SPDX-License-Identifier: BSD-2-Clause */
/* The card's counters. */
#ifndef VESPER_FW_STATS_H
#define VESPER_FW_STATS_H

#include "mmio.h"

/**
 * stats_copy - copy struct vesper_stats, all of one moment, into the response window
 * @word: first word there
 */
void stats_copy(u32 word);

/* stats_clear - set all counters to zero */
void stats_clear(void);

#endif
