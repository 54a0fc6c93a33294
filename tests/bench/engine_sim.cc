// SPDX-License-Identifier: BSD-2-Clause
//
// How long the Verilated AES-GCM engine takes for a clock cycle: processor time, busy (1456-byte
// packets back to back, each with its own key, and nobody slow at the output) and idle.
//
// Usage: engine_sim CYCLES. Prints "busy NS", "idle NS" and "packets N" (packets out while busy).

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "Vgcm_engine.h"

namespace
{

constexpr unsigned kBytes = 1456;
constexpr unsigned kBeats = (kBytes + 63) / 64;
constexpr unsigned kKey256 = 2;

uint64_t rng_state = 88172645463325252ull;

uint32_t rng()
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return static_cast<uint32_t>(rng_state >> 16);
}

double cpu_ns()
{
	timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

struct Bench {
	Vgcm_engine top;
	unsigned beat = 0;
	uint64_t packets = 0;
	bool busy = false;

	void offer()
	{
		top.s_valid = busy;
		if (!busy)
			return;
		if (beat == 0) {
			// {key, key_len, h, j0, aad, aad_bytes, decrypt, auth_only}: random but for the small fields
			for (auto &word : top.s_job.m_storage)
				word = rng();
			const unsigned aad_bits = 8 * 8, low = 7;

			top.s_job[0] = (8u << 2) | (rng() & 2);
			for (unsigned i = low + aad_bits; i < low + 160; i++)
				top.s_job[i / 32] &= ~(1u << (i % 32));
			for (unsigned i = 0; i < 2; i++) {
				const unsigned bit = low + 160 + 2 * 128 + i;
				const uint32_t mask = 1u << (bit % 32);

				top.s_job[bit / 32] &= ~mask;
				if (kKey256 >> i & 1)
					top.s_job[bit / 32] |= mask;
			}
		}
		for (auto &word : top.s_data.m_storage)
			word += 0x9e3779b9;
		top.s_last = beat == kBeats - 1;
		top.s_bytes = top.s_last ? kBytes - 64 * (kBeats - 1) : 64;
	}

	void cycle()
	{
		top.eval();
		const bool taken = top.s_valid && top.s_ready;

		if (top.m_valid && top.m_ready && top.m_last)
			packets++;
		top.clk = 1;
		top.eval();
		top.clk = 0;
		if (taken) {
			beat = beat + 1 == kBeats ? 0 : beat + 1;
			offer();
		}
	}

	double run(uint64_t cycles)
	{
		const double start = cpu_ns();

		for (uint64_t i = 0; i < cycles; i++)
			cycle();
		return (cpu_ns() - start) / cycles;
	}
};

} // namespace

int main(int argc, char **argv)
{
	const uint64_t cycles = argc > 1 ? strtoull(argv[1], nullptr, 0) : 0;

	if (cycles < 1000) {
		fprintf(stderr, "engine_sim: CYCLES is %s, must be 1000 or more\n",
			argc > 1 ? argv[1] : "missing");
		return 2;
	}
	auto bench = std::make_unique<Bench>();
	Verilated::randReset(0);
	bench->top.m_ready = 1;
	bench->top.rst = 1;
	bench->offer();
	bench->run(4);
	bench->top.rst = 0;

	bench->busy = true;
	bench->offer();
	bench->run(200);
	bench->packets = 0;
	const double busy = bench->run(cycles);
	const uint64_t packets = bench->packets;

	// let the last packet end before the input falls silent
	while (!(bench->top.s_ready && bench->top.s_last))
		bench->cycle();
	bench->busy = false;
	bench->cycle();
	bench->top.s_valid = 0;
	bench->run(200);
	if (!bench->top.idle) {
		fprintf(stderr, "engine_sim: the engine is not idle\n");
		return 1;
	}
	const double idle = bench->run(cycles);

	printf("busy %.1f\nidle %.1f\npackets %llu\n", busy, idle, (unsigned long long)packets);
	return 0;
}
