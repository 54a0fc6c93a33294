// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instructions of the userspace driver a packet, in bursts of 32, as a program would have it:
 *
 *   forward    frames come from the wire and are sent on, encrypted: collected, described, posted, results
 *              collected, buffers put back
 *   lookaside  frames go to the card and come back: buffers taken, described, posted, results and frames
 *              collected, both buffers put back
 *
 * Counted is what the driver does, inline functions and the loops around them too; not what the program does
 * with its frames, nor the card, which is a few lines of C here. Counted by single steps (ptrace), so that it
 * is exact and needs no counter of the processor.
 *
 * Usage: driver_burst FILE.json
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vesper_dev_priv.h"
#include "vesper_ring.h"

#define BURST  32
#define WARMUP 64 /* bursts: both rings have gone round */
#define ROUNDS 16 /* refills of all kinds among them */
#define LEN    1434
#define LIMIT  120

/* A card that does all it is asked at once. */
struct card {
	struct vesper_transport base;
	u8 bar[VESPER_BAR0_SIZE] __attribute__((aligned(64)));
	u8 config[64];
	u8 *mem;
	u64 iova;
	u16 tx, rx;
};

static struct card card;

static void set(u32 offset, u32 value)
{
	memcpy(card.bar + offset, &value, 4);
}

static u64 get64(u32 offset)
{
	u64 value;

	memcpy(&value, card.bar + offset, 8);
	return value;
}

static u8 *place(u32 region, u64 offset)
{
	return (region == VESPER_REGION_CONFIG ? card.config : card.bar) + offset;
}

static int card_read(struct vesper_transport *t, u32 region, u64 offset, void *data, u32 len)
{
	(void)t;
	memcpy(data, place(region, offset), len);
	return 0;
}

static int card_write(struct vesper_transport *t, u32 region, u64 offset, const void *data, u32 len)
{
	(void)t;
	memcpy(place(region, offset), data, len);
	/* A queue pair is active when it is enabled. */
	if (region == VESPER_REGION_BAR0 && offset == QUEUE_REG(0, ctrl))
		set(QUEUE_REG(0, state), *(const u32 *)data & 1);
	return 0;
}

static int card_post32(struct vesper_transport *t, u32 region, u64 offset, u32 value)
{
	(void)t;
	*(volatile u32 *)place(region, offset) = value;
	return 0;
}

static int card_dma_map(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova,
			u64 size)
{
	(void)t, (void)fd, (void)offset, (void)size;
	card.mem = mem;
	card.iova = iova;
	return 0;
}

static int card_dma_unmap(struct vesper_transport *t, u64 iova, u64 size)
{
	(void)t, (void)iova, (void)size;
	return 0;
}

static void card_close(struct vesper_transport *t)
{
	(void)t;
}

static const struct vesper_transport_ops ops = {
	.name = "bench",
	.read = card_read,
	.write = card_write,
	.post32 = card_post32,
	.dma_map = card_dma_map,
	.dma_unmap = card_dma_unmap,
	.close = card_close,
};

static void *ring(u32 base)
{
	return card.mem + (get64(base) - card.iova);
}

static void put_rx(u32 log2, u16 len, u8 flags, u16 tag)
{
	struct vesper_rx_cpl *rx = ring(QUEUE_REG(0, rx_cpl_lo));

	rx[vesper_ring_slot(card.rx, log2)] = (struct vesper_rx_cpl){
		.index = card.rx,
		.len = len,
		.flags = vesper_ring_phase(card.rx, log2) | flags,
		.tag = tag,
	};
	card.rx++;
}

/* Complete what is posted; what is to come back is as long as it was. */
static void card_run(u32 log2)
{
	struct vesper_tx_desc *desc = ring(QUEUE_REG(0, tx_base_lo));
	struct vesper_tx_cpl *done = ring(QUEUE_REG(0, tx_cpl_lo));
	u16 tail = (u16)get64(DOORBELL_REG(0, tx_tail));

	for (; card.tx != tail; card.tx++) {
		struct vesper_tx_desc *d = &desc[vesper_ring_slot(card.tx, log2)];

		done[vesper_ring_slot(card.tx, log2)] = (struct vesper_tx_cpl){
			.index = card.tx,
			.len = d->len,
			.flags = vesper_ring_phase(card.tx, log2),
			.seq = 1,
		};
		if (d->flags & VESPER_TXF_LOOKASIDE)
			put_rx(log2, d->len, VESPER_CPL_LOOKASIDE, card.tx);
	}
}

/* A burst from the wire. */
static void card_wire(u32 log2)
{
	int i;

	for (i = 0; i < BURST; i++)
		put_rx(log2, LEN, 0, 0);
}

static pid_t self;
/* Shared with the tracer, which counts while it is set; NULL: it does not. */
static volatile int *counting;

/* The tracer counts from the stop on, */
static void begin(void)
{
	if (!counting)
		return;
	*counting = 1;
	kill(self, SIGSTOP);
}

/* until this. */
static void end(void)
{
	if (counting)
		*counting = 0;
}

/* ---- what a program does with a burst; false: frames are missing ---- */

static bool lookaside(struct vesper_queue *q)
{
	struct vesper_tx_result done[BURST];
	struct vesper_buf *bufs[BURST];
	struct vesper_tx tx[BURST];
	struct vesper_rx rx[BURST];
	unsigned int i, n;
	int m;

	begin();
	for (i = 0; i < BURST; i++)
		bufs[i] = vesper_buf_get(q);
	end();
	for (i = 0; i < BURST; i++) {
		if (!bufs[i])
			return false;
		tx[i] = (struct vesper_tx){ .buf = bufs[i],
					    .cookie = i,
					    .sa = 1,
					    .len = LEN,
					    .op = VESPER_OP_ENCRYPT,
					    .flags = VESPER_TXF_LOOKASIDE };
	}
	begin();
	m = vesper_queue_tx(q, tx, BURST);
	end();
	if (m != BURST)
		return false;
	card_run(q->tx_log2);
	begin();
	n = vesper_queue_tx_done(q, done, BURST);
	m = vesper_queue_rx(q, rx, BURST);
	for (i = 0; i < n; i++)
		vesper_buf_put(done[i].buf);
	for (i = 0; (int)i < m; i++)
		vesper_buf_put(rx[i].buf);
	end();
	return n == BURST && m == BURST;
}

static bool forward(struct vesper_queue *q)
{
	struct vesper_tx_result done[BURST];
	struct vesper_tx tx[BURST];
	struct vesper_rx rx[BURST];
	unsigned int i, n;
	int m;

	card_wire(q->rx_log2);
	begin();
	m = vesper_queue_rx(q, rx, BURST);
	end();
	for (i = 0; (int)i < m; i++)
		tx[i] = (struct vesper_tx){
			.buf = rx[i].buf, .len = rx[i].len, .op = VESPER_OP_ENCRYPT, .sa = 1
		};
	begin();
	m = vesper_queue_tx(q, tx, (unsigned int)m);
	end();
	card_run(q->tx_log2);
	begin();
	n = vesper_queue_tx_done(q, done, BURST);
	for (i = 0; i < n; i++)
		vesper_buf_put(done[i].buf);
	end();
	return m == BURST && n == BURST;
}

struct path {
	const char *name;
	bool (*burst)(struct vesper_queue *q);
	unsigned int limit; /* 0: none */
};

static const struct path paths[] = {
	{ "forward", forward, LIMIT },
	{ "lookaside", lookaside, 0 },
};

/* The traced side. Return: exit status. */
static int work(const struct path *path, volatile int *shared)
{
	struct vesper_dev_opts o = { .size = sizeof(o), .transport = &card.base };
	struct vesper_queue_stats stats;
	struct vesper_queue *q;
	struct vesper_dev *dev;
	bool ok = true;
	int i;

	self = getpid();
	card.base = (struct vesper_transport){ .ops = &ops, .bar0_size = VESPER_BAR0_SIZE };
	memcpy(card.config, (u16[]){ VESPER_PCI_VENDOR, VESPER_PCI_DEVICE }, 4);
	set(REG(id), VESPER__ID_R__MAGIC_reset);
	set(REG(abi), VESPER_ABI_MAJOR << VESPER__ABI_R__MAJOR_bp);
	set(REG(geometry), 1);
	set(REG(state), VESPER__STATE_R__FW_READY_bm | VESPER__STATE_R__DATA_PATH_OPEN_bm);
	if (vesper_dev_open(&o, &dev) || vesper_queue_open(dev, 0, NULL, &q)) {
		fprintf(stderr, "driver_burst: %s\n", vesper_dev_strerror());
		return 1;
	}
	for (i = 0; ok && i < WARMUP + ROUNDS; i++) {
		counting = i >= WARMUP ? shared : NULL;
		ok = path->burst(q);
	}
	vesper_queue_stats(q, &stats);
	ok &= stats.rx_frames == (WARMUP + ROUNDS) * BURST && stats.tx_frames == stats.rx_frames &&
	      !stats.hw_errors;
	vesper_dev_close(dev);
	if (!ok)
		fprintf(stderr, "driver_burst: %s: frames are missing\n", path->name);
	return !ok;
}

/* Counts steps from each stop of the child on, while it is told to. Return: -1 on failure. */
static long count(pid_t child, const volatile int *shared)
{
	long steps = 0;
	int status;

	while (waitpid(child, &status, 0) == child) {
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -1 : steps;
		if (!WIFSTOPPED(status))
			return -1;
		if (!*shared) {
			if (ptrace(PTRACE_CONT, child, NULL, NULL))
				return -1;
			continue;
		}
		if (WSTOPSIG(status) == SIGTRAP)
			steps++;
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
			return -1;
	}
	return -1;
}

/* Return: instructions a packet, or -1. */
static double measure(const struct path *path, volatile int *shared)
{
	pid_t child = fork();
	long steps;

	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
			fprintf(stderr, "driver_burst: ptrace: %s\n", strerror(errno));
			_exit(1);
		}
		_exit(work(path, shared));
	}
	steps = count(child, shared);
	return steps < 0 ? -1 : (double)steps / (ROUNDS * BURST);
}

int main(int argc, char **argv)
{
	volatile int *shared;
	FILE *out;
	double value;
	size_t i;

	if (argc != 2) {
		fprintf(stderr, "Usage: driver_burst FILE.json\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	out = fopen(argv[1], "w");
	if (shared == MAP_FAILED || !out) {
		fprintf(stderr, "driver_burst: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		value = measure(&paths[i], shared);
		if (value < 0)
			return 1;
		fprintf(out,
			"%s{\"name\": \"driver.instructions.%s.burst32\", \"value\": %.1f, "
			"\"unit\": \"instructions/packet\"",
			i ? ",\n " : "[", paths[i].name, value);
		if (paths[i].limit)
			fprintf(out, ", \"limit\": %u, \"ratio\": %.3f", paths[i].limit,
				value / paths[i].limit);
		fputc('}', out);
	}
	fputs("]\n", out);
	return fclose(out) ? 1 : 0;
}
