"""Judge networks: the interval of an accuracy, and a test that compares two networks.

The chapter *How sure are we?* defines and explains the same functions; a test compares them.
"""

from __future__ import annotations

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint


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
