# SPDX-License-Identifier: BSD-2-Clause
"""An employee behind a NAT, by certificates, virtual IP and split tunnel, to a gateway with a card; NAT rebinding."""

import subprocess

import vpn
from lab import Failure

# strongSwan's hw_offload at the gateway; `client`: packet offload there and, with a card of its own, at the laptop
PARAMETERS = ("packet", "no", "client")

COMPANY = """
connections {
	staff {
		version = 2
		proposals = aes256gcm16-prfsha256-x25519
		local_addrs = 198.51.100.1
		pools = staff
		local {
			auth = pubkey
			certs = company.pem
			id = vpn.company.example
		}
		remote {
			auth = pubkey
		}
		children {
			work {
				local_ts = 10.2.0.0/24
				esp_proposals = aes256gcm16-x25519-esn
				hw_offload = %s
			}
		}
	}
}
pools {
	staff {
		addrs = 10.2.8.0/24
	}
}
"""

EMPLOYEE = """
connections {
	company {
		version = 2
		proposals = aes256gcm16-prfsha256-x25519
		remote_addrs = 198.51.100.1
		%s
		vips = 0.0.0.0
		local {
			auth = pubkey
			certs = employee.pem
			id = employee@company.example
		}
		remote {
			auth = pubkey
			id = vpn.company.example
		}
		children {
			work {
				remote_ts = 10.2.0.0/24
				esp_proposals = aes256gcm16-x25519-esn
				hw_offload = %s
			}
		}
	}
}
"""
# In software the gateway's kernel tells strongSwan where the first packet after the rebinding came from. With packet
# offload only the card sees that, and strongSwan learns it from IKE: the laptop asks after three silent seconds.
LIVENESS = {"packet": "dpd_delay = 3s", "no": "", "client": "dpd_delay = 3s"}
PINGS = {"packet": 160, "no": 80, "client": 160}

# Both: files of the certificates.
COMMON = r"""
. /work/hil/guest-vpn
cd /work/share
cp ca.pem /etc/swanctl/x509ca/
cp $ME.pem /etc/swanctl/x509/
cp $ME.key /etc/swanctl/private/
cp $ME.conf /etc/swanctl/conf.d/
cd $JOB
"""

GATEWAY = r"""
modprobe -a esp4_offload
card_up 198.51.100.1/24
behind 2
web_server
python3 -m http.server 80 --bind 198.51.100.1 --directory /work/share/public >/dev/null 2>&1 &
watch_software
charon_up
step "strongSwan $(swanctl --version | awk '{print $3}') is ready"
sample &
web_server_ready
meet ready
meet over
sleep 1
last_words
grep -q 'src 198.51.100.10 ' state.final || fail 'the gateway does not know the new address of the NAT'
no_trouble
"""

# The router at the employee's home, with two public addresses on eth0.
ROUTER = r"""
modprobe e1000e
until [ -e /sys/class/net/eth0 ]; do sleep 0.2; done
ip link set eth0 up
ip address add 198.51.100.9/24 dev eth0
ip address add 198.51.100.10/24 dev eth0
# nat ADDRESS PORTS: everything from within goes out under this address and from these ports.
nat() {
	nft -f - <<-END
		table ip nat
		flush table ip nat
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat;
				oifname eth0 ip saddr 10.7.0.0/24 meta l4proto { tcp, udp } snat to $1:$2 random
				oifname eth0 ip saddr 10.7.0.0/24 snat to $1
			}
		}
	END
	conntrack -F 2>/dev/null
}
nat 198.51.100.9 20000-29999
other_nat() { nat 198.51.100.10 40000-49999; }
"""

# The laptop, HOST: it fetches the pages and is an end of the tunnel.
LAPTOP = r"""
NS=$HOST
charon_up
step "strongSwan at home is ready, behind a NAT"
meet ready
ike --initiate --child work
$HOST ip -4 -br address show | grep -o '10\.2\.8\.[0-9]*' >vip || fail 'no virtual IP'
step "virtual IP $(cat vip)"
$HOST ip -s xfrm state | grep -q 'encap type espinudp' || fail 'no UDP encapsulation'
load_page "the company's page" "http://10.2.0.2/page.html"
load_page "a public page, past the tunnel" "http://198.51.100.1/public.html"
if grep -q dpd_delay /etc/swanctl/conf.d/employee.conf; then
	# What its answer says of the laptop's address is compared with the answer before.
	step 'silence, until strongSwan has asked once'
	said 1 'sending DPD request'
	sleep 1
fi
step 'the NAT forgets, and goes on with another address and other ports'
$HOST ping -i 0.25 -c $PINGS -W 1 10.2.0.2 >ping.rebinding &
ping=$!
sleep 5
rebind
wait $ping || true
step "$(grep transmitted ping.rebinding)"
tail -n 12 ping.rebinding | grep -q "icmp_seq=$PINGS " || fail 'traffic does not flow again'
load_page "the company's page" "http://10.2.0.2/page.html"
$HOST ip -s xfrm state >states
sleep 2
meet over
"""

# In one guest: the laptop is a namespace behind the router.
HOME = rf"""
{ROUTER}
behind 7
rebind() {{ other_nat; }}
{LAPTOP}
no_trouble
"""

# In two: the laptop has a card, wire to wire with the router's eth1.
HOME_ROUTER = rf"""
{ROUTER}
ip link set eth1 up
ip address add 10.7.0.1/24 dev eth1
sysctl -q net.ipv4.ip_forward=1
meet ready
await rebind
other_nat
touch /work/meet/rebound
meet over
no_trouble
"""
CARD_LAPTOP = rf"""
modprobe -a esp4_offload
card_up 10.7.0.2/24
ip route add default via 10.7.0.1
HOST=
watch_software
sample &
rebind() {{ touch /work/meet/rebind; await rebound; }}
{LAPTOP}
sleep 1
last_words
no_trouble
"""

SECONDS = 600
PUBLIC = "198.51.100.1"


def certificates(lab):
    """An authority, and a certificate for each end, made with strongSwan's own tool."""

    def pki(*command, text=None):
        made = subprocess.run(
            lab.enter(["pki", *command]), input=text, capture_output=True, text=True, check=True
        )
        return made.stdout

    def key(name):
        text = pki("--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")
        vpn.share(lab, f"{name}.key", text)

    key("ca")
    issuer = ["--cakey", "/work/share/ca.key", "--cacert", "/work/share/ca.pem", "--outform", "pem"]
    self_signed = [
        "--in",
        "/work/share/ca.key",
        "--type",
        "ecdsa",
        "--dn",
        "CN=Company CA",
        "--ca",
        "--outform",
        "pem",
    ]
    vpn.share(lab, "ca.pem", pki("--self", *self_signed))
    for name, identity in (("company", "vpn.company.example"), ("employee", "employee@company.example")):
        key(name)
        public = pki("--pub", "--in", f"/work/share/{name}.key", "--type", "ecdsa", "--outform", "pem")
        vpn.share(
            lab,
            f"{name}.pem",
            pki("--issue", *issuer, "--dn", f"CN={identity}", "--san", identity, text=public),
        )


def run(lab):
    vpn.page(lab)
    vpn.share(lab, "public/public.html", "<!doctype html><title>Public</title><p>For everyone.\n")
    certificates(lab)
    client = lab.parameter == "client"
    at_gateway, at_laptop = ("packet", "packet") if client else (lab.parameter, "no")
    vpn.share(lab, "company.conf", COMPANY % at_gateway)
    vpn.share(lab, "employee.conf", EMPLOYEE % (LIVENESS[lab.parameter], at_laptop))
    wire = lab.work / "wire"
    card = lab.card("card", f"unix:{wire}")
    lab.vm("company", f"ME=company\n{COMMON}{GATEWAY}", cards=[card])
    employee = f"ME=employee PINGS={PINGS[lab.parameter]}\n{COMMON}"
    if not client:
        lab.software_vm("home", f"{employee}{HOME}", wire)
        return
    wire2 = lab.work / "wire2"
    card2 = lab.card("card2", f"unix:{wire2}")
    lab.vm("laptop", f"{employee}{CARD_LAPTOP}", cards=[card2])
    lab.software_vm("home", HOME_ROUTER, wire, wire2)


def check(lab):
    """On the wire: ESP in UDP alone, but for the public page; from two addresses of the NAT; tshark reads the rest."""
    ends = [("company", "card")] + [("laptop", "card2")] * (lab.parameter == "client")
    guests, cards = zip(*ends, strict=True)
    report = vpn.evidence(lab, guests, cards, allowed=f"ip.addr == {PUBLIC} && tcp.port == 80")
    capture = lab.folder / "card" / "wire.pcapng"
    sources = {row[0] for row in vpn.tshark(capture, "esp && !icmp && ip.dst == 198.51.100.1", ["ip.src"])}
    if sources != {"198.51.100.9", "198.51.100.10"}:
        raise Failure(
            f"ESP came from {', '.join(sorted(sources)) or 'nowhere'}, not from both addresses of the NAT"
        )
    if vpn.tshark(capture, "esp && !icmp && !udp", ["frame.number"]):
        raise Failure("ESP without UDP on the wire")
    requests = " ".join(report["requests"])
    for wanted in ("GET /page.html (198.51.100.9", "GET /page.html (198.51.100.10", "GET /public.html"):
        if wanted not in requests:
            raise Failure(f"tshark does not see {wanted}: {requests}")
    vpn.who_encrypted(report)
    vpn.show(report)
