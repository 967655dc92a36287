"""Parse a built site's pages, and find dead links between them."""

from __future__ import annotations

import gzip
import json
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from bs4.builder import HTMLTreeBuilder

VOID = HTMLTreeBuilder.DEFAULT_EMPTY_ELEMENT_TAGS
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)  # a scheme, or another host


class _Tags(HTMLParser):
    """Fail on tags that are closed out of order or never; Beautiful Soup would repair them."""

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
        assert opened == tag, f"line {self.getpos()[0]}: </{tag}> closes <{opened}>"


def parse(html: str) -> BeautifulSoup:
    """Return a page as a tree; fail if its tags are not closed in order."""
    _Tags(html)
    return BeautifulSoup(html, "html.parser")


def page_paths(site: Path) -> list[str]:
    """Return the paths of all pages, relative to the site; Quarto's own folder has none."""
    paths = [path.relative_to(site) for path in site.rglob("*.html")]
    return sorted(path.as_posix() for path in paths if path.parts[0] != "site_libs")


def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Return all pages of a site by path."""
    return {path: parse((site / path).read_text(encoding="utf-8")) for path in page_paths(site)}


def dead_links(site: Path) -> list[str]:
    """Return the links, pictures, scripts and styles that do not resolve within the site."""
    trees = {
        path: BeautifulSoup((site / path).read_bytes(), "html.parser") for path in page_paths(site)
    }
    ids = {path: {node["id"] for node in tree.select("[id]")} for path, tree in trees.items()}
    return [
        f"{path}: {address}"
        for path, tree in trees.items()
        for address in _addresses(tree)
        if not _resolves(site, ids, path, address)
    ]


def _addresses(tree: BeautifulSoup) -> list[str]:
    """Return the addresses that a page refers to on its own site."""
    nodes = tree.select("[href], [src]")
    addresses = [str(node.get("href") or node.get("src") or "") for node in nodes]
    return [address for address in addresses if address and not ELSEWHERE.match(address)]


def _resolves(site: Path, ids: dict[str, set[str]], page: str, address: str) -> bool:
    path, _, anchor = unquote(address).partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    if (site / path).is_dir():
        path = posixpath.normpath(f"{path}/index.html")
    if path in ids:
        return not anchor or anchor in ids[path]
    return (site / path).is_file() and not path.startswith("..")


def flat(text: str) -> str:
    """Return text with each run of spaces and line ends as one space; keep no-break spaces."""
    return re.sub(r"[ \n]+", " ", text).strip()


def indexed_texts(site: Path) -> dict[str, str]:
    """Return the text of each page in pagefind's index, by address."""
    fragments = (gzip.decompress(p.read_bytes()) for p in site.glob("pagefind/fragment/*"))
    pages = [json.loads(fragment[fragment.index(b"{") :]) for fragment in fragments]
    return {page["url"]: page["content"] for page in pages}
