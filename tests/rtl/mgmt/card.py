# SPDX-License-Identifier: BSD-2-Clause
"""The host's side of mgmt_bench, for its cocotb tests."""

import struct
from collections import namedtuple

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge, SimTimeoutError, with_timeout
from cocotb.utils import get_sim_time
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from mgmt import abi

C = abi.CODES
PERIOD = 2  # ns
Response = namedtuple("Response", "cmd length tag status field reserved value body")
INPUTS = (
    "flip mbx_ring mbx_wr mbx_wr_addr mbx_wr_data mbx_wr_be mbx_rd_addr out_req_valid out_req_handle "
    "pol_req_valid pol_req_dst s_valid s_job s_data s_bytes s_last v_valid v_status v_len v_silent bad_doorbell "
    "ev_written ev_suppressed ev_lost"
).split()


class Card:
    """The host's side of the mailbox."""

    def __init__(self, dut):
        self.dut = dut
        self.tag = 0x1000

    async def reset(self):
        for name in INPUTS:
            getattr(self.dut, name).value = 0
        self.dut.m_ready.value = 1
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 16)
        self.dut.rst.value = 0

    async def until(self, signal, value=1, limit=200_000):
        """Clock cycles until the signal has the value, of one bit; it is looked at before each rising edge."""
        start = get_sim_time("ns")
        if signal.value != value:
            edge = RisingEdge(signal) if value else FallingEdge(signal)
            try:
                await with_timeout(edge, PERIOD * limit, "ns")
            except SimTimeoutError:
                raise AssertionError(f"{signal._name} did not become {value} in {limit} cycles") from None
        await RisingEdge(self.dut.clk)
        return round((get_sim_time("ns") - start) / PERIOD) - 1

    async def start(self, flip=0):
        Clock(self.dut.clk, PERIOD, "ns").start()
        await self.reset()
        self.dut.flip.value = flip
        return await self.until(self.dut.fw_ready)

    async def write(self, data, word=0):
        dut = self.dut
        dut.mbx_wr.value = 1
        dut.mbx_wr_be.value = 15
        for i in range(0, len(data), 4):
            dut.mbx_wr_addr.value = word + i // 4
            dut.mbx_wr_data.value = int.from_bytes(data[i : i + 4], "little")
            await RisingEdge(dut.clk)
        dut.mbx_wr.value = 0

    async def ring(self):
        self.dut.mbx_ring.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.mbx_ring.value = 0
        await RisingEdge(self.dut.clk)

    async def read(self, length):
        dut, words = self.dut, []
        for i in range((length + 3) // 4):
            dut.mbx_rd_addr.value = i
            await ClockCycles(dut.clk, 2)
            words.append(int(dut.mbx_rd_data.value).to_bytes(4, "little"))
        return b"".join(words)[:length]

    async def response(self):
        header = abi.HDR.unpack(await self.read(abi.HDR.size))
        return Response(*header, (await self.read(header[1]))[abi.HDR.size :])

    async def raw(self, message):
        await self.write(message)
        await self.ring()
        # From the cycle of the doorbell: ring() has waited for one more.
        self.cycles = 1 + await self.until(self.dut.mbx_busy, 0)
        return await self.response()

    async def call(self, cmd, body=b"", **header):
        self.tag += 1
        rsp = await self.raw(abi.request(cmd, body, tag=self.tag, **header))
        assert (rsp.cmd, rsp.tag, rsp.reserved) == (cmd, self.tag, 0)
        return rsp

    async def ok(self, cmd, body=b""):
        rsp = await self.call(cmd, body)
        assert (rsp.status, rsp.field, rsp.value) == (0, 0, 0), rsp
        return rsp.body

    async def add(self, **changes):
        handle, flags = struct.unpack("<II", await self.ok(C["MBX_SA_ADD"], abi.sa(**changes)))
        assert flags == 0
        return handle

    async def query(self, handle, flags=0):
        rsp = await self.call(C["MBX_SA_QUERY"], struct.pack("<II", handle, flags))
        if rsp.status:
            return rsp
        return abi.info(rsp.body)

    async def add_policy(self, **changes):
        handle, flags = struct.unpack("<II", await self.ok(C["MBX_POLICY_ADD"], abi.policy(**changes)))
        assert flags == 0
        return handle

    async def stats(self):
        words = struct.unpack(f"<{abi.STATS_WORDS}Q", await self.ok(C["MBX_STATS"]))
        return {"tx": words[:64], "rx": words[64:128], **dict(zip(abi.STATS_NAMES, words[128:], strict=True))}

    async def lookup(self, handle):
        """Outbound lookup as the pipe does it."""
        dut = self.dut
        dut.out_req_handle.value = handle
        dut.out_req_valid.value = 1
        while True:
            await ReadOnly()
            ready = dut.out_req_ready.value == 1
            await RisingEdge(dut.clk)
            if ready:
                break
        dut.out_req_valid.value = 0
        await self.until(dut.out_rsp_valid)
        return {n: int(getattr(dut, f"out_rsp_{n}").value) for n in ("status", "seq", "key", "h")}

    async def policy(self, dst):
        """Policy of a TCP packet to this IPv4 address: (hit, action, sa)."""
        dut = self.dut
        dut.pol_req_dst.value = int.from_bytes(dst, "little")
        dut.pol_req_valid.value = 1
        while True:
            await ReadOnly()
            ready = dut.pol_req_ready.value == 1
            await RisingEdge(dut.clk)
            if ready:
                break
        dut.pol_req_valid.value = 0
        await self.until(dut.pol_rsp_valid)
        rsp = int(dut.pol_rsp.value)
        return rsp >> 34, rsp >> 32 & 3, rsp & 0xFFFFFFFF

    def memory(self):
        """All that the CPU and the mailbox remember, as bytes."""
        mgmt = self.dut.mgmt
        places = [mgmt.cpu.ram, mgmt.mailbox.req, mgmt.mailbox.rsp]
        return [
            b"".join(int(word.value).to_bytes(len(word) // 8, "little") for word in reversed(list(p)))
            for p in places
        ]


def hash_key(key):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes(16))


def words_of(secret):
    return {secret[i : i + 4] for i in range(0, len(secret), 4)}


def assert_erased(card, *secrets):
    for place, memory in zip(("RAM", "request window", "response window"), card.memory(), strict=True):
        for word in set().union(*map(words_of, secrets)):
            assert word not in memory, f"{word.hex()} of a secret is left in the {place}"
    assert card.dut.job_left.value == 0, "a job is left in the registers"
    assert card.dut.result_left.value == 0, "a result is left in the registers"
