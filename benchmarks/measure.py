"""What all benchmarks share: timing in turns, watching a process, and a row of the table."""

from __future__ import annotations

import importlib
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One row of the table: what was measured, and the most that it should be."""

    what: str
    value: float
    unit: str  # "×" for a ratio, else "s", "ms", "MB" or "kB"
    note: str = ""
    goal: float | None = None

    def __str__(self) -> str:
        """Return the row in Markdown."""
        goal, verdict = "", ""
        if self.goal is not None:
            goal = f"≤ {self.goal:g} {self.unit}"
            verdict = "met" if self.value <= self.goal else "**missed**"
        value = f"{self.value:.0f}" if self.value >= 100 else f"{self.value:.3g}"
        return f"| {self.what} | {value} {self.unit} | {goal} | {verdict} | {self.note} |"


HEADER = "| what | measured | goal | | |\n|---|---|---|---|---|"


def print_rows(name: str) -> None:
    """Print the rows of one subject, which is the module `name` of this package."""
    for row in importlib.import_module(f"benchmarks.{name}").rows():
        print(row, flush=True)


def ratio(what: str, ours: float, theirs: float, *, goal: float | None = None) -> Row:
    """Return the row that compares our seconds with those of the other way."""
    return Row(what, ours / theirs, "×", f"{seconds(ours)} against {seconds(theirs)}", goal)


def seconds(value: float) -> str:
    """Return a time in seconds, or in milliseconds if it is short."""
    return f"{value:.3g} s" if value >= 0.1 else f"{1000 * value:.3g} ms"


def fastest(*calls: Callable[[], object], rounds: int) -> list[float]:
    """Return the shortest time of each call; they take turns, so that a slow spell hits all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, kept in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            kept.append(time.perf_counter() - began)
    return [min(kept) for kept in times]


@dataclass(frozen=True)
class Process:
    """What a successful process took, and what it printed."""

    seconds: float
    megabytes: float  # at its peak
    output: str


def process(command: list[str], cwd: Path, **environment: str) -> Process:
    """Run a command to its end.

    Raises
    ------
    SystemExit
        If the command fails: timing something that does not work says nothing.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        output = running.stdout.read()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    passed = time.perf_counter() - began
    if running.returncode:
        raise SystemExit(f"exit status {running.returncode}: {' '.join(command)}\n{output}")
    return Process(passed, usage.ru_maxrss / 1024, output)
