"""Run builds as subprocesses, wait for them, and share their results between test workers."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .books import SmallBook


def command(root: Path, *arguments: str) -> list[str]:
    """Return the command line that runs bookbuild on the book at `root`."""
    return [sys.executable, "-m", "bookbuild", "--root", str(root), *arguments]


def start(book: SmallBook, *arguments: str, **options) -> subprocess.Popen:
    """Start bookbuild as a subprocess that reacts to Ctrl-C as in a terminal."""
    options |= {"stderr": subprocess.PIPE, "text": True, "preexec_fn": _restore_interrupts}
    return subprocess.Popen(command(book.root, *arguments), **options)


def _restore_interrupts() -> None:
    """Restore Ctrl-C, which a shell makes background jobs ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def build(root: Path, renderer: str = "builtin") -> Path:
    """Build the book at `root` in a subprocess and return the folder of its site.

    Raises
    ------
    RuntimeError
        If the build fails, with its output.
    """
    # a Quarto looks for the Python of this environment
    environment = os.environ | {"QUARTO_PYTHON": sys.executable}
    arguments = command(root, "build", "--renderer", renderer)
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return root / "_book"


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that `make` fills once per test run; the workers share it, read only."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker's own folder is inside that of the run
    folder, complete = base / name, base / f"{name}.complete"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            complete.touch()
    return folder


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a condition holds; fail after a minute."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Return whether a process has ended, whether or not its parent has waited for it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
