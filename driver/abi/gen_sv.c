// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints vesper_abi.h as a SystemVerilog package, so that no constant and no
 * bit position of the ABI is written twice. Takes no arguments; writes to
 * standard output; exit status 1 if that fails.
 */
#include <stdio.h>

#include "vesper_abi.h"

#define NUM(name) printf("  localparam int %s = %lld;\n", #name + PREFIX_LEN, (long long)(name))
#define BYTE(name) \
	printf("  localparam logic [7:0] %s = 8'd%u;\n", #name + PREFIX_LEN, (unsigned int)(name))
#define PREFIX_LEN 7 /* VESPER_ */

/* Bit position and width of a member of a packed little-endian structure. */
#define BITS(prefix, type, member)                                               \
	printf("  localparam int %s_LSB = %zu;\n  localparam int %s_W = %zu;\n", \
	       upper(prefix "_" #member), 8 * offsetof(struct type, member),     \
	       upper(prefix "_" #member), 8 * sizeof(((struct type *)0)->member))
#define SIZE(prefix, type) printf("  localparam int %s_BYTES = %zu;\n", prefix, sizeof(struct type))

static const char *upper(const char *name)
{
	static char text[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(text) - 1; i++)
		text[i] = name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i];
	text[i] = '\0';
	return text;
}

static void constants(void)
{
	NUM(VESPER_ABI_MAJOR);
	NUM(VESPER_ABI_MINOR);
	NUM(VESPER_FEAT_ESP_OUT);
	NUM(VESPER_FEAT_ESP_IN);
	NUM(VESPER_FEAT_LOOKASIDE);
	NUM(VESPER_FEAT_TUNNEL);
	NUM(VESPER_FEAT_TRANSPORT);
	NUM(VESPER_FEAT_IPV4);
	NUM(VESPER_FEAT_AES_GCM);
	NUM(VESPER_FRAME_MIN);
	NUM(VESPER_FRAME_MAX);
	NUM(VESPER_RING_LOG2_MIN);
	NUM(VESPER_RING_LOG2_MAX);
	NUM(VESPER_RX_ALIGN);
	NUM(VESPER_MBX_SIZE);
	NUM(VESPER_REPLAY_MAX);
	NUM(VESPER_SA_HDR_MAX);
	NUM(VESPER_SA_GEN_SHIFT);
	printf("  localparam int SA_INBOUND_BIT = %d;\n", __builtin_ctz(VESPER_SA_INBOUND));
	printf("  localparam int SAF_DF_BIT = %d;\n", __builtin_ctz(VESPER_SAF_DF));
}

static void codes(void)
{
	BYTE(VESPER_ST_OK);
	BYTE(VESPER_ST_BAD_LENGTH);
	BYTE(VESPER_ST_BAD_FLAGS);
	BYTE(VESPER_ST_BAD_OP);
	BYTE(VESPER_ST_DMA_READ);
	BYTE(VESPER_ST_DMA_WRITE);
	BYTE(VESPER_ST_NO_BUFFER);
	BYTE(VESPER_ST_NOT_READY);
	BYTE(VESPER_ST_SA_STALE);
	BYTE(VESPER_ST_SA_DIRECTION);
	BYTE(VESPER_ST_SEQ_EXHAUSTED);
	BYTE(VESPER_ST_TOO_BIG);
	BYTE(VESPER_ST_NO_SA);
	BYTE(VESPER_ST_NOT_IP);
	BYTE(VESPER_ST_IP_HEADER);
	BYTE(VESPER_ST_IP_CHECKSUM);
	BYTE(VESPER_ST_TRUNCATED);
	BYTE(VESPER_ST_FRAGMENT);
	BYTE(VESPER_ST_ESP_LENGTH);
	BYTE(VESPER_ST_REPLAY);
	BYTE(VESPER_ST_ICV);
	BYTE(VESPER_ST_PADDING);
	BYTE(VESPER_ST_NEXT_HEADER);
	BYTE(VESPER_ST_INNER);
	BYTE(VESPER_ST_DUMMY);
	BYTE(VESPER_ST_NOT_ESP);
	BYTE(VESPER_ST_RUNT);
	BYTE(VESPER_ST_OVERSIZE);
	BYTE(VESPER_ST_WIRE_ERROR);
	BYTE(VESPER_ST_WIRE_OVERFLOW);
	NUM(VESPER_ST_COUNT);
	BYTE(VESPER_OP_PLAIN);
	BYTE(VESPER_OP_ENCRYPT);
	BYTE(VESPER_OP_DECRYPT);
	BYTE(VESPER_TXF_LOOKASIDE);
	BYTE(VESPER_TXF_MASK);
	BYTE(VESPER_CPL_PHASE);
	BYTE(VESPER_CPL_ESP);
	BYTE(VESPER_CPL_LOOKASIDE);
	BYTE(VESPER_DIR_OUT);
	BYTE(VESPER_DIR_IN);
	BYTE(VESPER_MODE_TUNNEL);
	BYTE(VESPER_MODE_TRANSPORT);
	BYTE(VESPER_IPV4);
	BYTE(VESPER_IPV6);
	BYTE(VESPER_MBX_OK);
	BYTE(VESPER_MBX_E_DUPLICATE);
	BYTE(VESPER_MBX_E_FULL);
	BYTE(VESPER_MBX_E_HANDLE);
}

static void layouts(void)
{
	SIZE("TXD", vesper_tx_desc);
	BITS("TXD", vesper_tx_desc, addr);
	BITS("TXD", vesper_tx_desc, len);
	BITS("TXD", vesper_tx_desc, op);
	BITS("TXD", vesper_tx_desc, flags);
	BITS("TXD", vesper_tx_desc, sa);
	SIZE("RXD", vesper_rx_desc);
	BITS("RXD", vesper_rx_desc, addr);
	BITS("RXD", vesper_rx_desc, len);
	BITS("RXD", vesper_rx_desc, reserved0);
	BITS("RXD", vesper_rx_desc, reserved1);
	SIZE("TXC", vesper_tx_cpl);
	BITS("TXC", vesper_tx_cpl, index);
	BITS("TXC", vesper_tx_cpl, len);
	BITS("TXC", vesper_tx_cpl, status);
	BITS("TXC", vesper_tx_cpl, flags);
	BITS("TXC", vesper_tx_cpl, seq);
	SIZE("RXC", vesper_rx_cpl);
	BITS("RXC", vesper_rx_cpl, index);
	BITS("RXC", vesper_rx_cpl, len);
	BITS("RXC", vesper_rx_cpl, status);
	BITS("RXC", vesper_rx_cpl, flags);
	BITS("RXC", vesper_rx_cpl, tag);
	BITS("RXC", vesper_rx_cpl, sa);
	BITS("RXC", vesper_rx_cpl, hash);
	SIZE("SA_REC", vesper_sa_record);
	BITS("SA_REC", vesper_sa_record, key);
	BITS("SA_REC", vesper_sa_record, h);
	BITS("SA_REC", vesper_sa_record, salt);
	BITS("SA_REC", vesper_sa_record, spi);
	BITS("SA_REC", vesper_sa_record, dst);
	BITS("SA_REC", vesper_sa_record, src);
	BITS("SA_REC", vesper_sa_record, hdr);
	BITS("SA_REC", vesper_sa_record, hdr_len);
	BITS("SA_REC", vesper_sa_record, key_len);
	BITS("SA_REC", vesper_sa_record, icv_len);
	BITS("SA_REC", vesper_sa_record, mode);
	BITS("SA_REC", vesper_sa_record, family);
	BITS("SA_REC", vesper_sa_record, dir);
	BITS("SA_REC", vesper_sa_record, queue);
	BITS("SA_REC", vesper_sa_record, seq);
	BITS("SA_REC", vesper_sa_record, replay_window);
	BITS("SA_REC", vesper_sa_record, flags);
	BITS("SA_REC", vesper_sa_record, hdr_sum);
	SIZE("SA_STATE", vesper_sa_state);
	BITS("SA_STATE", vesper_sa_state, seq);
	BITS("SA_STATE", vesper_sa_state, packets);
	BITS("SA_STATE", vesper_sa_state, bytes);
	BITS("SA_STATE", vesper_sa_state, replayed);
	BITS("SA_STATE", vesper_sa_state, icv_failed);
	BITS("SA_STATE", vesper_sa_state, spi);
	BITS("SA_STATE", vesper_sa_state, mode);
	BITS("SA_STATE", vesper_sa_state, family);
	BITS("SA_STATE", vesper_sa_state, key_len);
	BITS("SA_STATE", vesper_sa_state, icv_len);
	BITS("SA_STATE", vesper_sa_state, src);
	BITS("SA_STATE", vesper_sa_state, dst);
	BITS("SA_STATE", vesper_sa_state, queue);
	BITS("SA_STATE", vesper_sa_state, replay_window);
}

int main(void)
{
	puts("// SPDX-License-Identifier: BSD-2-Clause");
	puts("// Printed by driver/abi/gen_sv.c from driver/abi/vesper_abi.h.");
	puts("// A package of constants is imported by many and used whole by none.");
	puts("/* verilator lint_off UNUSEDPARAM */\npackage vesper_abi_pkg;");
	constants();
	codes();
	layouts();
	puts("endpackage\n/* verilator lint_on UNUSEDPARAM */");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
