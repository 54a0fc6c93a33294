/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the userspace driver share. */
#ifndef VESPER_DEV_PRIV_H
#define VESPER_DEV_PRIV_H

#include <pthread.h>

#include "vesper_dev.h"
#include "vesper_error.h"
#include "vesper_regs.h"
#include "vesper_transport.h"

#define VESPER_QUEUES_MAX 16 /* doorbell pages that fit in BAR0 */
#define VESPER_BAR0_SIZE  0x20000

/* Offsets in BAR0. */
#define REG(name) offsetof(vesper_t, name)
#define QUEUE_REG(id, name)                                         \
	(REG(queue) + (id) * sizeof(vesper__queue_rf__stride80_t) + \
	 offsetof(vesper__queue_rf__stride80_t, name))
#define DOORBELL_REG(id, name)                                              \
	(REG(doorbell) + (id) * sizeof(vesper__doorbell_rf__stride1000_t) + \
	 offsetof(vesper__doorbell_rf__stride1000_t, name))

struct vesper_dev {
	struct vesper_transport *t;
	u32 timeout_ms;
	pthread_mutex_t mbx_lock; /* one mailbox call at a time */
	u32 mbx_tag;
	pthread_mutex_t lock; /* what follows */
	struct vesper_iova_space iova;
	u32 queues;
	struct vesper_queue *queue[VESPER_QUEUES_MAX];
	struct vesper_event_ring *events; /* NULL: not open */
};

/* A halted ring raises one interrupt at most and writes nothing: a sleeper looks now and then. */
#define VESPER_CHECK_MS 500

int vesper_reg_read(struct vesper_dev *dev, u32 offset, u32 *value);
int vesper_reg_write(struct vesper_dev *dev, u32 offset, u32 value);

/* Sleep a little, longer with each @round, for registers that will change soon. */
void vesper_backoff(u32 round);

/* Sleep until an interrupt (counted, unless NULL) or for @ms. Return: 0, -EINTR, -ECONNRESET. */
int vesper_sleep_irq(struct vesper_dev *dev, int irq_fd, int ms, u64 *interrupts);

/* ---- memory that the card may reach ---- */

struct vesper_dma {
	struct vesper_dev *dev;
	int fd;
	void *mem;
	u64 iova;
	u64 size; /* bytes, rounded up */
	struct vesper_iova place;
	bool mapped;
};

/*
 * Get @size zeroed bytes, in huge pages where the system has some, and let the
 * card reach them. Left out of core dumps, because packets are in there.
 * Caller holds dev->lock. Return: 0, -ENOMEM, or a transport error.
 */
int vesper_dma_alloc(struct vesper_dev *dev, size_t size, struct vesper_dma *dma);
/*
 * Take it from the card and give it back. Does nothing with what was never allocated. Caller
 * holds dev->lock.
 */
void vesper_dma_free(struct vesper_dma *dma);

/* ---- queue pairs ---- */

/* What a place of the TX ring waits for; 0: it is free. */
#define TX_WAITS_FRAME	    VESPER_TXF_LOOKASIDE /* its result has not been collected */
#define TX_WAITS_COMPLETION (1u << 1)
#define TX_WAITS_CONTEXT    (1u << 2) /* the completion of a context, which nobody wants */

struct vesper_tx_slot {
	struct vesper_buf *buf;
	u64 cookie;
};

struct vesper_queue {
	struct vesper_pool pool; /* first, for vesper_buf_get() */
	struct vesper_tx_desc *tx_desc;
	struct vesper_tx_cpl *tx_cpl;
	struct vesper_tx_slot *tx_slot;
	u8 *tx_waits; /* TX_WAITS_* of each place */
	struct vesper_rx_desc *rx_desc;
	struct vesper_rx_cpl *rx_cpl;
	struct vesper_buf **rx_slot; /* NULL: its buffer has come back */
	/* All indices run freely. */
	u16 tx_tail,
		tx_head; /* next to post; none before it is in use, moved on as place is needed */
	u16 tx_seen;	 /* completions consumed */
	u16 rx_tail, rx_head;
	u16 rx_seen;
	u16 rx_holes; /* places between rx_head and rx_tail whose buffer has come back */
	u8 tx_log2, rx_log2;
	u16 tx_mask, rx_mask; /* entries - 1 */
	u16 rx_refill_at;     /* free places that are worth a doorbell */
	u32 buf_size;
	u32 id;
	struct vesper_dev *dev;
	struct vesper_queue_stats stats;

	int irq_fd; /* -1: polling */
	struct vesper_dma dma;
	struct vesper_buf *bufs;
	u32 buf_count;
};

/* Stop a queue pair and wait until it has. -EBUSY: it does not. */
int vesper_queue_stop(struct vesper_dev *dev, u32 id);

#endif
