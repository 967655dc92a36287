"""Builds in processes of their own, and waiting for what they do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.kit.books import SmallBook

REPOSITORY = Path(__file__).parents[2]


def start(book: SmallBook, *command: str, **options) -> subprocess.Popen:
    """Run bookbuild in a process of its own, which hears Ctrl-C as one in a terminal does."""
    arguments = [sys.executable, "-m", "bookbuild", "--root", str(book.root), *command]
    options |= {"cwd": REPOSITORY, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(arguments, preexec_fn=_hear_interrupts, **options)


def _hear_interrupts() -> None:
    """Undo what a shell does for a job in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so; fail if it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Say whether a process has ended; one that nobody has waited for has, too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
