"""load_image against Pillow's own pixels, load_text against a slow loop, and their bad inputs."""

import random
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from gensim.models import KeyedVectors, Word2Vec
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from polars import col

from funs import DSTorch

LARGEST = {"1": 255, "L": 255, "P": 255, "RGB": 255, "RGBA": 255, "I;16": 65_535}
CHANNELS = {"1": 1, "L": 1, "P": 3, "RGB": 3, "RGBA": 4, "I;16": 1}


# --- pictures ----------------------------------------------------------------------------------


def write_picture(path, mode, width, height, rng):
    """Write a PNG of random pixels; a palette's colours are random too."""
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65_536, (height, width), dtype=np.uint16))
    elif mode == "P":
        image = Image.new("P", (width, height))
        image.putpalette(rng.integers(0, 256, 768).tolist())
        image.putdata(rng.integers(0, 256, width * height).tolist())
    else:
        pixels = rng.integers(0, 256, (height, width, CHANNELS[mode]), dtype=np.uint8)
        image = Image.fromarray(pixels.squeeze(2) if CHANNELS[mode] == 1 else pixels)
        image = image.convert(mode)
    image.save(path)


def slow_pixels(path):
    """Read a picture pixel by pixel, as nested lists: channels, rows, columns."""
    with Image.open(path) as image:
        colour = image.convert("RGB") if image.mode == "P" else image
        width, height = colour.size
        first = colour.getpixel((0, 0))
        channels = len(first) if isinstance(first, tuple) else 1
        read = colour.getpixel
        return [
            [[np.atleast_1d(read((x, y)))[c] for x in range(width)] for y in range(height)]
            for c in range(channels)
        ]


@st.composite
def labelled_split(draw, labels):
    """Draw labels and a split in which every label is trained on and something is tested."""
    classes = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    rows = [(label, "train") for label in classes]
    rows += [(draw(st.sampled_from(classes)), "test")]
    more = st.tuples(st.sampled_from(classes), st.sampled_from(["train", "test"]))
    rows += draw(st.lists(more, max_size=4))
    rows = draw(st.permutations(rows))
    return [label for label, _ in rows], [part for _, part in rows]


def check_split(result, labels, split):
    """Hold the seven results to the labels and the split, row by row."""
    X, X_train, X_test, y, y_train, y_test, cn = result
    assert cn == sorted(set(labels))
    assert [cn[i] for i in y.tolist()] == labels
    assert {t.dtype for t in (y, y_train, y_test)} == {torch.int64}
    for part, X_part, y_part in (("train", X_train, y_train), ("test", X_test, y_test)):
        rows = [row for row, name in enumerate(split) if name == part]
        assert X_part.tolist() == [X[row].tolist() for row in rows]
        assert y_part.tolist() == [y[row].item() for row in rows]


@given(
    mode=st.sampled_from(sorted(CHANNELS)),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    rows=labelled_split(st.integers(-5, 20) | st.just(3)) | labelled_split(st.text(max_size=3)),
    scale=st.booleans(),
    flatten=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_load_image_reads_what_pillow_reads(mode, size, rows, scale, flatten, seed):
    labels, split = rows
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}.png" for number in range(len(labels))]
        for path in paths:
            write_picture(path, mode, *size, rng)
        expected = np.array([slow_pixels(path) for path in paths], dtype=np.float64)
        df = pl.DataFrame({"label": labels, "filepath": paths, "index": split})
        result = DSTorch.load_image(df, scale=scale, flatten=flatten)

    X = result[0]
    shape = (len(paths), CHANNELS[mode], size[1], size[0])
    assert X.dtype == torch.float32
    assert X.shape == ((shape[0], shape[1] * shape[2] * shape[3]) if flatten else shape)
    if scale:
        expected /= LARGEST[mode]
        assert X.min() >= 0 and X.max() <= 1
    np.testing.assert_allclose(X.numpy().reshape(shape), expected, rtol=1e-6)
    check_split(result, labels, split)


def test_load_image_takes_other_column_names(pictures):
    df = pictures.rename({"label": "digit", "filepath": "file", "index": "part"})
    X, *_, cn = DSTorch.load_image(df, label_name="digit", filepath="file", index="part")
    assert X.shape == (6, 1, 3, 4)
    assert cn == ["a", "b"]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns before it gives up
@given(
    ending=st.sampled_from(["png", "bmp", "gif", "tiff"]),
    where=st.integers(0, 10_000),
    value=st.integers(0, 255),
    cut=st.booleans(),
)
@example(ending="bmp", where=46, value=1, cut=False)  # an error that is not an OSError
def test_damaged_picture_gives_pixels_or_names_the_file(ending, where, value, cut):
    """Whatever byte is wrong, or missing: no error but the one that names file and row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged.{ending}"
        write_picture(path, "P", 9, 7, np.random.default_rng(14))
        data = bytearray(path.read_bytes())
        data[where % len(data)] = value
        path.write_bytes(data[: where % len(data)] if cut else data)
        df = pl.DataFrame(
            {"label": ["a"] * 2, "filepath": [str(path)] * 2, "index": ["train", "test"]}
        )
        try:
            X = DSTorch.load_image(df)[0]
        except ValueError as error:
            assert path.name in str(error) and "row 0" in str(error)
        else:
            assert X.shape[0] == 2


# --- documents ---------------------------------------------------------------------------------


def word2vec(words):
    """Return an untrained model of these words."""
    model = Word2Vec(vector_size=2, min_count=1)
    model.build_vocab([words])
    return model


def slow_indices(documents, words, max_length, pad_idx):
    """Look each token up in the list of words: what load_text promises, a token at a time."""
    rows = []
    for tokens in documents:
        row = []
        for token in tokens:
            if token in words and len(row) < max_length:
                row.append(words.index(token))
        while len(row) < max_length:
            row.append(pad_idx)
        rows.append(row)
    return rows


@given(
    words=st.lists(st.text(max_size=5), min_size=1, max_size=8, unique=True),
    rows=labelled_split(st.sampled_from(["negative", "positive", "ß", "🙂"])),
    max_length=st.integers(1, 12),
    data=st.data(),
)
def test_load_text_is_the_slow_loop(words, rows, max_length, data):
    labels, split = rows
    model = word2vec(words)
    token = st.sampled_from(words) | st.text(max_size=5)
    size = {"min_size": len(labels), "max_size": len(labels)}
    documents = data.draw(st.lists(st.lists(token, max_size=9), **size))
    pad_idx = data.draw(st.integers(0, len(words)))
    df = pl.DataFrame(
        {"tokens": documents, "label": labels, "index": split},
        schema_overrides={"tokens": pl.List(pl.String)},
    )
    arguments = (df, model, col("tokens"), col("label"), max_length, pad_idx)
    if not any(token in words for tokens in documents for token in tokens):
        with pytest.raises(ValueError, match="No token is in the model's vocabulary"):
            DSTorch.load_text(*arguments)
        return
    result = DSTorch.load_text(*arguments)
    assert result[0].dtype == torch.int64
    assert result[0].tolist() == slow_indices(documents, model.wv.index_to_key, max_length, pad_idx)
    check_split(result, labels, split)


def test_missing_documents_and_tokens_are_padding():
    df = pl.DataFrame({"tokens": [["a", None, "b"], None], "y": [1, 1], "index": ["train", "test"]})
    X, *_ = DSTorch.load_text(df, word2vec(["a", "b"]), col("tokens"), col("y"), 3, pad_idx=2)
    a, b = (word2vec(["a", "b"]).wv.key_to_index[word] for word in "ab")
    assert X.tolist() == [[a, b, 2], [2, 2, 2]]


def test_tokens_come_from_any_expression():
    df = pl.DataFrame(
        {"text": ["To be, or", "not to be"], "y": ["q", "q"], "part": ["train", "test"]}
    )
    model = word2vec(["to", "be", "or"])
    tokens = col("text").str.to_lowercase().str.extract_all("[a-z]+")
    X, *_ = DSTorch.load_text(df, model, tokens, col("y"), 4, 3, index="part")
    words = model.wv.index_to_key
    assert X.tolist() == slow_indices([["to", "be", "or"], ["to", "be"]], words, 4, 3)


def test_without_an_index_column_four_fifths_are_drawn_for_training():
    df = pl.DataFrame({"tokens": [[str(i)] for i in range(1000)], "y": [0, 1] * 500})
    model = word2vec([str(i) for i in range(1000)])
    first, second = (DSTorch.load_text(df, model, col("tokens"), col("y"), 1) for _ in range(2))
    X, X_train, X_test, *_ = first
    assert (len(X_train), len(X_test)) == (800, 200)
    drawn = X_test.flatten().tolist()
    assert sorted(drawn + X_train.flatten().tolist()) == sorted(X.flatten().tolist())
    assert drawn != X[-200:].flatten().tolist() and drawn != X[:200].flatten().tolist()
    assert drawn == second[2].flatten().tolist()


# --- what stays as it was ----------------------------------------------------------------------


def global_random_states():
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()


def test_loading_changes_neither_frame_nor_model_nor_random_state(pictures, documents):
    model = word2vec(["a", "b", "c"])
    words, vectors = list(model.wv.index_to_key), model.wv.vectors.copy()
    frames = [pictures.clone(), documents.clone()]
    before = global_random_states()
    DSTorch.load_image(pictures, scale=True, flatten=True)
    DSTorch.load_text(documents.drop("index"), model, col("tokens"), col("label"))
    assert global_random_states() == before
    assert pictures.equals(frames[0], null_equal=True)
    assert documents.equals(frames[1], null_equal=True)
    assert model.wv.index_to_key == words
    np.testing.assert_array_equal(model.wv.vectors, vectors)


# --- bad inputs --------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    """Six grey pictures of height 3 and width 4, two classes."""
    rng = np.random.default_rng(14)
    paths = [str(tmp_path / f"{number}.png") for number in range(6)]
    for path in paths:
        write_picture(path, "L", 4, 3, rng)
    split = ["train"] * 4 + ["test"] * 2
    return pl.DataFrame({"label": list("ababab"), "filepath": paths, "index": split})


@pytest.fixture
def documents():
    tokens = [["a", "b"], ["b"], [], ["c", "x", "a"], ["a"]] * 2
    split = ["train"] * 8 + ["test"] * 2
    return pl.DataFrame({"tokens": tokens, "label": list("pqpqp") * 2, "index": split})


def replaced(column, row, value):
    """Return a function that changes one cell of a frame."""

    def change(df):
        values = df[column].to_list()
        values[row] = value
        return df.with_columns(pl.Series(column, values))

    return change


def overwritten(row, write):
    """Return a function that lets `write` change the file of one row."""

    def change(df):
        write(Path(df["filepath"][row]))
        return df

    return change


def sixteen_bits(path):
    Image.fromarray(np.zeros((3, 4), dtype=np.uint16)).save(path)


# a change of a good frame, and what the message must say: what, where, what was expected
BAD_PICTURES = {
    "empty frame": (lambda df: df.clear(), ["frame is empty"]),
    "no label column": (lambda df: df.drop("label"), ["no column 'label'", "filepath"]),
    "no filepath column": (lambda df: df.drop("filepath"), ["no column 'filepath'", "label"]),
    "no index column": (lambda df: df.drop("index"), ["no column 'index'", "label"]),
    "label missing": (replaced("label", 1, None), ["'label'", "1 missing"]),
    "path missing": (replaced("filepath", 1, None), ["'filepath'", "1 missing"]),
    "split missing": (replaced("index", 1, None), ["'index'", "1 missing"]),
    "label NaN": (
        lambda df: df.with_columns(label=pl.Series([0.0, 1.0, float("nan"), 1.0, 0.0, 1.0])),
        ["'label'", "1 missing"],
    ),
    "paths are numbers": (
        lambda df: df.with_columns(filepath=pl.Series(range(6))),
        ["'filepath'", "Int64", "expected"],
    ),
    "no such file": (
        replaced("filepath", 2, "no/such.png"),
        ["no/such.png", "row 2", "no such file", "make data"],
    ),
    "a folder": (replaced("filepath", 2, "/"), ["/ (row 2)", "cannot be read as a picture"]),
    "not a picture": (
        overwritten(3, lambda path: path.write_text("a text")),
        ["3.png (row 3)", "cannot be read as a picture"],
    ),
    "half a picture": (
        overwritten(3, lambda path: path.write_bytes(path.read_bytes()[:-30])),
        ["3.png (row 3)", "cannot be read as a picture"],
    ),
    "mode CMYK": (
        overwritten(3, lambda path: Image.new("CMYK", (4, 3)).save(path, format="TIFF")),
        ["3.png (row 3)", "mode CMYK", "RGBA"],
    ),
    "other size": (
        overwritten(4, lambda path: Image.new("L", (3, 4)).save(path)),
        ["4.png (row 4)", "(1, 4, 3)", "(1, 3, 4)"],
    ),
    "other channels": (
        overwritten(4, lambda path: Image.new("RGB", (4, 3)).save(path)),
        ["4.png (row 4)", "(3, 3, 4)", "(1, 3, 4)"],
    ),
    "other depth": (overwritten(4, sixteen_bits), ["4.png (row 4)", "uint16", "uint8"]),
    "split value": (replaced("index", 0, "valid"), ["'index'", "'valid'", "'train' and 'test'"]),
    "splits are numbers": (
        lambda df: df.with_columns(index=pl.Series([1, 1, 1, 1, 0, 0])),
        ["'index'", "'0', '1'", "'train' and 'test'"],
    ),
    "nothing to test": (
        lambda df: df.with_columns(index=pl.lit("train")),
        ["'index'", "'test' in no row"],
    ),
    "nothing to train": (
        lambda df: df.with_columns(index=pl.lit("test")),
        ["'index'", "'train' in no row"],
    ),
    "label not in training": (
        replaced("label", 5, "zebra"),
        ["'label'", "['zebra']", "never occur in training"],
    ),
}


@pytest.mark.parametrize(("change", "says"), BAD_PICTURES.values(), ids=BAD_PICTURES.keys())
def test_bad_pictures(pictures, change, says):
    bad = change(pictures)
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        DSTorch.load_image(bad)
    assert all(part in str(caught.value) for part in says), str(caught.value)


def test_bad_split_names_the_column_that_was_asked_for(documents):
    bad = documents.rename({"index": "part"}).with_columns(part=pl.lit("train"))
    with pytest.raises(ValueError, match="'part'"):
        DSTorch.load_text(bad, word2vec(["a"]), col("tokens"), col("label"), index="part")


# arguments that replace good ones (a callable: made of the good frame), and what it must say
BAD_DOCUMENTS = {
    "empty frame": ({"df": lambda df: df.clear()}, ["frame is empty"]),
    "no index column": ({"index": "part"}, ["no column 'part'", "tokens"]),
    "split value": (
        {"df": replaced("index", 0, "Train")},
        ["'index'", "'Train'", "'train' and 'test'"],
    ),
    "split missing": ({"df": replaced("index", 0, None)}, ["'index'", "1 missing"]),
    "nothing to test": (
        {"df": lambda df: df.with_columns(index=pl.lit("train"))},
        ["'index'", "'test' in no row"],
    ),
    "label missing": ({"df": replaced("label", 3, None)}, ["'label'", "1 missing"]),
    "label not in training": (
        {"df": replaced("label", 9, "zebra")},
        ["'label'", "['zebra']", "never occur in training"],
    ),
    "one label for all": ({"label_expr": pl.lit("p")}, ["label_expr", "1 values", "10 rows"]),
    "tokens are texts": (
        {"tokens_expr": col("label")},
        ["tokens_expr", "String", "list of strings"],
    ),
    "tokens are numbers": (
        {"tokens_expr": pl.concat_list(col("label").str.len_bytes())},
        ["tokens_expr", "List(UInt32)", "list of strings"],
    ),
    "one document for all": (
        {"tokens_expr": col("tokens").first()},
        ["tokens_expr", "1 values", "10 rows"],
    ),
    "no known token": (
        {"model": word2vec(["zero", "one"])},
        ["No token", "vocabulary of 2 words", "zero", "tokenised"],
    ),
    "empty vocabulary": (
        {"model": SimpleNamespace(wv=KeyedVectors(2))},
        ["No token", "vocabulary of 0 words"],
    ),
    "max_length 0": ({"max_length": 0}, ["max_length is 0", "1 or more"]),
    "pad_idx -1": ({"pad_idx": -1}, ["pad_idx is -1", "0 to 2", "len(model.wv)"]),
    "pad_idx too large": ({"pad_idx": 4}, ["pad_idx is 4", "0 to 2", "or 3"]),
}


@pytest.mark.parametrize(("bad", "says"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_bad_documents(documents, bad, says):
    good = {
        "df": documents,
        "model": word2vec(["a", "b", "c"]),
        "tokens_expr": col("tokens"),
        "label_expr": col("label"),
    }
    if "df" in bad:
        bad = {"df": bad["df"](documents)}
    with pytest.raises(ValueError) as caught:
        DSTorch.load_text(**good | bad)
    assert all(part in str(caught.value) for part in says), str(caught.value)
