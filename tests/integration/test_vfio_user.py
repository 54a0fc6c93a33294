# SPDX-License-Identifier: BSD-2-Clause
"""vesper-sim's vfio-user server against a client that was written from the specification, with a small card behind it."""

import errno
import json
import os
import random
import struct
import time

import pytest
import vfio_user_client as vfu
from small_card import (
    BASE,
    COPY_BEATS,
    COPY_CYCLES,
    COPY_DONE,
    COPY_FROM,
    COPY_RESP,
    COPY_VECTOR,
    DECERR,
    HANG,
    OKAY,
    SCRATCH,
    SLVERR,
    alive,
    copied,
    copy,
    fired,
    refused,
)
from vfio_user_client import BAR0, BAR2, CONFIG, Client, Memory

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
    assert [client.irq_info(i)[1] for i in range(5)] == [0, 0, 3, 0, 0]
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
    assert client.config(msix + 2, "H") & 0x7FF == 2  # three vectors
    assert client.config(msix + 4, "I") & 7 == 2
    assert client.config(msix + 8, "I") & 7 == 2
    assert client.config(found[0x10] + 4, "I") >> 28 & 1, "function-level reset"
    # The one extended capability: error reporting, with the severities of PCIe 7.8.4.4, and no error.
    assert client.config(0x100, "I") == 0x00020001
    assert client.config(0x104, "I") == 0
    assert client.config(0x10C, "I") == 0x00462030
    client.set_config(0x108, "I", 0xFFFFFFFF)
    assert client.config(0x108, "I") & 0x4000


def test_msix_table_is_memory_and_pending_bits_are_not(client):
    client.write(BAR2, 0, bytes(range(48)))
    client.write(BAR2, 48, b"\xff" * 16)
    assert client.read(BAR2, 0, 64) == bytes(range(48)) + bytes(16)
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
    assert not copied(client, 0)
    client.bus_master()
    assert copy(client, BASE, BASE + 64) == (OKAY, OKAY)
    client.bus_master(False)
    client.set_reg(COPY_BEATS, 1)
    assert not copied(client, 1)


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
