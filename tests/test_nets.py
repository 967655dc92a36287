"""Test the cache of word vectors in nets.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from gensim.models import Word2Vec

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

    monkeypatch.setattr(nets.np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        nets.word2vec(TEXTS)
    assert [path for path in (folder / ".cache").iterdir() if path.suffix != ".lock"] == []


ODD = ["", " ", "a b", "a\u00a0b", "tab\t", "line\nbreak", "\u2028", "\x85", "'", '"', "\\", "\0"]
ODD += ["é", "e\u0301"]


def test_any_token_can_be_cached(folder):
    """Splitting at `" "` may leave tokens that are empty or contain any other white space."""
    texts = [[*ODD, "film"] for _ in range(10)]
    for _ in range(2):
        wv = nets.word2vec(texts).wv
        fresh = Word2Vec(texts, **nets.WORD2VEC).wv
        assert wv.index_to_key == fresh.index_to_key and set(ODD) < set(wv.index_to_key)
        assert np.array_equal(wv.vectors, fresh.vectors)
        counts = [[v.get_vecattr(word, "count") for word in v.index_to_key] for v in (wv, fresh)]
        assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["vectors.npy", "counts.json"])
@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "other"])
def test_a_damaged_copy_is_replaced(folder, monkeypatch, name, damage):
    fresh = nets.word2vec(TEXTS).wv
    (path,) = (folder / ".cache").glob(f"word2vec-*/{name}")
    content = path.read_bytes()
    path.unlink()
    if damage != "absent":
        other = b'{"film": 1}' if name == "counts.json" else content[:-400]
        path.write_bytes(
            {"empty": b"", "cut": content[: len(content) // 2], "other": other}[damage]
        )
    assert np.array_equal(nets.word2vec(TEXTS).wv.vectors, fresh.vectors)
    assert path.read_bytes() == content
    monkeypatch.setattr(nets, "Word2Vec", lambda **_: pytest.fail("it trains"))
    assert nets.word2vec(TEXTS).wv.index_to_key == fresh.index_to_key


UNREADABLE = {
    "a column": (pl.Series(TEXTS), ["a Series, not a list", ".to_list()"]),
    "an array": (np.array(TEXTS, dtype=object), ["a ndarray, not a list", ".to_list()"]),
    "columns of tokens": (list(pl.Series(TEXTS)), ["Text 0", "list of strings", ".to_list()"]),
    "texts": (["the film was good"] * 9, ["Text 0", "list of strings"]),
    "one text": (["the", "film"] * 9, ["Text 0", "list of strings"]),
    "numbers": ([*TEXTS, [1, 2]], ["Text 30", "list of strings"]),
    "a missing token": ([*TEXTS, ["a", None]], ["Text 30", "list of strings"]),
    "a long text": ([*TEXTS, ["film"] * 10_001], ["Text 30", "10,001", "10,000", "split it"]),
}


@pytest.mark.parametrize(("texts", "expected"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_texts_that_gensim_would_not_read_are_refused(folder, monkeypatch, texts, expected):
    monkeypatch.setattr(nets, "Word2Vec", lambda **_: pytest.fail("it trains"))
    with pytest.raises(ValueError) as caught:
        nets.word2vec(texts)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_a_text_of_ten_thousand_words_is_read(folder):
    assert nets.word2vec([["film"] * 9_999 + ["end"]] * 5).wv.get_vecattr("end", "count") == 5
