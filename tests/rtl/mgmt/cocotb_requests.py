# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of mgmt_bench: each request, each refusal with its field and value, and how long SA_ADD takes."""

import json
import os
import random
import statistics
import struct
from pathlib import Path

import cocotb
from mgmt import abi
from mgmt.card import Card, assert_erased, hash_key

C = abi.CODES
F = abi.FLAGS
AT = {name: 24 + at for name, at in abi.SA_AT.items()}
INBOUND = dict(dir=2, ttl=0)
SA_ADD_LIMIT = 1500  # cycles from doorbell to response

IPV6 = bytes.fromhex("20010db8000000000000000000000001")
# All that an SA can have, one for each direction.
FULL_OUT = dict(
    family=6, src=IPV6, dst=IPV6[:15] + b"\x02", seq=5 << 32, tos=0xB8, tfc=1400, mtu=1280, flow_label=0xABCDE,
    flags=F["ESN"] | F["UDP"] | F["DSCP_MAP"] | F["ECN_OFF"] | F["IIV"], sport=b"\x11\x94", dport=b"\x11\x94",
    soft_packets=1 << 33, hard_packets=1 << 34, soft_bytes=1 << 40, hard_bytes=1 << 41, lease_end=6 << 32,
    lease_warn=1000,
)  # fmt: skip
FULL_IN = dict(
    dir=2, ttl=0, family=6, dst=IPV6, flags=F["ESN"] | F["UDP"] | F["DSCP_COPY"] | F["SELECTOR"], replay_window=4096,
    queue=1, dport=b"\x12\x34", soft_packets=1, hard_packets=2, soft_bytes=3, hard_bytes=4, sel_family=6,
    sel_src=IPV6[:6] + b"\x80", sel_src_len=49, sel_dst=IPV6, sel_dst_len=128, sel_proto=17, sel_sport_min=1,
    sel_sport_max=2, sel_dport_min=3, sel_dport_max=4,
)  # fmt: skip


def padded(fields):
    """As the SA stands in the ABI: byte strings in their full length."""
    return dict(zip(abi.SA_FIELDS, abi.SA.unpack(abi.sa(**fields)), strict=True))


async def assert_installed(card, handle, fields, used=0):
    """SA_QUERY tells the SA as it was added, but for the secrets; `used` packets went through it."""
    info = await card.query(handle)
    want = padded(fields)
    for name, value in want.items():
        if name in ("key", "salt"):
            assert not any(info[name]), f"{name} can be read"
        else:
            assert info[name] == value, (name, info[name], value)
    assert (info["handle"], info["reserved"]) == (handle, 0)
    assert (info["state_seq"], info["packets"]) == (want["seq"] + used, used)
    assert info["state_lease_end"] == want["lease_end"]
    assert not any(info["drops"])


@cocotb.test()
async def installs(dut):
    card = Card(dut)
    await card.start()
    for size in (16, 24, 32):
        for alg in (1, 2):
            key = random.randbytes(size)
            fields = dict(
                key_len=size, key=key, spi=bytes([1, 2, alg, size]), seq=41, flags=F["DF"], tos=0xB8, alg=alg
            )
            handle = await card.add(**fields)
            seen = await card.lookup(handle)
            assert (seen["status"], seen["seq"]) == (0, 42)
            assert seen["key"].to_bytes(32, "little") == key.ljust(32, b"\0")
            assert seen["h"].to_bytes(16, "little") == hash_key(key)
            await assert_installed(card, handle, fields, used=1)
    full = await card.add(**FULL_OUT)
    await assert_installed(card, full, FULL_OUT)
    inbound = await card.add(**FULL_IN)
    await assert_installed(card, inbound, FULL_IN)
    assert inbound & 1 << 16

    # All of them, outbound first.
    at, found = 0, []
    while True:
        info = await card.query(at, abi.QUERY_NEXT)
        if not isinstance(info, dict):
            break
        found.append(info["handle"])
        at = (info["handle"] & 0x1FFFF) + 1
    assert info.status == C["MBX_E_HANDLE"]
    assert len(found) == 8 and found[-1] == inbound and handle in found

    await card.ok(C["MBX_SA_DEL"], struct.pack("<II", handle, 0))
    assert (await card.lookup(handle))["status"] == C["ST_SA_STALE"]
    rsp = await card.query(handle)
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_HANDLE"], 24, handle)
    # Its place is taken by the next one; the old handle stays stale.
    again = await card.add(spi=b"\x09\x09\x09\x09")
    assert again != handle
    rsp = await card.call(C["MBX_SA_DEL"], struct.pack("<II", handle, 0))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_HANDLE"], 24, handle)
    assert (await card.query(again))["spi"] == b"\x09\x09\x09\x09"


@cocotb.test()
async def refuses(dut):
    card = Card(dut)
    await card.start()
    v6 = dict(family=6, src=IPV6, dst=IPV6)
    select = dict(flags=F["SELECTOR"], sel_sport_max=0xFFFF, sel_dport_max=0xFFFF, **INBOUND)
    cases = [
        ("RESERVED", "reserved0", 0x0102, dict(reserved0=0x0102)),
        ("RESERVED", "reserved1", 0x80000000, dict(reserved1=0x80000000)),
        ("RESERVED", "sel_reserved", 7, dict(sel_reserved=7)),
        ("RESERVED", "reserved2", 9, dict(reserved2=b"\x09")),
        ("DIR", "dir", 3, dict(dir=3)),
        ("MODE", "mode", 0, dict(mode=0)),
        ("FAMILY", "family", 5, dict(family=5)),
        ("ALG", "alg", 3, dict(alg=3)),
        ("KEY_LEN", "key_len", 17, dict(key_len=17)),
        ("ICV_LEN", "icv_len", 10, dict(icv_len=10)),
        ("ICV_LEN", "icv_len", 12, dict(icv_len=12, alg=2)),
        ("SPI", "spi", 255, dict(spi=b"\0\0\0\xff")),
        ("ADDRESS", "dst", 0, dict(dst=bytes(4))),
        ("ADDRESS", "src", 0, dict(v6, src=b"")),
        ("WINDOW", "replay_window", 4097, dict(replay_window=4097, **INBOUND)),
        ("WINDOW", "replay_window", 64, dict(replay_window=64)),
        ("WINDOW", "replay_window", 64, dict(replay_window=64, flags=F["INPLACE"], **INBOUND)),
        ("FLAGS", "flags", F["DF"] | F["DF_COPY"], dict(flags=F["DF"] | F["DF_COPY"])),
        ("FLAGS", "flags", 0x800, dict(flags=0x800)),
        ("FLAGS", "flags", F["IIV"], dict(flags=F["IIV"], alg=2)),
        ("FLAGS", "flags", F["SELECTOR"], dict(flags=F["SELECTOR"])),
        ("TTL", "ttl", 0, dict(ttl=0)),
        ("SEQ", "seq", 1 << 32, dict(seq=1 << 32)),
        ("QUEUE", "queue", 2, dict(queue=2, **INBOUND)),
        ("TOS", "tos", 2, dict(tos=2)),
        ("TOS", "flags", F["DSCP_COPY"] | F["DSCP_MAP"], dict(flags=F["DSCP_COPY"] | F["DSCP_MAP"])),
        ("TFC", "tfc", 9601, dict(tfc=9601)),
        ("MTU", "mtu", 1279, dict(v6, mtu=1279)),
        ("PORT", "sport", 0, dict(flags=F["UDP"])),
        ("PORT", "dport", 258, dict(dport=b"\x01\x02")),
        ("FLOW_LABEL", "flow_label", 1 << 20, dict(v6, flow_label=1 << 20)),
        ("LIFETIME", "soft_packets", 2, dict(soft_packets=2, hard_packets=1)),
        ("LIFETIME", "soft_bytes", 1 << 63, dict(soft_bytes=1 << 63, hard_bytes=1)),
        ("LEASE", "lease_end", 4, dict(seq=5, lease_end=4)),
        ("LEASE", "lease_warn", 4, dict(lease_warn=4)),
        ("SELECTOR", "sel_proto", 6, dict(sel_proto=6)),
        ("SELECTOR", "sel_family", 3, dict(select, sel_family=3)),
        ("SELECTOR", "sel_dst_len", 33, dict(select, sel_family=4, sel_dst_len=33)),
        ("SELECTOR", "sel_src", 10, dict(select, sel_family=4, sel_src=b"\x0a", sel_src_len=6)),
        ("SELECTOR", "sel_dport_min", 9, dict(select, sel_dport_min=9, sel_dport_max=8)),
    ]  # fmt: skip
    for code, field, value, changes in cases:
        rsp = await card.call(C["MBX_SA_ADD"], abi.sa(**changes))
        got = (rsp.status, rsp.field, rsp.value)
        assert got == (C[f"MBX_E_{code}"], AT[field], value), (code, changes, rsp)
        assert rsp.body == b"" and rsp.length == 24
        assert_erased(card, bytes(range(0xA0, 0xC0)))
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa(key_len=16))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_KEY_PADDING"], AT["key"] + 16, 0)

    # What was staged for those is not found in the next one.
    await assert_installed(card, await card.add(), {})
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa(key=bytes(32)))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_DUPLICATE"], AT["spi"], 0x1001)


@cocotb.test()
async def refuses_frames(dut):
    """What is wrong with a message whatever its kind."""
    card = Card(dut)
    await card.start()
    for cmd in (0, 13, 0xFFFF):
        rsp = await card.call(cmd)
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_COMMAND"], 0, cmd)
    bodies = dict(
        IDENTIFY=b"", SA_ADD=abi.sa(), SA_DEL=bytes(8), SA_QUERY=bytes(8), STATS=b"", SELFTEST=b"", RESET=b"",
        SA_LEASE=bytes(16), POLICY_ADD=abi.policy(), POLICY_DEL=bytes(8), POLICY_QUERY=bytes(8), DSCP_MAP=bytes(64),
    )  # fmt: skip
    for cmd, body in bodies.items():
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
    for cmd, flags in (
        ("SA_DEL", 1),
        ("SA_QUERY", 2),
        ("SA_QUERY", 0x80000001),
        ("POLICY_DEL", 1),
        ("POLICY_QUERY", 4),
        ("SA_LEASE", 9),
    ):
        body = struct.pack("<II", 0, flags) + (bytes(8) if cmd == "SA_LEASE" else b"")
        rsp = await card.call(C[f"MBX_{cmd}"], body)
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_RESERVED"], 28, flags)


@cocotb.test()
async def sa_add_cycles(dut):
    """From doorbell to response, whatever the SA has, and whether the table is empty or nine tenths full."""
    card = Card(dut)
    await card.start()
    kinds = {
        "plain": {},
        "inbound": dict(INBOUND, replay_window=64),
        "full out": FULL_OUT,
        "full in": FULL_IN,
    }
    cycles = {}
    for fill in (0, 58):
        for i in range(fill):
            for dir_ in (1, 2):
                await card.add(dir=dir_, spi=struct.pack(">I", 0x7000 + i))
        for kind, fields in kinds.items():
            cycles[kind, fill] = seen = []
            for _ in range(5):
                handle = await card.add(**dict(fields, spi=random.randbytes(4), key=random.randbytes(32)))
                seen.append(card.cycles)
                await card.ok(C["MBX_SA_DEL"], struct.pack("<II", handle, 0))
            dut._log.info(
                "SA_ADD, %s, %d SAs: median %d, at most %d cycles",
                kind,
                fill,
                statistics.median(seen),
                max(seen),
            )
        await card.ok(C["MBX_RESET"])
    if os.environ.get("SA_ADD_REPORT"):
        Path(os.environ["SA_ADD_REPORT"]).write_text(json.dumps([[*key, v] for key, v in cycles.items()]))
    for kind, fill in cycles:
        assert max(cycles[kind, fill]) <= SA_ADD_LIMIT, (kind, fill)
        assert max(cycles[kind, 58]) - min(cycles[kind, 0]) < 200, kind


@cocotb.test()
async def keys_pass_by(dut):
    """The CPU never reads key or salt out of the window, neither of a sound SA nor of one that is refused."""
    card = Card(dut)
    await card.start()
    await card.ok(C["MBX_RESET"])
    for fields in (
        {},
        FULL_OUT,
        FULL_IN,
        dict(key_len=16),
        dict(sel_proto=1),
        dict(key_len=9),
        dict(reserved2=b"a"),
    ):
        for _ in range(2):  # the second time it is a duplicate
            await card.call(C["MBX_SA_ADD"], abi.sa(**fields))
            assert dut.secret_read.value == 0, fields
    # The flag works: a DSCP map is read whole.
    await card.ok(C["MBX_DSCP_MAP"], bytes(64))
    assert dut.secret_read.value == 1


@cocotb.test()
async def leases(dut):
    card = Card(dut)
    await card.start()
    lease = struct.Struct("<IIQ")

    async def refused(handle, end, code, field, value):
        rsp = await card.call(C["MBX_SA_LEASE"], lease.pack(handle, 0, end))
        assert (rsp.status, rsp.field, rsp.value) == (C[f"MBX_E_{code}"], field, value), rsp

    handle = await card.add(seq=100, lease_end=102)
    inbound = await card.add(**INBOUND)
    for want in (101, 102):
        seen = await card.lookup(handle)
        assert (seen["status"], seen["seq"]) == (0, want)
    assert (await card.lookup(handle))["status"] == C["ST_LEASE"]
    await card.ok(C["MBX_SA_LEASE"], lease.pack(handle, 0, 103))
    assert (await card.query(handle))["state_lease_end"] == 103
    assert (await card.lookup(handle))["seq"] == 103
    assert (await card.lookup(handle))["status"] == C["ST_LEASE"]
    await refused(handle, 102, "LEASE", 32, 102)
    await refused(handle, 1 << 32, "LEASE", 32, 1 << 32)
    await refused(inbound, 5, "LEASE", 24, inbound)
    await refused(handle ^ 1 << 17, 200, "HANDLE", 24, handle ^ 1 << 17)
    await refused(0, 0, "HANDLE", 24, 0)
    await card.ok(C["MBX_SA_LEASE"], lease.pack(handle, 0, 0))
    assert (await card.lookup(handle))["seq"] == 104
    esn = await card.add(seq=1 << 32, flags=F["ESN"], spi=b"esn!")
    await refused(esn, (1 << 32) - 1, "LEASE", 32, (1 << 32) - 1)
    await card.ok(C["MBX_SA_LEASE"], lease.pack(esn, 0, 1 << 40))
    assert (await card.query(esn))["state_lease_end"] == 1 << 40


def ports(dut):
    value = int(dut.natt_port.value)
    return sorted(value >> 16 * i & 0xFFFF for i in range(8))


@cocotb.test()
async def udp_ports(dut):
    """The card looks for ESP where inbound SAs in UDP want it to, at 4500 always, at eight ports at most."""
    card = Card(dut)
    await card.start()
    serial = iter(range(0x4000, 0x5000))

    async def add(port, **fields):
        return await card.add(**dict(dict(dir=2, ttl=0, spi=struct.pack(">I", next(serial))), flags=F["UDP"],
                                     dport=struct.pack(">H", port), **fields))  # fmt: skip

    async def remove(handle):
        await card.ok(C["MBX_SA_DEL"], struct.pack("<II", handle, 0))

    assert ports(dut) == [0] * 7 + [4500]
    assert int(dut.natt_port.value) & 0xFFFF == 4500
    handles = [await add(port) for port in (4500, 5000, 5000, 5001)]
    assert ports(dut) == [0] * 5 + [4500, 5000, 5001]
    await remove(handles[0])
    await remove(handles[1])
    assert ports(dut) == [0] * 5 + [4500, 5000, 5001]
    await remove(handles[2])
    assert ports(dut) == [0] * 6 + [4500, 5001]
    # An outbound SA's ports are its own business, and so are those of a refused one.
    await add(6000, dir=1, ttl=1, sport=b"\1\1")
    rsp = await card.call(
        C["MBX_SA_ADD"], abi.sa(dir=2, flags=F["UDP"], dport=b"\x22\x22", spi=struct.pack(">I", 0x4003))
    )
    assert rsp.status == C["MBX_E_DUPLICATE"]
    assert ports(dut) == [0] * 6 + [4500, 5001]
    more = [await add(port) for port in range(7000, 7006)]
    assert ports(dut) == [4500, 5001, *range(7000, 7006)]
    await add(4500)
    await add(7003)
    rsp = await card.call(C["MBX_SA_ADD"], abi.sa(dir=2, flags=F["UDP"], dport=b"\x22\x22", spi=b"over"))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_PORTS_FULL"], AT["dport"], 0x2222)
    assert_erased(card, bytes(range(0xA0, 0xC0)))
    # Nothing of it stays in the table.
    await add(4500, spi=b"over")
    await remove(more[5])
    await add(0x2222)
    assert ports(dut) == sorted([4500, 5001, 0x2222, *range(7000, 7005)])
    await card.ok(C["MBX_RESET"])
    assert ports(dut) == [0] * 7 + [4500]
    await add(9)
    assert ports(dut) == [0] * 6 + [9, 4500]


def mapped(dut):
    value = int(dut.dscp_map.value)
    return [value >> 6 * i & 63 for i in range(64)]


@cocotb.test()
async def maps_dscps(dut):
    card = Card(dut)
    await card.start()
    identity = list(range(64))
    assert mapped(dut) == identity
    want = random.sample(identity, 64)
    await card.ok(C["MBX_DSCP_MAP"], bytes(want))
    assert mapped(dut) == want
    for at in (0, 37, 63):
        wrong = bytearray(identity)
        wrong[at] = 64 + at
        rsp = await card.call(C["MBX_DSCP_MAP"], bytes(wrong))
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_DSCP"], 24 + at, 64 + at)
        assert mapped(dut) == want
    await card.ok(C["MBX_RESET"])
    assert mapped(dut) == identity


@cocotb.test()
async def policies(dut):
    card = Card(dut)
    await card.start()
    sa = await card.add()
    inbound = await card.add(**INBOUND)
    bypass = await card.add_policy()
    protect = await card.add_policy(dst=b"\x0a\x01", dst_len=16, action=1, sa=sa, priority=50)
    dut._log.info("POLICY_ADD: %d cycles", card.cycles)
    assert await card.policy(b"\x0a\2\2\2") == (1, 2, 0)
    assert await card.policy(b"\x0a\1\2\2") == (1, 1, sa)
    assert (await card.policy(b"\x0b\1\2\2"))[0] == 0

    async def query(handle, flags=0):
        rsp = await card.call(C["MBX_POLICY_QUERY"], struct.pack("<II", handle, flags))
        return rsp if rsp.status else (*struct.unpack("<II", rsp.body[:8]), rsp.body[8:])

    assert await query(bypass) == (bypass, 0, abi.policy())
    assert await query(protect) == (
        protect, 0, abi.policy(dst=b"\x0a\x01", dst_len=16, action=1, sa=sa, priority=50)
    )  # fmt: skip
    assert (await query(0, abi.QUERY_NEXT))[0] == min(bypass, protect, key=lambda h: h & 0xFFFF)
    last = max(bypass & 0xFFFF, protect & 0xFFFF)
    rsp = await query(last + 1, abi.QUERY_NEXT)
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_POLICY_HANDLE"], 24, last + 1)

    at = {n: 24 + at for n, at in abi.POLICY_AT.items()}
    cases = [
        ("RESERVED", "reserved0", 1, dict(reserved0=b"\1")),
        ("RESERVED", "reserved1", 1 << 40, dict(reserved1=1 << 40)),
        ("FAMILY", "family", 0, dict(family=0)),
        ("PREFIX", "dst_len", 33, dict(dst_len=33)),
        ("PREFIX", "dst", 10, dict(dst_len=4)),
        ("PORT_MASK", "sport", 256, dict(sport=b"\1")),
        ("PORT_MASK", "dport_mask", 255, dict(dport_mask=b"\0\xff", proto=0)),
        ("ACTION", "action", 4, dict(action=4)),
        ("POLICY_SA", "sa", inbound, dict(action=1, sa=inbound)),
        ("POLICY_SA", "sa", sa ^ 1 << 17, dict(action=1, sa=sa ^ 1 << 17)),
        ("POLICY_SA", "sa", 0, dict(action=1)),
        ("POLICY_SA", "sa", sa, dict(sa=sa)),
    ]  # fmt: skip
    for code, field, value, changes in cases:
        rsp = await card.call(C["MBX_POLICY_ADD"], abi.policy(**changes))
        assert (rsp.status, rsp.field, rsp.value) == (C[f"MBX_E_{code}"], at[field], value), (
            code,
            changes,
            rsp,
        )
    rsp = await card.call(C["MBX_POLICY_ADD"], abi.policy())
    assert (rsp.status, rsp.body) == (C["MBX_E_POLICY_DUPLICATE"], b"")

    await card.ok(C["MBX_POLICY_DEL"], struct.pack("<II", protect, 0))
    assert await card.policy(b"\x0a\1\2\2") == (1, 2, 0)
    for cmd in ("POLICY_DEL", "POLICY_QUERY"):
        rsp = await card.call(C[f"MBX_{cmd}"], struct.pack("<II", protect, 0))
        assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_POLICY_HANDLE"], 24, protect)

    # One kind of mask more than there is room for, and then one policy more.
    for length in range(9, 12):
        await card.add_policy(dst_len=length)
    rsp = await card.call(C["MBX_POLICY_ADD"], abi.policy(dst_len=12))
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_POLICY_MASKS"], 0, 4)
    # The hash may not find a place for the very last ones.
    for i in range(61):
        rsp = await card.call(C["MBX_POLICY_ADD"], abi.policy(dst=bytes([11 + i])))
        if rsp.status:
            break
    assert (rsp.status, rsp.field, rsp.value) == (C["MBX_E_POLICY_FULL"], 0, 64)
    assert i >= 54
    await card.ok(C["MBX_RESET"])
    assert (await query(0, abi.QUERY_NEXT)).status == C["MBX_E_POLICY_HANDLE"]
    assert (await card.policy(b"\x0a\2\2\2"))[0] == 0
    await card.add_policy()
