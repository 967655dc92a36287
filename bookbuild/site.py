"""The website: pages, navigation and search index, swapped into place when whole."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bookbuild import execute, machines, pandoc, qmd, takeaway, weave
from bookbuild.book import Book
from bookbuild.check import check
from bookbuild.project import BookError, Chapter, Project
from bookbuild.qmd import Source

PAGE = Path(__file__).parent / "html"  # the template, and the files that it links to


def read(project: Project) -> dict[Chapter, Source]:
    """Read all sources: a mistake in the last chapter is told before the first is executed."""
    return {chapter: qmd.read(project.root, chapter.source) for chapter in project.chapters}


def execute_all(project: Project, sources: dict[Chapter, Source]) -> dict[Chapter, dict[str, Any]]:
    """Return each chapter's results, from the cache where nothing has changed."""
    progress = execute.Progress()
    try:
        return {c: execute.results(project, source, progress) for c, source in sources.items()}
    finally:
        progress.summary()  # an error's message begins on a line of its own


def prepare(
    project: Project, sources: dict[Chapter, Source], results: dict[Chapter, dict[str, Any]]
) -> Book:
    """Weave the chapters and check what they say of each other."""
    wovens = {c: weave.weave(source, results[c]) for c, source in sources.items()}
    with ThreadPoolExecutor() as pool:
        collected = pool.map(lambda item: pandoc.collect(project, *item), wovens.items())
        found = dict(zip(wovens, collected, strict=True))
    check(project, wovens, found)
    return Book(project, sources, results, wovens, found)


def write(book: Book, pdf: Future[bytes] | None = None) -> Path:
    """Write the whole site; the last one stays in place until this one is complete."""
    project = book.project
    project.cache.mkdir(exist_ok=True)
    with (project.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once: the second waits
        return _swap(project, _stage(book, pdf))


def _stage(book: Book, pdf: Future[bytes] | None) -> Path:
    project, stage = book.project, book.project.cache / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    pages = _pages(book, bool(pdf))
    for chapter, html in pages.items():
        _write_chapter(book, chapter, html, stage)
    machines.write(book, stage)
    not_served = shutil.ignore_patterns("page.html")
    shutil.copytree(PAGE, stage / "assets", ignore=not_served, dirs_exist_ok=True)
    _search_index(project, pages, stage)
    if pdf:
        (stage / project.pdf_name).write_bytes(pdf.result())
    return stage


def _write_chapter(book: Book, chapter: Chapter, html: str, stage: Path) -> None:
    project, woven = book.project, book.wovens[chapter]
    page = stage / chapter.page
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    if woven.source.cells:
        notebook = takeaway.notebook(book, chapter)
        text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
        page.with_suffix(".ipynb").write_text(text, encoding="utf-8")
        # as it was read: an author may have written on while the cells ran
        (stage / chapter.source).write_text("\n".join(woven.source.lines), encoding="utf-8")
    for path, data in woven.pictures.items():
        target = page.parent / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for picture in book.own_pictures(chapter).values():
        target = stage / picture
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / picture, target)


def _swap(project: Project, stage: Path) -> Path:
    target, old = project.root / project.output, project.cache / "old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    stage.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return target


# Pages


def _pages(book: Book, has_pdf: bool) -> dict[Chapter, str]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("page.html")
    head = _book(book.project, has_pdf)
    return {
        chapter: template.render(book=head, page=_page(book, chapter), nav=_nav(book, chapter))
        for chapter in book.project.chapters
    }


def _book(project: Project, has_pdf: bool) -> dict[str, Any]:
    names = ("title", "subtitle", "author", "description", "lang", "site_url", "version")
    return {name: getattr(project, name) for name in names} | {
        "pdf": quote(project.pdf_name) if has_pdf else None
    }


def _page(book: Book, chapter: Chapter) -> dict[str, Any]:
    chapters, held = book.project.chapters, book.found[chapter]
    source, at = book.sources[chapter], chapters.index(chapter)
    name = quote(chapter.source.stem)
    return {
        "path": quote(chapter.page),
        "root": chapter.to_root,
        "number": chapter.number,
        "label": chapter.label,
        "kind": chapter.kind,
        "title": held["title"],
        "id": held["id"],
        "description": source.meta.get("description", book.project.description),
        "body": pandoc.render(book.project, chapter, book.wovens[chapter], book.found),
        "toc": _tree(held["toc"]),
        "prev": _entry(book, chapters[at - 1]) if at else None,
        "next": _entry(book, chapters[at + 1]) if at + 1 < len(chapters) else None,
        "notebook": f"{name}.ipynb" if source.cells else None,
        "source": f"{name}.qmd" if source.cells else None,
    }


def _entry(book: Book, chapter: Chapter) -> dict[str, Any]:
    title = book.found[chapter]["title"]
    return {"path": quote(chapter.page), "label": chapter.label, "title": title}


def _nav(book: Book, current: Chapter) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for chapter in book.project.chapters:
        if not groups or (groups[-1]["title"] or "") != chapter.part:
            groups.append({"title": chapter.part or None, "pages": []})
        groups[-1]["pages"].append(_entry(book, chapter) | {"current": chapter == current})
    return groups


def _tree(headings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return level-3 headings as children of the level-2 heading before them."""
    tree: list[dict[str, Any]] = []
    for heading in headings:
        node = {key: heading[key] for key in ("id", "number", "title")} | {"children": []}
        siblings = tree[-1]["children"] if heading["level"] > 2 and tree else tree
        siblings.append(node)
    return tree


# Search


def _search_index(project: Project, pages: dict[Chapter, str], stage: Path) -> None:
    """Write pagefind's index of the staged pages; it is kept under a hash of them all."""
    text = "\0".join([version("pagefind"), *pages.values()])
    digest = hashlib.sha256(text.encode()).hexdigest()
    kept = project.cache / "search" / digest[:24]
    if not kept.exists():
        shutil.rmtree(kept.parent, ignore_errors=True)
        partial = kept.parent / "partial"
        _pagefind(stage, partial, project.lang[:2])
        for widget in partial.glob("pagefind-*"):  # its own search boxes: the template has ours
            if not widget.name.startswith(("pagefind-entry", "pagefind-worker")):
                widget.unlink()
        partial.rename(kept)
    shutil.copytree(kept, stage / "pagefind")


def _pagefind(pages: Path, output: Path, language: str) -> None:
    command = [sys.executable, "-m", "pagefind", "--site", str(pages), "--output-path", str(output)]
    command += ["--force-language", language, "--silent"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not output.is_dir():
        raise BookError(f"pagefind made no search index: {done.stdout}{done.stderr}")
