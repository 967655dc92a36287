"""What a page says, whichever renderer made it, and how two sites differ in that.

A page becomes lists of facts: its headings with ids and numbers, figures, tables, references,
code, outputs and so on. Markup, classes and navigation are no facts. `differences` compares two
sites fact by fact; what Quarto does otherwise by design stands in `ALLOWED`, with the reason.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

VOID = [
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
]
UNSEEN = ["script", "style", "annotation", "nav", "button"]
UNSEEN_CLASSES = {
    "screen-reader-only",
    "visually-hidden",
    "anchor",
    "anchorjs-link",
    "footnote-back",
}


@dataclass
class Node:
    """An element: its tag, its attributes, what it holds."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")

    @property
    def seen(self) -> bool:
        hidden = "display:none" in self.attributes.get("style", "").replace(" ", "")
        return self.tag not in UNSEEN and not self.classes & UNSEEN_CLASSES and not hidden

    def walk(self) -> Iterator[Node]:
        """Yield this element and all within it that a reader sees, in order."""
        yield self
        for child in self.children:
            if isinstance(child, Node) and child.seen:
                yield from child.walk()

    def find(self, test: Callable[[Node], object]) -> list[Node]:
        return [node for node in self.walk() if test(node)]

    def first(self, test: Callable[[Node], object]) -> Node | None:
        return next((node for node in self.walk() if test(node)), None)

    def raw(self) -> str:
        """The text within, as it stands; in formulas without spaces."""
        parts = [c if isinstance(c, str) else c.raw() if c.seen else "" for c in self.children]
        return re.sub(r"\s", "", "".join(parts)) if self.tag == "math" else "".join(parts)

    @property
    def text(self) -> str:
        """The text within, each run of spaces (also no-break ones) as one space."""
        return " ".join(self.raw().split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        while tag in [node.tag for node in self.open[1:]] and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(html: str) -> Node:
    """Return a page as a tree."""
    parser = _Parser()
    parser.feed(html)
    return parser.open[0]


# Facts


Facts = dict[str, list[tuple[str, ...]]]


def facts(html: str, path: str) -> Facts:
    """Return what the page at `path` (from the site's root) says, by kind."""
    main = parse(html).first(lambda node: node.tag == "main")
    assert main, f"{path} has no <main>"
    return {
        "title": [_title(main)],
        "headings": list(_headings(main)),
        "figures": [_figure(node) for node in _labelled(main, "fig-")],
        "tables": [
            _table(node, _around(main, node)) for node in main.find(lambda n: n.tag == "table")
        ],
        "equations": [(n.id, _number(n)) for n in _labelled(main, "eq-")],
        "references": list(_references(main, path)),
        "citations": [(n.text, _target(n, path)) for n in _citations(main)],
        "paragraphs": [(node.text,) for node in main.find(_is_paragraph)],
        "code": [(node.raw().rstrip(),) for node in main.find(_is_code)],
        "folds": [(_summary(node),) for node in main.find(lambda n: "code-fold" in n.classes)],
        "outputs": list(_outputs(main)),
        "callouts": [_callout(node) for node in main.find(lambda n: "callout" in n.classes)],
        "footnotes": [(n.id, n.text) for n in main.find(lambda n: re.fullmatch(r"fn\d+", n.id))],
        "bibliography": [(n.id, n.text) for n in main.find(lambda n: "csl-entry" in n.classes)],
    }


def _title(main: Node) -> tuple[str, ...]:
    """Return id, number and text of the page's first heading."""
    headings = main.find(lambda node: node.tag == "h1")
    heading = headings[-1]  # on Quarto's first page the book's title is one, too
    holder = heading.first(lambda node: node.id) or _section(main, heading)
    label = heading.first(lambda n: "chapter-number" in n.classes)
    label = label or main.first(lambda n: "chapter-label" in n.classes)
    title = heading.first(lambda node: "chapter-title" in node.classes) or heading
    return (holder.id, label.text.split()[-1] if label else "", title.text)


def _section(main: Node, heading: Node) -> Node:
    return next(n for n in main.find(lambda n: n.tag == "section") if heading in n.children)


def _headings(main: Node) -> Iterator[tuple[str, ...]]:
    for node in main.find(lambda node: re.fullmatch("h[2-6]", node.tag)):
        if "quarto-appendix-heading" in node.classes:
            continue
        number = node.first(lambda n: "header-section-number" in n.classes)
        text = node.text.removeprefix(number.text if number else "").strip()
        identifier = node.id or _section(main, node).id
        yield (node.tag, identifier, number.text if number else "", text)


def _labelled(main: Node, prefix: str) -> list[Node]:
    return main.find(lambda n: n.id.startswith(prefix) and "-caption-" not in n.id)


def _figure(node: Node) -> tuple[str, ...]:
    image, caption = (
        node.first(lambda n: n.tag == "img"),
        node.first(lambda n: n.tag == "figcaption"),
    )
    assert image and caption, f"{node.id} has no picture or no caption"
    return (node.id, caption.text, image.attributes.get("alt", ""), image.attributes["src"])


def _around(main: Node, table: Node) -> Node | None:
    """Return the innermost labelled element around a table."""
    holders = [node for node in _labelled(main, "tbl-") if table in node.walk()]
    return holders[-1] if holders else None


def _table(node: Node, holder: Node | None) -> tuple[str, ...]:
    caption = holder and holder.first(lambda n: n.tag in ("figcaption", "caption"))
    rows = node.find(lambda n: n.tag == "tr")
    cells = [
        " | ".join(cell.text for cell in row.find(lambda n: n.tag in ("th", "td"))) for row in rows
    ]
    return (holder.id if holder else "", caption.text if caption else "", *cells)


def _number(node: Node) -> str:
    numbers = re.findall(r"\((\w+\.\d+)\)", node.text)
    return numbers[-1] if numbers else ""


def _target(link: Node, path: str) -> str:
    """Return where a link leads, from the site's root."""
    page, _, anchor = link.attributes["href"].partition("#")
    page = posixpath.normpath(posixpath.join(posixpath.dirname(path), page)) if page else path
    return f"{page}#{anchor}" if anchor else page


def _references(main: Node, path: str) -> Iterator[tuple[str, str]]:
    cited = _citations(main)
    for link in main.find(lambda n: n.tag == "a" and n.text):
        page = link.attributes.get("href", "").partition("#")[0]
        inside = not page or (page.endswith(".html") and "//" not in page)
        if inside and link not in cited and "footnote-ref" not in link.classes:
            yield (link.text, _target(link, path))


def _citations(main: Node) -> list[Node]:
    spans = main.find(lambda node: "citation" in node.classes)
    return [link for span in spans for link in span.find(lambda node: node.tag == "a")]


def _is_paragraph(node: Node) -> bool:
    """Say whether it is a paragraph of the text, not of a title block, a title or a frame."""
    title_block = {"imprint", "book-title", "subtitle", "chapter-label", "author"}
    aside = title_block | {"callout-title", "shape"}
    return node.tag == "p" and not node.classes & aside and bool(node.text)


def _is_code(node: Node) -> bool:
    return node.tag == "code" and "sourceCode" in node.classes


def _summary(fold: Node) -> str:
    summary = fold.first(lambda node: node.tag == "summary")
    return summary.text if summary else ""


def _outputs(main: Node) -> Iterator[tuple[str, ...]]:
    for output in main.find(lambda n: n.classes & {"output", "cell-output"}):
        for block in output.find(lambda node: node.tag == "pre"):
            yield (block.raw().rstrip(),)


def _callout(node: Node) -> tuple[str, ...]:
    kind = next(
        name for name in sorted(node.classes) if re.fullmatch(r"callout-(?!style|titled)\w+", name)
    )
    title = node.first(lambda n: n.classes & {"callout-title", "callout-title-container"})
    body = node.first(lambda n: "callout-collapse" in n.classes)
    folded = node.tag == "details" or body is not None
    shown = "open" in node.attributes if node.tag == "details" else body and "show" in body.classes
    state = ("open" if shown else "collapsed") if folded else "fixed"
    name = title.text if title else ""
    return (kind, state, name, node.text.removeprefix(name).strip())


# Comparison


@dataclass(frozen=True)
class Difference:
    """What one site says on a page and the other does not."""

    page: str
    kind: str
    builtin: tuple[tuple[str, ...], ...]
    quarto: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.kind}\n  built-in: {self.builtin}\n  Quarto:   {self.quarto}"


@dataclass(frozen=True)
class Allowed:
    """A difference that is meant, and why."""

    why: str
    test: Callable[[Difference], bool]


ALLOWED = [
    Allowed(
        "each of Quarto's pages carries a copy of the references, mostly unseen",
        lambda d: d.kind == "bibliography" and not d.builtin and "references" not in d.page,
    ),
]


def differences(builtin: Path, quarto: Path) -> list[Difference]:
    """Return what two sites say differently and `ALLOWED` does not explain."""
    here, there = pages(builtin), pages(quarto)
    found = _differ("site", "pages", [(page,) for page in here], [(page,) for page in there])
    for page in sorted(here.keys() & there.keys()):
        one, other = facts(here[page], page), facts(there[page], page)
        for kind in one:
            found += _differ(page, kind, one[kind], other[kind])
    return [one for one in found if not any(rule.test(one) for rule in ALLOWED)]


def pages(site: Path) -> dict[str, str]:
    """Return the text of all pages of a site by their path from its root."""
    paths = sorted(site.rglob("*.html"))
    return {p.relative_to(site).as_posix(): p.read_text(encoding="utf-8") for p in paths}


def _differ(page: str, kind: str, one: list, other: list) -> list[Difference]:
    matcher = SequenceMatcher(a=one, b=other, autojunk=False)
    return [
        Difference(page, kind, tuple(one[a:b]), tuple(other[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]


def dead_links(site: Path) -> list[str]:
    """Return the links, pictures, scripts and styles of a site that lead nowhere within it."""
    trees = {page: parse(html) for page, html in pages(site).items()}
    ids = {page: {node.id for node in _all(tree)} for page, tree in trees.items()}
    dead = []
    for page, tree in trees.items():
        for node in _all(tree):
            address = node.attributes.get("href", node.attributes.get("src", ""))
            if not address or "//" in address or re.match(r"(mailto|data|javascript):", address):
                continue
            path, _, anchor = _target(Node("a", {"href": address}), page).partition("#")
            there = unquote(path)
            known = there in ids and (not anchor or unquote(anchor) in ids[there])
            if not known and (there in ids or not (site / there).is_file()):
                dead.append(f"{page}: {address}")
    return dead


def _all(node: Node) -> Iterator[Node]:
    """Yield an element and all within it, also what a reader does not see."""
    yield node
    for child in node.children:
        if isinstance(child, Node):
            yield from _all(child)
