"""Run the benchmarks and print each row of the Markdown table as soon as it is measured."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
from pathlib import Path

from tools.bench.measure import HEADER, print_rows

SUBJECTS = [
    "imports",
    "training",
    "text",
    "pictures",
    "glove",
    "data",
    "growth",
    "rebuild",
    "large",
    "side_by_side",
    "live",
]


def main() -> int:
    """Run each requested subject in its own process; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("subject", nargs="*", help=f"one of {', '.join(SUBJECTS)}; default: all")
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
    """Describe the machine and its load, as numbers from a busy machine are worthless."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":")[1].strip() for line in cpuinfo if "model name" in line]
    model = models[0] if models else "unknown"
    load = os.getloadavg()[0]
    return (
        f"Measured on {os.cpu_count()} cores ({model}), Python {platform.python_version()}; "
        f"load at the start {load:.1f}."
    )


if __name__ == "__main__":
    sys.exit(main())
