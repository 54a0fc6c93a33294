# SPDX-License-Identifier: BSD-2-Clause
"""A shell: vesper0 (10.0.0.1), wired to vesper1 (10.0.0.2) in namespace far; `exit` ends it. Only by its name."""

SCRIPT = r"""
. /work/hil/guest-lib
insmod /work/module/vesper.ko
ip netns add far
set -- /sys/bus/pci/drivers/vesper/*/net/*
ip link set "${1##*/}" name vesper0
ip link set "${2##*/}" netns far name vesper1
ip address add 10.0.0.1/24 dev vesper0
ip -n far address add 10.0.0.2/24 dev vesper1
ip link set vesper0 up
ip -n far link set vesper1 up
PS1='guest:\w# '
echo 'vesper0 is 10.0.0.1; ip netns exec far COMMAND is at the other end of its wire, 10.0.0.2. exit ends the guest.'
"""

INTERACTIVE = True
SECONDS = 24 * 3600


def run(lab):
    wire = lab.work / "wire"
    near = lab.card("near", f"unix:{wire}")
    far = lab.card("far", f"unix-connect:{wire}")
    lab.vm("guest", SCRIPT, cards=[near, far], interactive=True)
