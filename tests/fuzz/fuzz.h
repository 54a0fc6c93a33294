/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutated frames and mailbox messages against a card, with the library's ESP in
 * software and a model of the mailbox as oracles. Everything follows from a seed
 * and the number of the batch, so that each batch can be had again by itself.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vesper.h"

#define ETH	  14
#define IP	  20
#define ROOM	  (VESPER_FRAME_MAX + VESPER_OVERHEAD)
#define MTU	  1602 /* some results are exactly as long: they have 4n + 2 bytes */
#define SA_IN	  16   /* SAs under attack */
#define SA_OUT	  12
#define ESN_HIGH  5	 /* upper half of inbound numbers with ESN */
#define SA_GOOD	  SA_OUT /* index of the outbound SA that good packets use; its twin is inbound */
#define WHAT_SIZE 160

/* splitmix64 */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
/* 0..n-1 */
uint32_t below(struct rng *r, uint32_t n);
/* Once in n. */
bool once_in(struct rng *r, uint32_t n);
void rng_fill(struct rng *r, void *data, size_t len);
/* A generator of its own for each thing that can be had again by itself. */
struct rng rng_for(uint64_t seed, uint64_t kind, uint64_t number);

/* The SAs of one batch. */
struct sas {
	struct vesper_sa out[SA_OUT + 1], in[SA_IN + 1];
	uint32_t seq[SA_IN + 1]; /* last number that a frame was made with */
};

void make_sas(struct rng *r, struct sas *sas);

/* ---- frames ---- */

enum path { DECRYPT, ENCRYPT, WIRE_IN, WIRE_OUT, PATHS };

struct input {
	uint8_t data[ROOM];
	uint32_t len;
	uint32_t l2;	      /* where the IP header stands, */
	uint32_t esp;	      /* and ESP; 0: none */
	uint8_t family;	      /* of that header */
	char what[WHAT_SIZE]; /* how it was mutated */
};

/* A frame for the outbound side: an IP packet, then mutated. @prev: one to splice with. */
void make_plain(struct rng *r, struct input *in, const struct input *prev);
/* The same, ESP that is not encrypted yet, for an SA with VESPER_SAF_INPLACE. */
void make_inplace(struct rng *r, const struct vesper_sa *sa, struct input *in,
		  const struct input *prev);
/* A frame for the inbound side: ESP under one of the SAs, mutated before and after it was sealed. */
void make_esp(struct rng *r, struct sas *sas, struct input *in, const struct input *prev);
/* A frame that any card must pass. */
void make_good(struct rng *r, struct input *in);

struct frames;

/* Opens the card at @socket with its wire at @wire, and software. NULL: said why. */
struct frames *frames_open(const char *socket, const char *wire);
void frames_close(struct frames *f);

/* One batch of @count frames. Return: 0, or -1 when card and oracle differ (said). */
int frames_batch(struct frames *f, uint64_t seed, uint32_t number, uint32_t count);

/* What was seen: one line a path. */
void frames_summary(const struct frames *f);

/* ---- mailbox ---- */

struct mailbox;

struct mailbox *mailbox_open(const char *socket);
void mailbox_close(struct mailbox *m);
/* One batch of @count messages. Return: 0, or -1 (said). */
int mailbox_batch(struct mailbox *m, uint64_t seed, uint32_t number, uint32_t count);
void mailbox_summary(const struct mailbox *m);

#endif
