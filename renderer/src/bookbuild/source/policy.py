"""Enforce the site's content policy: no script, style or frame of a chapter's own, no other host.

The same reader checks the HTML that cells print, the raw HTML that authors write, and the finished
pages and stylesheets of either renderer.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

SCRIPT, STYLE, FRAME = "a script", "a style of its own", "a frame"
PROGRAM, DRAWING, LINKED = "a program", "a drawing within it", "a file beside it"
FOREIGN = "a file from another host, or one within it"
TAGS = {
    SCRIPT: {"script"},
    STYLE: {"style"},
    FRAME: {"iframe", "frame", "object", "embed"},
    PROGRAM: {"form", "input", "button", "select", "textarea", "canvas", "audio", "video"},
    DRAWING: {"svg"},
    LINKED: {"link", "base", "meta"},
}
ALLOWED_IN_CHAPTERS = {PROGRAM, DRAWING}  # the page's policy lets them work
LOADING = ("src", "poster", "background", "data")  # attributes whose file a browser loads
DRAWN = {"image", "use"}  # parts of a drawing that load the file in their `href`
LEADING = ("href", "src", "poster", "srcset")  # attributes with the addresses of links and files
LOADING_LINKS = {"stylesheet", "preload", "modulepreload", "icon", "manifest"}
ADDRESS = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
FOREIGN_ADDRESS = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
FOREIGN_IN_CSS = re.compile(
    r"""(?:@import\s*|url\()\s*["']?((?:https?:)?//[^\s"')]+)""", re.IGNORECASE
)
SCRIPT_ADDRESS = re.compile(r"\s*(?:javascript|vbscript):", re.IGNORECASE)
ALIGNMENT = re.compile(r"\s*text-align:[\s\w]+;?\s*")


def needs(html: str) -> list[str]:
    """Return what a piece of HTML needs besides itself, in words, sorted; [] if nothing.

    The style that pandas and polars write with each table does not count, since the table is
    complete without it; nor does a style alone, which styles nothing on a page.
    """
    reader = _read(html)
    if set(reader.needs) == {STYLE} and (reader.is_data_frame or not reader.has_content):
        return []
    return sorted(reader.needs)


def is_blank(html: str) -> bool:
    """Return whether HTML shows nothing."""
    return not _read(html).has_content


def violations(html: str) -> list[tuple[str, str]]:
    """Return each forbidden tag in a chapter's raw HTML, with a description of what it is."""
    reader = _read(html)
    needs = reader.needs | ({STYLE: reader.aligned} if reader.aligned else {})
    return [(tag, need) for need, tag in needs.items() if need not in ALLOWED_IN_CHAPTERS]


def links(html: str) -> list[str]:
    """Return the addresses that a piece of HTML leads to or shows, in their order."""
    return _read(html).links


def ids(html: str) -> list[str]:
    """Return the ids in a piece of HTML."""
    return _read(html).ids


def is_script(address: str) -> bool:
    """Return whether a link's address is a script."""
    return bool(SCRIPT_ADDRESS.match(address))


def is_address(path: str) -> bool:
    """Return whether a picture's path is an address rather than a file of the book."""
    return "//" in path


def foreign_requests(file: Path) -> list[str]:
    """Return every address on another host that a finished page or stylesheet loads."""
    text = file.read_text(encoding="utf-8")
    return FOREIGN_IN_CSS.findall(text) if file.suffix == ".css" else _read(text).foreign


def _addresses(tag: str, attribute: str, value: str) -> list[str]:
    """Return the addresses that a browser loads for an attribute of a tag."""
    if attribute == "srcset":
        return value.split(",")
    is_drawn = tag in DRAWN and attribute in ("href", "xlink:href")
    return [value] if is_drawn or attribute in LOADING else []


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


class _Reader(HTMLParser):
    """Collects what a piece of HTML needs and loads, and whether it has any content."""

    def __init__(self) -> None:
        super().__init__()
        self.needs: dict[str, str] = {}  # what is needed: the first tag that needs it
        self.foreign: list[str] = []
        self.aligned = ""  # the first tag that only has `text-align`, as in data frames
        self.is_data_frame = self.has_content = False
        self.within = ""
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.within = tag
        self.has_content |= tag in ("img", "table", "hr")
        for need, tags in TAGS.items():
            if tag in tags:
                self._need(need)
        values = {name: value or "" for name, value in attributes}
        self.is_data_frame |= "dataframe" in values.get("class", "").split()
        for name, value in values.items():
            self._attribute(name, value)
            for address in _addresses(tag, name, value):
                self._load(address)
        if tag == "link" and LOADING_LINKS & {*values.get("rel", "").lower().split()}:
            self._load(values.get("href", ""))

    def _attribute(self, name: str, value: str) -> None:
        if name.startswith("on"):
            self._need(SCRIPT)
        if name == "style":
            self.foreign += FOREIGN_IN_CSS.findall(value)
            if ALIGNMENT.fullmatch(value):
                self.aligned = self.aligned or self._tag
            else:
                self._need(STYLE)
        if name == "id":
            self.ids.append(value)
        if name in LEADING:
            addresses = value.split(",") if name == "srcset" else [value]
            self.links += [address.split()[0] for address in addresses if address.strip()]
        if name == "href" and is_script(value):
            self._need(SCRIPT)

    def _load(self, address: str) -> None:
        if FOREIGN_ADDRESS.match(address):
            self.foreign.append(address.strip())
        if ADDRESS.match(address):
            self._need(FOREIGN)

    def _need(self, need: str) -> None:
        self.needs.setdefault(need, self._tag)

    @property
    def _tag(self) -> str:
        return (self.get_starttag_text() or "").split("\n")[0]

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, text: str) -> None:
        if self.within == "style":
            self.foreign += FOREIGN_IN_CSS.findall(text)
        self.has_content |= self.within not in ("style", "script") and bool(text.strip())
