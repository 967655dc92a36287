"""The runner: prints the table in Markdown, each row as soon as it is measured."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
from pathlib import Path

from benchmarks.measure import HEADER, print_rows

SUBJECTS = [
    "imports",
    "training",
    "text",
    "glove",
    "data",
    "growth",
    "rebuild",
    "side_by_side",
    "build",
    "live",
]


def main() -> int:
    """Run each subject asked for in a process of its own; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subject", nargs="*", help=f"one of {', '.join(SUBJECTS)}; all if none")
    names = parser.parse_args().subject or SUBJECTS
    if unknown := set(names) - set(SUBJECTS):
        parser.error(
            f"unknown: {', '.join(sorted(unknown))}; the subjects are {', '.join(SUBJECTS)}"
        )
    print(f"{machine()}\n\n{HEADER}", flush=True)
    failed = 0
    for name in names:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        worker = multiprocessing.get_context("spawn").Process(target=print_rows, args=(name,))
        worker.start()
        worker.join()
        failed += worker.exitcode != 0
    return 1 if failed else 0


def machine() -> str:
    """Describe the machine and its load: numbers from a busy machine are worthless."""
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in about if "model name" in line), "unknown")
    load = os.getloadavg()[0]
    return (
        f"Measured on {os.cpu_count()} cores ({model}), Python {platform.python_version()}; "
        f"load at the start {load:.1f}."
    )


if __name__ == "__main__":
    sys.exit(main())
