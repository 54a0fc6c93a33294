// SPDX-License-Identifier: BSD-2-Clause
/* vesper encrypt, decrypt, receive: captures through a card or software. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture.h"
#include "tally.h"

#define ROOM (VESPER_FRAME_MAX + VESPER_OVERHEAD)

/* A run over one capture. */
struct job {
	const struct cli *cli;
	struct vesper *v;
	struct capture_in *in;
	struct capture_out *out; /* NULL: results are not kept */
	uint32_t handle;
	bool encrypt;
	struct tally tally;
	struct vesper_frame frames[CLI_BURST];
	struct timeval when[CLI_BURST];
	uint32_t lengths[CLI_BURST];
	uint8_t memory[CLI_BURST][ROOM];
};

/* Reads up to a burst. Return: number of frames, or -1. */
static int fill(struct job *j)
{
	const uint8_t *data;
	uint32_t len;
	int n = 0, got;

	while (n < CLI_BURST &&
	       (!j->cli->count || j->tally.packets + (uint64_t)n < j->cli->count)) {
		got = capture_next(j->cli, j->in, &data, &len, &j->when[n]);
		if (got < 0)
			return -1;
		if (!got)
			break;
		/* Too long to pass: refused with its status, its bytes do not matter. */
		memcpy(j->memory[n], data, len < ROOM ? len : ROOM);
		j->lengths[n] = len;
		j->frames[n] = (struct vesper_frame){
			.data = j->memory[n],
			.len = len,
			.room = ROOM,
			.sa = j->encrypt ? j->handle : 0,
		};
		n++;
	}
	return n;
}

static int run(struct job *j)
{
	int n, passed, i;

	while ((n = fill(j)) > 0) {
		if (j->cli->wire)
			passed = vesper_send(j->v, j->frames, (size_t)n);
		else if (j->encrypt)
			passed = vesper_encrypt(j->v, j->frames, (size_t)n);
		else
			passed = vesper_decrypt(j->v, j->frames, (size_t)n);
		if (passed < 0)
			return cli_fail(j->cli, CLI_FAILED, "%s", vesper_strerror(j->v));
		for (i = 0; i < n; i++) {
			tally_add(&j->tally, &j->frames[i], j->lengths[i]);
			if (j->out && j->frames[i].status == VESPER_ST_OK)
				capture_write(j->out, j->frames[i].data, j->frames[i].len,
					      &j->when[i]);
		}
	}
	return n < 0 ? CLI_FAILED : CLI_OK;
}

/* The card's clock; 0 in software. */
static uint64_t cycles(struct vesper *v)
{
	struct vesper_stats stats;

	return vesper_stats(v, &stats) ? 0 : stats.cycles;
}

/* From an open handle to the report. */
static int with_card(struct job *j, const struct vesper_sa *sa)
{
	uint64_t start;
	int err;

	if (vesper_sa_add(j->v, sa, &j->handle))
		return cli_fail(j->cli, CLI_FAILED, "%s", vesper_strerror(j->v));
	start = cycles(j->v);
	err = run(j);
	j->tally.cycles = cycles(j->v) - start;
	if (!j->cli->keep && vesper_sa_del(j->v, j->handle) && !err)
		err = cli_fail(j->cli, CLI_FAILED, "%s", vesper_strerror(j->v));
	return err;
}

static struct job *job_new(const struct cli *cli)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j)
		j->cli = cli;
	else
		cli_fail(cli, CLI_FAILED, "no memory for a burst");
	return j;
}

/* Closes all that is open and, if nothing failed, reports. Return: the exit code. */
static int job_end(struct job *j, int err)
{
	int end = capture_finish(j->cli, j->out);

	capture_close(j->in);
	vesper_close(j->v);
	if (!err)
		err = end;
	if (!err)
		err = tally_report(j->cli, &j->tally);
	free(j);
	return err;
}

static int crypt_main(const struct cli *cli, bool encrypt)
{
	struct vesper_sa sa = { 0 };
	struct job *j;
	int err;

	if (cli->wire && cli->output)
		return cli_fail(cli, CLI_USAGE,
				"--wire and --output exclude each other: what left is on the wire");
	if (!cli->wire && !cli->output)
		return cli_fail(cli, CLI_USAGE, "where to? Give --output FILE%s",
				encrypt ? " or --wire" : "");
	j = job_new(cli);
	if (!j)
		return CLI_FAILED;
	j->encrypt = encrypt;
	err = cli_read_sa(cli, encrypt ? VESPER_DIR_OUT : VESPER_DIR_IN, &sa);
	if (!err)
		err = capture_open(cli, cli->args[0], &j->in);
	if (!err)
		err = cli_open(cli, &j->v);
	if (!err && cli->keylog)
		err = cli_write_keylog(cli, &sa);
	if (!err && cli->output)
		err = capture_create(cli, cli->output, &j->out);
	if (!err)
		err = with_card(j, &sa);
	cli_erase(&sa, sizeof(sa));
	return job_end(j, err);
}

static int encrypt_main(const struct cli *cli)
{
	return crypt_main(cli, true);
}

static int decrypt_main(const struct cli *cli)
{
	return crypt_main(cli, false);
}

/* Takes frames from the wire until --count or --timeout. */
static int receive(const struct cli *cli, struct job *j)
{
	struct timespec now;
	int n, i;

	/* Reception changes neither buffer nor room. */
	for (i = 0; i < CLI_BURST; i++)
		j->frames[i] = (struct vesper_frame){ .data = j->memory[i], .room = ROOM };
	do {
		n = CLI_BURST;
		if (cli->count && cli->count - j->tally.packets < CLI_BURST)
			n = (int)(cli->count - j->tally.packets);
		n = vesper_recv(j->v, j->frames, (size_t)n, (int)cli->timeout_ms);
		if (n < 0)
			return cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(j->v));
		clock_gettime(CLOCK_REALTIME, &now);
		for (i = 0; i < n; i++) {
			/* A status tells why ESP came untouched; the frame passed all the same. */
			j->frames[i].status = VESPER_ST_OK;
			tally_add(&j->tally, &j->frames[i], j->frames[i].len);
			capture_write(j->out, j->frames[i].data, j->frames[i].len,
				      &(struct timeval){ now.tv_sec, now.tv_nsec });
		}
	} while (n > 0 && (!cli->count || j->tally.packets < cli->count));
	return CLI_OK;
}

static int receive_main(const struct cli *cli)
{
	struct job *j;
	int err;

	if (!cli->output)
		return cli_fail(cli, CLI_USAGE, "where to? Give --output FILE");
	j = job_new(cli);
	if (!j)
		return CLI_FAILED;
	err = cli_open(cli, &j->v);
	if (!err)
		err = capture_create(cli, cli->output, &j->out);
	if (!err)
		err = receive(cli, j);
	return job_end(j, err);
}

const struct cli_command cmd_encrypt = {
	.name = "encrypt",
	.args = "[OPTIONS] CAPTURE",
	.summary = "encapsulate and encrypt the packets of a capture",
	.options = "swakfojlixemc",
	.min_args = 1,
	.max_args = 1,
	.run = encrypt_main,
};

const struct cli_command cmd_decrypt = {
	.name = "decrypt",
	.args = "[OPTIONS] CAPTURE",
	.summary = "authenticate and decrypt the ESP packets of a capture",
	.options = "swakfojlxec",
	.min_args = 1,
	.max_args = 1,
	.run = decrypt_main,
};

const struct cli_command cmd_receive = {
	.name = "receive",
	.args = "[OPTIONS]",
	.summary = "record what the card receives from its wire",
	.options = "sojct",
	.run = receive_main,
};
