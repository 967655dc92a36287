"""How TextCNN reads one review, for the picture of the live figure.

The same reading as in `write-a-review.js`, by torch. Scores over many reviews are the matter of
`funs.DSTorch`.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import torch
from torch import Tensor

from explorables.pack import LiveData, unpacked
from nets import TextCNN

LENGTH = 200


def live_data(network: TextCNN, words: list[str], **other: Any) -> LiveData:
    """Return a network's weights under PyTorch's names, without the vectors of the rarer words.

    Parameters
    ----------
    network : TextCNN
        Its embedding begins with the vectors of these words.
    words : list of str
        The words that the figure is to know.
    **other
        What else the figure needs, as `LiveData` takes it.
    """
    weights = {name: value.detach() for name, value in network.state_dict().items()}
    weights["embedding.weight"] = weights["embedding.weight"][: len(words)]
    return LiveData(words=words, **weights, **other)


def live_network(data: dict[str, Any]) -> TextCNN:
    """Return the network as the page has it, with few words, padding and rounded weights."""
    weights = {name: torch.tensor(unpacked(data[name])) for name in data if "." in name}
    vectors = weights["embedding.weight"]
    weights["embedding.weight"] = torch.cat([vectors, torch.zeros(1, vectors.shape[1])])
    network = TextCNN(weights["embedding.weight"])
    network.load_state_dict(weights)
    return network.eval()


def read_review(text: str, words: list[str], network: TextCNN) -> tuple[float, pl.DataFrame]:
    """Read a review; say what the verdict is and which filters make it.

    Parameters
    ----------
    text : str
        The review.
    words : list of str
        The words that the network knows, in the order of its embedding.
    network : TextCNN
        With two classes, the negative one first.

    Returns
    -------
    float
        The log-odds of a positive review.
    polars.DataFrame
        For each filter, those that matter most first: its number, `filter`; what it adds to the
        log-odds over what it would add if it had seen padding only, `adds`; and the words of its
        winning window, `window`.
    """
    place = {word: i for i, word in enumerate(words)}
    known = [word for word in re.findall("[a-z]+", text.lower()) if word in place][:LENGTH]
    row = [place[word] for word in known] + [len(words)] * (LENGTH - len(known))
    with torch.no_grad():
        embedded = network.embedding(torch.tensor([row])).permute(0, 2, 1)
        maxima, positions = network.relu(network.conv(embedded)).max(dim=2)
        log_odds = _log_odds(network, maxima)
        adds = log_odds - _log_odds(network, _without_each(network, maxima))
    windows = [" ".join(known[max(0, at - 1) : at + 2]) for at in positions[0].tolist()]
    filters = pl.DataFrame({"filter": range(len(windows)), "adds": adds.numpy(), "window": windows})
    order = filters.sort(pl.col("adds").abs(), descending=True, maintain_order=True)
    return log_odds.item(), order


def _without_each(network: TextCNN, maxima: Tensor) -> Tensor:
    """Return the maxima once for each filter, with that filter's answer to padding in its place."""
    rows = maxima.repeat(maxima.shape[1], 1)
    rows[range(len(rows)), range(len(rows))] = network.relu(network.conv.bias)
    return rows


def _log_odds(network: TextCNN, maxima: Tensor) -> Tensor:
    logits = network.classifier(maxima)
    return logits[:, 1] - logits[:, 0]
