/* SPDX-License-Identifier: BSD-2-Clause */
/* State of the card as a whole: version, address, self-test, data path. */
#ifndef VESPER_FW_CARD_H
#define VESPER_FW_CARD_H

#include "kat.h"

#define CARD_FW_VERSION 0x00020000u /* 0.2.0 */
#define CARD_FEATURES                                                                            \
	(VESPER_FEAT_ESP_OUT | VESPER_FEAT_ESP_IN | VESPER_FEAT_LOOKASIDE | VESPER_FEAT_TUNNEL | \
	 VESPER_FEAT_TRANSPORT | VESPER_FEAT_IPV4 | VESPER_FEAT_AES_GCM | VESPER_FEAT_IPV6 |     \
	 VESPER_FEAT_AES_GMAC | VESPER_FEAT_ESN | VESPER_FEAT_UDP | VESPER_FEAT_INPLACE |        \
	 VESPER_FEAT_POLICY | VESPER_FEAT_LIFETIME | VESPER_FEAT_EVENTS | VESPER_FEAT_SG |       \
	 VESPER_FEAT_TX_CSUM | VESPER_FEAT_TSO | VESPER_FEAT_RX_CSUM | VESPER_FEAT_RSS |         \
	 VESPER_FEAT_FILTER | VESPER_FEAT_MODERATION | VESPER_FEAT_NUMBERED)

/**
 * card_start - what comes first after reset
 *
 * Sets the version, runs the known-answer tests, opens the data
 * path if they passed (nothing can hold an engine up yet, so no result is a
 * failure here), and lets the host use the mailbox in any case.
 */
void card_start(void);

/**
 * card_selftest - run the known-answer tests
 * @failure: filled in when one fails
 *
 * A wrong result closes the data path until the next reset, also if a later run
 * passes: an engine that was wrong once is not trusted again. An engine that
 * gives no result, because what it serves is held up, changes nothing.
 *
 * Return: 0, -EIO (a wrong result), -ETIMEDOUT or -EBUSY (no result).
 */
int card_selftest(struct kat_failure *failure);

/* Has every self-test since reset passed? */
bool card_trusted(void);

u32 card_queues(void);	   /* queue pairs */
u32 card_blocks(void);	   /* 128-bit blocks a cycle of each engine */
u32 card_sa_entries(void); /* a direction */
u32 card_policies(void);   /* that the card can hold */
u32 card_policy_masks(void);
u32 card_replay_max(void); /* packets */

#endif
