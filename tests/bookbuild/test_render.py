"""One pandoc for the whole book, and tables that plain pandoc understands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pypandoc
import pytest

from bookbuild import build, project
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
