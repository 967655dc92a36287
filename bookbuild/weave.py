"""An executed chapter as one pandoc Markdown text, its pictures beside it.

A cell becomes a div that the filter knows (`filters/book.lua`): `.cell`, in it the code and, for
each output, a div `.output`. Every woven line remembers the line of the .qmd that it came from.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bookbuild import qmd
from bookbuild.project import error_at
from bookbuild.qmd import Cell, Prose, Source

# The kind of an output that is shown, the best first.
KINDS = ("image/png", "image/svg+xml", "text/markdown", "text/html", "text/plain")


@dataclass
class Woven:
    """One chapter, ready for pandoc."""

    source: Source
    lines: list[str] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)  # each woven line's line in the .qmd
    pictures: dict[str, bytes] = field(default_factory=dict)  # by path from the page's folder

    @property
    def text(self) -> str:
        """The Markdown text."""
        return "\n".join(self.lines) + "\n"

    def add(self, text: str, line: int, step: int = 0) -> None:
        """Add text that comes from `line` of the .qmd and, with a step of 1, the lines after."""
        for n, piece in enumerate(text.split("\n")):
            self.lines.append(piece)
            self.origins.append(line + n * step)


def weave(source: Source, results: dict[str, Any]) -> Woven:
    """Return the chapter's Markdown with its results (see `execute.results`) in it.

    Raises
    ------
    BookError
        Where an output cannot be shown as the cell's options say.
    """
    woven = Woven(source)
    outputs, values = iter(results["outputs"]), iter(results["values"])
    for block in source.blocks:
        if isinstance(block, Prose):
            woven.add(qmd.fill(block, [next(values) for _ in block.inlines]), block.line, step=1)
        elif not block.options.include:
            next(outputs)
        else:
            text = "\n\n".join(_cell(woven, block, next(outputs)))
            woven.add(f"\n{text}\n", block.line)
    return woven


def _cell(woven: Woven, cell: Cell, outputs: list[dict]) -> Iterator[str]:
    options = cell.options
    named = options.label and not options.label.startswith(("fig-", "tbl-"))
    yield f"::: {{.cell{f' #{cell.id}' if named else ''}}}"
    if options.echo and cell.code:
        fold = f' fold="{_attribute(options.code_summary)}"' if options.code_fold else ""
        yield _fenced(cell.code, f"{{.python .cell-code{fold}}}")
    if options.output:
        parts = [_output(woven, cell, n, output) for n, output in enumerate(outputs, 1)]
        parts = [part for part in parts if part]
        if options.label.startswith(("fig-", "tbl-")):
            parts = _captioned(woven, cell, parts)
        for kind, text in parts:
            yield f"::: {{.output .{kind}}}\n{text}\n:::"
    yield ":::"


def _output(woven: Woven, cell: Cell, number: int, output: dict) -> tuple[str, str] | None:
    """Return an output's class and its Markdown."""
    if output["output_type"] == "stream":
        if output["name"] == "stderr":
            return ("stderr", _fenced(output["text"])) if cell.options.warning else None
        return "stdout", _fenced(output["text"])
    kind = next((kind for kind in KINDS if kind in output["data"]), None)
    if kind is None:
        found = ", ".join(output["data"])
        raise error_at(woven.source.path, cell.line, f"cell {cell.id} shows {found}: not known here")
    name = "result" if output["output_type"] == "execute_result" else "display"
    content = output["data"][kind]
    if kind.startswith("image/"):
        size = output.get("metadata", {}).get(kind, {})
        return name, _picture(woven, cell, number, kind, content, size)
    if kind == "text/markdown":
        return name, content
    return name, _fenced(content, "{=html}" if kind == "text/html" else "")


def _picture(
    woven: Woven, cell: Cell, number: int, kind: str, content: str, size: dict[str, int]
) -> str:
    if not cell.options.fig_alt:
        raise error_at(woven.source.path, cell.line, f"cell {cell.id} shows a picture: fig-alt is missing")
    png = kind == "image/png"
    data = base64.b64decode(content) if png else content.encode()
    name = f"{cell.id}-output-{number}.{'png' if png else 'svg'}"
    path = f"{woven.source.path.stem}_files/figure-html/{name}"
    woven.pictures[path] = data
    if png and not size:
        width, height = struct.unpack(">II", data[16:24])
        size = {"width": width, "height": height}
    sizes = "".join(f" {key}={size[key]}" for key in ("width", "height") if key in size)
    return f'![](<{path}>){{fig-alt="{_attribute(cell.options.fig_alt)}"{sizes}}}'


def _captioned(woven: Woven, cell: Cell, parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Put the cell's label and caption around its one picture or table."""
    label, caption = cell.options.label, cell.options.fig_cap or cell.options.tbl_cap
    begins = "![](" if label.startswith("fig-") else "```{=html}"
    found = [n for n, (_, text) in enumerate(parts) if text.startswith(begins) or "|\n|" in text]
    if len(found) != 1:
        raise error_at(
            woven.source.path,
            cell.line,
            f"cell {cell.id} must show one {'picture' if begins[0] == '!' else 'table'} "
            f"for its caption, and shows {len(found)}",
        )
    kind, text = parts[found[0]]
    parts[found[0]] = kind, f"::: {{#{label}}}\n{text}\n\n{caption}\n:::"
    return parts


def _fenced(text: str, attributes: str = "") -> str:
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{ticks}{attributes}\n{text.rstrip()}\n{ticks}"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("\\", "&#92;")
