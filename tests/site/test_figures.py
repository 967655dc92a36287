"""Figures are readable in both themes, measured on screenshots of the pages."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.contrast import READABLE, contrast
from tests.site.browsing import background

pytestmark = pytest.mark.slow


def painted(image) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of a picture on the page, (colours, 3), and the pixels each fills."""
    image.scroll_into_view_if_needed()
    image.evaluate("image => image.decode()")
    shot = Image.open(io.BytesIO(image.screenshot())).convert("RGB")
    counted = shot.getcolors(maxcolors=shot.width * shot.height)
    return np.array([colour for _, colour in counted]), np.array([count for count, _ in counted])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ink_of_every_figure_contrasts_with_the_page(site, visit, theme):
    """Charts and diagrams have the page's background, and enough of their ink is readable."""
    for name in site.pages:
        page = visit(site.url + name, color_scheme=theme).page
        paper = np.array(background(page))
        assert (paper.max() < 0x60) == (theme == "dark"), (name, paper)
        for image in page.locator("main figure img:not(.keep-colours):visible").all():
            colours, counts = painted(image)
            ground, source = colours[counts.argmax()], image.get_attribute("src")
            assert np.abs(ground - paper).max() <= 4, (name, source, ground, paper)
            readable = counts[contrast(colours, ground) >= READABLE].sum() / counts.sum()
            assert readable > 0.002, (name, source, readable)  # at least 2 pixels in 1000 are ink


def test_dark_pictures_are_inverted_except_those_that_keep_their_colours(site, visit):
    page = visit(site.url + site.chapter, color_scheme="dark").page
    filters = page.evaluate("""() => [...document.querySelectorAll("main img")].map((image) =>
        [image.classList.contains("keep-colours"), getComputedStyle(image).filter])""")
    assert any(not keeps for keeps, _ in filters)
    for keeps, applied in filters:
        assert applied == ("none" if keeps else "invert(1) hue-rotate(180deg)")
