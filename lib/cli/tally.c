// SPDX-License-Identifier: BSD-2-Clause
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void tally_add(struct tally *t, const struct vesper_frame *frame, uint32_t len)
{
	t->packets++;
	t->bytes += len;
	t->status[frame->status % VESPER_ST_COUNT]++;
	if (frame->status == VESPER_ST_OK) {
		t->passed++;
		t->passed_bytes += frame->len;
	}
}

FILE *json_open(const struct cli *cli)
{
	FILE *out = strcmp(cli->json, "-") ? fopen(cli->json, "we") : stdout;

	if (!out)
		cli_fail(cli, CLI_FAILED, "%s: %s", cli->json, strerror(errno));
	return out;
}

int json_close(const struct cli *cli, FILE *out)
{
	if (out == stdout)
		return CLI_OK;
	return fclose(out) ? cli_fail(cli, CLI_FAILED, "%s: %s", cli->json, strerror(errno)) :
			     CLI_OK;
}

void json_counters(FILE *out, const uint64_t counter[VESPER_ST_COUNT], bool passed_too)
{
	const char *comma = "";
	unsigned int i;

	fputc('{', out);
	for (i = passed_too ? 0 : 1; i < VESPER_ST_COUNT; i++) {
		if (!counter[i])
			continue;
		fprintf(out, "%s\"%s\": %" PRIu64, comma,
			vesper_status_name(i) ? vesper_status_name(i) : "unknown", counter[i]);
		comma = ", ";
	}
	fputc('}', out);
}

static void print_text(const struct tally *t)
{
	unsigned int i;

	printf("%" PRIu64 " packets, %" PRIu64 " bytes; %" PRIu64 " passed with %" PRIu64
	       " bytes\n",
	       t->packets, t->bytes, t->passed, t->passed_bytes);
	for (i = 1; i < VESPER_ST_COUNT; i++)
		if (t->status[i])
			printf("  %8" PRIu64 " dropped: %s\n", t->status[i], vesper_status_str(i));
}

int tally_report(const struct cli *cli, const struct tally *t)
{
	FILE *out;

	if (!cli->json || strcmp(cli->json, "-"))
		print_text(t);
	if (cli->json) {
		out = json_open(cli);
		if (!out)
			return CLI_FAILED;
		fprintf(out,
			"{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"passed\": %" PRIu64
			", \"passed_bytes\": %" PRIu64 ", \"cycles\": %" PRIu64 ", \"drops\": ",
			t->packets, t->bytes, t->passed, t->passed_bytes, t->cycles);
		json_counters(out, t->status, false);
		fputs("}\n", out);
		if (json_close(cli, out))
			return CLI_FAILED;
	}
	return cli->strict && t->passed != t->packets ? CLI_FAILED : CLI_OK;
}
