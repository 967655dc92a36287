"""What can be shown of an object that a cell displays: the kinds of content that need nothing else.

A page has no style, script or frame of a cell's own, and nothing in it comes from another host. An
object that offers such HTML is shown by another of its kinds, most often its plain text.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

# What a live figure computes with: JSON, which the page gets as a file (weave.py).
DATA = "application/vnd.explorable+json"
# The kinds of content that are shown, the best first.
KINDS = (
    DATA,
    "image/png",
    "image/svg+xml",
    "text/markdown",
    "text/html",
    "text/latex",
    "text/plain",
)
OWN = {
    "a script": {"script"},
    "a style of its own": {"style"},
    "a frame": {"iframe", "frame", "object", "embed"},
    "a program": {"form", "input", "button", "select", "textarea", "canvas", "audio", "video"},
    "a drawing within it": {"svg"},
    "a file beside it": {"link", "base", "meta"},
}
MUTE = re.compile(r"<[\w.]+ object(?: at 0x\w+)?>|<[\w.]+ at 0x\w+>")
FORMULA = re.compile(
    r"(?s:\${1,2}(?:\\displaystyle\b)?(?P<dollars>[^$]+?)\${1,2}"
    r"|\\\[(?P<brackets>.+?)\\\]"
    r"|(?P<environment>\\begin\{(?P<name>[a-z]+\*?)\}.+\\end\{(?P=name)\}))"
)


def best(data: dict[str, str]) -> str | None:
    """Return the kind by which an object is shown, or None if none of its kinds is known."""
    return next((kind for kind in KINDS if kind in data), None)


def is_mute(text: str) -> bool:
    """Say whether a text names an object and tells nothing of it: `<module.Class object>`."""
    return bool(MUTE.fullmatch(text.strip()))


def formula(latex: str) -> str | None:
    """Return LaTeX as a displayed formula of Markdown, or None if it is not one formula."""
    found = FORMULA.fullmatch(latex.strip())
    if not found:
        return None
    tex = found["dollars"] or found["brackets"] or found["environment"]
    return "$$\n" + re.sub(r"\s*\n\s*", "\n", tex.strip()) + "\n$$"


def showable(data: dict[str, str]) -> dict[str, str]:
    """Return an object's kinds of content without HTML and LaTeX that cannot be shown."""
    return {kind: content for kind, content in data.items() if not _fault(kind, content)}


def lost(data: dict[str, str]) -> str:
    """Return what `showable` leaves out, and why, in words."""
    return ", ".join(fault for kind, content in data.items() if (fault := _fault(kind, content)))


def _fault(kind: str, content: str) -> str:
    if kind == "text/html" and (what := needs(content)):
        return f"HTML that needs {what}"
    if kind == "text/latex" and not formula(content):
        return "LaTeX that is not one formula"
    return ""


def needs(html: str) -> str:
    """Return what HTML needs besides itself, or nothing.

    The style that pandas and polars write with each table is not counted: the table is complete
    without it. A style that stands alone styles nothing of a page.
    """
    parser = _Reader()
    parser.feed(html)
    parser.close()
    if parser.found == {"a style of its own"} and (parser.is_frame or not parser.has_content):
        return ""
    return ", ".join(sorted(parser.found))


def is_blank(html: str) -> bool:
    """Say whether HTML shows nothing."""
    parser = _Reader()
    parser.feed(html)
    parser.close()
    return not parser.has_content


def without_style(html: str) -> str:
    """Return HTML without its style, which the pages' policy forbids."""
    html = re.sub(r"<style\b.*?</style>", "", html, flags=re.DOTALL | re.IGNORECASE)
    return re.sub(r"""(<[^>]*?)\sstyle\s*=\s*(?:"[^"]*"|'[^']*')""", r"\1", html)


class _Reader(HTMLParser):
    """Notes what a piece of HTML needs, and whether it has any content."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.is_frame = self.has_content = False
        self.within = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.within = tag
        self.found |= {what for what, tags in OWN.items() if tag in tags}
        self.has_content |= tag in ("img", "table", "hr")
        for name, value in attributes:
            self._attribute(name, value or "")

    def _attribute(self, name: str, value: str) -> None:
        if name.startswith("on"):
            self.found.add("a script")
        if name == "style" and not re.fullmatch(r"\s*text-align:[\s\w]+;?\s*", value):
            self.found.add("a style of its own")
        if name in ("src", "srcset", "poster", "background") and re.match(r"\w*:|//", value):
            self.found.add("a file of another host, or one within it")
        self.is_frame |= name == "class" and "dataframe" in value.split()

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, text: str) -> None:
        self.has_content |= self.within not in ("style", "script") and bool(text.strip())
