/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of packets, as text and as JSON. */
#ifndef VESPER_CLI_TALLY_H
#define VESPER_CLI_TALLY_H

#include <stdio.h>

#include "cli.h"

struct tally {
	uint64_t packets, bytes; /* taken in */
	uint64_t passed, passed_bytes;
	uint64_t status[VESPER_ST_COUNT];
	uint64_t cycles; /* of the card meanwhile, 0 in software */
};

/* Counts one frame that came in with @len bytes. */
void tally_add(struct tally *t, const struct vesper_frame *frame, uint32_t len);

/* Prints to standard output, and to --json if it was given. Return: CLI_OK or an exit code. */
int tally_report(const struct cli *cli, const struct tally *t);

/* Opens --json's file ("-": standard output); NULL after an error, which was said. */
FILE *json_open(const struct cli *cli);
/* Return: CLI_OK or CLI_FAILED. */
int json_close(const struct cli *cli, FILE *out);
/* Prints {"icv": 3, ...} for the entries that are not 0; entry 0 only if asked for. */
void json_counters(FILE *out, const uint64_t counter[VESPER_ST_COUNT], bool passed_too);

#endif
