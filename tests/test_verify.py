"""Test `make verify` on a small book: it passes, and fails for each intended reason."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from renderer.tests.support.books import SmallBook
from tools import verify
from tools.quantities import compare
from tools.scratch import copy_book

pytestmark = pytest.mark.slow

QUANTITIES = """
```{python}
#| label: quantities
#| include: false
import json
print(json.dumps({"answer": 42, "score": 0.5}))
```
"""

LINES = """
[[quantity]]
name = "answer"
kind = "exact"
value = 42
why = "six times seven"

[[quantity]]
name = "score"
kind = "band"
low = 0.4
high = 0.6
why = "measured"
"""


@pytest.fixture
def book(tmp_path: Path) -> SmallBook:
    return SmallBook(tmp_path / "book")


def track(book: SmallBook) -> None:
    """Let git track the files of the small book, as in a clone."""
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=book.root, check=True)


def run(book: SmallBook, code: str) -> int:
    book.chapter(f"```{{python}}\n{code}\n```\n{QUANTITIES}")
    book.write("tests/expected/one.toml", LINES)
    track(book)
    return verify.verify(book.root)


PICTURE = "#| label: fig-x\n#| fig-cap: A.\n#| fig-alt: Grey squares.\n"
PICTURE += "import os\nimport matplotlib.pyplot as plt\n"


def test_an_expected_book_passes(book, capsys):
    assert run(book, f"{PICTURE}print(sorted({{'a', 'b'}}))\nplt.imshow([[1, 2]]);") == 0
    output = capsys.readouterr().out
    assert "PYTHONHASHSEED=0" in output
    assert "PYTHONHASHSEED=4211" in output
    rows = [line.split() for line in output.splitlines() if line.startswith("one ")]
    assert rows == [
        ["one", "answer", "42", "42", "ok"],
        ["one", "score", "0.4", "to", "0.6", "0.5", "ok"],
    ]


@pytest.mark.parametrize(
    "code",
    ["import time\nprint(time.time_ns())", "print({str(n) for n in range(30)})"],
    ids=["clock", "hash order"],
)
def test_differences_between_builds_are_reported(book, capsys, code):
    assert run(book, code) == 1
    output = capsys.readouterr().out
    assert "not the same in both builds: _book/chapters/one.ipynb: line " in output
    assert "not the same in both builds: _book/chapters/one.html: line " in output
    assert "not the same in both builds: .cache/executed/chapters-one/" in output


def test_a_random_picture_is_reported(book, capsys):
    assert run(book, f"{PICTURE}plt.imshow([list(os.urandom(9))]);") == 1
    assert ".png: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        ("42", "43", ["answer", "43", "42", "differs"]),
        ("0.4", "0.55", ["score", "0.55", "to", "0.6", "0.5", "differs"]),
        ('"score"', '"other"', ["other", "0.55", "to", "0.6", "-", "no", "value"]),
        ('"score"', '"other"', ["score", "-", "0.5", "no", "line"]),
    ],
)
def test_unexpected_quantities_are_listed(old, new, row):
    text = LINES.replace(old, new).replace("0.4", "0.55")
    lines = tomllib.loads(text)["quantity"]
    rows = verify.table(list(compare("one", lines, {"answer": 42, "score": 0.5})))
    assert ["one", *row] in [line.split() for line in rows]


def test_a_failing_build_is_reported(book, capfd):
    assert run(book, "1 / 0") == 1
    assert "build 1 failed" in capfd.readouterr().out


def test_the_copy_has_the_tracked_files_and_the_data(book, tmp_path):
    track(book)
    book.write("untracked.py", "X = 1\n")
    book.write("data/made.csv", "a\n1\n")
    copy_book(book.root, tmp_path / "copy")
    assert not (tmp_path / "copy/untracked.py").exists()
    assert (tmp_path / "copy/helper.py").read_text() == "VALUE = 1\n"
    assert (tmp_path / "copy/data/made.csv").resolve() == book.root / "data/made.csv"
