"""Time data/prepare.py from the downloaded archives, and with nothing to do."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.bench.measure import Row, process
from tools.scratch import REPOSITORY, copy_book

PEAK = 1500  # megabytes


def rows() -> Iterator[Row]:
    """Prepare the data twice, in a copy that has only the archives at the start."""
    with tempfile.TemporaryDirectory() as folder:
        copy_book(REPOSITORY, Path(folder))
        keep_only_archives(Path(folder) / "data")
        for case in ("from the archives", "nothing to do"):
            run = process([sys.executable, "-m", "data.prepare"], Path(folder))
            peak = f"at most {run.megabytes:.0f} MB"
            if case == "from the archives":
                assert "up to date" not in run.output
                yield Row(f"data: {case}, peak memory", run.megabytes, "MB", goal=PEAK)
            yield Row(f"data: {case}", run.seconds, "s", peak)


def keep_only_archives(data: Path) -> None:
    """Replace the links to the prepared data with links to the archives."""
    for path in data.iterdir():
        if path.is_symlink():
            path.unlink()
    (data / "downloads").mkdir()
    for archive in (REPOSITORY / "data" / "downloads").iterdir():
        if archive.is_file():
            (data / "downloads" / archive.name).symlink_to(archive)
