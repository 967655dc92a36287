"""Execute the chapters whose results are not cached, in parallel, here or on a Dask cluster.

The cache has results, not notebooks: the outputs of the cells and the values of the inline
expressions. Pages and notebooks combine the current text of a chapter with these results.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path

from bookbuild.run import cache
from bookbuild.run.progress import Progress
from bookbuild.run.results import Results
from bookbuild.source.errors import error_at
from bookbuild.source.project import Chapter, Project
from bookbuild.source.qmd import Source

Submit = Callable[[Source], "Future[Results]"]
Pool = Callable[[Project, Progress], AbstractContextManager[Submit]]
TIMES = "times.json"  # in the cache: how long each chapter took


@contextmanager
def local_pool(project: Project, progress: Progress, jobs: int = 0) -> Iterator[Submit]:
    """Yield a function that submits a chapter to this machine; one at a time per core or `jobs`."""
    from bookbuild.run import kernel  # imports nbclient, which takes half a second

    stop = threading.Event()
    pool = ThreadPoolExecutor(jobs or available_cores())
    try:
        yield lambda source: pool.submit(kernel.run, project, source, progress, stop)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def available_cores(
    groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """Return how many cores this process may use: its affinity, or fewer under a cgroup quota.

    `groups` is where version 2 of cgroups is mounted, and `own` lists the groups of this process.
    """
    cores = len(os.sched_getaffinity(0))
    lines = own.read_text(encoding="utf-8").splitlines() if own.exists() else []
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    for folder in (groups / path, *(groups / path).parents):
        if folder.is_relative_to(groups) and (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
            if quota != "max":
                cores = min(cores, math.ceil(int(quota) / int(period)))
    return max(1, cores)


def execute_all(
    project: Project, sources: dict[Chapter, Source], pool: Pool = local_pool
) -> dict[Chapter, Results]:
    """Return the results of every chapter.

    Raises
    ------
    BookError
        If a cell fails, times out, prints too much or kills its kernel. The results of chapters
        that had finished by then are cached.
    """
    # before anything runs, since an author may go on editing
    entries = {c: _Entry(project, s) for c, s in sources.items() if s.cells or s.inlines}
    results = {c: entries[c].read() if c in entries else Results([], []) for c in sources}
    missing = {c: sources[c] for c in sources if results[c] is None}
    if missing:
        progress = Progress()
        try:
            ordered = _longest_first(project, missing)
            with pool(project, progress) as submit:
                for chapter, computed in _execute(ordered, submit, progress):
                    results[chapter] = entries[chapter].write(computed)
            _write_times(project, progress)
            cache.remove_unused(project.cache / "executed")
        finally:
            progress.summarise()  # an error's message then starts on a line of its own
    return {chapter: found for chapter, found in results.items() if found is not None}


def _name(source: Source) -> str:
    return source.path.with_suffix("").as_posix().replace("/", "-")


class _Entry:
    """A chapter's results in the cache."""

    def __init__(self, project: Project, source: Source) -> None:
        self.folder = project.cache / "executed" / _name(source)
        self.named_files = functools.partial(cache.named_files, project, source)
        self.inputs = cache.inputs(project, source)
        self.path = cache.entry_path(self.folder, self.inputs.values())

    def read(self) -> Results | None:
        """Return the results, or None if there are none; remove a damaged entry."""
        try:
            cache.mark_used(self.path)
            return _parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):  # the machine was switched off while it was written
            self.path.unlink(missing_ok=True)
            return None

    def write(self, results: Results) -> Results:
        """Cache the results; return them as they will be read."""
        text = json.dumps(asdict(results), ensure_ascii=False, indent=1)
        for files in {self.inputs["files"], self._files_afterwards()}:
            key_parts = (self.inputs | {"files": files}).values()
            cache.get_or_create(
                self.folder, key_parts, lambda path: path.write_text(text, encoding="utf-8")
            )
        return _parse(text)

    def _files_afterwards(self) -> str:
        """Return the named files as the next build will see them, with those that the cells wrote.

        If another file has changed, its author may have edited it while the chapter ran.
        """
        before, after = json.loads(self.inputs["files"]), self.named_files()
        return json.dumps(after if before.items() <= after.items() else before)


def _parse(text: str) -> Results:
    return Results(**json.loads(text))


def _longest_first(project: Project, sources: dict[Chapter, Source]) -> dict[Chapter, Source]:
    """Order the chapters; a new one comes first, since it may take long."""
    times = _read_times(project)
    return dict(sorted(sources.items(), key=lambda item: -times.get(str(item[1].path), math.inf)))


def _read_times(project: Project) -> dict[str, float]:
    """Return how many seconds each chapter took when it was last executed."""
    try:
        times = json.loads((project.cache / TIMES).read_text(encoding="utf-8"))
        return {str(chapter): float(seconds) for chapter, seconds in times.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # it is only a hint
        return {}


def _write_times(project: Project, progress: Progress) -> None:
    times = dict.fromkeys((chapter for chapter, _ in progress.times), 0.0)
    for (chapter, _), seconds in progress.times.items():
        times[chapter] += seconds
    folder = tempfile.TemporaryDirectory(dir=project.cache, prefix="partial-")
    with folder as name, contextlib.suppress(OSError):  # it is only a hint
        partial = Path(name, TIMES)
        partial.write_text(json.dumps(_read_times(project) | times, indent=1), encoding="utf-8")
        partial.replace(project.cache / TIMES)


def _execute(
    sources: dict[Chapter, Source], submit: Submit, progress: Progress
) -> Iterator[tuple[Chapter, Results]]:
    """Yield each chapter's results; chapters start in the given order, but `after:` delays some."""
    waiting = list(sources)
    running: dict[Future[Results], Chapter] = {}
    while waiting or running:
        unfinished = {str(chapter.source) for chapter in (*waiting, *running.values())}
        for chapter in [c for c in waiting if _may_start(sources[c], unfinished, progress)]:
            running[submit(sources[chapter])] = chapter
            waiting.remove(chapter)
        if not running:
            cycle = " → ".join(_cycle({str(c.source): sources[c].after[0] for c in waiting}))
            raise error_at(waiting[0].source, 1, f"circular `after:` dependency: {cycle}")
        # only briefly: a chapter may have passed the cell that others wait for
        finished = wait(running, timeout=1, return_when=FIRST_COMPLETED).done
        failed = [future for future in finished if future.exception()]
        for future in finished - set(failed):
            yield running.pop(future), future.result()
        if failed:
            failed[0].result()  # raises


def _may_start(source: Source, unfinished: set[str], progress: Progress) -> bool:
    return source.after[0] not in unfinished or source.after in progress.times


def _cycle(after: dict[str, str]) -> list[str]:
    """Return the chapters of a circular dependency, the first one again at the end."""
    path = [next(iter(after))]
    while (following := after[path[-1]]) not in path:
        path.append(following)
    return [*path[path.index(following) :], following]
