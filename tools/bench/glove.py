"""Compare `api.load` from the prepared folder with gensim reading GloVe's text format."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import funs  # noqa: F401  imported first: it tells gensim where the folder is
from tools.bench.measure import Row, fastest, ratio

NAME = "glove-wiki-gigaword-100"


def rows() -> Iterator[Row]:
    """Load the vectors once from each, and check that they are equal."""
    import gensim.downloader as api
    from gensim.models import KeyedVectors

    loaded = {}

    def prepared():
        loaded["prepared"] = api.load(NAME)

    def text():
        loaded["text"] = KeyedVectors.load_word2vec_format(path, binary=False)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glove.txt"
        api.load(NAME).save_word2vec_format(path, binary=False)
        times = fastest(prepared, text, rounds=1)
    assert loaded["text"].index_to_key == loaded["prepared"].index_to_key
    assert np.array_equal(loaded["text"].vectors, loaded["prepared"].vectors)
    yield ratio("`api.load` of GloVe / gensim reading its text format", *times, goal=0.07)
