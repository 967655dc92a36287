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
from bookbuild.project import BookError, error_at
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


def unexecuted(source: Source) -> dict[str, Any]:
    """Return results as execution would give them, with a blank picture or table for each caption.

    With them the sources can be checked without running anything.
    """
    return {
        "outputs": [_blank(cell) for cell in source.cells],
        "values": ["0" for _ in source.inlines],
    }


def _blank(cell: Cell) -> list[dict]:
    if not cell.options.caption:
        return []
    picture = {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"/>'}
    table = {"text/html": "<table><tr><td>0</td></tr></table>"}
    return [{"output_type": "display_data", "data": picture if cell.options.fig_cap else table}]


def _cell(woven: Woven, cell: Cell, outputs: list[dict]) -> Iterator[str]:
    options = cell.options
    own_id = f" #{cell.id}" if options.label and not options.caption else ""
    yield f'::: {{.cell{own_id} name="{cell.id}"}}'
    if options.echo and cell.code:
        fold = f' fold="{_attribute(options.code_summary)}"' if options.code_fold else ""
        yield _fenced(cell.code, f"{{.python .cell-code{fold}}}")
    if options.output:
        shown = [s for n, o in enumerate(outputs, 1) if (s := _output(woven, cell, n, o))]
        for name, text in _captioned(woven, cell, shown) if options.caption else shown:
            yield f"::: {{.output .{name}}}\n{text}\n:::"
    yield ":::"


def _output(woven: Woven, cell: Cell, number: int, output: dict) -> tuple[str, str] | None:
    """Return an output's class and its Markdown, or None where it is not shown."""
    if output["output_type"] == "stream":
        shown = output["name"] == "stdout" or cell.options.warning
        return (output["name"], _fenced(output["text"], "{.printed}")) if shown else None
    name = "result" if output["output_type"] == "execute_result" else "display"
    kind = next((kind for kind in KINDS if kind in output["data"]), None)
    if kind is None:
        raise _error(woven, cell, f"shows {', '.join(output['data'])}: not known here")
    content = output["data"][kind]
    if kind.startswith("image/"):
        size = output.get("metadata", {}).get(kind, {})
        return name, _picture(woven, cell, number, kind, content, size)
    if kind == "text/markdown":
        return name, content
    return name, _fenced(content, "{.html-output}" if kind == "text/html" else "{.printed}")


def _error(woven: Woven, cell: Cell, message: str) -> BookError:
    return error_at(woven.source.path, cell.line, f"cell {cell.id} {message}")


def _picture(
    woven: Woven, cell: Cell, number: int, kind: str, content: str, size: dict[str, int]
) -> str:
    if not cell.options.fig_alt:
        raise _error(woven, cell, "shows a picture: fig-alt is missing")
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


def _captioned(woven: Woven, cell: Cell, shown: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Put the cell's label and caption around its one picture or table."""
    figure = bool(cell.options.fig_cap)
    begin = r"!\[\]\(" if figure else r"```+\{\.html-output\}|(?s:.*^\|.*\|$)"
    found = [n for n, (_, text) in enumerate(shown) if re.match(begin, text, re.MULTILINE)]
    if len(found) != 1:
        kind = "picture" if figure else "table"
        raise _error(woven, cell, f"has a caption for one {kind}, and shows {len(found)}")
    name, text = shown[found[0]]
    # the empty span keeps a caption that begins with "(a)" or "1." from being a list
    caption = f"::: {{#{cell.id}}}\n{text}\n\n[]{{}}{cell.options.caption}\n:::"
    return [(name, caption) if n == found[0] else other for n, other in enumerate(shown)]


def _fenced(text: str, attributes: str) -> str:
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{ticks}{attributes}\n{text.rstrip()}\n{ticks}"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("\\", "&#92;")
