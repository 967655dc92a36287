"""Compare the quantities that the chapters computed with the lines of tests/expected/.

Used by the tests, `make verify` and `make expected`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bookbuild

Line = dict[str, Any]  # one [[quantity]] of an expected file
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """A quantity's line and its value in the chapter; one of the two may be missing."""

    chapter: str
    name: str
    line: Line | None
    value: Any
    verdict: str  # "ok", "differs", "no line" or "no value"

    @property
    def expected(self) -> str:
        """The line's value or band, as text."""
        if self.line is None:
            return "-"
        if self.line["kind"] == "band":
            return f"{self.line['low']:g} to {self.line['high']:g}"
        return json.dumps(self.line["value"], ensure_ascii=False)

    @property
    def actual(self) -> str:
        """The chapter's value, as text."""
        return "-" if self.verdict == "no value" else json.dumps(self.value, ensure_ascii=False)


def expected(root: Path) -> dict[str, list[Line]]:
    """Return the lines of each file in tests/expected/, by the stem of its chapter."""
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["quantity"]
        for path in sorted((root / "tests" / "expected").glob("*.toml"))
    }


def printed(notebook: Notebook) -> dict[str, Any]:
    """Return the quantities that an executed notebook's cell `quantities` printed, if any."""
    cells = [cell for cell in notebook["cells"] if cell["id"] == "quantities"]
    text = "".join(output["text"] for cell in cells for output in cell["outputs"])
    return json.loads(text) if text else {}


def executed(root: Path) -> dict[str, Notebook]:
    """Return the executed notebook of each chapter by stem; execute those that have changed."""
    project = bookbuild.load(root)
    sources, results = bookbuild.read(project), bookbuild.execute(project)
    return {
        chapter.source.stem: bookbuild.executed_notebook(sources[chapter], results[chapter])
        for chapter in project.chapters
    }


def of_book(root: Path) -> dict[str, dict[str, Any]]:
    """Return the quantities of each chapter that has any, by stem; execute what has changed."""
    values = {stem: printed(notebook) for stem, notebook in executed(root).items()}
    return {stem: named for stem, named in values.items() if named}


def holds(line: Line, value: Any) -> bool:
    """Return whether a quantity matches its line."""
    if line["kind"] == "band":
        return isinstance(value, int | float) and line["low"] <= value <= line["high"]
    return value == line["value"] and type(value) is type(line["value"])


def compare(chapter: str, lines: list[Line], values: dict[str, Any]) -> Iterator[Comparison]:
    """Compare a chapter's quantities with its lines, in the order of the lines."""
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
    """Compare the quantities of all chapters, by stem, with every file in tests/expected/."""
    lines = expected(root)
    stems = [*values, *(stem for stem in lines if stem not in values)]
    return [
        comparison
        for stem in stems
        for comparison in compare(stem, lines.get(stem, []), values.get(stem, {}))
    ]
