"""Tell by sizes and times alone whether a build would change the site; no file is read.

After a complete build, a hash of the book's files, of those of the site, and of the machine is
kept. While it is the same, there is nothing to build.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bookbuild.run.machine import instructions, packages_state

RECORD = ".cache/built.json"
RENDERER = Path(__file__).parents[1]

State = dict[str, tuple]  # each file's size and time, and the machine's


def look(root: Path) -> State:
    """Return the state of a book's files, of the renderer and of the machine, as it is now."""
    machine: State = {"machine": (sys.version, instructions(), *packages_state())}
    return machine | dict(_files(root, set())) | dict(_files(RENDERER, set()))


def current_page(root: Path, state: State) -> Path | None:
    """Return the front page of the last build's site, by its path from the root, if current."""
    try:
        record = json.loads((root / RECORD).read_text(encoding="utf-8"))
        return Path(record["page"]) if record["state"] == _hash(state) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def record(root: Path, before: State, page: Path) -> None:
    """Record a complete build: the book's files as they were before it, and those of the site."""
    site = root / page.parent
    state = {path: each for path, each in before.items() if not path.startswith(f"{site}{os.sep}")}
    text = json.dumps({"page": str(page), "state": _hash(state | dict(_files(site, set())))})
    partial = root / f"{RECORD}.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(root / RECORD)


def _files(folder: Path, above: set[tuple[int, int]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the files below a folder, except in hidden folders and Python's own."""
    with contextlib.suppress(OSError):  # removed meanwhile, or not for this user
        status, entries = folder.stat(), [*os.scandir(folder)]
        here = (status.st_dev, status.st_ino)
        if here in above or any(entry.name == "pyvenv.cfg" for entry in entries):
            return
        for entry in entries:
            if not entry.is_dir():
                found = entry.stat(follow_symlinks=entry.is_file())
                yield entry.path, (found.st_size, found.st_mtime_ns)
            elif not entry.name.startswith((".", "__pycache__")):
                yield from _files(Path(entry.path), {*above, here})


def _hash(state: State) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
