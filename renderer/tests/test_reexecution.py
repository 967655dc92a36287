"""Which edit executes which chapter again, and what a killed build leaves behind.

The chapters themselves record that they ran: these tests do not rely on the build's messages.
"""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from tests.support.processes import command

pytestmark = pytest.mark.slow

BUILD = ("build", "--renderer", "builtin", "--jobs", "1")

CELL = """```{python}
import pathlib
with pathlib.Path("ran" + ".txt").open("a") as log: log.write("NAME ")
```
"""

# the first chapter uses the project's helpers and data, the second uses neither
ONE = (
    CELL.replace("NAME", "one")
    + """
A line of prose.

```{python}
from tools import *
open("measurements/digits.csv").read()
```
"""
)
TWO = (
    CELL.replace("NAME", "two")
    + """
A line of prose with `{python} 6 * 7` in it.
"""
)

MANIFEST = "measurements/state.json"

# in this order: the file, the old and the new text, and the chapters that must execute
EDITS = {
    "nothing": ("tools.py", "SEED", "SEED", []),
    "prose line": ("chapters/one.qmd", "A line of prose", "Another line", []),
    "prose around inline code": ("chapters/two.qmd", "A line of prose", "Another line", []),
    "option": ("chapters/one.qmd", "```{python}\nfrom", "```{python}\n#| echo: false\nfrom", []),
    "cell": ("chapters/one.qmd", ".read()", ".readlines()", ["one"]),
    "cell restored": ("chapters/one.qmd", ".readlines()", ".read()", []),
    "inline expression": ("chapters/two.qmd", "6 * 7", "6 * 8", ["two"]),
    "module": ("tools.py", "SEED = 14", "SEED = 15", ["one"]),
    "comment in a module": ("tools.py", "SEED = 15", "SEED = 15  # a comment", []),
    "docstring of a module": ("tools.py", '"""Helpers', '"""All helpers', []),
    "module that no cell imports": ("other.py", "1", "2", []),
    "data checksum": (MANIFEST, "aaaa", "bbbb", ["one", "two"]),
    "list of sources": (MANIFEST, "cccc", "dddd", ["one", "two"]),
    "program that prepares the data": (MANIFEST, "eeee", "ffff", []),
    "requirements, but not what is installed": ("requirements.txt", "2.1.0", "2.2.0", []),
}


CHECKSUMS = {
    "outputs": {"digits.csv": "aaaa"},
    "recipe": {"sources.toml": "cccc", "collect.py": "eeee"},
}


@pytest.fixture
def project(book):
    """Return a book of two chapters; the first uses helpers and data."""
    book.configure()
    book.add_chapter("two", f"---\nafter: chapters/one.qmd\n---\n\n# Two\n\n{TWO}")
    book.chapter(ONE)
    book.write("tools.py", '"""Helpers of the cells."""\n\nSEED = 14\n')
    book.write("other.py", "X = 1\n")
    book.write("measurements/digits.csv", "label\n7\n")
    book.write(MANIFEST, json.dumps(CHECKSUMS))
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


def test_a_picture_of_another_size_is_measured_again(book):
    for width in ("40", "50"):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="9"/>'
        book.write("disc.svg", svg)
        book.chapter('![A disc.](../disc.svg){fig-alt="A disc."}')
        assert book.run(*BUILD) == 0
        assert f'width="{width}"' in book.page()


def kill_at(book, text: str) -> None:
    """Build in a subprocess and kill it (SIGKILL) as soon as it prints `text`."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command(book.root, *BUILD), **pipe) as process:
        assert any(text in line for line in process.stdout), f"the build never printed {text!r}"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("text", "finished"),
    [("one.qmd  cell 2", []), ("two.qmd  cell 1", ["one"]), ("pages:", ["one", "two"])],
    ids=["first chapter", "second chapter", "pages"],
)
def test_a_killed_build_leaves_cache_and_site_usable(project, text, finished):
    assert project.run(*BUILD) == 0
    before = project.site()
    project.edit("chapters/one.qmd", ".read()", ".readlines()")
    project.edit("chapters/two.qmd", "6 * 7", "6 * 8")
    kill_at(project, text)
    assert project.site() == before
    entries = list((project.root / ".cache" / "executed").glob("*/*"))
    assert len(entries) == 2 + len(finished)  # the first build's, and the finished ones
    assert all(set(json.loads(entry.read_text())) == {"outputs", "values"} for entry in entries)
    ran(project)
    assert project.run(*BUILD) == 0
    assert ran(project) == [name for name in ("one", "two") if name not in finished]
    assert "48 in it" in project.page("chapters/two.html")


def test_a_result_used_again_and_again_outlives_experiments(book):
    """An author who returns to the same text after each of many attempts computes it once."""
    steady = CELL.replace("NAME", "steady")
    for number in range(6):
        book.chapter(steady)
        assert book.run("execute") == 0
        book.chapter(f"```{{python}}\nprint({number})\n```")
        assert book.run("execute") == 0
    assert ran(book) == ["steady"]
