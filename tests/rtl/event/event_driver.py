# SPDX-License-Identifier: BSD-2-Clause
"""The host's side of the event ring."""

import struct

from frames import EVENT_T, to_int

CTRL, STATE, BASE, INTERVAL, SEEN = 0x60, 0x64, 0x68, 0x70, 0x74
ACTIVE, BAD_CONFIG, BAD_SEEN, FULL, DMA_ERROR = 1, 2, 4, 8, 16


class EventRing:
    """For a bench with `bus` and `memory`. `got`: the records that were consumed, as event_t's fields, with
    `suppressed` and `time`."""

    def ring_memory(self, log2):
        self.log2, self.got, self.seen = log2, [], 0
        self.ring_at = self.memory.alloc(64 << log2)
        self.memory.open(self.ring_at, 64 << log2, write=True)

    async def enable_ring(self, log2=None, base=None):
        self.memory.write(self.ring_at, bytes(64 << self.log2))
        base = self.ring_at if base is None else base
        await self.bus.write_dword(BASE, base & 0xFFFFFFFF)
        await self.bus.write_dword(BASE + 4, base >> 32)
        await self.bus.write_dword(CTRL, 1 | (self.log2 if log2 is None else log2) << 8)
        self.seen = 0

    async def disable_ring(self):
        await self.bus.write_dword(CTRL, 0)
        for _ in range(500):
            if not await self.ring_state() & ACTIVE:
                return
        raise AssertionError("the event ring still drains")

    async def ring_state(self):
        return await self.bus.read_dword(STATE)

    async def limit(self, interval):
        await self.bus.write_dword(INTERVAL, interval)

    async def tell(self, arm=0):
        """Hand back what was consumed."""
        await self.bus.write_dword(SEEN, self.seen & 0xFFFF | arm << 16)

    def take(self, limit=1 << 20):
        """Consume what is there; returns how many records."""
        count = 0
        while count < limit:
            raw = self.memory[self.ring_at + 64 * (self.seen % (1 << self.log2)), 64]
            if raw[63] & 1 != 1 ^ (self.seen >> self.log2 & 1):
                break
            src, dst, time, seq, spi, sa, label, suppressed, code, flags = struct.unpack(
                "<16s16sQQ4sIIHBB", raw
            )
            assert flags & ~7 == 0
            entry = dict(
                code=code, inbound=flags >> 1 & 1, ipv6=flags >> 2 & 1, sa=sa, seq=seq, flow_label=label
            )
            entry |= dict(src=to_int(src), dst=to_int(dst), spi=to_int(spi))
            self.got.append(entry | dict(suppressed=suppressed, time=time))
            self.seen += 1
            count += 1
        return count


def fields(entry):
    """A record without what the ring adds."""
    return {name: entry[name] for name in EVENT_T.widths}
