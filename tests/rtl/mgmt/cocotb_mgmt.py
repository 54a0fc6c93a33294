# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of mgmt_bench: what the host sees of the firmware, and what must not be left anywhere."""

import errno
import random
import struct
from collections import Counter

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mgmt import abi
from mgmt.card import Card, assert_erased, hash_key

C = abi.CODES


@cocotb.test()
async def boots(dut):
    card = Card(dut)
    cycles = await card.start()
    dut._log.info("boot: %d cycles from reset to fw_ready", cycles)
    assert dut.data_path_open.value == 1
    assert dut.selftest_failed.value == 0
    assert dut.fw_dead.value == 0
    assert dut.fw_version.value == 0x00020000
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
    assert abi.IDENTIFY.unpack(body) == (
        *abi.VERSION, abi.FEATURES, 0x00020000, 64, 2, 4, 1, 64, 4, 4096, 0
    )  # fmt: skip
    assert dut.mbx_count.value == 1


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
        silent = random.randrange(16) & random.randrange(16)  # these complete, but are not counted
        for source in range(4):
            if random.random() < 0.7:
                st = random.choice([0, 0, 23, random.randrange(64)])
                length = random.randrange(9619)
                verdicts.append((source, st, length))
                if silent >> source & 1:
                    continue
                (rx if source else tx)[st] += 1
                if st == 0:
                    size["rx" if source else "tx"] += length
        dut.v_silent.value = silent
        for name, most in (("ev_written", 1), ("ev_suppressed", 3), ("ev_lost", 3)):
            n = random.randrange(most + 1)
            getattr(dut, name).value = n
            size[name] += n
        dut.bad_doorbell.value = bells = random.choice([0, 0, 0, 1, 2, 3])
        size["tx_bell"] += bells & 1
        size["rx_bell"] += bells >> 1
        send(dut, verdicts)
        await RisingEdge(dut.clk)
    send(dut, [])
    for name in ("bad_doorbell", "v_silent", "ev_written", "ev_suppressed", "ev_lost"):
        getattr(dut, name).value = 0
    stats = await card.stats()
    dut._log.info("STATS: %d cycles", card.cycles)
    assert list(stats["tx"]) == [tx[i] for i in range(64)]
    assert list(stats["rx"]) == [rx[i] for i in range(64)]
    assert [stats[n] for n in ("tx_bytes", "rx_bytes", "tx_bad_doorbell", "rx_bad_doorbell")] == [
        size[n] for n in ("tx", "rx", "tx_bell", "rx_bell")
    ]
    assert [stats[n] for n in ("events", "events_suppressed", "events_lost")] == [
        size[n] for n in ("ev_written", "ev_suppressed", "ev_lost")
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


@cocotb.test()
async def boot_overwrites_round_keys(dut):
    """The AES pipeline's stages are not reset, but each beat overwrites them (test_aes_pipe): the firmware's tests after a
    reset give every column of both engines one."""
    card = Card(dut)
    await card.start()
    pipes = [engine.engine.u_aes for engine in dut.g_engine]
    filled = [0 for _ in pipes]

    async def watch():
        while True:
            await RisingEdge(dut.clk)
            for i, pipe in enumerate(pipes):
                if pipe.i_valid.value:
                    filled[i] |= int(pipe.i_en.value)

    await card.reset()
    cocotb.start_soon(watch())
    await card.until(dut.fw_ready)
    assert filled == [0xF, 0xF], "a column was left as it was"


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
