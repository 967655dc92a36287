"""Write the notebooks that readers download, and practice notebooks of chapters with checks.

A notebook has plain Markdown and contains its pictures; `kit.py` adds what it needs to run.

In a chapter whose cells have the option `check`, a collapsed tip is a solution. Such a chapter has
two more notebooks: one with an empty cell in place of each solution, for students, and one with the
solutions. In both, a cell with `check: q.one, q.two` checks these answers with assertions whose
messages are hints; it prints a sentence rather than a traceback.
"""

from __future__ import annotations

import base64
import itertools
import json
import mimetypes
import re
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bookbuild.outputs import needs
from bookbuild.render.book import Book, Page
from bookbuild.run.cache import get_or_create
from bookbuild.run.results import LIVE_DATA, Results, executed_notebook
from bookbuild.source import qmd
from bookbuild.source.errors import BookError
from bookbuild.source.project import Project
from bookbuild.source.qmd import Cell

NotebookCell = dict[str, Any]

PPI = 144  # for rasterised SVGs; 1.5 × a browser's 96
EDITIONS = {"practice": False, "solutions": True}  # file name's ending, and whether it is solved
ABOUT = "with the outputs that the book shows."
PRACTICE = "for practice: write your answers in place of the dots, then run the check below them."
SOLUTIONS = "with a solution of each exercise."
DISCUSSION = "*This one is for discussion: there is no single answer that a cell could check.*"
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


def write(book: Book, site: Path) -> None:
    """Write the notebooks of every chapter with cells, in all its editions."""
    for page in book.pages:
        path = site / page.chapter.page
        if page.source.cells:
            _save(notebook(book.project, page), path.with_suffix(".ipynb"))
        if page.source.has_checks:
            for ending, is_solved in EDITIONS.items():
                edition = path.with_name(f"{page.chapter.source.stem}-{ending}.ipynb")
                _save(_practice_notebook(book, page, is_solved), edition)


def notebook(project: Project, page: Page) -> dict[str, Any]:
    """Return a chapter's executed notebook as plain dictionaries, without the checks."""
    cells = [cell for kind, cell in _cells(project, page) if kind != "check"]
    return _assemble(project, page, ABOUT, cells)


def _save(notebook: dict[str, Any], path: Path) -> None:
    """Write a notebook as Jupyter saves it: keys in order, texts as lists of lines."""
    import nbformat.v4  # takes a fifth of a second

    path.parent.mkdir(parents=True, exist_ok=True)
    text = nbformat.v4.writes(nbformat.from_dict(notebook))
    path.write_text(text + "\n", encoding="utf-8")


def _assemble(
    project: Project, page: Page, about: str, cells: list[NotebookCell]
) -> dict[str, Any]:
    """Return a notebook of these cells, after those about its needs; unnamed cells get names."""
    needed = needs.find(project, [cell.code for cell in page.source.cells])
    title = page.labelled(page.rendered.titles["notebook"])
    cells = [_markdown(needs.opening(project, title, about, needed)), *cells]
    if needed != needs.Needs():
        cells.insert(1, _code("check", needs.check_code(project, needed)))
    for number, cell in enumerate((c for c in cells if not c["id"]), 1):
        cell["id"] = f"text-{number}"
    return qmd.notebook_of(cells)


def _markdown(text: str) -> NotebookCell:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": text.strip("\n")}


def _code(name: str, text: str) -> NotebookCell:
    """Return a code cell that has not been executed."""
    cell = {"cell_type": "code", "id": name, "metadata": {}, "source": text}
    return cell | {"execution_count": None, "outputs": []}


# The cells of a chapter


def _cells(project: Project, page: Page) -> Iterator[tuple[str, NotebookCell]]:
    """Yield the cells of a chapter, each with its kind: "text", "solution" or "check".

    Raises
    ------
    BookError
        If a cell is in text that only the PDF shows.
    """
    cells = zip(page.source.cells, page.results.outputs, strict=True)
    outputs = [
        [_described(cell, o) for o in shown if _is_for_notebooks(o)] for cell, shown in cells
    ]
    executed = executed_notebook(page.source, Results(outputs, page.results.values))
    code_cells = {cell["id"]: cell for cell in executed["cells"] if cell["cell_type"] == "code"}
    pictures = {_name(path): file for path, file in page.own_pictures(project.root).items()}
    kind, remaining = "text", iter(page.source.cells)
    for piece in page.rendered.texts["notebook"]:
        if piece["kind"] == "cell":
            cell = next(remaining)
            yield "check" if cell.options.check else kind, code_cells[cell.id]
        elif piece["kind"] == "text":
            yield kind, _markdown(_with_pictures(project, pictures, piece["text"]))
        else:
            kind = "solution" if piece["kind"] == "solution" else "text"
    if next(remaining, None):
        message = "a cell is in text for the PDF only, where a notebook has no place for it"
        raise BookError(f"{page.source.path}: {message}; move it elsewhere")


def _is_for_notebooks(output: dict[str, Any]) -> bool:
    """Return whether a notebook shows an output; a live figure's data are for the page only."""
    return LIVE_DATA not in output.get("data", {})


def _described(cell: Cell, output: dict[str, Any]) -> dict[str, Any]:
    """Return an output whose pictures have the cell's alt text, where Jupyter looks for it."""
    pictures = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    if not (pictures and cell.options.fig_alt):
        return output
    known = output.get("metadata", {})
    described = {kind: known.get(kind, {}) | {"alt": cell.options.fig_alt} for kind in pictures}
    return output | {"metadata": known | described}


def _name(path: str) -> str:
    """Return the name of a picture in the notebook, as in lua/notebook.lua."""
    return re.sub(r"\.svg$", ".png", re.sub(r"[^A-Za-z0-9.]+", "-", path.lstrip("./")))


def _with_pictures(project: Project, pictures: dict[str, Path], text: str) -> str:
    """Return Markdown with its pictures in it, since some services do not show attachments."""
    for name, file in pictures.items():
        if (link := f"(attachment:{name})") in text:
            text = text.replace(link, f"({_data_uri(project, name, project.root / file)})")
    return text


def _data_uri(project: Project, name: str, file: Path) -> str:
    """Return a picture as a data URI; an SVG becomes a PNG, which more programs show."""
    kind = mimetypes.guess_type(name)[0] or "image/png"
    data = _rasterise(project, name, file.read_text("utf-8")) if file.suffix == ".svg" else file
    return f"data:{kind};base64,{base64.b64encode(data.read_bytes()).decode()}"


def _rasterise(project: Project, name: str, svg: str) -> Path:
    def draw(path: Path) -> None:
        import typst

        text = json.dumps(svg, ensure_ascii=False)  # a JSON string is also one of Typst
        page = f"#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes({text}))".encode()
        fonts = typst.Fonts(include_system_fonts=False)
        path.write_bytes(typst.compile(page, font_paths=fonts, format="png", ppi=PPI))

    return get_or_create(project.cache / "drawn" / name, [version("typst"), str(PPI), svg], draw)


# Practice


def _practice_notebook(book: Book, page: Page, is_solved: bool) -> dict[str, Any]:
    """Return a chapter's exercises, with their solutions or with cells to fill in."""
    about = SOLUTIONS if is_solved else PRACTICE
    made = _assemble(book.project, page, about, list(_practice_cells(book, page, is_solved)))
    return made if is_solved else _stripped(made)


def _stripped(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook as nbstripout leaves it: no outputs, no counts, ids by position."""
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = str(number)
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
    return notebook


def _practice_cells(book: Book, page: Page, is_solved: bool) -> Iterator[NotebookCell]:
    options = {cell.id: cell.options for cell in page.source.cells}
    hidden = {name for name in options if not options[name].include}
    has_begun = False
    groups = [*_grouped_cells(book.project, page), ("", [])]
    for (kind, cells), (next_kind, next_cells) in itertools.pairwise(groups):
        if kind == "check":
            yield from (_check(cell, options[cell["id"]].answers) for cell in cells)
        elif kind == "solution" and not is_solved:
            checks = next_cells if next_kind == "check" else []
            yield from _empty([name for cell in checks for name in options[cell["id"]].answers])
        elif kind == "text" and has_begun:  # hidden cells between exercises serve only the book
            yield from (cell for cell in cells if cell["id"] not in hidden)
        else:
            yield from cells
        has_begun |= kind == "solution"


def _grouped_cells(project: Project, page: Page) -> list[tuple[str, list[NotebookCell]]]:
    """Return the chapter's cells in runs of the same kind: text, solution or check."""
    groups = itertools.groupby(_cells(project, page), key=lambda pair: pair[0])
    return [(kind, [cell for _, cell in pairs]) for kind, pairs in groups]


def _empty(answers: list[str]) -> Iterator[NotebookCell]:
    """Yield the cells that students get in place of a solution."""
    if not answers:
        yield _markdown(DISCUSSION)
    lines = ["# Your code", *(f"{answer} = ..." for answer in answers)]
    yield _code("", "\n".join(lines))


def _check(cell: NotebookCell, answers: list[str]) -> NotebookCell:
    assertions = textwrap.indent(cell["source"], "    ")
    source = CHECK.format(answers=", ".join(answers), assertions=assertions)
    return _code(cell["id"], source)
