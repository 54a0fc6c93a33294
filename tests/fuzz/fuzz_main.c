// SPDX-License-Identifier: BSD-2-Clause
/* Mutated frames and mailbox messages at a running vesper-sim. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

#define FRAMES	 400 /* a batch */
#define MESSAGES 250

struct plan {
	const char *socket, *wire;
	uint64_t seed, frames, messages, first;
	bool progress;
};

static bool parse(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "wire", required_argument, NULL, 'w' },
		{ "seed", required_argument, NULL, 'S' },
		{ "frames", required_argument, NULL, 'f' },
		{ "messages", required_argument, NULL, 'm' },
		{ "first", required_argument, NULL, 'b' },
		{ "progress", no_argument, NULL, 'p' },
		{ 0 },
	};
	int c;

	*plan = (struct plan){ .seed = 1, .frames = 10000, .messages = 1000 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			plan->socket = optarg;
			break;
		case 'w':
			plan->wire = optarg;
			break;
		case 'S':
			plan->seed = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			plan->frames = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			plan->messages = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			plan->first = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			plan->progress = true;
			break;
		default:
			return false;
		}
	}
	return plan->socket && plan->wire && optind == argc;
}

static void show(const struct plan *plan, const char *what, uint64_t done, uint64_t all)
{
	if (plan->progress && isatty(2))
		fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 "%s", what, done, all,
			done == all ? "\n" : "");
	else if (plan->progress && (done / 10000 != (done - FRAMES) / 10000 || done == all))
		fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 "\n", what, done, all);
}

static int fuzz_frames(const struct plan *plan)
{
	struct frames *f = frames_open(plan->socket, plan->wire);
	uint64_t done = 0, number = plan->first;
	uint32_t n;
	int err = f ? 0 : -1;

	while (!err && done < plan->frames) {
		n = plan->frames - done < FRAMES ? (uint32_t)(plan->frames - done) : FRAMES;
		err = frames_batch(f, plan->seed, (uint32_t)number++, n);
		done += n;
		if (!err)
			show(plan, "frames", done, plan->frames);
	}
	if (!err)
		frames_summary(f);
	frames_close(f);
	return err;
}

static int fuzz_messages(const struct plan *plan)
{
	struct mailbox *m = mailbox_open(plan->socket);
	uint64_t done = 0, number = plan->first;
	uint32_t n;
	int err = m ? 0 : -1;

	while (!err && done < plan->messages) {
		n = plan->messages - done < MESSAGES ? (uint32_t)(plan->messages - done) : MESSAGES;
		err = mailbox_batch(m, plan->seed, (uint32_t)number++, n);
		done += n;
		if (!err)
			show(plan, "messages", done, plan->messages);
	}
	if (!err)
		mailbox_summary(m);
	mailbox_close(m);
	return err;
}

int main(int argc, char **argv)
{
	struct plan plan;
	int err = 0;

	if (!parse(argc, argv, &plan)) {
		fprintf(stderr,
			"Usage: %s --socket PATH --wire PATH [--seed N] [--frames N] [--messages N]\n"
			"          [--first BATCH] [--progress]\n",
			argv[0]);
		return 2;
	}
	printf("seed %" PRIu64 "\n", plan.seed);
	if (plan.messages)
		err = fuzz_messages(&plan);
	/* A card that took all these messages still passes frames. */
	if (!err && plan.frames)
		err = fuzz_frames(&plan);
	return err ? 1 : 0;
}
