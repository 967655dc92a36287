"""Compare nets.py and evaluation.py with the cells of the chapters that explain the same code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import bookbuild
import nets

ROOT = Path(__file__).resolve().parent.parent
Definition = ast.ClassDef | ast.FunctionDef


@pytest.fixture(scope="module")
def cells() -> dict[tuple[str, str], str]:
    """Return the code of all cells by chapter and label."""
    sources = bookbuild.read(bookbuild.load(ROOT)).values()
    return {(s.path.stem, cell.options.label): cell.code for s in sources for cell in s.cells}


@pytest.mark.parametrize(
    ("chapter", "label", "module", "name"),
    [
        ("cnns-word2vec", "simple-cnn", "nets.py", "SimpleCNN"),
        ("cnns-word2vec", "text-cnn", "nets.py", "TextCNN"),
        ("how-sure", "wilson", "evaluation.py", "wilson"),
        ("how-sure", "compare", "evaluation.py", "mcnemar_p"),
    ],
)
def test_the_module_has_the_code_of_the_chapter(cells, chapter, label, module, name):
    in_module = definitions((ROOT / module).read_text("utf-8"))
    assert bare(definitions(cells[chapter, label])[name]) == bare(in_module[name])


def test_word2vec_has_the_settings_of_the_chapter(cells):
    tree = ast.parse(cells["cnns-word2vec", "train-word2vec"])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (call,) = [node for node in calls if getattr(node.func, "id", "") == "Word2Vec"]
    settings = {word.arg: word.value for word in call.keywords if word.arg != "sentences"}
    assert {name: ast.literal_eval(value) for name, value in settings.items()} == nets.WORD2VEC


def definitions(code: str) -> dict[str, Definition]:
    return {node.name: node for node in ast.parse(code).body if isinstance(node, Definition)}


def bare(definition: Definition) -> str:
    """Return a class or function as code without docstrings and type hints."""
    for node in ast.walk(definition):
        if isinstance(node, Definition) and ast.get_docstring(node):
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(definition)
