"""The calls of pandoc: a woven chapter to what it holds, and to HTML or Typst.

A call's result is kept under a hash of all its inputs, so an unchanged page costs nothing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.execute import write_whole
from bookbuild.project import BookError, Chapter, Project, error_at
from bookbuild.weave import Woven

FILTERS = Path(__file__).parent / "filters"
WRITERS = {
    "html": "html",
    "typst": "typst-smart",  # pandoc knows an apostrophe from a quotation mark, Typst guesses
    "notebook": "commonmark+pipe_tables+tex_math_dollars",
}
# What follows a function's name in a formula, unless it is a bracket. Browsers set no space there.
APPLIED = re.compile(r"(<mo>&#8289;</mo>)(?=</mrow>(?!<mo[^>]*>[(\[]))")
ARGUMENTS = ["--from=markdown-implicit_header_references", "--mathml", "--wrap=none"]


def collect(project: Project, chapter: Chapter, woven: Woven, to: str = "html") -> dict[str, Any]:
    """Return what a chapter holds: title, id, toc, labels, refs, cites, pictures, problems."""
    context = _context(project, chapter) | {"mode": "collect", "labels": {}}
    return json.loads(_convert(project, woven, context, to))


def render(
    project: Project,
    chapter: Chapter,
    woven: Woven,
    found: dict[Chapter, dict[str, Any]],
    to: str = "html",
) -> str:
    """Return a chapter as HTML, Typst or a notebook's Markdown.

    `found` is what `collect` gave for the whole book.
    """
    labels, held = all_labels(found), found[chapter]
    references = next((c.page for c, its in found.items() if its["has_references"]), "")
    cited = sorted({key for its in found.values() for key in its["cites"]})
    context = _context(project, chapter) | {
        "mode": "render",
        "labels": {name: labels[name] for name in [*held["refs"], *held["links"]]},
        "references": references,
        "cited": cited if references == chapter.page else [],
        "bibliography": [str(path) for path in project.bibliography],
        "lang": project.lang,
        "pictures": _digests(project, chapter, held["pictures"]),  # their sizes are on the page
    }
    text = _convert(project, woven, context, to)
    return _mathml(text) if to == "html" else text


def _mathml(html: str) -> str:
    """Return HTML with its formulas as the pages can show them."""
    # texmath aligns by class of its own, too; the pages' policy forbids style attributes
    html = re.sub(r'(<m[a-z]+\b[^>]*?) style="[^"]*"', r"\1", html)
    html = html.replace('<math display="block"', '<math tabindex="0" display="block"')  # it scrolls
    return APPLIED.sub(r'\1<mspace width="0.167em"></mspace>', html)


def _context(project: Project, chapter: Chapter) -> dict[str, Any]:
    return {
        "number": chapter.number,
        "kind": chapter.kind,
        "page": chapter.page,
        "to_root": chapter.to_root,
        "folder": str((project.root / chapter.source).parent),
    }


def _digests(project: Project, chapter: Chapter, pictures: list[str]) -> dict[str, str]:
    """Return the SHA-256 of each picture that lies in the project."""
    files = {p: project.root / chapter.source.parent / unquote(p) for p in pictures}
    return {
        path: hashlib.sha256(file.read_bytes()).hexdigest()
        for path, file in files.items()
        if file.is_file()
    }


def all_labels(found: dict[Chapter, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the labels of the whole book, each with its page."""
    return {
        label["id"]: label | {"page": chapter.page}
        for chapter, held in found.items()
        for label in held["labels"]
    }


def _convert(project: Project, woven: Woven, context: dict[str, Any], to: str) -> str:
    parts = [woven.text, json.dumps(context, sort_keys=True), to, *ARGUMENTS, _tool_hash(to)]
    parts += [path.read_text(encoding="utf-8") for path in project.bibliography]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    entry = project.cache / "pandoc" / f"{digest}.txt"
    if not entry.exists():
        write_whole(entry, _run(woven, context, to).encode())
    return entry.read_text(encoding="utf-8")


@functools.cache
def _tool_hash(to: str) -> str:
    filters = [path.read_text(encoding="utf-8") for path in _filters(to)]
    return "".join([version("pypandoc_binary"), WRITERS[to], *filters])


def _filters(to: str) -> list[Path]:
    """Return the filter for all formats and, where there is one, that for this format."""
    return [path for name in ("book", to) if (path := FILTERS / f"{name}.lua").exists()]


@functools.cache
def _pandoc() -> str:
    """Return the path of the pinned pandoc; pypandoc itself would take a newer one from PATH."""
    import pypandoc

    return str(Path(pypandoc.__file__).parent / "files" / "pandoc")


def _run(woven: Woven, context: dict[str, Any], to: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(context, file)
        file.flush()
        command = [_pandoc(), *ARGUMENTS, f"--to={WRITERS[to]}"]
        command += [f"--lua-filter={path}" for path in _filters(to)]
        command += [f"--metadata=context:{file.name}"]
        done = subprocess.run(command, input=woven.text, capture_output=True, encoding="utf-8")
    if done.returncode or done.stderr.strip():
        raise _located(woven, done.stderr.strip() or f"it ended with status {done.returncode}")
    return done.stdout


def _located(woven: Woven, messages: str) -> BookError:
    """Return pandoc's messages, each at the line of the .qmd that it speaks of."""
    return BookError(
        "\n".join(
            str(error_at(woven.source.path, _line(woven, message), f"pandoc: {message.strip()}"))
            for message in re.split(r"^\[\w+\]", messages, flags=re.MULTILINE)
            if message.strip()
        )
    )


def _line(woven: Woven, message: str) -> int | None:
    if formula := re.search(r"TeX math\s+(.+?)(, rendering|\n)", message):
        return woven.source.line_of(formula[1])
    if not (match := re.search(r"at line (\d+)", message)):
        return None
    origin = woven.origins[min(int(match[1]), len(woven.origins)) - 1]
    name = re.search(r"'(.+?)'", message)  # pandoc gives the line where it has read to
    above = range(origin, 0, -1)
    return next((n for n in above if name and name[1] in woven.source.lines[n - 1]), origin)
