"""What a build keeps so as not to make it again: content under a hash of all that it depends on.

An entry is written whole or not at all: a build that is killed leaves nothing half-made, and two
builds at once do not disturb each other.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

VERSIONS = 4  # of each name: enough for an author who goes back and forth between two


def kept(folder: Path, parts: Iterable[str | bytes], make: Callable[[Path], object]) -> Path:
    """Return the path of the content with these ingredients; make it if it is not there.

    Parameters
    ----------
    folder : Path
        Where all versions of this content lie. Only the last few that were asked for stay.
    parts : iterable of str or bytes
        Everything that the content depends on.
    make : callable
        Writes the content, a file or a folder, at the path that it is given.
    """
    entry = place(folder, parts)
    if not entry.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="partial-") as partial:
            whole = Path(partial, "whole")
            make(whole)
            _move(whole, entry)
    entry.touch()
    _evict(last_used(folder)[VERSIONS:])
    return entry


def last_used(folder: Path) -> list[Path]:
    """Return all versions of a content, the last that was asked for first."""
    return sorted(folder.glob("*"), key=_time, reverse=True)


def place(folder: Path, parts: Iterable[str | bytes]) -> Path:
    """Return where the content with these ingredients lies, or would lie."""
    return folder / digest(parts)


def digest(parts: Iterable[str | bytes]) -> str:
    """Return a hash of the parts in their order; where one ends and the next begins counts."""
    found = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        found.update(f"{len(content)}:".encode() + content)
    return found.hexdigest()[:32]


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Remove what lies in a folder under other names than these."""
    if folder.is_dir():
        _evict([path for path in folder.iterdir() if path.name not in names])


def _move(whole: Path, entry: Path) -> None:
    try:
        whole.rename(entry)
    except OSError:
        if not entry.exists():  # else another build was faster
            raise


def _time(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _evict(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
