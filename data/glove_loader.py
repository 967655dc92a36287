"""Load GloVe 6B, 100 dimensions, for gensim.downloader.

``api.load`` expects a model to be a package with a function ``load_data``: prepare.py copies this
file into the model's folder.
"""

from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors


def load_data() -> KeyedVectors:
    """Return the word vectors: float32, (341479, 100), in GloVe's own order."""
    folder = Path(__file__).parent
    words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
    vectors = KeyedVectors(vector_size=100)
    vectors.add_vectors(words, np.load(folder / "vectors.npy", allow_pickle=False))
    return vectors
