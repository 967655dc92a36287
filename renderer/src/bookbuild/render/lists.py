"""Find sentences that pandoc reads as numbered lists, and items that show another number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bookbuild.render.book import Page
from bookbuild.render.places import Places

MARKER = r"\(?(?:#|\d+|[A-Za-z]+)[.)]"
ANY_MARKER = rf"(?:{MARKER}|[-*+:~]|\[\^[^\]\s]+\]:)"
BETWEEN = r"[\W_]{0,20}"  # words
FIRST_YEAR = 1000  # no list begins with such a number

List = dict[str, Any]


def problems(page: Page, places: Places) -> Iterator[tuple[int, str]]:
    """Yield the lines of lists that are no lists, and of items with another number than theirs."""
    lists, start, last = page.rendered.lists, 0, 0
    for each in lists:
        markers = [*_markers(places.text, each, start)]
        start = markers[0][0] or start
        for position, message in _of_list(lists, each, markers):
            line = places.line_at(position) if position else 0
            if not line or line != last:  # not a list within another of the same line
                yield line, message
            last = line


def _of_list(
    lists: list[List], each: List, markers: list[tuple[int, str]]
) -> Iterator[tuple[int, str]]:
    """Yield the positions and messages of one list, whose markers have these positions."""
    wrong = [*_wrong_items(each, markers)]
    if _is_sentence(lists, each) or (wrong and each["style"] != "Decimal"):
        position, marker = markers[0]
        marker = marker or f"{each['items'][0].get('number')}."
        yield position, f"`{marker}` at the start of a paragraph begins a list{_advice(marker)}"
    yield from wrong


def _wrong_items(each: List, markers: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the items with another number than their marker's, unless all are 1."""
    if each["style"] == "Decimal" and len({marker for _, marker in markers if marker}) == 1:
        return
    for (position, marker), item in zip(markers, each["items"], strict=True):
        number, written = item.get("number"), marker.strip("().")
        if number and written.lstrip("0") not in ("#", number, number.lstrip("0"), ""):
            message = f"`{marker}` is shown as item {number} of the list above"
            yield position, message + _advice(marker)


def _advice(marker: str) -> str:
    plain = f"\\{marker}" if marker.startswith("(") else f"{marker[:-1]}\\{marker[-1]}"
    return f"; in a sentence write `{plain}`"


def _is_sentence(lists: list[List], each: List) -> bool:
    """Return whether a list begins with a year, or has one item and continues no other list."""
    start, style = each["start"], each["style"]
    if start >= FIRST_YEAR:
        return True
    if len(each["items"]) > 1 or style == "DefaultStyle":
        return False
    at = next(n for n, other in enumerate(lists) if other is each)
    before, after = (
        [o for o in part if (o["style"], o["delimiter"]) == (style, each["delimiter"])]
        for part in (lists[:at], lists[at + 1 :])
    )
    if start in (0, 1):
        return style != "Decimal" and all(other["start"] != start + 1 for other in after)
    return all(other["start"] + len(other["items"]) != start for other in before)


def _markers(text: str, each: List, start: int) -> Iterator[tuple[int, str]]:
    """Yield the position and the marker of each item, as in the source; 0 and "" if unknown."""
    for item in each["items"]:
        own_marker = rf"\(?{re.escape(item.get('number', '#'))}[.)]"
        found = _find(own_marker, item, text, start) or _find(MARKER, item, text, start)
        if found:
            yield found.start(), found[1]
            start = found.end(1)
        else:
            yield 0, ""


def _find(marker: str, item: dict[str, Any], text: str, start: int) -> re.Match[str] | None:
    """Return the next line that has such a marker before an item's first words."""
    words = BETWEEN + BETWEEN.join(map(re.escape, item["words"])) if item["words"] else "$"
    before, after = rf"^[ \t>]*(?:{ANY_MARKER}[ \t]+)*?", rf"(?:[ \t]+{MARKER})*[ \t]*"
    return re.compile(rf"{before}({marker})(?=\s|$){after}{words}", re.MULTILINE).search(
        text, start
    )
