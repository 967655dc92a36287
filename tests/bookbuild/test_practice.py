"""Practice notebooks: what a student gets, what an instructor gets, and what the checks say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tests.kit.books import SmallBook
from tests.kit.programs import missing

ROOT = Path(__file__).parents[2]

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

Here ends the chapter.

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


def run(node: nbformat.NotebookNode, answers: dict[str, Any] | None, folder: Path) -> list[str]:
    """Type answers in place of the dots, run all; return what each check says."""
    for cell in node.cells:
        for name, answer in (answers or {}).items():
            cell.source = cell.source.replace(f"{name} = ...", f"{name} = {answer!r}")
    nbclient.NotebookClient(
        node, timeout=600, resources={"metadata": {"path": str(folder)}}
    ).execute()
    checks = [cell for cell in node.cells if cell.id.startswith("check-")]
    return ["".join(output.text for output in cell.outputs).strip() for cell in checks]


# What is in them


def test_a_student_gets_tasks_empty_cells_and_checks(built):
    ids = [cell.id for cell in built("-practice").cells if cell.cell_type == "code"]
    assert ids[:2] == ["setup", "keep-setup"]
    assert [name for name in ids if name.startswith("check-")] == ["check-sum", "check-root"]
    sources = texts(built("-practice"))
    at = next(n for n, source in enumerate(sources) if "What is the sum" in source)
    assert sources[at].startswith("## 1.1 Sum")
    assert sources[at + 1] == "# Your code\nq.total = ...\nq.product = ..."
    assert "look at the sum" in sources[at + 2]


def test_a_student_gets_no_solution(built):
    text = json.dumps(built("-practice"))
    for piece in ("side by side", "40 + 2", "= total, product", "is known", "Because", "42"):
        assert piece not in text.replace("Why is it known", ""), piece
    assert "quantities" not in text


def test_where_there_is_no_check_the_student_is_told(built):
    sources = texts(built("-practice"))
    at = next(n for n, source in enumerate(sources) if "Why is it known" in source)
    assert "for discussion" in sources[at + 1]
    assert sources[at + 2] == "# Your code"


def test_the_other_has_the_solutions_with_their_outputs(built):
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


# What the checks say


@pytest.mark.parametrize(
    ("answers", "said"),
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
    ids=["right", "wrong", "of another kind, and none"],
)
def test_checks_tell_right_from_wrong(built, tmp_path, answers, said):
    found = run(built("-practice"), answers, tmp_path)
    assert len(found) == 2
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True)), found


def test_the_solutions_pass_their_own_checks(built, tmp_path):
    assert run(built("-solutions"), None, tmp_path) == ["Right.", "Right."]


def test_a_solution_that_its_check_refuses_stops_the_build(exercises, fails):
    exercises.edit("chapters/one.qmd", "40 + 2, 40", "40 + 3, 40")
    said = fails("build", "--renderer", "builtin")
    assert "cell check-sum failed" in said and "look at the sum" in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "#| include: false\n#| check: q.root",
            "#| check: q.root",
            "a check needs `include: false`",
        ),
        ("check: q.root", "check: q.root + 1", "check names answers"),
    ],
)
def test_what_a_check_needs(exercises, fails, old, new, message):
    exercises.edit("chapters/one.qmd", old, new)
    assert f"cell check-root: {message}" in fails("check")


# The real exercises


def wrong(answer: Any) -> Any:
    """Return an answer of the same kind that is far off."""
    if isinstance(answer, bool):
        return not answer
    if isinstance(answer, list):
        return [wrong(item) for item in answer]
    return answer + "x" if isinstance(answer, str) else 2 * answer + 7


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the book's own solutions give, by the names that the checks ask for."""
    path = ROOT / "_book" / "chapters" / "exercises.ipynb"
    if not path.exists():
        missing("the real book is not built: run make book")
    cells = {cell.id: cell for cell in nbformat.read(path, 4).cells}
    quantities = json.loads(cells["quantities"].outputs[0].text)
    return {f"q.{name}": value for name, value in quantities.items()} | {"best_rate": 0.01}


@pytest.mark.book
@pytest.mark.slow
@pytest.mark.parametrize("change", [None, wrong], ids=["right", "wrong"])
def test_all_checks_of_the_book_tell_right_from_wrong(answers, change):
    node = nbformat.read(ROOT / "_book" / "chapters" / "exercises-practice.ipynb", 4)
    typed = {name: change(answer) if change else answer for name, answer in answers.items()}
    said = run(node, typed, ROOT)
    assert len(said) == 16
    assert [text for text in said if (text == "Right.") != (change is None)] == []
    assert all(text.startswith(("Right.", "Not yet: ")) for text in said)
