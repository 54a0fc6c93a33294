# SPDX-License-Identifier: BSD-2-Clause
"""Cards and virtual machines of one scenario: started, wired together, waited for, ended."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]


class Failure(Exception):
    """What went wrong, in one sentence, with the place to look."""


class Skipped(Exception):
    """Why a scenario cannot be run here, in one sentence, with what mends it."""


class Card:
    """A vesper-sim process; its socket, its address, its capture of the wire if it is to be kept, its counters."""

    def __init__(self, lab, name, wire, options=(), capture=True):
        self.mac = f"02:56:53:50:00:{len(lab.cards) + 1:02x}"
        self.name, self.lab = name, lab
        self.folder = lab.folder / name
        self.folder.mkdir(parents=True)
        self.socket = lab.work / f"{name}.card"
        self.wire, self.options, self.capture = wire, options, capture
        self.start()

    def start(self):
        log = open(self.folder / "sim.log", "ab")
        command = [
            lab_sim(),
            "--socket",
            str(self.socket),
            "--wire",
            self.wire,
            "--mac",
            self.mac,
            # Function is looked at here: waiting for a slow host memory would only take the simulator's time.
            "--latency",
            "8",
            "--stats",
            str(self.folder / "stats.json"),
        ]
        if self.lab.trace:
            command += ["--trace", str(self.folder / "card.fst")]
        if self.capture:
            command += ["--pcap", str(self.folder / "wire.pcapng")]
        self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)
        log.close()
        end = time.monotonic() + 30
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failure(f"card {self.name} does not start: see {self.folder / 'sim.log'}")
            time.sleep(0.05)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.socket.unlink(missing_ok=True)


def lab_sim():
    return os.environ.get("VESPER_SIM", str(TOP / "build" / "bin" / "vesper-sim"))


class Vm:
    """A guest with a stock kernel that runs one script; its console, output and exit code stay in its folder."""

    def __init__(
        self,
        lab,
        name,
        script,
        cards=(),
        nics=(),
        memory=384,
        cpus=1,
        append="",
        machine="q35",
        devices=(),
        interactive=False,
    ):
        self.lab, self.name, self.shown = lab, name, 0
        self.folder = lab.folder / name
        self.folder.mkdir(parents=True)
        self.job = lab.work / "jobs" / name
        self.job.mkdir(parents=True)
        (self.job / "script").write_text(script)
        if interactive:
            (self.job / "shell").touch()
        inside = lab.inside
        command = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-M", f"{machine},memory-backend=m0", "-accel", lab.accel, "-cpu", "max", "-smp", str(cpus),
            "-m", str(memory), "-object", f"memory-backend-memfd,id=m0,size={memory}M,share=on",
            "-kernel", f"/boot/vmlinuz-{lab.kernel}", "-initrd", inside(lab.work / "initrd"),
            "-append", f"console=ttyS0 panic=-1 quiet no_timer_check hil.job=jobs/{name} hil.name={name} {append}",
            "-serial", "mon:stdio" if interactive else f"file:{inside(self.job / 'console')}", "-rtc", "base=utc",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
            "-fsdev", "local,id=work,path=/work,security_model=none",
            "-device", "virtio-9p-pci,fsdev=work,mount_tag=work",
            "-device", "virtio-rng-pci",
            "-qmp", f"unix:{inside(lab.work / (name + '.qmp'))},server=on,wait=off",
        ]  # fmt: skip
        for device in devices:
            command += ["-device", device]
        for card in cards:
            path = inside(card.socket)
            command += ["-device", f'{{"driver":"vfio-user-pci","socket":{{"path":"{path}","type":"unix"}}}}']
        for number, (model, netdev, mac) in enumerate(nics):
            command += [
                "-netdev",
                f"{netdev},id=n{number}",
                "-device",
                f"{model},netdev=n{number},mac={mac},romfile=",
            ]
        log = open(self.folder / "qemu.log", "wb")
        stdin, stdout = (None, None) if interactive else (subprocess.DEVNULL, log)
        self.process = subprocess.Popen(lab.enter(command), stdin=stdin, stdout=stdout, stderr=log)
        log.close()

    def result(self):
        """Exit code of the script, None while it runs; a guest that ended without one is a Failure."""
        if self.process.poll() is None:
            return None
        self.collect()
        if not (self.job / "rc").exists():
            raise Failure(
                f"guest {self.name} ended without a result: see {self.folder / 'console'}, {self.folder / 'qemu.log'}"
            )
        return int((self.job / "rc").read_text() or 1)

    def output(self):
        file = self.job / "out"
        return file.read_text(errors="replace") if file.exists() else ""

    def steps(self):
        return re.findall(r"^\[ *[\d.]+\] .*$", self.output(), re.MULTILINE)

    def last_step(self):
        steps = self.steps()
        return steps[-1] if steps else "boot"

    def show_steps(self):
        """Prints the steps that are new since the last call."""
        steps = self.steps()
        for step in steps[self.shown :]:
            print(f"  {self.name:8} {step}", flush=True)
        self.shown = len(steps)

    def collect(self):
        for file in self.job.iterdir():
            if file.is_file() and file.name != "script":
                shutil.copy(file, self.folder / file.name)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.collect()


class Lab:
    """One scenario's machines. Everything that is left of it is below `folder`."""

    def __init__(self, root, folder, accel="tcg", kernel="stock", parameter=None, show=False, trace=False):
        self.root, self.folder, self.accel = Path(root), Path(folder), accel
        self.parameter, self.show, self.trace = parameter, show, trace
        if trace and not Path(f"{lab_sim()}-trace").exists():
            raise Failure(f"no signals without {lab_sim()}-trace: make vesper-sim-trace")
        self.kernel = self.version(kernel)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.lock = open(f"{self.folder}.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another run uses {self.folder}") from None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.work = self.folder / "work"
        for name in ("jobs", "meet", "module", "hil", "share"):
            (self.work / name).mkdir(parents=True)
        for file in HERE.glob("guest[-_]*"):
            shutil.copy(file, self.work / "hil")
        shutil.copy(HERE / "guest-init", self.work / "guest-init")
        self.machines, self.cards = [], []
        module = TOP / "build" / "linux" / self.kernel / "vesper.ko"
        if module.exists():
            shutil.copy(module, self.work / "module" / "vesper.ko")
        subprocess.run([HERE / "initrd", self.root, self.work / "initrd", self.kernel], check=True)

    def version(self, kernel):
        """Of `kernel`, which may be its version or its name in the folder (stock, oldest, newest); Skipped if not there."""
        name = self.root / "opt" / "kernels" / kernel
        version = name.read_text().strip() if name.exists() else kernel
        if not (self.root / "lib" / "modules" / version).is_dir():
            raise Skipped(
                f"no kernel {kernel} in {self.root}: `tests/hil/build-root FOLDER all` makes one that has it"
            )
        return version

    def before(self, series):
        """Is the guests' kernel older than `series`, like "6.12"?"""
        return [int(n) for n in self.kernel.split(".")[:2]] < [int(n) for n in series.split(".")]

    def enter(self, command):
        return [str(HERE / "enter"), str(self.root), str(self.work), *command]

    def inside(self, path):
        """The name that a file below `work` has for QEMU and the guests."""
        return f"/work/{Path(path).relative_to(self.work)}"

    def card(self, name, wire, *options, capture=True):
        card = Card(self, name, wire, options, capture)
        self.cards.append(card)
        return card

    def vm(self, name, script, **how):
        vm = Vm(self, name, script, **how)
        self.machines.append(vm)
        (self.work / "guests").write_text(f"{len(self.machines)}\n")
        return vm

    def software_vm(self, name, script, *wires):
        """A guest at the wires of cards that listen there (unix:WIRE), with QEMU's own NICs as eth0, eth1, ..."""
        nics = [
            (
                "e1000e",
                f"stream,addr.type=unix,addr.path={self.inside(wire)},server=off",
                f"52:54:00:00:{n:02x}:02",
            )
            for n, wire in enumerate(wires)
        ]
        return self.vm(name, script, nics=nics, append="net.ifnames=0")

    def run(self, seconds):
        """Waits for all guests; a Failure names the first whose script failed, or one that is late and where it was."""
        deadline = time.monotonic() + seconds
        running = list(self.machines)
        while running:
            for vm in list(running):
                code = vm.result()
                if self.show:
                    vm.show_steps()
                if code is None:
                    continue
                if code:
                    raise Failure(
                        f"guest {vm.name}: exit code {code}; last: {vm.last_step()}; all of it: {vm.folder / 'out'}"
                    )
                running.remove(vm)
            if running and time.monotonic() > deadline:
                raise Failure(
                    f"guest {running[0].name} did not end in time; it was at: {running[0].last_step()}"
                )
            time.sleep(0.5)

    def close(self):
        for vm in self.machines:
            vm.stop()
        for card in self.cards:
            card.stop()
        shutil.rmtree(self.work, ignore_errors=True)
        self.lock.close()
