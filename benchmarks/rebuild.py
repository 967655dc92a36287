"""What an author waits for: a rebuild after an edit of prose, and with no change at all."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, process
from tests.scratch import REPOSITORY, copy_book

ROUNDS = 5


def rows() -> Iterator[Row]:
    """Rebuild a copy that has the book's own executions; the medians of five times."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_book(REPOSITORY, copy)
        executed = REPOSITORY / ".cache" / "executed"
        if not executed.is_dir():
            raise SystemExit("rebuild: nothing is executed yet; run `make book` first")
        shutil.copytree(executed, copy / ".cache" / "executed")
        build(copy)
        yield Row("rebuild with no change", statistics.median(no_change(copy)), "s", goal=1)
        yield Row("rebuild after a prose edit", statistics.median(edits(copy)), "s", goal=3)


def build(root: Path) -> float:
    """Return the seconds that a build takes, with the start of its Python."""
    command = [sys.executable, "-m", "bookbuild", "--root", str(root), "build"]
    return process([*command, "--renderer", "builtin"], REPOSITORY).seconds


def no_change(copy: Path) -> list[float]:
    """Return the seconds of builds of the book as it is."""
    return [build(copy) for _ in range(ROUNDS)]


def edits(copy: Path) -> list[float]:
    """Return the seconds of builds after the longest chapter has got a new last paragraph."""
    longest = max(copy.glob("chapters/*.qmd"), key=lambda path: path.stat().st_size)
    text = longest.read_text(encoding="utf-8")
    times = []
    for number in range(ROUNDS):
        longest.write_text(f"{text}\nEdited, time {number}.\n", encoding="utf-8")
        times.append(build(copy))
    return times
