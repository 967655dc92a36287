"""The chapter's two networks and its word vectors, for the experiments and appendices.

The chapter defines and explains the same classes; a test compares them. As Word2Vec takes a minute
to train, the chapter saves its vectors in `.cache/`; `word2vec` loads them, or trains them if
necessary.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gensim
import numpy as np
import torch
from gensim.models import KeyedVectors, Word2Vec
from gensim.models.word2vec import MAX_WORDS_IN_BATCH
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

    Maps word indices, int64 (N, L), to logits, (N, num_classes). The frozen word vectors are a
    copy of `embedding_matrix`, float32 (V, D), whose last row is that of the padding.
    """

    def __init__(self, embedding_matrix, num_filters=100, filter_size=3, num_classes=2):
        super().__init__()
        vocab_size, embedding_dim = embedding_matrix.shape
        self.embedding = nn.Embedding.from_pretrained(
            embedding_matrix.clone(), freeze=True, padding_idx=vocab_size - 1
        )
        self.conv = nn.Conv1d(embedding_dim, num_filters, filter_size, padding=filter_size // 2)
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
        return self.classifier(feature_maps.amax(dim=2))


def word2vec(sentences: list[list[str]]) -> SimpleNamespace:
    """Return the skip-gram vectors of tokenised texts, trained now or loaded from the cache.

    The cache key covers the texts, the settings, gensim's version and the instruction sets in use;
    a change of any of these, or a damaged copy, trains new vectors.

    Parameters
    ----------
    sentences : list of list of str
        The tokens of each text, 10,000 at most.

    Returns
    -------
    types.SimpleNamespace
        Its `wv` is like that of a Word2Vec model: float32 (V, 100), with words and counts.

    Raises
    ------
    ValueError
        If gensim would wait for ever, or skip words without a warning.
    """
    _check(sentences)
    cached = _cache_path(sentences)
    cached.parent.mkdir(exist_ok=True)
    with cached.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two chapters, one trains and the other waits
        try:
            wv = _load(cached)
        except (OSError, EOFError, ValueError):  # absent or damaged
            shutil.rmtree(cached, ignore_errors=True)
            wv = Word2Vec(sentences=sentences, **WORD2VEC).wv
            keep_word2vec(sentences, wv)
    return SimpleNamespace(wv=wv)


def keep_word2vec(sentences: list[list[str]], wv: KeyedVectors) -> None:
    """Cache the vectors trained on these texts with the settings of `WORD2VEC`, atomically."""
    cached = _cache_path(sentences)
    cached.parent.mkdir(exist_ok=True)
    counts = {word: int(wv.get_vecattr(word, "count")) for word in wv.index_to_key}
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        complete = Path(folder, "complete")
        complete.mkdir()
        np.save(complete / "vectors.npy", wv.vectors)
        (complete / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
        try:
            complete.rename(cached)
        except OSError:  # another process was faster
            if not cached.exists():
                raise


def _load(cached: Path) -> KeyedVectors:
    counts = json.loads((cached / "counts.json").read_text(encoding="utf-8"))
    wv = KeyedVectors(WORD2VEC["vector_size"])
    wv.index_to_key = list(counts)
    wv.key_to_index = {word: i for i, word in enumerate(counts)}
    wv.vectors = np.load(cached / "vectors.npy", allow_pickle=False)
    if wv.vectors.shape != (len(counts), wv.vector_size):
        raise ValueError("the two files do not belong together")
    for word, count in counts.items():
        wv.set_vecattr(word, "count", count)
    return wv


def _check(sentences: list[list[str]]) -> None:
    """Raise unless the texts are plain lists of strings that gensim reads to the end."""
    advice = 'pass df["tokens"].to_list(), a list of tokens for each text.'
    if not isinstance(sentences, list):
        raise ValueError(f"The texts are a {type(sentences).__name__}, not a list: {advice}")
    for row, tokens in enumerate(sentences):
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError(f"Text {row} is not a list of strings: {advice}")
        if len(tokens) > MAX_WORDS_IN_BATCH:
            raise ValueError(
                f"Text {row} has {len(tokens):,} tokens, of which gensim would read the first "
                f"{MAX_WORDS_IN_BATCH:,}: split it into several texts."
            )


def _cache_path(sentences: list[list[str]]) -> Path:
    # other instructions train slightly different vectors; the variables that select them have no
    # effect on a library that is already loaded, so ask the libraries
    instructions = sorted({str(library.get("architecture")) for library in threadpool_info()})
    key = json.dumps(["npy", gensim.__version__, instructions, WORD2VEC, sentences])
    return Path(".cache", f"word2vec-{hashlib.sha256(key.encode()).hexdigest()[:16]}")
