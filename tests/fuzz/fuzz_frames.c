// SPDX-License-Identifier: BSD-2-Clause
/*
 * Batches of frames through the card and through the library's software, which must agree.
 *
 * One difference is right: a frame that is a replay and has a wrong ICV too may
 * be told either way, because the card looks at the window once before it
 * decrypts, when frames before this one are still under way. With ESN that look may
 * also find a replay in what is a wrong ICV later. Nothing else differs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"
#include "fuzz_frames.h"
#include "packet.h"

#define CHUNK	 64 /* frames on the wire before somebody looks */
#define WIRE_MIN 60

static const char *const path_names[PATHS] = {
	[DECRYPT] = "decrypt",
	[ENCRYPT] = "encrypt",
	[WIRE_IN] = "from the wire",
	[WIRE_OUT] = "to the wire",
};

/* Says what went wrong and how to have it again. Return: -1. */
int frames_say(const struct frames *f, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "batch %u (%s): ", f->number, path_names[f->path]);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nagain with --seed %" PRIu64 " --first %u --frames %u --messages 0\n",
		f->seed, f->number, f->count);
	return -1;
}

static void dump(const char *name, const uint8_t *data, uint32_t len)
{
	uint32_t i;

	fprintf(stderr, "%s, %u bytes: ", name, len);
	for (i = 0; i < len; i++)
		fprintf(stderr, "%02x", data[i]);
	fprintf(stderr, "\n");
}

const char *frames_name(uint32_t status)
{
	const char *name = vesper_status_name(status);

	return name ? name : "unassigned";
}

int frames_differ(const struct frames *f, uint32_t i, const char *what, uint64_t want, uint64_t got)
{
	const struct item *it = &f->item[i];

	frames_say(f, "frame %u (%s): %s is %" PRIu64 ", expected %" PRIu64, i, it->in.what, what,
		   got, want);
	fprintf(stderr, "status %s, expected %s\n", frames_name(it->got.status),
		frames_name(it->want.status));
	dump("frame", it->in.data, it->in.len);
	dump("expected", it->want.data, it->want.len);
	dump("got", it->got.data, it->got.len);
	return -1;
}

/* ---- set up ---- */

static int wire_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

struct frames *frames_open(const char *socket, const char *wire)
{
	struct vesper_opts opts = { .size = sizeof(opts), .mtu = MTU, .timeout_ms = TIMEOUT_MS };
	struct frames *f = calloc(1, sizeof(*f));
	char text[256];

	if (!f)
		return NULL;
	f->wire = -1;
	if (vesper_open(&opts, &f->soft, text, sizeof(text)) ||
	    vesper_open(&opts, &f->open_window, text, sizeof(text)))
		goto fail;
	opts.card = socket;
	if (vesper_open(&opts, &f->card, text, sizeof(text)))
		goto fail;
	f->wire = wire_connect(wire);
	if (f->wire >= 0)
		return f;
	snprintf(text, sizeof(text), "no wire");
fail:
	fprintf(stderr, "open: %s\n", text);
	frames_close(f);
	return NULL;
}

void frames_close(struct frames *f)
{
	if (!f)
		return;
	if (f->wire >= 0)
		close(f->wire);
	vesper_close(f->card);
	vesper_close(f->open_window);
	vesper_close(f->soft);
	free(f);
}

static int add_sa(struct frames *f, const struct vesper_sa *sa, uint32_t *card, uint32_t *soft)
{
	struct vesper_sa open_window = *sa;
	uint32_t handle;

	open_window.replay_window = 0;
	open_window.hard_packets = 0;
	open_window.soft_packets = 0;
	if (vesper_sa_add(f->card, sa, card))
		return frames_say(f, "card refuses SA: %s", vesper_strerror(f->card));
	if (vesper_sa_add(f->soft, sa, soft))
		return frames_say(f, "software refuses SA: %s", vesper_strerror(f->soft));
	if (vesper_sa_add(f->open_window, &open_window, &handle))
		return frames_say(f, "software refuses SA: %s", vesper_strerror(f->open_window));
	return 0;
}

/* Empty tables and counters, then this batch's SAs. */
static int set_up(struct frames *f, struct rng *r)
{
	uint32_t i;

	if (vesper_reset(f->card))
		return frames_say(f, "reset: %s", vesper_strerror(f->card));
	vesper_reset(f->soft);
	vesper_reset(f->open_window);
	memset(f->tx, 0, sizeof(f->tx));
	memset(f->rx, 0, sizeof(f->rx));
	f->tx_bytes = f->rx_bytes = f->maybe_icv = 0;
	make_sas(r, &f->sas);
	for (i = 0; i <= SA_OUT; i++)
		if (add_sa(f, &f->sas.out[i], &f->card_out[i], &f->soft_out[i]))
			return -1;
	for (i = 0; i <= SA_IN; i++)
		if (add_sa(f, &f->sas.in[i], &f->card_in[i], &f->soft_in[i]))
			return -1;
	return 0;
}

/* The card's name of an inbound SA that software names so. */
static uint32_t card_handle(const struct frames *f, uint32_t soft)
{
	uint32_t i;

	for (i = 0; i <= SA_IN; i++)
		if (f->soft_in[i] == soft)
			return f->card_in[i];
	return 0;
}

/* An outbound SA: mostly one of those that are there, and mostly for what it is. */
static void choose_sa(struct frames *f, struct rng *r, struct item *it, uint32_t i)
{
	bool inplace = f->sas.out[i].flags & VESPER_SAF_INPLACE;
	uint32_t flip = 0;

	it->want.sa = f->soft_out[i];
	it->got.sa = f->card_out[i];
	it->want.op = inplace ? VESPER_OP_INPLACE : once_in(r, 10) ? VESPER_OP_DUMMY : 0;
	if (once_in(r, 30))
		it->want.op = inplace ? VESPER_OP_ENCRYPT : VESPER_OP_INPLACE;
	if (it->want.op == VESPER_OP_INPLACE)
		it->want.seq_hi = once_in(r, 3) ? 0 : (uint32_t)rng_next(r);
	it->got.op = it->want.op;
	it->got.seq_hi = it->want.seq_hi;
	switch (below(r, 24)) {
	case 0:
		i = below(r, SA_IN);
		it->want.sa = f->soft_in[i];
		it->got.sa = f->card_in[i];
		break;
	case 1:
		flip = 1u << (VESPER_SA_GEN_SHIFT + below(r, 15)); /* another generation */
		break;
	case 2:
		flip = 1u << (4 + below(r, 12)); /* an index at which no SA is */
		break;
	default:
		break;
	}
	/* Handle 0 is no SA at all: the frame would leave as it is. */
	if (it->want.sa == flip || it->got.sa == flip)
		return;
	it->want.sa ^= flip;
	it->got.sa ^= flip;
}

static void make_items(struct frames *f, struct rng *r)
{
	static const struct input nothing;
	uint32_t i;

	for (i = 0; i < f->count; i++) {
		struct item *it = &f->item[i];
		const struct input *prev = i ? &f->item[i - 1].in : &nothing;
		bool esp = f->path == DECRYPT || f->path == WIRE_IN;
		uint32_t sa = below(r, SA_OUT);

		if (esp && !once_in(r, 10))
			make_esp(r, &f->sas, &it->in, prev);
		else if (!esp && (f->sas.out[sa].flags & VESPER_SAF_INPLACE) && !once_in(r, 5))
			make_inplace(r, &f->sas.out[sa], &it->in, prev);
		else
			make_plain(r, &it->in, prev);
		/* A frame without bytes cannot be on a wire. */
		if (f->path == WIRE_IN && !it->in.len)
			it->in.len = 1;
		if (f->path == WIRE_IN && once_in(r, 100)) {
			rng_fill(r, it->in.data + it->in.len, ROOM - it->in.len);
			it->in.len = VESPER_FRAME_MAX - 2 + below(r, ROOM - VESPER_FRAME_MAX + 3);
		}
		it->maybe_icv = false;
		it->want = (struct vesper_frame){ .data = it->want_data,
						  .len = it->in.len,
						  .room = ROOM };
		it->got = it->want;
		it->got.data = it->got_data;
		memcpy(it->want_data, it->in.data, it->in.len);
		memcpy(it->got_data, it->in.data, it->in.len);
		if (!esp && (f->path == ENCRYPT || !once_in(r, 3)))
			choose_sa(f, r, it, sa);
	}
}

/* ---- the oracle ---- */

static void drop(struct vesper_frame *frame, enum vesper_status status)
{
	frame->status = (uint8_t)status;
	frame->len = 0;
	frame->seq = 0;
	frame->sa = 0;
	frame->esp = false;
}

static void expect_decrypt(struct frames *f, struct item *it)
{
	uint8_t copy[ROOM];
	struct vesper_frame again = { .data = copy, .len = it->in.len, .room = ROOM };

	vesper_decrypt(f->soft, &it->want, 1);
	it->want.sa = card_handle(f, it->want.sa);
	if (it->want.status != VESPER_ST_REPLAY)
		return;
	memcpy(copy, it->in.data, it->in.len);
	vesper_decrypt(f->open_window, &again, 1);
	it->maybe_icv = again.status == VESPER_ST_ICV;
}

static void expect_wire_in(struct frames *f, struct item *it)
{
	uint32_t len = it->in.len;

	if (len < VESPER_FRAME_MIN) {
		drop(&it->want, VESPER_ST_RUNT);
		return;
	}
	if (len > VESPER_FRAME_MAX) {
		drop(&it->want, VESPER_ST_OVERSIZE);
		return;
	}
	expect_decrypt(f, it);
	it->want.seq = (uint32_t)it->want.seq;
	if (it->want.status == VESPER_ST_NOT_ESP) {
		it->want.status = VESPER_ST_OK;
		it->want.len = len;
		memcpy(it->want_data, it->in.data, len);
	}
}

static void expect_wire_out(struct frames *f, struct item *it)
{
	struct packet p;

	if (it->want.sa) {
		vesper_encrypt(f->soft, &it->want, 1);
	} else if (it->in.len < VESPER_FRAME_MIN || it->in.len > VESPER_FRAME_MAX) {
		drop(&it->want, VESPER_ST_BAD_LENGTH);
	} else {
		packet_parse(it->in.data, it->in.len, true, &p);
		if (it->in.len - (p.l2 - ETH) > MTU) {
			drop(&it->want, VESPER_ST_TOO_BIG);
			it->want.fits = MTU - ETH;
		}
	}
}

static void expect(struct frames *f)
{
	uint32_t i;

	for (i = 0; i < f->count; i++) {
		struct item *it = &f->item[i];

		switch (f->path) {
		case DECRYPT:
			expect_decrypt(f, it);
			break;
		case ENCRYPT:
			vesper_encrypt(f->soft, &it->want, 1);
			break;
		case WIRE_IN:
			expect_wire_in(f, it);
			break;
		default:
			expect_wire_out(f, it);
			break;
		}
	}
}

/* ---- the card ---- */

static int compare(struct frames *f, uint32_t i)
{
	struct item *it = &f->item[i];
	const struct vesper_frame *want = &it->want, *got = &it->got;
	bool icv = it->maybe_icv && got->status == VESPER_ST_ICV;

	if (got->status != want->status && !icv)
		return frames_differ(f, i, "status", want->status, got->status);
	if (got->len != want->len)
		return frames_differ(f, i, "length", want->len, got->len);
	if (memcmp(got->data, want->data, want->len))
		return frames_differ(f, i, "content", 0, 1);
	if (got->seq != want->seq)
		return frames_differ(f, i, "sequence number", want->seq, got->seq);
	if (got->fits != want->fits)
		return frames_differ(f, i, "what fits", want->fits, got->fits);
	if (got->inplace != want->inplace)
		return frames_differ(f, i, "in place", want->inplace, got->inplace);
	if (got->esp != want->esp)
		return frames_differ(f, i, "esp", want->esp, got->esp);
	if ((f->path == DECRYPT || f->path == WIRE_IN) && got->sa != want->sa)
		return frames_differ(f, i, "SA", want->sa, got->sa);
	f->seen[f->path][got->status]++;
	return 0;
}

/* The library refuses a length by itself: the card never counts it. */
void frames_count_tx(struct frames *f, const struct vesper_frame *frame)
{
	if (frame->status == VESPER_ST_BAD_LENGTH)
		return;
	/* A verdict in place goes with a frame that was delivered. */
	f->tx[frame->inplace ? VESPER_ST_OK : frame->status]++;
	f->tx_bytes += frame->len;
}

static int run_card(struct frames *f, uint32_t from, uint32_t n)
{
	struct vesper_frame burst[BATCH_MAX];
	uint32_t i;
	int passed;

	for (i = 0; i < n; i++)
		burst[i] = f->item[from + i].got;
	if (f->path == DECRYPT)
		passed = vesper_decrypt(f->card, burst, n);
	else if (f->path == ENCRYPT)
		passed = vesper_encrypt(f->card, burst, n);
	else
		passed = vesper_send(f->card, burst, n);
	if (passed < 0)
		return frames_say(f, "the card fails: %s", vesper_strerror(f->card));
	for (i = 0; i < n; i++) {
		f->item[from + i].got = burst[i];
		frames_count_tx(f, &burst[i]);
		passed -= burst[i].status == VESPER_ST_OK;
	}
	return passed ? frames_say(f, "the count of passed frames is wrong by %d", passed) : 0;
}

static int run_lookaside(struct frames *f)
{
	uint32_t i;

	if (run_card(f, 0, f->count))
		return -1;
	for (i = 0; i < f->count; i++)
		if (compare(f, i))
			return -1;
	return 0;
}

static int wire_write(struct frames *f, const uint8_t *data, uint32_t len)
{
	uint8_t message[4 + ROOM];
	uint32_t at = 0;
	ssize_t n;

	put_be32(message, len);
	memcpy(message + 4, data, len);
	while (at < len + 4) {
		n = send(f->wire, message + at, len + 4 - at, MSG_NOSIGNAL);
		if (n <= 0)
			return frames_say(f, "the wire: %s", strerror(errno));
		at += (uint32_t)n;
	}
	return 0;
}

static int wire_read(struct frames *f, void *data, uint32_t len)
{
	struct pollfd fd = { .fd = f->wire, .events = POLLIN };
	uint32_t at = 0;
	ssize_t n;

	while (at < len) {
		if (poll(&fd, 1, TIMEOUT_MS) != 1)
			return frames_say(f, "a frame did not leave within %d ms", TIMEOUT_MS);
		n = recv(f->wire, (uint8_t *)data + at, len - at, 0);
		if (n <= 0)
			return frames_say(f, "the wire has gone");
		at += (uint32_t)n;
	}
	return 0;
}

/* Ethernet pads what is shorter than its least length. */
static uint32_t on_wire(uint32_t len)
{
	return len < WIRE_MIN ? WIRE_MIN : len;
}

static int run_wire_out(struct frames *f)
{
	uint32_t from, n, i, len;
	uint8_t head[4];

	for (from = 0; from < f->count; from += n) {
		n = f->count - from < CHUNK ? f->count - from : CHUNK;
		if (run_card(f, from, n))
			return -1;
		for (i = from; i < from + n; i++) {
			struct item *it = &f->item[i];

			if (it->got.status == VESPER_ST_OK) {
				if (wire_read(f, head, sizeof(head)))
					return -1;
				len = get_be32(head);
				if (len != on_wire(it->got.len))
					return frames_differ(f, i, "length on the wire",
							     on_wire(it->got.len), len);
				if (wire_read(f, it->got_data, len))
					return -1;
				for (; len > it->got.len; len--)
					if (it->got_data[len - 1])
						return frames_differ(f, i, "Ethernet padding", 0,
								     it->got_data[len - 1]);
			}
			if (compare(f, i))
				return -1;
		}
	}
	return 0;
}

/* Takes @n frames from the card; they are those of @from on that pass, in this order. */
static int receive(struct frames *f, uint32_t from, uint32_t end)
{
	uint32_t i;
	int n;

	for (i = from; i < end; i++) {
		struct item *it = &f->item[i];

		if (it->want.status != VESPER_ST_OK && !it->want.inplace) {
			/* Which of them, the counters say. */
			it->got.status = it->want.status;
			f->seen[WIRE_IN][it->want.status]++;
			f->rx[it->want.status]++;
			f->maybe_icv += it->maybe_icv;
			continue;
		}
		n = vesper_recv(f->card, &it->got, 1, TIMEOUT_MS);
		if (n < 0)
			return frames_say(f, "the card fails: %s", vesper_strerror(f->card));
		if (!n)
			return frames_differ(f, i, "frames received", 1, 0);
		if (compare(f, i))
			return -1;
		f->rx[VESPER_ST_OK]++;
		f->rx_bytes += it->got.len;
	}
	return 0;
}

static int run_wire_in(struct frames *f)
{
	uint32_t from, n, i;

	for (from = 0; from < f->count; from += n) {
		n = f->count - from < CHUNK ? f->count - from : CHUNK;
		for (i = from; i < from + n; i++)
			if (wire_write(f, f->item[i].in.data, f->item[i].in.len))
				return -1;
		if (receive(f, from, from + n))
			return -1;
	}
	return 0;
}

int frames_batch(struct frames *f, uint64_t seed, uint32_t number, uint32_t count)
{
	struct rng r = rng_for(seed, 'F', number);
	int err;

	f->seed = seed;
	f->number = number;
	f->count = count;
	f->path = number % PATHS;
	if (count > BATCH_MAX)
		return frames_say(f, "a batch has at most %u frames", BATCH_MAX);
	if (set_up(f, &r))
		return -1;
	make_items(f, &r);
	expect(f);
	if (f->path == WIRE_IN)
		err = run_wire_in(f);
	else if (f->path == WIRE_OUT)
		err = run_wire_out(f);
	else
		err = run_lookaside(f);
	return err ? -1 : frames_check(f, &r);
}

void frames_summary(const struct frames *f)
{
	unsigned int path, i;

	for (path = 0; path < PATHS; path++) {
		printf("frames %s:", path_names[path]);
		for (i = 0; i < VESPER_ST_COUNT; i++)
			if (f->seen[path][i])
				printf(" %s %" PRIu64, frames_name(i), f->seen[path][i]);
		printf("\n");
	}
}
