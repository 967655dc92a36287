"""What the chapters' cells give: from the store where nothing that they depend on has changed.

What is kept are results, not notebooks: the outputs of the cells and the values of the inline
expressions. A page or notebook is put together anew from the file as it stands and the results as
they were. Chapters that are not in the store are executed side by side, here or on a cluster.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict

from bookbuild import ingredients
from bookbuild.errors import error_at
from bookbuild.outputs import Results
from bookbuild.progress import Progress
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Source
from bookbuild.store import keep_only, kept, place

Submit = Callable[[Source], "Future[Results]"]
Workers = Callable[[Project, Progress], AbstractContextManager[Submit]]
TIMES = "times.json"  # in the cache: how long each chapter took


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
    # once, before anything runs: an author may write on meanwhile
    store = {c: _Place(project, s) for c, s in sources.items() if s.cells or s.inlines}
    missing = {c: sources[c] for c, place in store.items() if not place.entry.exists()}
    if missing:
        progress = Progress()
        try:
            ordered = _longest_first(project, missing)
            with workers(project, progress) as submit:
                for chapter, results in _executed(ordered, submit, progress):
                    store[chapter].keep(results)
            _keep_times(project, progress)
        finally:
            progress.summary()  # an error's message begins on a line of its own
    return {c: store[c].read() if c in store else Results([], []) for c in sources}


def forget_others(project: Project, sources: dict[Chapter, Source]) -> None:
    """Remove the results of chapters that the book no longer has."""
    keep_only(project.cache / "executed", {_name(source) for source in sources.values()})


def _name(source: Source) -> str:
    return source.path.with_suffix("").as_posix().replace("/", "-")


class _Place:
    """Where the store has a chapter's results, by all that they depend on."""

    def __init__(self, project: Project, source: Source) -> None:
        self.folder = project.cache / "executed" / _name(source)
        self.parts = list(ingredients.of(project, source).values())
        self.entry = place(self.folder, self.parts)

    def keep(self, results: Results) -> None:
        text = json.dumps(asdict(results), ensure_ascii=False, indent=1)
        kept(self.folder, self.parts, lambda path: path.write_text(text, encoding="utf-8"))

    def read(self) -> Results:
        return Results(**json.loads(self.entry.read_text(encoding="utf-8")))


def _longest_first(project: Project, sources: dict[Chapter, Source]) -> dict[Chapter, Source]:
    """Put the chapters in order; a new one may be long, so it comes before those that are known."""
    times = _times(project)
    return dict(sorted(sources.items(), key=lambda item: -times.get(str(item[1].path), math.inf)))


def _times(project: Project) -> dict[str, float]:
    """Return how many seconds each chapter took when it was last executed."""
    file = project.cache / TIMES
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _keep_times(project: Project, progress: Progress) -> None:
    times = dict.fromkeys((chapter for chapter, _ in progress.times), 0.0)
    for (chapter, _), seconds in progress.times.items():
        times[chapter] += seconds
    partial = project.cache / f"partial-{TIMES}"
    partial.write_text(json.dumps(_times(project) | times, indent=1), encoding="utf-8")
    partial.replace(project.cache / TIMES)


def _executed(
    sources: dict[Chapter, Source], submit: Submit, progress: Progress
) -> Iterator[tuple[Chapter, Results]]:
    """Yield each chapter's results; they begin in the given order, but some wait for another."""
    waiting = list(sources)
    running: dict[Future[Results], Chapter] = {}
    while waiting or running:
        unfinished = {str(chapter.source) for chapter in (*waiting, *running.values())}
        for chapter in [c for c in waiting if _may_run(sources[c], unfinished, progress)]:
            running[submit(sources[chapter])] = chapter
            waiting.remove(chapter)
        if not running:
            raise error_at(waiting[0].source, 1, "by `after`, chapters wait for each other")
        # not for long: a chapter may be through the cell that others wait for
        finished = wait(running, timeout=1, return_when=FIRST_COMPLETED).done
        failed = [future for future in finished if future.exception()]
        for future in finished - set(failed):
            yield running.pop(future), future.result()
        if failed:
            failed[0].result()  # raises


def _may_run(source: Source, unfinished: set[str], progress: Progress) -> bool:
    return source.after[0] not in unfinished or source.after in progress.times
