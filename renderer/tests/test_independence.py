"""The renderer does not know the book that it renders: no convention is built into it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import bookbuild
from tests.support.pages import dead_links

PACKAGE = Path(bookbuild.__file__).parent
# Conventions that one book or another may have, and that only its settings may name.
CONVENTIONS = re.compile(
    r"\bmake [a-z]+|\bdata/|\bprepare\.py|\.manifest\.json|\bkit/|\bexplorables/|\bfigures/"
    r"|\bLICENSE|\bnotebooks/|\bfuns\b|\bnets\b|\btools/|lab/tree"
)
FILES = sorted(
    path
    for path in PACKAGE.rglob("*")
    if path.suffix in (".py", ".lua", ".js", ".css", ".html", ".typ")
)


def texts(path: Path) -> list[str]:
    """Return a Python module's string literals except docstrings, or another file's whole text."""
    if path.suffix != ".py":
        return [path.read_text(encoding="utf-8")]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, documented)]
    docstrings = {ast.get_docstring(node, clean=False) for node in nodes}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [c.value for c in constants if isinstance(c.value, str) and c.value not in docstrings]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_convention_of_a_book_is_built_in(path):
    assert [match[0] for text in texts(path) for match in CONVENTIONS.finditer(text)] == []


def test_the_pattern_matches_conventions():
    examples = (
        "run `make data`",
        "data/prepare.py",
        "kit/README.md",
        "explorables/a.js",
        "LICENSE",
    )
    assert all(map(CONVENTIONS.search, examples))


@pytest.mark.thorough
def test_a_book_without_any_convention(book):
    """No pyproject.toml, requirements.txt or citation; the folders of other books mean nothing."""
    (book.root / "requirements.txt").unlink()
    for name in ("kit/README.md", "explorables/start.js", "live/start.js", "LICENSE"):
        book.write(name, "not for the renderer")
    book.write("data/.manifest.json", "damaged")
    book.write("data/x.csv", "a")
    book.chapter('```{python}\nprint(open("data/x.csv").read())\n```')
    book.add_pdf()
    assert book.run("check") == 0
    assert book.run("build", "--renderer", "builtin") == 0
    site = book.root / "_book"
    folders = {path.name for path in site.iterdir() if path.is_dir()}
    assert folders == {"assets", "chapters", "pagefind"}
    assert not [*site.glob("*.zip")]
    assert dead_links(site) == []
    for page in ("index.html", "chapters/one.html"):
        assert not re.search(r"\bkit\b|explorable|Binder|Colab", book.page(page), re.IGNORECASE)
    assert CONVENTIONS.search((site / "chapters/one.ipynb").read_text()).group() == "data/"
