"""Which cases a network gets right, the interval of its accuracy, and a test of two networks.

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
        Put into evaluation mode, in which it stays.
    X : torch.Tensor
        The cases, such as pictures, float32 (N, 1, 28, 28), or word indices, int64 (N, L).
    """
    net.eval()
    with torch.no_grad():
        return torch.cat([net(batch) for batch in X.split(BATCH_SIZE)])


def is_right(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Return which cases a network assigns to their classes `y`, int64 (N,), as bool (N,)."""
    return (logits(net, X).argmax(dim=1) == y).numpy()


def wilson(correct: np.ndarray) -> tuple[float, float]:
    """Return the 95 % Wilson interval of an accuracy; `correct`, bool (N,), as of `is_right`."""
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
