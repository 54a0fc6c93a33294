#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the benchmarks and merge what they measured.

    merge.py --out DIR BENCH...

Each BENCH (a .py or a program) is called with the path of the JSON file that
it writes: an array of {"name", "value", "unit"} with, where there is one,
"limit" (a number that must be met) or "peer" (what it is compared with) and
"ratio" (value to limit or peer). A name appears once in the whole run.
Writes DIR/results.json and prints a table. Status 1 if a benchmark fails, writes
nothing or writes something else; the others are still run and merged.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

FIELDS = {"name", "value", "unit", "limit", "peer", "ratio"}


def entry(name, value, unit, limit=None):
    """One of the figures that a benchmark writes."""
    row = {"name": name, "value": round(value, 4), "unit": unit}
    return row if limit is None else {**row, "limit": limit, "ratio": round(value / limit, 4)}


def check(entries):
    """Raise ValueError, naming entry and field, unless `entries` is what a benchmark may write."""
    if not isinstance(entries, list) or not entries:
        raise ValueError("not a non-empty JSON array")
    for entry in entries:
        if not isinstance(entry, dict):
            raise ValueError(f"entry {entry!r} is not an object")
        name = entry.get("name")
        if not isinstance(name, str) or not name:
            raise ValueError(f"entry {entry!r}: field 'name' is not a string")
        if isinstance(entry.get("value"), bool) or not isinstance(entry.get("value"), (int, float)):
            raise ValueError(f"{name}: field 'value' is {entry.get('value')!r}, not a number")
        if not isinstance(entry.get("unit"), str):
            raise ValueError(f"{name}: field 'unit' is {entry.get('unit')!r}, not a string")
        unknown = sorted(set(entry) - FIELDS)
        if unknown:
            raise ValueError(f"{name}: unknown field '{unknown[0]}'")
    return entries


def run(bench, path):
    """Run one benchmark that writes `path`; return its entries or raise ValueError or OSError."""
    path.unlink(missing_ok=True)
    command = [sys.executable, bench] if bench.endswith(".py") else [os.path.abspath(bench)]
    result = subprocess.run([*command, str(path)])
    if result.returncode:
        raise ValueError(f"ended with status {result.returncode}")
    if not path.is_file():
        raise ValueError(f"did not write {path}")
    return check(json.loads(path.read_text()))


def number(value):
    if value is None:
        return ""
    return (
        f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}" if isinstance(value, float) else str(value)
    )


def table(entries):
    """The rows of `entries` as aligned text."""
    rows = [("name", "value", "unit", "limit/peer", "ratio")]
    for entry in entries:
        against = entry.get("limit", entry.get("peer"))
        against = number(against) if isinstance(against, (int, float)) else str(against or "")
        rows.append(
            (entry["name"], number(entry["value"]), entry["unit"], against, number(entry.get("ratio")))
        )
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = []
    for name, value, unit, against, ratio in rows:
        cells = [name.ljust(widths[0]), value.rjust(widths[1]), unit.ljust(widths[2])]
        cells += [against.rjust(widths[3]), ratio.rjust(widths[4])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="run benchmarks and merge their results")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results")
    parser.add_argument("bench", nargs="*", help="benchmark: .py or program")
    args = parser.parse_args()
    if not args.bench:
        print("bench: there is no benchmark to run", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    merged, seen, failed = [], {}, []
    for bench in args.bench:
        started = time.monotonic()
        print(f"  BENCH   {bench}", flush=True)
        try:
            entries = run(bench, args.out / (Path(bench).stem + ".json"))
            for entry in entries:
                if entry["name"] in seen:
                    raise ValueError(f"{entry['name']} was already measured by {seen[entry['name']]}")
                seen[entry["name"]] = bench
            merged += entries
        except (ValueError, OSError) as error:
            print(f"bench: {bench}: {error}", file=sys.stderr)
            failed.append(bench)
        print(f"          {time.monotonic() - started:.1f} s", flush=True)
    merged.sort(key=lambda entry: entry["name"])
    results = args.out / "results.json"
    results.write_text(json.dumps(merged, indent=1) + "\n")
    print(table(merged))
    print(f"{results}: {len(merged)} figures from {len(args.bench) - len(failed)} benchmarks")
    if failed:
        print(f"bench: failed: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
