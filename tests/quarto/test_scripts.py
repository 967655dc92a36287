"""Test the scripts that Quarto runs before and after rendering."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pypandoc
import pytest
from bs4 import BeautifulSoup

from quarto import post_render
from tests.parity import record

pytestmark = pytest.mark.thorough

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
LIVE_FIGURE = """

See @fig-live.

::: {#fig-live .explorable script="live"}

```{python}
#| label: draws
#| echo: false
#| fig-alt: A blank picture.
from IPython.display import SVG
class Data:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"application/vnd.explorable+json": {"n": 1}, "text/plain": "data"}
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))
Data()
```

A caption.
:::
"""
SETTINGS = """kit = "kit"
live-figures = "figures/live"
"""


class Link(NamedTuple):
    """A link as `bookbuild.page_links` returns it."""

    text: str
    target: str
    download: bool = False


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write a page as Quarto does if it executes a chapter with HTML output itself."""
    page = tmp_path / "_book/chapters/one.html"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE, encoding="utf-8")
    return tmp_path / "_book"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def book(tmp_path: Path, cache: Path) -> Path:
    """Return the small book with this project's scripts, packages and renderer."""
    root = record.copy_small(tmp_path / "book")
    (root / ".cache").symlink_to(cache)
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    prepare = 'from pathlib import Path\nPath("prepared").write_text("once")\n'
    (root / "data/prepare.py").write_text(prepare, encoding="utf-8")
    return root


def run(script: str, book: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a script as Quarto does, in the project's folder with a Python without our packages."""
    own = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    command = [sys._base_executable, f"quarto/{script}"]
    return subprocess.run(command, cwd=book, env=own | environment, capture_output=True, text=True)


@pytest.fixture
def completed(book: Path, site: Path) -> Callable[[], str]:
    """Return a function that runs both scripts on the page and returns the page."""

    def complete() -> str:
        shutil.copytree(site, book / "_book")
        assert run("pre_render.py", book).returncode == 0
        done = run("post_render.py", book, QUARTO_PROJECT_OUTPUT_DIR=str(book / "_book"))
        assert done.returncode == 0, done.stderr
        return (book / "_book/chapters/one.html").read_text("utf-8")

    return complete


needs_venv = pytest.mark.skipif(
    sys.prefix == sys.base_prefix, reason="in the conda environment there is no other Python"
)


@needs_venv
def test_pre_render_switches_to_the_books_python(book):
    done = run("pre_render.py", book)
    assert done.returncode == 0, done.stderr
    assert (book / "prepared").read_text() == "once"
    assert (book / "_freeze/chapters/one/execute-results/html.json").is_file()


@needs_venv
def test_pre_render_names_the_remedy_where_nothing_is_installed(book):
    (book / ".venv").unlink()
    done = run("pre_render.py", book)
    assert done.returncode == 1 and "run `make data` once" in done.stderr
    assert not (book / "prepared").exists()


@needs_venv
def test_pre_render_stops_quarto_at_a_failing_cell(book):
    chapter = book / "chapters/one.qmd"
    text = chapter.read_text("utf-8").replace("import matplotlib.pyplot as plt", "1 / 0")
    chapter.write_text(text, encoding="utf-8")
    done = run("pre_render.py", book)
    assert done.returncode == 1
    assert "chapters/one.qmd:11: cell setup failed: ZeroDivisionError" in done.stderr


@needs_venv
def test_pre_render_writes_the_citation_style_in_the_books_language(book):
    assert run("pre_render.py", book).returncode == 0
    style = (book / ".cache/references.csl").read_text("utf-8")
    entry = "@article{one, title = {A title}, author = {Known, A.}, journal = {J}, year = 1925}"
    (book / "one.bib").write_text(entry, "utf-8")
    files = [f"--bibliography={book / 'one.bib'}", f"--csl={book / '.cache/references.csl'}"]
    plain = pypandoc.convert_text("@one", "plain", "markdown", extra_args=["--citeproc", *files])
    assert "‘A Title’." in plain and "en-GB" in style  # pandoc's own style: “A Title.”


@needs_venv
def test_post_render_adds_the_downloads_and_their_links(book, completed):
    (book / "kit").mkdir()
    header = completed().split("</header>")[0]
    assert '"output_type"' in (book / "_book/chapters/one.ipynb").read_text("utf-8")
    assert '<a href="one.ipynb" download>Notebook</a>' in header
    assert '<a href="../small-book-kit.zip" download>Kit</a>' in header
    assert (book / "_book/small-book-kit.zip").is_file()
    assert not (book / "_book/chapters/data.ipynb").exists()  # it has no cells


@needs_venv
@pytest.mark.parametrize("has_pdf", [True, False])
def test_post_render_links_the_pdf_only_where_quarto_has_written_one(
    book, site, completed, has_pdf
):
    configuration = (book / "_quarto.yml").read_text("utf-8")
    configuration = configuration.replace("book:\n", "book:\n  downloads: [pdf]\n", 1)
    (book / "_quarto.yml").write_text(configuration, encoding="utf-8")
    if has_pdf:
        (site / "Small-book.pdf").write_bytes(b"%PDF")
    assert (">PDF<" in completed()) == has_pdf


@needs_venv
def test_post_render_adds_the_scripts_of_live_figures(book, completed):
    chapter = book / "chapters/one.qmd"
    chapter.write_text(f"{chapter.read_text('utf-8')}{LIVE_FIGURE}", encoding="utf-8")
    (book / "figures/live").mkdir(parents=True)
    for name in ("live.js", "start.js", "start.css"):
        (book / "figures/live" / name).write_text(name, encoding="utf-8")
    html = completed()
    results = book / "_freeze/chapters/one"
    assert (results / "figure-html/draws-data.js").is_file()
    assert not (results / "figure-typst/draws-data.js").exists()
    assert (book / "_book/live/live.js").is_file()
    assert '<script src="../live/start.js" defer></script>' in html.split("</head>")[0]


def test_a_page_gets_its_links_and_scripts_once(site):
    html = (site / "chapters/one.html").read_text("utf-8")
    links = [Link("Notebook", "one.ipynb", download=True), Link("PDF", "../Small-book.pdf")]
    once = post_render.with_links(html, links)
    header = once.split("</header>")[0]
    assert '<a href="one.ipynb" download>Notebook</a>' in header
    assert '<a href="../Small-book.pdf">PDF</a>' in header
    assert post_render.with_links(once, links) == once
    script = '<script src="../live/start.js" defer></script>'
    once = post_render.with_head(html, script)
    assert script in once.split("</head>")[0]
    assert post_render.with_head(once, script) == once


def test_only_the_widgets_scripts_are_removed(site):
    page = site / "chapters/one.html"
    before = page.read_text("utf-8").splitlines()
    assert len([line for line in before if "cdn.example" in line]) == 2
    assert post_render.clean(site) == []
    after = page.read_text("utf-8").splitlines()
    removed = [line for line in before if line not in after]
    assert after == [line for line in before if line not in removed]
    assert len(removed) == 3
    assert all(name in "".join(removed) for name in ("require", "jquery", "define("))


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
def test_a_request_to_another_host_is_an_error(site, tag):
    page = site / "chapters/one.html"
    page.write_text(page.read_text("utf-8").replace("</head>", tag + "</head>"), encoding="utf-8")
    ((path, request),) = post_render.clean(site)
    assert path == Path("chapters/one.html") and ".example/" in request


def test_a_stylesheet_that_imports_fonts_from_another_host_is_an_error(site):
    (site / "theme.css").write_text('@import"https://fonts.example/css2?family=A";', "utf-8")
    assert [path for path, _ in post_render.clean(site)] == [Path("theme.css")]


@needs_venv
def test_post_render_fails_if_the_site_loads_from_another_host(book, site):
    (site / "theme.css").write_text('@import"https://fonts.example/css";', "utf-8")
    shutil.copytree(site, book / "_book")
    assert run("pre_render.py", book).returncode == 0
    done = run("post_render.py", book, QUARTO_PROJECT_OUTPUT_DIR=str(book / "_book"))
    assert done.returncode == 1
    assert "theme.css loads from another host: " in done.stderr and "fonts.example" in done.stderr


def test_a_plain_link_to_another_host_is_not_an_error(site):
    page = site / "chapters/one.html"
    link = '<a href="https://doi.example/10.1">DOI</a><link rel="canonical" href="https://book.example/">'
    page.write_text(page.read_text("utf-8").replace("</main>", link + "</main>"), encoding="utf-8")
    assert post_render.clean(site) == []


def test_the_dark_theme_is_for_screens_only():
    dark = (
        '<link href="dark.css" rel="stylesheet" class="quarto-color-scheme quarto-color-alternate">'
    )
    page = f'<link href="light.css" rel="stylesheet" class="quarto-color-scheme">{dark}'
    cleaned = post_render.cleaned_page(page)
    links = BeautifulSoup(cleaned, "html.parser").find_all("link")
    assert [link.get("media") for link in links] == [None, "screen"]
    assert post_render.cleaned_page(cleaned) == cleaned
