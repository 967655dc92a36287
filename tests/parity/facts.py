"""Extract facts from a page of either renderer, and compare the facts of two sites.

A page becomes lists of facts: headings with ids and numbers, figures, tables, references, code,
outputs and so on. Markup, classes and navigation are not facts. `differences` compares two sites;
intended differences of Quarto's pages are in `ALLOWED`, with the reason.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from bs4 import BeautifulSoup, Tag

Fact = list[str]
Facts = dict[str, list[Fact]]  # of one page, by kind
Site = dict[str, Facts]  # by the page's path, relative to the site

NOT_CONTENT = "script, style, annotation, nav, button, .screen-reader-only, .anchor, .footnote-back"
NOT_CONTENT += ", [style*='display: none']"
TITLE = re.compile(r"(?:Appendix )?(?P<number>[A-Z]|\d+)(?: — | )(?P<text>.+)")


def of_site(site: Path) -> Site:
    """Return the facts of all pages of a site."""
    pages = sorted(page for page in site.rglob("*.html") if "site_libs" not in page.parts)
    paths = [page.relative_to(site).as_posix() for page in pages]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    return {path: of_page(text, path) for path, text in zip(paths, texts, strict=True)}


def of_page(html: str, path: str) -> Facts:
    """Return the facts of the page at `path`, relative to the site, by kind."""
    main = BeautifulSoup(html, "html.parser").main
    assert main, f"{path} has no <main>"
    for node in main.select(NOT_CONTENT):
        node.decompose()
    return {
        "title": [_title(main)],
        "headings": list(_headings(main)),
        "figures": [_figure(node) for node in _labelled(main, "fig-")],
        "tables": [_table(table) for table in main.find_all("table")],
        "equations": [[_id(node), _number(node)] for node in _labelled(main, "eq-")],
        "references": list(_references(main, path)),
        "citations": [[_text(a), _target(a, path)] for a in main.select(".citation a")],
        "paragraphs": list(_paragraphs(main, path)),
        "code": [[code.get_text().rstrip()] for code in main.select("code.sourceCode")],
        "folds": [[_text(summary)] for summary in main.select(".code-fold > summary")],
        "outputs": [[pre.get_text().rstrip()] for pre in main.select(".cell-output pre")],
        "callouts": [_callout(node) for node in main.select(".callout")],
        "definitions": [[node.name, _text(node)] for node in main.find_all(["dt", "dd"])],
        "footnotes": [[_id(n), _text(n)] for n in main.find_all(id=re.compile(r"^fn\d+$"))],
        "bibliography": [[_id(node), _text(node)] for node in main.select(".csl-entry")],
    }


def _text(node: Tag) -> str:
    """Return a node's text with runs of (no-break) spaces as one; without any in formulas."""
    for formula in node.find_all("math"):
        formula.string = re.sub(r"\s", "", formula.get_text())
    return " ".join(node.get_text().split())


def _value(node: Tag | None, attribute: str) -> str:
    return str(node.get(attribute) or "") if node else ""


def _id(node: Tag | None) -> str:
    return _value(node, "id")


def _title(main: Tag) -> Fact:
    """Return the number and text of the page's title, and its id if it is numbered."""
    heading = main.find_all("h1")[-1]  # Quarto's first page also has the book's title
    before = heading.find_previous_sibling(class_="chapter-label")
    text = f"{_text(before)} {_text(heading)}" if before else _text(heading)
    numbered = TITLE.fullmatch(text.removeprefix("Chapter "))
    if not numbered:
        return ["", "", text]
    holder = heading if heading.get("id") else heading.find(id=True)
    return [_id(holder), numbered["number"], numbered["text"]]


def _headings(main: Tag) -> Iterator[Fact]:
    for node in main.find_all(re.compile("^h[2-6]$")):
        if "quarto-appendix-heading" in node.get_attribute_list("class"):
            continue
        number = node.find(class_="header-section-number")
        shown = _text(number) if number else ""
        text = _text(node).removeprefix(shown).strip()
        yield [node.name, _id(node) or _id(node.parent), shown, text]


def _labelled(main: Tag, prefix: str) -> list[Tag]:
    return main.find_all(id=re.compile(rf"^{prefix}(?!.*-caption-)"))


def _figure(node: Tag) -> Fact:
    image, caption = node.find("img"), node.find("figcaption")
    assert image and caption, f"{_id(node)} has no picture or no caption"
    return [_id(node), _text(caption), _value(image, "alt"), _value(image, "src")]


def _table(table: Tag) -> Fact:
    """Return a table's id, caption and header, followed by its rows."""
    holder = table.find_parent(id=re.compile("^tbl-"))
    caption = holder and holder.find(["figcaption", "caption"])
    rows = [
        " | ".join(_text(cell) for cell in row.find_all(["th", "td"]))
        for row in table.find_all("tr")
    ]
    return [_id(holder), _text(caption) if caption else "", *rows]


def _number(node: Tag) -> str:
    numbers = re.findall(r"\((\w+\.\d+)\)", _text(node))
    return numbers[-1] if numbers else ""


def _target(link: Tag, path: str) -> str:
    """Return the target of a link, relative to the site."""
    page, _, anchor = str(link["href"]).partition("#")
    page = posixpath.normpath(posixpath.join(posixpath.dirname(path), page)) if page else path
    return f"{page}#{anchor}" if anchor else page


def _references(main: Tag, path: str) -> Iterator[Fact]:
    for link in main.find_all("a", href=re.compile(r"^(?!\w+:)[^#]*(\.html|$|#)")):
        aside = link.find_parent(class_=["citation", "take-away"])
        if _text(link) and not aside and "footnote-ref" not in link.get_attribute_list("class"):
            yield [_text(link), _target(link, path)]


def _paragraphs(main: Tag, path: str) -> Iterator[Fact]:
    """Yield the paragraphs, with references to chapters replaced by their targets.

    The text of such a reference is a fact of its own.
    """
    for link in main.find_all("a", href=re.compile(r"^(?!\w+:)[^#]+\.html$")):
        link.string = _target(link, path)
    yield from ([_text(node)] for node in main.find_all("p") if _is_paragraph(node))


def _is_paragraph(node: Tag) -> bool:
    """Return whether a node is a paragraph of the text, not of a title block or a title."""
    aside = node.find_parent(["header", "figcaption"], class_=True)
    return (
        not aside and "callout-title" not in node.get_attribute_list("class") and bool(_text(node))
    )


def _callout(node: Tag) -> Fact:
    """Return the type, state, title and text of a callout."""
    kind = next(c for c in node["class"] if re.fullmatch(r"callout-(?!style|titled)\w+", c))
    title = node.find(class_=["callout-title", "callout-title-container"])
    body = node.find(class_="callout-collapse")
    is_open = node.has_attr("open") if node.name == "details" else body and "show" in body["class"]
    folded = node.name == "details" or body is not None
    state = ("open" if is_open else "collapsed") if folded else "fixed"
    name = _text(title) if title else ""
    return [kind, state, name, _text(node).removeprefix(name).strip()]


# Comparison


@dataclass(frozen=True)
class Difference:
    """Facts that differ between two sites on one page."""

    page: str
    kind: str
    builtin: list[Fact]
    quarto: list[Fact]

    def __str__(self) -> str:
        """Return both sides, one below the other."""
        return f"{self.page}: {self.kind}\n  built-in: {self.builtin}\n  Quarto:   {self.quarto}"


@dataclass(frozen=True)
class Allowed:
    """An intended difference, and its reason."""

    why: str
    test: Callable[[Difference], bool]


def _is_long_form(difference: Difference) -> bool:
    if difference.kind != "references":
        return False
    targets = [[target for _, target in side] for side in (difference.builtin, difference.quarto)]
    to_chapters = not any("#" in target for target in targets[0])
    return targets[0] == targets[1] and to_chapters


ALLOWED = [
    Allowed(
        "under Quarto, a page without a number refers to a chapter by number and title; "
        "the short form reads better everywhere",
        lambda d: d.page == "index.html" and _is_long_form(d),
    ),
]


def differences(builtin: Site, quarto: Site) -> list[Difference]:
    """Return the differences between two sites that `ALLOWED` does not explain."""
    differing = _differ("site", "pages", [[page] for page in builtin], [[page] for page in quarto])
    for page in sorted(builtin.keys() & quarto.keys()):
        for kind, facts in builtin[page].items():
            differing += _differ(page, kind, facts, quarto[page][kind])
    return [one for one in differing if not any(rule.test(one) for rule in ALLOWED)]


def _differ(page: str, kind: str, one: list[Fact], other: list[Fact]) -> list[Difference]:
    matcher = SequenceMatcher(None, [*map(tuple, one)], [*map(tuple, other)], autojunk=False)
    return [
        Difference(page, kind, one[a:b], other[c:d])
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
