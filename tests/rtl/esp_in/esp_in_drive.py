# SPDX-License-Identifier: BSD-2-Clause
"""Drives esp_in_bench: frames in, the model's word on each, and the SA table's answers by that word."""

import os
import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from esp_in_frames import PORTS
from esp_in_model import COMMIT_T, IN_REQ_T, Inbound
from esp_packet import DECRYPT, ST
from frames import EVENT_T, META_T, VERDICT_T, Collector, Sink, Source, beats, reset

WIRE_QUEUE = 3
LOOKUP, COMMIT = 5, 2  # cycles that the table takes


class Delayed(Source):
    """Answers, in order, each `latency` cycles after its request."""

    def __init__(self, dut, name, latency, now, stall):
        super().__init__(dut, name, self._early)
        self.latency, self.now, self.stalls, self.due = latency, now, stall, deque()

    def answer(self, value):
        self.due.append(self.now() + self.latency)
        self.send(value)

    def _early(self):
        if self.due[0] > self.now() or self.stalls():
            return True
        self.due.popleft()
        return False


class Bench:
    """What must come out is said by the model as a frame goes in, and compared in order at the end."""

    def __init__(self, dut, gap=0.0, stall=0.0, inside=0.0):
        seed = int(os.environ.get("VESPER_SEED", 1))
        dut._log.info("seed %d", seed)
        self.dut, self.rng = dut, random.Random(seed)
        self.want_m, self.want_d, self.want_ev, self.got_d, self.got_ev = [], [], [], [], []
        self.lookups, self.commits, self.asked = deque(), deque(), []
        rng = self.rng
        self.source = Source(dut, "s", lambda: rng.random() < gap)
        self.out = Collector()

        def stalled():
            return rng.random() < stall

        def held():
            return rng.random() < inside

        self.sinks = [
            Sink(dut, "m", ["beat", "meta"], self.out, stalled),
            Sink(dut, "d", ["verdict"], lambda i, _: self.got_d.append(i["verdict"]), stalled),
            Sink(dut, "sa_req", [""], self._lookup, held),
            Sink(dut, "cm_req", [""], self._commit, held),
        ]
        self.found = Delayed(dut, "sa_rsp", LOOKUP, lambda: self.sinks[2].cycle, held)
        self.final = Delayed(dut, "cm_rsp", COMMIT, lambda: self.sinks[2].cycle, held)
        self.inside = inside
        self.index = 0

    async def start(self, miss=0, fragment=0, natt=PORTS):
        dut = self.dut
        self.model = Inbound((), natt, bool(miss), bool(fragment))
        dut.miss_to_host.value, dut.fragment_to_host.value = miss, fragment
        dut.rx_queue.value, dut.engine_stall.value = WIRE_QUEUE, 0
        places = self.rng.sample(range(8), len(natt))
        dut.natt_port.value = sum(port << 16 * i for port, i in zip(natt, places, strict=True))
        await reset(dut, [self.source, self.found, self.final, *self.sinks])
        while dut.e_ready.value != 1:  # the engine erases its keys after a reset
            await RisingEdge(dut.clk)
        cocotb.start_soon(self._events())
        if self.inside:
            cocotb.start_soon(self._stall_engine())
        return self

    async def _stall_engine(self):
        """Single cycles, and now and then so long that everything behind fills."""
        while True:
            self.dut.engine_stall.value = int(self.rng.random() < self.inside)
            await ClockCycles(self.dut.clk, 300 if self.rng.random() < 0.002 else 1)

    async def _events(self):
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.ev_valid.value == 1:
                self.got_ev.append(int(self.dut.ev.value))

    def _lookup(self, item, _):
        want, answer, frame = self.lookups.popleft()
        got = IN_REQ_T.unpack(item[""])
        assert got == want, f"asked the table for {got}, not {want}, by {frame.hex()}"
        self.found.answer(answer)

    def _commit(self, item, _):
        want, final = self.commits.popleft()
        got = COMMIT_T.unpack(item[""])
        assert want["bytes"] is not None or got["status"] != ST["OK"]
        want = want | ({"bytes": got["bytes"]} if want["bytes"] is None else {})
        assert got == want, f"committed {got}, not {want}"
        self.final.answer(final)

    def add(self, *sas):
        self.model.add(*sas)

    def send(self, data, host=False, want=None, **answers):
        """One frame; `want`: the status that the test has in mind. answers: see Inbound.process."""
        self.index += 1
        meta = {"host": int(host), "len": len(data), "index": self.index & 0xFFFF, "qid": 1 if host else 0}
        meta |= {"lookaside": 1, "op": DECRYPT} if host else {}
        for beat in beats(data):
            self.source.send(beat=beat, meta=META_T.pack(**meta))
        fate = self.model.process(data, host, **answers)
        assert want is None or fate.status == want, f"the model says {fate.status}, the test {want}"
        if fate.lookup is not None:
            self.lookups.append((fate.lookup, fate.answer, data))
        if fate.commit is not None:
            self.commits.append((fate.commit, fate.final))
        if fate.event:
            self.want_ev.append(fate.event)
        if fate.data is None:
            self.want_d.append(
                {"host": int(host), "index": meta["index"], "status": ST[fate.status], "seq": fate.seq}
            )
        else:
            queue = fate.queue if fate.queue is not None else WIRE_QUEUE
            meta |= {"qid": 1 if host else queue, "status": ST[fate.status], "sa": fate.sa, "seq": fate.seq}
            meta |= {"esp": int(fate.esp), "inplace": int(fate.inplace), "len": len(fate.data)}
            self.want_m.append((fate.data, meta))
        return fate

    async def finish(self, limit=400000):
        for _ in range(limit):
            await RisingEdge(self.dut.clk)
            if not self.source.items and int(self.dut.idle.value):
                break
        else:
            raise AssertionError(
                f"never idle: {len(self.out.packets)} of {len(self.want_m)} frames, {len(self.got_d)} drops"
            )
        await ClockCycles(self.dut.clk, 3)
        got = [VERDICT_T.unpack(v) for v in self.got_d]
        statuses = [g["status"] for g in got]
        assert len(got) == len(self.want_d), (
            f"dropped as {statuses}, not {[w['status'] for w in self.want_d]}"
        )
        for g, want in zip(got, self.want_d, strict=True):
            assert g == VERDICT_T.unpack(0) | want | {"qid": g["qid"]}, f"verdict {g}, not {want}"
        assert len(self.out.packets) == len(self.want_m), (
            f"{len(self.out.packets)} of {len(self.want_m)} frames"
        )
        for n, ((data, item, _), (want, meta)) in enumerate(zip(self.out.packets, self.want_m, strict=True)):
            found = META_T.unpack(item["meta"])
            assert found == META_T.unpack(0) | meta, f"meta of frame {n}: {found}, not {meta}"
            assert data == want, f"frame {n} differs:\n{data.hex()}\n{want.hex()}"
        events = [EVENT_T.unpack(e) for e in self.got_ev]
        assert events == self.want_ev, f"events {events}, not {self.want_ev}"
        assert not self.lookups and not self.commits
        for done in (self.out.packets, self.got_d, self.got_ev, self.want_m, self.want_d, self.want_ev):
            done.clear()


def load():
    """Gaps, back-pressure and engine stalls from the environment."""
    return [float(x) for x in os.environ.get("LOAD", "0 0 0").split()]
