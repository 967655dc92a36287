"""Test the book's practice notebook with right and wrong answers."""

from __future__ import annotations

import ast
import builtins
import dis
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import plotnine
import pytest

import funs
from renderer.tests.support.notebooks import answer
from renderer.tests.support.programs import missing

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "_book" / "chapters"

SOURCE = (ROOT / "chapters" / "exercises.qmd").read_text(encoding="utf-8")
CELL = re.compile(r"^```\{python\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETUP, *EXERCISES = re.split(r"^(?=## .*\{#sec-)", SOURCE, flags=re.MULTILINE)
STAR_IMPORTS = {*dir(funs), *dir(plotnine), *dir(builtins)}


def names(text: str) -> tuple[set[str], set[str]]:
    """Return the names that the cells of a text define, in any scope, and those that they use."""
    code = "\n".join(cell for cell in CELL.findall(text) if "#| check:" not in cell)
    defined, used = set(), set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name):
                defined.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.alias(name=name, asname=other):
                defined.add(other or name)
    return defined, used


@pytest.mark.parametrize("text", EXERCISES, ids=lambda text: text.partition("{#")[2].split("}")[0])
def test_an_exercise_runs_from_the_setup_alone(text):
    defined, used = names(text)
    assert used <= defined | names(SETUP)[0] | STAR_IMPORTS


@pytest.mark.parametrize("text", EXERCISES, ids=lambda text: text.partition("{#")[2].split("}")[0])
def test_an_exercise_overwrites_nothing_of_the_setup(text):
    assert not outermost(text) & outermost(SETUP) - {"_"}


def outermost(text: str) -> set[str]:
    """Return the names that the cells of a text assign outside functions and comprehensions."""
    code = compile("\n".join(CELL.findall(text)), "", "exec")
    return {
        line.argval for line in dis.get_instructions(code) if line.opname.startswith("STORE_NAME")
    }


def test_names_are_told_apart():
    cell = "```{python}\ndef f(a):\n    b = a + tried\nfor i in f(1):\n    print(i)\n```\n"
    defined, used = names(cell)
    assert used - defined == {"tried", "print"}
    assert outermost(cell) == {"f", "i"}


def wrong(value: Any) -> Any:
    """Return an answer of the same type that is far off."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [wrong(item) for item in value]
    return value + "x" if isinstance(value, str) else 2 * value + 7


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """Return the answers of the book's own solutions, by the names in the checks."""
    path = CHAPTERS / "exercises.ipynb"
    if not path.exists():
        missing("the real book is not built: run make book")
    cells = {cell.id: cell for cell in nbformat.read(path, 4).cells}
    quantities = json.loads(cells["quantities"].outputs[0].text)
    return {f"q.{name}": value for name, value in quantities.items()}


@pytest.mark.book
@pytest.mark.slow
def test_all_checks_tell_right_from_wrong(answers):
    node = nbformat.read(CHAPTERS / "exercises-practice.ipynb", 4)
    all_wrong = {name: wrong(value) for name, value in answers.items()}
    of_right, of_wrong = answer(node, ROOT, answers, all_wrong)
    assert of_right == ["Right."] * 28
    assert len(of_wrong) == 28
    assert [text for text in of_wrong if not text.startswith("Not yet: ")] == []
