"""The executed and rendered book, from which all outputs are written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.render.weave import Woven
from bookbuild.run.results import Results
from bookbuild.source.errors import BookError
from bookbuild.source.project import Chapter, Project
from bookbuild.source.qmd import Source


@dataclass(frozen=True)
class Rendered:
    """A chapter as pandoc renders it, with what it defines and refers to."""

    title: str
    id: str
    texts: dict[str, Any] = field(repr=False)  # "html", "typst", and pieces of "notebook"
    toc: list[dict[str, Any]]  # id, number, title (HTML) and level of each heading
    labels: list[dict[str, Any]]  # id, number alone, text of a reference, whether of a chapter
    refs: list[str]
    links: list[str]
    cites: list[str]
    pictures: list[str]  # paths as in the text
    raw_html: list[str]
    scripts: list[str]  # names of the live figures' scripts
    problems: list[dict[str, Any]]  # message, and the token or line that it is about


@dataclass(frozen=True)
class Page:
    """One chapter of the book."""

    chapter: Chapter
    source: Source
    results: Results
    woven: Woven
    rendered: Rendered

    @property
    def full_title(self) -> str:
        """The title with the chapter's label."""
        return f"{self.chapter.label} {self.rendered.title}".strip()

    def own_pictures(self, root: Path) -> dict[str, Path]:
        """Return the pictures that are files of the book: path in the text, path from the root."""
        folder = root / self.chapter.source.parent
        files = {
            path: (folder / unquote(path)).resolve()
            for path in self.rendered.pictures
            if unquote(path) not in self.woven.pictures
        }
        for file in files.values():
            if not file.is_relative_to(root):
                raise BookError(f"{file}: a picture must be in the project's folder")
        return {path: file.relative_to(root) for path, file in files.items()}


@dataclass(frozen=True)
class Book:
    """All chapters in order, executed, woven and rendered."""

    project: Project
    pages: tuple[Page, ...]

    def without_downloads(self) -> Book:
        """Return the same book without its PDF."""
        return replace(self, project=replace(self.project, downloads=()))
