"""One pandoc process renders a short book; plain pandoc can read the woven Markdown's tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pypandoc
import pytest

import bookbuild
from bookbuild.render import pandoc
from bookbuild.render.book import Rendered
from bookbuild.source.errors import BookError
from tests.support.books import SmallBook
from tests.support.pages import parse

pytestmark = pytest.mark.thorough

PROGRAM = Path(pypandoc.__file__).parent / "files" / "pandoc"
FRAME = """```{python}
import polars as pl
pl.DataFrame({"word": ["good", "a|b", None], "count": [3, 40, 5]})
```"""

started: list[list[str]] = []
sys.addaudithook(
    lambda event, arguments: (
        started.append([str(arguments[0]), *map(str, arguments[1])])
        if event == "subprocess.Popen"
        else None
    )
)


def count_pandocs(book: SmallBook, *command: str) -> int:
    """Run a command; return how often it started pandoc."""
    started.clear()
    assert book.run(*command) == 0
    return sum(Path(program).name == "pandoc" for program, *_ in started)


def test_a_build_starts_pandoc_once_for_all_chapters(book):
    book.add_pdf()
    book.add_chapter("two", "# Two\n\nText [@known1925].\n")
    build = ("build", "--renderer", "builtin")
    assert count_pandocs(book, *build) == 1
    assert count_pandocs(book, *build) == 0
    book.edit("chapters/two.qmd", "Text", "More")
    assert count_pandocs(book, *build) == 1
    assert count_pandocs(book, "check") == 1


@pytest.mark.parametrize(
    "body", ["See @sec-none.", "{{< a >}}"], ids=["found by pandoc", "found by the scanner"]
)
def test_a_mistake_starts_no_second_pandoc(book, body):
    book.chapter(body)
    started.clear()
    assert book.run("check") == 1
    assert sum(Path(program).name == "pandoc" for program, *_ in started) == 1


# Each edit follows the one before: the file, the old text and the new text.
EDITS = {
    "prose": ("chapters/one.qmd", "Some prose", "Other prose"),
    "a reference to another chapter": ("chapters/one.qmd", "Other prose", "Prose, see @fig-two,"),
    "a label before another": (
        "chapters/two.qmd",
        "Text.",
        "Text.\n\n![A.](p.svg){#fig-a fig-alt=A}",
    ),
    "a title": ("chapters/two.qmd", "# Two", "# Another two"),
    "one more chapter": (
        "_quarto.yml",
        "[index.qmd,",
        "[index.qmd, chapters/_new.qmd,",
    ),
    "a work by the same author in the same year": (
        "chapters/two.qmd",
        "Text.",
        "Text [@other1925].",
    ),
    "that work cited again": ("chapters/one.qmd", "see @fig-two", "see @other1925, @fig-two"),
    "an unknown work": ("chapters/one.qmd", "@other1925, ", "@none1925, "),
    "that mistake corrected": ("chapters/one.qmd", "@none1925, ", ""),
    "an unknown label": ("chapters/two.qmd", "#fig-two", "#fig-three"),
    "that mistake corrected, too": ("chapters/two.qmd", "#fig-three", "#fig-two"),
    "the list of references removed": ("chapters/two.qmd", "::: {#refs}\n:::\n", ""),
    "a picture of another size": ("chapters/p.svg", 'width="40"', 'width="50"'),
    "a bibliography": ("references.bib", "year = 1925", "year = 1926"),
    "the other work cited last": ("_quarto.yml", "two.qmd", "two.qmd, chapters/_last.qmd"),
    "the other work cited there alone": ("chapters/two.qmd", " [@other1925]", ""),
    "that chapter removed": ("_quarto.yml", ", chapters/_last.qmd", ""),
}


def render(book: SmallBook) -> list[Rendered] | str:
    """Return the rendered chapters, or the book's mistakes."""
    try:
        return book.render()
    except BookError as error:
        return str(error)


@pytest.mark.parametrize("batch", [pandoc.BATCH, 1])
def test_rendering_only_changed_chapters_equals_rendering_all(book, monkeypatch, batch):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="9"/>'
    book.write("chapters/p.svg", svg)
    book.write("chapters/_new.qmd", "# New {#sec-new}\n\nText.\n")
    book.write("chapters/_last.qmd", "# Last\n\nText [@other1925].\n")
    book.add_chapter(
        "two",
        "# Two {#sec-two}\n\nText.\n\n![B.](p.svg){#fig-two fig-alt=B}\n\n"
        "See [@known1925] and @sec-one.\n\n::: {#refs}\n:::\n",
    )
    known = "@book{known1925, title = {T}, author = {B, Ada}, year = 1925}\n"
    book.write("references.bib", known + known.replace("known", "other").replace("{T}", "{U}"))
    cache, aside = book.root / ".cache" / "rendered", book.root / "aside"
    steps = [render(book)]
    for name, edit in EDITS.items():
        book.edit(*edit)
        monkeypatch.setattr(pandoc, "BATCH", batch)
        incremental = render(book)
        monkeypatch.undo()
        cache.rename(aside)
        assert render(book) == incremental, name
        shutil.rmtree(cache)
        aside.rename(cache)
        assert incremental != steps[-1], name
        steps.append(incremental)
    failed = [name for name, step in zip(EDITS, steps[1:], strict=True) if isinstance(step, str)]
    assert failed == ["an unknown work", "an unknown label"]


def test_only_the_changed_chapter_is_rendered_again(book):
    book.add_chapter("two", "# Two\n\nSee @sec-one.\n")
    for name, text in (("one", "Some prose"), ("two", "See")):
        assert book.run("check") == 0
        book.edit(f"chapters/{name}.qmd", text, f"{text}, as before,")
        assert [bool(answer) for answer in answers(book)] == [False, name == "one", name == "two"]


def answers(book: SmallBook) -> list[dict | bool]:
    """Check the book; return pandoc's responses."""
    texts = []
    with pytest.MonkeyPatch.context() as patch:
        ask = pandoc._pandoc
        patch.setattr(pandoc, "_pandoc", lambda job: texts.append(ask(job)) or texts[-1])
        assert book.run("check") == 0
    [text] = texts
    return json.loads(text)


@pytest.fixture
def woven(book) -> str:
    book.chapter(FRAME)
    return bookbuild.assemble(bookbuild.load(book.root)).pages[1].woven.text


def convert(text: str, to: str) -> str:
    """Convert Markdown with plain pandoc, without any filter."""
    command = [str(PROGRAM), "--from=markdown", f"--to={to}"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_a_frame_is_a_table_for_plain_pandoc_in_html(woven):
    [table] = parse(convert(woven, "html")).find_all("table")
    assert [cell.text for cell in table.find_all("th")] == ["word str", "count i64"]
    rows = [[cell.text.strip('"“”') for cell in row.find_all("td")] for row in table.tbody("tr")]
    assert rows == [["good", "3"], ["a|b", "40"], ["null", "5"]]


def test_a_frame_is_a_table_for_plain_pandoc_in_typst(woven):
    text = convert(woven, "typst")
    assert len(re.findall(r"\btable\(", text)) == 1
    assert "align: (left,right,)" in text
    assert "<table" not in text
