/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the SA table and of the policy table. */
#ifndef VESPER_FW_TABLE_H
#define VESPER_FW_TABLE_H

#include "mmio.h"

/*
 * What returns an enum vesper_mbx_status returns VESPER_MBX_OK, what the table
 * says (E_DUPLICATE, E_FULL, E_HANDLE, or E_POLICY_*), or VESPER_MBX_E_HARDWARE
 * if it does not answer. The answer to READ stands in the registers until the
 * next command to the same table.
 */
enum table { TABLE_SA, TABLE_POLICY };

/**
 * table_wait_ready - wait until the table has been swept after reset
 */
enum vesper_mbx_status table_wait_ready(enum table table);

/**
 * table_install_begin - install what is staged; table_install_end() waits for the answer
 *
 * The SA table erases its staging with the answer, whatever that is.
 */
void table_install_begin(enum table table);

/**
 * table_install_end - what has become of it?
 * @handle: the new entry's handle
 */
enum vesper_mbx_status table_install_end(enum table table, u32 *handle);

/**
 * table_remove - remove an entry; of an SA, erase key, salt and H
 */
enum vesper_mbx_status table_remove(enum table table, u32 handle);

/**
 * table_read - look at an entry
 * @handle: of this one, or with @next of the first at or above it; becomes that of the one found
 */
enum vesper_mbx_status table_read(enum table table, u32 *handle, bool next);

/* Word @word of what the SA table has read: struct vesper_sa_state. */
static inline u32 table_sa_word(u32 word)
{
	return mmio_read(REG(sa_state.mem[0]) + 4 * word);
}

/* Word @word of what the policy table has read: struct vesper_policy. */
static inline u32 table_policy_word(u32 word)
{
	return mmio_read(REG(pol_state.mem[0]) + 4 * word);
}

/**
 * table_wipe - remove all entries and erase all keys
 */
enum vesper_mbx_status table_wipe(enum table table);

/**
 * table_lease - from now on the outbound SA may use the numbers up to @end; 0: all
 */
enum vesper_mbx_status table_lease(u32 handle, u64 end);

#endif
