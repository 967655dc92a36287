"""Test the book's practice notebook with right and wrong answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from renderer.tests.support.notebooks import answer
from renderer.tests.support.programs import missing

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "_book" / "chapters"

pytestmark = [pytest.mark.book, pytest.mark.slow]


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
    return {f"q.{name}": value for name, value in quantities.items()} | {"best_rate": 0.01}


@pytest.mark.parametrize("change", [None, wrong], ids=["right", "wrong"])
def test_all_checks_tell_right_from_wrong(answers, change):
    node = nbformat.read(CHAPTERS / "exercises-practice.ipynb", 4)
    typed = {name: change(value) if change else value for name, value in answers.items()}
    texts = answer(node, typed, ROOT)
    assert len(texts) == 16
    assert [text for text in texts if (text == "Right.") != (change is None)] == []
    assert all(text.startswith(("Right.", "Not yet: ")) for text in texts)
