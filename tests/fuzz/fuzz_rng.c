// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "fuzz.h"

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

bool once_in(struct rng *r, uint32_t n)
{
	return !below(r, n);
}

void rng_fill(struct rng *r, void *data, size_t len)
{
	uint8_t *p = data;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		uint64_t word = rng_next(r);

		n = len - i < sizeof(word) ? len - i : sizeof(word);
		memcpy(p + i, &word, n);
	}
}

struct rng rng_for(uint64_t seed, uint64_t kind, uint64_t number)
{
	struct rng r = { seed };

	r.state = rng_next(&r) ^ kind;
	r.state = rng_next(&r) ^ number;
	return r;
}
