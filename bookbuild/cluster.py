"""Chapters executed by a Dask cluster whose workers run in checkouts of the same book.

Use only a cluster that you trust: Dask runs what it is sent and unpacks what comes back. This
module imports Dask, so it is imported only where a cluster is asked for.
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

from bookbuild import ingredients, kernel, qmd
from bookbuild import project as configuration
from bookbuild.errors import BookError
from bookbuild.execute import Submit
from bookbuild.outputs import Results
from bookbuild.progress import Progress
from bookbuild.project import Project
from bookbuild.qmd import Source

CONNECT_SECONDS = 5
LOOK_SECONDS = 1  # how often a worker that has a chapter is looked for
HOW = "start one in the book's folder: `python -m dask worker ADDRESS --nthreads 1`"


@contextmanager
def there(project: Project, progress: Progress, address: str) -> Iterator[Submit]:
    """Give a function that executes a chapter on a worker of the cluster at `address`."""
    logging.disable()  # what is wrong is said below
    client = _connected(address)
    name = f"book-{uuid.uuid4()}"
    stop = Event(name, client=client)
    places: dict[str, str] = {}  # the worker of each chapter that runs
    client.subscribe_topic(name, lambda event: _show(progress, places, *event[1]))
    pool = ThreadPoolExecutor(sum(client.nthreads().values()))
    try:
        yield lambda source: pool.submit(_execute, client, project, source, name, places)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(OSError):  # the scheduler may be what was lost
            stop.set()
        pool.shutdown()
        client.close()


def _connected(address: str) -> Client:
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise BookError(f"no Dask scheduler answers at {address}: {_first_line(error)}") from None
    if not client.nthreads():
        client.close()
        raise BookError(f"the cluster at {address} has no worker; {HOW}")
    return client


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _execute(
    client: Client, project: Project, source: Source, name: str, places: dict[str, str]
) -> Results:
    """Have a worker execute a chapter, and wait; say so if the worker is lost meanwhile."""
    wanted = _ingredients(project, source)
    future = client.submit(_on_worker, str(source.path), wanted, name, pure=False, retries=0)
    try:
        while not _is_done(future):
            place, workers = places.get(str(source.path)), client.nthreads()
            if place and place not in workers:
                raise BookError(f"{source.path}: the worker {place} was lost while executing it")
            if not workers:
                raise BookError(f"{source.path}: the cluster has no worker left")
        return Results(**json.loads(future.result()))
    except ModuleNotFoundError as error:
        raise BookError(f"a worker lacks {error.name}: it must run in the book's folder") from None
    except (OSError, KilledWorker, CancelledError) as error:
        raise BookError(f"{source.path}: the cluster was lost: {_first_line(error)}") from None
    finally:
        future.cancel()


def _is_done(future: Future) -> bool:
    try:
        future.result(timeout=LOOK_SECONDS)
    except TimeoutError:
        return False
    return True


def _ingredients(project: Project, source: Source) -> dict[str, str]:
    installed = ingredients.installed(project)
    return ingredients.of(project, source) | {"installed packages": installed}


def _show(progress: Progress, places: dict[str, str], place: str, what: str, *words: Any) -> None:
    """Show what a worker says of a chapter; the first of the words is the chapter."""
    places[words[0]] = place
    if what == "finished":
        places.pop(words[0])
    getattr(progress, what)(*words)


# On the worker


class _Reporter(Progress):
    """Tells the one who asked what runs here."""

    def __init__(self, topic: str) -> None:
        self.worker, self.topic = get_worker(), topic

    def _tell(self, *words: Any) -> None:
        self.worker.log_event(self.topic, (self.worker.address, *words))

    def say(self, chapter: str, what: str) -> None:
        self._tell("say", chapter, what)

    def took(self, chapter: str, cell: str, seconds: float) -> None:
        self._tell("took", chapter, cell, seconds)

    def finished(self, chapter: str) -> None:
        self._tell("finished", chapter)


def _on_worker(path: str, wanted: dict[str, str], name: str) -> str:
    """Execute a chapter of the checkout that this worker runs in; return its results as JSON."""
    project = configuration.load(_folder())
    source = qmd.read(project.root, PurePosixPath(path))
    found = _ingredients(project, source)
    if other := [part for part, value in wanted.items() if found[part] != value]:
        place = f"the worker {get_worker().address}, in {project.root},"
        raise BookError(f"{path}: {place} has other versions of: {', '.join(other)}")
    return json.dumps(asdict(kernel.run(project, source, _Reporter(name), Event(name))))


def _folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        worker = get_worker().address
        raise BookError(f"the folder of the worker {worker} was removed; {HOW}") from None
