# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's vfio-user-pci as the client, with no guest (-accel qtest): enumeration, registers, DMA, MSI-X.

Looks for a QEMU that has the device (10.1 or newer): in PATH, or in the Debian
root that VESPER_QEMU_ROOT names (or build/hil/root).
"""

import os
import random
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from sim_process import CARD, ROOT, SMALL, Sim

RAM = 64 << 20
BAR0_AT, BAR2_AT = 0xE0000000, 0xE0100000
SCRATCH, COPY_FROM, COPY_BEATS, COPY_RESP, COPY_VECTOR, COPY_DONE = 0x48, 0x100, 0x110, 0x114, 0x118, 0x11C


def candidates():
    found = shutil.which("qemu-system-x86_64")
    if found:
        yield [found]
    for root in (os.environ.get("VESPER_QEMU_ROOT"), ROOT / "build" / "hil" / "root"):
        loader = Path(root or "/nonexistent") / "lib64" / "ld-linux-x86-64.so.2"
        if loader.exists():
            libraries = f"{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu"
            # The programs' own links are absolute, within the root.
            qemu = f"{root}/usr/bin/qemu-system-x86_64"
            data = [f"{root}/usr/share/{d}" for d in ("qemu", "seabios", "ipxe/qemu")]
            yield [loader.resolve(), "--library-path", libraries, qemu] + [a for d in data for a in ("-L", d)]


def find_qemu():
    for command in candidates():
        listing = subprocess.run([*command, "-device", "help"], capture_output=True, text=True, timeout=60)
        if "vfio-user-pci" in listing.stdout:
            return [str(part) for part in command]
    return None


def environment(command):
    """QEMU looks for its modules at an absolute path, which is another one in a root of its own."""
    if command[0].endswith("qemu-system-x86_64"):
        return None
    return dict(os.environ, QEMU_MODULE_DIR=command[2].split(":")[0] + "/qemu")


class Qemu:
    def __init__(self, command, card, directory):
        log = open(directory / "qemu.log", "wb")
        device = f'{{"driver":"vfio-user-pci","socket":{{"path":"{card}","type":"unix"}},"addr":"5"}}'
        memory = f"memory-backend-memfd,id=m0,size={RAM},share=on"
        machine = ["-M", "q35,memory-backend=m0", "-m", str(RAM >> 20), "-object", memory, "-device", device]
        self.process = subprocess.Popen(
            [*command, "-accel", "qtest", "-qtest", "stdio", "-display", "none", "-nodefaults", *machine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(command),
        )
        log.close()

    def command(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            assert line, f"QEMU ended with {self.process.poll()}"
            if line.startswith("OK"):
                return line.split()[1:]
            assert not line.startswith("FAIL"), line

    def number(self, text):
        return int(self.command(text)[0], 0)

    def config(self, offset, value=None):
        """32-bit access to slot 5 of bus 0."""
        self.command(f"outl 0xcf8 {0x80000000 | 5 << 11 | offset & ~3:#x}")
        if value is None:
            return self.number("inl 0xcfc")
        return self.command(f"outl 0xcfc {value:#x}")

    def read32(self, address):
        return self.number(f"readl {address:#x}")

    def write32(self, address, value):
        self.command(f"writel {address:#x} {value:#x}")

    def write(self, address, data):
        self.command(f"write {address:#x} {len(data)} 0x{data.hex()}")

    def read(self, address, count):
        return bytes.fromhex(self.command(f"read {address:#x} {count}")[0][2:])

    def copy(self, source, target, beats):
        done = self.read32(BAR0_AT + COPY_DONE)
        for i, value in enumerate(struct.unpack("<4I", struct.pack("<QQ", source, target))):
            self.write32(BAR0_AT + COPY_FROM + 4 * i, value)
        self.write32(BAR0_AT + COPY_BEATS, beats)
        end = time.monotonic() + 20
        while self.read32(BAR0_AT + COPY_DONE) == done:
            assert time.monotonic() < end
        return self.read32(BAR0_AT + COPY_RESP)

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def qemu_command():
    command = find_qemu()
    if not command:
        pytest.skip("no QEMU with vfio-user-pci (10.1 or newer)")
    return command


def test_qemu_drives_the_card(qemu_command, tmp_path):
    sim = Sim(SMALL, tmp_path)
    qemu = Qemu(qemu_command, sim.path, tmp_path)
    try:
        assert qemu.config(0) == 0x7E591234, (tmp_path / "qemu.log").read_text()
        assert qemu.config(8) >> 8 == 0x020000
        qemu.config(0x10, 0xFFFFFFFF)
        assert qemu.config(0x10) & ~0xF == 0xFFFE0000
        for at, address in ((0x10, BAR0_AT), (0x18, BAR2_AT)):
            qemu.config(at, address)
            qemu.config(at + 4, 0)
        qemu.config(4, 0x6)

        for value in (0x12345678, 0xA5A5A5A5):
            qemu.write32(BAR0_AT + SCRATCH, value)
            assert qemu.read32(BAR0_AT + SCRATCH) == value

        data = random.Random(1).randbytes(512)
        qemu.write(0x100000, data)
        assert qemu.copy(0x100000, 0x200000, 8) == 0
        assert qemu.read(0x200000, 512) == data
        assert qemu.copy(RAM + 0x1000, 0x200000, 1) & 3 == 3, "beyond the guest's memory"

        # MSI-X: an address in RAM receives the message.
        cap = qemu.config(0x34) & 0xFF
        while qemu.config(cap) & 0xFF != 0x11:
            cap = qemu.config(cap) >> 8 & 0xFF
            assert cap
        for vector, message in ((0, 0xCAFE0000), (1, 0xCAFE0001)):
            for i, value in enumerate((0x300000 + 4 * vector, 0, message, 0)):
                qemu.write32(BAR2_AT + 16 * vector + 4 * i, value)
        qemu.config(cap, qemu.config(cap) | 0x80000000)
        for vector in (0, 1):
            qemu.write32(BAR0_AT + COPY_VECTOR, vector)
            assert qemu.copy(0x100000, 0x200000, 1) == 0
            end = time.monotonic() + 10
            while qemu.read32(0x300000 + 4 * vector) != 0xCAFE0000 + vector:
                assert time.monotonic() < end, f"no message of vector {vector}"

        # Bus mastering off: nothing moves.
        done = qemu.read32(BAR0_AT + COPY_DONE)
        qemu.config(4, 0x2)
        qemu.write32(BAR0_AT + COPY_BEATS, 1)
        assert qemu.read32(BAR0_AT + COPY_DONE) == done
    finally:
        qemu.stop()
    # The next QEMU finds the card again.
    again = Qemu(qemu_command, sim.path, tmp_path)
    try:
        assert again.config(0) == 0x7E591234
    finally:
        again.stop()
    sim.stop()


def test_qemu_sees_the_whole_card(qemu_command, tmp_path):
    """Vesper itself: magic number, and a self-test that passes while QEMU looks on."""
    sim = Sim(CARD, tmp_path)
    qemu = Qemu(qemu_command, sim.path, tmp_path)
    try:
        qemu.config(0x10, BAR0_AT)
        qemu.config(0x14, 0)
        qemu.config(4, 0x6)
        assert qemu.read32(BAR0_AT) == 0x56535052
        end = time.monotonic() + 30
        while qemu.read32(BAR0_AT + 0x14) & 3 != 3:
            assert time.monotonic() < end, "no passed self-test"
    finally:
        qemu.stop()
    sim.stop()
