/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence behind an error code, kept for each thread. */
#ifndef VESPER_ERROR_H
#define VESPER_ERROR_H

#include "vesper_compat.h"
#include "vesper_dev.h"

/*
 * Note the sentence of vesper_dev_strerror().
 * Return: @err, so that a failing function ends in `return vesper_error(...)`.
 */
__attribute__((format(printf, 2, 3))) int vesper_error(int err, const char *format, ...);

/* Note what vesper_dev_refusal() answers. */
void vesper_set_refusal(enum vesper_mbx_status status, u16 field, u64 value);

/* Milliseconds of the monotonic clock, for deadlines. */
u64 vesper_now_ms(void);

#endif
