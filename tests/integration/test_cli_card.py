# SPDX-License-Identifier: BSD-2-Clause
"""The command's calls that need a card: info, sa, stats, selftest, bench, receive."""

import json
import os

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap
from sim_process import CARD, Sim
from test_cli import vesper

SA = "spi = 0x{spi:x}\nsource = 192.0.2.1\ndestination = 192.0.2.2\nreplay-window = 128\n"

pytestmark = pytest.mark.skipif(not CARD.is_file(), reason=f"{CARD.name} is not built")


@pytest.fixture
def card(tmp_path):
    """A function that runs the command on a card of its own; `sa` files stand in tmp_path."""
    sim = Sim(CARD, tmp_path, "--wire", "loop", leaks=False)
    (tmp_path / "key").write_text(os.urandom(36).hex())
    for spi in (0x1001, 0x1002):
        (tmp_path / f"{spi:x}.sa").write_text(SA.format(spi=spi))

    def run(*arguments, **kwargs):
        return vesper(*arguments, env={"VESPER_CARD": str(sim.path)}, **kwargs)

    yield run
    sim.stop()


def sa_options(tmp_path, spi):
    return ["--sa", tmp_path / f"{spi:x}.sa", "--key-file", tmp_path / "key"]


def test_sa_add_list_del(card, tmp_path):
    assert card("sa", "list") == ""
    out = card("sa", *sa_options(tmp_path, 0x1001), "add").strip()
    inbound = card("sa", *sa_options(tmp_path, 0x1002), "--direction", "in", "add").strip()
    assert out != inbound
    assert "exists" in card("sa", *sa_options(tmp_path, 0x1001), "add", status=1)

    listed = json.loads(card("sa", "--json", "-", "list"))
    assert [(sa["direction"], sa["spi"], sa["replay_window"]) for sa in listed] == [
        ("out", 0x1001, 0),
        ("in", 0x1002, 128),
    ]
    assert {int(out, 0), int(inbound, 0)} == {sa["handle"] for sa in listed}
    text = card("sa", "list")
    assert out in text and "192.0.2.1 -> 192.0.2.2" in text
    key = (tmp_path / "key").read_text()
    assert key[:16] not in text + json.dumps(listed)

    card("sa", "del", out)
    assert "handle" in card("sa", "del", out, status=1)
    assert [sa["spi"] for sa in json.loads(card("sa", "--json", "-", "list"))] == [0x1002]
    assert "is not a handle" in card("sa", "del", "0x1g", status=2)


def test_info_selftest_stats_bench(card):
    info = card("info")
    assert "Vesper card" in info and "self-test  passed" in info
    assert "passed" in card("selftest")
    result = json.loads(card("bench", "--count", 300, "--size", 200, "--json", "-"))
    assert (result["packets"], result["passed"], result["drops"]) == (300, 300, {})
    assert result["cycles"] > 300
    stats = json.loads(card("stats", "--json", "-"))
    assert stats["tx"] == {"ok": 300}
    assert "300" in card("stats")
    # A frame that the card refuses is counted under its reason.
    refused = json.loads(card("bench", "--count", 5, "--size", 1434, "--mtu", 1000, "--json", "-"))
    assert refused["drops"] == {"too_big": 5}
    assert json.loads(card("stats", "--json", "-"))["tx"] == {"ok": 300, "too_big": 5}


def test_wire_loop(card, tmp_path):
    """Sent as ESP, looped back by the wire, decrypted on receipt."""
    head = (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    )
    frames = [head / os.urandom(n) for n in range(1, 60)]
    wrpcap(str(tmp_path / "in.pcap"), frames)
    card("sa", *sa_options(tmp_path, 0x1001), "--direction", "in", "add")
    # Once a program has received, the card's wire is open, and what comes waits in the rings.
    card("receive", "--timeout", "1", "-o", tmp_path / "none.pcap")
    assert not rdpcap(str(tmp_path / "none.pcap"))
    arguments = [*sa_options(tmp_path, 0x1001), "--wire", "--json", "-", tmp_path / "in.pcap"]
    assert json.loads(card("encrypt", *arguments))["passed"] == len(frames)
    inbound = json.loads(card("sa", "--json", "-", "list"))
    assert [(sa["direction"], sa["packets"]) for sa in inbound] == [("in", len(frames))]
    assert json.loads(card("stats", "--json", "-"))["rx"] == {"ok": len(frames)}
