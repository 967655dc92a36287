"""Helpers that the book's cells call, brought in by ``from funs import *``.

Three parts, in the order in which to read them: what it gives, how it does it, what it refuses.
This is no framework: the networks stand in the chapters, and nothing here hides a step that a
chapter explains. What does not fit together ends in a ValueError that says what, where and why.
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
import random
import re
import reprlib
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from threadpoolctl import threadpool_limits
from torch import nn

__all__ = ["DSImage", "DSSklearn", "DSTorch", "print_rows", "set_seed"]

SEED = 14
SCORING_BATCH = 256  # cases scored at once: bounds memory, changes no result
MODES = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
MODES |= {"CMYK": "RGB", "YCbCr": "RGB"}  # Pillow's name for what a file holds: what we load


# --- 1. What it gives --------------------------------------------------------------------------


def set_seed(seed: int = SEED) -> None:
    """Make what follows repeatable to the bit, on one core or on sixty-four.

    Seeds Python, NumPy and PyTorch, asks PyTorch for deterministic algorithms, and limits all
    to one thread: several would add numbers up in another order. Used before each training.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)
    threadpool_limits(1)  # BLAS and OpenMP, also where a library was imported before this file


def print_rows(df: pl.DataFrame, n: int = -1) -> None:
    """Show the first `n` rows of a frame, or all, where polars would leave some out."""
    from IPython.display import display

    _check_frame(df, empty=True)
    with pl.Config(tbl_rows=-1):
        display(df if n < 0 else df.head(n))


class Loaded(NamedTuple):
    """What ``load_image`` and ``load_text`` give: seven values, to unpack or to take by name.

    `X` has all cases in the order of the frame; `X_train` and `X_test` are its two parts.
    Pictures are float32, (N, C, H, W), with C 1 for grey, 3 for colour, 4 with transparency;
    texts are int64, (N, max_length). `y`, in the same parts, is int64, (N,): positions in `cn`,
    the class names. It is None for new cases without labels.
    """

    X: torch.Tensor
    X_train: torch.Tensor
    X_test: torch.Tensor
    y: torch.Tensor | None
    y_train: torch.Tensor | None
    y_test: torch.Tensor | None
    cn: list


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

        Parameters
        ----------
        label_name, filepath, index : str
            The columns of the class, of the file, and of the part: "train" or "test".
        scale, flatten : bool
            Divide by the largest possible pixel, to lie in [0, 1]; make rows of C·H·W numbers.
        cn : sequence, optional
            The class names of training, to load new pictures alone. These need no "label", and
            count as "test" without "index", or where it says "unseen".
        """
        optional = () if cn is None else ("label", "index")
        _check_frame(df, filepath, *(n for n in (label_name, index) if n not in optional))
        labels = _column(df, label_name, "label_name") if label_name in df.columns else None
        train, ys, cn = _split(df, index, labels, cn)
        stack = np.stack(_read_pictures(_column(df, filepath, "filepath"), alike=True))
        X = torch.from_numpy(stack.astype(np.float32))
        if scale:
            X /= float(np.iinfo(stack.dtype).max)
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
        """Turn tokens into rows of word indices. Used in *CNNs for Text*.

        Words that the model, a gensim Word2Vec or KeyedVectors, does not know are dropped; then
        each row is cut, or padded, at its end.

        Parameters
        ----------
        tokens_expr, label_expr : polars.Expr
            The tokens of each text, a list of strings, and its class.
        pad_idx : int
            A word's index, or the number of words: an embedding's row after the last word's.
        index, cn
            As in ``load_image``; with neither, four fifths of the rows are drawn for training.
        """
        _check_frame(df, *({index} - {"index"}))
        words = _vocabulary(model, pad_idx)
        _check_counts(max_length=max_length)
        tokens = _tokens(df, tokens_expr)
        labels = None if label_expr is None else _column(df, label_expr, "label_expr")
        train, ys, cn = _split(df, index, labels, cn)
        indices = np.full((df.height, max_length), pad_idx, dtype=np.int64)
        row, position, word = _locate_words(tokens, words, max_length)
        indices[row, position] = word
        X = torch.from_numpy(indices)
        return Loaded(X, X[train], X[~train], *ys, cn)

    @staticmethod
    def train(
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        X_train: torch.Tensor,
        y_train: torch.Tensor,
        num_epochs: int = 18,
        batch_size: int = 32,
    ) -> None:
        """Fit a model that gives logits, (batch, classes), in place, by cross-entropy.

        Prints for each epoch the mean loss over its samples, each under the weights that its
        batch met. Used in *CNNs: Application* and later sections.
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
                    _check_loss(loss, epoch)
                    loss.backward()
                    optimizer.step()
                    total += loss.item() * len(batch)
                print(f"Epoch {epoch}/{num_epochs}, Loss: {total / len(X_train):.4f}")

    @staticmethod
    def score_image(model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence) -> float:
        """Return the accuracy, in [0, 1], on pictures. Used in *CNNs: Application*."""
        return _accuracy(_logits(model, X, y, cn), y)

    @staticmethod
    def score_text(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
        """Return the accuracy, in [0, 1], on texts. Used in *CNNs for Text*."""
        return _accuracy(_logits(model, X, y), y)

    @staticmethod
    def predict(model: nn.Module, X: torch.Tensor, y, cn: Sequence) -> pl.DataFrame:
        """Return the true class, ``target_``, and ``prediction_`` for each row of X, in order.

        Fit for ``df.with_columns(…)``. With None for `y` there is no ``target_``. Used in *CNNs:
        Application*.
        """
        return _classes(_logits(model, X, y, cn), y, cn)

    @staticmethod
    def predict_proba(
        model: nn.Module, X: torch.Tensor, y, cn: Sequence, prefix: str = ""
    ) -> pl.DataFrame:
        """Return what ``predict`` does, and probabilities. Used in *CNNs: Application*.

        ``prob_pred_`` is that of the predicted class. Each class has a column, named `prefix` and
        the class: give a prefix if the frame that they go into has columns of these names.
        """
        logits = _logits(model, X, y, cn)
        probability = torch.softmax(logits.double(), dim=1).numpy()
        return _with_probabilities(_classes(logits, y, cn), probability, cn, prefix)

    @staticmethod
    def confusion_matrix(model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence):
        """Plot, with plotnine, how often each class was taken for each. Used in *Exercises*."""
        return _confusion_plot(DSTorch.predict(model, X, y, cn), cn)


class DSSklearn:
    """Maps into a few dimensions, and a classifier, by scikit-learn and UMAP.

    `features` are expressions that give numbers or lists of numbers, which are spread; without
    them, all columns are taken but those in `drop`. Each is standardised, unless `scale` is False.
    Other arguments go to the library's class; what is random starts from the book's seed.
    """

    @staticmethod
    def umap(df: pl.DataFrame, features=None, drop=(), scale=True, **kwargs) -> Reduction:
        """Reduce by UMAP. Used in *Semantic Relationships*."""
        from umap import UMAP

        reducer = UMAP(**{"random_state": SEED, "n_jobs": 1} | kwargs)
        return Reduction(df, features, drop, scale, reducer)

    @staticmethod
    def pca(df: pl.DataFrame, features=None, drop=(), scale=True, **kwargs) -> Reduction:
        """Reduce by principal components. Used in *Exercises*."""
        from sklearn.decomposition import PCA

        return Reduction(df, features, drop, scale, PCA(**{"n_components": 2} | kwargs))

    @staticmethod
    def tsne(df: pl.DataFrame, features=None, drop=(), scale=True, **kwargs) -> Reduction:
        """Reduce by t-SNE. Used in *Exercises*."""
        from sklearn.manifold import TSNE

        return Reduction(df, features, drop, scale, TSNE(**{"random_state": SEED} | kwargs))

    @staticmethod
    def logistic_regression_cv(
        df: pl.DataFrame, target, features=None, drop=(), **kwargs
    ) -> Classifier:
        """Fit a logistic regression, its penalty chosen by cross-validation, to training rows.

        The column "index" says which these are. Without it, `test_size` (0.3) of the rows are
        drawn for testing, by `random_state`, and from each class of `stratify` alike.
        """
        return Classifier(df, target, features, drop, **kwargs)


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
        return _beside(self.df, points) if full else points


class Classifier:
    """A frame, and a logistic regression fitted to its training rows."""

    def __init__(
        self, df, target, features, drop, test_size=0.3, random_state=SEED, stratify=None, **kwargs
    ) -> None:
        from sklearn.linear_model import LogisticRegressionCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        _check_frame(df)
        y = _column(df, target, "target")
        train, _, self.cn = _split(df, "index", y, None, test_size, random_state, stratify)
        self.df, self.y, self.train = df, y.to_numpy(), train.numpy()
        self.matrix = _matrix(df, features, drop, y.name, "index")
        quiet = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"}
        self.model = make_pipeline(StandardScaler(), LogisticRegressionCV(**quiet | kwargs))
        with _explained(f"{self.train.sum()} training rows cannot be fitted"):
            self.model.fit(self.matrix[self.train], self.y[self.train])

    def score(self) -> dict[str, float]:
        """Return the accuracy, in [0, 1], on the rows for "train" and for "test"."""
        right = self.model.predict(self.matrix) == self.y
        return {"train": float(right[self.train].mean()), "test": float(right[~self.train].mean())}

    def predict_proba(self, full: bool = False, prefix: str = "") -> pl.DataFrame:
        """Return what ``DSTorch.predict_proba`` does, and ``index_``: "train" or "test"."""
        index, predicted = np.where(self.train, "train", "test"), self.model.predict(self.matrix)
        frame = pl.DataFrame({"index_": index, "target_": self.y, "prediction_": predicted})
        probability = self.model.predict_proba(self.matrix)
        frame = _with_probabilities(frame, probability, self.cn, prefix)
        return _beside(self.df, frame) if full else frame

    def confusion_matrix(self):
        """Plot what ``DSTorch.confusion_matrix`` does, for the rows for testing."""
        frame = self.predict_proba(prefix="probability of ")
        return _confusion_plot(frame.filter(pl.col("index_") == "test"), self.cn)


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

        Returns a matplotlib.figure.Figure; for an empty frame, with a line of text.

        Parameters
        ----------
        label_name, filepath : str
            The columns of the titles (None: no titles) and of the files.
        size : float, optional
            Inches for each picture; if not given, rows are 6 inches wide, and no picture above 2.
        invert : bool, optional
            Draw grey pictures as dark ink on white; if not given, only where their edges are
            nearly black, as MNIST's are.
        """
        _check_frame(df, *filter(None, [filepath, label_name]), empty=True)
        _check_counts(ncol=ncol, limit=limit)
        df = df.head(limit)
        pictures = _read_pictures(_column(df, filepath, "filepath"))
        ncol = max(1, min(ncol, len(pictures)))
        size = min(2, 6 / ncol) if size is None else size
        _require(size > 0, f"size is {size}; expected inches for each picture.")
        labels = df[label_name] if label_name else [""] * len(pictures)
        titles = [_wrapped(str(label), size) for label in labels]
        invert = _have_dark_edges(pictures) if invert is None else invert
        return _draw_grid(pictures, titles, ncol, size, "gray_r" if invert else "gray")


# --- 2. How it does it -------------------------------------------------------------------------


def _read_pictures(paths: pl.Series, alike: bool = False) -> list[np.ndarray]:
    """Read pictures as a viewer shows them, as arrays of unsigned integers, (C, H, W)."""
    text = paths.dtype in (pl.String, pl.Categorical, pl.Enum) or paths.is_empty()
    _require(text, f"Column {paths.name!r} holds {paths.dtype}; expected paths, as text.")
    pictures: list[np.ndarray] = []
    for row, path in enumerate(paths.cast(pl.String)):
        name, place = f"{path[-200:]} (row {row})", Path(path).expanduser()
        if not place.exists():
            where = "" if place.is_absolute() else f" below {Path.cwd()}"
            advice = "Write / between folders." if "\\" in path else "`make data` makes the book's."
            raise FileNotFoundError(f"{name}: no such file{where}. {advice}")
        with _explained(f"{name} cannot be read as a picture"):
            pixels = _read_picture(place)
        pictures.append(pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
        kind, first = (f"{p.dtype} {p.shape}" for p in (pictures[-1], pictures[0]))
        other = f"{name} is {kind}, but the first picture is {first} (channels, height, width)"
        _require(kind == first or not alike, f"{other}; all must be of one depth and shape.")
    return pictures


def _read_picture(path: Path) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)  # a camera notes which side is up
    if image.mode == "P" and not np.ptp(np.reshape(image.getpalette() or [], (-1, 3)), 1).any():
        image = image.convert("L")  # a palette of greys, as a grey GIF has
    if image.mode == "LA":  # transparent grey, on white paper
        paper = Image.new("LA", image.size, (255, 255))
        image = Image.composite(image, paper, image.getchannel("A"))
    _require(image.mode in MODES, f"its mode, {image.mode}, is none of {[*MODES]}.")
    return np.asarray(image.convert(MODES[image.mode]))


def _locate_words(tokens: pl.Series, words: list[str], max_length: int) -> tuple[np.ndarray, ...]:
    """Return row, position and index of each known word that stands before the cut."""
    vocabulary = pl.DataFrame({"token": words, "word": range(len(words))})
    known = (
        pl.DataFrame({"row": range(len(tokens)), "token": tokens})
        .explode("token")
        .join(vocabulary, on="token", how="inner", maintain_order="left")
    )
    row, word = known["row"].to_numpy(), known["word"].to_numpy()
    lost = np.setdiff1d(range(len(tokens)), row).tolist()
    advice = f"which starts {_show(words[:3])}. Were the texts tokenised as for the model?"
    _require(len(row), f"No token is in the model's vocabulary of {len(words)} words, {advice}")
    if lost:
        warnings.warn(f"Rows {_show(lost)} have no known word: padding only.", stacklevel=3)
    position = np.arange(len(row)) - np.searchsorted(row, row)
    kept = position < max_length
    return row[kept], position[kept], word[kept]


def _split(
    df, index, labels, cn, test_size=0.2, random_state=SEED, stratify=None
) -> tuple[torch.Tensor, tuple[Any, Any, Any], list]:
    """Return which rows are for training, y and its two parts, and the class names."""
    new, train = cn is not None, torch.zeros(df.height, dtype=torch.bool)
    if index in df.columns:
        train = _check_split(_column(df, index, "index"), new)
    elif not new:
        from sklearn.model_selection import train_test_split

        groups = None if stratify is None else _column(df, stratify, "stratify").to_numpy()
        how = {"test_size": test_size, "random_state": random_state, "stratify": groups}
        with _explained(f"{df.height} rows cannot be split"):
            train[train_test_split(range(df.height), **how)[0]] = True
    cn = _names(cn if new else _check_labels(labels, train)).to_list()
    if labels is None:
        return train, (None, None, None), cn
    strange = [label for label in labels.unique(maintain_order=True) if label not in cn]
    _require(not strange, f"Labels {_show(strange)} are not among the class names, {_show(cn)}.")
    position = {name: i for i, name in enumerate(cn)}
    y = torch.tensor([position[label] for label in labels])
    return train, (y, y[train], y[~train]), cn


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


def _logits(model: nn.Module, X: torch.Tensor, y, cn=None, rows=slice(None)) -> torch.Tensor:
    """Return the logits of rows of X, computed batch by batch in eval mode, on the CPU."""
    classes = _check_cases(model, X, y, cn)
    kind = f"{X.dtype} of shape {tuple(X.shape[1:])}, values {X.min():g} to {X.max():g}"
    logits = []
    with _mode(model, training=False), torch.no_grad():
        for batch in X[rows].split(SCORING_BATCH):
            with _explained(f"The model fails on rows of X, {kind}"):
                output = model(batch.to(next(model.parameters(), X).device))
            logits.append(_check_logits(output, len(batch), classes, cn is not None).cpu())
    return torch.cat(logits)


def _accuracy(logits: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of rows whose largest logit is that of the true class."""
    _require(y is not None, "y is None, and a score needs the true classes.")
    return (logits.argmax(dim=1) == y.cpu()).double().mean().item()


def _classes(logits: torch.Tensor, y: torch.Tensor | None, cn: Sequence) -> pl.DataFrame:
    """Return the names of the true and the predicted classes."""
    positions = {} if y is None else {"target_": y.cpu()}
    positions["prediction_"] = logits.argmax(dim=1)
    return pl.DataFrame({name: _names(cn)[p.numpy()] for name, p in positions.items()})


def _with_probabilities(frame: pl.DataFrame, probability: np.ndarray, cn, prefix: str):
    """Return a frame and, beside it, the probability of what was predicted and of each class."""
    classes = {f"{prefix}{name}": probability[:, i] for i, name in enumerate(cn)}
    frame = frame.with_columns(pl.Series("prob_pred_", probability.max(axis=1)))
    return _beside(frame, pl.DataFrame(classes))


def _beside(df: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of both frames, or stop if a new one would overwrite an old one."""
    both = [name for name in new.columns if name in df.columns]
    _require(not both, f"There are columns {_show(both)} already; give another prefix.")
    return df.with_columns(new)


def _confusion_plot(frame: pl.DataFrame, cn: Sequence):
    """Draw a tile, with its count, for each pair of a true class (down) and a predicted one."""
    import plotnine as p9

    _require("target_" in frame.columns, "y is None; a confusion matrix needs the true classes.")
    names = _names(cn).cast(pl.String).to_list()
    pairs = frame.select(pl.col("target_", "prediction_").cast(pl.String))
    counts = pairs.group_by("target_", "prediction_", maintain_order=True).len("cases")
    return (
        p9.ggplot(counts, p9.aes("prediction_", "target_"))
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
    _require(chosen.width, "There are no features.")
    blocks = []
    for column in chosen.get_columns():
        name, kind = f"Column {column.name!r}", column.dtype
        numbers = getattr(kind, "inner", kind).is_numeric()
        _require(numbers, f"{name} holds {kind}; expected numbers, or lists of numbers.")
        with _explained(f"{name} must hold no missing values, and lists of one length"):
            blocks.append(np.array(column.to_list(), dtype=np.float64).reshape(df.height, -1))
        finite = np.isfinite(blocks[-1]).all()
        _require(finite, f"{name} holds missing, NaN or infinite values; drop or fill them.")
    return np.hstack(blocks)


def _have_dark_edges(pictures: list[np.ndarray]) -> bool:
    """Say whether most grey pictures are nearly black (below a sixteenth) along their edges."""
    grey = [p[0] / np.iinfo(p.dtype).max for p in pictures if len(p) == 1]
    edges = [[np.median(e) for e in (g[0], g[-1], g[:, 0], g[:, -1])] for g in grey]
    return bool(grey) and float(np.median(np.mean(edges, axis=1))) < 1 / 16


def _wrapped(title: str, inches: float) -> str:
    """Break a title between words into at most six lines, for a picture of so many inches."""
    lines = []
    for line in title.splitlines():
        lines.append("")
        for word in re.findall(r"\w{1,12}[^\w\s]{0,3}\s*|\W", line):
            if lines[-1] and len(lines[-1] + word.strip()) > 13 * inches:  # 13 letters an inch
                lines.append("")
            lines[-1] += word
    return "\n".join(lines if len(lines) <= 6 else [*lines[:5], "…"])


def _draw_grid(pictures: list[np.ndarray], titles: list[str], ncol: int, size: float, cmap: str):
    """Draw pictures and titles on one canvas, whose unit is the inch; y counts downwards."""
    import matplotlib.pyplot as plt

    figure = plt.figure()
    ax = figure.add_axes((0, 0, 1, 1), autoscale_on=False)
    ax.axis("off")
    y, side = 0.0, 0.95 * size  # the rest is the gap between pictures
    for start in range(0, len(pictures), ncol):
        row, above = pictures[start : start + ncol], titles[start : start + ncol]
        y += 0.06 + 0.165 * max(len(title.splitlines()) for title in above)
        for column, (picture, title) in enumerate(zip(row, above, strict=True)):
            height, width = (side * n / max(picture.shape[1:]) for n in picture.shape[1:])
            x = (column + 0.5) * size
            box = (x - width / 2, x + width / 2, y + height, y)
            pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
            white = np.iinfo(pixels.dtype).max
            ax.imshow(pixels, cmap, vmin=0, vmax=white, extent=box, aspect="auto")
            ax.text(x, y - 0.03, title, size=9, ha="center", va="bottom", parse_math=False)
        y += side * max(p.shape[1] / max(p.shape[1:]) for p in row)
    if not pictures:
        y = 0.4
        ax.text(size / 2, 0.2, "no picture to show", ha="center", va="center")
    ax.set(xlim=(0, ncol * size), ylim=(y, 0))
    figure.set_size_inches(ncol * size, y)
    widest = max(text.get_window_extent().width for text in ax.texts) / figure.dpi
    for text in ax.texts:  # the largest font in which no title reaches the next one
        text.set_fontsize(9 * side / max(widest, side))
    plt.close(figure)  # the cell shows what it returns; an open figure would be shown twice
    return figure


# --- 3. What it refuses ------------------------------------------------------------------------

_show = reprlib.repr  # the first few of many values


def _require(fulfilled: Any, message: str) -> None:
    """Stop with the message, of at most 600 characters, unless what it requires is fulfilled."""
    if not fulfilled:
        raise ValueError(textwrap.shorten(message, 600, placeholder=" …"))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say what was being done before what a library said of it."""
    try:
        yield
    except Exception as error:
        _require(False, f"{what}: {error}")


def _check_type(name: str, value: Any, expected: type, advice: str) -> None:
    kinds = [f"a {k.__module__.split('.')[0]} {k.__name__}" for k in (type(value), expected)]
    _require(isinstance(value, expected), f"{name} is {kinds[0]}; expected {kinds[1]}. {advice}")


def _check_counts(**numbers: int) -> None:
    for name, n in numbers.items():
        whole = isinstance(n, Integral) and n >= 1
        _require(whole, f"{name} is {n!r}; it must be a whole number, 1 or more.")


def _check_frame(df: pl.DataFrame, *names: str, empty: bool = False) -> None:
    _check_type("df", df, pl.DataFrame, "df.collect(), or pl.from_pandas(df), may give it.")
    for name in names:
        _require(name in df.columns, f"The frame has no column {name!r}, only {_show(df.columns)}.")
    _require(empty or df.height, "The frame is empty: it has no row to load.")


def _column(df: pl.DataFrame, expr, argument: str, missing: bool = False) -> pl.Series:
    """Return what an expression gives, or stop unless it is one value for each row."""
    with _explained(f"{argument} cannot be computed"):
        columns = df.select(expr).get_columns()
    _require(len(columns) == 1, f"{argument} gives {len(columns)} columns; expected one.")
    values, found = columns[0], f"{argument}, column {columns[0].name!r}, has"
    _require(len(values) == df.height, f"{found} {len(values)} values for {df.height} rows.")
    none = values.null_count() + (values.is_nan().sum() if values.dtype.is_float() else 0)
    _require(missing or not none, f"{found} {none} missing values; fill or drop them.")
    return values


def _names(cn) -> pl.Series:
    """Return class names as a column, or stop unless they have an order and are distinct."""
    with _explained(f"cn must be a list of distinct class names; it is {_show(cn)}"):
        names = pl.Series("cn", [] if isinstance(cn, str) else cn)
        _require(names.n_unique() == len(names) > 0, "there is none, or one twice.")
    return names


def _check_split(split: pl.Series, new: bool) -> torch.Tensor:
    """Return which rows are for training, or stop unless all are for training or testing."""
    column, parts = f"Column {split.name!r}, the split,", split.cast(pl.String)
    strange = sorted(set(parts) - {"train", "test", "unseen" if new else "test"})
    _require(not strange, f"{column} holds {_show(strange)}; expected only 'train' and 'test'.")
    for part in ("train", "test"):
        alone = "both are needed, or cn=cn, the class names of training, for new cases"
        _require(new or part in parts, f"{column} says {part!r} in no row; {alone}.")
    return torch.from_numpy((parts == "train").to_numpy())


def _check_labels(labels: pl.Series, train: torch.Tensor) -> list:
    """Return the class names, or stop unless there are two or more and each is trained on."""
    _require(labels is not None, "Labels are missing; only new cases, with cn=cn, need none.")
    column, kind, count = f"Column {labels.name!r}, the labels,", labels.dtype, labels.n_unique()
    _require(not kind.is_nested(), f"{column} holds {kind}; expected texts, numbers or booleans.")
    advice = "Measurements are for regression, and funs trains classifiers."
    _require(not kind.is_float() or count <= 20, f"{column} holds {count} decimals. {advice}")
    _require(count > 1, f"{column} holds one class, {_show(labels[0])}; expected two or more.")
    cn, seen = labels.unique().sort().to_list(), set(labels.filter(train.numpy()))
    unseen = [name for name in cn if name not in seen]
    never = f"{column} holds {len(unseen)} classes that never occur in training, {_show(unseen)}"
    _require(not unseen, f"{never}. {advice if kind.is_numeric() else ''}")
    return cn


def _vocabulary(model: Any, pad_idx: int) -> list[str]:
    """Return the words of a model, or stop if it has none, or padding is no index of theirs."""
    words = getattr(getattr(model, "wv", model), "index_to_key", [])
    _require(len(words), f"model, a {type(model)}, has no words; expected Word2Vec, KeyedVectors.")
    fits = isinstance(pad_idx, Integral) and 0 <= pad_idx <= len(words)
    last = f"0 to {len(words) - 1}, or {len(words)}, the number of words, for a row after these"
    _require(fits, f"pad_idx is {pad_idx!r}; it must be a word's index, {last}.")
    return words


def _tokens(df: pl.DataFrame, expr: pl.Expr) -> pl.Series:
    """Return the tokens of each row as a list of strings, or stop."""
    tokens = _column(df, expr, "tokens_expr", missing=True)
    strings = getattr(tokens.dtype, "inner", None) in (pl.String, pl.Categorical, pl.Enum)
    _require(strings, f"tokens_expr gives {tokens.dtype}; expected a list of strings for each row.")
    tokens = tokens.cast(pl.List(pl.String))
    for what, rows in {
        "no tokens": tokens.list.len().fill_null(0) == 0,
        "null tokens": tokens.list.eval(pl.element().is_null()).list.any(),
    }.items():
        found = rows.arg_true().to_list()
        _require(not found, f"tokens_expr gives {what} in rows {_show(found)}; drop them first.")
    return tokens


def _check_cases(model: nn.Module, X: torch.Tensor, y, cn) -> int:
    """Return the number of classes, or stop unless X is finite, and y has a position a row."""
    _check_type("model", model, nn.Module, "Give a network, not its class.")
    for name, values in {"X": X, "y": X if y is None else y}.items():
        _check_type(name, values, torch.Tensor, "torch.from_numpy(…) makes one.")
    _require(X.ndim and X.numel(), f"X has shape {tuple(X.shape)}; expected a row for each case.")
    finite = torch.isfinite(X).reshape(len(X), -1).all(dim=1)
    row = int(finite.int().argmin())
    _require(finite[row], f"X holds NaN or infinite values, first in row {row}; mend them first.")
    y = X.new_zeros(len(X), dtype=torch.int64) if y is None else y
    _require(len(X) == len(y), f"X has {len(X)} rows and y has {len(y)}; expected as many.")
    kind = f"y is {y.dtype} of shape {tuple(y.shape)}; expected torch.int64 of shape (N,)."
    _require(y.dtype == torch.int64 and y.ndim == 1, kind)
    _require(y.min() >= 0, f"y holds {y.min()}; positions in the class names are 0 or more.")
    classes = int(y.max()) + 1 if cn is None else len(_names(cn))
    _require(y.max() < classes, f"y holds {y.max()}, beyond the {classes} class names.")
    return classes


def _check_logits(logits: Any, rows: int, classes: int, exactly: bool) -> torch.Tensor:
    """Return the logits of some rows, or stop unless each has a number for each class."""
    _check_type("What the model returns", logits, torch.Tensor, "Return the logits alone.")
    logits = logits[np.newaxis] if rows == 1 and logits.ndim == 1 else logits  # after squeeze()
    width = logits.shape[1] if logits.ndim == 2 and len(logits) == rows else 0
    fits = width == classes if exactly else width >= classes
    found = f"The model gives logits of shape {tuple(logits.shape)} for {rows} rows of X; expected"
    _require(fits, f"{found} ({rows}, {classes}). Give it {classes} outputs, one for each class.")
    failed = "The logits are NaN or infinite: training has failed. Try a smaller learning rate."
    _require((logits < torch.inf).all(), failed)
    return logits


def _check_training(
    model: nn.Module, optimizer, X: torch.Tensor, y: torch.Tensor, num_epochs: int, batch_size: int
) -> None:
    """Stop unless the optimiser can change the model, and the model takes all batches."""
    _check_counts(num_epochs=num_epochs, batch_size=batch_size)
    _check_type("y_train", y, torch.Tensor, "")
    _check_type("optimizer", optimizer, torch.optim.Optimizer, "")
    _check_cases(model, X, y, None)
    row = 0 if X.is_floating_point() else int(X.reshape(len(X), -1).amax(dim=1).argmax())
    _logits(model, X, y, rows=[0, row])  # the largest word index may lack a vector
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    learns = {id(p): p.requires_grad for p in model.parameters()}
    _require(any(learns.values()), "All weights of the model are frozen: it cannot learn.")
    own = held <= learns.keys() and any(learns[p] for p in held)
    advice = "Make it after the model: optim.Adam(model.parameters())."
    _require(own, f"The optimizer holds another model's weights; this one cannot learn. {advice}")
    if batch_size == 1 or len(X) % batch_size == 1:
        one = f"{len(X)} cases in batches of batch_size={batch_size} leave a batch of one"
        with _explained(f"{one}, which the model cannot learn from; choose another size"):
            with torch.random.fork_rng():
                logits = copy.deepcopy(model).train()(X[:1].to(next(model.parameters()).device))
            _require(logits.ndim == 2, f"its logits have the shape {tuple(logits.shape)}.")


def _check_loss(loss: torch.Tensor, epoch: int) -> None:
    failed = f"Epoch {epoch}: the loss is {loss.item()}, so training has failed. Make model and"
    _require(loss.isfinite(), f"{failed} optimizer anew, with a smaller rate, and scale X.")


# --- The settings at the top -------------------------------------------------------------------

# Libraries choose their instructions by the processor and their threads by the number of its
# cores, and both change how sums are rounded; asked for AVX2's instructions and for one thread,
# they give the same numbers on nearly all machines. They choose when they are imported, so the
# settings come before numpy; a reader's own settings stand.
