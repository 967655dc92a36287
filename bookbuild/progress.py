"""What the terminal shows while chapters execute: the cell that runs, at the end the slowest."""

from __future__ import annotations

import sys
import time


class Progress:
    """Shows which cell runs: one changing line on a terminal, one line per cell elsewhere."""

    def __init__(self) -> None:
        """Start the clock."""
        self.times: list[tuple[float, str]] = []
        self.live = sys.stderr.isatty()
        self.start = time.monotonic()

    def cell(self, name: str) -> None:
        """Say that a cell begins."""
        passed = time.monotonic() - self.start
        begin, end = ("\r", "\x1b[K") if self.live else ("", "\n")
        print(f"{begin}  {name}  {passed:.0f} s", end=end, file=sys.stderr, flush=True)

    def done(self, name: str, seconds: float) -> None:
        """Note how long a cell took."""
        self.times.append((seconds, name))

    def summary(self) -> None:
        """Print the slowest cells, where any ran."""
        if self.live:
            print("\r\x1b[K", end="", file=sys.stderr)
        for seconds, name in sorted(self.times, reverse=True)[:5]:
            print(f"  {seconds:7.1f} s  {name}", file=sys.stderr)
