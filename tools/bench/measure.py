"""Shared by all benchmarks: alternating timings, measured processes, and rows of the table."""

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
    """One row of the table: a measurement and its upper limit."""

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


HEADER = "| benchmark | measured | goal | | |\n|---|---|---|---|---|"


def print_rows(name: str) -> None:
    """Print the rows of one subject, the module `name` of this package."""
    for row in importlib.import_module(f"tools.bench.{name}").rows():
        print(row, flush=True)


def ratio(what: str, ours: float, theirs: float, *, goal: float | None = None) -> Row:
    """Return the row that compares our seconds with those of the alternative."""
    return Row(what, ours / theirs, "×", f"{seconds(ours)} against {seconds(theirs)}", goal)


def seconds(value: float) -> str:
    """Return a time as text, in seconds or, if short, in milliseconds."""
    return f"{value:.3g} s" if value >= 0.1 else f"{1000 * value:.3g} ms"


def fastest(*calls: Callable[[], object], rounds: int) -> list[float]:
    """Return the shortest time of each call; calls alternate, so that a slow spell affects all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, of_call in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            of_call.append(time.perf_counter() - began)
    return [min(of_call) for of_call in times]


@dataclass(frozen=True)
class Process:
    """Time, memory and output of a successful process."""

    seconds: float
    megabytes: float  # peak
    output: str


def process(command: list[str], cwd: Path, **environment: str) -> Process:
    """Run a command to completion and measure it.

    Raises
    ------
    SystemExit
        If the command fails, as the time of a failure means nothing.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        output = running.stdout.read()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    elapsed = time.perf_counter() - began
    if running.returncode:
        raise SystemExit(f"exit status {running.returncode}: {' '.join(command)}\n{output}")
    return Process(elapsed, usage.ru_maxrss / 1024, output)
