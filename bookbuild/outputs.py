"""What is kept of what a cell gives: nothing that differs by chance or from machine to machine."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookbuild import displays
from bookbuild.errors import BookError, error_at
from bookbuild.markdown import escaped
from bookbuild.project import Project
from bookbuild.qmd import Cell, Inline, Source

ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
KERNEL = re.compile(r"ipykernel_\d+")
LIBRARY = re.compile(r"\S*/(?:site-packages|dist-packages|lib/python3\.\d+)/")
# What tqdm and IPython's %time print: how fast this machine was just now.
SPEED = re.compile(r"\d\d:\d\d<(?:\d\d:\d\d|\?)|\d (?:it/s|s/it)\b|\bWall time: |\bper loop \(")
MINUS = re.compile(r"(?<![\w.-])-(?=\.?\d)")  # Python writes a hyphen


@dataclass(frozen=True)
class Results:
    """What a chapter gave: the outputs of each cell, the value of each inline expression."""

    outputs: list[list[dict[str, Any]]]
    values: list[str]


def cell_error(source: Source, cell: Cell, message: str) -> BookError:
    """Return an error that names a cell and its line."""
    return error_at(source.path, cell.line, f"cell {cell.id} {message}")


def inline_error(source: Source, inline: Inline, message: str) -> BookError:
    """Return an error that names an inline expression and its line."""
    return error_at(source.path, inline.line, f"inline code `{inline.expression}` {message}")


def inline_value(project: Project, source: Source, inline: Inline, data: dict[str, str]) -> str:
    """Return the Markdown text of an inline expression's value.

    Raises
    ------
    BookError
        Where the value's text is not meant for readers (`np.float64(1)`, a memory address), or
        differs by chance or from machine to machine.
    """
    if markdown := data.get("text/markdown"):
        return " ".join(markdown.split())
    text = data["text/plain"]
    if "np." in text or ADDRESS.search(text) or displays.is_mute(text):
        raise inline_error(source, inline, f"gives {text}: format it, as in f'{{x:.2f}}'")
    if fault := _chance(project, {"output_type": "execute_result", "data": data}):
        raise inline_error(source, inline, fault)
    if text[:1] in "'\"":
        text = str(ast.literal_eval(text))
    return escaped(" ".join(MINUS.sub("−", text).split()))


def cleaned(project: Project, source: Source, cell: Cell, outputs: list[dict]) -> list[dict]:
    """Return a cell's outputs as they are kept.

    Raises
    ------
    BookError
        Where an output shows what differs by chance or from machine to machine, or an object that
        cannot be shown.
    """
    for output in outputs:
        if output["output_type"] == "error":  # IPython tells it, and goes on with the cell
            told = f"{output['ename']}: {ANSI.sub('', output['evalue'])[:500]}"
            raise cell_error(source, cell, f"cannot show an object: {told}")
    merged = [o for o in _merged(outputs) if cell.options.warning or o.get("name") != "stderr"]
    kept = [_cleaned(output) for output in merged]
    for given, output in zip(merged, kept, strict=True):
        if fault := _unshowable(given, output) or _chance(project, output):
            raise cell_error(source, cell, fault)
    # a progress bar that has finished leaves blanks
    return [o for o in kept if o.get("name") != "stderr" or o["text"].strip()]


def _unshowable(given: dict, output: dict) -> str:
    """Return why an object cannot be shown and what to do, or nothing."""
    data = output.get("data", {})
    text = data.get("text/plain", "").strip()
    is_shown = displays.best(data) not in (None, "text/plain")
    if is_shown or (text and not displays.is_mute(text)):
        return ""
    if lost := displays.lost(given.get("data", {})):
        return f"shows {lost}, and has no text to show instead: print what it holds, or draw it"
    if not text or ADDRESS.search(text):  # of the second, _chance speaks
        return ""
    advice = "print what it holds"
    if output["output_type"] == "execute_result":
        advice += ", or end the cell's last line with `;`"
    return f"shows {text}, which says nothing to a reader: {advice}"


def _chance(project: Project, output: dict) -> str:
    """Return what of an output another run or machine would not give, with advice, or nothing."""
    is_warning = output.get("name") == "stderr"
    advice = "`#| warning: false` hides warnings" if is_warning else "print less"
    for text in _texts(output):
        if found := KERNEL.search(text):
            return (
                f"shows the number of its process, {found[0]}, which differs in each run: {advice}"
            )
        if path := LIBRARY.search(text) or _own_folder(project, text):
            return f"shows a path of this machine: {path[0]}; {advice}"
        if found := SPEED.search(text):
            return (
                f"shows how fast it ran, {found[0]!r}, which differs in each run: leave out the "
                "progress bar (disable=True) or the time"
            )
        if ADDRESS.search(text):
            ends = output["output_type"] == "execute_result"
            what = "end its last line with `;`" if ends else "print what the object holds"
            return f"shows a memory address, which differs in each run: {what}"
    return ""


def _own_folder(project: Project, text: str) -> re.Match[str] | None:
    """Find the project's folder or the user's in a text."""
    folders = [project.root]
    with contextlib.suppress(RuntimeError):  # a user without a home
        folders.append(Path.home())
    paths = "|".join(re.escape(str(folder)) for folder in folders if folder != Path("/"))
    return re.search(rf"(?<![\w.-])(?:{paths})(?![\w-])", text) if paths else None


def _texts(output: dict) -> Iterator[str]:
    yield output.get("text", "")
    yield from (v for kind, v in output.get("data", {}).items() if kind.startswith("text/"))


def _merged(outputs: list[dict]) -> Iterator[dict]:
    """Join the pieces in which a stream happened to arrive; standard output goes first."""
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


def _cleaned(output: dict) -> dict:
    if "text" in output:
        return {**output, "text": _plain(output["text"])}
    data = {k: _plain(v) if k == "text/plain" else v for k, v in output["data"].items()}
    data = displays.showable(data)
    if any(kind.startswith("image/") for kind in data):
        data.pop("text/plain", None)
    return {**output, "data": data}


def _plain(text: str) -> str:
    """Return text as a terminal would leave it: no colour codes, no overwritten lines."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(CONTROL.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]) for line in lines)
