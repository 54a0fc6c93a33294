# SPDX-License-Identifier: BSD-2-Clause
"""Every combination of mode, family, UDP, ESN, key and ICV between a card and the kernel's software ESP, or two cards."""

import collections
import json

import guest_matrix
import vpn
from lab import Failure

# offload of guest 1, what guest 2 has
PARAMETERS = ("crypto-software", "crypto-card", "packet-software", "packet-card")
ALSO = (":crypto-software@oldest", ":crypto-software@newest", ":packet-software@newest")

SCRIPT = r"""
. /work/hil/guest-vpn
modprobe -a esp4_offload esp6_offload
if [ $HAS = card ]; then
	card_up
	DEV=vesper0
	# ESP in UDP over IPv6 is sent with a checksum of 0, which both ends take here.
	ethtool --set-priv-flags vesper0 esp-udp6-checksum-0 on
else
	e1000e_up
	DEV=eth0
fi
watch_software
mkfifo go
python3 /work/hil/guest_matrix.py $ME $DEV $OFFLOAD <go >said &
exec 9>go
until grep -q installed said; do sleep 0.5; kill -0 $!; done
step "$(ip xfrm state count)"
ip xfrm state | grep -c 'offload parameters' >offloaded || true
meet installed
echo >&9
if [ $ME = 1 ]; then
	wait
	step 'all tried'
fi
meet over
exec 9>&-
cat /sys/kernel/tracing/kprobe_profile >software
awk '$2' /proc/net/xfrm_stat
no_trouble
"""

SECONDS = 600


def run(lab):
    offload, peer = lab.parameter.split("-")
    wire = lab.work / "wire"
    card = lab.card("card1", f"unix:{wire}")
    lab.vm("guest1", f"ME=1 HAS=card OFFLOAD={offload}\n{SCRIPT}", cards=[card])
    if peer == "card":
        second = lab.card("card2", f"unix-connect:{wire}")
        lab.vm("guest2", f"ME=2 HAS=card OFFLOAD={offload}\n{SCRIPT}", cards=[second])
        return
    lab.software_vm("guest2", f"ME=2 HAS=e1000e OFFLOAD=no\n{SCRIPT}", wire)


def cell(case):
    if case["came"] < len(guest_matrix.SIZES):
        return "no"
    return "soft" if case["said"] else "ok"


def check(lab):
    """Prints the table; fails where a cell is not green that should be, or the kernel's software ESP did the work."""
    results = json.loads(vpn.read(lab, "guest1", "matrix.json"))
    vpn.matrix([(case, cell(case)) for case in results])
    crypto = lab.parameter.startswith("crypto")

    def wanted(case):
        if case["udp"] and lab.before("6.6"):
            return "no"
        return "soft" if crypto and vpn.left_by_crypto(case) else "ok"

    reasons = collections.Counter(
        ": ".join(case["said"] or ["no answer"]) for case in results if cell(case) != "ok"
    )
    wrong = [case for case in results if cell(case) != wanted(case)]
    for reason, count in reasons.items():
        print(f"  {count} not ok: {reason}")
    green = sum(cell(case) == "ok" for case in results)
    print(f"  {green} of {len(results)} work with {lab.parameter.replace('-', ' offload against ')}")
    ran = vpn.software(vpn.read(lab, "guest1", "software"))
    print(f"  the kernel's software ESP in guest 1: {ran}")
    refused = [case for case in results if wanted(case) == "no"]
    if any(
        "Encapsulation and TFC padding can't be offloaded" not in (case["said"] or []) for case in refused
    ):
        raise Failure(f"the kernel itself was to refuse encapsulation: {refused[0]}")
    if wrong:
        raise Failure(f"{len(wrong)} cells are not what they should be, the first: {wrong[0]}")
    if not ran:
        raise Failure("nobody counted the kernel's software ESP")
    if any(ran.values()) != any(cell(case) == "soft" for case in results):
        raise Failure(f"the kernel's software ESP worked in the guest with the card: {ran}")
