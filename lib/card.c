// SPDX-License-Identifier: BSD-2-Clause
/* The backend on a card: bursts become TX descriptors, results are copied back into the caller's frames. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "vesper_dev.h"

#define BURST 32
/* Whole cache lines that hold the longest frame. */
#define BUF_SIZE ((VESPER_FRAME_MAX + 63) / 64 * 64)
#define STASH	 512

struct card {
	struct vesper_dev *dev;
	struct vesper_queue *queue; /* opened with the first frame */
	/* Frames from the wire that came while something else was waited for. */
	struct vesper_rx stash[STASH];
	unsigned int stash_head, stash_len;
};

/* How far a frame of a burst has come. */
enum progress { WAITING, SENT, RESULT, DONE };

struct burst {
	struct vesper_frame *frames;
	size_t count, next, done;
	unsigned int op, flags;
	uint8_t *state; /* enum progress of each frame */
};

static int dev_fail(struct vesper *v, int err)
{
	return vesper_fail(v, err, "%s", vesper_dev_strerror());
}

int card_open(struct vesper *v, const char *socket)
{
	struct vesper_dev_opts opts = {
		.size = sizeof(opts),
		.socket = socket,
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

static int card_info(struct vesper *v, struct vesper_info *info)
{
	struct card *c = v->state;
	struct vesper_dev_info dev;
	int err = vesper_dev_info(c->dev, &dev);

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

/* The queue pair is set up with the first frame, so that a mere question leaves the rings alone. */
static int need_queue(struct vesper *v)
{
	struct vesper_dev_config config = {
		.control = VESPER_CONTROL_RX_ENABLE,
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
	if (status != VESPER_ST_OK) {
		b->frames[i].len = 0;
		b->frames[i].seq = 0;
		b->frames[i].esp = false;
	}
	b->frames[i].status = (uint8_t)status;
	b->state[i] = DONE;
	b->done++;
}

/* Fills one TX entry; false when the frame needs no card to be refused. */
static bool prepare(struct burst *b, size_t i, struct vesper_buf *buf, struct vesper_tx *tx)
{
	struct vesper_frame *f = &b->frames[i];
	unsigned int op = b->op;

	if (f->len < VESPER_FRAME_MIN || f->len > VESPER_FRAME_MAX) {
		finish(b, i, VESPER_ST_BAD_LENGTH);
		return false;
	}
	/* To the wire: with an SA as ESP, without one as it is. */
	if (op == VESPER_OP_ENCRYPT && !(b->flags & VESPER_TXF_LOOKASIDE) && !f->sa)
		op = VESPER_OP_PLAIN;
	memcpy(buf->data, f->data, f->len);
	*tx = (struct vesper_tx){
		.buf = buf,
		.cookie = i,
		.sa = op == VESPER_OP_ENCRYPT ? f->sa : 0,
		.len = (u16)f->len,
		.op = (u8)op,
		.flags = (u8)b->flags,
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
		if (b->state[b->next] == DONE) {
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
		b->state[tx[i].cookie] = SENT;
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

		vesper_buf_put(r->buf);
		if (r->cookie >= b->count || b->state[r->cookie] == DONE)
			continue;
		b->frames[r->cookie].seq = r->seq;
		if (!(b->flags & VESPER_TXF_LOOKASIDE) || r->status != VESPER_ST_OK) {
			b->frames[r->cookie].len = r->len;
			if (b->op == VESPER_OP_ENCRYPT)
				b->frames[r->cookie].esp = b->frames[r->cookie].sa != 0;
			finish(b, r->cookie, r->status);
		} else if (b->state[r->cookie] == RESULT) {
			finish(b, r->cookie, b->frames[r->cookie].status);
		} else {
			b->state[r->cookie] = RESULT;
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

	if (i >= b->count || (b->state[i] != SENT && b->state[i] != RESULT))
		return;
	f = &b->frames[i];
	if (rx->len > f->room) {
		finish(b, i, VESPER_ST_NO_BUFFER);
		return;
	}
	memcpy(f->data, rx->buf->data, rx->len);
	f->len = rx->len;
	/* The card's flag says that ESP was opened; a lookaside result of encryption is ESP anyway. */
	f->esp = b->op == VESPER_OP_ENCRYPT || rx->flags & VESPER_CPL_ESP;
	if (b->op == VESPER_OP_DECRYPT)
		f->sa = rx->sa;
	f->status = rx->status;
	if (b->state[i] == RESULT)
		finish(b, i, rx->status);
	else
		b->state[i] = RESULT;
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

static int card_run(struct vesper *v, struct vesper_frame *frames, size_t count, unsigned int op,
		    unsigned int flags)
{
	struct burst b = { .frames = frames, .count = count, .op = op, .flags = flags };
	int passed = 0;
	size_t i;
	int err;

	if (!count)
		return 0;
	err = need_queue(v);
	if (err)
		return err;
	b.state = calloc(count, 1);
	if (!b.state)
		return vesper_fail(v, -ENOMEM, "no memory for a burst of %zu frames", count);
	for (i = 0; i < count; i++) {
		frames[i].seq = 0;
		frames[i].esp = false;
		if (op == VESPER_OP_DECRYPT)
			frames[i].sa = 0;
	}
	err = run(v, &b);
	for (i = 0; i < count; i++) {
		if (b.state[i] != DONE)
			finish(&b, i, VESPER_ST_NOT_READY);
		passed += frames[i].status == VESPER_ST_OK;
	}
	free(b.state);
	if (err) {
		/* Late results of this burst must not meet the next one. */
		struct card *c = v->state;

		vesper_queue_close(c->queue);
		c->queue = NULL;
		c->stash_len = 0;
		return err;
	}
	return passed;
}

static int card_crypt(struct vesper *v, struct vesper_frame *frames, size_t count, unsigned int op)
{
	return card_run(v, frames, count, op, VESPER_TXF_LOOKASIDE);
}

static int card_send(struct vesper *v, struct vesper_frame *frames, size_t count)
{
	return card_run(v, frames, count, VESPER_OP_ENCRYPT, 0);
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
			frames[n].seq = 0;
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
	.info = card_info,
	.sa_add = card_sa_add,
	.sa_del = card_sa_del,
	.sa_query = card_sa_query,
	.sa_next = card_sa_next,
	.crypt = card_crypt,
	.send = card_send,
	.recv = card_recv,
	.stats = card_stats,
	.selftest = card_selftest,
	.reset = card_reset,
};
