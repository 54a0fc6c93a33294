/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESP in software: the same bytes and the same verdicts as the card.
 *
 * docs/esp.md has the rules and the order in which they are applied, so that a
 * frame with two faults is dropped under the same status by both.
 */
#ifndef VESPER_ESP_H
#define VESPER_ESP_H

#include "crypto.h"
#include "event_queue.h"
#include "packet.h"
#include "policy.h"
#include "soft_sa.h"

#define ESP_HLEN    8 /* SPI, sequence number */
#define ESP_IVLEN   8
#define ESP_TRAILER 2  /* pad length, next header */
#define ESP_LEAST   20 /* no IV, an empty payload, the shortest ICV */

/* What packets are processed by. */
struct esp {
	struct sa_table *sas;
	struct policy_table *policies;
	struct event_queue *events;
	uint8_t dscp_map[64];
	uint32_t mtu;	    /* largest resulting frame in bytes, tags not counted */
	bool policy_bypass; /* a packet without a policy passes as it is */
};

/**
 * esp_out - process one frame outbound (RFC 4303 3.3), in place
 * @esp: tables
 * @frame: data, len, room, sa, seq_hi; len, status, seq, esp and fits are set
 * @op: VESPER_OP_ENCRYPT, _POLICY, _INPLACE or _DUMMY
 *
 * Return: the status, which is in the frame too. A frame that is dropped keeps its bytes.
 */
enum vesper_status esp_out(struct esp *esp, struct vesper_frame *frame, unsigned int op);

/**
 * esp_in - authenticate, decrypt and decapsulate one frame in place (RFC 4303 3.4)
 * @esp: tables
 * @frame: data, len; len, sa, status, seq, esp and inplace are set
 *
 * Return: the status, which is in the frame too. A frame that is dropped after
 * decryption began has its payload erased: no unauthenticated byte is left.
 */
enum vesper_status esp_in(struct esp *esp, struct vesper_frame *frame);

/* The ESP packet in a frame, found without judging it: where it stands and which SA it asks for. */
struct esp_where {
	struct packet p;
	uint32_t at;  /* offset from the frame's begin of the ESP header */
	uint32_t len; /* bytes of ESP, ICV included */
	bool udp;
};

/*
 * Steps 1 to 4 of the inbound rules. Return: VESPER_ST_OK with @where filled in,
 * VESPER_ST_NOT_ESP for what passes, or why it is dropped.
 */
enum vesper_status esp_find(struct sa_table *sas, const uint8_t *frame, uint32_t len,
			    struct esp_where *where);

/* The inbound SA that such a packet is for; NULL where none is. */
struct esp_sa *esp_find_sa(struct sa_table *sas, const uint8_t *frame,
			   const struct esp_where *where);

/*
 * What the policies say to a frame. Return: VESPER_ST_OK with the SA in @sa, 0 for
 * a packet that passes as it is; or why it is dropped.
 */
enum vesper_status esp_policy(struct esp *esp, const struct vesper_frame *frame, uint32_t *sa);

/* Bytes of plaintext that an outbound SA counts for a frame; one that cannot be read counts 0. */
uint32_t esp_plain_bytes(const struct esp_sa *sa, const struct vesper_frame *frame);

/* The number in the ESP header of an outbound frame, 0 where there is none. */
uint32_t esp_seq_of(const uint8_t *frame, uint32_t len);

/* Bytes of plaintext that an SA counts for a delivered frame; a frame that cannot be read counts 0. */
uint32_t esp_delivered_bytes(const struct esp_sa *sa, const uint8_t *frame, uint32_t len);

/* The two engines: AES-GCM (RFC 4106, 8750) or AES-GMAC (RFC 4543) over one ESP packet. */
struct esp_text {
	const uint8_t *hdr; /* SPI and lower half of the number */
	const uint8_t *iv;  /* as in the packet, or made from the number */
	uint8_t *text;	    /* payload to next header */
	uint32_t len;
	uint8_t *icv;
	uint64_t seq; /* with both halves */
};

int esp_seal(const struct esp_sa *sa, const struct esp_text *t);
int esp_open(const struct esp_sa *sa, const struct esp_text *t);

#endif
