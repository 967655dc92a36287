"""data/prepare.py from the archives alone, and where there is nothing to do. Nothing is fetched."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, process
from tests.scratch import REPOSITORY, copy_book

PEAK = 1500  # megabytes: what the design allows


def rows() -> Iterator[Row]:
    """Prepare the data twice in a copy that begins with the archives."""
    with tempfile.TemporaryDirectory() as folder:
        copy_book(REPOSITORY, Path(folder))
        for path in (Path(folder) / "data").iterdir():
            if path.is_symlink() and path.name != "downloads":
                path.unlink()  # the link; what it points to stays
        for case in ("from the archives", "nothing to do"):
            run = process([sys.executable, "data/prepare.py"], Path(folder))
            peak = f"at most {run.megabytes:.0f} MB"
            if case == "from the archives":
                assert "up to date" not in run.output
                yield Row(f"data: {case}, peak memory", run.megabytes, "MB", goal=PEAK)
            yield Row(f"data: {case}", run.seconds, "s", peak)
