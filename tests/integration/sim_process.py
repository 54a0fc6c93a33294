# SPDX-License-Identifier: BSD-2-Clause
"""Starts vesper-sim for a test, and looks at how it ends."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "build" / "sim" / "vesper-sim-small"
CARD = ROOT / "build" / "bin" / "vesper-sim"


class Sim:
    """A running simulator; `text` holds what it wrote when it has ended."""

    def __init__(self, program, directory, *args, leaks=True):
        if not program.is_file():
            pytest.fail(f"{program} is not built")
        self.path = directory / "card.sock"
        self.stats_path = directory / "stats.json"
        self.log = directory / "sim.log"
        self.text = ""
        env = dict(os.environ, ASAN_OPTIONS=f"detect_leaks={int(leaks)}:exitcode=99")
        env["UBSAN_OPTIONS"] = "print_stacktrace=1"
        stale = self.identity()
        command = [program, "--socket", self.path, "--stats", self.stats_path, *args]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, env=env)
        self.wait_for(lambda: self.path.is_socket() and self.identity() != stale, "its socket")

    def identity(self):
        """Tells a socket from one that an earlier process left at the same path.

        The simulator removes the earlier one at any moment, so existence is not asked beforehand.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_ctime_ns

    def wait_for(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                pytest.fail(f"no {what} within {seconds} s:\n{self.log.read_text()}")
            time.sleep(0.005)

    def stats(self):
        """What SIGUSR1 has it write."""
        before = self.stats_path.stat().st_mtime_ns if self.stats_path.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        self.wait_for(
            lambda: self.stats_path.exists() and self.stats_path.stat().st_mtime_ns != before, "statistics"
        )
        return json.loads(self.stats_path.read_text())

    def cpu_ticks(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def rss(self):
        """Largest resident size so far, bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, how=signal.SIGTERM):
        """Ends it and checks that it ended well."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            status = "none within 30 s of the signal"
        self.text = self.log.read_text()
        assert status == 0, f"vesper-sim ended with status {status}:\n{self.text[-4000:]}"
        assert "runtime error" not in self.text, self.text[-4000:]
        assert not self.path.exists(), "the socket was left behind"
        return self.text
