# SPDX-License-Identifier: BSD-2-Clause
"""Suspend and resume: all devices of a guest (pm_test), then suspend to memory (ACPI S3); frames pass afterwards."""

import re

from trouble import qmp, wait_for

# The guest's root comes by virtio-9p, which does not survive: what is done afterwards is done by a busybox in memory,
# told on the console, and judged by `run`.
SCRIPT = r"""
card_up 10.0.0.1/24
sysctl -qw net.ipv6.conf.vesper0.disable_ipv6=1
ip neigh replace 10.0.0.9 lladdr 02:56:53:50:00:01 dev vesper0
moves 'before'
ram=/tmp/ram
mkdir -p $ram/bin $ram/proc $ram/sys $ram/dev
cp /bin/busybox $ram/bin/
mount --bind /proc $ram/proc
mount --bind /sys $ram/sys
mount --bind /dev $ram/dev
cat >$ram/script <<'END'
exec >/dev/ttyS0 2>&1
b=/bin/busybox
rx() { $b cat /sys/class/net/vesper0/statistics/rx_packets; }
moves() {
	local before=$(rx)
	$b ping -q -c 3 -W 1 10.0.0.9 >/dev/null
	[ $(($(rx) - before)) -ge 3 ] || { echo "hil: FAILED: no frames pass: $1"; $b sleep 1000; }
	echo "hil: frames pass: $1"
}
echo devices >/sys/power/pm_test
for n in 1 2; do
	echo "hil: suspend of all devices"
	echo mem >/sys/power/state || echo "hil: FAILED: no suspend: $?"
	moves "after suspend $n of all devices"
done
echo none >/sys/power/pm_test
$b ip link set vesper0 down
echo devices >/sys/power/pm_test
echo mem >/sys/power/state || echo "hil: FAILED: no suspend: $?"
$b ip link set vesper0 up
moves 'up after a suspend while down'
echo none >/sys/power/pm_test
echo deep >/sys/power/mem_sleep
echo "hil: suspend to memory"
echo mem >/sys/power/state || echo "hil: FAILED: no suspend to memory: $?"
moves 'after suspend to memory'
$b dmesg | $b grep -E 'BUG|WARNING|Oops|Call Trace|general protection|hung task|refcount|leak' && echo "hil: FAILED: the kernel is in trouble"
echo "hil: suspend is over"
# 6.1 does not power off once it has slept: `run` ends QEMU.
$b sleep 1000
END
step 'to memory'
echo 1 >rc
sync
exec chroot $ram /bin/busybox sh /script
"""

ALSO = ("@oldest", "@newest")
SECONDS = 200


def run(lab):
    vm = lab.vm("guest", SCRIPT, cards=[lab.card("card", "loop")], append="no_console_suspend")
    console = vm.job / "console"
    wait_for(lab, "suspend to memory", lambda: said(console, "suspend to memory", "FAILED"), SECONDS)
    if not said(console, "FAILED"):
        wait_for(lab, "sleep", lambda: qmp(lab, vm, "query-status")["status"] == "suspended")
        qmp(lab, vm, "system_wakeup")
    lines = wait_for(lab, "resume", lambda: said(console, "is over", "FAILED"))
    for line in lines:
        print(f"  {line}")
    qmp(lab, vm, "quit")
    if not any("FAILED" in line for line in lines):
        (vm.job / "rc").write_text("0\n")


def said(console, *texts):
    """What the guest has said so far, if one of the texts is in it."""
    text = console.read_text(errors="replace") if console.exists() else ""
    lines = re.findall(r"^hil: (.*?)\r?$", text, re.MULTILINE)
    return lines if any(text in line for text in texts for line in lines) else None
