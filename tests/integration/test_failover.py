# SPDX-License-Identifier: BSD-2-Clause
"""vesper-sim is killed at random points of a running flow, and comes back: no IV twice, no packet delivered twice.

VESPER_DEATHS says how often (default 40, as fits `make test`); tests/unit/lib_failover.c dies a thousand times.
"""

import os
import random
import socket
import struct
import threading
import time

import pytest
from esp_model_frames import ip_frame
from sim_process import CARD, Sim
from vesper_lib import ESN, EV_CARD_BACK, EV_CARD_LOST, IN, OUT, TUNNEL, Vesper, make_sa

DEATHS = int(os.environ.get("VESPER_DEATHS", 40))
SEED = int(os.environ.get("VESPER_SEED", random.randrange(1 << 32)))
KEY_OUT, KEY_IN = bytes(range(20)), bytes(range(20, 40))
SPI_OUT, SPI_IN = 0x1000, 0x2000
IV = slice(14 + 20 + 8, 14 + 20 + 16)
AUTO = 1


class Wire:
    """What leaves a card, as long as it lives."""

    def __init__(self, path):
        self.frames = []
        self.path = path
        self.thread = None

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))
        self.thread = threading.Thread(target=self.read, args=(self.socket,))
        self.thread.start()

    def read(self, connection):
        stream = connection.makefile("rb")
        try:
            while len(head := stream.read(4)) == 4:
                frame = stream.read(struct.unpack(">I", head)[0])
                self.frames.append(frame)
        except ConnectionError:
            pass
        connection.close()

    def join(self):
        if self.thread:
            self.thread.join(10)


class Card:
    """A simulator that is killed and started again at the same sockets."""

    def __init__(self, directory):
        self.directory = directory
        self.wire = Wire(directory / "wire.sock")
        self.deaths = 0

    def start(self):
        self.wire.path.unlink(missing_ok=True)
        self.sim = Sim(CARD, self.directory, "--wire", f"unix:{self.wire.path}", leaks=False)
        self.sim.wait_for(self.wire.path.is_socket, "its wire")
        self.wire.connect()

    def kill_after(self, seconds):
        def kill():
            time.sleep(seconds)
            self.sim.kill()

        thread = threading.Thread(target=kill)
        thread.start()
        return thread

    def stop(self):
        self.sim.kill()
        self.wire.join()


class Books:
    """Each IV and each packet, once."""

    def __init__(self):
        self.ivs, self.delivered = set(), set()

    def encrypted(self, frame):
        assert frame[IV] not in self.ivs, f"IV {frame[IV].hex()} came twice"
        self.ivs.add(frame[IV])

    def decrypted(self, number):
        assert number not in self.delivered, f"packet {number} was delivered twice"
        self.delivered.add(number)


@pytest.fixture
def card(tmp_path):
    c = Card(tmp_path)
    c.start()
    yield c
    c.stop()


def plain(rnd, number):
    return ip_frame(17, struct.pack(">Q", number) + rnd.randbytes(rnd.choice([10, 100, 900])))


@pytest.mark.parametrize("flags", [0, ESN])
def test_deaths(card, flags):
    print(f"VESPER_SEED={SEED}, {DEATHS} deaths")
    rnd = random.Random(f"{SEED} {flags}")
    books, sent_in, on_wire = Books(), 0, 0
    with (
        Vesper(card.sim.path, ring=32, fallback=AUTO, lease=256) as v,
        Vesper() as peer,
    ):
        out = v.sa_add(make_sa(OUT, TUNNEL, KEY_OUT, 16, SPI_OUT, flags=flags))
        v.sa_add(make_sa(IN, TUNNEL, KEY_IN, 16, SPI_IN, window=1024, flags=flags))
        theirs = peer.sa_add(make_sa(OUT, TUNNEL, KEY_IN, 16, SPI_IN, flags=flags))

        def burst():
            nonlocal sent_in
            frames = [plain(rnd, 0) for _ in range(rnd.randrange(1, 60))]
            for r in v.process("encrypt", frames, [out] * len(frames)):
                assert r.status == "ok", r.status
                books.encrypted(r.data)
            numbers = range(sent_in, sent_in + rnd.randrange(1, 60))
            sent_in = numbers.stop
            sealed = peer.encrypt([plain(rnd, n) for n in numbers], [theirs] * len(numbers))
            frames = [frame for _, frame, *_ in sealed]
            again = rnd.sample(frames, len(frames) // 3)
            for r in v.process("decrypt", frames + again, [0] * (len(frames) + len(again))):
                assert r.status in ("ok", "replay"), r.status
                if r.status == "ok":
                    books.decrypted(struct.unpack(">Q", r.data[34:42])[0])
            # With a window of 1,024 and no reordering nothing is lost.
            assert books.delivered.issuperset(numbers)

        def send():
            nonlocal on_wire
            if not v.on_card():
                return
            frames = [plain(rnd, 0) for _ in range(rnd.randrange(1, 40))]
            try:
                results = v.process("send", frames, [out] * len(frames))
            except AssertionError:
                assert not v.on_card()
                return
            on_wire += sum(r.status == "ok" for r in results)
            assert {r.status for r in results} <= {"ok", "not_ready"}

        for death in range(DEATHS):
            killer = card.kill_after(rnd.expovariate(1 / 0.03))
            while v.on_card():
                rnd.choice([burst, send])()
            for _ in range(rnd.randrange(3)):
                burst()
            killer.join()
            card.wire.join()
            card.start()
            assert v.reattach() == 0, f"death {death}: {v.error()}"
            assert v.on_card()
        burst()
        stats = v.failover_stats()
        codes = [e.code for e in v.events()]
        assert stats.card_lost == stats.reattached == DEATHS
        assert codes.count(EV_CARD_LOST) == codes.count(EV_CARD_BACK) == DEATHS
        print(
            f"{len(books.ivs)} encrypted, {sent_in} decrypted, {on_wire} sent, {stats.redone} done again in "
            f"software, {stats.lost} lost on the way to the wire, {stats.twice} delivered twice by a card"
        )
    card.stop()
    # What left by the wire had IVs of its own; what is not accounted for as sent is counted as lost.
    esp = [frame for frame in card.wire.frames if frame[23] == 50]
    for frame in esp:
        books.encrypted(frame)
    assert len(esp) <= on_wire + stats.lost
