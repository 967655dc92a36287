"""A copy of the book's tracked files, its data linked: a place to build from nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def copy_book(root: Path, target: Path) -> None:
    """Copy the files that git tracks below `root`, and link what `make data` made.

    Raises
    ------
    SystemExit
        If `root` is not in a git repository.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if listed.returncode:
        raise SystemExit(f"{root}: git cannot list the tracked files: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():  # a deleted file that is still tracked is not part of the book
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
    for path in sorted((root / "data").glob("*")):
        (target / "data").mkdir(exist_ok=True)
        if not (target / "data" / path.name).exists():
            (target / "data" / path.name).symlink_to(path.resolve())


def build(root: Path, hash_seed: str = "0") -> int:
    """Build the book at `root` with the built-in renderer; return the exit status.

    The copy's own renderer is used if it has one.
    """
    command = [sys.executable, "-m", "bookbuild", "build", "--renderer", "builtin"]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, cwd=root, env=environment).returncode
