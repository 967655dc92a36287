"""The HTML that polars writes for a data frame becomes a Markdown table with the same cells."""

from __future__ import annotations

import polars as pl
import pypandoc
import pytest
from bs4 import BeautifulSoup

from bookbuild.render.weave import frame_to_markdown


def cells(html: str) -> list[list[str]]:
    rows = BeautifulSoup(html, "html.parser").table.find_all("tr")
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in rows]


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"word": ["good", "a|b", "*x* `y` $z$ <b>"], "n": [1, None, 3]}),
        pl.DataFrame({"n": range(100)}),  # with omitted rows
        pl.DataFrame({f"c{n}": [n] for n in range(200)}),  # with omitted columns
        pl.DataFrame({"text": ["é & \u00fc … “q”"], "list": [[0.5, 1.5, 2.5, 3.5]]}),
    ],
    ids=["Markdown characters", "rows", "columns", "entities"],
)
def test_a_frame_keeps_its_cells(frame):
    html = frame._repr_html_()
    names, types, *rows = cells(html)
    text = frame_to_markdown(html)
    assert text
    converted = cells(pypandoc.convert_text(text, "html", "markdown", extra_args=["--wrap=none"]))
    assert converted == [[f"{n} {t}" for n, t in zip(names, types, strict=True)], *rows]


def test_a_frame_without_types_is_not_converted():
    assert (
        frame_to_markdown("<div><table class='dataframe'><tr><td>1</td></tr></table></div>") is None
    )


@pytest.mark.parametrize(
    "html",
    [
        "<p>Never closed",
        "<div>No table</div>",
        '<div><table class="other"><tr><td>1</td></tr></table></div>',
        '<div><table class="dataframe"><thead><tr><th>a</th></tr></thead></table></div>',
    ],
)
def test_other_html_is_not_converted(html):
    assert frame_to_markdown(html) is None
