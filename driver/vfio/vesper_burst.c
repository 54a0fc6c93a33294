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

/* What a frame needs to know beyond its descriptor takes a place of the ring in front of it. */
static inline bool needs_context(const struct vesper_tx *f)
{
	return f->op == VESPER_OP_INPLACE && f->seq_hi;
}

static __attribute__((noinline)) void put_context(struct vesper_queue *q, u16 tail, u32 seq_hi)
{
	u32 at = tail & q->tx_mask;

	q->tx_slot[at] = (struct vesper_tx_slot){ .waits = TX_WAITS_COMPLETION };
	vesper_tx_ctx_set(&q->tx_desc[at], seq_hi);
}

int vesper_queue_tx(struct vesper_queue *q, const struct vesper_tx *frames, unsigned int n)
{
	u32 space = vesper_ring_space(q->tx_tail, q->tx_head, q->tx_log2);
	unsigned int i;
	u16 tail = q->tx_tail;
	int err;

	/* Buffers that were put back since the last vesper_queue_rx(): lookaside results need them. */
	if (unlikely(vesper_ring_space(q->rx_tail, q->rx_head, q->rx_log2) > q->rx_mask / 2u)) {
		err = vesper_queue_refill(q);
		if (err < 0)
			return err;
	}
	for (i = 0; i < n; i++, tail++, space--) {
		const struct vesper_tx *f = &frames[i];
		u32 at;

		if (unlikely(!frame_ok(q, f))) {
			if (!i)
				return bad_frame(q, f);
			break;
		}
		if (unlikely(needs_context(f)) && space > 1) {
			put_context(q, tail++, f->seq_hi);
			space--;
		} else if (!space || needs_context(f)) {
			break;
		}
		at = tail & q->tx_mask;
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
	u16 head;

	for (head = q->tx_head; head != q->tx_tail; head++)
		if (q->tx_slot[head & q->tx_mask].waits)
			break;
	q->tx_head = head;
}

/*
 * A completion of either kind, taken out of the ring with two loads. The first
 * word holds the flags, and is read before the second.
 */
struct cpl {
	u16 index, len;
	u8 status, flags;
	u16 tag;  /* RX only */
	u64 rest; /* TX: seq; RX: sa, lower half of seq */
};

typedef u64 __attribute__((may_alias)) ring_word;

VESPER_STATIC_ASSERT(offsetof(struct vesper_tx_cpl, flags) == 5, "flags of a TX completion");
VESPER_STATIC_ASSERT(offsetof(struct vesper_rx_cpl, flags) == 5, "flags of an RX completion");

static inline bool take_cpl(const void *ring, u16 seen, u32 mask, struct cpl *c)
{
	const ring_word *p = (const ring_word *)ring + 2 * (size_t)(seen & mask);
	u64 word = le64_to_cpu(__atomic_load_n(p, __ATOMIC_ACQUIRE));

	c->flags = (u8)(word >> 40);
	/* vesper_cpl_ready(), for a ring of mask + 1 entries */
	if ((c->flags & VESPER_CPL_PHASE) == !!(seen & (mask + 1)))
		return false;
	c->index = (u16)word;
	c->len = (u16)(word >> 16);
	c->status = (u8)(word >> 32);
	c->tag = (u16)(word >> 48);
	c->rest = le64_to_cpu(p[1]);
	return true;
}

/* The slot that a completion names, or NULL if nothing there waits for @what. */
static inline struct vesper_tx_slot *tx_slot(struct vesper_queue *q, u16 index, u8 what)
{
	struct vesper_tx_slot *s = &q->tx_slot[index & q->tx_mask];

	if (unlikely(!vesper_ring_holds(index, q->tx_tail, q->tx_head) || !(s->waits & what)))
		return NULL;
	return s;
}

/* A frame that did not pass, or of which the card says what cannot be. */
static __attribute__((noinline)) void tx_drop(struct vesper_queue *q, struct vesper_tx_slot *s,
					      struct vesper_tx_result *r)
{
	/* Nothing will come back on the RX ring. */
	s->waits = 0;
	q->stats.tx_drops++;
	if (r->status == VESPER_ST_OK || !vesper_status_name(r->status) ||
	    (r->status == VESPER_ST_TOO_BIG && r->len > VESPER_FRAME_MAX)) {
		r->status = VESPER_STATUS_INVALID;
		r->seq = 0;
		q->stats.hw_errors++;
	}
	r->fits = r->status == VESPER_ST_TOO_BIG ? r->len : 0;
	r->len = 0;
}

/* A context has no frame, and nobody asked for its result. */
static __attribute__((noinline)) void context_done(struct vesper_queue *q, struct vesper_tx_slot *s,
						   const struct cpl *c)
{
	s->waits = 0;
	if (c->status || c->len)
		q->stats.hw_errors++;
}

static inline bool len_ok(u16 len, u32 max)
{
	return (u32)len - VESPER_FRAME_MIN <= max - VESPER_FRAME_MIN;
}

unsigned int vesper_queue_tx_done(struct vesper_queue *q, struct vesper_tx_result *results,
				  unsigned int n)
{
	const u32 mask = q->tx_mask;
	struct vesper_tx_result *r = results;
	struct vesper_tx_slot *s;
	struct cpl c;
	unsigned int looked;
	u32 drops = 0;
	u16 seen = q->tx_seen;

	/* Also those that make no sense count, so that a mad card cannot keep us here. */
	for (looked = 0; looked < n; looked++) {
		if (!take_cpl(q->tx_cpl, seen, mask, &c))
			break;
		seen++;
		s = tx_slot(q, c.index, TX_WAITS_COMPLETION);
		if (unlikely(!s)) {
			q->stats.hw_errors++;
			continue;
		}
		if (unlikely(!s->buf)) {
			context_done(q, s, &c);
			continue;
		}
		*r = (struct vesper_tx_result){ s->buf, s->cookie, c.rest, c.len, 0, c.status };
		s->waits &= (u8)~TX_WAITS_COMPLETION;
		s->buf->owner = OWNER_CALLER;
		if (unlikely(c.status || !len_ok(c.len, VESPER_FRAME_MAX))) {
			tx_drop(q, s, r);
			drops++;
		}
		r++;
	}
	q->tx_seen = seen;
	q->stats.tx_frames += (u32)(r - results) - drops;
	advance_tx(q);
	return (unsigned int)(r - results);
}

/* The buffer that a completion names, taken out of the ring; NULL if it names none. */
static inline struct vesper_buf *take_rx_buf(struct vesper_queue *q, u16 index)
{
	struct vesper_buf **slot = &q->rx_slot[index & q->rx_mask];
	struct vesper_buf *b = *slot;

	if (unlikely(!vesper_ring_holds(index, q->rx_tail, q->rx_head)))
		return NULL;
	*slot = NULL;
	return b;
}

/* A verdict in place is about the ICV; decrypted is only what was proven. */
static inline bool status_ok(const struct cpl *c)
{
	if (c->flags & VESPER_CPL_INPLACE)
		return c->status == VESPER_ST_ICV && !(c->flags & VESPER_CPL_ESP);
	return vesper_status_name(c->status) && !(c->flags & VESPER_CPL_ESP);
}

/* Fill in @f from a completion; false if it makes no sense. */
static inline bool rx_frame(struct vesper_queue *q, struct vesper_buf *b, const struct cpl *c,
			    struct vesper_rx *f)
{
	struct vesper_tx_slot *s;
	u64 cookie = 0;

	/* Without a frame nothing comes to the TX place that waits: its completion says so. */
	if (unlikely(!c->len))
		return false;
	if (c->flags & VESPER_CPL_LOOKASIDE) {
		s = tx_slot(q, c->tag, TX_WAITS_FRAME);
		if (unlikely(!s))
			return false;
		cookie = s->cookie;
		s->waits &= (u8)~TX_WAITS_FRAME;
	}
	if (unlikely(!len_ok(c->len, b->size)))
		return false;
	if (unlikely(c->status && !status_ok(c)))
		return false;
	*f = (struct vesper_rx){
		.buf = b,
		.cookie = cookie,
		.sa = (u32)c->rest,
		.seq = (u32)(c->rest >> 32),
		.len = c->len,
		.status = c->status,
		.flags = c->flags & (VESPER_CPL_ESP | VESPER_CPL_LOOKASIDE | VESPER_CPL_INPLACE),
	};
	b->owner = OWNER_CALLER;
	return true;
}

/* A completion without a frame: the card may say why, or it makes no sense. */
static __attribute__((noinline)) void rx_nothing(struct vesper_queue *q, struct vesper_buf *b,
						 const struct cpl *c)
{
	if (!c->len && c->status && vesper_status_name(c->status))
		q->stats.rx_returned++;
	else
		q->stats.hw_errors++;
	put_free(q, b);
}

int vesper_queue_rx(struct vesper_queue *q, struct vesper_rx *frames, unsigned int n)
{
	const u32 mask = q->rx_mask;
	struct vesper_buf *b;
	struct cpl c;
	unsigned int looked, got = 0;
	u16 seen = q->rx_seen, head;
	int err;

	for (looked = 0; looked < n; looked++) {
		if (!take_cpl(q->rx_cpl, seen, mask, &c))
			break;
		seen++;
		b = take_rx_buf(q, c.index);
		if (unlikely(!b)) {
			q->stats.hw_errors++;
		} else if (likely(rx_frame(q, b, &c, &frames[got]))) {
			got++;
		} else {
			rx_nothing(q, b, &c);
		}
	}
	q->rx_seen = seen;
	q->stats.rx_frames += got;
	advance_tx(q);
	for (head = q->rx_head; head != q->rx_tail; head++)
		if (q->rx_slot[head & mask])
			break;
	q->rx_head = head;
	if (vesper_ring_space(q->rx_tail, head, q->rx_log2) >= q->rx_refill_at) {
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
		at = q->rx_tail & q->rx_mask;
		q->rx_slot[at] = b;
		vesper_rx_desc_set(&q->rx_desc[at], b->iova, (u16)b->size);
	}
	err = ring_doorbell(q, DOORBELL_REG(q->id, rx_tail), q->rx_tail);
	return err ? err : (int)space;
}
