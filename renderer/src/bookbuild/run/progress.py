"""Show on the terminal which cells are running, and at the end the slowest ones."""

from __future__ import annotations

import shutil
import sys
import threading
import time

SLOWEST = 5  # cells in the summary


class Progress:
    """Shows the running cell of each chapter: on a terminal in one changing line, else by lines."""

    def __init__(self) -> None:
        """Start the clock."""
        self.running: dict[str, str] = {}
        self.times: dict[tuple[str, str], float] = {}  # seconds by chapter and cell
        self.is_terminal = sys.stderr.isatty()
        self.start = time.monotonic()
        self.lock = threading.Lock()

    def show(self, chapter: str, cell: str) -> None:
        """Show the cell that a chapter is running."""
        elapsed = f"{time.monotonic() - self.start:.0f} s"
        with self.lock:
            self.running[chapter] = cell
            if not self.is_terminal:
                print(f"  {chapter}  {cell}  {elapsed}", file=sys.stderr, flush=True)
                return
            cells = " | ".join(f"{name}  {text}" for name, text in self.running.items())
            line = f"  {elapsed}  {cells}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    def record(self, chapter: str, cell: str, seconds: float) -> None:
        """Record how long a cell took."""
        self.times[chapter, cell] = seconds

    def finish(self, chapter: str) -> None:
        """Remove a chapter from the display."""
        with self.lock:
            self.running.pop(chapter, None)

    def summarise(self) -> None:
        """Print the slowest cells, if any ran."""
        if self.is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr)
        for chapter, cell in sorted(self.times, key=lambda key: -self.times[key])[:SLOWEST]:
            seconds = self.times[chapter, cell]
            print(f"  {seconds:7.1f} s  {chapter}  {cell}", file=sys.stderr)
