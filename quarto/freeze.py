"""Write the chapters' results where Quarto's freezer looks for them.

Quarto executes a chapter once for each format, and re-executes it only when the text of its .qmd
changes. (Its other cache, jupyter-cache, loses the values of inline code.) The results are
therefore taken from the renderer's cache, whose key covers cells, modules, data and requirements,
and are written as Quarto's own freezer would write them: for each format a JSON file with the
executed Markdown, under the hash of the .qmd. With `freeze: auto` Quarto then executes nothing.
All of `_freeze/` is rewritten each time.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bookbuild import assemble

if TYPE_CHECKING:
    from bookbuild import Page, Project, Source

FORMATS = {"html": "html", "typ": "typst"}  # by JSON file name: the suffix of the pictures' folder
CODE_BLOCK = re.compile(
    r"^(?P<ticks>```+)(?P<kind>[^`\n]*)\n.*?^(?P=ticks)$", re.MULTILINE | re.DOTALL
)


def freeze(project: Project) -> int:
    """Write every chapter's results into `_freeze/`; return the number of chapters with results.

    Raises
    ------
    BookError
        If a source has a mistake, a reference has no target (Quarto would only warn of these two)
        or a cell fails; earlier results are then left unchanged.
    """
    book = assemble(project)
    pages = [page for page in book.pages if page.source.cells]
    for folder in ("_freeze", ".quarto/_freeze"):
        shutil.rmtree(project.root / folder, ignore_errors=True)
    for page in pages:
        _write(project.root, page)
    return len(pages)


def _write(root: Path, page: Page) -> None:
    path, woven = page.source.path, page.woven
    shown = CODE_BLOCK.sub(without_shortcodes, woven.text)
    folder = root / "_freeze" / path.with_suffix("")
    (folder / "execute-results").mkdir(parents=True)
    # hash the executed text, so that later edits make the results stale for Quarto
    text = "\n".join(page.source.lines)
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    for name, output in FORMATS.items():
        pictures = f"{path.stem}_files/figure-{output}"
        markdown = shown.replace(f"](<{path.stem}_files/figure-html/", f"](<{pictures}/")
        frozen = {
            "hash": digest,
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


def without_shortcodes(block: re.Match[str]) -> str:
    """Return a code block, marked if Quarto would otherwise expand a shortcode in its text."""
    if block["kind"] or "{{<" not in block[0]:
        return block[0]
    return block[0].replace("\n", '{shortcodes="false"}\n', 1)


def front_matter(source: Source) -> str:
    """Return the YAML header of a .qmd unchanged, or an empty string."""
    if not source.meta:
        return ""
    end = next(n for n, line in enumerate(source.lines) if n and line.rstrip() == "---")
    return "\n".join(source.lines[: end + 1]) + "\n\n"
