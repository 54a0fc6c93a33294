/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *socket;   /* --socket */
	const char *wire;     /* --wire */
	const char *pcap;     /* --pcap, or NULL */
	const char *trace;    /* --trace, or NULL */
	const char *stats;    /* --stats, or NULL */
	const char *firmware; /* --firmware, or NULL: the one that is built in */
	uint64_t mac;	      /* --mac, byte 0 in bits 7:0 */
	unsigned int latency; /* --latency, cycles */
	unsigned int gbps;    /* --wire-rate */
	bool verbose, quiet;
};

enum { EXIT_RUN = 1, EXIT_USAGE = 2 };

/* Returns -1 to go on, else the exit code after help, version or a line on what is wrong. */
int options_parse(int argc, char **argv, struct options *opts);

#endif
