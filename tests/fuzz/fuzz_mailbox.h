/* SPDX-License-Identifier: BSD-2-Clause */
/* A model of the firmware's mailbox: what it answers to each request, however broken. */
#ifndef FUZZ_MAILBOX_H
#define FUZZ_MAILBOX_H

#include "fuzz.h"

struct model;

/* What the card must answer. */
struct answer {
	uint32_t status; /* enum vesper_mbx_status */
	uint32_t other;	 /* another status that is as right; the same where there is none */
	uint32_t len;	 /* bytes of the response */
	uint16_t field;
	uint64_t value;
	struct vesper_sa_info info; /* SA_QUERY */
	uint32_t handle;	    /* POLICY_QUERY */
	struct vesper_policy policy;
};

/* @card: what the card says of itself */
struct model *model_new(const struct vesper_mbx_identify_rsp *card);
void model_free(struct model *m);

/* @request: a whole mailbox window, zero behind what was written. */
void model_answer(struct model *m, const uint8_t *request, struct answer *answer);

/* The card installed the SA, or the policy, of @request under @handle. Return: false when it cannot be named so. */
bool model_installed(struct model *m, const uint8_t *request, uint32_t handle);
bool model_policy_installed(struct model *m, const uint8_t *request, uint32_t handle);

/* The handle of some SA, or 0 when none is there. */
uint32_t model_any(struct model *m, struct rng *r);
uint32_t model_any_policy(struct model *m, struct rng *r);

/* Fields of the two descriptions of an SA that a host gets back. Return: the name of one that differs, or NULL. */
const char *model_compare(const struct vesper_sa_info *want, const struct vesper_sa_info *got);

#endif
