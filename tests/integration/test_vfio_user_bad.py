# SPDX-License-Identifier: BSD-2-Clause
"""Messages that are wrong: each costs its sender an error, and nobody else anything."""

import errno
import os
import random
import socket
import struct
import time

import pytest
import vfio_user_client as vfu
from small_card import (
    BASE,
    COPY_BEATS,
    SCRATCH,
    alive,
    open_fds,
    refused,
)
from vfio_user_client import BAR0, BAR2, CONFIG, Client, Gone


def map_body(addr=BASE, size=4096, offset=0, flags=3, argsz=32):
    return struct.pack("<IIQQQ", argsz, flags, offset, addr, size)


def irq_body(flags, index=2, start=0, count=1, data=b""):
    return struct.pack("<5I", 20 + len(data), flags, index, start, count) + data


def access(region, offset, count, data=b""):
    return struct.pack("<QII", offset, region, count) + data


EVENT = vfu.DATA_EVENTFD | vfu.TRIGGER
# (command, body, descriptors), all of them right
GOOD = [
    (vfu.DMA_MAP, map_body(), 1),
    (vfu.DMA_UNMAP, struct.pack("<IIQQ", 24, 0, BASE, 4096), 0),
    (vfu.GET_INFO, struct.pack("<4I", 16, 0, 0, 0), 0),
    (vfu.GET_REGION_INFO, struct.pack("<IIIIQQ", 32, 0, 0, 0, 0, 0), 0),
    (vfu.GET_REGION_IO_FDS, struct.pack("<4I", 16, 0, 0, 0), 0),
    (vfu.GET_IRQ_INFO, struct.pack("<4I", 16, 0, 2, 0), 0),
    (vfu.SET_IRQS, irq_body(EVENT), 1),
    (vfu.SET_IRQS, irq_body(vfu.DATA_BOOL | vfu.TRIGGER, count=2, data=b"\1\1"), 0),
    (vfu.REGION_READ, access(BAR0, SCRATCH, 4), 0),
    (vfu.REGION_READ, access(CONFIG, 0, 64), 0),
    (vfu.REGION_WRITE, access(CONFIG, 4, 2, b"\6\0"), 0),
    (vfu.REGION_WRITE, access(BAR0, SCRATCH, 4, bytes(4)), 0),
    (vfu.REGION_WRITE, access(BAR0, COPY_BEATS, 4, b"\1\0\0\0"), 0),
    (vfu.REGION_WRITE_MULTI, struct.pack("<Q", 1) + access(BAR0, SCRATCH, 4, bytes(8)), 0),
    (vfu.RESET, b"", 0),
]
BAD = {
    # name: (command, body, descriptors, errno, what the log says)
    "version again": (vfu.VERSION, struct.pack("<HH", 0, 0) + b"{}\0", 0, errno.EINVAL, "before"),
    "unknown command": (99, b"", 0, errno.ENOTSUP, "command 99"),
    "command zero": (0, b"", 0, errno.ENOTSUP, "command 0"),
    "dirty pages": (vfu.DIRTY_PAGES, bytes(16), 0, errno.ENOTSUP, "command 14"),
    "dma read by the client": (vfu.DMA_READ, bytes(16), 0, errno.ENOTSUP, "command 11"),
    "dma write by the client": (vfu.DMA_WRITE, bytes(16), 0, errno.ENOTSUP, "command 12"),
    "map too short": (vfu.DMA_MAP, map_body()[:-1], 1, errno.EINVAL, "31 bytes"),
    "map argsz": (vfu.DMA_MAP, map_body(argsz=31), 1, errno.EINVAL, "argsz 31"),
    "map flags": (vfu.DMA_MAP, map_body(flags=7), 1, errno.EINVAL, "flags 0x7"),
    "map no flags": (vfu.DMA_MAP, map_body(flags=0), 1, errno.EINVAL, "flags 0x0"),
    "map size zero": (vfu.DMA_MAP, map_body(size=0), 1, errno.EINVAL, "size 0x0"),
    "map wraps": (vfu.DMA_MAP, map_body(addr=2**64 - 4096, size=8192), 1, errno.EINVAL, "0xfffffffffffff000"),
    "map half a page": (vfu.DMA_MAP, map_body(addr=BASE + 512), 1, errno.EINVAL, "0x100000200"),
    "map beyond the file": (vfu.DMA_MAP, map_body(offset=1 << 20), 1, errno.EINVAL, "offset 0x100000"),
    "map two descriptors": (vfu.DMA_MAP, map_body(), 2, errno.EINVAL, "2 descriptors"),
    "unmap too short": (vfu.DMA_UNMAP, bytes(23), 0, errno.EINVAL, "23 bytes"),
    "unmap flags": (vfu.DMA_UNMAP, struct.pack("<IIQQ", 24, 8, 0, 0), 0, errno.EINVAL, "flags 0x8"),
    "unmap all with a size": (vfu.DMA_UNMAP, struct.pack("<IIQQ", 24, 2, 0, 1), 0, errno.EINVAL, "size 0x1"),
    "unmap wraps": (
        vfu.DMA_UNMAP,
        struct.pack("<IIQQ", 24, 0, 4096, 2**64 - 1),
        0,
        errno.EINVAL,
        "DMA_UNMAP",
    ),
    "unmap with a descriptor": (vfu.DMA_UNMAP, struct.pack("<IIQQ", 24, 0, 0, 0), 1, errno.EINVAL, "takes 0"),
    "info too short": (vfu.GET_INFO, bytes(8), 0, errno.EINVAL, "8 bytes"),
    "info argsz": (vfu.GET_INFO, bytes(16), 0, errno.EINVAL, "argsz 0"),
    "region index": (
        vfu.GET_REGION_INFO,
        struct.pack("<IIIIQQ", 32, 0, 9, 0, 0, 0),
        0,
        errno.EINVAL,
        "index 9",
    ),
    "region info too short": (vfu.GET_REGION_INFO, bytes(31), 0, errno.EINVAL, "31 bytes"),
    "region fds index": (vfu.GET_REGION_IO_FDS, struct.pack("<4I", 16, 0, 9, 0), 0, errno.EINVAL, "index 9"),
    "irq index": (vfu.GET_IRQ_INFO, struct.pack("<4I", 16, 0, 5, 0), 0, errno.EINVAL, "index 5"),
    "irqs too short": (vfu.SET_IRQS, irq_body(EVENT)[:19], 0, errno.EINVAL, "19 bytes"),
    "irqs index": (vfu.SET_IRQS, irq_body(EVENT, index=5), 0, errno.EINVAL, "index 5"),
    "irqs of intx": (vfu.SET_IRQS, irq_body(EVENT, index=0), 0, errno.EINVAL, "index 0"),
    "irqs two actions": (
        vfu.SET_IRQS,
        irq_body(vfu.DATA_NONE | vfu.MASK | vfu.TRIGGER),
        0,
        errno.EINVAL,
        "0x29",
    ),
    "irqs two data": (vfu.SET_IRQS, irq_body(vfu.DATA_NONE | EVENT), 0, errno.EINVAL, "0x25"),
    "irqs unknown flag": (vfu.SET_IRQS, irq_body(EVENT | 0x100), 0, errno.EINVAL, "0x124"),
    "irqs beyond": (vfu.SET_IRQS, irq_body(EVENT, start=2, count=2), 0, errno.EINVAL, "count 2"),
    "irqs start beyond": (
        vfu.SET_IRQS,
        irq_body(EVENT, start=2**32 - 1),
        0,
        errno.EINVAL,
        "start 4294967295",
    ),
    "irqs fewer descriptors": (vfu.SET_IRQS, irq_body(EVENT, count=2), 1, errno.EINVAL, "1 descriptors"),
    "irqs more descriptors": (vfu.SET_IRQS, irq_body(EVENT, count=1), 2, errno.EINVAL, "2 descriptors"),
    "irqs bools missing": (
        vfu.SET_IRQS,
        irq_body(vfu.DATA_BOOL | vfu.TRIGGER, count=2, data=b"\1"),
        0,
        errno.EINVAL,
        "1 bytes",
    ),
    "irqs mask by eventfd": (
        vfu.SET_IRQS,
        irq_body(vfu.DATA_EVENTFD | vfu.MASK),
        0,
        errno.ENOTSUP,
        "flags 0xc",
    ),
    "sixteen descriptors arrive": (vfu.SET_IRQS, irq_body(EVENT, count=16), 16, errno.EINVAL, "count 16"),
    "too many descriptors": (vfu.SET_IRQS, irq_body(EVENT), 17, errno.EINVAL, "more than 16"),
    "descriptors for a read": (vfu.REGION_READ, access(BAR0, 0, 4), 1, errno.EINVAL, "takes 0"),
    "read too short": (vfu.REGION_READ, access(BAR0, 0, 4)[:-1], 0, errno.EINVAL, "15 bytes"),
    "read no such region": (vfu.REGION_READ, access(1, 0, 4), 0, errno.EINVAL, "region 1"),
    "read region 2^32-1": (vfu.REGION_READ, access(2**32 - 1, 0, 4), 0, errno.EINVAL, "region 4294967295"),
    "read beyond": (vfu.REGION_READ, access(BAR0, 0x20000 - 2, 4), 0, errno.EINVAL, "offset 0x1fffe"),
    "read far beyond": (vfu.REGION_READ, access(CONFIG, 2**64 - 2, 4), 0, errno.EINVAL, "0xfffffffffffffffe"),
    "read nothing": (vfu.REGION_READ, access(BAR0, 0, 0), 0, errno.EINVAL, "count 0"),
    "read too much": (vfu.REGION_READ, access(BAR0, 0, 2**32 - 1), 0, errno.EINVAL, "count 4294967295"),
    "write too short": (vfu.REGION_WRITE, bytes(8), 0, errno.EINVAL, "8 bytes"),
    "write less than count": (
        vfu.REGION_WRITE,
        access(BAR0, SCRATCH, 8, bytes(4)),
        0,
        errno.EINVAL,
        "count 8",
    ),
    "write more than count": (
        vfu.REGION_WRITE,
        access(BAR0, SCRATCH, 2, bytes(4)),
        0,
        errno.EINVAL,
        "count 2",
    ),
    "write beyond": (vfu.REGION_WRITE, access(BAR2, 4095, 2, bytes(2)), 0, errno.EINVAL, "offset 0xfff"),
    "multi too short": (vfu.REGION_WRITE_MULTI, bytes(4), 0, errno.EINVAL, "4 bytes"),
    "multi count": (vfu.REGION_WRITE_MULTI, struct.pack("<Q", 2) + bytes(24), 0, errno.EINVAL, "count 2"),
    "multi huge count": (
        vfu.REGION_WRITE_MULTI,
        struct.pack("<Q", 2**61),
        0,
        errno.EINVAL,
        "REGION_WRITE_MULTI",
    ),
    "multi entry": (
        vfu.REGION_WRITE_MULTI,
        struct.pack("<Q", 1) + access(BAR0, SCRATCH, 9, bytes(8)),
        0,
        errno.EINVAL,
        "count 9",
    ),
    "reset with a body": (vfu.RESET, b"x", 0, errno.EINVAL, "1 bytes"),
}


def test_bad_messages(sim, memory, subtests):
    """Each is answered with its errno and a line that says what was wrong; the next good one passes."""
    with Client(sim.path) as client:
        before = open_fds(sim)
        for name, (command, body, fds, code, words) in BAD.items():
            with subtests.test(msg=name):
                time.sleep(0.011)  # stay below the limit on warnings
                at = sim.log.stat().st_size
                with refused(code):
                    client.call(command, body, [memory.fd] * fds)
                assert words in sim.log.read_bytes()[at:].decode()
                assert alive(client)
                assert open_fds(sim) == before, "a descriptor was kept"


def test_overlapping_maps(client, memory):
    client.dma_map(BASE, 0x4000, memory.fd)
    for addr, size in (
        (BASE, 0x4000),
        (BASE + 0x1000, 0x1000),
        (BASE - 0x1000, 0x2000),
        (BASE - 0x1000, 0x10000),
    ):
        with refused(errno.EEXIST):
            client.dma_map(addr, size, memory.fd)
    with refused(errno.EINVAL):
        client.dma_unmap(BASE + 0x1000, 0x1000)
    client.dma_map(BASE + 0x4000, 0x1000, memory.fd)
    client.dma_map(BASE - 0x1000, 0x1000, memory.fd)


@pytest.mark.parametrize("command,body,fds", GOOD, ids=[f"{i}-command-{g[0]}" for i, g in enumerate(GOOD)])
def test_nothing_before_version(sim, memory, command, body, fds):
    """Not even what is right otherwise."""
    with Client(sim.path, negotiate=False) as c:
        with refused(errno.EINVAL):
            c.call(command, body, [memory.fd] * fds)
        assert f"command {command} came before VERSION" in sim.log.read_text()
        c.version()
        c.call(command, body, [memory.fd] * fds)


def test_version_that_we_do_not_speak(sim):
    with Client(sim.path, negotiate=False) as c:
        with refused(errno.EINVAL):
            c.call(vfu.VERSION, b"\0")
        with refused(errno.EINVAL):
            c.call(vfu.VERSION, struct.pack("<HH", 0, 0) + b"{}")
        with refused(errno.EINVAL):
            c.version(major=1)
        c.version(minor=7)  # a newer minor is answered with ours


@pytest.mark.parametrize(
    "size,code", [(0, errno.EINVAL), (15, errno.EINVAL), (2**31, errno.EMSGSIZE), (2**32 - 1, errno.EMSGSIZE)]
)
def test_length_that_cannot_be(sim, size, code):
    """The stream is lost after it: the sender is told and put out; the next one is served."""
    with Client(sim.path) as c:
        with refused(code):
            c.call(vfu.GET_INFO, size=size)
        with pytest.raises((Gone, ConnectionError)):
            c.info()
    with Client(sim.path) as c:
        assert alive(c)


def test_reply_and_unknown_type_from_the_client(client):
    client.send(vfu.DMA_READ, bytes(16), flags=1)
    assert alive(client)
    client.send(vfu.GET_INFO, struct.pack("<4I", 16, 0, 0, 0), flags=3)
    assert client.receive()[3] == errno.EINVAL
    assert alive(client)


def test_errors_of_posted_messages_are_silent(client):
    client.send(vfu.REGION_WRITE, access(BAR0, 0x20000, 4, bytes(4)), flags=vfu.NO_REPLY)
    assert alive(client)


def test_mutated_messages(start, memory):
    """Random damage to good messages: the server lives, its sanitizers are silent, the next client is served."""
    sim = start("--quiet")
    rng = random.Random(int(os.environ.get("VESPER_SEED", "1")))
    client = Client(sim.path)
    reconnects = 0
    for _ in range(3000):
        command, body, fds = rng.choice(GOOD)
        raw = bytearray(vfu.HEADER.pack(1, command, 16 + len(body), 0, 0) + body)
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            at = rng.randrange(6, len(raw)) if rng.random() < 0.1 else rng.randrange(16, len(raw) + 1)
            if at < len(raw):
                raw[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.getrandbits(8)))
        if rng.random() < 0.05:
            struct.pack_into("<H", raw, 2, rng.getrandbits(16))
        if rng.random() < 0.05:  # an honest length for a body that is cut or has a tail
            raw = raw[: rng.randrange(16, len(raw) + 1)] + rng.randbytes(rng.randrange(0, 40))
            struct.pack_into("<I", raw, 4, len(raw))
        fds = rng.choice((fds, fds, fds, 0, 1, 3))
        try:
            client.sock.settimeout(0.25)
            control = (
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{fds}i", *[memory.fd] * fds))]
                if fds
                else []
            )
            client.sock.sendmsg([raw], control)
            client.receive()
        except (TimeoutError, ConnectionError):
            # It waits for the rest of a message, or it was not to reply, or has put us out.
            client.close()
            client = Client(sim.path)
            reconnects += 1
    client.reset()
    assert alive(client)
    assert open_fds(sim) < 40
    client.close()
    sim.stop()
    assert reconnects < 1000
