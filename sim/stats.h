/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include "card.h"
#include "wire.h"

/*
 * Writes what the simulation counted as one JSON object to `path`, or to
 * standard output when it is NULL: cycles and busy_cycles, frames and bytes,
 * accesses to host memory apart for frames and rings, wall_seconds spent
 * clocking, cpu_seconds of the whole process. A reader of `path` sees an old or a new
 * file, never half of one. 0 or a negative errno.
 */
int stats_write(const char *path, const struct card_stats *card, const struct wire_stats *wire);

#endif
