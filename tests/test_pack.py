"""Arrays as live figures get them: unpacked by NumPy alone, they are what they were."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from explorables.pack import KIND, LiveData, packed, rounded

FLOATS = st.floats(-1e6, 1e6, width=32)
MATRICES = npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=4), elements=FLOATS)


def unpacked(found: dict) -> np.ndarray:
    def read(name: str, kind: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(found[name]), kind)

    if "int8" not in found:
        name = "uint8" if "uint8" in found else "float32"
        return read(name, {"uint8": "u1", "float32": "<f4"}[name]).reshape(found["shape"])
    rows = read("int8", "i1").reshape(found["shape"][0], -1).astype(np.float32)
    return (rows * read("scale", "<f4")[:, None]).reshape(found["shape"])


@given(MATRICES)
def test_a_row_is_kept_to_half_a_step(array):
    found = unpacked(packed(array))
    rows, kept = array.reshape(len(array), -1), found.reshape(len(array), -1)
    step = np.abs(rows).max(axis=1, keepdims=True) / 127
    assert (np.abs(rows - kept) <= step * 0.501 + 1e-30).all()


@given(MATRICES)
def test_rounded_is_what_the_page_has(array):
    assert np.array_equal(rounded(array), unpacked(packed(array)))


@given(npst.arrays(np.float32, st.integers(0, 9), elements=FLOATS))
def test_one_dimension_is_kept_as_it_is(array):
    assert np.array_equal(unpacked(packed(array)), array)
    assert np.array_equal(rounded(array), array)


@given(npst.arrays(np.uint8, npst.array_shapes()))
def test_bytes_are_kept_as_they_are(array):
    assert np.array_equal(unpacked(packed(array)), array)


def test_a_row_of_zeros_stays_zero():
    assert not unpacked(packed(np.zeros((2, 3), np.float32))).any()


def test_a_cell_gives_json_and_a_word_for_other_viewers():
    bundle = LiveData(weights=torch.ones(2, 2), words=["a"])._repr_mimebundle_()
    assert json.loads(json.dumps(bundle[KIND]))["words"] == ["a"]
    assert "weights, words" in bundle["text/plain"]


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.arange(3), TypeError),
        (np.array([np.nan]), ValueError),
        (np.array([[np.inf, 1.0]]), ValueError),
    ],
)
def test_what_the_page_cannot_hold_is_refused(array, error):
    with pytest.raises(error):
        packed(array)
