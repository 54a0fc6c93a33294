// SPDX-License-Identifier: BSD-2-Clause
/* Frames of a handle with a card and software: who processes which, and what a dying card leaves. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "failover.h"

/* The part of a burst that the card processes; [k] belongs to frames[at[k]] of the caller. */
struct part {
	struct vesper_frame *frames;
	struct esp_sa **sa; /* NULL: a plain frame */
	uint32_t *bytes;    /* of plaintext, outbound */
	uint32_t *copied;
	uint8_t *state;
	size_t *at;
	size_t count;
};

static int part_init(struct part *p, size_t count)
{
	*p = (struct part){
		.frames = calloc(count, sizeof(*p->frames)),
		.sa = calloc(count, sizeof(struct esp_sa *)),
		.bytes = calloc(count, sizeof(*p->bytes)),
		.copied = calloc(count, sizeof(*p->copied)),
		.state = calloc(count, 1),
		.at = calloc(count, sizeof(*p->at)),
	};
	return p->frames && p->sa && p->bytes && p->copied && p->state && p->at ? 0 : -ENOMEM;
}

static void part_free(struct part *p)
{
	free(p->frames);
	free(p->sa);
	free(p->bytes);
	free(p->copied);
	free(p->state);
	free(p->at);
}

static void part_add(struct part *p, const struct vesper_frame *frame, size_t at, struct esp_sa *sa,
		     uint32_t bytes)
{
	p->frames[p->count] = *frame;
	if (sa)
		p->frames[p->count].sa = frame->sa ? sa->card->handle : 0;
	p->sa[p->count] = sa;
	p->bytes[p->count] = bytes;
	p->at[p->count++] = at;
	if (sa)
		sa->card->pending++;
}

static bool on_card(const struct failover *f, const struct esp_sa *sa)
{
	return f->alive && sa && sa->card->handle;
}

/* ---- who processes a frame ---- */

/* Outbound: where the SA is. */
static void sort_out(struct failover *f, struct part *p, struct vesper_frame *frame, size_t at,
		     enum crypt_way way)
{
	struct soft *s = soft_of(&f->soft);
	unsigned int op = frame_op(frame, way);
	struct esp_sa *sa = NULL;

	if (!frame_bad_length(frame) && op == VESPER_OP_POLICY) {
		frame->status = (uint8_t)esp_policy(&s->esp, frame, &frame->sa);
		if (frame->status != VESPER_ST_OK || (!frame->sa && way != WAY_SEND)) {
			soft_one(s, frame, VESPER_OP_POLICY);
			return;
		}
		op = frame->sa ? VESPER_OP_ENCRYPT : VESPER_OP_PLAIN;
		frame->op = 0;
	}
	if (op != VESPER_OP_PLAIN && op != VESPER_OP_CONTEXT)
		sa_table_find_out(s->esp.sas, frame->sa, &sa);
	if (on_card(f, sa)) {
		part_add(p, frame, at, sa, esp_plain_bytes(sa, frame));
		return;
	}
	if (op != VESPER_OP_PLAIN)
		soft_one(s, frame, op);
	if (way != WAY_SEND || (op != VESPER_OP_PLAIN && frame->status != VESPER_ST_OK))
		return;
	/* To the card's wire, whoever made it. */
	part_add(p, frame, at, NULL, 0);
	p->frames[p->count - 1].sa = 0;
	p->frames[p->count - 1].op = 0;
}

static void sort_in(struct failover *f, struct part *p, struct vesper_frame *frame, size_t at)
{
	struct soft *s = soft_of(&f->soft);
	struct esp_sa *sa = NULL;
	struct esp_where where;

	if (!frame_bad_length(frame) &&
	    esp_find(s->esp.sas, frame->data, frame->len, &where) == VESPER_ST_OK)
		sa = esp_find_sa(s->esp.sas, frame->data, &where);
	if (on_card(f, sa)) {
		part_add(p, frame, at, sa, 0);
		return;
	}
	soft_one(s, frame, VESPER_OP_DECRYPT);
}

/* ---- what software notes of the card's work ---- */

static void note_out(struct esp_sa *sa, const struct vesper_frame *frame, uint32_t bytes)
{
	if (frame->status != VESPER_ST_OK) {
		sa_drop(sa, frame->status);
		/* Results that got lost on the way back used up numbers of which nobody told. */
		if (frame->status == VESPER_ST_LEASE)
			sa->info.seq = sa->card->lease_end;
		return;
	}
	if (frame->seq > sa->info.seq && frame->op != VESPER_OP_INPLACE)
		sa->info.seq = frame->seq;
	sa->info.packets++;
	sa->info.bytes += bytes;
}

/* In place the card's counter does not show in the frame: each packet took one number. */
static void note_inplace(struct esp_sa *sa, const struct vesper_frame *frame)
{
	if (frame->op == VESPER_OP_INPLACE &&
	    (frame->status == VESPER_ST_OK || frame->status == VESPER_ST_NO_BUFFER ||
	     frame->status == VESPER_ST_DMA_WRITE))
		sa->info.seq++;
}

/* A packet that the card delivered must be new to software too. */
static void note_in(struct failover *f, struct esp_sa *sa, struct vesper_frame *frame)
{
	if (frame->status != VESPER_ST_OK) {
		sa_drop(sa, frame->status);
		return;
	}
	if (sa->window && !replay_check(sa->window, frame->seq)) {
		OPENSSL_cleanse(frame->data, frame->len);
		frame_drop(frame, VESPER_ST_REPLAY);
		sa_drop(sa, VESPER_ST_REPLAY);
		f->stats.twice++;
		return;
	}
	sa_mark_seq(sa, frame->seq);
	sa->info.packets++;
	sa->info.bytes += frame->inplace ? 0 : esp_delivered_bytes(sa, frame->data, frame->len);
}

static void take_back(struct failover *f, struct part *p, size_t k, struct vesper_frame *frame,
		      enum crypt_way way)
{
	struct esp_sa *sa = p->sa[k];
	struct vesper_frame *done = &p->frames[k];

	if (!sa) {
		/* Made in software, or plain. */
		frame->status = done->status;
		frame->len = done->len;
		frame->fits = done->fits;
		if (frame->status != VESPER_ST_OK)
			frame_drop(frame, done->status);
		return;
	}
	if (way == WAY_DECRYPT)
		done->sa = done->sa ? sa->info.handle : 0;
	else
		done->sa = frame->sa;
	*frame = *done;
	if (way == WAY_DECRYPT) {
		note_in(f, sa, frame);
	} else {
		note_inplace(sa, frame);
		note_out(sa, frame, p->bytes[k]);
	}
}

/* ---- what a dying card leaves ---- */

/* The result is in the buffer, but the completion with the whole number is not. */
static void rescue(struct failover *f, struct part *p, size_t k, struct vesper_frame *frame,
		   enum crypt_way way)
{
	struct vesper_frame *done = &p->frames[k];
	struct esp_sa *sa = p->sa[k];
	uint64_t end = sa->card->lease_end;

	done->len = p->copied[k];
	if (way == WAY_DECRYPT) {
		if (done->status == VESPER_ST_OK && !done->inplace &&
		    sa_check_seq(sa, (uint32_t)done->seq, &done->seq) != VESPER_ST_OK)
			done->seq = 0; /* note_in() refuses it */
	} else {
		done->esp = true;
		done->seq = esp_seq_of(done->data, done->len);
		if (done->op == VESPER_OP_INPLACE && sa_has(sa, VESPER_SAF_ESN))
			done->seq |= (uint64_t)done->seq_hi << 32;
		/* Within the lease, whose numbers are fewer than 2^32. */
		else if (sa_has(sa, VESPER_SAF_ESN))
			done->seq = end - (uint32_t)((uint32_t)end - (uint32_t)done->seq);
	}
	take_back(f, p, k, frame, way);
}

static void after_death(struct failover *f, struct part *p, struct vesper_frame *frames,
			enum crypt_way way)
{
	struct soft *s = soft_of(&f->soft);
	size_t k;

	for (k = 0; k < p->count; k++) {
		struct vesper_frame *frame = &frames[p->at[k]];

		if (p->state[k] == CARD_DONE)
			continue;
		if (way == WAY_SEND) {
			/* It may have left, and its number is used up. */
			if (p->state[k] != CARD_WAITING) {
				f->stats.lost++;
				if (p->sa[k]) {
					p->sa[k]->info.packets++;
					p->sa[k]->info.bytes += p->bytes[k];
				}
			}
			frame_drop(frame, VESPER_ST_NOT_READY);
		} else if (p->copied[k]) {
			rescue(f, p, k, frame, way);
		} else {
			/* Nobody has seen a result of it: software begins anew, with a number of its own. */
			f->stats.redone += p->state[k] != CARD_WAITING;
			soft_one(s, frame, frame_op(frame, way));
		}
	}
}

/* ---- bursts ---- */

static int run_part(struct failover *f, struct part *p, struct vesper_frame *frames,
		    enum crypt_way way)
{
	int err = 0;
	size_t k;

	for (k = 0; k < p->count; k++) {
		struct esp_sa *sa = p->sa[k];

		if (!sa || !sa->card->pending)
			continue;
		if (!err && way != WAY_DECRYPT)
			err = failover_renew(f, sa, sa->card->pending);
		sa->card->pending = 0;
	}
	if (!err)
		err = card_burst(&f->card, p->frames, p->count, way, p->state, p->copied);
	/* What is done is noted before the card is given up, for that sets the numbers. */
	for (k = 0; k < p->count; k++)
		if (p->state[k] == CARD_DONE)
			take_back(f, p, k, &frames[p->at[k]], way);
	if (!err)
		return 0;
	failover_lost(f, f->card.error);
	after_death(f, p, frames, way);
	return err;
}

int failover_crypt(struct vesper *v, struct vesper_frame *frames, size_t count, enum crypt_way way)
{
	struct failover *f = v->state;
	struct part part;
	int passed = 0;
	size_t i;

	if (!count)
		return 0;
	if (way == WAY_SEND && !f->alive) {
		for (i = 0; i < count; i++)
			frame_drop(&frames[i], VESPER_ST_NOT_READY);
		return vesper_fail(v, -ENODEV, "the card has gone, and its wire with it: %s",
				   f->stats.reason);
	}
	if (part_init(&part, count)) {
		part_free(&part);
		return vesper_fail(v, -ENOMEM, "no memory for a burst of %zu frames", count);
	}
	for (i = 0; i < count; i++) {
		if (way == WAY_DECRYPT)
			sort_in(f, &part, &frames[i], i);
		else
			sort_out(f, &part, &frames[i], i, way);
	}
	if (part.count)
		run_part(f, &part, frames, way);
	part_free(&part);
	for (i = 0; i < count; i++)
		passed += frames[i].status == VESPER_ST_OK;
	return passed;
}

/* ---- from the wire ---- */

/* The card decrypted it: software follows. */
static void received_esp(struct failover *f, struct vesper_frame *frame)
{
	struct esp_sa *sa = frame->sa ? failover_sa(f, frame->sa) : NULL;

	frame->sa = sa ? sa->info.handle : 0;
	if (!sa)
		return;
	if (frame->status == VESPER_ST_OK &&
	    sa_check_seq(sa, (uint32_t)frame->seq, &frame->seq) != VESPER_ST_OK)
		frame->seq = 0;
	note_in(f, sa, frame);
}

/* The card let it pass: it may be for an SA that is in software. */
static void received_plain(struct failover *f, struct vesper_frame *frame)
{
	struct soft *s = soft_of(&f->soft);
	enum vesper_status status;
	struct esp_where where;
	struct esp_sa *sa;

	if (frame->status != VESPER_ST_OK && frame->status != VESPER_ST_NO_SA)
		return;
	status = esp_find(s->esp.sas, frame->data, frame->len, &where);
	sa = status == VESPER_ST_OK ? esp_find_sa(s->esp.sas, frame->data, &where) : NULL;
	/* What nobody knows is dropped with its event, as the card would have. */
	if (sa || frame->status == VESPER_ST_NO_SA)
		soft_one(s, frame, VESPER_OP_DECRYPT);
}

int failover_recv(struct vesper *v, struct vesper_frame *frames, size_t count, int timeout_ms)
{
	struct failover *f = v->state;
	int n = -ENODEV, i;

	if (f->card.state)
		n = backend_card.recv(&f->card, frames, count, f->alive ? timeout_ms : 0);
	if (card_error_is_death(n) && f->alive) {
		failover_lost(f, f->card.error);
		n = backend_card.recv(&f->card, frames, count, 0);
	}
	if (n == -EMSGSIZE || n == -EINTR)
		return vesper_fail(v, n, "%s", f->card.error);
	/* All that a card had delivered before it died has been collected. */
	if (n <= 0 && !f->alive)
		return vesper_fail(v, -ENODEV, "the card has gone, and its wire with it: %s",
				   f->stats.reason);
	for (i = 0; i < n; i++) {
		if (frames[i].esp || frames[i].inplace)
			received_esp(f, &frames[i]);
		else
			received_plain(f, &frames[i]);
	}
	return n;
}
