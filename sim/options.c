// SPDX-License-Identifier: BSD-2-Clause
/* The command line. */
#include "options.h"

#include "log.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef SIM_VERSION
#define SIM_VERSION "0"
#endif

#define MAC_DEFAULT	0x010050535602 /* 02:56:53:50:00:01 */
#define LATENCY_DEFAULT 100u
#define LATENCY_MAX	100000u
#define GBPS_DEFAULT	100u
#define GBPS_MAX	1000u

static const char help[] =
	"Usage: vesper-sim --socket PATH [options]\n"
	"The simulated Vesper card, served to one vfio-user client at a time.\n\n"
	"  --socket PATH      Unix socket of the vfio-user server\n"
	"  --wire WHERE       where the card's wire goes:\n"
	"      none             frames out are dropped (default)\n"
	"      loop             frames out come in again\n"
	"      pcap:OUT[,IN]    capture files; IN begins once the driver receives\n"
	"      tap:NAME         Linux tap interface\n"
	"      unix:PATH        listens; 4-byte big-endian length before each frame,\n"
	"                       as QEMU's -netdev stream\n"
	"      unix-connect:PATH  the same, but connects\n"
	"  --wire-rate GBPS   line rate of frames in, 0: none (default 100)\n"
	"  --pcap FILE        all frames of the wire as pcapng, at the card's time\n"
	"  --trace FILE.fst   all signals (slow; needs vesper-sim-trace beside this program)\n"
	"  --mac ADDRESS      the card's Ethernet address (default 02:56:53:50:00:01)\n"
	"  --latency N        cycles of a read of host memory, 4 ns each (default 100)\n"
	"  --firmware FILE    another image for the management CPU (hexadecimal words)\n"
	"  --stats FILE       counters as JSON, at the end and on SIGUSR1\n"
	"                     (SIGUSR1 without --stats: on standard output)\n"
	"  --verbose, --quiet more, or only errors, on standard error\n"
	"  --version, --help\n\n"
	"SIGTERM and SIGINT end it cleanly. Exit code: 0 ended by a signal, 1 failed, 2 usage.\n";

enum { O_SOCKET = 256, O_WIRE, O_RATE, O_PCAP, O_TRACE, O_MAC, O_LATENCY, O_FIRMWARE, O_STATS };

static const struct option longopts[] = {
	{ "socket", required_argument, NULL, O_SOCKET },
	{ "wire", required_argument, NULL, O_WIRE },
	{ "wire-rate", required_argument, NULL, O_RATE },
	{ "pcap", required_argument, NULL, O_PCAP },
	{ "trace", required_argument, NULL, O_TRACE },
	{ "mac", required_argument, NULL, O_MAC },
	{ "latency", required_argument, NULL, O_LATENCY },
	{ "firmware", required_argument, NULL, O_FIRMWARE },
	{ "stats", required_argument, NULL, O_STATS },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool number(const char *name, const char *text, unsigned long max, unsigned int *value)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || v > max) {
		sim_log(LOG_ERROR, "%s %s: not a number of 0..%lu", name, text, max);
		return false;
	}
	*value = (unsigned int)v;
	return true;
}

/* Six bytes in hexadecimal, of one station: neither a group's nor zero. */
static bool station(const char *name, const char *text, uint64_t *mac)
{
	unsigned int byte;
	uint64_t value = 0;
	const char *at = text;
	int used, i;

	for (i = 0; i < 6; i++, at += used) {
		if (sscanf(at, i ? ":%2x%n" : "%2x%n", &byte, &used) != 1 || used != 2 + !!i)
			break;
		value |= (uint64_t)byte << 8 * i;
	}
	if (i < 6 || *at || !value || value & 1) {
		sim_log(LOG_ERROR, "%s %s: not a station's address, such as 02:56:53:50:00:01",
			name, text);
		return false;
	}
	*mac = value;
	return true;
}

int options_parse(int argc, char **argv, struct options *opts)
{
	int c;

	*opts = (struct options){
		.wire = "none", .mac = MAC_DEFAULT, .latency = LATENCY_DEFAULT, .gbps = GBPS_DEFAULT
	};
	while ((c = getopt_long(argc, argv, "hvqV", longopts, NULL)) != -1) {
		switch (c) {
		case O_SOCKET:
			opts->socket = optarg;
			break;
		case O_WIRE:
			opts->wire = optarg;
			break;
		case O_RATE:
			if (!number("--wire-rate", optarg, GBPS_MAX, &opts->gbps))
				return EXIT_USAGE;
			break;
		case O_PCAP:
			opts->pcap = optarg;
			break;
		case O_TRACE:
			opts->trace = optarg;
			break;
		case O_MAC:
			if (!station("--mac", optarg, &opts->mac))
				return EXIT_USAGE;
			break;
		case O_LATENCY:
			if (!number("--latency", optarg, LATENCY_MAX, &opts->latency))
				return EXIT_USAGE;
			break;
		case O_FIRMWARE:
			opts->firmware = optarg;
			break;
		case O_STATS:
			opts->stats = optarg;
			break;
		case 'v':
			opts->verbose = true;
			break;
		case 'q':
			opts->quiet = true;
			break;
		case 'V':
			puts("vesper-sim " SIM_VERSION);
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return EXIT_USAGE; /* getopt has said why */
		}
	}
	if (optind < argc) {
		sim_log(LOG_ERROR, "%s: takes no such argument; see --help", argv[optind]);
		return EXIT_USAGE;
	}
	if (!opts->socket) {
		sim_log(LOG_ERROR, "--socket PATH is missing; see --help");
		return EXIT_USAGE;
	}
	return -1;
}
