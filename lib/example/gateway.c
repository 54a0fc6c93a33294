// SPDX-License-Identifier: BSD-2-Clause
/*
 * libvesper in one page: a packet into an ESP tunnel and out of it again.
 *
 *   gateway [CARD]     on this card (PCI address, or vfio-user socket), or in software
 *
 * The key is fixed because this is an example. Take yours from an IKE daemon.
 */
#include <stdio.h>
#include <string.h>

#include "vesper.h"

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "gateway: %s: %s\n", what, why);
	return 1;
}

/* Ethernet, IPv4 from 192.0.2.1 to 198.51.100.1, protocol 253 (for experiments), five bytes. */
static const uint8_t packet[] = { 2,   0,    0, 0, 0,	2,  2,	 0, 0,	 0,   0,   1,	 8,
				  0,   0x45, 0, 0, 25,	0,  0,	 0, 0,	 64,  253, 0x8d, 0xb2,
				  192, 0,    2, 1, 198, 51, 100, 1, 'h', 'e', 'l', 'l',	 'o' };

static int run(struct vesper *v)
{
	struct vesper_sa sa = {
		.dir = VESPER_DIR_OUT,
		.mode = VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 16,
		.icv_len = 16,
		.ttl = 64,
		.spi = { 0, 0, 0x12, 0x34 },
		.src = { 192, 0, 2, 1 },
		.dst = { 192, 0, 2, 2 },
		.key = "example key only",
	};
	uint8_t memory[sizeof(packet) + VESPER_OVERHEAD];
	struct vesper_frame frame = { .data = memory, .room = sizeof(memory) };
	uint32_t out, in;

	/* One SA a direction; a gateway has only one of these two. */
	if (vesper_sa_add(v, &sa, &out))
		return fail("outbound SA", vesper_strerror(v));
	sa.dir = VESPER_DIR_IN;
	sa.replay_window = 64;
	if (vesper_sa_add(v, &sa, &in)) {
		vesper_sa_del(v, out);
		return fail("inbound SA", vesper_strerror(v));
	}

	memcpy(memory, packet, sizeof(packet));
	frame.len = sizeof(packet);
	frame.sa = out;
	if (vesper_encrypt(v, &frame, 1) == 1) {
		printf("encrypted: %u bytes, number %llu\n", frame.len,
		       (unsigned long long)frame.seq);
		if (vesper_decrypt(v, &frame, 1) == 1)
			printf("decrypted: %u bytes, SA %#x\n", frame.len, frame.sa);
	}
	vesper_sa_del(v, in);
	vesper_sa_del(v, out);
	if (frame.status != VESPER_ST_OK)
		return fail("dropped", vesper_status_str(frame.status));
	return memcmp(memory, packet, sizeof(packet)) ? fail("result", "another packet") : 0;
}

int main(int argc, char **argv)
{
	struct vesper_opts opts = { .size = sizeof(opts), .card = argc > 1 ? argv[1] : NULL };
	struct vesper *v;
	char text[256];
	int status;

	if (vesper_open(&opts, &v, text, sizeof(text)))
		return fail("vesper_open", text);
	status = run(v);
	vesper_close(v);
	return status;
}
