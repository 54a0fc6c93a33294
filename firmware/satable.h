/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the SA table. */
#ifndef VESPER_FW_SATABLE_H
#define VESPER_FW_SATABLE_H

#include "mmio.h"

/*
 * All return an enum vesper_mbx_status: VESPER_MBX_OK, what the table says
 * (E_DUPLICATE, E_FULL, E_HANDLE), or VESPER_MBX_E_HARDWARE if it does not
 * answer.
 */

/**
 * satable_wait_ready - wait until the table has been swept after reset
 */
enum vesper_mbx_status satable_wait_ready(void);

/**
 * satable_install - install an SA
 * @rec: the record; the table's copy is erased if it refuses
 * @handle: the new SA's handle
 */
enum vesper_mbx_status satable_install(const struct vesper_sa_record *rec, u32 *handle);

/**
 * satable_remove - remove an SA and erase its key, salt and H
 */
enum vesper_mbx_status satable_remove(u32 handle);

/**
 * satable_read - state of an SA
 * @handle: of this SA, or with @next of the first at or above it (direction, index)
 * @state: result
 *
 * @handle becomes that of the SA found.
 */
enum vesper_mbx_status satable_read(u32 *handle, bool next, struct vesper_sa_state *state);

/**
 * satable_wipe - remove all SAs and erase all keys
 */
enum vesper_mbx_status satable_wipe(void);

#endif
