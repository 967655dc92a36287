"""Follow a chapter's links: to ids on its page, to other pages, and to files of the project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from bookbuild.render.book import Book, Page
from bookbuild.source import policy
from bookbuild.source.errors import did_you_mean

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:|//", re.IGNORECASE)
OWN_MACHINE = re.compile(r"file:", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where a link leads within the site."""

    path: str  # a page or a file, from the root
    anchor: str = ""


def resolve(page: str, address: str) -> Target | None:
    """Return where an address on a page leads; None if to another site. links.lua does the same."""
    if ELSEWHERE.match(address):
        return None
    path, _, anchor = address.partition("#")
    path = unquote(path.partition("?")[0])
    if not path:
        return Target(page, unquote(anchor))
    folder = "" if path.startswith("/") else posixpath.dirname(page)
    path = posixpath.normpath(posixpath.join(folder, path.lstrip("/")))
    return Target("index.html" if path == "." else path, unquote(anchor))


def addresses(page: Page) -> Iterator[tuple[str, str]]:
    """Yield a chapter's addresses in text and raw HTML, each with the only format that has it."""
    for link in page.rendered.links:
        yield link["target"], link.get("only", "")
    for raw in page.rendered.raw:
        if raw["format"] == raw.get("only") == "html":
            yield from ((address, "html") for address in policy.links(raw["text"]))


def linked_files(book: Book, page: Page) -> set[str]:
    """Return the files of the project that a page links to, by path from the root."""
    targets = [resolve(page.chapter.page, address) for address, _ in addresses(page)]
    paths = {target.path for target in targets if target}
    return {path for path in paths - book.chapter_files if (book.project.root / path).is_file()}


class Site:
    """The pages, ids and files in a book's site to which links can lead."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.ids = {
            (page.chapter.page, form): _ids(book, page, form)
            for page in book.pages
            for form in ("html", "typst")
        }
        self.pages = [page.chapter.page for page in book.pages]

    def problem(self, page: Page, address: str, only: str) -> str | None:
        """Return why an address leads nowhere, or None."""
        if not address:
            return "this link has no target"
        if policy.is_script(address):
            return f"the link {address} is a script: the pages' policy forbids it"
        target = resolve(page.chapter.page, address)
        if target and self._is_private(target.path):
            return f"the link {address} leads to a hidden file, which would be published"
        if OWN_MACHINE.match(address) or (target and self._is_outside(target.path)):
            return f"the link {address} leads outside the project's folder; copy the file into it"
        return self._missing(page.chapter.page, address, target, only) if target else None

    def _missing(self, here: str, address: str, target: Target, only: str) -> str | None:
        name, suffix = posixpath.splitext(target.path)
        page = f"{name}.html" if suffix == ".qmd" else target.path
        if suffix == ".qmd" and not target.anchor:
            return "this links to a chapter's file: write @sec-name instead"
        if page in self.pages:
            ids = self.ids[page, only or "html"]
            if not target.anchor or target.anchor in ids:
                return None
            return f"the link {address} has no target{did_you_mean(target.anchor, ids)}"
        if suffix == ".qmd" or (suffix == ".html" and not self._is_file(target.path)):
            return self._missing_page(here, address, suffix)
        return self._missing_file(address, target.path)

    def _missing_page(self, here: str, address: str, suffix: str) -> str:
        kind = "chapter" if suffix == ".qmd" else "page"
        paths = [posixpath.relpath(each, posixpath.dirname(here)) for each in self.pages]
        known = [posixpath.splitext(path)[0] + suffix for path in paths]
        near = did_you_mean(unquote(address.partition("#")[0]), known)
        return f"the link {address} leads to a {kind} that does not exist{near}"

    def _missing_file(self, address: str, path: str) -> str | None:
        file = self.book.project.root / path
        if self._is_file(path):
            return None
        if file.is_dir():
            return f"the link {address} leads to a folder; link to a file in it"
        siblings = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
        return f"the linked file {address} does not exist{did_you_mean(file.name, siblings)}"

    @staticmethod
    def _is_private(path: str) -> bool:
        return any(part.startswith(".") and part not in (".", "..") for part in path.split("/"))

    def _is_outside(self, path: str) -> bool:
        root = self.book.project.root
        return path.split("/")[0] == ".." or not (root / path).resolve().is_relative_to(root)

    def _is_file(self, path: str) -> bool:
        return (self.book.project.root / path).is_file() or path in self.book.added_files


def _ids(book: Book, page: Page, form: str) -> set[str]:
    """Return all ids in a form of a page."""
    ids = {each["id"] for each in page.rendered.ids if each.get("only", form) == form}
    for raw in page.rendered.raw:
        if raw["format"] == raw.get("only") == form == "html":
            ids |= {*policy.ids(raw["text"])}
    if "refs" in ids:
        ids |= {f"ref-{key}" for key in book.cites}
    return ids
