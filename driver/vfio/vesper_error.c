// SPDX-License-Identifier: BSD-2-Clause
/* The sentence behind an error code, kept for each thread. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "vesper_error.h"

static _Thread_local char last_text[320];
static _Thread_local struct vesper_refusal last_refusal;

int vesper_error(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_text, sizeof(last_text), format, args);
	va_end(args);
	return err;
}

const char *vesper_dev_strerror(void)
{
	return last_text[0] ? last_text : "no error";
}

void vesper_set_refusal(enum vesper_mbx_status status, u16 field, u64 value)
{
	last_refusal = (struct vesper_refusal){ status, field, value };
}

void vesper_dev_refusal(struct vesper_refusal *refusal)
{
	*refusal = last_refusal;
}

u64 vesper_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}
