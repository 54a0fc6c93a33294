// SPDX-License-Identifier: BSD-2-Clause
/*
 * The insides of the fake card: mailbox and rings. Frames are not encrypted;
 * a lookaside frame comes back with each byte inverted.
 */
#include <stdlib.h>
#include <unistd.h>

#include "vesper_ring.h"
#include "vesper_sa.h"
#include "vfio_fake_card.h"

#define REG(name)    offsetof(vesper_t, name)
#define QUEUE_STRIDE sizeof(vesper__queue_rf__stride80_t)
#define PAGE_STRIDE  sizeof(vesper__doorbell_rf__stride1000_t)
#define IN_QUEUE(r)  offsetof(vesper__queue_rf__stride80_t, r)

bool fake_dies(struct fake *f)
{
	if (f->die_in && !--f->die_in)
		f->dead = true;
	return f->dead;
}

static u32 get(const struct fake *f, u32 offset)
{
	u32 value;

	memcpy(&value, f->bar + offset, 4);
	return value;
}

static void set(struct fake *f, u32 offset, u32 value)
{
	memcpy(f->bar + offset, &value, 4);
}

/* Host memory at an address that was mapped, or NULL. */
static u8 *dma(struct fake *f, u64 iova, u64 len)
{
	int i;

	for (i = 0; i < FAKE_MAPS; i++)
		if (f->map[i].mem && iova >= f->map[i].iova &&
		    iova - f->map[i].iova + len <= f->map[i].size)
			return f->map[i].mem + (iova - f->map[i].iova);
	return NULL;
}

/* ---- rings ---- */

static void interrupt(struct fake *f, struct fake_queue *q)
{
	u64 one = 1;

	if (!q->armed || f->deaf || q->irq_fd < 0)
		return;
	if ((u16)(q->tx_done - q->tx_seen) == 0 && (u16)(q->rx_done - q->rx_seen) == 0)
		return;
	q->armed = false;
	if (write(q->irq_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void write_cpl(struct fake *f, u64 ring, u16 place, u32 log2, void *cpl, u8 *flags)
{
	u8 *to = dma(f, ring + 16ull * vesper_ring_slot(place, log2), 16);
	u8 phase;

	if (!to)
		return;
	*flags = (u8)((*flags & ~VESPER_CPL_PHASE) | vesper_ring_phase(place, log2));
	/* The flags stand at offset 5 of both kinds, and go last. */
	phase = *flags;
	*flags = to[5];
	memcpy(to, cpl, 16);
	__atomic_store_n(to + 5, phase, __ATOMIC_RELEASE);
}

static void put_tx(struct fake *f, struct fake_queue *q, struct vesper_tx_cpl c)
{
	if (f->tx_hook)
		f->tx_hook(&c);
	write_cpl(f, q->tx_cpl, q->tx_done++, q->tx_log2, &c, &c.flags);
}

static void put_rx(struct fake *f, struct fake_queue *q, struct vesper_rx_cpl c)
{
	if (f->rx_hook)
		f->rx_hook(&c);
	write_cpl(f, q->rx_cpl, q->rx_done++, q->rx_log2, &c, &c.flags);
}

/* Into the next RX buffer; false if there is none. */
static bool receive(struct fake *f, struct fake_queue *q, const u8 *frame, u16 len,
		    struct vesper_rx_cpl *c)
{
	const struct vesper_rx_desc *d;
	u8 *to;
	u16 i;

	if (q->rx_head == q->rx_tail)
		return false;
	d = (void *)dma(f, q->rx_base + 16ull * vesper_ring_slot(q->rx_head, q->rx_log2), 16);
	if (!d || d->len < len || d->addr % 64 || d->reserved0 || d->reserved1)
		return false;
	to = dma(f, d->addr, len);
	if (!to)
		return false;
	for (i = 0; i < len; i++)
		to[i] = f->engine ? frame[i] : (u8)~frame[i];
	c->index = q->rx_head++;
	c->len = len;
	return true;
}

static void transmit(struct fake *f, struct fake_queue *q, u16 index)
{
	struct vesper_tx_cpl t = { .index = index };
	struct vesper_rx_cpl r = { .flags = VESPER_CPL_LOOKASIDE, .tag = index };
	struct vesper_tx_desc d;
	u8 room[VESPER_FRAME_MAX];
	u8 *at = dma(f, q->tx_base + 16ull * vesper_ring_slot(index, q->tx_log2), 16);
	u8 *frame;

	if (!at)
		return;
	memcpy(&d, at, sizeof(d));
	if (d.op == VESPER_OP_CONTEXT) {
		f->contexts++;
		memcpy(&f->next_seq_hi, at, 4);
		put_tx(f, q, t);
		return;
	}
	f->last_tx = d;
	t.seq = d.op == VESPER_OP_ENCRYPT ? 1000 + index : 0;
	if (d.op == VESPER_OP_INPLACE) {
		t.seq = f->next_seq_hi;
		if (f->next_seq_hi)
			f->last_seq_hi = f->next_seq_hi;
	}
	f->next_seq_hi = 0;
	t.len = d.len;
	frame = dma(f, d.addr, d.len);
	if (d.len < VESPER_FRAME_MIN || d.len > VESPER_FRAME_MAX)
		t.status = VESPER_ST_BAD_LENGTH;
	else if (d.flags & ~VESPER_TXF_LOOKASIDE) /* it has no offloads */
		t.status = VESPER_ST_BAD_FLAGS;
	else if (!frame)
		t.status = VESPER_ST_DMA_READ;
	if (fake_dies(f))
		return;
	if (!t.status && f->engine && d.op != VESPER_OP_PLAIN) {
		memcpy(room, frame, d.len);
		frame = room;
		t.status = f->engine->run(f->engine->ctx, &d, room, &t.len, &t.seq, &r.sa);
		if (d.op == VESPER_OP_DECRYPT) {
			r.flags |= VESPER_CPL_ESP;
			r.seq = (u32)t.seq;
		}
	}
	if (fake_dies(f))
		return;
	if (!t.status && (d.flags & VESPER_TXF_LOOKASIDE) && !receive(f, q, frame, t.len, &r))
		t.status = VESPER_ST_NO_BUFFER;
	if (t.status && t.status != VESPER_ST_TOO_BIG)
		t.len = 0;
	/* Either may be written first. */
	if (index % 2)
		put_tx(f, q, t);
	if (fake_dies(f))
		return;
	if (!t.status && (d.flags & VESPER_TXF_LOOKASIDE))
		put_rx(f, q, r);
	if (fake_dies(f))
		return;
	if (index % 2 == 0)
		put_tx(f, q, t);
}

static void process(struct fake *f, struct fake_queue *q)
{
	u16 n = vesper_ring_used(q->tx_tail, q->tx_head), i;

	for (i = 0; i < n && !f->dead; i++)
		transmit(f, q, (u16)(f->reversed ? q->tx_tail - 1 - i : q->tx_head + i));
	q->tx_head = q->tx_tail;
	interrupt(f, q);
}

void fake_release(struct fake *f, u32 id)
{
	pthread_mutex_lock(&f->lock);
	process(f, &f->queue[id]);
	pthread_mutex_unlock(&f->lock);
}

void fake_put_tx(struct fake *f, u32 id, struct vesper_tx_cpl c)
{
	pthread_mutex_lock(&f->lock);
	put_tx(f, &f->queue[id], c);
	interrupt(f, &f->queue[id]);
	pthread_mutex_unlock(&f->lock);
}

void fake_put_rx(struct fake *f, u32 id, struct vesper_rx_cpl c)
{
	pthread_mutex_lock(&f->lock);
	put_rx(f, &f->queue[id], c);
	if (f->queue[id].rx_head != f->queue[id].rx_tail)
		f->queue[id].rx_head++;
	interrupt(f, &f->queue[id]);
	pthread_mutex_unlock(&f->lock);
}

void fake_wire(struct fake *f, u32 id, const u8 *frame, u16 len, struct vesper_rx_cpl c)
{
	pthread_mutex_lock(&f->lock);
	if (!receive(f, &f->queue[id], frame, len, &c))
		abort();
	put_rx(f, &f->queue[id], c);
	interrupt(f, &f->queue[id]);
	pthread_mutex_unlock(&f->lock);
}

/* ---- events ---- */

static void event_interrupt(struct fake *f)
{
	struct fake_events *e = &f->events;
	u64 one = 1;

	if (!e->armed || f->deaf || e->irq_fd < 0 || e->written == e->seen)
		return;
	e->armed = false;
	if (write(e->irq_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void fake_put_event(struct fake *f, struct vesper_event e)
{
	struct fake_events *ring = &f->events;
	u8 flags, *to;

	pthread_mutex_lock(&f->lock);
	to = dma(f, ring->base + 64ull * vesper_ring_slot(ring->written, ring->log2), 64);
	if (!ring->enabled || !to)
		abort();
	flags = (u8)(e.flags | vesper_ring_phase(ring->written++, ring->log2));
	e.flags = to[63];
	memcpy(to, &e, sizeof(e));
	__atomic_store_n(to + 63, flags, __ATOMIC_RELEASE);
	event_interrupt(f);
	pthread_mutex_unlock(&f->lock);
}

static u64 base(const struct fake *f, u32 at)
{
	return get(f, at) | (u64)get(f, at + 4) << 32;
}

static void control(struct fake *f, u32 id, u32 ctrl)
{
	u32 at = REG(queue) + id * QUEUE_STRIDE;
	struct fake_queue *q = &f->queue[id];
	int irq_fd = q->irq_fd;

	if (!(ctrl & 1)) {
		q->enabled = false;
		set(f, at + IN_QUEUE(state), f->stuck ? 1 : 0);
		return;
	}
	*q = (struct fake_queue){
		.enabled = true,
		.tx_log2 = ctrl >> 8 & 15,
		.rx_log2 = ctrl >> 12 & 15,
		.tx_base = base(f, at + IN_QUEUE(tx_base_lo)),
		.tx_cpl = base(f, at + IN_QUEUE(tx_cpl_lo)),
		.rx_base = base(f, at + IN_QUEUE(rx_base_lo)),
		.rx_cpl = base(f, at + IN_QUEUE(rx_cpl_lo)),
		.irq_fd = irq_fd,
	};
	set(f, at + IN_QUEUE(state), f->bad_config ? 2 : 1);
}

static void event_control(struct fake *f, u32 ctrl)
{
	int irq_fd = f->events.irq_fd;

	f->events = (struct fake_events){
		.enabled = ctrl & 1,
		.log2 = ctrl >> 8 & 15,
		.base = base(f, REG(event_base_lo)),
		.irq_fd = irq_fd,
	};
	set(f, REG(event_state), !(ctrl & 1) ? f->stuck : f->bad_config ? 2 : 1);
}

static void event_seen(struct fake *f, u32 value)
{
	/* As the real card: none beyond what was written. */
	if ((u16)(value - f->events.seen) > (u16)(f->events.written - f->events.seen))
		abort();
	f->events.seen = (u16)value;
	if (value >> 16 & 1)
		f->events.armed = true;
	event_interrupt(f);
}

static void doorbell(struct fake *f, u32 id, u32 reg, u32 value)
{
	struct fake_queue *q = &f->queue[id];

	/* As the real card: none beyond the ring, none while bus mastering is off. */
	if (!q->enabled || !(f->config[4] & 4))
		return;
	switch (reg) {
	case 0:
		if ((u16)(value - q->tx_head) > 1u << q->tx_log2)
			abort();
		q->tx_tail = (u16)value;
		if (!f->hold)
			process(f, q);
		break;
	case 4:
		if ((u16)(value - q->rx_head) > 1u << q->rx_log2)
			abort();
		q->rx_tail = (u16)value;
		break;
	case 8:
		q->tx_seen = (u16)value;
		q->rx_seen = (u16)(value >> 16);
		q->armed = true;
		interrupt(f, q);
		break;
	default:
		break;
	}
}

/* ---- mailbox ---- */

static struct vesper_sa_info *find_sa(struct fake *f, u32 handle, bool next)
{
	u32 mask = VESPER_SA_INBOUND | VESPER_SA_INDEX_MASK;
	int i;

	for (i = 0; i < FAKE_SAS; i++) {
		u32 h = f->sa[i].handle;

		if (h && (next ? (h & mask) >= (handle & mask) : h == handle))
			return &f->sa[i];
	}
	return NULL;
}

/* Places 0, 1 are outbound, 2, 3 inbound ones with index 0, 1. */
static u32 add_sa(struct fake *f, const struct vesper_sa *sa, u32 *handle)
{
	static u32 generation;
	u32 first = sa->dir == VESPER_DIR_IN ? 2 : 0, i;

	for (i = 0; i < 2; i++) {
		struct vesper_sa_info *s = &f->sa[first + i];

		if (s->handle && !memcmp(s->sa.spi, sa->spi, 4) && !memcmp(s->sa.dst, sa->dst, 16))
			return VESPER_MBX_E_DUPLICATE;
	}
	for (i = 0; i < 2 && f->sa[first + i].handle; i++)
		;
	if (i == 2)
		return VESPER_MBX_E_FULL;
	*handle = i | (first ? VESPER_SA_INBOUND : 0) | ++generation << VESPER_SA_GEN_SHIFT;
	if (f->mbx == MBX_NO_GENERATION)
		*handle = i;
	f->sa[first + i] = (struct vesper_sa_info){ .handle = *handle, .sa = *sa };
	memset(f->sa[first + i].sa.key, 0, sizeof(sa->key));
	memset(f->sa[first + i].sa.salt, 0, sizeof(sa->salt));
	return 0;
}

static u32 add_policy(struct fake *f, const struct vesper_policy *policy, u32 *handle)
{
	u32 i;

	for (i = 0; i < FAKE_POLICIES && f->policy_handle[i]; i++)
		if (!memcmp(&f->policy[i], policy, sizeof(*policy)))
			return VESPER_MBX_E_POLICY_DUPLICATE;
	if (i == FAKE_POLICIES)
		return VESPER_MBX_E_POLICY_FULL;
	f->policy[i] = *policy;
	f->policy_handle[i] = 7u << 16 | i;
	*handle = f->mbx == MBX_NO_GENERATION ? 0 : f->policy_handle[i];
	return 0;
}

static void query_policy(struct fake *f, const struct vesper_mbx_handle *req,
			 struct vesper_mbx_policy_query_rsp *rsp)
{
	u32 i = req->handle & 0xffff;

	while (i < FAKE_POLICIES && !f->policy_handle[i])
		i++;
	if (i >= FAKE_POLICIES) {
		rsp->hdr.status = VESPER_MBX_E_POLICY_HANDLE;
		return;
	}
	rsp->handle = f->policy_handle[i];
	rsp->policy = f->policy[i];
	if (f->mbx == MBX_OTHER_PLACE)
		rsp->handle &= ~1u;
}

static u32 del_policy(struct fake *f, u32 handle)
{
	u32 i = handle & 0xffff;

	if (i >= FAKE_POLICIES || f->policy_handle[i] != handle)
		return VESPER_MBX_E_POLICY_HANDLE;
	f->policy_handle[i] = 0;
	return 0;
}

/* Return: bytes of the response; the status is set in its header. */
static u16 answer(struct fake *f, const u8 *req, u8 *rsp)
{
	const struct vesper_mbx_handle *handle = (const void *)req;
	const struct vesper_mbx_sa_add *add = (const void *)req;
	const struct vesper_mbx_sa_lease *lease = (const void *)req;
	const struct vesper_mbx_policy_add *policy = (const void *)req;
	struct vesper_mbx_hdr *h = (void *)rsp;
	struct vesper_sa_info *sa;
	struct vesper_sa_error err = { 0 };
	u32 i;

	switch (h->cmd) {
	case VESPER_MBX_IDENTIFY:
		((struct vesper_mbx_identify_rsp *)rsp)->sa_entries = 1024;
		return sizeof(struct vesper_mbx_identify_rsp);
	case VESPER_MBX_SA_ADD:
		h->status = vesper_sa_check(&add->sa, &err);
		h->field = h->status ? (u16)(err.field + sizeof(*h)) : 0;
		h->value = err.value;
		if (!h->status)
			h->status = add_sa(f, &add->sa, &((struct vesper_mbx_handle *)rsp)->handle);
		if (!h->status && f->engine)
			f->engine->sa_add(f->engine->ctx, &add->sa,
					  ((struct vesper_mbx_handle *)rsp)->handle);
		return sizeof(struct vesper_mbx_handle);
	case VESPER_MBX_SA_DEL:
	case VESPER_MBX_SA_QUERY:
		sa = find_sa(f, handle->handle, handle->flags & VESPER_QUERY_NEXT);
		if (!sa)
			h->status = VESPER_MBX_E_HANDLE;
		else if (h->cmd == VESPER_MBX_SA_DEL)
			sa->handle = 0;
		else
			((struct vesper_mbx_sa_query_rsp *)rsp)->info = *sa;
		if (sa && f->mbx == MBX_OTHER_PLACE)
			((struct vesper_mbx_sa_query_rsp *)rsp)->info.handle &= ~1u;
		return h->cmd == VESPER_MBX_SA_DEL ? sizeof(*h) :
						     sizeof(struct vesper_mbx_sa_query_rsp);
	case VESPER_MBX_SA_LEASE:
		sa = find_sa(f, lease->handle, false);
		if (sa)
			sa->lease_end = lease->lease_end;
		else
			h->status = VESPER_MBX_E_HANDLE;
		if (sa && f->engine)
			f->engine->sa_lease(f->engine->ctx, lease->handle, lease->lease_end);
		return sizeof(*h);
	case VESPER_MBX_POLICY_ADD:
		h->status =
			add_policy(f, &policy->policy, &((struct vesper_mbx_handle *)rsp)->handle);
		h->field = h->status ? sizeof(*h) + offsetof(struct vesper_policy, dst_len) : 0;
		h->value = h->status ? policy->policy.dst_len : 0;
		return sizeof(struct vesper_mbx_handle);
	case VESPER_MBX_POLICY_DEL:
		h->status = del_policy(f, handle->handle);
		return sizeof(*h);
	case VESPER_MBX_POLICY_QUERY:
		query_policy(f, handle, (struct vesper_mbx_policy_query_rsp *)rsp);
		return sizeof(struct vesper_mbx_policy_query_rsp);
	case VESPER_MBX_STATS:
		for (i = 0; i < VESPER_ST_COUNT; i++)
			((struct vesper_mbx_stats_rsp *)rsp)->stats.tx[i] = 100 + i;
		((struct vesper_mbx_stats_rsp *)rsp)->stats.cycles = 1ull << 40;
		return sizeof(struct vesper_mbx_stats_rsp);
	case VESPER_MBX_RESET:
		memset(f->sa, 0, sizeof(f->sa));
		memset(f->policy_handle, 0, sizeof(f->policy_handle));
		return sizeof(*h);
	case VESPER_MBX_SELFTEST:
	case VESPER_MBX_DSCP_MAP:
		return sizeof(*h);
	default:
		h->status = VESPER_MBX_E_COMMAND;
		return sizeof(*h);
	}
}

static void mailbox(struct fake *f)
{
	u8 *rsp = f->bar + REG(mbx_response);
	struct vesper_mbx_hdr *h = (void *)rsp;
	u32 count = get(f, REG(mbx_status)) >> 16;
	u16 len;

	if (get(f, REG(mbx_status)) & 1)
		return;
	f->mbx_calls++;
	memcpy(f->last_request, f->bar + REG(mbx_request), VESPER_MBX_SIZE);
	if (f->mbx == MBX_NEVER || f->mbx == MBX_DEAD) {
		set(f, REG(mbx_status), count << 16 | 1);
		if (f->mbx == MBX_DEAD)
			set(f, REG(state), 8);
		return;
	}
	memset(rsp, 0, VESPER_MBX_SIZE);
	memcpy(rsp, f->last_request, 8);
	len = answer(f, f->last_request, rsp);
	if (f->mbx == MBX_REFUSE) {
		h->status = f->mbx_status;
		h->field = f->mbx_field;
		h->value = f->mbx_value;
	}
	h->len = h->status ? sizeof(*h) : len;
	if (f->mbx == MBX_WRONG_TAG)
		h->tag ^= 0x80000000;
	if (f->mbx == MBX_WRONG_CMD)
		h->cmd ^= 1;
	if (f->mbx == MBX_WRONG_LEN)
		h->len += 8;
	set(f, REG(mbx_status), (count + 1) << 16);
}

void fake_bar_write(struct fake *f, u32 offset, const void *data, u32 count)
{
	u32 value = 0, id;

	memcpy(&value, data, count < 4 ? count : 4);
	if (offset >= REG(doorbell) && offset < REG(doorbell) + FAKE_QUEUES * PAGE_STRIDE) {
		doorbell(f, (u32)((offset - REG(doorbell)) / PAGE_STRIDE),
			 (u32)((offset - REG(doorbell)) % PAGE_STRIDE), value);
		return;
	}
	if (offset == REG(mbx_doorbell)) {
		mailbox(f);
		return;
	}
	if (offset == REG(event_seen)) {
		event_seen(f, value);
		return;
	}
	memcpy(f->bar + offset, data, count);
	if (offset == REG(event_ctrl))
		event_control(f, value);
	for (id = 0; id < FAKE_QUEUES; id++)
		if (offset == REG(queue) + id * QUEUE_STRIDE + IN_QUEUE(ctrl))
			control(f, id, value);
}
