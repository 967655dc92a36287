"""Helpers that the book's cells call, brought in by ``from funs import *``.

Three parts, in the order in which to read them: what it gives, how it does it, what it refuses.
The networks stand in the chapters, and nothing here hides a step that a chapter explains. What
does not fit together raises a ValueError that says what is wrong, where, and what was expected.
"""

from __future__ import annotations

import os
from pathlib import Path

_SETTINGS = {"OMP_NUM_THREADS": "1"}  # before numpy is imported: the end of this file says why
_CPU, _GLOVE = Path("/proc/cpuinfo"), Path(__file__).resolve().parent / "data" / "gensim-data"
if _CPU.is_file() and " avx2 " in _CPU.read_text(encoding="utf-8"):
    _SETTINGS |= {"OPENBLAS_CORETYPE": "Haswell", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
    _SETTINGS |= {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
if _GLOVE.is_dir():
    _SETTINGS |= {"GENSIM_DATA_DIR": str(_GLOVE)}
os.environ.update(_SETTINGS | os.environ)

import copy
import math
import random
import re
import reprlib
import textwrap
import warnings
from collections import namedtuple
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
import polars as pl
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

__all__ = ["DSImage", "DSSklearn", "DSTorch", "print_rows", "set_seed"]

SEED = 14
SCORING_BATCH = 256  # cases scored at once: bounds memory, changes no result


# --- 1. What it gives --------------------------------------------------------------------------


def set_seed(seed: int = SEED) -> None:
    """Make what follows repeatable to the bit, on one core or on sixty-four.

    Seeds Python, NumPy and PyTorch, and limits all libraries to one thread: several threads would
    add numbers up in another order.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)
    threadpool_limits(1)  # BLAS and OpenMP, also where a library was imported before this file


def print_rows(df: pl.DataFrame, n: int = -1) -> None:
    """Show the first `n` rows of a frame, or all, where polars would leave some out."""
    from IPython.display import display  # here, since it is slow to import; so are others below

    _check_frame(df, empty=True)
    with pl.Config(tbl_rows=-1):
        display(df if n < 0 else df.head(n))


class Loaded(namedtuple("Loaded", "X X_train X_test y y_train y_test cn")):
    """What ``load_image`` and ``load_text`` give: seven values, to unpack or to take by name.

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
        [0, 1]; `flatten` makes each picture one row, (N, C * H * W). With `cn`, the class names
        of training, new pictures load alone, with or without labels.

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
        `tokens_expr` gives a list of strings for each text, `label_expr` its class. `pad_idx` is
        a word's index, or the number of words: an embedding's row after the last word's. `index`
        and `cn` are as in ``load_image``; without both, a fifth of the rows are drawn for testing.

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
        draw = {"test_size": 0.2, "random_state": SEED}
        train, ys, cn = _split(df, index, labels, cn, draw)
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
        """Fit a model that gives logits, (batch, classes), in place, by cross-entropy.

        Prints the mean loss of each epoch, in which a sample counts with the loss that it had
        before its batch changed the weights. Used in *CNNs: Application* and later sections.
        """
        _check_training(model, optimizer, X_train, y_train, num_epochs, batch_size)
        device = next(model.parameters()).device
        with _mode(model, training=True):
            for epoch in range(1, num_epochs + 1):
                total = 0.0
                for batch in torch.randperm(len(X_train)).split(batch_size):
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
        return (_logits(model, X, y, cn).argmax(dim=1) == y.cpu()).double().mean().item()

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

        ``prob_pred_`` is that of the predicted class. The columns of the classes are named by
        `prefix` and class: give a prefix if the frame that they go into has such names already.
        """
        logits, names = _logits(model, X, y, cn), _names(cn)
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

    `features` are expressions that give numbers or lists of numbers, which are spread; without
    them, all columns but those in `drop` are taken. `scale` standardises each feature. Other
    arguments go to the library's class; what is random starts from the book's seed.
    """

    @staticmethod
    def umap(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by UMAP. Used in *Semantic Relationships*."""
        from umap import UMAP

        reducer = UMAP(**{"random_state": SEED, "n_jobs": 1} | other)
        return Reduction(df, features, drop, scale, reducer)

    @staticmethod
    def pca(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by principal components. Used in *Exercises*."""
        from sklearn.decomposition import PCA

        return Reduction(df, features, drop, scale, PCA(**{"n_components": 2} | other))

    @staticmethod
    def tsne(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by t-SNE. Used in *Exercises*."""
        from sklearn.manifold import TSNE

        return Reduction(df, features, drop, scale, TSNE(**{"random_state": SEED} | other))

    @staticmethod
    def logistic_regression_cv(
        df: pl.DataFrame, target, features=None, drop=(), **other
    ) -> Classifier:
        """Fit a logistic regression, its penalty chosen by cross-validation, to training rows.

        The column "index" says which these are. Without it, `test_size` (0.3) of the rows are
        drawn for testing by `random_state`, the same share of each class in `stratify`.
        """
        return Classifier(df, target, features, drop, **other)


class Reduction:
    """A frame, and the coordinates that a reducer found for its rows."""

    def __init__(self, df: pl.DataFrame, features, drop, scale: bool, reducer) -> None:
        from sklearn.preprocessing import StandardScaler

        self.df, matrix = df, _matrix(df, features, drop)
        with _explained(f"{type(reducer).__name__} cannot place {df.height} rows"):
            matrix = StandardScaler().fit_transform(matrix) if scale else matrix
            self.points = reducer.fit_transform(matrix)

    def predict(self, full: bool = False, prefix: str = "dr") -> pl.DataFrame:
        """Return the coordinates ``dr0``, ``dr1``, …, beside the frame's columns if `full`."""
        points = pl.DataFrame({f"{prefix}{i}": axis for i, axis in enumerate(self.points.T)})
        return self.df.hstack(points) if full else points


class Classifier:
    """A frame, and what a logistic regression, fitted to its training rows, says of all rows."""

    def __init__(
        self, df, target, features, drop, test_size=0.3, random_state=SEED, stratify=None, **other
    ) -> None:
        from sklearn import linear_model, pipeline, preprocessing

        _check_frame(df)
        y = _column(df, target, "target")
        groups = None if stratify is None else _column(df, stratify, "stratify")
        draw = {"test_size": test_size, "random_state": random_state, "stratify": groups}
        train, _, self.cn = _split(df, "index", y, None, draw)
        X = _matrix(df, features, drop, y.name, "index")
        quiet = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"}
        classifier = linear_model.LogisticRegressionCV(**quiet | other)
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
        _check_frame(df, empty=True)
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


# --- 2. How it does it -------------------------------------------------------------------------

# the kinds of pictures, by Pillow's names: what a file holds, and what we make of it
MODES = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16", "RGB": "RGB", "RGBA": "RGBA"}
MODES |= {"CMYK": "RGB", "YCbCr": "RGB"}


def _split(df, index: str, labels, cn, draw=None) -> tuple[np.ndarray, tuple[Any, Any, Any], list]:
    """Return which rows are for training, y and its two parts, and the class names."""
    train = _training_rows(df, index, cn is not None, draw)
    cn = _names(_trained_classes(labels, train) if cn is None else cn).to_list()
    if labels is None:
        return train, (None, None, None), cn
    with _explained(f"A label is not among the class names, {_show(cn)}"):
        position = {name: i for i, name in enumerate(cn)}
        y = torch.tensor([position[label] for label in labels])
    return train, (y, y[train], y[~train]), cn


def _training_rows(df, index: str, new: bool, draw: dict[str, Any] | None) -> np.ndarray:
    """Return which rows are for training: the column says so, or they are drawn; new ones: none."""
    if index in df.columns or index != "index" or not (new or draw):
        return _check_parts(_column(df, index, "index").cast(pl.String), new)
    train = np.zeros(df.height, dtype=bool)
    if draw and not new:
        from sklearn.model_selection import train_test_split

        with _explained(f"{df.height} rows cannot be split"):
            train[train_test_split(range(df.height), **draw)[0]] = True
    return train


def _read_pictures(paths: pl.Series, alike: bool = False) -> list[np.ndarray]:
    """Read pictures as a viewer shows them, as arrays of unsigned integers, (C, H, W)."""
    pictures: list[np.ndarray] = []
    for row, path in enumerate(paths):
        _check(isinstance(path, str), f"Column {paths.name!r} holds {paths.dtype}, not paths.")
        name, file = f"{path[-200:]} (row {row})", Path(path).expanduser()
        if not file.exists():
            advice = "Write / between folders; `make data` makes the book's own pictures."
            _check(False, f"{name}: no such file, seen from {Path.cwd()}. {advice}")
        with _explained(f"{name} cannot be read as a picture"):
            pixels = _read_picture(file)
        pictures.append(pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
        kind, first = (f"{p.dtype} {p.shape}" for p in (pictures[-1], pictures[0]))
        _check(kind == first or not alike, f"{name} is {kind}; expected {first}, as the first is.")
    return pictures


def _read_picture(path: Path) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)  # a camera notes which side is up
    if image.mode == "P":  # the pixels are numbers of colours in a palette, as in a GIF
        palette = np.array(image.getpalette()).reshape(-1, 3)
        image = image.convert("L" if (palette == palette[:, :1]).all() else "RGB")
    if image.mode == "LA":  # grey, and how much of it covers the white paper
        image = Image.alpha_composite(Image.new("LA", image.size, (255, 255)), image)
    _check(image.mode in MODES, f"its mode, {image.mode}, is none of {[*MODES]}.")
    return np.asarray(image.convert(MODES[image.mode]))


def _word_indices(tokens: pl.Series, words: list[str], max_length: int, pad_idx: int) -> Tensor:
    """Return the positions of each row's tokens in `words`, cut or padded to one length."""
    position = pl.element().replace_strict(words, range(len(words)), default=None)
    known = tokens.list.eval(position.drop_nulls().head(max_length))
    lost = (known.list.len() == 0).arg_true().to_list()
    none = f"No token is one of the model's {len(words)} words, {_show(words)}."
    _check(len(lost) < len(tokens), none)
    if lost:
        warnings.warn(f"Rows {_show(lost)} have no known word, only padding.", stacklevel=3)
    rows = known.list.concat([int(pad_idx)] * max_length).list.head(max_length)
    return torch.tensor(rows.explode().to_numpy()).reshape(len(tokens), max_length)


@contextmanager
def _mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Put the model into train or eval mode; afterwards, whatever happens, each part back."""
    before = {part: part.training for part in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for part, mode in before.items():
            part.training = mode


def _logits(model: nn.Module, X: Tensor, y: Tensor | None, cn: Sequence | None) -> Tensor:
    """Return the logits of X, computed batch by batch in eval mode, on the CPU."""
    classes = _check_cases(model, X, y, cn)
    device = next(model.parameters(), X).device
    kind = f"{X.dtype} of shape {tuple(X.shape[1:])}, values {X.min():g} to {X.max():g}"
    logits = []
    with _mode(model, training=False), torch.no_grad():
        for batch in X.split(SCORING_BATCH):
            with _explained(f"The model fails on rows of X, {kind}"):
                output = model(batch.to(device))
            logits.append(_check_logits(output, len(batch), classes, cn is not None).cpu())
    return torch.cat(logits)


def _with_probabilities(frame: pl.DataFrame, probability: np.ndarray, cn, prefix: str):
    """Return a frame and, beside it, the probability of what was predicted and of each class."""
    classes = {f"{prefix}{name}": probability[:, i] for i, name in enumerate(cn)}
    frame = frame.with_columns(pl.Series("prob_pred_", probability.max(axis=1)))
    return frame.hstack(pl.DataFrame(classes))


def _confusion_plot(frame: pl.DataFrame, cn: Sequence):
    """Draw a tile, with its count, for each pair of a true class (down) and a predicted one."""
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
    _check_frame(df)
    with _explained("features or drop cannot be used"):
        others = df.drop(*df.select(drop).columns, *also_drop, strict=False)
        chosen = others if features is None else df.select(features)
    _check(chosen.width, "There are no features.")
    blocks = []
    for column in chosen.get_columns():
        name, kind = column.name, column.dtype
        with _explained(f"Column {name!r} holds {kind}; expected numbers, or lists of one length"):
            _check(getattr(kind, "inner", kind).is_numeric(), "this type is not numeric.")
            blocks.append(np.array(column.to_list(), dtype=np.float64).reshape(df.height, -1))
            _check(np.isfinite(blocks[-1]).all(), "some are missing, NaN or infinite.")
    return np.hstack(blocks)


def _have_dark_edges(pictures: list[np.ndarray]) -> bool:
    """Say whether most grey pictures are nearly black (below a sixteenth) along their edges."""
    brightness = []
    for picture in pictures:
        if len(picture) == 1:  # one channel: grey
            grey = picture[0] / np.iinfo(picture.dtype).max
            edges = grey[0], grey[-1], grey[:, 0], grey[:, -1]
            brightness.append(np.mean([np.median(edge) for edge in edges]))
    return bool(brightness) and float(np.median(brightness)) < 1 / 16


def _wrapped(title: str, inches: float) -> str:
    """Break a title between words into at most six lines, for a picture of so many inches."""
    fit = max(1, int(13 * inches))  # letters
    # a line: what fits, to the end of a word; or 12 letters of a longer word; or any one sign
    lines = re.findall(rf".{{1,{fit}}}(?:\b|$)|\w{{1,12}}|.", title, re.MULTILINE)
    lines = lines if len(lines) <= 6 else [*lines[:5], "…"]
    return "\n".join(line.strip() for line in lines)


def _draw_grid(pictures: list[np.ndarray], titles: list[str], ncol: int, size: float, cmap: str):
    """Draw pictures below their titles, on one canvas in inches, whose y counts downwards."""
    import matplotlib.pyplot as plt

    figure = plt.figure()
    ax = figure.add_axes((0, 0, 1, 1), autoscale_on=False)
    ax.axis("off")
    side = 0.95 * size  # the rest is the gap between pictures
    shapes = [side * np.array(p.shape[1:]) / max(p.shape[1:]) for p in pictures]
    above = 0.06 + 0.165 * max((len(title.splitlines()) for title in titles), default=2)
    row_height = above + max((height for height, _ in shapes), default=0)
    for number, (picture, (height, width)) in enumerate(zip(pictures, shapes, strict=True)):
        x, y = (number % ncol + 0.5) * size, number // ncol * row_height + above
        box, white = (x - width / 2, x + width / 2, y + height, y), np.iinfo(picture.dtype).max
        ax.imshow(picture.transpose(1, 2, 0), cmap, vmin=0, vmax=white, extent=box, aspect="auto")
        ax.text(x, y - 0.03, titles[number], size=9, ha="center", va="bottom", parse_math=False)
    if not pictures:
        ax.text(size / 2, above / 2, "no picture to show", ha="center", va="center")
    right, bottom = ncol * size, math.ceil(max(1, len(pictures)) / ncol) * row_height
    figure.set_size_inches(right, bottom)
    ax.set(xlim=(0, right), ylim=(bottom, 0))
    widest = max(text.get_window_extent().width for text in ax.texts) / figure.dpi
    plt.setp(ax.texts, fontsize=9 * side / max(widest, side))  # no title reaches the next one
    plt.close(figure)  # the cell shows what it returns; an open figure would be shown twice
    return figure


# --- 3. What it refuses ------------------------------------------------------------------------

DIVERGED = "Training has failed: start again with a smaller learning rate, or scale X."
_show = reprlib.repr  # the first few of many values


def _check(fulfilled: Any, message: str) -> None:
    """Stop with the message, of at most 600 characters, unless what is checked is true."""
    if not fulfilled:
        raise ValueError(textwrap.shorten(message, 600, placeholder=" …"))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say what was being done before what a library said of it."""
    try:
        yield
    except Exception as error:
        _check(False, f"{what}: {error}")


def _check_type(name: str, value: Any, expected: type, advice: str = "") -> None:
    kinds = (type(value), expected)  # as "a pandas DataFrame": the library, and what of it
    found, wanted = (f"a {k.__module__.split('.')[0]} {k.__name__}" for k in kinds)
    _check(isinstance(value, expected), f"{name} is {found}; expected {wanted}. {advice}")


def _check_counts(**numbers: int) -> None:
    for name, n in numbers.items():
        _check(isinstance(n, Integral) and n > 0, f"{name} is {n}, not a whole number above 0.")


def _check_frame(df: pl.DataFrame, empty: bool = False) -> None:
    _check_type("df", df, pl.DataFrame, "df.collect(), or pl.from_pandas(df), may give it.")
    _check(empty or df.height, "The frame is empty: it has no row to load.")


def _column(df: pl.DataFrame, expr, argument: str) -> pl.Series:
    """Return what an expression gives, or stop unless it is one value for each row."""
    with _explained(f"{argument} gives no column"):
        columns = df.select(expr).get_columns()
    _check(len(columns) == 1, f"{argument} gives {len(columns)} columns; expected one.")
    values, found = columns[0], f"{argument}, column {columns[0].name!r}, has"
    _check(len(values) == df.height, f"{found} {len(values)} values for {df.height} rows.")
    known = values.fill_nan(None) if values.dtype.is_float() else values
    missing = known.is_null().arg_true().to_list()
    _check(not missing, f"{found} missing values in rows {_show(missing)}; fill or drop them.")
    return values


def _check_parts(parts: pl.Series, new: bool) -> np.ndarray:
    """Return which rows are for training, or stop unless each is for training or testing."""
    found = set(parts)
    fits = found <= {"train", "test", "unseen"} if new else found == {"train", "test"}
    advice = "expected 'train' and 'test'. New cases alone need cn=cn, the class names."
    _check(fits, f"Column {parts.name!r}, the split, holds {_show(sorted(found))}; {advice}")
    return (parts == "train").to_numpy()


def _names(cn) -> pl.Series:
    """Return class names as a column, or stop unless they have an order and are distinct."""
    with _explained(f"cn must be a list of distinct class names; it is {_show(cn)}"):
        names = pl.Series("cn", [] if isinstance(cn, str) else cn)
        _check(names.n_unique() == len(names) > 0, "there is none, or one twice.")
    return names


def _trained_classes(labels, train: np.ndarray) -> list:
    """Return the class names, or stop unless there are two or more and each is trained on."""
    _check(labels is not None, "Labels are missing; only new cases, with cn=cn, need none.")
    column, kind = f"Column {labels.name!r}, the labels,", labels.dtype
    _check(not kind.is_nested(), f"{column} holds {kind}; expected one class for each row.")
    cn, seen = labels.unique().sort().to_list(), set(labels.filter(train))
    _check(len(cn) > 1, f"{column} holds one class, {_show(cn)}; expected two or more.")
    unseen = [name for name in cn if name not in seen]
    advice = "Measurements are for regression, not classes." if kind.is_numeric() else ""
    _check(not unseen, f"{column} holds {_show(unseen)}, which never occur in training. {advice}")
    return cn


def _vocabulary(model: Any, pad_idx: int) -> list[str]:
    """Return the words of a model, or stop if it has none, or padding is no index of theirs."""
    words = getattr(getattr(model, "wv", model), "index_to_key", [])
    _check(len(words), f"model, {type(model)}, has no words; expected Word2Vec or KeyedVectors.")
    wanted = f"the index of a word, or {len(words)}, the number of words"
    _check(pad_idx in range(len(words) + 1), f"pad_idx is {_show(pad_idx)}; expected {wanted}.")
    return words


def _tokens(df: pl.DataFrame, expr: pl.Expr) -> pl.Series:
    """Return the tokens of each row as a list of strings, or stop."""
    tokens = _column(df, expr, "tokens_expr")
    strings = getattr(tokens.dtype, "inner", None) in (pl.String, pl.Categorical, pl.Enum)
    _check(strings, f"tokens_expr gives {tokens.dtype}; expected a list of strings for each row.")
    tokens = tokens.cast(pl.List(pl.String))
    bad = ((tokens.list.len() == 0) | tokens.list.contains(None)).arg_true().to_list()
    _check(not bad, f"tokens_expr gives no tokens, or null, in rows {_show(bad)}; drop them.")
    return tokens


def _check_cases(model: nn.Module, X: Tensor, y, cn: Sequence | None) -> int:
    """Return the number of classes, or stop unless X is finite and y has a class for each row."""
    _check_type("model", model, nn.Module, "Give a network, not its class.")
    _check_type("X", X, Tensor, "torch.from_numpy(…) makes one.")
    _check(X.ndim and X.numel(), f"X has shape {tuple(X.shape)}; expected a row for each case.")
    bad = (~X.isfinite()).reshape(len(X), -1).any(dim=1).nonzero().flatten().tolist()
    _check(not bad, f"X holds NaN or infinite values in rows {_show(bad)}; mend them first.")
    if y is None and cn is not None:  # new cases
        return len(_names(cn))
    _check_type("y", y, Tensor, "torch.from_numpy(…) makes one.")
    kind, wanted = f"{y.dtype} of shape {tuple(y.shape)}", f"torch.int64 of shape ({len(X)},)"
    _check(y.dtype == torch.int64 and y.shape == X.shape[:1], f"y is {kind}; expected {wanted}.")
    classes = int(y.max()) + 1 if cn is None else len(_names(cn))
    wanted = f"positions in the {classes} class names, which are 0 or more."
    _check(0 <= y.min() <= y.max() < classes, f"y holds {y.min()} to {y.max()}; expected {wanted}")
    return classes


def _check_logits(logits: Any, rows: int, classes: int, exactly: bool) -> Tensor:
    """Return the logits of some rows, or stop unless each has a number for each class."""
    _check_type("What the model returns", logits, Tensor, "Return the logits alone.")
    if rows == 1 and logits.ndim == 1:  # a model that squeezes has dropped the axis of rows
        logits = logits[np.newaxis]
    shape = tuple(logits.shape)
    more = not exactly and shape[:-1] == (rows,) and shape[-1] > classes
    fits = shape == (rows, classes) or more
    wanted = f"({rows}, {classes}). Give it {classes} outputs, one for each class."
    _check(fits, f"The model gives {shape} logits for {rows} rows of X; expected {wanted}")
    _check((logits < torch.inf).all(), f"The logits are NaN or infinite. {DIVERGED}")
    return logits


def _check_training(model, optimizer, X, y, num_epochs: int, batch_size: int) -> None:
    """Stop unless the optimiser can change the model, and the model takes all batches."""
    _check_counts(num_epochs=num_epochs, batch_size=batch_size)
    _check_type("optimizer", optimizer, torch.optim.Optimizer)
    _check_cases(model, X, y, None)
    # try two rows: the largest word index may lack a vector, and the last class an output
    rows = [int(X.reshape(len(X), -1).amax(dim=1).argmax()), int(y.argmax())]
    _logits(model, X[rows], y[rows], None)
    held = {p for group in optimizer.param_groups for p in group["params"]}
    fits = held <= {*model.parameters()} and any(p.requires_grad for p in held)
    advice = "Make it after the model: optim.Adam(model.parameters())."
    _check(fits, f"The optimizer holds another model's weights, or only frozen ones. {advice}")
    if 1 in (batch_size, len(X) % batch_size):
        one = f"{len(X)} cases with batch_size={batch_size} leave a batch of one"
        with torch.random.fork_rng(), _explained(f"{one}, which the model cannot learn from"):
            logits = copy.deepcopy(model).train()(X[:1].to(next(model.parameters()).device))
            nn.functional.cross_entropy(logits, y[:1].to(logits.device)).backward()


# The settings at the top: libraries choose their instructions by the processor and their threads by
# the number of its cores, and both change how sums are rounded; asked for AVX2's instructions and
# for one thread, they give the same numbers on nearly all machines. They choose when they are
# imported, so the settings come before numpy; a reader's own settings stand.
