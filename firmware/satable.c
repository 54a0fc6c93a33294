// SPDX-License-Identifier: BSD-2-Clause
/* Commands of the SA table. */
#include "satable.h"

#define POLLS 200000u /* wiping 65,536 entries a direction takes some hundred thousand cycles */

enum sa_op { SA_INSTALL = 0, SA_REMOVE = 1, SA_READ = 2, SA_WIPE = 3 };

static enum vesper_mbx_status wait_for(u32 bit, u32 *status)
{
	u32 polls;

	for (polls = 0; polls < POLLS; polls++) {
		*status = mmio_read(REG(sa_status));
		if (*status & bit)
			return VESPER_MBX_OK;
	}
	return VESPER_MBX_E_HARDWARE;
}

static enum vesper_mbx_status command(enum sa_op op, bool next, u32 handle)
{
	u32 status;

	mmio_write(REG(sa_handle), handle);
	mmio_write(REG(sa_cmd), (u32)op << VESPER_MGMT__SA_CMD__OP_bp |
					(next ? VESPER_MGMT__SA_CMD__NEXT_bm : 0) |
					VESPER_MGMT__SA_CMD__START_bm);
	if (wait_for(VESPER_MGMT__SA_STATUS__DONE_bm, &status))
		return VESPER_MBX_E_HARDWARE;
	return (enum vesper_mbx_status)((status & VESPER_MGMT__SA_STATUS__STATUS_bm) >>
					VESPER_MGMT__SA_STATUS__STATUS_bp);
}

enum vesper_mbx_status satable_wait_ready(void)
{
	u32 status;

	return wait_for(VESPER_MGMT__SA_STATUS__READY_bm, &status);
}

/* Bytes of a record that mean something; the rest is reserved, and zero in the table's staging already. */
#define RECORD_USED offsetof(struct vesper_sa_record, reserved)

enum vesper_mbx_status satable_install(const struct vesper_sa_record *rec, u32 *handle)
{
	const word_t *words = (const word_t *)__builtin_assume_aligned(rec, 4);
	enum vesper_mbx_status status;
	u32 i;

	for (i = 0; i < (RECORD_USED + 3) / 4; i++)
		mmio_write(REG(sa_record.mem[i]), words[i]);
	status = command(SA_INSTALL, false, 0);
	if (status) {
		/* The table erases the staging with its answer; but it may not have answered. */
		for (i = 0; i < (RECORD_USED + 3) / 4; i++)
			mmio_write(REG(sa_record.mem[i]), 0);
		return status;
	}
	*handle = mmio_read(REG(sa_rsp_handle));
	return VESPER_MBX_OK;
}

enum vesper_mbx_status satable_remove(u32 handle)
{
	return command(SA_REMOVE, false, handle);
}

enum vesper_mbx_status satable_read(u32 *handle, bool next, struct vesper_sa_state *state)
{
	enum vesper_mbx_status status = command(SA_READ, next, *handle);
	word_t *words = (word_t *)__builtin_assume_aligned(state, 4);
	u32 i;

	if (status)
		return status;
	for (i = 0; i < sizeof(*state) / 4; i++)
		words[i] = mmio_read(REG(sa_state.mem[i]));
	*handle = mmio_read(REG(sa_rsp_handle));
	return VESPER_MBX_OK;
}

enum vesper_mbx_status satable_wipe(void)
{
	return command(SA_WIPE, false, 0);
}
