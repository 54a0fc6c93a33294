# SPDX-License-Identifier: BSD-2-Clause
"""Speed beside QEMU's e1000e in the same two guests: ping, TCP; time to the first ping. Writes bench.json."""

import time

from figures import Said, figure, two_guests, write
from trouble import wait_meet

SCRIPT = r"""
card_up 10.1.0.$ME/24
peer_up 10.2.0.$ME/24
meet up
until ping -q -c 1 -W 1 10.1.0.$PEER >/dev/null; do :; done
meet pinged
until ping -q -c 1 -W 1 10.2.0.$PEER >/dev/null; do :; done
meet both
[ $ME = 1 ] || iperf3 -s -D
meet server
sleep 1
if [ $ME = 1 ]; then
	# In turn, for whoever else uses the machine does so now more, now less.
	for round in 1 2 3 4 5; do
		for way in card:10.1.0.2 e1000e:10.2.0.2; do
			name=${way%%:*} to=${way##*:}
			ping -q -c 40 -i 0.02 $to | awk -F/ '/^rtt/ {print $5}' >rtt
			figure $name.rtt_ms "$(cat rtt)"
			figure $name.tcp_bps "$(tcp_bps $to 4)"
		done
	done
fi
meet done
no_trouble
"""

SECONDS = 400


def run(lab):
    start = time.monotonic()
    two_guests(lab, SCRIPT)
    wait_meet(lab, "pinged", 180)
    lab.first_ping = time.monotonic() - start


def check(lab):
    said = Said(lab)
    mega = 1e6
    write(
        lab,
        [
            figure("ping.rtt", said.median("card.rtt_ms"), "ms", said.median("e1000e.rtt_ms")),
            figure("tcp", said.median("card.tcp_bps") / mega, "Mb/s", said.median("e1000e.tcp_bps") / mega),
            figure("first_ping", lab.first_ping, "s"),
        ],
    )
