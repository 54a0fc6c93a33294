/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card as a thing that can be clocked: registers, host memory, wire and
 * interrupts in terms of C calls. One thread.
 */
#ifndef SIM_CARD_H
#define SIM_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARD_MHZ	  250u
#define CARD_NS_PER_CYCLE (1000u / CARD_MHZ)

/* Longest frame that is passed on, either way; beyond it the rest is cut off and the frame marked bad. */
#define CARD_FRAME_MAX 16384u

struct card;

/* What the card does to its surroundings. Called from within the calls below. */
struct card_host {
	void *ctx;
	/* One bus beat of host memory; 0 or -EFAULT. */
	int (*mem_read)(void *ctx, uint64_t addr, void *to, size_t len);
	int (*mem_write)(void *ctx, uint64_t addr, const void *from, size_t len, uint64_t strobe);
	void (*interrupt)(void *ctx, unsigned int vector);
	/* A whole frame left on the wire, its last beat in `cycle`. */
	void (*wire_out)(void *ctx, const uint8_t *frame, size_t len, uint64_t cycle);
	/* The first beat of a frame from card_wire_in enters the card in `cycle`. */
	void (*wire_in)(void *ctx, const uint8_t *frame, size_t len, uint64_t cycle);
};

struct card_options {
	const char *firmware; /* image of the management CPU, or NULL */
	uint64_t mac;	      /* the card's address, byte 0 in bits 7:0 */
	unsigned int latency; /* cycles from an accepted read address to its first data beat */
	const char *trace;    /* FST file, or NULL */
	unsigned int
		wire_gbps; /* line rate of frames from the wire, 0: as fast as the card's bus */
};

/* Accesses to host memory under one AXI identifier: what it means, rtl/dma says. */
struct card_axi_stats {
	uint64_t bursts, beats, bytes, errors;
};

struct card_stats {
	uint64_t cycles; /* clocked */
	uint64_t busy;	 /* of them: not idle */
	uint64_t resets;
	uint64_t reg_reads, reg_writes;
	uint64_t interrupts;
	uint64_t wire_out_frames, wire_out_bytes;
	uint64_t wire_in_frames, wire_in_bytes;
	double wall; /* seconds spent clocking */
	struct card_axi_stats read[256], write[256];
};

/* -ENOMEM; -ENOTSUP: this build writes no trace; -EIO: the trace file cannot be written. The card is in reset until card_reset. */
int card_new(const struct card_host *host, const struct card_options *opts, struct card **card);
void card_free(struct card *card);

/* Holds reset for 16 cycles; what was under way is lost. SAs and keys are gone. */
void card_reset(struct card *card);
void card_set_bus_master(struct card *card, bool on);
unsigned int card_vectors(const struct card *card); /* of MSI-X */

/*
 * 32-bit register access at a multiple of 4 below 128 KiB, clocking the card
 * until it answers. strobe: a bit a byte. -EIO: bus error, or no answer within
 * 10,000 cycles.
 */
int card_reg_read(struct card *card, uint32_t offset, uint32_t *value);
int card_reg_write(struct card *card, uint32_t offset, uint32_t value, unsigned int strobe);

/* Clocks at most `cycles` times and returns at once when nothing is left to do; how often it did. */
unsigned int card_run(struct card *card, unsigned int cycles);

/* True when clocking would change nothing: card idle, no bus access, no frame under way. */
bool card_quiet(const struct card *card);

/* Queues a frame that arrives on the wire (copied). False: the queue is full, offer it again. */
bool card_wire_in(struct card *card, const uint8_t *frame, size_t len);
bool card_wire_room(const struct card *card);

const struct card_stats *card_stats(const struct card *card);

#endif
