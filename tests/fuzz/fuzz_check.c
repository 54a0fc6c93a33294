// SPDX-License-Identifier: BSD-2-Clause
/* What must hold of the card after any batch, whatever was in it. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "fuzz_frames.h"

/* One that nobody tampered with: out and in again, with the bytes that software makes. */
static int good_packet(struct frames *f, struct rng *r)
{
	struct item *it = &f->item[0];
	struct vesper_frame *want = &it->want, *got = &it->got;

	make_good(r, &it->in);
	*want = (struct vesper_frame){ .data = it->want_data, .len = it->in.len, .room = ROOM };
	*got = *want;
	got->data = it->got_data;
	memcpy(want->data, it->in.data, it->in.len);
	memcpy(got->data, it->in.data, it->in.len);
	want->sa = f->soft_out[SA_GOOD];
	got->sa = f->card_out[SA_GOOD];
	if (vesper_encrypt(f->soft, want, 1) != 1 || vesper_encrypt(f->card, got, 1) != 1)
		return frames_differ(f, 0, "a good packet's status", 0, got->status);
	frames_count_tx(f, got);
	if (got->len != want->len || memcmp(got->data, want->data, want->len))
		return frames_differ(f, 0, "a good packet's ESP", 0, 1);
	if (vesper_decrypt(f->soft, want, 1) != 1 || vesper_decrypt(f->card, got, 1) != 1)
		return frames_differ(f, 0, "a good packet's status inbound", 0, got->status);
	frames_count_tx(f, got);
	if (got->len != it->in.len || memcmp(got->data, it->in.data, it->in.len))
		return frames_differ(f, 0, "a good packet's return", 0, 1);
	return 0;
}

static uint64_t sum(const uint64_t *counters)
{
	uint64_t total = 0;
	unsigned int i;

	for (i = 0; i < VESPER_ST_COUNT; i++)
		total += counters[i];
	return total;
}

/* The counters, once every frame of the wire is in one. */
static int settled_stats(struct frames *f, struct vesper_stats *stats)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int tries;

	for (tries = 0; tries < TIMEOUT_MS / 2; tries++) {
		if (vesper_stats(f->card, stats))
			return frames_say(f, "counters: %s", vesper_strerror(f->card));
		if (sum(stats->rx) >= sum(f->rx))
			return 0;
		nanosleep(&pause, NULL);
	}
	return frames_say(f, "the wire's counters say %" PRIu64 " frames, %" PRIu64 " were sent",
			  sum(stats->rx), sum(f->rx));
}

static int check_counters(struct frames *f)
{
	struct vesper_stats stats;
	uint64_t moved = 0;
	unsigned int i;

	if (settled_stats(f, &stats))
		return -1;
	if (stats.rx[VESPER_ST_ICV] > f->rx[VESPER_ST_ICV])
		moved = stats.rx[VESPER_ST_ICV] - f->rx[VESPER_ST_ICV];
	if (moved > f->maybe_icv)
		return frames_say(f, "%" PRIu64 " more wrong ICVs than there are",
				  moved - f->maybe_icv);
	f->rx[VESPER_ST_ICV] += moved;
	f->rx[VESPER_ST_REPLAY] -= moved;
	/*
	 * And the reverse, with ESN: a number below the window is one of the next 2^32 and its ICV wrong, but the
	 * card's first look finds the window where it was before the frames that moved it, and the number in it.
	 */
	if (stats.rx[VESPER_ST_REPLAY] > f->rx[VESPER_ST_REPLAY]) {
		moved = stats.rx[VESPER_ST_REPLAY] - f->rx[VESPER_ST_REPLAY];
		f->rx[VESPER_ST_REPLAY] += moved;
		f->rx[VESPER_ST_ICV] -= moved;
	}
	for (i = 0; i < VESPER_ST_COUNT; i++) {
		if (stats.tx[i] != f->tx[i])
			return frames_say(f, "tx[%s] is %" PRIu64 ", expected %" PRIu64,
					  frames_name(i), (uint64_t)stats.tx[i], f->tx[i]);
		if (stats.rx[i] != f->rx[i])
			return frames_say(f, "rx[%s] is %" PRIu64 ", expected %" PRIu64,
					  frames_name(i), (uint64_t)stats.rx[i], f->rx[i]);
	}
	if (stats.tx_bytes != f->tx_bytes || stats.rx_bytes != f->rx_bytes)
		return frames_say(f,
				  "bytes: tx %" PRIu64 ", rx %" PRIu64 ", expected %" PRIu64
				  ", %" PRIu64,
				  (uint64_t)stats.tx_bytes, (uint64_t)stats.rx_bytes, f->tx_bytes,
				  f->rx_bytes);
	if (stats.tx_bad_doorbell || stats.rx_bad_doorbell)
		return frames_say(f, "doorbells were called bad");
	return 0;
}

static int check_sa(struct frames *f, uint32_t card, uint32_t soft)
{
	struct vesper_sa_info got, want;
	uint64_t moved;
	unsigned int i;

	if (vesper_sa_query(f->card, card, &got))
		return frames_say(f, "SA %#x: %s", card, vesper_strerror(f->card));
	if (vesper_sa_query(f->soft, soft, &want))
		return frames_say(f, "SA %#x: %s", soft, vesper_strerror(f->soft));
	if (got.packets != want.packets || got.bytes != want.bytes || got.seq != want.seq)
		return frames_say(f,
				  "SA %#x: packets %" PRIu64 ", bytes %" PRIu64 ", seq %" PRIu64
				  "; expected %" PRIu64 ", %" PRIu64 ", %" PRIu64,
				  card, (uint64_t)got.packets, (uint64_t)got.bytes,
				  (uint64_t)got.seq, (uint64_t)want.packets, (uint64_t)want.bytes,
				  (uint64_t)want.seq);
	/* A replay whose ICV is wrong too may be told either way; an ICV that is wrong for ESN's sake, too. */
	if (got.drops[VESPER_SAD_REPLAY] <= want.drops[VESPER_SAD_REPLAY] ||
	    want.sa.flags & VESPER_SAF_ESN) {
		moved = want.drops[VESPER_SAD_REPLAY] - got.drops[VESPER_SAD_REPLAY];
		want.drops[VESPER_SAD_REPLAY] -= moved;
		want.drops[VESPER_SAD_ICV] += moved;
	}
	for (i = 0; i < VESPER_SAD_COUNT; i++)
		if (got.drops[i] != want.drops[i])
			return frames_say(f,
					  "SA %#x: %" PRIu64 " packets dropped for reason %u, "
					  "expected %" PRIu64,
					  card, (uint64_t)got.drops[i], i, (uint64_t)want.drops[i]);
	return 0;
}

int frames_check(struct frames *f, struct rng *r)
{
	uint32_t i;

	if (good_packet(f, r) || check_counters(f))
		return -1;
	for (i = 0; i <= SA_OUT; i++)
		if (check_sa(f, f->card_out[i], f->soft_out[i]))
			return -1;
	for (i = 0; i <= SA_IN; i++)
		if (check_sa(f, f->card_in[i], f->soft_in[i]))
			return -1;
	return 0;
}
