"""A built site under test, and where each renderer puts the controls of a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml

import bookbuild
from renderer.tests.support.pages import page_paths

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "_book"
BUILTIN, QUARTO = "bookbuild", "quarto"
GENERATOR = re.compile(r'<meta name="generator" content="([a-z]+)')


@dataclass(frozen=True)
class Controls:
    """CSS selectors of what readers can use on a page."""

    theme: str  # the button that changes the colour theme
    copy: str  # the button that copies a cell's code
    enlarge: str  # the control that enlarges a picture
    enlarged: str  # the enlarged picture
    search: str  # the control that opens the search
    result: str  # a link among the results
    no_result: str  # the message that nothing matches
    note: str  # a note shown beside its link


CONTROLS = {
    BUILTIN: Controls(
        theme="button.theme",
        copy="button.copy",
        enlarge="button.zoom",
        enlarged="dialog.lightbox[open] img",
        search="button.search-open",
        result="dialog.search .results a",
        no_result="dialog.search .status:has-text('No sections found')",
        note="#tip",
    ),
    QUARTO: Controls(
        theme=".quarto-color-scheme-toggle",
        copy=".code-copy-button",
        enlarge="main a.lightbox",
        enlarged=".glightbox-container .gslide.current img",
        search="#quarto-search input",
        result=".aa-Panel a.search-result-link",
        no_result=".aa-Panel .aa-SourceNoResults",
        note=".tippy-content",
    ),
}


def renderer_of(folder: Path) -> str:
    """Return which renderer built a site, judging by its first page, or "" if there is no site."""
    page = folder / "index.html"
    generator = page.is_file() and GENERATOR.search(page.read_text(encoding="utf-8"))
    return generator[1] if generator else ""


@cache
def no_quarto_site() -> str:
    """Return why Quarto's site cannot be tested, or "" if it can."""
    if renderer_of(BOOK) == QUARTO:
        return ""
    quarto, reason = bookbuild.find_quarto("auto")
    return "" if quarto else f"Quarto's site is not tested: {reason}"


@dataclass(frozen=True)
class Site:
    """A built site, served on this machine."""

    folder: Path
    url: str
    sources: Path  # the folder of the book's sources

    @cached_property
    def renderer(self) -> str:
        """The renderer that built it."""
        return renderer_of(self.folder)

    @property
    def controls(self) -> Controls:
        """Where its controls are."""
        return CONTROLS[self.renderer]

    @property
    def is_real(self) -> bool:
        """Whether it is a site of this book, not of the small test book."""
        return self.sources == ROOT

    @cached_property
    def pages(self) -> list[str]:
        """The paths of all pages, relative to the site."""
        return page_paths(self.folder)

    @cached_property
    def chapter(self) -> str:
        """The longest page: it has the most of everything."""
        return max(self.pages, key=lambda page: (self.folder / page).stat().st_size)

    @property
    def configuration(self) -> dict:
        """The book's configuration, as YAML reads it."""
        return yaml.safe_load((self.sources / "_quarto.yml").read_text(encoding="utf-8"))

    @property
    def pdf(self) -> Path:
        """The site's only PDF."""
        (file,) = self.folder.glob("*.pdf")
        return file
