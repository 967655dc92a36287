"""Measure how time and memory grow with the number of cases in loading, training and scoring.

Each size is measured in its own process (`python -m tools.bench.growth digits 1000`).
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout

from tools.bench.measure import Row, fastest, process, seconds
from tools.scratch import REPOSITORY

SIZES = {"digits": (1000, 5000), "reviews": (1250, 5000)}


def rows() -> Iterator[Row]:
    """Compare time per case and memory between many cases and few."""
    for kind, sizes in SIZES.items():
        command = [sys.executable, "-m", "tools.bench.growth", kind]
        few, many = (process([*command, str(size)], REPOSITORY) for size in sizes)
        small, large = json.loads(few.output), json.loads(many.output)
        between = f"{sizes[1]:,} / {sizes[0]:,}"
        for step, time in large.items():
            note = f"{seconds(time)} against {seconds(small[step])} per case"
            yield Row(f"{kind}, {step}, time per case: {between}", time / small[step], "×", note)
        note = f"{many.megabytes:.0f} MB against {few.megabytes:.0f} MB"
        growth = many.megabytes / few.megabytes
        yield Row(f"{kind}, peak memory: {between}", growth, "×", note)


def measured(kind: str, size: int) -> dict[str, float]:
    """Return the seconds per case of loading, of one epoch of training, and of scoring."""
    import torch

    from funs import DSTorch, set_seed

    set_seed()
    load, model = digits(size) if kind == "digits" else reviews(size)
    X, X_train, _, y, y_train, _, _ = load()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.001)

    def train():
        with redirect_stdout(io.StringIO()):
            DSTorch.train(model, optimizer, X_train, y_train, num_epochs=1)

    (loading,) = fastest(load, rounds=3)
    (training,) = fastest(train, rounds=3)
    (scoring,) = fastest(lambda: DSTorch.score_text(model, X, y), rounds=3)
    return {
        "loading": loading / len(X),
        "training": training / len(X_train),
        "scoring": scoring / len(X),
    }


def digits(size: int):
    """Return a function that loads `size` digits, a fifth of them test cases, and a network."""
    import polars as pl

    from funs import DSTorch
    from nets import SimpleCNN

    both = [pl.read_csv(f"data/{name}.csv") for name in ("mnist_1000", "mnist_rest")]
    split = pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("test")).otherwise(pl.lit("train"))
    df = pl.concat(both).head(size).with_columns(index=split)
    assert df.height == size
    return lambda: DSTorch.load_image(df, scale=True), SimpleCNN()


def reviews(size: int):
    """Return a function that loads `size` reviews, and a network with the chapter's vocabulary."""
    import torch
    from polars import col as c

    from funs import DSTorch
    from nets import TextCNN
    from tools.bench import text

    df, model = text.reviews()
    df = df.head(size)
    pad = len(model.wv)
    vectors = torch.randn(pad + 1, 100)  # the values do not affect the time
    return (
        lambda: DSTorch.load_text(df, model, c.tokens, c.label, text.LENGTH, pad),
        TextCNN(vectors),
    )


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
