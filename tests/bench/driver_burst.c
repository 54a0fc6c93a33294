// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instructions of the userspace driver's path a packet: bursts of 32 frames go to the card and come back
 * (lookaside), as a program would have it: buffers taken, frames described, posted, results collected, buffers
 * put back. The card is a few lines of C here and is not counted, nor is what a program does with its frames.
 * Counted by single steps (ptrace), so that it is exact and needs no counter of the processor.
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
#define LIMIT  120

/* A card that does all it is asked at once. */
struct card {
	struct vesper_transport base;
	u8 bar[VESPER_BAR0_SIZE] __attribute__((aligned(64)));
	u8 config[64];
	u8 *mem;
	u64 iova;
	u16 tx, rx, tx_tail;
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

/* Complete what is posted: each frame comes back as long as it was. */
static void card_run(u32 log2)
{
	struct vesper_tx_desc *desc = ring(QUEUE_REG(0, tx_base_lo));
	struct vesper_tx_cpl *done = ring(QUEUE_REG(0, tx_cpl_lo));
	struct vesper_rx_cpl *rx = ring(QUEUE_REG(0, rx_cpl_lo));
	u16 tail = (u16)get64(DOORBELL_REG(0, tx_tail));

	for (; card.tx != tail; card.tx++, card.rx++) {
		u16 len = desc[vesper_ring_slot(card.tx, log2)].len;

		done[vesper_ring_slot(card.tx, log2)] =
			(struct vesper_tx_cpl){ .index = card.tx,
						.len = len,
						.flags = vesper_ring_phase(card.tx, log2),
						.seq = 1 };
		rx[vesper_ring_slot(card.rx, log2)] = (struct vesper_rx_cpl){
			.index = card.rx,
			.len = len,
			.flags = (u8)(vesper_ring_phase(card.rx, log2) | VESPER_CPL_LOOKASIDE),
			.tag = card.tx,
		};
	}
}

/* What a program does with a burst. Return: did all go and come back? */
static bool send_burst(struct vesper_queue *q)
{
	struct vesper_tx tx[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		tx[i] = (struct vesper_tx){ .buf = vesper_buf_get(q),
					    .cookie = i,
					    .sa = 1,
					    .len = 1434,
					    .op = VESPER_OP_ENCRYPT,
					    .flags = VESPER_TXF_LOOKASIDE };
		if (!tx[i].buf)
			return false;
	}
	return vesper_queue_tx(q, tx, BURST) == BURST;
}

static bool collect_burst(struct vesper_queue *q)
{
	struct vesper_tx_result done[BURST];
	struct vesper_rx rx[BURST];
	unsigned int i, n = vesper_queue_tx_done(q, done, BURST);
	int m = vesper_queue_rx(q, rx, BURST);

	for (i = 0; i < n; i++)
		vesper_buf_put(done[i].buf);
	for (i = 0; (int)i < m; i++)
		vesper_buf_put(rx[i].buf);
	return n == BURST && m == BURST;
}

/* The traced side: stops itself at the start of what is counted, and clears *counting at its end. */
static int work(volatile int *counting)
{
	struct vesper_dev_opts o = { .size = sizeof(o), .transport = &card.base };
	struct vesper_queue_stats stats;
	struct vesper_queue *q;
	struct vesper_dev *dev;
	pid_t self = getpid();
	bool ok = true;
	int i;

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
		if (i >= WARMUP) {
			*counting = 1;
			kill(self, SIGSTOP);
			ok = send_burst(q);
			*counting = 0;
		} else {
			ok = send_burst(q);
		}
		card_run(q->tx_log2);
		if (i >= WARMUP) {
			*counting = 1;
			kill(self, SIGSTOP);
			ok &= collect_burst(q);
			*counting = 0;
		} else {
			ok &= collect_burst(q);
		}
	}
	vesper_queue_stats(q, &stats);
	ok &= stats.rx_frames == (WARMUP + ROUNDS) * BURST && !stats.hw_errors;
	vesper_dev_close(dev);
	if (!ok)
		fprintf(stderr, "driver_burst: frames are missing\n");
	return !ok;
}

/* Counts steps from each stop of the child to the end of what is counted. Return: -1 on failure. */
static long count(pid_t child, const volatile int *counting)
{
	long steps = 0;
	int status;

	while (waitpid(child, &status, 0) == child) {
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -1 : steps;
		if (!WIFSTOPPED(status))
			return -1;
		if (!*counting) {
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

int main(int argc, char **argv)
{
	volatile int *counting;
	FILE *out;
	pid_t child;
	long steps;

	if (argc != 2) {
		fprintf(stderr, "Usage: driver_burst FILE.json\n");
		return 2;
	}
	counting = mmap(NULL, sizeof(*counting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (counting == MAP_FAILED)
		return 1;
	child = fork();
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
			fprintf(stderr, "driver_burst: ptrace: %s\n", strerror(errno));
			_exit(1);
		}
		_exit(work(counting));
	}
	steps = count(child, counting);
	if (steps < 0)
		return 1;
	out = fopen(argv[1], "w");
	if (!out) {
		fprintf(stderr, "driver_burst: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fprintf(out,
		"[{\"name\": \"driver.instructions.burst32\", \"value\": %.1f, "
		"\"unit\": \"instructions/packet\", \"limit\": %d, \"ratio\": %.3f}]\n",
		(double)steps / (ROUNDS * BURST), LIMIT, (double)steps / (ROUNDS * BURST) / LIMIT);
	return fclose(out) ? 1 : 0;
}
