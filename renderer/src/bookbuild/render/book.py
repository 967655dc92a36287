"""The executed and rendered book, from which all outputs are written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.render.weave import Woven
from bookbuild.run.results import Results
from bookbuild.source import bibliography
from bookbuild.source.project import Chapter, Project
from bookbuild.source.qmd import Source


@dataclass(frozen=True)
class Rendered:
    """A chapter as pandoc renders it, with what it defines and refers to."""

    title: str  # as plain text
    # "heading" in HTML and "notebook" in Markdown; without notes and links "entry" and "list"
    titles: dict[str, str]
    description: str  # as plain text
    id: str
    label: str  # of the title in the PDF
    texts: dict[str, Any] = field(repr=False)  # "html", "typst", and pieces of "notebook"
    toc: list[dict[str, Any]]  # id, number, title (HTML) and level of each heading
    labels: list[dict[str, Any]]  # id, number alone, text of a reference, whether of a chapter
    refs: list[str]
    links: list[dict[str, Any]]  # target and, if only one format shows it, the format as `only`
    ids: list[dict[str, Any]]  # id and `only`
    cites: list[str]
    pictures: list[str]  # paths as in the text
    raw: list[dict[str, Any]]  # format, text and `only`; "output" for HTML that a cell printed
    examples: list[str]  # the first word of each item of an example list
    lists: list[dict[str, Any]]  # style, delimiter, start, and items: number and first words
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

    def labelled(self, title: str) -> str:
        """Return a form of the title with the chapter's label before it."""
        return f"{self.chapter.label} {title}".strip()

    def own_pictures(self, root: Path) -> dict[str, Path]:
        """Return the pictures that are files of the book: path in the text, path from the root."""
        folder = root / self.chapter.source.parent
        return {
            path: Path(os.path.normpath(folder / unquote(path))).relative_to(root)
            for path in self.rendered.pictures
            if unquote(path) not in self.woven.pictures
        }


@dataclass(frozen=True)
class Book:
    """All chapters in order, executed, woven and rendered."""

    project: Project
    pages: tuple[Page, ...]

    # frozen, so these are computed once for all chapters

    @cached_property
    def page_of_label(self) -> dict[str, str]:
        """The page that has each label."""
        return {
            each["id"]: page.chapter.page for page in self.pages for each in page.rendered.labels
        }

    @cached_property
    def cites(self) -> set[str]:
        """The keys of all works that the book cites."""
        return {key for page in self.pages for key in page.rendered.cites}

    @cached_property
    def works(self) -> set[str]:
        """The keys of all works in the bibliography."""
        texts = [path.read_text(encoding="utf-8-sig") for path in self.project.bibliography]
        return {entry.key for text in texts for entry in bibliography.entries(text)}

    @cached_property
    def chapter_files(self) -> set[str]:
        """The pages and sources of all chapters."""
        return {str(path) for c in self.project.chapters for path in (c.page, c.source)}

    @cached_property
    def added_files(self) -> set[str]:
        """The paths of the files that the build itself adds to the site for readers."""
        paths = {self.project.pdf_name} if "pdf" in self.project.downloads else set()
        for page in self.pages:
            suffixes = [".md", *([".ipynb"] if page.source.cells else [])]
            paths |= {str(page.chapter.source.with_suffix(suffix)) for suffix in suffixes}
        return paths | {self.project.kit_name or ""}

    def without_downloads(self) -> Book:
        """Return the same book without its PDF."""
        return replace(self, project=replace(self.project, downloads=()))
