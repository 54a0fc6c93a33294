# SPDX-License-Identifier: BSD-2-Clause
"""The card through the kernel's /dev/vfio: bind, info, self-test, bench, a capture there and back, stray DMA."""

import random
import shutil
import struct

from lab import TOP, Failure, Skipped

PARAMETERS = ("group", "iommufd")  # the stock kernel's own modules; those that build-iommufd made for it
MODULES = ("iommufd", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci")
CARDS = 2
SA = """spi = 0x1001
source = 192.0.2.1
destination = 192.0.2.2
esn = yes
"""

# What the two ways differ in. FILES: those that a user needs to be given; HELD: those that a user has open.
WAYS = {
    "group": r"""
load_vfio() { modprobe vfio-pci; }
files() { FILES=/dev/vfio/$GROUP HELD="$FILES /dev/vfio/vfio"; }
at_the_end() { :; }
""",
    "iommufd": r"""
load_vfio() {
	modprobe irqbypass
	for module in $MODULES; do insmod $module.ko; done
}
files() { FILES="/dev/iommu /dev/vfio/devices/$(ls /sys/bus/pci/devices/$CARD/vfio-dev)" HELD=$FILES; }
at_the_end() {
	step 'the other way, on the same kernel'
	exec 9<>/dev/vfio/$GROUP
	refuse "/dev/vfio/$GROUP is in use by another program" vesper info
	refuse "/dev/vfio/$GROUP is in use by another program" vesper unbind $CARD
	exec 9>&-
	mv /dev/iommu /dev/iommu.away
	vfio-dma $CARD >dma || fail "$(cat dma)"
	grep -qx 'by vfio-group' dma || fail 'without /dev/iommu not by the group'
	mv /dev/vfio/vfio /dev/vfio/vfio.away
	refuse 'there is no /dev/iommu: `modprobe iommufd`' vesper info
	mv /dev/vfio/vfio.away /dev/vfio/vfio
	mv /dev/iommu.away /dev/iommu
}
""",
}

SCRIPT = r"""
export PATH=/work/vfio:$PATH LD_LIBRARY_PATH=/work/vfio
cd /work/vfio
set -- $(for d in /sys/bus/pci/devices/*; do [ "$(cat $d/vendor):$(cat $d/device)" = 0x1234:0x7e59 ] && basename $d; done)
[ $# = 2 ] || fail "guest sees $# cards"
CARD=$1 OTHER=$2

# refuse WORDS COMMAND...: fails, and says this.
refuse() {
	local words=$1 said
	shift
	said=$("$@" 2>&1 >/dev/null) && fail "$*: did not fail"
	echo "$said"
	[[ $said == *"$words"* ]] || fail "$*: did not say '$words'"
}

# held PROCESS: which of VFIO's files it has open.
held() { readlink /proc/$1/fd/* | grep -E '^/dev/(iommu|vfio)' | sort | xargs; }

step refusals
refuse 'vesper bind' vesper info --card $CARD
refuse 'not a Vesper card' vesper info --card 00:00.0
refuse 'no PCI device' vesper info --card 7f:00.0
refuse 'modprobe vfio-pci' vesper bind $CARD
load_vfio
insmod /work/module/vesper.ko
[ "$(basename $(readlink /sys/bus/pci/devices/$CARD/driver))" = vesper ] || fail 'the kernel driver has not taken the card'
refuse 'bound to the driver vesper' vesper info --card $CARD

step bind
vesper bind $CARD
vesper bind $CARD
vesper info | tee list
grep -Eq "^$CARD +vfio-pci +[0-9]+ +[0-9.]+$" list || fail 'info does not list the bound card with its firmware'
grep -Eq "^$OTHER +vesper " list || fail 'info does not list the other card'

GROUP=$(basename $(readlink /sys/bus/pci/devices/$CARD/iommu_group))
files
step 'a plain user'
user='setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all'
for file in $FILES; do
	[ -c $file ] || fail "there is no $file"
	refuse "no permission for $file: \`chown 65534 $file\`" $user vesper info --card $CARD
	chown 65534 $file
done
ulimit -S -l 64
refuse 'ulimit -l' $user vesper bench --card $CARD --count 1
ulimit -l unlimited
$user vesper bench --card $CARD --count 1

export VESPER_CARD=$CARD
step info
vesper info
step selftest
vesper selftest
step bench
vesper bench --count 500 --size 1434
echo 16 >/proc/sys/vm/nr_hugepages
pages() { awk "/HugePages_$1/ {print \$2}" /proc/meminfo; }
step "$(pages Total) huge pages"
[ "$(pages Free)" -ge 8 ] || fail 'the guest has no huge pages'
vesper bench --count 500 --size 1434
step 'there and back'
O='--sa tunnel.sa --key-file tunnel.key --strict'
vesper encrypt $O -o card.pcap plain.pcap
vesper encrypt --software $O -o software.pcap plain.pcap
vesper decrypt $O -o back.pcap card.pcap
vesper receive --count 1 --timeout 8000 -o /dev/null &
until [ "$(pages Free)" -lt "$(pages Total)" ]; do
	[ -e /proc/$! ] || fail 'no huge page was used'
	sleep 0.1
done
has=$(held $!)
[ "$has" = "$HELD" ] || fail "a program has '$has' open, not '$HELD'"
refuse 'in use by another program' vesper info
refuse 'in use by another program' vesper unbind $CARD
wait

step "by $HELD"

step 'stray DMA'
vfio-dma $CARD >dma || fail "$(cat dma)"
cat dma
grep -qx "by vfio-$WAY" dma || fail "not by $WAY"
at_the_end
dmesg | grep -E 'DMAR|vfio|Vesper|vesper' || true

step unbind
vesper unbind $CARD
[ "$(basename $(readlink /sys/bus/pci/devices/$CARD/driver))" = vesper ] || fail 'the kernel driver has not got the card back'
refuse 'not bound to vfio-pci' vesper unbind $CARD
no_trouble
"""

SECONDS = 240


def capture(file, frames):
    with open(file, "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 0xFFFF, 1))
        for number, frame in enumerate(frames):
            out.write(struct.pack("<IIII", 1, number, len(frame), len(frame)) + frame)


def frames_of(file):
    data = file.read_bytes()
    at, frames = 24, []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return frames


def packet(number, length):
    """An IPv4 packet of `length` bytes, for experiments (protocol 253), behind an Ethernet header."""
    head = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, length, number, 0, 64, 253, 0))
    head += bytes([10, 0, 0, 1, 10, 0, 0, 2])
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", head, 10, ~total & 0xFFFF)
    body = random.Random(number).randbytes(length - 20)
    return bytes.fromhex("020000000002020000000001 0800") + bytes(head) + body


def run(lab):
    files = lab.work / "vfio"
    files.mkdir()
    for module in MODULES if lab.parameter == "iommufd" else ():
        file = TOP / "build/hil/iommufd" / lab.kernel / f"{module}.ko"
        if not file.exists():
            raise Skipped(
                f"kernel {lab.kernel} has no iommufd: `make hil-iommufd` builds it for the stock kernel"
            )
        shutil.copy(file, files)
    for program in ("bin/vesper", "hil-bin/vfio-dma"):
        if not (TOP / "build" / program).exists():
            raise Failure(f"build/{program} is missing: make hil builds it")
        shutil.copy(TOP / "build" / program, files)
    lengths = [40, 41, 64, 65, 127, 576, 1419, 1420, 1500, 4000, 9000]
    capture(files / "plain.pcap", [packet(n, lengths[n % len(lengths)]) for n in range(110)])
    (files / "tunnel.sa").write_text(SA)
    (files / "tunnel.key").write_text("5a" * 36 + "\n")
    cards = [lab.card(f"card{n}", "none") for n in range(CARDS)]
    lab.vm(
        "guest",
        f"WAY={lab.parameter} MODULES='{' '.join(MODULES)}'\n{WAYS[lab.parameter]}{SCRIPT}",
        cards=cards,
        machine="q35,kernel-irqchip=split",
        devices=["intel-iommu,caching-mode=on,intremap=on"],
        append="intel_iommu=on no_timer_check",  # the check is for chips, and too slow for a busy host
    )


def check(lab):
    files = lab.work / "vfio"
    plain, card, software, back = (
        frames_of(files / f"{n}.pcap") for n in ("plain", "card", "software", "back")
    )
    if not plain or len(card) != len(plain) or any(p[14:] in c for p, c in zip(plain, card, strict=True)):
        raise Failure(f"{len(card)} ESP packets of {len(plain)}, or not encrypted")
    if card != software:
        raise Failure("card and software made different ESP packets of one capture")
    if back != plain:
        raise Failure(f"{len(back)} packets came back of {len(plain)}, or not the same")
