# SPDX-License-Identifier: BSD-2-Clause
"""Clients that come, go, wait or fall silent; what an idle and a busy card cost."""

import signal
import struct
import threading
import time

import pytest
import vfio_user_client as vfu
from small_card import (
    BASE,
    BUSY,
    COPY_BEATS,
    DECERR,
    SCRATCH,
    alive,
    copied,
    copy,
    fired,
    open_fds,
)
from vfio_user_client import CONFIG, Client

EVENT = vfu.DATA_EVENTFD | vfu.TRIGGER


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
        assert not copied(c, 0)
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
    one = vfu.HEADER.pack(5, vfu.REGION_READ, 32, 0, 0) + struct.pack("<QII", 0, CONFIG, 4096)
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
    assert 0 < stats["wall_seconds"]
    assert 0 < stats["cpu_seconds"] < 60


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
