# SPDX-License-Identifier: BSD-2-Clause
"""The whole card in vesper-sim, driven over vfio-user by a client and a driver of this file's own."""

import os
import random
import resource
import signal
import socket
import struct
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sim_process import CARD, ROOT, Sim
from vfio_user_client import BAR0, DATA_EVENTFD, TRIGGER, Client

BASE = 0x40_0000_0000
STATE, CONTROL, MBX_DOORBELL, MBX_STATUS = 0x14, 0x18, 0x40, 0x44
MBX_REQUEST, MBX_RESPONSE = 0x1000, 0x1800
IDENTIFY, SA_ADD, SA_QUERY = 1, 2, 4
E_HANDLE = 19
OK, BAD_LENGTH, DMA_READ = 0, 1, 4
HEADER = struct.Struct("<HHIIHHQ")


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.002)
    return found


def mailbox(client, command, body=b""):
    """(status, body) of the response."""
    client.write(BAR0, MBX_REQUEST, HEADER.pack(command, HEADER.size + len(body), 0x1234, 0, 0, 0, 0) + body)
    client.set_reg(MBX_DOORBELL, 1)
    until(lambda: not client.reg(MBX_STATUS) & 1, "response")
    reply = client.read(BAR0, MBX_RESPONSE, HEADER.size)
    got, length, tag, status, _, _, _ = HEADER.unpack(reply)
    assert (got, tag) == (command, 0x1234)
    return status, client.read(BAR0, MBX_RESPONSE, length)[HEADER.size :]


def outbound_sa(key, spi=0x1001, seq=0):
    addresses = b"".join(socket.inet_aton(a).ljust(16, b"\0") for a in ("192.0.2.1", "192.0.2.2"))
    head = struct.pack("<8B II", 1, 1, 4, 1, len(key) - 4, 16, 64, 0, 0, 0)
    return (
        head
        + struct.pack(">I", spi)
        + key[-4:]
        + addresses
        + key[:-4].ljust(32, b"\0")
        + struct.pack("<QHHI", seq, 0, 0, 0)
    ).ljust(256, b"\0")


class Queue:
    """One queue pair: 16 entries each way, 2 KiB buffers, polled."""

    ENTRIES, LOG2 = 16, 4

    def __init__(self, client, memory, q=0):
        self.client, self.mem, self.q = client, memory.map, q
        self.tx = self.tx_seen = self.rx_seen = 0
        rings = [q * 0x10000 + 0x1000 * i for i in range(4)]
        self.tx_desc, self.tx_cpl, self.rx_desc, self.rx_cpl = rings
        self.tx_buf, self.rx_buf = q * 0x20000 + 0x40000, q * 0x20000 + 0x50000
        for ring in rings:
            self.mem[ring : ring + 0x1000] = bytes(0x1000)
        at = 0x2000 + 0x80 * q
        client.set_reg(at, 0)
        until(lambda: not client.reg(at + 4) & 1, "stopped queue")
        client.write(BAR0, at + 0x10, struct.pack("<4Q", *(BASE + ring for ring in rings)))
        client.set_reg(at, 1 | self.LOG2 << 8 | self.LOG2 << 12)
        until(lambda: client.reg(at + 4) & 1, "running queue")
        for i in range(self.ENTRIES):
            desc = struct.pack("<QHHI", BASE + self.rx_buf + 2048 * i, 2048, 0, 0)
            self.mem[self.rx_desc + 16 * i : self.rx_desc + 16 * i + 16] = desc
        self.bell(4, self.ENTRIES)

    def bell(self, which, value):
        self.client.set_reg(0x10000 + 0x1000 * self.q + which, value & 0xFFFFFFFF)

    def send(self, frame, op=0, flags=0, sa=0, addr=None, length=None):
        """Posts one frame; returns (status, bytes, sequence number)."""
        slot = self.tx % self.ENTRIES
        at = self.tx_buf + 4096 * slot + 1  # odd on purpose
        self.mem[at : at + len(frame)] = frame
        addr = BASE + at if addr is None else addr
        desc = struct.pack("<QHBBI", addr, len(frame) if length is None else length, op, flags, sa)
        self.mem[self.tx_desc + 16 * slot : self.tx_desc + 16 * slot + 16] = desc
        self.tx += 1
        self.bell(0, self.tx & 0xFFFF)
        index, size, status, _, _, seq = struct.unpack("<HHBBHQ", self.completion(self.tx_cpl, self.tx_seen))
        assert index == self.tx_seen & 0xFFFF
        self.tx_seen += 1
        return status, size, seq

    def completion(self, ring, seen):
        at = ring + 16 * (seen % self.ENTRIES)
        phase = 1 - seen // self.ENTRIES % 2
        until(lambda: self.mem[at + 5] & 1 == phase, "completion")
        return bytes(self.mem[at : at + 16])

    def receive(self):
        index, size, status, _, _, _, _ = struct.unpack(
            "<HHBBHII", self.completion(self.rx_cpl, self.rx_seen)
        )
        assert (index, status) == (self.rx_seen & 0xFFFF, OK)
        slot = self.rx_seen % self.ENTRIES
        data = bytes(self.mem[self.rx_buf + 2048 * slot : self.rx_buf + 2048 * slot + size])
        self.rx_seen += 1
        self.bell(4, self.ENTRIES + self.rx_seen & 0xFFFF)
        return data


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One simulator for all tests here, with a stream wire."""
    directory = tmp_path_factory.mktemp("card")
    sim = Sim(CARD, directory, "--wire", f"unix:{directory}/wire.sock")
    sim.wire = directory / "wire.sock"
    yield sim
    assert sim.rss() < 200 << 20, f"{sim.rss() >> 20} MiB"
    sim.stop()


@pytest.fixture
def client(shared):
    with Client(shared.path) as c:
        c.reset()
        until(lambda: c.reg(STATE) & 3 == 3, "passed self-test")
        yield c


@pytest.fixture
def driven(client, memory):
    client.bus_master()
    client.dma_map(BASE, 1 << 20, memory.fd)
    client.set_reg(CONTROL, 4)
    return client


class Wire:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(str(path))

    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            assert piece, "the wire ended"
            data += piece
        return data

    def receive(self):
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])

    def send(self, frame):
        self.sock.sendall(struct.pack(">I", len(frame)) + frame)


@pytest.fixture
def wire(shared):
    w = Wire(shared.wire)
    yield w
    w.sock.close()


def ethernet(payload):
    return b"\x02\0\0\0\0\2" + b"\x02\0\0\0\0\1" + b"\x08\x00" + payload


def ipv4(payload, proto=17):
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0, b"\x0a\0\0\1", b"\x0a\0\0\2"
    )
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + head[12:] + payload


def test_identify(client):
    status, body = mailbox(client, IDENTIFY)
    assert status == 0
    major, minor, features, version, entries, queues, blocks, selftest, *more = struct.unpack(
        "<HHIIIHBBIHHI", body
    )
    assert (major, entries, queues, blocks, selftest) == (2, 1024, 2, 4, 1)
    assert more == [4096, 16, 4096, 0]  # policies, their masks, the largest window
    assert version and features


@pytest.mark.parametrize("q", [0, 1])
def test_frames_to_the_wire_and_from_it(driven, memory, wire, q):
    queue = Queue(driven, memory, q)
    driven.set_reg(0x20, q)
    rng = random.Random(q)
    for size in [14, 59, 60, 61, 64, 65, 1514, *[rng.randrange(60, 2000) for _ in range(20)]]:
        frame = ethernet(b"")[:12] + b"\x88\xb5" + rng.randbytes(size - 14)
        # The default MTU bounds what is sent, not what is received.
        if size <= 1514:
            assert queue.send(frame) == (OK, size, 0)
            assert wire.receive() == frame.ljust(60, b"\0")
        wire.send(frame)
        assert queue.receive() == frame


def test_interrupts(driven, memory, wire):
    events = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    driven.set_irqs(DATA_EVENTFD | TRIGGER, 0, 2, events)
    queue = Queue(driven, memory, 1)
    queue.bell(8, 0)
    queue.send(ethernet(bytes(60)))

    def count():
        try:
            return os.eventfd_read(events[1])
        except BlockingIOError:
            return 0

    assert until(count, "interrupt") == 1
    queue.send(ethernet(bytes(60)))
    time.sleep(0.05)
    assert count() == 0, "an interrupt that nobody armed"
    queue.bell(8, 1)
    assert until(count, "interrupt at once") == 1
    for fd in events:
        os.close(fd)


def test_esp_on_the_wire(driven, memory, wire):
    """What leaves is what another AES-GCM decrypts, with sequence number and IV of the card's own."""
    queue = Queue(driven, memory)
    key = random.Random(7).randbytes(36)
    status, body = mailbox(driven, SA_ADD, outbound_sa(key))
    assert status == 0
    handle = struct.unpack_from("<I", body)[0]
    for number, size in enumerate([0, 1, 2, 3, 33, 1000], 1):
        packet = ipv4(random.Random(size).randbytes(size))
        status, length, seq = queue.send(ethernet(packet), op=1, sa=handle)
        assert (status, seq) == (OK, number)
        frame = wire.receive()
        assert len(frame) == length
        esp = frame[34:]
        assert esp[:8] == struct.pack(">II", 0x1001, number)
        plain = AESGCM(key[:32]).decrypt(key[32:] + esp[8:16], esp[16:], esp[:8])
        assert plain[-1] == 4
        assert plain[: -2 - plain[-2]] == packet


def test_bad_descriptors_cost_only_themselves(driven, memory, wire):
    queue = Queue(driven, memory)
    frame = ethernet(bytes(100))
    assert queue.send(frame, addr=0x1000)[0] == DMA_READ
    assert queue.send(frame)[0] == OK
    assert queue.send(frame, length=0)[0] == BAD_LENGTH
    assert queue.send(frame)[0] == OK
    assert [wire.receive(), wire.receive()] == [frame, frame]


def test_sa_outlives_the_client_and_not_the_reset(shared):
    with Client(shared.path) as c:
        c.reset()
        until(lambda: c.reg(STATE) & 3 == 3, "passed self-test")
        status, body = mailbox(c, SA_ADD, outbound_sa(bytes(range(36))))
        assert status == 0
        handle = body[:4]
    with Client(shared.path) as c:
        status, body = mailbox(c, SA_QUERY, handle + bytes(4))
        assert (status, body[:4]) == (0, handle)
        c.reset()
        until(lambda: c.reg(STATE) & 3 == 3, "passed self-test")
        assert mailbox(c, SA_QUERY, handle + bytes(4))[0] == E_HANDLE


def test_client_that_leaves_under_load(shared, memory):
    """Descriptors whose memory is gone: the card comes to rest, and the next client drives it again."""
    with Client(shared.path) as c:
        c.reset()
        until(lambda: c.reg(STATE) & 3 == 3, "passed self-test")
        c.bus_master()
        c.dma_map(BASE, 1 << 20, memory.fd)
        queue = Queue(c, memory)
        for i in range(15):
            desc = struct.pack("<QHBBI", BASE + queue.tx_buf, 1500, 0, 0, 0)
            memory.map[queue.tx_desc + 16 * i : queue.tx_desc + 16 * i + 16] = desc
        queue.bell(0, 15)
    time.sleep(0.3)
    cycles = shared.stats()["cycles"]
    time.sleep(0.5)
    assert shared.stats()["cycles"] == cycles, "the card does not come to rest"
    with Client(shared.path) as c:
        c.reset()
        until(lambda: c.reg(STATE) & 3 == 3, "passed self-test")
        c.bus_master()
        c.dma_map(BASE, 1 << 20, memory.fd)
        assert Queue(c, memory).send(ethernet(bytes(100)))[0] == OK


def test_idle_card_costs_no_cpu(shared, driven, memory):
    Queue(driven, memory)
    time.sleep(0.3)
    before, cycles = shared.cpu_ticks(), shared.stats()["cycles"]
    time.sleep(2)
    assert shared.cpu_ticks() - before <= 1
    assert shared.stats()["cycles"] == cycles


def test_trace_of_the_card(tmp_path):
    tracer = ROOT / "build" / "bin" / "vesper-sim-trace"
    if not tracer.is_file():
        pytest.skip("make vesper-sim-trace has not been called")
    sim = Sim(CARD, tmp_path, "--trace", tmp_path / "card.fst")
    with Client(sim.path) as c:
        until(lambda: c.reg(STATE) & 3 == 3, "passed self-test", 120)
    sim.stop()
    assert (tmp_path / "card.fst").stat().st_size > 100000


def test_no_core_dump(tmp_path):
    """The model holds the SA table's keys: however it ends, nothing of its memory is written down."""
    sim = Sim(CARD, tmp_path)
    pid = sim.process.pid
    resource.prlimit(pid, resource.RLIMIT_CORE, (65536, 65536))
    os.kill(pid, signal.SIGABRT)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    sim.kill()
    (ROOT / "core").unlink(missing_ok=True)  # where the simulator was started
    assert (ended.si_code, ended.si_status) == (os.CLD_KILLED, signal.SIGABRT)


def test_damaged_firmware_is_said_by_the_card(tmp_path):
    """An image of zeros traps the CPU: registers answer, the data path stays closed."""
    (tmp_path / "zero.hex").write_text("00000000\n" * 1024)
    sim = Sim(CARD, tmp_path, "--firmware", tmp_path / "zero.hex")
    with Client(sim.path) as c:
        assert until(lambda: c.reg(STATE), "state") == 8
        assert c.reg(0) == 0x56535052
    sim.stop()


def test_command_finds_the_card(shared):
    """The project's own driver and library on the same socket."""
    run = subprocess.run(
        [ROOT / "build" / "bin" / "vesper", "info", "--card", shared.path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "passed" in run.stdout
