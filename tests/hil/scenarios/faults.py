# SPDX-License-Identifier: BSD-2-Clause
"""Cards that misbehave: another ABI, wrong completions, a firmware that is dead, silent, dies or failed its self-test."""

import json
import struct

import trouble

# The first card is sound and its completions are forged; four run a firmware of a few instructions each; of three some
# registers lie.
SCRIPT = r"""
insmod /work/module/vesper.ko
step 'cards with a bad firmware'
dmesg | grep -E '^|vesper' | grep vesper
# says TEXT: the kernel's log does, within ten seconds.
says() {
	local waited=0
	until dmesg | grep -Eq "$1"; do
		sleep 1
		waited=$((waited + 1))
		[ $waited -lt 15 ] || { dmesg | grep vesper | tail; fail "not in the kernel's log: $1"; }
	done
	step "said: $(dmesg | grep -E "$1" | tail -n 1)"
}
says 'vesper.* the firmware is dead'
says 'vesper.* the firmware does not start'
says 'vesper.* the card failed its self-test'
says 'vesper.* card has ABI 3.1, this driver knows 2'
says 'vesper.* magic is 0x12345678, expected 0x56535052'
says 'vesper.* the card says that it has 0 queue pairs and 2.255 SAs'

first=$(ls -d /sys/bus/pci/drivers/vesper/0000:*/net | head -n 1)
[ "$(ls -d /sys/bus/pci/drivers/vesper/0000:*/net | wc -l)" = 2 ] || fail 'not two of eight cards are driven'
BDF=$(basename "$(dirname "$first")")
ip link set "$(ls $first)" name vesper0
sysctl -qw net.ipv6.conf.vesper0.disable_ipv6=1
ip address add 10.0.0.1/24 dev vesper0
ip link set vesper0 up
ip neigh replace 10.0.0.9 lladdr 02:56:53:50:00:01 dev vesper0
moves 'at first'

# forged NAME TEXT: the scenario writes a completion into a ring that is at rest.
forged() {
	local resets
	resets=$(ethtool -S vesper0 | awk '$1 == "resets:" {print $2}')
	sleep 1
	ethtool -d vesper0 raw on >/work/meet/regs.$1
	devlink -j health diagnose pci/$BDF reporter queues >/work/meet/diagnosis.$1
	touch /work/meet/ready.$1
	await forged.$1
	says "$2"
	says "recovered: reset $((resets + 1))"
	moves "after $1"
}
forged rx-index 'queue 0: RX completion for descriptor .* with 64 bytes'
forged rx-length 'queue 0: RX completion for descriptor .* with 60000 bytes'
forged rx-status 'queue 0: RX completion for descriptor .*, status 200'
forged tx-index 'queue 0: TX completion for descriptor .*, status 0'
ethtool -S vesper0 | grep -E 'resets|lost_interrupts|bad_completion'
[ "$(ethtool -S vesper0 | awk '$1 == "queue0_lost_interrupts:" {print $2}')" -ge 4 ] ||
	fail 'no interrupt came, and the watchdog did not look'
[ "$(ethtool -S vesper0 | awk '$1 == "queue0_rx_bad_completion:" {print $2}')" = 3 ] || fail 'not three bad completions'
devlink health show pci/$BDF reporter queues

step 'a firmware that dies when it is asked'
second=$(ls -d /sys/bus/pci/drivers/vesper/0000:*/net | tail -n 1)
ip link set "$(ls $second)" name vesper1
ip link set vesper1 up
timeout 30 ethtool -S vesper1 >/dev/null || fail 'ethtool -S with a dead firmware'
says 'vesper1: fault: the firmware is dead'
says 'vesper1: recovered: reset 1'
[ "$(cat /sys/class/net/vesper1/carrier)" = 1 ] || fail 'no carrier after the reset'
within=$(timeout 60 rmmod vesper && echo yes)
[ "$within" = yes ] || fail 'rmmod hangs'
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 300

GLOBAL_REGS, PAIR_REGS = 19, 32  # words of ethtool -d (ethtool.c)
TX_CPL, RX_CPL = 0x18 // 4, 0x28 // 4
LOG2 = 8
ID, ABI, GEOMETRY = 0x000, 0x004, 0x00C


def forge(lab, vm, name):
    """Writes the completion that the driver expects next into queue 0's ring, with one thing wrong."""
    meet = lab.work / "meet"
    trouble.wait_for(lab, f"{name}", (meet / f"ready.{name}").exists)
    regs = struct.unpack_from(f"<{GLOBAL_REGS + PAIR_REGS}I", (meet / f"regs.{name}").read_bytes())
    diagnosis = json.loads((meet / f"diagnosis.{name}").read_text())
    pair = find(diagnosis, "pairs")[0]
    way = name[:2]
    at = GLOBAL_REGS + (TX_CPL if way == "tx" else RX_CPL)
    seen = pair[f"{way} completions"]
    ring = regs[at] | regs[at + 1] << 32
    index, length, status = pair[f"{way} head"], 64, 0
    if name.endswith("index"):
        index += 5000
    elif name == "rx-length":
        length = 60000
    else:
        status = 200
    flags = 0 if seen >> LOG2 & 1 else 1
    with trouble.guest_memory(vm) as memory:
        memory.seek(ring + 16 * (seen % (1 << LOG2)))
        memory.write(struct.pack("<HHBBHII", index & 0xFFFF, length, status, flags, 0, 0, 0))
    trouble.go(lab, f"forged.{name}")


def find(tree, key):
    """The value of `key`, however deep devlink's JSON has put it."""
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        tree = list(tree.values())
    for branch in tree if isinstance(tree, list) else ():
        found = find(branch, key)
        if found is not None:
            return found
    return None


def run(lab):
    bad = {
        "dead": [trouble.TRAP],
        "silent": [trouble.SLEEP, trouble.STAY],
        "failed": [*trouble.set_state(trouble.READY | trouble.SELFTEST_FAILED), trouble.SLEEP, trouble.STAY],
        "dies": [*trouble.set_state(trouble.READY | trouble.OPEN), trouble.SLEEP, trouble.TRAP],
    }
    cards = [lab.card("sound", "loop")]
    for name, words in bad.items():
        cards.append(
            lab.card(name, "none", "--firmware", str(trouble.firmware(lab.folder / f"{name}.hex", *words)))
        )
    for name, registers in (
        ("abi", {ABI: 3 << 16 | 1}),
        ("magic", {ID: 0x12345678}),
        ("geometry", {GEOMETRY: 0xFF0000}),
    ):
        cards.append(trouble.Claims(lab, lab.card(name, "none"), registers))
    vm = lab.vm("guest", SCRIPT, cards=cards)
    for name in ("rx-index", "rx-length", "rx-status", "tx-index"):
        forge(lab, vm, name)
