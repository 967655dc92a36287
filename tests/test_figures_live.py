"""Test the packing of arrays for live figures, with an independent unpacker in NumPy."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import bookbuild
from figures.live.pack import KIND, LiveData, packed, rounded
from renderer.tests.support.books import SmallBook
from tests.live import unpacked

FLOATS = st.floats(-1e6, 1e6, width=32)
MATRICES = npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=4), elements=FLOATS)


@given(MATRICES)
def test_rounding_error_is_at_most_half_a_step(array):
    rows = array.reshape(len(array), -1)
    restored = unpacked(packed(array)).reshape(len(array), -1)
    step = np.abs(rows).max(axis=1, keepdims=True) / 127
    assert (np.abs(rows - restored) <= step * 0.501 + 1e-30).all()


@given(MATRICES)
def test_rounded_equals_the_unpacked_array(array):
    assert np.array_equal(rounded(array), unpacked(packed(array)))


@given(npst.arrays(np.float32, st.integers(0, 9), elements=FLOATS))
def test_one_dimensional_arrays_are_unchanged(array):
    assert np.array_equal(unpacked(packed(array)), array)
    assert np.array_equal(rounded(array), array)


@given(npst.arrays(np.uint8, npst.array_shapes()))
def test_bytes_are_unchanged(array):
    assert np.array_equal(unpacked(packed(array)), array)


def test_a_row_of_zeros_stays_zero():
    assert not unpacked(packed(np.zeros((2, 3), np.float32))).any()


def test_the_output_is_json_with_a_plain_text_fallback():
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
def test_unsupported_arrays_are_refused(array, error):
    with pytest.raises(error):
        packed(array)


@pytest.mark.thorough
def test_the_renderer_recognises_the_output(tmp_path):
    """Neither side imports the other, so both name the same MIME type."""
    book = SmallBook(tmp_path / "book")
    bundle = LiveData(words=["a"])._repr_mimebundle_()
    book.chapter(
        "```{python}\n#| label: draws\nclass Data:\n    def _repr_mimebundle_(self, **_):\n"
        f"        return {bundle!r}\nData()\n```"
    )
    page = bookbuild.assemble(bookbuild.load(book.root)).pages[1]
    [script] = page.woven.data.values()
    assert b'explorables.data["draws"] = ' in script and b'"words": ["a"]' in script
