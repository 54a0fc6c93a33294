/* SPDX-License-Identifier: BSD-2-Clause */
/* What failover needs of the backend on a card beyond struct backend. */
#ifndef VESPER_CARD_H
#define VESPER_CARD_H

#include "backend.h"

/* How far a frame of a burst has come. */
enum card_progress {
	CARD_WAITING, /* never with the card */
	CARD_SENT,    /* the card has it */
	CARD_RESULT,  /* result or completion is there, the other not */
	CARD_DONE,
};

/*
 * A burst, as the crypt member of struct backend, but that it tells how far each
 * frame came (@state, one byte a frame, zero before). A frame whose result was
 * copied into its buffer while the completion is missing has @state CARD_RESULT
 * and a length in @copied (zero before; may be NULL); the others still hold what
 * they held. Return: 0 when all are CARD_DONE, or the card's error.
 */
int card_burst(struct vesper *v, struct vesper_frame *frames, size_t count, enum crypt_way way,
	       uint8_t *state, uint32_t *copied);

/* Did the call fail because the card has gone, rather than because it refused something? */
bool card_error_is_death(int err);

#endif
