// SPDX-License-Identifier: BSD-2-Clause
/*
 * The userspace driver on the simulated card: packets through its engines and
 * back, and everything that the card refuses. Skipped where build/bin/vesper-sim
 * has not been built.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vesper_dev.h"

#define SIM   "build/bin/vesper-sim"
#define BURST 16
#define ROOM  1600

static char path[64];
static pid_t sim;
static struct vesper_dev *dev;

static int start_sim(void **state)
{
	int i;

	(void)state;
	if (access(SIM, X_OK)) {
		print_message("no %s\n", SIM);
		return 0;
	}
	snprintf(path, sizeof(path), "build/vesper-test-%d.sock", getpid());
	sim = fork();
	if (!sim) {
		execl(SIM, SIM, "--quiet", "--socket", path, (char *)NULL);
		_exit(127);
	}
	for (i = 0; i < 1000 && access(path, F_OK); i++)
		usleep(10000);
	return sim > 0 ? 0 : -1;
}

static int stop_sim(void **state)
{
	int status = 0;

	(void)state;
	if (sim <= 0)
		return 0;
	kill(sim, SIGTERM);
	waitpid(sim, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

static int open_card(void **state)
{
	struct vesper_dev_opts o = { .size = sizeof(o), .card = path, .timeout_ms = 20000 };

	(void)state;
	if (sim <= 0)
		return 0;
	if (vesper_dev_open(&o, &dev)) {
		print_error("%s\n", vesper_dev_strerror());
		return -1;
	}
	return vesper_dev_reset(dev);
}

static int close_card(void **state)
{
	(void)state;
	vesper_dev_close(dev);
	dev = NULL;
	return 0;
}

static struct vesper_sa make_sa(enum vesper_sa_dir dir, enum vesper_sa_mode mode, u8 key_len,
				u8 icv_len)
{
	struct vesper_sa sa = {
		.dir = dir,
		.mode = mode,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = key_len,
		.icv_len = icv_len,
		.spi = { 0x12, 0, key_len, icv_len },
		.salt = { 1, 2, 3, 4 },
		.src = { 10, 0, 0, 1 },
		.dst = { 10, 0, 0, 2 },
	};
	int i;

	for (i = 0; i < key_len; i++)
		sa.key[i] = (u8)(i * 13 + icv_len);
	if (dir == VESPER_DIR_OUT && mode == VESPER_MODE_TUNNEL)
		sa.ttl = 64;
	if (dir == VESPER_DIR_IN)
		sa.replay_window = cpu_to_le32(64);
	return sa;
}

/* An Ethernet frame with an IPv4 packet of @len bytes from 10.0.0.1 to 10.0.0.2. */
static u16 make_frame(u8 *to, u16 len, u32 seed)
{
	static const u8 head[34] = { 2, 0, 0, 0, 0, 2,	2,  0, 0, 0,  0, 1, 8, 0,  0x45, 0, 0,
				     0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,	 0, 2 };
	u32 sum = 0, i;

	memcpy(to, head, sizeof(head));
	to[16] = (u8)(len >> 8);
	to[17] = (u8)len;
	for (i = 14; i < 34; i += 2)
		sum += get_unaligned_be16(to + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	to[24] = (u8)(~sum >> 8);
	to[25] = (u8)~sum;
	for (i = 20; i < len; i++)
		to[14 + i] = (u8)(seed * 31 + i * 7);
	return (u16)(14 + len);
}

/* Send a burst and collect all of its results, which must be good. */
static void burst(struct vesper_queue *q, struct vesper_tx *tx, struct vesper_rx *rx)
{
	struct vesper_tx_result done[BURST];
	int got = 0, finished = 0, n, i;

	assert_int_equal(vesper_queue_tx(q, tx, BURST), BURST);
	while (got < BURST || finished < BURST) {
		assert_int_equal(vesper_queue_wait(q, 20000), 1);
		n = vesper_queue_rx(q, rx + got, (unsigned int)(BURST - got));
		assert_true(n >= 0);
		got += n;
		n = (int)vesper_queue_tx_done(q, done + finished, (unsigned int)(BURST - finished));
		for (i = finished; i < finished + n; i++) {
			assert_int_equal(done[i].status, VESPER_ST_OK);
			vesper_buf_put(done[i].buf);
		}
		finished += n;
	}
}

/* Encrypt and decrypt @rounds bursts of frames of all sizes and alignments; compare. */
static void there_and_back(struct vesper_queue *q, u32 sa, int rounds)
{
	static u8 plain[BURST][ROOM];
	struct vesper_tx tx[BURST];
	struct vesper_rx rx[BURST], back[BURST];
	u16 len[BURST];
	u32 i, k, n = 0;

	while (rounds--) {
		for (i = 0; i < BURST; i++, n++) {
			struct vesper_buf *buf = vesper_buf_get(q);
			u16 offset = (u16)(n * 5 % 64);

			assert_non_null(buf);
			len[i] = make_frame(plain[i], (u16)(20 + n * 97 % 1400), n);
			memcpy(buf->data + offset, plain[i], len[i]);
			tx[i] = (struct vesper_tx){ .buf = buf,
						    .cookie = i,
						    .sa = sa,
						    .offset = offset,
						    .len = len[i],
						    .op = VESPER_OP_ENCRYPT,
						    .flags = VESPER_TXF_LOOKASIDE };
		}
		burst(q, tx, rx);
		for (i = 0; i < BURST; i++) {
			k = (u32)rx[i].cookie;
			assert_int_equal(rx[i].buf->data[23], 50);
			assert_true(rx[i].len > len[k] + 16);
			tx[i] = (struct vesper_tx){ .buf = rx[i].buf,
						    .cookie = k,
						    .len = rx[i].len,
						    .op = VESPER_OP_DECRYPT,
						    .flags = VESPER_TXF_LOOKASIDE };
		}
		burst(q, tx, back);
		for (i = 0; i < BURST; i++) {
			k = (u32)back[i].cookie;
			assert_int_equal(back[i].len, len[k]);
			assert_memory_equal(back[i].buf->data, plain[k], len[k]);
			assert_true(back[i].flags & VESPER_CPL_ESP);
			vesper_buf_put(back[i].buf);
		}
	}
}

static struct vesper_queue *open_queue(u32 id, u32 log2)
{
	struct vesper_queue_opts o = { .size = sizeof(o), .tx_log2 = log2, .rx_log2 = log2 };
	struct vesper_queue *q;

	assert_int_equal(vesper_queue_open(dev, id, &o, &q), 0);
	return q;
}

static void round_trips(void **state)
{
	static const u8 icvs[] = { 8, 12, 16 };
	enum vesper_sa_mode mode;
	struct vesper_sa_info info;
	struct vesper_queue_stats s;
	struct vesper_queue *q;
	u32 out, in, key_len;

	(void)state;
	if (!dev)
		skip();
	q = open_queue(1, 4);
	for (key_len = 16; key_len <= 32; key_len += 8) {
		for (mode = VESPER_MODE_TUNNEL; mode <= VESPER_MODE_TRANSPORT; mode++) {
			u8 icv = icvs[key_len / 8 - 2];
			struct vesper_sa sa = make_sa(VESPER_DIR_OUT, mode, (u8)key_len, icv);

			assert_int_equal(vesper_dev_sa_add(dev, &sa, &out), 0);
			sa = make_sa(VESPER_DIR_IN, mode, (u8)key_len, icv);
			assert_int_equal(vesper_dev_sa_add(dev, &sa, &in), 0);
			there_and_back(q, out, 3);
			assert_int_equal(vesper_dev_sa_query(dev, in, &info), 0);
			assert_int_equal(le64_to_cpu(info.seq), 3 * BURST);
			assert_int_equal(le64_to_cpu(info.packets), 3 * BURST);
			assert_int_equal(vesper_dev_sa_del(dev, out), 0);
			assert_int_equal(vesper_dev_sa_del(dev, in), 0);
		}
	}
	vesper_queue_stats(q, &s);
	assert_int_equal(s.hw_errors, 0);
	assert_int_equal(s.tx_drops, 0);
	assert_int_equal(s.rx_posted + s.buffers_free, 48);
	vesper_queue_close(q);
}

/* Opened and closed again and again, a pair begins at index 0 and the SAs stay. */
static void reopened(void **state)
{
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 32, 16);
	struct vesper_queue *q;
	u32 out, in, i;

	(void)state;
	if (!dev)
		skip();
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &out), 0);
	sa = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 32, 16);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &in), 0);
	for (i = 0; i < 6; i++) {
		q = open_queue(i % 2, 4 + i);
		there_and_back(q, out, 1);
		vesper_queue_close(q);
		if (i == 2) {
			close_card(state);
			assert_int_equal(open_card(state), 0);
			sa.dir = VESPER_DIR_OUT;
			sa.replay_window = 0;
			sa.ttl = 64;
			/* open_card() has reset the card: the old handle is stale. */
			assert_int_equal(vesper_dev_sa_query(dev, out,
							     &(struct vesper_sa_info){ 0 }),
					 -ENOENT);
			assert_int_equal(vesper_dev_sa_add(dev, &sa, &out), 0);
			sa = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 32, 16);
			assert_int_equal(vesper_dev_sa_add(dev, &sa, &in), 0);
		}
	}
}

/* What each wrong descriptor costs: its sender an error, nobody else anything. */
static void refused_descriptors(void **state)
{
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 32, 16);
	struct vesper_tx_result done;
	struct vesper_stats before, after;
	struct vesper_queue *q;
	struct vesper_buf *buf;
	u32 out, in;
	size_t i;

	(void)state;
	if (!dev)
		skip();
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &out), 0);
	sa = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 32, 16);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &in), 0);
	q = open_queue(0, 5);
	buf = vesper_buf_get(q);
	make_frame(buf->data, 100, 1);
	{
		const struct {
			struct vesper_tx tx;
			u8 status;
		} cases[] = {
			{ { .len = 0 }, VESPER_ST_BAD_LENGTH },
			{ { .len = 13 }, VESPER_ST_BAD_LENGTH },
			{ { .len = 60, .op = 9 }, VESPER_ST_BAD_OP },
			{ { .len = 60, .flags = 0x80 }, VESPER_ST_BAD_FLAGS },
			{ { .len = 60, .sa = 7 }, VESPER_ST_BAD_FLAGS },
			{ { .len = 114, .op = 1, .flags = 1, .sa = out ^ 1u << 20 },
			  VESPER_ST_SA_STALE },
			{ { .len = 114, .op = 1, .flags = 1, .sa = in }, VESPER_ST_SA_DIRECTION },
			{ { .len = 113, .op = 1, .flags = 1, .sa = out }, VESPER_ST_TRUNCATED },
			{ { .len = 114, .op = 2, .flags = 1 }, VESPER_ST_NOT_ESP },
		};

		assert_int_equal(vesper_dev_stats(dev, &before), 0);
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			struct vesper_tx tx = cases[i].tx;

			tx.buf = buf;
			assert_int_equal(vesper_queue_tx(q, &tx, 1), 1);
			assert_int_equal(vesper_queue_wait(q, 20000), 1);
			assert_int_equal(vesper_queue_tx_done(q, &done, 1), 1);
			assert_int_equal(done.status, cases[i].status);
			assert_int_equal(done.len, 0);
		}
		there_and_back(q, out, 1);
		assert_int_equal(vesper_dev_stats(dev, &after), 0);
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			u8 s = cases[i].status;

			/* BAD_LENGTH and BAD_FLAGS occur twice. */
			assert_int_equal(le64_to_cpu(after.tx[s]) - le64_to_cpu(before.tx[s]),
					 s == VESPER_ST_BAD_LENGTH || s == VESPER_ST_BAD_FLAGS ? 2 :
												 1);
		}
		assert_int_equal(le64_to_cpu(after.tx[0]) - le64_to_cpu(before.tx[0]), 2 * BURST);
	}
	vesper_buf_put(buf);
	vesper_queue_close(q);
}

/* The firmware's refusals arrive with field and value. */
static void refused_sas(void **state)
{
	struct vesper_sa sa = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 32, 16);
	struct vesper_refusal r;
	u32 handle;

	(void)state;
	if (!dev)
		skip();
	sa.queue = cpu_to_le16(2);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &handle), -EINVAL);
	vesper_dev_refusal(&r);
	assert_int_equal(r.status, VESPER_MBX_E_QUEUE);
	assert_int_equal(r.value, 2);
	assert_non_null(strstr(vesper_dev_strerror(), "queue is 2"));
	sa.queue = 0;
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &handle), 0);
	assert_int_equal(vesper_dev_sa_add(dev, &sa, &handle), -EEXIST);
	assert_int_equal(vesper_dev_selftest(dev), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trips, open_card, close_card),
		cmocka_unit_test_setup_teardown(reopened, open_card, close_card),
		cmocka_unit_test_setup_teardown(refused_descriptors, open_card, close_card),
		cmocka_unit_test_setup_teardown(refused_sas, open_card, close_card),
	};

	return cmocka_run_group_tests_name("vfio_sim", tests, start_sim, stop_sim);
}
