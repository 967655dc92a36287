"""`api.load` from the prepared folder against gensim's reading of GloVe's text format."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import funs  # noqa: F401  first, because it tells gensim where the folder is
from benchmarks.measure import Row, fastest, ratio

NAME = "glove-wiki-gigaword-100"


def rows() -> Iterator[Row]:
    """Read the vectors once from each, and check that they are equal."""
    import gensim.downloader as api
    from gensim.models import KeyedVectors

    found = {}

    def prepared():
        found["prepared"] = api.load(NAME)

    def text():
        found["text"] = KeyedVectors.load_word2vec_format(path, binary=False)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glove.txt"
        api.load(NAME).save_word2vec_format(path, binary=False)
        times = fastest(prepared, text, rounds=1)
    assert found["text"].index_to_key == found["prepared"].index_to_key
    assert np.array_equal(found["text"].vectors, found["prepared"].vectors)
    yield ratio("`api.load` of GloVe / gensim reading its text format", *times, goal=0.07)
