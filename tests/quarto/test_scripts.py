"""The scripts that Quarto runs before and after rendering."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import after
import pypandoc
import pytest

from tests.bookbuild.test_explorables import FIGURE
from tools import quarto_facts

ROOT = Path(__file__).resolve().parents[2]
PAGE = """<!DOCTYPE html>
<html lang="en-GB"><head><title>One</title>
<script src="../site_libs/quarto-nav/quarto-nav.js"></script>
<link href="../site_libs/bootstrap/bootstrap.min.css" rel="stylesheet" id="quarto-bootstrap">
<script src="https://cdn.example/require.js/2.3.6/require.min.js" crossorigin="anonymous"></script>
<script src="https://cdn.example/jquery/3.5.1/jquery.min.js" data-relocate-top="true"></script>
<script type="application/javascript">define('jquery', [],function() {return jQuery;})</script>
</head>
<body><main class="content" id="quarto-document-content">
<header id="title-block-header" class="quarto-title-block default">
<div class="quarto-title"><h1 class="title">One chapter</h1></div>
</header>
<p>Text.</p></main></body></html>
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A page as Quarto writes it after executing a chapter with HTML in an output itself."""
    page = tmp_path / "_book/chapters/one.html"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE, encoding="utf-8")
    return tmp_path / "_book"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def book(tmp_path: Path, cache: Path) -> Path:
    """The small book with this project's scripts, packages and renderer."""
    root = quarto_facts.copy_small(tmp_path / "book")
    (root / ".cache").symlink_to(cache)
    prepare = 'from pathlib import Path\nPath("prepared").write_text("once")\n'
    (root / "data/prepare.py").write_text(prepare, encoding="utf-8")
    return root


def run(script: str, book: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a script as Quarto does: in the project's folder, under a Python without our packages."""
    own = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    command = [sys._base_executable, f"quarto/{script}"]
    return subprocess.run(command, cwd=book, env=own | environment, capture_output=True, text=True)


needs_venv = pytest.mark.skipif(
    sys.prefix == sys.base_prefix, reason="in the conda environment there is no other Python"
)


@needs_venv
def test_before_changes_over_to_the_books_python(book):
    done = run("before.py", book)
    assert done.returncode == 0, done.stderr
    assert (book / "prepared").read_text() == "once"
    assert (book / "_freeze/chapters/one/execute-results/html.json").is_file()


@needs_venv
def test_before_says_what_to_do_where_nothing_is_installed(book):
    (book / ".venv").unlink()
    done = run("before.py", book)
    assert done.returncode == 1 and "run `make data` once" in done.stderr
    assert not (book / "prepared").exists()


@needs_venv
def test_before_stops_quarto_at_a_failing_cell(book):
    chapter = book / "chapters/one.qmd"
    text = chapter.read_text("utf-8").replace("import matplotlib.pyplot as plt", "1 / 0")
    chapter.write_text(text, encoding="utf-8")
    done = run("before.py", book)
    assert done.returncode == 1
    assert "chapters/one.qmd:11: cell setup failed: ZeroDivisionError" in done.stderr


@needs_venv
def test_after_puts_notebooks_beside_their_pages(book, site):
    shutil.copytree(site, book / "_book")
    assert run("before.py", book).returncode == 0
    done = run("after.py", book, QUARTO_PROJECT_OUTPUT_DIR=str(book / "_book"))
    assert done.returncode == 0, done.stderr
    assert '"output_type"' in (book / "_book/chapters/one.ipynb").read_text("utf-8")
    page = (book / "_book/chapters/one.html").read_text("utf-8")
    assert '<a href="one.ipynb" download>Notebook</a>' in page.split("</header>")[0]
    assert ">PDF<" not in page  # Quarto has written none
    assert not (book / "_book/chapters/data.ipynb").exists()  # it has no cells


@needs_venv
def test_before_writes_the_citation_style_in_the_books_language(book):
    assert run("before.py", book).returncode == 0
    style = (book / ".cache/references.csl").read_text("utf-8")
    entry = "@article{one, title = {A title}, author = {Known, A.}, journal = {J}, year = 1925}"
    (book / "one.bib").write_text(entry, "utf-8")
    made = pypandoc.convert_text(
        "@one",
        "plain",
        "markdown",
        extra_args=[
            "--citeproc",
            f"--bibliography={book / 'one.bib'}",
            f"--csl={book / '.cache/references.csl'}",
        ],
    )
    assert "‘A Title’." in made and "en-GB" in style  # pandoc's own would have “A Title.”


@needs_venv
def test_after_puts_a_live_figures_scripts_beside_the_pages(book, site):
    chapter = book / "chapters/one.qmd"
    chapter.write_text(f"{chapter.read_text('utf-8')}\n\n{FIGURE}\n", encoding="utf-8")
    (book / "explorables").mkdir()
    for name in ("live.js", "start.js", "explorables.css"):
        (book / "explorables" / name).write_text(name, encoding="utf-8")
    shutil.copytree(site, book / "_book")
    assert run("before.py", book).returncode == 0
    page = book / "_freeze/chapters/one"
    assert (page / "figure-html/draws-data.js").is_file()
    assert not (page / "figure-typst/draws-data.js").exists()
    done = run("after.py", book, QUARTO_PROJECT_OUTPUT_DIR=str(book / "_book"))
    assert done.returncode == 0, done.stderr
    assert (book / "_book/explorables/live.js").is_file()
    html = (book / "_book/chapters/one.html").read_text("utf-8")
    head = html.split("</head>")[0]
    assert '<script src="../explorables/start.js" defer></script>' in head
    assert after.with_head(html, '<script src="../explorables/start.js" defer></script>') == html


def test_a_page_gets_its_links_once(site):
    html = (site / "chapters/one.html").read_text("utf-8")
    links = {"Notebook": "one.ipynb", "PDF": "../Small-book.pdf"}
    once = after.with_links(html, links)
    header = once.split("</header>")[0]
    assert '<a href="one.ipynb" download>Notebook</a>' in header
    assert '<a href="../Small-book.pdf">PDF</a>' in header
    assert after.with_links(once, links) == once


def test_the_widgets_scripts_go_and_nothing_else(site):
    page = site / "chapters/one.html"
    before = page.read_text("utf-8").splitlines()
    assert len([line for line in before if "cdn.example" in line]) == 2
    assert after.clean(site) == []
    left = page.read_text("utf-8").splitlines()
    gone = [line for line in before if line not in left]
    assert left == [line for line in before if line not in gone]
    assert len(gone) == 3 and all(
        name in "".join(gone) for name in ("require", "jquery", "define(")
    )


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.example/other.js"></script>',
        "<img alt='' src='//pictures.example/a.png'>",
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<link href="https://fonts.example/css" rel="stylesheet">',
        '<iframe src="https://videos.example/1"></iframe>',
    ],
)
def test_what_asks_a_third_party_is_an_error(site, tag):
    page = site / "chapters/one.html"
    page.write_text(page.read_text("utf-8").replace("</head>", tag + "</head>"), encoding="utf-8")
    ((path, request),) = after.clean(site)
    assert path == Path("chapters/one.html") and ".example/" in request


def test_a_style_sheet_that_imports_another_hosts_fonts_is_an_error(site):
    (site / "theme.css").write_text('@import"https://fonts.example/css2?family=A";', "utf-8")
    assert [path for path, _ in after.clean(site)] == [Path("theme.css")]


def test_a_plain_link_to_another_host_is_none(site):
    page = site / "chapters/one.html"
    link = '<a href="https://doi.example/10.1">DOI</a><link rel="canonical" href="https://book.example/">'
    page.write_text(page.read_text("utf-8").replace("</main>", link + "</main>"), encoding="utf-8")
    assert after.clean(site) == []
