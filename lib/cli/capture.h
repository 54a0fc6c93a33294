/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files: pcap and pcapng in, pcap with nanoseconds out (libpcap). Ethernet only. */
#ifndef VESPER_CLI_CAPTURE_H
#define VESPER_CLI_CAPTURE_H

#include <sys/time.h>

#include "cli.h"

struct capture_in;
struct capture_out;

/* Return: CLI_OK or an exit code, the reason said. */
int capture_open(const struct cli *cli, const char *path, struct capture_in **in);
void capture_close(struct capture_in *in);

/*
 * The next packet: @data is valid until the next call. Return: 1, 0 at the end,
 * -1 when the file is broken or a packet was cut when captured (said).
 */
int capture_next(const struct cli *cli, struct capture_in *in, const uint8_t **data, uint32_t *len,
		 struct timeval *when);

int capture_create(const struct cli *cli, const char *path, struct capture_out **out);
void capture_write(struct capture_out *out, const uint8_t *data, uint32_t len,
		   const struct timeval *when);

/* Return: CLI_OK, or CLI_FAILED when the file could not be written whole (said). NULL is accepted. */
int capture_finish(const struct cli *cli, struct capture_out *out);

#endif
