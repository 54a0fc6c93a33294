# SPDX-License-Identifier: BSD-2-Clause
"""Forged, replayed, misdirected, plaintext packets, path MTU, bad input: offload counts and says as software ESP."""

import json

from lab import Failure
from scapy.layers.inet import ICMP, IP, UDP, IPOption_NOP, fragment
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.packet import Raw

KINDS = {1: "packet", 2: "crypto", 3: "software"}


def kinds(lab):
    """Those that the kernel has."""
    return {kind: name for kind, name in KINDS.items() if name != "packet" or not lab.before("6.12")}


# Guest 1 has an SA of each kind, the first two on the card and the third on e1000e; guest 2 sends what it is told.
SCRIPT = r"""
modprobe -a esp4 esp6 esp4_offload esp6_offload xfrm_user 2>/dev/null
modprobe e1000e
GCM='rfc4106(gcm(aes))' KEY=0x0001020304050607080910111213141516171819
device() { [ $1 = 3 ] && echo eth0 || echo vesper0; }
card_up 10.0.1.1/24 10.0.2.1/24 fd00:1::1/64 fd00:2::1/64
until [ -e /sys/class/net/eth0 ]; do sleep 0.2; done
ip link set eth0 address 02:56:53:50:00:03 up
ip address add 10.0.3.1/24 dev eth0
ip address add fd00:3::1/64 dev eth0 nodad
sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
# What is not asked of both offloads is asked of packet offload, where the kernel has it.
MODE=packet KIND=1
! kernel_before 6.12 || MODE=crypto KIND=2
for t in $KINDS; do
	sa= policy= dev=$(device $t)
	case $t in 1) sa="offload packet dev vesper0" policy=$sa ;; 2) sa='offload dev vesper0' ;; esac
	ip address add 10.20.$t.1/32 dev lo
	ip neigh replace 10.0.$t.2 lladdr 02:00:00:00:00:99 dev $dev
	ip xfrm state add src 10.0.$t.2 dst 10.0.$t.1 proto esp spi 0x100$t reqid $t mode tunnel replay-window 32 \
		aead "$GCM" $KEY 128 sel src 10.20.$t.0/24 dst 10.20.$t.0/24 ${sa:+$sa dir in}
	ip xfrm policy add src 10.20.$t.2 dst 10.20.$t.1 dir in \
		tmpl src 10.0.$t.2 dst 10.0.$t.1 proto esp reqid $t mode tunnel $policy
done
[ "$(value ipsec_sa_on_card)" = $((3 - KIND)) ] || fail 'the SAs are not on the card'
meet ready
# Each attack on each kind of SA: the counters before and after, a line of JSON.
python3 - <<-'PY'
	import json, os, select, socket, subprocess, time
	sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	sink.bind(("", 7))
	def delivered(count):
	    while select.select([sink], [], [], 0)[0]:
	        sink.recv(4096)
	        count += 1
	    return count
	def look(kind):
	    found = dict(line.split() for line in open("/proc/net/xfrm_stat"))
	    text = subprocess.run(["ip", "-s", "xfrm", "state", "list", "spi", f"0x100{kind}"],
	        capture_output=True, text=True, check=True).stdout.split("stats:")[1].split()
	    found.update(window=text[1], replay=text[3], failed=text[5])
	    return {name: int(value) for name, value in found.items()}
	def log():
	    return len(subprocess.run(["dmesg"], capture_output=True, text=True).stdout.splitlines())
	with open("found", "w") as out:
	    for name in open("/work/share/names").read().split():
	        for kind in map(int, os.environ["KINDS"].split()):
	            before, lines = look(kind), log()
	            open(f"/work/meet/go-{name}-{kind}", "w").close()
	            while not os.path.exists(f"/work/meet/sent-{name}-{kind}"): time.sleep(0.05)
	            # The driver asks the card for its counters once a second.
	            time.sleep(2.5 if kind == 1 else 0.7)
	            row = {"name": name, "kind": kind, "before": {**before, "delivered": 0}}
	            row["after"] = {**look(kind), "delivered": delivered(0)}
	            print(json.dumps({**row, "lines": log() - lines}), file=out, flush=True)
	        print(name, flush=True)
PY

# (SAs of both kinds are kept out of one hash bucket of 6.12 by their reqid, see driver/linux/README.md.)
step 'path MTU'
ip netns add host
ip link add inside type veth peer name eth0 netns host
ip address add 10.20.9.1/24 dev inside
ip address add fd20:9::1/64 dev inside nodad
ip link set inside up
ip -n host address add 10.20.9.2/24 dev eth0
ip -n host address add fd20:9::2/64 dev eth0 nodad
ip -n host link set eth0 up
ip -n host route add default via 10.20.9.1
ip -n host route add default via fd20:9::1
for t in $KIND 3; do
	sa= policy= dev=$(device $t)
	case $t in 1) sa="offload packet dev vesper0" policy=$sa ;; 2) sa='offload dev vesper0' ;; esac
	ip neigh replace fd00:$t::2 lladdr 02:00:00:00:00:99 dev $dev
	ip route add 10.30.$t.0/24 via 10.0.$t.2 dev $dev
	ip route add fd30:$t::/64 via fd00:$t::2 dev $dev
	for ends in "10.0.$t.1 10.0.$t.2 0.0.0.0/0 10.30.$t.0/24 0x200$t" "fd00:$t::1 fd00:$t::2 ::/0 fd30:$t::/64 0x300$t"; do
		set -- $ends
		ip xfrm state add src $1 dst $2 proto esp spi $5 reqid $((8 + t)) mode tunnel aead "$GCM" 0x$(printf '%040x' $5) 128 \
			${sa:+$sa dir out}
		ip xfrm policy add src $3 dst $4 dir out tmpl src $1 dst $2 proto esp reqid $((8 + t)) mode tunnel $policy
	done
	for target in 10.30.$t.2 fd30:$t::2; do
		ip netns exec host ping -M do -s 1370 -c 2 -i 0.3 -W 1 $target >/tmp/fits 2>&1 || true
		ip netns exec host ping -M do -s 1452 -c 2 -i 0.3 -W 1 $target >/tmp/pmtu 2>&1 || true
		! grep -q mtu /tmp/fits || fail "$target: 1370 bytes do not fit: $(cat /tmp/fits)"
		family=IPv4 && [ $target = 10.30.$t.2 ] || family=IPv6
		printf '{"pmtu": "%s, forwarded", "kind": %s, "mtu": "%s"}\n' $family $t \
			"$(sed -n 's/.*mtu[ =:]*\([0-9]*\).*/\1/p' /tmp/pmtu | tail -n 1)" >>found
	done
done
KIND=$KIND python3 - >>found <<-'PY'
	# From a socket that must not fragment: the largest that is taken.
	import errno, json, os, socket
	for kind in (int(os.environ["KIND"]), 3):
	    for name, family, target, level, option, headers in (
	        ("IPv4", socket.AF_INET, f"10.30.{kind}.2", socket.IPPROTO_IP, 10, 28),
	        ("IPv6", socket.AF_INET6, f"fd30:{kind}::2", socket.IPPROTO_IPV6, 23, 48)):
	        s = socket.socket(family, socket.SOCK_DGRAM)
	        s.setsockopt(level, option, 2)
	        s.connect((target, 9))
	        for size in range(1500, 1300, -1):
	            try: s.send(bytes(size))
	            except OSError as error: assert error.errno == errno.EMSGSIZE, error
	            else: break
	        print(json.dumps({"pmtu": f"{name}, local", "kind": kind, "mtu": str(size + headers)}))
PY

step "bad input: $NAMES"
ip xfrm policy flush
ip xfrm state flush
sleep 1.2
card() { ethtool -S vesper0 | awk '/ipsec_(sa_on_card|packet_sas|policies):/ {printf "%s ", $2}'; }
number=0 WRONG=
# The rest is tried all the same.
wrong() {
	step "WRONG: $*"
	WRONG="$WRONG$*; "
}
# asked KIND TEXT WORDS...: an SA with these words; what the kernel says has the text in it ('': it is taken)
asked() {
	local kind=$1 text=$2 offload= said
	shift 2
	case $kind in packet) offload='offload packet dev vesper0' ;; crypto) offload='offload dev vesper0' ;; esac
	said=$(ip xfrm state add src 10.0.1.1 dst 10.0.1.2 proto esp "$@" mode tunnel \
		$offload ${offload:+dir out} 2>&1) && said=
	case $said in *"$text"*) ;; *) wrong "$kind, $*: '$said', expected '$text'" ;; esac
	[ -n "$text" ] || [ -z "$said" ] || wrong "$kind, $*: refused: $said"
	printf '{"refused": "%s", "kind": "%s", "said": "%s"}\n' \
		"$(echo "$*" | tr -d '"')" $kind "$(echo $said | tr -d '"')" >>found
}
for kind in $NAMES; do
	reserved= duplicate='an SA with this direction, destination and SPI'
	case $kind in packet) reserved='SPIs 0 to 255 are reserved' ;; software) duplicate='File exists' ;; esac
	! kernel_before 6.3 || duplicate='File exists' # a driver cannot say why
	number=$((number + 1))
	KEY2=0x$(printf %038d $number)09
	asked $kind 'unable to initialize cryptographic' spi 0x4001 aead "$GCM" 0x$(printf %038d 9) 128
	asked $kind 'unable to initialize cryptographic' spi 0x4001 aead "$GCM" 0x$(printf %074d 9) 128
	asked $kind 'AEAD algorithm not found' spi 0x4001 aead "$GCM" $KEY2 72
	asked $kind "$reserved" spi 0xff aead "$GCM" $KEY2 128
	asked $kind '' spi 0x4002 aead "$GCM" $KEY2 128
	asked $kind "$duplicate" spi 0x4002 aead "$GCM" ${KEY2%9}8 128
	[ $kind = software ] || asked $kind "TFC padding can't be offloaded" spi 0x4003 aead "$GCM" ${KEY2%9}7 128 tfcpad 100
	ip xfrm state delete src 10.0.1.1 dst 10.0.1.2 proto esp spi 0x4002
	ip xfrm state delete src 10.0.1.1 dst 10.0.1.2 proto esp spi 0x4002 2>/dev/null && wrong 'deleted twice'
	ip xfrm state flush
	sleep 1.2
	[ "$(card)" = '0 0 0 ' ] || wrong "$kind: something is left on the card: $(card)"
done
# (Crypto offload asked of a device that has none is software.)
[ $MODE = crypto ] || for words in 'dir in' 'dir out'; do
	said=$(ip xfrm state add src 10.0.1.1 dst 10.0.1.2 proto esp spi 0x4010 mode tunnel dir ${words#dir } \
		aead "$GCM" $KEY2 128 offload packet dev lo $words 2>&1) && wrong 'lo takes packet offload'
done
said=$(ip xfrm state add src 10.0.1.1 dst 10.0.1.2 proto ah spi 0x4011 mode tunnel auth 'hmac(sha256)' $KEY2 \
	offload $MODE dev vesper0 dir out 2>&1) && wrong 'AH is taken'
case $said in *"Type doesn't support offload"*) ;; *) wrong "AH: $said" ;; esac

step 'a policy without an SA; SAs and policies deleted while they are in use'
offload='offload packet dev vesper0' && [ $MODE = packet ] || offload=
ip xfrm policy add src 0.0.0.0/0 dst 10.30.$KIND.0/24 dir out tmpl src 10.0.1.1 dst 10.0.1.2 proto esp reqid 9 mode tunnel \
	$offload
sysctl -q net.core.xfrm_acq_expires=1
ping -q -c 2 -i 0.2 -W 1 10.30.$KIND.2 >/dev/null 2>&1 && wrong 'an answer without an SA'
[ "$(awk '$1 == "XfrmOutNoStates" {print $2}' /proc/net/xfrm_stat)" -gt 0 ] || wrong 'not counted'
ping -f -q -s 200 10.30.$KIND.2 >/dev/null 2>&1 &
for round in 1 2 3 4 5 6; do
	for kind in ${NAMES% software}; do
		offload="offload packet dev vesper0" && [ $kind = packet ] || offload="offload dev vesper0"
		ip xfrm policy flush
		ip xfrm state flush
		ip xfrm state add src 10.0.1.1 dst 10.0.1.2 proto esp spi 0x50$round$(($RANDOM % 10)) reqid 9 mode tunnel \
			aead "$GCM" 0x$(printf %036d $round)$(printf %04x $RANDOM) 128 $offload dir out
		[ $kind = packet ] || offload=
		ip xfrm policy add src 0.0.0.0/0 dst 10.30.$KIND.0/24 dir out \
			tmpl src 10.0.1.1 dst 10.0.1.2 proto esp reqid 9 mode tunnel $offload
		sleep 0.4
	done
done
ip xfrm state flush
ip xfrm policy flush
kill %1 || true
sleep 2
[ "$(card)" = '0 0 0 ' ] || wrong "something is left on the card: $(card)"
cat found
dmesg | tail -n 5
no_trouble
[ -z "$WRONG" ] || fail "$WRONG"
"""

SENDER = r"""
modprobe e1000e
until [ -e /sys/class/net/eth1 ]; do sleep 0.2; done
sysctl -q net.ipv6.conf.all.disable_ipv6=1
ip link set eth0 up
ip link set eth1 up
meet ready
python3 - <<-'PY'
	import json, os, socket, time
	wires = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(2)]
	for number, wire in enumerate(wires): wire.bind((f"eth{number}", 0))
	for name in open("/work/share/names").read().split():
	    for kind in map(int, os.environ["KINDS"].split()):
	        while not os.path.exists(f"/work/meet/go-{name}-{kind}"): time.sleep(0.05)
	        for frame in json.load(open(f"/work/share/{name}-{kind}")): wires[kind == 3].send(bytes.fromhex(frame))
	        open(f"/work/meet/sent-{name}-{kind}", "w").close()
PY
"""

ALSO = ("@oldest", "@newest")
SECONDS = 900
KEY = bytes.fromhex("0001020304050607080910111213141516171819")


class Sender:
    """What an attacker makes for the SA of one kind."""

    def __init__(self, kind):
        self.kind, self.spi = kind, 0x1000 + kind
        self.ends = {"src": f"10.0.{kind}.2", "dst": f"10.0.{kind}.1"}
        self.ether = Ether(
            src="02:00:00:00:00:99", dst=f"02:56:53:50:00:0{3 if kind == 3 else 1}", type=0x800
        )

    def inner(self, size=64, source=None, target=None, what=None):
        source, target = source or f"10.20.{self.kind}.2", target or f"10.20.{self.kind}.1"
        return IP(src=source, dst=target) / (what or UDP(sport=7, dport=7)) / Raw(b"x" * size)

    def esp(self, number, inner=None, spi=None):
        """The ESP packet with this number; the IV is the number."""
        sa = SecurityAssociation(
            ESP, spi=spi or self.spi, crypt_algo="AES-GCM", crypt_key=KEY, tunnel_header=IP(**self.ends)
        )
        return sa.encrypt(inner or self.inner(), seq_num=number, iv=number.to_bytes(8, "big"))

    def transport(self, number):
        """Without an inner IP header, though the SA is one of tunnel mode."""
        sa = SecurityAssociation(ESP, spi=self.spi, crypt_algo="AES-GCM", crypt_key=KEY)
        packet = IP(**self.ends) / UDP(sport=7, dport=7) / Raw(b"x" * 64)
        return sa.encrypt(packet, seq_num=number, iv=number.to_bytes(8, "big"))

    def forged(self, number):
        packet = bytearray(bytes(self.esp(number)))
        packet[-1] ^= 1
        return IP(bytes(packet))

    def short(self):
        return IP(**self.ends, proto=50) / Raw(self.spi.to_bytes(4, "big") + bytes(12))

    def attacks(self):
        """Name to packets, in the order in which they are sent."""
        with_options = IP(bytes(self.esp(12)))
        with_options.options = [IPOption_NOP()] * 4
        del with_options.ihl, with_options.len, with_options.chksum
        return {
            "good": [self.esp(number) for number in (10, 11, 12)],
            "forged-icv": [self.forged(number) for number in range(20, 25)],
            "replayed": [self.esp(number) for number in (10, 11, 12)],
            "below-the-window": [self.esp(100), self.esp(60)],
            "replayed-in-fragments": fragment(self.esp(100), 64),
            "replayed-with-ip-options": [with_options],
            "good-in-fragments": fragment(self.esp(101, self.inner(1000)), 600),
            "then-the-same-whole": [self.esp(101, self.inner(1000))],
            "unknown-spi": [self.esp(110, spi=0x7777)],
            "outside-the-selector": [self.esp(120, self.inner(source="10.66.0.9"))],
            "without-a-policy": [self.esp(121, self.inner(source=f"10.20.{self.kind}.77"))],
            "no-inner-packet": [self.transport(122)],
            "too-short": [self.short()],
            "in-clear": [self.inner(), self.inner()],
            "in-clear-icmp": [self.inner(what=ICMP())],
            "flood": [self.forged(200 + number % 8) for number in range(150)]
            + [self.esp(10 + number % 3) for number in range(150)],
            "good-at-last": [self.esp(150)],
        }


def run(lab):
    share = lab.work / "share"
    numbers, names = (" ".join(map(str, words)) for words in (kinds(lab), kinds(lab).values()))
    given = f"export KINDS='{numbers}' NAMES='{names}'\n"
    for kind in kinds(lab):
        sender = Sender(kind)
        attacks = sender.attacks()
        for name, packets in attacks.items():
            frames = [bytes(sender.ether / packet).hex() for packet in packets]
            (share / f"{name}-{kind}").write_text(json.dumps(frames))
    (share / "names").write_text("\n".join(attacks) + "\n")
    wire, second = lab.work / "wire", lab.work / "wire2"
    card = lab.card("card", f"unix:{wire}")
    stream = "stream,addr.type=unix,addr.path={},server={}"
    lab.vm(
        "guest1",
        given + SCRIPT,
        cards=[card],
        nics=[("e1000e", stream.format(lab.inside(second), "on"), "52:54:00:00:00:01")],
        append="net.ifnames=0",
    )
    lab.vm(
        "guest2",
        given + SENDER,
        nics=[
            ("e1000e", stream.format(lab.inside(wire), "off"), "52:54:00:00:00:02"),
            ("e1000e", stream.format(lab.inside(second), "off,reconnect-ms=200"), "52:54:00:00:00:03"),
        ],
        append="net.ifnames=0",
    )


# Where offload does not count as software does, and why (1: packet, 2: crypto).
ONE_COUNTER = "the card does not tell a number below the window from one that came before"
FRAGMENTS = "ESP in fragments is dropped: the stack's replay window is not the card's"
BY_THE_CARD = "the card drops it before it looks for the SA, and counts it: ethtool -S"
DIFFERENT = {
    ("below-the-window", 1): ("InStateSeqError 1, replay 1, delivered 1", ONE_COUNTER),
    ("replayed-with-ip-options", 1): ("InStateSeqError 1, replay 1", ONE_COUNTER),
    ("replayed-in-fragments", 1): ("InStateMismatch 1", FRAGMENTS),
    ("good-in-fragments", 1): ("InStateMismatch 1", FRAGMENTS),
    ("then-the-same-whole", 1): ("delivered 1", FRAGMENTS),
    ("too-short", 1): ("nothing", BY_THE_CARD),
    ("too-short", 2): ("nothing", BY_THE_CARD),
    ("flood", 1): ("InStateProtoError 150, InStateSeqError 150, replay 150, failed 150", ONE_COUNTER),
    ("without-a-policy", 2): ("delivered 1", "6.12 wants no policy for what it received by crypto offload"),
}


def check(lab):
    found = [json.loads(line) for line in (lab.folder / "guest1" / "found").read_text().splitlines()]
    table, pmtu, wrong = {}, {}, []
    for row in found:
        if "refused" in row:
            print(f"  {row['kind']:9} {row['refused'].replace('0' * 8, ''):60} {row['said'] or 'taken'}")
            continue
        if "pmtu" in row:
            pmtu.setdefault(row["pmtu"], {})[row["kind"]] = row["mtu"]
            continue
        changed = {name: row["after"][name] - row["before"][name] for name in row["after"]}
        text = ", ".join(f"{name.removeprefix('Xfrm')} {count}" for name, count in changed.items() if count)
        table.setdefault(row["name"], {})[row["kind"]] = text or "nothing"
        if row["lines"] > 2:
            wrong.append(f"{row['name']} {KINDS[row['kind']]}: {row['lines']} lines in the kernel's log")
    for name, row in table.items():
        print(f"  {name:26} {row[3]}")
        for kind in row:
            if row[kind] != row[3]:
                why = DIFFERENT.get((name, kind), (None, None))
                print(f"  {'':26} {KINDS[kind]}: {row[kind]}  ({why[1] or 'WRONG'})")
                if row[kind] != why[0]:
                    wrong.append(f"{name}: {KINDS[kind]}: {row[kind]}, software: {row[3]}")
    for name, row in pmtu.items():
        print(f"  path MTU, {name:15} " + ", ".join(f"{KINDS[kind]} {mtu}" for kind, mtu in row.items()))
        if not row[3] or len(set(row.values())) != 1:
            wrong.append(f"path MTU, {name}: {row}")
    if wrong:
        raise Failure(f"{len(wrong)} wrong: {'; '.join(wrong)}")
