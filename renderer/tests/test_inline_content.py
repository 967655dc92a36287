"""Formulas, code, notes, links and the like are correct wherever text may appear."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat
import pytest

from bookbuild import assemble, load
from tests.support.books import SmallBook
from tests.support.pages import flat, parse
from tests.support.pdf import one_line, outline, poppler

pytestmark = pytest.mark.thorough

DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><circle r="9"/></svg>'


@dataclass(frozen=True)
class Kind:
    """A kind of inline content: its source, and what each output must contain."""

    source: str
    html: str  # a regular expression
    typst: str  # likewise
    notebook: str
    text: str  # alone, as in <title>
    pdf: str = ""  # in the contents of the PDF, if other than `text`
    entry: str = ""  # HTML in navigation, if other than `html`
    markdown: str = ""  # in llms.txt, if other than `notebook`


KINDS = {
    "formula": Kind("$x^2$", r"<msup>", r'#formula\("x\^2", "<msup>.*"\)', "$x^2$", "x²", "𝑥2"),
    "fraction": Kind(
        r"$\frac{a}{b}$", "<mfrac>", r'"\\\\frac\{a\}\{b\}", "<mfrac>', r"$\frac{a}{b}$", "a / b",
        "𝑎𝑏", "<mfrac>",
    ),
    "code": Kind("`a <c>`", "<code[^>]*>a &lt;c&gt;</code>", r'raw\("a <c>', "`a <c>`", "a <c>"),
    "note": Kind(
        "n^[Below.]",
        'n<a [^>]*href="#fn',
        r'n#footnote\[#"Below\.";\]',
        "n (Below.)",
        "n",
        entry="n",
        markdown="n",
    ),
    "quotation": Kind('"q"', "“q”", "“q”", "“q”", "“q”"),
    "apostrophe": Kind("it's", "it’s", "it’s", "it’s", "it’s"),
    "dash": Kind("a -- b", "a – b", "a – b", "a – b", "a – b"),
    "emphasis": Kind("*e*", "<em>e</em>", r"#emph\[e\]", "*e*", "e"),
    "bold": Kind("**b**", "<strong>b</strong>", r"#strong\[b\]", "**b**", "b"),
    "struck": Kind("~~s~~", "<del>s</del>", r"#strike\[s\]", "<s>s</s>", "s"),
    "subscript": Kind("H~2~O", "H<sub>2</sub>O", r"H#sub\[2\]O", "H<sub>2</sub>O", "H2O"),
    "superscript": Kind("a^2^", "a<sup>2</sup>", r"a#super\[2\]", "a<sup>2</sup>", "a2"),
    "underlined": Kind("[u]{.underline}", "<u>u</u>", r"#underline\[u\]", "<u>u</u>", "u"),
    "marked": Kind("[m]{.mark}", "<mark>m</mark>", r"#highlight\[m\]", "<mark>m</mark>", "m"),
    "key": Kind("[k]{.kbd}", "<kbd[^>]*>k</kbd>", r'#raw\("k"\)', "`k`", "k"),
    "language": Kind("[l]{lang=de}", '<span lang="de">l', r'text\(lang: "de"\)\[l\]', "l", "l"),
    "term": Kind("[t]{#ID}", '<span id="t-[0-9]+">t</span>', "t<t-[0-9]+>", "t", "t", "", "t"),
    "link": Kind(
        "[l](https://x.org)",
        '<a href="https://x.org">l</a>',
        r'#link\("https://x\.org"\)\[l\]',
        "[l](https://x.org)",
        "l",
        entry="l",
        markdown="l",
    ),
    "page": Kind(
        "[p](../index.html)", '<a href="../index.html">p</a>', r"#link\(<\w+>\)\[p\]", "p", "p",
        entry="p",
    ),
    "reference": Kind(
        "@sec-base", r'<a href="base.html"[^>]*>Chapter.1</a>|Chapter.1',
        r"#link\(<sec-base>\)\[Chapter.1\]", "Chapter\xa01", "Chapter\xa01",
        entry="Chapter\xa01",
    ),
    "citation": Kind("@known1925", r"A \(.*1925.*\)", r'A #"\(1925\)";', "A (1925)", "A (1925)"),
    "value": Kind("`{python} 40 + 2`", "42", "42", "42", "42"),
}  # fmt: skip

# A place, and whether its text may have inline code to execute
PLACES = {
    "heading": "## {} {{#id-{n}}}",
    "deep heading": "### {}",
    "unnumbered heading": "## {} {{.unnumbered}}",
    "figure": '![{}](p.svg){{#fig-{n} fig-alt="A"}}',
    "table": "| a |\n|---|\n| 1 |\n\n: {} {{#tbl-{n}}}",
    "figure of two": '::: {{#fig-{n}}}\n![One](p.svg){{#fig-{n}a fig-alt="A"}}\n\n{}\n:::',
    "callout": "::: {{.callout-note}}\n\n## {}\n\nText.\n:::",
    "folded callout": '::: {{.callout-tip collapse="true"}}\n\n## {}\n\nText.\n:::',
    "tab": "::: {{.panel-tabset}}\n\n## {}\n\nText.\n:::",
    "theorem": "::: {{#thm-{n}}}\n\n## {}\n\nText.\n:::",
    "item": "- {}",
    "numbered item": "1. {}",
    "term": "{}\n:   Explained.",
    "explanation": "A term\n:   {}",
    "table cell": "| a |\n|---|\n| {} |",
    "quotation": "> {}",
    "line block": "| {}",
    "figure of a cell": (
        "```{{python}}\n#| label: fig-{n}\n#| fig-cap: '{}'\n#| fig-alt: A\n"
        "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')\n```"
    ),
    "table of a cell": (
        "```{{python}}\n#| label: tbl-{n}\n#| tbl-cap: '{}'\n"
        "from IPython.display import HTML\nHTML('<table><tr><td>0</td></tr></table>')\n```"
    ),
    "listing": '```{{.python #lst-{n} lst-cap="{}"}}\n1\n```',
    "title of a callout": '::: {{.callout-note title="{}"}}\nText.\n:::',
}
QUOTED = {"figure of a cell", "table of a cell", "listing", "title of a callout"}
NO_VALUES = {"figure of a cell", "table of a cell", "listing"}  # refused, as test_sources shows


def _is_possible(place: str, kind: str) -> bool:
    if place in NO_VALUES and kind == "value":
        return False
    return not (place in QUOTED and ('"' in KINDS[kind].source or "'" in KINDS[kind].source))


CASES = [(place, kind) for place in PLACES for kind in KINDS if _is_possible(place, kind)]


def _number(place: str, kind: str) -> int:
    return 100 * [*PLACES].index(place) + [*KINDS].index(kind)


def _sentence(kind: str, n: int) -> str:
    return f"Start{n} {KINDS[kind].source.replace('ID', f't-{n}')} end{n}"


def _between(text: str, n: int, number: int = 0) -> str:
    """Return what an output has between the words around a sentence's content."""
    found = re.findall(rf"Start{n}\s+(.*?)\s+end{n}\b", text, re.DOTALL)
    assert len(found) > number, f"Start{n}"
    return found[number]


def _book(root: Path) -> SmallBook:
    book = SmallBook(root / "book")
    book.add_pdf()
    book.write("chapters/p.svg", DOT)
    book.edit("index.qmd", "See @sec-one.", "Text.")
    return book


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> SmallBook:
    book = _book(tmp_path_factory.mktemp("places"))
    body = [
        PLACES[place].format(_sentence(kind, n), n=n)
        for place, kind in CASES
        for n in [_number(place, kind)]
    ]
    book.edit("_quarto.yml", "chapters/one.qmd]", "chapters/base.qmd, chapters/one.qmd]")
    book.write("chapters/base.qmd", "# Base {#sec-base}\n")
    book.chapter("```{python}\n0\n```\n\n" + "\n\n".join(body))
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture(scope="module")
def texts(places) -> dict[str, str]:
    rendered = assemble(load(places.root)).pages[-1].rendered
    node = nbformat.read(places.root / "_book/chapters/one.ipynb", 4)
    prose = [cell.source for cell in node.cells if cell.cell_type == "markdown"]
    return {
        "html": re.sub(r' data-title="[^"]*"', "", rendered.texts["html"]),
        "typst": re.sub(r"#rich\(.*?\]\[(?=Start)", "", rendered.texts["typst"]),
        "notebook": "\n".join(prose),
    }


@pytest.mark.parametrize(("place", "kind"), CASES)
def test_every_kind_in_every_place(texts, place, kind):
    n, expected = _number(place, kind), KINDS[kind]
    assert re.search(expected.html, _between(texts["html"], n))
    assert re.search(expected.typst, _between(texts["typst"], n))
    assert expected.notebook in _between(texts["notebook"], n).replace("\\<", "<")


@pytest.mark.parametrize("kind", KINDS)
def test_the_contents_of_a_page_have_no_links_and_no_notes(places, kind):
    page = parse(places.page())
    [entry] = page.select(f'nav.margin a[href="#id-{_number("heading", kind)}"]')
    html = entry.decode_contents()
    assert re.search(KINDS[kind].entry or KINDS[kind].html, html)
    assert not entry.select("a, [id], .footnote-ref")


def test_sections_keep_their_numbers(places):
    page = parse(places.page())
    numbers = [span.text for span in page.select("main h2 > .header-section-number")]
    assert numbers == [f"2.{n}" for n in range(1, len(KINDS) + 1)]


# Titles: one chapter for each kind


@pytest.fixture(scope="module")
def titles(tmp_path_factory) -> SmallBook:
    book = _book(tmp_path_factory.mktemp("titles"))
    names = {kind: f"k{n}" for n, kind in enumerate(KINDS)}
    listed = ", ".join(["chapters/base.qmd", *(f"chapters/{n}.qmd" for n in names.values())])
    book.edit("_quarto.yml", "chapters/one.qmd", listed)
    (book.root / "chapters/one.qmd").unlink()
    book.write("chapters/base.qmd", "# Base {#sec-base}\n")
    for n, kind in enumerate(KINDS):
        cell = "```{python}\n0\n```\n\n"
        text = "\n\n".join(["Some words on this page."] * 60)
        title = f"# {_sentence(kind, n)} {{#sec-{n}}}"
        book.write(f"chapters/k{n}.qmd", f"{title}\n\n{cell}Zebra.\n\n{text}\n")
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def n(kind) -> int:
    return [*KINDS].index(kind)


def _label(n: int) -> int:
    return n + 2  # the first chapter is base.qmd


def _plain(kind: str, n: int) -> str:
    return f"Start{n} {KINDS[kind].text} end{n}"


def test_the_title_of_the_window(titles, kind, n):
    page = parse(titles.page(f"chapters/k{n}.html"))
    assert flat(page.title.text) == f"{_label(n)} {_plain(kind, n)} – Small book"


def test_the_title_on_the_page(titles, kind, n):
    [heading] = parse(titles.page(f"chapters/k{n}.html")).select("h1")
    assert heading["id"] == f"sec-{n}"
    assert re.search(KINDS[kind].html, _between(heading.decode_contents(), n))


def test_the_title_in_the_sidebar_and_on_the_pages_beside(titles, kind, n):
    other = n - 1 if n else n + 1
    page = parse(titles.page(f"chapters/k{other}.html"))
    links = page.select(f'nav.chapters a[href$="/k{n}.html"], nav.turn a[href$="/k{n}.html"]')
    assert len(links) == 2
    for link in links:
        html = _between(link.decode_contents(), n)
        assert re.search(KINDS[kind].entry or KINDS[kind].html, html)
        assert not link.select("a, [id]")


def test_the_title_among_the_search_results(titles, kind, n):
    fragments = [
        json.loads(gzip.decompress(path.read_bytes()).partition(b"dcd")[2])
        for path in (titles.root / "_book/pagefind/fragment").iterdir()
    ]
    [found] = [each for each in fragments if each["url"] == f"/chapters/k{n}.html"]
    assert found["meta"]["title"] == _plain(kind, n)
    assert found["anchors"][0]["text"] == _plain(kind, n)


def test_the_title_in_the_list_for_language_models(titles, kind, n):
    text = (titles.root / "_book/llms.txt").read_text(encoding="utf-8")
    expected = KINDS[kind].markdown or KINDS[kind].notebook
    assert _between(text, n).replace("\\<", "<") == expected
    assert f"](chapters/k{n}.md)" in text


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
def test_the_title_in_notebooks_and_copies(titles, kind, n, suffix):
    path = titles.root / f"_book/chapters/k{n}{suffix}"
    text = path.read_text(encoding="utf-8")
    if suffix == ".ipynb":
        text = nbformat.reads(text, 4).cells[0].source
    content = _between(text.partition("\n")[0], n).replace("\\<", "<")
    assert content == KINDS[kind].notebook
    assert text.startswith(f"# {_label(n)} Start{n} ")


def test_the_title_among_the_bookmarks_of_the_pdf(titles, kind, n):
    [pdf] = (titles.root / "_book").glob("*.pdf")
    assert one_line(f"{_label(n)} {_plain(kind, n)}") in outline(pdf)


def test_the_title_in_the_pdfs_contents_and_running_heads(titles, kind, n):
    [pdf] = (titles.root / "_book").glob("*.pdf")
    text = poppler("pdftotext", "-layout", pdf, "-")
    contents, *pages = text[: text.index("\fPreface")], *text.split("\f")
    places = [contents, *(page for page in pages if f"Start{n} " in page.split("\n")[0])]
    assert len(places) > 1, "no running head"
    for place in places:
        content = one_line(_between(place, n)).replace(" ", "")
        assert content == one_line(KINDS[kind].pdf or KINDS[kind].text).replace(" ", "")
        assert "Below." not in place


def test_notes_are_numbered_once(titles):
    [pdf] = (titles.root / "_book").glob("*.pdf")
    assert poppler("pdftotext", pdf, "-").count("Below.") == 1


def test_the_description_is_text(book):
    book.edit("chapters/one.qmd", "# One", '---\ndescription: "*A* $x^2$^[No.] `c`"\n---\n\n# One')
    assert book.run("build", "--renderer", "builtin") == 0
    page = parse(book.page())
    assert page.select_one('meta[name="description"]')["content"] == "A x² c"
    assert f": A {escape('x²')} c" in (book.root / "_book/llms.txt").read_text(encoding="utf-8")


REFUSED = {
    "a picture": '## A ![p](p.svg){fig-alt="A"}',
    "a formula on its own line": "## A $$x$$",
    "raw HTML": "## A <b>x</b>",
    "code to execute in a listing's caption": '```{.python #lst-a lst-cap="`{python} 1`"}\n1\n```',
    "a level that skips one": "#### A",
    "an unknown attribute": '## A {style="color: red"}',
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_heading_cannot_contain_is_refused_at_its_line(book, fails, name):
    book.write("chapters/p.svg", DOT)
    book.chapter(f"Text.\n\n{REFUSED[name]}")
    lines = fails("check").removeprefix("error: ").splitlines()
    assert lines and all(line.startswith("chapters/one.qmd:5: ") for line in lines)
