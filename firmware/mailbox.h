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
 * Afterwards the hardware erases the request window, and then both windows belong
 * to the host again.
 */
void mailbox_serve(void);

#endif
