/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands of `vesper` share: options, exit codes, messages. */
#ifndef VESPER_CLI_H
#define VESPER_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vesper.h"

/* Frames a call. Many rings long: the card runs dry between calls, since each waits for its last frame. */
#define CLI_BURST 4096

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the operation failed */
	CLI_USAGE = 2,	/* the command line or a file given on it is wrong */
};

/* Every option of every command; each command says which ones it takes. */
struct cli {
	const char *command;
	const char *card;
	bool software;
	const char *sa_file;
	const char *key_file;
	int key_fd; /* -1: not given */
	const char *direction;
	const char *output;
	const char *json; /* file, "-" for standard output */
	const char *keylog;
	bool wire;
	bool strict;
	bool keep;
	unsigned long mtu;
	unsigned long count;
	unsigned long timeout_ms;
	unsigned long size;
	char **args; /* what is no option */
	int nargs;
};

struct cli_command {
	const char *name;
	const char *args;    /* of the usage line */
	const char *summary; /* one line */
	const char *options; /* letters of the table in main.c that it takes */
	int min_args, max_args;
	int (*run)(const struct cli *cli);
};

extern const struct cli_command cmd_info, cmd_sa, cmd_policy, cmd_stats, cmd_events, cmd_selftest,
	cmd_encrypt, cmd_decrypt, cmd_receive, cmd_bench, cmd_bind, cmd_unbind;

/* Prints "vesper COMMAND: ..." on standard error and returns @code. */
int cli_fail(const struct cli *cli, enum cli_exit code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The card of --card or $VESPER_CARD, or NULL. */
const char *cli_card(const struct cli *cli);

/* Opens what --card or --software name. Return: CLI_OK or an exit code, the reason said. */
int cli_open(const struct cli *cli, struct vesper **v);

/*
 * Reads the SA of --sa and the key of --key-file or --key-fd. @dir: VESPER_DIR_*,
 * 0 to take the file's. The caller erases @sa. Return: CLI_OK or an exit code, the reason said.
 */
int cli_read_sa(const struct cli *cli, unsigned int dir, struct vesper_sa *sa);

/* Writes the line of Wireshark's esp_sa table that decrypts this SA to --keylog. */
int cli_write_keylog(const struct cli *cli, const struct vesper_sa *sa);

/* Forgets a key for good. */
void cli_erase(void *memory, size_t size);

#endif
