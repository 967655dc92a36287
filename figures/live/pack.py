"""Pack the arrays and values that a live figure computes with.

A cell displays a `LiveData`; the renderer writes it to a file beside the page's pictures, and
`start.js` loads and unpacks it when the reader starts the figure.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

KIND = "application/vnd.explorable+json"


class LiveData:
    """Named values for a live figure.

    Parameters
    ----------
    **values : numpy.ndarray, torch.Tensor or JSON-serialisable value
        Arrays are packed by `packed`; other values are left unchanged.
    """

    def __init__(self, **values: Any):
        self.values = {
            name: packed(np.asarray(value)) if hasattr(value, "shape") else value
            for name, value in values.items()
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {KIND: self.values, "text/plain": f"data of a live figure: {', '.join(self.values)}"}


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return an array in a JSON-serialisable form.

    Parameters
    ----------
    array : numpy.ndarray
        An array of uint8 is stored unchanged. One-dimensional arrays of floats are stored as
        float32, others as int8 with a scale for each row along the first axis: the row's largest
        absolute value becomes 127.

    Returns
    -------
    dict
        The `shape`, the numbers in base64 as `uint8`, `float32` or `int8`, and with the last the
        rows' scales as `scale`, float32 in base64. Bytes are little-endian.

    Raises
    ------
    TypeError
        If the array holds neither uint8 nor floats.
    ValueError
        If a number is infinite or NaN.
    """
    if array.dtype == np.uint8:
        return {"shape": array.shape, "uint8": _base64(array)}
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"a live figure's arrays must hold uint8 or floats, not {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError("a live figure's arrays must hold finite numbers only")
    if array.ndim < 2:
        return {"shape": array.shape, "float32": _base64(array.astype("<f4"))}
    rows = array.reshape(len(array), -1)
    scale = (np.abs(rows).max(axis=1, keepdims=True) / 127).astype("<f4")
    steps = np.divide(rows, scale, out=np.zeros_like(rows), where=scale > 0)
    whole = np.rint(steps).clip(-127, 127).astype(np.int8)
    return {"shape": array.shape, "int8": _base64(whole), "scale": _base64(scale)}


def rounded(array: np.ndarray) -> np.ndarray:
    """Return an array of floats as the page sees it after unpacking, float32."""
    data = packed(array)
    if "float32" in data:
        return array.astype("<f4")
    whole = np.frombuffer(base64.b64decode(data["int8"]), np.int8).reshape(len(array), -1)
    scale = np.frombuffer(base64.b64decode(data["scale"]), "<f4").reshape(-1, 1)
    return (whole * scale).reshape(array.shape)


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
