# SPDX-License-Identifier: BSD-2-Clause
"""Record traffic of real programs between two network namespaces of our own.

curl loads files from a web server, dig asks dnsmasq, ping sends echo requests
of odd sizes; tcpdump writes what crosses the veth pair. Nothing leaves the
machine: the namespaces have no route but to each other, and are gone
afterwards. Without root, what makes and enters the namespaces goes through
sudo; the capture is the caller's, and curl and dig run as the caller.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import time

# Small enough that an ESP tunnel's overhead still fits an Ethernet frame.
MTU = 1420
CLIENT, SERVER = "198.18.7.1", "198.18.7.2"
PING_SIZES = [0, 1, 7, 18, 19, 55, 56, 63, 64, 65, 127, 255, 511, 777, 1023, 1391, 1392]


class TrafficError(RuntimeError):
    """The traffic could not be made; the text says which step failed and why."""


def _sudo():
    """What stands before a command that needs root."""
    return ("sudo", "-n") if os.geteuid() else ()


def _kill(signal, *pids):
    """As root, by the shell's own kill: a small system has no program of that name."""
    _run(*_sudo(), "sh", "-c", f"kill {signal} {' '.join(pids)}", check=False)


def _check_sudo():
    """Raises TrafficError if the caller is not root and cannot become it without being asked."""
    if not os.geteuid():
        return
    if not shutil.which("sudo"):
        raise TrafficError("network namespaces need root, and sudo is not installed: run as root")
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, text=True)
    if asked.returncode:
        raise TrafficError(
            "network namespaces need root, and sudo would not give it without asking "
            f"({asked.stderr.strip()}): run `sudo -v` first, or run as root"
        )


def _run(*command, check=True, **kwargs):
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, **kwargs)
    if check and result.returncode:
        raise TrafficError(f"{' '.join(command)}: status {result.returncode}: {result.stderr.strip()}")
    return result


@contextlib.contextmanager
def _namespaces():
    """Two namespaces with a veth pair between them; yields their names."""
    names = [f"vesper-{os.getpid()}-{side}" for side in ("client", "server")]
    made = []
    try:
        for name in names:
            _run(*_sudo(), "ip", "netns", "add", name)
            made.append(name)
        _run(
            *_sudo(),
            "ip",
            "link",
            "add",
            "veth0",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            "veth0",
            "netns",
            names[1],
        )
        for name, address in zip(names, (CLIENT, SERVER), strict=True):
            inside = (*_sudo(), "ip", "-n", name)
            _run(*inside, "link", "set", "lo", "up")
            _run(*inside, "link", "set", "veth0", "mtu", str(MTU), "up")
            _run(*inside, "address", "add", f"{address}/24", "dev", "veth0")
            # Frames as a wire would carry them: no segments of 64 KiB, no checksums left open.
            offloads = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")
            _run(*_sudo(), "ip", "netns", "exec", name, "ethtool", "-K", "veth0", *offloads)
        yield names
    finally:
        for name in made:
            # A daemon that is there still would keep the namespace alive, without a name.
            left = _run(*_sudo(), "ip", "netns", "pids", name, check=False).stdout.split()
            if left:
                _kill("-KILL", *left)
            _run(*_sudo(), "ip", "netns", "delete", name, check=False)


@contextlib.contextmanager
def _daemon(name, command, log):
    with open(log, "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        # sudo is root's: only root may send it a signal, which it hands on to the daemon.
        for signal in ("-TERM", "-KILL"):
            if process.poll() is None:
                _kill(signal, str(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


def _until(what, probe, seconds=20):
    for _ in range(int(seconds * 10)):
        if probe():
            return
        time.sleep(0.1)
    raise TrafficError(f"{what} did not happen within {seconds} s")


def record(directory, downloads=(150_000, 1_000, 37)):
    """Make the traffic and return the path of the capture (pcap, IPv4 only).

    directory: for the capture, the served files and the logs; made if missing.
    downloads: sizes in bytes of the files that curl loads.
    Raises TrafficError if a tool is missing, the caller may not make
    namespaces even with sudo, or a program fails.
    """
    for tool in ("ip", "ethtool", "tcpdump", "curl", "dig", "dnsmasq", "ping"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise TrafficError(f"{tool} is not installed (see deps/apt.txt)")
    _check_sudo()
    root = directory / "www"
    root.mkdir(parents=True, exist_ok=True)
    for size in downloads:
        (root / f"{size}.bin").write_bytes(os.urandom(size))
    capture = directory / "traffic.pcap"
    user = pwd.getpwuid(os.geteuid())
    drop = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups")
    capture.unlink(missing_ok=True)  # its reappearance says that tcpdump listens

    with _namespaces() as (client, server):
        at = {
            side: (*_sudo(), "ip", "netns", "exec", name)
            for side, name in (("client", client), ("server", server))
        }
        web = [
            *at["server"],
            sys.executable,
            "-m",
            "http.server",
            "80",
            "--bind",
            SERVER,
            "--directory",
            str(root),
        ]
        names = [
            *at["server"],
            "dnsmasq",
            "--no-daemon",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
        ]
        names += ["--user=root", "--pid-file", f"--listen-address={SERVER}", "--bind-interfaces"]
        names += ["--address=/office.example/198.18.7.80", "--txt-record=text.example," + "v" * 200]
        sniff = [
            *at["client"],
            "tcpdump",
            "-i",
            "veth0",
            "-n",
            "-U",
            "-s",
            "0",
            "-Z",
            user.pw_name,
            "-w",
            str(capture),
            "ip",
        ]
        with (
            _daemon("http.server", web, directory / "http.log"),
            _daemon("dnsmasq", names, directory / "dnsmasq.log"),
            _daemon("tcpdump", sniff, directory / "tcpdump.log"),
        ):
            curl = [*at["client"], *drop, "curl", "-sS", "--max-time", "30", "-o"]
            _until("the capture's start", lambda: capture.exists() and capture.stat().st_size >= 24)
            _until(
                "an answer of the web server",
                lambda: not _run(*curl, "/dev/null", f"http://{SERVER}/", check=False).returncode,
            )
            for size in downloads:
                got = directory / "got.bin"
                _run(*curl, str(got), f"http://{SERVER}/{size}.bin")
                if got.read_bytes() != (root / f"{size}.bin").read_bytes():
                    raise TrafficError(f"the download of {size} bytes differs from what was served")
                got.unlink()
            dig = [*at["client"], *drop, "dig", f"@{SERVER}", "+tries=2", "+time=5", "+short"]
            for question in (
                "office.example A",
                "www.office.example A",
                "text.example TXT",
                "nowhere.invalid A",
            ):
                _run(*dig, *question.split())
            for size in PING_SIZES:
                _run(*at["client"], "ping", "-n", "-q", "-c", "1", "-W", "5", "-s", str(size), SERVER)
            # tcpdump writes what it has seen at once, but on a busy machine it sees it late.
            least = sum(downloads) + 2 * sum(PING_SIZES)
            _until("tcpdump's writing of all that it saw", lambda: capture.stat().st_size > least)
            time.sleep(0.5)
    return capture
