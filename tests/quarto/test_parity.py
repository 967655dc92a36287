"""Both renderers give the same book: the comparer itself, and the two sites where Quarto is found.

Without a Quarto the comparer works on a small book: the built-in renderer's pages, made here, and
Quarto's, kept in tests/quarto/pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import compare
import pytest

from bookbuild.quarto import find as find_quarto
from tools.scratch import copy_book

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
QUARTO, REASON = find_quarto("auto")
needs_quarto = pytest.mark.skipif(not QUARTO, reason=f"no Quarto here: {REASON}")


def build(book: Path, renderer: str) -> Path:
    """Build the book in a folder; return a copy of its site."""
    command = [
        sys.executable,
        "-m",
        "bookbuild",
        "--root",
        str(book),
        "build",
        "--renderer",
        renderer,
    ]
    environment = os.environ | {"QUARTO_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(shutil.copytree(book / "_book", book.parent / f"{renderer}-site"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book's source, in a folder of its own."""
    return Path(shutil.copytree(HERE / "small", tmp_path_factory.mktemp("parity") / "small"))


@pytest.fixture(scope="session")
def builtin(small: Path) -> Path:
    """The small book's site by the built-in renderer."""
    return build(small, "builtin")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A copy of the pages that Quarto made, to be changed at will."""
    return Path(shutil.copytree(HERE / "pages", tmp_path / "pages"))


def test_the_stored_pages_say_what_the_built_in_ones_say(builtin, stored):
    assert [str(one) for one in compare.differences(builtin, stored)] == []


CHANGES = {
    "title": ('class="chapter-number">1</span>&nbsp; <span class="chapter-title">One', "2"),
    "headings": ('<span class="header-section-number">1.2</span> Equations', "1.3 Equations"),
    "figures": ('alt="A straight line from', 'alt="A crooked line from'),
    "tables": ("<td>4</td>", "<td>5</td>"),
    "equations": ("<mn>1.1</mn>", "<mn>1.2</mn>"),
    "references": ('<a href="#fig-line" class="quarto-xref">', '<a href="#fig-other">'),
    "citations": ("Fisher 1925, 2", "Fisher 1926, 2"),
    "paragraphs": ("Half is 0.50", "Half is 0.51"),
    "code": ('half <span class="op">=</span>', 'half <span class="op">+=</span>'),
    "folds": ("<summary>Show it</summary>", "<summary>Code</summary>"),
    "outputs": ("<pre><code>0.5</code></pre>", "<pre><code>0.6</code></pre>"),
    "callouts": ("callout-collapse collapse", "callout-collapse collapse show"),
    "footnotes": ("What it says.", "What it said."),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_of_difference_is_seen(builtin, stored, kind):
    page = stored / "chapters/one.html"
    before, after = CHANGES[kind]
    text = page.read_text(encoding="utf-8")
    assert before in text
    page.write_text(text.replace(before, after), encoding="utf-8")
    found = compare.differences(builtin, stored)
    assert kind in {one.kind for one in found}
    assert all(one.page == "chapters/one.html" for one in found)


def test_every_kind_of_fact_has_such_a_test(builtin):
    text = (builtin / "chapters/one.html").read_text(encoding="utf-8")
    assert {*CHANGES, "bibliography"} == set(compare.facts(text, "chapters/one.html"))


def test_another_reference_list_is_seen(builtin, stored):
    page = stored / "chapters/references.html"
    page.write_text(page.read_text("utf-8").replace("Oliver", "Boyd"), encoding="utf-8")
    assert [one.kind for one in compare.differences(builtin, stored)] == ["bibliography"]


def test_a_missing_page_is_seen(builtin, stored):
    (stored / "chapters/data.html").unlink()
    (found,) = compare.differences(builtin, stored)
    assert (found.kind, found.builtin) == ("pages", (("chapters/data.html",),))


def test_what_is_allowed_is_no_difference(builtin, stored):
    """A list of references that shows on a page where the built-in renderer has none."""
    page = stored / "chapters/one.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(' style="display: none"', ""), encoding="utf-8")
    assert compare.differences(builtin, stored) == []


def test_a_sound_site_has_no_dead_link(builtin):
    assert compare.dead_links(builtin) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('href="#tbl-frame"', 'href="#tbl-gone"'),
        ('href="../chapters/references.html#ref', 'href="../chapters/references.html#fer'),
        ('href="../chapters/references.html#ref', 'href="../chapters/gone.html#ref'),
        ('src="one_files/figure-html/fig-line', 'src="one_files/figure-html/fig-gone'),
        ('href="../assets/book.css"', 'href="../assets/gone.css"'),
    ],
)
def test_a_dead_link_is_seen(builtin, tmp_path, before, after):
    site = Path(shutil.copytree(builtin, tmp_path / "site"))
    page = site / "chapters/one.html"
    text = page.read_text(encoding="utf-8")
    assert before in text
    page.write_text(text.replace(before, after), encoding="utf-8")
    found = compare.dead_links(site)
    assert found and all(one.startswith("chapters/one.html: ") for one in found)


@needs_quarto
def test_quarto_says_the_same_of_the_small_book(small, builtin):
    """Here Quarto executes the cells itself."""
    site = build(small, "quarto")
    assert [str(one) for one in compare.differences(builtin, site)] == []
    assert compare.dead_links(site) == []


@needs_quarto
def test_quarto_says_the_same_of_the_book(tmp_path):
    """The whole project, in a copy that shares data, packages and executions with this one."""
    book = tmp_path / "book"
    copy_book(ROOT, book)
    shutil.copytree(ROOT / ".cache/executed", book / ".cache/executed")
    (book / ".venv").symlink_to(ROOT / ".venv")
    one, other = build(book, "builtin"), build(book, "quarto")
    assert [str(found) for found in compare.differences(one, other)] == []
    assert compare.dead_links(other) == []
