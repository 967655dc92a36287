"""The cache as an author sees it: which edit executes which chapter, and what a kill leaves.

The chapters themselves record that they ran: nothing here relies on what the build says.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
BUILD = ("build", "--renderer", "builtin", "--jobs", "1")

CONFIGURATION = "chapters: [index.qmd, chapters/one.qmd]"

CELL = """```{python}
import pathlib
with pathlib.Path("ran.txt").open("a") as log: log.write("NAME ")
```
"""

# the first chapter uses the project's helpers and data, the second uses neither
ONE = (
    CELL.replace("NAME", "one")
    + """
A line of prose.

```{python}
from funs import *
open("data/digits.csv").read()
```
"""
)
TWO = (
    CELL.replace("NAME", "two")
    + """
A line of prose with `{python} 6 * 7` in it.
"""
)

# in this order: the file, the old and the new text, and the chapters that must execute
EDITS = {
    "nothing": ("funs.py", "SEED", "SEED", []),
    "prose line": ("chapters/one.qmd", "A line of prose", "Another line", []),
    "prose around inline code": ("chapters/two.qmd", "A line of prose", "Another line", []),
    "option": ("chapters/one.qmd", "```{python}\nfrom", "```{python}\n#| echo: false\nfrom", []),
    "cell": ("chapters/one.qmd", ".read()", ".readlines()", ["one"]),
    "cell taken back": ("chapters/one.qmd", ".readlines()", ".read()", []),
    "inline expression": ("chapters/two.qmd", "6 * 7", "6 * 8", ["two"]),
    "funs.py": ("funs.py", "SEED = 14", "SEED = 15", ["one"]),
    "comment in funs.py": ("funs.py", "SEED = 15", "SEED = 15  # a comment", []),
    "docstring in funs.py": ("funs.py", '"""Helpers', '"""All helpers', []),
    "module that no cell imports": ("other.py", "1", "2", []),
    "data checksum": ("data/.manifest.json", "aaaa", "bbbb", ["one", "two"]),
    "list of sources": ("data/.manifest.json", "cccc", "dddd", ["one", "two"]),
    "preparing program": ("data/.manifest.json", "eeee", "ffff", []),
    "requirements": ("requirements.txt", "2.1.0", "2.2.0", ["one", "two"]),
}


MANIFEST = {
    "outputs": {"digits.csv": "aaaa"},
    "recipe": {"sources.toml": "cccc", "prepare.py": "eeee"},
}


@pytest.fixture
def project(book):
    """A book of two chapters, the first with helpers and data."""
    book.edit("_quarto.yml", CONFIGURATION, CONFIGURATION.replace("]", ", chapters/two.qmd]"))
    book.chapter(ONE)
    book.write("chapters/two.qmd", f"---\nafter: chapters/one.qmd\n---\n\n# Two\n\n{TWO}")
    book.write("funs.py", '"""Helpers of the cells."""\n\nSEED = 14\n')
    book.write("other.py", "X = 1\n")
    book.write("data/digits.csv", "label\n7\n")
    book.write("data/.manifest.json", json.dumps(MANIFEST))
    return book


def ran(book) -> list[str]:
    """Return which chapters ran since the last call."""
    log = book.root / "ran.txt"
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def test_which_edit_executes_which_chapter(project):
    assert project.run(*BUILD) == 0
    assert ran(project) == ["one", "two"]
    for name, (file, old, new, chapters) in EDITS.items():
        project.edit(file, old, new)
        assert project.run(*BUILD) == 0
        assert ran(project) == chapters, name
    assert "Another line" in project.page()
    assert "Another line with 48 in it" in project.page("chapters/two.html")


def test_a_picture_of_another_size_is_measured_anew(book):
    for width in ("40", "50"):
        book.write(
            "disc.svg", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="9"/>'
        )
        book.chapter('![A disc.](../disc.svg){fig-alt="A disc."}')
        assert book.run(*BUILD) == 0
        assert f'width="{width}"' in book.page()


def site(book) -> dict[str, bytes]:
    folder = book.root / "_book"
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def kill_when(book, said: str) -> None:
    """Build in a process of its own and kill it (SIGKILL) as soon as it says `said`."""
    command = [sys.executable, "-m", "bookbuild", "--root", str(book.root), *BUILD]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=REPOSITORY, **pipe) as process:
        assert any(said in line for line in process.stdout), f"the build never said {said!r}"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("said", "finished"),
    [("one.qmd  cell 2", []), ("two.qmd  cell 1", ["one"]), ("pages:", ["one", "two"])],
    ids=["first chapter", "second chapter", "pages"],
)
def test_a_kill_leaves_cache_and_site_usable(project, said, finished):
    assert project.run(*BUILD) == 0
    before = site(project)
    project.edit("chapters/one.qmd", ".read()", ".readlines()")
    project.edit("chapters/two.qmd", "6 * 7", "6 * 8")
    kill_when(project, said)
    assert site(project) == before
    entries = list((project.root / ".cache" / "executed").glob("*/*"))
    assert len(entries) == 2 + len(finished)  # the first build's, and the finished ones
    assert all(set(json.loads(entry.read_text())) == {"outputs", "values"} for entry in entries)
    ran(project)
    assert project.run(*BUILD) == 0
    assert ran(project) == [name for name in ("one", "two") if name not in finished]
    assert "48 in it" in project.page("chapters/two.html")
