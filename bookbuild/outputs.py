"""What is kept of what a cell gives: nothing that differs by chance or from machine to machine."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookbuild.errors import BookError, error_at
from bookbuild.markdown import escaped
from bookbuild.project import Project
from bookbuild.qmd import Cell, Inline, Source

ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
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


def inline_value(source: Source, inline: Inline, data: dict[str, str]) -> str:
    """Return the Markdown text of an inline expression's value.

    Raises
    ------
    BookError
        Where the value's text is not meant for readers: `np.float64(1)`, or a memory address.
    """
    if markdown := data.get("text/markdown"):
        return " ".join(markdown.split())
    text = data["text/plain"]
    if "np." in text or ADDRESS.search(text):
        raise inline_error(source, inline, f"gives {text}: format it, as in f'{{x:.2f}}'")
    if text[:1] in "'\"":
        text = str(ast.literal_eval(text))
    return escaped(" ".join(MINUS.sub("−", text).split()))


def cleaned(project: Project, source: Source, cell: Cell, outputs: list[dict]) -> list[dict]:
    """Return a cell's outputs as they are kept.

    Raises
    ------
    BookError
        Where an output shows a path of this machine or a memory address.
    """
    merged = [o for o in _merged(outputs) if cell.options.warning or o.get("name") != "stderr"]
    kept = [_cleaned(output) for output in merged]
    text = json.dumps(kept, ensure_ascii=False)
    for folder in (project.root, Path.home()):
        path = rf"(?<![\w.-]){re.escape(str(folder))}(?![\w-])"
        if folder != Path("/") and re.search(path, text):
            raise cell_error(source, cell, f"shows a path of this machine: {folder}")
    if any(ADDRESS.search(shown) for shown in _texts(kept)):
        advice = "which differs in each run: end its last line with `;`"
        raise cell_error(source, cell, f"shows a memory address, {advice}")
    return kept


def _texts(outputs: list[dict]) -> Iterator[str]:
    for output in outputs:
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
    if any(kind.startswith("image/") for kind in data):
        data.pop("text/plain", None)
    return {**output, "data": data}


def _plain(text: str) -> str:
    """Return text as a terminal would leave it: no colour codes, no overwritten lines."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(CONTROL.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]) for line in lines)
