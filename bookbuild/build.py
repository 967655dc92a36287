"""The way through the house: read, execute, weave, render, check, then each output in its turn.

It knows no format. An output is a function `write(book, stage)` that adds its files to the staged
site; the site that stands is replaced by the stage when all of them are done, or not at all.
"""

from __future__ import annotations

import fcntl
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bookbuild import machines, notebooks, pages, pdf, qmd, search, weave
from bookbuild.book import Book, Page
from bookbuild.check import check
from bookbuild.errors import did_you_mean, error_at
from bookbuild.execute import Workers, execute_all, forget_others, here
from bookbuild.outputs import Results
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Source
from bookbuild.render import FORMATS, render

# Side by side, save that the search index is made of the pages.
OUTPUTS = ((pages.write, search.write), (pdf.write,), (notebooks.write, machines.write))


def read(project: Project) -> dict[Chapter, Source]:
    """Read all sources: a mistake in the last chapter is told before the first is executed."""
    sources = {chapter: qmd.read(project.root, chapter.source) for chapter in project.chapters}
    names = {str(chapter.source) for chapter in sources}
    for source in sources.values():
        after = source.meta.get("after")
        if after is not None and after not in names:
            message = f"`after` names {after}, which is no chapter{did_you_mean(str(after), names)}"
            raise error_at(source.path, source.line_of("after:"), message)
    return sources


def executed_book(project: Project, workers: Workers = here) -> Book:
    """Return the book, checked; only what has changed is executed."""
    sources = read(project)
    results = execute_all(project, sources, workers)
    forget_others(project, sources)
    return _assemble(project, sources, results, FORMATS)


def unexecuted_book(project: Project) -> Book:
    """Return the book, checked, with placeholders for what its cells would give."""
    sources = read(project)
    blank = {chapter: weave.unexecuted(source) for chapter, source in sources.items()}
    return _assemble(project, sources, blank, formats=("html",))


def write(book: Book) -> Path:
    """Write the whole site and return its folder; the last one stays until this one is complete."""
    project = book.project
    project.cache.mkdir(exist_ok=True)
    with (project.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once: the second waits
        stage = project.cache / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda group: [output(book, stage) for output in group], OUTPUTS))
        return _swap(project, stage)


def _assemble(
    project: Project,
    sources: dict[Chapter, Source],
    results: dict[Chapter, Results],
    formats: tuple[str, ...],
) -> Book:
    wovens = {c: weave.weave(source, results[c]) for c, source in sources.items()}
    rendered = render(project, wovens, formats)
    found = [Page(c, sources[c], results[c], wovens[c], rendered[c]) for c in sources]
    book = Book(project, tuple(found))
    check(book)
    return book


def _swap(project: Project, stage: Path) -> Path:
    target, old = project.root / project.output, project.cache / "old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    stage.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return target
