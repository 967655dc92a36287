"""Picture grids, confusion matrices and maps of points: what is drawn, and bad inputs."""

import random

import matplotlib.pyplot as plt
import numpy as np
import plotnine as p9
import polars as pl
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from polars import col
from sklearn.metrics import confusion_matrix
from threadpoolctl import threadpool_limits

from funs import DSImage, DSSklearn, DSTorch

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


def drawn(figure):
    """Return the axes that show a picture."""
    return [ax for ax in figure.axes if ax.get_images()]


@pytest.mark.parametrize(
    ("count", "ncol", "limit", "grid", "shown"),
    [
        (7, 3, 100, (3, 3), 7),
        (6, 3, 100, (2, 3), 6),
        (1, 10, 100, (1, 10), 1),
        (7, 3, 4, (2, 3), 4),
        (5, 1, 100, (5, 1), 5),
    ],
)
def test_grid_shows_each_picture_under_its_label(tmp_path, count, ncol, limit, grid, shown):
    df = write_pictures(tmp_path, count)
    before = df.clone()
    figure = DSImage.plot_image_grid(df, ncol=ncol, limit=limit)
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_gridspec().get_geometry() == grid
    assert [ax.get_title() for ax in drawn(figure)] == df["label"].to_list()[:shown]
    for ax, path in zip(drawn(figure), df["filepath"], strict=False):
        with Image.open(path) as image:
            np.testing.assert_array_equal(ax.get_images()[0].get_array(), np.asarray(image))
    assert not any(ax.axison for ax in figure.axes)
    assert df.equals(before)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_grid_draws_pictures_of_any_mode_and_size(tmp_path, mode, size):
    df = write_pictures(tmp_path, 2, mode, size)
    figure = DSImage.plot_image_grid(df, ncol=2)
    figure.canvas.draw()
    with Image.open(df["filepath"][1]) as image:
        shown = drawn(figure)[1].get_images()[0].get_array()
        np.testing.assert_array_equal(shown, np.asarray(image))


def test_ink_is_as_dark_as_its_pixel_is_large(tmp_path):
    """0 is white and 255 black, also in a picture that is all of one grey."""
    for value in (0, 128, 255):
        Image.new("L", (2, 2), value).save(tmp_path / f"{value}.png")
    paths = [str(tmp_path / f"{value}.png") for value in (0, 128, 255)]
    df = pl.DataFrame({"label": paths, "filepath": paths})
    images = [ax.get_images()[0] for ax in drawn(DSImage.plot_image_grid(df))]
    white, grey, black = (image.to_rgba(image.get_array())[0, 0, 0] for image in images)
    assert (white, black) == (1, 0)
    assert grey == pytest.approx(0.5, abs=0.01)


def test_grid_takes_other_columns_and_leaves_no_open_figure(tmp_path):
    df = write_pictures(tmp_path, 2).rename({"label": "prediction_", "filepath": "file"})
    before = plt.get_fignums()
    figure = DSImage.plot_image_grid(df, label_name="prediction_", filepath="file")
    assert [ax.get_title() for ax in drawn(figure)] == ["title 0", "title 1"]
    assert plt.get_fignums() == before


def test_empty_frame_draws_a_line_of_text(tmp_path):
    untyped = pl.DataFrame({"label": [], "filepath": []})
    for df in (write_pictures(tmp_path, 2).clear(), untyped):
        figure = DSImage.plot_image_grid(df)
        assert drawn(figure) == []
        assert [text.get_text() for text in figure.texts] == ["no picture to show"]


# arguments that replace good ones (df: a change of the good frame), and what the message says
BAD_GRIDS = {
    "no label column": ({"label_name": "prediction_"}, ["'prediction_'", "label", "filepath"]),
    "no filepath column": ({"filepath": "file"}, ["'file'", "label", "filepath"]),
    "paths are numbers": ({"df": lambda df: df.with_columns(filepath=1)}, ["'filepath'", "Int32"]),
    "path missing": (
        {"df": lambda df: df.with_columns(filepath=pl.lit(None, pl.String))},
        ["None (row 0)", "cannot be read as a picture"],
    ),
    "no such file": (
        {"df": lambda df: df.with_columns(filepath=pl.lit("no/such.png"))},
        ["no/such.png (row 0)", "no such file", "make data"],
    ),
    "not a picture": (
        {"df": lambda df: df.with_columns(filepath=pl.lit(__file__))},
        ["test_funs_plots.py (row 0)", "cannot be read as a picture"],
    ),
    "ncol 0": ({"ncol": 0}, ["ncol is 0", "1 or more"]),
    "limit below 0": ({"limit": -1}, ["limit is -1", "1 or more"]),
}


@pytest.mark.parametrize(("bad", "says"), BAD_GRIDS.values(), ids=BAD_GRIDS.keys())
def test_bad_grids(tmp_path, bad, says):
    df = write_pictures(tmp_path, 3)
    if "df" in bad:
        bad = {"df": bad["df"](df)}
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        DSImage.plot_image_grid(**{"df": df} | bad)
    assert all(part in str(caught.value) for part in says), str(caught.value)
    assert not plt.get_fignums()


# --- confusion matrices ------------------------------------------------------------------------


@pytest.mark.parametrize("cn", [["a", "b", "c"], [3, 5, 8], [False, True], [0.5, 1.5, 2.5]])
def test_confusion_matrix_counts_as_scikit_learn_does(cn):
    generator = torch.Generator().manual_seed(14)
    logits = torch.randn(80, len(cn), generator=generator)
    y = torch.randint(0, len(cn), (80,), generator=generator)
    plot = DSTorch.confusion_matrix(torch.nn.Identity(), logits, y, cn)
    assert isinstance(plot, p9.ggplot)
    expected = confusion_matrix(y, np.argmax(logits.numpy(), axis=1))
    figure = plot.draw()
    (ax,) = figure.axes
    across = [tick.get_text() for tick in ax.get_xticklabels()]
    down = [tick.get_text() for tick in ax.get_yticklabels()][::-1]
    assert len(across) == len(cn) and across == down
    assert [name.lower() for name in across] == [str(name).lower() for name in cn]
    columns = dict(zip(ax.get_xticks(), range(len(cn)), strict=True))
    rows = dict(zip(sorted(ax.get_yticks(), reverse=True), range(len(cn)), strict=True))
    counts = np.zeros_like(expected)
    for text in ax.texts:
        x, height = text.get_position()
        counts[rows[round(height)], columns[round(x)]] = int(text.get_text())
    np.testing.assert_array_equal(counts, expected)
    plt.close(figure)


def test_confusion_matrix_shows_a_class_that_never_occurs():
    logits = torch.tensor([[9.0, 0, 0], [0, 9, 0]])
    plot = DSTorch.confusion_matrix(torch.nn.Identity(), logits, torch.tensor([0, 0]), list("abc"))
    figure = plot.draw()
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]
    written = {text.get_text() for text in figure.findobj(Text)}
    assert {"predicted class", "true class"} <= written
    plt.close(figure)


# --- maps of points ----------------------------------------------------------------------------

REDUCERS = {
    "umap": (DSSklearn.umap, {"n_neighbors": 4}),
    "pca": (DSSklearn.pca, {}),
    "tsne": (DSSklearn.tsne, {"perplexity": 5, "max_iter": 500}),
}


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
    """List columns are spread; each feature is standardised, else the wide ones would rule."""
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


@pytest.mark.parametrize(("reduce", "kwargs"), REDUCERS.values(), ids=REDUCERS.keys())
def test_maps_repeat_and_keep_the_frame(points, reduce, kwargs):
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


def test_seed_of_a_map_can_be_chosen(points):
    default, same, other = (
        DSSklearn.umap(points, [col("e")], n_neighbors=4, **seed).predict()
        for seed in ({}, {"random_state": 14}, {"random_state": 15})
    )
    assert default.equals(same)
    assert not default.equals(other)


@pytest.mark.parametrize(("reduce", "kwargs"), REDUCERS.values(), ids=REDUCERS.keys())
def test_nearest_on_the_map_is_of_the_same_cloud(reduce, kwargs):
    rng = np.random.default_rng(14)
    clouds = [rng.normal(mean, 1, (15, 5)) for mean in (0, 20)]
    df = pl.DataFrame({"e": np.concatenate(clouds).tolist()})
    xy = reduce(df, [col("e")], **kwargs).predict().to_numpy()
    distance = np.linalg.norm(xy[:, None] - xy, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (distance.argmin(axis=1) // 15).tolist() == [0] * 15 + [1] * 15


# a change of the good frame, and what the message must say
BAD_POINTS = {
    "empty frame": (lambda df: df.clear(), ["frame is empty"]),
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
        ["'e'", "differ in length"],
    ),
    "texts": (lambda df: df.with_columns(x=col("name") + "a"), ["'x'", "String", "numbers"]),
    "lists of texts": (
        lambda df: df.with_columns(e=pl.concat_list("name", "name")),
        ["'e'", "List(String)", "numbers"],
    ),
}


@pytest.mark.parametrize(("change", "says"), BAD_POINTS.values(), ids=BAD_POINTS.keys())
def test_bad_points(points, change, says):
    bad = change(points)
    for reduce in (DSSklearn.umap, DSSklearn.pca, DSSklearn.tsne):
        with pytest.raises(ValueError) as caught:
            reduce(bad, [col("x"), col("e")])
        assert all(part in str(caught.value) for part in says), str(caught.value)
