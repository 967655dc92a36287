"""The pages of the website: what pandoc wrote of each chapter, set into the template."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bookbuild import explorables
from bookbuild.book import Book, Page
from bookbuild.project import Chapter, Project

PARTS = Path(__file__).parent / "html"  # the template, and the style and scripts that it links to
# What follows a function's name in a formula, unless it is a bracket. Browsers set no space there.
APPLIED = re.compile(r"(<mo>&#8289;</mo>)(?=</mrow>(?!<mo[^>]*>[(\[]))")


def write(book: Book, stage: Path) -> None:
    """Write every page, the sources that they link to, pictures, style and scripts."""
    for page, html in zip(book.pages, _pages(book), strict=True):
        path = stage / page.chapter.page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
        if page.source.cells:
            # as it was read: an author may have written on while the cells ran
            source = stage / page.chapter.source
            source.write_text("\n".join(page.source.lines), encoding="utf-8")
        _copy_pictures(book.project.root, page, stage)
    explorables.write(book, stage)
    (stage / "assets").mkdir(exist_ok=True)
    for file in PARTS.iterdir():
        if file.name != "page.html":
            shutil.copyfile(file, stage / "assets" / file.name)


def _copy_pictures(root: Path, page: Page, stage: Path) -> None:
    folder = page.chapter.source.parent
    made = page.woven.pictures | page.woven.data
    pictures = {Path(folder, p): data for p, data in made.items()}
    pictures |= {path: (root / path).read_bytes() for path in page.own_pictures(root).values()}
    for path, data in pictures.items():
        (stage / path).parent.mkdir(parents=True, exist_ok=True)
        (stage / path).write_bytes(data)


def _pages(book: Book) -> list[str]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("page.html")
    head = _book(book.project)
    return [
        template.render(book=head, page=_page(book, at), nav=_nav(book, page.chapter))
        for at, page in enumerate(book.pages)
    ]


def _book(project: Project) -> dict[str, Any]:
    names = ("title", "subtitle", "author", "description", "lang", "site_url", "version")
    has_pdf = "pdf" in project.downloads
    return {name: getattr(project, name) for name in names} | {
        "pdf": quote(project.pdf_name) if has_pdf else None
    }


def _page(book: Book, at: int) -> dict[str, Any]:
    page, chapter, rendered = book.pages[at], book.pages[at].chapter, book.pages[at].rendered
    name = quote(chapter.source.stem)
    return {
        "path": quote(chapter.page),
        "root": chapter.to_root,
        "number": chapter.number,
        "label": chapter.label,
        "kind": chapter.kind,
        "title": rendered.title,
        "id": rendered.id,
        "explorables": explorables.head(page),
        "description": page.source.meta.get("description", book.project.description),
        "body": _mathml(rendered.texts["html"]),
        "toc": _tree(rendered.toc),
        "prev": _entry(book.pages[at - 1]) if at else None,
        "next": _entry(book.pages[at + 1]) if at + 1 < len(book.pages) else None,
        "notebook": f"{name}.ipynb" if page.source.cells else None,
        "source": f"{name}.qmd" if page.source.cells else None,
    }


def _mathml(html: str) -> str:
    """Return HTML with its formulas as the pages can show them."""
    # texmath aligns by class of its own, too; the pages' policy forbids style attributes
    html = re.sub(r'(<m[a-z]+\b[^>]*?) style="[^"]*"', r"\1", html)
    html = html.replace('<math display="block"', '<math tabindex="0" display="block"')  # it scrolls
    return APPLIED.sub(r'\1<mspace width="0.167em"></mspace>', html)


def _entry(page: Page) -> dict[str, Any]:
    chapter = page.chapter
    return {"path": quote(chapter.page), "label": chapter.label, "title": page.rendered.title}


def _nav(book: Book, current: Chapter) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for page in book.pages:
        part = page.chapter.part
        if not groups or (groups[-1]["title"] or "") != part:
            groups.append({"title": part or None, "pages": []})
        groups[-1]["pages"].append(_entry(page) | {"current": page.chapter == current})
    return groups


def _tree(headings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return level-3 headings as children of the level-2 heading before them."""
    tree: list[dict[str, Any]] = []
    for heading in headings:
        node = {key: heading[key] for key in ("id", "number", "title")} | {"children": []}
        siblings = tree[-1]["children"] if heading["level"] > 2 and tree else tree
        siblings.append(node)
    return tree
