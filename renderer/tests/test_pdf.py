"""The PDF: its text, its layout, its links, and what it offers to screen readers.

poppler reads it back.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bookbuild.cli.main import main
from tests.support.pages import pages
from tests.support.pdf import info as pdf_info
from tests.support.pdf import one_line, outside, overprinted, poppler
from tests.support.pdf import text as pdf_text
from tests.support.processes import command
from tests.support.programs import program
from tests.support.words import differences

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Skip all tests of this file without poppler."""
    program("pdftotext", "poppler-utils")


@pytest.fixture(scope="module")
def pdf(probe: Path) -> Path:
    return probe / "Probe-book.pdf"


@pytest.fixture
def build_pdf(book, capsys):
    """Return a function that builds the chapter with a body; it returns the PDF, or the error."""

    def build(body: str) -> Path | str:
        book.add_pdf()
        book.chapter(body)
        if book.run("build", "--renderer", "builtin"):
            return capsys.readouterr().err
        return book.root / "_book" / "Small-book.pdf"

    return build


def build_error(book) -> str:
    """Build the book, which must fail; return the message."""
    build = command(book.root, "build", "--renderer", "builtin")
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


# Text


def test_captions_headings_and_numbers_equal_the_sites(probe, pdf):
    text = pdf_text(pdf)
    shown = [
        element.text
        for name, page in pages(probe).items()
        if name != "chapters/references.html"
        for element in page.select("figcaption, h2, h3, .eq-number")
    ]
    assert len(shown) > 15
    for words in shown:
        assert one_line(words) in text


def test_the_words_are_those_of_the_pages(probe, pdf):
    own = ("Only on the web.", "Raw HTML.", "Only on paper.")
    assert differences(probe, pdf, own) == {}


def test_title_page_contents_and_chapters(pdf):
    pages = [one_line(page) for page in poppler("pdftotext", pdf, "-").split("\f")]
    assert pages[0] == "Probe book Everything once The contributors Version 4.5.6"
    contents = re.sub(r"[ .]{2,}", " ", pages[1])
    order = ["Preface", "First part 1 A probe", "1.1 Setup", "2 Two words", "References"]
    order += ["Appendices Appendix A Datasets", "A.1 Digits", "Appendix B Notation"]
    places = [contents.index(entry) for entry in order]
    assert places == sorted(places)
    assert any(page.startswith("Chapter 1 A probe") for page in pages)
    assert any(page.startswith("Appendix A Datasets") for page in pages)
    assert any(page.startswith("1 A probe 5") for page in pages), "running head and page number"


def test_each_format_has_its_own_content(pdf):
    text = pdf_text(pdf)
    assert "Only on paper." in text
    assert "Only on the web." not in text
    assert "Raw HTML." not in text


def test_content_folded_on_the_web_is_visible(pdf):
    text = pdf_text(pdf)
    assert "Hidden until opened; Figure 1.1 is linked." in text
    assert "return x # a comment" in text
    assert "Epoch 9/18, Loss: 0.1111" in text


def test_citations_and_bibliography(pdf):
    text = pdf_text(pdf)
    assert "(Mikolov and Chen 2013, 2)" in text
    assert "Fisher, Ronald. 1925. Statistical Methods" in text
    assert text.count("Statistical Methods for Research Workers") == 1


def test_code_keeps_its_indentation(pdf):
    lines = poppler("pdftotext", "-layout", pdf, "-").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip() == "def f(x):")
    start = lines[at].index("def")
    block = [line[start:].rstrip() for line in lines[at : at + 4]]
    assert block == ["def f(x):", '    """Two lines', '    of text."""', "    return x # a comment"]


# Layout


def test_nothing_runs_into_the_margin(pdf):
    assert outside(pdf) == []


LONG = {
    "code": '```{python}\nx = "' + "many words in one line " * 12 + '"\n```',
    "code without a space": "```{python}\n#| output: false\ny = '" + "x" * 300 + "'\n```",
    "output": "```{python}\nprint('word ' * 100)\nprint('y' * 400)\n```",
    "frame": "```{python}\nimport polars as pl\n"
    "pl.DataFrame({f'column {n}': ['some words in a cell'] for n in range(12)})\n```",
    "inline code": "Text and `" + "a_name.with_parts(and_more)." * 6 + "end` in it.",
    "link": "Text and <https://example.org/" + "a-path/of-many/parts/" * 9 + "> in it.",
    "equation": "$$ " + " + ".join(f"a_{{{n}}} x^{{{n}}}" for n in range(8)) + " $$ {#eq-long}",
    "table": "| a | b |\n|---|---|\n| "
    + "many words " * 20
    + "| `a_long_name_in_code` |\n\n: A table. {#tbl-t}",
    "heading": "## " + "A heading of many words " * 6,
    "picture": '![Wide.](../wide.svg){#fig-wide fig-alt="A wide box."}',
}


@pytest.mark.parametrize("name", LONG)
def test_long_content_stays_within_the_margins(book, build_pdf, name):
    book.write(
        "wide.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="80">'
        '<rect width="2000" height="80"/></svg>',
    )
    made = build_pdf(LONG[name])
    assert isinstance(made, Path), made
    assert outside(made) == []
    assert pdf_info(made)["Pages"] == "4"


WIDE = {
    "words": "{f'a_long_column_{n}': [f'unbreakable{n}' * 2] for n in range(8)}",
    "numbers": "{f'column{n}': [1234567.891 * n] for n in range(12)}",
    "many columns": "{f'col{n}': [n * 1000] * 9 for n in range(24)}",
    "many long columns": "{f'a_long_column_{n}': [f'word{n}' * 5] * 4 for n in range(24)}",
}


@pytest.mark.parametrize("name", WIDE)
def test_the_cells_of_a_wide_table_do_not_overlap(build_pdf, name):
    made = build_pdf(f"```{{python}}\nimport polars as pl\npl.DataFrame({WIDE[name]})\n```")
    assert isinstance(made, Path), made
    assert overprinted(made) == []
    assert outside(made) == []


def test_a_bracketed_call_stays_on_one_page(build_pdf):
    cell = "call(\n    argument,\n)\n" * 60
    pages = poppler("pdftotext", "-layout", build_pdf(f"```python\n{cell}```"), "-").split("\f")
    lines_by_page = [re.findall(r"call\(|argument,|\)", page) for page in pages]
    filled = [lines for lines in lines_by_page if lines]
    assert len(filled) > 1
    for lines in filled:
        assert (lines[0], lines[-1]) == ("call(", ")")


def test_many_short_lines_are_set_in_three_columns(build_pdf):
    made = build_pdf("```{python}\nfor n in range(30): print('Epoch', n)\n```")
    assert re.search(r"Epoch 0 +Epoch 10 +Epoch 20\n", poppler("pdftotext", "-layout", made, "-"))


def test_apostrophes_and_quotation_marks_are_curled_correctly(build_pdf):
    text = pdf_text(build_pdf("E5's fifty, and *one.*'s own; 'two' \"three\"."))
    assert "E5’s fifty, and one.’s own; ‘two’ “three”." in text


# Links


def test_a_reference_to_a_chapter(build_pdf):
    assert "See Chapter 1." in pdf_text(build_pdf("Text."))


def test_references_link_to_their_targets(pdf):
    pages = poppler("pdftotext", pdf, "-").split("\f")
    links = re.findall(
        r'<a href="[^"#]*#(\d+)">(Figure|Table|Equation|Section)\s([\dA-Z.]+)</a>',
        poppler("pdftohtml", "-xml", "-stdout", "-i", pdf).replace("\xa0", " "),
    )
    assert {"Figure", "Table", "Equation", "Section"} == {kind for _, kind, _ in links}
    for page, kind, number in links:
        shown = {"Equation": f"({number})", "Section": number}.get(kind, f"{kind} {number}:")
        assert shown in one_line(pages[int(page) - 1])


def test_citations_link_to_the_bibliography(pdf):
    pages = [one_line(page) for page in poppler("pdftotext", pdf, "-").split("\f")]
    page = next(n for n, text in enumerate(pages, 1) if text.startswith("References Fisher"))
    text = poppler("pdftohtml", "-xml", "-stdout", "-i", pdf)
    assert re.search(rf'<a href="[^"#]*#{page}">1925</a>', text)
    assert re.search(rf'<a href="[^"#]*#{page}">Mikolov and Chen 2013, 2</a>', text)


# Accessibility and metadata


def alternatives(pdf: Path) -> list[str]:
    """Return the alternative texts in the structure tree."""
    content = pdf.read_bytes()
    tree = content[: content.find(b"/Type/XRef")] if b"/Type/XRef" in content else content
    texts = []
    for plain, coded in re.findall(rb"/Alt *(?:\(((?:\\.|[^\\)])*)\)|<([0-9A-F]+)>)/A", tree):
        text = bytes.fromhex(coded.decode()).decode("utf-16") if coded else plain.decode("latin-1")
        texts.append(text if coded else re.sub(r"\\(.)", r"\1", text))
    return texts


def test_pictures_and_formulas_have_alternative_texts(pdf):
    assert set(alternatives(pdf)) == {
        "A straight line from the lower left to the upper right.",
        "A black disc in the middle.",
        r"y = \sum_i w_i x_i + b",
        r"\hat{y}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        "a = b",
    }


def test_it_is_tagged_and_has_a_title_and_a_language(pdf):
    info = pdf_info(pdf)
    assert (info["Title"], info["Author"]) == ("Probe book", "The contributors")
    assert info["Tagged"] == "yes"
    assert "CreationDate" not in info
    assert "<pdfuaid:part>1</pdfuaid:part>" in poppler("pdfinfo", "-meta", pdf)
    assert b"/Lang(en-GB)" in pdf.read_bytes()
    tree = poppler("pdfinfo", "-struct", pdf)
    for tag in ("H1", "H2", "Table", "TH", "Figure", "Formula", "Code", "Link", "TOC"):
        assert re.search(rf"^ *{tag}\b", tree, re.M), tag


def test_only_typsts_own_fonts_are_used(pdf):
    lines = poppler("pdffonts", pdf).splitlines()[2:]
    assert lines
    for line in lines:
        assert re.match(r"\w{6}\+(Libertinus|NewCM|DejaVuSansMono)", line), line
        assert re.search(r" yes +yes +yes ", line), "embedded, as a subset, with a map to Unicode"


# The build


def test_two_builds_make_the_same_bytes(pdf, tmp_path):
    root = tmp_path / "another" / "folder"
    shutil.copytree(pdf.parent.parent, root, ignore=shutil.ignore_patterns("_book", "pdf"))
    assert main(["--root", str(root), "build", "--renderer", "builtin"]) == 0
    assert (root / "_book" / pdf.name).read_bytes() == pdf.read_bytes()


def test_it_is_typeset_again_only_after_a_change(book, build_pdf):
    made = build_pdf("Some words.")
    [entry] = (book.root / ".cache" / "pdf").iterdir()
    before = entry.stat().st_ino  # writing it again would create another file
    assert book.run("build", "--renderer", "builtin") == 0
    assert entry.stat().st_ino == before
    book.edit("chapters/one.qmd", "Some words.", "Other words.")
    assert book.run("build", "--renderer", "builtin") == 0
    assert "Other words." in pdf_text(made)
    assert len([*entry.parent.iterdir()]) == 2


def test_no_pdf_unless_requested(book):
    assert book.run("build", "--renderer", "builtin") == 0
    assert not [*(book.root / "_book").glob("*.pdf")]
    assert ".pdf" not in book.page()


def test_a_fault_is_reported_at_its_line_and_the_pages_are_written(book, build_pdf):
    words = "\n\n".join(f"Sentence number {n} of the text." for n in range(40))
    assert isinstance(build_pdf("Text."), Path)
    fault = "```{=typst}\n#nothing-of-this-name\n```"
    book.chapter(f'{words}\n\n::: {{.content-visible when-format="pdf"}}\n{fault}\n:::\n\n{words}')
    message = build_error(book)
    assert re.search(r"chapters/one\.qmd:(83|84|85): the PDF cannot be typeset", message)
    assert "unknown variable: nothing-of-this-name" in message
    assert "_book/ has the current pages and notebooks, but no PDF" in message
    assert "/tmp" not in message
    assert "Sentence number 39" in book.page()
    assert not [*(book.root / "_book").glob("*.pdf")], "an old PDF would be taken for the new one"
    assert ".pdf" not in book.page()


TEXT = "\n\nPlain → ✓.\n\nTwo 漢 here, é.\n\nAgain 漢 and 😀.\n"


@pytest.mark.parametrize("command", [("check",), ("build", "--renderer", "builtin")])
def test_missing_glyphs_are_reported_with_their_lines(book, fails, command):
    book.add_pdf()
    web = '::: {.content-visible when-format="html"}\n字\n:::'
    book.chapter(f"{web}{TEXT}")
    lines = [line for line in fails(*command).splitlines() if "no glyph" in line]
    assert [line.removeprefix("error: ").partition(": the")[0] for line in lines] == [
        "chapters/one.qmd:9",
        "chapters/one.qmd:11",
    ]
    assert "U+6F22" in lines[0] and "U+1F600" in lines[1]


def test_missing_glyphs_in_titles_are_reported_but_not_in_alt_texts(book, fails):
    book.edit("_quarto.yml", "Small book", "Small 本")
    book.add_pdf()
    book.write("index.qmd", "# 序 {.unnumbered}\n")
    book.write("wide.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    book.chapter('![](../wide.svg){fig-alt="字"}')
    message = fails("check")
    assert "_quarto.yml: the PDF's fonts have no glyph for 本" in message
    assert "index.qmd:1: the PDF's fonts have no glyph for 序" in message
    assert "字" not in message


def test_missing_glyphs_in_outputs_are_reported_at_their_cell(book, build_pdf):
    assert "chapters/one.qmd:5: the PDF's fonts have no glyph for 漢" in build_pdf(
        "Text.\n\n```{python}\nprint(chr(0x6F22))\n```"
    )


def test_a_horizontal_rule(build_pdf):
    assert "Above. Below." in pdf_text(build_pdf("Above.\n\n***\n\nBelow."))
