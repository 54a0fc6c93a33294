# SPDX-License-Identifier: BSD-2-Clause
"""A client gone mad: mutated vfio-user messages at the whole card, its registers among them.

tests/integration/test_vfio_user_bad.py has the same for the server alone, under the sanitizers.
"""

import random
import socket
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import vfio_user_client as vfu  # noqa: E402

BASE = 0x1_0000_0000
SIZE = 1 << 20
QUEUE, QUEUE_STEP = 0x2000, 0x80
DOORBELL, DOORBELL_STEP = 0x10000, 0x1000
QUEUES = range(QUEUE - 0x40, QUEUE + 3 * QUEUE_STEP, 4)  # registers of queue pairs, and some beyond
BAR0_SIZE = 0x20000
NUMBERS = (0, 1, 3, 7, 8, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, BASE >> 32)


def access(region, offset, count, data=b""):
    return struct.pack("<QII", offset, region, count) + data


def register(rng):
    """An offset in BAR0: any, or where something happens."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(QUEUES)
    if kind == 1:
        return rng.randrange(0, 0x400, 4)
    if kind == 2:  # doorbell pages
        return DOORBELL + rng.choice((0, 0, 1, 1, 2, 15)) * DOORBELL_STEP + rng.choice((0, 4, 8))
    return rng.randrange(0, BAR0_SIZE, 4)


def message(rng):
    """(command, body, descriptors) that is right, if perhaps not wise."""
    kind = rng.randrange(8)
    if kind < 4:
        value = rng.choice(
            (rng.choice(NUMBERS), rng.choice(NUMBERS), rng.getrandbits(32), rng.randrange(0, SIZE, 64))
        )
        data = struct.pack("<I", value)
        return vfu.REGION_WRITE, access(vfu.BAR0, register(rng), 4, data), 0
    if kind == 4:
        return vfu.REGION_READ, access(vfu.BAR0, register(rng), 4), 0
    if kind == 5:
        return vfu.REGION_WRITE, access(vfu.CONFIG, 4, 2, struct.pack("<H", rng.choice((0, 6, 6, 6)))), 0
    if kind == 6:
        return vfu.DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, BASE + SIZE * rng.randrange(4), SIZE), 1
    return rng.choice(
        (
            (vfu.GET_INFO, struct.pack("<4I", 16, 0, 0, 0), 0),
            (vfu.GET_REGION_INFO, struct.pack("<IIIIQQ", 32, 0, 0, 0, 0, 0), 0),
            (vfu.GET_IRQ_INFO, struct.pack("<4I", 16, 0, 2, 0), 0),
            (vfu.DMA_UNMAP, struct.pack("<IIQQ", 24, 0, BASE, SIZE), 0),
            (vfu.SET_IRQS, struct.pack("<5I", 20, vfu.DATA_NONE | vfu.TRIGGER, 2, 0, 1), 0),
        )
    )


def write(offset, value):
    return vfu.REGION_WRITE, access(vfu.BAR0, offset, 4, struct.pack("<I", value)), 0


def start_queue(rng):
    """A queue pair over memory in which almost anything stands as descriptors, and doorbells for it."""
    queue = rng.randrange(2)
    at, doorbell = QUEUE + queue * QUEUE_STEP, DOORBELL + queue * DOORBELL_STEP
    sizes = rng.randrange(3, 9) << 8 | rng.randrange(3, 9) << 12
    yield vfu.DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, BASE, SIZE), 1
    yield vfu.REGION_WRITE, access(vfu.CONFIG, 4, 2, b"\6\0"), 0
    yield write(at, 0)
    for base in (0x10, 0x18, 0x20, 0x28):
        # Now and then beyond what is mapped.
        yield write(at + base, rng.randrange(0, SIZE, 64) if rng.random() < 0.95 else SIZE - 64)
        yield write(at + base + 4, BASE >> 32 if rng.random() < 0.95 else 2)
    yield write(at, sizes | 1)
    yield write(doorbell + 4, rng.randrange(0, 200))
    yield write(doorbell, rng.randrange(0, 200))
    yield write(doorbell, rng.randrange(0, 300))


def descriptors(rng):
    """Memory full of TX and RX descriptors of all kinds."""
    memory = bytearray()
    while len(memory) < SIZE:
        address = BASE + rng.randrange(SIZE) if rng.random() < 0.9 else rng.getrandbits(64)
        length = rng.choice((0, 13, 14, 64, 128, 1500, 9618, 9619, 16384, rng.getrandbits(16)))
        op, flags = rng.choice((0, 1, 2, 2, rng.randrange(256))), rng.choice((0, 1, 1, rng.randrange(256)))
        sa = rng.choice((0, 0, 0x20000, rng.getrandbits(32)))
        if rng.random() < 0.5:
            op, flags, sa, address = 0, 0, 0, address & ~63
        memory += struct.pack("<QHBBI", address, length, op, flags, sa)
    return bytes(memory)


def damage(rng, raw):
    raw = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 4))):
        raw[rng.randrange(16, len(raw))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.getrandbits(8)))
    if rng.random() < 0.2:
        raw = raw[: rng.randrange(16, len(raw) + 1)] + rng.randbytes(rng.randrange(0, 40))
        struct.pack_into("<I", raw, 4, len(raw))
    return raw


def send(client, rng, memory, messages, damaged=0.0):
    """damaged: how many of them, from 0 to 1."""
    for command, body, fds in messages:
        raw = vfu.HEADER.pack(1, command, 16 + len(body), 0, 0) + body
        if rng.random() < damaged:
            raw = damage(rng, raw)
        client.sock.sendmsg([raw], rights([memory.fd] * fds))


def attack(path, seed, count, burst=50):
    """Sends `count` messages, `burst` a connection; returns how many connections it took."""
    rng = random.Random(seed)
    memory = vfu.Memory(SIZE)
    connections = 0
    try:
        for start in range(0, count, burst):
            if start % (10 * burst) == 0:
                memory.map[:] = descriptors(rng)
            with vfu.Client(path) as client:
                connections += 1
                try:
                    if rng.random() < 0.8:
                        send(client, rng, memory, start_queue(rng), 0.01)
                        time.sleep(0.005)  # some thousand cycles, before all of it is damaged
                    send(client, rng, memory, (message(rng) for _ in range(min(burst, count - start))), 0.33)
                    client.sock.shutdown(socket.SHUT_WR)
                    while client.sock.recv(65536):
                        pass
                except ConnectionError:
                    pass  # it was put out, as may be
    finally:
        memory.close()
    return connections


def rights(fds):
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))] if fds else []
