"""The results that quarto/freeze.py leaves for Quarto: complete, and never older than their key.

What Quarto's freezer needs (the hash of the .qmd, the names, the engine) is from its source;
pandoc reads the Markdown here as it will there.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pypandoc
import pytest
from freeze import freeze

from bookbuild import kernel, project

CHAPTER = "chapters/probe.qmd"


@pytest.fixture
def book(probe: Path, tmp_path: Path) -> Path:
    """A copy of the probe book with what it executed, to be changed at will."""
    return Path(shutil.copytree(probe.parent, tmp_path / "book"))


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The chapters that a kernel was started for."""
    seen: list[str] = []
    run = kernel.run

    def noted(project, source, *rest):
        seen.append(source.path.name)
        return run(project, source, *rest)

    monkeypatch.setattr(kernel, "run", noted)
    return seen


def frozen(book: Path, name: str = "html") -> dict:
    path = book / "_freeze/chapters/probe/execute-results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def pandoc(markdown: str) -> str:
    return pypandoc.convert_text(
        markdown, "html", "markdown", extra_args=["--mathml", "--wrap=none"]
    )


def test_each_chapter_with_cells_is_frozen_for_both_formats(book):
    assert freeze(project.load(book)) == 2
    results = sorted(path.relative_to(book).as_posix() for path in book.rglob("_freeze/**/*.json"))
    assert results == [
        f"_freeze/chapters/{name}/execute-results/{output}.json"
        for name in ("probe", "two wörds")
        for output in ("html", "typ")
    ]


@pytest.mark.parametrize("name", ["html", "typ"])
def test_the_hash_is_that_of_the_source(book, name):
    freeze(project.load(book))
    text = (book / CHAPTER).read_bytes().replace(b"\r\n", b"\n")
    assert frozen(book, name)["hash"] == hashlib.md5(text).hexdigest()


@pytest.mark.parametrize(("name", "output"), [("html", "html"), ("typ", "typst")])
def test_pictures_lie_where_the_text_says(book, name, output):
    freeze(project.load(book))
    result = frozen(book, name)["result"]
    assert result["supporting"] == [f"probe_files/figure-{output}"]
    (picture,) = re.findall(r"\]\(<probe_files/(\S+?)>\)", result["markdown"])
    assert picture == f"figure-{output}/fig-line-output-1.png"
    png = book / "_freeze/chapters/probe" / picture
    assert png.read_bytes().startswith(b"\x89PNG")


def test_inline_code_has_its_value(book):
    freeze(project.load(book))
    html = pandoc(frozen(book)["result"]["markdown"])
    assert "Half is 0.50, minus half −0.5, the name is two *stars*" in html
    assert "<code>`{python} x`</code>" in html  # the span that shows how it is written


def test_cells_have_the_names_that_quarto_gives_them(book):
    freeze(project.load(book))
    html = pandoc(frozen(book)["result"]["markdown"])
    assert '<div id="log" class="cell">' in html
    assert html.count('<div class="cell-output cell-output-stdout">') == 3  # log, short, no-code
    assert '<div class="cell-output cell-output-display">\n<figure id="fig-line">' in html
    assert "<figcaption" in html and "A line that <em>rises</em>." in html
    assert 'data-fig-alt="A straight line from the lower left to the upper right."' in html
    assert '<div id="tbl-frame">' in html
    assert 'data-code-fold="true" data-code-summary="Show how it is &quot;done&quot;"' in html
    assert "secret" not in html and "<code>never shown" not in html
    assert 'class="output' not in html


def test_the_header_stays(book):
    freeze(project.load(book))
    markdown = frozen(book)["result"]["markdown"]
    header = '---\ndescription: "The chapter with everything in it."\n---\n'
    assert markdown.startswith(header) and "# A probe {#sec-probe}" in markdown


def test_code_that_looks_like_an_output_is_left_alone(book):
    path = book / CHAPTER
    before = path.read_text(encoding="utf-8")
    shown = "::: {.output .stdout}"
    path.write_text(f"{before}\n```\n{shown}\n```\n", encoding="utf-8")
    freeze(project.load(book))
    assert shown in frozen(book)["result"]["markdown"]


def test_prose_never_executes_and_is_never_stale(book, executions):
    path = book / CHAPTER
    freeze(project.load(book))
    executions.clear()
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("The end.", "Another end."), encoding="utf-8")
    freeze(project.load(book))
    text, hashed = path.read_bytes(), frozen(book)["hash"]
    assert executions == []
    assert "Another end." in frozen(book)["result"]["markdown"]
    assert hashed == hashlib.md5(text).hexdigest()


def test_a_changed_module_changes_what_quarto_finds(book, executions):
    """Quarto alone would keep the page: the text of the .qmd is the same."""
    freeze(project.load(book))
    helper = book / "helper.py"
    before = helper.read_text(encoding="utf-8")
    executions.clear()
    helper.write_text(before.replace("FACTOR = 2", "FACTOR = 4"), encoding="utf-8")
    freeze(project.load(book))
    assert executions == ["probe.qmd"]
    assert "Half is 0.25" in pandoc(frozen(book)["result"]["markdown"])


def test_leftovers_of_other_freezes_go(book):
    for folder in ("_freeze/chapters/gone", ".quarto/_freeze/chapters/probe"):
        (book / folder).mkdir(parents=True, exist_ok=True)
    freeze(project.load(book))
    assert not (book / "_freeze/chapters/gone").exists()
    assert not (book / ".quarto/_freeze").exists()


def test_a_failing_cell_leaves_what_was_frozen(book):
    freeze(project.load(book))
    path, kept = book / CHAPTER, frozen(book)
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("secret = 42", "secret = 42 / 0"), encoding="utf-8")
    with pytest.raises(project.BookError, match="cell hidden failed: ZeroDivisionError"):
        freeze(project.load(book))
    assert frozen(book) == kept


def test_a_dead_reference_stops_quarto(book):
    path = book / CHAPTER
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\nSee @fig-nowhere.\n", encoding="utf-8")
    with pytest.raises(project.BookError, match="@fig-nowhere has no target"):
        freeze(project.load(book))
