# SPDX-License-Identifier: BSD-2-Clause
"""A card killed under traffic, another one plugged; driver and device removed under traffic; no leak."""

import json

from trouble import PORTS, card_device, kill_card, qmp, wait_meet

# The card in the slot is the guest's own, the other one is in a namespace of its own: wire to wire.
SCRIPT = r"""
SLOT=/sys/bus/pci/devices/0000:01:00.0
ip netns add far

near_up() {
	ip link set "$(ls $SLOT/net)" name vesper0
	ip address add 10.0.0.1/24 dev vesper0
	ip link set vesper0 up
}

both_up() {
	insmod /work/module/vesper.ko
	near_up
	ip link set "$(ls /sys/bus/pci/drivers/vesper/0000:00:*/net)" netns far name vesper1
	ip -n far address add 10.0.0.2/24 dev vesper1
	ip -n far link set vesper1 up
	pings
}

pings() {
	local tries=0
	until ping -q -c 1 -W 2 10.0.0.2 >/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 15 ] || fail 'no ping comes back'
	done
}

traffic() {
	ip netns exec far iperf3 -s -1 -I /tmp/iperf3.pid >/dev/null 2>&1 &
	sleep 0.5
	iperf3 -c 10.0.0.2 -t 60 --bidir >/dev/null 2>&1 &
	ping -f -q -s 1000 10.0.0.2 >/dev/null 2>&1 &
	sleep 2
}

no_traffic() {
	kill $(jobs -p) 2>/dev/null || true
	pkill iperf3 || true
	pkill ping || true
	wait || true
}

# within SECONDS COMMAND...: it ends, well or not, in time.
within() {
	local code=0
	timeout "$@" || code=$?
	[ $code != 124 ] || fail "$2 $3 $4 hangs"
	return $code
}

# Bytes in slab objects and bytes free, when what can be given back was.
memory() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '$1 != "slabinfo" && $1 != "#" {n += $2 * $4} END {printf "%d ", n}' /proc/slabinfo
	awk '/^MemFree/ {print $2 * 1024}' /proc/meminfo
}

cycle() {
	both_up
	traffic
	within 30 rmmod vesper
	no_traffic
	[ -z "$(ls $SLOT/net 2>/dev/null)" ] || fail 'an interface is left'
	step "removed under traffic: $1"
}

cycle first
read -r slab free <<<"$(memory)"
for n in 1 2 3 4 5; do cycle $n; done
read -r slab2 free2 <<<"$(memory)"
step "five times: slab objects $slab, then $slab2 bytes; free memory $free, then $free2 bytes"
# The rings of one pair hold a MiB; five times one of them, or an skb for each of some thousand packets, is more.
[ $((slab2 - slab)) -lt 1000000 ] || fail 'slab objects leak'
[ $((free - free2)) -lt 8000000 ] || fail 'pages leak'
no_trouble

both_up
traffic
step 'the card dies'
meet kill
waited=0
until dmesg | grep -q 'the card does not answer any more'; do
	sleep 1
	waited=$((waited + 1))
	[ $waited -lt 30 ] || fail 'the driver does not notice'
done
step "noticed after $waited s or less"
no_traffic
sleep 1
within 10 ip -s link show dev vesper0
ip link show dev vesper0 | grep -q NO-CARRIER || fail 'the link is still up'
within 10 devlink health show pci/0000:01:00.0 reporter firmware
devlink health show pci/0000:01:00.0 reporter firmware | grep -q 'state error' || fail 'devlink calls it healthy'
within 10 ethtool -S vesper0 && fail 'ethtool -S of a dead card' || true
within 10 devlink health recover pci/0000:01:00.0 reporter firmware && fail 'a dead card recovers' || true
within 10 ip link set vesper0 down
within 10 ip link set vesper0 up && fail 'a dead card comes up' || true
no_trouble
within 30 sh -c "echo 1 >$SLOT/remove"
[ ! -e $SLOT ] || fail 'the dead card is still there'
step 'removed, dead'

# plugged: until the card in SLOT is there, and driven.
plugged() {
	local waited=0
	until [ -n "$(ls $SLOT/net 2>/dev/null)" ]; do
		sleep 1
		waited=$((waited + 1))
		[ $waited -lt 60 ] || fail 'the new card is not found'
	done
	near_up
	pings
	step "$1"
}
SLOT=/sys/bus/pci/devices/0000:02:00.0
meet plug
plugged 'a new card carries packets'
traffic
within 30 sh -c "echo 1 >$SLOT/remove"
no_traffic
[ ! -e $SLOT ] || fail 'the card is still there'
echo 1 >/sys/bus/pci/rescan
plugged 'removed under traffic, and found again'
traffic
meet kill-again
within 60 rmmod vesper
no_traffic
step 'removed from a dead card'
within 60 insmod /work/module/vesper.ko
dmesg | grep -q 'vesper 0000:02:00.0.*magic is 0xffffffff' || fail 'a dead card is probed without a word'
step 'a dead card is refused'
dmesg | grep vesper | tail -n 20
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 200  # after all of `run` below


def run(lab):
    wire = lab.work / "wire"
    far = lab.card("far", f"unix:{wire}")
    near = lab.card("near", f"unix-connect:{wire}")
    first = json.dumps(card_device(lab, near, 1, "first"))
    vm = lab.vm("guest", SCRIPT, devices=[*PORTS, first], cards=[far])
    wait_meet(lab, "kill", 400)
    kill_card(lab, vm, near)
    # QEMU 11.1 does not connect again, and aborts when a vfio-user device is unplugged (memory_region_del_subregion:
    # Assertion): the new card comes into the other port.
    wait_meet(lab, "plug", 150)
    near.start()
    qmp(lab, vm, "device_add", **card_device(lab, near, 2, "second"))
    wait_meet(lab, "kill-again", 250)
    kill_card(lab, vm, near)
