# SPDX-License-Identifier: BSD-2-Clause
"""Management block with its real firmware, the real SA table and the real engines."""

import subprocess
from pathlib import Path

import pytest
from gcm.sources import BY_INSTRUCTIONS, DEFINES
from runner import ROOT, run

FIRMWARE = ROOT / "build/firmware/vesper-fw.hex"


def listed(path):
    return Path(ROOT / path).read_text().split()


SOURCES = [
    "build/gen/vesper_abi_pkg.sv",
    "rtl/vesper_pkg.sv",
    *listed("rtl/gcm/gcm_engine.f"),
    "rtl/csr/csr_pkg.sv",
    "rtl/lib/fifo.sv",
    *listed("rtl/sa/sa_table.f"),
    *(s for s in listed("rtl/policy/policy.f") if s not in listed("rtl/sa/sa_table.f")),
    *listed("rtl/mgmt/vesper_mgmt.f"),
    "tests/rtl/mgmt/bench.vlt",
    "tests/rtl/mgmt/mgmt_bench.sv",
    *BY_INSTRUCTIONS,
]


@pytest.fixture(scope="module", autouse=True)
def firmware():
    """Make it and the generated sources, so that this file also runs alone."""
    made = [str(FIRMWARE.relative_to(ROOT))] + [s for s in SOURCES if s.startswith("build/gen/")]
    subprocess.run(["make", "-s", *made], cwd=ROOT, check=True)


def bench(testcase, image=FIRMWARE, module="cocotb_mgmt"):
    plusargs = [f"+firmware={image}"]
    return run("mgmt_bench", SOURCES, f"mgmt.{module}", defines=DEFINES, testcase=testcase, plusargs=plusargs)


TESTS = [
    "boots",
    "identifies",
    "fills_up",
    "erases_keys",
    "counts",
    "snapshot_is_one_moment",
    "resets",
    "mailbox_belongs_to_one",
    "selftest_fails_later",
    "selftest_fails_at_boot",
    "boot_overwrites_round_keys",
    "jobs_between_packets",
    "stalled_engine",
]


@pytest.mark.parametrize("name", TESTS)
def test_mgmt(name):
    assert bench(name) == 1


REQUESTS = [
    "installs",
    "refuses",
    "refuses_frames",
    "sa_add_cycles",
    "keys_pass_by",
    "leases",
    "udp_ports",
    "maps_dscps",
    "policies",
]


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(name):
    assert bench(name, module="cocotb_requests") == 1


DEADLY = {
    "trap": ["00100073"],  # ebreak
    "nowhere": ["40000537", "00052583"],  # a load from where nothing is
    "image": ["00002023"],  # a store to the image
    "key": ["30000537", "10052583"],  # a load of the key, which is never answered
}


@pytest.mark.parametrize("words", DEADLY.values(), ids=DEADLY.keys())
def test_dead_firmware(words, tmp_path):
    image = tmp_path / "bad.hex"
    image.write_text("\n".join(words) + "\n")
    assert bench("dies", image) == 1
