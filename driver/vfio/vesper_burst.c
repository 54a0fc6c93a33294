// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fast path: descriptors out, completions in. Completions are copied
 * before they are looked at, and every number in them is checked against what
 * this side knows, so that a card gone mad costs frames and never memory.
 */
#include <errno.h>

#include "vesper_dev_priv.h"
#include "vesper_ring.h"
#include "vesper_status.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct vesper_buf *vesper_buf_get(struct vesper_queue *q)
{
	struct vesper_buf *b;

	if (unlikely(!q->free_count))
		return NULL;
	b = q->free[--q->free_count];
	b->owner = OWNER_CALLER;
	return b;
}

static inline void put_free(struct vesper_queue *q, struct vesper_buf *b)
{
	b->owner = OWNER_FREE;
	q->free[q->free_count++] = b;
}

void vesper_buf_put(struct vesper_buf *b)
{
	if (b->owner == OWNER_CALLER)
		put_free(b->queue, b);
}

static inline bool frame_ok(const struct vesper_queue *q, const struct vesper_tx *f)
{
	return f->buf->queue == q && f->buf->owner == OWNER_CALLER &&
	       (u32)f->offset + f->len <= f->buf->size;
}

static int bad_frame(const struct vesper_queue *q, const struct vesper_tx *f)
{
	if (f->buf->queue != q || f->buf->owner != OWNER_CALLER)
		return vesper_error(-EINVAL,
				    "the buffer is not the caller's on queue pair %u (owner %u)",
				    q->id, f->buf->owner);
	return vesper_error(-EINVAL, "offset %u and len %u go beyond a buffer of %u bytes",
			    f->offset, f->len, f->buf->size);
}

static int ring_doorbell(struct vesper_queue *q, u32 offset, u16 index)
{
	vesper_dma_wmb();
	q->stats.doorbells++;
	return q->dev->t->ops->post32(q->dev->t, VESPER_REGION_BAR0, offset, index);
}

int vesper_queue_tx(struct vesper_queue *q, const struct vesper_tx *frames, unsigned int n)
{
	u32 space = vesper_ring_space(q->tx_tail, q->tx_head, q->tx_log2);
	unsigned int i;
	u16 tail = q->tx_tail;
	int err;

	if (n > space)
		n = space;
	for (i = 0; i < n; i++, tail++) {
		const struct vesper_tx *f = &frames[i];
		u32 at = vesper_ring_slot(tail, q->tx_log2);

		if (unlikely(!frame_ok(q, f))) {
			if (!i)
				return bad_frame(q, f);
			break;
		}
		f->buf->owner = OWNER_CARD;
		q->tx_slot[at].buf = f->buf;
		q->tx_slot[at].cookie = f->cookie;
		q->tx_slot[at].waits = TX_WAITS_COMPLETION |
				       (f->flags & VESPER_TXF_LOOKASIDE ? TX_WAITS_FRAME : 0);
		vesper_tx_desc_set(&q->tx_desc[at], f->buf->iova + f->offset, f->len, f->op,
				   f->flags, f->sa);
	}
	if (!i)
		return 0;
	q->tx_tail = tail;
	err = ring_doorbell(q, DOORBELL_REG(q->id, tx_tail), tail);
	return unlikely(err) ? err : (int)i;
}

/* Let go of the places at the head of the TX ring that wait for nothing more. */
static inline void advance_tx(struct vesper_queue *q)
{
	while (q->tx_head != q->tx_tail &&
	       !q->tx_slot[vesper_ring_slot(q->tx_head, q->tx_log2)].waits)
		q->tx_head++;
}

/* The slot that a completion names, or NULL if nothing there waits for @what. */
static inline struct vesper_tx_slot *tx_slot(struct vesper_queue *q, u16 index, u8 what)
{
	struct vesper_tx_slot *s = &q->tx_slot[vesper_ring_slot(index, q->tx_log2)];

	if (unlikely(!vesper_ring_holds(index, q->tx_tail, q->tx_head) || !(s->waits & what)))
		return NULL;
	return s;
}

static void tx_result(struct vesper_queue *q, struct vesper_tx_slot *s,
		      const struct vesper_tx_cpl *c, struct vesper_tx_result *r)
{
	u16 len = le16_to_cpu(c->len);

	r->buf = s->buf;
	r->cookie = s->cookie;
	r->seq = le64_to_cpu(c->seq);
	r->len = len;
	r->status = c->status;
	s->waits &= (u8)~TX_WAITS_COMPLETION;
	s->buf->owner = OWNER_CALLER;
	if (likely(c->status == VESPER_ST_OK && len >= VESPER_FRAME_MIN &&
		   len <= VESPER_FRAME_MAX)) {
		q->stats.tx_frames++;
		return;
	}
	/* Nothing will come back on the RX ring. */
	s->waits = 0;
	q->stats.tx_drops++;
	r->len = 0;
	if (c->status == VESPER_ST_OK || !vesper_status_name(c->status)) {
		r->status = VESPER_STATUS_INVALID;
		r->seq = 0;
		q->stats.hw_errors++;
	}
}

unsigned int vesper_queue_tx_done(struct vesper_queue *q, struct vesper_tx_result *results,
				  unsigned int n)
{
	struct vesper_tx_slot *s;
	struct vesper_tx_cpl c;
	unsigned int looked, got = 0;

	/* Also those that make no sense count, so that a mad card cannot keep us here. */
	for (looked = 0; looked < n; looked++) {
		const struct vesper_tx_cpl *p =
			&q->tx_cpl[vesper_ring_slot(q->tx_seen, q->tx_log2)];

		if (!vesper_cpl_ready(__atomic_load_n(&p->flags, __ATOMIC_ACQUIRE), q->tx_seen,
				      q->tx_log2))
			break;
		c = *p;
		q->tx_seen++;
		s = tx_slot(q, le16_to_cpu(c.index), TX_WAITS_COMPLETION);
		if (unlikely(!s)) {
			q->stats.hw_errors++;
			continue;
		}
		tx_result(q, s, &c, &results[got++]);
	}
	advance_tx(q);
	return got;
}

/* The buffer that a completion names, taken out of the ring; NULL if it names none. */
static inline struct vesper_buf *take_rx_buf(struct vesper_queue *q, u16 index)
{
	struct vesper_buf **slot = &q->rx_slot[vesper_ring_slot(index, q->rx_log2)];
	struct vesper_buf *b = *slot;

	if (unlikely(!vesper_ring_holds(index, q->rx_tail, q->rx_head)))
		return NULL;
	*slot = NULL;
	return b;
}

/* Fill in @f from a completion; false if it makes no sense. */
static inline bool rx_frame(struct vesper_queue *q, struct vesper_buf *b,
			    const struct vesper_rx_cpl *c, struct vesper_rx *f)
{
	struct vesper_tx_slot *s;
	u16 len = le16_to_cpu(c->len);

	f->cookie = 0;
	if (c->flags & VESPER_CPL_LOOKASIDE) {
		s = tx_slot(q, le16_to_cpu(c->tag), TX_WAITS_FRAME);
		if (unlikely(!s))
			return false;
		f->cookie = s->cookie;
		s->waits &= (u8)~TX_WAITS_FRAME;
	}
	if (unlikely(len < VESPER_FRAME_MIN || len > b->size))
		return false;
	if (unlikely(c->status && !vesper_status_name(c->status)))
		return false;
	f->buf = b;
	f->len = len;
	f->status = c->status;
	f->flags = c->flags & (VESPER_CPL_ESP | VESPER_CPL_LOOKASIDE);
	f->sa = le32_to_cpu(c->sa);
	f->hash = le32_to_cpu(c->hash);
	b->owner = OWNER_CALLER;
	return true;
}

int vesper_queue_rx(struct vesper_queue *q, struct vesper_rx *frames, unsigned int n)
{
	struct vesper_rx_cpl c;
	struct vesper_buf *b;
	unsigned int looked, got = 0;
	int err;

	for (looked = 0; looked < n; looked++) {
		const struct vesper_rx_cpl *p =
			&q->rx_cpl[vesper_ring_slot(q->rx_seen, q->rx_log2)];

		if (!vesper_cpl_ready(__atomic_load_n(&p->flags, __ATOMIC_ACQUIRE), q->rx_seen,
				      q->rx_log2))
			break;
		c = *p;
		q->rx_seen++;
		b = take_rx_buf(q, le16_to_cpu(c.index));
		if (unlikely(!b)) {
			q->stats.hw_errors++;
		} else if (likely(rx_frame(q, b, &c, &frames[got]))) {
			got++;
		} else {
			q->stats.hw_errors++;
			put_free(q, b);
		}
	}
	q->stats.rx_frames += got;
	advance_tx(q);
	while (q->rx_head != q->rx_tail && !q->rx_slot[vesper_ring_slot(q->rx_head, q->rx_log2)])
		q->rx_head++;
	if (vesper_ring_space(q->rx_tail, q->rx_head, q->rx_log2) >= q->rx_refill_at) {
		err = vesper_queue_refill(q);
		if (unlikely(err < 0 && !got))
			return err;
	}
	return (int)got;
}

int vesper_queue_refill(struct vesper_queue *q)
{
	u32 space = vesper_ring_space(q->rx_tail, q->rx_head, q->rx_log2);
	struct vesper_buf *b;
	u32 i, at;
	int err;

	if (space > q->free_count)
		space = q->free_count;
	if (!space)
		return 0;
	for (i = 0; i < space; i++, q->rx_tail++) {
		b = q->free[--q->free_count];
		b->owner = OWNER_CARD;
		at = vesper_ring_slot(q->rx_tail, q->rx_log2);
		q->rx_slot[at] = b;
		vesper_rx_desc_set(&q->rx_desc[at], b->iova, (u16)b->size);
	}
	err = ring_doorbell(q, DOORBELL_REG(q->id, rx_tail), q->rx_tail);
	return err ? err : (int)space;
}
