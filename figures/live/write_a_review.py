"""Data and picture of *Write a review*: how TextCNN reads one text.

write-a-review.js computes in the page. The picture shows the figure's initial state, computed by
torch from the same rounded weights. `funs.DSTorch` scores many reviews at once.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl
import torch
from plotnine import (
    aes,
    coord_flip,
    element_blank,
    geom_col,
    ggplot,
    labs,
    scale_fill_manual,
    scale_x_discrete,
    theme,
)
from torch import Tensor

from figures.live.pack import LiveData, rounded
from nets import TextCNN

LENGTH = 200


def as_on_the_page(network: TextCNN, words: int) -> TextCNN:
    """Return the page's version of a network: few words, padding, and rounded weights.

    Parameters
    ----------
    network : TextCNN
        The trained network, with the most frequent words first in its embedding.
    words : int
        The number of words in the page.
    """
    weights = {name: torch.tensor(rounded(value)) for name, value in _few(network, words).items()}
    vectors = weights["embedding.weight"]
    weights["embedding.weight"] = torch.cat([vectors, torch.zeros(1, vectors.shape[1])])
    live = TextCNN(weights["embedding.weight"])
    live.load_state_dict(weights)
    return live.eval()


def live_data(network: TextCNN, words: list[str], **other: Any) -> LiveData:
    """Return the page's data: words, weights under PyTorch's names, and other values."""
    return LiveData(words=words, **_few(network, len(words)), **other)


def _few(network: TextCNN, words: int) -> dict[str, np.ndarray]:
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return weights | {"embedding.weight": weights["embedding.weight"][:words]}


def tokens(text: str) -> list[str]:
    """Return all runs of the letters a to z in a text, in lower case."""
    return re.findall("[a-z]+", text.lower())


def read_review(text: str, words: list[str], network: TextCNN) -> tuple[float, pl.DataFrame]:
    """Score a review and return each filter's contribution.

    Parameters
    ----------
    text : str
        The review.
    words : list of str
        The network's words, in the order of its embedding.
    network : TextCNN
        A network with two classes, the negative one first.

    Returns
    -------
    float
        The log-odds of a positive review.
    polars.DataFrame
        One row per filter, the largest contributions first: its number, `filter`; its contribution
        to the log-odds, `adds`, which is lost if the filter is set to zero; and the words of its
        winning window, `window`.
    """
    index_of = {word: i for i, word in enumerate(words)}
    known = [word for word in tokens(text) if word in index_of][:LENGTH]
    row = [index_of[word] for word in known] + [len(words)] * (LENGTH - len(known))
    with torch.no_grad():
        embedded = network.embedding(torch.tensor([row])).permute(0, 2, 1)
        maxima, positions = network.relu(network.conv(embedded)).max(dim=2)
        log_odds = _log_odds(network, maxima)
        one_missing = maxima * (1 - torch.eye(maxima.shape[1]))  # one in each row
        adds = log_odds - _log_odds(network, one_missing)
    windows = [" ".join(known[max(0, at - 1) : at + 2]) or "padding" for at in positions[0]]
    filters = pl.DataFrame({"filter": range(len(windows)), "adds": adds.numpy(), "window": windows})
    order = filters.sort(pl.col("adds").abs(), descending=True, maintain_order=True)
    return log_odds.item(), order


def picture(text: str, words: list[str], network: TextCNN) -> ggplot:
    """Draw the figure's initial state: the prediction and the five most important filters."""
    log_odds, filters = read_review(text, words, network)
    verdict = f"{log_odds:+.2f}".replace("-", "−")
    bars = filters.head(5).with_columns(name=pl.format("{}  (filter {})", "window", "filter"))
    return (
        ggplot(bars, aes("name", "adds", fill="adds > 0"))
        + geom_col(width=0.6, show_legend=False)
        + coord_flip()
        + scale_x_discrete(limits=bars["name"].to_list()[::-1])
        + scale_fill_manual({True: "#2a6435", False: "#8c2f1b"})
        + labs(x="", y="added to the log-odds", title=f"log-odds {verdict}")
        + theme(figure_size=(7, 2.8), panel_grid_major_y=element_blank())
    )


def _log_odds(network: TextCNN, maxima: Tensor) -> Tensor:
    logits = network.classifier(maxima)
    return logits[:, 1] - logits[:, 0]
