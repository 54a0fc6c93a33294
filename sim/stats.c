// SPDX-License-Identifier: BSD-2-Clause
/* Counters as JSON. */
#include "stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* AXI identifiers from here on are ring accesses, below it frames (rtl/dma/dma_pkg.sv). */
#define RING_ID 0x80u

static void sum(const struct card_axi_stats *by_id, unsigned int first, unsigned int end,
		struct card_axi_stats *to)
{
	for (; first < end; first++) {
		to->bursts += by_id[first].bursts;
		to->beats += by_id[first].beats;
		to->bytes += by_id[first].bytes;
		to->errors += by_id[first].errors;
	}
}

static void put_axi(FILE *f, const char *name, const struct card_axi_stats *by_id, const char *end)
{
	struct card_axi_stats frames = { 0 }, rings = { 0 };
	const struct card_axi_stats *kind[] = { &frames, &rings };
	static const char *const kind_name[] = { "frames", "rings" };
	unsigned int i;

	sum(by_id, 0, RING_ID, &frames);
	sum(by_id, RING_ID, 256, &rings);
	fprintf(f, "  \"%s\": {\n", name);
	for (i = 0; i < 2; i++)
		fprintf(f,
			"    \"%s\": {\"bursts\": %llu, \"beats\": %llu, \"bytes\": %llu, \"errors\": %llu}%s\n",
			kind_name[i], (unsigned long long)kind[i]->bursts,
			(unsigned long long)kind[i]->beats, (unsigned long long)kind[i]->bytes,
			(unsigned long long)kind[i]->errors, i ? "" : ",");
	fprintf(f, "  }%s\n", end);
}

static void put(FILE *f, const char *name, uint64_t value)
{
	fprintf(f, "  \"%s\": %llu,\n", name, (unsigned long long)value);
}

static void put_all(FILE *f, const struct card_stats *card, const struct wire_stats *wire)
{
	struct timespec cpu;

	fputs("{\n", f);
	put(f, "cycles", card->cycles);
	put(f, "busy_cycles", card->busy);
	put(f, "resets", card->resets);
	put(f, "register_reads", card->reg_reads);
	put(f, "register_writes", card->reg_writes);
	put(f, "interrupts", card->interrupts);
	put(f, "wire_out_frames", card->wire_out_frames);
	put(f, "wire_out_bytes", card->wire_out_bytes);
	put(f, "wire_in_frames", card->wire_in_frames);
	put(f, "wire_in_bytes", card->wire_in_bytes);
	put(f, "peer_out_frames", wire->out);
	put(f, "peer_out_dropped", wire->out_dropped);
	put(f, "peer_in_frames", wire->in);
	put_axi(f, "axi_read", card->read, ",");
	put_axi(f, "axi_write", card->write, ",");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	fprintf(f, "  \"wall_seconds\": %.6f,\n  \"cpu_seconds\": %.6f\n}\n", card->wall,
		(double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec);
}

int stats_write(const char *path, const struct card_stats *card, const struct wire_stats *wire)
{
	char *next = NULL;
	FILE *f = stdout;
	int ret = 0;

	if (path) {
		if (asprintf(&next, "%s.next", path) < 0)
			return -ENOMEM;
		f = fopen(next, "we");
		if (!f) {
			ret = -errno;
			goto out;
		}
	}
	put_all(f, card, wire);
	if (fflush(f) || ferror(f))
		ret = errno ? -errno : -EIO;
	if (path && fclose(f) && !ret)
		ret = -errno;
	if (path && !ret && rename(next, path))
		ret = -errno;
	if (path && ret)
		remove(next);
out:
	free(next);
	return ret;
}
