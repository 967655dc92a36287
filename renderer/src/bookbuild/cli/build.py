"""The build pipeline: read, execute, weave, render, check, then write each output.

An output is a function `write(book, stage)` that adds its files to the staged site. The complete
stage is then installed in the site's folder. If a download fails, the site is written without it,
and the build fails.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bookbuild.outputs import brand, exports, kit, notebooks, pages, pdf, site
from bookbuild.render import weave
from bookbuild.render.book import Book, Page
from bookbuild.render.check import check
from bookbuild.render.pandoc import FORMATS, render
from bookbuild.run.execute import Pool, execute_all, local_pool
from bookbuild.run.results import Results
from bookbuild.source import qmd
from bookbuild.source.errors import DownloadError, IncompleteSiteError, did_you_mean
from bookbuild.source.project import Chapter, Project
from bookbuild.source.qmd import Source

Sources = dict[Chapter, Source]
Write = Callable[[Book, Path], None]

# Groups run in parallel. Within a group, an output may read what those before it have staged.
OUTPUTS: tuple[tuple[Write, ...], ...] = (
    (pages.write, pages.write_search),
    (pdf.write,),
    (notebooks.write, exports.write, kit.write),
)
# Outputs to add to a site that Quarto has written.
DOWNLOADS: tuple[Write, ...] = (
    notebooks.write,
    kit.write,
    pages.write_sources,
    pages.write_live_scripts,
)


def read(project: Project) -> Sources:
    """Read all sources, so that a mistake in the last chapter is reported before the first runs.

    Raises
    ------
    BookError
        With every mistake in the configuration and the sources.
    """
    sources = _read(project)
    if project.problems or any(source.problems for source in sources.values()):
        _assemble_unexecuted(project, sources)  # finds further mistakes, and raises
    return sources


def _read(project: Project) -> Sources:
    brand.read(project.root)  # a mistake in it is reported before anything runs
    sources = {chapter: qmd.read(project.root, chapter.source) for chapter in project.chapters}
    labels = {str(c.source): [cell.id for cell in s.cells] for c, s in sources.items()}
    return {chapter: _with_checked_after(source, labels) for chapter, source in sources.items()}


def _with_checked_after(source: Source, labels: dict[str, list[str]]) -> Source:
    """Add a problem if `after` names a chapter or a cell that the book does not have."""
    chapter, cell = source.after
    if chapter and chapter not in labels:
        message = f"`after` names {chapter}, which is not a chapter{did_you_mean(chapter, labels)}"
    elif chapter == str(source.path):
        message = f"`after` names this chapter itself{', whose cells run in order' if cell else ''}"
    elif cell and cell not in labels[chapter]:
        message = f"`after` names the cell {cell}, which {chapter} does not have"
        message += did_you_mean(cell, labels[chapter])
    else:
        return source
    problem = (source.line_of("after:") or 1, message)
    return replace(source, problems=(*source.problems, problem))


def execute(project: Project, pool: Pool = local_pool) -> dict[Chapter, Results]:
    """Return the results of all chapters; only changed chapters are executed.

    Raises
    ------
    BookError
        With every mistake in the sources, or if a cell fails.
    """
    return executed(project, pool)[1]


def executed(project: Project, pool: Pool = local_pool) -> tuple[Sources, dict[Chapter, Results]]:
    """Return the sources with the results of all chapters; only changed ones are executed.

    Raises
    ------
    BookError
        As `execute` does.
    """
    sources = read(project)
    return sources, execute_all(project, sources, pool)


def assemble(project: Project, pool: Pool = local_pool) -> Book:
    """Return the executed book, checked; only changed chapters are executed.

    Raises
    ------
    BookError
        As `execute` does.
    """
    return _assemble(project, *executed(project, pool), FORMATS)


def check_sources(project: Project) -> None:
    """Check the book without executing it.

    Raises
    ------
    BookError
        With every mistake in the sources.
    """
    _assemble_unexecuted(project, _read(project))


def _assemble_unexecuted(project: Project, sources: Sources) -> None:
    sources = {c: replace(s, blocks=()) if s.is_unparseable else s for c, s in sources.items()}
    blank = {chapter: weave.placeholder_results(source) for chapter, source in sources.items()}
    book = _assemble(project, sources, blank, formats=("html", "typst"))
    if project.downloads:
        pdf.check_glyphs(book)


def _assemble(
    project: Project, sources: Sources, results: dict[Chapter, Results], formats: tuple[str, ...]
) -> Book:
    address = project.site_url
    wovens = {
        chapter: weave.weave(
            source, results[chapter], f"{address}/{chapter.page}" if address else ""
        )
        for chapter, source in sources.items()
    }
    rendered = render(project, wovens, formats)
    pages = tuple(Page(c, sources[c], results[c], wovens[c], rendered[c]) for c in sources)
    book = Book(project, pages)
    check(book)
    return book


def write_pages(project: Project, sources: Sources, results: dict[Chapter, Results]) -> None:
    """Write the pages only; all else in the site stays as it was.

    Raises
    ------
    BookError
        With every mistake that only the woven text shows.
    """
    book = _assemble(project, sources, results, formats=("html",))
    with _locked(project):
        site.install(project, _stage(book, ((pages.write,),)), is_complete=False)


def write_site(project: Project, sources: Sources, results: dict[Chapter, Results]) -> Path:
    """Write the whole site; return its folder.

    Raises
    ------
    BookError
        As `write_pages` and `write` do.
    """
    return write(_assemble(project, sources, results, FORMATS))


def write(book: Book) -> Path:
    """Write the whole site and return its folder; nothing changes until the stage is complete.

    Raises
    ------
    IncompleteSiteError
        If a download, such as the PDF, cannot be made. The site is then written without it.
    """
    project = book.project
    with _locked(project):
        try:
            return site.install(project, _stage(book, OUTPUTS))
        except DownloadError as error:
            target = site.install(project, _stage(book.without_downloads(), OUTPUTS))
            message = f"{error}\n{target.name}/ has the current pages and notebooks, but no PDF"
            raise IncompleteSiteError(message) from None


@contextmanager
def _locked(project: Project) -> Iterator[None]:
    """Let the second of two builds at once wait."""
    project.cache.mkdir(exist_ok=True)
    with (project.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_downloads(book: Book, site: Path) -> None:
    """Add notebooks, kit, sources and live figures' scripts to a site that Quarto has written."""
    for write_output in DOWNLOADS:
        write_output(book, site)


def _stage(book: Book, outputs: tuple[tuple[Write, ...], ...]) -> Path:
    stage = book.project.cache / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda group: [output(book, stage) for output in group], outputs))
    site.copy_host_files(book.project, stage)
    return stage
