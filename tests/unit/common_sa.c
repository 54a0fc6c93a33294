// SPDX-License-Identifier: BSD-2-Clause
/* Every rule of vesper_sa_check(), and the sentences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "vesper_sa.h"
#include "vesper_status.h"

#define AT(member)  offsetof(struct vesper_sa, member)
#define SEL(member) (AT(sel) + offsetof(struct vesper_selector, member))

static struct vesper_sa good_sa(enum vesper_sa_dir dir, enum vesper_sa_mode mode)
{
	struct vesper_sa sa = {
		.dir = dir,
		.mode = mode,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.key_len = 32,
		.icv_len = 16,
		.spi = { 0x00, 0x00, 0x01, 0x00 },
		.salt = { 0xca, 0xfe, 0xba, 0xbe },
		.src = { 192, 168, 0, 1 },
		.dst = { 192, 168, 0, 199 },
		.seq = cpu_to_le64(7),
	};
	int i;

	for (i = 0; i < 32; i++)
		sa.key[i] = (u8)(0x40 + i);
	if (dir == VESPER_DIR_OUT && mode == VESPER_MODE_TUNNEL)
		sa.ttl = 64;
	if (dir == VESPER_DIR_IN)
		sa.replay_window = cpu_to_le32(64);
	return sa;
}

static void expect(const struct vesper_sa *sa, enum vesper_mbx_status status, size_t field,
		   u64 value)
{
	struct vesper_sa_error err = { .field = 0xffff, .value = ~0ull };

	assert_int_equal(vesper_sa_check(sa, &err), status);
	assert_int_equal(vesper_sa_check(sa, NULL), status);
	if (!status) {
		assert_int_equal(err.field, 0xffff);
		return;
	}
	assert_int_equal(err.field, field);
	assert_int_equal(err.value, value);
}

static void accepts_each_kind(void **state)
{
	static const u8 keys[] = { 16, 24, 32 }, icvs[] = { 8, 12, 16 };
	static const u8 families[] = { VESPER_IPV4, VESPER_IPV6 };
	size_t k, i, f;
	int dir, mode;

	(void)state;
	for (dir = VESPER_DIR_OUT; dir <= VESPER_DIR_IN; dir++)
		for (mode = VESPER_MODE_TUNNEL; mode <= VESPER_MODE_TRANSPORT; mode++)
			for (f = 0; f < ARRAY_SIZE(families); f++)
				for (k = 0; k < ARRAY_SIZE(keys); k++)
					for (i = 0; i < ARRAY_SIZE(icvs); i++) {
						struct vesper_sa sa = good_sa(dir, mode);

						sa.family = families[f];
						sa.key_len = keys[k];
						memset(sa.key + keys[k], 0, 32 - keys[k]);
						sa.icv_len = icvs[i];
						expect(&sa, VESPER_MBX_OK, 0, 0);
						sa.alg = VESPER_ALG_AES_GMAC;
						if (icvs[i] == 16)
							expect(&sa, VESPER_MBX_OK, 0, 0);
						else
							expect(&sa, VESPER_MBX_E_ICV_LEN,
							       AT(icv_len), icvs[i]);
					}
}

#define OUT_T VESPER_DIR_OUT, VESPER_MODE_TUNNEL
#define OUT_X VESPER_DIR_OUT, VESPER_MODE_TRANSPORT
#define IN_T  VESPER_DIR_IN, VESPER_MODE_TUNNEL
#define IN_X  VESPER_DIR_IN, VESPER_MODE_TRANSPORT

/* One byte changed from a good SA must give exactly this code, field and value. */
static void refuses_each_bad_byte(void **state)
{
	static const struct {
		enum vesper_sa_dir dir;
		enum vesper_sa_mode mode;
		size_t at;
		u8 byte;
		enum vesper_mbx_status status;
		size_t field;
		u64 value;
	} cases[] = {
		{ OUT_T, AT(reserved0) + 1, 2, VESPER_MBX_E_RESERVED, AT(reserved0), 0x200 },
		{ OUT_T, AT(reserved1) + 3, 1, VESPER_MBX_E_RESERVED, AT(reserved1), 1u << 24 },
		{ IN_X, SEL(reserved) + 1, 1, VESPER_MBX_E_RESERVED, SEL(reserved), 1u << 8 },
		{ IN_T, AT(reserved2), 9, VESPER_MBX_E_RESERVED, AT(reserved2), 9 },
		{ IN_T, AT(reserved2) + 47, 9, VESPER_MBX_E_RESERVED, AT(reserved2) + 47, 9 },
		{ OUT_T, AT(dir), 0, VESPER_MBX_E_DIR, AT(dir), 0 },
		{ OUT_T, AT(dir), 3, VESPER_MBX_E_DIR, AT(dir), 3 },
		{ OUT_T, AT(mode), 0, VESPER_MBX_E_MODE, AT(mode), 0 },
		{ IN_T, AT(mode), 3, VESPER_MBX_E_MODE, AT(mode), 3 },
		{ OUT_T, AT(family), 0, VESPER_MBX_E_FAMILY, AT(family), 0 },
		{ OUT_T, AT(family), 5, VESPER_MBX_E_FAMILY, AT(family), 5 },
		{ OUT_T, AT(alg), 0, VESPER_MBX_E_ALG, AT(alg), 0 },
		{ OUT_T, AT(alg), 3, VESPER_MBX_E_ALG, AT(alg), 3 },
		{ OUT_T, AT(key_len), 0, VESPER_MBX_E_KEY_LEN, AT(key_len), 0 },
		{ OUT_T, AT(key_len), 17, VESPER_MBX_E_KEY_LEN, AT(key_len), 17 },
		{ OUT_T, AT(key_len), 255, VESPER_MBX_E_KEY_LEN, AT(key_len), 255 },
		{ OUT_T, AT(icv_len), 4, VESPER_MBX_E_ICV_LEN, AT(icv_len), 4 },
		{ OUT_T, AT(icv_len), 17, VESPER_MBX_E_ICV_LEN, AT(icv_len), 17 },
		{ OUT_T, AT(spi) + 2, 0, VESPER_MBX_E_SPI, AT(spi), 0 },
		{ OUT_T, AT(src) + 4, 7, VESPER_MBX_E_ADDRESS, AT(src) + 4, 7 },
		{ IN_T, AT(src) + 15, 8, VESPER_MBX_E_ADDRESS, AT(src) + 15, 8 },
		{ IN_T, AT(dst) + 9, 3, VESPER_MBX_E_ADDRESS, AT(dst) + 9, 3 },
		{ IN_T, AT(replay_window) + 1, 17, VESPER_MBX_E_WINDOW, AT(replay_window),
		  17 * 256 + 64 },
		{ OUT_T, AT(replay_window), 1, VESPER_MBX_E_WINDOW, AT(replay_window), 1 },
		{ OUT_T, AT(flags) + 3, 0x80, VESPER_MBX_E_FLAGS, AT(flags), 0x80000000 },
		{ OUT_T, AT(flags) + 1, 8, VESPER_MBX_E_FLAGS, AT(flags), 0x800 },
		{ OUT_T, AT(flags), VESPER_SAF_DF | VESPER_SAF_DF_COPY, VESPER_MBX_E_FLAGS,
		  AT(flags), 3 },
		{ OUT_T, AT(ttl), 0, VESPER_MBX_E_TTL, AT(ttl), 0 },
		{ OUT_T, AT(seq) + 4, 1, VESPER_MBX_E_SEQ, AT(seq), 0x100000007 },
		/* The key has 32 bytes; which of them is too much is not reported. */
		{ OUT_T, AT(key_len), 24, VESPER_MBX_E_KEY_PADDING, AT(key) + 24, 0 },
		{ OUT_T, AT(key_len), 16, VESPER_MBX_E_KEY_PADDING, AT(key) + 16, 0 },
		{ OUT_T, AT(tos), 1, VESPER_MBX_E_TOS, AT(tos), 1 },
		{ OUT_T, AT(tos), 0xba, VESPER_MBX_E_TOS, AT(tos), 0xba },
		{ OUT_T, AT(flags), VESPER_SAF_DSCP_COPY | VESPER_SAF_DSCP_MAP, VESPER_MBX_E_TOS,
		  AT(flags), 0xc },
		{ OUT_T, AT(tfc) + 1, 0x40, VESPER_MBX_E_TFC, AT(tfc), 0x4000 },
		{ OUT_X, AT(tfc), 1, VESPER_MBX_E_TFC, AT(tfc), 1 },
		{ IN_T, AT(tfc), 2, VESPER_MBX_E_TFC, AT(tfc), 2 },
		{ OUT_X, AT(mtu), 67, VESPER_MBX_E_MTU, AT(mtu), 67 },
		{ IN_X, AT(mtu), 68, VESPER_MBX_E_MTU, AT(mtu), 68 },
		{ OUT_T, AT(sport), 1, VESPER_MBX_E_PORT, AT(sport), 256 },
		{ IN_T, AT(dport) + 1, 1, VESPER_MBX_E_PORT, AT(dport), 1 },
		{ OUT_T, AT(flags), VESPER_SAF_UDP, VESPER_MBX_E_PORT, AT(sport), 0 },
		{ IN_T, AT(flags), VESPER_SAF_UDP, VESPER_MBX_E_PORT, AT(dport), 0 },
		{ OUT_T, AT(flow_label), 1, VESPER_MBX_E_FLOW_LABEL, AT(flow_label), 1 },
		{ IN_T, AT(lease_end), 9, VESPER_MBX_E_LEASE, AT(lease_end), 9 },
		{ OUT_T, AT(lease_end), 6, VESPER_MBX_E_LEASE, AT(lease_end), 6 },
		{ OUT_T, AT(lease_end) + 4, 1, VESPER_MBX_E_LEASE, AT(lease_end), 1ull << 32 },
		{ OUT_T, AT(lease_warn), 1, VESPER_MBX_E_LEASE, AT(lease_warn), 1 },
		{ IN_T, AT(lease_warn) + 1, 1, VESPER_MBX_E_LEASE, AT(lease_warn), 256 },
		{ IN_T, SEL(src), 1, VESPER_MBX_E_SELECTOR, SEL(src), 1 },
		{ OUT_T, SEL(dport_max) + 1, 3, VESPER_MBX_E_SELECTOR, SEL(dport_max) + 1, 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vesper_sa sa = good_sa(cases[i].dir, cases[i].mode);

		expect(&sa, VESPER_MBX_OK, 0, 0);
		((u8 *)&sa)[cases[i].at] = cases[i].byte;
		expect(&sa, cases[i].status, cases[i].field, cases[i].value);
	}
}

/* Each flag with each kind of SA. */
static void flags_fit(void **state)
{
	u32 kind, bit, flags;

	(void)state;
	for (kind = 0; kind < 32; kind++) {
		bool in = kind & 1, transport = kind & 2, ipv6 = kind & 4, gmac = kind & 8;
		bool inplace = kind & 16, tunnel = !transport;

		for (bit = 0; bit < 32; bit++) {
			struct vesper_sa sa =
				good_sa(in ? VESPER_DIR_IN : VESPER_DIR_OUT,
					transport ? VESPER_MODE_TRANSPORT : VESPER_MODE_TUNNEL);
			bool fits = false;

			flags = 1u << bit | (inplace ? VESPER_SAF_INPLACE : 0);
			sa.flags = cpu_to_le32(flags);
			sa.family = ipv6 ? VESPER_IPV6 : VESPER_IPV4;
			sa.alg = gmac ? VESPER_ALG_AES_GMAC : VESPER_ALG_AES_GCM;
			if (flags & VESPER_SAF_INPLACE)
				sa.replay_window = 0;
			if (flags & VESPER_SAF_UDP)
				memcpy(sa.sport, "\x11\x94\x11\x94", 4);
			switch (1u << bit) {
			case VESPER_SAF_DF:
			case VESPER_SAF_DF_COPY:
				fits = !in && tunnel && !ipv6;
				break;
			case VESPER_SAF_DSCP_COPY:
			case VESPER_SAF_ECN_OFF:
				fits = tunnel && !(in && inplace);
				break;
			case VESPER_SAF_DSCP_MAP:
				fits = !in && tunnel;
				break;
			case VESPER_SAF_FLOW_COPY:
				fits = !in && tunnel && ipv6;
				break;
			case VESPER_SAF_IIV:
				fits = !gmac && !inplace;
				break;
			case VESPER_SAF_SELECTOR:
				fits = in && !inplace;
				break;
			case VESPER_SAF_ESN:
			case VESPER_SAF_UDP:
			case VESPER_SAF_INPLACE:
				fits = true;
				break;
			default:
				break;
			}
			if (fits)
				expect(&sa, VESPER_MBX_OK, 0, 0);
			else
				expect(&sa, VESPER_MBX_E_FLAGS, AT(flags), flags);
		}
	}
}

static void addresses(void **state)
{
	struct vesper_sa sa = good_sa(OUT_T);
	int i;

	(void)state;
	memset(sa.src, 0, 4);
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(src), 0);
	sa = good_sa(OUT_T);
	memset(sa.dst, 0, 4);
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(dst), 0);
	sa = good_sa(IN_T);
	memset(sa.src, 0, 4);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	memset(sa.dst, 0, 4);
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(dst), 0);
	/* In place the host writes the header. */
	sa = good_sa(OUT_T);
	memset(sa.src, 0, 4);
	sa.ttl = 0;
	sa.flags = cpu_to_le32(VESPER_SAF_INPLACE);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	/* Any byte of an IPv6 address counts. */
	for (i = 0; i < 16; i++) {
		sa = good_sa(OUT_T);
		sa.family = VESPER_IPV6;
		memset(sa.src, 0, 32);
		expect(&sa, VESPER_MBX_E_ADDRESS, AT(src), 0);
		sa.src[i] = 1;
		expect(&sa, VESPER_MBX_E_ADDRESS, AT(dst), 0);
		sa.dst[15 - i] = 1;
		expect(&sa, VESPER_MBX_OK, 0, 0);
	}
}

static void limits(void **state)
{
	struct vesper_sa sa = good_sa(IN_T);

	(void)state;
	sa.replay_window = cpu_to_le32(VESPER_REPLAY_MAX);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.replay_window = cpu_to_le32(VESPER_REPLAY_MAX + 1);
	expect(&sa, VESPER_MBX_E_WINDOW, AT(replay_window), VESPER_REPLAY_MAX + 1);
	sa.replay_window = cpu_to_le32(1);
	sa.flags = cpu_to_le32(VESPER_SAF_INPLACE);
	expect(&sa, VESPER_MBX_E_WINDOW, AT(replay_window), 1);
	sa.flags = 0;
	sa.replay_window = 0;
	sa.seq = cpu_to_le64(0xffffffff);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.flags = cpu_to_le32(VESPER_SAF_ESN);
	sa.seq = cpu_to_le64(~0ull);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	memset(sa.spi, 0, 4);
	sa.spi[3] = 255;
	expect(&sa, VESPER_MBX_E_SPI, AT(spi), 255);
	memset(sa.spi, 0xff, 4);
	expect(&sa, VESPER_MBX_OK, 0, 0);
}

static void sizes(void **state)
{
	struct vesper_sa sa = good_sa(OUT_T);

	(void)state;
	sa.tfc = cpu_to_le16(VESPER_TFC_MAX);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.tfc = cpu_to_le16(VESPER_TFC_MAX + 1);
	expect(&sa, VESPER_MBX_E_TFC, AT(tfc), VESPER_TFC_MAX + 1);
	sa.tfc = cpu_to_le16(1);
	sa.flags = cpu_to_le32(VESPER_SAF_INPLACE);
	expect(&sa, VESPER_MBX_E_TFC, AT(tfc), 1);
	sa.tfc = 0;
	sa.mtu = cpu_to_le16(68);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.family = VESPER_IPV6;
	expect(&sa, VESPER_MBX_E_MTU, AT(mtu), 68);
	sa.mtu = cpu_to_le16(1279);
	expect(&sa, VESPER_MBX_E_MTU, AT(mtu), 1279);
	sa.mtu = cpu_to_le16(1280);
	expect(&sa, VESPER_MBX_OK, 0, 0);

	sa = good_sa(OUT_T);
	sa.family = VESPER_IPV6;
	sa.flow_label = cpu_to_le32(0xfffff);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.flow_label = cpu_to_le32(0x100000);
	expect(&sa, VESPER_MBX_E_FLOW_LABEL, AT(flow_label), 0x100000);
	sa.flow_label = cpu_to_le32(1);
	sa.mode = VESPER_MODE_TRANSPORT;
	expect(&sa, VESPER_MBX_E_FLOW_LABEL, AT(flow_label), 1);
}

static void ports(void **state)
{
	struct vesper_sa sa = good_sa(IN_T);

	(void)state;
	sa.flags = cpu_to_le32(VESPER_SAF_UDP);
	memcpy(sa.dport, "\x11\x94", 2);
	expect(&sa, VESPER_MBX_OK, 0, 0); /* from any port */
	sa.sport[1] = 7;
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.flags = 0;
	expect(&sa, VESPER_MBX_E_PORT, AT(sport), 7);
	sa = good_sa(OUT_X);
	sa.flags = cpu_to_le32(VESPER_SAF_UDP);
	sa.sport[0] = 0x11;
	expect(&sa, VESPER_MBX_E_PORT, AT(dport), 0);
	sa.dport[1] = 1;
	expect(&sa, VESPER_MBX_OK, 0, 0);
}

static void lifetimes(void **state)
{
	struct vesper_sa sa = good_sa(IN_T);

	(void)state;
	sa.soft_packets = cpu_to_le64(~0ull);
	sa.soft_bytes = cpu_to_le64(5);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.hard_packets = cpu_to_le64(1ull << 40);
	expect(&sa, VESPER_MBX_E_LIFETIME, AT(soft_packets), ~0ull);
	sa.soft_packets = cpu_to_le64(1ull << 40);
	sa.hard_bytes = cpu_to_le64(4);
	expect(&sa, VESPER_MBX_E_LIFETIME, AT(soft_bytes), 5);
	sa.soft_bytes = cpu_to_le64(4);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.soft_packets = 0;
	sa.soft_bytes = 0;
	expect(&sa, VESPER_MBX_OK, 0, 0);
}

static void leases(void **state)
{
	struct vesper_sa sa = good_sa(OUT_T);

	(void)state;
	sa.lease_end = cpu_to_le64(7);
	sa.lease_warn = cpu_to_le32(100);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.lease_end = cpu_to_le64(0xffffffff);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.lease_end = cpu_to_le64(1ull << 32);
	expect(&sa, VESPER_MBX_E_LEASE, AT(lease_end), 1ull << 32);
	sa.flags = cpu_to_le32(VESPER_SAF_ESN);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.seq = cpu_to_le64((1ull << 32) + 1);
	expect(&sa, VESPER_MBX_E_LEASE, AT(lease_end), 1ull << 32);
	assert_true(vesper_lease_fits(0, 5, 0));
	assert_false(vesper_lease_fits(4, 5, 0));
}

static struct vesper_sa selecting(u8 family, u8 src_len, u8 dst_len)
{
	struct vesper_sa sa = good_sa(IN_T);

	sa.flags = cpu_to_le32(VESPER_SAF_SELECTOR);
	sa.sel.family = family;
	sa.sel.src_len = src_len;
	sa.sel.dst_len = dst_len;
	sa.sel.sport_max = sa.sel.dport_max = 0xffff;
	return sa;
}

static void selectors(void **state)
{
	struct vesper_sa sa = selecting(0, 0, 0);
	u32 len, bit, byte;

	(void)state;
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.sel.src_len = 1;
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(src_len), 1);
	sa = selecting(0, 0, 2);
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(dst_len), 2);
	sa = selecting(0, 0, 0);
	sa.sel.dst[3] = 4;
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(dst) + 3, 4);
	sa = selecting(5, 0, 0);
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(family), 5);
	sa = selecting(4, 33, 0);
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(src_len), 33);
	sa = selecting(6, 128, 129);
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(dst_len), 129);
	/* Each bit of an address, with each prefix length. */
	for (len = 0; len <= 128; len++)
		for (bit = 0; bit < 128; bit++) {
			byte = 0x80u >> bit % 8;
			sa = selecting(6, (u8)len, 0);
			sa.sel.src[bit / 8] = (u8)byte;
			if (bit < len)
				expect(&sa, VESPER_MBX_OK, 0, 0);
			else
				expect(&sa, VESPER_MBX_E_SELECTOR, SEL(src) + bit / 8, byte);
			if (len > 32)
				continue;
			sa = selecting(4, 0, (u8)len);
			sa.sel.dst[bit / 8] = (u8)byte;
			if (bit < len)
				expect(&sa, VESPER_MBX_OK, 0, 0);
			else
				expect(&sa, VESPER_MBX_E_SELECTOR, SEL(dst) + bit / 8, byte);
		}
	sa = selecting(4, 24, 0);
	sa.sel.src[14] = 0x55;
	sa.sel.src[15] = 0xff;
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(src) + 14, 0x55);

	sa = selecting(6, 0, 0);
	sa.sel.sport_min = cpu_to_le16(0xffff);
	expect(&sa, VESPER_MBX_OK, 0, 0);
	sa.sel.sport_max = cpu_to_le16(0xfffe);
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(sport_min), 0xffff);
	sa = selecting(6, 0, 0);
	sa.sel.dport_min = cpu_to_le16(0x201);
	sa.sel.dport_max = cpu_to_le16(0x102);
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(dport_min), 0x201);
}

/* Of several broken rules the first in the order of the enum is reported. */
static void order_of_rules(void **state)
{
	struct vesper_sa sa;

	(void)state;
	memset(&sa, 0xff, sizeof(sa));
	expect(&sa, VESPER_MBX_E_RESERVED, AT(reserved0), 0xffff);
	memset(&sa, 0, sizeof(sa));
	expect(&sa, VESPER_MBX_E_DIR, AT(dir), 0);
	/* From the last rule to the first: each hides those before it. */
	sa = good_sa(OUT_T);
	sa.sel.proto = 1;
	expect(&sa, VESPER_MBX_E_SELECTOR, SEL(proto), 1);
	sa.lease_warn = 1;
	expect(&sa, VESPER_MBX_E_LEASE, AT(lease_warn), 1);
	sa.soft_bytes = cpu_to_le64(2);
	sa.hard_bytes = cpu_to_le64(1);
	expect(&sa, VESPER_MBX_E_LIFETIME, AT(soft_bytes), 2);
	sa.flow_label = 1;
	expect(&sa, VESPER_MBX_E_FLOW_LABEL, AT(flow_label), cpu_to_le32(1));
	sa.sport[1] = 1;
	expect(&sa, VESPER_MBX_E_PORT, AT(sport), 1);
	sa.mtu = cpu_to_le16(1);
	expect(&sa, VESPER_MBX_E_MTU, AT(mtu), 1);
	sa.tfc = cpu_to_le16(9999);
	expect(&sa, VESPER_MBX_E_TFC, AT(tfc), 9999);
	sa.tos = 1;
	expect(&sa, VESPER_MBX_E_TOS, AT(tos), 1);
	sa.key_len = 16;
	expect(&sa, VESPER_MBX_E_KEY_PADDING, AT(key) + 16, 0);
	sa.seq = cpu_to_le64(1ull << 32);
	expect(&sa, VESPER_MBX_E_SEQ, AT(seq), 1ull << 32);
	sa.ttl = 0;
	expect(&sa, VESPER_MBX_E_TTL, AT(ttl), 0);
	sa.flags = cpu_to_le32(VESPER_SAF_FLOW_COPY);
	expect(&sa, VESPER_MBX_E_FLAGS, AT(flags), VESPER_SAF_FLOW_COPY);
	sa.replay_window = cpu_to_le32(3);
	expect(&sa, VESPER_MBX_E_WINDOW, AT(replay_window), 3);
	sa.dst[5] = 6;
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(dst) + 5, 6);
	sa.src[5] = 7;
	expect(&sa, VESPER_MBX_E_ADDRESS, AT(src) + 5, 7);
	sa.spi[2] = 0;
	expect(&sa, VESPER_MBX_E_SPI, AT(spi), 0);
	sa.icv_len = 9;
	expect(&sa, VESPER_MBX_E_ICV_LEN, AT(icv_len), 9);
	sa.key_len = 9;
	expect(&sa, VESPER_MBX_E_KEY_LEN, AT(key_len), 9);
	sa.alg = 9;
	expect(&sa, VESPER_MBX_E_ALG, AT(alg), 9);
	sa.family = 9;
	expect(&sa, VESPER_MBX_E_FAMILY, AT(family), 9);
	sa.mode = 9;
	expect(&sa, VESPER_MBX_E_MODE, AT(mode), 9);
	sa.dir = 9;
	expect(&sa, VESPER_MBX_E_DIR, AT(dir), 9);
	sa.reserved2[1] = 9;
	expect(&sa, VESPER_MBX_E_RESERVED, AT(reserved2) + 1, 9);
}

static void card_rules(void **state)
{
	struct vesper_sa sa = good_sa(IN_T);
	struct vesper_sa_error err = { 0 };

	(void)state;
	sa.queue = cpu_to_le16(1);
	assert_int_equal(vesper_sa_check_card(&sa, 2, 64, &err), VESPER_MBX_OK);
	sa.queue = cpu_to_le16(0x102);
	assert_int_equal(vesper_sa_check_card(&sa, 2, 64, &err), VESPER_MBX_E_QUEUE);
	assert_int_equal(vesper_sa_check_card(&sa, 2, 64, NULL), VESPER_MBX_E_QUEUE);
	assert_int_equal(err.field, AT(queue));
	assert_int_equal(err.value, 0x102);
	assert_int_equal(vesper_sa_check_card(&sa, 2, 63, &err), VESPER_MBX_E_WINDOW);
	assert_int_equal(err.field, AT(replay_window));
	assert_int_equal(err.value, 64);
	sa = good_sa(OUT_T);
	sa.queue = cpu_to_le16(9);
	assert_int_equal(vesper_sa_check_card(&sa, 2, 0, NULL), VESPER_MBX_OK);
}

/* Each assigned code has a sentence and a name of its own, and no other number has. */
static void sentences(void **state)
{
	u32 a, b, named = 0;

	(void)state;
	for (a = 0; a < VESPER_MBX_STATUS_COUNT; a++) {
		assert_non_null(vesper_mbx_strerror(a));
		for (b = 0; b < a; b++)
			assert_string_not_equal(vesper_mbx_strerror(a), vesper_mbx_strerror(b));
		assert_string_not_equal(vesper_mbx_strerror(a), vesper_mbx_strerror(0xffffffff));
	}
	for (a = 0; a < VESPER_ST_COUNT; a++) {
		if (!vesper_status_name(a)) {
			assert_string_equal(vesper_status_str(a), vesper_status_str(0x10000));
			continue;
		}
		named++;
		assert_string_not_equal(vesper_status_str(a), vesper_status_str(0x10000));
		for (b = 0; b < a; b++) {
			if (!vesper_status_name(b))
				continue;
			assert_string_not_equal(vesper_status_str(a), vesper_status_str(b));
			assert_string_not_equal(vesper_status_name(a), vesper_status_name(b));
		}
	}
	assert_int_equal(named, 43);
	assert_null(vesper_status_name(VESPER_ST_COUNT));
	assert_string_equal(vesper_status_name(VESPER_ST_ICV), "icv");

	assert_null(vesper_event_name(VESPER_ST_OK));
	assert_null(vesper_event_name(63));
	assert_null(vesper_event_name(VESPER_EV_LEASE_LOW + 1));
	assert_string_equal(vesper_event_name(VESPER_ST_REPLAY), "replay");
	assert_string_equal(vesper_event_name(VESPER_EV_SOFT_BYTES), "soft_bytes");
	assert_string_equal(vesper_event_name(VESPER_EV_LEASE_LOW), "lease_low");
	for (a = 0; a < 256; a++)
		assert_int_equal(!vesper_event_name(a),
				 !strcmp(vesper_event_str(a), vesper_event_str(255)));
	assert_string_equal(vesper_sa_drop_name(VESPER_SAD_REPLAY), "replay");
	assert_string_equal(vesper_sa_drop_name(VESPER_SAD_KIND), "sa_kind");
	assert_null(vesper_sa_drop_name(VESPER_SAD_COUNT));
	for (a = 0; a < VESPER_SAD_COUNT; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(vesper_sa_drop_name(a), vesper_sa_drop_name(b));
}

static void field_names(void **state)
{
	(void)state;
	assert_string_equal(vesper_sa_field_name(0), "dir");
	assert_string_equal(vesper_sa_field_name(AT(src) + 15), "src");
	assert_string_equal(vesper_sa_field_name(AT(dst)), "dst");
	assert_string_equal(vesper_sa_field_name(AT(dport) + 1), "dport");
	assert_string_equal(vesper_sa_field_name(SEL(dst) + 3), "sel.dst");
	assert_string_equal(vesper_sa_field_name(255), "reserved2");
	assert_string_equal(vesper_sa_field_name(256), "?");
	assert_string_equal(vesper_policy_field_name(offsetof(struct vesper_policy, sa)), "sa");
	assert_string_equal(vesper_policy_field_name(sizeof(struct vesper_policy)), "?");
	assert_string_equal(vesper_sa_field_name(0xffffffff), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_each_kind),
		cmocka_unit_test(refuses_each_bad_byte),
		cmocka_unit_test(flags_fit),
		cmocka_unit_test(addresses),
		cmocka_unit_test(limits),
		cmocka_unit_test(sizes),
		cmocka_unit_test(ports),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(leases),
		cmocka_unit_test(selectors),
		cmocka_unit_test(order_of_rules),
		cmocka_unit_test(card_rules),
		cmocka_unit_test(sentences),
		cmocka_unit_test(field_names),
	};

	return cmocka_run_group_tests_name("common_sa", tests, NULL, NULL);
}
