"""The chapters' results where Quarto looks for them, so that a book is executed once.

Quarto executes a chapter once for each format, and knows that a result is stale only from the
text of its .qmd. (Its other cache, jupyter-cache, forgets the values of inline code.) So the
results come from bookbuild's cache, whose key covers the cells, the modules, the data and the
requirements, and are written here as Quarto's own freezer would write them: for each format a JSON
file with the executed Markdown under the hash of the .qmd. With `freeze: auto` Quarto then takes
them and executes nothing. All of `_freeze/` is written anew each time: nothing in it is older than
the key of its chapter.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

from bookbuild import site
from bookbuild.book import Book
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Source
from bookbuild.weave import Woven

FORMATS = {"html": "html", "typ": "typst"}  # the name of the JSON file, and of the pictures' folder
FENCE = re.compile(r"^(`{3,}|~{3,})")
CELL = re.compile(r'^(::: \{\.cell[^"}]*) name="[^"]*"\}$')  # the name is for the PDF and notebooks
OUTPUT = re.compile(r"^::: \{\.output \.(\w+)\}$")
FIGURE = re.compile(  # a labelled picture as weave.py writes it: a div of picture and caption
    r"^::: \{#(fig-[\w-]+)\}\n!\[\]\((<[^>\n]+>)\)\{(.*)\}\n\n(.+)\n:::$", re.MULTILINE
)
FOLD = re.compile(r'^(```+\{\.python \.cell-code) fold="([^"]*)"\}$')


def freeze(project: Project) -> int:
    """Write every chapter's results into `_freeze/`; return how many chapters have any.

    Raises
    ------
    BookError
        Where a source is wrong, a reference has no target or a cell fails (of the first two Quarto
        would only warn); what was frozen before then stays.
    """
    book = executed_book(project)
    frozen = {chapter: woven for chapter, woven in book.wovens.items() if woven.source.cells}
    for folder in ("_freeze", ".quarto/_freeze"):
        shutil.rmtree(project.root / folder, ignore_errors=True)
    for chapter, woven in frozen.items():
        _write(project, chapter, woven)
    return len(frozen)


def executed_book(project: Project) -> Book:
    """Return the book with its results, from bookbuild's cache where nothing has changed."""
    sources = site.read(project)
    return site.prepare(project, sources, site.execute_all(project, sources))


def _write(project: Project, chapter: Chapter, woven: Woven) -> None:
    folder = project.root / "_freeze" / chapter.source.with_suffix("")
    (folder / "execute-results").mkdir(parents=True)
    text = (project.root / chapter.source).read_text(encoding="utf-8")
    for name, output in FORMATS.items():
        pictures = f"{chapter.source.stem}_files/figure-{output}"
        frozen = {
            "hash": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
            "result": {
                "engine": "jupyter",
                "markdown": front_matter(woven.source) + quarto_markdown(woven, pictures),
                "supporting": [pictures] if woven.pictures else [],
                "filters": [],
                "includes": {},
            },
        }
        path = folder / "execute-results" / f"{name}.json"
        path.write_text(json.dumps(frozen, ensure_ascii=False, indent=2), encoding="utf-8")
        for picture, data in woven.pictures.items():
            target = folder / f"figure-{output}" / Path(picture).name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)


def front_matter(source: Source) -> str:
    """Return the YAML header of a .qmd as it stands there, or nothing."""
    if not source.meta:
        return ""
    end = next(n for n, line in enumerate(source.lines) if n and line.rstrip() == "---")
    return "\n".join(source.lines[: end + 1]) + "\n\n"


def quarto_markdown(woven: Woven, pictures: str) -> str:
    """Return the executed Markdown with Quarto's names for the parts of a cell.

    Parameters
    ----------
    woven : Woven
    pictures : str
        The folder of the cells' pictures, from the page's folder.
    """
    lines, fence = [], ""
    for line in woven.lines:
        opens = FENCE.match(line)
        if fence:
            closes = set(line.strip()) == {fence[0]} and len(line.strip()) >= len(fence)
            fence = "" if closes else fence
        elif opens:
            fence = opens[1]
            line = FOLD.sub(r'\1 code-fold="true" code-summary="\2"}', line)
        else:
            line = CELL.sub(r"\1}", OUTPUT.sub(_output_classes, line))
            for path in woven.pictures:
                line = line.replace(f"](<{path}>)", f"](<{pictures}/{Path(path).name}>)")
        lines.append(line)
    return FIGURE.sub(r"![\4](\2){#\1 \3}", "\n".join(lines) + "\n")


def _output_classes(match: re.Match[str]) -> str:
    kind = match[1] if match[1] in ("stdout", "stderr") else "display"
    return f"::: {{.cell-output .cell-output-{kind}}}"
