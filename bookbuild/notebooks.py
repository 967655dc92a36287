"""The notebooks that readers take away: plain Markdown for Jupyter, their pictures inside.

Their prose is what pandoc has written for them (`lua/notebook.lua`). What they need, and the first
cell that looks for it, is the matter of `needs.py`.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bookbuild import displays, needs, qmd
from bookbuild.book import Book, Page
from bookbuild.errors import BookError
from bookbuild.project import Project
from bookbuild.store import kept

MARK = re.compile(r"<!-- (cell|solution|end) -->\n?")
DOTS = 144  # per inch of a picture drawn anew: half as many again as a browser's


def write(book: Book, stage: Path) -> None:
    """Write the notebook of every chapter that has cells."""
    for page in book.pages:
        if page.source.cells:
            save(notebook(book.project, page), (stage / page.chapter.page).with_suffix(".ipynb"))


def save(notebook: dict[str, Any], path: Path) -> None:
    """Write a notebook into a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")


def notebook(project: Project, page: Page) -> dict[str, Any]:
    """Return a chapter's executed notebook as a reader should get it (plain dictionaries)."""
    title = f"{page.chapter.label} {page.rendered.title}".strip()
    cells = [cell for kind, cell in body(project, page) if kind != "check"]
    return assembled(project, page, title, "with the outputs that the book shows.", cells)


def assembled(
    project: Project, page: Page, title: str, about: str, cells: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a notebook of these cells, after what they need; cells without a name get one."""
    needed = needs.of(project, [cell.code for cell in page.source.cells])
    cells = [markdown(needs.opening(project, title, about, needed)), *cells]
    if needed != needs.Needs():
        cells.insert(1, code("check", needs.check(project, needed)))
    for number, cell in enumerate((c for c in cells if not c["id"]), 1):
        cell["id"] = f"text-{number}"
    return qmd.of_cells(cells)


def _is_shown(output: dict[str, Any]) -> bool:
    """Say whether a reader sees an output; the data of a live figure serve the page alone."""
    return displays.DATA not in output.get("data", {})


def markdown(text: str) -> dict[str, Any]:
    """Return a cell of text."""
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": text.strip("\n")}


def code(name: str, text: str) -> dict[str, Any]:
    """Return a cell of code that has not been executed."""
    cell = {"cell_type": "code", "id": name, "metadata": {}, "source": text}
    return cell | {"execution_count": None, "outputs": []}


# The text


def body(project: Project, page: Page) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the cells of a chapter, each with what it is: "text", "solution" or "check".

    Raises
    ------
    BookError
        Where a cell stands in text that only the PDF shows.
    """
    outputs = [[*filter(_is_shown, given)] for given in page.results.outputs]
    executed = qmd.notebook(page.source, outputs, page.results.values)
    made = {cell["id"]: cell for cell in executed["cells"] if cell["cell_type"] == "code"}
    pictures = {_attachment(path): file for path, file in page.own_pictures(project.root).items()}
    kind, waiting = "text", iter(page.source.cells)
    first, *rest = MARK.split(page.rendered.texts["notebook"])
    for mark, piece in zip(["", *rest[::2]], [first, *rest[1::2]], strict=True):
        if mark == "cell":
            cell = next(waiting)
            yield "check" if cell.options.check else kind, made[cell.id]
        else:
            kind = "solution" if mark == "solution" else "text"
        if piece.strip():
            yield kind, markdown(piece) | _attachments(project, pictures, piece)
    if next(waiting, None):
        message = "a cell stands in text for the PDF alone, so the notebook has no place for it"
        raise BookError(f"{page.source.path}: {message}: move it out of there")


def _attachment(path: str) -> str:
    """Return the name that lua/notebook.lua gives to a picture."""
    return re.sub(r"\.svg$", ".png", re.sub(r"[^A-Za-z0-9.]+", "-", path.lstrip("./")))


def _attachments(project: Project, pictures: dict[str, Path], text: str) -> dict[str, Any]:
    used = {name: file for name, file in pictures.items() if f"(attachment:{name})" in text}
    found = {name: _content(project, name, project.root / file) for name, file in used.items()}
    return {"attachments": found} if found else {}


def _content(project: Project, name: str, file: Path) -> dict[str, str]:
    """Return a picture by its type, as a notebook holds it; Jupyter attaches no SVG."""
    kind = mimetypes.guess_type(name)[0] or "image/png"
    data = _drawn(project, name, file.read_text("utf-8")) if file.suffix == ".svg" else file
    return {kind: base64.b64encode(data.read_bytes()).decode()}


def _drawn(project: Project, name: str, svg: str) -> Path:
    def draw(path: Path) -> None:
        import typst

        text = json.dumps(svg, ensure_ascii=False)  # a string of Typst is one of JSON
        page = f"#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes({text}))".encode()
        fonts = typst.Fonts(include_system_fonts=False)
        path.write_bytes(typst.compile(page, font_paths=fonts, format="png", ppi=DOTS))

    return kept(project.cache / "drawn" / name, [version("typst"), str(DOTS), svg], draw)
