# SPDX-License-Identifier: BSD-2-Clause
"""SAs through the life of an interface: resets, VLAN, XFRM interface, namespaces, migration, bonding, down, removal."""

import re

from lab import Failure
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP
from scapy.utils import PcapNgReader

# Case N: SPIs 1N1 (from guest 1) and 1N2, keys of its own, 10.1N.0.1 and .2 inside. Guest 2 has all of them in software
# from the start, behind a bridge that stands for a switch; guest 1 drives.
COMMON = r"""
. /work/hil/guest-vpn
modprobe -a esp4 esp4_offload xfrm_user 8021q 2>/dev/null
CASES=$(seq 10 24)
VLAN='12 13 14'
IP=ip L=10.0.0.$ME R=10.0.0.$PEER

# sa N FROM TO FROM-ADDRESS TO-ADDRESS MORE...: one of a case's two SAs
sa() {
	local n=$1 from=$2 source=$4 target=$5
	shift 5
	$IP xfrm state add src $source dst $target proto esp spi 1$n$from reqid $n mode tunnel \
		replay-window $([ $from = $ME ] && echo 0 || echo 64) \
		aead 'rfc4106(gcm(aes))' 0x$(printf '%036d' 7)$n$(printf %02d $from) 128 "$@"
}
# policy N FROM TO FROM-ADDRESS TO-ADDRESS DIR MORE...
policy() {
	local n=$1 from=$2 to=$3 source=$4 target=$5 dir=$6
	shift 6
	$IP xfrm policy add src 10.1$n.0.$from dst 10.1$n.0.$to dir $dir \
		tmpl src $source dst $target proto esp reqid $n mode tunnel "$@"
}
# both N MORE...: SAs and policies of a case; offloaded as OFFLOAD and PACKET say
OFFLOAD= PACKET=
both() {
	local n=$1
	shift
	sa $n $ME $PEER $L $R ${OFFLOAD:+$OFFLOAD dir out} "$@" &&
		sa $n $PEER $ME $R $L ${OFFLOAD:+$OFFLOAD dir in} "$@" &&
		policy $n $ME $PEER $L $R out $PACKET "$@" &&
		policy $n $PEER $ME $R $L in $PACKET "$@" &&
		policy $n $PEER $ME $R $L fwd $PACKET "$@"
}
# migrate N OLD NEW: the end of guest 1 gets another address (XFRM_MSG_MIGRATE; iproute2 has no word for it)
migrate() {
	python3 - $1 $2 $3 $ME <<-'PY'
		import socket, struct, sys
		sys.path.insert(0, "/work/hil")
		from guest_matrix import ask, attribute
		n, old, new, me = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
		packed = lambda text: socket.inet_aton(text).ljust(16, b"\0")
		inside = lambda who: packed(f"10.1{n}.0.{who}")
		link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
		link.setsockopt(270, 11, 1), link.setsockopt(270, 10, 1)
		for direction, source, target in ((1, me, 3 - me), (0, 3 - me, me), (2, 3 - me, me)):
		    selector = inside(target) + inside(source) + struct.pack("=8xHBBB3xII", 2, 32, 32, 0, 0, 0)
		    ends = [(packed(old), packed(new)) if who == 1 else 2 * (packed("10.0.0.2"),) for who in (target, source)]
		    move = ends[0][0] + ends[1][0] + ends[0][1] + ends[1][1] + struct.pack("=BBHIHH", 50, 1, 0, n, 2, 2)
		    message = selector + struct.pack("=IB3x", 0, direction) + attribute(17, move)
		    head = struct.pack("=IHHII", 16 + len(message), 33, 5, 1, 0)
		    error, said = ask(link, head + message)
		    if error and direction != 2:
		        sys.exit(f"direction {direction}: error {error} {said}")
	PY
}
"""

PEER = r"""
modprobe e1000e
ip link add br0 type bridge
until [ -e /sys/class/net/eth1 ]; do sleep 0.2; done
for dev in eth0 eth1; do ip link set $dev master br0 up; done
ip address add 10.0.0.2/24 dev br0
ip link set br0 up
ip link add link br0 name br0.5 type vlan id 5
ip address add 10.0.5.2/24 dev br0.5
ip link set br0.5 up
for n in $CASES; do
	ip address add 10.1$n.0.2/32 dev lo
	case $VLAN in *$n*) L=10.0.5.2 R=10.0.5.1 ;; esac
	both $n
	L=10.0.0.2 R=10.0.0.1
	ip route add 10.1$n.0.0/24 dev br0 src 10.1$n.0.2
done
meet ready
meet migrate-crypto
migrate 16 10.0.0.1 10.0.0.11
meet migrated-crypto
meet migrate-packet
migrate 17 10.0.0.1 10.0.0.12
meet migrated-packet
meet over
awk '$2' /proc/net/xfrm_stat
grep -E '^XfrmInStateSeqError' /proc/net/xfrm_stat | grep -q '[[:space:]]0$' || fail 'a number came twice'
no_trouble
"""

DRIVER = r"""
address() {
	$IP address add 10.0.0.1/24 dev $1
	$IP link set $1 up
}
inside() {
	local n=$1
	$IP address replace 10.1$n.0.1/32 dev lo
	$IP route replace 10.1$n.0.2 dev $2 src 10.1$n.0.1
}
crypto() { OFFLOAD="offload dev $1" PACKET=; }
packet() { OFFLOAD="offload packet dev $1" PACKET="offload packet dev $1"; }
# any DEVICE: what holds for both modes is tried with packet offload, where the kernel has it.
MODE=packet
! kernel_before 6.12 || MODE=crypto
any() { $MODE $1; }
value() { $RUN ethtool -S ${2-vesper0} | awk -v n="$1:" '$1 == n {print $2}'; }
RUN=
soft() { awk -v n="$1" '$1 == n {print $2}' /sys/kernel/tracing/kprobe_profile; }
# wrong TEXT: the scenario fails, but goes on, so that the table is whole.
WRONG=
wrong() {
	step "WRONG: $*"
	WRONG="$WRONG$*; "
	awk '$2' /proc/net/xfrm_stat
	ethtool -S vesper0 2>/dev/null | grep -E 'ipsec|card_.*[1-9]$' || true
}
# passes N TEXT OUT IN: pings of a case come back, and who encrypts and decrypts is as said (card, software).
passes() {
	local out=$(soft esp_output_tail) in=$(soft esp_input) did_out=card did_in=card
	$RUN ping -q -c 4 -i 0.2 -W 5 -s ${SIZE-56} 10.1$1.0.2 >/tmp/pings || true
	grep -q ' 0% packet loss' /tmp/pings || wrong "$2: $(grep loss /tmp/pings)"
	[ $(soft esp_output_tail) = $out ] || did_out=software
	[ $(soft esp_input) = $in ] || did_in=software
	[ "$did_out $did_in" = "$3 $4" ] || wrong "$2: $3 and $4 were expected"
	step "| $2 | $did_out | $did_in |"
}
# stuck N COUNTER TEXT: pings of a case do not pass, and the stack counts them there.
count() { awk -v n="$1" '$1 == n {print $2}' /proc/net/xfrm_stat; }
stuck() {
	local before=$(count $2)
	ping -q -c 2 -W 1 10.1$1.0.2 >/dev/null && wrong "$3: passes"
	[ "$(count $2)" -gt $before ] || wrong "$3: not counted as $2"
	step "| $3 ($2) | none | |"
}
# empty TEXT: the stack has no SA, and the card none
empty() {
	[ -z "$(ip xfrm state)" ] || wrong "$1: SAs are left in the stack"
	[ "$(value ipsec_sa_on_card) $(value ipsec_packet_sas) $(value ipsec_policies)" = '0 0 0' ] ||
		wrong "$1: something is left on the card: $(ethtool -S vesper0 | grep ipsec)"
	step "| $1: no SA is left | | |"
}
flush() { $IP xfrm policy flush; $IP xfrm state flush; }
# said TEXT COMMAND...: refused with that sentence
said() {
	local sentence=$1 answer
	shift
	answer=$("$@" 2>&1) && wrong "not refused: $*"
	case $answer in *"$sentence"*) ;; *) wrong "'$answer' for '$sentence'" ;; esac
	step "| refused: $answer | | |"
}

card_up
second=$(ls -d /sys/bus/pci/drivers/vesper/0000:*/net/* | tail -n 1)
BDF=$(basename "$(readlink /sys/class/net/vesper0/device)")
ip link set "$(basename $second)" name vesper1
address vesper0
sysctl -q net.ipv4.ip_forward=1
watch_software
meet ready

step '| what | out | in |'
# under FLAP COMMAND...: pings of case N go on while it runs, and the number that is lost is told
under() {
	local n=$1
	shift
	ping -q -i 0.1 -c 60 -W 2 10.1$n.0.2 >/tmp/under &
	local pinger=$!
	sleep 2
	"$@"
	wait $pinger || true
	step "| $* under pings: $(grep -o '[0-9]* received' /tmp/under) of 60 | | |"
}
inside 10 vesper0
any vesper0
both 10
passes 10 "$MODE mode" card card
sleep 1.5
under 10 devlink health test pci/$BDF reporter firmware
passes 10 "$MODE mode after a reset of the card by devlink" card card
under 10 sh -c "echo 1 >/sys/class/net/vesper0/device/reset"
passes 10 "$MODE mode after a reset by PCI" card card
ip link set vesper0 mtu 1400
passes 10 "$MODE mode after another MTU, with other queues" card card
ip link set vesper0 mtu 1500

inside 11 vesper0
crypto vesper0
both 11
passes 11 'crypto mode' card card
under 11 devlink health test pci/$BDF reporter firmware
passes 11 'crypto mode after a reset of the card' card card
ethtool -K vesper0 esp-hw-offload off
passes 11 'crypto mode switched off by ethtool' software card
ethtool -K vesper0 esp-hw-offload on
passes 11 'crypto mode switched on again' card card
[ $(value ipsec_sa_on_card) = 4 ] || wrong "$(value ipsec_sa_on_card) SAs are on the card, 4 are to"

ip link add link vesper0 name vesper0.5 type vlan id 5
ip address add 10.0.5.1/24 dev vesper0.5
ip link set vesper0.5 up
L=10.0.5.1 R=10.0.5.2
if [ $MODE = packet ]; then
	inside 12 vesper0.5
	packet vesper0
	both 12
	if kernel_before 6.15; then
		passes 12 'packet mode, the route by a VLAN of the device' card card
		SIZE=1372 passes 12 'the same, packets of the largest size' card card
		ip netns add host
		ip link add inside type veth peer name eth0 netns host
		ip address add 10.112.0.9 peer 10.112.0.1 dev inside
		ip link set inside up
		ip -n host address add 10.112.0.1 peer 10.112.0.9 dev eth0
		ip -n host link set eth0 up
		ip -n host route add default via 10.112.0.9
		ip address del 10.112.0.1/32 dev lo
		ip route replace 10.112.0.2 dev vesper0.5
		RUN='ip netns exec host'
		passes 12 'the same, forwarded for another host' card card
		RUN=
		ip netns del host
	else
		stuck 12 XfrmOutError 'packet mode, the route by a VLAN of the device'
	fi
	said 'RTNETLINK' sa 24 1 2 10.0.5.1 10.0.5.7 offload packet dev vesper0.5 dir out
	flush
fi
inside 13 vesper0.5
crypto vesper0
both 13
passes 13 'crypto mode, the route by a VLAN of the device' software card
flush
inside 14 vesper0.5
crypto vesper0.5
both 14
passes 14 'crypto mode asked of the VLAN device' software software
flush
ip link del vesper0.5
L=10.0.0.1 R=10.0.0.2

ip link add ipsec7 type xfrm dev vesper0 if_id 7
ip link set ipsec7 up
inside 15 ipsec7
crypto vesper0
if kernel_before 6.16; then
	both 15 if_id 7
	passes 15 'crypto mode through an XFRM interface' card card
	[ "$(cat /sys/class/net/ipsec7/statistics/rx_packets)" = 4 ] || wrong 'the XFRM interface has not received 4 packets'
else
	said 'XFRM if_id is not supported in RX path' sa 15 2 1 10.0.0.2 10.0.0.1 $OFFLOAD dir in if_id 7
fi
ip link del ipsec7
flush

inside 16 vesper0
ip address add 10.0.0.11/24 dev vesper0
crypto vesper0
both 16
passes 16 'crypto mode, before migration' card card
meet migrate-crypto
migrate 16 10.0.0.1 10.0.0.11
meet migrated-crypto
[ -n "$(ip xfrm state list src 10.0.0.11)" ] || wrong 'no SA has moved'
passes 16 'crypto mode, migrated: the clone has no offload' software software
flush
if [ $MODE = packet ]; then
	inside 17 vesper0
	ip address add 10.0.0.12/24 dev vesper0
	packet vesper0
	both 17
	passes 17 'packet mode, before migration' card card
	meet migrate-packet
	migrate 17 10.0.0.1 10.0.0.12
	meet migrated-packet
	stuck 17 XfrmOutNoStates 'packet mode, migrated: the clone has no offload, the policy wants one'
	flush
else
	meet migrate-packet
	meet migrated-packet
fi
sleep 1
empty 'flushed'

inside 18 vesper0
any vesper0
both 18
passes 18 "$MODE mode, before the interface goes down" card card
ip link set vesper0 down
sleep 1
empty 'interface down: the kernel deletes its SAs'
ip link set vesper0 up
inside 18 vesper0
if [ $MODE = packet ]; then # else nobody would know which numbers they have used
	both 18
	passes 18 'up again, the same SAs anew' card card
fi

ip netns add away
ip link set vesper0 netns away
RUN='ip netns exec away' IP='ip -n away'
empty 'moved to a namespace'
$IP link set lo up
address vesper0
inside 19 vesper0
both 19
passes 19 "$MODE mode in the namespace" card card
ip netns del away
RUN= IP=ip
waited=0
until [ -e /sys/class/net/vesper0 ]; do
	sleep 0.5
	waited=$((waited + 1))
	[ $waited -lt 40 ] || fail 'the interface does not come back from its namespace'
done
empty 'the namespace deleted with its SAs'

modprobe bonding
ip link add bond0 type bond
ip link set bond0 type bond mode active-backup miimon 100 # in one step 6.1 would have it without ESP
ip link set vesper0 down
ip link set vesper1 down
ip link set vesper0 master bond0
ip link set vesper1 master bond0
address bond0
until grep -q 'Currently Active Slave: vesper' /proc/net/bonding/bond0; do sleep 0.5; done
ip link set bond0 type bond active_slave vesper0
inside 20 bond0
ethtool -k bond0 | grep -q 'esp-hw-offload: on' || fail 'the bond offers no crypto offload'
[ $MODE = crypto ] || said 'Bonding passes no policies on' sa 24 1 2 10.0.0.1 10.0.0.2 offload packet dev bond0 dir out
crypto bond0
WHO=card FIRST='2 0' SECOND='0 2'
! kernel_before 6.11 || WHO=software FIRST='0 0' SECOND='0 0'
# bonded SAS WHAT: who works, and how many SAs are on each card
bonded() {
	local on="$(value ipsec_sa_on_card vesper0) $(value ipsec_sa_on_card vesper1)"
	[ "$on" = "$1" ] || wrong "$2: SAs on the cards: $on"
	passes 20 "$2" $WHO $WHO
}
refused=$(value ipsec_sa_refused)
both 20
bonded "$FIRST" 'crypto mode by bonding'
[ $WHO = card ] || [ $(value ipsec_sa_refused) = $((refused + 2)) ] || wrong 'not counted as refused'
under 20 ip link set bond0 type bond active_slave vesper1
bonded "$SECOND" 'crypto mode after a failover to the second card'
under 20 ip link set vesper1 down
bonded "$FIRST" 'crypto mode after the second card went down'
flush
ip link del bond0

address vesper0
inside 21 vesper0
any vesper0
both 21
crypto vesper0
inside 22 vesper0
both 22
passes 22 'with SAs of both modes' card card
timeout 30 rmmod vesper || fail 'the module is not removed'
[ -z "$(ip xfrm state)" ] || fail 'SAs are left'
step '| module removed with SAs: no SA is left | | |'
meet over
no_trouble
[ -z "$WRONG" ] || fail "$WRONG"
"""

ALSO = ("@oldest", "@newest")
SECONDS = 900


def run(lab):
    wires = [lab.work / f"wire{number}" for number in (1, 2)]
    cards = [lab.card(f"card{number}", f"unix:{wire}") for number, wire in enumerate(wires, 1)]
    lab.vm("guest1", f"ME=1 PEER=2\n{COMMON}{DRIVER}", cards=cards)
    nics = [
        (
            "e1000e",
            f"stream,addr.type=unix,addr.path={lab.inside(wire)},server=off",
            f"52:54:00:00:01:0{number}",
        )
        for number, wire in enumerate(wires, 1)
    ]
    lab.vm("guest2", f"ME=2 PEER=1\n{COMMON}{PEER}", nics=nics, append="net.ifnames=0")


def check(lab):
    """Prints the table; of what guest 1 has sent no IV came twice with one key (a case has one), nothing in clear."""
    rows = re.findall(r"^\[.*?\] (\|.*)$", (lab.folder / "guest1" / "out").read_text(), re.MULTILINE)
    print("\n".join(f"  {row}" for row in rows))
    seen = {}
    for card in ("card1", "card2"):
        for frame in PcapNgReader(str(lab.folder / card / "wire.pcapng")):
            if IP not in frame or frame[IP].src.endswith(".2"):
                continue
            if ESP not in frame:
                raise Failure(f"{card}: in clear on the wire: {frame.summary()}")
            packet = frame[ESP]
            iv = packet.spi, bytes(packet.data[:8])
            if seen.setdefault(iv, bytes(packet)) != bytes(packet):
                raise Failure(f"{card}: SPI {packet.spi:#x}: IV {iv[1].hex()} came twice")
    print(f"  {len(seen)} packets of {len({spi for spi, _ in seen})} SAs, no IV twice")
