# SPDX-License-Identifier: BSD-2-Clause
"""PCIe errors (AER): correctable, not fatal, fatal; the kernel recovers the card under traffic, its SAs come back."""

import json

from trouble import PORTS, card_device

# One of QEMU's ports that tell whether the link is up says, after a reset of its bus, that it is not.
PORT = f"{PORTS[0]},x-speed=2_5"

# The kernel's aer_inject pretends that a card has reported an error, beneath the AER driver: from there on all is real.
SCRIPT = r"""
SLOT=/sys/bus/pci/devices/0000:01:00.0
modprobe aer_inject
modprobe -a esp4 esp4_offload
card_up 10.0.0.1/24
MODE=packet
! kernel_before 6.12 || MODE=crypto
ip neigh replace 10.0.0.9 lladdr 02:56:53:50:00:01 dev vesper0
ip xfrm state add src 10.0.0.1 dst 10.0.0.8 proto esp spi 0x1001 reqid 1 mode transport \
	aead 'rfc4106(gcm(aes))' "0x$(printf '%040d' 7)" 128 offload $MODE dev vesper0 dir out

# inject UNCORRECTABLE CORRECTABLE: bits of the two status registers.
inject() {
	python3 -c '
import struct, sys
error = struct.pack("@BBBIIIIIII", 1, 0, 0, *(int(v, 0) for v in sys.argv[1:3]), 1, 2, 3, 4, 0)
open("/dev/aer_inject", "wb", buffering=0).write(error)' "$1" "$2"
}

# recovers WHAT SAID UNCORRECTABLE CORRECTABLE: the kernel says it once more.
recovers() {
	local before waited=0
	before=$(dmesg | grep -c "$2") || true
	ping -f -q 10.0.0.9 >/dev/null 2>&1 &
	inject "$3" "$4"
	until [ "$(dmesg | grep -c "$2")" -gt "$before" ]; do
		sleep 1
		waited=$((waited + 1))
		[ $waited -lt 30 ] || fail "$1: the kernel does not say '$2'"
	done
	sleep 1
	pkill ping || true
	wait || true
	moves "after $1"
	! dmesg | grep 'does not come back' || fail "$1: the SA"
	[ "$(value ipsec_sa_on_card)" = 1 ] || fail "$1: the SA is not on the card any more"
}

moves 'before'
[ "$(value ipsec_sa_on_card)" = 1 ] || fail 'the SA is not on the card'
recovers 'an error that is corrected' '6. BadTLP' 0 0x40
recovers 'one that is not fatal: completion timeout' 'device recovery successful' 0x4000 0
recovers 'a fatal one: malformed TLP' 'device recovery successful' 0x40000 0
[ "$(awk '/^TOTAL/ {print $2}' $SLOT/aer_dev_correctable $SLOT/aer_dev_nonfatal | xargs)" = '1 1' ] ||
	fail 'the kernel has counted other errors than these'
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 240


def run(lab):
    device = card_device(lab, lab.card("card", "loop"), 1, "card")
    lab.vm("guest", SCRIPT, devices=[PORT, json.dumps(device)])
