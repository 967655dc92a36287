"""Compare `DSTorch.load_text` with a Python loop over the rows, on the chapter's reviews."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import torch
from gensim.models import Word2Vec
from polars import col as c

from funs import DSTorch
from tools.bench.measure import Row, fastest, ratio

LENGTH = 200


def rows() -> Iterator[Row]:
    """Load the reviews both ways, alternating, and check that the results are equal."""
    df, model = reviews()

    def ours():
        return DSTorch.load_text(df, model, c.tokens, c.label, LENGTH, len(model.wv))

    def theirs():
        return by_rows(df, model.wv.key_to_index)

    for one, other in zip(ours(), theirs(), strict=True):
        same = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
        assert same, "the loop over the rows has another result"
    yield ratio("`load_text` / a loop over the rows", *fastest(ours, theirs, rounds=7), goal=0.33)


def reviews() -> tuple[pl.DataFrame, Word2Vec]:
    """Return the reviews with their tokens, and a model with the chapter's vocabulary."""
    tokens = c.text.str.to_lowercase().str.extract_all(r"[a-z]+")
    df = pl.read_parquet("data/imdb5k_pca.parquet").with_columns(tokens=tokens)
    model = Word2Vec(vector_size=100, min_count=5, workers=1)
    model.build_vocab(df["tokens"].to_list())
    return df, model


def by_rows(df: pl.DataFrame, index_of: dict[str, int]) -> tuple:
    """Return the result of `load_text`, from the obvious loop."""
    indices, labels = [], []
    train: list[int] = []
    test: list[int] = []
    cn = sorted(set(df["label"]))
    for number, row in enumerate(df.iter_rows(named=True)):
        known = [index_of[token] for token in row["tokens"] if token in index_of][:LENGTH]
        indices.append(known + [len(index_of)] * (LENGTH - len(known)))
        labels.append(cn.index(row["label"]))
        (train if row["index"] == "train" else test).append(number)
    X, y = torch.tensor(indices), torch.tensor(labels)
    return X, X[train], X[test], y, y[train], y[test], cn
