"""What a page with live figures needs: the project's scripts, and the two lines that load them.

A live figure is `::: {#fig-name .explorable script="name"}` around a cell's picture. The project's
folder `explorables/` has a script for each and what they share; `start.js` and `explorables.css`
come with the page, the others when the reader starts a figure. How that goes is their matter.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bookbuild.book import Book, Page

FOLDER = "explorables"
KINDS = (".css", ".js")


def head(page: Page) -> str:
    """Return what the page's head needs for its live figures, or nothing."""
    if not page.rendered.scripts:
        return ""
    root = f"{page.chapter.to_root}{FOLDER}"
    style = f'<link rel="stylesheet" href="{root}/explorables.css">'
    return f'{style}\n<script src="{root}/start.js" defer></script>'


def write(book: Book, site: Path) -> None:
    """Copy the scripts and the style into the site's folder, if a page of the book uses them."""
    if not any(page.rendered.scripts for page in book.pages):
        return
    (site / FOLDER).mkdir(exist_ok=True)
    for file in sorted((book.project.root / FOLDER).iterdir()):
        if file.suffix in KINDS:
            shutil.copyfile(file, site / FOLDER / file.name)
