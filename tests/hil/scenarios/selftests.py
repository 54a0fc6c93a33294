# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's own tests, unmodified: those of drivers with the card, those of ESP on the kernel beneath; as a table."""

import collections
import re
import subprocess
from typing import NamedTuple

import vpn
from lab import TOP, Failure

SERIES = "6.12"  # whose tests these are


class Program(NamedTuple):
    """A program below tools/testing/selftests: how many of its cases pass; which others there are, and why."""

    path: str
    arguments: str = ""
    passes: int = 0
    others: dict = {}  # case: (verdict, reason)

    @property
    def name(self):
        return self.path.rsplit("/", 1)[1].split(".")[0]

    def line(self):
        """The guest's line for it."""
        folder, file = self.path.rsplit("/", 1)
        return f"runs {self.name} {folder} ./{file} {self.arguments}\n"


NO_COUNTERS = ("xfail", "the card counts no frames by size")
BOTH = "vesper0 vesper1"

BOTH_HERE = (
    Program("net/forwarding/min_max_mtu.sh", BOTH, 6),
    Program(
        "drivers/net/hw/ethtool_rmon.sh",
        BOTH,
        others={
            f"{card} does not support {way} histogram counters": NO_COUNTERS
            for card in BOTH.split()
            for way in ("rx", "tx")
        },
    ),
    Program("drivers/net/hw/loopback.sh", BOTH, others={"all of it": ("skip", "no loopback in the driver")}),
    Program(
        "net/forwarding/local_termination.sh",
        BOTH,
        others={"msend not installed": ("skip", "needs troglobit's mtools, which Debian has not")},
    ),
)
ONE_AWAY = (
    Program("drivers/net/ping.py", passes=3),
    Program("drivers/net/stats.py", passes=4, others={"stats.check_fec": ("xfail", "no FEC")}),
    Program("drivers/net/queues.py", passes=2),
    Program(
        "drivers/net/hw/devlink_port_split.py", others={"all of it": ("skip", "no port that could be split")}
    ),
)
# netdevice.sh takes every interface with a name like eth0.
NAMED = Program(
    "net/netdevice.sh",
    passes=72,
    others={"eth0: already have an IP": ("skip", "it has an address of its own")},
)
PMTU = "vti4 vti6 vti4_udp vti6_udp vti6_udp_routed".split()
ESP = (
    Program("net/pmtu.sh", " ".join(f"pmtu_{case}_exception" for case in PMTU), 5),
    Program("net/vrf-xfrm-tests.sh", passes=14),
    Program(
        "net/rtnetlink.sh",
        "-t 'kci_test_ipsec kci_test_ipsec_offload'",
        1,
        {"ipsec_offload can't load netdevsim": ("skip", "Debian's kernel has no netdevsim")},
    ),
)
# What is not run at all.
LEFT = {
    "net/ipsec": "no AEAD among its hundred combinations; more than five minutes of an emulated CPU",
    "net/xfrm_policy.sh": "starts some thousand processes: more than five minutes of an emulated CPU",
    "drivers/net/hw/csum.py": "asks its library for remote_ifname, which that of 6.12.117 lacks",
    "drivers/net/hw/rss_ctx.py": "wants RSS contexts and more than two queues; one case: 0.2 s for a call of ethtool",
    "drivers/net/hw/pp_alloc_fail.py": "wants 15,000 packets a second, and fault injection in the kernel",
    "drivers/net/hw/ethtool.sh": "of speeds and their negotiation: the card has no PHY",
    "drivers/net/hw/ethtool_extended_state.sh": "the same",
    "drivers/net/hw/ethtool_mm.sh": "of frame preemption, which the card does not have",
    "drivers/net/hw/hw_stats_l3.sh": "of switches that route",
    "drivers/net/hw/hw_stats_l3_gre.sh": "the same",
}

SCRIPT = f"""
. /work/hil/guest-selftests
cards_up
{"".join(program.line() for program in BOTH_HERE)}
far_away
{"".join(program.line() for program in ONE_AWAY)}
named_eth0 {NAMED.line()}
{"".join(program.line() for program in ESP)}
no_trouble
"""

SECONDS = 3000


def run(lab):
    if not lab.kernel.startswith(f"{SERIES}."):
        raise Failure(f"kernel {lab.kernel}: what is known here is of the tests of {SERIES}")
    folder = TOP / "build/hil/selftests" / lab.kernel
    if not (folder / ".stamp").exists():
        raise Failure(f"{folder} is missing: make hil-selftests")
    wide = ("netfilter", "openvswitch", "mptcp", "packetdrill")  # not used, and large
    subprocess.run(
        ["tar", "-C", folder, "-cf", lab.work / "selftests.tar"]
        + [f"--exclude={name}" for name in wide]
        + ["tools", "Documentation"],
        check=True,
    )
    wire = lab.work / "wire"
    cards = [lab.card("near", f"unix:{wire}"), lab.card("far", f"unix-connect:{wire}")]
    lab.vm("guest", SCRIPT, cards=cards, memory=512)


def verdicts(text):
    """What a test program has said: [(case, verdict)], a verdict being pass, fail, skip or xfail."""
    found, code = [], None
    for line in text.splitlines():
        if match := re.match(r"(not )?ok \d+ (.*?)(?: # (SKIP|XFAIL)\b.*)?$", line):
            found.append((match[2], "fail" if match[1] else (match[3] or "pass").lower()))
        elif match := re.match(r"TEST: (?!SKIP: )(.*?)\s*\[\s*(OK|FAIL|SKIP|XFAIL)\s*\]", line):
            found.append((match[1], {"OK": "pass"}.get(match[2], match[2].lower())))
        elif match := re.match(r"(PASS|FAIL|SKIP|XFAIL): (.*)", line):
            found.append((match[2], match[1].lower()))
        elif match := re.match(r"hil: exit code (\d+)", line):
            code = int(match[1])
    # Zero, or one if it has said which case fails; four is kselftest's SKIP.
    said = {verdict for _, verdict in found}
    if code == 4 and "skip" not in said:
        found.append(("all of it", "skip"))
    elif code not in (0, 4) and "fail" not in said:
        found.append(("exit code", "fail"))
    return found


def check(lab):
    """Each case ends as it is written above; as a table."""
    wrong, total = [], collections.Counter()
    for program in (*BOTH_HERE, *ONE_AWAY, NAMED, *ESP):
        found = verdicts(vpn.read(lab, "guest", f"{program.name}.tap"))
        count = collections.Counter(verdict for _, verdict in found)
        total += count
        print(f"  {program.path:42}" + ", ".join(f"{n} {verdict}" for verdict, n in sorted(count.items())))
        for case, verdict in found:
            if verdict == "pass" and case not in program.others:
                continue
            expected, reason = program.others.get(case, ("pass", ""))
            if verdict == expected:
                print(f"      {verdict} {case}: {reason}")
            else:
                wrong.append(f"{program.path}: {case}: {verdict}, not {expected}")
        if count["pass"] != program.passes:
            wrong.append(f"{program.path}: {count['pass']} cases pass, not {program.passes}")
        wrong += [
            f"{program.path}: {case}: nothing is said of it"
            for case in program.others
            if case not in dict(found)
        ]
    for path, reason in LEFT.items():
        print(f"  {path:42}not run: {reason}")
    print(f"  {total['pass']} pass, {total['fail']} fail, {total['skip'] + total['xfail']} skip")
    if wrong:
        raise Failure("; ".join(wrong))
