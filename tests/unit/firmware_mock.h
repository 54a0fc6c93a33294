/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's hardware as the firmware sees it, for tests on the host: registers,
 * mailbox windows, AES-GCM engines (computed with OpenSSL's AES and a GHASH by
 * the book), tables that keep what is installed, the copier, counters.
 */
#ifndef FIRMWARE_MOCK_H
#define FIRMWARE_MOCK_H

#include "mmio.h"

#define MOCK_SAS      12
#define MOCK_POLICIES 3

struct mock {
	/* what is broken */
	bool gcm_stuck; /* jobs do not finish before mock_gcm_finish() */
	bool gcm_short; /* results are a byte short */
	u8 flip_tag[2]; /* XORed to each engine's tags */
	bool sa_stuck;	/* commands are never answered */
	bool pol_stuck;
	u32 pol_status; /* 0, or what INSTALL answers */
	/* what the firmware did */
	u32 state;
	u32 fw_version;
	u32 gcm_jobs[2]; /* jobs each engine has done */
	u32 done;	 /* responses */
	u32 snapshots, clears;
	u8 staging[272]; /* of the SA table */
	u8 pol_staging[64];
	u32 installs;  /* commands, whatever the answer */
	u64 lease_end; /* last LEASE */
	u8 dscp_map[64];
	u32 natt_port[7];
	struct vesper_sa_record sa[MOCK_SAS];
	u32 handle[MOCK_SAS]; /* 0: free */
	struct vesper_policy policy[MOCK_POLICIES];
	u32 pol_handle[MOCK_POLICIES]; /* 0: free */
	u8 request[VESPER_MBX_SIZE] __attribute__((aligned(8)));
	u8 response[VESPER_MBX_SIZE] __attribute__((aligned(8)));
	bool pending;
};

extern struct mock mock;

/*
 * A card after reset: two queue pairs, four blocks, windows up to 1,024, tables of MOCK_SAS
 * and MOCK_POLICIES that say 1,024 and 512 (with 16 masks).
 */
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
