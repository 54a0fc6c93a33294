/* SPDX-License-Identifier: BSD-2-Clause */
/* Known-answer tests of AES-GCM, through the engines that will carry the packets. */
#ifndef VESPER_FW_KAT_H
#define VESPER_FW_KAT_H

#include "crypto.h"

/* Steps of the test of one key size, in order; `step` of struct kat_failure. */
enum kat_step { KAT_HASH_KEY = 1, KAT_ENCRYPT, KAT_DECRYPT, KAT_FORGED, KAT_GMAC };

struct kat_failure {
	u8 engine;  /* enum crypto_engine */
	u8 key_len; /* bytes */
	u8 step;    /* enum kat_step */
	int error;  /* 0: wrong result; else negative errno of crypto_run() */
};

/**
 * kat_run - all tests on both engines
 * @failure: filled in when one fails
 *
 * For AES-128, 192 and 256: encryption and decryption of a NIST CAVP vector
 * with AAD and a partial block, and a forged packet, whose tag must differ. For
 * AES-GMAC: one vector.
 *
 * Return: true if all passed.
 */
bool kat_run(struct kat_failure *failure);

#endif
