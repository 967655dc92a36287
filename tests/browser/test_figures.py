"""Can figures be read in both themes? Measured on pictures of the pages as Chromium paints them."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.kit.contrast import READABLE, contrast

pytestmark = pytest.mark.slow


def painted(image) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of a picture on the page, (colours, 3), and how many pixels each has."""
    image.scroll_into_view_if_needed()
    image.evaluate("image => image.decode()")
    shot = Image.open(io.BytesIO(image.screenshot())).convert("RGB")
    counted = shot.getcolors(maxcolors=shot.width * shot.height)
    return np.array([colour for _, colour in counted]), np.array([count for count, _ in counted])


def test_every_picture_loads(site, visit):
    page = visit(site.url).page
    for path in site.pages:
        page.goto(site.url + path)
        widths = page.evaluate("""() => Promise.all([...document.images].map(async (image) => {
            image.loading = "eager";
            await image.decode().catch(() => {});
            return [image.src, image.naturalWidth];
        }))""")
        assert not [source for source, width in widths if not width], path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_of_every_figure_stands_out_from_the_page(site, visit, theme):
    """Charts and diagrams take the page's ground, and their ink is dark or light enough."""
    for name in site.pages:
        page = visit(site.url + name, color_scheme=theme).page
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        paper = np.array([int(part) for part in re.findall(r"\d+", paper)[:3]])
        for image in page.locator("main figure img:not(.keep-colours):visible").all():
            colours, counts = painted(image)
            ground, source = colours[counts.argmax()], image.get_attribute("src")
            assert np.abs(ground - paper).max() <= 4, (name, source, ground, paper)
            readable = counts[contrast(colours, ground) >= READABLE].sum() / counts.sum()
            assert readable > 0.002, (name, source, readable)  # two pixels in a thousand are ink
