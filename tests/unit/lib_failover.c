// SPDX-License-Identifier: BSD-2-Clause
/*
 * A card that dies at any point of a flow and comes back: no IV twice, no packet
 * delivered twice, none lost but to the wire. The card is vfio_fake.c with
 * libvesper's own software as its engine, and everything that it ever encrypted
 * counts, whether it came back or not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib_frame.h"
#include "vfio_fake.h"

#define ROUNDS	  1000
#define NUMBERS	  (1u << 20) /* IVs and packets that are told apart */
#define BURST	  40
#define IV_AT	  (ETH + IP + 8)
#define CARD_MARK 7 /* a byte of the Ethernet header that the card's engine sets */
#define ENGINE_N  4

/* ---- the card's engine ---- */

struct engine {
	struct vesper *v;
	struct {
		u32 card, soft;
	} sa[ENGINE_N];
	u32 count;
	uint8_t *used; /* bit a counter value: encrypted by the card */
	const uint8_t *sent;
	bool repeated; /* twice by cards, or after software */
};

static bool test_and_set(uint8_t *bits, uint64_t n)
{
	bool was = bits[n / 8] >> n % 8 & 1;

	assert_true(n < NUMBERS);
	bits[n / 8] |= (uint8_t)(1u << n % 8);
	return was;
}

static bool test_bit(const uint8_t *bits, uint64_t n)
{
	return bits[n / 8] >> n % 8 & 1;
}

static uint64_t counter(const uint8_t *frame)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 8; i++)
		n = n << 8 | frame[IV_AT + i];
	return n;
}

static void engine_sa_add(void *ctx, const struct vesper_sa *sa, u32 handle)
{
	struct engine *e = ctx;

	assert_true(e->count < ENGINE_N);
	assert_int_equal(vesper_sa_add(e->v, sa, &e->sa[e->count].soft), 0);
	e->sa[e->count++].card = handle;
}

static u32 translate(const struct engine *e, u32 handle, bool to_card)
{
	u32 i;

	for (i = 0; i < e->count; i++)
		if ((to_card ? e->sa[i].soft : e->sa[i].card) == handle)
			return to_card ? e->sa[i].card : e->sa[i].soft;
	return 0;
}

static void engine_sa_lease(void *ctx, u32 handle, u64 lease_end)
{
	struct engine *e = ctx;

	assert_int_equal(vesper_sa_lease(e->v, translate(e, handle, false), lease_end), 0);
}

static u8 engine_run(void *ctx, const struct vesper_tx_desc *d, u8 *frame, u16 *len, u64 *seq,
		     u32 *sa)
{
	struct engine *e = ctx;
	struct vesper_frame f = { .data = frame, .len = *len, .room = VESPER_FRAME_MAX };

	if (d->op == VESPER_OP_DECRYPT) {
		vesper_decrypt(e->v, &f, 1);
	} else {
		f.sa = translate(e, d->sa, false);
		f.op = d->op;
		vesper_encrypt(e->v, &f, 1);
		if (f.status == VESPER_ST_OK) {
			e->repeated |= test_and_set(e->used, counter(frame)) ||
				       test_bit(e->sent, counter(frame));
			frame[CARD_MARK] = 1;
		}
	}
	*len = (u16)f.len;
	*seq = f.seq;
	*sa = translate(e, f.sa, true);
	return f.status;
}

/* ---- the test's own books ---- */

struct book {
	struct fake *f;
	struct engine e;
	struct fake_engine hooks;
	struct vesper *v;
	uint8_t *sent;	   /* counters of what came back encrypted */
	uint8_t *received; /* packets that were delivered */
	uint32_t out, in, third;
	struct vesper *peer; /* encrypts what the flow receives */
	uint32_t peer_sa;
	uint32_t next; /* number of the peer's next packet */
};

static void engine_renew(struct book *b)
{
	pthread_mutex_lock(&b->f->lock);
	vesper_close(b->e.v);
	b->e.v = open_soft(0);
	b->e.count = 0;
	pthread_mutex_unlock(&b->f->lock);
}

static int begin(void **state)
{
	struct vesper_opts opts = {
		.size = sizeof(opts),
		.ring = 16,
		.timeout_ms = 100,
		.fallback = VESPER_FALLBACK_AUTO,
		.lease = 64,
	};
	struct vesper_sa out = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 1);
	struct vesper_sa in = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 16, 16, 2);
	struct vesper_sa peer = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 2);
	struct book *b = calloc(1, sizeof(*b));
	char text[200];

	*state = b;
	b->f = fake_start();
	b->e.v = open_soft(0);
	b->e.used = calloc(1, NUMBERS / 8);
	b->e.sent = b->sent = calloc(1, NUMBERS / 8);
	b->received = calloc(1, NUMBERS / 8);
	b->hooks = (struct fake_engine){ &b->e, engine_sa_add, engine_sa_lease, engine_run };
	b->f->engine = &b->hooks;
	opts.card = b->f->path;
	if (vesper_open(&opts, &b->v, text, sizeof(text)))
		fail_msg("%s", text);
	assert_true(vesper_on_card(b->v));
	in.replay_window = 256;
	assert_int_equal(vesper_sa_add(b->v, &out, &b->out), 0);
	assert_int_equal(vesper_sa_add(b->v, &in, &b->in), 0);
	b->peer = open_soft(0);
	assert_int_equal(vesper_sa_add(b->peer, &peer, &b->peer_sa), 0);
	return 0;
}

static int end(void **state)
{
	struct book *b = *state;

	vesper_close(b->v);
	fake_stop(b->f);
	vesper_close(b->e.v);
	vesper_close(b->peer);
	free(b->e.used);
	free(b->sent);
	free(b->received);
	free(b);
	return 0;
}

/* ---- flows ---- */

static uint8_t memory[BURST][2048];

static void encrypt_burst(struct book *b, uint32_t n)
{
	struct vesper_frame frames[BURST];
	uint64_t iv;
	uint32_t i;

	for (i = 0; i < n; i++)
		frames[i] = (struct vesper_frame){ .data = memory[i],
						   .len = make_frame(memory[i], 0, 40 + i),
						   .room = sizeof(memory[i]),
						   .sa = b->out };
	vesper_encrypt(b->v, frames, n);
	for (i = 0; i < n; i++) {
		assert_int_equal(frames[i].status, VESPER_ST_OK);
		assert_true(frames[i].esp);
		iv = counter(frames[i].data);
		assert_int_equal(frames[i].seq, iv);
		assert_false(test_and_set(b->sent, iv));
		/* What software made has an IV that no card has used, whatever became of that. */
		assert_int_equal(frames[i].data[CARD_MARK], test_bit(b->e.used, iv));
	}
	assert_false(b->e.repeated);
}

/* Each of the next @n packets comes @twice or once, in any order. */
static void decrypt_burst(struct book *b, uint32_t n, bool twice)
{
	struct vesper_frame frames[BURST];
	uint32_t i, other, id[BURST];
	uint8_t copy[2048];

	for (i = 0; i < n; i++) {
		struct vesper_frame f = { .data = memory[i],
					  .len = make_frame(memory[i], 0, 40),
					  .room = sizeof(memory[i]),
					  .sa = b->peer_sa };

		if (twice && i % 3 == 2) {
			memcpy(memory[i], memory[i - 1], sizeof(memory[i]));
			frames[i] = frames[i - 1];
			frames[i].data = memory[i];
			continue;
		}
		b->next++;
		memcpy(memory[i] + ETH + IP, &b->next, 4);
		assert_int_equal(vesper_encrypt(b->peer, &f, 1), 1);
		assert_int_equal(f.seq, b->next);
		frames[i] = f;
	}
	for (i = n - 1; i > 0; i--) {
		other = (uint32_t)rand() % (i + 1);
		memcpy(copy, memory[i], sizeof(copy));
		memcpy(memory[i], memory[other], sizeof(copy));
		memcpy(memory[other], copy, sizeof(copy));
	}
	vesper_decrypt(b->v, frames, n);
	for (i = 0; i < n; i++) {
		if (frames[i].status == VESPER_ST_REPLAY && twice)
			continue;
		assert_int_equal(frames[i].status, VESPER_ST_OK);
		assert_int_equal(frames[i].sa, b->in);
		memcpy(&id[i], frames[i].data + ETH + IP, 4);
		assert_int_equal(frames[i].seq, id[i]);
		assert_false(test_and_set(b->received, id[i]));
	}
	/* Nothing is missing. */
	for (i = b->next; i > b->next - n / 2; i--)
		assert_true(test_bit(b->received, i));
}

static void deaths(void **state)
{
	struct book *b = *state;
	struct vesper_failover_stats stats;
	uint64_t iv, both = 0;
	int round, again;

	srand(1);
	for (round = 0; round < ROUNDS; round++) {
		pthread_mutex_lock(&b->f->lock);
		b->f->die_in = 1 + (uint32_t)rand() % (round % 3 ? 60 : 600);
		b->f->die_silently = round % 250 == 100;
		pthread_mutex_unlock(&b->f->lock);
		do {
			encrypt_burst(b, 1 + (uint32_t)rand() % BURST);
			decrypt_burst(b, 2 + (uint32_t)rand() % (BURST - 2), rand() % 2);
		} while (vesper_on_card(b->v));
		/* Software goes on for a while, or not at all. */
		for (again = rand() % 3; again > 0; again--) {
			encrypt_burst(b, 1 + (uint32_t)rand() % BURST);
			decrypt_burst(b, 2 + (uint32_t)rand() % (BURST - 2), rand() % 2);
		}
		engine_renew(b);
		fake_revive(b->f, rand() % 10 ? 0 : 1 + (uint32_t)rand() % 80, false);
		if (!vesper_reattach(b->v)) {
			assert_true(vesper_on_card(b->v));
			continue;
		}
		/* It died again at once. */
		assert_false(vesper_on_card(b->v));
		encrypt_burst(b, 5);
		engine_renew(b);
		fake_revive(b->f, 0, false);
		assert_int_equal(vesper_reattach(b->v), 0);
	}
	assert_int_equal(vesper_failover_stats(b->v, &stats), 0);
	assert_true(stats.card_lost >= ROUNDS);
	assert_true(stats.reattached >= ROUNDS);
	assert_true(stats.redone > ROUNDS / 4);
	assert_int_equal(stats.lost, 0);
	assert_true(stats.reason[0]);
	/* Both have worked: what came back is partly the card's, and never the same. */
	for (iv = 0; iv < NUMBERS; iv++)
		both += test_bit(b->sent, iv) && test_bit(b->e.used, iv);
	print_message("%u packets in, %llu of the card's out, %llu redone, %llu delivered twice by "
		      "cards\n",
		      b->next, (unsigned long long)both, (unsigned long long)stats.redone,
		      (unsigned long long)stats.twice);
	assert_true(both > 1000);
}

/* An SA that the card has no room for, or refuses, is in software, and works. */
static void no_room(void **state)
{
	struct book *b = *state;
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 32, 8, 3);
	struct vesper_failover_stats stats;
	struct vesper_event event;
	uint32_t second, third;
	struct vesper_frame f;

	assert_int_equal(vesper_sa_add(b->v, &sa, &second), 0);
	sa.spi[3]++;
	assert_int_equal(vesper_sa_add(b->v, &sa, &third), 0);
	assert_int_equal(vesper_events(b->v, &event, 1, 0), 1);
	assert_int_equal(event.code, VESPER_EV_SA_SOFTWARE);
	assert_int_equal(event.sa, third);
	assert_int_equal(vesper_failover_stats(b->v, &stats), 0);
	assert_int_equal(stats.sa_software, 1);
	assert_int_equal(stats.sa_refused, 1);
	assert_int_equal(stats.card_lost, 0);
	f = (struct vesper_frame){
		.data = memory[0], .len = make_frame(memory[0], 0, 9), .room = 2048, .sa = third
	};
	assert_int_equal(vesper_encrypt(b->v, &f, 1), 1);
	assert_int_equal(f.seq, 1);
	assert_false(test_bit(b->e.used, 1));
	f.len = make_frame(memory[0], 0, 9);
	f.sa = second;
	assert_int_equal(vesper_encrypt(b->v, &f, 1), 1);
	assert_true(test_bit(b->e.used, 1));
	/* The card knows such an SA: as without fallback. */
	assert_int_equal(vesper_sa_add(b->v, &sa, &second), -EEXIST);
	assert_int_equal(vesper_sa_del(b->v, third), 0);
	assert_int_equal(vesper_sa_lease(b->v, b->out, 7), -EOPNOTSUPP);
	sa.spi[3]++;
	sa.lease_end = 5;
	assert_int_equal(vesper_sa_add(b->v, &sa, &second), -EINVAL);
	assert_non_null(strstr(vesper_strerror(b->v), "lease_end = 5"));
	assert_true(vesper_on_card(b->v));
}

/* Leases are renewed before they run out, bursts longer than a lease included. */
static void leases(void **state)
{
	struct book *b = *state;
	uint32_t i, calls;

	for (i = 0; i < 20; i++)
		encrypt_burst(b, BURST);
	assert_true(vesper_on_card(b->v));
	calls = b->f->mbx_calls;
	for (i = 0; i < 64; i++)
		encrypt_burst(b, 1);
	/* A lease of 64 with half of it left. */
	assert_in_range(b->f->mbx_calls - calls, 1, 3);
}

/* A new card takes nothing of what came before it. */
static void old_numbers(void **state)
{
	struct book *b = *state;
	struct vesper_failover_stats stats;
	struct vesper_frame frame = { .data = memory[0],
				      .len = make_frame(memory[0], 0, 40),
				      .room = 2048,
				      .sa = b->peer_sa };
	static uint8_t copy[2048];
	uint32_t len;

	assert_int_equal(vesper_encrypt(b->peer, &frame, 1), 1);
	memcpy(copy, memory[0], len = frame.len);
	assert_int_equal(vesper_decrypt(b->v, &frame, 1), 1);
	frame.len = make_frame(memory[0], 0, 40);
	frame.sa = b->peer_sa;
	assert_int_equal(vesper_encrypt(b->peer, &frame, 1), 1);
	assert_int_equal(vesper_decrypt(b->v, &frame, 1), 1);
	pthread_mutex_lock(&b->f->lock);
	b->f->die_in = 1;
	pthread_mutex_unlock(&b->f->lock);
	encrypt_burst(b, 1);
	assert_false(vesper_on_card(b->v));
	engine_renew(b);
	fake_revive(b->f, 0, false);
	assert_int_equal(vesper_reattach(b->v), 0);
	memcpy(memory[0], copy, frame.len = len);
	assert_int_equal(vesper_decrypt(b->v, &frame, 1), 0);
	assert_int_equal(frame.status, VESPER_ST_REPLAY);
	assert_int_equal(frame.len, 0);
	assert_int_equal(vesper_failover_stats(b->v, &stats), 0);
	assert_int_equal(stats.twice, 0);
	assert_int_equal(stats.reattached, 1);
	assert_int_equal(vesper_reattach(b->v), -EALREADY);
}

/* Limits hold over all lives of a card, exact to the packet; each event comes once. */
static void lifetime(void **state)
{
	struct book *b = *state;
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 9);
	struct vesper_sa_info info;
	struct vesper_event events[16];
	struct vesper_frame f;
	uint32_t handle, passed = 0, i;
	int n;

	vesper_sa_del(b->v, b->out);
	engine_renew(b);
	fake_revive(b->f, 0, false);
	sa.soft_packets = 20;
	sa.hard_packets = 50;
	assert_int_equal(vesper_sa_add(b->v, &sa, &handle), 0);
	for (i = 0; i < 60; i++) {
		if (i % 20 == 10) {
			pthread_mutex_lock(&b->f->lock);
			b->f->die_in = 1;
			pthread_mutex_unlock(&b->f->lock);
		}
		if (i % 20 == 15) {
			engine_renew(b);
			fake_revive(b->f, 0, false);
			assert_int_equal(vesper_reattach(b->v), 0);
		}
		f = (struct vesper_frame){ .data = memory[0],
					   .len = make_frame(memory[0], 0, 9),
					   .room = 2048,
					   .sa = handle };
		passed += (uint32_t)vesper_encrypt(b->v, &f, 1);
		assert_int_equal(f.status, i < 50 ? VESPER_ST_OK : VESPER_ST_LIFETIME);
	}
	assert_int_equal(passed, 50);
	assert_int_equal(vesper_sa_query(b->v, handle, &info), 0);
	assert_int_equal(info.packets, 50);
	assert_int_equal(info.bytes, 50 * 29);
	n = vesper_events(b->v, events, 16, 0);
	for (i = 0; i < (uint32_t)n; i++)
		assert_true(events[i].code == VESPER_EV_CARD_LOST ||
			    events[i].code == VESPER_EV_CARD_BACK ||
			    events[i].code == VESPER_EV_SOFT_PACKETS ||
			    events[i].code == VESPER_EV_EXPIRED ||
			    events[i].code == VESPER_EV_SA_SOFTWARE ||
			    events[i].code == VESPER_ST_LIFETIME);
}

/* The next packet of the peer, sealed. Return: its length. */
static uint32_t sealed(struct book *b, uint8_t *frame, uint32_t *number)
{
	struct vesper_frame f = {
		.data = frame, .len = make_frame(frame, 0, 40), .room = 2048, .sa = b->peer_sa
	};

	assert_int_equal(vesper_encrypt(b->peer, &f, 1), 1);
	*number = (uint32_t)f.seq;
	return f.len;
}

static u32 card_handle(struct book *b, unsigned int place)
{
	u32 handle;

	pthread_mutex_lock(&b->f->lock);
	handle = b->f->sa[place].handle;
	pthread_mutex_unlock(&b->f->lock);
	return handle;
}

/* From the wire: by the card, by software for an SA that is there, as it is; and what is left at death. */
static void wire(void **state)
{
	struct book *b = *state;
	struct vesper_frame frames[4];
	struct vesper_failover_stats stats;
	static uint8_t esp[2048], plain[2048], room[4][2048];
	u32 handle = card_handle(b, 2);
	uint32_t len, number, i;

	for (i = 0; i < 4; i++)
		frames[i] = (struct vesper_frame){ .data = room[i], .room = 2048 };
	assert_int_equal(vesper_recv(b->v, frames, 4, 0), 0);
	assert_true(fake_reg_get(b->f, offsetof(vesper_t, control)) & VESPER_CONTROL_MISS_TO_HOST);
	len = make_frame(plain, 0, 40);
	/* Decrypted by the card, the second time by mistake. */
	for (i = 0; i < 2; i++)
		fake_wire(
			b->f, 0, plain, (u16)len,
			(struct vesper_rx_cpl){ .flags = VESPER_CPL_ESP, .sa = handle, .seq = 1 });
	assert_int_equal(vesper_recv(b->v, frames, 4, 1000), 2);
	assert_int_equal(frames[0].status, VESPER_ST_OK);
	assert_true(frames[0].esp);
	assert_int_equal(frames[0].sa, b->in);
	assert_int_equal(frames[1].status, VESPER_ST_REPLAY);
	assert_int_equal(frames[1].len, 0);
	assert_int_equal(vesper_failover_stats(b->v, &stats), 0);
	assert_int_equal(stats.twice, 1);
	/* No ESP at all; ESP that neither knows; what the card does not know and software does. */
	fake_wire(b->f, 0, plain, (u16)len, (struct vesper_rx_cpl){ 0 });
	len = sealed(b, esp, &number);
	len = sealed(b, esp, &number);
	esp[ETH + IP] ^= 0x80;
	fake_wire(b->f, 0, esp, (u16)len, (struct vesper_rx_cpl){ .status = VESPER_ST_NO_SA });
	esp[ETH + IP] ^= 0x80;
	fake_wire(b->f, 0, esp, (u16)len, (struct vesper_rx_cpl){ .status = VESPER_ST_NO_SA });
	assert_int_equal(vesper_recv(b->v, frames, 4, 1000), 3);
	assert_int_equal(frames[0].status, VESPER_ST_OK);
	assert_false(frames[0].esp);
	assert_int_equal(frames[0].len, ETH + IP + 40);
	assert_int_equal(frames[1].status, VESPER_ST_NO_SA);
	assert_int_equal(frames[1].len, 0);
	assert_int_equal(frames[2].status, VESPER_ST_OK);
	assert_true(frames[2].esp);
	assert_int_equal(frames[2].seq, number);
	/* What it had delivered when it died is not lost, nor doubled. */
	len = make_frame(plain, 0, 40);
	fake_wire(
		b->f, 0, plain, (u16)len,
		(struct vesper_rx_cpl){ .flags = VESPER_CPL_ESP, .sa = handle, .seq = number + 1 });
	pthread_mutex_lock(&b->f->lock);
	b->f->die_in = 1;
	pthread_mutex_unlock(&b->f->lock);
	encrypt_burst(b, 3);
	assert_false(vesper_on_card(b->v));
	assert_int_equal(vesper_recv(b->v, frames, 4, 1000), 1);
	assert_int_equal(frames[0].sa, b->in);
	assert_int_equal(frames[0].seq, number + 1);
	assert_int_equal(vesper_recv(b->v, frames, 4, 1000), -ENODEV);
	len = sealed(b, esp, &number);
	frames[0] = (struct vesper_frame){ .data = esp, .len = len, .room = 2048 };
	vesper_decrypt(b->v, frames, 1);
	assert_int_equal(frames[0].status, VESPER_ST_REPLAY);
}

/* To the wire: by the card; by software for it; and when it dies, what may have left is counted. */
static void sending(void **state)
{
	struct book *b = *state;
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 30);
	struct vesper_failover_stats stats;
	struct vesper_frame frames[8];
	struct vesper_event events[8];
	uint32_t soft, i, lost = 0;
	int n;

	/* Two outbound SAs are all that this card has room for. */
	assert_int_equal(vesper_sa_add(b->v, &sa, &soft), 0);
	sa.spi[3]++;
	assert_int_equal(vesper_sa_add(b->v, &sa, &soft), 0);
	for (i = 0; i < 3; i++)
		frames[i] = (struct vesper_frame){ .data = memory[i],
						   .len = make_frame(memory[i], 0, 40),
						   .room = 2048,
						   .sa = i == 0 ? b->out :
							 i == 1 ? soft :
								  0 };
	assert_int_equal(vesper_send(b->v, frames, 3), 3);
	assert_true(frames[0].esp && frames[1].esp && !frames[2].esp);
	assert_int_equal(frames[0].seq, 1);
	assert_int_equal(frames[1].seq, 1);
	assert_true(test_bit(b->e.used, 1));
	/* What software made left as it is. */
	assert_int_equal(b->f->last_tx.op, VESPER_OP_PLAIN);
	assert_memory_equal(memory[1] + ETH + IP, sa.spi, 4);
	/* An event of the card names our SA. */
	n = vesper_events(b->v, events, 8, 0);
	assert_int_equal(n, 1);
	assert_int_equal(events[0].code, VESPER_EV_SA_SOFTWARE);
	vesper_events(b->v, events, 8, 0);
	fake_put_event(b->f,
		       (struct vesper_event){ .code = VESPER_ST_REPLAY, .sa = card_handle(b, 2) });
	assert_int_equal(vesper_events(b->v, events, 8, 1000), 1);
	assert_int_equal(events[0].sa, b->in);
	pthread_mutex_lock(&b->f->lock);
	b->f->die_in = 10;
	pthread_mutex_unlock(&b->f->lock);
	for (i = 0; i < 8; i++)
		frames[i] = (struct vesper_frame){ .data = memory[i],
						   .len = make_frame(memory[i], 0, 40),
						   .room = 2048,
						   .sa = b->out };
	n = vesper_send(b->v, frames, 8);
	assert_in_range(n, 0, 7);
	for (i = 0; i < 8; i++)
		lost += frames[i].status == VESPER_ST_NOT_READY;
	assert_int_equal(lost, 8 - n);
	assert_int_equal(vesper_failover_stats(b->v, &stats), 0);
	assert_int_equal(stats.lost, lost);
	assert_int_equal(vesper_send(b->v, frames, 1), -ENODEV);
	/* They had numbers, or may have had. */
	frames[0].len = make_frame(memory[0], 0, 40);
	frames[0].sa = b->out;
	assert_int_equal(vesper_encrypt(b->v, frames, 1), 1);
	assert_true(frames[0].seq > 9);
}

/* No card there at all: software from the start. */
static void never_there(void **state)
{
	struct vesper_opts opts = { .size = sizeof(opts),
				    .card = "/nonexistent",
				    .fallback = VESPER_FALLBACK_AUTO };
	struct vesper_failover_stats stats;
	struct vesper_frame f = { .data = memory[0], .len = make_frame(memory[0], 0, 9) };
	struct vesper *v;

	(void)state;
	assert_int_equal(vesper_open(&opts, &v, NULL, 0), 0);
	assert_false(vesper_on_card(v));
	assert_int_equal(vesper_failover_stats(v, &stats), 0);
	assert_int_equal(stats.card_lost, 1);
	assert_non_null(strstr(stats.reason, "/nonexistent"));
	assert_int_equal(vesper_send(v, &f, 1), -ENODEV);
	assert_int_equal(f.status, VESPER_ST_NOT_READY);
	assert_int_equal(vesper_recv(v, &f, 1, 0), -ENODEV);
	assert_true(vesper_reattach(v) < 0);
	vesper_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deaths, begin, end),
		cmocka_unit_test_setup_teardown(no_room, begin, end),
		cmocka_unit_test_setup_teardown(leases, begin, end),
		cmocka_unit_test_setup_teardown(old_numbers, begin, end),
		cmocka_unit_test_setup_teardown(lifetime, begin, end),
		cmocka_unit_test_setup_teardown(wire, begin, end),
		cmocka_unit_test_setup_teardown(sending, begin, end),
		cmocka_unit_test(never_there),
	};

	return cmocka_run_group_tests_name("lib_failover", tests, NULL, NULL);
}
