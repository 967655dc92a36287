"""Test nets.py: its cache of word vectors, and its agreement with the chapter's code."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from gensim.models import Word2Vec

import bookbuild
import nets

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [text.split() for text in ["the film was good", "the film was bad", "bad good"] * 10]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_training(folder, monkeypatch):
    nets.word2vec(TEXTS)
    monkeypatch.setattr(nets, "Word2Vec", lambda **_: pytest.fail("it trains"))


@pytest.mark.parametrize("origin", ["trained", "cached"])
def test_vectors_are_those_of_gensim(folder, origin):
    if origin == "cached":
        nets.word2vec(TEXTS)
    ours, fresh = nets.word2vec(TEXTS).wv, Word2Vec(TEXTS, **nets.WORD2VEC).wv
    assert ours.index_to_key == fresh.index_to_key
    assert ours.vectors.dtype == np.float32
    assert np.array_equal(ours.vectors, fresh.vectors)
    for word in fresh.index_to_key:
        assert ours.get_vecattr(word, "count") == fresh.get_vecattr(word, "count")


def test_second_call_does_not_train(no_training):
    assert nets.word2vec(TEXTS).wv.index_to_key


@pytest.mark.parametrize("change", ["texts", "settings", "version", "processor"])
def test_any_change_trains_new_vectors(no_training, monkeypatch, change):
    if change == "settings":
        monkeypatch.setitem(nets.WORD2VEC, "epochs", 3)
    if change == "version":
        monkeypatch.setattr(nets.gensim, "__version__", "0")
    if change == "processor":
        libraries = [library | {"architecture": "Nehalem"} for library in nets.threadpool_info()]
        monkeypatch.setattr(nets, "threadpool_info", lambda: libraries)
    with pytest.raises(pytest.fail.Exception, match="it trains"):
        nets.word2vec([*TEXTS, ["film"]] if change == "texts" else TEXTS)


def test_a_variable_without_effect_trains_nothing(no_training, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")  # too late: OpenBLAS is loaded
    assert nets.word2vec(TEXTS).wv.index_to_key


def test_interrupted_saving_leaves_no_cache_entry(folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nets.KeyedVectors, "save_word2vec_format", interrupted)
    with pytest.raises(KeyboardInterrupt):
        nets.word2vec(TEXTS)
    assert [path for path in (folder / ".cache").iterdir() if path.suffix != ".lock"] == []


# nets.py repeats code of the chapter


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """Return the code of the chapter's cells by their labels."""
    sources = {s.path.stem: s for s in bookbuild.read(bookbuild.load(ROOT)).values()}
    return {cell.options.label: cell.code for cell in sources["cnns-word2vec"].cells}


@pytest.mark.parametrize(("label", "name"), [("simple-cnn", "SimpleCNN"), ("text-cnn", "TextCNN")])
def test_the_networks_are_those_of_the_chapter(cells, label, name):
    in_module = {node.name: node for node in classes((ROOT / "nets.py").read_text("utf-8"))}
    (in_chapter,) = classes(cells[label])
    assert bare(in_chapter) == bare(in_module[name])


def test_word2vec_has_the_settings_of_the_chapter(cells):
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
