"""The way through the house: read, execute, weave, render, check, then each output in its turn.

An output is a function `write(book, stage)` that adds its files to the staged site. The stage then
replaces the last site as a whole. Only the PDF may be missing from it, and then the build fails.
"""

from __future__ import annotations

import fcntl
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bookbuild import kit, machines, notebooks, pages, pdf, practice, qmd, search, weave
from bookbuild.book import Book, Page
from bookbuild.check import check
from bookbuild.errors import DownloadError, Incomplete, did_you_mean
from bookbuild.execute import Workers, execute_all, forget_others, here
from bookbuild.outputs import Results
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Source
from bookbuild.render import FORMATS, render

# Groups run side by side. Within a group an output reads what those before it have staged.
OUTPUTS = (
    (pages.write, search.write),
    (pdf.write,),
    (notebooks.write, practice.write, machines.write, kit.write),
)


def read(project: Project) -> dict[Chapter, Source]:
    """Read all sources: a mistake in the last chapter is told before the first is executed.

    Raises
    ------
    BookError
        With all that is wrong in the configuration and the sources.
    """
    sources = _read(project)
    if project.problems or any(source.problems for source in sources.values()):
        _unexecuted(project, sources)  # raises, and finds what else is wrong
    return sources


def _read(project: Project) -> dict[Chapter, Source]:
    sources = {chapter: qmd.read(project.root, chapter.source) for chapter in project.chapters}
    labels = {str(c.source): [cell.id for cell in s.cells] for c, s in sources.items()}
    return {chapter: _after_a_chapter(source, labels) for chapter, source in sources.items()}


def _after_a_chapter(source: Source, labels: dict[str, list[str]]) -> Source:
    """Note as a problem if `after` names a chapter or a cell that the book does not have."""
    chapter, cell = source.after
    if chapter and chapter not in labels:
        message = f"`after` names {chapter}, which is no chapter{did_you_mean(chapter, labels)}"
    elif cell and cell not in labels[chapter]:
        message = f"`after` names the cell {cell}, which {chapter} does not have"
        message += did_you_mean(cell, labels[chapter])
    else:
        return source
    problem = (source.line_of("after:") or 1, message)
    return replace(source, problems=(*source.problems, problem))


def executed_book(project: Project, workers: Workers = here) -> Book:
    """Return the book, checked; only what has changed is executed."""
    sources = read(project)
    results = execute_all(project, sources, workers)
    forget_others(project, sources)
    return _assemble(project, sources, results, FORMATS)


def unexecuted_book(project: Project) -> Book:
    """Return the book, checked, with placeholders for what its cells would give."""
    return _unexecuted(project, _read(project))


def _unexecuted(project: Project, sources: dict[Chapter, Source]) -> Book:
    sources = {c: replace(s, blocks=()) if s.is_torn else s for c, s in sources.items()}
    blank = {chapter: weave.unexecuted(source) for chapter, source in sources.items()}
    book = _assemble(project, sources, blank, formats=("html", "typst"))
    if project.downloads:
        pdf.check_letters(book)
    return book


def write(book: Book) -> Path:
    """Write the whole site and return its folder; the last one stays until this one is complete.

    Raises
    ------
    Incomplete
        Where a download, such as the PDF, cannot be made. The site is then written without it.
    """
    project = book.project
    project.cache.mkdir(exist_ok=True)
    with (project.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once: the second waits
        try:
            return _swap(project, _staged(book))
        except DownloadError as error:
            target = _swap(project, _staged(book.without_downloads()))
            message = f"{error}\n{target.name}/ has the pages and notebooks as they are, and no PDF"
            raise Incomplete(message) from None


def _staged(book: Book) -> Path:
    stage = book.project.cache / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda group: [output(book, stage) for output in group], OUTPUTS))
    return stage


def _assemble(
    project: Project,
    sources: dict[Chapter, Source],
    results: dict[Chapter, Results],
    formats: tuple[str, ...],
) -> Book:
    site = project.site_url
    wovens = {
        chapter: weave.weave(source, results[chapter], f"{site}/{chapter.page}" if site else "")
        for chapter, source in sources.items()
    }
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
