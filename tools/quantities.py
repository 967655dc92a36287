"""Reads what the chapters computed and what tests/expected/ asks for, and compares the two.

The tests, `make verify` and `make expected` share it. It changes nothing.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from bookbuild import project, qmd
from bookbuild.execute import execute_all
from bookbuild.project import Chapter, Project

Line = dict[str, Any]  # one [[quantity]] of an expected file


@dataclass(frozen=True)
class Comparison:
    """A quantity: what its line asks for and what the chapter gave; one of them may be missing."""

    chapter: str
    name: str
    line: Line | None
    value: Any
    verdict: str  # "ok", "differs", "no line" or "no value"

    @property
    def expected(self) -> str:
        """What the line asks for, as text."""
        if self.line is None:
            return "-"
        if self.line["kind"] == "band":
            return f"{self.line['low']:g} to {self.line['high']:g}"
        return json.dumps(self.line["value"], ensure_ascii=False)

    @property
    def found(self) -> str:
        """The quantity's value, as text."""
        return "-" if self.verdict == "no value" else json.dumps(self.value, ensure_ascii=False)


def expected(root: Path) -> dict[str, list[Line]]:
    """Return the lines of each file in tests/expected/, by the stem of its chapter."""
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["quantity"]
        for path in sorted((root / "tests" / "expected").glob("*.toml"))
    }


def printed(notebook) -> dict[str, Any]:
    """Return what the cell `quantities` of an executed notebook printed; {} if it has none."""
    cells = [cell for cell in notebook.cells if cell.id == "quantities"]
    text = "".join(output.text for cell in cells for output in cell.outputs)
    return json.loads(text) if text else {}


def executed(book: Project, chapter: Chapter) -> NotebookNode:
    """Return the executed notebook of a chapter, from the cache if nothing has changed."""
    source = qmd.read(book.root, chapter.source)
    results = execute_all(book, {chapter: source})[chapter]
    return nbformat.from_dict(qmd.notebook(source, results.outputs, results.values))


def of_book(root: Path) -> dict[str, dict[str, Any]]:
    """Return the quantities of each chapter that has any, by stem; execute what has changed."""
    book = project.load(root)
    values = {c.source.stem: printed(executed(book, c)) for c in book.chapters}
    return {stem: named for stem, named in values.items() if named}


def holds(line: Line, value: Any) -> bool:
    """Say whether a quantity is what its line asks for."""
    if line["kind"] == "band":
        return isinstance(value, int | float) and line["low"] <= value <= line["high"]
    return value == line["value"] and type(value) is type(line["value"])


def compare(chapter: str, lines: list[Line], values: dict[str, Any]) -> Iterator[Comparison]:
    """Compare the quantities of a chapter with its lines; lines come first."""
    for line in lines:
        name = line["name"]
        verdict = "no value"
        if name in values:
            verdict = "ok" if holds(line, values[name]) else "differs"
        yield Comparison(chapter, name, line, values.get(name), verdict)
    known = {line["name"] for line in lines}
    for name, value in values.items():
        if name not in known:
            yield Comparison(chapter, name, None, value, "no line")


def compare_all(root: Path, values: dict[str, dict[str, Any]]) -> list[Comparison]:
    """Compare the quantities of all chapters, by stem, with all files in tests/expected/."""
    lines = expected(root)
    stems = [*values, *(stem for stem in lines if stem not in values)]
    return [
        comparison
        for stem in stems
        for comparison in compare(stem, lines.get(stem, []), values.get(stem, {}))
    ]
