# SPDX-License-Identifier: BSD-2-Clause
"""Crypto offload in one guest, the kernel's software ESP over e1000e in the other: modes, families, keys, ICVs, UDP."""

import subprocess

from lab import Failure

SCRIPT = r"""
modprobe -a esp4_offload esp6_offload 2>/dev/null || modprobe -a esp4 esp6
if [ $ME = 1 ]; then
	card_up 10.0.0.1/24 fd00::1/64
	DEV=vesper0
	ethtool -k vesper0 | grep -q 'esp-hw-offload: on' || fail 'no esp-hw-offload'
else
	e1000e_up 10.0.0.2/24 fd00::2/64
	DEV=eth0
fi
sysctl -q net.ipv4.ip_forward=0

# sa FROM TO SPI DIR: one SA of the case at hand; the card's guest offloads it.
sa() {
	local offload= encap= window=64
	[ $4 = in ] || window=0
	[ $ME = 2 ] || offload="offload dev vesper0 dir $4"
	[ $UDP = 0 ] || encap='encap espinudp 4500 4500 0.0.0.0'
	ip xfrm state add src $1 dst $2 proto esp spi $3 reqid 1 mode $MODE replay-window $window \
		aead "$ALG" $KEY $ICV $encap $offload
}

policy() {
	local tmpl="tmpl src $1 dst $2 proto esp reqid 1 mode $MODE"
	[ $MODE = tunnel ] || tmpl='tmpl proto esp reqid 1 mode transport'
	ip xfrm policy add src $1 dst $2 dir $3 priority 10 $tmpl
}

# try NAME MODE FAMILY ALG KEYBYTES ICV UDP. (iproute2 cannot ask for ESN on an offloaded outbound SA.)
try() {
	MODE=$2 ALG=$4 ICV=$6 UDP=$7
	local a=10.0.0.1 b=10.0.0.2 ping=ping
	[ $3 = 4 ] || { a=fd00::1 b=fd00::2 ping='ping -6'; }
	KEY=0x$(printf '%0*d' $((2 * $5 + 8)) 0 | tr 0 5)
	if [ $UDP = 1 ] && kernel_before 6.6; then
		[ $ME = 2 ] || refuses "Encapsulation and TFC padding can't be offloaded" sa $a $b 0x1001 out
		return
	fi
	sa $a $b 0x1001 $([ $ME = 1 ] && echo out || echo in)
	sa $b $a 0x1002 $([ $ME = 1 ] && echo in || echo out)
	if [ $ME = 1 ]; then policy $a $b out; policy $b $a in; else policy $b $a out; policy $a $b in; fi
	# ESP in UDP comes as UDP first, and the policies must let that pass, as those of an IKE daemon's socket do.
	ip xfrm policy add src $a dst $b proto 17 dport 4500 dir in priority 1
	ip xfrm policy add src $b dst $a proto 17 dport 4500 dir in priority 1
	meet "$1"
	if [ $ME = 1 ]; then
		[ "$(ethtool -S vesper0 | awk '/ipsec_sa_on_card/ {print $2}')" = 2 ] || fail "$1: SAs are not on the card"
		$ping -q -c 3 -i 0.3 -W 5 $b | grep -q ' 0% packet loss' || fail "$1: pings are lost"
		$ping -q -c 2 -i 0.3 -W 5 -s 1200 $b | grep -q ' 0% packet loss' || fail "$1: longer pings are lost"
		step "$1: ok"
	fi
	meet "$1-done"
	ip xfrm policy flush
	ip xfrm state flush
}

# What takes ESP out of UDP in a kernel is a socket; IKE daemons open one.
python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4500))
s.setsockopt(socket.IPPROTO_UDP, 100, 2)
time.sleep(1000)' &

GCM='rfc4106(gcm(aes))' GMAC='rfc4543(gcm(aes))'
try tunnel-4-gcm128 tunnel 4 "$GCM" 16 128 0
try tunnel-4-gcm256 tunnel 4 "$GCM" 32 128 0
try tunnel-6-gcm192 tunnel 6 "$GCM" 24 128 0
try transport-4-gcm256-icv12 transport 4 "$GCM" 32 96 0
try transport-6-gcm128-icv8 transport 6 "$GCM" 16 64 0
try tunnel-4-gmac128 tunnel 4 "$GMAC" 16 128 0
# Not tunnel mode: of a packet that is decrypted already, the check before the socket sees an SA without a policy.
try transport-4-gcm128-udp transport 4 "$GCM" 16 128 1
awk '$2 && $1 != "XfrmInNoPols" {print; bad = 1} END {exit bad}' /proc/net/xfrm_stat || fail 'the stack counts errors'
if [ $ME = 1 ]; then
	ethtool -S vesper0 | grep -E 'ipsec|card_.*[1-9]$'
fi
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 240


def run(lab):
    wire = lab.work / "wire"
    card = lab.card("card", f"unix:{wire}")
    lab.vm("guest1", f"ME=1 PEER=2\n{SCRIPT}", cards=[card])
    lab.software_vm("guest2", f"ME=2 PEER=1\n{SCRIPT}", wire)


def check(lab):
    """On the wire: ESP, in UDP too, neighbour discovery and ARP; no ping in clear."""
    capture = lab.folder / "card" / "wire.pcapng"
    found = subprocess.run(
        ["tshark", "-n", "-r", capture, "-Y", "(icmp || icmpv6.type == 128 || icmpv6.type == 129) && !esp"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if found.strip():
        raise Failure(f"pings in clear on the wire: {found.splitlines()[0]}")
