# SPDX-License-Identifier: BSD-2-Clause
"""What the small card (small_card/vesper_top.sv) and the tests of the server behind it share."""

import os
import random
import struct
import time

import pytest
from vfio_user_client import BAR0, ServerError

SCRATCH, COPY_FROM, COPY_TO, COPY_BEATS, COPY_RESP = 0x48, 0x100, 0x108, 0x110, 0x114
COPY_VECTOR, COPY_DONE, COPY_CYCLES, BUSY, HANG = 0x118, 0x11C, 0x120, 0x124, 0x3FC
OKAY, SLVERR, DECERR = 0, 2, 3
BASE = 0x1_0000_0000


def copy(client, source, target, beats=1):
    """Lets the card copy; returns its (read, write) responses."""
    done = client.reg(COPY_DONE)
    for offset, value in ((COPY_FROM, source), (COPY_TO, target)):
        client.write(BAR0, offset, struct.pack("<Q", value))
    client.set_reg(COPY_BEATS, beats)
    end = time.monotonic() + 10
    while client.reg(COPY_DONE) == done:
        assert time.monotonic() < end, "the copy does not end"
    response = client.reg(COPY_RESP)
    return response & 3, response >> 2


def copied(client, done):
    """True when there were more than `done` copies, or one is under way and ends within a while."""
    time.sleep(0.1)
    return client.reg(COPY_DONE) > done


def alive(client):
    value = random.getrandbits(32)
    client.set_reg(SCRATCH, value)
    return client.reg(SCRATCH) == value


def refused(code):
    return pytest.raises(ServerError, match=f"Errno {code}]")


def fired(fd, timeout=5.0):
    end = time.monotonic() + timeout
    while True:
        try:
            return os.eventfd_read(fd)
        except BlockingIOError:
            if time.monotonic() > end:
                return 0
            time.sleep(0.002)


def open_fds(sim):
    return len(os.listdir(f"/proc/{sim.process.pid}/fd"))
