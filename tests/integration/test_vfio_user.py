# SPDX-License-Identifier: BSD-2-Clause
"""vesper-sim's vfio-user server against a client that was written from the specification, with a small card behind it."""

import errno
import json
import os
import random
import signal
import socket
import struct
import threading
import time

import pytest
import vfio_user_client as vfu
from sim_process import SMALL, Sim
from vfio_user_client import BAR0, BAR2, CONFIG, Client, Gone, Memory, ServerError

SCRATCH, COPY_FROM, COPY_TO, COPY_BEATS, COPY_RESP = 0x48, 0x100, 0x108, 0x110, 0x114
COPY_VECTOR, COPY_DONE, COPY_CYCLES, BUSY, HANG = 0x118, 0x11C, 0x120, 0x124, 0x3FC
OKAY, SLVERR, DECERR = 0, 2, 3
BASE = 0x1_0000_0000


@pytest.fixture
def start(tmp_path):
    """Starts simulators; those that still run at the end must end cleanly."""
    running = []

    def make(*args, **kwargs):
        sim = Sim(SMALL, tmp_path, *args, **kwargs)
        running.append(sim)
        return sim

    yield make
    for sim in running:
        if sim.process.poll() is None:
            sim.stop()


@pytest.fixture
def sim(start):
    return start()


@pytest.fixture
def client(sim):
    with Client(sim.path) as c:
        yield c


@pytest.fixture
def memory():
    m = Memory(1 << 20)
    yield m
    m.close()


def copy(client, source, target, beats=1):
    """Lets the card copy; returns its (read, write) responses."""
    done = client.reg(COPY_DONE)
    for offset, value in ((COPY_FROM, source), (COPY_TO, target)):
        client.write(BAR0, offset, struct.pack("<Q", value))
    client.set_reg(COPY_BEATS, beats)
    end = time.monotonic() + 10
    while client.reg(COPY_DONE) == done:
        assert time.monotonic() < end, "the copy does not end"
    response = client.reg(COPY_RESP)
    return response & 3, response >> 2


def alive(client):
    value = random.getrandbits(32)
    client.set_reg(SCRATCH, value)
    return client.reg(SCRATCH) == value


def refused(code):
    return pytest.raises(ServerError, match=f"Errno {code}]")


# ---- what a client learns ---------------------------------------------------


def test_version_reply_suits_qemu(client):
    assert client.capabilities["max_msg_fds"] <= 16
    assert client.capabilities["pgsizes"] == 4096
    client.close()


def test_version_reply_is_shorter_than_qemus_request(sim):
    with Client(sim.path, negotiate=False) as c:
        assert 16 + len(c.version()) < 214


def test_device_info(client):
    flags, regions, irqs = client.info()
    assert (flags, regions, irqs) == (3, 9, 5)


@pytest.mark.parametrize("index", range(9))
def test_region_info(client, index):
    size = {BAR0: 0x20000, BAR2: 0x1000, CONFIG: 4096}.get(index, 0)
    # Readable and writable, never mappable: QEMU would no longer post doorbells.
    assert client.region_info(index) == (3 if size else 0, size)


def test_irq_info(client):
    assert [client.irq_info(i)[1] for i in range(5)] == [0, 0, 2, 0, 0]
    assert client.irq_info(2)[0] & 1


def test_region_io_fds_has_none(client):
    reply = client.call(vfu.GET_REGION_IO_FDS, struct.pack("<4I", 16, 0, BAR0, 0))
    assert struct.unpack("<4I", reply) == (16, 0, BAR0, 0)


# ---- registers ---------------------------------------------------------------


def test_bar0_access_of_every_width(client):
    client.set_reg(SCRATCH, 0x44332211)
    assert [client.read(BAR0, SCRATCH + i, 1)[0] for i in range(4)] == [0x11, 0x22, 0x33, 0x44]
    client.write(BAR0, SCRATCH + 1, b"\xaa")
    assert client.reg(SCRATCH) == 0x4433AA11
    client.write(BAR0, SCRATCH + 2, b"\xbb\xcc")
    assert client.reg(SCRATCH) == 0xCCBBAA11
    assert client.read(BAR0, SCRATCH - 2, 8) == b"\0\0" + bytes.fromhex("11aabbcc") + b"\0\0"
    client.write(BAR0, SCRATCH, struct.pack("<Q", 0x1122334455667788))
    assert client.reg(SCRATCH) == 0x55667788


def test_write_multi_keeps_order(client):
    client.write_multi(
        [(BAR0, SCRATCH, struct.pack("<I", i)) for i in range(50)] + [(BAR0, SCRATCH + 3, b"\x77")]
    )
    assert client.reg(SCRATCH) == 0x77000000 | 49


def test_posted_write_has_no_reply(client):
    body = struct.pack("<QII", SCRATCH, BAR0, 4) + struct.pack("<I", 0x12345678)
    client.send(vfu.REGION_WRITE, body, flags=vfu.NO_REPLY)
    assert client.reg(SCRATCH) == 0x12345678  # the next reply is the read's


def test_card_that_does_not_answer_costs_an_error_only(client):
    with refused(errno.EIO):
        client.set_reg(HANG, 1)
    with refused(errno.EIO):
        client.reg(SCRATCH)
    client.reset()
    assert alive(client)


def test_message_in_small_pieces(sim):
    with Client(sim.path, negotiate=False) as c:
        caps = json.dumps({"capabilities": {}}).encode() + b"\0"
        message = vfu.HEADER.pack(7, vfu.VERSION, 20 + len(caps), 0, 0) + struct.pack("<HH", 0, 0) + caps
        for byte in message:
            c.sock.sendall(bytes([byte]))
        assert c.receive()[0] == 7


def test_many_commands_in_one_piece(client):
    one = vfu.HEADER.pack(5, vfu.REGION_READ, 32, 0, 0) + struct.pack("<QII", SCRATCH, BAR0, 4)
    client.sock.sendall(one * 200)
    for _ in range(200):
        assert client.receive()[3] == 0


# ---- configuration space -----------------------------------------------------


def test_config_header(client):
    assert client.config(0, "I") == 0x7E591234
    assert client.config(8, "I") >> 8 == 0x020000
    assert client.config(4, "H") == 0
    for register, size in ((0x10, 0x20000), (0x18, 0x1000)):
        assert client.config(register, "I") & 0xF == 4
        client.set_config(register, "Q", 2**64 - 1)
        assert 2**64 - (client.config(register, "Q") & ~0xF) == size
    client.set_config(0, "I", 0)
    assert client.config(0, "I") == 0x7E591234


def test_capabilities_chain(client):
    found, at = {}, client.config(0x34, "B")
    while at:
        assert at not in found.values()
        found[client.config(at, "B")] = at
        at = client.config(at + 1, "B")
    assert set(found) == {0x01, 0x11, 0x10}
    msix = found[0x11]
    assert client.config(msix + 2, "H") & 0x7FF == 1  # two vectors
    assert client.config(msix + 4, "I") & 7 == 2
    assert client.config(msix + 8, "I") & 7 == 2
    assert client.config(found[0x10] + 4, "I") >> 28 & 1, "function-level reset"


def test_msix_table_is_memory_and_pending_bits_are_not(client):
    client.write(BAR2, 0, bytes(range(32)))
    client.write(BAR2, 32, b"\xff" * 16)
    assert client.read(BAR2, 0, 48) == bytes(range(32)) + bytes(16)
    client.write(BAR2, 0x800, b"\xff" * 8)
    assert client.read(BAR2, 0x800, 8) == bytes(8)


def test_function_level_reset(client):
    client.bus_master()
    client.set_reg(SCRATCH, 1)
    client.set_config(0x60 + 8, "H", 0x8000)
    assert client.reg(SCRATCH) == 0
    assert client.config(4, "H") == 0
    assert client.config(0x60 + 8, "H") & 0x8000 == 0


# ---- memory ------------------------------------------------------------------


@pytest.mark.parametrize("beats", [1, 2, 15, 16])
def test_dma_copies(client, memory, beats):
    client.bus_master()
    client.dma_map(BASE, 1 << 20, memory.fd)
    data = random.Random(beats).randbytes(64 * beats)
    memory.map[4096 : 4096 + len(data)] = data
    assert copy(client, BASE + 4096, BASE + 65536, beats) == (OKAY, OKAY)
    assert memory.map[65536 : 65536 + len(data)] == data
    assert memory.map[65536 + len(data) : 65536 + len(data) + 64] == bytes(64)


def test_dma_offset_in_the_file(client, memory):
    client.bus_master()
    client.dma_map(BASE, 8192, memory.fd, offset=16384)
    memory.map[16384:16448] = b"o" * 64
    assert copy(client, BASE, BASE + 4096) == (OKAY, OKAY)
    assert memory.map[16384 + 4096 : 16384 + 4096 + 64] == b"o" * 64


def test_latency_is_what_was_asked_for(start, memory):
    cycles = []
    for latency in (0, 300):
        sim = start("--latency", latency)
        with Client(sim.path) as c:
            c.bus_master()
            c.dma_map(BASE, 8192, memory.fd)
            copy(c, BASE, BASE + 4096, 16)
            cycles.append(c.reg(COPY_CYCLES))
        sim.stop()
    # Reading and writing wait once each; 16 beats each way, and a few cycles of handshakes.
    assert 32 <= cycles[0] <= 48
    assert cycles[1] - cycles[0] == pytest.approx(600, abs=4)


def test_dma_errors_reach_the_card(client, memory):
    client.bus_master()
    client.dma_map(BASE, 8192, memory.fd)
    client.dma_map(BASE + 0x10000, 4096, memory.fd, offset=8192, flags=1)
    client.dma_map(BASE + 0x20000, 4096, memory.fd, offset=12288, flags=2)
    client.dma_map(BASE + 0x30000, 4096)  # without a descriptor, as QEMU maps ROM
    assert copy(client, BASE + 0x5000, BASE) == (DECERR, OKAY)
    assert copy(client, BASE, BASE + 0x5000) == (OKAY, DECERR)
    assert copy(client, BASE, BASE + 0x10000) == (OKAY, DECERR)
    assert copy(client, BASE + 0x10000, BASE) == (OKAY, OKAY)
    assert copy(client, BASE + 0x20000, BASE) == (DECERR, OKAY)
    assert copy(client, BASE + 0x30000, BASE) == (DECERR, OKAY)
    assert copy(client, 2**64 - 64, BASE) == (DECERR, OKAY)
    assert copy(client, BASE + 8192 - 64, BASE) == (OKAY, OKAY)
    assert copy(client, BASE + 8192 - 64, BASE, 2) == (DECERR, OKAY)


def test_no_dma_without_bus_master(client, memory):
    client.dma_map(BASE, 8192, memory.fd)
    client.set_reg(COPY_BEATS, 1)
    assert client.reg(COPY_DONE) == 0
    client.bus_master()
    assert copy(client, BASE, BASE + 64) == (OKAY, OKAY)
    client.bus_master(False)
    client.set_reg(COPY_BEATS, 1)
    assert client.reg(COPY_DONE) == 1


def test_bus_master_off_under_way(start, memory):
    sim = start("--latency", 100000)
    with Client(sim.path) as c:
        c.bus_master()
        c.dma_map(BASE, 8192, memory.fd)
        memory.map[0:64] = b"x" * 64
        c.write(BAR0, COPY_FROM, struct.pack("<QQ", BASE, BASE + 64))
        c.set_reg(COPY_BEATS, 1)
        c.bus_master(False)
        sim.wait_for(lambda: c.reg(COPY_DONE) == 1, "end of the copy")
        assert c.reg(COPY_RESP) == SLVERR | SLVERR << 2
        assert memory.map[64:128] == bytes(64)


def test_unmapped_memory_is_out_of_reach(client, memory):
    client.bus_master()
    client.dma_map(BASE, 8192, memory.fd)
    client.dma_map(BASE + 8192, 8192, memory.fd, offset=8192)
    assert copy(client, BASE, BASE + 8192) == (OKAY, OKAY)
    client.dma_unmap(BASE, 8192)
    assert copy(client, BASE, BASE + 8192) == (DECERR, OKAY)
    client.dma_unmap(0, 0, flags=2)
    assert copy(client, BASE + 8192, BASE + 8192) == (DECERR, DECERR)


def test_unmap_of_what_was_never_mapped(client):
    for shift in range(12, 64):
        client.dma_unmap(0, 1 << shift)
    client.dma_unmap(0, 0)


def test_file_that_shrinks_costs_only_a_bus_error(client, memory):
    small = Memory(8192)
    client.bus_master()
    client.dma_map(BASE, 8192, small.fd)
    client.dma_map(BASE + 0x10000, 4096, memory.fd)
    os.ftruncate(small.fd, 0)
    assert copy(client, BASE, BASE + 0x10000) == (DECERR, OKAY)
    assert copy(client, BASE + 0x10000, BASE + 4096) == (OKAY, DECERR)
    assert copy(client, BASE + 0x10000, BASE + 0x10000 + 64) == (OKAY, OKAY)


def test_thousands_of_maps(client):
    count = 4096
    m = Memory(count * 4096)
    client.bus_master()
    order = list(range(count))
    random.Random(1).shuffle(order)
    start = time.monotonic()
    for i in order:
        client.dma_map(BASE + i * 8192, 4096, m.fd, offset=i * 4096)
    seconds = time.monotonic() - start
    for i in (0, 1, 777, count - 1):
        data = random.Random(i).randbytes(64)
        m.map[i * 4096 : i * 4096 + 64] = data
        other = (i + 5) % count
        assert copy(client, BASE + i * 8192, BASE + other * 8192 + 128) == (OKAY, OKAY)
        assert m.map[other * 4096 + 128 : other * 4096 + 192] == data
        assert copy(client, BASE + i * 8192 + 4096, BASE)[0] == DECERR
    client.dma_unmap(BASE, count * 8192)
    assert copy(client, BASE, BASE) == (DECERR, DECERR)
    m.close()
    assert seconds < 20, f"{count} maps took {seconds:.1f} s"


# ---- interrupts --------------------------------------------------------------


def fired(fd, timeout=5.0):
    end = time.monotonic() + timeout
    while True:
        try:
            return os.eventfd_read(fd)
        except BlockingIOError:
            if time.monotonic() > end:
                return 0
            time.sleep(0.002)


@pytest.fixture
def event():
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    yield fd
    os.close(fd)


def interrupt(client, memory, vector):
    client.set_reg(COPY_VECTOR, vector)
    copy(client, BASE, BASE + 64)


@pytest.fixture
def ready(client, memory):
    client.bus_master()
    client.dma_map(BASE, 8192, memory.fd)
    return client


def test_interrupt_to_eventfd(ready, memory, event):
    other = os.eventfd(0, os.EFD_NONBLOCK)
    # As QEMU does it: first a count without a descriptor, then with it.
    ready.set_irqs(vfu.DATA_EVENTFD | vfu.TRIGGER, 0, 1)
    ready.set_irqs(vfu.DATA_EVENTFD | vfu.TRIGGER, 0, 2, [other, event])
    interrupt(ready, memory, 1)
    assert fired(event) == 1
    assert fired(other, 0) == 0
    interrupt(ready, memory, 0)
    assert fired(other) == 1
    ready.set_irqs(vfu.DATA_NONE | vfu.TRIGGER, 0, 0)  # disables all
    interrupt(ready, memory, 0)
    assert fired(other, 0.1) == 0
    os.close(other)


def test_interrupt_before_its_eventfd_is_pending(ready, memory, event):
    interrupt(ready, memory, 1)
    assert ready.read(BAR2, 0x800, 1) == b"\x02"
    ready.set_irqs(vfu.DATA_EVENTFD | vfu.TRIGGER, 1, 1, [event])
    assert fired(event) == 1
    assert ready.read(BAR2, 0x800, 1) == b"\x00"


def test_mask_holds_an_interrupt_back(ready, memory, event):
    ready.set_irqs(vfu.DATA_EVENTFD | vfu.TRIGGER, 0, 1, [event])
    ready.set_irqs(vfu.DATA_NONE | vfu.MASK, 0, 2)
    interrupt(ready, memory, 0)
    assert fired(event, 0.1) == 0
    ready.set_irqs(vfu.DATA_BOOL | vfu.UNMASK, 0, 2, data=b"\0\1")
    assert fired(event, 0.1) == 0
    ready.set_irqs(vfu.DATA_NONE | vfu.UNMASK, 0, 1)
    assert fired(event) == 1


def test_trigger_by_the_client(ready, event):
    ready.set_irqs(vfu.DATA_EVENTFD | vfu.TRIGGER, 1, 1, [event])
    ready.set_irqs(vfu.DATA_NONE | vfu.TRIGGER, 1, 1)
    assert fired(event) == 1
    ready.set_irqs(vfu.DATA_BOOL | vfu.TRIGGER, 0, 2, data=b"\1\0")
    assert fired(event, 0.1) == 0


def test_vector_that_does_not_exist(ready, memory):
    interrupt(ready, memory, 200)
    assert alive(ready)


def test_full_pipe_as_eventfd_does_not_block(ready, memory):
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, bytes(4096))
    except BlockingIOError:
        os.set_blocking(w, True)
    ready.set_irqs(vfu.DATA_EVENTFD | vfu.TRIGGER, 0, 1, [w])
    interrupt(ready, memory, 0)
    assert alive(ready)
    os.close(r)
    os.close(w)


# ---- messages that are wrong -------------------------------------------------


def map_body(addr=BASE, size=4096, offset=0, flags=3, argsz=32):
    return struct.pack("<IIQQQ", argsz, flags, offset, addr, size)


def irq_body(flags, index=2, start=0, count=1, data=b""):
    return struct.pack("<5I", 20 + len(data), flags, index, start, count) + data


def access(region, offset, count, data=b""):
    return struct.pack("<QII", offset, region, count) + data


EVENT = vfu.DATA_EVENTFD | vfu.TRIGGER
TWICE = "one map more"
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
    "irqs beyond": (vfu.SET_IRQS, irq_body(EVENT, start=1, count=2), 0, errno.EINVAL, "count 2"),
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


def open_fds(sim):
    return len(os.listdir(f"/proc/{sim.process.pid}/fd"))


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


@pytest.mark.parametrize("command", [c for c in range(16) if c != vfu.VERSION])
def test_nothing_before_version(sim, command):
    with Client(sim.path, negotiate=False) as c:
        with pytest.raises(ServerError):
            c.call(command, bytes(64))
        c.version()
        assert alive(c)


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
    good = [
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
    client = Client(sim.path)
    reconnects = 0
    for _ in range(3000):
        command, body, fds = rng.choice(good)
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


# ---- coming and going --------------------------------------------------------


def test_reconnect(sim, memory, event):
    with Client(sim.path) as c:
        c.bus_master()
        c.dma_map(BASE, 8192, memory.fd)
        c.set_irqs(EVENT, 0, 1, [event])
        c.set_reg(SCRATCH, 0x5A5A)
        before = open_fds(sim)
    with Client(sim.path) as c:
        assert open_fds(sim) == before - 1  # the eventfd; the memory's was never kept
        assert c.reg(SCRATCH) == 0x5A5A, "the card itself goes on"
        assert c.config(4, "H") == 0, "bus mastering is off"
        c.set_reg(COPY_BEATS, 1)
        assert c.reg(COPY_DONE) == 0
        c.bus_master()
        assert copy(c, BASE, BASE) == (DECERR, DECERR), "the memory is gone"
        assert fired(event, 0.1) == 0
        c.reset()
        assert c.reg(SCRATCH) == 0


def test_client_dies_in_the_middle_of_a_message(sim):
    with Client(sim.path) as c:
        c.sock.sendall(vfu.HEADER.pack(1, vfu.REGION_WRITE, 4000, 0, 0) + bytes(100))
    with Client(sim.path) as c:
        assert alive(c)
    assert "after 116 bytes" in sim.stop()


def test_second_client_waits(sim):
    first = Client(sim.path)
    second = Client(sim.path, negotiate=False)
    second.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        second.version()
    assert alive(first)
    assert "another client waits" in sim.log.read_text()
    first.close()
    second.sock.settimeout(10)
    assert second.receive()[3] == 0
    assert alive(second)
    second.close()


def test_client_that_reads_no_replies(sim):
    """Its replies fill the socket; the server neither blocks nor grows, and ends on SIGTERM."""
    c = Client(sim.path)
    one = vfu.HEADER.pack(5, vfu.REGION_READ, 32, 0, 0) + access(CONFIG, 0, 4096)
    c.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        c.sock.sendall(one * 100000)
    rss = sim.rss()
    assert sim.stats()["cycles"] > 0  # signals are served
    assert sim.rss() - rss < 1 << 20
    sim.stop()
    c.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_clean_end_with_a_client(sim, how):
    c = Client(sim.path)
    c.sock.sendall(b"\0" * 7)
    sim.stop(how)
    c.close()


def test_idle_costs_no_cpu(sim):
    with Client(sim.path) as c:
        c.set_reg(SCRATCH, 1)
        time.sleep(0.2)
        before, cycles = sim.cpu_ticks(), sim.stats()["cycles"]
        time.sleep(2)
        assert sim.cpu_ticks() - before <= 1
        assert sim.stats()["cycles"] == cycles


def test_card_is_clocked_until_it_is_done(sim):
    with Client(sim.path) as c:
        before = sim.stats()
        c.set_reg(BUSY, 20000)
        sim.wait_for(lambda: sim.stats()["busy_cycles"] - before["busy_cycles"] >= 20000, "busy cycles")
        after = sim.stats()
        assert after["busy_cycles"] - before["busy_cycles"] < 20100
        assert after["cycles"] - before["cycles"] < 20200


def test_stats_count_bus_bytes(sim, memory):
    with Client(sim.path) as c:
        c.bus_master()
        c.dma_map(BASE, 8192, memory.fd)
        copy(c, BASE, BASE + 4096, 3)
        copy(c, BASE + 0x10000, BASE + 4096, 2)
    stats = sim.stats()
    assert stats["axi_read"]["frames"] == {"bursts": 2, "beats": 5, "bytes": 320, "errors": 2}
    assert stats["axi_write"]["rings"] == {"bursts": 2, "beats": 5, "bytes": 320, "errors": 0}
    assert stats["interrupts"] == 2
    assert stats["wall_seconds"] > 0


def test_server_serves_while_the_card_is_busy(sim):
    with Client(sim.path) as c:
        c.set_reg(BUSY, 2**31)
        worst = 0
        for _ in range(50):
            start = time.monotonic()
            assert alive(c)
            worst = max(worst, time.monotonic() - start)
        assert worst < 1
        stop = threading.Event()
        stop.wait(0.05)
        c.reset()
