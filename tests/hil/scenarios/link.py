# SPDX-License-Identifier: BSD-2-Clause
"""Two guests, a card each, wire to wire: IPv4, IPv6, VLAN, jumbo frames, TCP both ways; nothing lost."""

SCRIPT = r"""
card_up 10.0.0.$ME/24 fd00::$ME/64
meet up
step ping
ping -c 3 -i 0.3 -W 5 10.0.0.$PEER
ping -6 -c 3 -i 0.3 -W 5 fd00::$PEER
step VLAN
ip link add link vesper0 name v7 type vlan id 7
ip address add 10.7.0.$ME/24 dev v7
ip link set v7 up
meet vlan
ping -c 2 -W 5 10.7.0.$PEER
step jumbo
ip link set vesper0 mtu 9000
meet jumbo
# Until here frames came to an interface that was down, or going up with another MTU.
before=$(drops)
ping -c 2 -M do -s 8972 -W 5 10.0.0.$PEER
meet tcp
step TCP
if [ $ME = 1 ]; then
	iperf3 -s -1 >/dev/null &
	meet server
	wait
	iperf3 -s -1 >/dev/null &
	meet server6
	wait
else
	meet server
	sleep 1
	iperf3 -c 10.0.0.$PEER -t 3
	meet server6
	sleep 1
	iperf3 -6 -c fd00::$PEER -t 3 -R
fi
meet done
ethtool -S vesper0
ip -s link show dev vesper0
[ "$(drops)" = "$before" ] || fail "the card counts drops: $before, then $(drops)"
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 180


def run(lab):
    wire = lab.work / "wire"
    first = lab.card("card1", f"unix:{wire}")
    second = lab.card("card2", f"unix-connect:{wire}")
    for me, card in ((1, first), (2, second)):
        lab.vm(f"guest{me}", f"ME={me} PEER={3 - me}\n{SCRIPT}", cards=[card])
