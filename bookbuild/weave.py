"""An executed chapter as one Markdown text in Quarto's own dialect, its pictures beside it.

A cell becomes a div `.cell`: in it the code, and a div `.cell-output` for each output. Quarto's
freezer takes the text as it is, and so does the built-in renderer. Every woven line remembers the
line of the .qmd that it came from.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bookbuild import displays, markdown, qmd
from bookbuild.markdown import fenced, quoted
from bookbuild.outputs import Results, cell_error
from bookbuild.qmd import Cell, Prose, Source

SHOWN_TABLE = re.compile(r"```+\{=html\}|(?s:.*)^\|.*\|$", re.MULTILINE)


@dataclass
class Woven:
    """One chapter, ready for pandoc."""

    source: Source
    lines: list[str] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)  # each woven line's line in the .qmd
    pictures: dict[str, bytes] = field(default_factory=dict)  # by path from the page's folder
    data: dict[str, bytes] = field(default_factory=dict)  # of live figures, as scripts, likewise
    address: str = ""  # of the page on the web, where it is known

    @property
    def text(self) -> str:
        """The Markdown text."""
        return "\n".join(self.lines) + "\n"

    @property
    def shown_cells(self) -> list[Cell]:
        """The cells that have a div in the text, in its order."""
        return [cell for cell in self.source.cells if cell.options.include]

    def line_of(self, text: str) -> int | None:
        """Return the line of the .qmd that has a text, or whose cell shows it."""
        lines = zip(self.lines, self.origins, strict=True)
        return self.source.line_of(text) or next((n for line, n in lines if text in line), None)

    def add(self, text: str, line: int, step: int = 0) -> None:
        """Add text that comes from `line` of the .qmd and, with a step of 1, the lines after."""
        for n, piece in enumerate(text.split("\n")):
            self.lines.append(piece)
            self.origins.append(line + n * step)


def weave(source: Source, results: Results, address: str = "") -> Woven:
    """Return the chapter's Markdown with its results in it.

    Raises
    ------
    BookError
        Where an output cannot be shown as the cell's options say.
    """
    woven = Woven(source, address=address)
    outputs, values = iter(results.outputs), iter(results.values)
    for block in source.blocks:
        if isinstance(block, Prose):
            woven.add(qmd.fill(block, [next(values) for _ in block.inlines]), block.line, step=1)
        elif not block.options.include:
            next(outputs)
        else:
            text = "\n\n".join(_cell(woven, block, next(outputs)))
            woven.add(f"\n{text}\n", block.line)
    return woven


def unexecuted(source: Source) -> Results:
    """Return results as execution would give them, with a blank picture or table for each caption.

    With them the sources can be checked without running anything.
    """
    return Results([_blank(cell) for cell in source.cells], ["0" for _ in source.inlines])


def _blank(cell: Cell) -> list[dict]:
    if not cell.options.caption:
        return []
    picture = {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"/>'}
    table = {"text/html": "<table><tr><td>0</td></tr></table>"}
    return [{"output_type": "display_data", "data": picture if cell.options.fig_cap else table}]


def _cell(woven: Woven, cell: Cell, outputs: list[dict]) -> Iterator[str]:
    options = cell.options
    own_id = f"#{cell.id} " if options.label and not options.caption else ""
    yield f"::: {{{own_id}.cell}}"
    if options.echo and cell.code:
        summary = f' code-fold="true" code-summary="{quoted(options.code_summary)}"'
        fold = summary if options.code_fold else ""
        yield fenced(cell.code, f"{{.python .cell-code{fold}}}")
    if options.output:
        shown = [s for n, o in enumerate(outputs, 1) if (s := _output(woven, cell, n, o))]
        for kind, text in _labelled(woven, cell, shown) if options.caption else shown:
            yield f"::: {{.cell-output .cell-output-{kind}}}\n{text}\n:::"
    yield ":::"


def _output(woven: Woven, cell: Cell, number: int, output: dict) -> tuple[str, str] | None:
    """Return the kind of an output and its Markdown, or None where it is not shown."""
    if output["output_type"] == "stream":
        shown = output["name"] == "stdout" or cell.options.warning
        return (output["name"], fenced(output["text"])) if shown else None
    if not output["data"]:
        return None
    kind = displays.best(output["data"])
    if kind is None:
        kinds = ", ".join(output["data"])
        message = f"shows {kinds}: not known here; show a PNG picture, SVG, Markdown or text"
        raise cell_error(woven.source, cell, message)
    content = output["data"][kind]
    if kind == displays.DATA:
        return "display", _data(woven, cell, content)
    if kind.startswith("image/"):
        size = output.get("metadata", {}).get(kind, {})
        return "display", _picture(woven, cell, number, kind, content, size)
    text = _text(kind, content)
    return ("display", text) if text.strip() else None


def _text(kind: str, content: str) -> str:
    """Return the Markdown of an object that is not a picture."""
    if kind == "text/html":
        content = "" if displays.is_blank(content) else displays.without_style(content)
        return content and (markdown.frame(content) or fenced(content, "{=html}"))
    if kind == "text/latex":
        return displays.formula(content) or ""
    return content if kind == "text/markdown" else fenced(content)


def _picture(
    woven: Woven, cell: Cell, number: int, kind: str, content: str, size: dict[str, int]
) -> str:
    """Return a picture's Markdown: a figure where the cell has a caption for it."""
    options, png = cell.options, kind == "image/png"
    if not options.fig_alt:
        raise cell_error(woven.source, cell, "shows a picture: fig-alt is missing")
    data = base64.b64decode(content) if png else content.encode()
    name = f"{cell.id}-output-{number}.{'png' if png else 'svg'}"
    path = f"{woven.source.path.stem}_files/figure-html/{name}"
    woven.pictures[path] = data
    if png and not size:
        width, height = struct.unpack(">II", data[16:24])
        size = {"width": width, "height": height}
    sizes = "".join(f" {key}={size[key]}" for key in ("width", "height") if key in size)
    label = f"#{cell.id} " if options.fig_cap else ""
    return f'![{options.fig_cap}](<{path}>){{{label}fig-alt="{quoted(options.fig_alt)}"{sizes}}}'


def _data(woven: Woven, cell: Cell, content: dict[str, Any]) -> str:
    """Keep a live figure's data as a script; return where they lie, and where the figure lives."""
    path = f"{woven.source.path.stem}_files/figure-html/{cell.id}-data.js"
    if path in woven.data:
        raise cell_error(woven.source, cell, "shows data for a live figure twice: show them once")
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    woven.data[path] = f"explorables.data[{json.dumps(cell.id)}] = {text};\n".encode()
    where = f"at <{woven.address}>" if woven.address else "on the book’s website"
    live = f"This figure is live {where}, in a browser with JavaScript."
    return f'::: {{.explorable-data path="{path}"}}\n{live}\n:::'


def _labelled(woven: Woven, cell: Cell, shown: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Check that there is the one picture or table of the caption; put a table's around it."""
    figure = bool(cell.options.fig_cap)
    begin = re.compile(r"!\[") if figure else SHOWN_TABLE
    found = [n for n, (_, text) in enumerate(shown) if begin.match(text)]
    if len(found) != 1:
        kind = "picture" if figure else "table"
        message = f"has a caption for one {kind}, and shows {len(found)}"
        raise cell_error(woven.source, cell, message)
    if not figure:
        kind, text = shown[found[0]]
        # the empty span keeps a caption that begins with "(a)" or "1." from being a list
        table = f"::: {{#{cell.id}}}\n{text}\n\n[]{{}}{cell.options.caption}\n:::"
        shown[found[0]] = (kind, table)
    return shown
