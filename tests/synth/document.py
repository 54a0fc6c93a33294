# SPDX-License-Identifier: BSD-2-Clause
"""The tables of docs/hardware.md, between its marks, from measured.json."""

from parts import LUT_LIMIT, MHZ_LIMIT, PARTS, ROUTED, SPEED_GRADE

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
COUNTS = ("lut", "lutram", "ff", "bram18", "uram")


def row(part, result, stale):
    name = f"| `{part.name}`{' *' if stale else ''} | {part.what} |"
    if not result:
        return f"{name} not measured | | | | |"
    return name + " " + " | ".join(f"{result[c]:,}" for c in COUNTS) + " |"


def verdicts(results):
    """(kept, text) for each limit."""
    told = []
    for name, limit in LUT_LIMIT.items():
        result = results.get(f"{name}.xcup", {})
        if "lut" in result:
            luts = result["lut"] + result["lutram"]
            kept = luts <= limit
            told.append((kept, f"{name}: {luts:,} LUT with those used as RAM, limit {limit:,}: {word(kept)}"))
        else:
            told.append((False, f"{name}: LUT not measured, limit {limit:,}"))
    for name, limit in MHZ_LIMIT.items():
        result = results.get(f"{name}.ecp5", {})
        if "mhz" in result:
            kept = result["mhz"] >= limit
            told.append((kept, f"{name} on ECP5-85k: {result['mhz']} MHz, limit {limit}: {word(kept)}"))
        else:
            told.append((False, f"{name} on ECP5-85k: not measured, limit {limit} MHz"))
    return told


def word(kept):
    return "kept" if kept else "**missed**"


def write_page(root, results, stale):
    stale = stale & set(results)
    lines = [
        "| block | | LUT | LUT as RAM | FF | RAMB18 | URAM |",
        "|---|---|---:|---:|---:|---:|---:|",
        *(row(p, results.get(k), k in stale) for p in PARTS for k in [f"{p.name}.xcup"]),
        "",
        f"| on ECP5-85k, speed grade {SPEED_GRADE} | LUT4 | FF | DP16KD | fmax, MHz |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in ROUTED:
        result, mark = results.get(f"{name}.ecp5", {}), " *" * (f"{name}.ecp5" in stale)
        if "mhz" in result:
            figures = f"{result['lut4']:,} | {result['ff']:,} | {result['bram18']} | {result['mhz']}"
        else:
            figures = "not measured | | | "
        lines.append(f"| `{name}`{mark} | {figures} |")
    if stale:
        lines += ["", "\\* measured before a source, or the flow, changed last."]
    lines += ["", *(f"- {text}" for _, text in verdicts(results))]
    page = root / "docs" / "hardware.md"
    text = page.read_text()
    head, rest = text.split(BEGIN)
    page.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest.split(END)[1]}")
