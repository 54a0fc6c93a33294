// SPDX-License-Identifier: BSD-2-Clause
/* Log lines, with a limit on those that a client can provoke. */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define WARN_BURST 100

static enum log_level highest_level = LOG_INFO;

/* True when this warning may be written. */
static bool warn_allowed(void)
{
	static time_t second;
	static unsigned int written, left_out;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec != second) {
		if (left_out)
			fprintf(stderr, "vesper-sim: warning: %u more warnings left out\n",
				left_out);
		second = now.tv_sec;
		written = left_out = 0;
	}
	if (written == WARN_BURST) {
		left_out++;
		return false;
	}
	written++;
	return true;
}

void sim_log(enum log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "" };
	char line[512];
	va_list args;

	if (level > highest_level || (level == LOG_WARN && !warn_allowed()))
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fprintf(stderr, "vesper-sim: %s%s\n", prefix[level], line);
}

void sim_log_level(enum log_level highest)
{
	highest_level = highest;
}
