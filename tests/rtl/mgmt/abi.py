# SPDX-License-Identifier: BSD-2-Clause
"""Mailbox messages of driver/abi/vesper_abi.h, for the tests: codes read from the header, layouts by struct."""

import re
import struct
from pathlib import Path

_HEADER = (Path(__file__).resolve().parents[3] / "driver/abi/vesper_abi.h").read_text()
CODES = {n: int(v) for n, v in re.findall(r"\bVESPER_(MBX_\w+|ST_\w+)\s*=?\s+(\d+)\b", _HEADER)}
QUERY_NEXT = 1

HDR = struct.Struct("<HHIIHHQ")
SA = struct.Struct("<8BII4s4s16s16s32sQHHI24s")
INFO = struct.Struct("<IBBBBBBHI4sI16s16sQQQQQ")
IDENTIFY = struct.Struct("<HHIIIHBBI")
STATS_WORDS = 64 + 64 + 5

SA_FIELDS = (
    "dir mode family alg key_len icv_len ttl tos flags replay_window spi salt src dst key seq queue "
    "reserved0 reserved1 reserved2"
).split()
SA_OFFSETS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 40, 56, 88, 96, 98, 100, 104)
INFO_FIELDS = (
    "handle dir mode family alg key_len icv_len queue replay_window spi reserved src dst "
    "seq packets bytes replayed icv_failed"
).split()


def sa(**changes):
    """struct vesper_sa: an outbound AES-256 tunnel, but for `changes`."""
    fields = dict(
        dir=1, mode=1, family=4, alg=1, key_len=32, icv_len=16, ttl=64, tos=0, flags=0, replay_window=0,
        spi=b"\x00\x00\x10\x01", salt=b"salt", src=b"\x0a\x00\x00\x01", dst=b"\x0a\x00\x00\x02",
        key=bytes(range(0xA0, 0xC0)), seq=0, queue=0, reserved0=0, reserved1=0, reserved2=b"",
    )  # fmt: skip
    fields.update(changes)
    return SA.pack(*(fields[name] for name in SA_FIELDS))


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
