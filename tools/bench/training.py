"""Compare `DSTorch.train` with a hand-written loop, a DataLoader, and a busy machine."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial

import polars as pl
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from funs import DSTorch, set_seed
from nets import SimpleCNN
from tools.bench.measure import Row, fastest, ratio

EPOCHS, BATCH = 10, 64


def rows() -> Iterator[Row]:
    """Train the chapter's first network on its 750 digits each way, alternating."""
    _, X, _, _, y, _, _ = DSTorch.load_image(pl.read_csv("data/mnist_1000.csv"), scale=True)
    assert y is not None
    helper = partial(trained, DSTorch.train, X, y)
    loop, loader = partial(trained, index_loop, X, y), partial(trained, data_loader, X, y)
    for ours, theirs in zip(helper().parameters(), loop().parameters(), strict=True):
        assert torch.equal(ours, theirs), "the hand-written loop trains another network"
    times = fastest(helper, loop, loader, rounds=7)
    yield ratio("`DSTorch.train` / the same loop by hand", times[0], times[1], goal=1.03)
    yield ratio("`DSTorch.train` / a DataLoader loop", times[0], times[2])
    [idle] = fastest(helper, rounds=5)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        [beside] = fastest(helper, rounds=5)
        busy.kill()
    yield ratio(
        "`DSTorch.train` beside a busy process / on an idle machine", beside, idle, goal=1.5
    )


def trained(train: Callable, X: torch.Tensor, y: torch.Tensor) -> SimpleCNN:
    """Return a network trained from the book's seed, without printing its log."""
    set_seed()
    model = SimpleCNN()
    with redirect_stdout(io.StringIO()):
        train(model, torch.optim.Adam(model.parameters(), lr=0.001), X, y, EPOCHS, BATCH)
    return model


def index_loop(model, optimizer, X, y, num_epochs, batch_size):
    model.train()
    for epoch in range(num_epochs):
        order = torch.randperm(len(X))
        total = 0.0
        for start in range(0, len(X), batch_size):
            chosen = order[start : start + batch_size]
            optimizer.zero_grad()
            loss = cross_entropy(model(X[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        print(epoch, total / len(X))


def data_loader(model, optimizer, X, y, num_epochs, batch_size):
    model.train()
    loader = DataLoader(TensorDataset(X, y), batch_size=batch_size, shuffle=True)
    for epoch in range(num_epochs):
        total = 0.0
        for pictures, labels in loader:
            optimizer.zero_grad()
            loss = cross_entropy(model(pictures), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        print(epoch, total / len(X))
