# SPDX-License-Identifier: BSD-2-Clause
"""Build a SystemVerilog top with Verilator and run cocotb tests on it.

One call does both:

    from runner import run

    def test_fifo():
        run("fifo", ["rtl/common/fifo.sv"], "cocotb_fifo", parameters={"DEPTH": 4})

Paths are relative to the repository's root. The model is built below
build/cocotb/, once for each set of switches, and again only when a source
changed; several pytest workers may ask for the same one.
"""

import fcntl
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import cocotb_tools.config
import pytest
from cocotb_tools.runner import get_results, get_runner

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"

# Registers and unassigned values start random, and differ with the seed: what
# a reset forgets shows in a test, not on a board.
VERILATOR_FLAGS = [
    "--cc", "--exe", "--vpi", "--assert", "-Wall", "-O3",
    "--x-assign", "unique", "--x-initial", "unique",
    "--timescale", "1ns/1ps", "--prefix", "Vtop",
    # A bench sees the ports, not the whole hierarchy, else each model would
    # carry every signal as public and Verilator could optimise nothing.
    "--public-depth", "1",
]  # fmt: skip

TAIL_LINES = 60

# `make coverage`: models count lines and toggles, each run leaves coverage.dat beside its log.
COVERAGE = os.environ.get("VESPER_COVERAGE", "0") not in ("", "0")
# Counters keep Verilator from taking a process apart, and a false loop between the parts of two is then one for it.
COVERAGE_FLAGS = ["--coverage-line", "--coverage-toggle", "-Wno-UNOPTFLAT"]


def _environment():
    """The environment with this repository's Verilator first in PATH."""
    env = dict(os.environ)
    root = Path(sysconfig.get_path("purelib")) / "verilator"
    env["VERILATOR_ROOT"] = str(root)
    env["PATH"] = os.pathsep.join([str(root / "bin"), str(Path(sys.executable).parent), env["PATH"]])
    env.setdefault("CCACHE_DIR", str(BUILD / "ccache"))
    return env


def _tail(path):
    lines = Path(path).read_text(errors="replace").splitlines()
    return "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines[-TAIL_LINES:])


def _absolute(path):
    path = Path(path)
    return path if path.is_absolute() else ROOT / path


def _parameter(value):
    if isinstance(value, bool):
        return "1'b1" if value else "1'b0"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def _check(command, cwd, env, log, what):
    with open(log, "a") as out:
        print("$", *command, file=out, flush=True)
        result = subprocess.run(command, cwd=cwd, env=env, stdout=out, stderr=subprocess.STDOUT)
    if result.returncode:
        pytest.fail(f"{what} (status {result.returncode}), {log}:\n{_tail(log)}", pytrace=False)


def build(top, sources, parameters=None, includes=(), defines=None, waves=False, extra_args=(), opt="-O1"):
    """Build the model of module `top` and return its directory.

    sources: .sv, .v and .vlt files, packages first.
    parameters: of the top; int, bool or str.
    includes: directories for `include.
    defines: macro name to value (None: defined without one).
    waves: build with FST tracing.
    extra_args: further switches for Verilator.
    opt: the compiler's optimisation: -O1 builds quickly, -O3 runs faster.
    Fails the calling pytest test with the log's tail if it does not build.
    """
    parameters = parameters or {}
    defines = defines or {}
    sources = [_absolute(s) for s in sources]
    for source in sources:
        if not source.is_file():
            pytest.fail(f"source of {top} does not exist: {source}", pytrace=False)

    flags = VERILATOR_FLAGS + ["--top-module", top, "-o", top]
    flags += [f"-I{_absolute(i)}" for i in includes]
    flags += [f"-D{n}" if v is None else f"-D{n}={v}" for n, v in defines.items()]
    flags += [f"-G{n}={_parameter(v)}" for n, v in parameters.items()]
    flags += ["--trace-fst", "--trace-structs"] if waves else []
    flags += COVERAGE_FLAGS if COVERAGE else []
    flags += list(extra_args)

    key = json.dumps([flags, [str(s) for s in sources], opt])
    directory = BUILD / "cocotb" / f"{top}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    directory.mkdir(parents=True, exist_ok=True)
    env = _environment()
    libs = cocotb_tools.config.libs_dir
    flags += [
        "--Mdir", str(directory), "-CFLAGS", "-std=gnu++17",
        "-LDFLAGS", f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator",
        str(cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"),
    ]  # fmt: skip

    with open(directory / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        log = directory / "build.log"
        log.write_text("")
        verilator = str(Path(env["VERILATOR_ROOT"]) / "bin" / "verilator")
        _check([verilator, *flags, *map(str, sources)], ROOT, env, log, f"Verilator refuses {top}")
        make = ["make", "-s", "-f", "Vtop.mk", f"OPT_FAST={opt}", f"OPT_GLOBAL={opt}"]
        # Most models take less time than by g++, the engine's logic form half of it.
        make += ["CXX=clang++-19", "LINK=clang++-19"]
        # All in one go: a third of what two precompiled headers and tens of files cost, and pytest has a worker a core.
        make += ["VM_PARALLEL_BUILDS=0"]
        if shutil.which("ccache"):
            make += ["OBJCACHE=ccache"]
        # Not below another make's job server: its descriptors are not ours.
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
            env.pop(name, None)
        _check(make, directory, env, log, f"the model of {top} does not compile")
    return directory


def simulate(
    top, directory, test_module, testcase=None, seed=None, plusargs=(), env=None, waves=False, name=None
):
    """Run the cocotb tests of `test_module` on the model of `top` in `directory`.

    seed: of Python's and of the registers' initial values; by default
    VESPER_SEED from the environment, or 1, so that a failure comes again.
    Returns how many cocotb tests passed. Fails the calling pytest test with
    the log's tail if one fails, if the simulator ends early or if none ran.
    """
    seed = int(os.environ.get("VESPER_SEED", 1)) if seed is None else seed
    current = os.environ.get("PYTEST_CURRENT_TEST", test_module).rsplit("::")[-1].split(" ")[0]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", name or current)
    run_dir = directory / f"run-{name}"
    run_dir.mkdir(exist_ok=True)
    log, results = run_dir / "run.log", run_dir / "results.xml"
    extra = {"COCOTB_ANSI_OUTPUT": "0", **{k: str(v) for k, v in (env or {}).items()}}
    runner = get_runner("verilator")
    error = None
    try:
        runner.test(
            test_module=test_module,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=directory,
            test_dir=run_dir,
            testcase=testcase,
            seed=seed,
            plusargs=[f"+verilator+seed+{seed % 2147483647 or 1}", "+verilator+rand+reset+2", *plusargs],
            extra_env=extra,
            waves=waves,
            results_xml=str(results),
            log_file=log,
        )
    except (SystemExit, RuntimeError) as stopped:
        error = stopped
    if not results.is_file():
        pytest.fail(f"no result from {test_module} ({error}), {log}:\n{_tail(log)}", pytrace=False)
    ran, failed = get_results(results)
    if failed or error is not None:
        pytest.fail(
            f"{failed} of {ran} cocotb tests failed in {test_module} (seed {seed}), {log}:\n{_tail(log)}",
            pytrace=False,
        )
    if not ran:
        pytest.fail(f"{test_module}: no cocotb test ran, {log}:\n{_tail(log)}", pytrace=False)
    return ran


def run(
    top,
    sources,
    test_module,
    parameters=None,
    includes=(),
    defines=None,
    waves=False,
    extra_args=(),
    opt="-O1",
    testcase=None,
    seed=None,
    plusargs=(),
    env=None,
):
    """Build `top` (see build) and run `test_module` on it (see simulate).

    WAVES=1 in the environment records run-<test>/dump.fst beside the model.
    """
    waves = waves or os.environ.get("WAVES", "0") not in ("", "0")
    # The test module may stand beside the caller, wherever pytest found it.
    beside = str(Path(inspect.stack()[1].filename).resolve().parent)
    if beside not in sys.path:
        sys.path.insert(0, beside)
    directory = build(top, sources, parameters, includes, defines, waves, extra_args, opt)
    return simulate(top, directory, test_module, testcase, seed, plusargs, env, waves)
