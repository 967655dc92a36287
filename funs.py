"""Helpers for the book's cells, imported by ``from funs import *``.

Three parts, in reading order: the public interface, its implementation, and the checks of its
arguments. Names with _ are defined further down: ``_check(ok, message)`` raises an error unless
`ok`, ``with _explained(message):`` prefixes an error's message. Invalid arguments raise a
ValueError that states the mistake, its location, and what was expected. The networks are defined in
the chapters; no helper hides a step that they explain.
"""

from __future__ import annotations

import os
from pathlib import Path

# On import, libraries choose instructions by the processor and threads by its number of cores. Both
# affect the rounding of sums. With AVX2 instructions and one thread, results are the same on nearly
# all machines. A reader's own settings take precedence.
_SETTINGS = {"OMP_NUM_THREADS": "1"}
_CPU, _GLOVE = Path("/proc/cpuinfo"), Path(__file__).resolve().parent / "data" / "gensim-data"
if _CPU.is_file() and " avx2 " in _CPU.read_text(encoding="utf-8"):
    _SETTINGS |= {"OPENBLAS_CORETYPE": "Haswell", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
    _SETTINGS |= {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
if _GLOVE.is_dir():
    _SETTINGS["GENSIM_DATA_DIR"] = str(_GLOVE)
for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)

import copy
import math
import random
import textwrap
import warnings
from collections import namedtuple
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from reprlib import repr as _show  # the first few of many values
from typing import Any

import numpy as np
import polars as pl
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

__all__ = ["DSImage", "DSSklearn", "DSTorch", "print_rows", "set_seed"]

SEED = 14
SCORING_BATCH = 256  # cases scored at once: saves memory, changes no result
TEXT = (pl.String, pl.Categorical, pl.Enum)  # polars' text types
DIVERGED = "Training has failed: start again with a smaller learning rate, or scale X."


# --- 1. Public interface -----------------------------------------------------------------------


def set_seed(seed: int = SEED) -> None:
    """Make subsequent results repeatable to the bit, on one core or on sixty-four.

    Seeds Python, NumPy and PyTorch, and limits all libraries to one thread.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)
    threadpool_limits(1)  # BLAS and OpenMP, even if a library was imported before this file


def print_rows(df: pl.DataFrame, n: int = -1) -> None:
    """Show the first `n` rows of a frame, or all of them; polars would omit some."""
    from IPython.display import display  # slow to import, like other local imports below

    _check_frame(df, may_be_empty=True)
    with pl.Config(tbl_rows=-1):
        display(df if n < 0 else df.head(n))


# derived from a namedtuple only to have a docstring
class Loaded(namedtuple("Loaded", "X X_train X_test y y_train y_test cn")):
    """The result of ``load_image`` and ``load_text``: seven values, to unpack or access by name.

    `X` has all cases in the order of the frame; `X_train` and `X_test` are its two parts.
    Pictures are float32, (N, C, H, W), with C 1 for grey, 3 for colour, 4 with transparency;
    texts are int64, (N, max_length). `y`, in the same parts, is int64, (N,): positions in `cn`,
    the list of class names. It is None for new cases without labels.
    """


class DSTorch:
    """Tensors from data frames, and training and scoring of PyTorch classifiers."""

    @staticmethod
    def load_image(
        df: pl.DataFrame,
        label_name: str = "label",
        filepath: str = "filepath",
        index: str = "index",
        scale: bool = False,
        flatten: bool = False,
        cn: Sequence | None = None,
    ) -> Loaded:
        """Read the pictures that a frame lists, one in each row. Used in *CNNs: Application*.

        The columns `label_name`, `filepath` and `index` hold each picture's class, its file, and
        "train" or "test". `scale` divides by the largest possible value, so that all lie in
        [0, 1]; `flatten` makes each picture one row, (N, C * H * W). With `cn`, the class names,
        new pictures load without training pictures, and with or without labels.

        Examples
        --------
        Read my own digit, from a photograph: ``1 - X`` makes the dark ink on white paper light on
        black, as MNIST's digits are. Leave some paper around the digit.

        >>> ImageOps.autocontrast(Image.open("7.jpg").convert("L").resize((28, 28))).save("7.png")
        >>> mine = DSTorch.load_image(pl.DataFrame({"filepath": ["7.png"]}), cn=cn, scale=True)
        >>> DSTorch.predict_proba(cnn, 1 - mine.X, None, cn)
        """
        _check_frame(df)
        unlabelled = cn is not None and label_name not in df.columns
        labels = None if unlabelled else _column(df, label_name, "label_name")
        train, ys, cn = _split(df, index, labels, cn)
        pixels = np.stack(_read_pictures(_column(df, filepath, "filepath"), alike=True))
        X = torch.from_numpy(pixels.astype(np.float32))
        if scale:
            X /= float(np.iinfo(pixels.dtype).max)
        X = X.flatten(start_dim=1) if flatten else X
        return Loaded(X, X[train], X[~train], *ys, cn)

    @staticmethod
    def load_text(
        df: pl.DataFrame,
        model: Any,
        tokens_expr: pl.Expr,
        label_expr: pl.Expr | None = None,
        max_length: int = 200,
        pad_idx: int = 0,
        index: str = "index",
        cn: Sequence | None = None,
    ) -> Loaded:
        """Turn tokens into rows of word indices, cut or padded at the end. Used in *CNNs for Text*.

        The words are those of `model`, a gensim Word2Vec or KeyedVectors; others are dropped.
        `tokens_expr` yields a list of strings for each text, `label_expr` its class. `pad_idx` is
        a word's index, or the number of words: an embedding's row after the last word's. `index`
        and `cn` are as in ``load_image``; without both, a random fifth of the rows is for testing.

        Examples
        --------
        Score my own sentence.

        >>> df = pl.DataFrame({"tokens": ["i did not like it".split()]})
        >>> mine = DSTorch.load_text(df, w2v, c.tokens, pad_idx=len(w2v.wv), cn=cn)
        >>> DSTorch.predict_proba(text_cnn, mine.X, None, cn)
        """
        _check_frame(df)
        _check_counts(max_length=max_length)
        words, tokens = _vocabulary(model, pad_idx), _tokens(df, tokens_expr)
        labels = None if label_expr is None else _column(df, label_expr, "label_expr")
        train, ys, cn = _split(df, index, labels, cn, {"test_size": 0.2, "random_state": SEED})
        X = _word_indices(tokens, words, max_length, pad_idx)
        return Loaded(X, X[train], X[~train], *ys, cn)

    @staticmethod
    def train(
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        X_train: Tensor,
        y_train: Tensor,
        num_epochs: int = 18,
        batch_size: int = 32,
    ) -> None:
        """Fit a model that outputs logits, (batch, classes), in place, by cross-entropy.

        Prints the mean loss of each epoch: of each case, the loss before its batch changed the
        weights. Used in *CNNs: Application* and later sections.
        """
        _check_training(model, optimizer, X_train, y_train, num_epochs, batch_size)
        device = next(model.parameters()).device
        with _mode(model, training=True):
            for epoch in range(1, num_epochs + 1):
                total = 0.0
                for batch in torch.randperm(len(X_train)).split(batch_size):  # shuffled rows
                    optimizer.zero_grad()
                    logits = model(X_train[batch].to(device))
                    loss = nn.functional.cross_entropy(logits, y_train[batch].to(logits.device))
                    _check(loss.isfinite(), f"Epoch {epoch}: the loss is {loss}. {DIVERGED}")
                    loss.backward()
                    optimizer.step()
                    total += loss.item() * len(batch)
                print(f"Epoch {epoch}/{num_epochs}, Loss: {total / len(X_train):.4f}")

    @staticmethod
    def score_image(model: nn.Module, X: Tensor, y: Tensor, cn: Sequence | None) -> float:
        """Return the accuracy, in [0, 1], on pictures. Used in *CNNs: Application*."""
        _check_type("y", y, Tensor, "A score needs the true classes.")
        logits = _logits(model, X, y, None if cn is None else len(_names(cn)))
        return (logits.argmax(dim=1) == y.cpu()).double().mean().item()

    @staticmethod
    def score_text(model: nn.Module, X: Tensor, y: Tensor) -> float:
        """Return the accuracy, in [0, 1], on texts. Used in *CNNs for Text*."""
        return DSTorch.score_image(model, X, y, None)

    @staticmethod
    def predict(model: nn.Module, X: Tensor, y: Tensor | None, cn: Sequence) -> pl.DataFrame:
        """Return the true class, ``target_``, if `y` is given, and ``prediction_``, row by row."""
        frame = DSTorch.predict_proba(model, X, y, cn, prefix="prob_of_")
        return frame.drop(pl.selectors.starts_with("prob_"))

    @staticmethod
    def predict_proba(
        model: nn.Module, X: Tensor, y: Tensor | None, cn: Sequence, prefix: str = ""
    ) -> pl.DataFrame:
        """Return what ``predict`` does, and probabilities. Used in *CNNs: Application*.

        ``prob_pred_`` is the probability of the predicted class. The columns of the classes are
        named by `prefix` and class: give a prefix if your frame already has columns of these names.
        """
        names = _names(cn)
        logits = _logits(model, X, y, len(names))
        frame = pl.DataFrame({"prediction_": names[logits.argmax(dim=1).numpy()]})
        if y is not None:
            frame.insert_column(0, names[y.cpu().numpy()].alias("target_"))
        probability = torch.softmax(logits.double(), dim=1).numpy()
        return _with_probabilities(frame, probability, cn, prefix)

    @staticmethod
    def confusion_matrix(model: nn.Module, X: Tensor, y: Tensor, cn: Sequence):
        """Plot how many cases of each class are predicted as each class. Used in *Exercises*."""
        _check_type("y", y, Tensor, "A confusion matrix needs the true classes.")
        return _confusion_plot(DSTorch.predict(model, X, y, cn), cn)


class DSSklearn:
    """Maps into a few dimensions, and a classifier, by scikit-learn and UMAP.

    `features` are expressions for numbers or lists of numbers, which are spread; by default all
    columns except those in `drop` are used. `scale` standardises each feature. Other
    arguments go to the library's class; random steps use the book's seed.
    """

    @staticmethod
    def umap(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by UMAP. Used in *Semantic Relationships*."""
        from umap import UMAP

        other = {"random_state": SEED, "n_jobs": 1} | other
        return Reduction(df, features, drop, scale, UMAP(**other))

    @staticmethod
    def pca(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by principal components. Used in *Exercises*."""
        from sklearn.decomposition import PCA

        other = {"n_components": 2} | other
        return Reduction(df, features, drop, scale, PCA(**other))

    @staticmethod
    def tsne(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by t-SNE. Used in *Exercises*."""
        from sklearn.manifold import TSNE

        other = {"random_state": SEED} | other
        return Reduction(df, features, drop, scale, TSNE(**other))

    @staticmethod
    def logistic_regression_cv(
        df: pl.DataFrame, target, features=None, drop=(), **other
    ) -> Classifier:
        """Fit a logistic regression, its penalty chosen by cross-validation, to training rows.

        The column "index" marks the training rows. Without it, a share of the rows, `test_size`
        (0.3), is drawn at random for testing, stratified by `stratify`.
        """
        return Classifier(df, target, features, drop, **other)


class Reduction:
    """A frame, and the reduced coordinates of its rows."""

    def __init__(self, df: pl.DataFrame, features, drop, scale: bool, reducer) -> None:
        from sklearn.preprocessing import StandardScaler

        _check_frame(df)
        self.df, matrix = df, _matrix(df, features, drop)
        with _explained(f"{type(reducer).__name__} cannot reduce {df.height} rows"):
            matrix = StandardScaler().fit_transform(matrix) if scale else matrix
            self.points = reducer.fit_transform(matrix)

    def predict(self, full: bool = False, prefix: str = "dr") -> pl.DataFrame:
        """Return the coordinates ``dr0``, ``dr1``, …, beside the frame's columns if `full`."""
        points = pl.DataFrame({f"{prefix}{i}": axis for i, axis in enumerate(self.points.T)})
        return self.df.hstack(points) if full else points


class Classifier:
    """A frame, and the predictions for its rows of a logistic regression fitted to some of them."""

    def __init__(
        self, df, target, features, drop, test_size=0.3, random_state=SEED, stratify=None, **other
    ) -> None:
        from sklearn import linear_model, pipeline, preprocessing

        _check_frame(df)
        y = _column(df, target, "target")
        groups = None if stratify is None else _column(df, stratify, "stratify")
        at_random = {"test_size": test_size, "random_state": random_state, "stratify": groups}
        train, _, self.cn = _split(df, "index", y, None, at_random)
        X = _matrix(df, features, drop, y.name, "index")
        # scikit-learn warns unless these are given: its defaults will change (0.0: an L2 penalty)
        given = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"}
        classifier = linear_model.LogisticRegressionCV(**given | other)
        self.model = pipeline.make_pipeline(preprocessing.StandardScaler(), classifier)
        with _explained(f"{train.sum()} training rows cannot be fitted"):
            self.model.fit(X[train], y.to_numpy()[train])
        self.df, self.probability = df, self.model.predict_proba(X)
        parts, predicted = np.where(train, "train", "test"), self.model.predict(X)
        self.classes = pl.DataFrame({"index_": parts, "target_": y, "prediction_": predicted})

    def score(self) -> dict[str, float]:
        """Return the accuracy, in [0, 1], on the training and on the test rows."""
        right = pl.col("target_") == pl.col("prediction_")
        parts = self.classes.group_by("index_").agg(right.mean()).sort("index_")
        return dict(parts.iter_rows())

    def predict_proba(self, full: bool = False, prefix: str = "") -> pl.DataFrame:
        """Return what ``DSTorch.predict_proba`` does, and ``index_``: "train" or "test"."""
        frame = _with_probabilities(self.classes, self.probability, self.cn, prefix)
        return self.df.hstack(frame) if full else frame

    def confusion_matrix(self):
        """Plot what ``DSTorch.confusion_matrix`` does, for the test rows."""
        return _confusion_plot(self.classes.filter(index_="test"), self.cn)


class DSImage:
    """Pictures that a frame lists, drawn."""

    @staticmethod
    def plot_image_grid(
        df: pl.DataFrame,
        ncol: int = 10,
        label_name: str | None = "label",
        filepath: str = "filepath",
        limit: int = 100,
        size: float | None = None,
        invert: bool | None = None,
    ):
        """Draw at most `limit` pictures in rows of `ncol`. Used in *CNNs: Application*.

        The columns `label_name` (None: no titles) and `filepath` hold titles and files. `size`
        is in inches for each picture; by default a row is 6 inches wide, and no picture wider
        than 2. `invert` draws grey as ink on paper; by default only if the edges are nearly black.
        """
        _check_frame(df, may_be_empty=True)
        _check_counts(ncol=ncol, limit=limit)
        df = df.head(limit)
        with _explained("label_name cannot be shown"):
            labels = df[label_name] if label_name else [""] * df.height
        pictures = _read_pictures(_column(df, filepath, "filepath"))
        ncol = max(1, min(ncol, len(pictures)))
        size = min(2, 6 / ncol) if size is None else size
        _check(size > 0, f"size is {size}; expected inches for each picture.")
        titles = [_wrapped(str(label), size) for label in labels]
        invert = _have_dark_edges(pictures) if invert is None else invert
        return _draw_grid(pictures, titles, ncol, size, "gray_r" if invert else "gray")


# --- 2. Implementation -------------------------------------------------------------------------

# Pillow's modes of a file and of the loaded picture: 1 is black and white, L is grey (LA with
# transparency), I;16 is grey in 16 bits, and the others are in colour (RGBA with transparency)
MODES = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16", "RGB": "RGB", "RGBA": "RGBA"}
MODES |= {"CMYK": "RGB", "YCbCr": "RGB"}


def _split(df, index, labels, cn, at_random=None) -> tuple[np.ndarray, tuple[Any, Any, Any], list]:
    """Return which rows are for training, y and its two parts, and the class names."""
    train = _training_rows(df, index, cn is not None, at_random)
    cn = _names(_trained_classes(labels, train) if cn is None else cn).to_list()
    if labels is None:
        return train, (None, None, None), cn
    with _explained(f"A label is not among the class names, {_show(cn)}"):
        position = {name: i for i, name in enumerate(cn)}
        y = torch.tensor([position[label] for label in labels])
    return train, (y, y[train], y[~train]), cn


def _training_rows(df, index: str, new: bool, at_random) -> np.ndarray:
    """Return which rows are for training: by the column, at random, or none of new cases."""
    optional = index == "index" and (new or at_random)
    if index in df.columns or not optional:
        return _check_parts(_column(df, index, "index").cast(pl.String), new)
    if new:
        return np.zeros(df.height, dtype=bool)
    from sklearn.model_selection import train_test_split

    rows = np.arange(df.height)
    with _explained(f"{df.height} rows cannot be split"):
        chosen, _ = train_test_split(rows, **at_random)
    return np.isin(rows, chosen)


def _read_pictures(paths: pl.Series, alike: bool = False) -> list[np.ndarray]:
    """Read pictures, oriented as in a viewer, as arrays of unsigned integers, (C, H, W)."""
    is_text = paths.dtype in TEXT or paths.is_empty()
    _check(is_text, f"Column {paths.name!r} holds {paths.dtype}, not paths.")
    pictures: list[np.ndarray] = []
    for row, path in enumerate(paths):
        name = f"{path[-200:]} (row {row})"
        with _explained(f"{name} cannot be read as a picture"):
            pictures.append(_read_picture(Path(path).expanduser()))
        found, first = [f"{p.dtype} {p.shape}" for p in (pictures[-1], pictures[0])]
        _check(found == first or not alike, f"{name} is {found}; expected {first}, like the first.")
    return pictures


def _read_picture(path: Path) -> np.ndarray:
    """Read one picture, upright, and put its channels first."""
    from PIL import Image, ImageOps

    advice = "Write / between folders; `make data` makes the book's own pictures."
    _check(path.exists(), f"no such file (relative to {Path.cwd()}). {advice}")
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)  # cameras store which side is up
    if image.mode == "P":  # pixels are indices into a palette, as in a GIF
        palette = np.array(image.getpalette()).reshape(-1, 3)
        is_grey = (palette == palette[:, :1]).all()  # equal red, green and blue
        image = image.convert("L" if is_grey else "RGB")
    if image.mode == "LA":  # grey with transparency: paste it on white
        image = Image.alpha_composite(Image.new("LA", image.size, (255, 255)), image)
    _check(image.mode in MODES, f"its mode, {image.mode}, is not one of {list(MODES)}.")
    pixels = np.asarray(image.convert(MODES[image.mode]))
    return np.atleast_3d(pixels).transpose(2, 0, 1)


def _word_indices(tokens: pl.Series, words: list[str], max_length: int, pad_idx: int) -> Tensor:
    """Return the positions of each row's tokens in `words`, cut or padded to one length."""
    # a dict and a list comprehension would be simpler, but five times as slow
    position = pl.element().replace_strict(words, range(len(words)), default=None)
    known = tokens.list.eval(position.drop_nulls().head(max_length))
    lost = (known.list.len() == 0).arg_true().to_list()
    message = f"No token is one of the model's {len(words)} words, {_show(words)}."
    _check(len(lost) < len(tokens), message)
    if lost:
        warnings.warn(f"Rows {_show(lost)} have no known word, only padding.", stacklevel=3)
    rows = known.list.concat([int(pad_idx)] * max_length).list.head(max_length)
    return torch.tensor(rows.explode().to_numpy()).reshape(len(tokens), max_length)


@contextmanager
def _mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Put the model into train or eval mode; afterwards restore the mode of each part."""
    before = {part: part.training for part in model.modules()}
    model.train(training)
    try:
        yield  # runs the block of `with`
    finally:
        for part, mode in before.items():
            part.training = mode


def _logits(model: nn.Module, X: Tensor, y: Tensor | None, classes: int | None) -> Tensor:
    """Return the logits of X, computed batch by batch in eval mode, on the CPU."""
    exactly = classes is not None  # otherwise y implies a minimum
    classes = _check_cases(model, X, y, classes)
    device = next(model.parameters(), X).device  # a model may have no weights
    given = f"{X.dtype} of shape {tuple(X.shape[1:])}, values {X.min():g} to {X.max():g}"
    logits = []
    with _mode(model, training=False), torch.no_grad():
        for batch in X.split(SCORING_BATCH):
            with _explained(f"The model fails on rows of X, {given}"):
                output = model(batch.to(device))
            logits.append(_check_logits(output, len(batch), classes, exactly).cpu())
    return torch.cat(logits)


def _with_probabilities(frame: pl.DataFrame, probability: np.ndarray, cn, prefix: str):
    """Return a frame with the probabilities of the prediction and of each class added."""
    classes = {f"{prefix}{name}": probability[:, i] for i, name in enumerate(cn)}
    frame = frame.with_columns(pl.Series("prob_pred_", probability.max(axis=1)))
    return frame.hstack(pl.DataFrame(classes))


def _confusion_plot(frame: pl.DataFrame, cn: Sequence):
    """Draw a tile with its count for each pair of a true class (rows) and a predicted one."""
    import plotnine as p9

    names = _names(cn).cast(pl.String).to_list()
    pairs = frame.cast(pl.String).group_by("target_", "prediction_", maintain_order=True)
    return (
        p9.ggplot(pairs.len("cases"), p9.aes("prediction_", "target_"))
        + p9.geom_tile(p9.aes(alpha="cases"), fill="#3b6ea5", show_legend=False)
        + p9.geom_text(p9.aes(label="cases"))
        + p9.scale_x_discrete(limits=names)
        + p9.scale_y_discrete(limits=names[::-1])
        + p9.labs(x="predicted class", y="true class")
    )


def _matrix(df: pl.DataFrame, features, drop, *also_drop: str) -> np.ndarray:
    """Return the features as one float64 matrix, (N, F), with list columns spread."""
    with _explained("features or drop cannot be used"):
        others = df.drop(*df.select(drop).columns, *also_drop, strict=False)
        chosen = others if features is None else df.select(features)
    _check(chosen.width, "There are no features.")
    blocks = []
    for column in chosen.get_columns():
        found = f"Column {column.name!r} holds {column.dtype}"
        number = getattr(column.dtype, "inner", column.dtype)  # the type inside a list
        with _explained(f"{found}; expected numbers, or lists of one length"):
            _check(number.is_numeric(), "this type is not numeric.")
            blocks.append(np.array(column.to_list(), dtype=np.float64))
            _check(np.isfinite(blocks[-1]).all(), "some are missing, NaN or infinite.")
    return np.column_stack(blocks)


def _have_dark_edges(pictures: list[np.ndarray]) -> bool:
    """Return whether most grey pictures are nearly black (below a sixteenth) along their edges."""
    brightness = []
    for picture in pictures:
        if len(picture) == 1:  # one channel: grey
            grey = picture[0] / np.iinfo(picture.dtype).max
            edges = grey[0], grey[-1], grey[:, 0], grey[:, -1]
            brightness.append(np.mean([np.median(edge) for edge in edges]))
    return bool(brightness) and float(np.median(brightness)) < 1 / 16


def _wrapped(title: str, inches: float) -> str:
    """Break a title between words into at most six lines, for a picture of this width."""
    letters = max(10, int(13 * inches))
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, letters)]
    return "\n".join(lines if len(lines) <= 6 else [*lines[:5], "…"])


def _draw_grid(pictures: list[np.ndarray], titles: list[str], ncol: int, size: float, cmap: str):
    """Draw pictures below their titles on one canvas, in inches with y pointing down."""
    import matplotlib.pyplot as plt

    figure = plt.figure()
    ax = figure.add_axes((0, 0, 1, 1), autoscale_on=False)
    ax.axis("off")
    side = 0.95 * size  # the rest is the gap between pictures
    shapes = [side * np.array(p.shape[1:]) / max(p.shape[1:]) for p in pictures]
    above = 0.06 + 0.165 * max((len(title.splitlines()) for title in titles), default=2)
    row_height = above + max((height for height, _ in shapes), default=0)
    for number, (picture, (height, width)) in enumerate(zip(pictures, shapes, strict=True)):
        x = (number % ncol + 0.5) * size
        y = number // ncol * row_height + above
        box = (x - width / 2, x + width / 2, y + height, y)
        white = np.iinfo(picture.dtype).max
        ax.imshow(picture.transpose(1, 2, 0), cmap, vmin=0, vmax=white, extent=box, aspect="auto")
        ax.text(x, y - 0.03, titles[number], size=9, ha="center", va="bottom", parse_math=False)
    if not pictures:
        ax.text(size / 2, above / 2, "no picture to show", ha="center", va="center")
    right, bottom = ncol * size, math.ceil(max(1, len(pictures)) / ncol) * row_height
    figure.set_size_inches(right, bottom)
    ax.set(xlim=(0, right), ylim=(bottom, 0))
    widest = max(text.get_window_extent().width for text in ax.texts) / figure.dpi
    plt.setp(ax.texts, fontsize=9 * side / max(widest, side))  # titles do not overlap
    plt.close(figure)  # the cell shows its result; an open figure would be shown twice
    return figure


# --- 3. Checks ---------------------------------------------------------------------------------


def _check(ok: Any, message: str) -> None:
    """Raise ValueError with the message, cut to 600 characters, unless `ok` is true."""
    if not ok:
        raise ValueError(textwrap.shorten(message, 600, placeholder=" …"))


@contextmanager
def _explained(message: str) -> Iterator[None]:
    """Prefix a library's error message with our own."""
    try:
        yield  # runs the block of `with`
    except Exception as error:
        _check(False, f"{message}: {error}")


def _check_type(name: str, value: Any, expected: type, advice: str = "") -> None:
    types = [type(value), expected]  # library and class, e.g. "a pandas DataFrame"
    found, wanted = [f"a {t.__module__.split('.')[0]} {t.__name__}" for t in types]
    found = "None" if value is None else found
    _check(isinstance(value, expected), f"{name} is {found}; expected {wanted}. {advice}")


def _check_counts(**numbers: int) -> None:
    for name, n in numbers.items():
        _check(isinstance(n, Integral) and n > 0, f"{name} is {n}, not a whole number above 0.")


def _check_frame(df: pl.DataFrame, may_be_empty: bool = False) -> None:
    _check_type("df", df, pl.DataFrame, "Call df.collect() on a LazyFrame, or pl.from_pandas(df).")
    _check(may_be_empty or df.height, "The frame is empty: it has no row to load.")


def _column(df: pl.DataFrame, expr, argument: str) -> pl.Series:
    """Return the values of an expression; raise unless there is one for each row."""
    with _explained(f"{argument} is not a column"):
        columns = df.select(expr).get_columns()
    _check(len(columns) == 1, f"{argument} selects {len(columns)} columns; expected one.")
    values, found = columns[0], f"{argument}, column {columns[0].name!r}, has"
    _check(len(values) == df.height, f"{found} {len(values)} values for {df.height} rows.")
    known = values.fill_nan(None) if values.dtype.is_float() else values  # NaN is missing, too
    missing = known.is_null().arg_true().to_list()
    _check(not missing, f"{found} missing values in rows {_show(missing)}; fill or drop them.")
    return values


def _check_parts(parts: pl.Series, new: bool) -> np.ndarray:
    """Return which rows are for training; raise unless all are for training or testing."""
    found = set(parts)
    fits = (found <= {"train", "test", "unseen"}) if new else (found == {"train", "test"})
    advice = "expected 'train' and 'test'. New cases alone need cn=cn, the class names."
    _check(fits, f"Column {parts.name!r}, the split, holds {_show(sorted(found))}; {advice}")
    return (parts == "train").to_numpy()


def _names(cn) -> pl.Series:
    """Return class names as a column; raise unless they are ordered and distinct."""
    with _explained(f"cn must be a list of distinct class names, not {_show(cn)}"):
        names = pl.Series("cn", [] if isinstance(cn, str) else cn)
        _check(len(names) and names.n_unique() == len(names), "it is empty or has duplicates.")
    return names


def _trained_classes(labels, train: np.ndarray) -> list:
    """Return the class names; raise unless there are two or more, all in the training rows."""
    _check(labels is not None, "Labels are missing; only new cases, with cn=cn, need none.")
    column, dtype = f"Column {labels.name!r}, the labels,", labels.dtype
    _check(not dtype.is_nested(), f"{column} holds {dtype}; expected one class for each row.")
    cn, trained = labels.unique().sort().to_list(), set(labels.filter(train))
    _check(len(cn) > 1, f"{column} holds one class, {_show(cn)}; expected two or more.")
    absent = [name for name in cn if name not in trained]
    advice = "Measurements are for regression, not classes." if dtype.is_numeric() else ""
    _check(not absent, f"{column} holds {_show(absent)}, which never occur in training. {advice}")
    return cn


def _vocabulary(model: Any, pad_idx: int) -> list[str]:
    """Return a model's words; raise if it has none or `pad_idx` is out of range."""
    vectors = getattr(model, "wv", model)  # a Word2Vec model keeps its KeyedVectors there
    words = getattr(vectors, "index_to_key", [])
    _check(len(words), f"model, {type(model)}, has no words; expected Word2Vec or KeyedVectors.")
    wanted = f"the index of a word, or {len(words)}, the number of words"
    _check(pad_idx in range(len(words) + 1), f"pad_idx is {_show(pad_idx)}; expected {wanted}.")
    return words


def _tokens(df: pl.DataFrame, expr: pl.Expr) -> pl.Series:
    """Return the tokens of each row; raise unless they are lists of strings."""
    tokens = _column(df, expr, "tokens_expr")
    fits = getattr(tokens.dtype, "inner", None) in TEXT  # the type inside a list
    _check(fits, f"tokens_expr has type {tokens.dtype}; expected a list of strings for each row.")
    tokens = tokens.cast(pl.List(pl.String))
    bad = ((tokens.list.len() == 0) | tokens.list.contains(None)).arg_true().to_list()
    _check(not bad, f"tokens_expr has no tokens, or null, in rows {_show(bad)}; drop them.")
    return tokens


def _check_cases(model: nn.Module, X: Tensor, y, classes: int | None) -> int:
    """Return the number of classes; raise unless X is finite and y has a class for each row."""
    _check_type("model", model, nn.Module, "Pass a network, not its class.")
    _check_type("X", X, Tensor, "Convert an array with torch.from_numpy(…).")
    _check(X.ndim and X.numel(), f"X has shape {tuple(X.shape)}; expected a row for each case.")
    bad = (~X.isfinite()).nonzero()[:, 0].unique().tolist()
    _check(not bad, f"X holds NaN or infinite values in rows {_show(bad)}; replace or drop them.")
    if y is None and classes is not None:  # new cases
        return classes
    _check_type("y", y, Tensor, "Convert an array with torch.from_numpy(…).")
    found, wanted = f"{y.dtype} of shape {tuple(y.shape)}", f"torch.int64 of shape ({len(X)},)"
    _check(y.dtype == torch.int64 and y.shape == X.shape[:1], f"y is {found}; expected {wanted}.")
    classes = int(y.max()) + 1 if classes is None else classes
    wanted = f"positions in the {classes} class names, which are 0 or more."
    _check(0 <= y.min() <= y.max() < classes, f"y holds {y.min()} to {y.max()}; expected {wanted}")
    return classes


def _check_logits(logits: Any, rows: int, classes: int, exactly: bool) -> Tensor:
    """Return the logits of some rows; raise unless each has a number for each class."""
    _check_type("The model's output", logits, Tensor, "Return the logits alone.")
    if rows == 1 and logits.ndim == 1:  # a model that squeezes drops the axis of rows
        logits = logits[np.newaxis]
    shape = tuple(logits.shape)
    enough = shape[:-1] == (rows,) and shape[-1] >= classes
    fits = enough and (shape[-1] == classes or not exactly)
    wanted = f"({rows}, {classes}): {classes} outputs, one for each class."
    _check(fits, f"The model returns {shape} logits for {rows} rows of X; expected {wanted}")
    # -inf is allowed, as a model may rule out a class; in training, the loss is checked
    _check((logits < torch.inf).all(), f"The logits are NaN or infinite. {DIVERGED}")
    return logits


def _check_training(model, optimizer, X, y, num_epochs: int, batch_size: int) -> None:
    """Raise unless the optimiser can change the model and the model accepts all batches."""
    _check_counts(num_epochs=num_epochs, batch_size=batch_size)
    _check_type("optimizer", optimizer, torch.optim.Optimizer)
    _check_cases(model, X, y, None)
    # test two rows: the largest word index may have no vector, and the last class no output
    rows = [int(X.argmax()) // X[0].numel(), int(y.argmax())]
    _logits(model, X[rows], y[rows], None)
    held = {p for group in optimizer.param_groups for p in group["params"]}
    fits = held.issubset(model.parameters()) and any(p.requires_grad for p in held)
    advice = "Make it after the model: optim.Adam(model.parameters())."
    _check(fits, f"The optimizer holds another model's weights, or only frozen ones. {advice}")
    if batch_size == 1 or len(X) % batch_size == 1:
        one = f"{len(X)} cases with batch_size={batch_size} leave a batch of one"
        with torch.random.fork_rng(), _explained(f"{one}, which the model cannot learn from"):
            logits = copy.deepcopy(model).train()(X[:1].to(next(model.parameters()).device))
            nn.functional.cross_entropy(logits, y[:1].to(logits.device)).backward()
