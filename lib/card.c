// SPDX-License-Identifier: BSD-2-Clause
/* The backend on a card: bursts become TX descriptors, results are copied back into the caller's frames. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "card.h"
#include "vesper_dev.h"

#define BURST 32
/* Whole cache lines that hold the longest frame. */
#define BUF_SIZE ((VESPER_FRAME_MAX + 63) / 64 * 64)
#define STASH	 512

struct card {
	struct vesper_dev *dev;
	struct vesper_queue *queue; /* opened with the first frame */
	bool events; /* the event ring is open: since it was first asked for events */
	/* Frames from the wire that came while something else was waited for. */
	struct vesper_rx stash[STASH];
	unsigned int stash_head, stash_len;
};

struct burst {
	struct vesper_frame *frames;
	size_t count, next, done;
	enum crypt_way way;
	uint8_t *state;	  /* enum card_progress of each frame */
	uint32_t *copied; /* NULL, or bytes of the result that is in its buffer already */
};

static bool lookaside(const struct burst *b)
{
	return b->way != WAY_SEND;
}

static int dev_fail(struct vesper *v, int err)
{
	return vesper_fail(v, err, "%s", vesper_dev_strerror());
}

bool card_error_is_death(int err)
{
	switch (err) {
	case -EINVAL:
	case -EEXIST:
	case -ENOSPC:
	case -ENOENT:
	case -ENOSYS:
	case -EMSGSIZE:
	case -ENOMEM:
	case -EINTR:
		return false;
	default:
		return err < 0;
	}
}

int card_open(struct vesper *v)
{
	struct vesper_dev_opts opts = {
		.size = sizeof(opts),
		.card = v->card,
		.flags = VESPER_DEV_CLOSED_OK,
		.timeout_ms = v->timeout_ms,
	};
	struct card *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return vesper_fail(v, -ENOMEM, "no memory for a card");
	err = vesper_dev_open(&opts, &c->dev);
	if (err) {
		free(c);
		return dev_fail(v, err);
	}
	v->state = c;
	return 0;
}

static void card_close(struct vesper *v)
{
	struct card *c = v->state;

	vesper_queue_close(c->queue);
	vesper_dev_close(c->dev);
	free(c);
}

static bool card_on_card(const struct vesper *v)
{
	(void)v;
	return true;
}

static int card_info(struct vesper *v, struct vesper_info *info)
{
	struct card *c = v->state;
	struct vesper_mbx_identify_rsp id = { 0 };
	struct vesper_dev_info dev;
	int err = vesper_dev_info(c->dev, &dev);

	/* A card whose firmware is dead can be looked at all the same. */
	if (!err && dev.fw_ready && !dev.fw_dead)
		err = vesper_dev_identify(c->dev, &id);
	if (err)
		return dev_fail(v, err);
	*info = (struct vesper_info){
		.abi_major = dev.abi_major,
		.abi_minor = dev.abi_minor,
		.features = dev.features,
		.fw_version = dev.fw_version,
		.sa_entries = dev.sa_entries,
		.queues = dev.queues,
		.gcm_blocks = (uint8_t)dev.gcm_blocks,
		.selftest_passed = dev.data_path_open,
		.policy_entries = le32_to_cpu(id.policy_entries),
		.policy_masks = le16_to_cpu(id.policy_masks),
		.replay_max = le16_to_cpu(id.replay_max),
	};
	memcpy(info->mac, dev.mac, sizeof(info->mac));
	return 0;
}

static int card_sa_add(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle)
{
	struct card *c = v->state;
	int err = vesper_dev_sa_add(c->dev, sa, handle);

	return err ? dev_fail(v, err) : 0;
}

static int card_sa_del(struct vesper *v, uint32_t handle)
{
	struct card *c = v->state;
	int err = vesper_dev_sa_del(c->dev, handle);

	return err ? dev_fail(v, err) : 0;
}

static int card_sa_lease(struct vesper *v, uint32_t handle, uint64_t lease_end)
{
	struct card *c = v->state;
	int err = vesper_dev_sa_lease(c->dev, handle, lease_end);

	return err ? dev_fail(v, err) : 0;
}

static int card_sa_query(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct card *c = v->state;
	int err = vesper_dev_sa_query(c->dev, handle, info);

	return err ? dev_fail(v, err) : 0;
}

static int card_sa_next(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct card *c = v->state;
	/* Index and direction count up in the handle's low bits; the generation plays no part. */
	uint32_t cursor = handle ? (handle & (VESPER_SA_INBOUND | VESPER_SA_INDEX_MASK)) + 1 : 0;
	int n = vesper_dev_sa_next(c->dev, &cursor, info);

	if (n < 0)
		return dev_fail(v, n);
	return n ? 0 : vesper_fail(v, -ENOENT, "no further SA");
}

static int card_policy_add(struct vesper *v, const struct vesper_policy *policy, uint32_t *handle)
{
	struct card *c = v->state;
	int err = vesper_dev_policy_add(c->dev, policy, handle);

	return err ? dev_fail(v, err) : 0;
}

static int card_policy_del(struct vesper *v, uint32_t handle)
{
	struct card *c = v->state;
	int err = vesper_dev_policy_del(c->dev, handle);

	return err ? dev_fail(v, err) : 0;
}

static int card_policy_next(struct vesper *v, uint32_t *handle, struct vesper_policy *policy)
{
	struct card *c = v->state;
	uint32_t cursor = *handle ? (*handle & VESPER_SA_INDEX_MASK) + 1 : 0;
	int n = vesper_dev_policy_next(c->dev, &cursor, handle, policy);

	if (n < 0)
		return dev_fail(v, n);
	return n ? 0 : vesper_fail(v, -ENOENT, "no further policy");
}

static int card_dscp_map(struct vesper *v, const uint8_t map[64])
{
	struct card *c = v->state;
	int err = vesper_dev_dscp_map(c->dev, map);

	return err ? dev_fail(v, err) : 0;
}

static int card_events(struct vesper *v, struct vesper_event *events, size_t count, int timeout_ms)
{
	struct card *c = v->state;
	int n = 0;

	if (!c->events) {
		n = vesper_dev_events_open(c->dev, NULL);
		if (n)
			return dev_fail(v, n);
		c->events = true;
	}
	n = vesper_dev_events(c->dev, events, count > INT32_MAX ? INT32_MAX : (unsigned int)count,
			      timeout_ms);
	return n < 0 ? dev_fail(v, n) : n;
}

/* The queue pair is set up with the first frame, so that a mere question leaves the rings alone. */
static int need_queue(struct vesper *v)
{
	struct vesper_dev_config config = {
		.control = VESPER_CONTROL_RX_ENABLE |
			   (v->policy_bypass ? VESPER_CONTROL_POLICY_BYPASS : 0) |
			   (v->miss_to_host ? VESPER_CONTROL_MISS_TO_HOST : 0),
		.mtu = (u16)v->mtu,
		.rx_queue = (u16)v->queue,
	};
	u32 tx_log2 = (u32)__builtin_ctz(v->ring);
	struct vesper_queue_opts opts = {
		.size = sizeof(opts),
		.tx_log2 = tx_log2,
		/*
		 * A lookaside result without a buffer is lost. At most a TX ring of them is under way, so
		 * an RX ring twice as long has room while collected buffers wait to be posted again.
		 */
		.rx_log2 = tx_log2 < VESPER_RING_LOG2_MAX ? tx_log2 + 1 : tx_log2,
		.buf_size = BUF_SIZE,
		/* Both rings, what a burst holds between them, and what is stashed. */
		.buffers = 3 * v->ring + BURST + STASH,
	};
	struct card *c = v->state;
	int err;

	if (c->queue)
		return 0;
	err = vesper_queue_open(c->dev, v->queue, &opts, &c->queue);
	if (!err)
		err = vesper_dev_set_config(c->dev, &config);
	return err ? dev_fail(v, err) : 0;
}

static void finish(struct burst *b, size_t i, enum vesper_status status)
{
	struct vesper_frame *f = &b->frames[i];

	if (status != VESPER_ST_OK && !f->inplace) {
		f->len = 0;
		f->esp = false;
	}
	if (status != VESPER_ST_OK)
		f->seq = 0;
	f->status = (uint8_t)status;
	b->state[i] = CARD_DONE;
	b->done++;
}

/* Fills one TX entry; false when the frame needs no card to be refused. */
static bool prepare(struct burst *b, size_t i, struct vesper_buf *buf, struct vesper_tx *tx)
{
	struct vesper_frame *f = &b->frames[i];
	unsigned int op = frame_op(f, b->way);

	if (frame_bad_length(f)) {
		finish(b, i, VESPER_ST_BAD_LENGTH);
		return false;
	}
	if (op == VESPER_OP_CONTEXT) {
		finish(b, i, VESPER_ST_BAD_OP);
		return false;
	}
	memcpy(buf->data, f->data, f->len);
	*tx = (struct vesper_tx){
		.buf = buf,
		.cookie = i,
		.sa = op == VESPER_OP_ENCRYPT || op == VESPER_OP_INPLACE || op == VESPER_OP_DUMMY ?
			      f->sa :
			      0,
		.seq_hi = f->seq_hi,
		.len = (u16)f->len,
		.op = (u8)op,
		.flags = lookaside(b) ? VESPER_TXF_LOOKASIDE : 0,
	};
	return true;
}

/* Hands over as many frames as the ring and the buffers take. Return: number, or negative errno. */
static int push(struct vesper *v, struct burst *b)
{
	struct card *c = v->state;
	struct vesper_tx tx[BURST];
	struct vesper_buf *buf;
	unsigned int n = 0, i;
	int taken;

	while (b->next < b->count && n < BURST) {
		/* Refused on the spot, when a frame before it had to be tried again. */
		if (b->state[b->next] == CARD_DONE) {
			b->next++;
			continue;
		}
		buf = vesper_buf_get(c->queue);
		if (!buf)
			break;
		if (prepare(b, b->next, buf, &tx[n]))
			n++;
		else
			vesper_buf_put(buf);
		b->next++;
	}
	if (!n)
		return 0;
	taken = vesper_queue_tx(c->queue, tx, n);
	if (taken < 0) {
		for (i = 0; i < n; i++)
			vesper_buf_put(tx[i].buf);
		return dev_fail(v, taken);
	}
	for (i = 0; i < (unsigned int)taken; i++)
		b->state[tx[i].cookie] = CARD_SENT;
	/* The rest is tried again. */
	for (i = (unsigned int)taken; i < n; i++)
		vesper_buf_put(tx[i].buf);
	if ((unsigned int)taken < n)
		b->next = tx[taken].cookie;
	return taken;
}

static unsigned int collect_tx(struct card *c, struct burst *b)
{
	struct vesper_tx_result result[BURST];
	unsigned int n = vesper_queue_tx_done(c->queue, result, BURST);
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct vesper_tx_result *r = &result[i];
		struct vesper_frame *f;

		vesper_buf_put(r->buf);
		if (r->cookie >= b->count || b->state[r->cookie] == CARD_DONE)
			continue;
		f = &b->frames[r->cookie];
		f->seq = r->seq;
		f->fits = r->fits;
		/* Plain frames have no number. */
		if (b->way != WAY_DECRYPT)
			f->esp = r->seq != 0;
		if (!lookaside(b) || r->status != VESPER_ST_OK) {
			f->len = r->len;
			finish(b, r->cookie, r->status);
		} else if (b->state[r->cookie] == CARD_RESULT) {
			finish(b, r->cookie, f->status);
		} else {
			b->state[r->cookie] = CARD_RESULT;
		}
	}
	return n;
}

/* A frame that is not ours goes to vesper_recv(); when nobody asks for those, the oldest gives way. */
static void stash(struct card *c, const struct vesper_rx *rx)
{
	if (c->stash_len == STASH) {
		vesper_buf_put(c->stash[c->stash_head].buf);
		c->stash_head = (c->stash_head + 1) % STASH;
		c->stash_len--;
	}
	c->stash[(c->stash_head + c->stash_len++) % STASH] = *rx;
}

static void take_result(struct burst *b, const struct vesper_rx *rx)
{
	size_t i = rx->cookie;
	struct vesper_frame *f;

	if (i >= b->count || (b->state[i] != CARD_SENT && b->state[i] != CARD_RESULT))
		return;
	f = &b->frames[i];
	if (rx->len > f->room) {
		finish(b, i, VESPER_ST_NO_BUFFER);
		return;
	}
	memcpy(f->data, rx->buf->data, rx->len);
	f->len = rx->len;
	if (b->copied)
		b->copied[i] = rx->len;
	f->inplace = rx->flags & VESPER_CPL_INPLACE;
	if (b->way == WAY_DECRYPT) {
		f->esp = rx->flags & VESPER_CPL_ESP;
		/* The completion has the whole number; until then, or without it, its lower half. */
		if (b->state[i] == CARD_SENT)
			f->seq = rx->seq;
	}
	if (b->way == WAY_DECRYPT || f->op == VESPER_OP_POLICY)
		f->sa = rx->sa;
	f->status = rx->status;
	if (b->state[i] == CARD_RESULT)
		finish(b, i, rx->status);
	else
		b->state[i] = CARD_RESULT;
}

static int collect_rx(struct vesper *v, struct burst *b)
{
	struct card *c = v->state;
	struct vesper_rx rx[BURST];
	int n = vesper_queue_rx(c->queue, rx, BURST);
	int i;

	if (n < 0)
		return dev_fail(v, n);
	for (i = 0; i < n; i++) {
		if (!(rx[i].flags & VESPER_CPL_LOOKASIDE)) {
			stash(c, &rx[i]);
			continue;
		}
		if (b)
			take_result(b, &rx[i]);
		vesper_buf_put(rx[i].buf);
	}
	return n;
}

/* One burst from the first frame to the last result. */
static int run(struct vesper *v, struct burst *b)
{
	struct card *c = v->state;
	int pushed, received, ready;
	unsigned int results;

	while (b->done < b->count) {
		pushed = push(v, b);
		if (pushed < 0)
			return pushed;
		results = collect_tx(c, b);
		received = collect_rx(v, b);
		if (received < 0)
			return received;
		if (pushed || results || received || b->done == b->count)
			continue;
		ready = vesper_queue_wait(c->queue, (int)v->timeout_ms);
		if (ready < 0)
			return dev_fail(v, ready);
		if (!ready)
			return vesper_fail(v, -ETIMEDOUT,
					   "the card completed %zu of %zu frames within %u ms",
					   b->done, b->count, v->timeout_ms);
	}
	return 0;
}

/* Late results of a burst that failed must not meet the next one. */
static void drop_queue(struct card *c)
{
	vesper_queue_close(c->queue);
	c->queue = NULL;
	c->stash_len = 0;
}

int card_burst(struct vesper *v, struct vesper_frame *frames, size_t count, enum crypt_way way,
	       uint8_t *state, uint32_t *copied)
{
	struct burst b = {
		.frames = frames, .count = count, .way = way, .state = state, .copied = copied
	};
	size_t i;
	int err;

	err = need_queue(v);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		frames[i].seq = 0;
		frames[i].esp = false;
		frames[i].inplace = false;
		frames[i].fits = 0;
		if (way == WAY_DECRYPT)
			frames[i].sa = 0;
	}
	return run(v, &b);
}

static int card_crypt(struct vesper *v, struct vesper_frame *frames, size_t count,
		      enum crypt_way way)
{
	uint8_t *state;
	int passed = 0;
	size_t i;
	int err;

	if (!count)
		return 0;
	state = calloc(count, 1);
	if (!state)
		return vesper_fail(v, -ENOMEM, "no memory for a burst of %zu frames", count);
	err = card_burst(v, frames, count, way, state, NULL);
	for (i = 0; i < count; i++) {
		if (state[i] != CARD_DONE)
			frame_drop(&frames[i], VESPER_ST_NOT_READY);
		passed += frames[i].status == VESPER_ST_OK;
	}
	free(state);
	if (err)
		drop_queue(v->state);
	return err ? err : passed;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Fills the stash unless something is in it. Return: 0, or negative errno. */
static int wait_for_frames(struct vesper *v, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct card *c = v->state;
	int n;

	while (!c->stash_len) {
		n = collect_rx(v, NULL);
		if (n < 0)
			return n;
		if (n)
			continue;
		if (timeout_ms >= 0 && now_ms() > end)
			return 0;
		n = vesper_queue_wait(
			c->queue,
			timeout_ms < 0 ? -1 : (int)(end - now_ms() > 0 ? end - now_ms() : 0));
		if (n < 0)
			return dev_fail(v, n);
		if (!n && timeout_ms >= 0)
			return 0;
	}
	return 0;
}

static int card_recv(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms)
{
	struct card *c = v->state;
	struct vesper_rx *rx;
	size_t n = 0;
	int err;

	err = need_queue(v);
	if (!err)
		err = wait_for_frames(v, timeout_ms);
	if (err)
		return err;
	for (; n < count && c->stash_len; n++) {
		rx = &c->stash[c->stash_head];
		if (rx->len > frames[n].room) {
			/* What was already copied is given first; the long one costs the next call. */
			if (n)
				break;
			err = vesper_fail(v, -EMSGSIZE,
					  "a frame of %u bytes does not fit the room of %u",
					  rx->len, frames[n].room);
		} else {
			memcpy(frames[n].data, rx->buf->data, rx->len);
			frames[n].len = rx->len;
			frames[n].sa = rx->sa;
			frames[n].status = rx->status;
			frames[n].esp = rx->flags & VESPER_CPL_ESP;
			frames[n].inplace = rx->flags & VESPER_CPL_INPLACE;
			frames[n].seq = rx->seq;
			frames[n].fits = 0;
		}
		vesper_buf_put(rx->buf);
		c->stash_head = (c->stash_head + 1) % STASH;
		c->stash_len--;
		if (err)
			return err;
	}
	return (int)n;
}

static int card_stats(struct vesper *v, struct vesper_stats *stats)
{
	struct card *c = v->state;
	int err = vesper_dev_stats(c->dev, stats);

	return err ? dev_fail(v, err) : 0;
}

static int card_selftest(struct vesper *v)
{
	struct card *c = v->state;
	int err = vesper_dev_selftest(c->dev);

	if (err == -ENOTRECOVERABLE)
		err = -EIO;
	return err ? dev_fail(v, err) : 0;
}

static int card_reset(struct vesper *v)
{
	struct card *c = v->state;
	int err = vesper_dev_reset(c->dev);

	return err ? dev_fail(v, err) : 0;
}

const struct backend backend_card = {
	.close = card_close,
	.on_card = card_on_card,
	.info = card_info,
	.sa_add = card_sa_add,
	.sa_del = card_sa_del,
	.sa_lease = card_sa_lease,
	.sa_query = card_sa_query,
	.sa_next = card_sa_next,
	.policy_add = card_policy_add,
	.policy_del = card_policy_del,
	.policy_next = card_policy_next,
	.dscp_map = card_dscp_map,
	.events = card_events,
	.crypt = card_crypt,
	.recv = card_recv,
	.stats = card_stats,
	.selftest = card_selftest,
	.reset = card_reset,
};
