# SPDX-License-Identifier: BSD-2-Clause
"""What `vesper` says to wrong command lines, SA files, key files and captures; and its exit status."""

import json
import os
import random
import subprocess

import pytest
from test_cli import VESPER, Files, frames_of, read, vesper, write


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def refused(files, *words, status=2, command="encrypt", options=None, **kwargs):
    """The command fails with `status` and names each of `words`."""
    source = files.folder / "in.pcap"
    if not source.exists():
        write(source, frames_of(files, [10]))
    options = files.options if options is None else options
    said = vesper(command, *options, "-o", files.folder / "out.pcap", source, status=status, **kwargs)
    for word in words:
        assert str(word) in said, said
    assert said.startswith(f"vesper {command}: ") and said.count("\n") == 1, said
    return said


@pytest.mark.parametrize(
    "field, value",
    [
        ("spi", "255"),
        ("spi", "0x100000000"),
        ("spi", "-1"),
        ("spi", "12a"),
        ("source", "192.0.2.256"),
        ("source", "host"),
        ("destination", "2001:db8::1"),  # after an IPv4 source
        ("destination", "192.0.2.1/24"),
        ("mode", "beet"),
        ("icv", "10"),
        ("icv", ""),
        ("replay-window", "4097"),
        ("sequence", "18446744073709551616"),
        ("ttl", "0"),
        ("ttl", "256"),
        ("df", "maybe"),
        ("dscp", "64"),
        ("dscp", "keep"),
        ("ecn", "yes"),
        ("esn", "64"),
        ("implicit-iv", "1"),
        ("in-place", "true"),
        ("algorithm", "aes-cbc"),
        ("encapsulation", "udp"),
        ("encapsulation", "udp 4500"),
        ("encapsulation", "udp 4500 0"),
        ("encapsulation", "udp 4500 65536"),
        ("encapsulation", "udp 1 2 3"),
        ("encapsulation", "tcp 1 2"),
        ("flow-label", "0x100000"),
        ("tfc", "9601"),
        ("mtu", "65536"),
        ("hard-packets", "many"),
        ("soft-bytes", "-1"),
        ("lease-warn", "4294967296"),
        ("selector-source", "10.0.0.1/8"),
        ("selector-source", "10.0.0.0/33"),
        ("selector-destination", "host"),
        ("selector-protocol", "ospfv9"),
        ("selector-protocol", "256"),
        ("selector-source-port", "5-4"),
        ("selector-destination-port", "1-65536"),
        ("selector-destination-port", "80x"),
        ("queue", "16"),
        ("direction", "both"),
    ],
)
def test_field(files, field, value):
    lines = files.sa.read_text().splitlines()
    lines.insert(3, f"{field} = {value}")
    files.sa.write_text("\n".join(lines))
    refused(files, f"{files.sa}:4:", f"'{field}'", f"'{value}'")


def test_sa_file(files):
    good = files.sa.read_text()
    for text, words in [
        (good + "colour = red\n", ["unknown field 'colour'", ":8:"]),
        (good + "spi 5\n", ["'spi 5' is not `field = value`", ":8:"]),
        (good + "key = 00\n", ["--key-file", ":8:"]),
        (good + "mode = " + " " * 300 + "tunnel\n", [":8:", "longer"]),
        (good.replace("spi", "#spi"), ["spi = 0"]),
        (good.replace("source", "#source"), ["src = 0"]),
        (good.replace("destination", "#destination"), ["dst = 0"]),
        ("", ["spi = 0"]),
    ]:
        files.sa.write_text(text)
        refused(files, *words)
    files.sa.write_bytes(bytes(random.Random(1).randbytes(4096)))
    refused(files, f"{files.sa}:")
    files.sa.unlink()
    refused(files, files.sa, "No such file")


@pytest.mark.parametrize(
    "line, words",
    [
        ("sequence = 4294967296", "seq = 4294967296"),
        ("mtu = 67", "mtu = 67"),
        ("selector-protocol = tcp", "flags = 1024"),
        ("flow-label = 5", "flow_label = 5"),
        ("lease-end = 5\nsequence = 6", "lease_end = 5"),
        ("soft-packets = 6\nhard-packets = 5", "soft_packets = 6"),
        ("algorithm = aes-gmac\nimplicit-iv = yes", "flags = 256"),
    ],
)
def test_fields_that_do_not_fit(files, line, words):
    """Each is one that it may be, but not with the others."""
    files.sa.write_text(files.sa.read_text() + line + "\n")
    refused(files, files.sa, words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00" * 19,
        "00" * 21,
        "00" * 37,
        "0" * 41,
        "00" * 19 + "0g",
        "00" * 36 + " " * 100 + "00",
        "00" * 20 + "\0",
    ],
    ids=["empty", "19", "21", "37", "odd", "letter", "hidden", "zero byte"],
)
def test_key_file(files, text):
    files.key_file.write_text(text)
    said = refused(files, files.key_file, "20, 28 or 36 bytes")
    assert not text or text not in said


def test_key_forms(files):
    """Blanks, colons, 0x, capitals; and from a descriptor."""
    text = "0x" + ":".join(f"{b:02X}" for b in files.key) + "\n"
    frames = frames_of(files, [33])
    want = files.run("encrypt", frames)
    files.key_file.write_text(text)
    assert files.run("encrypt", frames) == want
    reader, writer = os.pipe()
    os.write(writer, files.key.hex().encode())
    os.close(writer)
    out = files.folder / "fd.pcap"
    options = ["--software", "--sa", files.sa, "--key-fd", reader]
    vesper("encrypt", *options, "-o", out, files.folder / "encrypt-in.pcap", pass_fds=[reader])
    os.close(reader)
    assert read(out) == want
    missing = files.folder / "none"
    refused(files, missing, options=["--software", "--sa", files.sa, "--key-file", missing])
    refused(files, "descriptor 99", options=["--software", "--sa", files.sa, "--key-fd", 99])
    refused(files, "--key-file or --key-fd", options=["--software", "--sa", files.sa])
    refused(files, "one of them", options=[*files.options, "--key-fd", 0])


@pytest.mark.parametrize(
    "options, words",
    [
        (["--colour"], ["unknown option --colour"]),
        (["--mtu"], ["--mtu needs a value"]),
        (["--mtu", "9619"], ["--mtu", "'9619'"]),
        (["--mtu", "13"], ["mtu", "13"]),
        (["--mtu", "1x"], ["--mtu", "'1x'"]),
        (["--count", "-1"], ["--count", "'-1'"]),
        (["--card", "/nonexistent"], ["--card and --software"]),
        (["--wire"], ["--wire and --output"]),
    ],
)
def test_options(files, options, words):
    source = files.folder / "in.pcap"
    write(source, [])
    last = [] if options == ["--mtu"] else [source]
    said = vesper("encrypt", *files.options, "-o", files.folder / "o", *options, *last, status=2)
    for word in words:
        assert word in said


def test_usage(files):
    assert "Usage" in vesper("--help")
    for command in "info sa stats selftest encrypt decrypt receive bench bind unbind".split():
        assert f"Usage: vesper {command}" in vesper(command, "--help")
    assert vesper("--version").startswith("vesper ")
    assert subprocess.run([VESPER], capture_output=True, env={}).returncode == 2
    assert "'fly'" in vesper("fly", status=2)
    assert "which card" in vesper("stats", status=2)
    assert "no Vesper card on the PCI bus" in vesper("info", status=1)
    assert "usage" in vesper("encrypt", *files.options, "-o", "x", status=2)
    assert "where to" in vesper("encrypt", *files.options, "x.pcap", status=2)
    assert "/nonexistent" in vesper("info", "--card", "/nonexistent", status=1)
    assert "'sell'" in vesper("sa", "--card", "/nonexistent", "sell", status=2)
    assert "passed" in vesper("selftest", "--software")
    assert "software" in vesper("info", "--software")
    report = json.loads(vesper("bench", "--software", "--count", "10", "--size", "100", "--json", "-"))
    assert report["passed"] == 10


def test_capture(files):
    source = files.folder / "in.pcap"
    write(source, frames_of(files, [100, 200]))
    whole = source.read_bytes()
    # Cut off anywhere: never a crash, and always a word about it but at a packet's end.
    ends = {24, 24 + 16 + 134, len(whole)}
    for cut in sorted({0, 1, 4, 23, 24, 25, 39, 40, 41, 173, 174, 175, len(whole) - 1, len(whole)}):
        source.write_bytes(whole[:cut])
        run = subprocess.run(
            [VESPER, "encrypt", *map(str, files.options), "-o", files.folder / "out.pcap", source],
            capture_output=True,
            text=True,
            env={},
        )
        assert run.returncode == (0 if cut in ends else 1 if cut > 24 else 2), (cut, run.stderr)
        assert cut in ends or str(source) in run.stderr
    rnd = random.Random(5)
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(rnd.randrange(1, 6)):
            broken[rnd.randrange(len(broken))] = rnd.randrange(256)
        source.write_bytes(broken)
        run = subprocess.run(
            [VESPER, "encrypt", *map(str, files.options), "-o", files.folder / "out.pcap", source],
            capture_output=True,
            text=True,
            env={},
        )
        assert run.returncode in (0, 1, 2), run
        assert run.returncode == 0 or run.stderr.startswith("vesper encrypt: ")


def test_capture_kinds(files):
    source = files.folder / "in.pcap"
    write(source, frames_of(files, [100]))
    whole = bytearray(source.read_bytes())
    whole[20] = 113
    source.write_bytes(whole)
    refused(files, source, "link type 113")
    whole[20] = 1
    whole[36] += 1  # longer on the wire than in the file
    source.write_bytes(whole)
    refused(files, source, "packet 1", "134 of its 135", status=1)
    source.unlink()
    source.mkdir()
    refused(files, source)
    out = files.folder / "missing" / "out.pcap"
    write(files.folder / "b.pcap", [])
    assert str(out) in vesper("encrypt", *files.options, "-o", out, files.folder / "b.pcap", status=1)
