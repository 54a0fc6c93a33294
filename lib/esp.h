/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESP in software: the same bytes and the same verdicts as the card.
 *
 * The checks stand in the card's order (rtl/esp), so that a frame with two
 * faults is dropped under the same status by both.
 */
#ifndef VESPER_ESP_H
#define VESPER_ESP_H

#include "crypto.h"
#include "replay.h"
#include "vesper.h"

#define ESP_HLEN	8 /* SPI, sequence number */
#define ESP_IVLEN	8
#define ESP_TRAILER	2 /* pad length, next header */
#define ICV_MIN		8
#define IPPROTO_ESP_NR	50
#define IPPROTO_IPIP_NR 4
#define IPPROTO_NONE_NR 59

/*
 * An installed SA. The key itself stands in the crypto provider's context only;
 * this and that are erased when the SA goes.
 */
struct esp_sa {
	struct vesper_sa_info info; /* handle, attributes, counters; packets and seq are current */
	uint8_t salt[4];
	uint8_t hdr[VESPER_SA_HDR_MAX]; /* outer header of an outbound tunnel */
	uint8_t hdr_len;
	uint16_t hdr_sum;
	struct crypto_key *key;
	struct replay_window *window; /* inbound; NULL without a check */
};

/* Finds the outbound SA of a handle; VESPER_ST_OK, _SA_DIRECTION or _SA_STALE. */
typedef enum vesper_status (*esp_lookup_out)(void *table, uint32_t handle, struct esp_sa **sa);

/**
 * esp_out - encapsulate and encrypt one frame in place (RFC 4303, RFC 4106)
 * @lookup, @table: where the SA of frame->sa is found
 * @frame: data, len, room, sa; len, status and seq are set
 * @mtu: largest resulting frame in bytes
 *
 * As on the card, a frame that only its SA's mode or ICV makes unfit (a fragment in
 * transport mode, a result beyond the MTU) has taken a sequence number already.
 *
 * Return: the status, which is in the frame too. A frame that is dropped keeps its bytes.
 */
enum vesper_status esp_out(esp_lookup_out lookup, void *table, struct vesper_frame *frame,
			   uint32_t mtu);

/* Finds the inbound SA of (destination, SPI), both in network order; NULL where none is. */
typedef struct esp_sa *(*esp_lookup)(void *table, const uint8_t dst[4], const uint8_t spi[4]);

/**
 * esp_in - authenticate, decrypt and decapsulate one frame in place
 * @lookup, @table: where the SA is found
 * @frame: data, len; len, sa, status and seq are set
 *
 * Return: the status, which is in the frame too. A frame that is dropped after
 * decryption began has its payload erased: no unauthenticated byte is left.
 */
enum vesper_status esp_in(esp_lookup lookup, void *table, struct vesper_frame *frame);

#endif
