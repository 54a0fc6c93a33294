# SPDX-License-Identifier: BSD-2-Clause
"""Every combination of mode, family, UDP, ESN, key and ICV that strongSwan with the card negotiates with libreswan."""

import collections

import vpn
from guest_matrix import cases
from lab import Failure

PARAMETERS = ("packet", "crypto")  # strongSwan's hw_offload
ADDRESS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
INNER = {4: ("10.1.0.1/32", "10.2.0.1/32"), 6: ("fd01::1/128", "fd02::1/128")}


def wanted(offload, case):
    """The word of a cell. libreswan's socket does not take a UDP checksum of 0 over IPv6 (driver/linux/README.md)."""
    if offload == "crypto":
        return "soft" if vpn.left_by_crypto(case) else "ok"
    return "no" if case["udp"] and case["family"] == 6 else "ok"


def office(case):
    """Cases that differ in what libreswan has a connection each for."""
    return f"{case['mode']}{case['family']}{'udp' if case['udp'] else ''}"


def strongswan(offload, secret):
    connections = []
    for number, case in enumerate(cases()):
        mine, other = ADDRESS[case["family"]]
        ends = INNER[case["family"]] if case["mode"] == "tunnel" else ("dynamic[tcp]", "dynamic[tcp]")
        connections.append(f"""
	c{number} {{
		version = 2
		mobike = no
		proposals = aes256gcm16-prfsha256-x25519
		local_addrs = {mine}
		remote_addrs = {other}
		encap = {"yes" if case["udp"] else "no"}
		local {{
			auth = psk
			id = card-{office(case)}.example
		}}
		remote {{
			auth = psk
			id = peer-{office(case)}.example
		}}
		children {{
			c{number} {{
				mode = {case["mode"]}
				local_ts = {ends[0]}
				remote_ts = {ends[1]}
				esp_proposals = aes{case["bits"]}gcm{case["icv"]}-{"esn" if case["esn"] else "noesn"}
				hw_offload = {offload}
			}}
		}}
	}}""")
    secrets = f"\nsecrets {{\n\tike {{\n\t\tsecret = 0x{secret}\n\t}}\n}}\n"
    return "connections {" + "".join(connections) + "\n}\n" + secrets


def libreswan():
    ciphers = ",".join(f"aes_gcm_{icv}-{bits}-null" for icv in "abc" for bits in (128, 256))
    text = "config setup\n"
    for case in {office(case): case for case in cases()}.values():
        other, mine = ADDRESS[case["family"]]
        far, near = INNER[case["family"]]
        nets = f"leftsubnet={near}\n\trightsubnet={far}"
        if case["mode"] == "transport":
            nets = "leftprotoport=tcp\n\trightprotoport=tcp"
        text += f"""
conn {office(case)}
	keyexchange=ikev2
	left={mine}
	leftid=@peer-{office(case)}.example
	right={other}
	rightid=@card-{office(case)}.example
	authby=secret
	ike=aes_gcm256-sha2_256;dh31
	esp={ciphers}
	pfs=no
	esn=either
	encapsulation=auto
	type={case["mode"]}
	{nets}
	auto=add
"""
    return text


ECHO = """
import socket, socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    address_family, allow_reuse_address = socket.AF_INET6, True
if sys.argv[1] == "serve":
    Server(("::", 7), Echo).serve_forever()
sent = bytes(range(256)) * 20
with socket.create_connection((sys.argv[3], 7), 5, (sys.argv[2], 0)) as s:
    s.settimeout(5)
    s.sendall(sent)
    came = b""
    while len(came) < len(sent) and (data := s.recv(65536)):
        came += data
sys.exit(came != sent)
"""

CARD = r"""
. /work/hil/guest-vpn
modprobe -a esp4_offload esp6_offload
card_up 192.0.2.1/24 2001:db8::1/64
ip address add 10.1.0.1/32 dev lo
ip address add fd01::1/128 dev lo
ip route add 10.2.0.0/24 via 192.0.2.2
ip route add fd02::/64 via 2001:db8::2
cp /work/share/strongswan.conf /etc/swanctl/conf.d/
watch_software
cipher_ready
charon_up
meet ready
ran() { awk '{n += $2} END {print n}' /sys/kernel/tracing/kprobe_profile; }
while read -r number mode from to; do
	before=$(ran) result=no why=
	if swanctl --initiate --child c$number --timeout 30 >said 2>&1; then
		if python3 /work/share/echo.py call $from $to 2>echo.log; then
			result=ok
			[ "$(ran)" = "$before" ] || result=soft
		else
			why="no answer: $(tail -n 1 echo.log)"
		fi
		swanctl --list-sas 2>/dev/null | grep -o 'ESP:[^ ]*\|TUNNEL[^,]*\|TRANSPORT[^,]*' | xargs >agreed
	else
		why=$(grep -m 1 'netlink error' said || tail -n 1 said)
		: >agreed
	fi
	echo "$number|$result|$(cat agreed)|$why" >>matrix
	step "$number: $result $(cat agreed) $why"
	swanctl --terminate --ike c$number --timeout 10 >/dev/null 2>&1 || true
done </work/share/cases
meet over
no_trouble
meet done
"""

PEER = r"""
. /work/hil/guest-vpn
e1000e_up 192.0.2.2/24 2001:db8::2/64
ip address add 10.2.0.1/32 dev lo
ip address add fd02::1/128 dev lo
ip route add 10.1.0.0/24 via 192.0.2.1
ip route add fd01::/64 via 2001:db8::1
cipher_ready
cp /work/share/ipsec.conf /work/share/ipsec.secrets /etc/
pluto_up
python3 /work/share/echo.py serve &
meet ready
meet over
no_trouble
meet done
"""

SECONDS = 1500


def run(lab):
    secret = vpn.secret()
    vpn.share(lab, "strongswan.conf", strongswan(lab.parameter, secret))
    vpn.share(lab, "ipsec.conf", libreswan())
    vpn.share(lab, "ipsec.secrets", f": PSK 0x{secret}\n")
    vpn.share(lab, "echo.py", ECHO)
    lines = []
    for number, case in enumerate(cases()):
        ends = ADDRESS[case["family"]]
        if case["mode"] == "tunnel":
            ends = [end.split("/")[0] for end in INNER[case["family"]]]
        lines.append(f"{number} {case['mode']} {' '.join(ends)}\n")
    vpn.share(lab, "cases", "".join(lines))
    wire = lab.work / "wire"
    lab.vm("gateway1", CARD, cards=[lab.card("card", f"unix:{wire}")])
    lab.software_vm("gateway2", PEER, wire)


def check(lab):
    """Prints the table; fails where a cell is not what it should be, or what was agreed, or the wire had more than ESP."""
    results, reasons, wrong = [], collections.Counter(), []
    for case, line in zip(cases(), vpn.read(lab, "gateway1", "matrix").splitlines(), strict=True):
        _, cell, agreed, why = line.split("|")
        results.append((case, cell))
        if cell != "ok":
            reasons[why or "left to software"] += 1
        should = wanted(lab.parameter, case)
        ways = f"{case['mode'].upper()}{'-in-UDP' if case['udp'] else ''}"
        words = f"{ways} ESP:AES_GCM_{case['icv']}-{case['bits']}{'/ESN' if case['esn'] else ''}"
        if cell != should or (cell != "no" and agreed != words):
            wrong.append(f"{cell} {agreed} for {should} {words}: {why}")
    vpn.matrix(results)
    for reason, count in reasons.items():
        print(f"  {count} not ok: {reason}")
    green = sum(cell == "ok" for _, cell in results)
    print(f"  {green} of {len(results)} work with {lab.parameter} offload against libreswan")
    if wrong:
        raise Failure(f"{len(wrong)} cells are not what they should be, the first: {wrong[0]}")
    vpn.only_esp(lab, "card")
