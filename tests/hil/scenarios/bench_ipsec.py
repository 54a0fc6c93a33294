# SPDX-License-Identifier: BSD-2-Clause
"""Speed of ESP: packet and crypto offload, none, plain; software ESP over e1000e; CPU of a gateway; SAs; 1,000 tunnels."""

import json
import re

from lab import Failure

TUNNELS = 1000
# Two gateways, each with a card and an e1000e, wire to wire.
SCRIPT = r"""
modprobe -a esp4 esp4_offload xfrm_user 2>/dev/null
card_up 10.1.0.$ME/24
modprobe e1000e
other() { for net in /sys/class/net/*; do case $(readlink $net/device/driver) in */e1000e) basename $net ;; esac; done; }
until [ -n "$(other)" ]; do sleep 0.2; done
ip link set "$(other)" name peer0
ip address add 10.2.0.$ME/24 dev peer0
ip link set peer0 up
sysctl -q net.ipv4.ip_forward=1
figure() { step "figure $1 $2"; }
GCM='rfc4106(gcm(aes))'

# tunnel NUMBER OFFLOAD NET DEVICE: between the networks 10.1<NUMBER>.1.0 and .2.0, by the addresses in 10.<NET>
tunnel() {
	local n=$1 o= p= from=10.$3.0.$ME to=10.$3.0.$PEER in out
	case $2 in packet) o="offload packet dev $4" p=$o ;; crypto) o="offload dev $4" ;; esac
	ip address add 10.1$n.$ME.1/32 dev lo
	ip route replace 10.1$n.$PEER.0/24 dev $4 src 10.1$n.$ME.1
	[ $2 != plain ] || { ip route replace 10.1$n.$PEER.0/24 via $to dev $4 src 10.1$n.$ME.1; return; }
	ip xfrm state add src $from dst $to proto esp spi 0x1$n$ME reqid $n mode tunnel \
		aead "$GCM" 0x$(printf %036d 7)$n$ME$ME 128 ${o:+$o dir out}
	ip xfrm state add src $to dst $from proto esp spi 0x1$n$PEER reqid $n mode tunnel replay-window 64 \
		aead "$GCM" 0x$(printf %036d 7)$n$PEER$PEER 128 ${o:+$o dir in}
	ip xfrm policy add src 10.1$n.$ME.0/24 dst 10.1$n.$PEER.0/24 dir out \
		tmpl src $from dst $to proto esp reqid $n mode tunnel $p
	for dir in in fwd; do
		ip xfrm policy add src 10.1$n.$PEER.0/24 dst 10.1$n.$ME.0/24 dir $dir \
			tmpl src $to dst $from proto esp reqid $n mode tunnel $p
	done
}
WAYS='31:packet:1 32:crypto:1 33:none:1 34:plain:1 35:none:2 36:plain:2'
name() { [ $2 = 2 ] && echo e1000e.$1 || echo card.$1; }
for way in $WAYS; do
	IFS=: read -r n offload net <<<$way
	tunnel $n $offload $net $([ $net = 1 ] && echo vesper0 || echo peer0)
done
[ $ME = 1 ] || iperf3 -s -D
meet up
sleep 1
if [ $ME = 1 ]; then
	for way in $WAYS; do
		IFS=: read -r n offload net <<<$way
		iperf3 -J -c 10.1$n.2.1 -t 6 >tcp.json || fail "$way: no TCP: $(tail -n 5 tcp.json)"
		figure $(name $offload $net).tcp_bps \
			"$(python3 -c 'import json; print(json.load(open("tcp.json"))["end"]["sum_received"]["bits_per_second"])')"
	done
fi
meet tcp

# A gateway's CPU: guest 2 sends datagrams by e1000e, guest 1 forwards them to guest 2's card as the way has it.
PACKETS=3000
# Microseconds in which the CPU was not idle, from a clock of 10 ms.
busy() { awk '{printf "%d", 1000000 * ($1 - $2)}' /proc/uptime; }
mkfifo nothing
exec 8<>nothing
if [ $ME = 2 ]; then
	ip address add 10.2.0.3/24 dev peer0
	sysctl -q net.ipv4.conf.all.rp_filter=0
fi
for round in 1 2 3; do
	for way in 31:packet 32:crypto 33:none 34:plain; do
		IFS=: read -r n offload <<<$way
		# From the network of guest 1, though it comes from guest 2.
		if [ $ME = 2 ]; then
			ip address add 10.1$n.1.9/32 dev peer0 2>/dev/null || true
			ip rule add from 10.1$n.1.9 lookup 100 2>/dev/null || true
			ip route replace 10.1$n.2.0/24 via 10.2.0.1 dev peer0 src 10.1$n.1.9 table 100
		fi
		meet cpu-$round-$n
		before=$(busy)
		if [ $ME = 2 ]; then
			python3 - 10.1$n.1.9 10.1$n.2.77 $PACKETS <<-'PY'
				import socket, sys, time
				s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
				s.bind((sys.argv[1], 0))
				for number in range(int(sys.argv[3])):
				    s.sendto(b"x" * 1000, (sys.argv[2], 9))
				    if number % 10 == 9: time.sleep(0.008)
			PY
		fi
		touch /work/meet/cpu-$round-$n-sent.$NAME
		# Without a process of its own, which would cost as much as some packets.
		until [ -e /work/meet/cpu-$round-$n-sent.guest2 ]; do read -t 0.5 -u 8 || true; done
		read -t 0.5 -u 8 || true
		[ $ME = 2 ] || figure $offload.cpu_us $((($(busy) - before) / PACKETS))
	done
done

ip xfrm policy flush
ip xfrm state flush
meet cpu
python3 - $ME <<-'PY'
	import socket, struct, subprocess, sys, time
	sys.path.insert(0, "/work/hil")
	from guest_matrix import NETLINK_XFRM, ask, attribute
	TUNNELS, me = %TUNNELS%, int(sys.argv[1])
	link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
	link.setsockopt(270, 11, 1), link.setsockopt(270, 10, 1)
	pack = lambda who: socket.inet_aton(f"10.1.0.{who}").ljust(16, b"\0")
	def add(number, sender, offload, key):
	    limits = struct.pack("=4Q", *[2**64 - 1] * 4) + b"\0" * 32
	    info = b"\0" * 40 + struct.pack("=H", 2) + b"\0" * 14 + pack(3 - sender)
	    info += struct.pack(">IB3x", 0x10000 * sender + number, 50) + pack(sender) + limits + b"\0" * 44
	    info += struct.pack("=IIHBBB7x", 0, number, 2, 1, 0 if sender == me else 32, 0)
	    key = struct.pack(">III", number, sender, key) + b"\0" * 8
	    message = info + attribute(18, b"rfc4106(gcm(aes))".ljust(64, b"\0") + struct.pack("=II", 160, 128) + key)
	    if offload:
	        bits = (0 if sender == me else 2) | (4 if offload == "packet" else 0)
	        message += attribute(28, struct.pack("=iB3x", socket.if_nametoindex("vesper0"), bits))
	    error, said = ask(link, struct.pack("=IHHII", 16 + len(message), 0x10, 0x605, 1, 0) + message)
	    assert not error and not said, (number, error, said)
	if me == 1:
	    for key, offload in enumerate((None, "crypto", "packet")):
	        start = time.monotonic()
	        for number in range(1, TUNNELS + 1): add(number, 1, offload, key)
	        rate = TUNNELS / (time.monotonic() - start)
	        print(f"[0] figure sa_per_second.{offload or 'software'} {rate:.1f}", flush=True)
	        subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
	        time.sleep(2)
	lines, offload = [], "packet" if me == 1 else None
	for number in range(1, TUNNELS + 1):
	    add(number, me, offload, 9), add(number, 3 - me, offload, 9)
	    mine, other = (f"10.{50 + who}.{number >> 8}.{number & 255}" for who in (me, 3 - me))
	    for direction, source, target, ends in (
	        ("out", mine, other, (me, 3 - me)), ("in", other, mine, (3 - me, me))):
	        lines.append(f"xfrm policy add src {source} dst {target} dir {direction} tmpl src 10.1.0.{ends[0]} "
	            f"dst 10.1.0.{ends[1]} proto esp reqid {number} mode tunnel "
	            + ("offload packet dev vesper0" if offload else ""))
	subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
PY
ip route add local 10.$((50 + ME)).0.0/16 dev lo
ip route add 10.$((50 + PEER)).0.0/16 dev vesper0
step "$(ip xfrm state count), $(ethtool -S vesper0 | awk '/ipsec_packet_sas/ {print $2}') with packet offload on the card"
python3 - $ME <<-'PY' &
	import socket, sys, time
	me = int(sys.argv[1])
	if me == 2:
	    server, seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), set()
	    server.bind(("", 7))
	    server.settimeout(60)
	    open("/work/meet/listens", "w").close()
	    while len(seen) < %TUNNELS%:
	        data, peer = server.recvfrom(99)
	        seen.add(peer[0])
	        server.sendto(data, peer)
	    print(f"[0] figure tunnels {len(seen)}", flush=True)
PY
if [ $ME = 1 ]; then
	await listens
	python3 - <<-'PY'
		import socket, time
		for number in range(1, %TUNNELS% + 1):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.bind((f"10.51.{number >> 8}.{number & 255}", 0))
		    for _ in range(3):
		        s.sendto(b"x", (f"10.52.{number >> 8}.{number & 255}", 7))
		        s.settimeout(2)
		        try: s.recv(9)
		        except TimeoutError: continue
		        break
		    else: raise SystemExit(f"tunnel {number}: no answer")
		    s.close()
	PY
fi
meet tunnels
no_trouble
""".replace("%TUNNELS%", str(TUNNELS))

SECONDS = 900


def run(lab):
    wire = lab.work / "wire"
    cards = lab.card("card1", f"unix:{wire}"), lab.card("card2", f"unix-connect:{wire}")
    path = lab.inside(lab.work / "peers")
    for me, server in ((1, "server=on"), (2, "server=off,reconnect-ms=200")):
        lab.vm(
            f"guest{me}",
            f"ME={me} PEER={3 - me}\n{SCRIPT}",
            cards=[cards[me - 1]],
            nics=[("e1000e", f"stream,addr.type=unix,addr.path={path},{server}", f"52:54:00:00:00:0{me}")],
        )


def figure(name, value, unit, peer=None):
    found = {"name": f"hil.{name}", "value": value, "unit": unit}
    return found if peer is None else {**found, "peer": peer, "ratio": value / peer}


def check(lab):
    """Prints the figures beside each other and writes them as `make bench` does."""
    found = {}
    for guest in ("guest1", "guest2"):
        text = (lab.folder / guest / "out").read_text()
        for name, value in re.findall(r"figure (\S+) ([\d.e+]+)$", text, re.MULTILINE):
            found.setdefault(name, []).append(float(value))
    ways = ("packet", "crypto", "none", "plain")
    figures = []
    try:
        tcp = {name: found[f"{name}.tcp_bps"][0] / 1e6 for name in [f"card.{way}" for way in ways]}
        tcp |= {name: found[f"{name}.tcp_bps"][0] / 1e6 for name in ("e1000e.none", "e1000e.plain")}
        # Whoever else uses the machine only makes it slower.
        cpu = {way: min(found[f"{way}.cpu_us"]) for way in ways}
        rate = {way: found[f"sa_per_second.{way}"][0] for way in ("software", "crypto", "packet")}
        figures += [figure(f"esp.tcp.{way}", tcp[f"card.{way}"], "Mb/s", tcp["e1000e.none"]) for way in ways]
        figures += [figure("esp.tcp.of_plain", tcp["card.packet"], "Mb/s", tcp["card.plain"])]
        figures += [figure("esp.tcp.e1000e", tcp["e1000e.none"], "Mb/s", tcp["e1000e.plain"])]
        figures += [figure(f"esp.gateway_cpu.{way}", cpu[way], "us/packet", cpu["none"]) for way in ways]
        figures += [
            figure(f"esp.sa_add.{way}", rate[way], "SA/s", rate["software"]) for way in ("crypto", "packet")
        ]
        figures += [figure("esp.tunnels", found["tunnels"][0], "tunnels")]
    except KeyError as missing:
        raise Failure(f"no figure {missing}: see {lab.folder / 'guest1' / 'out'}") from None
    for one in figures:
        beside = f"  beside {one['peer']:.3f}, ratio {one['ratio']:.3f}" if "peer" in one else ""
        print(f"  {one['name']:26} {one['value']:.3f} {one['unit']}{beside}")
    (lab.folder.parent.parent / "bench-ipsec.json").write_text(json.dumps(figures, indent=1) + "\n")
