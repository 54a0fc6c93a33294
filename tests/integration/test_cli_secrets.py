# SPDX-License-Identifier: BSD-2-Clause
"""No key in what `vesper` says, also when its files are taken for each other."""

import random
import subprocess

import pytest
from sim_process import ROOT


@pytest.mark.parametrize(
    "form", [bytes.hex, lambda key: "0x" + key.hex(":").upper(), lambda key: key.hex(" ", 4)]
)
def test_key_file_as_sa_file(tmp_path, form):
    text = form(random.Random(1).randbytes(36))
    (tmp_path / "key").write_text(text + "\n")
    (tmp_path / "sa").write_text("spi = 0x1001\n")
    run = subprocess.run(
        [
            ROOT / "build" / "bin" / "vesper",
            *("encrypt", "--software", "--sa", tmp_path / "key", "--key-file", tmp_path / "sa"),
            *("--output", tmp_path / "out.pcap", tmp_path / "in.pcap"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert text[2:10] not in run.stdout + run.stderr
    assert f"{tmp_path / 'key'}:1:" in run.stderr and "--key-file" in run.stderr
