"""Compute contrast as WCAG 2 defines it; the last axis of colours is sRGB, from 0 to 255."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

READABLE = 4.5  # text on its background: WCAG 2.2, success criterion 1.4.3


def rgb(colour: str) -> list[int]:
    """Return red, green and blue of `#rrggbb`."""
    return list(bytes.fromhex(colour.removeprefix("#")))


def luminance(colours: ArrayLike) -> np.ndarray:
    """Return the relative luminance of each colour, from 0 to 1."""
    share = np.asarray(colours) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(one: ArrayLike, other: ArrayLike) -> np.ndarray:
    """Return the contrast ratio of colours, from 1 to 21."""
    first, second = luminance(one), luminance(other)
    return (np.maximum(first, second) + 0.05) / (np.minimum(first, second) + 0.05)
