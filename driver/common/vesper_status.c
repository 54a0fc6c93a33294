// SPDX-License-Identifier: BSD-2-Clause
/* Words for the card's codes: one sentence a rule. */
#include "vesper_status.h"

static const char *const mbx_text[VESPER_MBX_STATUS_COUNT] = {
	[VESPER_MBX_OK] = "success",
	[VESPER_MBX_E_COMMAND] = "the firmware does not know this command",
	[VESPER_MBX_E_LENGTH] = "the message's length does not fit its command",
	[VESPER_MBX_E_RESERVED] = "a reserved field or bit is not zero",
	[VESPER_MBX_E_DIR] = "the direction is neither outbound (1) nor inbound (2)",
	[VESPER_MBX_E_MODE] = "the mode is neither tunnel (1) nor transport (2)",
	[VESPER_MBX_E_FAMILY] = "the card processes IPv4 (4) only",
	[VESPER_MBX_E_ALG] = "the card knows AES-GCM (1) only",
	[VESPER_MBX_E_KEY_LEN] = "the key has neither 16, 24 nor 32 bytes",
	[VESPER_MBX_E_ICV_LEN] = "the ICV has neither 8, 12 nor 16 bytes",
	[VESPER_MBX_E_SPI] = "SPIs 0 to 255 are reserved",
	[VESPER_MBX_E_ADDRESS] = "an address is zero, or longer than its family allows",
	[VESPER_MBX_E_WINDOW] = "the replay window is beyond 4096, or set on an outbound SA",
	[VESPER_MBX_E_FLAGS] = "an SA flag is unknown, or does not fit this kind of SA",
	[VESPER_MBX_E_TTL] = "an outbound tunnel needs a TTL of 1 to 255",
	[VESPER_MBX_E_SEQ] = "the sequence number is beyond 32 bits, and the SA has no ESN",
	[VESPER_MBX_E_QUEUE] = "the card has no such queue pair",
	[VESPER_MBX_E_DUPLICATE] = "an SA with this direction, destination and SPI exists",
	[VESPER_MBX_E_FULL] = "the SA table is full",
	[VESPER_MBX_E_HANDLE] = "the handle names no installed SA",
	[VESPER_MBX_E_SELFTEST] = "a known-answer test failed, and the data path is closed",
	[VESPER_MBX_E_KEY_PADDING] = "bytes beyond the key's length are not zero",
	[VESPER_MBX_E_HARDWARE] = "a block of the card did not answer the firmware",
};

struct status_word {
	const char *name;
	const char *text;
};

static const struct status_word status_words[VESPER_ST_COUNT] = {
	[VESPER_ST_OK] = { "ok", "passed" },
	[VESPER_ST_BAD_LENGTH] = { "bad_length",
				   "the descriptor's length is below 14 or above 9618 "
				   "bytes" },
	[VESPER_ST_BAD_FLAGS] = { "bad_flags",
				  "the descriptor sets an unknown flag or a field that "
				  "its operation does not use" },
	[VESPER_ST_BAD_OP] = { "bad_op", "the descriptor's operation is unknown, or lacks the "
					 "lookaside flag" },
	[VESPER_ST_DMA_READ] = { "dma_read", "the card could not read the frame from host memory" },
	[VESPER_ST_DMA_WRITE] = { "dma_write", "the card could not write to host memory" },
	[VESPER_ST_NO_BUFFER] = { "no_buffer",
				  "no receive buffer was posted, or it was too small" },
	[VESPER_ST_NOT_READY] = { "not_ready", "the data path is closed: no self-test has passed" },
	[VESPER_ST_SA_STALE] = { "sa_stale", "the handle names no SA that is installed now" },
	[VESPER_ST_SA_DIRECTION] = { "sa_direction", "the SA is for the other direction" },
	[VESPER_ST_SEQ_EXHAUSTED] = { "seq_exhausted", "the SA's sequence numbers are used up" },
	[VESPER_ST_TOO_BIG] = { "too_big", "the frame would exceed the MTU after encapsulation" },
	[VESPER_ST_NO_SA] = { "no_sa", "no SA has this destination and SPI" },
	[VESPER_ST_NOT_IP] = { "not_ip", "ESP was asked for, but the frame is not IPv4" },
	[VESPER_ST_IP_HEADER] = { "ip_header", "the IP version, header length or total length is "
					       "impossible" },
	[VESPER_ST_IP_CHECKSUM] = { "ip_checksum", "the IP header checksum is wrong" },
	[VESPER_ST_TRUNCATED] = { "truncated", "the IP length goes beyond the frame" },
	[VESPER_ST_FRAGMENT] = { "fragment", "ESP does not take this fragment" },
	[VESPER_ST_ESP_LENGTH] = { "esp_length", "the ESP packet's length is impossible" },
	[VESPER_ST_REPLAY] = { "replay", "the sequence number was seen before, or lies below the "
					 "window" },
	[VESPER_ST_ICV] = { "icv", "the ICV is wrong: the packet was forged or damaged" },
	[VESPER_ST_PADDING] = { "padding", "the ESP padding is not 1, 2, 3, ..., or too long" },
	[VESPER_ST_NEXT_HEADER] = { "next_header", "the next header does not fit the SA's mode" },
	[VESPER_ST_INNER] = { "inner", "the inner IP header contradicts the decrypted length" },
	[VESPER_ST_DUMMY] = { "dummy", "a dummy packet, discarded as it should be" },
	[VESPER_ST_NOT_ESP] = { "not_esp", "decryption was asked for, but the frame is not ESP" },
	[VESPER_ST_RUNT] = { "runt", "the frame is shorter than an Ethernet header" },
	[VESPER_ST_OVERSIZE] = { "oversize", "the frame is longer than 9618 bytes" },
	[VESPER_ST_WIRE_ERROR] = { "wire_error", "the MAC marked the frame as bad" },
	[VESPER_ST_WIRE_OVERFLOW] = { "wire_overflow", "the receive FIFO was full" },
};

const char *vesper_mbx_strerror(u32 code)
{
	if (code >= VESPER_MBX_STATUS_COUNT)
		return "the card answered with a status that this driver does not know";
	return mbx_text[code];
}

const char *vesper_status_str(u32 code)
{
	if (code >= VESPER_ST_COUNT || !status_words[code].text)
		return "the card gave a status that this driver does not know";
	return status_words[code].text;
}

const char *vesper_status_name(u32 code)
{
	return code < VESPER_ST_COUNT ? status_words[code].name : NULL;
}

struct field_name {
	u16 offset;
	u16 size;
	const char *name;
};

#define FIELD(member) \
	{ offsetof(struct vesper_sa, member), sizeof(((struct vesper_sa *)0)->member), #member }

static const struct field_name field_names[] = {
	FIELD(dir),	FIELD(mode),  FIELD(family),	FIELD(alg),	  FIELD(key_len),
	FIELD(icv_len), FIELD(ttl),   FIELD(tos),	FIELD(flags),	  FIELD(replay_window),
	FIELD(spi),	FIELD(salt),  FIELD(src),	FIELD(dst),	  FIELD(key),
	FIELD(seq),	FIELD(queue), FIELD(reserved0), FIELD(reserved1), FIELD(reserved2),
};

const char *vesper_sa_field_name(u32 offset)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(field_names); i++)
		if (offset - field_names[i].offset < field_names[i].size)
			return field_names[i].name;
	return "?";
}
