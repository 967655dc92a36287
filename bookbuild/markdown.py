"""Pieces of Markdown in the dialect that Quarto writes and both renderers read."""

from __future__ import annotations

import re
from xml.etree import ElementTree

NUMERIC = re.compile(r"[iuf]\d+|decimal.*", re.DOTALL)  # types of polars that align to the right


def escaped(text: str) -> str:
    """Return text in which nothing is taken for Markdown."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def quoted(text: str) -> str:
    """Return text as the value of an attribute, without the quotation marks."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("\\", "&#92;")


def fenced(text: str, attributes: str = "") -> str:
    """Return text as a block of code."""
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{ticks}{attributes}\n{text.rstrip()}\n{ticks}"


def frame(html: str) -> str | None:
    """Return a data frame's HTML, as polars writes it, as a Markdown table with types and shape.

    Numbers align to the right. Anything but a plain table of rows gives None.
    """
    try:
        root = ElementTree.fromstring(html.replace("&hellip;", "…"))  # XML has no such name
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
    return "\n".join([*lines, "", f"[{escaped(shape)}]{{.shape}}"] if shape else lines)


def _table(names: list[str], types: list[str], rows: list[list[str]]) -> list[str]:
    head = [
        f"{_cell(name)} [{_cell(kind)}]{{.dtype}}" for name, kind in zip(names, types, strict=True)
    ]
    rules = ["---:" if NUMERIC.fullmatch(kind.strip()) else ":---" for kind in types]
    lines = [head, rules, *([_cell(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str) -> str:
    return escaped(re.sub(r"[ \t\r\n]+", " ", text).strip(" "))
