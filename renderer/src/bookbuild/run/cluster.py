"""Execute chapters on a Dask cluster whose workers run in checkouts of the same book.

Use only a cluster that you trust: Dask runs what it is sent and unpickles what comes back. This
module imports Dask, so import it only when the user requests a cluster.
"""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from distributed import Client, Event, Future, KilledWorker, get_worker

from bookbuild.run import cache, kernel
from bookbuild.run.execute import Submit
from bookbuild.run.progress import Progress
from bookbuild.run.results import Results
from bookbuild.source import qmd
from bookbuild.source.errors import BookError
from bookbuild.source.project import Project, load
from bookbuild.source.qmd import Source

CONNECT_SECONDS = 5
POLL_SECONDS = 1  # how often to check that a chapter's worker is still alive
START_WORKER = "start one in the book's folder: `python -m dask worker ADDRESS --nthreads 1`"
START_SCHEDULER = "start it in the book's folder: `python -m dask scheduler`"


@contextmanager
def dask_pool(project: Project, progress: Progress, address: str) -> Iterator[Submit]:
    """Yield a function that submits a chapter to a worker of the cluster at `address`."""
    logging.disable()  # errors are reported below
    client = _connect(address)
    name = f"book-{uuid.uuid4()}"
    stop = Event(name, client=client)
    workers: dict[str, str] = {}  # by the chapter that is running
    client.subscribe_topic(name, lambda event: _relay(progress, workers, *event[1]))
    pool = ThreadPoolExecutor(sum(client.nthreads().values()))
    try:
        yield lambda source: pool.submit(_execute, client, project, source, name, workers)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(OSError):  # the scheduler may have been lost
            stop.set()
        pool.shutdown()
        client.close()


def _connect(address: str) -> Client:
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise BookError(f"no Dask scheduler answers at {address}: {_first_line(error)}") from None
    if not client.nthreads():
        client.close()
        raise BookError(f"the cluster at {address} has no worker; {START_WORKER}")
    return client


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _execute(
    client: Client, project: Project, source: Source, name: str, workers: dict[str, str]
) -> Results:
    """Wait while a worker executes a chapter; raise if the worker is lost meanwhile."""
    expected = cache.inputs(project, source)
    future = client.submit(_on_worker, str(source.path), expected, name, pure=False, retries=0)
    try:
        while not _is_done(future):
            worker, alive = workers.get(str(source.path)), client.nthreads()
            if worker and worker not in alive:
                raise BookError(f"{source.path}: the worker {worker} was lost while executing it")
            if not alive:
                # as when they lack the renderer: a worker that cannot read a task ends
                raise BookError(f"{source.path}: the cluster has no worker left; {START_WORKER}")
        return Results(**json.loads(future.result()))
    except RuntimeError as error:
        if not error.__cause__:
            raise
        reason = f"the scheduler cannot read the book's tasks: {_first_line(error.__cause__)}"
        raise BookError(f"{reason}; {START_SCHEDULER}") from None
    except KilledWorker:
        message = f"{source.path}: its workers ended one after another; {START_WORKER}"
        raise BookError(message) from None
    except (OSError, CancelledError) as error:
        raise BookError(f"{source.path}: the cluster was lost: {_first_line(error)}") from None
    finally:
        future.cancel()


def _is_done(future: Future) -> bool:
    try:
        future.result(timeout=POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _relay(
    progress: Progress, workers: dict[str, str], worker: str, method: str, *arguments: Any
) -> None:
    """Show what a worker reports about a chapter, the first of the arguments."""
    workers[arguments[0]] = worker
    if method == "finish":
        workers.pop(arguments[0])
    getattr(progress, method)(*arguments)


# On the worker


class _Reporter(Progress):
    """Reports progress to the machine that submitted the chapter."""

    def __init__(self, topic: str) -> None:
        self.worker, self.topic = get_worker(), topic

    def _report(self, method: str, *arguments: Any) -> None:
        self.worker.log_event(self.topic, (self.worker.address, method, *arguments))

    def show(self, chapter: str, cell: str) -> None:
        self._report("show", chapter, cell)

    def record(self, chapter: str, cell: str, seconds: float) -> None:
        self._report("record", chapter, cell, seconds)

    def finish(self, chapter: str) -> None:
        self._report("finish", chapter)


def _on_worker(path: str, expected: dict[str, str], name: str) -> str:
    """Execute a chapter of the checkout that this worker runs in; return its results as JSON."""
    project = _book_of_this_worker()
    source = qmd.read(project.root, PurePosixPath(path))
    actual = cache.inputs(project, source)
    if different := [part for part, value in expected.items() if actual[part] != value]:
        worker = f"the worker {get_worker().address}, in {project.root},"
        raise BookError(f"{path}: {worker} has different versions of: {', '.join(different)}")
    return json.dumps(asdict(kernel.run(project, source, _Reporter(name), Event(name))))


def _book_of_this_worker() -> Project:
    worker = f"the worker {get_worker().address}"
    try:
        return load(Path.cwd())
    except FileNotFoundError:
        raise BookError(f"the folder of {worker} was removed; {START_WORKER}") from None
    except BookError as error:
        raise BookError(f"{worker} cannot read its book: {error}; {START_WORKER}") from None
