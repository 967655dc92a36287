"""Helpers that the book's code cells call, all brought in by ``from funs import *``.

They load data, train and score a model, and draw; each one says in its docstring which section
uses it. They are not a framework: every network is defined in the chapter itself, and nothing
here hides a step that the chapter explains.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# The libraries below choose their instructions by the processor and their threads by the number of
# cores, and both change how sums are rounded. So all are asked for AVX2's instructions, where there
# are any, and for one thread; they choose when they are imported, so this stands before.
os.environ.setdefault("OMP_NUM_THREADS", "1")
_CPU = Path("/proc/cpuinfo")
if _CPU.is_file() and " avx2 " in _CPU.read_text(encoding="utf-8"):
    os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
    os.environ.setdefault("MKL_ENABLE_INSTRUCTIONS", "AVX2")
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")

import numpy as np
import polars as pl
import torch
from threadpoolctl import threadpool_limits
from torch import nn

__all__ = ["DSImage", "DSSklearn", "DSTorch", "set_seed"]

SEED = 14
SCORING_BATCH = 256  # cases scored at once: bounds memory, changes no result
CHANNELS = {"1": "L", "L": "L", "I;16": "I;16", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}

# gensim reads this when it is first imported: the chapter's GloVe vectors lie in the project
_GENSIM_DATA = Path(__file__).resolve().parent / "data" / "gensim-data"
if _GENSIM_DATA.is_dir():
    os.environ.setdefault("GENSIM_DATA_DIR", str(_GENSIM_DATA))

Split = tuple[
    torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, list
]


def set_seed(seed: int = SEED) -> None:
    """Make what follows repeatable: seed Python, numpy and torch, and use one thread.

    With the same seed, library versions and kind of processor, training gives the same weights
    to the bit, on one core or on sixty-four. Used before every training cell of the book.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    threadpool_limits(1)  # OpenMP and BLAS, also where a library was imported before this file


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
    ) -> Split:
        """Read the pictures that a frame lists. Used in the section *CNNs: Application*.

        Parameters
        ----------
        df : polars.DataFrame
            A row a picture: its label, the path of its file, and "train" or "test".
        label_name, filepath, index : str
            The names of these three columns.
        scale : bool
            Divide by the largest value of a pixel (255; 65,535 for 16 bits), so that all lie
            in [0, 1].
        flatten : bool
            One row of C·H·W features a picture instead of channels, height and width.

        Returns
        -------
        X, X_train, X_test : torch.Tensor
            float32, (N, C, H, W), or (N, C·H·W) if `flatten`; C is 1 for grey, 3 for colour,
            4 with transparency.
        y, y_train, y_test : torch.Tensor
            int64, (N,): positions in `cn`.
        cn : list
            The class names: the labels, sorted.

        Raises
        ------
        ValueError
            For an empty frame, a missing column, a file that is not a picture, pictures of
            different shapes or depths, and a split or labels that cannot be used.
        FileNotFoundError
            If a picture's file does not exist.
        """
        _check_columns(df, [label_name, filepath, index])
        pictures = _read_pictures(df[filepath])
        for row, picture in enumerate(pictures):
            kind, first = (f"{p.dtype} {p.shape}" for p in (picture, pictures[0]))
            if kind != first:
                raise ValueError(
                    f"{df[filepath][row]} (row {row}) is {kind}, but the first picture is {first} "
                    f"(channels, height, width); all must be of one depth and shape."
                )
        stack = np.stack(pictures)
        X = torch.from_numpy(stack.astype(np.float32))
        if scale:
            X /= float(np.iinfo(stack.dtype).max)
        if flatten:
            X = X.flatten(start_dim=1)
        return _split(X, df[label_name], df[index])

    @staticmethod
    def load_text(
        df: pl.DataFrame,
        model,
        tokens_expr: pl.Expr,
        label_expr: pl.Expr,
        max_length: int = 200,
        pad_idx: int = 0,
        index: str = "index",
    ) -> Split:
        """Turn tokens into rows of word indices. Used in the section *CNNs for Text*.

        Words that the model does not know are dropped; what is then longer than `max_length`
        is cut at the end, what is shorter is padded at the end.

        Parameters
        ----------
        df : polars.DataFrame
            A row a document.
        model : gensim.models.Word2Vec
            Its ``wv`` gives the vocabulary.
        tokens_expr, label_expr : polars.Expr
            The document's tokens, a list of strings, and its label.
        max_length : int
            Tokens a document, after cutting and padding.
        pad_idx : int
            What fills the rest: a word's index, or ``len(model.wv)``, the row after the last
            word's, for an embedding matrix that has one row more.
        index : str
            The column that says "train" or "test". Where a frame has no column "index", four
            fifths, drawn with the book's seed, are for training.

        Returns
        -------
        X, X_train, X_test : torch.Tensor
            int64, (N, max_length).
        y, y_train, y_test : torch.Tensor
            int64, (N,): positions in `cn`.
        cn : list
            The class names: the labels, sorted.

        Raises
        ------
        ValueError
            For an empty frame, tokens that are not lists of strings, no token in the
            vocabulary, an impossible `max_length` or `pad_idx`, and a split or labels that
            cannot be used.
        """
        _check_columns(df, [] if index == "index" else [index])
        words = model.wv.index_to_key
        _check_positive(max_length=max_length)
        if not 0 <= pad_idx <= len(words):
            raise ValueError(
                f"pad_idx is {pad_idx}; it must be a word's index, 0 to {len(words) - 1}, or "
                f"{len(words)}, that is len(model.wv), the row after the last word's."
            )
        X = np.full((df.height, max_length), pad_idx, dtype=np.int64)
        row, position, word = _locate_words(df, tokens_expr, words, max_length)
        X[row, position] = word
        split = df[index] if index in df.columns else _draw_split(df.height)
        return _split(torch.from_numpy(X), _one_a_row(df, label_expr, "label_expr"), split)

    @staticmethod
    def train(
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        X_train: torch.Tensor,
        y_train: torch.Tensor,
        num_epochs: int = 18,
        batch_size: int = 32,
    ) -> None:
        """Fit a classifier with cross-entropy. Used in *CNNs: Application* and later sections.

        Prints a line an epoch: the mean loss over its samples, each under the weights that its
        batch met.

        Parameters
        ----------
        model : torch.nn.Module
            Maps a batch of X to logits, (batch, classes). Changed in place.
        optimizer : torch.optim.Optimizer
            Made for the model's parameters.
        X_train : torch.Tensor
            (N, …), as ``load_image`` or ``load_text`` gives it.
        y_train : torch.Tensor
            int64, (N,).
        num_epochs, batch_size : int
            Passes over the data, and samples a step; the last batch may be smaller.

        Raises
        ------
        ValueError
            If a number is below 1, X holds NaN, or the model does not fit X and y.
        """
        _check_positive(num_epochs=num_epochs, batch_size=batch_size)
        _check_fit(model, X_train, y_train)
        with _mode(model, training=True):
            for epoch in range(1, num_epochs + 1):
                total = 0.0
                for batch in torch.randperm(len(X_train)).split(batch_size):
                    optimizer.zero_grad()
                    loss = nn.functional.cross_entropy(model(X_train[batch]), y_train[batch])
                    loss.backward()
                    optimizer.step()
                    total += loss.item() * len(batch)
                print(f"Epoch {epoch}/{num_epochs}, Loss: {total / len(X_train):.4f}")

    @staticmethod
    def score_image(model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence) -> float:
        """Return the accuracy, in [0, 1], on pictures. Used in *CNNs: Application*.

        Raises
        ------
        ValueError
            If the model does not fit X, y and the class names.
        """
        _check_fit(model, X, y, cn)
        return DSTorch.score_text(model, X, y)

    @staticmethod
    def score_text(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
        """Return the accuracy, in [0, 1], on documents. Used in *CNNs for Text*.

        Raises
        ------
        ValueError
            If the model does not fit X and y.
        """
        _check_fit(model, X, y)
        return (_logits(model, X).argmax(dim=1) == y).double().mean().item()

    @staticmethod
    def predict(model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence) -> pl.DataFrame:
        """Return the true and the predicted class of each row of X, in the order of X.

        Used in *CNNs: Application*.

        Returns
        -------
        polars.DataFrame
            ``target_`` and ``prediction_``, class names; fit for ``df.with_columns(...)``.

        Raises
        ------
        ValueError
            If the model does not fit X, y and the class names.
        """
        _check_fit(model, X, y, cn)
        predicted = _logits(model, X).argmax(dim=1)
        names = pl.Series(list(cn))
        return pl.DataFrame({"target_": names[y.numpy()], "prediction_": names[predicted.numpy()]})

    @staticmethod
    def predict_proba(
        model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence
    ) -> pl.DataFrame:
        """Return what ``predict`` does, and the probabilities. Used in *CNNs: Application*.

        Returns
        -------
        polars.DataFrame
            ``target_``, ``prediction_``, ``prob_pred_`` (the probability of the predicted
            class), and a column of probabilities a class, named as the class.

        Raises
        ------
        ValueError
            If the model does not fit X, y and the class names.
        """
        frame = DSTorch.predict(model, X, y, cn)
        probability = torch.softmax(_logits(model, X).double(), dim=1).numpy()
        columns = [pl.Series(str(name), probability[:, i]) for i, name in enumerate(cn)]
        return frame.with_columns(pl.Series("prob_pred_", probability.max(axis=1)), *columns)

    @staticmethod
    def confusion_matrix(model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence):
        """Return a plot of how often each class was taken for each. Used in the *Exercises*.

        Returns
        -------
        plotnine.ggplot
            A row a true class, a column a predicted one, and the counts in the cells.
        """
        import plotnine as p9

        names = pl.Series(list(cn)).cast(pl.String).to_list()
        pairs = DSTorch.predict(model, X, y, cn).cast(pl.String)
        counts = pairs.group_by("target_", "prediction_", maintain_order=True).len("cases")
        aes = p9.aes("prediction_", "target_")
        return (
            p9.ggplot(counts, aes)
            + p9.geom_tile(p9.aes(alpha="cases"), fill="#3b6ea5", show_legend=False)
            + p9.geom_text(p9.aes(label="cases"))
            + p9.scale_x_discrete(limits=names)
            + p9.scale_y_discrete(limits=names[::-1])
            + p9.labs(x="predicted class", y="true class")
        )


class DSSklearn:
    """Maps of many features into two dimensions, for a look at a cloud of points."""

    @staticmethod
    def umap(df: pl.DataFrame, features: list[pl.Expr], **kwargs) -> Reduction:
        """Reduce by UMAP. Used in the section *Semantic Relationships*.

        Parameters
        ----------
        df : polars.DataFrame
            A row a point.
        features : list of polars.Expr
            Numeric columns, or columns of lists, which are spread into features. Each feature
            is standardised.
        **kwargs
            Passed on to ``umap.UMAP``; the random state is the book's seed unless given.

        Returns
        -------
        Reduction
            Its ``predict`` gives the frame.

        Raises
        ------
        ValueError
            For an empty frame, missing values, or lists of different lengths.
        """
        from umap import UMAP

        return Reduction(df, features, UMAP(**{"random_state": SEED, "n_jobs": 1} | kwargs))

    @staticmethod
    def pca(df: pl.DataFrame, features: list[pl.Expr], **kwargs) -> Reduction:
        """Reduce by principal components; otherwise as ``umap``. Used in the *Exercises*."""
        from sklearn.decomposition import PCA

        return Reduction(df, features, PCA(**{"n_components": 2} | kwargs))

    @staticmethod
    def tsne(df: pl.DataFrame, features: list[pl.Expr], **kwargs) -> Reduction:
        """Reduce by t-SNE; otherwise as ``umap``. Used in the *Exercises*."""
        from sklearn.manifold import TSNE

        return Reduction(df, features, TSNE(**{"random_state": SEED} | kwargs))


class Reduction:
    """A frame and the two coordinates that a reducer found for each of its rows."""

    def __init__(self, df: pl.DataFrame, features: list[pl.Expr], reducer) -> None:
        from sklearn.preprocessing import StandardScaler

        self.df = df
        matrix = StandardScaler().fit_transform(_feature_matrix(df, features))
        points = reducer.fit_transform(matrix)
        self.points = pl.DataFrame({"dr0": points[:, 0], "dr1": points[:, 1]})

    def predict(self, full: bool = False) -> pl.DataFrame:
        """Return the coordinates ``dr0`` and ``dr1``, beside the frame's columns if `full`."""
        return self.df.with_columns(self.points) if full else self.points


class DSImage:
    """Pictures that a frame lists, drawn."""

    @staticmethod
    def plot_image_grid(
        df: pl.DataFrame,
        ncol: int = 10,
        label_name: str = "label",
        filepath: str = "filepath",
        limit: int = 100,
    ):
        """Draw the frame's pictures in a grid. Used in the section *CNNs: Application*.

        Parameters
        ----------
        df : polars.DataFrame
            A row a picture.
        ncol : int
            Pictures a row of the grid.
        label_name, filepath : str
            The columns of the titles and of the files' paths.
        limit : int
            How many pictures are drawn at the most.

        Returns
        -------
        matplotlib.figure.Figure
            Grey pictures as dark ink on white; a line of text where the frame is empty.

        Raises
        ------
        ValueError
            For a missing column, a file that is not a picture, and numbers below 1.
        FileNotFoundError
            If a picture's file does not exist.
        """
        import matplotlib.pyplot as plt
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        if missing := [name for name in (label_name, filepath) if name not in df.columns]:
            raise ValueError(f"The frame has no column {missing[0]!r}; it has {df.columns}.")
        _check_positive(ncol=ncol, limit=limit)
        df = df.head(limit)
        pictures = _read_pictures(df[filepath])
        titles = [str(label) for label in df[label_name]]
        nrow = max(1, -(-df.height // ncol))
        lines = 1 + max((title.count("\n") for title in titles), default=0)
        size = (ncol * 0.6, nrow * (0.65 + 0.16 * lines))  # inches
        layout = ConstrainedLayoutEngine(hspace=0.1)  # a title is nearer to its own picture
        figure, axes = plt.subplots(nrow, ncol, figsize=size, squeeze=False, layout=layout)
        for ax in axes.flat:
            ax.axis("off")
        if df.is_empty():
            figure.text(0.5, 0.5, "no picture to show", ha="center", va="center")
        for picture, title, ax in zip(pictures, titles, axes.flat, strict=False):
            pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
            ax.imshow(pixels, cmap="gray_r", vmin=0, vmax=np.iinfo(pixels.dtype).max)
            ax.set_title(title, fontsize=10, pad=3)
        plt.close(figure)  # the cell shows what it returns; an open figure would be shown twice
        return figure


# --- what the helpers above share --------------------------------------------------------------


def _check_positive(**numbers: int) -> None:
    """Stop unless each argument is 1 or more."""
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be 1 or more.")


def _check_columns(df: pl.DataFrame, names: list[str]) -> None:
    """Stop unless the frame has rows, and the columns without missing values."""
    if df.is_empty():
        raise ValueError("The frame is empty: it has no row to load.")
    for name in names:
        if name not in df.columns:
            raise ValueError(f"The frame has no column {name!r}; it has {df.columns}.")
        if missing := df[name].null_count():
            raise ValueError(f"Column {name!r} has {missing} missing values; fill or drop them.")


def _read_pictures(paths: pl.Series) -> list[np.ndarray]:
    """Read the pictures that a column of paths names."""
    if len(paths) and paths.dtype != pl.String:
        raise ValueError(f"Column {paths.name!r} holds {paths.dtype}; expected paths, as strings.")
    return [_read_picture(path, row) for row, path in enumerate(paths)]


def _read_picture(path: str, row: int) -> np.ndarray:
    """Read one picture as an array of unsigned integers, (C, H, W)."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert(CHANNELS.get(image.mode)))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} (row {row}): no such file below {Path.cwd()}. Run the notebook from the "
            f"project's root, and `make data` if the data is not there."
        ) from None
    except Exception as error:  # each of Pillow's readers has its own
        raise ValueError(f"{path} (row {row}) cannot be read as a picture: {error}") from error
    if image.mode not in CHANNELS:
        raise ValueError(
            f"{path} (row {row}) is a picture of mode {image.mode}; expected one of "
            f"{list(CHANNELS)}. Convert it first."
        )
    return pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _one_a_row(df: pl.DataFrame, expr: pl.Expr, argument: str) -> pl.Series:
    """Return what an expression gives, or stop unless it is a value a row."""
    values = df.select(expr).to_series()
    if len(values) != df.height:
        raise ValueError(
            f"{argument} gives {len(values)} values for {df.height} rows; expected one a row."
        )
    return values


def _locate_words(
    df: pl.DataFrame, tokens_expr: pl.Expr, words: list[str], max_length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return row, position and index of each known word that stands before the cut."""
    tokens = _one_a_row(df, tokens_expr, "tokens_expr")
    if tokens.dtype != pl.List(pl.String):
        raise ValueError(f"tokens_expr gives {tokens.dtype}; expected a list of strings a row.")
    vocabulary = pl.DataFrame(
        {"token": pl.Series(words, dtype=pl.String), "word": np.arange(len(words))}
    )
    known = (
        pl.DataFrame({"row": np.arange(df.height), "token": tokens})
        .explode("token")
        .join(vocabulary, on="token", how="inner", maintain_order="left")
    )
    if known.is_empty():
        raise ValueError(
            f"No token is in the model's vocabulary of {len(words)} words, which starts with "
            f"{words[:3]}. Were the texts tokenised as for the model?"
        )
    row, word = known["row"].to_numpy(), known["word"].to_numpy()
    position = np.arange(len(row)) - np.searchsorted(row, row)
    kept = position < max_length
    return row[kept], position[kept], word[kept]


def _draw_split(size: int) -> pl.Series:
    """Return "train" for four fifths of the rows and "test" for the others, seeded."""
    split = np.full(size, "train", dtype=object)
    split[np.random.default_rng(SEED).permutation(size)[: round(size / 5)]] = "test"
    return pl.Series("index", split.tolist())


def _split(X: torch.Tensor, labels: pl.Series, split: pl.Series) -> Split:
    """Return X and y whole, for training and for testing, and the class names."""
    for values in (labels, split):
        missing = values.null_count() + (values.is_nan().sum() if values.dtype.is_float() else 0)
        if missing:
            raise ValueError(
                f"Column {values.name!r} has {missing} missing values; fill or drop them."
            )
    column = f"Column {split.name!r}, the split,"
    if strange := sorted(set(split.cast(pl.String)) - {"train", "test"}):
        raise ValueError(f"{column} holds {strange}; expected only 'train' and 'test'.")
    train = torch.from_numpy((split == "train").to_numpy())
    for name, rows in {"train": train, "test": ~train}.items():
        if not rows.any():
            raise ValueError(f"{column} says {name!r} in no row; both parts are needed.")
    cn = labels.unique().sort().to_list()
    seen = set(labels.filter(split == "train"))
    if unseen := [name for name in cn if name not in seen]:
        raise ValueError(
            f"Column {labels.name!r} has labels that never occur in training, {unseen}; a model "
            f"cannot learn them."
        )
    position = {name: i for i, name in enumerate(cn)}
    y = torch.tensor([position[label] for label in labels])
    return X, X[train], X[~train], y, y[train], y[~train], cn


def _check_fit(
    model: nn.Module, X: torch.Tensor, y: torch.Tensor, cn: Sequence | None = None
) -> None:
    """Stop unless X and y can be used, and the model's logits suit y and the class names."""
    _check_tensors(X, y)
    classes = int(y.max()) + 1
    if cn is not None and classes > len(cn):
        raise ValueError(f"y holds {classes - 1}, a position beyond the {len(cn)} class names.")
    # of rows of word indices, the one with the largest: it may lack a row in the embedding
    row = 0 if X.is_floating_point() else int(X.reshape(len(X), -1).amax(dim=1).argmax())
    logits = _logits(model, X[row : row + 1])
    classes = classes if cn is None else len(cn)
    fits = logits.ndim == 2 and logits.shape[1] >= classes
    if not fits or (cn is not None and logits.shape[1] > classes):
        raise ValueError(
            f"The model gives logits of shape {tuple(logits.shape)} for one row of X; expected "
            f"(1, {classes}), a logit a class. Give it {classes} outputs."
        )


def _check_tensors(X: torch.Tensor, y: torch.Tensor) -> None:
    """Stop unless X and y are of one length, X is finite, and y holds positions."""
    if len(X) == 0 or len(X) != len(y):
        raise ValueError(f"X has {len(X)} rows and y has {len(y)}; expected the same, 1 or more.")
    if y.dtype != torch.int64 or y.ndim != 1:
        raise ValueError(
            f"y is {y.dtype} of shape {tuple(y.shape)}; expected int64 positions in the class "
            f"names, of shape (N,), as load_image and load_text give them."
        )
    if y.min() < 0:
        raise ValueError(f"y holds {y.min()}; positions in the class names are 0 or more.")
    finite = torch.isfinite(X).reshape(len(X), -1).all(dim=1)
    if not finite.all():
        raise ValueError(
            f"X holds NaN or infinite values, first in row {int(finite.int().argmin())}; find and "
            f"mend them first."
        )


def _logits(model: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """Return the model's logits for all of X, computed in eval mode."""
    try:
        with _mode(model, training=False), torch.no_grad():
            return torch.cat([model(batch) for batch in X.split(SCORING_BATCH)])
    except (RuntimeError, IndexError) as error:
        raise ValueError(
            f"The model does not take rows of X: {X.dtype} of shape {tuple(X.shape[1:])}, values "
            f"{X.min():g} to {X.max():g}. torch says: {error}"
        ) from error


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


def _feature_matrix(df: pl.DataFrame, features: list[pl.Expr]) -> np.ndarray:
    """Return the features as one float64 matrix, (N, F), with list columns spread."""
    if df.is_empty():
        raise ValueError("The frame is empty: there is no point to place.")
    blocks = []
    for column in df.select(features).get_columns():
        _check_feature(column)
        if column.dtype == pl.List:
            column = column.list.to_array(len(column[0]))
        blocks.append(column.to_numpy().reshape(df.height, -1).astype(np.float64))
        if not np.isfinite(blocks[-1]).all():
            raise ValueError(f"Column {column.name!r} holds missing, NaN or infinite values.")
    return np.hstack(blocks)


def _check_feature(column: pl.Series) -> None:
    """Stop unless a column holds numbers, or lists of numbers of one length."""
    kind = column.dtype
    inner = kind.inner if isinstance(kind, (pl.List, pl.Array)) else kind
    if not inner.is_numeric():
        raise ValueError(
            f"Column {column.name!r} holds {kind}; expected numbers, or lists of numbers."
        )
    if missing := column.null_count():
        raise ValueError(f"Column {column.name!r} has {missing} missing values; fill or drop them.")
    if kind == pl.List and column.list.len().n_unique() > 1:
        raise ValueError(f"The lists in column {column.name!r} differ in length.")
