# SPDX-License-Identifier: BSD-2-Clause
"""Two guests, wire to wire: SG, checksums, TSO (tcp); of IPsec (ipsec); RSS, address filter, moderation (receive)."""

import vpn
from lab import Failure
from scapy.layers.ipsec import ESP
from scapy.utils import PcapNgReader

PARAMETERS = ("tcp", "ipsec", "receive")
ALSO = (":tcp@oldest", ":ipsec@oldest", ":receive@oldest", ":ipsec@newest")

START = r"""
O=/work/hil/guest_offload.py
card_up 10.0.0.$ME/24 fd00::$ME/64
stat() { ethtool -S vesper0 | awk -v n="$1" '$1 ~ "^" n ":$" {s += $2} END {print s + 0}'; }
# turn TEXT: both come here, and go on.
turn() {
	TURN=$((${TURN-0} + 1))
	meet $TURN
}
feature() { ethtool -k vesper0 | awk -v n="$1:" '$1 == n {print $2}'; }

step 'MAC address'
mac=02:56:53:50:00:0$ME
[ "$(cat /sys/class/net/vesper0/address)" = $mac ] || fail "not the card's address: $(ip link show dev vesper0)"
ethtool -P vesper0 | grep -q $mac || fail "not the card's permanent address: $(ethtool -P vesper0)"
ip link add link vesper0 name v7 type vlan id 7
ip address add 10.7.0.$ME/24 dev v7
ip link set v7 up
ping -q -c 1 -W 5 10.0.0.$PEER >/dev/null || true
if [ $ME = 1 ]; then
	python3 $O serve 7000 &
	python3 $O sink &
	until ss -lntu | grep -q :7000 && ss -lntu | grep -q :9999; do sleep 1; done
fi
turn
DROPS=$(drops) # until here frames came to an interface that was down

# tcp TEXT CSUM TSO FEATURE...: guest 2 sends data that guest 1 knows, with these features; is the card seen to have
# put checksums in (1, 0) and to have cut segments?
tcp() {
	local text=$1 csum=$2 tso=$3 before after to
	shift 3
	turn
	if [ $ME = 2 ]; then
		ethtool -K vesper0 $*
		before="$(stat 'queue._tx_checksum_by_card') $(stat 'queue._tx_tso') $(stat 'queue._tx_tso_segments')"
		for to in $TO; do
			SEED=$((${SEED-0} + 1))
			python3 $O send $to 7000 $SEED || fail "$text: to $to"
		done
		after="$(stat 'queue._tx_checksum_by_card') $(stat 'queue._tx_tso') $(stat 'queue._tx_tso_segments')"
		set -- $before $after
		[ $(($4 > $1)) = $csum ] || fail "$text: checksums put in by the card: $1, then $4"
		[ $(($5 > $2)) = $tso ] || fail "$text: frames cut by the card: $2, then $5"
		[ $tso = 0 ] || [ $(($6 - $3)) -gt $((3 * ($5 - $2) / 2)) ] || fail "$text: $(($6 - $3)) segments of $(($5 - $2)) frames"
		step "$text: 600 kB to each of $TO are equal; by the card: $(($4 - $1)) checksums, $(($5 - $2)) frames cut into $(($6 - $3))"
	fi
	turn
}
# received TEXT RX: guest 1 looks at checksums itself (off), or has the card look (on).
received() {
	CHECKED=$(stat 'queue._rx_checksum_by_card')
	[ $ME = 2 ] || ethtool -K vesper0 rx $1
}
looked() {
	local now=$(stat 'queue._rx_checksum_by_card')
	[ $ME = 2 ] || [ $((now > CHECKED)) = $1 ] || fail "the card has looked at $((now - CHECKED)) checksums"
}
"""

TCP = r"""
step 'TCP'
TO='10.0.0.1 fd00::1 10.7.0.1'
received on
tcp 'all on' 1 1 tx on sg on tso on
looked 1
received off
tcp 'all on, checksums looked at by the stack' 1 1 tx on sg on tso on
looked 0
tcp 'TSO off' 1 0 tso off
tcp 'TSO and scatter-gather off' 1 0 sg off
tcp 'checksums off' 0 0 tx off
received on
tcp 'checksums off, looked at by the card' 0 0 tx off
looked 1
[ "$(drops)" = "$DROPS" ] || { ethtool -S vesper0 | grep card_; fail 'frames were dropped'; }
[ $ME = 1 ] || ethtool -K vesper0 tx on sg on tso on
ip link set vesper0 mtu 9000
tcp 'jumbo frames' 1 1 tso on
ip link set vesper0 mtu 1500
[ "$(nstat -asz TcpInCsumErrors | awk '/TcpInCsum/ {print $2}')" = 0 ] || fail 'TCP checksum errors'
"""

IPSEC = r"""
step 'IPsec'
modprobe -a esp4 esp4_offload esp6 esp6_offload xfrm_user 2>/dev/null
ip address add 192.168.$ME.1/24 dev lo
ip address add fd0$ME::1/64 dev lo nodad
ip route add 192.168.$PEER.0/24 dev vesper0 src 192.168.$ME.1
ip route add fd0$PEER::/64 dev vesper0 src fd0$ME::1
# ipsec OFFLOAD MODE MINE PEERS [ENDS]: SAs and policies between networks; the SAs' ends but for the last digit.
ipsec() {
	local offload=$1 mode=$2 mine=$3 peers=$4 ends=${5-10.0.0.} dir from to way=
	[ $offload = crypto ] || way="offload packet dev vesper0"
	for dir in out in; do
		[ $dir = out ] && from=$ME to=$PEER || from=$PEER to=$ME
		ip xfrm state add src $ends$from dst $ends$to proto esp spi 0x200$from reqid 1 mode $mode replay-window 0 \
			aead 'rfc4106(gcm(aes))' 0x$(printf '%040d' $from$RANDOM_KEY) 128 $FLAG offload $offload dev vesper0 dir $dir
		set -- $mine $peers
		[ $dir = out ] || set -- $peers $mine
		ip xfrm policy add src $1 dst $2 proto tcp dir $dir tmpl src $ends$from dst $ends$to proto esp reqid 1 \
			mode $mode $way
	done
	RANDOM_KEY=$((RANDOM_KEY + 1))
}
flush() {
	turn
	ip xfrm policy flush
	ip xfrm state flush
}
RANDOM_KEY=10 FLAG=
if ! kernel_before 6.12; then
	TO=192.168.1.1
	ipsec packet tunnel 192.168.$ME.0/24 192.168.$PEER.0/24
	tcp 'packet offload, tunnel' 1 1 tso on
	ip -s xfrm state list
	flush
	TO=10.0.0.1
	ipsec packet transport 10.0.0.$ME/32 10.0.0.$PEER/32
	tcp 'packet offload, transport' 1 1 tso on
	flush
fi
# The stack numbers the packets; the card cuts them, and numbers the segments from there on.
TO=192.168.1.1
ipsec crypto tunnel 192.168.$ME.0/24 192.168.$PEER.0/24
tcp 'crypto offload, tunnel' 1 1 tso on
[ "$(stat card_tx_ok)" -gt 0 ] && [ "$(stat ipsec_sa_on_card)" = 2 ] || fail 'SAs are not on the card'
tcp 'the same, TSO off' 1 0 tso off
tcp 'the same, cut by the stack, checksums by the card' 1 0 tso on tx-esp-segmentation off
tcp 'the same, all by the stack' 0 0 esp-tx-csum-hw-offload off
tcp 'the same, encrypted by the stack' 0 0 tx-esp-segmentation on esp-tx-csum-hw-offload on esp-hw-offload off
tcp 'the same, checksums by the stack' 0 0 esp-hw-offload on tx off
tcp 'the same, all by the card again' 1 1 tx on tso on
flush
FLAG='flag af-unspec'
ipsec crypto tunnel 192.168.$ME.0/24 192.168.$PEER.0/24 fd00::
tcp 'crypto offload, IPv4 in an IPv6 tunnel' 1 1 tso on
flush
FLAG=
TO=10.0.0.1
ipsec crypto transport 10.0.0.$ME/32 10.0.0.$PEER/32
tcp 'crypto offload, transport' 1 1 tso on
flush
TO=fd01::1
ipsec crypto tunnel fd0$ME::/64 fd0$PEER::/64 fd00::
tcp 'crypto offload, IPv6, tunnel' 1 1 tso on
flush
TO=fd00::1
ipsec crypto transport fd00::$ME/128 fd00::$PEER/128 fd00::
tcp 'crypto offload, IPv6, transport' 1 1 tso on
flush
[ "$(drops)" = "$DROPS" ] || { ethtool -S vesper0 | grep card_; fail 'frames were dropped'; }
"""

RECEIVE = r"""
step 'RSS'
# spread TEXT SOURCE DESTINATION: the queues get what key, table and hash say, and no more than a few others.
spread() {
	local before want first=$((20000 + 100 * ${N-0}))
	N=$((${N-0} + 1))
	turn
	before="$(stat queue0_rx_packets) $(stat queue1_rx_packets)"
	turn
	[ $ME = 1 ] || python3 $O datagrams $3 $first 64 2
	turn
	sleep 2
	if [ $ME = 1 ]; then
		want=$(python3 $O expected vesper0 $2 $3 $first 64 2)
		set -- "$1" $before $want $(stat queue0_rx_packets) $(stat queue1_rx_packets)
		local got0=$(($6 - $2)) got1=$(($7 - $3))
		[ $got0 -ge $4 ] && [ $got0 -le $(($4 + 8)) ] && [ $got1 -ge $5 ] && [ $got1 -le $(($5 + 8)) ] ||
			fail "$1: queues got $got0 and $got1 frames, not $4 and $5"
		step "$1: queues got $got0 and $got1 frames, by the hash $4 and $5"
	fi
	turn
}
[ $ME = 2 ] || for way in udp4 udp6; do ethtool -N vesper0 rx-flow-hash $way sdfn; done
spread 'alike, IPv4' 10.0.0.2 10.0.0.1
spread 'alike, IPv6' fd00::2 fd00::1
[ $ME = 2 ] || ethtool -X vesper0 weight 1 7
spread 'one to seven' 10.0.0.2 10.0.0.1
[ $ME = 2 ] || ethtool -X vesper0 equal 1
spread 'the first only' 10.0.0.2 10.0.0.1
[ $ME = 2 ] || ethtool -X vesper0 weight 0 1
spread 'the second only' 10.0.0.2 10.0.0.1
[ $ME = 2 ] || ethtool -X vesper0 default
[ $ME = 2 ] || ethtool -X vesper0 hkey 6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:cb:2d:a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa
spread 'another key' 10.0.0.2 10.0.0.1

step 'addresses'
# taken TEXT NUMBER ADDRESS...: guest 2 sends 20 frames to each address; guest 1 gets so many of them, and filters the rest.
taken() {
	local text=$1 number=$2 before filtered got
	shift 2
	turn
	before=$(stat 'queue._rx_packets') filtered=$(stat card_rx_filtered)
	turn
	[ $ME = 1 ] || python3 $O frames vesper0 20 $*
	turn
	sleep 1
	if [ $ME = 1 ]; then
		got=$(($(stat 'queue._rx_packets') - before)) filtered=$(($(stat card_rx_filtered) - filtered))
		[ $got -ge $number ] && [ $got -le $((number + 8)) ] || fail "$text: $got frames received, not $number"
		[ $filtered -ge $((20 * $# - number)) ] && [ $filtered -le $((20 * $# - number + 8)) ] ||
			fail "$text: $filtered frames filtered, not $((20 * $# - number))"
		step "$text: $got received, $filtered filtered"
	fi
	turn
}
own=02:56:53:50:00:01 other=02:de:ad:00:00:01 group=01:00:5e:00:00:77 all=ff:ff:ff:ff:ff:ff
taken 'own address and all' 40 $own $all
taken 'foreign ones' 0 $other $group
[ $ME = 2 ] || ip maddress add $group dev vesper0
taken 'a group that was joined' 20 $group $other
[ $ME = 2 ] || ip maddress del $group dev vesper0
taken 'a group that was left' 0 $group
[ $ME = 2 ] || ip link set vesper0 allmulticast on
taken 'all multicast' 20 $group $other
[ $ME = 2 ] || ip link set vesper0 allmulticast off
[ $ME = 2 ] || ip link set vesper0 promisc on
taken 'promiscuous' 60 $group $other $own
[ $ME = 2 ] || ip link set vesper0 promisc off
taken 'no longer promiscuous' 0 $group $other
[ $ME = 2 ] || bridge fdb add $other dev vesper0
taken 'a second address' 20 $group $other
[ $ME = 2 ] || bridge fdb del $other dev vesper0
[ $ME = 2 ] || for n in $(seq 10 30); do ip maddress add 01:00:5e:00:01:$n dev vesper0; done
taken 'more groups than the filter has room for' 20 $group $other
[ $ME = 2 ] || for n in $(seq 10 30); do ip maddress del 01:00:5e:00:01:$n dev vesper0; done
[ $ME = 2 ] || for n in $(seq 10 30); do bridge fdb add 02:de:ad:00:01:$n dev vesper0; done
taken 'more addresses than that' 40 $group $other
[ $ME = 2 ] || for n in $(seq 10 30); do bridge fdb del 02:de:ad:00:01:$n dev vesper0; done
[ $ME = 2 ] || ip link set vesper0 address 02:56:53:50:00:77
taken 'another own address' 20 02:56:53:50:00:77 $own
[ $ME = 2 ] || ip link set vesper0 address $own
taken 'the old own address' 20 02:56:53:50:00:77 $own

step 'moderation'
# interrupts TEXT: of guest 1, for 256 datagrams of one flow that come one by one.
interrupts() {
	turn
	local before=$(stat 'queue._interrupts') packets=$(stat 'queue._rx_packets') waited=0
	turn
	[ $ME = 1 ] || python3 $O datagrams 10.0.0.1 30000 1 256 0.01
	turn
	until [ $ME = 2 ] || [ $(($(stat 'queue._rx_packets') - packets)) -ge 256 ] || [ $waited = 20 ]; do
		sleep 1
		waited=$((waited + 1))
	done
	COUNT=$(($(stat 'queue._interrupts') - before)) packets=$(($(stat 'queue._rx_packets') - packets))
	if [ $ME = 1 ]; then
		[ $packets -ge 256 ] || fail "$1: $packets datagrams"
		step "$1: $COUNT interrupts for $packets datagrams"
	fi
	turn
}
# bulk TEXT: interrupts of guest 1 for 2.4 MB of TCP, which come in bursts.
bulk() {
	turn
	local before=$(stat 'queue._interrupts') seed
	turn
	[ $ME = 1 ] || for seed in 91 92 93 94; do python3 $O send 10.0.0.1 7000 $seed || fail "$1: TCP"; done
	turn
	COUNT=$(($(stat 'queue._interrupts') - before))
	[ $ME = 2 ] || step "$1: $COUNT interrupts for 2.4 MB"
	turn
}
[ $ME = 2 ] || ethtool -C vesper0 rx-usecs 2000 rx-frames 32
interrupts 'adaptive, which is at once'
before=$COUNT
[ $ME = 2 ] || ethtool -C vesper0 adaptive-rx off
interrupts 'after 32 frames or 2 ms of the card'
[ $ME = 2 ] || [ $((COUNT * 3)) -lt $before ] || fail "interrupts: $before at once, $COUNT with moderation"
[ $ME = 2 ] || ethtool -C vesper0 rx-usecs 50 rx-frames 0
interrupts 'after 50 us'
[ $ME = 2 ] || ethtool -C vesper0 rx-usecs 0
interrupts 'at once again'
bulk 'at once'
before=$COUNT
[ $ME = 2 ] || ethtool -C vesper0 adaptive-rx on rx-usecs 20
bulk 'adaptive'
[ $ME = 2 ] || [ $((COUNT * 3)) -lt $((before * 2)) ] || fail "interrupts: $before at once, $COUNT adaptive"
"""

END = r"""
ethtool -S vesper0
[ "$(stat resets)" = 0 ] || fail 'the queues were reset'
no_trouble
turn
"""

SECONDS = 600


def run(lab):
    wire = lab.work / "wire"
    first = lab.card("card1", f"unix:{wire}")
    second = lab.card("card2", f"unix-connect:{wire}")
    script = START + {"tcp": TCP, "ipsec": IPSEC, "receive": RECEIVE}[lab.parameter] + END
    for me, card in ((1, first), (2, second)):
        lab.vm(f"guest{me}", f"ME={me} PEER={3 - me}\n{script}", cards=[card])


def check(lab):
    capture = lab.folder / "card2" / "wire.pcapng"
    if lab.parameter == "tcp":
        checksums(capture)
    elif lab.parameter == "ipsec":
        numbers(capture)


def numbers(capture):
    """Of each SA every number was sent once, from 1 on, whoever made the segment and encrypted it, and no IV twice."""
    sas, now = [], {}
    for frame in PcapNgReader(str(capture)):
        if ESP in frame:
            esp = frame[ESP]
            # SPIs come again, with other keys.
            if esp.seq == 1:
                now[esp.spi] = ([], set())
                sas.append(now[esp.spi])
            now[esp.spi][0].append(esp.seq)
            now[esp.spi][1].add(bytes(esp.data[:8]))
    for seen, ivs in sas:
        if sorted(seen) != list(range(1, len(seen) + 1)) or len(ivs) != len(seen):
            raise Failure(f"{len(seen)} packets of an SA have {len(set(seen))} numbers and {len(ivs)} IVs")
    print(
        f"  {sum(len(seen) for seen, _ in sas)} packets of {len(sas)} SAs, no number and no IV twice, none left out"
    )


def checksums(capture):
    """On the wire every checksum is right, and no frame longer than the MTU of the time; tshark says so."""
    checks = [option for name in ("ip", "tcp", "udp") for option in ("-o", f"{name}.check_checksum:TRUE")]
    # Once in 65,536: a sum of 0 goes as 0xffff, as the kernel's software sends it (CSUM_MANGLED_0); tshark minds in TCP.
    bad = "ip.checksum.status == Bad || tcp.checksum.status == Bad && !tcp.checksum.ffff || udp.checksum.status == Bad"
    wrong = vpn.tshark(capture, bad, ["frame.number"], options=checks)
    if wrong:
        raise Failure(f"{len(wrong)} frames on the wire have a wrong checksum, the first: {wrong[0][0]}")
    right = vpn.tshark(capture, "tcp.checksum.status == Good", ["frame.len"], options=checks)
    longest = max(int(row[0]) for row in right)
    print(f"  tshark: {len(right)} TCP segments on the wire, the longest {longest} B, no wrong checksum")
    if len(right) < 5000 or longest > 9018:
        raise Failure("that is not what was sent")
