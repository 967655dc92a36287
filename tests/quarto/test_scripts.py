"""The scripts that Quarto runs before and after rendering."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import after
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = Path(__file__).resolve().parent / "pages"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site by Quarto that has executed a polars frame itself."""
    return Path(shutil.copytree(PAGES, tmp_path / "_book"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def book(tmp_path: Path, cache: Path) -> Path:
    """The small book with this project's scripts, packages and renderer."""
    root = Path(shutil.copytree(ROOT / "tests/quarto/small", tmp_path / "book"))
    for name in ("bookbuild", "assets", ".venv"):
        (root / name).symlink_to(ROOT / name)
    (root / ".cache").symlink_to(cache)
    shutil.copytree(ROOT / "quarto", root / "quarto")  # a script finds its project beside itself
    prepare = 'from pathlib import Path\nPath("prepared").write_text("once")\n'
    (root / "data").mkdir()
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
    assert not (book / "_book/chapters/data.ipynb").exists()  # it has no cells


def test_a_page_gets_its_links_once(site):
    html = (site / "chapters/one.html").read_text("utf-8")
    once = after.with_links(html, "one")
    assert once.count('href="one.ipynb"') == 1
    assert after.with_links(once, "one") == once


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
    page = site / "index.html"
    page.write_text(page.read_text("utf-8").replace("</head>", tag + "</head>"), encoding="utf-8")
    ((path, request),) = after.clean(site)
    assert path == Path("index.html") and ".example/" in request


def test_a_style_sheet_that_imports_another_hosts_fonts_is_an_error(site):
    (site / "theme.css").write_text('@import"https://fonts.example/css2?family=A";', "utf-8")
    assert [path for path, _ in after.clean(site)] == [Path("theme.css")]


def test_a_plain_link_to_another_host_is_none(site):
    page = site / "index.html"
    link = '<a href="https://doi.example/10.1">DOI</a><link rel="canonical" href="https://book.example/">'
    page.write_text(page.read_text("utf-8").replace("</main>", link + "</main>"), encoding="utf-8")
    assert after.clean(site) == []
