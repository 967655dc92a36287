"""Test evaluation.py against scipy and Wilson's equation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

import evaluation


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_at_the_ends_of_a_wilson_interval_the_accuracy_is_just_compatible(correct):
    correct = np.array(correct)
    for theta in evaluation.wilson(correct):
        standard_error = np.sqrt(theta * (1 - theta) / len(correct))
        distance = abs(correct.mean() - theta)
        assert distance == pytest.approx(norm.ppf(0.975) * standard_error, abs=1e-7)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_mcnemar_is_a_sign_test_of_the_cases_that_one_classifier_has_right(cases):
    first, second = np.array(cases).T
    differ = int((first != second).sum())
    expected = binomtest(int((first & ~second).sum()), differ).pvalue if differ else 1
    assert evaluation.mcnemar_p(first, second) == pytest.approx(expected)
