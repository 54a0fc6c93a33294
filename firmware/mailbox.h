/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's requests. */
#ifndef VESPER_FW_MAILBOX_H
#define VESPER_FW_MAILBOX_H

#include "mmio.h"

/* mailbox_pending - is there a request? */
bool mailbox_pending(void);

/**
 * mailbox_serve - answer the request in the window
 *
 * Afterwards the request window and all copies of keys are erased, and both
 * windows belong to the host again.
 */
void mailbox_serve(void);

#endif
