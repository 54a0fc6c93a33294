// SPDX-License-Identifier: BSD-2-Clause
/* vesper sa add, del, list. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
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

static const char *const drop_names[VESPER_SAD_COUNT] = {
	[VESPER_SAD_REPLAY] = "replay",		[VESPER_SAD_ICV] = "icv",
	[VESPER_SAD_PADDING] = "padding",	[VESPER_SAD_NEXT_HEADER] = "next_header",
	[VESPER_SAD_INNER] = "inner",		[VESPER_SAD_DUMMY] = "dummy",
	[VESPER_SAD_SELECTOR] = "selector",	[VESPER_SAD_ECN] = "ecn",
	[VESPER_SAD_LIFETIME] = "lifetime",	[VESPER_SAD_ENCAP] = "encap",
	[VESPER_SAD_ESP_LENGTH] = "esp_length", [VESPER_SAD_TOO_BIG] = "too_big",
	[VESPER_SAD_FRAGMENT] = "fragment",	[VESPER_SAD_SEQ_EXHAUSTED] = "seq_exhausted",
	[VESPER_SAD_LEASE] = "lease",		[VESPER_SAD_KIND] = "kind",
};

static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
	{ VESPER_SAF_ESN, "esn" },
	{ VESPER_SAF_IIV, "implicit-iv" },
	{ VESPER_SAF_UDP, "udp" },
	{ VESPER_SAF_INPLACE, "in-place" },
	{ VESPER_SAF_SELECTOR, "selector" },
	{ VESPER_SAF_DF, "df" },
	{ VESPER_SAF_DF_COPY, "df-copy" },
	{ VESPER_SAF_DSCP_COPY, "dscp-copy" },
	{ VESPER_SAF_DSCP_MAP, "dscp-map" },
	{ VESPER_SAF_ECN_OFF, "ecn-off" },
	{ VESPER_SAF_FLOW_COPY, "flow-label-copy" },
};

static const char *alg_name(const struct vesper_sa *sa)
{
	return sa->alg == VESPER_ALG_AES_GMAC ? "aes-gmac" : "aes-gcm";
}

static unsigned int port(const uint8_t bytes[2])
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static void print_limits(const struct vesper_sa *sa)
{
	if (sa->soft_packets || sa->soft_bytes)
		printf("  soft %" PRIu64 " packets %" PRIu64 " bytes", sa->soft_packets,
		       sa->soft_bytes);
	if (sa->hard_packets || sa->hard_bytes)
		printf("  hard %" PRIu64 " packets %" PRIu64 " bytes", sa->hard_packets,
		       sa->hard_bytes);
	if (sa->mtu)
		printf("  mtu %u", sa->mtu);
	if (sa->tfc)
		printf("  tfc %u", sa->tfc);
}

static void print_text(const struct vesper_sa_info *info)
{
	const struct vesper_sa *sa = &info->sa;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint32_t spi;
	size_t i;

	memcpy(&spi, sa->spi, sizeof(spi));
	printf("%#010x  %-3s %-9s spi 0x%08x  %s -> %s  %s-%u icv %u", info->handle,
	       sa->dir == VESPER_DIR_IN ? "in" : "out",
	       sa->mode == VESPER_MODE_TUNNEL ? "tunnel" : "transport", ntohl(spi),
	       address_text(sa->family, sa->src, src), address_text(sa->family, sa->dst, dst),
	       alg_name(sa), 8 * sa->key_len, sa->icv_len);
	for (i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (sa->flags & flag_names[i].flag)
			printf(" %s", flag_names[i].name);
	if (sa->flags & VESPER_SAF_UDP)
		printf(" %u -> %u", port(sa->sport), port(sa->dport));
	if (sa->dir == VESPER_DIR_IN)
		printf("  window %u queue %u", sa->replay_window, sa->queue);
	print_limits(sa);
	printf("\n            seq %" PRIu64 "  packets %" PRIu64 "  bytes %" PRIu64, info->seq,
	       info->packets, info->bytes);
	if (info->lease_end)
		printf("  lease to %" PRIu64, info->lease_end);
	for (i = 0; i < VESPER_SAD_COUNT; i++)
		if (info->drops[i])
			printf("  %s %" PRIu64, drop_names[i], info->drops[i]);
	putchar('\n');
}

static void print_json(FILE *out, const struct vesper_sa_info *info)
{
	const struct vesper_sa *sa = &info->sa;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	const char *comma = "";
	uint32_t spi;
	size_t i;

	memcpy(&spi, sa->spi, sizeof(spi));
	fprintf(out,
		"{\"handle\": %u, \"direction\": \"%s\", \"mode\": \"%s\", \"spi\": %u, \"source\": \"%s\", "
		"\"destination\": \"%s\", \"algorithm\": \"%s\", \"key_bits\": %u, \"icv\": %u, "
		"\"replay_window\": %u, \"queue\": %u, \"source_port\": %u, \"destination_port\": %u, "
		"\"mtu\": %u, \"tfc\": %u",
		info->handle, sa->dir == VESPER_DIR_IN ? "in" : "out",
		sa->mode == VESPER_MODE_TUNNEL ? "tunnel" : "transport", ntohl(spi),
		address_text(sa->family, sa->src, src), address_text(sa->family, sa->dst, dst),
		alg_name(sa), 8 * sa->key_len, sa->icv_len, sa->replay_window, sa->queue,
		port(sa->sport), port(sa->dport), sa->mtu, sa->tfc);
	fprintf(out,
		", \"seq\": %" PRIu64 ", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
		", \"lease_end\": %" PRIu64 ", \"soft_packets\": %" PRIu64
		", \"soft_bytes\": %" PRIu64 ", \"hard_packets\": %" PRIu64
		", \"hard_bytes\": %" PRIu64 ", \"flags\": [",
		info->seq, info->packets, info->bytes, info->lease_end, sa->soft_packets,
		sa->soft_bytes, sa->hard_packets, sa->hard_bytes);
	for (i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (!(sa->flags & flag_names[i].flag))
			continue;
		fprintf(out, "%s\"%s\"", comma, flag_names[i].name);
		comma = ", ";
	}
	fputs("], \"drops\": {", out);
	comma = "";
	for (i = 0; i < VESPER_SAD_COUNT; i++) {
		if (!info->drops[i])
			continue;
		fprintf(out, "%s\"%s\": %" PRIu64, comma, drop_names[i], info->drops[i]);
		comma = ", ";
	}
	fputs("}}", out);
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
