"""Chapters executed by a real Dask scheduler and its workers, on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.books import SmallBook
from tests.kit.processes import is_gone, start, wait_for

REPOSITORY = Path(__file__).parents[2]
BUILD = ("build", "--renderer", "builtin")
WAITS = """```{python}
import os, time
print(os.getpid(), file=open("began", "w"), flush=True)
time.sleep(600)
```"""

pytestmark = pytest.mark.slow


class Cluster:
    """A scheduler on a free port, and workers in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        self.file = folder / "scheduler.json"
        self.start("scheduler", folder, "--port", "0", "--host", "127.0.0.1")

    def start(self, kind: str, folder: Path, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.file)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(
            [*command, "--no-dashboard", *arguments], cwd=folder, env=environment, **quiet
        )
        self.processes.append(process)
        return process

    def worker(self, book: SmallBook) -> subprocess.Popen:
        """Start a worker in a copy of a book."""
        copy = self.folder / f"worker-{len(self.processes)}"
        shutil.copytree(book.root, copy, ignore=shutil.ignore_patterns("_book", ".cache"))
        return self.start("worker", copy, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")

    @property
    def address(self) -> str:
        wait_for(lambda: self.file.exists() and self.file.read_text())
        return json.loads(self.file.read_text())["address"]

    def wait_for_workers(self, number: int) -> None:
        from distributed import Client

        with Client(self.address) as client:
            client.wait_for_workers(number, timeout=60)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "cluster").mkdir()
    found = Cluster(tmp_path / "cluster")
    yield found
    for process in found.processes:
        process.kill()
        process.wait()


@pytest.fixture
def two(book: SmallBook) -> SmallBook:
    """A book of two chapters, of which the second draws."""
    book.edit("_quarto.yml", "chapters/one.qmd", "chapters/one.qmd, chapters/two.qmd")
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    options = '#| label: fig-line\n#| fig-cap: "A line."\n#| fig-alt: "It rises."\n'
    book.write("chapters/two.qmd", f"# Two\n\n```{{python}}\n{options}{draw}\n```\n")
    return book


def build(book: SmallBook, address: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bookbuild", "--root", str(book.root), *BUILD]
    command += ["--cluster", address]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)


def refused(book: SmallBook, address: str) -> str:
    """Build on a cluster, which must fail with one line; return it."""
    done = build(book, address)
    assert done.returncode == 1, done.stderr
    [line] = [x for x in done.stderr.splitlines() if not x.startswith("  ")]
    return line


def site(book: SmallBook) -> dict[str, bytes]:
    folder = book.root / "_book"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_cluster_gives_the_same_bytes_as_this_machine(two, cluster):
    cluster.worker(two)
    cluster.worker(two)
    cluster.wait_for_workers(2)
    assert build(two, cluster.address).returncode == 0
    theirs = site(two)
    for name in ("_book", ".cache"):
        shutil.rmtree(two.root / name)
    assert two.run(*BUILD) == 0
    assert site(two) == theirs


def test_the_authors_error_is_told_as_at_home(two, cluster):
    two.chapter("```{python}\n1 / 0\n```")
    cluster.worker(two)
    cluster.wait_for_workers(1)
    said = build(two, cluster.address).stderr
    assert "error: chapters/one.qmd:4: cell cell-1 failed: ZeroDivisionError" in said
    assert "cluster.py" not in said


def test_a_cluster_without_workers(two, cluster):
    said = refused(two, cluster.address)
    assert said.startswith(f"error: the cluster at {cluster.address} has no worker; start one")


def test_a_worker_whose_folder_was_removed(two, cluster):
    cluster.worker(two)
    cluster.wait_for_workers(1)
    shutil.rmtree(cluster.folder / "worker-1")
    assert "was removed; start one in the book's folder" in refused(two, cluster.address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense://here"])
def test_a_wrong_address(book, address):
    said = refused(book, address)
    assert said.startswith(f"error: no Dask scheduler answers at {address}: ")


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("helper.py", "VALUE = 1", "VALUE = 2", "modules"),
        ("chapters/one.qmd", "print(", "print(0, ", "the cells"),
        ("requirements.txt", "2.1.0", "2.0.0", "requirements.txt"),
    ],
)
def test_a_worker_in_another_checkout(two, cluster, name, old, new, what):
    cluster.worker(two)
    cluster.wait_for_workers(1)
    two.edit(name, old, new)
    assert f"worker-1, has other versions of: {what}" in refused(two, cluster.address)
    assert not [*(two.root / ".cache").glob("executed/chapters-one/*")]


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (1, r"the worker tcp://127\.0\.0\.1:\d+ was lost while executing it"),
        (0, "the cluster was lost"),
    ],
    ids=["worker", "scheduler"],
)
def test_what_is_lost_in_the_middle_of_a_chapter(two, cluster, lost, words):
    two.chapter(WAITS)
    cluster.worker(two)
    cluster.wait_for_workers(1)
    began = cluster.folder / "worker-1" / "began"
    killer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, pathlib, sys, time\n"
            "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.1)\n"
            "os.kill(int(sys.argv[2]), 9)",
            str(began),
            str(cluster.processes[lost].pid),
        ]
    )
    said = refused(two, cluster.address)
    assert killer.wait(timeout=60) == 0
    assert re.match(f"error: chapters/one.qmd: {words}", said)
    assert not [*(two.root / ".cache").glob("executed/chapters-one/*")]


def test_a_build_that_is_stopped_ends_the_kernel_on_the_worker(two, cluster):
    two.chapter(WAITS)
    cluster.worker(two)
    cluster.wait_for_workers(1)
    process = start(two, *BUILD, "--cluster", cluster.address)
    began = cluster.folder / "worker-1" / "began"
    wait_for(lambda: began.exists() and began.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    wait_for(lambda: is_gone(int(began.read_text())))
