"""Test what the boxes "What surprises" and CONTRIBUTING.md claim about libraries.

If a test fails with a new version of its library, correct the sentence.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from gensim.models import Word2Vec
from PIL import Image, ImageFilter
from plotnine import aes, geom_point, ggplot

ROOT = Path(__file__).resolve().parent.parent
BOX = re.compile(r"^## What surprises\n\n(.*?)\n:::$", re.MULTILINE | re.DOTALL)
LONGEST = 260  # characters, which are three lines


def versions() -> set[str]:
    """Return the pinned packages and archives with their versions."""
    pins = (ROOT / "requirements.txt").read_text("utf-8").split()
    sources = tomllib.loads((ROOT / "data/sources.toml").read_text("utf-8")).values()
    archives = {f"{source['package']} {source['version']}" for source in sources}
    return archives | {pin.replace("==", " ") for pin in pins}


def test_each_box_names_a_version_that_is_used_and_is_short():
    chapters = sorted((ROOT / "chapters").glob("*.qmd"))
    boxes = [text for path in chapters for text in BOX.findall(path.read_text("utf-8"))]
    assert len(boxes) >= 4
    for text in boxes:
        assert any(text.startswith(version) for version in versions()), text
        assert len(re.sub(r"`\{python\} [^`]*`", "12,345", text)) <= LONGEST, text


def test_the_guide_names_versions_that_are_used():
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"with\s+([a-z]+ \d[\d.]*\d)", guide)
    assert len(named) >= 2 and {*named} <= versions()


# gensim

TRAIN = """
import os, threading
import polars as pl
from gensim.models import Word2Vec

failed = threading.Event()
threading.excepthook = lambda error: failed.set()
column = pl.Series([["a", "b"], ["b", "a"]])

def train(sentences):
    Word2Vec(sentences, vector_size=2, min_count=1, workers=1)

train(column.to_list())
never_ends = threading.Thread(target=train, args=[column], daemon=True)
never_ends.start()
assert failed.wait(60)
never_ends.join(1)
os._exit(0 if never_ends.is_alive() else 1)
"""


def test_gensim_never_returns_from_a_polars_column():
    assert subprocess.run([sys.executable, "-c", TRAIN], capture_output=True).returncode == 0


def test_gensim_trains_on_the_first_10_000_words_of_a_list():
    sentence = ["a", "b"] * 5_000 + ["c", "d"] * 100
    model = Word2Vec(vector_size=2, min_count=1, workers=1, sample=0)
    model.build_vocab([sentence])
    before = {word: model.wv[word].copy() for word in "abcd"}
    model.train([sentence], total_examples=1, epochs=1)
    has_moved = {word: not np.array_equal(model.wv[word], before[word]) for word in "abcd"}
    assert has_moved == {"a": True, "b": True, "c": False, "d": False}
    assert model.wv.get_vecattr("d", "count") == 100


# polars


@pytest.mark.parametrize(("values", "invented"), [(["good film", "bad"], ""), ([5, 6], 1)])
@pytest.mark.filterwarnings("ignore")
def test_map_elements_without_a_type_calls_the_function_with_an_invented_value(values, invented):
    seen = []

    def tokens(value):
        seen.append(value)
        return None if value == invented else [value]

    frame, column = pl.DataFrame({"x": values}), pl.col("x")
    assert frame.select(column.map_elements(tokens))["x"].to_list() == [None, None]
    assert seen[0] == invented
    seen.clear()
    typed = column.map_elements(tokens, return_dtype=pl.List(frame["x"].dtype))
    assert frame.select(typed)["x"].to_list() == [[value] for value in values]
    assert seen == values


# Pillow


def test_pillow_flips_a_kernel_and_copies_the_border():
    pixels = np.random.default_rng(14).integers(0, 256, (9, 9), dtype=np.uint8)
    top_edge = torch.tensor([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])
    kernel = ImageFilter.Kernel((3, 3), top_edge.flatten().tolist(), scale=1)
    filtered = np.array(Image.fromarray(pixels).filter(kernel))
    bottom_edge = top_edge.flip(0)
    maps = F.conv2d(torch.tensor(pixels[None, None]).float(), bottom_edge[None, None])
    assert (filtered[1:-1, 1:-1] == maps[0, 0].clip(0, 255).numpy()).all()
    filtered[1:-1, 1:-1] = pixels[1:-1, 1:-1]
    assert (filtered == pixels).all()


# plotnine


def picture(plot: ggplot) -> bytes:
    file = io.BytesIO()
    plot.save(file, format="png", verbose=False, dpi=50)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_a_plot_that_was_drawn_is_drawn_on_again():
    plot = ggplot(pl.DataFrame({"x": [1, 2]}), aes("x", "x")) + geom_point()
    assert picture(plot) == picture(plot)
    before = picture(plot)
    figure = plot.draw()
    assert plot.draw() is figure and len(figure.axes[0].collections) == 2
    assert picture(plot) != before
