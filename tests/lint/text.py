#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that hold for every text file: licence line, length, blanks, no words of unfinished work.

Prints `file:line: what is wrong` for each finding; status 1 if there is one.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = {".c", ".h", ".cc", ".sv", ".svh", ".v", ".vlt", ".rdl", ".py", ".S", ".ld", ".sh", ".mk"}
TEXT = SOURCE | {".md", ".txt", ".toml", ".ini"}
MAX_LINES = 700
LICENCE = "SPDX-License-Identifier: BSD-2-Clause"
MODULE = ROOT / "driver" / "linux"  # the kernel's licence, or ours
MODULE_LICENCE = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
# Written so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")


def sources():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in (".git", "build", "__pycache__"))
        for name in sorted(names):
            yield Path(folder) / name


def is_source(path, first):
    return path.suffix in SOURCE or path.name == "Makefile" or first.startswith("#!")


def findings(path):
    """Yield (line, text) for what is wrong in the file at `path`; files that are not text are passed over."""
    try:
        lines = path.read_text().split("\n")
    except UnicodeDecodeError:
        return
    source = is_source(path, lines[0])
    if not source and path.suffix not in TEXT:
        return
    licence = MODULE_LICENCE if MODULE in path.parents and path.suffix in (".c", ".h") else LICENCE
    if source and not any(licence in line for line in lines[:5]):
        yield 1, f"no '{licence}' in the first five lines"
    if source and len(lines) - 1 > MAX_LINES:
        yield (
            MAX_LINES + 1,
            f"{len(lines) - 1} lines, at most {MAX_LINES}: does it hold more than one concept?",
        )
    if lines[-1] != "":
        yield len(lines), "no newline at the end of the file"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if "\r" in line:
            yield number, "carriage return"
        match = UNFINISHED.search(line)
        if match:
            yield number, f"unfinished: '{match.group(0)}'"


def main():
    bad = 0
    for path in sources():
        for number, text in findings(path):
            print(f"{path.relative_to(ROOT)}:{number}: {text}", file=sys.stderr)
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
