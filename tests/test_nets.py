"""The word vectors that the appendices share: the same as freshly trained ones, kept once."""

from __future__ import annotations

import numpy as np
import pytest
from gensim.models import Word2Vec

import nets

TEXTS = [text.split() for text in ["the film was good", "the film was bad", "bad good"] * 10]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_training(folder, monkeypatch):
    nets.word2vec(TEXTS)
    monkeypatch.setattr(nets, "Word2Vec", lambda **_: pytest.fail("it trains"))


@pytest.mark.parametrize("when", ["trained", "kept"])
def test_vectors_are_those_of_gensim(folder, when):
    if when == "kept":
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
def test_anything_else_is_trained(no_training, monkeypatch, change):
    if change == "settings":
        monkeypatch.setitem(nets.WORD2VEC, "epochs", 3)
    if change == "version":
        monkeypatch.setattr(nets.gensim, "__version__", "0")
    if change == "processor":
        monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    with pytest.raises(pytest.fail.Exception, match="it trains"):
        nets.word2vec([*TEXTS, ["film"]] if change == "texts" else TEXTS)


def test_interrupted_saving_keeps_nothing(folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nets.KeyedVectors, "save_word2vec_format", interrupted)
    with pytest.raises(KeyboardInterrupt):
        nets.word2vec(TEXTS)
    assert list((folder / ".cache").iterdir()) == []
