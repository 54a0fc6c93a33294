# SPDX-License-Identifier: BSD-2-Clause
"""`vesper encrypt|decrypt --software` against scapy's ESP, both ways: each mode, key and ICV length, size."""

import json
import random
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import PcapReader

ROOT = Path(__file__).resolve().parents[2]
VESPER = ROOT / "build" / "bin" / "vesper"
KINDS = [(m, k, i) for m in ("tunnel", "transport") for k in (16, 24, 32) for i in (8, 12, 16)]
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def vesper(*args, status=0, env=None, **kwargs):
    """Run the command with `env` alone; return what it wrote. Its exit status must be `status`."""
    run = subprocess.run(
        [VESPER, *map(str, args)], capture_output=True, text=True, timeout=60, env=env or {}, **kwargs
    )
    assert run.returncode == status, f"status {run.returncode}: {run.stderr}"
    assert "Sanitizer" not in run.stderr
    return run.stdout if status == 0 else run.stderr


class Files:
    """SA file, key file and captures of one association."""

    def __init__(self, folder, mode="tunnel", key_len=16, icv=16, seed=0, **fields):
        rnd = random.Random(f"{mode} {key_len} {icv} {seed}")
        self.folder, self.mode, self.icv = folder, mode, icv
        self.key = rnd.randbytes(key_len + 4)
        self.spi = rnd.randrange(256, 1 << 32)
        self.src = ".".join(str(rnd.randrange(1, 224)) for _ in range(4))
        self.dst = ".".join(str(rnd.randrange(1, 224)) for _ in range(4))
        self.sa = folder / "sa.conf"
        self.key_file = folder / "key.hex"
        lines = {
            "spi": hex(self.spi),
            "source": self.src,
            "destination": self.dst,
            "mode": mode,
            "icv": icv,
            "replay-window": 4096,
            **fields,
        }
        self.sa.write_text("# an SA\n" + "".join(f"{k} = {v}\n" for k, v in lines.items()))
        self.key_file.write_text(self.key.hex() + "\n")

    @property
    def options(self):
        return ["--software", "--sa", self.sa, "--key-file", self.key_file]

    def scapy(self):
        return SecurityAssociation(
            ESP,
            spi=self.spi,
            crypt_algo="AES-GCM",
            crypt_key=self.key,
            tunnel_header=IP(src=self.src, dst=self.dst) if self.mode == "tunnel" else None,
        )

    def run(self, command, frames, *options, **kwargs):
        """Frames through the command; return those that passed."""
        source, target = self.folder / f"{command}-in.pcap", self.folder / f"{command}-out.pcap"
        write(source, frames)
        vesper(command, *self.options, "-o", target, *options, source, **kwargs)
        return read(target)


def write(path, frames):
    """A pcap file with nanoseconds; frame n has the time 1000 s and n ns."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)]
    for number, frame in enumerate(frames):
        parts += [struct.pack("<IIII", 1000, number, len(frame), len(frame)), bytes(frame)]
    path.write_bytes(b"".join(parts))


def read(path):
    with PcapReader(str(path)) as packets:
        return [bytes(p) for p in packets]


def frames_of(files, sizes):
    """IP packets of just these lengths (IP header and up), from the SA's source to its destination."""
    rnd = random.Random(files.spi)
    frames = []
    for size in sizes:
        head = IP(src=files.src, dst=files.dst, id=rnd.randrange(65536), ttl=rnd.randrange(1, 256))
        body = rnd.randbytes(size)
        if size >= 8 and rnd.randrange(2):
            packet = head / UDP(sport=7, dport=9) / Raw(body[8:])
        else:
            head.proto = 253
            packet = head / Raw(body)
        frames.append(bytes(Ether(**MACS) / packet))
    return frames


def change_icv(files, frame, icv):
    """The ESP frame with its ICV cut to, or made again with, `icv` bytes: scapy knows 16 only."""
    packet = bytearray(frame[14:])
    at = 4 * (packet[0] & 15)
    have = 16 if icv < 16 else files.icv
    head, iv, tag = bytes(packet[at : at + 8]), bytes(packet[at + 8 : at + 16]), bytes(packet[-have:])
    mode = modes.GCM(files.key[-4:] + iv, tag, min_tag_length=have)
    opener = Cipher(algorithms.AES(files.key[:-4]), mode).decryptor()
    opener.authenticate_additional_data(head)
    text = opener.update(bytes(packet[at + 16 : -have])) + opener.finalize()
    sealed = AESGCM(files.key[:-4]).encrypt(files.key[-4:] + iv, text, head)
    packet[at + 16 :] = sealed[: len(text) + icv]
    packet[2:4] = len(packet).to_bytes(2)
    result = IP(bytes(packet))
    del result.chksum
    return frame[:14] + bytes(result)


def slice_of_sizes(kind):
    """All kinds together cover every size from 0 to 1500; the very short ones come with each."""
    return [*range(0, 12), *range(12 + KINDS.index(kind), 1481, len(KINDS)), 1480]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(map(str, k)))
def test_scapy_decrypts(kind, tmp_path):
    files = Files(tmp_path, *kind)
    frames = frames_of(files, slice_of_sizes(kind))
    out = files.run("encrypt", frames, "--strict")
    assert len(out) == len(frames)
    for number, (frame, secret) in enumerate(zip(frames, out, strict=True), 1):
        assert secret[:14] == frame[:14]
        packet = IP(secret[14:])
        assert packet[ESP].seq == number and packet[ESP].spi == files.spi
        assert len(secret) <= len(frame) + 20 + 16 + 5 + files.icv
        assert bytes(IP(bytes(packet[IP]))) == secret[14:]
        sum_right = packet.chksum
        del packet.chksum
        assert IP(bytes(packet)).chksum == sum_right
        assert bytes(files.scapy().decrypt(IP(change_icv(files, secret, 16)[14:]))) == frame[14:]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(map(str, k)))
def test_scapy_encrypts(kind, tmp_path):
    files = Files(tmp_path, *kind)
    frames = frames_of(files, slice_of_sizes(kind))
    theirs = files.scapy()
    rnd = random.Random(files.spi)
    secret = [
        bytes(Ether(**MACS) / theirs.encrypt(IP(frame[14:]), seq_num=n, iv=rnd.randbytes(8)))
        for n, frame in enumerate(frames, 1)
    ]
    secret = [change_icv(files, frame, files.icv) for frame in secret]
    assert files.run("decrypt", secret, "--strict") == frames
    # The same again in one run: every number is seen twice.
    path = tmp_path / "result.json"
    assert files.run("decrypt", secret + secret, "--json", path) == frames
    assert json.loads(path.read_text())["drops"] == {"replay": len(frames)}
    forged = [f[:-1] + bytes([f[-1] ^ 1]) for f in secret]
    assert files.run("decrypt", forged, "--json", path) == []
    assert json.loads(path.read_text())["drops"] == {"icv": len(frames)}


def test_echo_with_options_and_trailing_bytes(tmp_path):
    files = Files(tmp_path, "transport")
    packet = bytes(Ether(**MACS) / IP(src=files.src, dst=files.dst, options=b"\x01" * 40) / ICMP())
    (secret,) = files.run("encrypt", [packet + bytes(9)])
    (plain,) = files.run("decrypt", [secret])
    assert plain == packet


def test_times_are_kept(tmp_path):
    files = Files(tmp_path)
    frames = frames_of(files, [10, 20, 30])
    bad = bytearray(frames[1])
    bad[24] ^= 1
    files.run("encrypt", [frames[0], bytes(bad), frames[2]])
    raw = (tmp_path / "encrypt-out.pcap").read_bytes()
    assert raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    with PcapReader(str(tmp_path / "encrypt-out.pcap")) as packets:
        assert [round((p.time - 1000) * 10**9) for p in packets] == [0, 2]


def test_report(tmp_path):
    files = Files(tmp_path)
    frames = frames_of(files, [10, 20])
    arp = bytes(Ether(**MACS, type=0x0806)) + bytes(28)
    path = tmp_path / "result.json"
    out = files.run("encrypt", [*frames, arp], "--json", path)
    report = json.loads(path.read_text())
    assert report["packets"] == 3 and report["passed"] == 2 and report["drops"] == {"not_ip": 1}
    assert report["bytes"] == sum(map(len, frames)) + len(arp)
    assert report["passed_bytes"] == sum(map(len, out))
    assert files.run("encrypt", [*frames, arp], "--strict", status=1) == out
    files.run("encrypt", frames, "--count", 1, "--json", path)
    assert json.loads(path.read_text())["packets"] == 1


def test_keylog(tmp_path):
    """tshark decrypts with the line that --esp-keylog writes."""
    files = Files(tmp_path, "tunnel", 32, 16)
    frames = frames_of(files, [100])
    log = tmp_path / "esp_sa"
    files.run("encrypt", frames, "--esp-keylog", log)
    assert log.stat().st_mode & 0o77 == 0
    command = ["tshark", "-r", tmp_path / "encrypt-out.pcap", "-o", "esp.enable_encryption_decode:TRUE"]
    command += ["-o", f"uat:esp_sa:{log.read_text().strip()}", "-T", "fields", "-e", "ip.id"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    want = int.from_bytes(frames[0][18:20])
    assert int(run.stdout.strip().split(",")[-1], 0) == want


conf.verb = 0
