// SPDX-License-Identifier: BSD-2-Clause
/* From the request window into the tables' staging, by hardware: no key passes through this CPU. */
#include "stage.h"

#include <errno.h>

static void copy(u32 offset, size_t len, u32 to)
{
	mmio_write(REG(copy_ctl), offset / 4 << VESPER_MGMT__COPY_CTL__FROM_bp |
					  (u32)len / 4 << VESPER_MGMT__COPY_CTL__WORDS_bp | to |
					  VESPER_MGMT__COPY_CTL__START_bm);
}

int stage_sa(u32 offset)
{
	/* Looked at before: a job that ends in the midst of the copy leaves half a key in the registers. */
	int ret = crypto_busy() ? -EBUSY : 0;

	copy(offset, sizeof(struct vesper_sa), 0);
	return ret;
}

void stage_policy(u32 offset)
{
	copy(offset, sizeof(struct vesper_policy), VESPER_MGMT__COPY_CTL__POLICY_bm);
}

void stage_map(struct vesper_sa_map *map)
{
	/* A word a cycle, but for our own reads of the window: it always ends. */
	while (mmio_read(REG(copy_status)) & VESPER_MGMT__COPY_STATUS__BUSY_bm)
		;
	map->lo = mmio_read(REG(copy_lo));
	map->hi = mmio_read(REG(copy_hi));
}

void stage_hash_key(enum crypto_engine engine, u8 key_len)
{
	/* With H = 0 an empty packet's tag is E(K, J0), and what is not written is zero. */
	crypto_start((u32)(key_len / 8 - 2) << VESPER_MGMT__GCM_CTL__KEY_LEN_bp |
		     (u32)engine << VESPER_MGMT__GCM_CTL__ENGINE_bp |
		     VESPER_MGMT__GCM_CTL__TO_SA_bm);
}

int stage_hash_wait(void)
{
	return crypto_wait(0);
}

void stage_erase(void)
{
	mmio_write(REG(erase), VESPER_MGMT__ERASE__JOB_bm | VESPER_MGMT__ERASE__STAGING_bm);
}
