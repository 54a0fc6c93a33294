# SPDX-License-Identifier: BSD-2-Clause
"""A gateway with the card and strongSwan, one with libreswan and software ESP: data both ways, rekeying by either."""

import vpn
from lab import Failure

PARAMETERS = ("packet", "crypto")  # strongSwan's hw_offload

STRONGSWAN = """
connections {
	office {
		version = 2
		mobike = no
		proposals = aes256gcm16-prfsha256-x25519
		local_addrs = 192.0.2.1
		remote_addrs = 192.0.2.2
		local {
			auth = psk
			id = office1.example
		}
		remote {
			auth = psk
			id = office2.example
		}
		children {
			lan4 {
				local_ts = 10.1.0.0/24
				remote_ts = 10.2.0.0/24
				esp_proposals = aes128gcm16-x25519-esn
				hw_offload = %(offload)s
			}
			lan6 {
				local_ts = fd01::/64
				remote_ts = fd02::/64
				esp_proposals = aes256gcm16-x25519-esn
				hw_offload = %(offload)s
			}
		}
	}
}
secrets {
	ike {
		secret = %(secret)s
	}
}
"""

# Asked for a child SA, libreswan compares with the ciphers of the connection that the IKE SA was made for, and then
# finds out which one is meant: so both have both.
LIBRESWAN = """
config setup

conn office
	keyexchange=ikev2
	left=192.0.2.2
	leftid=@office2.example
	right=192.0.2.1
	rightid=@office1.example
	authby=secret
	ike=aes_gcm256-sha2_256;dh31
	esp=aes_gcm128-null-dh31,aes_gcm256-null-dh31
	esn=yes
	type=tunnel

conn lan4
	also=office
	leftsubnet=10.2.0.0/24
	rightsubnet=10.1.0.0/24
	auto=add

conn lan6
	also=office
	leftsubnet=fd02::/64
	rightsubnet=fd01::/64
	auto=add
"""

CARD = r"""
. /work/hil/guest-vpn
modprobe -a esp4_offload esp6_offload
card_up 192.0.2.1/24
behind 1
# Where 6.12 looks for 192.0.2.2 when it sends IPv6 there with packet offload, see driver/linux/README.md.
ip -6 route add c000:202::/32 dev vesper0
cp /work/share/strongswan.conf /etc/swanctl/conf.d/
watch_software
cipher_ready
web_server
charon_up
step "strongSwan $(swanctl --version | awk '{print $3}') is ready"
web_server_ready
sample &
meet ready

ike --initiate --child lan4
ike --initiate --child lan6
negotiated
for bits in 128 256; do
	grep -Eq "ESP:AES_GCM_16-$bits/(.*/)?ESN" negotiated || fail "no SA with AES-GCM-$bits and ESN"
done
load_page 'page from libreswan, over IPv4' 'http://10.2.0.2/page.html'
load_page 'page from libreswan, over IPv6' 'http://[fd02::2]/page.html'
meet loaded
meet loaded-too

step 'rekeying under traffic'
# pinging ADDRESS: as long as the file `going` is there.
pinging() {
	while [ -e going ]; do
		ip netns exec host ping -q -i 0.05 -c 40 -W 5 $1 >>ping.$1 || true
	done
}
touch going
for far in 10.2.0.2 fd02::2; do
	pinging $far &
	pings+=($!)
done
for child in lan4 lan6; do
	sleep 2
	ike --rekey --child $child
done
meet rekey
meet rekeyed
rm going
wait "${pings[@]}"
read -r sent came <<<"$(cat ping.* | awk '/transmitted/ {sent += $1; came += $4} END {print sent, came}')"
# For the stack: no SA, one without keys, one that the card did not have yet. For the driver: one that the stack had not.
early=$({ cat /proc/net/xfrm_stat; ethtool -S vesper0 | tr -d :; } |
	awk '/InNoStates|AcquireError|InStateMismatch|queue._rx_dropped/ {n += $2} END {print n}')
step "$sent pings, $came answers; $early packets came for an SA that was not there yet"
# Asked to rekey, libreswan sends with the new SA even before its answer: strongSwan has that SA a moment later.
[ "$sent" -gt 0 ] && [ $((sent - came)) -le "$early" ] || fail 'packets are lost while keys change'
# Once by each side.
said 2 'rekeyed CHILD_SA lan4'
said 2 'rekeyed CHILD_SA lan6'
load_page 'page from libreswan, over IPv4' 'http://10.2.0.2/page.html'
load_page 'page from libreswan, over IPv6' 'http://[fd02::2]/page.html'
meet over
last_words
no_trouble
meet done
"""

PEER = r"""
. /work/hil/guest-vpn
e1000e_up 192.0.2.2/24
# libreswan routes its peer's networks only if something does already.
ip route add 10.1.0.0/24 via 192.0.2.1
ip -6 route add fd01::/64 dev eth0
behind 2
watch_software
cipher_ready
web_server
cp /work/share/ipsec.conf /work/share/ipsec.secrets /etc/
pluto_up
step "$(ipsec --version) is ready"
web_server_ready
meet ready
meet loaded
load_page 'page from strongSwan, over IPv4' 'http://10.1.0.2/page.html'
load_page 'page from strongSwan, over IPv6' 'http://[fd01::2]/page.html'
meet loaded-too
meet rekey
for child in lan4 lan6; do
	sleep 2
	ipsec whack --rekey-child --name $child >rekey.$child || fail "rekeying $child: $(tail -n 1 rekey.$child)"
	step "$(tail -n 1 rekey.$child)"
done
meet rekeyed
meet over
sa_words
ipsec whack --trafficstatus >traffic
no_trouble
meet done
"""

SECONDS = 900


def run(lab):
    vpn.page(lab)
    secret = vpn.secret()
    vpn.share(lab, "strongswan.conf", STRONGSWAN % {"offload": lab.parameter, "secret": f"0x{secret}"})
    vpn.share(lab, "ipsec.conf", LIBRESWAN)
    vpn.share(lab, "ipsec.secrets", f"@office1.example @office2.example : PSK 0x{secret}\n")
    wire = lab.work / "wire"
    lab.vm("gateway1", CARD, cards=[lab.card("card", f"unix:{wire}")])
    lab.software_vm("gateway2", PEER, wire)


def check(lab):
    """Only ESP on the wire, tshark reads it with the kernel's keys, the counts agree, and who encrypted where."""
    report = vpn.evidence(lab, gateways=("gateway1",), cards=("card",))
    vpn.requested(report, "10.1.0.2", "10.2.0.2", "fd01::2", "fd02::2")
    vpn.who_encrypted(report)
    peer = vpn.states(vpn.read(lab, "gateway2", "state.final"))
    for sa in report["gateways"]["gateway1"]["sas"]:
        if sa["spi"] not in peer or peer[sa["spi"]]["packets"] != sa["kernel"]:
            there = peer[sa["spi"]]["packets"] if sa["spi"] in peer else "none"
            raise Failure(
                f"SA {sa['spi']}: the card's side counts {sa['kernel']} packets, libreswan's {there}"
            )
    calls = sum(vpn.software(vpn.read(lab, "gateway2", "software")).values())
    if not calls:
        raise Failure("gateway2: no software ESP, as if there were an offload")
    vpn.show(report)
    print(f"  gateway2, libreswan: encrypted or decrypted {calls} times in software")
