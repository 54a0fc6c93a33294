# SPDX-License-Identifier: BSD-2-Clause
"""Mailbox messages of driver/abi/vesper_abi.h, for the tests: codes read from the header, layouts by struct."""

import re
import struct
from pathlib import Path

_HEADER = (Path(__file__).resolve().parents[3] / "driver/abi/vesper_abi.h").read_text()
CODES = {n: int(v) for n, v in re.findall(r"\bVESPER_((?:MBX|ST|SAD|FEAT)_\w+)\s*=\s*(\d+)\b", _HEADER)}
FLAGS = {n: 1 << int(v) for n, v in re.findall(r"VESPER_SAF_(\w+)[\s\\]*\(1u << (\d+)\)", _HEADER)}
VERSION = tuple(int(re.search(rf"VESPER_ABI_{part} (\d+)", _HEADER)[1]) for part in ("MAJOR", "MINOR"))
FEATURES = sum(1 << int(v) for v in re.findall(r"VESPER_FEAT_\w+[\s\\]*\(1u << (\d+)\)", _HEADER))
QUERY_NEXT = 1

HDR = struct.Struct("<HHIIHHQ")
IDENTIFY = struct.Struct("<HHIIIHBBIHHI")
STATS_WORDS = 64 + 64 + 8
STATS_NAMES = (
    "tx_bytes rx_bytes tx_bad_doorbell rx_bad_doorbell cycles events events_suppressed events_lost".split()
)

# struct vesper_sa: field and format, in order. The selector's fields have the prefix sel_.
_SA = """
    dir B  mode B  family B  alg B  key_len B  icv_len B  ttl B  tos B  flags I  replay_window I  spi 4s  salt 4s
    src 16s  dst 16s  key 32s  seq Q  queue H  tfc H  mtu H  reserved0 H  sport 2s  dport 2s  flow_label I
    soft_packets Q  soft_bytes Q  hard_packets Q  hard_bytes Q  lease_end Q  lease_warn I  reserved1 I
    sel_src 16s  sel_dst 16s  sel_src_len B  sel_dst_len B  sel_family B  sel_proto B
    sel_sport_min H  sel_sport_max H  sel_dport_min H  sel_dport_max H  sel_reserved I  reserved2 48s
""".split()
# struct vesper_sa_info, but for the SA in it.
INFO = struct.Struct("<IIQQQQ16Q")
INFO_FIELDS = "handle reserved state_seq packets bytes state_lease_end".split()

_POLICY = """
    src 16s  dst 16s  src_len B  dst_len B  family B  proto B  sport 2s  dport 2s  sport_mask 2s  dport_mask 2s
    action B  reserved0 3s  priority I  sa I  reserved1 Q
""".split()


def offsets(fields, formats):
    return {n: struct.calcsize("<" + "".join(formats[:i])) for i, n in enumerate(fields)}


SA_FIELDS, _FORMATS = _SA[0::2], _SA[1::2]
SA, SA_AT = struct.Struct("<" + "".join(_FORMATS)), offsets(SA_FIELDS, _FORMATS)
POLICY_FIELDS, _POLICY_FORMATS = _POLICY[0::2], _POLICY[1::2]
POLICY, POLICY_AT = struct.Struct("<" + "".join(_POLICY_FORMATS)), offsets(POLICY_FIELDS, _POLICY_FORMATS)


def defaults(form):
    return b"" if form.endswith("s") else 0


def sa(**changes):
    """struct vesper_sa: an outbound AES-256 tunnel over IPv4, but for `changes`."""
    fields = dict(zip(SA_FIELDS, map(defaults, _FORMATS), strict=True))
    fields.update(
        dir=1, mode=1, family=4, alg=1, key_len=32, icv_len=16, ttl=64, spi=b"\x00\x00\x10\x01", salt=b"salt",
        src=b"\x0a\x00\x00\x01", dst=b"\x0a\x00\x00\x02", key=bytes(range(0xA0, 0xC0)),
    )  # fmt: skip
    assert changes.keys() <= fields.keys(), changes.keys() - fields.keys()
    fields.update(changes)
    return SA.pack(*(fields[name] for name in SA_FIELDS))


def info(body):
    """struct vesper_sa_info as a dictionary: its own fields, `drops`, and those of the SA."""
    numbers = INFO.unpack_from(body)
    assert len(body) == INFO.size + SA.size
    return {
        **dict(zip(INFO_FIELDS, numbers, strict=False)),
        "drops": numbers[len(INFO_FIELDS) :],
        **dict(zip(SA_FIELDS, SA.unpack_from(body, INFO.size), strict=True)),
    }


def policy(**changes):
    """struct vesper_policy: bypass for TCP to 10.0.0.0/8, but for `changes`."""
    fields = dict(
        src=b"", dst=b"\x0a", src_len=0, dst_len=8, family=4, proto=6, sport=b"", dport=b"", sport_mask=b"",
        dport_mask=b"", action=2, reserved0=b"", priority=100, sa=0, reserved1=0,
    )  # fmt: skip
    assert changes.keys() <= fields.keys(), changes.keys() - fields.keys()
    fields.update(changes)
    return POLICY.pack(*(fields[name] for name in POLICY_FIELDS))


def request(cmd, body=b"", tag=0, **header):
    """A message with its header; `header` overrides len, status, field, reserved, value."""
    fields = dict(len=HDR.size + len(body), status=0, field=0, reserved=0, value=0)
    fields.update(header)
    return (
        HDR.pack(
            cmd, fields["len"], tag, fields["status"], fields["field"], fields["reserved"], fields["value"]
        )
        + body
    )
