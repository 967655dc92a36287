"""Execute every page of the book and compare its quantities with tests/expected/.

Results come from the cache that `make book` uses. A chapter's last cell prints its quantities (`q`)
as JSON; each entry of its expected file states what one of them must be.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import nbformat
import pytest

import bookbuild
from tools.quantities import compare, executed, expected, printed

pytestmark = pytest.mark.book

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = [chapter.source.stem for chapter in bookbuild.load(ROOT).chapters]
EXPECTED = expected(ROOT)


@cache
def notebooks() -> dict[str, dict]:
    return executed(ROOT)


@cache
def quantities(stem: str) -> dict:
    return printed(notebooks()[stem])


@pytest.mark.parametrize("stem", CHAPTERS)
def test_every_page_executes_without_an_error(stem):
    outputs = [o for cell in notebooks()[stem]["cells"] for o in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    text = json.dumps(outputs)
    assert "our_dot_float" not in text, "a harmless warning of gensim is visible to readers"


@pytest.mark.parametrize("stem", EXPECTED)
def test_the_quantities_are_as_expected(stem):
    compared = compare(stem, EXPECTED[stem], quantities(stem))
    assert not [each for each in compared if each.verdict != "ok"]


@pytest.mark.parametrize("stem", EXPECTED)
def test_every_quantity_has_a_line_and_every_line_a_reason(stem):
    assert sorted(line["name"] for line in EXPECTED[stem]) == sorted(quantities(stem))
    assert all(line["why"].strip() for line in EXPECTED[stem])


def test_every_picture_in_a_notebook_has_its_alt_text():
    paths = [*(ROOT / "_book" / "chapters").glob("*.ipynb")]
    cells = [cell for path in paths for cell in nbformat.read(path, 4).cells]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [o.metadata.get(k, {}) for o in outputs for k in o.get("data", {}) if "image/" in k]
    assert len(pictures) > 30
    assert all(len(picture.get("alt", "")) > 20 for picture in pictures)
    assert any("width" in picture for picture in pictures), "where plotnine names the size"


def test_neighbours_in_glove_are_those_published():
    """GloVe's vectors are not trained by this book, so their cosines must be the published ones."""
    published = [0.8932, 0.8315, 0.8298, 0.8288, 0.8261, 0.8234, 0.8215, 0.8205, 0.8171]
    words = ["better", "sure", "really", "kind", "very", "we", "way", "think", "thing"]
    q = quantities("cnns-word2vec")
    assert q["glove_neighbours"][:9] == words
    assert q["glove_cosines"][:9] == pytest.approx(published, abs=1e-4)
