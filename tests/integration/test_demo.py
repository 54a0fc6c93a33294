# SPDX-License-Identifier: BSD-2-Clause
"""The demo itself: it passes, and it fails when something differs."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "tests" / "demo"
sys.path.insert(0, str(DEMO))

import demo  # noqa: E402
import traffic  # noqa: E402

needs_card = pytest.mark.skipif(
    not all((ROOT / "build" / "bin" / p).exists() for p in ("vesper", "vesper-sim")),
    reason="build/bin/vesper-sim is not built",
)
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


def packets():
    """Every inner length from 20 to 120 bytes, then some up to what fits a frame, of three protocols."""
    head = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.1.0.1", dst="10.2.0.1")
    bodies = [UDP(sport=53, dport=4000), TCP(sport=80, dport=4001), ICMP()]
    for size in [*range(0, 100), 500, 1000, 1399, 1400, 1401]:
        body = bodies[size % 3] if size >= 20 else b""
        yield head / body / os.urandom(size - len(body) if size >= 20 else size)


@needs_card
@needs_tshark
def test_demo_with_a_capture(tmp_path):
    wrpcap(str(tmp_path / "in.pcap"), list(packets()))
    command = [
        sys.executable,
        DEMO / "demo.py",
        "--capture",
        tmp_path / "in.pcap",
        "--directory",
        tmp_path / "out",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All 105 packets: decrypted by tshark, returned by the card" in result.stdout
    assert re.search(r"dropped +none +none", result.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_recorded_traffic(tmp_path):
    try:
        capture = traffic.record(tmp_path, downloads=(20_000, 1))
    except traffic.TrafficError as error:
        if "Operation not permitted" in str(error):
            pytest.skip(f"no network namespaces here: {error}")
        raise
    frames = demo.frames(capture)
    protocols = {frame[23] for frame in frames}
    assert protocols == {1, 6, 17}, "ping, HTTP and DNS"
    assert len(frames) > 2 * len(traffic.PING_SIZES)
    assert not subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout.count(
        f"vesper-{os.getpid()}"
    )


def fake_sudo(directory, script):
    """A directory for PATH with a `sudo` that runs the script."""
    directory.mkdir()
    (directory / "sudo").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "sudo").chmod(0o755)
    return str(directory)


@pytest.fixture
def work_of_nobody():
    """A directory that others may reach, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="vesper-") as directory:
        yield directory


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_recorded_through_sudo(tmp_path, work_of_nobody, monkeypatch):
    """A caller who is not root: sudo makes the namespaces, and what is left is the caller's."""
    user = pwd.getpwnam("nobody")
    log = tmp_path / "sudo.log"
    bin_ = fake_sudo(tmp_path / "bin", f'echo sudo "$@" >> {log}\n[ "$1" = -n ] || exit 1\nshift\nexec "$@"')
    work = Path(work_of_nobody)
    os.chown(work, user.pw_uid, user.pw_gid)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: user.pw_uid)
    try:
        capture = traffic.record(work, downloads=(20_000, 1))
    except traffic.TrafficError as error:
        if "Operation not permitted" in str(error):
            pytest.skip(f"no network namespaces here: {error}")
        raise
    assert capture.stat().st_uid == user.pw_uid
    assert {frame[23] for frame in demo.frames(capture)} == {1, 6, 17}
    asked = log.read_text()
    for command in ("ip netns add", "ip netns delete", "sh -c kill -TERM"):
        assert f"sudo -n {command}" in asked
    assert (
        f"vesper-{os.getpid()}" not in subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
    )


@pytest.mark.parametrize(
    ("script", "wanted"),
    [(None, "sudo is not installed"), ("echo a password is required >&2; exit 1", "a password is required")],
)
def test_recorded_without_root(tmp_path, monkeypatch, script, wanted):
    """Neither root nor sudo: a sentence about it, and nothing is made."""
    which = shutil.which
    bin_ = fake_sudo(tmp_path / "bin", script or "exit 1")
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(
        shutil, "which", lambda name, **more: None if name == "sudo" and not script else which(name, **more)
    )
    with pytest.raises(traffic.TrafficError, match=wanted):
        traffic.record(tmp_path / "work")
    assert not (tmp_path / "work").exists()


@needs_card
@needs_tshark
@pytest.mark.parametrize("what", ["wire", "key", "back", "software"])
def test_demo_sees_a_difference(tmp_path, monkeypatch, what):
    """One bit in what one side produced, and the demo names packet and byte."""
    wrpcap(str(tmp_path / "in.pcap"), list(packets())[:20])
    run = demo.vesper

    def tampering(*arguments):
        output = run(*arguments)
        software = "--software" in arguments
        if what == "software" and software or what == "back" and arguments[0] == "receive":
            flip(tmp_path / "out" / ("software.pcap" if software else "back.pcap"), -1)
        if what == "key" and arguments[0] == "encrypt" and not software:
            line = (tmp_path / "out" / "esp_sa.txt").read_text()
            (tmp_path / "out" / "esp_sa.txt").write_text(
                line.replace('"0x', '"0xff', 2).replace("0xff", "0x", 1)
            )
        return output

    read = demo.frames

    def tampered_frames(path):
        frames = read(path)
        if what == "wire" and path.name == "wire.pcapng":
            frames[7] = frames[7][:60] + bytes([frames[7][60] ^ 1]) + frames[7][61:]
        return frames

    monkeypatch.setattr(demo, "vesper", tampering)
    monkeypatch.setattr(demo, "frames", tampered_frames)
    with pytest.raises((demo.DemoError, RuntimeError)) as error:
        demo.run(tmp_path / "out", tmp_path / "in.pcap")
    wanted = {
        "wire": "packet 8 differs at byte 60",
        "key": "tshark",
        "back": "what came back: packet 20 differs",
        "software": "the card's ciphertext beside the software's: packet 20 differs",
    }[what]
    assert wanted in str(error.value)


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
