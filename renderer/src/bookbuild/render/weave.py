"""Weave a chapter and its results into one Markdown text in Quarto's dialect.

A cell becomes a div `.cell` with its code, and a div `.cell-output` for each output. Both Quarto's
freezer and the built-in renderer read this text. Every line remembers its line in the .qmd.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from bookbuild.run import results as run_results
from bookbuild.run.results import LIVE_DATA, Results, cell_error, escape_markdown
from bookbuild.source import policy, qmd
from bookbuild.source.qmd import Cell, Prose, Source

HIDDEN_CELL = "::: {.cell .hidden}\n:::"  # the place of a cell that shows nothing
SHOWN_TABLE = re.compile(r"```+\{=html\}|(?s:.*)^\|.*\|$", re.MULTILINE)
NUMERIC = re.compile(r"[iuf]\d+|decimal.*", re.DOTALL)  # polars types that align to the right


@dataclass
class Woven:
    """One chapter as Markdown, ready for pandoc, with its pictures and live data."""

    source: Source
    lines: list[str] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)  # each line's line in the .qmd
    pictures: dict[str, bytes] = field(default_factory=dict)  # by path from the page's folder
    data: dict[str, bytes] = field(default_factory=dict)  # live figures' scripts, likewise
    address: str = ""  # the page's web address, if known

    @property
    def text(self) -> str:
        """The Markdown text."""
        return "\n".join(self.lines) + "\n"

    def line_of(self, text: str) -> int | None:
        """Return the line of the .qmd that contains a text, or whose cell shows it."""
        lines = zip(self.lines, self.origins, strict=True)
        return self.source.line_of(text) or next((n for line, n in lines if text in line), None)

    def add(self, text: str, line: int, step: int = 0) -> None:
        """Add text from `line` of the .qmd and, if `step` is 1, from the lines after it."""
        for n, piece in enumerate(text.split("\n")):
            self.lines.append(piece)
            self.origins.append(line + n * step)


def weave(source: Source, results: Results, address: str = "") -> Woven:
    """Return a chapter's Markdown with its results.

    Raises
    ------
    BookError
        If an output cannot be shown as the cell's options require.
    """
    woven = Woven(source, address=address)
    outputs, values = iter(results.outputs), iter(results.values)
    for block in source.blocks:
        if isinstance(block, Prose):
            woven.add(qmd.fill(block, [next(values) for _ in block.inlines]), block.line, step=1)
        elif not block.options.include:
            next(outputs)
            woven.add(f"\n{HIDDEN_CELL}\n", block.line)
        else:
            text = "\n\n".join(_cell(woven, block, next(outputs)))
            woven.add(f"\n{text}\n", block.line)
    return woven


def placeholder_results(source: Source) -> Results:
    """Return blank results, with a picture or table for each caption, to check the sources with."""
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
        summary = f' code-fold="true" code-summary="{_quoted(options.code_summary)}"'
        fold = summary if options.code_fold else ""
        yield _fenced(cell.code, f"{{.python .cell-code{fold}}}")
    if options.output:
        shown = [s for n, o in enumerate(outputs, 1) if (s := _output(woven, cell, n, o))]
        for kind, text in _captioned(woven, cell, shown) if options.caption else shown:
            yield f"::: {{.cell-output .cell-output-{kind}}}\n{text}\n:::"
    yield ":::"


def _output(woven: Woven, cell: Cell, number: int, output: dict) -> tuple[str, str] | None:
    """Return the kind of an output and its Markdown, or None if it is not shown."""
    if output["output_type"] == "stream":
        is_shown = output["name"] == "stdout" or cell.options.warning
        return (output["name"], _fenced(output["text"])) if is_shown else None
    if not output["data"]:
        return None
    kind = run_results.best_type(output["data"])
    if kind is None:
        kinds = ", ".join(output["data"])
        message = f"shows unsupported content, {kinds}; show a PNG picture, SVG, Markdown or text"
        raise cell_error(woven.source, cell, message)
    content = output["data"][kind]
    if kind == LIVE_DATA:
        return "display", _live_data(woven, cell, content)
    if kind.startswith("image/"):
        size = output.get("metadata", {}).get(kind, {})
        return "display", _picture(woven, cell, number, kind, content, size)
    text = _text(kind, content)
    return ("display", text) if text.strip() else None


def _text(kind: str, content: str) -> str:
    """Return the Markdown of an object that is not a picture."""
    if kind == "text/html":
        content = "" if policy.is_blank(content) else _without_style(content)
        return content and (frame_to_markdown(content) or _fenced(content, "{=html}"))
    if kind == "text/latex":
        return run_results.formula(content) or ""
    return content if kind == "text/markdown" else _fenced(content)


def _picture(
    woven: Woven, cell: Cell, number: int, kind: str, content: str, size: dict[str, int]
) -> str:
    """Return a picture's Markdown: a figure if the cell has a caption for it."""
    options, is_png = cell.options, kind == "image/png"
    if not options.fig_alt:
        raise cell_error(woven.source, cell, "shows a picture: fig-alt is missing")
    data = base64.b64decode(content) if is_png else content.encode()
    name = f"{cell.id}-output-{number}.{'png' if is_png else 'svg'}"
    path = f"{woven.source.path.stem}_files/figure-html/{name}"
    woven.pictures[path] = data
    if is_png and not size:
        width, height = struct.unpack(">II", data[16:24])
        size = {"width": width, "height": height}
    sizes = "".join(f" {key}={size[key]}" for key in ("width", "height") if key in size)
    label = f"#{cell.id} " if options.fig_cap else ""
    return f'![{options.fig_cap}](<{path}>){{{label}fig-alt="{_quoted(options.fig_alt)}"{sizes}}}'


def _live_data(woven: Woven, cell: Cell, content: dict[str, Any]) -> str:
    """Store a live figure's data as a script; return a div with its path and a line for print."""
    path = f"{woven.source.path.stem}_files/figure-html/{cell.id}-data.js"
    if path in woven.data:
        raise cell_error(woven.source, cell, "shows data for a live figure twice; show them once")
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    woven.data[path] = f"explorables.data[{json.dumps(cell.id)}] = {text};\n".encode()
    where = f"at <{woven.address}>" if woven.address else "on the book’s website"
    live = f"This figure is live {where}, in a browser with JavaScript."
    return f'::: {{.explorable-data path="{path}"}}\n{live}\n:::'


def _captioned(woven: Woven, cell: Cell, shown: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Check that the caption has exactly one picture or table; add the caption to a table."""
    is_figure = bool(cell.options.fig_cap)
    start = re.compile(r"!\[") if is_figure else SHOWN_TABLE
    matching = [n for n, (_, text) in enumerate(shown) if start.match(text)]
    if len(matching) != 1:
        kind = "picture" if is_figure else "table"
        message = f"has a caption for one {kind}, but shows {len(matching)}"
        raise cell_error(woven.source, cell, message)
    if not is_figure:
        kind, text = shown[matching[0]]
        # the empty span keeps a caption that starts with "(a)" or "1." from being a list
        table = f"::: {{#{cell.id}}}\n{text}\n\n[]{{}}{cell.options.caption}\n:::"
        shown[matching[0]] = (kind, table)
    return shown


# Markdown


def _quoted(text: str) -> str:
    """Return text as an attribute's value, without the quotation marks."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("\\", "&#92;")


def _fenced(text: str, attributes: str = "") -> str:
    """Return text as a code block."""
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{ticks}{attributes}\n{text.rstrip()}\n{ticks}"


def _without_style(html: str) -> str:
    """Return HTML without its style, which the pages' policy forbids."""
    html = re.sub(r"<style\b.*?</style>", "", html, flags=re.DOTALL | re.IGNORECASE)
    return re.sub(r"""(<[^>]*?)\sstyle\s*=\s*(?:"[^"]*"|'[^']*')""", r"\1", html)


def frame_to_markdown(html: str) -> str | None:
    """Return polars' HTML for a data frame as a Markdown table with types and shape.

    Numbers align to the right. Return None for anything but a plain table of rows.
    """
    try:
        root = ElementTree.fromstring(html.replace("&hellip;", "…"))  # not an entity of XML
    except ElementTree.ParseError:
        return None
    table, shape = root.find("table"), root.findtext("small")
    if table is None or "dataframe" not in table.get("class", "").split():
        return None
    rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    head = table.findall("thead/tr")
    if len(head) != 2 or len({len(row) for row in rows}) != 1:
        return None
    lines = _table(rows[0], rows[1], rows[2:]) if rows[0] else ["| no columns |", "|:---|"]
    return "\n".join([*lines, "", f"[{escape_markdown(shape)}]{{.shape}}"] if shape else lines)


def _table(names: list[str], types: list[str], rows: list[list[str]]) -> list[str]:
    head = [
        f"{_table_cell(name)} [{_table_cell(dtype)}]{{.dtype}}"
        for name, dtype in zip(names, types, strict=True)
    ]
    rules = ["---:" if NUMERIC.fullmatch(dtype.strip()) else ":---" for dtype in types]
    lines = [head, rules, *([_table_cell(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _table_cell(text: str) -> str:
    return escape_markdown(re.sub(r"[ \t\r\n]+", " ", text).strip(" "))
