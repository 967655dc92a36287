"""Write the website: pages from the template, their pictures, assets and search index."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bookbuild.outputs import brand
from bookbuild.outputs.notebooks import EDITIONS
from bookbuild.render.book import Book, Page
from bookbuild.run.cache import get_or_create
from bookbuild.source.errors import BookError
from bookbuild.source.project import Chapter, Project

HTML = Path(__file__).parent / "html"  # the template, and the styles and scripts that it links
# A function's name in a formula, unless a bracket follows. Browsers put no space after it.
FUNCTION_NAME = re.compile(r"(<mo>&#8289;</mo>)(?=</mrow>(?!<mo[^>]*>[(\[]))")
COLAB = "https://colab.research.google.com/#fileId={notebook}"
BINDER = "https://mybinder.org/v2/git/{repository}/HEAD?urlpath={path}"
LIVE = "live"  # the site's folder of the live figures' scripts
LIVE_SUFFIXES = (".css", ".js")


def write(book: Book, stage: Path) -> None:
    """Write every page, the sources that pages link to, pictures, styles and scripts."""
    for page, html in zip(book.pages, _pages(book), strict=True):
        path = stage / page.chapter.page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
        _copy_pictures(book.project.root, page, stage)
    write_sources(book, stage)
    write_live_scripts(book, stage)
    (stage / "assets").mkdir(exist_ok=True)
    for file in HTML.iterdir():
        if file.name != "page.html":
            shutil.copyfile(file, stage / "assets" / file.name)
    style = brand.css(brand.read(book.project.root))
    (stage / "assets/tokens.css").write_text(style, encoding="utf-8")


def write_sources(book: Book, site: Path) -> None:
    """Write the source of every chapter with cells, as it was when it was executed."""
    for page in book.pages:
        if page.source.cells:
            path = site / page.chapter.source
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(page.source.lines), encoding="utf-8")


def _copy_pictures(root: Path, page: Page, stage: Path) -> None:
    folder = page.chapter.source.parent
    computed = page.woven.pictures | page.woven.data
    pictures = {Path(folder, p): data for p, data in computed.items()}
    pictures |= {path: (root / path).read_bytes() for path in page.own_pictures(root).values()}
    for path, data in pictures.items():
        (stage / path).parent.mkdir(parents=True, exist_ok=True)
        (stage / path).write_bytes(data)


def _pages(book: Book) -> list[str]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HTML), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("page.html")
    head = _book(book.project)
    return [
        template.render(book=head, page=_page(book, at), nav=_nav(book, page.chapter))
        for at, page in enumerate(book.pages)
    ]


def _book(project: Project) -> dict[str, Any]:
    names = ("title", "subtitle", "author", "description", "lang", "site_url", "version")
    return {name: getattr(project, name) for name in names}


def _page(book: Book, at: int) -> dict[str, Any]:
    page, chapter, rendered = book.pages[at], book.pages[at].chapter, book.pages[at].rendered
    return {
        "path": quote(chapter.page),
        "root": chapter.to_root,
        "number": chapter.number,
        "label": chapter.label,
        "kind": chapter.kind,
        "title": rendered.title,
        "id": rendered.id,
        "live_head": live_head(page),
        "description": page.source.meta.get("description", book.project.description),
        "body": _with_plain_mathml(rendered.texts["html"]),
        "toc": _tree(rendered.toc),
        "prev": _entry(book.pages[at - 1]) if at else None,
        "next": _entry(book.pages[at + 1]) if at + 1 < len(book.pages) else None,
        "links": page_links(book, page),
    }


def _with_plain_mathml(html: str) -> str:
    """Return HTML with formulas that the pages' policy and browsers can handle."""
    # texmath also aligns by its own class; the pages' policy forbids style attributes
    html = re.sub(r'(<m[a-z]+\b[^>]*?) style="[^"]*"', r"\1", html)
    html = html.replace('<math display="block"', '<math tabindex="0" display="block"')  # it scrolls
    return FUNCTION_NAME.sub(r'\1<mspace width="0.167em"></mspace>', html)


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


# Live figures: `start.css` and `start.js` come with the page, the other scripts on a figure's start


def live_head(page: Page) -> str:
    """Return the lines in a page's head that its live figures need, or nothing."""
    if not page.rendered.scripts:
        return ""
    folder = f"{page.chapter.to_root}{LIVE}"
    style = f'<link rel="stylesheet" href="{folder}/start.css">'
    return f'{style}\n<script src="{folder}/start.js" defer></script>'


def write_live_scripts(book: Book, site: Path) -> None:
    """Copy the live figures' scripts and styles into the site, if a page of the book uses them."""
    if not any(page.rendered.scripts for page in book.pages):
        return
    (site / LIVE).mkdir(exist_ok=True)
    for file in sorted((book.project.root / book.project.settings.live_figures).iterdir()):
        if file.suffix in LIVE_SUFFIXES:
            shutil.copyfile(file, site / LIVE / file.name)


# Download and launch links


@dataclass(frozen=True)
class Link:
    """One link in a page's list of downloads."""

    text: str
    target: str
    download: bool = False


def page_links(book: Book, page: Page) -> list[Link]:
    """Return a page's download and launch links, the same for both renderers."""
    project, chapter, name = book.project, page.chapter, quote(page.chapter.source.stem)
    links = []
    if page.source.cells:
        links.append(Link("Notebook", f"{name}.ipynb", download=True))
    if page.source.has_checks:
        links += [Link(text.title(), f"{name}-{text}.ipynb", download=True) for text in EDITIONS]
    if project.kit_name and (page.source.cells or chapter.kind == "index"):
        links.append(Link("Kit", chapter.to_root + quote(project.kit_name), download=True))
    if page.source.cells:
        links += _launch_links(project, page)
    if "pdf" in project.downloads:
        links.append(Link("PDF", chapter.to_root + quote(project.pdf_name)))
    if page.source.cells:
        links.append(Link("Source", f"{name}.qmd"))
    return links


def _launch_links(project: Project, page: Page) -> list[Link]:
    if not project.kit_url:
        return []
    notebook = page.chapter.source.with_suffix(".ipynb")
    address = quote(f"{project.site_url}/{quote(str(notebook))}", safe="")
    links = [Link("Colab", COLAB.format(notebook=address))]
    if folder := project.settings.binder_path:
        repository = quote(project.repo_url or "", safe="")
        path = quote(f"{folder}/{quote(notebook.name)}", safe="")
        links.append(Link("Binder", BINDER.format(repository=repository, path=path)))
    return links


# Search


def write_search(book: Book, stage: Path) -> None:
    """Write pagefind's index of the staged pages; it is made again only after a page changed."""
    pages = [(stage / page.chapter.page).read_bytes() for page in book.pages]

    def make(path: Path) -> None:
        _run_pagefind(stage, path, book.project.lang[:2])
        for widget in path.glob("pagefind-*"):  # the template has a search box of its own
            if not widget.name.startswith(("pagefind-entry", "pagefind-worker")):
                widget.unlink()

    index = get_or_create(book.project.cache / "search", [version("pagefind"), *pages], make)
    shutil.copytree(index, stage / "pagefind")


def _run_pagefind(pages: Path, output: Path, language: str) -> None:
    command = [sys.executable, "-m", "pagefind", "--site", str(pages), "--output-path", str(output)]
    command += ["--force-language", language, "--silent"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not output.is_dir():
        raise BookError(f"pagefind made no search index: {done.stdout}{done.stderr}")
