"""The PDF: what it says, where it says it, and what it has for those who cannot see it.

poppler reads it back.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bookbuild.__main__ import main
from tests.kit.pages import pages
from tests.kit.programs import program


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Ask for poppler once, for all tests of this file."""
    program("pdftotext", "poppler-utils")


MILLIMETRE = 72 / 25.4
LEFT, RIGHT = 30 * MILLIMETRE, (210 - 22) * MILLIMETRE  # of the block that code may fill


def poppler(tool: str, *arguments: str | Path) -> str:
    """Return what one of poppler's tools prints."""
    command = [tool, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def flat(text: str) -> str:
    """Return text in one line, its no-break spaces plain."""
    return " ".join(text.replace("\xa0", " ").split())


def read(pdf: Path) -> str:
    return flat(poppler("pdftotext", pdf, "-"))


@pytest.fixture(scope="module")
def pdf(probe: Path) -> Path:
    return probe / "Probe-book.pdf"


@pytest.fixture
def paper(book, capsys):
    """Give the small book's chapter a body; return the PDF, or the error that there is none."""

    def build(body: str) -> Path | str:
        book.edit("_quarto.yml", "title: Small book", "title: Small book\n  downloads: [pdf]")
        book.chapter(body)
        if book.run("build", "--renderer", "builtin"):
            return capsys.readouterr().err
        return book.root / "_book" / "Small-book.pdf"

    return build


def paper_error(book) -> str:
    """Build the book, which must fail; return what it says."""
    command = [sys.executable, "-m", "bookbuild", "--root", str(book.root), "build"]
    done = subprocess.run([*command, "--renderer", "builtin"], capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


# What it says


def test_captions_headings_and_numbers_are_those_of_the_site(probe, pdf):
    text = read(pdf)
    shown = [
        element.text
        for name, page in pages(probe).items()
        if name != "chapters/references.html"
        for element in page.select("figcaption, h2, h3, .eq-number")
    ]
    assert len(shown) > 15
    for words in shown:
        assert flat(words) in text


def test_title_page_contents_and_chapters(pdf):
    pages = [flat(page) for page in poppler("pdftotext", pdf, "-").split("\f")]
    assert pages[0] == "Probe book Everything once The contributors Version 4.5.6"
    contents = re.sub(r"[ .]{2,}", " ", pages[1])
    order = ["Preface", "First part 1 A probe", "1.1 Setup", "2 Two words", "References"]
    order += ["Appendices Appendix A Datasets", "A.1 Digits", "Appendix B Notation"]
    places = [contents.index(entry) for entry in order]
    assert places == sorted(places)
    assert any(page.startswith("Chapter 1 A probe") for page in pages)
    assert any(page.startswith("Appendix A Datasets") for page in pages)
    assert any(page.startswith("1 A probe 5") for page in pages), "running head and page number"


def test_each_format_has_its_own(pdf):
    text = read(pdf)
    assert "Only on paper." in text
    assert "Only on the web." not in text
    assert "Raw HTML." not in text


def test_what_is_folded_on_the_web_is_open(pdf):
    text = read(pdf)
    assert "Hidden until opened; Figure 1.1 is linked." in text
    assert "return x # a comment" in text
    assert "Epoch 9/18, Loss: 0.1111" in text


def test_citations_and_bibliography(pdf):
    text = read(pdf)
    assert "(Mikolov and Chen 2013, 2)" in text
    assert "Fisher, Ronald. 1925. Statistical Methods" in text
    assert text.count("Statistical Methods for Research Workers") == 1


def test_code_keeps_its_indentation(pdf):
    lines = poppler("pdftotext", "-layout", pdf, "-").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip() == "def f(x):")
    begin = lines[at].index("def")
    block = [line[begin:].rstrip() for line in lines[at : at + 4]]
    assert block == ["def f(x):", '    """Two lines', '    of text."""', "    return x # a comment"]


# Where it stands


def outside(pdf: Path) -> list[str]:
    """Return the words and pictures that begin or end in a margin."""
    words = re.findall(
        r'<word xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)" yMax="[\d.]+">(.*?)</word>',
        poppler("pdftotext", "-bbox", pdf, "-"),
    )
    assert words
    boxes = re.findall(r"/BBox \[([\d.-]+) [\d.-]+ ([\d.-]+)", poppler("pdfinfo", "-struct", pdf))
    words += [(begin, end, "a picture or formula") for begin, end in boxes]
    # punctuation may hang into the margin by a point or two
    return [w for x, end, w in words if float(x) < LEFT - 3 or float(end) > RIGHT + 3]


def test_nothing_runs_over_the_margin(pdf):
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
def test_what_is_long_stays_inside(book, paper, name):
    book.write(
        "wide.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="80">'
        '<rect width="2000" height="80"/></svg>',
    )
    made = paper(LONG[name])
    assert isinstance(made, Path), made
    assert outside(made) == []
    assert int(re.search(r"Pages: +(\d+)", poppler("pdfinfo", made))[1]) == 4


WIDE = {
    "words": "{f'a_long_column_{n}': [f'unbreakable{n}' * 2] for n in range(8)}",
    "numbers": "{f'column{n}': [1234567.891 * n] for n in range(12)}",
    "many columns": "{f'col{n}': [n * 1000] * 9 for n in range(24)}",
    "many long columns": "{f'a_long_column_{n}': [f'word{n}' * 5] * 4 for n in range(24)}",
}


def on_each_other(pdf: Path) -> list[tuple[str, str]]:
    """Return the pairs of words of which one is printed over the other."""
    tag = r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>'
    found = []
    for page in poppler("pdftotext", "-bbox", pdf, "-").split("<page ")[1:]:
        words = [(*map(float, box), word) for *box, word in re.findall(tag, page)]
        found += [(a[4], b[4]) for a in words for b in words if a is not b and overlap(a, b)]
    return found


def overlap(a: tuple, b: tuple) -> bool:
    """Say whether two words share more than a point of width and half a line of height."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width > 1 and height > min(a[3] - a[1], b[3] - b[1]) / 2


@pytest.mark.parametrize("name", WIDE)
def test_a_wide_table_is_not_printed_over_itself(paper, name):
    made = paper(f"```{{python}}\nimport polars as pl\npl.DataFrame({WIDE[name]})\n```")
    assert isinstance(made, Path), made
    assert on_each_other(made) == []
    assert outside(made) == []


def test_lines_that_wait_for_each_other_stay_on_one_page(paper):
    cell = "call(\n    argument,\n)\n" * 60
    pages = poppler("pdftotext", "-layout", paper(f"```python\n{cell}```"), "-").split("\f")
    found = [re.findall(r"call\(|argument,|\)", page) for page in pages]
    broken = [lines for lines in found if lines]
    assert len(broken) > 1
    for lines in broken:
        assert (lines[0], lines[-1]) == ("call(", ")")


def test_many_short_lines_stand_in_three_columns(paper):
    made = paper("```{python}\nfor n in range(30): print('Epoch', n)\n```")
    assert re.search(r"Epoch 0 +Epoch 10 +Epoch 20\n", poppler("pdftotext", "-layout", made, "-"))


def test_apostrophes_and_quotation_marks_are_those_that_are_meant(paper):
    text = read(paper("E5's fifty, and *one.*'s own; 'two' \"three\"."))
    assert "E5’s fifty, and one.’s own; ‘two’ “three”." in text


# References that link


def test_a_chapter_is_called_chapter(paper):
    assert "See Chapter 1." in read(paper("Text."))


def test_references_lead_to_what_they_name(pdf):
    pages = poppler("pdftotext", pdf, "-").split("\f")
    links = re.findall(
        r'<a href="[^"#]*#(\d+)">(Figure|Table|Equation|Section)\s([\dA-Z.]+)</a>',
        poppler("pdftohtml", "-xml", "-stdout", "-i", pdf).replace("\xa0", " "),
    )
    assert {"Figure", "Table", "Equation", "Section"} == {kind for _, kind, _ in links}
    for page, kind, number in links:
        shown = {"Equation": f"({number})", "Section": number}.get(kind, f"{kind} {number}:")
        assert shown in flat(pages[int(page) - 1])


def test_citations_lead_to_the_bibliography(pdf):
    pages = [flat(page) for page in poppler("pdftotext", pdf, "-").split("\f")]
    page = next(n for n, text in enumerate(pages, 1) if text.startswith("References Fisher"))
    text = poppler("pdftohtml", "-xml", "-stdout", "-i", pdf)
    assert re.search(rf'<a href="[^"#]*#{page}">1925</a>', text)
    assert re.search(rf'<a href="[^"#]*#{page}">Mikolov and Chen 2013, 2</a>', text)


# For those who cannot see it, and for machines


def alternatives(pdf: Path) -> list[str]:
    """Return the alternative texts of the structure tree."""
    content = pdf.read_bytes()
    tree = content[: content.find(b"/Type/XRef")] if b"/Type/XRef" in content else content
    found = []
    for plain, coded in re.findall(rb"/Alt *(?:\(((?:\\.|[^\\)])*)\)|<([0-9A-F]+)>)/A", tree):
        text = bytes.fromhex(coded.decode()).decode("utf-16") if coded else plain.decode("latin-1")
        found.append(text if coded else re.sub(r"\\(.)", r"\1", text))
    return found


def test_pictures_and_formulas_have_their_text(pdf):
    assert set(alternatives(pdf)) == {
        "A straight line from the lower left to the upper right.",
        "A black disc in the middle.",
        r"y = \sum_i w_i x_i + b",
        r"\hat{y}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        "a = b",
    }


def test_it_is_tagged_titled_and_in_english(pdf):
    about = poppler("pdfinfo", pdf)
    assert re.search(r"Title: +Probe book\n", about)
    assert re.search(r"Author: +The contributors\n", about)
    assert re.search(r"Tagged: +yes\n", about)
    assert "CreationDate" not in about
    assert "<pdfuaid:part>1</pdfuaid:part>" in poppler("pdfinfo", "-meta", pdf)
    assert b"/Lang(en-GB)" in pdf.read_bytes()
    tree = poppler("pdfinfo", "-struct", pdf)
    for tag in ("H1", "H2", "Table", "TH", "Figure", "Formula", "Code", "Link", "TOC"):
        assert re.search(rf"^ *{tag}\b", tree, re.M), tag


def test_fonts_are_those_that_ship_with_typst(pdf):
    lines = poppler("pdffonts", pdf).splitlines()[2:]
    assert lines
    for line in lines:
        assert re.match(r"\w{6}\+(Libertinus|NewCM|DejaVuSansMono)", line), line
        assert re.search(r" yes +yes +yes ", line), "embedded, subset, with its characters"


# How it is made


def test_two_builds_give_the_same_bytes(pdf, tmp_path):
    root = tmp_path / "another" / "folder"
    shutil.copytree(pdf.parent.parent, root, ignore=shutil.ignore_patterns("_book", "pdf"))
    assert main(["--root", str(root), "build", "--renderer", "builtin"]) == 0
    assert (root / "_book" / pdf.name).read_bytes() == pdf.read_bytes()


def test_it_is_set_again_only_after_a_change(book, paper):
    made = paper("Some words.")
    [entry] = (book.root / ".cache" / "pdf").iterdir()
    before = entry.stat().st_ino  # a file that is written again is another file
    assert book.run("build", "--renderer", "builtin") == 0
    assert entry.stat().st_ino == before
    book.edit("chapters/one.qmd", "Some words.", "Other words.")
    assert book.run("build", "--renderer", "builtin") == 0
    assert "Other words." in read(made)
    assert len([*entry.parent.iterdir()]) == 2


def test_no_pdf_where_none_is_asked_for(book):
    assert book.run("build", "--renderer", "builtin") == 0
    assert not [*(book.root / "_book").glob("*.pdf")]
    assert ".pdf" not in book.page()


def test_fault_names_chapter_and_line_and_the_pages_are_written(book, paper):
    words = "\n\n".join(f"Sentence number {n} of the text." for n in range(40))
    assert isinstance(paper("Text."), Path)
    book.chapter(f"{words}\n\n```{{=typst}}\n#nothing-of-this-name\n```\n\n{words}")
    message = paper_error(book)
    assert re.search(r"chapters/one\.qmd:(82|83|84): the PDF cannot be set", message)
    assert "unknown variable: nothing-of-this-name" in message
    assert "_book/ has the pages and notebooks as they are, and no PDF" in message
    assert "/tmp" not in message
    assert "Sentence number 39" in book.page()
    assert not [*(book.root / "_book").glob("*.pdf")], "the last one would pass for the new one"
    assert ".pdf" not in book.page()


LETTERS = "\n\nPlain → ✓.\n\nTwo 漢 here, é.\n\nAgain 漢 and 😀.\n"


@pytest.mark.parametrize("command", [("check",), ("build", "--renderer", "builtin")])
def test_letters_that_the_fonts_lack_are_named_with_their_lines(book, fails, command):
    book.edit("_quarto.yml", "title: Small book", "title: Small book\n  downloads: [pdf]")
    web = '::: {.content-visible when-format="html"}\n字\n:::'
    book.chapter(f"{web}{LETTERS}")
    lines = [line for line in fails(*command).splitlines() if "no letter" in line]
    assert [line.removeprefix("error: ").partition(": the")[0] for line in lines] == [
        "chapters/one.qmd:9",
        "chapters/one.qmd:11",
    ]
    assert "U+6F22" in lines[0] and "U+1F600" in lines[1]


def test_letters_of_titles_are_named_those_of_alt_texts_may_be_any(book, fails):
    book.edit("_quarto.yml", "title: Small book", "title: Small 本\n  downloads: [pdf]")
    book.write("index.qmd", "# 序 {.unnumbered}\n")
    book.write("wide.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    book.chapter('![](../wide.svg){fig-alt="字"}')
    message = fails("check")
    assert "_quarto.yml: the PDF's fonts have no letter for 本" in message
    assert "index.qmd:1: the PDF's fonts have no letter for 序" in message
    assert "字" not in message


def test_letters_of_outputs_are_named_at_their_cell(book, paper):
    assert "chapters/one.qmd:5: the PDF's fonts have no letter for 漢" in paper(
        "Text.\n\n```{python}\nprint(chr(0x6F22))\n```"
    )


def test_a_line_across_is_drawn(paper):
    assert "Above. Below." in read(paper("Above.\n\n***\n\nBelow."))
