"""Test load_image against Pillow and load_text against a slow loop, and their invalid arguments."""

import random
import tempfile
from doctest import DocTestParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from gensim.models import KeyedVectors, Word2Vec
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from polars import col
from sklearn.datasets import load_digits, load_sample_images
from torch import nn

from funs import DSImage, DSSklearn, DSTorch, print_rows, set_seed
from nets import SimpleCNN, TextCNN

# the texts of most tests are short, and have unknown words on purpose
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*of the tokens are unknown", "ignore:Rows .* no known"
)

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
    """Draw labels and a split that trains on every label and tests something."""
    classes = draw(st.lists(labels, min_size=2, max_size=4, unique=True))
    rows = [(label, "train") for label in classes]
    rows += [(draw(st.sampled_from(classes)), "test")]
    more = st.tuples(st.sampled_from(classes), st.sampled_from(["train", "test"]))
    rows += draw(st.lists(more, max_size=4))
    rows = draw(st.permutations(rows))
    return [label for label, _ in rows], [part for _, part in rows]


def check_split(result, labels, split):
    """Check the seven results against the labels and the split, row by row."""
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
def test_load_image_matches_pillow(mode, size, rows, scale, flatten, seed):
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


def test_load_image_accepts_other_column_names(pictures):
    df = pictures.rename({"label": "digit", "filepath": "file", "index": "part"})
    X, *_, cn = DSTorch.load_image(df, label_name="digit", filepath="file", index="part")
    assert X.shape == (6, 1, 3, 4)
    assert cn == ["a", "b"]


def as_frame(paths):
    """Return a frame that trains on all these files except the last, in two classes."""
    split = ["train"] * (len(paths) - 1) + ["test"]
    labels = [row % 2 for row in range(len(paths))]
    return pl.DataFrame({"label": labels, "filepath": [str(p) for p in paths], "index": split})


def test_photographs_match_pillow(tmp_path):
    china, flower = load_sample_images().images
    for name, pixels in {"china": china, "flower": flower, "again": china}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg", quality=90)
    paths = sorted(tmp_path.iterdir())
    X = DSTorch.load_image(as_frame(paths)).X
    for picture, path in zip(X, paths, strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(picture.permute(1, 2, 0).numpy(), np.asarray(image))


# where the stored rows and columns lie, from the table of the EXIF standard: tag 0x0112
ORIENTATIONS = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: upright.T[::-1],
    7: lambda upright: upright.T[::-1, ::-1],
    8: lambda upright: upright.T[:, ::-1],
}


def test_photographs_are_turned_upright(tmp_path):
    """All eight orientations of one picture load as the same upright picture."""
    upright = np.random.default_rng(14).integers(0, 256, (5, 3), dtype=np.uint8)
    paths = []
    for orientation, stored in ORIENTATIONS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        paths.append(tmp_path / f"{orientation}.png")
        Image.fromarray(np.ascontiguousarray(stored(upright))).save(paths[-1], exif=exif)
    X = DSTorch.load_image(as_frame(paths)).X
    assert X.shape == (8, 1, 5, 3)
    assert all(np.array_equal(picture[0].numpy(), upright) for picture in X)


def test_transparent_grey_is_pasted_on_white(tmp_path):
    rng = np.random.default_rng(14)
    grey, alpha = rng.integers(0, 256, (2, 4, 5))
    alpha[0] = [0, 255, 255, 0, 128]
    picture = Image.merge("LA", [Image.fromarray(c.astype(np.uint8)) for c in (grey, alpha)])
    for name in "abc":
        picture.save(tmp_path / f"{name}.png")
    X = DSTorch.load_image(as_frame(sorted(tmp_path.iterdir()))).X
    assert X.shape == (3, 1, 4, 5)
    expected = (grey * alpha + 255 * (255 - alpha)) / 255
    np.testing.assert_allclose(X[0, 0].numpy(), expected, atol=1)
    np.testing.assert_array_equal(X[0, 0].numpy()[alpha == 255], grey[alpha == 255])


def test_cmyk_becomes_colour(tmp_path):
    for name in "abc":
        inks = np.random.default_rng(14).integers(0, 256, (3, 4, 4), dtype=np.uint8)
        Image.fromarray(inks, "CMYK").save(tmp_path / f"{name}.tiff")
    X = DSTorch.load_image(as_frame(sorted(tmp_path.iterdir()))).X
    cyan_magenta_yellow, black = inks[..., :3].astype(float), inks[..., 3:].astype(float)
    expected = (255 - cyan_magenta_yellow) * (255 - black) / 255
    np.testing.assert_allclose(X[0].permute(1, 2, 0).numpy(), expected, atol=1)


@pytest.mark.parametrize("make", [lambda grey: grey, lambda grey: grey.quantize(8)])
def test_grey_gifs_stay_grey(tmp_path, make):
    steps = np.repeat(np.arange(8, dtype=np.uint8) * 30, 4).reshape(4, 8)
    for name in "abc":
        make(Image.fromarray(steps)).save(tmp_path / f"{name}.gif")
    X = DSTorch.load_image(as_frame(sorted(tmp_path.iterdir()))).X
    np.testing.assert_array_equal(X[0].numpy(), steps[np.newaxis])


def test_paths_may_start_at_home(pictures, monkeypatch):
    folder = Path(pictures["filepath"][0]).parent
    monkeypatch.setenv("HOME", str(folder))
    at_home = pictures.with_columns(filepath="~/" + col("filepath").str.split("/").list.last())
    assert torch.equal(DSTorch.load_image(at_home).X, DSTorch.load_image(pictures).X)


def test_paths_may_be_categories(pictures):
    categories = pictures.with_columns(col("filepath").cast(pl.Categorical))
    assert torch.equal(DSTorch.load_image(categories).X, DSTorch.load_image(pictures).X)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns before it gives up
@given(
    ending=st.sampled_from(["png", "bmp", "gif", "tiff"]),
    where=st.integers(0, 10_000),
    value=st.integers(0, 255),
    cut=st.booleans(),
)
@example(ending="bmp", where=46, value=1, cut=False)  # an error that is not an OSError
def test_damaged_picture_is_read_or_named(ending, where, value, cut):
    """Whichever byte is wrong or missing, the only error is the one that names file and row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged.{ending}"
        write_picture(path, "P", 9, 7, np.random.default_rng(14))
        data = bytearray(path.read_bytes())
        data[where % len(data)] = value
        path.write_bytes(data[: where % len(data)] if cut else data)
        try:
            X = DSTorch.load_image(as_frame([path] * 3)).X
        except ValueError as error:
            assert path.name in str(error) and "row 0" in str(error)
        else:
            assert X.shape[0] == 3


# --- documents ---------------------------------------------------------------------------------


def word2vec(words):
    """Return an untrained model of these words."""
    model = Word2Vec(vector_size=2, min_count=1)
    model.build_vocab([words])
    return model


def slow_indices(documents, words, max_length, pad_idx):
    """Look up each token in the list of words, as load_text should, one token at a time."""
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
def test_load_text_matches_a_loop(words, rows, max_length, data):
    labels, split = rows
    model = word2vec(words)
    token = st.sampled_from(words) | st.text(max_size=5)
    size = {"min_size": len(labels), "max_size": len(labels)}
    documents = data.draw(st.lists(st.lists(token, min_size=1, max_size=9), **size))
    pad_idx = data.draw(st.integers(0, len(words)))
    df = pl.DataFrame(
        {"tokens": documents, "label": labels, "index": split},
        schema_overrides={"tokens": pl.List(pl.String)},
    )
    arguments = (df, model, col("tokens"), col("label"), max_length, pad_idx)
    if not any(token in words for tokens in documents for token in tokens):
        with pytest.raises(ValueError, match="100% of the tokens are unknown"):
            DSTorch.load_text(*arguments)
        return
    result = DSTorch.load_text(*arguments)
    assert result[0].dtype == torch.int64
    assert result[0].tolist() == slow_indices(documents, model.wv.index_to_key, max_length, pad_idx)
    check_split(result, labels, split)


def test_rows_of_unknown_words_are_padding_with_a_warning():
    df = pl.DataFrame(
        {
            "tokens": [["a"], ["x"], ["b"], ["y"]],
            "y": [1, 0, 1, 0],
            "index": ["train"] * 3 + ["test"],
        }
    )
    with pytest.warns(UserWarning, match=r"Rows \[1, 3\] have no known word") as caught:
        X, *_ = DSTorch.load_text(df, word2vec(["a", "b"]), col("tokens"), col("y"), 2, pad_idx=2)
    assert X[[1, 3]].tolist() == [[2, 2], [2, 2]]
    assert caught[0].filename == __file__  # the warning points at the caller's line


def test_tokens_may_be_any_expression():
    df = pl.DataFrame(
        {
            "text": ["To be, or", "to", "not to be"],
            "y": list("qrq"),
            "part": ["train"] * 2 + ["test"],
        }
    )
    model = word2vec(["to", "be", "or"])
    tokens = col("text").str.to_lowercase().str.extract_all("[a-z]+")
    X, *_ = DSTorch.load_text(df, model, tokens, col("y"), 4, 3, index="part")
    words = model.wv.index_to_key
    assert X.tolist() == slow_indices([["to", "be", "or"], ["to"], ["to", "be"]], words, 4, 3)


@pytest.mark.parametrize(
    "kind",
    [pl.List(pl.Categorical), pl.List(pl.Enum(["a", "b", "x"])), pl.Array(pl.String, 2)],
)
def test_tokens_may_be_categories_and_arrays(kind):
    tokens = [["a", "b"], ["b", "x"], ["x", "a"]]
    df = pl.DataFrame({"y": [0, 1, 0], "index": ["train", "train", "test"]})
    df = df.with_columns(tokens=pl.Series(tokens).cast(kind))
    words = word2vec(["a", "b"])
    X, *_ = DSTorch.load_text(df, words, col("tokens"), col("y"), 2, 2)
    assert X.tolist() == slow_indices(tokens, words.wv.index_to_key, 2, 2)


def test_keyed_vectors_are_accepted_like_their_model(documents):
    model = word2vec(["a", "b", "c"])
    arguments = col("tokens"), col("label"), 3
    for one, other in zip(
        DSTorch.load_text(documents, model, *arguments),
        DSTorch.load_text(documents, model.wv, *arguments),
        strict=True,
    ):
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_without_index_column_four_fifths_are_for_training():
    df = pl.DataFrame({"tokens": [[str(i)] for i in range(1000)], "y": [0, 1] * 500})
    model = word2vec([str(i) for i in range(1000)])
    first, second = (DSTorch.load_text(df, model, col("tokens"), col("y"), 1) for _ in range(2))
    X, X_train, X_test, *_ = first
    assert (len(X_train), len(X_test)) == (800, 200)
    drawn = X_test.flatten().tolist()
    assert sorted(drawn + X_train.flatten().tolist()) == sorted(X.flatten().tolist())
    assert drawn != X[-200:].flatten().tolist() and drawn != X[:200].flatten().tolist()
    assert drawn == second[2].flatten().tolist()


# --- new cases alone ---------------------------------------------------------------------------


def test_result_is_a_named_tuple(pictures):
    loaded = DSTorch.load_image(pictures)
    names = ["X", "X_train", "X_test", "y", "y_train", "y_test", "cn"]
    assert all(getattr(loaded, name) is value for name, value in zip(names, loaded, strict=True))


@pytest.mark.parametrize(
    ("change", "training", "cn"),
    [
        (lambda df: df, [True] * 4 + [False] * 2, ["b", "a", "z"]),
        (lambda df: df.drop("index"), [False] * 6, ("b", "a", "z")),
        (lambda df: df.with_columns(index=pl.lit("test")), [False] * 6, np.array(["b", "a", "z"])),
        (lambda df: df.with_columns(index=pl.lit("unseen")), [False] * 6, ["b", "a", "z"]),
        (lambda df: df.with_columns(index=pl.lit("train")), [True] * 6, ["b", "a", "z"]),
        (lambda df: df.with_columns(label=pl.lit("b")), [True] * 4 + [False] * 2, ["b", "a"]),
    ],
)
def test_new_pictures_load_with_the_class_names_of_training(pictures, change, training, cn):
    df = change(pictures)
    loaded = DSTorch.load_image(df, cn=cn)
    assert loaded.cn == list(cn)
    assert [loaded.cn[i] for i in loaded.y.tolist()] == df["label"].to_list()
    rows = torch.tensor(training)
    assert torch.equal(loaded.X_train, loaded.X[rows])
    assert torch.equal(loaded.X_test, loaded.X[~rows])
    assert torch.equal(loaded.y_test, loaded.y[~rows])


def test_an_empty_frame_of_new_cases_is_told(pictures, documents):
    for call in (
        lambda: DSTorch.load_image(pictures.select("filepath").clear(), cn=["a", "b"]),
        lambda: DSTorch.load_text(documents.clear(), word2vec(["a"]), col("tokens"), cn=["a"]),
    ):
        with pytest.raises(ValueError, match="The frame is empty"):
            call()


def test_new_cases_may_lack_labels(pictures, documents):
    loaded = DSTorch.load_image(pictures.drop("label", "index"), cn=["a", "b"])
    assert torch.equal(loaded.X_test, DSTorch.load_image(pictures).X)
    assert (loaded.y, loaded.y_train, loaded.y_test) == (None, None, None)
    model = word2vec(["a", "b", "c"])
    loaded = DSTorch.load_text(documents.drop("index"), model, col("tokens"), cn=["p", "q"])
    expected = DSTorch.load_text(documents, model, col("tokens"), col("label"))
    assert torch.equal(loaded.X_test, expected.X) and loaded.y is None


def test_own_digit_and_sentence_take_three_lines(pictures, documents):
    """The model always predicts the second class, so the names show which one that is."""

    def second(batch):
        return torch.eye(2)[torch.ones(len(batch), dtype=torch.int64)]

    model = nn.Module()
    model.forward = second
    mine = pl.DataFrame({"filepath": [pictures["filepath"][0]]})
    loaded = DSTorch.load_image(mine, scale=True, cn=["a", "b"])
    assert DSTorch.predict(model, loaded.X, loaded.y, loaded.cn).to_dicts() == [
        {"prediction_": "b"}
    ]
    mine = pl.DataFrame({"tokens": [["b", "b", "a"]]})
    loaded = DSTorch.load_text(mine, word2vec(["a", "b"]), col("tokens"), cn=["p", "q"])
    sure = DSTorch.predict_proba(model, loaded.X, loaded.y, loaded.cn)
    assert sure.columns == ["prediction_", "prob_pred_", "p", "q"]
    assert sure["q"].item() == pytest.approx(np.e / (1 + np.e))


def run_example(function, names):
    """Run the lines of a docstring's example, and return the value of the last one."""
    lines = [example.source for example in DocTestParser().get_examples(function.__doc__)]
    assert len(lines) > 2
    for line in lines[:-1]:
        exec(line, names)
    return eval(lines[-1], names)


@pytest.mark.thorough
def test_the_example_reads_digits_from_photographs(tmp_path, monkeypatch):
    """The photographs are digits in dark ink on grey paper, large, in colour, with some noise.

    Every other one was taken with the phone held sideways, as its EXIF data state.
    """
    monkeypatch.chdir(tmp_path)
    set_seed()
    pixels, cn = load_digits().images * 255 / 16, list(range(10))
    small = [Image.fromarray(p.astype(np.uint8)).resize((20, 20)) for p in pixels]
    large = np.zeros((len(small), 1, 28, 28), np.float32)
    large[:, 0, 4:24, 4:24] = np.stack([np.asarray(p) / 255 for p in small])
    X, y = torch.from_numpy(large), torch.from_numpy(load_digits().target)
    cnn = SimpleCNN()
    DSTorch.train(cnn, torch.optim.Adam(cnn.parameters()), X[100:], y[100:], num_epochs=4)
    rng, read = np.random.default_rng(14), []
    for row in range(40):
        ink = np.kron(large[row, 0], np.ones((12, 12))) + rng.normal(0, 0.01, (336, 336))
        photograph = np.stack([215 - 170 * ink] * 3, axis=2).clip(0, 255).astype(np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6 if row % 2 else 1
        stored = np.rot90(photograph) if row % 2 else photograph
        Image.fromarray(np.ascontiguousarray(stored)).save("7.jpg", exif=exif)
        names = {"Image": Image, "ImageOps": ImageOps, "pl": pl, "DSTorch": DSTorch}
        frame = run_example(DSTorch.load_image, names | {"cnn": cnn, "cn": cn})
        read.append(frame["prediction_"].item())
        with Image.open("7.png") as stored:
            np.testing.assert_allclose(1 - np.asarray(stored) / 255, large[row, 0], atol=0.15)
    straight = DSTorch.predict(cnn, X[:40], None, cn)["prediction_"].to_list()
    assert np.mean(np.equal(read, straight)) > 0.9
    assert np.mean(np.equal(read, y[:40].numpy())) > 0.85


def test_the_example_scores_a_sentence():
    torch.manual_seed(14)
    w2v = word2vec(["not", "like", "it", "i", "did", "good"])
    text_cnn = TextCNN(torch.randn(7, 2)).eval()
    names = {"pl": pl, "c": col, "DSTorch": DSTorch, "w2v": w2v, "text_cnn": text_cnn}
    frame = run_example(DSTorch.load_text, names | {"cn": ["negative", "positive"]})
    words = ["i", "did", "not", "like", "it"] + ["padding"] * 195
    indices = [dict(w2v.wv.key_to_index, padding=6)[word] for word in words]
    expected = text_cnn(torch.tensor([indices])).softmax(dim=1)[0].tolist()
    assert frame.columns == ["prediction_", "prob_pred_", "negative", "positive"]
    assert frame.select("negative", "positive").row(0) == pytest.approx(expected, abs=1e-6)


BAD_NAMES = {
    "labels of other classes": (["a", "z"], ["'b'", "not among the class names", "'z'"]),
    "a set": ({"a", "b"}, ["cn must be a list", "'set'"]),
    "a text": ("ab", ["cn must be a list", "'ab'"]),
    "twice": (["a", "b", "a"], ["cn must be a list of distinct", "has duplicates"]),
    "none": ([], ["cn must be a list", "is empty"]),
    "two types": (["a", 1], ["cn must be a list", "type"]),
}


@pytest.mark.parametrize(("cn", "expected"), BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_bad_class_names(pictures, documents, cn, expected):
    documents = documents.with_columns(label=col("label").replace({"p": "a", "q": "b"}))
    for load in (
        lambda: DSTorch.load_image(pictures, cn=cn),
        lambda: DSTorch.load_text(documents, word2vec(["a"]), col("tokens"), col("label"), cn=cn),
    ):
        with pytest.raises(ValueError) as caught:
            load()
        assert all(part in str(caught.value) for part in expected), str(caught.value)


# --- what stays as it was ----------------------------------------------------------------------


def global_random_states():
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()


def test_loading_does_not_change_frame_model_or_random_state(pictures, documents):
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
    tokens = [["a", "b"], ["b"], ["b", "x"], ["c", "x", "a"], ["a"]] * 2
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


# a change to a good frame, and words of the message: what, where, what was expected
BAD_PICTURES = {
    "empty frame": (lambda df: df.clear(), ["the classes []", "check your filters"]),
    "no label column": (lambda df: df.drop("label"), ["label_name", 'column "label"', "filepath"]),
    "no filepath column": (lambda df: df.drop("filepath"), ['column "filepath"', "label"]),
    "no index column": (lambda df: df.drop("index"), ['column "index"', "label"]),
    "label missing": (replaced("label", 1, None), ["'label'", "missing", "[1]"]),
    "path missing": (replaced("filepath", 1, None), ["'filepath'", "missing", "[1]"]),
    "split missing": (replaced("index", 1, None), ["'index'", "missing", "[1]"]),
    "label NaN": (
        lambda df: df.with_columns(label=pl.Series([0.0, 1.0, float("nan"), 1.0, 0.0, 1.0])),
        ["'label'", "missing", "[2]"],
    ),
    "paths are numbers": (
        lambda df: df.with_columns(filepath=pl.Series(range(6))),
        ["'filepath'", "Int64", "not paths as text", "str(path)"],
    ),
    "no such file": (
        replaced("filepath", 2, "no/such.png"),
        ["no/such.png", "row 2", "No such file", "make data"],
    ),
    "a folder": (replaced("filepath", 2, "/"), ["/ (row 2)", "cannot be read", "PNG or JPEG"]),
    "not a picture": (
        overwritten(3, lambda path: path.write_text("a text")),
        ["3.png (row 3)", "cannot be read", "PNG or JPEG"],
    ),
    "half a picture": (
        overwritten(3, lambda path: path.write_bytes(path.read_bytes()[:-30])),
        ["3.png (row 3)", "cannot be read", "PNG or JPEG"],
    ),
    "mode F": (
        overwritten(3, lambda path: Image.new("F", (4, 3)).save(path, format="TIFF")),
        ["3.png (row 3)", "mode F", "RGBA"],
    ),
    "path with backslashes": (
        replaced("filepath", 2, "data\\2.png"),
        ["data\\2.png (row 2)", "check the path"],
    ),
    "one class": (
        lambda df: df.with_columns(label=pl.lit("a")),
        ["'label'", "['a']", "two are needed"],
    ),
    "labels are lists": (
        lambda df: df.with_columns(label=pl.concat_list("label")),
        ["'label'", "List(String)", "one class"],
    ),
    "a measurement": (
        lambda df: df.with_columns(label=pl.Series([1, 2, 3, 1, 2, 9])),
        ["[9]", "never occur in training", "regression"],
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
    "nothing to test": (
        lambda df: df.with_columns(index=pl.lit("train")),
        ["'index'", "['train']", "'train' and 'test'", "cn=cn"],
    ),
    "nothing to train": (
        lambda df: df.with_columns(index=pl.lit("test")),
        ["'index'", "['test']", "'train' and 'test'", "cn=cn"],
    ),
    "label not in training": (
        replaced("label", 5, "zebra"),
        ["['zebra']", "never occur in training"],
    ),
}


@pytest.mark.parametrize(("change", "expected"), BAD_PICTURES.values(), ids=BAD_PICTURES.keys())
def test_bad_pictures(pictures, change, expected):
    bad = change(pictures)
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        DSTorch.load_image(bad)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_cheap_checks_precede_the_reading_of_pictures(pictures):
    """Of two faults, the one that is found without opening a file is reported."""
    nowhere = pictures.with_columns(filepath=pl.lit("no/such.png"))
    for bad in (nowhere.with_columns(index=pl.lit("valid")), nowhere.with_columns(label=pl.lit(1))):
        with pytest.raises(ValueError, match=r"Column '(index|label)'"):
            DSTorch.load_image(bad)


FRAMES = {
    "load_image": DSTorch.load_image,
    "load_text": lambda df: DSTorch.load_text(df, word2vec(["a"]), col("tokens"), col("label")),
    "plot_image_grid": DSImage.plot_image_grid,
    "umap": lambda df: DSSklearn.umap(df, [col("label")]),
    "pca": lambda df: DSSklearn.pca(df, [col("label")]),
    "tsne": lambda df: DSSklearn.tsne(df, [col("label")]),
    "logistic_regression_cv": lambda df: DSSklearn.logistic_regression_cv(df, col("label")),
    "print_rows": print_rows,
}


@pytest.mark.parametrize("call", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (pl.DataFrame.lazy, ["LazyFrame", "df.collect()"]),
        (pl.DataFrame.to_pandas, ["pandas", "pl.from_pandas(df)"]),
    ],
)
def test_frames_of_other_libraries_are_named(pictures, call, change, expected):
    with pytest.raises(ValueError) as caught:
        call(change(pictures))
    assert all(part in str(caught.value) for part in ["df is <class", *expected]), str(caught.value)


NEWS = [f"The council voted on plan {number}, again. " * 300 for number in range(5000)]
# much data, and calls that are wrong on every row of it
ENDLESS = {
    "split is a row number": lambda df: load_news(df.with_row_index("row"), index="row"),
    "label is the text": lambda df: load_news(df, label_expr=col("text")),
    "tokens are the text": lambda df: load_news(df, tokens_expr=col("text")),
    "no such column": lambda df: load_news(df.rename({"text": "n" * 5000}), index="part"),
    "no such label": lambda df: load_news(df, label_expr=col("x" * 5000)),
    "no tokens": lambda df: load_news(df, tokens_expr=col("text").str.extract_all("[0-9]{9}")),
    "a decimal for each": lambda df: load_news(df, label_expr=pl.int_range(pl.len()) / 7),
    "a number for each": lambda df: load_news(df, label_expr=pl.int_range(pl.len())),
    "texts for class names": lambda df: load_news(df, cn=NEWS),
    "pad_idx": lambda df: load_news(df, pad_idx=NEWS),
    "a path": lambda df: DSImage.plot_image_grid(df, "label", filepath="text"),
    "class names and logits": lambda df: DSTorch.predict(
        nn.Identity(), torch.zeros(9, 2), torch.zeros(9, dtype=torch.int64), NEWS
    ),
}


def load_news(df, **changes):
    good = {"tokens_expr": col("text").str.extract_all("[a-z]+"), "label_expr": col("label")}
    return DSTorch.load_text(df, word2vec(["council", "plan"]), **good | changes)


@pytest.mark.thorough
@pytest.mark.parametrize("call", ENDLESS.values(), ids=ENDLESS.keys())
def test_messages_are_short_for_any_data(call):
    split = ["train"] * 4000 + ["test"] * 1000
    df = pl.DataFrame({"text": NEWS, "label": ["a", "b"] * 2500, "index": split})
    with pytest.raises((ValueError, FileNotFoundError, TypeError)) as caught:
        call(df)
    assert 20 < len(str(caught.value)) <= 600, len(str(caught.value))
    assert isinstance(caught.value, ValueError | FileNotFoundError)


@pytest.mark.thorough
def test_long_values_do_not_cut_off_the_expectation():
    df = pl.DataFrame({"text": NEWS, "label": NEWS, "index": NEWS})
    with pytest.raises(ValueError, match="expected 'train' and 'test'"):
        load_news(df)
    with pytest.raises(ValueError, match=r"not among the class names.*'b'"):
        load_news(df.drop("index"), cn=["a", "b"])


def test_bad_split_names_the_requested_column(documents):
    bad = documents.rename({"index": "part"}).with_columns(part=pl.lit("train"))
    with pytest.raises(ValueError, match="'part'"):
        DSTorch.load_text(bad, word2vec(["a"]), col("tokens"), col("label"), index="part")


# arguments that replace good ones (a callable makes them from the good frame), and the message
BAD_DOCUMENTS = {
    "empty frame": ({"df": lambda df: df.clear()}, ["the classes []", "check your filters"]),
    "no index column": ({"index": "part"}, ['column "part"', "tokens"]),
    "split value": (
        {"df": replaced("index", 0, "Train")},
        ["'index'", "'Train'", "'train' and 'test'"],
    ),
    "one label for all": (
        {"label_expr": pl.lit("p")},
        ["label_expr", "1 columns of 1 values", "for 10 rows"],
    ),
    "no labels": ({"label_expr": None}, ["Labels are missing", "cn=cn"]),
    "ratings": (
        {"df": lambda df: pl.concat([df] * 3).with_columns(label=pl.int_range(30) / 7)},
        ["never occur", "regression"],
    ),
    "two columns of tokens": ({"tokens_expr": pl.all()}, ["tokens_expr", "3 columns"]),
    "no such column": ({"tokens_expr": col("toknes")}, ["tokens_expr", "toknes"]),
    "text missing": ({"df": replaced("tokens", 4, None)}, ["tokens", "missing", "[4]"]),
    "no tokens": ({"df": replaced("tokens", 3, [])}, ["no tokens", "[3]"]),
    "null tokens": ({"df": replaced("tokens", 2, ["a", None])}, ["null", "[2]"]),
    "tokens are texts": (
        {"tokens_expr": col("label")},
        ["tokens_expr", "String", "lists of strings"],
    ),
    "tokens are numbers": (
        {"tokens_expr": pl.concat_list(col("label").str.len_bytes())},
        ["100% of the tokens", "'1'"],
    ),
    "one document for all": (
        {"tokens_expr": col("tokens").first()},
        ["tokens_expr", "1 columns of 1 values", "for 10 rows"],
    ),
    "no known token": (
        {"model": word2vec(["zero", "one"])},
        ["100% of the tokens", "2 words", "'zero'", "'a'"],
    ),
    "empty vocabulary": (
        {"model": SimpleNamespace(wv=KeyedVectors(2))},
        ["100% of the tokens", "0 words"],
    ),
    "no model": ({"model": "glove"}, ["model", "'str'", "KeyedVectors"]),
    "max_length 1.5": ({"max_length": 1.5}, ["max_length is 1.5", "whole number"]),
    "pad_idx 0.5": ({"pad_idx": 0.5}, ["pad_idx is 0.5", "index of a word"]),
    "max_length 0": ({"max_length": 0}, ["max_length is 0", "whole number above 0"]),
    "pad_idx -1": ({"pad_idx": -1}, ["pad_idx is -1", "index of a word", "3, the number of words"]),
    "pad_idx too large": ({"pad_idx": 4}, ["pad_idx is 4", "index of a word", "or 3"]),
}


@pytest.mark.parametrize(("bad", "expected"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_bad_documents(documents, bad, expected):
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
    assert all(part in str(caught.value) for part in expected), str(caught.value)
