# SPDX-License-Identifier: BSD-2-Clause
"""One guest, one card: probe, interface up, an SA goes to the card and leaves it, driver out and in again."""

from lab import Failure

SCRIPT = r"""
modprobe esp4_offload
card_up 10.0.0.1/24
on_card() {
	ethtool -S vesper0 | awk '/ipsec_sa_on_card/ {print $2}'
}
KEY=0x$(printf '%040d' 0)
ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1001 mode tunnel aead 'rfc4106(gcm(aes))' $KEY 128 \
	offload dev vesper0 dir out
[ "$(on_card)" = 1 ] || fail 'the SA is not on the card'
ip xfrm state flush
[ "$(on_card)" = 0 ] || fail 'the SA does not leave the card'
step 'an SA was on the card'
ping -c 1 -W 1 10.0.0.2 >/dev/null && fail 'somebody answers where nobody is'
rmmod vesper
card_up 10.0.0.1/24
no_trouble
"""

ALSO = ("@oldest", "@newest")
SECONDS = 120


def run(lab):
    lab.vm("guest1", SCRIPT, cards=[lab.card("card", "none")])


def check(lab):
    """What the guest sent for its neighbour's address came out of the card."""
    if not (lab.folder / "card" / "wire.pcapng").stat().st_size > 200:
        raise Failure("nothing came out of the card")
