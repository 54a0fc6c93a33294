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

VESPER_STATIC_ASSERT(offsetof(struct vesper_queue, pool) == 0, "the pool heads the queue pair");

static int bad_frame(const struct vesper_queue *q, const struct vesper_tx *f)
{
	if (f->buf->owner != q->pool.mine)
		return vesper_error(-EINVAL, "the buffer is not the caller's on queue pair %u",
				    q->id);
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

	q->tx_waits[at] = TX_WAITS_CONTEXT;
	vesper_tx_ctx_set(&q->tx_desc[at], seq_hi);
}

typedef u64 __attribute__((may_alias)) ring_word;

/* Let go of the places at the head of the TX ring that wait for nothing more, eight at a time. */
static void advance_tx(struct vesper_queue *q)
{
	const u8 *waits;

	while (q->tx_head != q->tx_tail) {
		waits = &q->tx_waits[q->tx_head & q->tx_mask];
		if (!(q->tx_head & 7) && vesper_ring_used(q->tx_tail, q->tx_head) >= 8 &&
		    !*(const ring_word *)waits)
			q->tx_head += 8;
		else if (!*waits)
			q->tx_head++;
		else
			break;
	}
}

static inline bool frame_ok(const struct vesper_tx *f, u32 mine, u32 size)
{
	return f->buf->owner == mine && (u32)f->offset + f->len <= size;
}

static inline void put_frame(struct vesper_tx_desc *desc, struct vesper_tx_slot *slot, u8 *waits,
			     const struct vesper_tx *f)
{
	struct vesper_buf *b = f->buf;

	b->owner = 0;
	*waits = TX_WAITS_COMPLETION | (f->flags & VESPER_TXF_LOOKASIDE);
	*slot = (struct vesper_tx_slot){ b, f->cookie };
	vesper_tx_desc_set(desc, b->iova + f->offset, f->len, f->op, f->flags, f->sa);
}

/* Post frames on the places from @at on, up to the first that is not good or needs a context. */
static inline u32 put_run(struct vesper_queue *q, const struct vesper_tx *f, u32 at, u32 n)
{
	const u32 mine = q->pool.mine, size = q->buf_size;
	struct vesper_tx_desc *desc = q->tx_desc + at;
	struct vesper_tx_slot *slot = q->tx_slot + at;
	u8 *waits = q->tx_waits + at;
	u32 i;

	for (i = 0; i < n; i++) {
		if (unlikely(!frame_ok(&f[i], mine, size)) || unlikely(needs_context(&f[i])))
			break;
		put_frame(&desc[i], &slot[i], &waits[i], &f[i]);
	}
	return i;
}

/* A frame with its context. Return: was there place for both? */
static __attribute__((noinline)) bool put_with_context(struct vesper_queue *q, u16 tail, u32 space,
						       const struct vesper_tx *f)
{
	u32 at = (u16)(tail + 1) & q->tx_mask;

	if (space < 2)
		return false;
	put_context(q, tail, f->seq_hi);
	put_frame(&q->tx_desc[at], &q->tx_slot[at], &q->tx_waits[at], f);
	return true;
}

int vesper_queue_tx(struct vesper_queue *q, const struct vesper_tx *frames, unsigned int n)
{
	u16 tail = q->tx_tail;
	u32 space, run, done;
	unsigned int i;
	int err;

	/* Buffers that were put back since the last vesper_queue_rx(): lookaside results need them. */
	if (unlikely(vesper_ring_space(q->rx_tail, q->rx_head, q->rx_log2) > q->rx_mask / 2u)) {
		err = vesper_queue_refill(q);
		if (err < 0)
			return err;
	}
	/* Each may need a context. */
	if (vesper_ring_space(tail, q->tx_head, q->tx_log2) < 2 * n)
		advance_tx(q);
	space = vesper_ring_space(tail, q->tx_head, q->tx_log2);
	for (i = 0; i < n && space; i += done, tail += done, space -= done) {
		run = q->tx_mask + 1u - (tail & q->tx_mask);
		run = run < n - i ? run : n - i;
		run = run < space ? run : space;
		done = put_run(q, &frames[i], tail & q->tx_mask, run);
		if (likely(done == run))
			continue;
		i += done;
		tail += done;
		space -= done;
		if (!frame_ok(&frames[i], q->pool.mine, q->buf_size)) {
			if (!i)
				return bad_frame(q, &frames[i]);
			break;
		}
		if (!put_with_context(q, tail, space, &frames[i]))
			break;
		tail++;
		space--;
		done = 1;
	}
	if (!i)
		return 0;
	q->tx_tail = tail;
	err = ring_doorbell(q, DOORBELL_REG(q->id, tx_tail), tail);
	return unlikely(err) ? err : (int)i;
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

VESPER_STATIC_ASSERT(offsetof(struct vesper_tx_cpl, flags) == 5, "flags of a TX completion");
VESPER_STATIC_ASSERT(offsetof(struct vesper_rx_cpl, flags) == 5, "flags of an RX completion");

/* Of the first word of a completion. */
#define CPL_LEN(word)	((u16)((word) >> 16))
#define CPL_FLAGS(bits) ((u64)(bits) << 40)
#define CPL_TAG_SHIFT	48

static inline u64 cpl_word(const ring_word *p)
{
	return le64_to_cpu(__atomic_load_n(p, __ATOMIC_ACQUIRE));
}

static inline bool take_cpl(const void *ring, u16 seen, u32 mask, struct cpl *c)
{
	const ring_word *p = (const ring_word *)ring + 2 * (size_t)(seen & mask);
	u64 word = cpl_word(p);

	c->flags = (u8)(word >> 40);
	/* vesper_cpl_ready(), for a ring of mask + 1 entries */
	if ((c->flags & VESPER_CPL_PHASE) == !!(seen & (mask + 1)))
		return false;
	c->index = (u16)word;
	c->len = CPL_LEN(word);
	c->status = (u8)(word >> 32);
	c->tag = (u16)(word >> CPL_TAG_SHIFT);
	c->rest = le64_to_cpu(p[1]);
	return true;
}

/*
 * Nearly all completions are what is expected: those of the frames in their
 * order, with status OK. A run of such is told by one comparison each, against
 * the word that is expected but for the length, and takes neither arithmetic of
 * rings nor branches by kind. The first that differs ends the run, and is looked
 * at in full.
 */

/* How many places a run may have: up to the end of the ring, and of what is posted. */
static inline u32 run_limit(u32 wanted, u16 index, u16 tail, u16 head, u32 mask)
{
	u32 limit = mask + 1 - (index & mask);

	if (!vesper_ring_holds(index, tail, head))
		return 0;
	if (limit > (u16)(tail - index))
		limit = (u16)(tail - index);
	return limit < wanted ? limit : wanted;
}

static inline u64 phase_flag(u16 seen, u32 mask)
{
	return CPL_FLAGS(seen & (mask + 1) ? 0 : VESPER_CPL_PHASE);
}

/* The place that a completion names, or NULL if nothing there waits for @what. */
static inline u8 *tx_waiting(struct vesper_queue *q, u16 index, u8 what)
{
	u8 *waits = &q->tx_waits[index & q->tx_mask];

	if (unlikely(!vesper_ring_holds(index, q->tx_tail, q->tx_head) || !(*waits & what)))
		return NULL;
	return waits;
}

/* A frame that did not pass, or of which the card says what cannot be. */
static __attribute__((noinline)) void tx_drop(struct vesper_queue *q, u8 *waits,
					      struct vesper_tx_result *r)
{
	/* Nothing will come back on the RX ring. */
	*waits = 0;
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
static void context_done(struct vesper_queue *q, u8 *waits, const struct cpl *c)
{
	*waits = 0;
	if (c->status || c->len)
		q->stats.hw_errors++;
}

static inline bool len_ok(u16 len, u32 max)
{
	return (u32)len - VESPER_FRAME_MIN <= max - VESPER_FRAME_MIN;
}

/* A run of TX completions from place @seen on. Return: how many. */
static inline u32 tx_run(struct vesper_queue *q, struct vesper_tx_result *r, u32 wanted, u16 seen)
{
	const u64 mask = 0xffffull | 0xffull << 32 | CPL_FLAGS(VESPER_CPL_PHASE);
	const u32 at = seen & q->tx_mask, mine = q->pool.mine;
	const u32 n = run_limit(wanted, seen, q->tx_tail, q->tx_head, q->tx_mask);
	const ring_word *cpl = (const ring_word *)(q->tx_cpl + at);
	const struct vesper_tx_slot *slot = q->tx_slot + at;
	u8 *waits = q->tx_waits + at;
	u64 expected = seen | phase_flag(seen, q->tx_mask);
	u64 word;
	u32 i;

	for (i = 0; i < n; i++, cpl += 2, expected++) {
		word = cpl_word(cpl);
		if ((word & mask) != expected || !len_ok(CPL_LEN(word), VESPER_FRAME_MAX) ||
		    !(waits[i] & TX_WAITS_COMPLETION))
			break;
		waits[i] &= (u8)~TX_WAITS_COMPLETION;
		slot[i].buf->owner = mine;
		r[i].buf = slot[i].buf;
		r[i].cookie = slot[i].cookie;
		r[i].seq = le64_to_cpu(cpl[1]);
		r[i].len = CPL_LEN(word);
		r[i].status = VESPER_ST_OK;
		r[i].fits = 0;
	}
	return i;
}

/* Any completion. Return: is there a result? */
static __attribute__((noinline)) bool tx_any(struct vesper_queue *q, const struct cpl *c,
					     struct vesper_tx_result *r)
{
	struct vesper_tx_slot *s = &q->tx_slot[c->index & q->tx_mask];
	u8 *waits = tx_waiting(q, c->index, TX_WAITS_COMPLETION | TX_WAITS_CONTEXT);

	if (!waits) {
		q->stats.hw_errors++;
		return false;
	}
	if (*waits & TX_WAITS_CONTEXT) {
		context_done(q, waits, c);
		return false;
	}
	*r = (struct vesper_tx_result){ s->buf, s->cookie, c->rest, c->len, c->status, 0 };
	*waits &= (u8)~TX_WAITS_COMPLETION;
	s->buf->owner = q->pool.mine;
	if (c->status || !len_ok(c->len, VESPER_FRAME_MAX))
		tx_drop(q, waits, r);
	else
		q->stats.tx_frames++;
	return true;
}

unsigned int vesper_queue_tx_done(struct vesper_queue *q, struct vesper_tx_result *results,
				  unsigned int n)
{
	struct vesper_tx_result *r = results;
	struct cpl c;
	unsigned int looked, run;
	u16 seen = q->tx_seen;

	/* Also those that make no sense count, so that a mad card cannot keep us here. */
	for (looked = 0; looked < n; looked++) {
		run = tx_run(q, r, n - looked, seen);
		q->stats.tx_frames += run;
		seen += run;
		r += run;
		looked += run;
		if (looked == n || !take_cpl(q->tx_cpl, seen, q->tx_mask, &c))
			break;
		seen++;
		r += tx_any(q, &c, r);
	}
	q->tx_seen = seen;
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
static bool rx_frame(struct vesper_queue *q, struct vesper_buf *b, const struct cpl *c,
		     struct vesper_rx *f)
{
	u64 cookie = 0;
	u8 *waits;

	/* Without a frame nothing comes to the TX place that waits: its completion says so. */
	if (!c->len)
		return false;
	if (c->flags & VESPER_CPL_LOOKASIDE) {
		waits = tx_waiting(q, c->tag, TX_WAITS_FRAME);
		if (!waits)
			return false;
		cookie = q->tx_slot[c->tag & q->tx_mask].cookie;
		*waits &= (u8)~TX_WAITS_FRAME;
	}
	if (!len_ok(c->len, b->size))
		return false;
	if (c->status && !status_ok(c))
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
	b->owner = q->pool.mine;
	return true;
}

/* A completion without a frame: the card may say why, or it makes no sense. */
static void rx_nothing(struct vesper_queue *q, struct vesper_buf *b, const struct cpl *c)
{
	if (!c->len && c->status && vesper_status_name(c->status))
		q->stats.rx_returned++;
	else
		q->stats.hw_errors++;
	*q->pool.top++ = b;
}

/*
 * A run of frames from place @seen on, which is the oldest of the ring: from the
 * wire, or results of the TX places from @tag on. Return: how many.
 */
static inline __attribute__((always_inline)) u32 rx_run(struct vesper_queue *q, struct vesper_rx *f,
							u32 wanted, u16 seen, u16 tag,
							bool lookaside)
{
	const u64 mask = 0xffffull | 0xffull << 32 | (lookaside ? 0xffffull << CPL_TAG_SHIFT : 0) |
			 CPL_FLAGS((u8)~VESPER_CPL_ESP);
	const u64 step = 1 + (lookaside ? 1ull << CPL_TAG_SHIFT : 0);
	const u32 at = seen & q->rx_mask, tx_at = tag & q->tx_mask;
	const u32 size = q->buf_size, mine = q->pool.mine;
	const ring_word *cpl = (const ring_word *)(q->rx_cpl + at);
	const struct vesper_tx_slot *slot = q->tx_slot + tx_at;
	struct vesper_buf **bufs = q->rx_slot + at, *b;
	u8 *waits = q->tx_waits + tx_at;
	u64 expected = seen | phase_flag(seen, q->rx_mask);
	u64 word, rest;
	u32 n, i;

	n = run_limit(wanted, seen, q->rx_tail, q->rx_head, q->rx_mask);
	if (lookaside) {
		n = run_limit(n, tag, q->tx_tail, q->tx_head, q->tx_mask);
		expected |= CPL_FLAGS(VESPER_CPL_LOOKASIDE) | (u64)tag << CPL_TAG_SHIFT;
	}
	for (i = 0; i < n; i++, cpl += 2, expected += step) {
		word = cpl_word(cpl);
		b = bufs[i];
		if ((word & mask) != expected || !len_ok(CPL_LEN(word), size) || !b)
			break;
		if (lookaside) {
			if (!(waits[i] & TX_WAITS_FRAME))
				break;
			waits[i] &= (u8)~TX_WAITS_FRAME;
		}
		rest = le64_to_cpu(cpl[1]);
		word = word >> 16 & ~((u64)VESPER_CPL_PHASE << 24);
		f[i].buf = b;
		f[i].cookie = lookaside ? slot[i].cookie : 0;
		f[i].sa = (u32)rest;
		f[i].seq = (u32)(rest >> 32);
		f[i].len = (u16)word;
		f[i].status = (u8)(word >> 16); /* VESPER_ST_OK */
		f[i].flags = (u8)(word >> 24);
		b->owner = mine;
	}
	return i;
}

/* A run of the kind that the completion at @seen is of. */
static inline u32 rx_run_any(struct vesper_queue *q, struct vesper_rx *f, u32 wanted, u16 seen)
{
	u64 word = cpl_word((const ring_word *)(q->rx_cpl + (seen & q->rx_mask)));

	/* Out of order, there are places before it that are still in use. */
	if (seen != q->rx_head)
		return 0;
	if (word & CPL_FLAGS(VESPER_CPL_LOOKASIDE))
		return rx_run(q, f, wanted, seen, (u16)(word >> CPL_TAG_SHIFT), true);
	return rx_run(q, f, wanted, seen, 0, false);
}

static __attribute__((noinline)) bool rx_any(struct vesper_queue *q, const struct cpl *c,
					     struct vesper_rx *f)
{
	struct vesper_buf *b = take_rx_buf(q, c->index);

	if (!b) {
		q->stats.hw_errors++;
		return false;
	}
	while (q->rx_head != q->rx_tail && !q->rx_slot[q->rx_head & q->rx_mask])
		q->rx_head++;
	if (rx_frame(q, b, c, f))
		return true;
	rx_nothing(q, b, c);
	return false;
}

int vesper_queue_rx(struct vesper_queue *q, struct vesper_rx *frames, unsigned int n)
{
	struct vesper_rx *f = frames;
	struct cpl c;
	unsigned int looked, run;
	int err;

	for (looked = 0; looked < n; looked++) {
		run = rx_run_any(q, f, n - looked, q->rx_seen);
		q->rx_seen += run;
		q->rx_head += run;
		f += run;
		looked += run;
		if (looked == n || !take_cpl(q->rx_cpl, q->rx_seen, q->rx_mask, &c))
			break;
		q->rx_seen++;
		f += rx_any(q, &c, f);
	}
	n = (unsigned int)(f - frames);
	q->stats.rx_frames += n;
	if (vesper_ring_space(q->rx_tail, q->rx_head, q->rx_log2) >= q->rx_refill_at) {
		err = vesper_queue_refill(q);
		if (unlikely(err < 0 && !n))
			return err;
	}
	return (int)n;
}

/* Post @n buffers of the pool on the places from @at on. */
static inline void refill_run(struct vesper_queue *q, u32 at, u32 n)
{
	struct vesper_rx_desc *desc = q->rx_desc + at;
	struct vesper_buf **slot = q->rx_slot + at, **from = q->pool.top;
	const u16 size = (u16)q->buf_size;
	u32 i;

	for (i = 0; i < n; i++) {
		struct vesper_buf *b = *--from;

		slot[i] = b;
		vesper_rx_desc_set(&desc[i], b->iova, size);
	}
	q->pool.top = from;
}

int vesper_queue_refill(struct vesper_queue *q)
{
	u32 space = vesper_ring_space(q->rx_tail, q->rx_head, q->rx_log2);
	u32 have = (u32)(q->pool.top - q->pool.bottom);
	u32 at = q->rx_tail & q->rx_mask, run = q->rx_mask + 1u - at;
	int err;

	if (space > have)
		space = have;
	if (!space)
		return 0;
	if (run > space)
		run = space;
	refill_run(q, at, run);
	refill_run(q, 0, space - run);
	q->rx_tail += space;
	err = ring_doorbell(q, DOORBELL_REG(q->id, rx_tail), q->rx_tail);
	return err ? err : (int)space;
}
