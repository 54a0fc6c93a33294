// SPDX-License-Identifier: BSD-2-Clause
/* State of the card as a whole: version, address, self-test, data path. */
#include "card.h"

#include "table.h"

#include <errno.h>

#define STATE(field) VESPER_MGMT__STATE__##field##_bm
#define GEOMETRY(field)                                                      \
	((mmio_read(REG(geometry)) & VESPER_MGMT__GEOMETRY__##field##_bm) >> \
	 VESPER_MGMT__GEOMETRY__##field##_bp)

bool card_trusted(void)
{
	return !(mmio_read(REG(state)) & STATE(SELFTEST_FAILED));
}

static void distrust(void)
{
	u32 ready = mmio_read(REG(state)) & STATE(FW_READY);

	mmio_write(REG(state), ready | STATE(SELFTEST_FAILED));
}

int card_selftest(struct kat_failure *failure)
{
	u32 ready = mmio_read(REG(state)) & STATE(FW_READY);

	if (!kat_run(failure)) {
		if (failure->error == -ETIMEDOUT || failure->error == -EBUSY)
			return failure->error;
		distrust();
		return -EIO;
	}
	if (card_trusted())
		mmio_write(REG(state), ready | STATE(DATA_PATH_OPEN));
	return 0;
}

void card_start(void)
{
	struct kat_failure failure;

	mmio_write(REG(fw_version), CARD_FW_VERSION);

	/* Commands to a table that never gets ready are refused one by one. */
	(void)table_wait_ready(TABLE_SA);
	(void)table_wait_ready(TABLE_POLICY);
	if (card_selftest(&failure))
		distrust();
	mmio_write(REG(state), mmio_read(REG(state)) | STATE(FW_READY));
}

#define LIMITS(field)                                                    \
	((mmio_read(REG(limits)) & VESPER_MGMT__LIMITS__##field##_bm) >> \
	 VESPER_MGMT__LIMITS__##field##_bp)

u32 card_policies(void)
{
	return mmio_read(REG(policies));
}

u32 card_policy_masks(void)
{
	return LIMITS(POLICY_MASKS);
}

u32 card_replay_max(void)
{
	return LIMITS(REPLAY_MAX);
}

u32 card_queues(void)
{
	return GEOMETRY(QUEUES);
}

u32 card_blocks(void)
{
	return GEOMETRY(BLOCKS);
}

u32 card_sa_entries(void)
{
	return 1u << GEOMETRY(SA_LOG2);
}
