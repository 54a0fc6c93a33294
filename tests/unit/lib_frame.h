/* SPDX-License-Identifier: BSD-2-Clause */
/* SAs, frames and hand-made ESP for the tests of libvesper. */
#ifndef LIB_FRAME_H
#define LIB_FRAME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vesper.h"

#define ROOM (VESPER_FRAME_MAX + VESPER_OVERHEAD)
#define ETH  14
#define IP   20

/* A handle without a card. */
struct vesper *open_soft(uint32_t mtu);

/* An SA whose key, salt and SPI follow from @seed; from 192.0.2.1 to 192.0.2.2. */
struct vesper_sa make_sa(unsigned int dir, unsigned int mode, unsigned int key_len,
			 unsigned int icv_len, uint32_t seed);

/* Ethernet, IPv4 (@options bytes of them) and @len bytes of payload. Return: the frame's length. */
uint32_t make_frame(uint8_t *frame, uint32_t options, uint32_t len);

/* Writes the checksum of the IPv4 header behind the Ethernet header. */
void set_checksum(uint8_t *frame);

/*
 * ESP as another implementation would make it: @text is encrypted as it is, trailer included.
 * Return: the frame's length.
 */
uint32_t make_esp(uint8_t *frame, const struct vesper_sa *sa, uint32_t seq, const uint8_t *text,
		  uint32_t len);

/* One frame through the library. Return: its status. */
enum vesper_status encrypt_one(struct vesper *v, uint32_t sa, uint8_t *data, uint32_t *len);
enum vesper_status decrypt_one(struct vesper *v, uint8_t *data, uint32_t *len);

#endif
