/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of mailbox handlers share. */
#ifndef VESPER_FW_HANDLERS_H
#define VESPER_FW_HANDLERS_H

#include "mmio.h"

/* What a handler says. The response's body follows its header in the window. */
struct result {
	enum vesper_mbx_status status;
	u16 field;
	u16 body; /* bytes that the handler has put after the header */
	u64 value;
};

#define HDR_WORDS      (sizeof(struct vesper_mbx_hdr) / 4)
#define FIELD(type, f) ((u16)offsetof(struct type, f))

static inline void refuse(struct result *res, enum vesper_mbx_status status, u16 field, u64 value)
{
	res->status = status;
	res->field = field;
	res->value = value;
}

/* The body of every response that names an entry: its handle and a zero, before what else there is. */
static inline void give_handle(u32 handle, struct result *res)
{
	mmio_response_write(HDR_WORDS, handle);
	mmio_response_write(HDR_WORDS + 1, 0);
	res->body = 8;
}

/* One a command; each refusal with its code, field and value. */
void sa_add(const void *msg, struct result *res);
void sa_del(const void *msg, struct result *res);
void sa_query(const void *msg, struct result *res);
void sa_lease(const void *msg, struct result *res);
void policy_add(const void *msg, struct result *res);
void policy_del(const void *msg, struct result *res);
void policy_query(const void *msg, struct result *res);

#endif
