"""Practice notebooks: the exercises of a chapter, with cells to fill in and cells that check them.

In a chapter whose cells have the option `check`, a collapsed tip is a solution. Of such a chapter
there are two notebooks: one with an empty cell in place of each solution, for students, and one
with the solutions. A cell with `check: q.one, q.two` checks these answers with assertions, whose
messages say what to look at; here they end in a sentence, not in a traceback.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bookbuild import notebooks
from bookbuild.book import Book, Page

Cell = dict[str, Any]  # of a notebook

VERSIONS = {"practice": False, "solutions": True}  # file name's ending, and whether it is solved
ABOUT = "for practice: write your answers in place of the dots, then run the check below them."
SOLVED = "with a solution of each exercise."
DISCUSS = "*This one is for discussion: there is no single answer that a cell could check.*"
CHECK = """\
# Check your answer
try:
    if any(answer is ... for answer in [{answers}]):
        raise AssertionError("put your answers in place of the dots in the cell above")
{assertions}
except AssertionError as hint:
    print("Not yet:", hint)
except Exception as error:
    print(f"Not yet: the check could not use this answer ({{type(error).__name__}}: {{error}})")
else:
    print("Right.")"""


def write(book: Book, stage: Path) -> None:
    """Write both notebooks of every chapter that has checks, beside its own."""
    for page in book.pages:
        if page.source.has_checks:
            for ending, solved in VERSIONS.items():
                name = f"{page.chapter.source.stem}-{ending}.ipynb"
                path = (stage / page.chapter.page).with_name(name)
                notebooks.save(notebook(book, page, solved), path)


def notebook(book: Book, page: Page, solved: bool) -> dict[str, Any]:
    """Return a chapter's exercises, with their solutions or with cells to fill in."""
    title = f"{page.chapter.label} {page.rendered.title}".strip()
    about = SOLVED if solved else ABOUT
    return notebooks.assembled(book.project, page, title, about, list(_cells(book, page, solved)))


def _cells(book: Book, page: Page, solved: bool) -> Iterator[Cell]:
    options = {cell.id: cell.options for cell in page.source.cells}
    hidden = {name for name in options if not options[name].include}
    begun = False
    for (kind, cells), (following, checks) in itertools.pairwise([*_parts(book, page), ("", [])]):
        if kind == "check":
            yield from (_check(cell, options[cell["id"]].answers) for cell in cells)
        elif kind == "solution" and not solved:
            checked = checks if following == "check" else []
            yield from _empty([name for cell in checked for name in options[cell["id"]].answers])
        elif kind == "text" and begun:  # what is hidden here is the book's own
            yield from (cell for cell in cells if cell["id"] not in hidden)
        else:
            yield from cells
        begun |= kind == "solution"


def _parts(book: Book, page: Page) -> list[tuple[str, list[Cell]]]:
    """Return the chapter's cells, in groups of what they are: text, solution or check."""
    body = notebooks.body(book.project, page)
    groups = itertools.groupby(body, key=lambda pair: pair[0])
    return [(kind, [cell for _, cell in pairs]) for kind, pairs in groups]


def _empty(answers: list[str]) -> Iterator[Cell]:
    """Yield what a student gets in place of a solution."""
    if not answers:
        yield notebooks.markdown(DISCUSS)
    lines = ["# Your code", *(f"{answer} = ..." for answer in answers)]
    yield notebooks.code("", "\n".join(lines))


def _check(cell: Cell, answers: list[str]) -> Cell:
    assertions = textwrap.indent(cell["source"], "    ")
    source = CHECK.format(answers=", ".join(answers), assertions=assertions)
    return notebooks.code(cell["id"], source)
