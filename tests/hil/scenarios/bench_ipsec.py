# SPDX-License-Identifier: BSD-2-Clause
"""Speed of ESP: packet and crypto offload, none, plain, and software over e1000e; a gateway's CPU; SAs; 1,000 tunnels."""

import statistics

from figures import Said, figure, two_guests, write

WAYS = ("packet", "crypto", "none", "plain")
SCRIPT = r"""
modprobe -a esp4 esp4_offload xfrm_user 2>/dev/null
card_up 10.1.0.$ME/24
peer_up 10.2.0.$ME/24
sysctl -q net.ipv4.ip_forward=1

# tunnel NUMBER OFFLOAD NET DEVICE: between the networks 10.1<NUMBER>.1.0 and .2.0, by the addresses in 10.<NET>
tunnel() {
	local n=$1 o= p= from=10.$3.0.$ME to=10.$3.0.$PEER
	case $2 in packet) o="offload packet dev $4" p=$o ;; crypto) o="offload dev $4" ;; esac
	ip address add 10.1$n.$ME.1/32 dev lo
	if [ $2 = plain ]; then
		ip route replace 10.1$n.$PEER.0/24 via $to dev $4 src 10.1$n.$ME.1
		return
	fi
	ip route replace 10.1$n.$PEER.0/24 dev $4 src 10.1$n.$ME.1
	ip xfrm state add src $from dst $to proto esp spi 0x1$n$ME reqid $n mode tunnel \
		aead 'rfc4106(gcm(aes))' 0x$(printf %036d 7)$n$ME$ME 128 ${o:+$o dir out}
	ip xfrm state add src $to dst $from proto esp spi 0x1$n$PEER reqid $n mode tunnel replay-window 64 \
		aead 'rfc4106(gcm(aes))' 0x$(printf %036d 7)$n$PEER$PEER 128 ${o:+$o dir in}
	ip xfrm policy add src 10.1$n.$ME.0/24 dst 10.1$n.$PEER.0/24 dir out \
		tmpl src $from dst $to proto esp reqid $n mode tunnel $p
	for dir in in fwd; do
		ip xfrm policy add src 10.1$n.$PEER.0/24 dst 10.1$n.$ME.0/24 dir $dir \
			tmpl src $to dst $from proto esp reqid $n mode tunnel $p
	done
}
tunnel 31 packet 1 vesper0
tunnel 32 crypto 1 vesper0
tunnel 33 none 1 vesper0
tunnel 34 plain 1 vesper0
tunnel 35 none 2 peer0
tunnel 36 plain 2 peer0
[ $ME = 1 ] || iperf3 -s -D
meet up
sleep 1
if [ $ME = 1 ]; then
	# In turn, for whoever else uses the machine does so now more, now less; the two offloads beside their peer.
	for round in 1 2 3 4 5; do
		for way in 32:crypto 35:e1000e.none 31:packet 34:plain 33:none 36:e1000e.plain; do
			figure ${way#*:}.tcp_bps "$(tcp_bps 10.1${way%%:*}.2.1 4)"
		done
	done
fi
meet tcp

# A gateway's CPU: guest 2 sends datagrams by e1000e, guest 1 forwards them to guest 2's card as the way has it.
PACKETS=3000
# Microseconds in which the CPU was not idle, from a clock of 10 ms.
busy() { awk '{printf "%d", 1000000 * ($1 - $2)}' /proc/uptime; }
if [ $ME = 2 ]; then
	ip address add 10.2.0.3/24 dev peer0
	sysctl -q net.ipv4.conf.all.rp_filter=0
	for n in 31 32 33 34; do
		# From the network of guest 1, though it comes from guest 2.
		ip address add 10.1$n.1.9/32 dev peer0
		ip rule add from 10.1$n.1.9 lookup $n
		ip route replace 10.1$n.2.0/24 via 10.2.0.1 dev peer0 src 10.1$n.1.9 table $n
	done
	cat >send.py <<-'PY'
		import socket, sys, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((sys.argv[1], 0))
		for number in range(int(sys.argv[3])):
		    s.sendto(b"x" * 1000, (sys.argv[2], 9))
		    if number % 10 == 9: time.sleep(0.008)
	PY
fi
for round in 1 2 3; do
	for way in 31:packet 32:crypto 33:none 34:plain; do
		n=${way%%:*}
		meet cpu-$round-$n
		before=$(busy)
		[ $ME = 1 ] || python3 send.py 10.1$n.1.9 10.1$n.2.77 $PACKETS
		touch /work/meet/cpu-$round-$n-sent.$NAME
		until [ -e /work/meet/cpu-$round-$n-sent.guest2 ]; do pause 0.5; done
		pause 0.5
		[ $ME = 2 ] || figure ${way#*:}.cpu_us $((($(busy) - before) / PACKETS))
	done
done

ip xfrm policy flush
ip xfrm state flush
meet cpu
[ $ME = 2 ] || python3 /work/hil/guest_tunnels.py $ME rates
meet rates
python3 /work/hil/guest_tunnels.py $ME install
step "$(ip xfrm state count); with packet offload on the card: $(ethtool -S vesper0 | awk '/ipsec_packet_sas/ {print $2}')"
meet tunnels-up
python3 /work/hil/guest_tunnels.py $ME pass
meet tunnels
no_trouble
"""

SECONDS = 1200


def run(lab):
    two_guests(lab, SCRIPT)


def check(lab):
    said = Said(lab)

    def tcp(name, way, peer):
        rounds = list(zip(said.all(f"{way}.tcp_bps"), said.all(f"{peer}.tcp_bps"), strict=True))
        ratio = statistics.median(one / other for one, other in rounds)
        mine, other = (statistics.median(values) / 1e6 for values in zip(*rounds, strict=True))
        return figure(f"esp.tcp.{name}", mine, "Mb/s", other, ratio)

    # Whoever else uses the machine only makes it slower.
    cpu = {way: min(said.all(f"{way}.cpu_us")) for way in WAYS}
    rate = {way: said[f"sa_per_second.{way}"] for way in ("software", "crypto", "packet")}
    write(
        lab,
        [
            *(tcp(way, way, "e1000e.none") for way in WAYS),
            tcp("of_plain", "packet", "plain"),
            tcp("e1000e", "e1000e.none", "e1000e.plain"),
            *(figure(f"esp.gateway_cpu.{way}", cpu[way], "us/packet", cpu["none"]) for way in WAYS),
            *(
                figure(f"esp.sa_add.{way}", rate[way], "SA/s", rate["software"])
                for way in ("crypto", "packet")
            ),
            figure("esp.tunnels", said["tunnels"], "tunnels"),
        ],
    )
