"""The comparison that judges every quantity of the book: what fits a line, and what does not."""

from __future__ import annotations

import pytest

from tools.quantities import holds

BAND = {"kind": "band", "low": 0.4, "high": 0.6}


def exact(value: object) -> dict:
    return {"kind": "exact", "value": value}


@pytest.mark.parametrize("value", [0.4, 0.5, 0.6])
def test_a_band_holds_its_ends_and_what_lies_between(value):
    assert holds(BAND, value)


@pytest.mark.parametrize("value", [0.399, 0.601, float("nan"), "0.5", None])
def test_a_band_does_not_hold_what_lies_outside_or_is_no_number(value):
    assert not holds(BAND, value)


@pytest.mark.parametrize(
    ("wanted", "other"),
    [(3, 4), (3, 3.0), ("a", "b"), ([1, 2], [2, 1]), ([1, 2], [1, 2, 3]), (None, 0)],
)
def test_an_exact_value_is_equal_and_of_the_same_type(wanted, other):
    assert holds(exact(wanted), wanted)
    assert not holds(exact(wanted), other)


@pytest.mark.parametrize("value", [False, 1, "true"])
def test_a_claim_is_true_and_nothing_else(value):
    line = {"kind": "claim", "value": True}
    assert holds(line, True)
    assert not holds(line, value)
