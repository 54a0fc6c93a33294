# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of mgmt_bench: what the host sees of the firmware, and what must not be left anywhere."""

import errno
import random
import struct
from collections import Counter, namedtuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mgmt import abi

C = abi.CODES
Response = namedtuple("Response", "cmd length tag status field reserved value body")
INPUTS = (
    "flip mbx_ring mbx_wr mbx_wr_addr mbx_wr_data mbx_wr_be mbx_rd_addr out_req_valid out_req_handle "
    "s_valid s_job s_data s_bytes s_last v_valid v_status v_len bad_doorbell"
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
        """Clock cycles until the signal has the value."""
        for cycles in range(limit):
            await RisingEdge(self.dut.clk)
            if signal.value == value:
                return cycles
        raise AssertionError(f"{signal._name} did not become {value} in {limit} cycles")

    async def start(self, flip=0):
        Clock(self.dut.clk, 2, "ns").start()
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
        self.cycles = await self.until(self.dut.mbx_busy, 0)
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
        return dict(zip(abi.INFO_FIELDS, abi.INFO.unpack(rsp.body), strict=True))

    async def stats(self):
        words = struct.unpack(f"<{abi.STATS_WORDS}Q", await self.ok(C["MBX_STATS"]))
        names = "tx_bytes rx_bytes tx_bad_doorbell rx_bad_doorbell cycles".split()
        return {"tx": words[:64], "rx": words[64:128], **dict(zip(names, words[128:], strict=True))}

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
        names = "status seq key h hdr hdr_sum".split()
        return {n: int(getattr(dut, f"out_rsp_{n}").value) for n in names}

    def memory(self):
        """All that the CPU and the mailbox remember, as bytes."""
        mgmt = self.dut.mgmt
        places = [mgmt.cpu.ram, mgmt.mailbox.req, mgmt.mailbox.rsp]
        return [b"".join(int(word.value).to_bytes(4, "little") for word in reversed(list(p))) for p in places]


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


@cocotb.test()
async def boots(dut):
    card = Card(dut)
    cycles = await card.start()
    dut._log.info("boot: %d cycles from reset to fw_ready", cycles)
    assert dut.data_path_open.value == 1
    assert dut.selftest_failed.value == 0
    assert dut.fw_dead.value == 0
    assert dut.fw_version.value == 0x00010000
    assert int(dut.mac.value).to_bytes(6, "little") == bytes.fromhex("025653500001")
    ram, req, rsp = card.memory()
    assert not any(req) and not any(rsp)
    assert not any(ram[512:2048]), "RAM that nothing has used is not zero"
    await card.until(dut.idle, 1, 200)
    for _ in range(1000):
        await RisingEdge(dut.clk)
        assert dut.idle.value == 1
    # A doorbell wakes it, and it sleeps again.
    await card.write(abi.request(C["MBX_IDENTIFY"]))
    dut.mbx_ring.value = 1
    await ReadOnly()
    assert dut.idle.value == 0
    await RisingEdge(dut.clk)
    dut.mbx_ring.value = 0
    await ReadOnly()
    while dut.mbx_busy.value == 1:
        await RisingEdge(dut.clk)
        await ReadOnly()
        assert dut.idle.value == 0 or dut.mbx_busy.value == 0
    await card.until(dut.idle, 1, 200)


@cocotb.test()
async def identifies(dut):
    card = Card(dut)
    await card.start()
    body = await card.ok(C["MBX_IDENTIFY"])
    assert abi.IDENTIFY.unpack(body) == (1, 0, 0x7F, 0x00010000, 64, 2, 4, 1, 0)
    assert dut.mbx_count.value == 1


@cocotb.test()
async def installs(dut):
    card = Card(dut)
    await card.start()
    for size in (16, 24, 32):
        key = random.randbytes(size)
        spi = bytes([1, 2, 3, size])
        handle = await card.add(key_len=size, key=key, spi=spi, seq=41, flags=1, tos=0xB8, ttl=7)
        dut._log.info("SA_ADD, AES-%d: %d cycles from doorbell to response", 8 * size, card.cycles)
        seen = await card.lookup(handle)
        assert seen["status"] == 0
        assert seen["seq"] == 42
        assert seen["key"].to_bytes(32, "little") == key.ljust(32, b"\0")
        assert seen["h"].to_bytes(16, "little") == hash_key(key)
        header = bytes.fromhex("45b80000000040000732000000000000")[:12] + b"\x0a\0\0\x01\x0a\0\0\x02"
        assert seen["hdr"].to_bytes(40, "little") == header.ljust(40, b"\0")
        total = sum(struct.unpack(">10H", header))
        assert seen["hdr_sum"] == (total & 0xFFFF) + (total >> 16)
        info = await card.query(handle)
        assert info == dict(
            handle=handle, dir=1, mode=1, family=4, alg=1, key_len=size, icv_len=16, queue=0, replay_window=0,
            spi=spi, reserved=0, src=info["src"], dst=b"\x0a\0\0\x02" + bytes(12), seq=42, packets=1, bytes=100,
            replayed=0, icv_failed=0,
        )  # fmt: skip

    inbound = await card.add(dir=2, mode=2, icv_len=8, replay_window=1024, queue=1, ttl=0, seq=7)
    info = await card.query(inbound)
    got = [info[k] for k in ("dir", "mode", "icv_len", "replay_window", "queue", "seq", "spi")]
    assert got == [2, 2, 8, 1024, 1, 7, b"\x00\x00\x10\x01"]
    assert inbound & 1 << 16

    # All of them, outbound first.
    at, found = 0, []
    while True:
        info = await card.query(at, abi.QUERY_NEXT) if at < 1 << 17 else None
        if not isinstance(info, dict):
            break
        found.append(info["handle"])
        at = (info["handle"] & 0x1FFFF) + 1
    assert info.status == C["MBX_E_HANDLE"]
    assert len(found) == 4 and found[-1] == inbound and handle in found

    await card.ok(C["MBX_SA_DEL"], struct.pack("<II", handle, 0))
    assert (await card.lookup(handle))["status"] == C["ST_SA_STALE"]
    rsp = await card.query(handle)
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_HANDLE"], 24, handle)
    # Its place is taken by the next one; the old handle stays stale.
    again = await card.add(key_len=32, spi=b"\x09\x09\x09\x09")
    assert again != handle
    rsp = await card.call(C["MBX_SA_DEL"], struct.pack("<II", handle, 0))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_HANDLE"], 24, handle)
    assert (await card.query(again))["spi"] == b"\x09\x09\x09\x09"


@cocotb.test()
async def refuses(dut):
    card = Card(dut)
    await card.start()
    inbound = dict(dir=2, ttl=0)
    at = {name: 24 + offset for name, offset in zip(abi.SA_FIELDS, abi.SA_OFFSETS, strict=True)}
    cases = [
        ("RESERVED", "reserved0", 0x0102, dict(reserved0=0x0102)),
        ("RESERVED", "reserved1", 0x80000000, dict(reserved1=0x80000000)),
        ("RESERVED", "reserved2", 9, dict(reserved2=b"\x09")),
        ("DIR", "dir", 3, dict(dir=3)),
        ("MODE", "mode", 0, dict(mode=0)),
        ("FAMILY", "family", 6, dict(family=6)),
        ("ALG", "alg", 2, dict(alg=2)),
        ("KEY_LEN", "key_len", 17, dict(key_len=17)),
        ("ICV_LEN", "icv_len", 10, dict(icv_len=10)),
        ("SPI", "spi", 255, dict(spi=b"\0\0\0\xff")),
        ("ADDRESS", "dst", 0, dict(dst=bytes(4))),
        ("WINDOW", "replay_window", 4097, dict(replay_window=4097, **inbound)),
        ("WINDOW", "replay_window", 64, dict(replay_window=64)),
        ("FLAGS", "flags", 2, dict(flags=2)),
        ("TTL", "ttl", 0, dict(ttl=0)),
        ("SEQ", "seq", 1 << 32, dict(seq=1 << 32)),
        ("QUEUE", "queue", 2, dict(queue=2, **inbound)),
    ]  # fmt: skip
    for code, field, value, changes in cases:
        rsp = await card.call(C["MBX_SA_ADD"], abi.sa(**changes))
        assert (rsp.status, rsp.field, rsp.value) == (C[f"MBX_E_{code}"], at[field], value), (
            code,
            changes,
            rsp,
        )
        assert rsp.body == b"" and rsp.length == 24
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa(key_len=16))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_KEY_PADDING"], at["key"] + 16, 0)
    assert_erased(card, bytes(range(0xA0, 0xC0)))

    await card.add()
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa(key=bytes(32)))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_DUPLICATE"], at["spi"], 0x1001)

    # The frame of a message.
    for cmd in (0, 8, 0xFFFF):
        rsp = await card.call(cmd)
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_COMMAND"], 0, cmd)
    for cmd, body in (("IDENTIFY", b""), ("SA_ADD", abi.sa()), ("SA_DEL", bytes(8)), ("SA_QUERY", bytes(8)),
                      ("STATS", b""), ("SELFTEST", b""), ("RESET", b"")):  # fmt: skip
        for length in (0, 24 + len(body) - 1, 24 + len(body) + 1, 0xFFFF):
            rsp = await card.call(C[f"MBX_{cmd}"], body, len=length)
            assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_LENGTH"], 2, length), (cmd, length)
    for field, offset, value in (
        ("status", 8, 1),
        ("field", 12, 2),
        ("reserved", 14, 3),
        ("value", 16, 1 << 63),
    ):
        rsp = await card.call(C["MBX_RESET"], **{field: value})
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_RESERVED"], offset, value)
    for cmd, flags in (("SA_DEL", 1), ("SA_QUERY", 2), ("SA_QUERY", 0x80000001)):
        rsp = await card.call(C[f"MBX_{cmd}"], struct.pack("<II", 0, flags))
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_RESERVED"], 28, flags)
    for handle in (0, 1 << 16, 0x20000 + 63, 0xFFFFFFFF):
        for cmd in ("SA_DEL", "SA_QUERY"):
            rsp = await card.call(C[f"MBX_{cmd}"], struct.pack("<II", handle, 0))
            assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_HANDLE"], 24, handle)
    # None of these did anything.
    assert (await card.query(0, abi.QUERY_NEXT))["spi"] == b"\x00\x00\x10\x01"
    assert dut.data_path_open.value == 1


@cocotb.test()
async def fills_up(dut):
    card = Card(dut)
    await card.start()
    handles = [await card.add(spi=struct.pack(">I", 0x5000 + i)) for i in range(64)]
    assert len(set(handles)) == 64
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa())
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_FULL"], 0, 64)
    await card.ok(C["MBX_SA_DEL"], struct.pack("<II", handles[17], 0))
    await card.add()


@cocotb.test()
async def erases_keys(dut):
    card = Card(dut)
    await card.start()
    for dir_ in (1, 2):
        key, salt = random.randbytes(32), random.randbytes(4)
        secrets = (key, salt, hash_key(key))
        await card.add(dir=dir_, key=key, salt=salt, ttl=2 - dir_)
        assert_erased(card, *secrets)
        rsp = await card.call(C["MBX_SA_ADD"], abi.sa(dir=dir_, key=key, salt=salt, ttl=2 - dir_))
        assert rsp.status == C["MBX_E_DUPLICATE"]
        assert_erased(card, *secrets)
    # A key beyond what the message's length covers, and one in a message of no known kind.
    await card.write(key, word=300)
    assert (await card.call(C["MBX_IDENTIFY"])).status == 0
    assert_erased(card, key)
    await card.call(77, key)
    assert_erased(card, key)
    # A key that was written but never rung for, and a reset.
    await card.write(abi.sa(key=key), word=6)
    await card.reset()
    await card.until(dut.fw_ready)
    assert_erased(card, key)


def send(dut, verdicts):
    """One cycle of verdicts: (source, status, len)."""
    valid = status = length = 0
    for source, st, size in verdicts:
        valid |= 1 << source
        status |= st << 8 * source
        length |= size << 16 * source
    dut.v_valid.value, dut.v_status.value, dut.v_len.value = valid, status, length


@cocotb.test()
async def counts(dut):
    card = Card(dut)
    await card.start()
    tx, rx, size = Counter(), Counter(), Counter()
    for _ in range(3000):
        verdicts = []
        for source in range(4):
            if random.random() < 0.7:
                st = random.choice([0, 0, 23, random.randrange(64)])
                length = random.randrange(9619)
                verdicts.append((source, st, length))
                (rx if source else tx)[st] += 1
                if st == 0:
                    size["rx" if source else "tx"] += length
        dut.bad_doorbell.value = bells = random.choice([0, 0, 0, 1, 2, 3])
        size["tx_bell"] += bells & 1
        size["rx_bell"] += bells >> 1
        send(dut, verdicts)
        await RisingEdge(dut.clk)
    send(dut, [])
    dut.bad_doorbell.value = 0
    stats = await card.stats()
    dut._log.info("STATS: %d cycles", card.cycles)
    assert list(stats["tx"]) == [tx[i] for i in range(64)]
    assert list(stats["rx"]) == [rx[i] for i in range(64)]
    assert [stats[n] for n in ("tx_bytes", "rx_bytes", "tx_bad_doorbell", "rx_bad_doorbell")] == [
        size[n] for n in ("tx", "rx", "tx_bell", "rx_bell")
    ]
    assert (await card.stats())["tx"] == stats["tx"]


@cocotb.test()
async def snapshot_is_one_moment(dut):
    """With a verdict from each source in every cycle, all sums move with the cycle counter."""
    card = Card(dut)
    await card.start()
    running = True

    async def traffic():
        while running:
            send(dut, [(s, random.choice([0, 1, 2, 22, 23, 24, 63]), 1) for s in range(4)])
            await RisingEdge(dut.clk)
        send(dut, [])

    task = cocotb.start_soon(traffic())
    seen = []
    for _ in range(3):
        stats = await card.stats()
        seen.append((stats["cycles"] - sum(stats["tx"]), 3 * stats["cycles"] - sum(stats["rx"])))
        assert stats["tx_bytes"] == stats["tx"][0] and stats["rx_bytes"] == stats["rx"][0]
        assert sum(stats["tx"]) > 100
    assert len(set(seen)) == 1, seen
    running = False
    await task


@cocotb.test()
async def resets(dut):
    card = Card(dut)
    await card.start()
    handles = [await card.add(spi=struct.pack(">I", 0x7000 + i)) for i in range(3)]
    send(dut, [(0, 0, 100), (2, 12, 0)])
    await RisingEdge(dut.clk)
    send(dut, [])
    assert (await card.stats())["rx"][12] == 1
    await card.ok(C["MBX_RESET"])
    stats = await card.stats()
    assert not any(stats["tx"] + stats["rx"]) and stats["tx_bytes"] == 0
    for handle in handles:
        assert (await card.query(handle)).status == C["MBX_E_HANDLE"]
        assert (await card.lookup(handle))["status"] == C["ST_SA_STALE"]
    assert (await card.query(0, abi.QUERY_NEXT)).status == C["MBX_E_HANDLE"]
    await card.add(spi=struct.pack(">I", 0x7000))
    assert dut.data_path_open.value == 1


@cocotb.test()
async def mailbox_belongs_to_one(dut):
    """While the firmware has the mailbox, writes and doorbells of the host change nothing."""
    card = Card(dut)
    Clock(dut.clk, 2, "ns").start()
    await card.reset()
    assert dut.mbx_busy.value == 1
    await card.write(abi.request(C["MBX_RESET"], tag=5))
    await card.ring()
    await card.until(dut.fw_ready)
    await ClockCycles(dut.clk, 2000)
    assert dut.mbx_busy.value == 0 and dut.mbx_count.value == 0

    await card.write(abi.request(C["MBX_SA_ADD"], abi.sa(), tag=6))
    await card.ring()
    assert dut.mbx_busy.value == 1
    await card.write(abi.request(C["MBX_RESET"], bytes(128), tag=7))
    await card.ring()
    await card.until(dut.mbx_busy, 0)
    rsp = await card.response()
    assert (rsp.cmd, rsp.tag, rsp.status) == (C["MBX_SA_ADD"], 6, 0)
    await ClockCycles(dut.clk, 2000)
    assert dut.mbx_count.value == 1
    # What came too late is not there: ringing for it finds nothing but zeros.
    await card.ring()
    await card.until(dut.mbx_busy, 0)
    rsp = await card.response()
    assert (rsp.status, rsp.cmd, rsp.tag) == (C["MBX_E_COMMAND"], 0, 0)
    assert dut.mbx_count.value == 2


@cocotb.test()
async def selftest_fails_later(dut):
    card = Card(dut)
    await card.start()
    await card.ok(C["MBX_SELFTEST"])
    dut._log.info("SELFTEST: %d cycles", card.cycles)
    assert dut.data_path_open.value == 1
    dut.flip.value = 2
    rsp = await card.call(C["MBX_SELFTEST"])
    # Inbound engine, AES-128: H is made from the tag, so it is the encryption that shows it.
    assert (rsp.status, rsp.value) == (C["MBX_E_SELFTEST"], 0x01100200)
    assert (dut.data_path_open.value, dut.selftest_failed.value) == (0, 1)
    dut.flip.value = 0
    rsp = await card.call(C["MBX_SELFTEST"])
    assert (rsp.status, rsp.value) == (C["MBX_E_SELFTEST"], 0)
    assert (dut.data_path_open.value, dut.selftest_failed.value) == (0, 1)
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa())
    assert rsp.status == C["MBX_E_SELFTEST"]
    assert_erased(card, bytes(range(0xA0, 0xC0)))
    # A reset starts anew.
    await card.reset()
    await card.until(dut.fw_ready)
    assert (dut.data_path_open.value, dut.selftest_failed.value) == (1, 0)
    await card.add()


@cocotb.test()
async def selftest_fails_at_boot(dut):
    card = Card(dut)
    await card.start(flip=1)
    for flip in (1, 2):
        await card.reset()
        dut.flip.value = flip
        await card.until(dut.selftest_failed)
        await card.until(dut.fw_ready)
        assert dut.data_path_open.value == 0
        body = await card.ok(C["MBX_IDENTIFY"])
        assert abi.IDENTIFY.unpack(body)[7] == 0
        assert (await card.call(C["MBX_SA_ADD"], abi.sa())).status == C["MBX_E_SELFTEST"]
        await card.stats()
        await card.ok(C["MBX_RESET"])
        await card.until(dut.idle, 1, 200)


@cocotb.test()
async def jobs_between_packets(dut):
    """The pipe's packets and the firmware's jobs share the outbound engine; each gets its own results."""
    card = Card(dut)
    await card.start()
    random.seed(7)
    expected, stop = [], False

    async def send_packets():
        while not stop:
            size = random.choice([16, 32, 24])
            key, nonce, aad = random.randbytes(size), random.randbytes(12), random.randbytes(8)
            text = random.randbytes(random.choice([0, 1, 63, 64, 65, 200, 1400]))
            sealed = AESGCM(key).encrypt(nonce, text, aad)
            expected.append((sealed[: len(text)], sealed[len(text) :]))
            job = 0
            for value, width in (
                (int.from_bytes(key, "little"), 256),
                (size // 8 - 2, 2),
                (int.from_bytes(hash_key(key), "little"), 128),
                (int.from_bytes(nonce + b"\0\0\0\1", "little"), 128),
                (int.from_bytes(aad, "little"), 160),
                (8, 5),
                (0, 1),
                (0, 1),
            ):
                job = job << width | value
            for at in range(0, max(len(text), 1), 64):
                beat = text[at : at + 64]
                while random.random() < 0.2:
                    await RisingEdge(dut.clk)
                dut.s_valid.value, dut.s_job.value = 1, job
                dut.s_data.value, dut.s_bytes.value = int.from_bytes(beat, "little"), len(beat)
                dut.s_last.value = at + 64 >= len(text)
                while True:
                    await ReadOnly()
                    taken = dut.s_ready.value == 1
                    await RisingEdge(dut.clk)
                    if taken:
                        break
                dut.s_valid.value = 0

    async def receive():
        seen, data = 0, b""
        while not (stop and sender.done() and seen == len(expected)):
            dut.m_ready.value = random.random() < 0.7
            await ReadOnly()
            if dut.m_valid.value == 1 and dut.m_ready.value == 1:
                data += int(dut.m_data.value).to_bytes(64, "little")[: int(dut.m_bytes.value)]
                if dut.m_last.value == 1:
                    tag = int(dut.m_tag.value).to_bytes(16, "little")
                    assert (data, tag) == expected[seen], f"packet {seen}"
                    seen, data = seen + 1, b""
            await RisingEdge(dut.clk)
        return seen

    sender = cocotb.start_soon(send_packets())
    receiver = cocotb.start_soon(receive())
    for i in range(6):
        key = random.randbytes(32)
        handle = await card.add(key=key, spi=struct.pack(">I", 0x9000 + i))
        assert (await card.lookup(handle))["h"].to_bytes(16, "little") == hash_key(key)
    await card.ok(C["MBX_SELFTEST"])
    stop = True
    packets = await receiver
    dut._log.info("%d packets of the pipe meanwhile", packets)
    assert packets > 200
    assert dut.data_path_open.value == 1


@cocotb.test()
async def stalled_engine(dut):
    """The outbound pipe is held up for long: jobs are refused, and afterwards all is as before."""
    card = Card(dut)
    await card.start()
    dut.m_ready.value, dut.s_valid.value, dut.s_bytes.value, dut.s_last.value = 0, 1, 64, 1
    await ClockCycles(dut.clk, 300)
    assert dut.s_ready.value == 0
    await card.write(abi.request(C["MBX_SA_ADD"], abi.sa(), tag=1))
    await card.ring()
    await FallingEdge(dut.mbx_busy)
    assert (await card.response()).status == C["MBX_E_HARDWARE"]
    rsp = await card.call(C["MBX_SELFTEST"])
    assert (rsp.status, rsp.value) == (C["MBX_E_HARDWARE"], 16 << 16 | 1 << 8 | errno.EBUSY)
    assert (dut.data_path_open.value, dut.selftest_failed.value) == (1, 0)

    dut.m_ready.value, dut.s_valid.value = 1, 0
    await card.until(dut.idle, 1, 1000)
    assert_erased(card, bytes(range(0xA0, 0xC0)))  # the late answer, an H, too
    await card.ok(C["MBX_SELFTEST"])
    await card.add()
    assert (dut.data_path_open.value, dut.selftest_failed.value) == (1, 0)


def round_keys(pipe):
    """What the stages of an AES pipeline hold: key-schedule states, and the columns' states."""
    keys = [int(v.value) for v in pipe.key]
    return keys[:-1] + [int(v.value) for v in pipe.state]  # there is no key behind the last round


@cocotb.test()
async def boot_overwrites_round_keys(dut):
    """The AES pipeline's stages are not reset; the firmware's tests after a reset fill each of them."""
    card = Card(dut)
    await card.start()
    pipe = dut.g_engine[0].engine.u_aes
    random.seed(9)
    # AES-256, no AAD (key_len lies above h, j0, aad, aad_bytes and two flags)
    job = random.getrandbits(681) & ~(3 << 423) & ~0x7F | 2 << 423
    dut.s_job.value, dut.s_data.value = job, random.getrandbits(512)
    dut.s_bytes.value, dut.s_last.value, dut.s_valid.value = 64, 1, 1
    await ClockCycles(dut.clk, 60)
    dut.s_valid.value = 0
    await ClockCycles(dut.clk, 100)
    before = round_keys(pipe)
    assert len(before) == 29 and all(before)
    await card.reset()
    await card.until(dut.fw_ready)
    after = round_keys(pipe)
    assert all(a != b for a, b in zip(after, before, strict=True)), "a stage was left as it was"
    for a, b in zip(after[14:], before[14:], strict=True):
        assert all(a >> 128 * c & 2**128 - 1 != b >> 128 * c & 2**128 - 1 for c in range(4))


@cocotb.test()
async def dies(dut):
    """The image is wrong: the card says so and does nothing more."""
    card = Card(dut)
    Clock(dut.clk, 2, "ns").start()
    await card.reset()
    await card.until(dut.fw_dead, 1, 100)
    await ClockCycles(dut.clk, 100)
    assert (dut.fw_dead.value, dut.fw_ready.value, dut.data_path_open.value) == (1, 0, 0)
    assert dut.mbx_busy.value == 1
    # The SA table still sweeps its memories; then nothing moves any more.
    await card.until(dut.idle, 1, 20_000)
    assert (dut.fw_dead.value, dut.data_path_open.value) == (1, 0)
