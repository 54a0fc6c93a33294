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
static __attribute__((noinline)) void advance_tx(struct vesper_queue *q)
{
	const u8 *waits = q->tx_waits;
	const u32 mask = q->tx_mask;
	u16 head = q->tx_head;
	u32 left = vesper_ring_used(q->tx_tail, head);

	for (; left && (head & 7) && !waits[head & mask]; left--)
		head++;
	for (; left >= 8 && !(head & 7) && !*(const ring_word *)&waits[head & mask]; left -= 8)
		head += 8;
	for (; left && !waits[head & mask]; left--)
		head++;
	q->tx_head = head;
}

static inline bool frame_ok(const struct vesper_tx *f, u32 mine, u32 size)
{
	return f->buf->owner == mine && (u32)f->offset + f->len <= size;
}

static inline void put_frame(struct vesper_tx_desc *desc, struct vesper_tx_slot *slot, u8 *waits,
			     const struct vesper_tx *f)
{
	struct vesper_buf *b = f->buf;
	const u64 iova = b->iova + f->offset, cookie = f->cookie;

	vesper_tx_desc_set(desc, iova, f->len, f->op, f->flags, f->sa);
	*slot = (struct vesper_tx_slot){ b, cookie };
	b->owner = 0;
	*waits = TX_WAITS_COMPLETION | (f->flags & VESPER_TXF_LOOKASIDE);
}

/* Post frames on the places from @at on, up to the first that is not good or needs a context. */
static inline u32 put_run(struct vesper_queue *q, const struct vesper_tx *f, u32 at, u32 n)
{
	const u32 mine = q->pool.mine, size = q->buf_size;
	struct vesper_tx_desc *desc = q->tx_desc + at;
	struct vesper_tx_slot *slot = q->tx_slot + at;
	u8 *waits = q->tx_waits + at;
	const struct vesper_tx *first = f, *end = f + n;

	for (; f != end; f++) {
		if (unlikely(!frame_ok(f, mine, size)) || unlikely(needs_context(f)))
			break;
		put_frame(desc++, slot++, waits++, f);
	}
	return (u32)(f - first);
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
	u32 posted, space, run, done;
	unsigned int i;
	int err;

	/* Lookaside results need buffers: those that were put back since the last vesper_queue_rx(). */
	posted = vesper_ring_used(q->rx_tail, q->rx_head);
	if (unlikely(posted <= q->rx_mask / 2u || posted < n)) {
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

/* The fields that a completion has in the same order, length and status; fits is 0 behind them. */
static inline void tx_words(struct vesper_tx_result *r, u64 len_status)
{
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
		memcpy((u8 *)r + offsetof(struct vesper_tx_result, len), &len_status, 8);
	} else {
		r->len = (u16)len_status;
		r->status = (u8)(len_status >> 16);
		r->fits = 0;
	}
}

VESPER_STATIC_ASSERT(offsetof(struct vesper_tx_result, status) ==
				     offsetof(struct vesper_tx_result, len) + 2 &&
			     offsetof(struct vesper_tx_result, len) + 8 ==
				     sizeof(struct vesper_tx_result),
		     "fields of a completion");

/* A run of TX completions from place @seen on. Return: how many. */
static inline u32 tx_run(struct vesper_queue *q, struct vesper_tx_result *r, u32 wanted, u16 seen)
{
	const u64 mask = 0xffffull | 0xffull << 32 | CPL_FLAGS(VESPER_CPL_PHASE);
	const u32 at = seen & q->tx_mask, mine = q->pool.mine;
	const u32 n = run_limit(wanted, seen, q->tx_tail, q->tx_head, q->tx_mask);
	const ring_word *cpl = (const ring_word *)(q->tx_cpl + at);
	const struct vesper_tx_slot *slot = q->tx_slot + at;
	struct vesper_tx_result *first = r, *end = r + n;
	u8 *waits = q->tx_waits + at;
	u64 expected = seen | phase_flag(seen, q->tx_mask);
	u64 word;

	for (; r != end; r++, cpl += 2, slot++, waits++, expected++) {
		word = cpl_word(cpl);
		if ((word & mask) != expected || !len_ok(CPL_LEN(word), VESPER_FRAME_MAX) ||
		    !(*waits & TX_WAITS_COMPLETION))
			break;
		*waits &= (u8)~TX_WAITS_COMPLETION;
		slot->buf->owner = mine;
		r->buf = slot->buf;
		r->cookie = slot->cookie;
		r->seq = le64_to_cpu(cpl[1]);
		tx_words(r, word >> 16 & 0xffffff);
	}
	return (u32)(r - first);
}

/* Any completion. Return: results, or -1 if there is no completion. */
static __attribute__((noinline)) int tx_any(struct vesper_queue *q, struct vesper_tx_result *r)
{
	struct vesper_tx_slot *s;
	struct cpl c;
	u8 *waits;

	if (!take_cpl(q->tx_cpl, q->tx_seen, q->tx_mask, &c))
		return -1;
	q->tx_seen++;
	s = &q->tx_slot[c.index & q->tx_mask];
	waits = tx_waiting(q, c.index, TX_WAITS_COMPLETION | TX_WAITS_CONTEXT);
	if (!waits) {
		q->stats.hw_errors++;
		return 0;
	}
	if (*waits & TX_WAITS_CONTEXT) {
		context_done(q, waits, &c);
		return 0;
	}
	*r = (struct vesper_tx_result){ s->buf, s->cookie, c.rest, c.len, c.status, 0 };
	*waits &= (u8)~TX_WAITS_COMPLETION;
	s->buf->owner = q->pool.mine;
	if (c.status || !len_ok(c.len, VESPER_FRAME_MAX))
		tx_drop(q, waits, r);
	else
		q->stats.tx_frames++;
	return 1;
}

unsigned int vesper_queue_tx_done(struct vesper_queue *q, struct vesper_tx_result *results,
				  unsigned int n)
{
	struct vesper_tx_result *r = results;
	unsigned int looked, run;
	int any;

	/* Also those that make no sense count, so that a mad card cannot keep us here. */
	for (looked = 0; looked < n; looked++) {
		run = tx_run(q, r, n - looked, q->tx_seen);
		q->stats.tx_frames += run;
		q->tx_seen += run;
		r += run;
		looked += run;
		if (looked == n)
			break;
		any = tx_any(q, r);
		if (any < 0)
			break;
		r += any;
	}
	return (unsigned int)(r - results);
}

/* The buffer that a completion names, taken out of the ring; NULL if it names none. */
static inline struct vesper_buf *take_rx_buf(struct vesper_queue *q, u16 index)
{
	struct vesper_buf **slot = &q->rx_slot[index & q->rx_mask];
	struct vesper_buf *b = *slot;

	if (unlikely(!vesper_ring_holds(index, q->rx_tail, q->rx_head)))
		return NULL;
	if (b) {
		*slot = NULL;
		q->rx_holes++;
	}
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

/* The fields that a completion has in the same order: SA and number, then length, status and flags. */
static inline void rx_words(struct vesper_rx *f, u64 sa_seq, u32 len_status_flags)
{
	vesper_le32 last = cpu_to_le32(len_status_flags);

	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
		memcpy((u8 *)f + offsetof(struct vesper_rx, sa), &sa_seq, 8);
		memcpy((u8 *)f + offsetof(struct vesper_rx, len), &last, 4);
	} else {
		sa_seq = le64_to_cpu(sa_seq);
		f->sa = (u32)sa_seq;
		f->seq = (u32)(sa_seq >> 32);
		f->len = (u16)len_status_flags;
		f->status = (u8)(len_status_flags >> 16);
		f->flags = (u8)(len_status_flags >> 24);
	}
}

VESPER_STATIC_ASSERT(offsetof(struct vesper_rx, seq) == offsetof(struct vesper_rx, sa) + 4 &&
			     offsetof(struct vesper_rx, status) ==
				     offsetof(struct vesper_rx, len) + 2 &&
			     offsetof(struct vesper_rx, flags) ==
				     offsetof(struct vesper_rx, len) + 3,
		     "fields of a completion");

/*
 * A run of frames from place @seen on, which is the oldest of the ring: from the
 * wire, or results of the TX places from @tag on. Return: how many.
 */
static inline __attribute__((always_inline)) u32 rx_run(struct vesper_queue *q, struct vesper_rx *f,
							u32 wanted, u16 seen, u16 tag,
							bool lookaside)
{
	u64 mask = 0xffffull | 0xffull << 32 | (lookaside ? 0xffffull << CPL_TAG_SHIFT : 0) |
		   CPL_FLAGS((u8) ~(VESPER_CPL_ESP | VESPER_CPL_CSUM));
	const u64 step = 1 + (lookaside ? 1ull << CPL_TAG_SHIFT : 0);
	const u32 at = seen & q->rx_mask, tx_at = tag & q->tx_mask;
	const u32 size = q->buf_size, mine = q->pool.mine;
	const ring_word *cpl = (const ring_word *)(q->rx_cpl + at);
	const struct vesper_tx_slot *slot = q->tx_slot + tx_at;
	struct vesper_buf **bufs = q->rx_slot + at, *b;
	u8 *waits = q->tx_waits + tx_at;
	u64 expected = seen | phase_flag(seen, q->rx_mask);
	const struct vesper_rx *first = f, *end;
	u64 word;
	u32 n;

	n = run_limit(wanted, seen, q->rx_tail, q->rx_head, q->rx_mask);
	if (lookaside) {
		n = run_limit(n, tag, q->tx_tail, q->tx_head, q->tx_mask);
		expected |= CPL_FLAGS(VESPER_CPL_LOOKASIDE) | (u64)tag << CPL_TAG_SHIFT;
	}
	/* Keep it in a register: compilers load such a constant each time. */
	__asm__("" : "+r"(mask));
	for (end = f + n; f != end; f++, cpl += 2, slot++, waits++, expected += step) {
		word = cpl_word(cpl);
		if ((word & mask) != expected || !len_ok(CPL_LEN(word), size))
			break;
		if (lookaside) {
			if (!(*waits & TX_WAITS_FRAME))
				break;
			*waits &= (u8)~TX_WAITS_FRAME;
		}
		b = *bufs++;
		f->buf = b;
		f->cookie = lookaside ? slot->cookie : 0;
		rx_words(f, cpl[1],
			 (u32)(word >> 16) & ~((u32)(VESPER_CPL_PHASE | VESPER_CPL_CSUM) << 24));
		b->owner = mine;
	}
	return (u32)(f - first);
}

/* A run of the kind that the completion at @seen is of. */
static inline u32 rx_run_any(struct vesper_queue *q, struct vesper_rx *f, u32 wanted, u16 seen)
{
	u64 word = cpl_word((const ring_word *)(q->rx_cpl + (seen & q->rx_mask)));

	/* Out of order: places before it are still in use, or some behind it no longer. */
	if (seen != q->rx_head || q->rx_holes)
		return 0;
	if (word & CPL_FLAGS(VESPER_CPL_LOOKASIDE))
		return rx_run(q, f, wanted, seen, (u16)(word >> CPL_TAG_SHIFT), true);
	return rx_run(q, f, wanted, seen, 0, false);
}

/* Any completion. Return: frames, or -1 if there is no completion. */
static __attribute__((noinline)) int rx_any(struct vesper_queue *q, struct vesper_rx *f)
{
	struct vesper_buf *b;
	struct cpl c;

	if (!take_cpl(q->rx_cpl, q->rx_seen, q->rx_mask, &c))
		return -1;
	q->rx_seen++;
	b = take_rx_buf(q, c.index);
	if (!b) {
		q->stats.hw_errors++;
		return 0;
	}
	for (; q->rx_holes && !q->rx_slot[q->rx_head & q->rx_mask]; q->rx_head++)
		q->rx_holes--;
	if (rx_frame(q, b, &c, f))
		return 1;
	rx_nothing(q, b, &c);
	return 0;
}

int vesper_queue_rx(struct vesper_queue *q, struct vesper_rx *frames, unsigned int n)
{
	struct vesper_rx *f = frames;
	unsigned int looked, run;
	int err, any;

	for (looked = 0; looked < n; looked++) {
		run = rx_run_any(q, f, n - looked, q->rx_seen);
		q->rx_seen += run;
		q->rx_head += run;
		f += run;
		looked += run;
		if (looked == n)
			break;
		any = rx_any(q, f);
		if (any < 0)
			break;
		f += any;
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

#pragma GCC unroll 8
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
