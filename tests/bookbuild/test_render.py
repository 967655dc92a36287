"""One pandoc for the whole book, and tables that plain pandoc understands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pypandoc
import pytest

from bookbuild import build, project, render
from bookbuild.errors import BookError
from tests.kit.books import SmallBook
from tests.kit.pages import parse

PANDOC = Path(pypandoc.__file__).parent / "files" / "pandoc"
FRAME = """```{python}
import polars as pl
pl.DataFrame({"word": ["good", "a|b", None], "count": [3, 40, 5]})
```"""

started: list[list[str]] = []
sys.addaudithook(
    lambda event, given: (
        started.append([str(given[0]), *map(str, given[1])])
        if event == "subprocess.Popen"
        else None
    )
)


def pandocs(book: SmallBook, *command: str) -> int:
    """Run a command; return how often it started pandoc."""
    started.clear()
    assert book.run(*command) == 0
    return sum(Path(program).name == "pandoc" for program, *_ in started)


def test_a_build_starts_pandoc_once_for_all_chapters(book):
    book.edit("_quarto.yml", "title: Small book", "title: Small book\n  downloads: [pdf]")
    book.edit("_quarto.yml", "chapters/one.qmd]", "chapters/one.qmd, chapters/two.qmd]")
    book.write("chapters/two.qmd", "# Two\n\nText [@known1925].\n")
    build = ("build", "--renderer", "builtin")
    assert pandocs(book, *build) == 1
    assert pandocs(book, *build) == 0
    book.edit("chapters/two.qmd", "Text", "More")
    assert pandocs(book, *build) == 1
    assert pandocs(book, "check") == 1


@pytest.mark.parametrize(
    "body", ["See @sec-none.", "{{< a >}}"], ids=["mistake for pandoc", "mistake for the scanner"]
)
def test_a_mistake_costs_no_second_pandoc(book, body):
    book.chapter(body)
    started.clear()
    assert book.run("check") == 1
    assert sum(Path(program).name == "pandoc" for program, *_ in started) == 1


# Each is a step from the one before: the file, the old text and the new one.
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
    "a work of the same author and year": ("chapters/two.qmd", "Text.", "Text [@other1925]."),
    "the same work once more": ("chapters/one.qmd", "see @fig-two", "see @other1925, @fig-two"),
    "no such work": ("chapters/one.qmd", "@other1925, ", "@none1925, "),
    "the mistake taken back": ("chapters/one.qmd", "@none1925, ", ""),
    "no such label": ("chapters/two.qmd", "#fig-two", "#fig-three"),
    "that mistake taken back": ("chapters/two.qmd", "#fig-three", "#fig-two"),
    "the list taken away": ("chapters/two.qmd", "::: {#refs}\n:::\n", ""),
    "a picture of another size": ("chapters/p.svg", 'width="40"', 'width="50"'),
    "a bibliography": ("references.bib", "year = 1925", "year = 1926"),
}


def rendered(book: SmallBook) -> object:
    """Return what is rendered of each chapter, or what is wrong with the book."""
    try:
        made = build.unexecuted_book(project.load(book.root))
    except BookError as error:
        return str(error)
    return [page.rendered for page in made.pages]


def test_a_book_rendered_step_by_step_is_as_if_rendered_anew(book):
    book.edit("_quarto.yml", "chapters/one.qmd]", "chapters/one.qmd, chapters/two.qmd]")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="9"/>'
    book.write("chapters/p.svg", svg)
    book.write("chapters/_new.qmd", "# New {#sec-new}\n\nText.\n")
    book.write(
        "chapters/two.qmd",
        "# Two {#sec-two}\n\nText.\n\n![B.](p.svg){#fig-two fig-alt=B}\n\n"
        "See [@known1925] and @sec-one.\n\n::: {#refs}\n:::\n",
    )
    known = "@book{known1925, title = {T}, author = {B, Ada}, year = 1925}\n"
    book.write("references.bib", known + known.replace("known", "other").replace("{T}", "{U}"))
    first = rendered(book)
    seen = [first]
    for name, edit in EDITS.items():
        book.edit(*edit)
        step_by_step = rendered(book)
        (book.root / ".cache" / "rendered").rename(book.root / "kept")
        assert rendered(book) == step_by_step, name
        shutil.rmtree(book.root / ".cache" / "rendered")
        (book.root / "kept").rename(book.root / ".cache" / "rendered")
        assert step_by_step != seen[-1], name
        seen.append(step_by_step)
    wrong = [name for name, found in zip(EDITS, seen[1:], strict=True) if isinstance(found, str)]
    assert wrong == ["no such work", "no such label"]


def test_only_the_chapter_that_has_changed_is_written_again(book):
    book.edit("_quarto.yml", "chapters/one.qmd]", "chapters/one.qmd, chapters/two.qmd]")
    book.write("chapters/two.qmd", "# Two\n\nSee @sec-one.\n")
    for name, text in (("one", "Some prose"), ("two", "See")):
        assert book.run("check") == 0
        book.edit(f"chapters/{name}.qmd", text, f"{text}, as before,")
        asked = answers(book)
        assert [bool(answer) for answer in asked] == [False, name == "one", name == "two"]


def answers(book: SmallBook) -> list[dict | bool]:
    """Check the book; return what pandoc answered."""
    given = []
    with pytest.MonkeyPatch.context() as patch:
        ask = render._pandoc
        patch.setattr(render, "_pandoc", lambda job: given.append(ask(job)) or given[-1])
        assert book.run("check") == 0
    [text] = given
    return json.loads(text)


@pytest.fixture
def woven(book) -> str:
    book.chapter(FRAME)
    return build.executed_book(project.load(book.root)).pages[1].woven.text


def written(text: str, to: str) -> str:
    """Return what plain pandoc, without any filter, writes of Markdown."""
    command = [str(PANDOC), "--from=markdown", f"--to={to}"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_a_frame_is_a_table_for_plain_pandoc_in_html(woven):
    [table] = parse(written(woven, "html")).find_all("table")
    assert [cell.text for cell in table.find_all("th")] == ["word str", "count i64"]
    rows = [[cell.text.strip('"“”') for cell in row.find_all("td")] for row in table.tbody("tr")]
    assert rows == [["good", "3"], ["a|b", "40"], ["null", "5"]]


def test_a_frame_is_a_table_for_plain_pandoc_in_typst(woven):
    text = written(woven, "typst")
    assert len(re.findall(r"\btable\(", text)) == 1
    assert "align: (left,right,)" in text
    assert "<table" not in text
