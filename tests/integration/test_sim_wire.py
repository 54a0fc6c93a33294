# SPDX-License-Identifier: BSD-2-Clause
"""vesper-sim's wire ports, captures, traces and command line, with a small card that sends back what it gets."""

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import time

import pytest
from scapy.utils import RawPcapNgReader, wrpcap
from sim_process import SMALL
from vfio_user_client import Client

CONTROL, RX_ENABLE, RX_TAIL = 0x18, 4, 0x10004


class Peer:
    """The other end of a stream wire."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(20)

    @classmethod
    def to(cls, path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(path))
        return cls(sock)

    def send(self, frame):
        self.sock.sendall(struct.pack(">I", len(frame)) + frame)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def receive(self):
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])


SIZES = [1, 14, 42, 60, 63, 64, 65, 127, 128, 129, 1514, 9618, 16384]


def frames_of(sizes, seed=1):
    rng = random.Random(seed)
    return [rng.randbytes(n) for n in sizes]


def test_stream_both_ways(start, tmp_path):
    start("--wire", f"unix:{tmp_path}/wire.sock")
    peer = Peer.to(tmp_path / "wire.sock")
    for frame in frames_of(SIZES):
        peer.send(frame)
        assert peer.receive() == frame
    burst = frames_of([random.Random(2).randrange(1, 2000) for _ in range(300)], 3)
    for frame in burst:
        peer.send(frame)
    assert [peer.receive() for _ in burst] == burst


def test_stream_peers_come_and_go(start, tmp_path):
    start("--wire", f"unix:{tmp_path}/wire.sock")
    for i in range(3):
        peer = Peer.to(tmp_path / "wire.sock")
        peer.send(bytes([i]) * 100)
        assert peer.receive() == bytes([i]) * 100
        peer.sock.close()


def test_stream_that_connects(start, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "peer.sock"))
        listener.listen()
        start("--wire", f"unix-connect:{tmp_path}/peer.sock")
        peer = Peer(listener.accept()[0])
        peer.send(b"hello")
        assert peer.receive() == b"hello"


@pytest.mark.parametrize("length", [0, 68 * 1024 + 1, 2**32 - 1])
def test_stream_with_an_impossible_length(start, tmp_path, length):
    sim = start("--wire", f"unix:{tmp_path}/wire.sock")
    bad = Peer.to(tmp_path / "wire.sock")
    bad.sock.sendall(struct.pack(">I", length) + bytes(100))
    with pytest.raises((EOFError, ConnectionError)):
        bad.receive()
    good = Peer.to(tmp_path / "wire.sock")
    good.send(b"x" * 60)
    assert good.receive() == b"x" * 60
    assert f"length of {length} is not within" in sim.stop()


def test_frame_beyond_what_a_card_takes_is_marked_bad(start, tmp_path):
    start("--wire", f"unix:{tmp_path}/wire.sock")
    peer = Peer.to(tmp_path / "wire.sock")
    frame = frames_of([20000])[0]
    peer.send(frame)
    assert peer.receive() == frame[: 16384 - 64 + 1]  # the small card cuts the beat that is marked


def test_slow_peer_loses_frames_and_nobody_waits(start, tmp_path):
    sim = start("--wire", f"unix:{tmp_path}/wire.sock")
    peer = Peer.to(tmp_path / "wire.sock")
    count = 400
    for _ in range(count):
        peer.send(bytes(9000))
    sim.wait_for(lambda: sim.stats()["wire_out_frames"] == count, "frames")
    stats = sim.stats()
    assert stats["peer_out_dropped"] > 0
    assert stats["peer_out_frames"] + stats["peer_out_dropped"] == count
    with Client(sim.path) as c:
        c.set_reg(0x48, 7)
        assert c.reg(0x48) == 7
    got = 0
    peer.sock.settimeout(1)
    while got < stats["peer_out_frames"]:
        assert len(peer.receive()) == 9000
        got += 1


def test_line_rate_paces_frames_in(start, tmp_path):
    """1514 B with preamble, FCS and gap take 1538 * 8 / 100 ns at 100 Gb/s."""
    out = tmp_path / "wire.pcapng"
    sim = start("--wire", f"unix:{tmp_path}/wire.sock", "--pcap", out)
    peer = Peer.to(tmp_path / "wire.sock")
    peer.sock.sendall((struct.pack(">I", 1514) + bytes(1514)) * 40)
    for _ in range(40):
        peer.receive()
    sim.stop()
    times = [ns for ns, direction, _ in pcapng(out) if direction == 1]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert min(gaps) >= 120
    assert sorted(gaps)[len(gaps) // 2] <= 132


def pcapng(path):
    """(nanoseconds, direction, frame) of each packet."""
    found = []
    with RawPcapNgReader(str(path)) as reader:
        for data, meta in reader:
            options = getattr(meta, "direction", None)
            found.append(((meta.tshigh << 32 | meta.tslow) * 10**9 // meta.tsresol, options, data))
    return found


def test_pcapng_of_the_wire(start, tmp_path):
    out = tmp_path / "wire.pcapng"
    sim = start("--wire", f"unix:{tmp_path}/wire.sock", "--pcap", out)
    peer = Peer.to(tmp_path / "wire.sock")
    frames = frames_of(SIZES)
    for frame in frames:
        peer.send(frame)
        peer.receive()
    # Statistics on demand leave the file whole.
    assert sim.stats()["wire_out_frames"] == len(frames)
    packets = pcapng(out)
    assert [p[2] for p in packets if p[1] == 1] == frames
    assert [p[2] for p in packets if p[1] == 2] == frames
    times = [p[0] for p in packets]
    assert times == sorted(times)
    assert all(ns % 4 == 0 for ns in times)
    for i, frame in enumerate(frames):  # onto the pins, a cycle a beat, and one through the card
        assert times[2 * i + 1] - times[2 * i] == 4 * ((len(frame) + 63) // 64 + 1)


@pytest.mark.skipif(not shutil.which("capinfos"), reason="no capinfos (tshark)")
def test_pcapng_is_what_wireshark_reads(start, tmp_path):
    out = tmp_path / "wire.pcapng"
    sim = start("--wire", f"unix:{tmp_path}/wire.sock", "--pcap", out)
    peer = Peer.to(tmp_path / "wire.sock")
    peer.send(bytes(60))
    peer.receive()
    sim.stop()
    text = subprocess.run(["capinfos", "-M", out], capture_output=True, text=True, check=True).stdout
    assert "nanoseconds (9)" in text
    assert "Number of packets:   2" in text
    assert "Ethernet" in text


def enable_rx(path):
    client = Client(path)
    client.bus_master()
    client.set_reg(CONTROL, RX_ENABLE)
    client.set_reg(RX_TAIL, 8)
    return client


@pytest.mark.parametrize("kind", ["pcap", "pcap-swapped-ns", "pcapng"])
def test_captures_as_wire(start, tmp_path, kind):
    frames = frames_of(SIZES)
    source, out = tmp_path / "in", tmp_path / "out"
    if kind == "pcap":
        wrpcap(str(source), frames, linktype=1)
    elif kind == "pcap-swapped-ns":
        data = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
        source.write_bytes(data + b"".join(struct.pack(">IIII", 1, 2, len(f), len(f)) + f for f in frames))
    else:
        record(start, tmp_path, source, frames)
    sim = start("--wire", f"pcap:{out},{source}")
    with Client(sim.path) as c:
        c.bus_master()
        time.sleep(0.05)
        assert sim.stats()["wire_in_frames"] == 0, "frames before anybody receives"
    expected = frames if kind != "pcapng" else [f for f in frames for _ in (0, 1)]
    with enable_rx(sim.path):
        sim.wait_for(lambda: sim.stats()["peer_out_frames"] == len(expected), "all frames")
    assert f"all {len(expected)} frames" in sim.stop()
    assert [p[2] for p in pcapng(out)] == expected


def record(start, tmp_path, path, frames):
    """Has a simulator write a pcapng: each frame is in it twice, in and out."""
    sim = start("--wire", f"unix:{tmp_path}/wire.sock", "--pcap", path)
    peer = Peer.to(tmp_path / "wire.sock")
    for frame in frames:
        peer.send(frame)
        peer.receive()
    peer.sock.close()
    sim.stop()


@pytest.mark.parametrize(
    "content,words",
    [
        (b"", "not a capture"),
        (b"hello, world, this is no capture", "not a capture"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101), "not a capture"),
    ],
)
def test_capture_that_is_none(tmp_path, content, words):
    (tmp_path / "in").write_bytes(content)
    run = refuse("--socket", tmp_path / "s", "--wire", f"pcap:{tmp_path}/out,{tmp_path}/in")
    assert run.returncode == 1
    assert words in run.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [5, 20])
def test_capture_that_breaks_off(start, tmp_path, cut):
    wrpcap(str(tmp_path / "in"), frames_of([60, 60]), linktype=1)
    data = (tmp_path / "in").read_bytes()
    (tmp_path / "in").write_bytes(data[: -60 - 16 + cut])
    sim = start("--wire", f"pcap:{tmp_path}/out,{tmp_path}/in")
    with enable_rx(sim.path):
        sim.wait_for(lambda: "damaged after frame 1" in sim.log.read_text(), "a word about the damage")
    sim.stop()


def test_loop_brings_frames_back(start, tmp_path):
    """The small card sends back what it gets, so one frame runs in circles until reset."""
    sim = start("--wire", "loop")
    with Client(sim.path) as c:
        c.reset()
    assert sim.stats()["wire_out_frames"] == 0


def can_make_taps():
    return os.geteuid() == 0 and os.path.exists("/dev/net/tun")


@pytest.mark.skipif(not can_make_taps(), reason="making a tap needs root and /dev/net/tun")
def test_tap(start, tmp_path):
    name = f"vsim{os.getpid() % 100000}"
    sim = start("--wire", f"tap:{name}")
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5)) as sock:
        sock.bind((name, 0x88B5))
        sock.settimeout(20)
        frame = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + random.Random(4).randbytes(200)
        sock.send(frame)
        while True:
            data, address = sock.recvfrom(2000)
            if address[2] != socket.PACKET_OUTGOING:
                break
        assert data == frame
    sim.stop()
    assert not os.path.exists(f"/sys/class/net/{name}")


# ---- traces and the command line ---------------------------------------------


def test_trace_is_written(start, tmp_path):
    trace = tmp_path / "card.fst"
    sim = start("--trace", trace, leaks=False)  # Verilator's FST writer leaks at the end
    with Client(sim.path) as c:
        c.set_reg(0x48, 0x12345678)
    sim.stop()
    assert trace.stat().st_size > 500
    assert trace.read_bytes()[0] == 0  # the header block


def refuse(*args):
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1")
    return subprocess.run([SMALL, *map(str, args)], capture_output=True, text=True, timeout=30, env=env)


@pytest.mark.parametrize(
    "args,code,words",
    [
        ([], 2, "--socket PATH is missing"),
        (["--no-such-option"], 2, "no-such-option"),
        (["--socket", "x", "more"], 2, "more: takes no such argument"),
        (["--socket", "x", "--latency", "-1"], 2, "--latency -1: not a number of 0..100000"),
        (["--socket", "x", "--latency", "12q"], 2, "--latency 12q"),
        (["--socket", "x", "--wire-rate", "100000"], 2, "--wire-rate 100000"),
        (["--socket", "x", "--wire", "carrier-pigeon"], 1, "--wire carrier-pigeon: not none, loop"),
        (["--socket", "x", "--wire", "tap:"], 1, "--wire tap:: not"),
        (["--socket", "x", "--wire", "tap:a-name-that-is-too-long"], 1, "more than 15 characters"),
        (["--socket", "x", "--wire", "unix-connect:/nonexistent/x"], 1, "No such file"),
        (["--socket", "x", "--wire", "pcap:/nonexistent/x"], 1, "output /nonexistent/x: No such file"),
        (["--socket", "x", "--mac", "02:00:00:00:00"], 2, "--mac 02:00:00:00:00: not a station's address"),
        (["--socket", "x", "--mac", "02:00:00:00:00:0g"], 2, "--mac 02:00:00:00:00:0g: not"),
        (["--socket", "x", "--mac", "2:0:0:0:0:01"], 2, "--mac 2:0:0:0:0:01: not"),
        (["--socket", "x", "--mac", "02:00:00:00:00:01:"], 2, "--mac 02:00:00:00:00:01:: not"),
        (["--socket", "x", "--mac", "01:00:5e:00:00:01"], 2, "--mac 01:00:5e:00:00:01: not"),
        (["--socket", "x", "--mac", "00:00:00:00:00:00"], 2, "--mac 00:00:00:00:00:00: not"),
        (["--socket", "x", "--pcap", "/nonexistent/x"], 1, "--pcap /nonexistent/x: No such file"),
        (["--socket", "x", "--firmware", "/nonexistent/x"], 1, "--firmware /nonexistent/x: No such file"),
        (["--socket", "/nonexistent/x"], 1, "--socket /nonexistent/x: No such file"),
        (["--socket", "x" * 200], 1, "File name too long"),
    ],
)
def test_usage(args, code, words):
    run = refuse(*args)
    assert (run.returncode, run.stdout) == (code, "")
    assert words in run.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version(option):
    run = refuse(option)
    assert run.returncode == 0
    assert "vesper-sim" in run.stdout
    assert run.stderr == ""


def test_help_names_every_option():
    text = refuse("--help").stdout
    for (
        option
    ) in "socket wire wire-rate pcap trace mac latency firmware stats verbose quiet version help".split():
        assert f"--{option}" in text


@pytest.mark.parametrize(
    "args, mac", [([], "02:56:53:50:00:01"), (["--mac", "0A:1b:2c:3d:4e:5f"], "0a:1b:2c:3d:4e:5f")]
)
def test_address(start, args, mac):
    """The card's pin has it, byte 0 first."""
    with Client(start(*args).path) as c:
        assert struct.pack("<IH", c.reg(0x24), c.reg(0x28)).hex(":") == mac


def test_socket_of_a_dead_process_is_replaced(start, tmp_path):
    first = start()
    first.kill()
    assert first.path.is_socket()
    second = start()
    with Client(second.path) as c:
        assert c.info()[0] == 3


def test_socket_in_use_is_left_alone(start, tmp_path):
    sim = start()
    run = refuse("--socket", sim.path)
    assert run.returncode == 1
    assert "Address already in use" in run.stderr
    (tmp_path / "file").write_text("precious")
    run = refuse("--socket", tmp_path / "file")
    assert run.returncode == 1
    assert (tmp_path / "file").read_text() == "precious"
    with Client(sim.path) as c:
        assert c.info()[0] == 3


def test_statistics_on_standard_output(tmp_path):
    path = tmp_path / "s"
    process = subprocess.Popen([SMALL, "--socket", path, "--quiet"], stdout=subprocess.PIPE, text=True)
    while not path.is_socket():
        time.sleep(0.01)
    process.send_signal(10)
    line = process.stdout.readline()
    process.terminate()
    rest = process.stdout.read()
    process.stdout.close()
    process.wait(20)
    assert line == "{\n"
    assert json.loads(line + rest)["cycles"] > 0
    assert process.returncode == 0


def test_warnings_cannot_fill_a_disk(start):
    sim = start()
    with Client(sim.path) as c:
        for _ in range(20):
            for _ in range(100):
                c.send(99)
            for _ in range(100):
                assert c.receive()[3]
    assert sim.stop().count("command 99") < 1000
