/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card made of C, for tests of the userspace driver: a vfio-user server in a
 * thread, with registers, a mailbox and rings, that misbehaves as it is told.
 */
#ifndef VFIO_FAKE_H
#define VFIO_FAKE_H

#include <pthread.h>

#include "vesper_dev.h"
#include "vesper_regs.h"

/* What to do with the reply to one command. */
enum fault {
	FAULT_NONE,
	FAULT_SILENT, /* no reply */
	FAULT_CLOSE,  /* close the connection instead */
	FAULT_ERROR,  /* an error reply with fault_value as errno */
	FAULT_WRONG_ID,
	FAULT_WRONG_CMD,
	FAULT_NOT_REPLY, /* a command comes in its place */
	FAULT_TINY,	 /* header size 3 */
	FAULT_SHORT,	 /* payload 4 bytes shorter than it must be, size honest */
	FAULT_LONG,	 /* 4 bytes longer */
	FAULT_CUT,	 /* the connection ends in the middle of the reply */
	FAULT_SLIVERS,	 /* a right reply, byte by byte */
	FAULT_PATCH,	 /* 32-bit word at payload offset fault_at becomes fault_value */
};

enum mbx_fault {
	MBX_GOOD,
	MBX_NEVER, /* stays busy */
	MBX_DEAD,  /* stays busy, and the firmware is dead */
	MBX_WRONG_TAG,
	MBX_WRONG_CMD,
	MBX_WRONG_LEN,
	MBX_REFUSE,	 /* status mbx_status, field mbx_field, value mbx_value */
	MBX_OTHER_PLACE, /* SA_QUERY and POLICY_QUERY with NEXT go backwards */
	MBX_NO_GENERATION,
};

#define FAKE_QUEUES   2
#define FAKE_MAPS     8
#define FAKE_SAS      4
#define FAKE_POLICIES 3

struct fake_queue {
	bool enabled;
	u32 tx_log2, rx_log2;
	u64 tx_base, tx_cpl, rx_base, rx_cpl;
	u16 tx_head, tx_tail, tx_done; /* tx_done: completions written */
	u16 rx_head, rx_tail, rx_done;
	bool armed;
	u16 tx_seen, rx_seen;
	int irq_fd;
};

/* What makes ESP of frames, for tests that want some. Called with the card's lock held. */
struct fake_engine {
	void *ctx;
	void (*sa_add)(void *ctx, const struct vesper_sa *sa, u32 handle);
	void (*sa_lease)(void *ctx, u32 handle, u64 lease_end);
	/* In place, in room of VESPER_FRAME_MAX bytes. Return: enum vesper_status. */
	u8 (*run)(void *ctx, const struct vesper_tx_desc *d, u8 *frame, u16 *len, u64 *seq,
		  u32 *sa);
};

struct fake_events {
	bool enabled;
	u32 log2;
	u64 base;
	u16 written, seen;
	bool armed;
	int irq_fd;
};

struct fake {
	char path[64];
	pthread_t thread;
	pthread_mutex_t lock; /* all that follows, while the thread runs */
	int listener, conn;
	u8 bar[0x20000] __attribute__((aligned(64)));
	u8 config[256];
	u64 bar_size;
	u16 version_major;
	u32 vectors;

	u16 fault_cmd;
	u32 fault_skip; /* let so many pass first */
	enum fault fault;
	u32 fault_at, fault_value;

	enum mbx_fault mbx;
	u32 mbx_status;
	u16 mbx_field;
	u64 mbx_value;
	u32 mbx_calls;
	u8 last_request[VESPER_MBX_SIZE] __attribute__((aligned(64)));
	struct vesper_sa_info sa[FAKE_SAS];
	struct vesper_policy policy[FAKE_POLICIES];
	u32 policy_handle[FAKE_POLICIES]; /* 0: free */

	struct {
		u64 iova, size;
		u8 *mem;
	} map[FAKE_MAPS];
	u32 maps_made, maps_now;
	u32 resets;

	struct fake_queue queue[FAKE_QUEUES];
	bool stuck; /* queue pairs never stop */
	bool bad_config;
	bool hold;     /* leave posted descriptors alone */
	bool reversed; /* complete each batch from its end */
	bool deaf;     /* no interrupts */
	/* Change a completion before it is written. */
	void (*tx_hook)(struct vesper_tx_cpl *c);
	void (*rx_hook)(struct vesper_rx_cpl *c);
	struct vesper_tx_desc last_tx;
	u32 contexts;	 /* how many came */
	u32 next_seq_hi; /* of the one that came last, for the next descriptor */
	u32 last_seq_hi; /* what the last VESPER_OP_INPLACE with one had */

	struct fake_events events;

	const struct fake_engine *engine; /* NULL: frames come back inverted */
	/* Counts down with each message, and before and after each step of a frame: then it dies. 0: never. */
	u32 die_in;
	bool die_silently; /* it keeps the connection */
	bool dead;
};

/* A well-behaved card with its thread; aborts the test if it cannot be made. */
struct fake *fake_start(void);
void fake_stop(struct fake *f);

/* Set a 32-bit register, from the test. */
void fake_reg(struct fake *f, u32 offset, u32 value);
u32 fake_reg_get(struct fake *f, u32 offset);

/* Process what is posted on a queue pair, though `hold` is set. */
void fake_release(struct fake *f, u32 id);
/* Write a completion as it is, but for the phase; on the next place of the ring. */
void fake_put_tx(struct fake *f, u32 id, struct vesper_tx_cpl c);
void fake_put_rx(struct fake *f, u32 id, struct vesper_rx_cpl c);

/* A frame comes from the wire, with what the completion @c says of it (index and len apart). */
void fake_wire(struct fake *f, u32 id, const u8 *frame, u16 len, struct vesper_rx_cpl c);
/* Write an event as it is, but for the phase, on the next place of the ring. */
void fake_put_event(struct fake *f, struct vesper_event e);

/* A dead card becomes a new one without SAs, which dies after so many steps. */
void fake_revive(struct fake *f, u32 die_in, bool silently);

/* Options for this card with a short timeout. */
struct vesper_dev_opts fake_opts(const struct fake *f);
/* Open it, which must work. */
struct vesper_dev *fake_open(const struct fake *f);

#endif
