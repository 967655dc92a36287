"""Time a rebuild after an edit of prose, and with no change."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tools.bench.measure import Row, process
from tools.scratch import REPOSITORY, copy_book

ROUNDS = 5


def rows() -> Iterator[Row]:
    """Rebuild a copy with the book's executed results; each value is the median of five."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_book(REPOSITORY, copy)
        executed = REPOSITORY / ".cache" / "executed"
        if not executed.is_dir():
            raise SystemExit("rebuild: nothing is executed yet; run `make book` first")
        shutil.copytree(executed, copy / ".cache" / "executed")
        build(copy)
        yield Row("rebuild with no change", statistics.median(no_change(copy)), "s")
        longest = max(copy.glob("chapters/*.qmd"), key=lambda path: path.stat().st_size)
        after_edit = [edit_and_build(copy, longest) for _ in range(ROUNDS)]
        yield Row("rebuild after a prose edit", statistics.median(after_edit), "s")
        in_preview = statistics.median(previews(copy, longest))
        yield Row("page after a prose edit, in `make preview`", in_preview, "s")


def build(root: Path) -> float:
    """Return the seconds of a build, including Python's start."""
    command = [sys.executable, "-m", "bookbuild", "--root", str(root), "build"]
    return process([*command, "--renderer", "builtin"], REPOSITORY).seconds


def no_change(copy: Path) -> list[float]:
    """Return the seconds of several builds without changes in between."""
    return [build(copy) for _ in range(ROUNDS)]


def edit_and_build(copy: Path, chapter: Path) -> float:
    """Edit the chapter; return the seconds of the build that follows."""
    edit(chapter)
    return build(copy)


def edit(chapter: Path) -> None:
    """Add a paragraph to a chapter."""
    text = chapter.read_text(encoding="utf-8")
    chapter.write_text(f"{text}\nEdited once more.\n", encoding="utf-8")


def previews(copy: Path, chapter: Path) -> list[float]:
    """Return the seconds between each edit and the new page in a running preview."""
    command = [sys.executable, "-m", "bookbuild", "--root", str(copy), "preview", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        times = []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            next(line for line in running.stdout or [] if line.startswith("pages "))
            times.append(time.perf_counter() - began)
            next(line for line in running.stdout or [] if "index.html" in line)
            edit(chapter)
        running.terminate()
    return times[1:]  # the first is the start of the preview
