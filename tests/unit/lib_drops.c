// SPDX-License-Identifier: BSD-2-Clause
/* Every reason why software drops a frame, and which comes first when there are two. */
#include <string.h>

#include "lib_frame.h"

static uint8_t frame[ROOM];
static struct vesper *v;
static struct vesper_sa tunnel_in, transport_in;
static uint32_t tunnel, transport, inbound;
static uint32_t seq;

static int setup(void **state)
{
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 1);

	(void)state;
	v = open_soft(1514);
	seq = 0;
	assert_int_equal(vesper_sa_add(v, &sa, &tunnel), 0);
	sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TRANSPORT, 16, 8, 2);
	assert_int_equal(vesper_sa_add(v, &sa, &transport), 0);
	tunnel_in = make_sa(VESPER_DIR_IN, VESPER_MODE_TUNNEL, 32, 16, 3);
	assert_int_equal(vesper_sa_add(v, &tunnel_in, &inbound), 0);
	transport_in = make_sa(VESPER_DIR_IN, VESPER_MODE_TRANSPORT, 32, 12, 4);
	return vesper_sa_add(v, &transport_in, &inbound);
}

static int teardown(void **state)
{
	(void)state;
	vesper_close(v);
	return 0;
}

#define OUT(handle, length, want)                                                           \
	do {                                                                                \
		uint32_t len_ = (length);                                                   \
		assert_int_equal(encrypt_one(v, (handle), frame, &len_), VESPER_ST_##want); \
	} while (0)
#define IN(length, want)                                                          \
	do {                                                                      \
		uint32_t len_ = (length);                                         \
		assert_int_equal(decrypt_one(v, frame, &len_), VESPER_ST_##want); \
	} while (0)

static void test_out(void **state)
{
	uint32_t len = make_frame(frame, 0, 100), i;
	uint8_t *ip = frame + ETH;

	(void)state;
	OUT(tunnel, 13, BAD_LENGTH);
	OUT(tunnel, VESPER_FRAME_MAX + 1, BAD_LENGTH);
	for (i = 14; i < 34; i++)
		OUT(tunnel, i, TRUNCATED);
	OUT(tunnel, len - 1, TRUNCATED);
	frame[13] = 6;
	OUT(tunnel, len, NOT_IP);
	make_frame(frame, 0, 100);
	ip[0] = 0x65;
	OUT(tunnel, len, IP_HEADER);
	ip[0] = 0x44;
	OUT(tunnel, len, IP_HEADER);
	make_frame(frame, 0, 100);
	ip[2] = 0;
	ip[3] = 19;
	OUT(tunnel, len, IP_HEADER);
	make_frame(frame, 0, 100);
	ip[10] ^= 1;
	OUT(tunnel, len, IP_CHECKSUM);
	ip[2] = 9; /* too long and a wrong checksum: the length comes first */
	OUT(tunnel, len, TRUNCATED);
}

static void test_out_sa(void **state)
{
	uint32_t len = make_frame(frame, 0, 100);
	struct vesper_sa sa = make_sa(VESPER_DIR_OUT, VESPER_MODE_TUNNEL, 16, 16, 9);
	uint32_t handle;

	(void)state;
	OUT(0, len, SA_STALE);
	OUT(tunnel + (1u << VESPER_SA_GEN_SHIFT), len, SA_STALE);
	OUT(inbound, len, SA_DIRECTION);
	OUT(VESPER_SA_INBOUND | 77, len, SA_DIRECTION); /* told by the handle alone */
	frame[ETH + 10] ^= 1;
	OUT(0, len, IP_CHECKSUM); /* the frame is looked at before its SA */
	sa.seq = UINT32_MAX - 1;
	assert_int_equal(vesper_sa_add(v, &sa, &handle), 0);
	make_frame(frame, 0, 100);
	OUT(handle, len, OK);
	make_frame(frame, 0, 100);
	OUT(handle, len, SEQ_EXHAUSTED);
	OUT(handle, len, SEQ_EXHAUSTED);
}

static void test_out_fragment_size(void **state)
{
	struct vesper_frame small = { .data = frame, .room = 150, .sa = tunnel };
	struct vesper_sa_info info;
	uint32_t len;

	(void)state;
	len = make_frame(frame, 0, 100);
	frame[ETH + 6] = 0x20;
	set_checksum(frame);
	OUT(transport, len, FRAGMENT);
	OUT(tunnel, len, OK); /* a tunnel carries fragments */
	len = make_frame(frame, 0, 100);
	frame[ETH + 7] = 1;
	set_checksum(frame);
	OUT(transport, len, FRAGMENT);

	/* The largest that fits 1514 bytes, and one byte more. */
	len = make_frame(frame, 0, 1426);
	OUT(tunnel, len, OK);
	len = make_frame(frame, 0, 1427);
	OUT(tunnel, len, TOO_BIG);
	len = make_frame(frame, 0, 1454);
	OUT(transport, len, OK);
	len = make_frame(frame, 0, 1455);
	OUT(transport, len, TOO_BIG);
	OUT(0, len, SA_STALE); /* which SA it is decides how much fits */

	small.len = make_frame(frame, 0, 100);
	assert_int_equal(vesper_encrypt(v, &small, 1), 0);
	assert_int_equal(small.status, VESPER_ST_NO_BUFFER);

	/* What was refused took no number, and is counted. */
	assert_int_equal(vesper_sa_query(v, transport, &info), 0);
	assert_int_equal(info.seq, 1);
	assert_int_equal(info.packets, 1);
	assert_int_equal(info.drops[VESPER_SAD_FRAGMENT], 2);
	assert_int_equal(info.drops[VESPER_SAD_TOO_BIG], 1);
	assert_int_equal(vesper_sa_query(v, tunnel, &info), 0);
	assert_int_equal(info.seq, 2);
}

/* Some plaintext: an inner packet of @inner bytes, @pad of padding, then the trailer. */
static uint32_t esp(const struct vesper_sa *sa, uint32_t inner, uint32_t pad, uint8_t next)
{
	static uint8_t plain[ROOM], packet[ROOM];
	uint32_t i;

	make_frame(packet, 0, inner > IP ? inner - IP : 0);
	memcpy(plain, packet + ETH, inner);
	for (i = 0; i < pad; i++)
		plain[inner + i] = (uint8_t)(i + 1);
	plain[inner + pad] = (uint8_t)pad;
	plain[inner + pad + 1] = next;
	return make_esp(frame, sa, ++seq, plain, inner + pad + 2);
}

static void test_in_headers(void **state)
{
	uint32_t len, i;

	(void)state;
	len = make_frame(frame, 0, 100);
	IN(len, NOT_ESP);
	IN(13, BAD_LENGTH);
	len = esp(&tunnel_in, 60, 2, 4);
	frame[13] = 6;
	IN(len, NOT_ESP);
	frame[13] = 0;
	for (i = 14; i < 24; i++)
		IN(i, NOT_ESP); /* the protocol is not there yet */
	for (i = 24; i < len; i++)
		IN(i, TRUNCATED);
	frame[ETH] = 0x46;
	IN(len, IP_CHECKSUM);
	frame[ETH] = 0x44;
	IN(len, IP_HEADER);
	len = esp(&tunnel_in, 60, 2, 4);
	frame[ETH + 6] = 0x20;
	set_checksum(frame);
	frame[ETH + IP] ^= 1; /* and an unknown SPI: the fragment comes first */
	IN(len, FRAGMENT);
	frame[ETH + 6] = 0;
	set_checksum(frame);
	IN(len, NO_SA);
	frame[ETH + 3]++; /* no multiple of 4: comes before the SPI */
	set_checksum(frame);
	IN(len + 1, ESP_LENGTH);
}

/* Each length of ESP from nothing to a whole packet. */
static void test_in_length(void **state)
{
	uint32_t n, len;

	(void)state;
	for (n = 0; n < 48; n++) {
		len = esp(&tunnel_in, 60, 2, 4);
		frame[ETH + 3] = (uint8_t)(IP + n);
		set_checksum(frame);
		/* 8 + 8 + 4 + 16 is the least of this SA. */
		if (n < 36 || n % 4)
			IN(len, ESP_LENGTH);
		else
			IN(len, ICV);
	}
}

static void test_in_replay(void **state)
{
	uint32_t len, i;

	(void)state;
	len = esp(&tunnel_in, 60, 2, 4);
	IN(len, OK);
	seq--;
	len = esp(&tunnel_in, 60, 2, 4);
	frame[len - 1] ^= 1; /* seen before, and forged: not worth decrypting */
	IN(len, REPLAY);
	for (i = 0; i < 70; i++)
		IN(esp(&tunnel_in, 60, 2, 4), OK);
	seq -= 64;
	IN(esp(&tunnel_in, 60, 2, 4), REPLAY); /* inside the window, seen */
	seq -= 2;
	IN(esp(&tunnel_in, 60, 2, 4), REPLAY); /* left of it */
	seq = UINT32_MAX;
	IN(esp(&tunnel_in, 60, 2, 4), REPLAY); /* the number wraps to 0 */
	seq = 1000;
	len = esp(&tunnel_in, 60, 2, 4);
	frame[len - 1] ^= 1;
	IN(len, ICV);
	seq = 100; /* a forged 1001 did not move the window */
	IN(esp(&tunnel_in, 60, 2, 4), OK);
}

static void test_in_icv(void **state)
{
	uint32_t len = esp(&transport_in, 10, 0, 17), i;

	(void)state;
	/* A bit anywhere behind the SPI: sequence number, IV, text, each byte of the ICV. */
	for (i = ETH + IP + 4; i < len; i++) {
		seq = 0;
		assert_int_equal(esp(&transport_in, 10, 0, 17), len);
		frame[i] ^= (uint8_t)(1u << i % 8);
		IN(len, ICV);
	}
	seq = 0;
	IN(esp(&transport_in, 10, 0, 17), OK);
}

static void test_in_trailer(void **state)
{
	static uint8_t plain[64];
	uint32_t len;

	(void)state;
	len = esp(&tunnel_in, 60, 2, 17);
	IN(len, NEXT_HEADER);
	IN(esp(&tunnel_in, 60, 2, 41), INNER); /* IPv4 where IPv6 is announced */
	IN(esp(&tunnel_in, 60, 2, 59), DUMMY);
	IN(esp(&transport_in, 60, 2, 59), DUMMY);
	IN(esp(&tunnel_in, 18, 0, 4), INNER); /* shorter than an IP header */
	memset(plain, 0, sizeof(plain));
	plain[62] = 63; /* one more than there is */
	plain[63] = 4;
	IN(make_esp(frame, &tunnel_in, ++seq, plain, 64), PADDING);
	plain[62] = 0;
	IN(make_esp(frame, &tunnel_in, ++seq, plain, 64), INNER); /* version 0 */
	plain[0] = 0x45;
	plain[3] = 63; /* one more than there is */
	IN(make_esp(frame, &tunnel_in, ++seq, plain, 64), INNER);
	plain[3] = 19;
	IN(make_esp(frame, &tunnel_in, ++seq, plain, 64), INNER);
	plain[3] = 62;
	IN(make_esp(frame, &tunnel_in, ++seq, plain, 64), OK);
	/* Bad inside but authentic: the number counts as seen. */
	seq -= 2;
	IN(make_esp(frame, &tunnel_in, ++seq, plain, 64), REPLAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_out),	    T(test_out_sa),	T(test_out_fragment_size),
		T(test_in_headers), T(test_in_length),	T(test_in_replay),
		T(test_in_icv),	    T(test_in_trailer),
	};

	return cmocka_run_group_tests_name("lib_drops", tests, NULL, NULL);
}
