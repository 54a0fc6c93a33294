// SPDX-License-Identifier: BSD-2-Clause
/* vesper bench: frames of one length through one SA of a throw-away key. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tally.h"

#define DEFAULT_COUNT 2000

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A UDP packet of @len bytes with Ethernet header, from and to documentation addresses (RFC 5737). */
static void make_frame(uint8_t *frame, uint32_t len)
{
	static const uint8_t head[] = { 2, 0, 0,    0, 0, 2, 2,	  0,  0,   0, 0,  1,
					8, 0, 0x45, 0, 0, 0, 0,	  0,  0,   0, 64, 17,
					0, 0, 192,  0, 2, 1, 198, 51, 100, 1 };
	uint32_t sum = 0, i;

	memset(frame, 0x5a, len);
	memcpy(frame, head, sizeof(head));
	frame[16] = (uint8_t)((len - 14) >> 8);
	frame[17] = (uint8_t)(len - 14);
	for (i = 14; i < 34; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	frame[24] = (uint8_t)(~sum >> 8);
	frame[25] = (uint8_t)~sum;
}

static int run(const struct cli *cli, struct vesper *v, uint32_t handle, uint8_t *memory,
	       struct tally *t)
{
	uint64_t count = cli->count ? cli->count : DEFAULT_COUNT;
	uint32_t room = (uint32_t)cli->size + VESPER_OVERHEAD;
	static struct vesper_frame frames[CLI_BURST];
	size_t n, i;

	while (t->packets < count) {
		n = count - t->packets < CLI_BURST ? (size_t)(count - t->packets) : CLI_BURST;
		for (i = 0; i < n; i++) {
			frames[i] = (struct vesper_frame){ .data = memory + i * room,
							   .len = (uint32_t)cli->size,
							   .room = room,
							   .sa = handle };
			make_frame(frames[i].data, frames[i].len);
		}
		if ((cli->wire ? vesper_send : vesper_encrypt)(v, frames, n) < 0)
			return cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
		for (i = 0; i < n; i++)
			tally_add(t, &frames[i], (uint32_t)cli->size);
	}
	return CLI_OK;
}

static int measure(const struct cli *cli, struct vesper *v, uint32_t handle)
{
	uint32_t room = (uint32_t)cli->size + VESPER_OVERHEAD;
	struct vesper_stats before, after;
	struct tally t = { 0 };
	double start;
	uint8_t *memory;
	int err;

	memory = malloc((size_t)CLI_BURST * room);
	if (!memory)
		return cli_fail(cli, CLI_FAILED, "no memory for a burst");
	if (vesper_stats(v, &before)) {
		free(memory);
		return cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
	}
	start = now();
	err = run(cli, v, handle, memory, &t);
	start = now() - start;
	free(memory);
	if (err)
		return err;
	if (!vesper_stats(v, &after))
		t.cycles = after.cycles - before.cycles;
	if (!cli->json || strcmp(cli->json, "-")) {
		printf("%.0f packets/s, %.3f Gb/s of plaintext", (double)t.passed / start,
		       8e-9 * (double)t.bytes / start);
		if (t.cycles)
			printf("; %.1f cycles a packet, %.1f bit a cycle",
			       (double)t.cycles / (double)t.packets,
			       8.0 * (double)t.bytes / (double)t.cycles);
		putchar('\n');
	}
	return tally_report(cli, &t);
}

static int bench_main(const struct cli *cli)
{
	struct vesper_sa sa = {
		.dir = VESPER_DIR_OUT,
		.mode = VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 32,
		.icv_len = 16,
		.ttl = 64,
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 },
	};
	struct vesper *v;
	uint32_t handle;
	int err;

	if (cli->size < 34)
		return cli_fail(cli, CLI_USAGE, "--size: %lu is below 34, the headers alone",
				cli->size);
	if (getrandom(sa.key, sizeof(sa.key), 0) != sizeof(sa.key) || getrandom(sa.spi, 4, 0) != 4)
		return cli_fail(cli, CLI_FAILED, "no random numbers: %s", strerror(errno));
	sa.spi[0] |= 0x80;
	err = cli_open(cli, &v);
	if (err)
		return err;
	if (vesper_sa_add(v, &sa, &handle))
		err = cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
	cli_erase(&sa, sizeof(sa));
	if (!err) {
		err = measure(cli, v, handle);
		vesper_sa_del(v, handle);
	}
	vesper_close(v);
	return err;
}

const struct cli_command cmd_bench = {
	.name = "bench",
	.args = "[OPTIONS]",
	.summary = "measure encryption of frames of one length",
	.options = "swjimcz",
	.run = bench_main,
};
