"""The notebook that a reader takes away: plain Markdown for Jupyter, and all that it needs named.

The notebook of `execute.py` is for the tests and for the cache; its prose is the .qmd's. This one
has prose that pandoc has written (`filters/notebook.lua`), its pictures inside, and before its
first cell one that looks for the files and packages that the others use.
"""

from __future__ import annotations

import base64
import hashlib
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

from bookbuild import execute, pandoc
from bookbuild.book import Book
from bookbuild.execute import imported, project_modules, write_whole
from bookbuild.project import Chapter, Project

CELL = re.compile(r"^<!-- cell (\S+) -->\n?", re.MULTILINE)
DATA = re.compile(r"""["'](data/[\w./-]+)["']""")
DOTS = 144  # an inch of a picture drawn anew: half as many again as a browser's

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
    """What a notebook needs to run: files of the project, files of data, packages."""

    modules: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def notebook(book: Book, chapter: Chapter) -> dict[str, Any]:
    """Return a chapter's executed notebook as a reader should get it (plain dictionaries)."""
    executed = execute.notebook(book.wovens[chapter].source, book.results[chapter])
    code = {cell["id"]: cell for cell in executed["cells"] if cell["cell_type"] == "code"}
    needs = _needs(book.project, [cell["source"] for cell in code.values()])
    cells = [_markdown(_opening(book, chapter, needs))]
    cells += [_check(needs)] if needs != Needs() else []
    cells += _with_all_code(_body(book, chapter, code), code)
    for number, cell in enumerate((c for c in cells if c["cell_type"] == "code"), 1):
        cell["execution_count"] = number
    for number, cell in enumerate((c for c in cells if c["cell_type"] == "markdown"), 1):
        cell["id"] = f"text-{number}"
    return executed | {"cells": cells}


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": text.strip("\n")}


# The text


def _body(book: Book, chapter: Chapter, code: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells of the text, and among them those of the code that a page shows."""
    text = pandoc.render(book.project, chapter, book.wovens[chapter], book.found, to="notebook")
    pictures = {_attachment(path): file for path, file in book.own_pictures(chapter).items()}
    for n, piece in enumerate(CELL.split(text)):
        if n % 2:
            yield code[piece]
        elif piece.strip():
            yield _markdown(piece) | _attachments(book.project, pictures, piece)


def _attachment(path: str) -> str:
    """Return the name that filters/notebook.lua gives to a picture."""
    return re.sub(r"\.svg$", ".png", re.sub(r"[^A-Za-z0-9.]+", "-", path.lstrip("./")))


def _attachments(project: Project, pictures: dict[str, Path], text: str) -> dict[str, Any]:
    used = {n: file for n, file in pictures.items() if f"(attachment:{n})" in text}
    found = {name: _content(project, project.root / file) for name, file in used.items()}
    return {"attachments": found} if found else {}


def _content(project: Project, file: Path) -> dict[str, str]:
    """Return a picture by its type, as a notebook holds it; Jupyter attaches no SVG."""
    data, kind = file.read_bytes(), mimetypes.guess_type(file.name)[0] or "image/png"
    if file.suffix == ".svg":
        data, kind = _drawn(project, data), "image/png"
    return {kind: base64.b64encode(data).decode()}


def _drawn(project: Project, svg: bytes) -> bytes:
    name = f"{hashlib.sha256(svg).hexdigest()}-{DOTS}-{version('typst')}.png"
    entry = project.cache / "drawn" / name
    if not entry.exists():
        import typst

        text = json.dumps(svg.decode(), ensure_ascii=False)  # a string of Typst is one of JSON
        page = f"#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes({text}))".encode()
        fonts = typst.Fonts(include_system_fonts=False)
        write_whole(entry, typst.compile(page, font_paths=fonts, format="png", ppi=DOTS))
    return entry.read_bytes()


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
    data = {path for text in code for path in DATA.findall(text)}
    own = {Path(path).parts[0].removesuffix(".py") for path in modules}
    packages = {name for text in code for name in imported(text)} - sys.stdlib_module_names - own
    return Needs(tuple(sorted(modules)), tuple(sorted(data)), tuple(sorted(packages)))


def _opening(book: Book, chapter: Chapter, needs: Needs) -> str:
    """Return what stands above the chapter: its title, and what to get."""
    project, title = book.project, book.found[chapter]["title"]
    version = f", version {project.version}" if project.version else ""
    lines = [f"# {chapter.label} {title}".replace("#  ", "# "), ""]
    lines += [f"From *{project.title}*{version}, with the outputs that the book shows."]
    if needs != Needs():
        lines += ["To run it, have in this notebook's folder, from the book's repository:", ""]
    if needs.modules:
        lines.append(f"- {_named(needs.modules)}")
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
    lists = {"files": [*needs.modules, *needs.data], "packages": [*needs.packages]}
    source = CHECK.format(**{name: pformat(items, compact=True) for name, items in lists.items()})
    return {"cell_type": "code", "id": "check", "metadata": {}, "source": source, "outputs": []}
