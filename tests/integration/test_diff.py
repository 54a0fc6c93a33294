# SPDX-License-Identifier: BSD-2-Clause
"""Card against software: the same frames, good and bad, give the same bytes under the same status."""

import random
import subprocess

import pytest
from esp_model_frames import bad_esp, bad_plain, esp_of, plain_frame
from esp_software import HOSTS, Kind, ethernet, packet
from sim_process import CARD, ROOT, Sim
from vesper_lib import DSCP_COPY, DUMMY, IN, INPLACE, OUT, TRANSPORT, TUNNEL, Vesper, make_sa

KINDS = [
    (TUNNEL, 16, 16),
    (TUNNEL, 24, 12),
    (TUNNEL, 32, 8),
    (TRANSPORT, 16, 8),
    (TRANSPORT, 24, 16),
    (TRANSPORT, 32, 12),
]
MTU = 1514


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(card, software), each with the same MTU."""
    sim = Sim(CARD, tmp_path_factory.mktemp("diff"), leaks=False)
    try:
        with Vesper(sim.path, mtu=MTU) as card, Vesper(mtu=MTU) as software:
            yield card, software
    finally:
        sim.stop()


def compare(frames, card, software, *, pipelined=False):
    """Every frame's (status, bytes, number) must agree; returns software's.

    Pipelined, the card looks at the window before the frames ahead have moved it. A forged frame
    whose number those frames used is then found forged instead of replayed: dropped all the same.
    """
    nothing = (b"", 0, False)
    for number, (frame, ours, theirs) in enumerate(zip(frames, software, card, strict=True)):
        if pipelined and theirs == ("icv", *nothing) and ours == ("replay", *nothing):
            continue
        assert theirs == ours, (
            f"frame {number} of {len(frame)} bytes ({frame[:64].hex()}): "
            f"card {theirs[0]}, number {theirs[2]}; software {ours[0]}, number {ours[2]}"
        )
    return software


def install(both, sa):
    return [v.sa_add(sa) for v in both]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(map(str, k)))
def test_outbound(both, kind):
    mode, key_len, icv = kind
    rnd = random.Random(f"out {kind}")
    card, software = both
    key = rnd.randbytes(key_len + 4)
    spi = rnd.randrange(256, 1 << 32)
    tos = 0x28 if mode == TUNNEL else 0
    handles = install(both, make_sa(OUT, mode, key, icv, spi, seq=rnd.randrange(1 << 32) - 2000, tos=tos))
    frames = [plain_frame(rnd, size) for size in [*range(0, 70), *rnd.sample(range(70, 1480), 40)]]
    frames += bad_plain(rnd) + [plain_frame(rnd, size) for size in range(1410, 1481)]
    rnd.shuffle(frames)
    ours = software.encrypt(frames, [handles[1]] * len(frames))
    compare(frames, card.encrypt(frames, [handles[0]] * len(frames)), ours)
    seen = {name for name, *_ in ours}
    assert {"ok", "not_ip", "ip_header", "ip_checksum", "truncated", "too_big", "bad_length"} <= seen
    assert ("fragment" in seen) == (mode == TRANSPORT)
    for v, handle in zip(both, handles, strict=True):
        v.sa_del(handle)
    ours = software.encrypt(frames[:20], [handles[1]] * 20)
    compare(frames[:20], card.encrypt(frames[:20], [handles[0]] * 20), ours)
    assert "sa_stale" in {name for name, *_ in ours}


def test_number_exhausted_and_direction(both):
    rnd = random.Random(1)
    card, software = both
    handles = install(both, make_sa(OUT, TUNNEL, bytes(20), 16, 0x1000, seq=0xFFFFFFFD))
    frames = [plain_frame(rnd, 40) for _ in range(5)]
    ours = software.encrypt(frames, [handles[1]] * 5)
    compare(frames, card.encrypt(frames, [handles[0]] * 5), ours)
    assert [name for name, *_ in ours] == ["ok"] * 2 + ["seq_exhausted"] * 3
    inbound = install(both, make_sa(IN, TUNNEL, bytes(20), 16, 0x1000, window=64))
    ours = software.encrypt(frames, [inbound[1]] * 5)
    compare(frames, card.encrypt(frames, [inbound[0]] * 5), ours)
    assert {name for name, *_ in ours} == {"sa_direction"}
    for v, a, b in zip(both, handles, inbound, strict=True):
        v.sa_del(a)
        v.sa_del(b)


def decrypt(v, frames, burst):
    return [r for i in range(0, len(frames), burst) for r in v.decrypt(frames[i : i + burst])]


@pytest.mark.parametrize("burst", [1, 1000])
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(map(str, k)))
def test_inbound(both, kind, burst):
    mode, key_len, icv = kind
    rnd = random.Random(f"in {kind} {burst}")
    card, software = both
    key = rnd.randbytes(key_len + 4)
    spi = rnd.randrange(256, 1 << 32)
    handles = install(both, make_sa(IN, mode, key, icv, spi, window=rnd.choice([32, 64, 1000, 4096])))
    frames = []
    for number, size in enumerate([*range(0, 70), *rnd.sample(range(70, 1400), 40)], 1):
        inner = plain_frame(rnd, size)[14:]
        frames.append(esp_of(rnd, key, icv, spi, number, inner, tunnel=mode == TUNNEL))
    frames += bad_esp(rnd, key, icv, spi, 1000, tunnel=mode == TUNNEL)
    frames += bad_plain(rnd)
    rnd.shuffle(frames)
    ours = decrypt(software, frames, burst)
    compare(frames, decrypt(card, frames, burst), ours, pipelined=burst > 1)
    seen = {name for name, *_ in ours}
    assert {
        "ok",
        "icv",
        "padding",
        "dummy",
        "no_sa",
        "esp_length",
        "not_esp",
        "truncated",
        "fragment",
    } <= seen
    if mode == TUNNEL:
        assert {"next_header", "inner"} <= seen
    # All over again, when everything is committed: what was authentic is a replay now.
    again = compare(frames, decrypt(card, frames, burst), decrypt(software, frames, burst))
    assert "ok" not in {name for name, *_ in again} and "replay" in {name for name, *_ in again}
    for v, handle in zip(both, handles, strict=True):
        v.sa_del(handle)


@pytest.mark.parametrize("case", range(30))
def test_kinds(both, case):
    """SAs of every kind, both directions: tags, extension headers, UDP, ESN, GMAC, TFC, flow labels, dummies."""
    rnd = random.Random(f"kind {case}")
    card, software = both
    kind = Kind(rnd)
    print(kind)
    outs = install(both, kind.ours(OUT))
    kind.flags &= ~DSCP_COPY
    ins = install(both, kind.ours(IN, replay_window=rnd.choice([0, 32, 64, 4096])))
    frames = []
    for _ in range(40):
        family = rnd.choice([4, 6, kind.family, kind.family])
        hosts = {"hosts": HOSTS} if kind.mode == TRANSPORT else {}
        size = rnd.choice([None, None, None, 1380, 1440, 1480])
        frames.append(ethernet(rnd, packet(rnd, family, size=size, **hosts)))
    ops = [rnd.choice([0, 0, 0, 0, DUMMY, INPLACE]) for _ in frames]
    sealed = [v.process("encrypt", frames, [h] * len(frames), ops) for v, h in zip(both, outs, strict=True)]
    for ours, theirs in zip(*sealed, strict=True):
        assert ours[:4] + ours[6:] == theirs[:4] + theirs[6:]
    esp = [r.data for r in sealed[1] if r.status == "ok"]
    esp += [bytes([*f[:-1], f[-1] ^ 1]) for f in rnd.sample(esp, 3)] + rnd.sample(esp, 3)
    opened = [v.process("decrypt", esp, [0] * len(esp)) for v in both]
    compare(esp, *([r[:4] for r in side] for side in opened), pipelined=True)
    counts = [(v.sa_query(a), v.sa_query(b)) for v, a, b in zip(both, outs, ins, strict=True)]
    for ours, theirs in zip(*counts, strict=True):
        assert (ours.seq, ours.packets, ours.bytes) == (theirs.seq, theirs.packets, theirs.bytes)
    assert counts[0][0].drops == counts[1][0].drops
    for v, a, b in zip(both, outs, ins, strict=True):
        v.sa_del(a)
        v.sa_del(b)


@pytest.mark.parametrize("where", ["software", "card"])
def test_example(where, tmp_path):
    """The example program of lib/README.md."""
    sim = Sim(CARD, tmp_path, leaks=False) if where == "card" else None
    command = [ROOT / "build" / "example" / "gateway", *([sim.path] if sim else [])]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        if sim:
            sim.stop()
    assert run.returncode == 0, run.stderr
    assert "encrypted: 94 bytes, number 1" in run.stdout and "decrypted: 39 bytes" in run.stdout
