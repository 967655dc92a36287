"""Copy the book's tracked files and link its data, for builds from scratch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def copy_book(root: Path, target: Path) -> None:
    """Copy the files that git tracks in `root`, and link the prepared data.

    Raises
    ------
    SystemExit
        If `root` is not in a git repository.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if listed.returncode:
        raise SystemExit(f"{root}: git cannot list the tracked files: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():  # false for a deleted file that is still tracked
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
    for path in sorted((root / "data").glob("*")):
        (target / "data").mkdir(exist_ok=True)
        if not (target / "data" / path.name).exists():
            (target / "data" / path.name).symlink_to(path.resolve())


def build(root: Path, hash_seed: str = "0") -> int:
    """Build the copy at `root` with its own built-in renderer, if it has one; return the status."""
    command = [sys.executable, "-m", "bookbuild", "build", "--renderer", "builtin"]
    renderer = str(root / "renderer" / "src")  # takes precedence over the installed one
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": renderer}
    return subprocess.run(command, cwd=root, env=environment).returncode
