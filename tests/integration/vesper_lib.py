# SPDX-License-Identifier: BSD-2-Clause
"""libvesper through ctypes: frames in, (status, bytes, SA, number) out, on a card or in software."""

import ctypes
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "build" / "lib" / "libvesper.so.0"
ROOM = 9618 + 64
OUT, IN = 1, 2
TUNNEL, TRANSPORT = 1, 2


class Sa(ctypes.LittleEndianStructure):
    _fields_ = [
        ("dir", ctypes.c_uint8),
        ("mode", ctypes.c_uint8),
        ("family", ctypes.c_uint8),
        ("alg", ctypes.c_uint8),
        ("key_len", ctypes.c_uint8),
        ("icv_len", ctypes.c_uint8),
        ("ttl", ctypes.c_uint8),
        ("tos", ctypes.c_uint8),
        ("flags", ctypes.c_uint32),
        ("replay_window", ctypes.c_uint32),
        ("spi", ctypes.c_uint8 * 4),
        ("salt", ctypes.c_uint8 * 4),
        ("src", ctypes.c_uint8 * 16),
        ("dst", ctypes.c_uint8 * 16),
        ("key", ctypes.c_uint8 * 32),
        ("seq", ctypes.c_uint64),
        ("queue", ctypes.c_uint16),
        ("rest", ctypes.c_uint8 * 30),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("socket", ctypes.c_char_p),
        ("queue", ctypes.c_uint),
        ("ring", ctypes.c_uint),
        ("mtu", ctypes.c_uint),
        ("timeout_ms", ctypes.c_uint),
    ]


class Frame(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.POINTER(ctypes.c_uint8)),
        ("len", ctypes.c_uint32),
        ("room", ctypes.c_uint32),
        ("sa", ctypes.c_uint32),
        ("status", ctypes.c_uint8),
        ("esp", ctypes.c_bool),
        ("seq", ctypes.c_uint64),
    ]


class Vesper:
    """An open handle; `with` closes it."""

    def __init__(self, socket=None, mtu=0, ring=0):
        self.lib = ctypes.CDLL(str(LIBRARY))
        self.lib.vesper_strerror.restype = ctypes.c_char_p
        self.lib.vesper_status_name.restype = ctypes.c_char_p
        self.handle = ctypes.c_void_p()
        options = Options(
            ctypes.sizeof(Options), str(socket).encode() if socket else None, 0, ring, mtu, 60000
        )
        text = ctypes.create_string_buffer(256)
        status = self.lib.vesper_open(ctypes.byref(options), ctypes.byref(self.handle), text, 256)
        assert status == 0, text.value.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.vesper_close(self.handle)

    def check(self, status):
        assert status >= 0, self.lib.vesper_strerror(self.handle).decode()
        return status

    def sa_add(self, sa):
        handle = ctypes.c_uint32()
        self.check(self.lib.vesper_sa_add(self.handle, ctypes.byref(sa), ctypes.byref(handle)))
        return handle.value

    def sa_del(self, handle):
        self.check(self.lib.vesper_sa_del(self.handle, ctypes.c_uint32(handle)))

    def _run(self, call, frames, handles):
        array = (Frame * len(frames))()
        memory = [(ctypes.c_uint8 * ROOM)() for _ in frames]
        for slot, room, data, handle in zip(array, memory, frames, handles, strict=True):
            ctypes.memmove(room, data, min(len(data), ROOM))
            slot.data = ctypes.cast(room, ctypes.POINTER(ctypes.c_uint8))
            slot.len, slot.room, slot.sa, slot.status = len(data), ROOM, handle, 255
        self.check(call(self.handle, array, ctypes.c_size_t(len(frames))))
        results = []
        for slot, room in zip(array, memory, strict=True):
            name = self.lib.vesper_status_name(slot.status)
            results.append(
                (name.decode() if name else slot.status, bytes(room[: slot.len]), slot.seq, slot.esp)
            )
        return results

    def encrypt(self, frames, handles):
        """[(name of status, frame, number, esp)], as decrypt()."""
        return self._run(self.lib.vesper_encrypt, frames, handles)

    def decrypt(self, frames):
        return self._run(self.lib.vesper_decrypt, frames, [0] * len(frames))


def make_sa(direction, mode, key, icv, spi, *, window=0, seq=0, tos=0, flags=0):
    """`key` with its four bytes of salt behind it; 192.0.2.1 to 192.0.2.2."""
    sa = Sa(dir=direction, mode=mode, family=4, alg=1, key_len=len(key) - 4, icv_len=icv, ttl=64, tos=tos)
    sa.flags, sa.replay_window, sa.seq = flags, window, seq
    sa.spi[:] = spi.to_bytes(4)
    sa.salt[:] = key[-4:]
    sa.key[: len(key) - 4] = key[:-4]
    sa.src[:4], sa.dst[:4] = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
    return sa
