"""Test evaluation.py against scikit-learn, scipy and Wilson's equation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import accuracy_score
from torch import nn

import evaluation


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(14)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 3))


@pytest.mark.parametrize("n_cases", [1, 500, 501, 1203])
def test_logits_are_those_of_one_pass_without_dropout(network, n_cases):
    X = torch.randn(n_cases, 4)
    logits = evaluation.logits(network.train(), X)
    assert not network.training
    assert not logits.requires_grad
    torch.testing.assert_close(logits, network(X).detach())


def test_the_share_of_right_cases_is_the_accuracy(network):
    X, y = torch.randn(700, 4), torch.randint(3, (700,))
    right = evaluation.is_right(network, X, y)
    assert right.dtype == bool
    assert right.mean() == accuracy_score(y, network(X).argmax(dim=1))


@pytest.mark.parametrize("shape", [(5, 1), (1,), (6,)])
def test_classes_that_do_not_belong_to_the_cases_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"not \(5,\): one class for each case"):
        evaluation.is_right(network, torch.randn(5, 4), torch.zeros(shape, dtype=torch.int64))


def test_a_batch_is_moved_to_the_networks_device():
    """Torch's device without numbers, meta, is on every machine."""
    network = nn.Linear(4, 3, device="meta")
    with pytest.raises(NotImplementedError, match="out of meta tensor"):
        evaluation.logits(network, torch.randn(5, 4))


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
