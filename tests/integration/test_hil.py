# SPDX-License-Identifier: BSD-2-Clause
"""The laboratory of virtual machines: its quickest scenario, and the parts of it that need no guest."""

import importlib.machinery
import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
HIL = ROOT / "tests" / "hil"
sys.path.insert(0, str(HIL))

import guest_matrix  # noqa: E402
import lab  # noqa: E402
import vpn  # noqa: E402

STATE = """src 192.0.2.1 dst 192.0.2.2
	proto esp spi 0xc3a5ae7f(3282415231) reqid 2(0x00000002) mode tunnel
	replay-window 0 seq 0x00000000 flag af-unspec esn (0x10100000)
	aead rfc4106(gcm(aes)) 0x00112233 (288 bits) 128
	crypto offload parameters: dev vesper0 dir out mode crypto
	lifetime config:
	  limit: soft (INF)(bytes), hard (INF)(bytes)
	lifetime current:
	  2754(bytes), 37(packets)
src 192.0.2.2 dst 192.0.2.1
	proto esp spi 0xc3471419(3276215321) reqid 0(0x00000000) mode tunnel
	lifetime current:
	  0(bytes), 0(packets)
"""


# Longer than each takes for itself: other tests run beside it.
DEADLINE_SECONDS = 900


def missing():
    """Why no guest can be started here, or None."""
    reason = ROOT / "build" / "hil" / "root.missing"
    if reason.exists():
        return reason.read_text().strip()
    if not (ROOT / "build" / "hil" / "root" / "lib" / "modules").is_dir():
        return "no laboratory: make hil-module makes it"
    if not list((ROOT / "build" / "linux").glob("*/vesper.ko")):
        return "no kernel module: make hil-module makes it"
    if not Path(os.environ.get("VESPER_SIM", ROOT / "build" / "bin" / "vesper-sim")).exists():
        return "build/bin/vesper-sim is not built"
    return None


@pytest.mark.xdist_group("hil")  # two at once would only be in each other's way
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.parametrize("scenario", ["boot", "link", "nic", "death"])
def test_scenario(scenario, tmp_path):
    """Probe, ping, TCP, every ethtool and devlink call, removal under traffic, a killed card and a new one, leaks."""
    command = [sys.executable, HIL / "run", "--out", tmp_path, "--timeout", str(DEADLINE_SECONDS)]
    command.append(f"{scenario}@stock")
    result = subprocess.run(command, capture_output=True, text=True)
    ends = [
        f"{file}:\n" + "\n".join(file.read_text().splitlines()[-30:]) for file in tmp_path.glob("*/*/out")
    ]
    assert result.returncode == 0, "\n".join([result.stdout + result.stderr, *ends])


def test_states():
    found = vpn.states(STATE)
    assert list(found) == ["0xc3a5ae7f"]  # one without keys is the kernel's place-holder
    sa = found["0xc3a5ae7f"]
    assert (sa["packets"], sa["bytes"], sa["offload"], sa["icv"]) == (37, 2754, "crypto", 128)
    assert "esn" in sa["flags"]


def test_packets_that_come_too_early(tmp_path):
    """The peer may send with an SA before its answer is here: no SA, or only its SPI, or not yet in the driver."""

    class Lab:
        folder = tmp_path

    (tmp_path / "gateway1").mkdir()
    (tmp_path / "gateway1" / "xfrm_stat").write_text("XfrmInNoStates 1\nXfrmInError 5\nXfrmAcquireError 2\n")
    (tmp_path / "gateway1" / "ethtool").write_text("     queue0_rx_dropped: 4\n     queue1_rx_packets: 9\n")
    assert vpn.dropped(Lab, "gateway1") == 7


def test_matrix_messages():
    cases = guest_matrix.cases()
    assert len({tuple(case.values()) for case in cases}) == len(cases) == 96
    for number, case in enumerate(cases):
        message = guest_matrix.sa_message(number, case, 1, 2, True, "lo", "crypto")
        size, kind = struct.unpack_from("=IH", message)
        assert (size, kind) == (len(message), 16)
        assert struct.unpack_from(">I", message, 16 + 56 + 16)[0] == 0x1000 + 2 * number + 1


def test_signals_of_a_card(tmp_path, monkeypatch):
    """With --trace each card is told to write its signals; without the simulator that can, the make target is named."""
    sim = tmp_path / "vesper-sim"
    sim.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/told\n: >"$2"\nexec sleep 60\n')
    sim.chmod(0o755)
    monkeypatch.setenv("VESPER_SIM", str(sim))
    with pytest.raises(lab.Failure, match="make vesper-sim-trace"):
        lab.Lab(tmp_path, tmp_path / "out", trace=True)
    for trace in (False, True):
        machines = SimpleNamespace(cards=[], folder=tmp_path / str(trace), work=tmp_path, trace=trace)
        lab.Card(machines, "card", "none").stop()
        assert (f"--trace {machines.folder}/card/card.fst" in (tmp_path / "told").read_text()) == trace


def test_unknown_scenario():
    result = subprocess.run([sys.executable, HIL / "run", "nonsense"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "no scenario nonsense; there are: " in result.stderr


@pytest.fixture
def run():
    """tests/hil/run as a module."""
    loader = importlib.machinery.SourceFileLoader("hil_run", str(HIL / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_names(run):
    """A name means all that begins so, up to a part's end; any kernel may be named with what there is."""
    known = dict.fromkeys(["link", "link@oldest", "offices:no", "offices:packet", "offices:packet@newest"])
    assert run.chosen("link", known) == ["link", "link@oldest"]
    assert run.chosen("offices", known) == ["offices:no", "offices:packet", "offices:packet@newest"]
    assert run.chosen("offices:packet", known) == ["offices:packet", "offices:packet@newest"]
    assert run.chosen("offices:no@7.3.4+deb13-amd64", known) == ["offices:no@7.3.4+deb13-amd64"]
    assert (
        run.chosen("lin", known) == run.chosen("offices@oldest", known) == run.chosen("a@stock", known) == []
    )
    assert run.parts("offices:no@oldest") == ("offices", "no", "oldest")
    assert run.parts("link") == ("link", None, "stock")


def test_scenarios_on_other_kernels(run):
    """What is run beside the stock kernel is of a scenario that there is, with a parameter that it has."""
    known = run.scenarios()
    others = [name for name in known if "@" in name]
    assert others
    assert {run.parts(name)[2] for name in others} == {"oldest", "newest"}
    assert all(name.partition("@")[0] in known for name in others)


def test_kernel_by_its_name(tmp_path):
    """Its version or its name in the folder; one that is not there is no failure of the scenario, and is said."""
    folder = SimpleNamespace(root=tmp_path)
    (tmp_path / "opt" / "kernels").mkdir(parents=True)
    (tmp_path / "opt" / "kernels" / "stock").write_text("6.12.9-amd64\n")
    (tmp_path / "lib" / "modules" / "6.12.9-amd64").mkdir(parents=True)
    for name in ("stock", "6.12.9-amd64"):
        assert lab.Lab.version(folder, name) == "6.12.9-amd64"
    with pytest.raises(lab.Skipped, match="no kernel oldest in .*build-root FOLDER all"):
        lab.Lab.version(folder, "oldest")
    folder.kernel = "6.12.9-amd64"
    assert [lab.Lab.before(folder, series) for series in ("6.2", "6.12", "6.13", "7.0")] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("named", [False, True])
def test_scenario_that_cannot_be_run(run, tmp_path, monkeypatch, capsys, named):
    """It is skipped, with the reason, and never passed; asked for by its name it fails."""

    def skip(*_):
        raise run.Skipped("no module")

    monkeypatch.setattr(run, "Lab", lambda *_: SimpleNamespace(close=lambda: None))
    # A shell waits for its user, so it is not one of all.
    shell = SimpleNamespace(run=lambda _: pytest.fail("a shell"), INTERACTIVE=True)
    monkeypatch.setattr(run, "scenarios", lambda: {"some:new": SimpleNamespace(run=skip), "shell": shell})
    monkeypatch.setattr(sys, "argv", ["run", "--out", str(tmp_path)] + ["some:new"] * named)
    assert run.main() == named
    said = capsys.readouterr().out
    assert f"some:new {'FAILED' if named else 'skipped'} in 0 s: no module" in said
    case = ElementTree.parse(tmp_path / "junit.xml").find("testcase")
    assert (case.find("skipped") is None, case.find("failure") is None) == (named, not named)
