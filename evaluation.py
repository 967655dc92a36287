"""Judge networks: the cases they get right, the interval of an accuracy, a test that compares two.

The chapter *How sure are we?* defines and explains `wilson` and `mcnemar_p`; a test compares them.
"""

from __future__ import annotations

import numpy as np
import torch
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint
from torch import nn

BATCH_SIZE = 500  # limits the memory that the feature maps of a text network need


def logits(net: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """Return a network's outputs, float32 (N, classes), without dropout and without gradients.

    Parameters
    ----------
    net : torch.nn.Module
        The network, on any device; it is put into evaluation mode and stays in it.
    X : torch.Tensor
        The cases, such as pictures, float32 (N, 1, 28, 28), or word indices, int64 (N, L).
    """
    net.eval()
    device = next(net.parameters(), X).device
    with torch.no_grad():
        return torch.cat([net(batch.to(device)).cpu() for batch in X.split(BATCH_SIZE)])


def is_right(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Return which cases a network classifies correctly, bool (N,).

    Parameters
    ----------
    net, X
        As for `logits`.
    y : torch.Tensor
        The classes of the cases, int64 (N,).

    Raises
    ------
    ValueError
        If there is not one class for each case.
    """
    if y.shape != X.shape[:1]:
        shape = tuple(y.shape)
        raise ValueError(f"y has the shape {shape}, not ({len(X)},): one class for each case")
    return (logits(net, X).argmax(dim=1) == y.cpu()).numpy()


def wilson(correct: np.ndarray) -> tuple[float, float]:
    """Return the 95 % Wilson interval of an accuracy, given which cases are right, bool (N,)."""
    return proportion_confint(correct.sum(), len(correct), method="wilson")


def mcnemar_p(first: np.ndarray, second: np.ndarray) -> float:
    """Return the p-value of the exact McNemar test.

    Parameters
    ----------
    first, second : numpy.ndarray
        Which of the same cases two classifiers get right, bool (N,).
    """
    only_first, only_second = (first & ~second).sum(), (~first & second).sum()
    return mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue
