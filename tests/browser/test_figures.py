"""Can figures be read in both themes? Measured on pictures of the pages as Chromium paints them."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

TEXT_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return WCAG's relative luminance of sRGB values 0 to 255; the last axis is the colour's."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return WCAG's contrast ratio of luminances, from 1 to 21."""
    return (np.maximum(first, second) + 0.05) / (np.minimum(first, second) + 0.05)


def painted(image) -> np.ndarray:
    """Return the pixels of a picture on the page, (height · width, 3)."""
    image.scroll_into_view_if_needed()
    image.evaluate("image => image.decode()")
    shot = Image.open(io.BytesIO(image.screenshot())).convert("RGB")
    return np.asarray(shot).reshape(-1, 3)


def test_the_measure_knows_black_and_white():
    black, white = luminance(np.array([[0, 0, 0], [255, 255, 255]]))
    assert contrast(black, white) == pytest.approx(21)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_of_every_figure_stands_out_from_the_page(site, visit, theme):
    """Charts and diagrams take the page's ground, and their ink is dark or light enough."""
    for name in site.pages:
        page = visit(site.url + name, color_scheme=theme).page
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        paper = np.array([int(part) for part in re.findall(r"\d+", paper)[:3]])
        for image in page.locator("main figure img:not(.keep-colours):visible").all():
            pixels = painted(image)
            values, counts = np.unique(pixels, axis=0, return_counts=True)
            ground, source = values[counts.argmax()], image.get_attribute("src")
            assert np.abs(ground.astype(int) - paper).max() <= 4, (name, source, ground, paper)
            ratios = contrast(luminance(pixels), luminance(ground))
            readable = (ratios >= TEXT_CONTRAST).mean()
            assert readable > 0.002, (name, source, readable)  # two pixels in a thousand are ink
