"""The chapters' results where Quarto looks for them, so that a book is executed once.

Quarto executes a chapter once for each format, and takes a result for stale only when the text of
its .qmd changes. (Its other cache, jupyter-cache, forgets the values of inline code.) So the
results come from bookbuild's store, whose key covers the cells, the modules, the data and the
requirements. They are written here as Quarto's own freezer would write them: for each format a JSON
file with the executed Markdown, which bookbuild weaves in Quarto's own dialect, under the hash of
the .qmd. With `freeze: auto` Quarto then takes them and executes nothing. All of `_freeze/` is
written anew each time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from bookbuild.book import Page
from bookbuild.build import executed_book
from bookbuild.project import Project
from bookbuild.qmd import Source

FORMATS = {"html": "html", "typ": "typst"}  # the name of the JSON file, and of the pictures' folder


def freeze(project: Project) -> int:
    """Write every chapter's results into `_freeze/`; return how many chapters have any.

    Raises
    ------
    BookError
        Where a source is wrong, a reference has no target or a cell fails (of the first two Quarto
        would only warn); what was frozen before then stays.
    """
    book = executed_book(project)
    frozen = [page for page in book.pages if page.source.cells]
    for folder in ("_freeze", ".quarto/_freeze"):
        shutil.rmtree(project.root / folder, ignore_errors=True)
    for page in frozen:
        _write(project.root, page)
    return len(frozen)


def _write(root: Path, page: Page) -> None:
    path, woven = page.source.path, page.woven
    folder = root / "_freeze" / path.with_suffix("")
    (folder / "execute-results").mkdir(parents=True)
    text = (root / path).read_text(encoding="utf-8")
    for name, output in FORMATS.items():
        pictures = f"{path.stem}_files/figure-{output}"
        markdown = woven.text.replace(f"](<{path.stem}_files/figure-html/", f"](<{pictures}/")
        frozen = {
            "hash": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
            "result": {
                "engine": "jupyter",
                "markdown": front_matter(page.source) + markdown,
                "supporting": [pictures] if woven.pictures else [],
                "filters": [],
                "includes": {},
            },
        }
        result = folder / "execute-results" / f"{name}.json"
        result.write_text(json.dumps(frozen, ensure_ascii=False, indent=2), encoding="utf-8")
        files = woven.pictures | (woven.data if output == "html" else {})
        for picture, data in files.items():
            target = folder / f"figure-{output}" / Path(picture).name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)


def front_matter(source: Source) -> str:
    """Return the YAML header of a .qmd as it stands there, or nothing."""
    if not source.meta:
        return ""
    end = next(n for n, line in enumerate(source.lines) if n and line.rstrip() == "---")
    return "\n".join(source.lines[: end + 1]) + "\n\n"
