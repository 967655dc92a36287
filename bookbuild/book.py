"""The book with all that is known of it: what pages, PDF, notebooks and search are made from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.errors import BookError
from bookbuild.outputs import Results
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Source
from bookbuild.weave import Woven


@dataclass(frozen=True)
class Rendered:
    """What pandoc found in a chapter, and its text in each format."""

    title: str
    id: str
    texts: dict[str, str] = field(repr=False)  # "html", "typst", "notebook"
    toc: list[dict[str, Any]]  # id, number, title (HTML) and level of each heading
    labels: list[dict[str, Any]]  # id, number alone, text of a reference, whether it is a chapter's
    refs: list[str]
    links: list[str]
    cites: list[str]
    pictures: list[str]  # paths as the text has them
    scripts: list[str]  # names of the live figures' scripts
    problems: list[dict[str, Any]]  # message, and the token or line that it speaks of


@dataclass(frozen=True)
class Page:
    """One chapter of the book."""

    chapter: Chapter
    source: Source
    results: Results
    woven: Woven
    rendered: Rendered

    def own_pictures(self, root: Path) -> dict[str, Path]:
        """Return the pictures that no cell draws: path as the text has it, path from the root."""
        folder = root / self.chapter.source.parent
        files = {
            path: (folder / unquote(path)).resolve()
            for path in self.rendered.pictures
            if unquote(path) not in self.woven.pictures
        }
        for file in files.values():
            if not file.is_relative_to(root):
                raise BookError(f"{file}: a picture must lie in the project's folder")
        return {path: file.relative_to(root) for path, file in files.items()}


@dataclass(frozen=True)
class Book:
    """All chapters, executed, woven and rendered, in order."""

    project: Project
    pages: tuple[Page, ...]

    def without_downloads(self) -> Book:
        """Return the book as it is without its PDF."""
        return replace(self, project=replace(self.project, downloads=()))
