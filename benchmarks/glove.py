"""`api.load` from the prepared folder against gensim reading GloVe's text format."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

import funs  # noqa: F401  it tells gensim where the folder is, so it comes first
from benchmarks.measure import Row, fastest, ratio

NAME = "glove-wiki-gigaword-100"


def rows() -> Iterator[Row]:
    """Read the same vectors from both, twice, and hold them to be equal."""
    import gensim.downloader as api
    from gensim.models import KeyedVectors

    vectors = api.load(NAME)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "glove.txt"
        vectors.save_word2vec_format(text, binary=False)
        read = partial(KeyedVectors.load_word2vec_format, text, binary=False)
        from_text = read()
        assert from_text.index_to_key == vectors.index_to_key
        assert np.array_equal(from_text.vectors, vectors.vectors)
        times = fastest(partial(api.load, NAME), read, rounds=2)
    yield ratio("`api.load` of GloVe / gensim reading its text format", *times, goal=0.07)
