"""Check that builds are reproducible and quantities as expected: `make verify`.

The book is built twice from scratch, in two copies and with different hash seeds. The executed
results and all of `_book` are compared byte for byte, then the quantities with tests/expected/. The
exit status is 0 if nothing differs. Both copies stay in `.cache/verify`.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from tools import scratch
from tools.quantities import Comparison, compare_all, of_book

HASH_SEEDS = ("0", "4211")
WIDEST = 44  # characters in a column of the table


def main() -> int:
    """Verify the book of this repository."""
    return verify(scratch.REPOSITORY)


def verify(root: Path) -> int:
    """Build the book at `root` twice and compare; return the exit status."""
    folder = root / ".cache" / "verify"
    shutil.rmtree(folder, ignore_errors=True)
    copies = [folder / name for name in ("first", "second")]
    for copy in copies:  # both before the first build, so that later edits are in neither
        scratch.copy_book(root, copy)
    for number, (copy, seed) in enumerate(zip(copies, HASH_SEEDS, strict=True), 1):
        report(f"build {number} of 2, PYTHONHASHSEED={seed}")
        began = time.monotonic()
        if scratch.build(copy, seed):
            report(f"build {number} failed; nothing was compared")
            return 1
        report(f"build {number} took {time.monotonic() - began:.0f} s")
    unequal = differences(*copies)
    comparisons = compare_all(root, of_book(copies[0]))
    for row in table(comparisons):
        print(row)
    return verdict(copies[0], unequal, comparisons)


def verdict(copy: Path, unequal: list[str], comparisons: list[Comparison]) -> int:
    """Print what differs; return the exit status."""
    wrong = [comparison for comparison in comparisons if comparison.verdict != "ok"]
    for line in unequal:
        report(f"not the same in both builds: {line}")
    report(f"{len(built_files(copy))} files compared byte for byte, {len(unequal)} differ")
    report(f"{len(comparisons)} quantities compared, {len(wrong)} are not as expected")
    return 1 if unequal or wrong else 0


def report(line: str) -> None:
    """Print a line at once, before the output of the next build."""
    print(f"verify: {line}", flush=True)


def built_files(copy: Path) -> dict[str, Path]:
    """Return the files that a build produces: the executed results and the whole site."""
    paths = [*(copy / ".cache" / "executed").glob("*/*"), *(copy / "_book").rglob("*")]
    return {str(path.relative_to(copy)): path for path in sorted(paths) if path.is_file()}


def differences(first: Path, second: Path) -> list[str]:
    """Return a line for each file that differs or exists in one copy only."""
    ours, theirs = built_files(first), built_files(second)
    lines = [f"{name}: in one of them only" for name in sorted(ours.keys() ^ theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = ours[name].read_bytes(), theirs[name].read_bytes()
        if one != other:
            lines.append(f"{name}: {first_difference(one, other)}")
    return lines


def first_difference(one: bytes, other: bytes) -> str:
    """Describe where two contents first differ: the line in both versions, or the byte."""
    try:
        pairs = zip(one.decode().splitlines(), other.decode().splitlines(), strict=False)
    except UnicodeDecodeError:
        pairs = zip([], [], strict=False)
    for number, (a, b) in enumerate(pairs, 1):
        if a != b:
            at = divergence(a, b)
            excerpt = slice(max(0, at - 20), at + 40)
            return f"line {number}: {a[excerpt]!r}, then {b[excerpt]!r}"
    return f"{len(one)} bytes, then {len(other)}; first at byte {divergence(one, other)}"


def divergence(one: str | bytes, other: str | bytes) -> int:
    """Return the first position at which two contents differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def table(comparisons: list[Comparison]) -> list[str]:
    """Return the table of all quantities as aligned lines."""
    rows = [["chapter", "quantity", "expected", "value", "verdict"]]
    rows += [[c.chapter, c.name, c.expected, c.actual, c.verdict] for c in comparisons]
    rows = [[cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…" for cell in r] for r in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
