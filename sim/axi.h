/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host memory behind the card's AXI4 master: a slave with a queue of reads and
 * one of writes, each answered in order, reads after a fixed latency.
 */
#ifndef SIM_AXI_H
#define SIM_AXI_H

#include "card.h"
#include "card_pins.h"

#define AXI_OUTSTANDING 64u /* accepted addresses a direction; a power of two */

enum axi_resp { AXI_OKAY = 0, AXI_SLVERR = 2, AXI_DECERR = 3 };

struct axi_burst {
	uint64_t addr;
	uint64_t due; /* cycle of the first answer */
	unsigned int beats;
	uint8_t id, resp;
};

struct axi_queue {
	struct axi_burst burst[AXI_OUTSTANDING];
	unsigned int head, tail; /* free-running */
};

struct axi {
	const struct card_host *host;
	struct card_stats *stats;
	unsigned int latency;
	bool bus_master;
	struct axi_queue read;	/* addresses whose data is still to come */
	struct axi_queue write; /* addresses whose data is still to come */
	struct axi_queue done;	/* writes whose answer is still to come */
	/* A beat that came before its address: wready is set ahead of both, so that no burst costs a cycle more. */
	struct axi_beat {
		uint64_t strb;
		bool there, last;
		uint8_t data[BEAT];
	} early;
	uint64_t cycle;
};

void axi_init(struct axi *axi, const struct card_host *host, struct card_stats *stats,
	      unsigned int latency);

/* Forgets all that is outstanding, as a reset of the card does. */
void axi_reset(struct axi *axi, struct card_inputs *in);

/*
 * One cycle: takes what was handed over at the edge (`in` and `out` as they
 * stood then) and sets `in` for the next one.
 */
void axi_step(struct axi *axi, struct card_inputs *in, const struct card_outputs *out);

bool axi_quiet(const struct axi *axi);

#endif
