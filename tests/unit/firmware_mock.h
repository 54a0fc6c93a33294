/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's hardware as the firmware sees it, for tests on the host: registers,
 * mailbox windows, AES-GCM engines (computed with OpenSSL's AES and a GHASH by
 * the book), an SA table that keeps what is installed, counters.
 */
#ifndef FIRMWARE_MOCK_H
#define FIRMWARE_MOCK_H

#include "mmio.h"

#define MOCK_SAS 4

struct mock {
	/* what is broken */
	bool gcm_stuck; /* jobs do not finish before mock_gcm_finish() */
	bool gcm_short; /* results are a byte short */
	u8 flip_tag[2]; /* XORed to each engine's tags */
	bool sa_stuck;	/* commands are never answered */
	/* what the firmware did */
	u32 state;
	u32 fw_version;
	u8 mac[6];
	u32 gcm_jobs[2]; /* jobs each engine has done */
	u32 done;	 /* responses */
	u32 snapshots, clears;
	u8 staging[256]; /* of the SA table */
	struct vesper_sa_record sa[MOCK_SAS];
	u32 handle[MOCK_SAS]; /* 0: free */
	u8 request[VESPER_MBX_SIZE];
	u8 response[VESPER_MBX_SIZE];
	u32 words; /* of the request that the host wrote */
};

extern struct mock mock;

/* A card after reset: two queue pairs, four blocks, an SA table of MOCK_SAS that says 1,024. */
void mock_reset(void);

/* The engine gets on with the job that was stuck, if there is one. */
void mock_gcm_finish(void);

/* Are job and result erased from the engine's registers? */
bool mock_gcm_erased(void);

/* Is @secret anywhere in this program's global variables? */
bool mock_in_globals(const u8 *secret, size_t len);

/* Host: put a message into the request window. */
void mock_request(const void *msg, size_t len);

#endif
