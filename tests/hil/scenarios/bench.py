# SPDX-License-Identifier: BSD-2-Clause
"""Speed beside QEMU's e1000e in the same two guests: ping, TCP; time to the first ping. Writes bench.json."""

import json
import re
import time

from lab import Failure
from trouble import wait_meet

SCRIPT = r"""
card_up 10.1.0.$ME/24
modprobe e1000e
other() { for net in /sys/class/net/*; do case $(readlink $net/device/driver) in */e1000e) basename $net ;; esac; done; }
until [ -n "$(other)" ]; do sleep 0.2; done
ip link set "$(other)" name peer0
ip address add 10.2.0.$ME/24 dev peer0
ip link set peer0 up
meet up
until ping -q -c 1 -W 1 10.1.0.$PEER >/dev/null; do :; done
meet pinged
until ping -q -c 1 -W 1 10.2.0.$PEER >/dev/null; do :; done
meet both
[ $ME = 1 ] || iperf3 -s -D
meet server
sleep 1
# figure NAME VALUE
figure() { step "figure $1 $2"; }
if [ $ME = 1 ]; then
	for way in card:10.1.0.2 e1000e:10.2.0.2; do
		name=${way%%:*} to=${way##*:}
		ping -q -c 100 -i 0.02 $to | awk -F/ '/^rtt/ {print $5}' >rtt
		figure $name.rtt_ms "$(cat rtt)"
		iperf3 -J -c $to -t 8 >tcp.json
		figure $name.tcp_bps "$(python3 -c 'import json; print(json.load(open("tcp.json"))["end"]["sum_received"]["bits_per_second"])')"
	done
fi
meet done
no_trouble
"""

SECONDS = 400


def run(lab):
    wire = lab.work / "wire"
    start = time.monotonic()
    cards = lab.card("card1", f"unix:{wire}"), lab.card("card2", f"unix-connect:{wire}")
    path = lab.inside(lab.work / "peers")
    for me, server in ((1, "server=on"), (2, "server=off,reconnect-ms=200")):
        lab.vm(
            f"guest{me}",
            f"ME={me} PEER={3 - me}\n{SCRIPT}",
            cards=[cards[me - 1]],
            nics=[("e1000e", f"stream,addr.type=unix,addr.path={path},{server}", f"52:54:00:00:00:0{me}")],
        )
    wait_meet(lab, "pinged", 180)
    lab.first_ping = time.monotonic() - start


def check(lab):
    """Prints the figures beside each other and writes them as `make bench` does."""
    found = dict(
        re.findall(r"figure (\S+) ([\d.e+]+)$", (lab.folder / "guest1" / "out").read_text(), re.MULTILINE)
    )
    wanted = [f"{name}.{what}" for name in ("card", "e1000e") for what in ("rtt_ms", "tcp_bps")]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Failure(f"no figure {missing[0]}: see {lab.folder / 'guest1' / 'out'}")
    rtt, tcp = (
        (float(found[f"card.{what}"]), float(found[f"e1000e.{what}"])) for what in ("rtt_ms", "tcp_bps")
    )
    figures = [
        {"name": "hil.ping.rtt", "value": rtt[0], "unit": "ms", "peer": rtt[1], "ratio": rtt[0] / rtt[1]},
        {
            "name": "hil.tcp",
            "value": tcp[0] / 1e6,
            "unit": "Mb/s",
            "peer": tcp[1] / 1e6,
            "ratio": tcp[0] / tcp[1],
        },
        {"name": "hil.first_ping", "value": lab.first_ping, "unit": "s"},
    ]
    for figure in figures:
        beside = f"  e1000e {figure['peer']:.3f}, ratio {figure['ratio']:.3f}" if "peer" in figure else ""
        print(f"  {figure['name']:16} {figure['value']:.3f} {figure['unit']}{beside}")
    out = lab.folder.parent.parent / "bench.json"
    out.write_text(json.dumps(figures, indent=1) + "\n")
