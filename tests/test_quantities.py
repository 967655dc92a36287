"""Test the comparison of a quantity with its expected line."""

from __future__ import annotations

import pytest

from tools.quantities import holds

BAND = {"kind": "band", "low": 0.4, "high": 0.6}


def exact(value: object) -> dict:
    return {"kind": "exact", "value": value}


@pytest.mark.parametrize("value", [0.4, 0.5, 0.6])
def test_a_band_includes_its_ends(value):
    assert holds(BAND, value)


@pytest.mark.parametrize("value", [0.399, 0.601, float("nan"), "0.5", None])
def test_a_band_excludes_other_values(value):
    assert not holds(BAND, value)


@pytest.mark.parametrize(
    ("wanted", "other"),
    [(3, 4), (3, 3.0), ("a", "b"), ([1, 2], [2, 1]), ([1, 2], [1, 2, 3]), (None, 0)],
)
def test_an_exact_value_must_be_equal_and_of_the_same_type(wanted, other):
    assert holds(exact(wanted), wanted)
    assert not holds(exact(wanted), other)


@pytest.mark.parametrize("value", [False, 1, "true"])
def test_a_claim_must_be_true(value):
    line = {"kind": "claim", "value": True}
    assert holds(line, True)
    assert not holds(line, value)
