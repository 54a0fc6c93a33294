// SPDX-License-Identifier: BSD-2-Clause
//
// AES and products in GF(2^128) by the processor's instructions, for simulation with VESPER_DPI. The
// model's cycles and bits are those of the plain RTL. Needs an x86 with AES-NI and PCLMULQDQ.
//
// The prototypes are those that Verilator writes for the imports in aes_pkg.sv and gcm_pkg.sv: packed
// vectors as arrays of 32-bit words, least significant first, which on this processor is the byte
// order of the card (byte 0 in the lowest bits). The round keys of the last key are kept, for a packet
// has one and is many calls: a model of several threads must not call this.

#include <immintrin.h>
#include <string.h>
#include <svdpi.h>

#ifdef __cplusplus
extern "C" {
#endif

void vesper_aes_encrypt(const svBitVecVal *key, int key_len, const svBitVecVal *blocks,
			svBitVecVal *result);
void vesper_gf_product(const svBitVecVal *a, const svBitVecVal *b, svBitVecVal *y);

#define AES_TARGET __attribute__((target("aes,sse4.1")))

/* SubWord (FIPS-197, 5.2): the first column of a block is not moved by ShiftRows if all are alike. */
static inline AES_TARGET unsigned int sub_word(unsigned int w)
{
	return _mm_cvtsi128_si32(_mm_aesenclast_si128(_mm_set1_epi32(w), _mm_setzero_si128()));
}

/* All round keys (FIPS-197, 5.2) for words 4, 6 or 8; returns the number of rounds. */
static AES_TARGET int expand_key(const svBitVecVal *key, int words, __m128i *round_key)
{
	unsigned int *w = (unsigned int *)round_key;
	const int rounds = words + 6;
	unsigned int rcon = 1;
	int i;

	for (i = 0; i < words; i++)
		w[i] = key[i];
	for (; i < 4 * (rounds + 1); i++) {
		unsigned int t = w[i - 1];

		if (i % words == 0) {
			t = sub_word(t >> 8 | t << 24) ^ rcon;
			rcon = rcon << 1 ^ (rcon & 0x80 ? 0x11b : 0);
		} else if (words == 8 && i % 8 == 4) {
			t = sub_word(t);
		}
		w[i] = w[i - words] ^ t;
	}
	return rounds;
}

/* Encrypts four blocks of 16 bytes; key_len 0, 1 for AES-128, 192; else AES-256, as in the RTL. */
AES_TARGET void vesper_aes_encrypt(const svBitVecVal *key, int key_len, const svBitVecVal *blocks,
				   svBitVecVal *result)
{
	static struct {
		svBitVecVal key[8];
		int words, rounds; /* words 0: none */
		__m128i round_key[15];
	} last;
	const int words = key_len == 0 ? 4 : key_len == 1 ? 6 : 8;
	const __m128i *in = (const __m128i *)blocks;
	const __m128i *k = last.round_key;
	__m128i *out = (__m128i *)result;
	int rounds, r, i;
	__m128i b[4];

	if (last.words != words || memcmp(last.key, key, sizeof(last.key))) {
		last.rounds = expand_key(key, words, last.round_key);
		last.words = words;
		memcpy(last.key, key, sizeof(last.key));
	}
	rounds = last.rounds;
	for (i = 0; i < 4; i++)
		b[i] = _mm_xor_si128(_mm_loadu_si128(in + i), k[0]);
	for (r = 1; r < rounds; r++)
		for (i = 0; i < 4; i++)
			b[i] = _mm_aesenc_si128(b[i], k[r]);
	for (i = 0; i < 4; i++)
		_mm_storeu_si128(out + i, _mm_aesenclast_si128(b[i], k[rounds]));
}

/*
 * Product in GF(2^128), operands and result in GHASH's order: Karatsuba's three products, then what gf_fold of
 * gcm_pkg.sv does, with the polynomial's shifts as products by it (coefficients of x^127, x^126 and x^121 reflected).
 */
__attribute__((target("pclmul,sse4.1"))) void
vesper_gf_product(const svBitVecVal *a, const svBitVecVal *b, svBitVecVal *y)
{
	const __m128i poly = _mm_set_epi64x(0, (long long)0xc200000000000000);
	const __m128i x = _mm_loadu_si128((const __m128i *)a);
	const __m128i z = _mm_loadu_si128((const __m128i *)b);
	__m128i lo = _mm_clmulepi64_si128(x, z, 0x00);
	__m128i hi = _mm_clmulepi64_si128(x, z, 0x11);
	__m128i mid = _mm_clmulepi64_si128(_mm_xor_si128(x, _mm_shuffle_epi32(x, 0x4e)),
					   _mm_xor_si128(z, _mm_shuffle_epi32(z, 0x4e)), 0x00);
	__m128i carry_lo, carry_hi;

	mid = _mm_xor_si128(mid, _mm_xor_si128(lo, hi));
	lo = _mm_xor_si128(lo, _mm_slli_si128(mid, 8));
	hi = _mm_xor_si128(hi, _mm_srli_si128(mid, 8));
	/* {hi, lo} << 1: the reflected product has one bit less */
	carry_lo = _mm_srli_epi64(lo, 63);
	carry_hi = _mm_srli_epi64(hi, 63);
	lo = _mm_or_si128(_mm_slli_epi64(lo, 1), _mm_slli_si128(carry_lo, 8));
	hi = _mm_or_si128(_mm_slli_epi64(hi, 1), _mm_slli_si128(carry_hi, 8));
	hi = _mm_or_si128(hi, _mm_srli_si128(carry_lo, 8));
	/* 64 bits a step from below */
	lo = _mm_xor_si128(_mm_shuffle_epi32(lo, 0x4e), _mm_clmulepi64_si128(lo, poly, 0x00));
	lo = _mm_xor_si128(_mm_shuffle_epi32(lo, 0x4e), _mm_clmulepi64_si128(lo, poly, 0x00));
	_mm_storeu_si128((__m128i *)y, _mm_xor_si128(hi, lo));
}

#ifdef __cplusplus
}
#endif
