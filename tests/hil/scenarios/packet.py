# SPDX-License-Identifier: BSD-2-Clause
"""Packet offload in one guest, software ESP over e1000e in the other: modes, families, limits, rekeying, refusals."""

import subprocess

from guest_gro import PORT
from lab import Failure

SCRIPT = r"""
modprobe -a esp4 esp6 esp4_offload esp6_offload xfrm_user 2>/dev/null
if [ $ME = 1 ]; then
	card_up 10.0.0.1/24 fd00::1/64
	DEV=vesper0
else
	e1000e_up 10.0.0.2/24 fd00::2/64
	DEV=eth0
	# What takes ESP out of UDP in a kernel is a socket; the card needs none.
	python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4500))
s.setsockopt(socket.IPPROTO_UDP, 100, 2)
time.sleep(1000)' &
fi
# The networks behind the two, and a host in that of the card's guest.
ip address add 192.168.$ME.1/24 dev lo
ip address add fd0$ME::1/64 dev lo nodad
ip route add 192.168.$PEER.0/24 dev $DEV src 192.168.$ME.1
ip -6 route add fd0$PEER::/64 dev $DEV src fd0$ME::1
if [ $ME = 1 ]; then
	ip netns add host
	ip link add inside type veth peer name eth0 netns host
	ip address add 192.168.3.1/24 dev inside
	ip address add fd03::1/64 dev inside nodad
	ip link set inside up
	ip -n host address add 192.168.3.2/24 dev eth0
	ip -n host address add fd03::2/64 dev eth0 nodad
	ip -n host link set eth0 up
	ip -n host route add default via 192.168.3.1
	ip -n host route add default via fd03::1
	sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	# Where 6.12 looks for 10.0.0.2 when it sends IPv6 there, see driver/linux/README.md.
	ip route add a00:2::/32 dev vesper0
else
	ip route add 192.168.3.0/24 dev eth0
	ip route add fd03::/64 dev eth0
fi

ESN= GCM='rfc4106(gcm(aes))' GMAC='rfc4543(gcm(aes))'

address() { [ $1 = 4 ] && echo 10.0.0.$2 || echo fd00::$2; }

# sa FROM TO SPI DIR [MORE]: one SA of the case at hand; the card's guest offloads it.
sa() {
	local from=$(address $OUTER $1) to=$(address $OUTER $2) spi=$3 dir=$4 encap= offload= window=64 sel= esn=
	shift 4
	[ $ME = 2 ] || offload="offload packet dev vesper0 dir $dir"
	[ $dir = in ] || window=0
	[ "$ESN" != $spi ] || esn='flag esn' window=1024
	[ $UDP = 0 ] || encap='encap espinudp 4500 4500 0.0.0.0'
	[ $OUTER$INNER != 46 ] || sel='sel src ::/0 dst ::/0'
	ip xfrm state add src $from dst $to proto esp spi $spi reqid $REQID mode $MODE $esn replay-window $window \
		aead "$ALG" $KEY $ICV $encap $offload $sel "$@" || fail "$CASE: no SA $spi"
}

# sas [MORE]: both directions. MORE is for the one from guest 1.
sas() {
	[ $ME = 1 ] && sa 1 2 $SPI1 out "$@" || sa 1 2 $SPI1 in
	[ $ME = 1 ] && sa 2 1 $SPI2 in || sa 2 1 $SPI2 out
}

# network NUMBER: behind which guest the case has it.
network() {
	local n=$([ $1 = 1 ] && echo $NET || echo 2)
	[ $INNER = 4 ] && echo 192.168.$n.0/24 || echo fd0$n::/64
}

# policy FROM TO DIR: protects what the case sends.
policy() {
	local from to tmpl offload= proto=
	tmpl="tmpl src $(address $OUTER $1) dst $(address $OUTER $2) proto esp reqid $REQID mode $MODE"
	if [ $MODE = transport ]; then
		from=$(address $INNER $1) to=$(address $INNER $2)
		[ $INNER = 4 ] && proto='proto icmp' || proto='proto ipv6-icmp'
	else
		from=$(network $1) to=$(network $2)
	fi
	[ $ME = 2 ] || offload='offload packet dev vesper0'
	[ $3 != fwd ] || offload=
	ip xfrm policy add src $from dst $to $proto dir $3 priority 10 $tmpl $offload || fail "$CASE: no policy $3"
}

policies() {
	[ $ME = 1 ] && { policy 1 2 out; policy 2 1 in; policy 2 1 fwd; } || { policy 2 1 out; policy 1 2 in; }
	# ESP in UDP comes as UDP first, and the policies of the software side must let that pass.
	[ $ME = 1 ] || ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 proto udp dport 4500 dir in priority 1
}

flush() {
	ip xfrm policy flush
	ip xfrm state flush
}

# packets SPI: what the stack counts of that SA.
packets() { ip -s xfrm state list spi $1 | sed -n '/lifetime current/{n;s/.* \([0-9]*\)(packets).*/\1/p}'; }
case_is() {
	CASE=$1 MODE=$2 OUTER=$3 INNER=$4 ALG=$5 ICV=$7 UDP=$8 NET=${9-1} REQID=1 SPI1=0x1001 SPI2=0x1002
	KEY=0x$(printf '%0*d' $((2 * $6 + 8)) 0 | tr 0 5)
	if [ $MODE = transport ]; then TO=$(address $INNER 2)
	elif [ $INNER = 4 ]; then TO=192.168.2.1; else TO=fd02::1; fi
}
ping_all() {
	$([ $NET = 1 ] || echo ip netns exec host) ping -q -i 0.3 -W 5 "$@" $TO >/tmp/pings || true
	grep -q ' 0% packet loss' /tmp/pings || fail "$CASE: pings are lost: $(cat /tmp/pings)"
}
lossless() {
	ping_all -c 3
	ping_all -c 2 -s 1200
	sleep 2.5
	local out=$(packets $SPI1) in=$(packets $SPI2)
	# Neighbour discovery may use the SA too.
	if [ $MODE = transport ] && [ $INNER = 6 ]; then
		[ $out -ge 5 ] && [ $in -ge 5 ] || fail "$CASE: $out packets out, $in in"
	else
		[ "$out $in" = '5 5' ] || fail "$CASE: $out packets out, $in in; 5 were sent"
	fi
	step "$CASE: ok, $out packets out, $in in"
}

# try NAME MODE OUTER INNER ALG KEYBYTES ICV UDP [NET]: NET 3 is forwarded.
try() {
	case_is "$@"
	sas
	policies
	meet "$CASE"
	if [ $ME = 1 ]; then
		[ $(value ipsec_packet_sas) = 2 ] && [ $(value ipsec_policies) = 2 ] || fail "$CASE: not on the card"
		lossless
	fi
	meet "$CASE-done"
	flush
}

try tunnel-4-gcm128 tunnel 4 4 "$GCM" 16 128 0
try tunnel-6-gcm256-icv12 tunnel 6 6 "$GCM" 32 96 0
try tunnel-4-gmac128 tunnel 4 4 "$GMAC" 16 128 0 3
try tunnel-6in4-gcm128 tunnel 4 6 "$GCM" 16 128 0 3
try tunnel-4-gcm192-udp tunnel 4 4 "$GCM" 24 128 1
# (iproute2 cannot ask for ESN on an offloaded outbound SA.)
ESN=0x1002 try transport-4-gcm256-icv8-esn transport 4 4 "$GCM" 32 64 0
try transport-6-gcm128 transport 6 6 "$GCM" 16 128 0
try transport-4-gcm128-udp transport 4 4 "$GCM" 16 128 1

step 'TCP through a tunnel, in segments that the stack cuts'
case_is tcp tunnel 4 4 "$GCM" 16 128 0
sas
policies
meet tcp
if [ $ME = 2 ]; then
	iperf3 -s -1 -B 192.168.2.1 >/dev/null &
	meet tcp-server
	wait %2 2>/dev/null || wait $!
else
	meet tcp-server
	sleep 1
	iperf3 -c 192.168.2.1 -B 192.168.1.1 -t 3 | grep -E 'sender|receiver' || fail 'TCP does not pass'
fi
meet tcp-done
flush

step 'a host behind the gateway, its first packet before the neighbour is known'
case_is forwarded tunnel 4 4 "$GCM" 16 128 0
NET=3
sas
policies
meet forwarded
if [ $ME = 1 ]; then
	ip neigh flush dev vesper0
	ping_all -c 4
	step 'forwarded: ok'
fi
meet forwarded-done
flush

step 'policy before its SA, which is asked for meanwhile'
case_is early tunnel 4 4 "$GCM" 16 128 0
policies
if [ $ME = 1 ]; then
	ip xfrm monitor acquire >/tmp/acquired 2>&1 &
	watcher=$!
	sleep 1
	ping -q -c 1 -W 1 $TO >/dev/null && fail 'a ping without SA has an answer'
	grep -q acquire /tmp/acquired || fail 'no SA was asked for'
	kill $watcher
fi
sas
meet early
[ $ME = 2 ] || lossless
meet early-done

step 'new SAs under ping'
if [ $ME = 1 ]; then
	ping -q -c 80 -i 0.1 -W 5 $TO >/tmp/rekey &
	pinger=$!
fi
KEY=${KEY%5}6 OLD1=$SPI1 OLD2=$SPI2 SPI1=0x2001 SPI2=0x2002
[ $ME = 1 ] && sa 2 1 $SPI2 in || sa 1 2 $SPI1 in
meet rekey-in
[ $ME = 1 ] && sa 1 2 $SPI1 out || sa 2 1 $SPI2 out
meet rekey-out
sleep 1
ip xfrm state deleteall spi $OLD1
ip xfrm state deleteall spi $OLD2
meet rekey-deleted
if [ $ME = 1 ]; then
	wait $pinger
	grep -q ' 0% packet loss' /tmp/rekey || fail "rekeying loses: $(grep loss /tmp/rekey)"
	sleep 2
	[ "$(packets $SPI1)" -gt 0 ] || fail 'the new SA is not used'
	step "rekeyed: $(grep loss /tmp/rekey)"
fi
meet rekey-done
flush

step 'a hard limit'
case_is limit tunnel 4 4 "$GCM" 16 128 0
sas limit packet-soft 2 limit packet-hard 5
policies
meet limit
if [ $ME = 1 ]; then
	ip xfrm monitor expire >/tmp/expired 2>&1 &
	watcher=$!
	sleep 1
	ping -q -c 8 -i 0.3 -W 2 $TO >/tmp/limit || true
	sleep 3
	grep -q ' 5 received' /tmp/limit || fail "5 packets were to pass: $(grep loss /tmp/limit)"
	[ -z "$(ip xfrm state list spi $SPI1)" ] || fail 'the SA did not expire'
	grep -q 'hard 0' /tmp/expired && grep -q 'hard 1' /tmp/expired || fail "soft and hard: $(cat /tmp/expired)"
	kill $watcher
	# Soft and hard, by the card's own word.
	[ "$(value ipsec_limit_events)" = 2 ] || fail "$(value ipsec_limit_events) events tell of limits"
fi
meet limit-done
[ $ME = 1 ] || [ "$(packets $SPI1)" = 5 ] || fail "$(packets $SPI1) packets came, 5 were to"
meet limit-counted
flush

step 'bypass, and what comes in clear though it must not'
case_is clear transport 4 4 "$GCM" 16 128 0
sas
policies
if [ $ME = 1 ]; then
	tmpl='tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 1 mode transport'
	back='tmpl src 10.0.0.2 dst 10.0.0.1 proto esp reqid 1 mode transport'
	ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out priority 20 $tmpl offload packet dev vesper0
	ip xfrm policy add src 10.0.0.2 dst 10.0.0.1 dir in priority 20 $back offload packet dev vesper0
	# For these very hosts: 6.12 finds an offloaded policy for two hosts before any for networks, whatever its priority.
	ip xfrm policy add src 10.0.0.1 dst 10.0.0.2 proto udp dport 500 dir out priority 1 offload packet dev vesper0
	ip xfrm policy add src 10.0.0.2 dst 10.0.0.1 proto udp dport 500 dir in priority 1 offload packet dev vesper0
	python3 -c '
import socket, time
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
a.bind(("", 500)), b.bind(("", 7777))
open("/work/meet/listening.1", "w").close()
a.settimeout(60), b.settimeout(3)
print("500:", a.recv(99))
try: print("7777:", b.recv(99))
except TimeoutError: print("7777: nothing")
a.sendto(b"answer", ("10.0.0.2", 500))' >/tmp/clear 2>&1 &
	listener=$!
else
	until [ -e /work/meet/listening.1 ]; do sleep 0.5; done
	python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 500)), s.settimeout(60)
for _ in range(3): s.sendto(b"in clear", ("10.0.0.1", 7777))
s.sendto(b"IKE", ("10.0.0.1", 500))
assert s.recv(99) == b"answer"' || fail 'IKE does not pass'
fi
if [ $ME = 1 ]; then
	wait $listener || true
	grep -q "500: b'IKE'" /tmp/clear && grep -q '7777: nothing' /tmp/clear || fail "in clear: $(cat /tmp/clear)"
	[ "$(awk '$1 == "XfrmInTmplMismatch" {print $2}' /proc/net/xfrm_stat)" = 3 ] || fail "$(cat /proc/net/xfrm_stat)"
	step 'clear: ok'
	# One interrupt for the four segments of a round, so that one poll takes them.
	ethtool -X vesper0 equal 1
	ethtool -C vesper0 adaptive-rx off rx-usecs 2000 rx-frames 4
	python3 /work/hil/guest_gro.py receive "$(cat /sys/class/net/vesper0/ifindex)" || fail 'GRO'
	ethtool -C vesper0 adaptive-rx on rx-usecs 4 rx-frames 0
	ethtool -X vesper0 default
else
	await receiving
	ip xfrm policy add src 10.0.0.2 dst 10.0.0.1 dir out priority 20 \
		tmpl src 10.0.0.2 dst 10.0.0.1 proto esp reqid $REQID mode transport
	python3 /work/hil/guest_gro.py send eth0 10.0.0.2 10.0.0.1
fi
meet clear-done
flush

if [ $ME = 1 ]; then
	step 'refusals'
	before=$(value ipsec_packet_refused) wanted=0
	# refused SENTENCE COMMAND...
	refused() {
		local sentence=$1 said
		shift
		said=$("$@" 2>&1) && fail "not refused: $*"
		case $said in *"$sentence"*) ;; *) fail "'$said' for '$sentence'" ;; esac
		wanted=$((wanted + 1))
	}
	base='ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp'
	offload='offload packet dev vesper0 dir out'
	key=0x$(printf '%040d' 0) gcm='rfc4106(gcm(aes))'
	good() { $base spi 0x3001 mode tunnel aead "$gcm" $key 128 "$@" $offload; }
	refused 'Only AES-GCM and AES-GMAC are offloaded' $base spi 0x3001 mode tunnel \
		enc 'cbc(aes)' 0x$(printf '%032d' 0) auth 'hmac(sha256)' 0x$(printf '%064d' 0) $offload
	refused 'Only rfc4106(gcm(aes)) and rfc4543(gcm(aes)) are offloaded' $base spi 0x3001 mode tunnel \
		aead 'rfc4309(ccm(aes))' 0x$(printf '%038d' 0) 128 $offload
	refused 'Only tunnel and transport mode are offloaded' $base spi 0x3001 mode beet aead "$gcm" $key 128 $offload
	refused 'SAs of an XFRM interface (if_id) have no packet offload' good if_id 7
	refused 'SAs with a mark have no packet offload' good mark 5 mask 255
	refused 'SAs with a mark have no packet offload' good output-mark 5
	refused "The card's sequence numbers do not wrap" good extra-flag oseq-may-wrap
	refused 'An SA that was in use elsewhere has no packet offload' good replay-oseq 5
	refused 'SPIs 0 to 255 are reserved' $base spi 0x20 mode tunnel aead "$gcm" $key 128 $offload
	refused 'The kernel routes no IPv4 into an IPv6 tunnel with packet offload' \
		ip xfrm state add src fd00::1 dst fd00::2 proto esp spi 0x3001 mode tunnel aead "$gcm" $key 128 \
		sel src 0.0.0.0/0 dst 0.0.0.0/0 $offload
	udp6() {
		ip xfrm state add src fd00::1 dst fd00::2 proto esp spi 0x3007 mode tunnel aead "$gcm" ${key%0}8 128 \
			encap espinudp 4500 4500 :: $offload
	}
	refused 'ESP in UDP over IPv6 has checksum 0; see flag esp-udp6-checksum-0' udp6
	ethtool --set-priv-flags vesper0 esp-udp6-checksum-0 on
	ethtool --show-priv-flags vesper0 | grep -q 'checksum-0: on' || fail 'the flag is not set'
	udp6 || fail 'ESP in UDP over IPv6 is refused though it was allowed'
	ip xfrm state delete src fd00::1 dst fd00::2 proto esp spi 0x3007
	ethtool --set-priv-flags vesper0 esp-udp6-checksum-0 off
	good || fail 'a good SA is refused'
	refused 'Another outbound SA on the card has this key' $base spi 0x3002 mode tunnel aead "$gcm" $key 128 $offload
	refused 'an SA with this direction, destination and SPI exists' $base spi 0x3001 mode tunnel \
		aead "$gcm" ${key%0}1 128 $offload
	ip xfrm state flush
	policy='ip xfrm policy add src 10.9.0.0/16 dst 10.8.0.0/16 dir out'
	ends='src 10.0.0.1 dst 10.0.0.2'
	offload='offload packet dev vesper0'
	refused 'A policy with more than one template is not offloaded' $policy \
		tmpl $ends proto esp reqid 1 mode tunnel tmpl $ends proto esp reqid 2 mode tunnel $offload
	refused 'Only policies for ESP are offloaded' $policy tmpl $ends proto ah mode tunnel $offload
	refused 'Policies of an XFRM interface (if_id) are not offloaded' $policy \
		if_id 7 tmpl $ends proto esp mode tunnel $offload
	refused 'Only main policies are offloaded' $policy ptype sub tmpl $ends proto esp mode tunnel $offload
	[ $(($(value ipsec_packet_refused) - before)) = $wanted ] || fail "$(value ipsec_packet_refused) refusals counted"
	step "refused: $wanted, each with its sentence"
	sleep 1
	[ $(value ipsec_packet_sas) = 0 ] && [ $(value ipsec_policies) = 0 ] || fail 'something is left on the card'
	ethtool -S vesper0 | grep -E 'ipsec|card_.*[1-9]$'
	rmmod vesper
fi
no_trouble
"""

ALSO = ("@newest",)
SECONDS = 600


def run(lab):
    wire = lab.work / "wire"
    card = lab.card("card", f"unix:{wire}")
    lab.vm("guest1", f"ME=1 PEER=2\n{SCRIPT}", cards=[card])
    lab.software_vm("guest2", f"ME=2 PEER=1\n{SCRIPT}", wire)


def found(capture, what):
    return subprocess.run(
        ["tshark", "-n", "-r", capture, "-Y", what], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def check(lab):
    """On the wire: ESP, in UDP too, what bypasses, neighbours; no ping, no TCP but that of guest_gro.py, no IP in IP in clear."""
    capture = lab.folder / "card" / "wire.pcapng"
    clear = found(
        capture,
        "(icmp.type == 8 || icmp.type == 0 || icmpv6.type == 128 || icmpv6.type == 129 || tcp) && !esp"
        f" && !(ip.src == 10.0.0.2 && tcp.srcport == {PORT})",
    )
    clear += found(capture, "(ip.proto == 4 || ip.proto == 41 || ipv6.nxt == 4 || ipv6.nxt == 41) && !esp")
    if clear:
        raise Failure(f"in clear on the wire: {clear[0]}")
    if not found(capture, "ip.src == 10.0.0.1 && udp.dstport == 500"):
        raise Failure("the card's guest sent nothing past the policies")
