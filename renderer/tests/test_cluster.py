"""Execute chapters on a real Dask scheduler and its workers, all on this machine."""

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

from tests.support.books import SmallBook
from tests.support.processes import command, is_gone, start, wait_for

BUILD = ("build", "--renderer", "builtin")
WAITS = """```{python}
import os, time
print(os.getpid(), file=open("started", "w"), flush=True)
time.sleep(600)
```"""

pytestmark = pytest.mark.slow


class Cluster:
    """A scheduler on a free port, and workers in folders of their own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.processes = folder, []
        self.file = folder / "scheduler.json"
        self.start("scheduler", folder, "--port", "0", **variables)

    def start(self, kind: str, folder: Path, *arguments: str, **variables: str) -> subprocess.Popen:
        dask = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.file)]
        dask += ["--no-dashboard", "--host", "127.0.0.1", *arguments]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(dask, cwd=folder, env=os.environ | variables, **quiet)
        self.processes.append(process)
        return process

    def worker(self, book: SmallBook) -> subprocess.Popen:
        """Start a worker in a copy of a book."""
        copy = self.folder / f"worker-{len(self.processes)}"
        shutil.copytree(book.root, copy, ignore=shutil.ignore_patterns("_book", ".cache"))
        return self.worker_in(copy)

    def worker_in(self, folder: Path, **variables: str) -> subprocess.Popen:
        return self.start("worker", folder, "--nthreads", "1", "--no-nanny", **variables)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

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
    started = Cluster(tmp_path / "cluster")
    yield started
    started.stop()


@pytest.fixture
def two(book: SmallBook) -> SmallBook:
    """Return a book of two chapters; the second draws."""
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    options = '#| label: fig-line\n#| fig-cap: "A line."\n#| fig-alt: "It rises."\n'
    book.add_chapter("two", f"# Two\n\n```{{python}}\n{options}{draw}\n```\n")
    return book


def build(book: SmallBook, address: str) -> subprocess.CompletedProcess:
    on_cluster = command(book.root, *BUILD, "--cluster", address)
    return subprocess.run(on_cluster, capture_output=True, text=True, timeout=120)


def build_error(book: SmallBook, address: str) -> str:
    """Build on a cluster, which must fail with one line; return it."""
    done = build(book, address)
    assert done.returncode == 1, done.stderr
    [line] = [x for x in done.stderr.splitlines() if not x.startswith("  ")]
    return line


def test_a_cluster_makes_the_same_bytes_as_this_machine(two, cluster):
    cluster.worker(two)
    cluster.worker(two)
    cluster.wait_for_workers(2)
    assert build(two, cluster.address).returncode == 0
    made_there = two.site()
    for name in ("_book", ".cache"):
        shutil.rmtree(two.root / name)
    assert two.run(*BUILD) == 0
    assert two.site() == made_there


def test_an_authors_error_is_reported_as_on_this_machine(two, cluster):
    two.chapter("```{python}\n1 / 0\n```")
    cluster.worker(two)
    cluster.wait_for_workers(1)
    message = build(two, cluster.address).stderr
    assert "error: chapters/one.qmd:4: cell cell-1 failed: ZeroDivisionError" in message
    assert "cluster.py" not in message


def test_a_cluster_without_workers(two, cluster):
    message = build_error(two, cluster.address)
    assert message.startswith(f"error: the cluster at {cluster.address} has no worker; start one")


def test_a_worker_whose_folder_was_removed(two, cluster):
    cluster.worker(two)
    cluster.wait_for_workers(1)
    shutil.rmtree(cluster.folder / "worker-1")
    assert "was removed; start one in the book's folder" in build_error(two, cluster.address)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return variables with which Python does not find the renderer, as in another environment."""
    package = tmp_path_factory.mktemp("elsewhere") / "bookbuild"
    package.mkdir()
    error = "ModuleNotFoundError(\"No module named 'bookbuild'\")"
    (package / "__init__.py").write_text(f"raise {error}\n", encoding="utf-8")
    return {"PYTHONPATH": str(package.parent)}


def test_a_scheduler_in_another_environment(two, elsewhere, tmp_path):
    cluster = Cluster(tmp_path, **elsewhere)
    try:
        cluster.worker(two)
        cluster.wait_for_workers(1)
        message = build_error(two, cluster.address)
        assert message.startswith("error: the scheduler cannot read the book's tasks: No module")
        assert message.endswith("start it in the book's folder: `python -m dask scheduler`")
    finally:
        cluster.stop()


def test_workers_in_another_environment_and_in_another_folder(two, cluster, elsewhere):
    cluster.worker_in(cluster.folder, **elsewhere)
    cluster.wait_for_workers(1)
    message = build_error(two, cluster.address)
    assert "the cluster has no worker left; start one in the book's folder: `python -m" in message
    cluster.worker_in(cluster.folder)
    cluster.wait_for_workers(1)
    message = build_error(two, cluster.address)
    assert "cannot read its book: _quarto.yml: not found in" in message
    assert "start one in the book's folder: `python -m dask worker ADDRESS" in message


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense://x"])
def test_a_wrong_address(book, address):
    message = build_error(book, address)
    assert message.startswith(f"error: no Dask scheduler answers at {address}: ")


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("helper.py", "VALUE = 1", "VALUE = 2", "modules"),
        ("chapters/one.qmd", "print(", "print(0, ", "the cells"),
        ("list.txt", "a", "b", "files"),
    ],
)
def test_a_worker_in_a_different_checkout(two, cluster, name, old, new, part):
    two.write("list.txt", "a")
    two.edit("chapters/one.qmd", "print(", 'open("list.txt").close(); print(')
    cluster.worker(two)
    cluster.wait_for_workers(1)
    two.edit(name, old, new)
    assert f"worker-1, has different versions of: {part}" in build_error(two, cluster.address)
    assert not [*(two.root / ".cache").glob("executed/chapters-one/*")]


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (1, r"the worker tcp://127\.0\.0\.1:\d+ was lost while executing it"),
        (0, "the cluster was lost"),
    ],
    ids=["worker", "scheduler"],
)
def test_a_loss_in_the_middle_of_a_chapter(two, cluster, lost, words):
    two.chapter(WAITS)
    cluster.worker(two)
    cluster.wait_for_workers(1)
    started = cluster.folder / "worker-1" / "started"
    killer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, pathlib, sys, time\n"
            "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.1)\n"
            "os.kill(int(sys.argv[2]), 9)",
            str(started),
            str(cluster.processes[lost].pid),
        ]
    )
    message = build_error(two, cluster.address)
    assert killer.wait(timeout=60) == 0
    assert re.match(f"error: chapters/one.qmd: {words}", message)
    assert not [*(two.root / ".cache").glob("executed/chapters-one/*")]


def test_stopping_a_build_ends_the_kernel_on_the_worker(two, cluster):
    two.chapter(WAITS)
    cluster.worker(two)
    cluster.wait_for_workers(1)
    process = start(two, *BUILD, "--cluster", cluster.address)
    started = cluster.folder / "worker-1" / "started"
    wait_for(lambda: started.exists() and started.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    wait_for(lambda: is_gone(int(started.read_text())))
