// SPDX-License-Identifier: BSD-2-Clause
/* vesper sa add, del, list. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tally.h"

static int add(const struct cli *cli, struct vesper *v)
{
	struct vesper_sa sa;
	uint32_t handle;
	int err = cli_read_sa(cli, 0, &sa);

	if (err)
		return err;
	if (vesper_sa_add(v, &sa, &handle))
		err = cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
	else
		printf("%#010x\n", handle);
	if (!err && cli->keylog)
		err = cli_write_keylog(cli, &sa);
	cli_erase(&sa, sizeof(sa));
	return err;
}

static int del(const struct cli *cli, struct vesper *v)
{
	unsigned long handle;
	char *end;

	if (cli->nargs != 2)
		return cli_fail(cli, CLI_USAGE,
				"which SA? Give the handle that `vesper sa list` shows");
	errno = 0;
	handle = strtoul(cli->args[1], &end, 0);
	if (errno || *end || end == cli->args[1] || handle > UINT32_MAX)
		return cli_fail(cli, CLI_USAGE, "'%s' is not a handle", cli->args[1]);
	return vesper_sa_del(v, (uint32_t)handle) ?
		       cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v)) :
		       CLI_OK;
}

static void print_text(const struct vesper_sa_info *sa)
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	uint32_t spi;

	memcpy(&spi, sa->spi, sizeof(spi));
	inet_ntop(AF_INET, sa->src, src, sizeof(src));
	inet_ntop(AF_INET, sa->dst, dst, sizeof(dst));
	printf("%#010x  %-3s %-9s spi 0x%08x  %s -> %s  aes-gcm-%u icv %u", sa->handle,
	       sa->dir == VESPER_DIR_IN ? "in" : "out",
	       sa->mode == VESPER_MODE_TUNNEL ? "tunnel" : "transport", ntohl(spi), src, dst,
	       8 * sa->key_len, sa->icv_len);
	if (sa->dir == VESPER_DIR_IN)
		printf("  window %u queue %u", sa->replay_window, sa->queue);
	printf("\n            seq %" PRIu64 "  packets %" PRIu64 "  bytes %" PRIu64, sa->seq,
	       sa->packets, sa->bytes);
	if (sa->dir == VESPER_DIR_IN)
		printf("  replayed %" PRIu64 "  icv_failed %" PRIu64, sa->replayed, sa->icv_failed);
	putchar('\n');
}

static void print_json(FILE *out, const struct vesper_sa_info *sa)
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	uint32_t spi;

	memcpy(&spi, sa->spi, sizeof(spi));
	inet_ntop(AF_INET, sa->src, src, sizeof(src));
	inet_ntop(AF_INET, sa->dst, dst, sizeof(dst));
	fprintf(out,
		"{\"handle\": %u, \"direction\": \"%s\", \"mode\": \"%s\", \"spi\": %u, \"source\": \"%s\", "
		"\"destination\": \"%s\", \"key_bits\": %u, \"icv\": %u, \"replay_window\": %u, \"queue\": %u, "
		"\"seq\": %" PRIu64 ", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
		", \"replayed\": %" PRIu64 ", \"icv_failed\": %" PRIu64 "}",
		sa->handle, sa->dir == VESPER_DIR_IN ? "in" : "out",
		sa->mode == VESPER_MODE_TUNNEL ? "tunnel" : "transport", ntohl(spi), src, dst,
		8 * sa->key_len, sa->icv_len, sa->replay_window, sa->queue, sa->seq, sa->packets,
		sa->bytes, sa->replayed, sa->icv_failed);
}

static int list(const struct cli *cli, struct vesper *v)
{
	struct vesper_sa_info info = { 0 };
	FILE *out = NULL;
	const char *comma = "";
	int err;

	if (cli->json) {
		out = json_open(cli);
		if (!out)
			return CLI_FAILED;
		fputc('[', out);
	}
	while (!(err = vesper_sa_next(v, info.handle, &info))) {
		if (out) {
			fputs(comma, out);
			print_json(out, &info);
			comma = ",\n ";
		} else {
			print_text(&info);
		}
	}
	if (out) {
		fputs("]\n", out);
		if (json_close(cli, out))
			return CLI_FAILED;
	}
	return err == -ENOENT ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
}

static int sa_main(const struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(const struct cli *cli, struct vesper *v);
	} verbs[] = { { "add", add }, { "del", del }, { "list", list } };
	struct vesper *v;
	size_t i;
	int err;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(cli->args[0], verbs[i].name))
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return cli_fail(cli, CLI_USAGE, "'%s' is not add, del or list", cli->args[0]);
	if (cli->nargs != 1 && verbs[i].run != del)
		return cli_fail(cli, CLI_USAGE, "unexpected argument '%s'", cli->args[1]);
	err = cli_open(cli, &v);
	if (err)
		return err;
	err = verbs[i].run(cli, v);
	vesper_close(v);
	return err;
}

const struct cli_command cmd_sa = {
	.name = "sa",
	.args = "[OPTIONS] add|list|del [HANDLE]",
	.summary = "install, show and delete the card's security associations",
	.options = "sakfdjl",
	.min_args = 1,
	.max_args = 2,
	.run = sa_main,
};
