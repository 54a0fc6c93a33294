/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side of the firmware's mailbox on mocked hardware, for unit tests. */
#ifndef FIRMWARE_HOST_H
#define FIRMWARE_HOST_H

#include "firmware_mock.h"

/* Header of the last response. */
#define rsp ((const struct vesper_mbx_hdr *)mock.response)

/* Offset in SA_ADD of a member of struct vesper_sa. */
#define AT(member) (sizeof(struct vesper_mbx_hdr) + offsetof(struct vesper_sa, member))

/* A setup for cmocka: a card that has just started. */
int boot(void **state);

/* Write @size bytes of @msg, of which its header says @len, ring, and have the firmware serve it. */
void request(void *msg, u16 cmd, size_t size, u16 len);
/* The same; afterwards nothing secret is left in job, result and staging. */
void call_len(void *msg, u16 cmd, size_t size, u16 len);
void call(void *msg, u16 cmd, size_t size);

/* The last response is good and has so many bytes, or is this refusal. */
void assert_ok(size_t len);
void assert_refused(u32 status, u16 field, u64 value);
void assert_window_erased(void);

/* An outbound tunnel that the card accepts. */
struct vesper_mbx_sa_add good(void);

#endif
