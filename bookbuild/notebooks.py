"""The notebooks that readers take away: plain Markdown for Jupyter, and all that they need named.

Their prose is what pandoc has written for them (`lua/notebook.lua`), their pictures are inside, and
before the first cell stands one that looks for the files and packages that the others use.
"""

from __future__ import annotations

import base64
import itertools
import json
import mimetypes
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from pprint import pformat
from typing import Any

from bookbuild import displays, ingredients, qmd
from bookbuild.book import Book, Page
from bookbuild.modules import imported, project_modules
from bookbuild.paths import named
from bookbuild.project import Project
from bookbuild.store import kept

CELL = "<!-- cell -->\n"
DOTS = 144  # per inch of a picture drawn anew: half as many again as a browser's

CHECK = """\
# Is everything here that this notebook needs?
import importlib.util
from pathlib import Path

files = {files}
packages = {packages}
absent = [name for name in files if not Path(name).exists()]
absent += [f"the package {{name}}" for name in packages if not importlib.util.find_spec(name)]
if absent:
    raise FileNotFoundError(
        f"missing in {{Path.cwd()}}: " + ", ".join(absent) + ". The text above says what to get."
    )"""


@dataclass(frozen=True)
class Needs:
    """What a notebook needs to run: the project's modules and other files, data, packages."""

    files: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def write(book: Book, stage: Path) -> None:
    """Write the notebook of every chapter that has cells."""
    for page in book.pages:
        if page.source.cells:
            path = (stage / page.chapter.page).with_suffix(".ipynb")
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(notebook(book, page), ensure_ascii=False, indent=1) + "\n"
            path.write_text(text, encoding="utf-8")


def notebook(book: Book, page: Page) -> dict[str, Any]:
    """Return a chapter's executed notebook as a reader should get it (plain dictionaries)."""
    outputs = [[*filter(_is_shown, given)] for given in page.results.outputs]
    executed = qmd.notebook(page.source, outputs, page.results.values)
    code = {cell["id"]: cell for cell in executed["cells"] if cell["cell_type"] == "code"}
    needs = _needs(book.project, [cell["source"] for cell in code.values()])
    cells = [_markdown(_opening(book, page, needs))]
    cells += [_check(needs)] if needs != Needs() else []
    cells += _with_all_code(_body(book, page, code), code)
    for number, cell in enumerate((c for c in cells if c["cell_type"] == "code"), 1):
        cell["execution_count"] = number
    for number, cell in enumerate((c for c in cells if c["cell_type"] == "markdown"), 1):
        cell["id"] = f"text-{number}"
    return executed | {"cells": cells}


def _is_shown(output: dict[str, Any]) -> bool:
    """Say whether a reader sees an output; the data of a live figure serve the page alone."""
    return displays.DATA not in output.get("data", {})


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": text.strip("\n")}


# The text


def _body(book: Book, page: Page, code: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells of the text, and among them those of the code that a page shows."""
    own = page.own_pictures(book.project.root)
    pictures = {_attachment(path): file for path, file in own.items()}
    pieces = page.rendered.texts["notebook"].split(CELL)
    for piece, cell in itertools.zip_longest(pieces, page.woven.shown_cells):
        if piece.strip():
            yield _markdown(piece) | _attachments(book.project, pictures, piece)
        if cell:
            yield code[cell.id]


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


def _with_all_code(
    shown: Iterable[dict[str, Any]], code: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Put the code that the page does not show where it runs."""
    waiting = iter(code.values())
    for cell in shown:
        if cell["cell_type"] == "code":
            yield from itertools.takewhile(lambda other: other is not cell, waiting)  # noqa: B023
        yield cell
    yield from waiting


# What it needs


def _needs(project: Project, code: list[str]) -> Needs:
    modules = project_modules(project.root, code)
    code = [*code, *modules.values()]
    paths = {path for text in code for path in named(project.root, text)}
    data = {path for path in paths if path == "data" or path.startswith("data/")}
    own = {Path(path).parts[0].removesuffix(".py") for path in modules}
    packages = {name for text in code for name in imported(text)} - sys.stdlib_module_names - own
    files = sorted({*modules, *(paths - data)})
    return Needs(tuple(files), tuple(_with_companions(project, data)), tuple(sorted(packages)))


def _with_companions(project: Project, data: set[str]) -> list[str]:
    """Add what was made with a file of data and has its name: the pictures of a list, say."""
    if "data" in data:
        return ["data"]
    outputs = [Path("data", name) for name in ingredients.outputs(project)]
    stems = {Path(path).with_suffix("") for path in data}
    companions = {str(output) for output in outputs if output.with_suffix("") in stems}
    return sorted(data | companions)


def _opening(book: Book, page: Page, needs: Needs) -> str:
    """Return what stands above the chapter: its title, and what to get."""
    project, title = book.project, f"{page.chapter.label} {page.rendered.title}".strip()
    version = f", version {project.version}" if project.version else ""
    lines = [f"# {title}", ""]
    lines += [f"From *{project.title}*{version}, with the outputs that the book shows."]
    if needs != Needs():
        lines += ["To run it, have in this notebook's folder, from the book's repository:", ""]
    if needs.files:
        lines.append(f"- {_named(needs.files)}")
    if needs.data:
        recipe = project.root / "data" / "prepare.py"
        how = ", which `python data/prepare.py` fills" if recipe.exists() else ""
        lines.append(f"- the folder `data/`{how}; used here: {_named(needs.data)}")
    if needs.packages and (project.root / "requirements.txt").exists():
        install = "`python -m pip install -r requirements.txt`"
        lines.append(f"- `requirements.txt`, and what it lists installed: {install}")
    return "\n".join(lines)


def _named(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _check(needs: Needs) -> dict[str, Any]:
    lists = {"files": [*needs.files, *needs.data], "packages": [*needs.packages]}
    source = CHECK.format(**{name: pformat(items, compact=True) for name, items in lists.items()})
    return {"cell_type": "code", "id": "check", "metadata": {}, "source": source, "outputs": []}
