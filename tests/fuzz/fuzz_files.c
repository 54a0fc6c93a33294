// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mutated SA files, key files and captures at the command's readers, under the
 * sanitizers. A file is taken or refused with a sentence; what was taken is an
 * SA that passes the checks, or frames that software can deal with; and no
 * sentence has anything of the key in it.
 *
 * Usage: files DIRECTORY SEED COUNT [FIRST]
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/capture.h"
#include "cli/cli.h"
#include "fuzz.h"
#include "vesper_sa.h"

#define FILE_MAX 4096
#define DIGITS	 12 /* of a key in a row that must not be seen in a message */

enum kind { SA_FILE, KEY_FILE, PCAP, PCAPNG, KINDS };

static const char *const kind_names[KINDS] = { "SA file", "key file", "pcap", "pcapng" };

static const char key_text[] = "0x8f3a19c4d27be60512479acb3e58f1d60a6c9e21\n";
static const char sa_text[] = "# one SA\n"
			      "direction = out\n"
			      "mode = tunnel\n"
			      "source = 192.0.2.1\n"
			      "destination = 192.0.2.2\n"
			      "spi = 0x1000\n"
			      "icv = 16\n"
			      "replay-window = 64\n"
			      "sequence = 0\n"
			      "ttl = 64\n"
			      "dscp = 10\n"
			      "df = copy\n"
			      "encapsulation = udp 4500 4500\n"
			      "esn = yes\n"
			      "algorithm = aes-gcm\n"
			      "tfc = 100\n"
			      "hard-packets = 1000\n"
			      "queue = 0\n";

static char message[1024]; /* what cli_fail() said last */

int cli_fail(const struct cli *cli, enum cli_exit code, const char *format, ...)
{
	va_list args;

	(void)cli;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return code;
}

struct file {
	uint8_t data[FILE_MAX];
	uint32_t len;
};

static void add(struct file *f, const void *data, uint32_t len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void add32(struct file *f, uint32_t v)
{
	add(f, &v, sizeof(v));
}

/* Ethernet and IPv4 with a checksum, or nothing of that. */
static void add_frame(struct rng *r, struct file *f, uint32_t len)
{
	static struct input in;

	do
		make_good(r, &in);
	while (in.len < len);
	add(f, in.data, len);
}

static void make_pcap(struct rng *r, struct file *f)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1 };
	uint32_t i, len;

	add(f, head, sizeof(head));
	for (i = 0; i < 4; i++) {
		len = 20 + below(r, 200);
		add32(f, 1700000000);
		add32(f, below(r, 1000000));
		add32(f, len);
		add32(f, len);
		add_frame(r, f, len);
	}
}

static void make_pcapng(struct rng *r, struct file *f)
{
	static const uint32_t section[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0u, ~0u, 28 };
	static const uint32_t interface[] = { 1, 20, 1, 65535, 20 };
	uint32_t i, len;

	add(f, section, sizeof(section));
	add(f, interface, sizeof(interface));
	for (i = 0; i < 4; i++) {
		len = 20 + 4 * below(r, 50);
		add32(f, 6);
		add32(f, 32 + len);
		add32(f, 0);
		add32(f, 0);
		add32(f, 1000);
		add32(f, len);
		add32(f, len);
		add_frame(r, f, len);
		add32(f, 32 + len);
	}
}

static void mutate(struct rng *r, struct file *f)
{
	static const char *const words[] = { "-1",	"4294967296", "99999999999999999999",
					     "0x",	"=",	      "\n",
					     "key = 1", "#",	      "255",
					     "256",	"10.0.0.0.1" };
	static const uint32_t numbers[] = { 0, 1, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 13 };
	uint32_t at = below(r, f->len + 1), n = 1 + below(r, 16), from;

	switch (below(r, 7)) {
	case 0:
		f->len = at;
		break;
	case 1:
		if (f->len)
			f->data[below(r, f->len)] ^= (uint8_t)(1u << below(r, 8));
		break;
	case 2:
		if (f->len)
			f->data[below(r, f->len)] = (uint8_t)below(r, 256);
		break;
	case 3: /* a piece again, elsewhere */
		from = below(r, f->len + 1);
		if (n > f->len - from)
			n = f->len - from;
		if (at + n <= FILE_MAX)
			memmove(f->data + at, f->data + from, n);
		if (f->len < at + n && at + n <= FILE_MAX)
			f->len = at + n;
		break;
	case 4: { /* a number or a word instead */
		const char *word = words[below(r, sizeof(words) / sizeof(words[0]))];

		n = (uint32_t)strlen(word) ? (uint32_t)strlen(word) : 8;
		if (at + n <= f->len)
			memcpy(f->data + at, word, n);
		break;
	}
	case 5:
		if (at / 4 * 4 + 4 <= f->len)
			memcpy(f->data + at / 4 * 4, &numbers[below(r, 7)], 4);
		break;
	default: /* a long stretch of one byte */
		n = below(r, 600);
		if (f->len + n <= FILE_MAX) {
			memmove(f->data + at + n, f->data + at, f->len - at);
			memset(f->data + at, once_in(r, 2) ? 'a' : (int)below(r, 256), n);
			f->len += n;
		}
		break;
	}
}

/* A file in memory, under a name that the readers can open. */
struct place {
	int fd;
	char path[32];
};

static int place_open(struct place *p)
{
	p->fd = memfd_create("fuzz", MFD_CLOEXEC);
	snprintf(p->path, sizeof(p->path), "/proc/self/fd/%d", p->fd);
	return p->fd < 0 ? -1 : 0;
}

static int put(const struct place *p, const struct file *f)
{
	if (ftruncate(p->fd, 0) || pwrite(p->fd, f->data, f->len, 0) != (ssize_t)f->len) {
		perror(p->path);
		return -1;
	}
	return 0;
}

/* Leaves what went wrong for somebody to look at. */
static void keep(const char *directory, const char *name, const struct file *f)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "we");
	if (!out || fwrite(f->data, 1, f->len, out) != f->len)
		perror(path);
	if (out)
		fclose(out);
}

/* Does the message repeat so many digits of the key as stands in @key? */
static bool tells(const struct file *key)
{
	char digits[FILE_MAX], said[sizeof(message)];
	uint32_t i, n = 0, m = 0;

	for (i = 0; i < key->len; i++)
		if (isxdigit(key->data[i]))
			digits[n++] = (char)tolower(key->data[i]);
	for (i = 0; message[i]; i++)
		if (isxdigit((uint8_t)message[i]))
			said[m++] = (char)tolower(message[i]);
	for (i = 0; i + DIGITS <= n; i++)
		if (memmem(said, m, digits + i, DIGITS))
			return true;
	return false;
}

static const char *try_sa(const struct cli *cli, const struct file *key)
{
	struct vesper_sa sa;
	int code = cli_read_sa(cli, 0, &sa);

	if (code == CLI_OK)
		return vesper_sa_check(&sa, NULL) ? "an SA was taken that breaks a rule" : NULL;
	if (code != CLI_USAGE && code != CLI_FAILED)
		return "an exit code that is none";
	if (!message[0])
		return "refused without a word";
	return tells(key) ? "the message has digits of the key" : NULL;
}

/* Every packet of the capture, as `vesper encrypt` and `vesper decrypt` would take it. */
static const char *try_capture(const struct cli *cli, const char *path, struct vesper *v,
			       uint32_t handle)
{
	static uint8_t memory[ROOM];
	struct vesper_frame frame;
	struct capture_in *in;
	struct timeval when;
	const uint8_t *data;
	uint32_t len;
	int got;

	if (capture_open(cli, path, &in))
		return message[0] ? NULL : "refused without a word";
	while ((got = capture_next(cli, in, &data, &len, &when)) > 0) {
		memcpy(memory, data, len < ROOM ? len : ROOM);
		frame = (struct vesper_frame){ memory, .len = len, .room = ROOM, .sa = handle };
		if (vesper_encrypt(v, &frame, 1) == 1 && vesper_decrypt(v, &frame, 1) != 0) {
			capture_close(in);
			return "an SA that nobody installed decrypts";
		}
	}
	capture_close(in);
	return got < 0 && !message[0] ? "broken without a word" : NULL;
}

struct harness {
	const char *directory;
	struct place place[3]; /* SA, key, capture */
	struct vesper *v;
	uint32_t handle;
	uint64_t taken[KINDS], refused[KINDS];
};

static int one(struct harness *h, uint64_t seed, uint64_t number)
{
	struct rng r = rng_for(seed, 'f', number);
	enum kind kind = number % KINDS;
	static struct file sa, key, capture;
	struct cli cli = { .sa_file = h->place[0].path,
			   .key_file = h->place[1].path,
			   .key_fd = -1 };
	struct file *broken = kind == SA_FILE ? &sa : kind == KEY_FILE ? &key : &capture;
	const char *wrong;
	uint32_t n;

	sa.len = key.len = capture.len = 0;
	add(&sa, sa_text, sizeof(sa_text) - 1);
	add(&key, key_text, sizeof(key_text) - 1);
	if (kind == PCAP)
		make_pcap(&r, &capture);
	else if (kind == PCAPNG)
		make_pcapng(&r, &capture);
	for (n = below(&r, 5); n; n--)
		mutate(&r, broken);
	if (put(&h->place[0], &sa) || put(&h->place[1], &key) || put(&h->place[2], &capture))
		return -1;
	message[0] = 0;
	if (kind == SA_FILE || kind == KEY_FILE)
		wrong = try_sa(&cli, &key);
	else
		wrong = try_capture(&cli, h->place[2].path, h->v, h->handle);
	if (message[0])
		h->refused[kind]++;
	else
		h->taken[kind]++;
	if (!wrong)
		return 0;
	keep(h->directory, kind_names[kind], broken);
	fprintf(stderr,
		"%s: %s (\"%s\"); it is in %s\nagain with arguments DIRECTORY %" PRIu64
		" 1 %" PRIu64 "\n",
		kind_names[kind], wrong, message, h->directory, seed, number);
	return -1;
}

int main(int argc, char **argv)
{
	struct harness h = { 0 };
	uint64_t seed, count, first, i;
	struct vesper_sa sa = {
		.dir = VESPER_DIR_OUT,
		.mode = VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 16,
		.icv_len = 16,
		.ttl = 64,
		.spi = { 0, 0, 1, 0 },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 },
	};
	unsigned int kind;
	int err;

	if (argc < 4) {
		fprintf(stderr, "Usage: %s DIRECTORY SEED COUNT [FIRST]\n", argv[0]);
		return 2;
	}
	h.directory = argv[1];
	seed = strtoull(argv[2], NULL, 0);
	count = strtoull(argv[3], NULL, 0);
	first = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	printf("seed %" PRIu64 "\n", seed);
	for (i = 0; i < 3; i++)
		if (place_open(&h.place[i]))
			return 1;
	err = vesper_open(NULL, &h.v, NULL, 0);
	if (!err)
		err = vesper_sa_add(h.v, &sa, &h.handle);
	for (i = first; !err && i < first + count; i++)
		err = one(&h, seed, i);
	vesper_close(h.v);
	for (i = 0; i < 3; i++)
		close(h.place[i].fd);
	for (kind = 0; kind < KINDS && !err; kind++)
		printf("%s: %" PRIu64 " taken, %" PRIu64 " refused\n", kind_names[kind],
		       h.taken[kind], h.refused[kind]);
	return err ? 1 : 0;
}
