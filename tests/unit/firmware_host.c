// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "card.h"
#include "firmware_host.h"
#include "mailbox.h"

int boot(void **state)
{
	(void)state;
	mock_reset();
	card_start();
	return 0;
}

void request(void *msg, u16 cmd, size_t size, u16 len)
{
	struct vesper_mbx_hdr *hdr = msg;
	u32 done = mock.done;

	hdr->cmd = cmd;
	hdr->len = len;
	hdr->tag = 0xcafe0000 + done;
	memset(mock.response, 0xee, sizeof(mock.response));
	mock_request(msg, size);
	assert_true(mailbox_pending());
	mailbox_serve();
	assert_int_equal(mock.done, done + 1);
	assert_int_equal(rsp->cmd, cmd);
	assert_int_equal(rsp->tag, 0xcafe0000 + done);
	assert_int_equal(rsp->reserved, 0);
}

void call_len(void *msg, u16 cmd, size_t size, u16 len)
{
	request(msg, cmd, size, len);
	assert_true(mock_gcm_erased());
}

void call(void *msg, u16 cmd, size_t size)
{
	call_len(msg, cmd, size, (u16)size);
}

void assert_ok(size_t len)
{
	assert_int_equal(rsp->status, VESPER_MBX_OK);
	assert_int_equal(rsp->len, len);
	assert_int_equal(rsp->field, 0);
	assert_int_equal(rsp->value, 0);
}

void assert_refused(u32 status, u16 field, u64 value)
{
	assert_int_equal(rsp->status, status);
	assert_int_equal(rsp->len, sizeof(*rsp));
	assert_int_equal(rsp->field, field);
	assert_int_equal(rsp->value, value);
}

struct vesper_mbx_sa_add good(void)
{
	struct vesper_mbx_sa_add msg = { 0 };
	int i;

	msg.sa.dir = VESPER_DIR_OUT;
	msg.sa.mode = VESPER_MODE_TUNNEL;
	msg.sa.family = VESPER_IPV4;
	msg.sa.alg = VESPER_ALG_AES_GCM;
	msg.sa.key_len = 32;
	msg.sa.icv_len = 16;
	msg.sa.ttl = 64;
	memcpy(msg.sa.spi, "\x00\x00\x12\x34", 4);
	memcpy(msg.sa.salt, "SALT", 4);
	memcpy(msg.sa.src, "\x0a\x01\x01\x01", 4);
	memcpy(msg.sa.dst, "\x0a\x01\x01\x02", 4);
	for (i = 0; i < 32; i++)
		msg.sa.key[i] = (u8)(0xe0 ^ i * 7);
	return msg;
}

void assert_window_erased(void)
{
	static const u8 zero[VESPER_MBX_SIZE];

	assert_memory_equal(mock.request, zero, sizeof(zero));
}
