"""The chapter's two networks and its word vectors, for the experiments and appendices.

The chapter defines and explains the same classes; a test compares them. As Word2Vec takes a minute
to train, the chapter saves its vectors in `.cache/`; `word2vec` loads them, or trains them if
necessary.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gensim
import torch
from gensim.models import KeyedVectors, Word2Vec
from threadpoolctl import threadpool_info
from torch import nn

WORD2VEC: dict[str, Any] = {
    "vector_size": 100,
    "window": 2,
    "min_count": 5,
    "sg": 1,
    "epochs": 20,
    "seed": 14,
    "workers": 1,
}


class SimpleCNN(nn.Module):
    """Two blocks of convolution, ReLU and max pooling, followed by two dense layers.

    Maps pictures, float32 (N, 1, 28, 28), to logits, (N, num_classes).
    """

    def __init__(self, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 128),
            nn.ReLU(),
            nn.Linear(128, num_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        return self.net(x)


class TextCNN(nn.Module):
    """Word vectors, a convolution over neighbouring words, max pooling, and two dense layers.

    Maps word indices, int64 (N, L), to logits, (N, num_classes). The word vectors are a copy of
    `embedding_matrix`, float32 (V, D), and are frozen.
    """

    def __init__(self, embedding_matrix, num_filters=100, filter_size=3, num_classes=2):
        super().__init__()
        vocab_size, embedding_dim = embedding_matrix.shape
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.embedding.weight = nn.Parameter(embedding_matrix.clone())
        self.embedding.weight.requires_grad = False
        self.conv = nn.Conv1d(
            in_channels=embedding_dim,
            out_channels=num_filters,
            kernel_size=filter_size,
            padding=filter_size // 2,
        )
        self.relu = nn.ReLU()
        self.classifier = nn.Sequential(
            nn.Linear(num_filters, 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, num_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        embedded = self.embedding(x).permute(0, 2, 1)
        feature_maps = self.relu(self.conv(embedded))
        return self.classifier(feature_maps.max(dim=2).values)


def word2vec(sentences: list[list[str]]) -> SimpleNamespace:
    """Return the skip-gram vectors of tokenised texts, trained now or loaded from the cache.

    The cache key covers the texts, the settings, gensim's version and the instruction sets in use;
    a change of any of these trains new vectors.

    Parameters
    ----------
    sentences : list of list of str
        The tokens of each text.

    Returns
    -------
    types.SimpleNamespace
        Its `wv` is like that of a Word2Vec model: float32 (V, 100), with words and counts.
    """
    cached = _cache_path(sentences)
    cached.parent.mkdir(exist_ok=True)
    with cached.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two chapters, one trains and the other waits
        if not cached.exists():
            keep_word2vec(sentences, Word2Vec(sentences=sentences, **WORD2VEC).wv)
    vectors, counts = str(cached / "vectors"), str(cached / "counts")
    return SimpleNamespace(wv=KeyedVectors.load_word2vec_format(vectors, counts, binary=True))


def keep_word2vec(sentences: list[list[str]], wv: KeyedVectors) -> None:
    """Cache the vectors trained on these texts with the settings of `WORD2VEC`, atomically."""
    cached = _cache_path(sentences)
    cached.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        complete = Path(folder, "complete")
        complete.mkdir()
        wv.save_word2vec_format(str(complete / "vectors"), str(complete / "counts"), binary=True)
        try:
            complete.rename(cached)
        except OSError:  # another process was faster
            if not cached.exists():
                raise


def _cache_path(sentences: list[list[str]]) -> Path:
    # other instructions train slightly different vectors; the variables that select them have no
    # effect on a library that is already loaded, so ask the libraries
    instructions = sorted({str(library.get("architecture")) for library in threadpool_info()})
    key = json.dumps([gensim.__version__, instructions, WORD2VEC, sentences])
    return Path(".cache", f"word2vec-{hashlib.sha256(key.encode()).hexdigest()[:16]}")
