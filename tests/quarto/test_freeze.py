"""Test that the results that quarto/freeze.py writes for Quarto are complete and up to date.

The names, the hash of the .qmd and the engine are those that Quarto's source requires; pandoc reads
the Markdown as it does within Quarto.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pypandoc
import pytest

from bookbuild import BookError, load
from quarto.freeze import freeze

pytestmark = pytest.mark.thorough

CHAPTER = "chapters/probe.qmd"


@pytest.fixture
def book(probe: Path, tmp_path: Path) -> Path:
    """Return a copy of the built probe book, with its executed results."""
    return Path(shutil.copytree(probe.parent, tmp_path / "book"))


@pytest.fixture
def executions(book: Path) -> Path:
    """Add a cell to two chapters that logs each execution; return the file of the log."""
    for name in ("probe", "two wörds"):
        cell = f'print("{name}", file=open("executions.log", "a"))'
        options = "#| label: logged\n#| include: false"
        with (book / f"chapters/{name}.qmd").open("a", encoding="utf-8") as file:
            file.write(f"\n```{{python}}\n{options}\n{cell}\n```\n")
    return book / "executions.log"


def frozen(book: Path, name: str = "html") -> dict:
    path = book / "_freeze/chapters/probe/execute-results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def pandoc(markdown: str) -> str:
    return pypandoc.convert_text(
        markdown, "html", "markdown", extra_args=["--mathml", "--wrap=none"]
    )


def test_each_chapter_with_cells_is_frozen_for_both_formats(book):
    assert freeze(load(book)) == 2
    results = sorted(path.relative_to(book).as_posix() for path in book.rglob("_freeze/**/*.json"))
    assert results == [
        f"_freeze/chapters/{name}/execute-results/{output}.json"
        for name in ("probe", "two wörds")
        for output in ("html", "typ")
    ]


@pytest.mark.parametrize("name", ["html", "typ"])
def test_the_hash_is_that_of_the_source(book, name):
    freeze(load(book))
    text = (book / CHAPTER).read_bytes().replace(b"\r\n", b"\n")
    assert frozen(book, name)["hash"] == hashlib.md5(text).hexdigest()


@pytest.mark.parametrize(("name", "output"), [("html", "html"), ("typ", "typst")])
def test_pictures_are_where_the_text_expects_them(book, name, output):
    freeze(load(book))
    result = frozen(book, name)["result"]
    assert result["supporting"] == [f"probe_files/figure-{output}"]
    (picture,) = re.findall(r"\]\(<probe_files/(\S+?)>\)", result["markdown"])
    assert picture == f"figure-{output}/fig-line-output-1.png"
    png = book / "_freeze/chapters/probe" / picture
    assert png.read_bytes().startswith(b"\x89PNG")


def test_inline_code_is_replaced_by_its_value(book):
    freeze(load(book))
    html = pandoc(frozen(book)["result"]["markdown"])
    assert "Half is 0.50, minus half −0.5, the name is two *stars*" in html
    assert "<code>`{python} x`</code>" in html  # a code span that documents the syntax


def test_cells_have_quartos_class_names(book):
    freeze(load(book))
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


def test_the_header_is_unchanged(book):
    freeze(load(book))
    markdown = frozen(book)["result"]["markdown"]
    header = '---\ndescription: "The chapter with everything in it."\n---\n'
    assert markdown.startswith(header) and "# A probe {#sec-probe}" in markdown


def test_code_that_looks_like_an_output_is_left_alone(book):
    path = book / CHAPTER
    before = path.read_text(encoding="utf-8")
    shown = "::: {.output .stdout}"
    path.write_text(f"{before}\n```\n{shown}\n```\n", encoding="utf-8")
    freeze(load(book))
    assert shown in frozen(book)["result"]["markdown"]


def test_quarto_expands_no_shortcode_in_code(book):
    """Quarto expands shortcodes in every code block except a cell's, even in printed output."""
    path, shown = book / CHAPTER, "{{< meta title >}}"
    cell = f'```{{python}}\n#| label: shortcode\nprint("````\\n{shown}")\n```'
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\n{cell}\n\n```\n{shown}\n```\n\n```\nplain\n```\n", encoding="utf-8")
    freeze(load(book))
    markdown = frozen(book)["result"]["markdown"]
    tree = json.loads(pypandoc.convert_text(markdown, "json", "markdown"))
    found = [block["c"] for block in walk(tree) if block.get("t") == "CodeBlock"]
    marked = [(classes, dict(pairs), text) for (_, classes, pairs), text in found if shown in text]
    assert marked == [
        (["python", "cell-code"], {}, f'print("````\\n{shown}")'),
        ([], {"shortcodes": "false"}, f"````\n{shown}"),
        ([], {"shortcodes": "false"}, shown),
    ]
    assert sum("shortcodes" in dict(pairs) for (_, _, pairs), _ in found) == 2


def walk(node):
    """Yield every object of pandoc's JSON."""
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from walk(child)


def test_editing_prose_executes_nothing_and_updates_the_text(book, executions):
    path = book / CHAPTER
    freeze(load(book))
    assert sorted(executions.read_text("utf-8").splitlines()) == ["probe", "two wörds"]
    executions.unlink()
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("The end.", "Another end."), encoding="utf-8")
    freeze(load(book))
    text, hashed = path.read_bytes(), frozen(book)["hash"]
    assert not executions.exists()
    assert "Another end." in frozen(book)["result"]["markdown"]
    assert hashed == hashlib.md5(text).hexdigest()


def test_a_changed_module_updates_the_results(book, executions):
    """Quarto alone would keep the page, as the text of the .qmd is the same."""
    freeze(load(book))
    helper = book / "helper.py"
    before = helper.read_text(encoding="utf-8")
    executions.unlink()
    helper.write_text(before.replace("FACTOR = 2", "FACTOR = 4"), encoding="utf-8")
    freeze(load(book))
    assert executions.read_text("utf-8").splitlines() == ["probe"]
    assert "Half is 0.25" in pandoc(frozen(book)["result"]["markdown"])


def test_earlier_results_are_removed(book):
    for folder in ("_freeze/chapters/gone", ".quarto/_freeze/chapters/probe"):
        (book / folder).mkdir(parents=True, exist_ok=True)
    freeze(load(book))
    assert not (book / "_freeze/chapters/gone").exists()
    assert not (book / ".quarto/_freeze").exists()


def test_a_failing_cell_leaves_earlier_results_unchanged(book):
    freeze(load(book))
    path, earlier = book / CHAPTER, frozen(book)
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("secret = 42", "secret = 42 / 0"), encoding="utf-8")
    with pytest.raises(BookError, match="cell hidden failed: ZeroDivisionError"):
        freeze(load(book))
    assert frozen(book) == earlier


REFUSED = {  # mistakes that Quarto at most warns about: the line in the text, part of the message
    "See @fig-nowhere.": (0, "has no target"),
    "See @fig-dot [@known1925].": (0, "one is lost"),
    "[@known1925, @known1925]": (0, "semicolon"),
    "1986. A great year.": (0, "begins a list"),
    "A note.[^1]\n\n[^1]: The note.\n## Next": (3, "continues the note"),
    "[text]{.unknown}": (0, "no effect"),
}


def test_what_check_refuses_stops_quarto(book):
    path = book / CHAPTER
    text, expected = path.read_text(encoding="utf-8"), []
    for body, (offset, words) in REFUSED.items():
        expected.append((text.count("\n") + 2 + offset, words))
        text += f"\n{body}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BookError) as error:
        freeze(load(book))
    messages = str(error.value).splitlines()
    for line, words in expected:
        assert any(m.startswith(f"{CHAPTER}:{line}: ") and words in m for m in messages), words


def test_the_hash_is_that_of_the_text_that_was_executed(book):
    """A chapter that edits its own source must be stale for Quarto afterwards."""
    path = book / CHAPTER
    cell = f'with open("{CHAPTER}", "a") as file:\n    print("More.", file=file)'
    text = path.read_text("utf-8") + f"\n```{{python}}\n#| label: edits\n{cell}\n```\n"
    path.write_text(text, encoding="utf-8")
    freeze(load(book))
    assert path.read_text("utf-8").endswith("More.\n")
    assert frozen(book)["hash"] == hashlib.md5(text.encode()).hexdigest()
