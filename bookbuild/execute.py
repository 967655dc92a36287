"""What the chapters' cells give: from the store where nothing that they depend on has changed.

What is kept are results, not notebooks: the outputs of the cells and the values of the inline
expressions. A page or notebook is put together anew from the file as it stands and the results as
they were. Chapters that are not in the store are executed side by side, here or on a cluster.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path

from bookbuild import ingredients
from bookbuild.errors import error_at
from bookbuild.outputs import Results
from bookbuild.progress import Progress
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Source
from bookbuild.store import keep_only, kept, place

Submit = Callable[[Source], "Future[Results]"]
Workers = Callable[[Project, Progress], AbstractContextManager[Submit]]


@contextmanager
def here(project: Project, progress: Progress, jobs: int = 0) -> Iterator[Submit]:
    """Give a function that executes a chapter on this machine, `jobs` at a time, one per core."""
    from bookbuild import kernel  # here: nbclient takes half a second to import

    stop = threading.Event()
    pool = ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0)))
    try:
        yield lambda source: pool.submit(kernel.run, project, source, progress, stop)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def execute_all(
    project: Project, sources: dict[Chapter, Source], workers: Workers = here
) -> dict[Chapter, Results]:
    """Return the results of every chapter.

    Raises
    ------
    BookError
        Where a cell fails, runs too long, prints too much or kills its kernel. What other chapters
        had finished by then is kept.
    """
    entries = {c: _entry(project, s) for c, s in sources.items() if s.cells or s.inlines}
    missing = [chapter for chapter, entry in entries.items() if not entry.exists()]
    if missing:
        progress = Progress()
        try:
            with workers(project, progress) as submit:
                _execute(project, {c: sources[c] for c in missing}, submit)
        finally:
            progress.summary()  # an error's message begins on a line of its own
    found = {chapter: _read(project, source) for chapter, source in sources.items()}
    keep_only(_folder(project), {_name(source) for source in sources.values()})
    return found


# The store


def _folder(project: Project) -> Path:
    return project.cache / "executed"


def _name(source: Source) -> str:
    return source.path.with_suffix("").as_posix().replace("/", "-")


def _entry(project: Project, source: Source) -> Path:
    return place(_folder(project) / _name(source), ingredients.of(project, source).values())


def _keep(project: Project, source: Source, results: Results) -> None:
    text = json.dumps(asdict(results), ensure_ascii=False, indent=1)
    parts = ingredients.of(project, source).values()
    kept(_folder(project) / _name(source), parts, lambda path: path.write_text(text, "utf-8"))


def _read(project: Project, source: Source) -> Results:
    if not source.cells and not source.inlines:
        return Results([], [])
    return Results(**json.loads(_entry(project, source).read_text(encoding="utf-8")))


# The order


def _execute(project: Project, sources: dict[Chapter, Source], submit: Submit) -> None:
    """Execute the chapters, the longest first; each waits for the one that its header names."""
    waiting = sorted(sources, key=lambda chapter: -_size(sources[chapter]))
    running: dict[Future[Results], Chapter] = {}
    while waiting or running:
        unfinished = {str(chapter.source) for chapter in (*waiting, *running.values())}
        for chapter in [c for c in waiting if sources[c].meta.get("after") not in unfinished]:
            running[submit(sources[chapter])] = chapter
            waiting.remove(chapter)
        if not running:
            raise error_at(waiting[0].source, 1, "it waits, by `after`, for a chapter in a circle")
        finished = wait(running, return_when=FIRST_COMPLETED).done
        good = [future for future in finished if not future.exception()]
        for future in good:
            _keep(project, sources[running.pop(future)], future.result())
        for future in finished - set(good):
            future.result()


def _size(source: Source) -> int:
    """Return a guess at how long a chapter takes: the more code, the longer."""
    return sum(len(cell.code) for cell in source.cells)
