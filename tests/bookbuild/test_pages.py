"""The probe book as pages: the ids, numbers, texts and file names that Quarto gives, and no more.

What Quarto makes of this syntax was seen on Quarto 1.9; the expected values are from there.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

NBSP = "\u00a0"
VOID = {"meta", "link", "img", "input", "br", "hr", "col"}


class Element:
    """An element of a page: its tag, attributes, text and children."""

    def __init__(self, tag: str, attributes: dict) -> None:
        self.tag, self.attributes, self.children = tag, attributes, []

    def walk(self):
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    @property
    def text(self) -> str:
        parts = [c if isinstance(c, str) else c.text for c in self.children]
        return "".join(parts)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())


class Page(HTMLParser):
    """A page as a tree; it fails on a tag that is closed out of order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.root = path, Element("", {})
        self.open = [self.root]
        self.feed(path.read_text(encoding="utf-8"))
        assert len(self.open) == 1, [e.tag for e in self.open]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.open[-1].children.append(Element(tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, (self.path, self.getpos(), tag)

    def handle_data(self, data):
        self.open[-1].children.append(data)

    def all(self, tag: str = "", cls: str = "") -> list[Element]:
        return [
            e
            for e in self.root.walk()
            if (not tag or e.tag == tag) and (not cls or cls in e.classes)
        ]

    def id(self, name: str) -> Element:
        (element,) = [e for e in self.root.walk() if e.attributes.get("id") == name]
        return element


@pytest.fixture(scope="module")
def pages(probe) -> dict[str, Page]:
    paths = sorted(probe.rglob("*.html"))
    return {path.relative_to(probe).as_posix(): Page(path) for path in paths}


@pytest.fixture(scope="module")
def page(pages) -> Page:
    return pages["chapters/probe.html"]


def tokens(text: str) -> str:
    """Return text with its line ends and runs of spaces made one space, no-break spaces kept."""
    return re.sub(r"[ \n]+", " ", text).strip()


def test_files_of_the_site(probe):
    files = {path.relative_to(probe).as_posix() for path in probe.rglob("*") if path.is_file()}
    assert files >= {
        "index.html",
        "chapters/probe.html",
        "chapters/probe.ipynb",
        "chapters/probe.qmd",
        "chapters/probe_files/figure-html/fig-line-output-1.png",
        "chapters/two wörds.html",
        "chapters/references.html",
        "pictures/dot.svg",
    }
    assets = {"book.css", "book.js", "favicon.svg", "theme.js", "tokens.css"}  # not page.html
    assert {path.name for path in (probe / "assets").iterdir()} == assets
    source = "chapters/probe.qmd"
    assert (probe / source).read_bytes() == (probe.parent / source).read_bytes()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("index.html", ("preface", "Preface")),
        ("chapters/probe.html", ("sec-probe", "A probe")),
        ("chapters/two wörds.html", ("sec-words", "Two words")),
        ("chapters/references.html", ("references", "References")),
        ("chapters/data.html", ("sec-data", "Datasets")),
    ],
)
def test_titles(pages, name, title):
    (heading,) = pages[name].all("h1")
    assert (heading.attributes["id"], heading.text) == title


def test_section_ids_and_numbers(pages):
    found = [
        (e.attributes["id"], tokens(e.text))
        for name in ("chapters/probe.html", "chapters/data.html", "index.html")
        for e in pages[name].all()
        if e.tag in ("h2", "h3")
    ]
    assert found == [
        ("sec-setup", "1.1 Setup"),
        ("figures-and-tables", "1.2 Figures and tables"),
        ("sec-figures", "1.2.1 Figures"),
        ("tables", "1.2.2 Tables"),
        ("equations", "1.3 Equations"),
        ("cells", "1.4 Cells"),
        ("callouts", "1.5 Callouts"),
        ("raw-html", "1.6 Raw HTML"),
        ("unnumbered", "Unnumbered"),
        ("sec-digits", "A.1 Digits"),
        ("how-to-read-it", "How to read it"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "index.html",
            [
                ("chapters/probe.html", f"1{NBSP} A probe"),
                ("chapters/two wörds.html", f"2{NBSP} Two words"),
                ("chapters/data.html", f"Appendix{NBSP}A — Datasets"),
                ("chapters/probe.html#fig-line", f"Figure{NBSP}1.1"),
            ],
        ),
        (
            "chapters/data.html",
            [("#tbl-digits", f"Table{NBSP}A.1"), ("#sec-digits", f"Section{NBSP}A.1")],
        ),
        (
            "chapters/notation.html",
            [("#eq-same", f"Equation{NBSP}B.1"), ("#sec-notation", f"Appendix{NBSP}B — Notation")],
        ),
        (
            "chapters/two wörds.html",
            [
                ("../chapters/probe.html#sec-setup", f"Section{NBSP}1.1"),
                ("../chapters/probe.html#tbl-frame", f"Table{NBSP}1.1"),
            ],
        ),
    ],
)
def test_cross_references(pages, name, expected):
    links = pages[name].all("a", "crossref")
    assert [(unquote(a.attributes["href"]), tokens(a.text)) for a in links] == expected


def test_link_into_another_chapter_keeps_its_text(pages):
    (link,) = pages["chapters/data.html"].all("a", "term")
    assert link.attributes["href"] == "../chapters/notation.html#gl-alike"
    assert tokens(link.text) == "alike"


def test_reference_by_number_alone(page):
    assert [a.text for a in page.all("a", "crossref")][:3] == [
        f"Figure{NBSP}1.1",
        f"Figure{NBSP}1.2",
        "1.2",
    ]


def test_figures(page):
    captions = [
        (f.attributes.get("id"), tokens(c.text))
        for f in page.all("figure", "figure")
        for c in f.walk()
        if c.tag == "figcaption"
    ]
    assert captions == [
        ("fig-line", f"Figure{NBSP}1.1: A line that rises."),
        ("fig-dot", f"Figure{NBSP}1.2: A dot."),
    ]
    line, dot = [i for f in page.all("figure", "figure") for i in f.walk() if i.tag == "img"]
    assert line.attributes["alt"] == "A straight line from the lower left to the upper right."
    assert line.attributes["src"] == "probe_files/figure-html/fig-line-output-1.png"
    assert dot.attributes["alt"] == "A black disc in the middle."
    assert (dot.attributes["width"], dot.attributes["height"]) == ("40", "20")
    assert dot.classes == {"lightbox", "keep-colours"}


def test_width_and_height_are_those_of_the_picture(page):
    from PIL import Image

    for image in page.all("img"):
        path = page.path.parent / image.attributes["src"]
        if path.suffix == ".png":
            with Image.open(path) as picture:
                sizes = tuple(int(image.attributes[k]) for k in ("width", "height"))
                assert sizes == picture.size


def test_frame_becomes_a_table(page):
    figure = page.id("tbl-frame")
    rows = [
        [(tokens(cell.text), "num" in cell.classes) for cell in row.children if cell != "\n"]
        for row in figure.walk()
        if row.tag == "tr"
    ]
    assert tokens(figure.text).startswith(f"Table{NBSP}1.1: (a) A frame as polars shows it.")
    assert rows == [
        [("word", False), ("count", True), ("share", True)],
        [("str", False), ("i64", True), ("f64", True)],
        [('"good"', False), ("3", True), ("0.5", True)],
        [('"<b>bad</b>"', False), ("4", True), ("null", True)],
    ]


def test_equations(page):
    equation = page.id("eq-sum")
    (number,) = [e for e in equation.walk() if "eq-number" in e.classes]
    assert number.text == "(1.1)"
    assert [e.attributes["display"] for e in equation.walk() if e.tag == "math"] == ["block"]


def test_a_functions_name_stands_apart_from_what_is_no_bracket(book):
    book.chapter("$\\log x$ and $\\exp(x)$")
    assert book.run("build", "--renderer", "builtin") == 0
    formulas = re.findall(r"<math.+?</math>", book.page(), re.DOTALL)
    assert ["<mspace" in formula for formula in formulas] == [True, False]


def cell_parts(page: Page, name: str) -> list[tuple[str, str]]:
    """Return what a cell shows, as the classes of its parts and their text."""
    parts = [e for e in page.id(name).children if isinstance(e, Element)]
    return [(" ".join(sorted(e.classes)), e.text.strip("\n")) for e in parts]


def test_cells(page):
    assert cell_parts(page, "short") == [
        ("code", 'print("a < b & \\"c\\"")\nhalf'),
        ("output stdout", 'a < b & "c"'),
        ("output result", "0.5"),
    ]
    assert cell_parts(page, "no-code") == [("output stdout", "42")]
    assert [kind for kind, _ in cell_parts(page, "no-output")] == ["code"]
    assert [kind for kind, _ in cell_parts(page, "quiet")] == ["code", "output result"]
    assert "secret = 42" not in page.root.text


def test_code_keeps_its_lines(page):
    (code,) = [e for e in page.id("folded").walk() if e.tag == "code"]
    expected = 'def f(x):\n    """Two lines\n\n    of text."""\n    return x  # a comment'
    assert code.text == expected


def test_folded_code_and_long_log(page):
    (fold,) = page.all("details", "code-fold")
    assert next(e.text for e in fold.walk() if e.tag == "summary") == 'Show how it is "done"'
    (log,) = page.all("details", "log")
    assert next(e.text for e in log.walk() if e.tag == "summary") == (
        "Epoch 1/18, Loss: 1.0000 … Epoch 18/18, Loss: 0.0556, 18 lines"
    )


def test_callouts(page):
    (note,) = page.all("details", "callout-note")
    (tip,) = page.all("aside", "callout-tip")
    assert [tokens(e.text) for e in note.walk() if "callout-title" in e.classes] == [
        "A title of its own"
    ]
    assert [tokens(e.text) for e in tip.walk() if "callout-title" in e.classes] == ["Tip"]
    assert any(e.attributes.get("id") == "in-callout" for e in tip.walk())


def test_inline_values_and_visibility(page):
    text = tokens(page.root.text)
    assert "Half is 0.50, minus half −0.5, the name is two *stars*" in text
    assert "how it is written: `{python} x`." in text
    assert "Only on the web." in text and "Only on paper." not in text
    assert [e.text for e in page.all("p", "raw")] == ["Raw HTML."]


def test_citations_link_to_the_list_of_the_whole_book(pages, page):
    links = [a for e in page.all("span", "citation") for a in e.walk() if a.tag == "a"]
    assert {a.attributes["href"] for a in links} == {"../chapters/references.html#ref-mikolov2013"}
    assert "(Mikolov and Chen 2013, 2)" in tokens(page.root.text)
    entries = pages["chapters/references.html"].all("div", "csl-entry")
    assert [e.attributes["id"] for e in entries] == ["ref-fisher1925", "ref-mikolov2013"]
    assert not page.all("div", "csl-entry")


def test_every_link_and_anchor_resolves(pages, probe):
    for name, page in pages.items():
        for element in page.all():
            target = element.attributes.get("href") or element.attributes.get("src")
            if not target or re.match(r"\w+:", target):
                continue
            path, _, anchor = unquote(target).partition("#")
            file = (probe / name).parent / path if path else probe / name
            assert file.is_file(), (name, target)
            if anchor:
                other = pages[file.resolve().relative_to(probe.resolve()).as_posix()]
                assert other.id(anchor), (name, target)


def test_ids_are_given_once(pages):
    for name, page in pages.items():
        ids = [i for e in page.all() if (i := e.attributes.get("id"))]
        assert len(ids) == len(set(ids)), (name, sorted(i for i in ids if ids.count(i) > 1))


def test_nothing_that_the_content_policy_forbids(pages):
    for name, page in pages.items():
        assert not page.all("style"), name
        for element in page.all():
            assert "style" not in element.attributes, (name, element.tag)
            assert not [a for a in element.attributes if a.startswith("on")], name
            assert element.tag != "script" or "src" in element.attributes, name


def test_code_can_be_scrolled_by_keyboard(page):
    assert page.all("pre")
    for element in [*page.all("pre"), *page.all("div", "table-wrap")]:
        assert element.attributes["tabindex"] == "0"


def test_nothing_is_left_of_the_source_syntax(pages):
    for name, page in pages.items():
        (main,) = page.all("main")
        for left in (":::", "@fig-", "@tbl-", "@sec-", "@eq-", "[@", "??", "{#", "#|"):
            assert left not in main.text, (name, left)


def test_navigation(pages):
    page = pages["chapters/references.html"]
    nav = next(e for e in page.all("nav") if e.attributes.get("aria-label") == "Chapters")
    titles = [tokens(e.text) for e in nav.walk() if e.tag == "a"]
    assert titles == [
        "Preface",
        "1 A probe",
        "2 Two words",
        "References",
        "Appendix A Datasets",
        "Appendix B Notation",
    ]
    assert [e.text for e in nav.walk() if "part" in e.classes] == ["First part", "Appendices"]
    links = {
        e.attributes["rel"]: e.attributes["href"] for e in page.all("a") if "rel" in e.attributes
    }
    assert unquote(links["prev"]) == "../chapters/two wörds.html"
    assert links["next"] == "../chapters/data.html"


def test_notebook_is_valid_and_executed(probe):
    path = probe / "chapters" / "probe.ipynb"
    node = nbformat.read(path, as_version=4)
    nbformat.validate(node)
    cells = {cell.id: cell for cell in node.cells if cell.cell_type == "code"}
    assert cells["no-code"].outputs[0].text == "42\n"
    assert [c.execution_count for c in cells.values()] == list(range(1, len(cells) + 1))
    assert "execution" not in json.dumps([cell.metadata for cell in node.cells])


def test_nothing_of_this_machine(probe):
    from bookbuild.project import load

    root = str(load(probe.parent).root)
    for path in probe.rglob("*"):
        if path.is_file():
            assert root.encode() not in path.read_bytes(), path


def test_second_build_equals_the_first(probe):
    from bookbuild.__main__ import main

    def site():
        return {p.relative_to(probe): p.read_bytes() for p in probe.rglob("*") if p.is_file()}

    before = site()
    assert main(["--root", str(probe.parent), "build", "--renderer", "builtin"]) == 0
    assert site() == before
