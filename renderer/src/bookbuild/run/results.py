"""Clean cell outputs and reject anything non-deterministic, machine-specific or unshowable.

A page has no style, script or frame from a cell, and loads nothing from another host. An object
that offers such HTML is shown by another of its MIME types, most often as plain text.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from typing import Any

from bookbuild.source import policy, qmd
from bookbuild.source.errors import BookError, error_at
from bookbuild.source.project import Project
from bookbuild.source.qmd import Cell, Inline, Source

LIVE_DATA = "application/vnd.explorable+json"  # a live figure's data: JSON that its page loads
MIME_TYPES = (  # the supported ones, best first
    LIVE_DATA,
    "image/png",
    "image/svg+xml",
    "text/markdown",
    "text/html",
    "text/latex",
    "text/plain",
)
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
KERNEL = re.compile(r"ipykernel_\d+")
# only from the start of a word, so that a long one is searched once, not once per character
LIBRARY = re.compile(r"(?<!\S)\S*/(?:site-packages|dist-packages|lib/python3\.\d+)/")
# Printed by tqdm and IPython's %time: how fast the cell ran.
SPEED = re.compile(r"\d\d:\d\d<(?:\d\d:\d\d|\?)|\d (?:it/s|s/it)\b|\bWall time: |\bper loop \(")
MINUS = re.compile(r"(?<![\w.-])-(?=\.?\d)")  # Python writes a hyphen
BARE_REPR = re.compile(r"<[\w.]+ object(?: at 0x\w+)?>|<[\w.]+ at 0x\w+>")
HANDLE = re.compile(r"<DisplayHandle display_id=.*>")
FORMULA = re.compile(
    r"(?s:\${1,2}(?:\\displaystyle\b)?(?P<dollars>[^$]+?)\${1,2}"
    r"|\\\[(?P<brackets>.+?)\\\]"
    r"|(?P<environment>\\begin\{(?P<name>[a-z]+\*?)\}.+\\end\{(?P=name)\}))"
)


@dataclass(frozen=True)
class Results:
    """A chapter's results: the outputs of each cell, the value of each inline expression."""

    outputs: list[list[dict[str, Any]]]
    values: list[str]


def executed_notebook(source: Source, results: Results) -> dict[str, Any]:
    """Return a chapter with its results as a notebook in nbformat 4.5, as plain dictionaries."""
    return qmd.notebook(source, results.outputs, results.values)


def cell_error(source: Source, cell: Cell, message: str) -> BookError:
    """Return an error that names a cell and its line."""
    return error_at(source.path, cell.line, f"cell {cell.id} {message}")


def inline_error(source: Source, inline: Inline, message: str) -> BookError:
    """Return an error that names an inline expression and its line."""
    return error_at(source.path, inline.line, f"inline code `{inline.expression}` {message}")


def inline_value(project: Project, source: Source, inline: Inline, data: dict[str, str]) -> str:
    """Return the Markdown of an inline expression's value.

    Raises
    ------
    BookError
        If the value's text is not meant for readers (`np.float64(1)`, a memory address), or differs
        between runs or machines.
    """
    if markdown := data.get("text/markdown"):
        return " ".join(markdown.split())
    text = data["text/plain"]
    is_text = text[:1] in "'\""
    if not is_text and ("np." in text or ADDRESS.search(text) or is_bare_repr(text)):
        raise inline_error(source, inline, f"results in {text}; format it, as in f'{{x:.2f}}'")
    if problem := _find_nondeterminism(project, {"output_type": "execute_result", "data": data}):
        raise inline_error(source, inline, problem)
    if is_text:
        text = str(ast.literal_eval(text))
    return escape_markdown(" ".join(MINUS.sub("−", text).split()))


def escape_markdown(text: str) -> str:
    """Return text in which nothing is taken for Markdown."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def clean(project: Project, source: Source, cell: Cell, outputs: list[dict]) -> list[dict]:
    """Return a cell's outputs as the cache keeps them.

    Raises
    ------
    BookError
        If an output differs between runs or machines, or cannot be shown.
    """
    for output in outputs:
        if output["output_type"] == "error":  # IPython prints it, and goes on with the cell
            error = f"{output['ename']}: {ANSI.sub('', output['evalue'])[:500]}"
            raise cell_error(source, cell, f"cannot show an object: {error}")
    shown = filterfalse(_is_handle, _merge_streams(outputs))
    raw = [o for o in shown if cell.options.warning or o.get("name") != "stderr"]
    cleaned = [_clean_output(output) for output in raw]
    for before, output in zip(raw, cleaned, strict=True):
        if problem := _find_unshowable(before, output) or _find_nondeterminism(project, output):
            raise cell_error(source, cell, problem)
    # a finished progress bar leaves blanks
    return [o for o in cleaned if o.get("name") != "stderr" or o["text"].strip()]


def _is_handle(output: dict) -> bool:
    """Return whether an output is what `display(…, display_id=…)` returns."""
    text = output.get("data", {}).get("text/plain", "")
    return output["output_type"] == "execute_result" and bool(HANDLE.fullmatch(text))


def _merge_streams(outputs: list[dict]) -> Iterator[dict]:
    """Join the pieces in which a stream happened to arrive; put standard output first."""
    streams: dict[str, str] = {}

    def flush() -> Iterator[dict]:
        for name in sorted(streams, reverse=True):
            yield {"output_type": "stream", "name": name, "text": streams[name]}
        streams.clear()

    for output in outputs:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + output["text"]
        else:
            yield from flush()
            yield dict(output)
    yield from flush()


def _clean_output(output: dict) -> dict:
    if "text" in output:
        return {**output, "text": _terminal_text(output["text"])}
    data = {k: _terminal_text(v) if k == "text/plain" else v for k, v in output["data"].items()}
    data = {kind: content for kind, content in data.items() if not _unsupported(kind, content)}
    if any(kind.startswith("image/") for kind in data):
        data.pop("text/plain", None)
    return {**output, "data": data}


def _terminal_text(text: str) -> str:
    """Return text as a terminal would leave it: no colour codes, no overwritten lines."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(CONTROL.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]) for line in lines)


# MIME types


def best_type(data: dict[str, str]) -> str | None:
    """Return the MIME type by which an object is shown, or None if none is supported."""
    return next((kind for kind in MIME_TYPES if kind in data), None)


def is_bare_repr(text: str) -> bool:
    """Return whether text is a default repr such as `<Foo object>`."""
    return bool(BARE_REPR.fullmatch(text.strip()))


def formula(latex: str) -> str | None:
    """Return LaTeX as a displayed formula in Markdown, or None if it is not a single formula."""
    match = FORMULA.fullmatch(latex.strip())
    if not match:
        return None
    tex = match["dollars"] or match["brackets"] or match["environment"]
    return "$$\n" + re.sub(r"\s*\n\s*", "\n", tex.strip()) + "\n$$"


def _unsupported(kind: str, content: str) -> str:
    """Return why a page cannot show some content, or nothing."""
    if kind == "text/html" and (needs := policy.needs(content)):
        return f"HTML that needs {', '.join(needs)}"
    if kind == "text/latex" and not formula(content):
        return "LaTeX that is not one formula"
    return ""


def _find_unshowable(before: dict, output: dict) -> str:
    """Return why an object cannot be shown and what to do, or nothing."""
    data = output.get("data", {})
    text = data.get("text/plain", "").strip()
    has_better = best_type(data) not in (None, "text/plain")
    if has_better or (text and not is_bare_repr(text)):
        return ""
    dropped = [why for kind, c in before.get("data", {}).items() if (why := _unsupported(kind, c))]
    if dropped:
        return f"shows {', '.join(dropped)}, without text instead; print or draw its content"
    if not text or ADDRESS.search(text):  # an address is reported as non-deterministic
        return ""
    advice = "print its content"
    if output["output_type"] == "execute_result":
        advice += ", or end the cell's last line with `;`"
    return f"shows {text}, which tells readers nothing; {advice}"


# Differences between runs and machines


def _find_nondeterminism(project: Project, output: dict) -> str:
    """Return what would differ in another run or on another machine, with advice, or nothing."""
    advice = "print less"
    if output.get("name") == "stderr":
        advice = "hide warnings with `#| warning: false`"
    for text in _texts(output):
        if match := KERNEL.search(text):
            return f"shows its process number, {match[0]}, which differs between runs; {advice}"
        if match := LIBRARY.search(text) or _own_folder(project, text):
            return f"shows a path on this machine, {match[0]}; {advice}"
        if match := SPEED.search(text):
            return (
                f"shows how fast it ran, {match[0]!r}, which differs between runs; remove the "
                "progress bar (disable=True) or the time"
            )
        if ADDRESS.search(text):
            is_result = output["output_type"] == "execute_result"
            advice = "end its last line with `;`" if is_result else "print the object's content"
            return f"shows a memory address, which differs between runs; {advice}"
    return ""


def _own_folder(project: Project, text: str) -> re.Match[str] | None:
    """Find the path of the project or of the user's home in a text."""
    folders = [project.root]
    with contextlib.suppress(RuntimeError):  # a user without a home
        folders.append(Path.home())
    paths = "|".join(re.escape(str(folder)) for folder in folders if folder != Path("/"))
    return re.search(rf"(?<![\w.-])(?:{paths})(?![\w-])", text) if paths else None


def _texts(output: dict) -> Iterator[str]:
    yield output.get("text", "")
    yield from (v for kind, v in output.get("data", {}).items() if kind.startswith("text/"))
