"""Practice notebooks: those for students, those for instructors, and their checks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from tests.support.books import SmallBook
from tests.support.notebooks import answer

pytestmark = pytest.mark.thorough

EXERCISES = """
```{python}
#| label: setup
from types import SimpleNamespace
```

```{python}
#| label: keep-setup
#| include: false
q = SimpleNamespace()
```

## Sum {#sec-sum}

What is the sum of forty and two, and what their product?

::: {.callout-tip collapse="true"}
## Solution

Put them side by side.

```{python}
#| label: add
total, product = 40 + 2, 40 * 2
print(total, product)
```

```{python}
#| label: keep-sum
#| include: false
q.total, q.product = total, product
```

The `{python} total` is known.
:::

```{python}
#| label: check-sum
#| include: false
#| check: q.total, q.product
assert q.total % 21 == 0, "look at the sum"
assert q.product > 79, (
    "look at the product"
)
```

## Why {#sec-why}

Why is it known?

::: {.callout-tip collapse="true"}
## Solution

Because of a book.
:::

## Root {#sec-root}

What is its square root, without help?

::: {.callout-tip collapse="true"}
## Solution

```{python}
#| label: root
q.root = q.total**0.5
```
:::

```{python}
#| label: check-root
#| include: false
#| check: q.root
assert 6 < q.root < 7, "between which squares is the number?"
```

This is the end of the chapter.

```{python}
#| label: quantities
#| include: false
print("quantities", vars(q))
```
"""


@pytest.fixture
def exercises(book):
    book.chapter(EXERCISES)
    return book


@pytest.fixture(scope="module")
def built_exercises(tmp_path_factory):
    book = SmallBook(tmp_path_factory.mktemp("exercises") / "book")
    book.chapter(EXERCISES)
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture
def built(built_exercises) -> Callable[[str], nbformat.NotebookNode]:
    chapters = built_exercises.root / "_book" / "chapters"

    def read(ending: str = "") -> nbformat.NotebookNode:
        node = nbformat.read(chapters / f"one{ending}.ipynb", 4)
        nbformat.validate(node)
        return node

    return read


def texts(node: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in node.cells]


# Contents


def test_students_get_tasks_empty_cells_and_checks(built):
    sources = texts(built("-practice"))
    code = [source for source in sources if source.startswith(("from", "q =", "# Check your"))]
    assert [source.split()[0] for source in code] == ["from", "q", "#", "#"]
    at = next(n for n, source in enumerate(sources) if "What is the sum" in source)
    assert sources[at].startswith("## 1.1 Sum")
    assert sources[at + 1] == "# Your code\nq.total = ...\nq.product = ..."
    assert "look at the sum" in sources[at + 2]


def test_students_get_no_solution(built):
    text = json.dumps(built("-practice"))
    for piece in ("side by side", "40 + 2", "= total, product", "is known", "Because", "42"):
        assert piece not in text.replace("Why is it known", ""), piece
    assert "quantities" not in text


@pytest.mark.parametrize("command", [("nbstripout", "--verify"), ("nb-clean", "check")])
def test_tools_that_clean_notebooks_would_change_nothing_in_it(built_exercises, command):
    chapters = built_exercises.root / "_book/chapters"
    program = [Path(sys.executable).with_name(command[0]), *command[1:]]
    assert subprocess.run([*program, chapters / "one-practice.ipynb"]).returncode == 0
    assert subprocess.run([*program, chapters / "one.ipynb"]).returncode == 1


@pytest.mark.parametrize("ending", ["", "-practice", "-solutions"])
def test_only_cells_that_have_run_are_counted(built, ending):
    cells = [cell for cell in built(ending).cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells if cell.execution_count]
    assert counts == sorted(set(counts)) and bool(counts) == (ending != "-practice")
    assert not [c for c in cells if c.execution_count and c.source.startswith("# ")], "our own"
    for cell in cells:
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        assert {o.execution_count for o in results} <= {cell.execution_count}


def test_an_exercise_without_a_check_is_for_discussion(built):
    sources = texts(built("-practice"))
    at = next(n for n, source in enumerate(sources) if "Why is it known" in source)
    assert "for discussion" in sources[at + 1]
    assert sources[at + 2] == "# Your code"


def test_instructors_get_the_solutions_with_their_outputs(built):
    node = built("-solutions")
    cell = next(cell for cell in node.cells if cell.id == "add")
    assert cell.outputs[0].text == "42 80\n"
    assert "Because of a book" in "".join(texts(node))
    assert "= ..." not in "".join(texts(node)) and "quantities" not in "".join(texts(node))


def test_the_chapters_own_notebook_and_page_have_no_checks(built, built_exercises):
    ids = [cell.id for cell in built().cells]
    assert "keep-sum" in ids and not [name for name in ids if name.startswith("check-")]
    assert "look at the sum" not in built_exercises.page()


def test_a_chapter_without_checks_has_no_practice(built_book):
    assert not [*built_book.root.glob("_book/**/*-practice.ipynb")]
    assert "Practice" not in built_book.page()


# Checks


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"q.total": 42, "q.product": 80, "q.root": 6.48}, ["Right.", "Right."]),
        (
            {"q.total": 41, "q.product": 80, "q.root": 42},
            ["Not yet: look at the sum", "Not yet: between which squares is the number?"],
        ),
        (
            {"q.total": 42, "q.product": "80"},
            [
                "Not yet: the check could not use this answer (TypeError:",
                "Not yet: put your answers",
            ],
        ),
    ],
    ids=["right", "wrong", "of the wrong type, and missing"],
)
def test_checks_tell_right_from_wrong(built, tmp_path, answers, expected):
    [texts] = answer(built("-practice"), tmp_path, answers)
    assert len(texts) == 2
    assert all(text.startswith(start) for text, start in zip(texts, expected, strict=True)), texts


def test_the_solutions_pass_their_own_checks(built, tmp_path):
    assert answer(built("-solutions"), tmp_path, {}) == [["Right.", "Right."]]


def test_a_solution_that_fails_its_check_stops_the_build(exercises, fails):
    exercises.edit("chapters/one.qmd", "40 + 2, 40", "40 + 3, 40")
    message = fails("build", "--renderer", "builtin")
    assert "cell check-sum failed" in message and "look at the sum" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "#| include: false\n#| check: q.root",
            "#| check: q.root",
            "`check` needs `include: false`",
        ),
        ("check: q.root", "check: q.root + 1", "`check` must list answers"),
    ],
)
def test_an_invalid_check(exercises, fails, old, new, message):
    exercises.edit("chapters/one.qmd", old, new)
    assert f"cell check-root: {message}" in fails("check")
