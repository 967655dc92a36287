"""Pages as trees: Beautiful Soup's, of pages whose tags are closed in order."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.builder import HTMLTreeBuilder

VOID = HTMLTreeBuilder.DEFAULT_EMPTY_ELEMENT_TAGS


class _Tags(HTMLParser):
    """Fails on a tag that is closed out of order or never; Beautiful Soup would mend it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop() if self.open else None
        assert opened == tag, f"line {self.getpos()[0]}: </{tag}> where <{opened}> is open"


def parse(html: str) -> BeautifulSoup:
    """Return a page as a tree; fail where its tags are not closed in order."""
    _Tags(html)
    return BeautifulSoup(html, "html.parser")


def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Return all pages of a site by their paths from its root."""
    paths = sorted(site.rglob("*.html"))
    return {p.relative_to(site).as_posix(): parse(p.read_text(encoding="utf-8")) for p in paths}


def flat(text: str) -> str:
    """Return text with each run of spaces and line ends made one space, no-break spaces kept."""
    return re.sub(r"[ \n]+", " ", text).strip()
