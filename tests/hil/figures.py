# SPDX-License-Identifier: BSD-2-Clause
"""What the benches share: two guests with a card and an e1000e each, and figures as `make bench` writes them."""

import json
import re
import statistics

from lab import Failure


def two_guests(lab, script):
    """Guests 1 and 2, cards wire to wire and e1000e to e1000e (`peer_up`); `script` sees ME and PEER."""
    wire = lab.work / "wire"
    # Nobody looks at what passes, and the e1000e's peer does not keep it or wait for a line either. Of frames of 1,500
    # bytes one card does not send more than another takes.
    wires = f"unix:{wire}", f"unix-connect:{wire}"
    cards = [
        lab.card(f"card{number}", way, "--wire-rate", "0", capture=False)
        for number, way in enumerate(wires, 1)
    ]
    path = lab.inside(lab.work / "peers")
    for me, server in ((1, "server=on"), (2, "server=off,reconnect-ms=200")):
        lab.vm(
            f"guest{me}",
            f"ME={me} PEER={3 - me}\n{script}",
            cards=[cards[me - 1]],
            nics=[("e1000e", f"stream,addr.type=unix,addr.path={path},{server}", f"52:54:00:00:00:0{me}")],
        )


class Said:
    """The figures that guests printed with `figure NAME VALUE`."""

    def __init__(self, lab):
        self.values, self.folder = {}, lab.folder
        for machine in lab.machines:
            text = (machine.folder / "out").read_text()
            for name, value in re.findall(r"figure (\S+) ([\d.e+]+)$", text, re.MULTILINE):
                self.values.setdefault(name, []).append(float(value))

    def all(self, name):
        if name not in self.values:
            raise Failure(f"no figure {name}: see {self.folder}/guest*/out")
        return self.values[name]

    def median(self, name):
        return statistics.median(self.all(name))

    def __getitem__(self, name):
        return self.all(name)[0]


def figure(name, value, unit, peer=None, ratio=None):
    """`peer`: what it is compared with, in the same run and unit. `ratio`: that of pairs, where there are several."""
    found = {"name": f"hil.{name}", "value": value, "unit": unit}
    return found if peer is None else {**found, "peer": peer, "ratio": ratio or value / peer}


def write(lab, figures):
    """Prints them and leaves them in build/hil, by the scenario's name."""
    for one in figures:
        beside = f"  beside {one['peer']:.3f}, ratio {one['ratio']:.3f}" if "peer" in one else ""
        print(f"  {one['name']:26} {one['value']:.3f} {one['unit']}{beside}")
    out = lab.folder.parent.parent / f"{lab.folder.name}.json"
    out.write_text(json.dumps(figures, indent=1) + "\n")
