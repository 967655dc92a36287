"""Compare sixteen equal chapters, executed in parallel and on a Dask cluster, with the ideal.

The ideal is the time with one job divided by the number of jobs or cores, whichever is smaller.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.bench.measure import Row, process, ratio
from tools.scratch import REPOSITORY

CHAPTERS = 16
CORES = len(os.sched_getaffinity(0))
CONFIGURATION = """project: {type: book, execute-dir: project}
book:
  title: Sixteen
  chapters: [index.qmd, %s]
crossref: {chapters: true}
format: {html: {html-math-method: mathml}}
"""
CELL = "```{python}\ntotal = 0\nfor n in range(60_000_000):\n    total += n\nprint(total)\n```"


def rows() -> Iterator[Row]:
    """Execute the book with 1, 2 and 4 jobs, then with one worker per core."""
    with tempfile.TemporaryDirectory() as folder:
        book = write(Path(folder, "book"))
        alone = execute(book, "--jobs", "1")
        for jobs in (2, 4):
            what = f"{CHAPTERS} equal chapters, {jobs} jobs on {CORES} cores / the ideal"
            took = execute(book, "--jobs", str(jobs))
            goal = 1.05 if jobs <= CORES else None  # 95% of the ideal
            yield ratio(what, took, alone / min(jobs, CORES), goal=goal)
        with cluster(book, Path(folder, "scheduler.json")) as address:
            what = f"{CHAPTERS} equal chapters, a local Dask cluster of {CORES} workers / the ideal"
            yield ratio(what, execute(book, "--cluster", address), alone / CORES)


def write(root: Path) -> Path:
    """Write the book into a new folder."""
    (root / "chapters").mkdir(parents=True)
    names = [f"chapters/c{n}.qmd" for n in range(CHAPTERS)]
    (root / "_quarto.yml").write_text(CONFIGURATION % ", ".join(names))
    (root / "index.qmd").write_text("# Preface {.unnumbered}\n")
    for name in names:
        (root / name).write_text(f"# Title\n\n{CELL}\n")
    return root


def execute(book: Path, *options: str) -> float:
    """Return the seconds for executing all chapters."""
    shutil.rmtree(book / ".cache", ignore_errors=True)
    command = [sys.executable, "-m", "bookbuild", "--root", str(book), "execute", *options]
    return process(command, REPOSITORY).seconds


@contextmanager
def cluster(book: Path, file: Path) -> Iterator[str]:
    """Start a scheduler and one worker per core; yield the scheduler's address."""
    start = [sys.executable, "-m", "dask"]
    options = ["--scheduler-file", str(file), "--no-dashboard", "--host", "127.0.0.1"]
    commands = [[*start, "scheduler", "--port", "0", *options]]
    commands += [[*start, "worker", "--nthreads", "1", "--no-nanny", *options]] * CORES
    quiet = subprocess.DEVNULL
    running = [
        subprocess.Popen(command, cwd=book, stdout=quiet, stderr=quiet) for command in commands
    ]
    try:
        yield ready(file)
    finally:
        for program in running:
            program.kill()
            program.wait()


def ready(file: Path) -> str:
    """Wait until all workers have joined; return the scheduler's address."""
    from distributed import Client

    while not file.exists():
        time.sleep(0.1)
    with Client(scheduler_file=str(file)) as client:
        client.wait_for_workers(CORES, timeout=60)
        return client.scheduler.address
