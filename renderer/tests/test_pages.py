"""The probe book's pages: their ids, numbers, texts and file names equal Quarto's.

The expected values were read off Quarto 1.9's output.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from bookbuild.cli.main import main
from bookbuild.source.project import load
from tests.support.pages import flat, pages

NBSP = "\u00a0"


@pytest.fixture(scope="module")
def site(probe) -> dict[str, BeautifulSoup]:
    return pages(probe)


@pytest.fixture(scope="module")
def page(site) -> BeautifulSoup:
    return site["chapters/probe.html"]


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
        "probe-book-kit.zip",
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
def test_titles(site, name, title):
    (heading,) = site[name].find_all("h1")
    assert (heading["id"], heading.text) == title


def test_section_ids_and_numbers(site):
    headings = [
        (heading["id"], flat(heading.text))
        for name in ("chapters/probe.html", "chapters/data.html", "index.html")
        for heading in site[name].find_all(["h2", "h3"])
    ]
    assert headings == [
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


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "index.html",
            [
                ("chapters/probe.html", f"Chapter{NBSP}1"),
                ("chapters/two wörds.html", f"Chapter{NBSP}2"),
                ("chapters/data.html", f"Appendix{NBSP}A"),
                ("chapters/probe.html#fig-line", f"Figure{NBSP}1.1"),
            ],
        ),
        (
            "chapters/data.html",
            [("#tbl-digits", f"Table{NBSP}A.1"), ("#sec-digits", f"Section{NBSP}A.1")],
        ),
        (
            "chapters/notation.html",
            [("#eq-same", f"Equation{NBSP}B.1"), ("#sec-notation", f"Appendix{NBSP}B")],
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
def test_cross_references(site, name, expected):
    links = site[name].select("a.crossref")
    assert [(unquote(link["href"]), flat(link.text)) for link in links] == expected


def test_a_link_into_another_chapter_keeps_its_text(site):
    (link,) = site["chapters/data.html"].select("a.term")
    assert link["href"] == "../chapters/notation.html#gl-alike"
    assert flat(link.text) == "alike"


def test_a_reference_as_a_number(page):
    assert [link.text for link in page.select("a.crossref")][:3] == [
        f"Figure{NBSP}1.1",
        f"Figure{NBSP}1.2",
        "1.2",
    ]


def test_figures(page):
    figures = page.select("figure.figure")
    captions = [(figure.get("id"), flat(figure.figcaption.text)) for figure in figures]
    assert captions == [
        ("fig-line", f"Figure{NBSP}1.1: A line that rises."),
        ("fig-dot", f"Figure{NBSP}1.2: A dot."),
    ]
    line, dot = (figure.img for figure in figures)
    assert line["alt"] == "A straight line from the lower left to the upper right."
    assert line["src"] == "probe_files/figure-html/fig-line-output-1.png"
    assert dot["alt"] == "A black disc in the middle."
    assert (dot["width"], dot["height"]) == ("40", "20")
    assert set(dot["class"]) == {"lightbox", "keep-colours"}


def test_width_and_height_equal_the_pictures(probe, page):
    sources = [image for image in page.find_all("img") if image["src"].endswith(".png")]
    assert sources
    for image in sources:
        with Image.open(probe / "chapters" / image["src"]) as picture:
            assert (int(image["width"]), int(image["height"])) == picture.size


def test_a_data_frame_becomes_a_table(page):
    figure = page.find(id="tbl-frame")
    rows = [
        [(flat(cell.text), "num" in cell.get("class", [])) for cell in row.find_all(["th", "td"])]
        for row in figure.find_all("tr")
    ]
    assert flat(figure.text).startswith(f"Table{NBSP}1.1: (a) A frame as polars shows it.")
    assert [span.text for span in figure.select("th .dtype")] == ["str", "i64", "f64"]
    assert figure.find_next("p").text == "shape: (2, 3)"
    assert rows == [
        [("word str", False), ("count i64", True), ("share f64", True)],
        [('"good"', False), ("3", True), ("0.5", True)],
        [('"<b>bad</b>"', False), ("4", True), ("null", True)],
    ]


def test_equations(page):
    equation = page.find(id="eq-sum")
    assert [number.text for number in equation.select(".eq-number")] == ["(1.1)"]
    assert [formula["display"] for formula in equation.find_all("math")] == ["block"]


def test_a_space_follows_a_functions_name_unless_a_bracket_does(book):
    book.chapter("$\\log x$ and $\\exp(x)$")
    assert book.run("build", "--renderer", "builtin") == 0
    formulas = re.findall(r"<math.+?</math>", book.page(), re.DOTALL)
    assert ["<mspace" in formula for formula in formulas] == [True, False]


def cell_parts(page: BeautifulSoup, name: str) -> list[tuple[str, str]]:
    """Return the classes and the text of each part of a cell."""
    parts = page.find(id=name).find_all(True, recursive=False)
    return [(" ".join(sorted(part["class"])), part.text.strip("\n")) for part in parts]


def test_cells(page):
    assert cell_parts(page, "short") == [
        ("code", 'print("a < b & \\"c\\"")\nhalf'),
        ("cell-output cell-output-stdout", 'a < b & "c"'),
        ("cell-output cell-output-display", "0.5"),
    ]
    assert cell_parts(page, "no-code") == [("cell-output cell-output-stdout", "42")]
    assert [kind for kind, _ in cell_parts(page, "no-output")] == ["code"]
    kinds = [kind for kind, _ in cell_parts(page, "quiet")]
    assert kinds == ["code", "cell-output cell-output-display"]
    assert "secret = 42" not in page.text


def test_code_keeps_its_lines(page):
    expected = 'def f(x):\n    """Two lines\n\n    of text."""\n    return x  # a comment'
    assert [code.text for code in page.select("#folded code")] == [expected]


def test_folded_code_and_long_log(page):
    assert [fold.text for fold in page.select("details.code-fold summary")] == [
        'Show how it is "done"'
    ]
    assert [log.text for log in page.select("details.log summary")] == [
        "Epoch 1/18, Loss: 1.0000 … Epoch 18/18, Loss: 0.0556, 18 lines"
    ]


def test_callouts(page):
    note, tip = page.select("details.callout-note"), page.select("aside.callout-tip")
    assert (len(note), len(tip)) == (1, 1)
    titles = [flat(title.text) for title in page.select(".callout-title")]
    assert titles == ["A title of its own", "Tip"]
    assert tip[0].find(id="in-callout")


def test_inline_values_and_visibility(page):
    text = flat(page.text)
    assert "Half is 0.50, minus half −0.5, the name is two *stars*" in text
    assert "how it is written: `{python} x`." in text
    assert "Only on the web." in text and "Only on paper." not in text
    assert [paragraph.text for paragraph in page.select("p.raw")] == ["Raw HTML."]


def test_citations_link_to_the_list_of_the_whole_book(site, page):
    links = {link["href"] for link in page.select("span.citation a")}
    assert links == {"../chapters/references.html#ref-mikolov2013"}
    assert "(Mikolov and Chen 2013, 2)" in flat(page.text)
    entries = site["chapters/references.html"].select("div.csl-entry")
    assert [entry["id"] for entry in entries] == ["ref-fisher1925", "ref-mikolov2013"]
    assert not page.select("div.csl-entry")


def test_code_can_be_scrolled_with_the_keyboard(page):
    assert page.find_all("pre")
    for element in page.select("pre, div.table-wrap"):
        assert element["tabindex"] == "0"


def test_no_source_syntax_is_left(site):
    for name, page in site.items():
        for syntax in (":::", "@fig-", "@tbl-", "@sec-", "@eq-", "[@", "??", "{#", "#|"):
            assert syntax not in page.main.text, (name, syntax)


def test_navigation(site):
    page = site["chapters/references.html"]
    nav = page.find("nav", attrs={"aria-label": "Chapters"})
    assert [flat(link.text) for link in nav.find_all("a")] == [
        "Preface",
        "1 A probe",
        "2 Two words",
        "References",
        "Appendix A Datasets",
        "Appendix B Notation",
    ]
    assert [part.text for part in nav.select(".part")] == ["First part", "Appendices"]
    (previous,), (following,) = page.select("a[rel=prev]"), page.select("a[rel=next]")
    assert unquote(previous["href"]) == "../chapters/two wörds.html"
    assert following["href"] == "../chapters/data.html"


def test_no_file_names_this_machines_folders(probe):
    root = str(load(probe.parent).root).encode()
    for path in probe.rglob("*"):
        if path.is_file():
            assert root not in path.read_bytes(), path


def test_the_second_build_equals_the_first(probe, tmp_path):
    def files(root: Path) -> dict[Path, bytes]:
        paths = [path for path in (root / "_book").rglob("*") if path.is_file()]
        return {path.relative_to(root): path.read_bytes() for path in paths}

    copy = Path(shutil.copytree(probe.parent, tmp_path / "copy"))  # other workers read the first
    for _ in range(2):  # the second one takes everything from the cache
        assert main(["--root", str(copy), "build", "--renderer", "builtin"]) == 0
        assert files(copy) == files(probe.parent)
