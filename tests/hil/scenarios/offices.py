# SPDX-License-Identifier: BSD-2-Clause
"""Two offices, each behind a gateway with a card and strongSwan: pages, rekeying and a restart under traffic."""

import vpn

PARAMETERS = ("crypto", "packet", "auto", "no")  # strongSwan's hw_offload
ALSO = (":crypto@oldest", ":packet@newest")

CONFIG = """
connections {
	office {
		version = 2
		mobike = no
		proposals = aes256gcm16-prfsha256-x25519
		local_addrs = 192.0.2.%(me)d
		remote_addrs = 192.0.2.%(peer)d
		local {
			auth = psk
			id = office%(me)d.example
		}
		remote {
			auth = psk
			id = office%(peer)d.example
		}
		children {
			lan4 {
				local_ts = 10.%(me)d.0.0/24
				remote_ts = 10.%(peer)d.0.0/24
				esp_proposals = aes256gcm16-x25519-esn
				hw_offload = %(offload)s
				start_action = trap
			}
			lan6 {
				local_ts = fd0%(me)d::/64
				remote_ts = fd0%(peer)d::/64
				esp_proposals = aes256gcm16-x25519-esn
				hw_offload = %(offload)s
				start_action = trap
			}
		}
	}
}
secrets {
	ike {
		secret = 0x%(secret)s
	}
}
"""

SCRIPT = r"""
. /work/hil/guest-vpn
HOST='ip netns exec host'
modprobe -a esp4_offload esp6_offload
card_up 192.0.2.$ME/24
behind $ME
# Where 6.12 looks for 192.0.2.$PEER when it sends IPv6 there with packet offload, see driver/linux/README.md.
ip -6 route add c000:20$PEER::/32 dev vesper0
cp /work/share/office$ME.conf /etc/swanctl/conf.d/
watch_software
[ $ME = 1 ] || web_server
charon_up
step "strongSwan $(swanctl --version | awk '{print $3}') is ready"
[ $ME = 1 ] || web_server_ready
sample &
meet ready

if [ $ME = 1 ]; then
	ike --initiate --child lan4
	ike --initiate --child lan6
	negotiated
	meet up
	load_page "page over IPv4" "http://10.2.0.2/page.html"
	load_page "page over IPv6" "http://[fd02::2]/page.html"

	step 'rekeying under traffic'
	$HOST ping -q -i 0.05 -c 300 -W 5 10.2.0.2 >ping.rekey &
	ping=$!
	for i in 1 2 3; do
		sleep 3
		ike --rekey --child lan4
	done
	wait $ping
	step "$(grep transmitted ping.rekey)"
	grep -q ' 0% packet loss' ping.rekey || fail 'packets are lost while keys change'
	said 3 'rekeyed CHILD_SA lan4'

	step "the other office's strongSwan ends and starts again, under traffic"
	$HOST ping -i 0.25 -c 160 -W 1 10.2.0.2 >ping.restart &
	ping=$!
	meet restart
	meet restarted
	wait $ping || true
	step "$(grep transmitted ping.restart)"
	tail -n 12 ping.restart | grep -q 'icmp_seq=160 ' || fail 'traffic does not flow again'
	load_page "page over IPv4" "http://10.2.0.2/page.html"
	load_page "page over IPv6" "http://[fd02::2]/page.html"
	sleep 2
	meet over
else
	meet up
	meet restart
	sleep 1
	charon_down
	step 'strongSwan has ended'
	sleep 3
	charon_up
	ike --initiate --child lan4
	ike --initiate --child lan6
	meet restarted
	meet over
fi
last_words
no_trouble
meet done
"""

SECONDS = 600


def run(lab):
    vpn.page(lab)
    secret = vpn.secret()
    wire = lab.work / "wire"
    for me in (1, 2):
        config = CONFIG % {"me": me, "peer": 3 - me, "offload": lab.parameter, "secret": secret}
        vpn.share(lab, f"office{me}.conf", config)
        card = lab.card(f"card{me}", f"unix:{wire}" if me == 1 else f"unix-connect:{wire}")
        lab.vm(f"gateway{me}", f"ME={me} PEER={3 - me}\n{SCRIPT}", cards=[card])


def check(lab):
    """Only ESP on the wire, tshark reads it with the kernel's keys, the counts agree, and who encrypted."""
    report = vpn.evidence(lab, gateways=("gateway1", "gateway2"), cards=("card1", "card2"))
    vpn.requested(report, "GET /page.html", "10.2.0.2", "fd02::2")
    vpn.who_encrypted(report)
    vpn.show(report)
