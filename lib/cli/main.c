// SPDX-License-Identifier: BSD-2-Clause
/* vesper: options, help, and the way to each command. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli.h"
#include "fields.h"

static const struct cli_command *const commands[] = {
	&cmd_info,    &cmd_sa,	    &cmd_policy,  &cmd_stats, &cmd_events, &cmd_selftest,
	&cmd_encrypt, &cmd_decrypt, &cmd_receive, &cmd_bench, &cmd_bind,   &cmd_unbind,
};

/* One row an option; the letter is ours alone and stands in struct cli_command.options. */
static const struct option_row {
	char letter;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;
} rows[] = {
	{ 's', "card", "CARD",
	  "PCI address, or path of a vfio-user socket (default: $VESPER_CARD)" },
	{ 'w', "software", NULL, "no card: ESP in software" },
	{ 'a', "sa", "FILE", "security association, as `field = value` lines" },
	{ 'k', "key-file", "FILE",
	  "key and salt in hexadecimal: 20, 28 or 36 bytes (RFC 4106 8.1)" },
	{ 'f', "key-fd", "N", "the same, from a file descriptor" },
	{ 'd', "direction", "DIR", "out or in, instead of the file's" },
	{ 'o', "output", "FILE", "capture file for the results (pcap, nanoseconds)" },
	{ 'j', "json", "FILE", "machine-readable result; - is standard output" },
	{ 'l', "esp-keylog", "FILE",
	  "append a line of Wireshark's esp_sa table: this file then holds the key" },
	{ 'i', "wire", NULL, "send to the card's wire instead of taking the result back" },
	{ 'x', "strict", NULL, "exit with 1 if a packet was dropped" },
	{ 'e', "keep", NULL, "leave the SA installed" },
	{ 'm', "mtu", "BYTES", "largest resulting frame, Ethernet header included (default 9618)" },
	{ 'c', "count", "N", "stop after so many" },
	{ 't', "timeout", "MS", "stop after so long without one (default 1000)" },
	{ 'z', "size", "BYTES", "frame length (default 1434)" },
};

#define ROWS	 (sizeof(rows) / sizeof(rows[0]))
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

int cli_fail(const struct cli *cli, enum cli_exit code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "vesper%s%s: ", cli->command ? " " : "", cli->command ? cli->command : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

static void usage(void)
{
	size_t i;

	puts("Usage: vesper COMMAND [OPTIONS]\nIPsec ESP on a Vesper card, or in software.\n");
	for (i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nvesper COMMAND --help says more. Exit status: 0 done, 1 failed, 2 wrong usage.\n"
	     "Keys come from a file or a descriptor, never from the command line.");
}

static void fields_usage(const char *title, const struct field *field)
{
	puts(title);
	for (; field->name; field++)
		printf("  %-26s %s\n", field->name, field->wanted);
}

static void command_usage(const struct cli_command *c)
{
	char flag[32];
	size_t i;

	printf("Usage: vesper %s %s\n%s.\n\n", c->name, c->args, c->summary);
	for (i = 0; i < ROWS; i++) {
		if (!strchr(c->options, rows[i].letter))
			continue;
		snprintf(flag, sizeof(flag), "%s--%s%s%s", rows[i].letter == 'o' ? "-o, " : "",
			 rows[i].name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		printf("  %-22s %s\n", flag, rows[i].help);
	}
	if (strchr(c->options, 'a'))
		fields_usage("\nFields of the SA file (spi and destination are needed):",
			     sa_fields);
	if (c == &cmd_policy)
		fields_usage("\nFields of a policy (action is needed):", policy_fields);
}

static int number(const struct cli *cli, const char *name, const char *text, unsigned long max,
		  unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || *out > max)
		return cli_fail(cli, CLI_USAGE, "--%s: '%s' is not a number from 0 to %lu", name,
				text, max);
	return CLI_OK;
}

static int take(struct cli *cli, char letter, const char *value)
{
	unsigned long n;
	int err;

	switch (letter) {
	case 's':
		cli->card = value;
		return CLI_OK;
	case 'w':
		cli->software = true;
		return CLI_OK;
	case 'a':
		cli->sa_file = value;
		return CLI_OK;
	case 'k':
		cli->key_file = value;
		return CLI_OK;
	case 'f':
		err = number(cli, "key-fd", value, 65535, &n);
		cli->key_fd = (int)n;
		return err;
	case 'd':
		cli->direction = value;
		return CLI_OK;
	case 'o':
		cli->output = value;
		return CLI_OK;
	case 'j':
		cli->json = value;
		return CLI_OK;
	case 'l':
		cli->keylog = value;
		return CLI_OK;
	case 'i':
		cli->wire = true;
		return CLI_OK;
	case 'x':
		cli->strict = true;
		return CLI_OK;
	case 'e':
		cli->keep = true;
		return CLI_OK;
	case 'm':
		return number(cli, "mtu", value, VESPER_FRAME_MAX, &cli->mtu);
	case 'c':
		return number(cli, "count", value, 1ul << 32, &cli->count);
	case 't':
		return number(cli, "timeout", value, 3600000, &cli->timeout_ms);
	default:
		return number(cli, "size", value, VESPER_FRAME_MAX, &cli->size);
	}
}

/* Reads the options that @c takes. Return: CLI_OK, CLI_USAGE, or -1 after --help. */
static int parse(struct cli *cli, const struct cli_command *c, int argc, char **argv)
{
	/* -o is so common that it has its short form. */
	const char *shorts = strchr(c->options, 'o') ? "+:ho:" : "+:h";
	struct option table[ROWS + 2] = { 0 };
	size_t n = 0, i;
	int letter, err;

	for (i = 0; i < ROWS; i++)
		if (strchr(c->options, rows[i].letter))
			table[n++] =
				(struct option){ rows[i].name,
						 rows[i].value ? required_argument : no_argument,
						 NULL, rows[i].letter };
	table[n] = (struct option){ "help", no_argument, NULL, 'h' };
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, table, NULL)) != -1) {
		if (letter == 'h') {
			command_usage(c);
			return -1;
		}
		if (letter == ':')
			return cli_fail(cli, CLI_USAGE, "%s needs a value", argv[optind - 1]);
		if (letter == '?')
			return cli_fail(cli, CLI_USAGE, "unknown option %s; see vesper %s --help",
					argv[optind - 1], c->name);
		err = take(cli, (char)letter, optarg);
		if (err)
			return err;
	}
	cli->args = argv + optind;
	cli->nargs = argc - optind;
	if (cli->nargs < c->min_args || cli->nargs > c->max_args)
		return cli_fail(cli, CLI_USAGE, "%d arguments; usage: vesper %s %s", cli->nargs,
				c->name, c->args);
	return CLI_OK;
}

const char *cli_card(const struct cli *cli)
{
	return cli->card ? cli->card : getenv("VESPER_CARD");
}

int cli_open(const struct cli *cli, struct vesper **v)
{
	struct vesper_opts opts = { .size = sizeof(opts), .mtu = (unsigned int)cli->mtu };
	char text[256];
	int err;

	if (cli->software && cli->card)
		return cli_fail(cli, CLI_USAGE, "--card and --software exclude each other");
	if (!cli->software)
		opts.card = cli_card(cli);
	if (!cli->software && !opts.card)
		return cli_fail(cli, CLI_USAGE,
				"which card? Give --card CARD, $VESPER_CARD, or --software; "
				"`vesper info` lists those on the PCI bus");
	err = vesper_open(&opts, v, text, sizeof(text));
	if (err)
		return cli_fail(cli, err == -EINVAL ? CLI_USAGE : CLI_FAILED, "%s", text);
	return CLI_OK;
}

int main(int argc, char **argv)
{
	struct cli cli = { .key_fd = -1, .timeout_ms = 1000, .size = 1434 };
	size_t i;
	int err;

	/* Keys pass through this process: no core dump of it. */
	prctl(PR_SET_DUMPABLE, 0);
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage();
		return argc < 2 ? CLI_USAGE : CLI_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("vesper " VESPER_VERSION);
		return CLI_OK;
	}
	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i]->name))
			break;
	if (i == COMMANDS)
		return cli_fail(&cli, CLI_USAGE, "unknown command '%s'; see vesper --help",
				argv[1]);
	cli.command = commands[i]->name;
	err = parse(&cli, commands[i], argc - 1, argv + 1);
	if (err)
		return err < 0 ? CLI_OK : err;
	err = commands[i]->run(&cli);
	if (fflush(stdout) || ferror(stdout))
		return cli_fail(&cli, CLI_FAILED, "standard output: %s", strerror(errno));
	return err;
}
