// SPDX-License-Identifier: BSD-2-Clause
/* Commands of the SA table and of the policy table. */
#include "table.h"

#define POLLS 200000u /* wiping 65,536 entries a direction takes some hundred thousand cycles */

enum op { OP_INSTALL = 0, OP_REMOVE = 1, OP_READ = 2, OP_WIPE = 3, OP_LEASE = 4 };

/* The registers of the policy table stand as those of the SA table do. */
#define POLICY_REGS (REG(pol_cmd) - REG(sa_cmd))
_Static_assert(REG(pol_handle) - REG(sa_handle) == POLICY_REGS, "pol_handle");
_Static_assert(REG(pol_status) - REG(sa_status) == POLICY_REGS, "pol_status");
_Static_assert(REG(pol_rsp_handle) - REG(sa_rsp_handle) == POLICY_REGS, "pol_rsp_handle");
_Static_assert(VESPER_MGMT__POL_CMD__START_bm == VESPER_MGMT__SA_CMD__START_bm, "start");
_Static_assert(VESPER_MGMT__POL_CMD__NEXT_bm == VESPER_MGMT__SA_CMD__NEXT_bm, "next");
_Static_assert(VESPER_MGMT__POL_STATUS__DONE_bm == VESPER_MGMT__SA_STATUS__DONE_bm, "done");
_Static_assert(VESPER_MGMT__POL_STATUS__READY_bm == VESPER_MGMT__SA_STATUS__READY_bm, "ready");
_Static_assert(VESPER_MGMT__POL_STATUS__STATUS_bm == VESPER_MGMT__SA_STATUS__STATUS_bm, "status");

static u32 regs(enum table table)
{
	return table == TABLE_POLICY ? POLICY_REGS : 0;
}

static enum vesper_mbx_status wait_for(u32 reg, u32 bit, u32 *status)
{
	u32 polls;

	for (polls = 0; polls < POLLS; polls++) {
		*status = mmio_read(reg);
		if (*status & bit)
			return VESPER_MBX_OK;
	}
	return VESPER_MBX_E_HARDWARE;
}

static void begin(enum table table, enum op op, bool next, u32 handle)
{
	u32 at = regs(table);

	mmio_write(at + REG(sa_handle), handle);
	mmio_write(at + REG(sa_cmd), (u32)op << VESPER_MGMT__SA_CMD__OP_bp |
					     (next ? VESPER_MGMT__SA_CMD__NEXT_bm : 0) |
					     VESPER_MGMT__SA_CMD__START_bm);
}

static enum vesper_mbx_status end(enum table table)
{
	u32 status;

	if (wait_for(regs(table) + REG(sa_status), VESPER_MGMT__SA_STATUS__DONE_bm, &status))
		return VESPER_MBX_E_HARDWARE;
	return (enum vesper_mbx_status)((status & VESPER_MGMT__SA_STATUS__STATUS_bm) >>
					VESPER_MGMT__SA_STATUS__STATUS_bp);
}

static enum vesper_mbx_status command(enum table table, enum op op, bool next, u32 handle)
{
	begin(table, op, next, handle);
	return end(table);
}

enum vesper_mbx_status table_wait_ready(enum table table)
{
	u32 status;

	return wait_for(regs(table) + REG(sa_status), VESPER_MGMT__SA_STATUS__READY_bm, &status);
}

void table_install_begin(enum table table)
{
	begin(table, OP_INSTALL, false, 0);
}

enum vesper_mbx_status table_install_end(enum table table, u32 *handle)
{
	enum vesper_mbx_status status = end(table);

	if (!status)
		*handle = mmio_read(regs(table) + REG(sa_rsp_handle));
	return status;
}

enum vesper_mbx_status table_remove(enum table table, u32 handle)
{
	return command(table, OP_REMOVE, false, handle);
}

enum vesper_mbx_status table_read(enum table table, u32 *handle, bool next)
{
	enum vesper_mbx_status status = command(table, OP_READ, next, *handle);

	if (!status)
		*handle = mmio_read(regs(table) + REG(sa_rsp_handle));
	return status;
}

enum vesper_mbx_status table_wipe(enum table table)
{
	return command(table, OP_WIPE, false, 0);
}

enum vesper_mbx_status table_lease(u32 handle, u64 end)
{
	mmio_write(REG(sa_arg_lo), (u32)end);
	mmio_write(REG(sa_arg_hi), (u32)(end >> 32));
	return command(TABLE_SA, OP_LEASE, false, handle);
}
