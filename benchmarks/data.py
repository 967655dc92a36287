"""data/prepare.py from the archives alone, and where there is nothing to do. Nothing is fetched."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, process
from tools.scratch import REPOSITORY, copy_book

PEAK = 1500  # megabytes: what the design allows


def rows() -> Iterator[Row]:
    """Prepare the data twice in a copy that begins with the archives."""
    with tempfile.TemporaryDirectory() as folder:
        copy_book(REPOSITORY, Path(folder))
        keep_only_archives(Path(folder) / "data")
        for case in ("from the archives", "nothing to do"):
            run = process([sys.executable, "data/prepare.py"], Path(folder))
            peak = f"at most {run.megabytes:.0f} MB"
            if case == "from the archives":
                assert "up to date" not in run.output
                yield Row(f"data: {case}, peak memory", run.megabytes, "MB", goal=PEAK)
            yield Row(f"data: {case}", run.seconds, "s", peak)


def keep_only_archives(data: Path) -> None:
    """Take the links to what is made away, and link each archive in a folder of its own."""
    for path in data.iterdir():
        if path.is_symlink():
            path.unlink()
    (data / "downloads").mkdir()
    for archive in (REPOSITORY / "data" / "downloads").iterdir():
        if archive.is_file():
            (data / "downloads" / archive.name).symlink_to(archive)
