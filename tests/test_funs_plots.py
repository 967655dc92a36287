"""Test picture grids, confusion matrices, reductions and the classifier, and invalid arguments."""

import itertools
import random
import re

import matplotlib.pyplot as plt
import numpy as np
import plotnine as p9
import polars as pl
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image
from polars import col
from sklearn.datasets import load_digits, load_sample_images, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from funs import DSImage, DSSklearn, DSTorch, print_rows

# --- grids of pictures -------------------------------------------------------------------------


def write_pictures(folder, count, mode="L", size=(4, 3)):
    rng = np.random.default_rng(14)
    paths = [str(folder / f"{number}.png") for number in range(count)]
    for path in paths:
        channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
        shape = (size[1], size[0], *channels)
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path)
    labels = [f"title {number}" for number in range(count)]
    return pl.DataFrame({"label": labels, "filepath": paths})


def parts(figure):
    """Return the pictures and the titles of a figure, in reading order."""
    (ax,) = figure.axes  # one canvas: an axes for each picture would take seconds to draw
    return ax.get_images(), [text for text in ax.texts if text.get_text()]


def places(figure):
    """Return the positions of pictures and titles, in inches from the top left: x0, y0, x1, y1."""
    figure.canvas.draw()
    boxes = []
    for artists in parts(figure):
        extents = [artist.get_window_extent().transformed(dots(figure)) for artist in artists]
        boxes.append([(box.x0, -box.y1, box.x1, -box.y0) for box in extents])
    return boxes


def dots(figure):
    return Affine2D().translate(0, -figure.bbox.height).scale(1 / figure.dpi)


def overlap(one, other):
    return all(
        min(one[side + 2], other[side + 2]) - max(one[side], other[side]) > 0.005 for side in (0, 1)
    )


@pytest.mark.parametrize(
    ("count", "ncol", "limit", "shown"),
    [(7, 3, 100, 7), (1, 10, 100, 1), (7, 3, 4, 4), (5, 1, 100, 5)],
)
def test_grid_shows_each_picture_below_its_label(tmp_path, count, ncol, limit, shown):
    df = write_pictures(tmp_path, count)
    before = df.clone()
    figure = DSImage.plot_image_grid(df, ncol=ncol, limit=limit)
    assert isinstance(figure, Figure)
    images, titles = parts(figure)
    assert [" ".join(title.get_text().split()) for title in titles] == df["label"].to_list()[:shown]
    for image, path in zip(images, df["filepath"].head(shown), strict=True):
        with Image.open(path) as file:
            np.testing.assert_array_equal(image.get_array(), np.asarray(file))
    pictures, titles = places(figure)
    columns = sorted({round(box[0], 3) for box in pictures})
    rows = sorted({round(box[1], 3) for box in pictures})
    assert len(columns) == min(ncol, shown)
    for number, (box, title) in enumerate(zip(pictures, titles, strict=True)):
        assert round(box[0], 3) == columns[number % ncol]
        assert round(box[1], 3) == rows[number // ncol]
        assert title[3] <= box[1]  # above its own picture …
        assert box[1] - title[3] < 0.1  # … and near it
        assert (title[0] + title[2]) / 2 == pytest.approx((box[0] + box[2]) / 2, abs=0.02)
    assert not any(ax.axison for ax in figure.axes)
    assert df.equals(before)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
def test_grid_draws_pictures_of_any_mode_and_size(tmp_path, mode, size):
    df = write_pictures(tmp_path, 2, mode, size)
    figure = DSImage.plot_image_grid(df, ncol=2)
    with Image.open(df["filepath"][1]) as file:
        np.testing.assert_array_equal(parts(figure)[0][1].get_array(), np.asarray(file))
    for left, top, right, bottom in places(figure)[0]:
        assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.01)


GARMENTS = ["t-shirt=>pullover", "ankle boot", "dress", "W" * 30, "trousers => sandal bag", "coat"]


@pytest.mark.parametrize("ncol", [2, 10])
@pytest.mark.parametrize("size", [None, 0.3, 1.5])
@pytest.mark.parametrize(
    "labels",
    [
        GARMENTS,
        ["The council voted on the plan again. " * 40, "no"],
        ["a\nb", "$5", "1 %\n"],
    ],
)
def test_titles_never_overlap(tmp_path, labels, size, ncol):
    df = write_pictures(tmp_path, 12, size=(5, 4))
    df = df.with_columns(label=pl.Series([labels[row % len(labels)] for row in range(12)]))
    figure = DSImage.plot_image_grid(df, ncol=ncol, size=size)
    pictures, titles = places(figure)
    assert len(pictures) == len(titles) == 12
    boxes = pictures + titles
    assert not [pair for pair in itertools.combinations(boxes, 2) if overlap(*pair)]
    width, height = figure.get_size_inches()
    assert all(x0 >= 0 and x1 <= width + 0.01 for x0, _, x1, _ in boxes)
    assert all(y0 >= -0.01 and y1 <= height + 0.01 for _, y0, _, y1 in boxes)


TITLES = {
    "4 → 9\n97 %": ["4 → 9", "97 %"],  # the reader's own lines are kept
    "trousers => sandal": ["trousers", "=> sandal"],
    "W" * 15: ["W" * 10, "W" * 5],
    "one two " * 7: ["one two", "one two", "one two", "one two", "one two", "…"],
}


@pytest.mark.parametrize(("title", "lines"), TITLES.items())
def test_titles_are_broken_between_words_into_at_most_six_lines(tmp_path, title, lines):
    df = write_pictures(tmp_path, 1).with_columns(label=pl.lit(title))
    (shown,) = parts(DSImage.plot_image_grid(df, size=0.6))[1]
    assert shown.get_text().splitlines() == lines


@pytest.mark.parametrize("label", ["$5 and $6", "$\\frac{1}{$", "cost: $", "a_b^c\\alpha"])
def test_dollar_signs_are_literal(tmp_path, label):
    df = write_pictures(tmp_path, 1).with_columns(label=pl.lit(label))
    figure = DSImage.plot_image_grid(df)
    figure.savefig(tmp_path / "drawn.png")
    (title,) = parts(figure)[1]
    assert title.get_text() == label
    assert not title.get_parse_math()


def test_size_applies_to_each_picture(tmp_path):
    df = write_pictures(tmp_path, 12, size=(6, 4))
    longer = [
        right - left for left, _, right, _ in places(DSImage.plot_image_grid(df, 3, size=3))[0]
    ]
    assert longer == pytest.approx([3] * 12, rel=0.06)  # minus the gap between them
    widths = [
        DSImage.plot_image_grid(df.head(count), ncol).get_size_inches()[0]
        for count, ncol in [(12, 12), (12, 10), (12, 3), (3, 10), (12, 1), (1, 10)]
    ]
    assert widths == pytest.approx([6, 6, 6, 6, 2, 2])


@pytest.mark.parametrize("label_name", [None, "label"])
def test_labels_are_optional(tmp_path, label_name):
    df = write_pictures(tmp_path, 4)
    df = df if label_name else df.drop("label")
    images, titles = parts(DSImage.plot_image_grid(df, label_name=label_name))
    assert (len(images), len(titles)) == (4, 4 if label_name else 0)


def shades(figure):
    """Return how bright each pixel of each picture is drawn, from 0 to 1."""
    return [image.to_rgba(image.get_array())[..., 0] for image in parts(figure)[0]]


def saved(folder, pictures):
    """Save grey pictures, and return the frame that lists them."""
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    paths = [str(folder / f"{number}.png") for number in range(len(pictures))]
    return pl.DataFrame({"label": paths, "filepath": paths})


def photographs():
    """Two grey photographs, the second with a rather dark background."""
    return [
        np.asarray(Image.fromarray(pixels).convert("L")) for pixels in load_sample_images().images
    ]


@pytest.mark.parametrize("invert", [None, False, True])
def test_grey_photographs_are_not_inverted(tmp_path, invert):
    pictures = photographs()
    film = pictures[0].copy()
    film[:60] = film[-60:] = 0  # black bars above and below
    for group in ([pictures[0]], [pictures[1]], [film], pictures):
        figure = DSImage.plot_image_grid(saved(tmp_path, group), invert=invert)
        for shown, pixels in zip(shades(figure), group, strict=True):
            expected = 1 - pixels / 255 if invert else pixels / 255
            np.testing.assert_allclose(shown, expected, atol=0.01)


@pytest.mark.parametrize("invert", [None, False, True])
def test_digits_on_black_are_drawn_as_ink_on_paper(tmp_path, invert):
    digits = load_digits().images[:30] * 255 / 16
    figure = DSImage.plot_image_grid(saved(tmp_path, digits), invert=invert)
    for shown, pixels in zip(shades(figure), digits.astype(np.uint8), strict=True):
        expected = pixels / 255 if invert is False else 1 - pixels / 255
        np.testing.assert_allclose(shown, expected, atol=0.01)


def test_colours_are_never_inverted(tmp_path):
    pixels = load_sample_images().images[1]
    Image.fromarray(pixels).save(tmp_path / "flower.png")
    df = pl.DataFrame({"label": ["flower"], "filepath": [str(tmp_path / "flower.png")]})
    (image,), _ = parts(DSImage.plot_image_grid(df, invert=True))
    np.testing.assert_array_equal(image.to_rgba(image.get_array(), bytes=True)[..., :3], pixels)


def test_brightness_is_absolute_even_in_a_uniform_picture(tmp_path):
    pictures = [np.full((2, 2), value) for value in (0, 128, 255)]
    shown = shades(DSImage.plot_image_grid(saved(tmp_path, pictures), invert=False))
    assert [picture[0, 0] for picture in shown] == pytest.approx([0, 0.5, 1], abs=0.01)


def test_grid_accepts_other_columns_and_closes_its_figure(tmp_path):
    df = write_pictures(tmp_path, 2).rename({"label": "prediction_", "filepath": "file"})
    before = plt.get_fignums()
    figure = DSImage.plot_image_grid(df, label_name="prediction_", filepath="file")
    assert [title.get_text() for title in parts(figure)[1]] == ["title 0", "title 1"]
    assert plt.get_fignums() == before


def test_empty_frame_draws_a_line_of_text(tmp_path):
    untyped = pl.DataFrame({"label": [], "filepath": []})
    for df in (write_pictures(tmp_path, 2).clear(), untyped):
        images, texts = parts(DSImage.plot_image_grid(df))
        assert not images
        assert [text.get_text() for text in texts] == ["no picture to show"]


# arguments that replace good ones (df: a change of the good frame), and what the message expected
BAD_GRIDS = {
    "no label column": ({"label_name": "prediction_"}, ["label_name", "prediction_"]),
    "no filepath column": ({"filepath": "file"}, ['column "file"', "label", "filepath"]),
    "path missing": (
        {"df": lambda df: df.with_columns(filepath=pl.lit(None, pl.String))},
        ["'filepath'", "missing", "[0, 1, 2]"],
    ),
    "no such file": (
        {"df": lambda df: df.with_columns(filepath=pl.lit("no/such.png"))},
        ["no/such.png (row 0)", "No such file", "make data"],
    ),
    "ncol 0": ({"ncol": 0}, ["ncol is 0", "whole number above 0"]),
    "limit below 0": ({"limit": -1}, ["limit is -1", "whole number above 0"]),
    "limit of None": ({"limit": None}, ["limit is None", "whole number above 0"]),
    "paths are numbers": (
        {"df": lambda df: df.with_columns(filepath=pl.lit(5))},
        ["'filepath'", "Int32", "not paths as text"],
    ),
    "no size": ({"size": 0}, ["size is 0", "inches"]),
}


@pytest.mark.parametrize(("bad", "expected"), BAD_GRIDS.values(), ids=BAD_GRIDS.keys())
def test_bad_grids(tmp_path, bad, expected):
    df = write_pictures(tmp_path, 3)
    if "df" in bad:
        bad = {"df": bad["df"](df)}
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        DSImage.plot_image_grid(**{"df": df} | bad)
    assert all(part in str(caught.value) for part in expected), str(caught.value)
    assert not plt.get_fignums()


# --- confusion matrices ------------------------------------------------------------------------


@pytest.mark.parametrize("cn", [["a", "b", "c"], [3, 5, 8], [False, True], [0.5, 1.5, 2.5]])
def test_confusion_matrix_matches_scikit_learn(cn):
    generator = torch.Generator().manual_seed(14)
    logits = torch.randn(80, len(cn), generator=generator)
    y = torch.randint(0, len(cn), (80,), generator=generator)
    plot = DSTorch.confusion_matrix(torch.nn.Identity(), logits, y, cn)
    assert isinstance(plot, p9.ggplot)
    expected = confusion_matrix(y, np.argmax(logits.numpy(), axis=1))
    np.testing.assert_array_equal(counted(plot, len(cn), cn), expected)


def counted(plot, classes, cn=None):
    """Return the counts in a plot: a row for each true class, a column for each predicted one."""
    figure = plot.draw()
    (ax,) = figure.axes
    across = [tick.get_text() for tick in ax.get_xticklabels()]
    down = [tick.get_text() for tick in ax.get_yticklabels()][::-1]
    assert len(across) == classes and across == down
    assert cn is None or [name.lower() for name in across] == [str(name).lower() for name in cn]
    columns = dict(zip(ax.get_xticks(), range(classes), strict=True))
    rows = dict(zip(sorted(ax.get_yticks(), reverse=True), range(classes), strict=True))
    counts = np.zeros((classes, classes), dtype=int)
    for text in ax.texts:
        x, height = text.get_position()
        counts[rows[round(height)], columns[round(x)]] = int(text.get_text())
    plt.close(figure)
    return counts


def test_confusion_matrix_shows_absent_classes():
    logits = torch.tensor([[9.0, 0, 0], [0, 9, 0]])
    plot = DSTorch.confusion_matrix(torch.nn.Identity(), logits, torch.tensor([0, 0]), list("abc"))
    figure = plot.draw()
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]
    written = {text.get_text() for text in figure.findobj(Text)}
    assert {"predicted class", "true class"} <= written
    plt.close(figure)


# --- maps of points ----------------------------------------------------------------------------

SLOW = pytest.mark.slow  # a process's first map by UMAP compiles it, which takes half a minute
UMAP = pytest.param(DSSklearn.umap, {"n_neighbors": 4}, id="umap", marks=SLOW)
PCA_ = pytest.param(DSSklearn.pca, {}, id="pca")
TSNE = pytest.param(DSSklearn.tsne, {"perplexity": 5, "max_iter": 500}, id="tsne")


@pytest.fixture(autouse=True)
def _one_thread():
    """Keep t-SNE's many short parallel loops from waiting for a second, busy processor."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def points():
    """Twenty points: one number, and a list of three."""
    rng = np.random.default_rng(14)
    lists = rng.normal(0, 50, (20, 3)).tolist()
    return pl.DataFrame({"name": [str(i) for i in range(20)], "x": rng.normal(size=20), "e": lists})


def test_pca_is_the_svd_of_standardised_columns(points):
    """List columns are spread; each feature is standardised, or the widest would dominate."""
    matrix = np.column_stack([points["x"].to_numpy(), np.array(points["e"].to_list())])
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    _, _, axes = np.linalg.svd(matrix)
    for features in ([col("x"), col("e")], [col("x"), col("e").list.to_array(3)]):
        frame = DSSklearn.pca(points, features=features).predict()
        assert frame.columns == ["dr0", "dr1"]
        for got, axis in zip(frame.to_numpy().T, axes[:2], strict=True):
            expected = matrix @ axis
            sign = np.sign(expected @ got)
            np.testing.assert_allclose(got * sign, expected, atol=1e-9)


@pytest.mark.parametrize(("reduce", "kwargs"), [UMAP, PCA_, TSNE])
def test_reductions_are_repeatable_and_preserve_the_frame(points, reduce, kwargs):
    before = points.clone()
    states = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    first = reduce(points, [col("x"), col("e")], **kwargs).predict(full=True)
    second = reduce(points, [col("x"), col("e")], **kwargs).predict(full=True)
    assert first.columns == ["name", "x", "e", "dr0", "dr1"]
    assert first.drop("dr0", "dr1").equals(points)
    assert first.equals(second)
    assert np.isfinite(first.select("dr0", "dr1").to_numpy()).all()
    assert points.equals(before)
    after = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    assert after == states


@pytest.mark.parametrize(
    ("reduce", "kwargs"),
    [UMAP, pytest.param(DSSklearn.tsne, {"perplexity": 5, "init": "random"}, id="tsne")],
)
def test_seed_of_a_reduction_can_be_chosen(points, reduce, kwargs):
    default, same, other = (
        reduce(points, [col("e")], **kwargs, **seed).predict()
        for seed in ({}, {"random_state": 14}, {"random_state": 15})
    )
    assert default.equals(same)
    assert not default.equals(other)


@pytest.mark.parametrize(("reduce", "kwargs"), [UMAP, PCA_, TSNE])
def test_nearest_neighbours_stay_in_the_same_cluster(reduce, kwargs):
    rng = np.random.default_rng(14)
    clouds = [rng.normal(mean, 1, (15, 5)) for mean in (0, 20)]
    df = pl.DataFrame({"e": np.concatenate(clouds).tolist()})
    xy = reduce(df, [col("e")], **kwargs).predict().to_numpy()
    distance = np.linalg.norm(xy[:, None] - xy, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (distance.argmin(axis=1) // 15).tolist() == [0] * 15 + [1] * 15


def test_all_components_are_kept(points):
    for count in (1, 2, 3):
        names = [f"dr{i}" for i in range(count)]
        features = [col("x"), col("e")]
        pca = DSSklearn.pca(points, features, n_components=count)
        matrix = StandardScaler().fit_transform(
            np.column_stack([points["x"], points["e"].to_list()])
        )
        expected = PCA(count).fit_transform(matrix)
        assert pca.predict().columns == names
        np.testing.assert_allclose(pca.predict().to_numpy(), expected, atol=1e-9)
        tsne = DSSklearn.tsne(points, features, n_components=count, perplexity=5, max_iter=250)
        assert tsne.predict(full=True).columns == [*points.columns, *names]


def test_drop_uses_all_other_columns_and_scale_is_optional(points):
    chosen = DSSklearn.pca(points, [col("x"), col("e")], scale=False).predict()
    assert DSSklearn.pca(points, drop=[col("name")], scale=False).predict().equals(chosen)
    assert DSSklearn.pca(points.drop("name"), scale=False).predict().equals(chosen)
    matrix = np.column_stack([points["x"], points["e"].to_list()])
    np.testing.assert_allclose(chosen.to_numpy(), PCA(2).fit_transform(matrix), atol=1e-9)
    assert not DSSklearn.pca(points, drop="name").predict().equals(chosen)


def test_names_that_would_overwrite_a_column_are_refused(points):
    pca = DSSklearn.pca(points.with_columns(dr1=0), [col("e")])
    with pytest.raises(ValueError, match=r"already has columns \['dr1'\].*prefix="):
        pca.predict(full=True)
    assert pca.predict(full=True, prefix="pc").columns == ["name", "x", "e", "dr1", "pc0", "pc1"]
    assert pca.predict(prefix="pc").columns == ["pc0", "pc1"]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("rows", [2, 3])
@pytest.mark.parametrize(("reduce", "kwargs"), [UMAP, TSNE])
def test_too_few_points_are_reported(points, rows, reduce, kwargs):
    """UMAP's own message is about eigenvalues of a sparse matrix."""
    with pytest.raises(ValueError, match=rf"cannot reduce {rows} rows: "):
        reduce(points.head(rows), [col("e")], **kwargs)


# a change to the good frame, and words of the message
BAD_POINTS = {
    "empty frame": (lambda df: df.clear(), ["cannot reduce 0 rows"]),
    "NaN": (lambda df: df.with_columns(x=pl.lit(float("nan"))), ["'x'", "NaN"]),
    "missing": (lambda df: df.with_columns(x=pl.lit(None, pl.Float64)), ["'x'", "missing"]),
    "infinite": (lambda df: df.with_columns(x=pl.lit(float("inf"))), ["'x'", "infinite"]),
    "missing list": (
        lambda df: df.with_columns(e=pl.lit(None, pl.List(pl.Float64))),
        ["'e'", "missing"],
    ),
    "missing in a list": (lambda df: df.with_columns(e=pl.concat_list(pl.lit(None), "x")), ["'e'"]),
    "missing whole number": (
        lambda df: df.with_columns(e=pl.concat_list(pl.lit(None, pl.Int64), pl.lit(1))),
        ["'e'", "missing"],
    ),
    "lists of different lengths": (
        lambda df: df.with_columns(e=col("e").list.head(pl.int_range(pl.len()))),
        ["'e'", "lists of one length"],
    ),
    "no such column": (lambda df: df.drop("x"), ["features", "x"]),
    "texts": (lambda df: df.with_columns(x=col("name") + "a"), ["'x'", "String", "numbers"]),
    "lists of texts": (
        lambda df: df.with_columns(e=pl.concat_list("name", "name")),
        ["'e'", "List(String)", "numbers"],
    ),
}


@pytest.mark.parametrize(("change", "expected"), BAD_POINTS.values(), ids=BAD_POINTS.keys())
def test_bad_points(points, change, expected):
    bad = change(points)
    for reduce in (DSSklearn.umap, DSSklearn.pca, DSSklearn.tsne):
        with pytest.raises(ValueError) as caught:
            reduce(bad, [col("x"), col("e")])
        assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_a_reduction_needs_features(points):
    with pytest.raises(ValueError, match="no features"):
        DSSklearn.pca(points.select("name"), drop="name")


# --- a classifier ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wine():
    """Wines shipped with scikit-learn: thirteen measurements, three growers; a third for tests."""
    data = load_wine(as_frame=True).frame
    df = pl.from_pandas(data).with_columns(target=pl.format("grower {}", col("target")))
    part = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("test")).otherwise(pl.lit("train"))
    return df.with_columns(index=part)


def by_hand(df, train):
    """Fit scikit-learn's own classifier to the same rows."""
    X, y = df.drop("target", "index", strict=False).to_numpy(), df["target"].to_numpy()
    logistic = LogisticRegressionCV(
        l1_ratios=(0.0,), use_legacy_attributes=False, scoring="accuracy", max_iter=500
    )
    return make_pipeline(StandardScaler(), logistic).fit(X[train], y[train]), X, y


def test_classifier_matches_scikit_learn(wine):
    train = (wine["index"] == "train").to_numpy()
    expected, X, y = by_hand(wine, train)
    classifier = DSSklearn.logistic_regression_cv(wine, col("target"), max_iter=500)
    assert classifier.score() == {
        "train": pytest.approx(expected.score(X[train], y[train])),
        "test": pytest.approx(expected.score(X[~train], y[~train])),
    }
    frame = classifier.predict_proba()
    growers = ["grower 0", "grower 1", "grower 2"]
    assert frame.columns == ["index_", "target_", "prediction_", "prob_pred_", *growers]
    assert frame["index_"].to_list() == wine["index"].to_list()
    assert frame["target_"].to_list() == wine["target"].to_list()
    assert frame["prediction_"].to_list() == expected.predict(X).tolist()
    np.testing.assert_allclose(frame.select(growers).to_numpy(), expected.predict_proba(X))
    assert (
        frame["prob_pred_"].to_list()
        == frame.select(pl.max_horizontal(growers)).to_series().to_list()
    )
    assert classifier.predict_proba(full=True).columns == [*wine.columns, *frame.columns]


def test_classifier_uses_features_or_all_columns_but_some(wine):
    few = [col("alcohol"), col("hue"), col("proline")]
    chosen = DSSklearn.logistic_regression_cv(wine, col("target"), features=few)
    others = wine.select(pl.exclude("target", "index", "alcohol", "hue", "proline")).columns
    dropped = DSSklearn.logistic_regression_cv(wine, col("target"), drop=others)
    assert chosen.predict_proba().equals(dropped.predict_proba())
    assert chosen.model.n_features_in_ == 3


def test_classifier_splits_at_random_without_index_column(wine):
    df = wine.drop("index")
    frames = [
        DSSklearn.logistic_regression_cv(df, col("target"), **how).predict_proba()
        for how in ({}, {}, {"random_state": 1}, {"test_size": 0.5, "stratify": col("target")})
    ]
    parts = [frame["index_"].to_list() for frame in frames]
    assert parts[0] == parts[1] != parts[2]
    assert [part.count("test") for part in parts] == [54, 54, 54, 89]
    for frame, share in zip(frames, [0.3, 0.3, 0.3, 0.5], strict=True):
        shares = frame.group_by("target_").agg((col("index_") == "test").mean())["index_"]
        assert shares.to_list() == pytest.approx([share] * 3, abs=0.02)
    _, test = train_test_split(
        np.arange(178), test_size=0.3, random_state=14, stratify=df["target"].to_numpy()
    )
    assert sorted(test) == [row for row, part in enumerate(parts[0]) if part == "test"]


def test_confusion_matrix_of_a_classifier_counts_the_test_rows(wine):
    classifier = DSSklearn.logistic_regression_cv(wine, col("target"), features=[col("ash")])
    counts = counted(classifier.confusion_matrix(), 3)
    test = classifier.predict_proba().filter(col("index_") == "test")
    np.testing.assert_array_equal(counts, confusion_matrix(test["target_"], test["prediction_"]))


def test_bad_calls_of_a_classifier(wine):
    bad = {
        r"'hue', has missing values in rows \[0\]": lambda: DSSklearn.logistic_regression_cv(
            wine.with_columns(hue=pl.when(pl.int_range(pl.len()) > 0).then(col("hue"))), col("hue")
        ),
        "never occur.*regression": lambda: DSSklearn.logistic_regression_cv(wine, col("alcohol")),
        "'train' and 'test'": lambda: DSSklearn.logistic_regression_cv(
            wine.with_columns(index=pl.lit("valid")), col("target")
        ),
        "rows cannot be split": lambda: DSSklearn.logistic_regression_cv(
            wine.drop("index"), col("target"), test_size=1000
        ),
        "training rows cannot be fitted": lambda: DSSklearn.logistic_regression_cv(
            wine, col("target"), cv=1000
        ),
        r"already has columns \['index_'\].*prefix=": lambda: DSSklearn.logistic_regression_cv(
            wine.with_columns(index_=1), col("target")
        ).predict_proba(full=True),
    }
    for expected, call in bad.items():
        with pytest.raises((ValueError, pl.exceptions.DuplicateError), match=expected):
            call()


# --- frames ------------------------------------------------------------------------------------


def test_print_rows_omits_nothing(capsys):
    df = pl.DataFrame({"row": range(100)})
    print_rows(df)
    assert [int(n) for n in re.findall(r"│ (\d+) +│", capsys.readouterr().out)] == list(range(100))
    print_rows(df, n=30)
    assert [int(n) for n in re.findall(r"│ (\d+) +│", capsys.readouterr().out)] == list(range(30))
    print_rows(df.clear())
    assert "shape: (0, 1)" in capsys.readouterr().out
    print(df)
    assert "…" in capsys.readouterr().out  # polars' own setting is as before
