// SPDX-License-Identifier: BSD-2-Clause
/*
 * What ESP in software costs beside bare AES-256-GCM on the same bytes: EVP with a context that is
 * kept, as one would write it by hand. Both take turns in short rounds, so that neither has the
 * machine to itself; the medians count.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vesper.h"

#define ROUNDS 151
#define BURST  64
#define ROOM   2048

static const unsigned int sizes[] = { 64, 576, 1420 }; /* IP packets */

struct bench {
	struct vesper *v;
	EVP_CIPHER_CTX *ctx;
	uint64_t seq;
	uint32_t handle;
	uint8_t packet[ROOM];
	uint8_t memory[BURST][ROOM];
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void make_packet(uint8_t *frame, uint32_t len)
{
	static const uint8_t head[] = { 2, 0, 0,    0, 0, 2, 2,	  0,  0,   0, 0,  1,
					8, 0, 0x45, 0, 0, 0, 0,	  0,  0,   0, 64, 17,
					0, 0, 192,  0, 2, 1, 198, 51, 100, 1 };
	uint32_t sum = 0, i;

	memset(frame, 0x5a, 14 + len);
	memcpy(frame, head, sizeof(head));
	frame[16] = (uint8_t)(len >> 8);
	frame[17] = (uint8_t)len;
	for (i = 14; i < 34; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	frame[24] = (uint8_t)(~sum >> 8);
	frame[25] = (uint8_t)~sum;
}

/* Fresh packets in the burst's memory; not part of what is measured. */
static void refill(struct bench *b, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		memcpy(b->memory[i], b->packet, 14 + len);
}

/* Return: ns a packet, negative when one did not pass. */
static double library(struct bench *b, uint32_t len)
{
	struct vesper_frame frames[BURST];
	unsigned int i;
	double start;
	int passed;

	refill(b, len);
	for (i = 0; i < BURST; i++)
		frames[i] = (struct vesper_frame){
			.data = b->memory[i], .len = 14 + len, .room = ROOM, .sa = b->handle
		};
	start = now_ns();
	passed = vesper_encrypt(b->v, frames, BURST);
	return passed == BURST ? (now_ns() - start) / BURST : -1;
}

static double raw(struct bench *b, uint32_t len)
{
	int text = (int)((len + 2 + 3) & ~3u), n;
	uint8_t nonce[12] = { 1, 2, 3, 4 };
	bool good = true;
	unsigned int i;
	double start;

	refill(b, len);
	start = now_ns();
	for (i = 0; i < BURST; i++) {
		uint8_t *data = b->memory[i];

		b->seq++;
		memcpy(nonce + 4, &b->seq, 8);
		good = good && EVP_EncryptInit_ex(b->ctx, NULL, NULL, NULL, nonce) &&
		       EVP_EncryptUpdate(b->ctx, NULL, &n, nonce, 8) &&
		       EVP_EncryptUpdate(b->ctx, data, &n, data, text) &&
		       EVP_EncryptFinal_ex(b->ctx, data + text, &n) &&
		       EVP_CIPHER_CTX_ctrl(b->ctx, EVP_CTRL_AEAD_GET_TAG, 16, data + text);
	}
	return good ? (now_ns() - start) / BURST : -1;
}

static int measure(struct bench *b, uint32_t len, double *ours, double *peer)
{
	static double a[ROUNDS], c[ROUNDS];
	unsigned int i;

	make_packet(b->packet, len);
	for (i = 0; i < ROUNDS; i++) {
		a[i] = library(b, len);
		c[i] = raw(b, len);
		if (a[i] < 0 || c[i] < 0) {
			fprintf(stderr, "sw_openssl: a packet of %u bytes did not pass\n", len);
			return -EIO;
		}
	}
	qsort(a, ROUNDS, sizeof(a[0]), compare);
	qsort(c, ROUNDS, sizeof(c[0]), compare);
	*ours = a[ROUNDS / 2];
	*peer = c[ROUNDS / 2];
	return 0;
}

static int set_up(struct bench *b)
{
	struct vesper_sa sa = {
		.dir = VESPER_DIR_OUT,
		.mode = VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 32,
		.icv_len = 16,
		.ttl = 64,
		.spi = { 1, 2, 3, 4 },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 },
		.key = { 1, 2, 3 },
	};
	char text[256] = "";

	if (vesper_open(NULL, &b->v, text, sizeof(text))) {
		fprintf(stderr, "sw_openssl: %s\n", text);
		return -EIO;
	}
	if (vesper_sa_add(b->v, &sa, &b->handle)) {
		fprintf(stderr, "sw_openssl: %s\n", vesper_strerror(b->v));
		return -EIO;
	}
	b->ctx = EVP_CIPHER_CTX_new();
	if (!b->ctx || !EVP_EncryptInit_ex(b->ctx, EVP_aes_256_gcm(), NULL, sa.key, NULL)) {
		fprintf(stderr, "sw_openssl: OpenSSL refuses AES-256-GCM\n");
		return -EIO;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench b;
	double ours, peer;
	FILE *out = NULL;
	size_t i;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: %s RESULT.json\n", argv[0]);
		return 2;
	}
	err = set_up(&b);
	if (!err) {
		out = fopen(argv[1], "w");
		if (!out) {
			err = -errno;
			fprintf(stderr, "sw_openssl: %s: %s\n", argv[1], strerror(errno));
		}
	}
	for (i = 0; !err && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		err = measure(&b, sizes[i], &ours, &peer);
		if (!err)
			fprintf(out,
				"%s{\"name\": \"sw.openssl.ns.%u\", \"value\": %.1f, \"unit\": \"ns\", "
				"\"peer\": %.1f, \"ratio\": %.3f}",
				i ? ",\n " : "[", sizes[i], ours, peer, peer / ours);
	}
	if (out) {
		fputs("]\n", out);
		if (fclose(out) && !err)
			err = -EIO;
	}
	EVP_CIPHER_CTX_free(b.ctx);
	vesper_close(b.v);
	return err ? 1 : 0;
}
