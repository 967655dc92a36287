"""What the terminal shows while chapters execute: the cells that run, then the slowest."""

from __future__ import annotations

import shutil
import sys
import threading
import time

SHOWN = 5  # of the slowest cells


class Progress:
    """Shows every chapter that runs: in one changing line on a terminal, else one line per cell."""

    def __init__(self) -> None:
        """Start the clock."""
        self.running: dict[str, str] = {}
        self.times: dict[tuple[str, str], float] = {}  # of the cells that were executed
        self.live = sys.stderr.isatty()
        self.start = time.monotonic()
        self.lock = threading.Lock()

    def say(self, chapter: str, what: str) -> None:
        """Say what a chapter does now."""
        passed = f"{time.monotonic() - self.start:.0f} s"
        with self.lock:
            self.running[chapter] = what
            if not self.live:
                print(f"  {chapter}  {what}  {passed}", file=sys.stderr, flush=True)
                return
            shown = " | ".join(f"{name}  {text}" for name, text in self.running.items())
            line = f"  {passed}  {shown}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    def took(self, chapter: str, cell: str, seconds: float) -> None:
        """Note how long a cell took."""
        self.times[chapter, cell] = seconds

    def finished(self, chapter: str) -> None:
        """Note that a chapter runs no longer."""
        with self.lock:
            self.running.pop(chapter, None)

    def summary(self) -> None:
        """Print the slowest cells, where any ran."""
        if self.live:
            print("\r\x1b[K", end="", file=sys.stderr)
        slowest = sorted(self.times, key=lambda cell: -self.times[cell])
        for chapter, cell in slowest[:SHOWN]:
            seconds = self.times[chapter, cell]
            print(f"  {seconds:7.1f} s  {chapter}  {cell}", file=sys.stderr)
