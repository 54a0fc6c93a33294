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
#define SAF(name) \
	printf("  localparam int SAF_" #name "_BIT = %d;\n", __builtin_ctz(VESPER_SAF_##name))

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
	NUM(VESPER_FEAT_IPV6);
	NUM(VESPER_FEAT_AES_GMAC);
	NUM(VESPER_FEAT_ESN);
	NUM(VESPER_FEAT_UDP);
	NUM(VESPER_FEAT_INPLACE);
	NUM(VESPER_FEAT_POLICY);
	NUM(VESPER_FEAT_LIFETIME);
	NUM(VESPER_FEAT_EVENTS);
	NUM(VESPER_FEAT_SG);
	NUM(VESPER_FEAT_TX_CSUM);
	NUM(VESPER_FEAT_TSO);
	NUM(VESPER_FEAT_RX_CSUM);
	NUM(VESPER_FEAT_RSS);
	NUM(VESPER_FEAT_FILTER);
	NUM(VESPER_FEAT_MODERATION);
	NUM(VESPER_FEAT_NUMBERED);
	NUM(VESPER_FRAME_MIN);
	NUM(VESPER_FRAME_MAX);
	NUM(VESPER_RING_LOG2_MIN);
	NUM(VESPER_RING_LOG2_MAX);
	NUM(VESPER_RX_ALIGN);
	NUM(VESPER_MBX_SIZE);
	NUM(VESPER_REPLAY_MAX);
	NUM(VESPER_SA_GEN_SHIFT);
	NUM(VESPER_TFC_MAX);
	NUM(VESPER_SAD_COUNT);
	printf("  localparam int SA_INBOUND_BIT = %d;\n", __builtin_ctz(VESPER_SA_INBOUND));
	SAF(DF);
	SAF(DF_COPY);
	SAF(DSCP_COPY);
	SAF(DSCP_MAP);
	SAF(ECN_OFF);
	SAF(FLOW_COPY);
	SAF(ESN);
	SAF(UDP);
	SAF(IIV);
	SAF(INPLACE);
	SAF(SELECTOR);
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
	BYTE(VESPER_ST_SA_KIND);
	BYTE(VESPER_ST_LEASE);
	BYTE(VESPER_ST_LIFETIME);
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
	BYTE(VESPER_ST_SELECTOR);
	BYTE(VESPER_ST_ECN);
	BYTE(VESPER_ST_ENCAP);
	BYTE(VESPER_ST_KEEPALIVE);
	BYTE(VESPER_ST_EXT_HEADER);
	BYTE(VESPER_ST_UDP_LENGTH);
	BYTE(VESPER_ST_DISCARD);
	BYTE(VESPER_ST_NO_POLICY);
	BYTE(VESPER_ST_SPI);
	BYTE(VESPER_ST_FILTERED);
	NUM(VESPER_ST_COUNT);
	BYTE(VESPER_OP_PLAIN);
	BYTE(VESPER_OP_ENCRYPT);
	BYTE(VESPER_OP_DECRYPT);
	BYTE(VESPER_OP_POLICY);
	BYTE(VESPER_OP_INPLACE);
	BYTE(VESPER_OP_DUMMY);
	BYTE(VESPER_OP_CONTEXT);
	BYTE(VESPER_OP_NUMBERED);
	BYTE(VESPER_OP_CONTEXT_NUMBERED);
	BYTE(VESPER_TXF_LOOKASIDE);
	BYTE(VESPER_TXF_MORE);
	BYTE(VESPER_TXF_CSUM);
	BYTE(VESPER_TXF_TSO);
	BYTE(VESPER_TXF_MASK);
	NUM(VESPER_PIECES_MAX);
	NUM(VESPER_CSUM_START_MAX);
	NUM(VESPER_CSUM_END_MAX);
	NUM(VESPER_TSO_MAX);
	NUM(VESPER_TSO_HDR_MAX);
	BYTE(VESPER_CPL_PHASE);
	BYTE(VESPER_CPL_ESP);
	BYTE(VESPER_CPL_LOOKASIDE);
	BYTE(VESPER_CPL_INPLACE);
	BYTE(VESPER_CPL_CSUM);
	BYTE(VESPER_CPL_HASH);
	BYTE(VESPER_CPL_L4HASH);
	BYTE(VESPER_SAD_REPLAY);
	BYTE(VESPER_SAD_ICV);
	BYTE(VESPER_SAD_PADDING);
	BYTE(VESPER_SAD_NEXT_HEADER);
	BYTE(VESPER_SAD_INNER);
	BYTE(VESPER_SAD_DUMMY);
	BYTE(VESPER_SAD_SELECTOR);
	BYTE(VESPER_SAD_ECN);
	BYTE(VESPER_SAD_LIFETIME);
	BYTE(VESPER_SAD_ENCAP);
	BYTE(VESPER_SAD_ESP_LENGTH);
	BYTE(VESPER_SAD_TOO_BIG);
	BYTE(VESPER_SAD_FRAGMENT);
	BYTE(VESPER_SAD_SEQ_EXHAUSTED);
	BYTE(VESPER_SAD_LEASE);
	BYTE(VESPER_SAD_KIND);
	BYTE(VESPER_EV_SOFT_PACKETS);
	BYTE(VESPER_EV_SOFT_BYTES);
	BYTE(VESPER_EV_EXPIRED);
	BYTE(VESPER_EV_LEASE_LOW);
	BYTE(VESPER_EVF_PHASE);
	BYTE(VESPER_EVF_INBOUND);
	BYTE(VESPER_EVF_IPV6);
	BYTE(VESPER_PROTECT);
	BYTE(VESPER_BYPASS);
	BYTE(VESPER_DISCARD);
	BYTE(VESPER_ALG_AES_GCM);
	BYTE(VESPER_ALG_AES_GMAC);
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
	BYTE(VESPER_MBX_E_POLICY_DUPLICATE);
	BYTE(VESPER_MBX_E_POLICY_FULL);
	BYTE(VESPER_MBX_E_POLICY_MASKS);
	BYTE(VESPER_MBX_E_POLICY_HANDLE);
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
	BITS("RXC", vesper_rx_cpl, seq);
	BITS("TXX", vesper_tx_ctx, seq_hi);
	BITS("TXX", vesper_tx_ctx, mss);
	BITS("TXX", vesper_tx_ctx, hdr_len);
	BITS("TXX", vesper_tx_ctx, csum_start);
	BITS("TXX", vesper_tx_ctx, csum_offset);
	BITS("TXX", vesper_tx_ctx, l3_offset);
	BITS("TXN", vesper_tx_numbered, seq);
	BITS("TXN", vesper_tx_numbered, mss);
	BITS("TXN", vesper_tx_numbered, hdr_len);
	BITS("TXN", vesper_tx_numbered, csum_start);
	BITS("TXN", vesper_tx_numbered, csum_offset);
	BITS("TXN", vesper_tx_numbered, l3_offset);
	/* The record opens with the SA itself. */
	SIZE("SA_REC", vesper_sa_record);
	BITS("SA_REC", vesper_sa, dir);
	BITS("SA_REC", vesper_sa, mode);
	BITS("SA_REC", vesper_sa, family);
	BITS("SA_REC", vesper_sa, alg);
	BITS("SA_REC", vesper_sa, key_len);
	BITS("SA_REC", vesper_sa, icv_len);
	BITS("SA_REC", vesper_sa, ttl);
	BITS("SA_REC", vesper_sa, tos);
	BITS("SA_REC", vesper_sa, flags);
	BITS("SA_REC", vesper_sa, replay_window);
	BITS("SA_REC", vesper_sa, spi);
	BITS("SA_REC", vesper_sa, salt);
	BITS("SA_REC", vesper_sa, src);
	BITS("SA_REC", vesper_sa, dst);
	BITS("SA_REC", vesper_sa, key);
	BITS("SA_REC", vesper_sa, seq);
	BITS("SA_REC", vesper_sa, queue);
	BITS("SA_REC", vesper_sa, tfc);
	BITS("SA_REC", vesper_sa, mtu);
	BITS("SA_REC", vesper_sa, sport);
	BITS("SA_REC", vesper_sa, dport);
	BITS("SA_REC", vesper_sa, flow_label);
	BITS("SA_REC", vesper_sa, soft_packets);
	BITS("SA_REC", vesper_sa, soft_bytes);
	BITS("SA_REC", vesper_sa, hard_packets);
	BITS("SA_REC", vesper_sa, hard_bytes);
	BITS("SA_REC", vesper_sa, lease_end);
	BITS("SA_REC", vesper_sa, lease_warn);
	BITS("SA_REC", vesper_sa, sel);
	BITS("SA_REC", vesper_sa_record, h);
	/* Within SA_REC_SEL. */
	BITS("SEL", vesper_selector, src);
	BITS("SEL", vesper_selector, dst);
	BITS("SEL", vesper_selector, src_len);
	BITS("SEL", vesper_selector, dst_len);
	BITS("SEL", vesper_selector, family);
	BITS("SEL", vesper_selector, proto);
	BITS("SEL", vesper_selector, sport_min);
	BITS("SEL", vesper_selector, sport_max);
	BITS("SEL", vesper_selector, dport_min);
	BITS("SEL", vesper_selector, dport_max);
	SIZE("SA_STATE", vesper_sa_state);
	BITS("SA_STATE", vesper_sa_state, seq);
	BITS("SA_STATE", vesper_sa_state, packets);
	BITS("SA_STATE", vesper_sa_state, bytes);
	BITS("SA_STATE", vesper_sa_state, lease_end);
	BITS("SA_STATE", vesper_sa_state, drops);
	BITS("SA_STATE", vesper_sa_state, sa);
	SIZE("POLICY", vesper_policy);
	BITS("POLICY", vesper_policy, src);
	BITS("POLICY", vesper_policy, dst);
	BITS("POLICY", vesper_policy, src_len);
	BITS("POLICY", vesper_policy, dst_len);
	BITS("POLICY", vesper_policy, family);
	BITS("POLICY", vesper_policy, proto);
	BITS("POLICY", vesper_policy, sport);
	BITS("POLICY", vesper_policy, dport);
	BITS("POLICY", vesper_policy, sport_mask);
	BITS("POLICY", vesper_policy, dport_mask);
	BITS("POLICY", vesper_policy, action);
	BITS("POLICY", vesper_policy, priority);
	BITS("POLICY", vesper_policy, sa);
	SIZE("EVENT", vesper_event);
	BITS("EVENT", vesper_event, src);
	BITS("EVENT", vesper_event, dst);
	BITS("EVENT", vesper_event, time);
	BITS("EVENT", vesper_event, seq);
	BITS("EVENT", vesper_event, spi);
	BITS("EVENT", vesper_event, sa);
	BITS("EVENT", vesper_event, flow_label);
	BITS("EVENT", vesper_event, suppressed);
	BITS("EVENT", vesper_event, code);
	BITS("EVENT", vesper_event, flags);
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
