"""Write the website: pages from the template, their pictures, assets and search index."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bookbuild.outputs import brand
from bookbuild.outputs.notebooks import EDITIONS
from bookbuild.render.book import Book, Page
from bookbuild.render.links import linked_files
from bookbuild.run.cache import get_or_create
from bookbuild.source.errors import BookError
from bookbuild.source.project import Chapter, Project

HTML = Path(__file__).parent / "html"  # the template, and the styles and scripts that it links
# A function's name in a formula, unless a bracket follows. Browsers put no space after it.
FUNCTION_NAME = re.compile(r"(<mo>&#8289;</mo>)(?=</mrow>(?!<mo[^>]*>[(\[]))")
RICH_HEADING = re.compile(r'<(h[1-6])([^>]*) data-title="([^"]*)"[^>]*>.*?</\1>', re.DOTALL)
CODE_TAG = re.compile(r"<(pre|code|kbd|samp)\b(?![^>]*\stranslate=)")
COLAB = "https://colab.research.google.com/#fileId={notebook}"
BINDER = "https://mybinder.org/v2/git/{repository}/HEAD?urlpath={path}"
# A formula's annotation is its TeX, which pages do not show.
PAGEFIND = ("--exclude-selectors", "annotation", "--silent")
LIVE = "live"  # the site's folder of the live figures' scripts
LIVE_SUFFIXES = (".css", ".js")


def write(book: Book, stage: Path) -> None:
    """Write every page, the sources that pages link to, pictures, styles and scripts."""
    for page, html in zip(book.pages, _pages(book), strict=True):
        path = stage / page.chapter.page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
        _copy_pictures(book.project.root, page, stage)
        _copy_linked_files(book, page, stage)
    write_sources(book, stage)
    write_live_scripts(book, stage)
    (stage / "assets").mkdir(exist_ok=True)
    for file in HTML.iterdir():
        if file.suffix != ".html":
            shutil.copyfile(file, stage / "assets" / file.name)
    style = brand.css(brand.read(book.project.root))
    (stage / "assets/tokens.css").write_text(style, encoding="utf-8")
    if icon := book.project.favicon:
        shutil.copyfile(icon, stage / "assets" / _favicon(book.project))


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


def _copy_linked_files(book: Book, page: Page, stage: Path) -> None:
    for path in linked_files(book, page):
        (stage / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(book.project.root / path, stage / path)


def _pages(book: Book) -> list[str]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HTML), autoescape=True, undefined=StrictUndefined
    )
    template, chapters = map(environment.get_template, ("page.html", "chapters.html"))
    head, groups = _book(book.project), _groups(book)
    roots = {page.chapter.to_root for page in book.pages}
    navs = {root: chapters.render(groups=groups, root=root) for root in roots}
    return [
        _with_untranslated_code(
            template.render(book=head, page=_page(book, at), nav=_nav(navs, page.chapter))
        )
        for at, page in enumerate(book.pages)
    ]


def _with_untranslated_code(html: str) -> str:
    """Return HTML whose code is marked as not to be translated."""
    return CODE_TAG.sub(r'<\1 translate="no"', html)


def _book(project: Project) -> dict[str, Any]:
    about = ("title", "subtitle", "author", "description", "lang", "version")
    names = (*about, "site_url", "repo_url", "has_search")
    values = {name: getattr(project, name) for name in names}
    return values | {"favicon": _favicon(project)}


def _favicon(project: Project) -> str:
    """Return the name of the favicon in the site's assets."""
    return f"favicon{project.favicon.suffix}" if project.favicon else "favicon.svg"


def _page(book: Book, at: int) -> dict[str, Any]:
    page, chapter, rendered = book.pages[at], book.pages[at].chapter, book.pages[at].rendered
    return {
        "path": quote(chapter.page),
        "root": chapter.to_root,
        "number": chapter.number,
        "label": chapter.label,
        "kind": chapter.kind,
        "title": rendered.title,
        "heading": _with_plain_mathml(rendered.titles["heading"]),
        "id": rendered.id,
        "live_head": live_head(page),
        "description": rendered.description or book.project.description,
        "body": _with_plain_mathml(rendered.texts["html"]),
        "toc": _tree(_plain_toc(rendered.toc), book.project.toc_depth),
        "prev": _entry(book.pages[at - 1]) if at else None,
        "next": _entry(book.pages[at + 1]) if at + 1 < len(book.pages) else None,
        "links": page_links(book, page),
    }


def _with_plain_mathml(html: str) -> str:
    """Return HTML with formulas that browsers can handle."""
    return FUNCTION_NAME.sub(r'\1<mspace width="0.167em"></mspace>', html)


def _plain_toc(headings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [heading | {"title": _with_plain_mathml(heading["title"])} for heading in headings]


def _entry(page: Page) -> dict[str, Any]:
    chapter, title = page.chapter, _with_plain_mathml(page.rendered.titles["entry"])
    return {"path": quote(chapter.page), "label": chapter.label, "title": title}


def _groups(book: Book) -> list[dict[str, Any]]:
    """Return the parts with their pages, for the list of all chapters."""
    groups: list[dict[str, Any]] = []
    for page in book.pages:
        part = page.chapter.part
        if not groups or (groups[-1]["title"] or "") != part:
            groups.append({"title": part or None, "pages": []})
        groups[-1]["pages"].append(_entry(page))
    return groups


def _nav(navs: dict[str, str], current: Chapter) -> str:
    """Return the list of all chapters, in which one is the current page."""
    link = f'<a href="{current.to_root}{quote(current.page)}"'
    return navs[current.to_root].replace(link, f'{link} aria-current="page"', 1)


def _tree(headings: list[dict[str, Any]], depth: int) -> list[dict[str, Any]]:
    """Return the headings down to level `depth`, each with those below it as its children."""
    root: dict[str, Any] = {"level": 1, "children": []}
    path = [root]
    for heading in headings:
        if heading["level"] <= depth:
            while path[-1]["level"] >= heading["level"]:
                path.pop()
            path[-1]["children"].append(heading | {"children": []})
            path.append(path[-1]["children"][-1])
    return root["children"]


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
    """Write pagefind's index of the staged pages; rebuild it only if a page has changed."""
    if not book.project.has_search:
        return
    paths = [page.chapter.page for page in book.pages]
    pages = [_with_plain_titles((stage / path).read_text(encoding="utf-8")) for path in paths]

    def make(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, page in zip(paths, pages, strict=True):
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                Path(folder, name).write_text(page, encoding="utf-8")
            _run_pagefind(Path(folder), path, book.project.lang[:2])
        for widget in path.glob("pagefind-*"):  # the template has a search box of its own
            if not widget.name.startswith(("pagefind-entry", "pagefind-worker")):
                widget.unlink()

    key_parts = [version("pagefind"), *PAGEFIND, *pages]
    index = get_or_create(book.project.cache / "search", key_parts, make)
    shutil.copytree(index, stage / "pagefind")


def _with_plain_titles(html: str) -> str:
    """Return a page whose headings are text, since results show neither formulas nor notes."""
    return RICH_HEADING.sub(r"<\1\2>\3</\1>", html)


def _run_pagefind(pages: Path, output: Path, language: str) -> None:
    command = [sys.executable, "-m", "pagefind", "--site", str(pages), "--output-path", str(output)]
    command += ["--force-language", language, *PAGEFIND]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not output.is_dir():
        raise BookError(f"pagefind made no search index: {done.stdout}{done.stderr}")
