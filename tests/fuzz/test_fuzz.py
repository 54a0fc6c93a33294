# SPDX-License-Identifier: BSD-2-Clause
"""Mutated frames, mailbox messages and files: the card and the library agree about each, and nothing is wedged.

FUZZ_SEED=n in the environment for others than usual.
"""

import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz  # noqa: E402

SEED = int(os.environ.get("FUZZ_SEED", 1))


def counters(text, head):
    """{name: count} of the line that starts with `head`."""
    line = re.search(rf"^{head}: (.*)$", text, re.M)
    assert line, text
    return {k: int(v) for k, v in re.findall(r"(\w+):? (\d+)", line.group(1))}


def test_frames(tmp_path):
    status, text = fuzz.card(tmp_path, SEED, frames=10_000, messages=0)
    assert status == 0, text[-8000:]
    kinds = {
        "frames decrypt": "ok no_sa ip_header ip_checksum truncated fragment esp_length replay icv padding "
        "next_header inner dummy not_esp selector ecn encap udp_length",
        "frames encrypt": "ok sa_stale sa_direction seq_exhausted too_big not_ip ip_header ip_checksum "
        "truncated fragment sa_kind spi not_esp ext_header",
        "frames from the wire": "ok no_sa ip_header ip_checksum truncated fragment esp_length replay icv "
        "padding next_header inner dummy runt oversize",
        "frames to the wire": "ok sa_stale sa_direction too_big not_ip ip_header ip_checksum truncated fragment",
    }
    total = 0
    for head, expected in kinds.items():
        seen = counters(text, head)
        total += sum(seen.values())
        # A fuzzer that no longer reaches a verdict says nothing about it.
        assert set(expected.split()) <= set(seen), f"{head}: {text}"
        assert seen["ok"] > sum(seen.values()) / 5, text
    assert total == 10_000


def test_messages(tmp_path):
    status, text = fuzz.card(tmp_path, SEED, frames=0, messages=1000)
    assert status == 0, text[-8000:]
    seen = counters(text, "messages")
    assert sum(seen.values()) == 1000
    assert seen["0"] > 300, text
    # Every refusal but a full table, a failed self-test and a dead block, which no message brings about.
    assert {str(code) for code in range(1, 22) if code not in (18, 20)} <= set(seen), text


def test_selector_is_no_key(tmp_path):
    # In this batch a policy is added whose bytes, where an SA has its key, stand in an answer of before.
    status, text = fuzz.card(tmp_path, 4, frames=0, messages=250, first=178)
    assert status == 0, text[-8000:]


def test_after_a_mad_client(tmp_path):
    """Registers, doorbells and queues set to anything: the next client finds a card that works."""
    status, text = fuzz.card(tmp_path, SEED, frames=40, messages=20, attacks=1000)
    assert status == 0, text[-8000:]


def test_files(tmp_path):
    status, text = fuzz.files(tmp_path, SEED, 4000)
    assert status == 0, text[-8000:]
    for kind in ("SA file", "key file", "pcap", "pcapng"):
        seen = re.search(rf"^{kind}: (\d+) taken, (\d+) refused", text, re.M)
        assert seen and min(map(int, seen.groups())) > 100, text


@pytest.mark.parametrize("seed", [SEED + 1000])
def test_same_seed_same_run(tmp_path, seed):
    """What a failure prints brings it back: the second batch alone is the second batch of two."""
    status, text = fuzz.card(tmp_path, seed, frames=40, messages=20, first=1)
    again = fuzz.card(tmp_path, seed, frames=40, messages=20, first=1)
    assert (status, text) == again == (0, text)
