# SPDX-License-Identifier: BSD-2-Clause
"""A small vfio-user client, written from the specification alone, for tests of the server."""

import array
import json
import mmap
import os
import socket
import struct

(
    VERSION,
    DMA_MAP,
    DMA_UNMAP,
    GET_INFO,
    GET_REGION_INFO,
    GET_REGION_IO_FDS,
    GET_IRQ_INFO,
    SET_IRQS,
    REGION_READ,
    REGION_WRITE,
    DMA_READ,
    DMA_WRITE,
    RESET,
    DIRTY_PAGES,
    REGION_WRITE_MULTI,
) = range(1, 16)

NO_REPLY = 0x10
ERROR = 0x20
HEADER = struct.Struct("<HHIII")
BAR0, BAR2, CONFIG = 0, 2, 7
MSIX = 2
DATA_NONE, DATA_BOOL, DATA_EVENTFD, MASK, UNMASK, TRIGGER = 1, 2, 4, 8, 16, 32


class ServerError(OSError):
    """The server answered with an errno."""


class Gone(ConnectionError):
    """The server closed the connection."""


class Client:
    def __init__(self, path, negotiate=True, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.next_id = 1
        self.capabilities = None
        if negotiate:
            self.version()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- messages ----

    def send(self, cmd, body=b"", fds=(), flags=0, size=None, msg_id=None):
        """Sends one message, in one piece; returns its id. size: lies about the length."""
        if msg_id is None:
            msg_id = self.next_id
            self.next_id = (self.next_id + 1) & 0xFFFF
        size = HEADER.size + len(body) if size is None else size
        data = HEADER.pack(msg_id, cmd, size, flags, 0) + body
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([data], control)
        if sent < len(data):
            self.sock.sendall(data[sent:])
        return msg_id

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise Gone(f"closed after {len(data)} of {n} bytes")
            data += piece
        return data

    def receive(self):
        """(id, command, flags, errno, body) of the next message."""
        msg_id, cmd, size, flags, error = HEADER.unpack(self._exactly(HEADER.size))
        assert size >= HEADER.size, f"reply states a size of {size}"
        return msg_id, cmd, flags, error, self._exactly(size - HEADER.size)

    def call(self, cmd, body=b"", fds=(), size=None):
        """Sends a command and returns the body of its reply; ServerError when it is one."""
        sent = self.send(cmd, body, fds, size=size)
        msg_id, got, flags, error, reply = self.receive()
        assert msg_id == sent, f"reply to {msg_id}, expected {sent}"
        assert got == cmd, f"reply to command {got}, expected {cmd}"
        assert flags & 0xF == 1, f"flags 0x{flags:x} are not those of a reply"
        if flags & ERROR:
            assert error, "an error reply without errno"
            assert not reply
            raise ServerError(error, os.strerror(error))
        assert not error
        return reply

    # ---- commands ----

    def version(self, major=0, minor=0, caps=None):
        caps = {"capabilities": {"max_msg_fds": 8, "max_data_xfer_size": 1048576}} if caps is None else caps
        reply = self.call(VERSION, struct.pack("<HH", major, minor) + json.dumps(caps).encode() + b"\0")
        got = struct.unpack_from("<HH", reply)
        assert got == (0, 0), f"version {got}"
        assert reply[-1] == 0
        self.capabilities = json.loads(reply[4:-1])["capabilities"]
        return reply

    def dma_map(self, addr, size, fd=None, offset=0, flags=3, argsz=32):
        body = struct.pack("<IIQQQ", argsz, flags, offset, addr, size)
        reply = self.call(DMA_MAP, body, [] if fd is None else [fd])
        assert reply == b""

    def dma_unmap(self, addr, size, flags=0):
        body = struct.pack("<IIQQ", 24, flags, addr, size)
        assert self.call(DMA_UNMAP, body) == body

    def info(self):
        argsz, flags, regions, irqs = struct.unpack(
            "<4I", self.call(GET_INFO, struct.pack("<4I", 16, 0, 0, 0))
        )
        assert argsz == 16
        return flags, regions, irqs

    def region_info(self, index):
        reply = self.call(GET_REGION_INFO, struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0))
        _, flags, got, caps, size, _ = struct.unpack("<IIIIQQ", reply)
        assert (got, caps) == (index, 0)
        return flags, size

    def irq_info(self, index):
        _, flags, got, count = struct.unpack(
            "<4I", self.call(GET_IRQ_INFO, struct.pack("<4I", 16, 0, index, 0))
        )
        assert got == index
        return flags, count

    def set_irqs(self, flags, start, count, fds=(), data=b"", index=MSIX):
        body = struct.pack("<5I", 20 + len(data), flags, index, start, count) + data
        assert self.call(SET_IRQS, body, fds) == b""

    def read(self, region, offset, count):
        reply = self.call(REGION_READ, struct.pack("<QII", offset, region, count))
        assert struct.unpack_from("<QII", reply) == (offset, region, count)
        assert len(reply) == 16 + count
        return reply[16:]

    def write(self, region, offset, data):
        reply = self.call(REGION_WRITE, struct.pack("<QII", offset, region, len(data)) + data)
        assert struct.unpack("<QII", reply) == (offset, region, len(data))

    def write_multi(self, entries):
        """entries: (region, offset, data up to 8 bytes)."""
        body = struct.pack("<Q", len(entries))
        for region, offset, data in entries:
            body += struct.pack("<QII8s", offset, region, len(data), data)
        assert struct.unpack("<Q", self.call(REGION_WRITE_MULTI, body)) == (len(entries),)

    def reset(self):
        assert self.call(RESET) == b""

    # ---- registers ----

    def reg(self, offset):
        return struct.unpack("<I", self.read(BAR0, offset, 4))[0]

    def set_reg(self, offset, value):
        self.write(BAR0, offset, struct.pack("<I", value))

    def config(self, offset, fmt):
        return struct.unpack("<" + fmt, self.read(CONFIG, offset, struct.calcsize("<" + fmt)))[0]

    def set_config(self, offset, fmt, value):
        self.write(CONFIG, offset, struct.pack("<" + fmt, value))

    def bus_master(self, on=True):
        self.set_config(4, "H", (self.config(4, "H") & ~6) | (6 if on else 0))


class Memory:
    """Shared memory for DMA."""

    def __init__(self, size):
        self.fd = os.memfd_create("dma")
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)

    def close(self):
        self.map.close()
        os.close(self.fd)
