"""Executes every page of the book and holds its quantities to tests/expected/.

The executions are those of `make book`, through its cache: one serves both. A chapter's last
cell prints its quantities (`q`) as JSON; each line of its expected file says what one must be.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

import pytest

import nets
from bookbuild import project
from tools.quantities import executed, expected, holds, printed

ROOT = Path(__file__).resolve().parent.parent
BOOK = project.load(ROOT)
CHAPTERS = {chapter.source.stem: chapter for chapter in BOOK.chapters}
EXPECTED = expected(ROOT)


@cache
def notebook(stem: str):
    return executed(BOOK, CHAPTERS[stem])


@cache
def quantities(stem: str) -> dict:
    return printed(notebook(stem))


def expectations() -> list:
    return [
        pytest.param(stem, line, id=f"{stem}-{line['name']}")
        for stem, lines in EXPECTED.items()
        for line in lines
    ]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_every_page_executes_without_an_error(stem):
    outputs = [o for cell in notebook(stem).cells for o in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    text = json.dumps(outputs)
    assert "our_dot_float" not in text, "gensim's harmless noise (design, slip 14) reached a reader"


@pytest.mark.parametrize(("stem", "line"), expectations())
def test_a_quantity_is_as_expected(stem, line):
    value = quantities(stem)[line["name"]]
    assert holds(line, value), f"{stem}: {line['name']} is {value}, expected {line}"


@pytest.mark.parametrize("stem", EXPECTED)
def test_every_quantity_has_a_line_and_every_line_a_reason(stem):
    assert sorted(line["name"] for line in EXPECTED[stem]) == sorted(quantities(stem))
    assert all(line["why"].strip() for line in EXPECTED[stem])


@pytest.mark.parametrize(("stem", "line"), expectations())
def test_each_check_would_notice_a_change(stem, line):
    """Turns each check's value: the check must go red."""
    if line["kind"] == "band":
        width = line["high"] - line["low"]
        assert not holds(line, line["high"] + 0.1 * width)
        assert not holds(line, line["low"] - 0.1 * width)
    elif isinstance(line["value"], bool):
        assert not holds(line, not line["value"])
    elif isinstance(line["value"], list):
        assert not holds(line, [*line["value"][::-1], "another"])
    elif isinstance(line["value"], str):
        assert not holds(line, line["value"] + "s")
    else:
        assert not holds(line, line["value"] + 1)


def test_the_floors_of_the_design_hold():
    q = quantities("cnns-word2vec")
    assert q["cnn_test"] >= 0.84
    assert q["text_test"] >= 0.79
    assert q["glove_test"] >= 0.79
    assert q["cnn_train"] >= 0.98
    assert q["text_train"] >= 0.99
    assert q["glove_train"] >= 0.99


def test_neighbours_are_those_of_the_reference():
    """GloVe's vectors are given, so its cosines hold to four digits (design, section 3)."""
    published = [0.8932, 0.8315, 0.8298, 0.8288, 0.8261, 0.8234, 0.8215, 0.8205, 0.8171]
    words = ["better", "sure", "really", "kind", "very", "we", "way", "think", "thing"]
    q = quantities("cnns-word2vec")
    assert q["glove_neighbours"][:9] == words
    assert q["glove_cosines"][:9] == pytest.approx(published, abs=1e-4)
    assert q["expected_neighbours"] >= 2


def test_appendices_use_the_networks_that_the_chapter_defines():
    """nets.py repeats two classes of the chapter; here they are held to be the same code."""
    code = {cell.id: cell.source for cell in notebook("cnns-word2vec").cells}
    in_module = {node.name: node for node in classes((ROOT / "nets.py").read_text("utf-8"))}
    for label, name in {"simple-cnn": "SimpleCNN", "text-cnn": "TextCNN"}.items():
        (in_chapter,) = classes(code[label])
        assert bare(in_chapter) == bare(in_module[name])


def test_appendices_use_the_word_vectors_that_the_chapter_trains():
    """nets.py repeats the settings of the chapter's Word2Vec; here they are held to be equal."""
    cells = {cell.id: cell.source for cell in notebook("cnns-word2vec").cells}
    calls = [n for n in ast.walk(ast.parse(cells["train-word2vec"])) if isinstance(n, ast.Call)]
    (call,) = [node for node in calls if getattr(node.func, "id", "") == "Word2Vec"]
    settings = {word.arg: word.value for word in call.keywords if word.arg != "sentences"}
    assert {name: ast.literal_eval(value) for name, value in settings.items()} == nets.WORD2VEC


def classes(code: str) -> list[ast.ClassDef]:
    return [node for node in ast.parse(code).body if isinstance(node, ast.ClassDef)]


def bare(node: ast.ClassDef) -> str:
    """Return the class as code without docstrings and type hints."""
    for function in ast.walk(node):
        if isinstance(function, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(function):
            function.body = function.body[1:]
        if isinstance(function, ast.FunctionDef):
            function.returns = None
        if isinstance(function, ast.arg):
            function.annotation = None
    return ast.unparse(node)
