"""Helpers for the book's cells: the functions that cells call, their implementation, their checks.

Names that begin with _ are defined further down. A mistake raises a ValueError that states in one
sentence what is wrong, where, and what to do. The networks are defined in the chapters.
"""

from __future__ import annotations

import os
from pathlib import Path

# Libraries read these when imported: one thread, and instructions that nearly all processors have,
# as both change how sums are rounded. A reader's own settings take precedence.
_SETTINGS = {"OMP_NUM_THREADS": "1"}
if (_cpu := Path("/proc/cpuinfo")).is_file() and " avx2 " in _cpu.read_text(encoding="utf-8"):
    _SETTINGS |= dict.fromkeys(["MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA"], "AVX2")
    _SETTINGS |= {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2"}
if (_glove := Path(__file__).resolve().parent / "data" / "gensim-data").is_dir():
    _SETTINGS["GENSIM_DATA_DIR"] = str(_glove)
os.environ |= _SETTINGS | dict(os.environ)

import inspect
import random
import reprlib  # shows the first few of many values
import tempfile
import textwrap
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import psutil
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

__all__ = ["DSImage", "DSSklearn", "DSTorch", "print_rows", "set_seed"]

SEED = 14


# --- 1. Functions for cells --------------------------------------------------------------------


def set_seed(seed: int = SEED) -> None:
    """Seed Python, NumPy and PyTorch, and use one thread: later results repeat to the bit."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)
    threadpool_limits(1)  # BLAS and OpenMP, even if a library was imported before this file


def print_rows(df: pl.DataFrame, n: int = -1) -> None:
    """Show the first `n` rows of a frame, or all of them; polars would omit some."""
    from IPython.display import display  # slow to import, like other local imports below

    _check_frame(df)
    with pl.Config(tbl_rows=-1):
        display(df if n < 0 else df.head(n))


class Loaded(NamedTuple):
    """The seven results of ``load_image`` and ``load_text``, to unpack or access by name.

    `X` has all cases in the frame's order: pictures as float32, (N, C, H, W), with C 1 for grey, 3
    for colour, 4 with transparency; texts as int64, (N, max_length). `y` is int64, (N,): positions
    in `cn`, the class names, or None for new cases without labels.
    """

    X: Tensor
    X_train: Tensor
    X_test: Tensor
    y: Tensor | None
    y_train: Tensor | None
    y_test: Tensor | None
    cn: list


class DSTorch:
    """Tensors from data frames, and training and scoring of PyTorch classifiers."""

    @staticmethod
    def load_image(
        df: pl.DataFrame,
        label_name: str = "label",
        filepath: str = "filepath",
        index: str | None = None,
        scale: bool = False,
        flatten: bool = False,
        cn: Sequence | None = None,
    ) -> Loaded:
        """Read the pictures that a frame lists, one in each row.

        The columns `label_name`, `filepath` and `index` (by default "index") hold each picture's
        class, its file, and "train" or "test". `scale` divides by the largest possible value, so
        all are in [0, 1]; `flatten` makes each picture one row, (N, C * H * W). With `cn`, the
        class names, new pictures load without training pictures, and with or without labels.

        Examples
        --------
        Read your own digit, dark ink on white paper with a margin; ``1 - X`` is light on black.

        >>> photo = ImageOps.exif_transpose(Image.open("7.jpg")).convert("L").resize((28, 28))
        >>> ImageOps.autocontrast(photo).save("7.png")
        >>> mine = DSTorch.load_image(pl.DataFrame({"filepath": ["7.png"]}), cn=cn, scale=True)
        >>> DSTorch.predict_proba(cnn, 1 - mine.X, None, cn)
        """
        paths = _column(df, filepath, "filepath")
        unlabelled = cn is not None and label_name not in df.columns
        labels = None if unlabelled else _column(df, label_name, "label_name")
        y, names = _classes(labels, cn)
        train = _training_rows(df, index, y, names, new=cn is not None)
        first = _read_picture(paths, 0)
        _check_memory(first, len(paths))
        X = torch.empty(len(paths), *first.shape)
        for row in range(len(paths)):
            picture = _read_picture(paths, row)
            _check_alike(picture, first, f"{paths[row][-200:]} (row {row})")
            X[row] = torch.from_numpy(picture.astype(np.float32))
        if scale:
            X /= float(np.iinfo(first.dtype).max)
        X = X.flatten(start_dim=1) if flatten else X
        return _loaded(X, y, train, names)

    @staticmethod
    def load_text(
        df: pl.DataFrame,
        model: Any,
        tokens_expr: pl.Expr,
        label_expr: pl.Expr | None = None,
        max_length: int = 200,
        pad_idx: int = 0,
        index: str | None = None,
        cn: Sequence | None = None,
    ) -> Loaded:
        """Turn tokens into rows of word indices, cut or padded at the end.

        The words are those of `model`, a gensim Word2Vec or KeyedVectors; others are dropped.
        `tokens_expr` selects a list of strings for each text, `label_expr` its class. `pad_idx` is
        a word's index, or the number of words: the embedding's row after the last word. `index`
        and `cn` are as in ``load_image``; without both, a random fifth of each class is held out.

        Examples
        --------
        Score your own sentence.

        >>> df = pl.DataFrame({"tokens": ["i did not like it".split()]})
        >>> mine = DSTorch.load_text(df, w2v, c.tokens, pad_idx=len(w2v.wv), cn=cn)
        >>> DSTorch.predict_proba(text_cnn, mine.X, None, cn)
        """
        _check_counts(max_length=max_length)
        tokens = _column(df, tokens_expr, "tokens_expr")
        labels = None if label_expr is None else _column(df, label_expr, "label_expr")
        y, names = _classes(labels, cn)
        if index is None and cn is None:
            df = _with_index(df, y, names, test_size=0.2)
        train = _training_rows(df, index, y, names, new=cn is not None)
        X = _word_indices(tokens, model, max_length, pad_idx)
        return _loaded(X, y, train, names)

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

        Print the mean loss of each epoch, with each case's loss taken before its batch changes the
        weights. Parts that are frozen stay so, and parts in eval mode too, unless all of them are.
        """
        _check_counts(num_epochs=num_epochs, batch_size=batch_size)
        _check(y_train is not None, "y_train is None: training needs the true classes.")
        widths = _check_cases(model, X_train, y_train)
        _check_optimizer(optimizer, model)
        with _mode(model, training=True):
            for epoch in range(1, num_epochs + 1):
                total = 0.0
                for batch in torch.randperm(len(X_train)).split(batch_size):  # shuffled rows
                    optimizer.zero_grad()
                    logits = _outputs(model, X_train[batch], widths)
                    if epoch == 1:
                        _check_no_probabilities(logits)
                    loss = nn.functional.cross_entropy(logits, y_train[batch].to(logits.device))
                    _check(loss.isfinite(), f"Epoch {epoch}: the loss is {loss}; {DIVERGED}")
                    loss.backward()
                    optimizer.step()
                    total += loss.item() * len(batch)
                print(f"Epoch {epoch}/{num_epochs}, Loss: {total / len(X_train):.4f}")

    @staticmethod
    def score_image(model: nn.Module, X: Tensor, y: Tensor, cn: Sequence | None) -> float:
        """Return the accuracy, in [0, 1], on pictures."""
        return float(_is_right(model, X, y, cn).mean())

    @staticmethod
    def score_text(model: nn.Module, X: Tensor, y: Tensor) -> float:
        """Return the accuracy, in [0, 1], on texts."""
        return float(_is_right(model, X, y, None).mean())

    @staticmethod
    def logits(model: nn.Module, X: Tensor) -> Tensor:
        """Return each row's logits, (N, classes), in eval mode, without gradients, on the CPU."""
        logits = _logits(model, X, None, None)
        _check_no_probabilities(logits)
        return logits

    @staticmethod
    def is_right(model: nn.Module, X: Tensor, y: Tensor) -> np.ndarray:
        """Return which rows have their largest logit at their true class, bool (N,)."""
        return _is_right(model, X, y, None)

    @staticmethod
    def predict(model: nn.Module, X: Tensor, y: Tensor | None, cn: Sequence) -> pl.DataFrame:
        """Return each row's ``prediction_``, after its true class ``target_`` if `y` is given."""
        return _predictions(_logits(model, X, y, cn), y, cn)

    @staticmethod
    def predict_proba(
        model: nn.Module, X: Tensor, y: Tensor | None, cn: Sequence, prefix: str = ""
    ) -> pl.DataFrame:
        """Return the columns of ``predict`` and the probabilities.

        ``prob_pred_`` is the probability of the predicted class. The columns of the classes are
        named by `prefix` and class: give a prefix if your frame already has columns of these names.
        """
        logits = _logits(model, X, y, cn)
        _check_no_probabilities(logits)
        probability = torch.softmax(logits.double(), dim=1).numpy()
        return _with_probabilities(_predictions(logits, y, cn), probability, cn, prefix)

    @staticmethod
    def confusion_matrix(model: nn.Module, X: Tensor, y: Tensor, cn: Sequence):
        """Plot how many cases of each class are predicted as each class."""
        _check(y is not None, "y is None: a confusion matrix needs the true classes.")
        return _confusion_plot(DSTorch.predict(model, X, y, cn), cn)


class DSSklearn:
    """Maps into a few dimensions, and a classifier, by scikit-learn and UMAP.

    `features` are expressions for numbers, or for lists of numbers, which become columns; by
    default all columns except those in `drop` are used. `scale` standardises each feature. Other
    arguments go to the library's class; random steps use the book's seed.
    """

    @staticmethod
    def umap(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by UMAP."""
        from umap import UMAP

        other = {"random_state": SEED, "n_jobs": 1} | other
        return Reduction(df, features, drop, scale, UMAP(**other))

    @staticmethod
    def pca(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by principal components."""
        from sklearn.decomposition import PCA

        return Reduction(df, features, drop, scale, PCA(**{"n_components": 2} | other))

    @staticmethod
    def tsne(df: pl.DataFrame, features=None, drop=(), scale=True, **other) -> Reduction:
        """Reduce by t-SNE."""
        from sklearn.manifold import TSNE

        return Reduction(df, features, drop, scale, TSNE(**{"random_state": SEED} | other))

    @staticmethod
    def logistic_regression_cv(
        df: pl.DataFrame, target, features=None, drop=(), **other
    ) -> Classifier:
        """Fit a logistic regression to training rows; cross-validation chooses its penalty.

        The column "index" marks the training rows. Without it, a random share of each class (or of
        each value of the column `stratify`) is held out for testing: `test_size`, 0.3. The book
        calls neither this nor ``print_rows``; the course's neighbouring chapters do.
        """
        return Classifier(df, target, features, drop, **other)


class Reduction:
    """A frame, and the reduced coordinates of its rows."""

    def __init__(self, df: pl.DataFrame, features, drop, scale: bool, reducer) -> None:
        from sklearn.preprocessing import StandardScaler

        self.df, matrix = df, _matrix(df, features, drop)
        with _explained(f"{type(reducer).__name__} cannot reduce {df.height} rows"):
            matrix = StandardScaler().fit_transform(matrix) if scale else matrix
            self.points = reducer.fit_transform(matrix)

    def predict(self, full: bool = False, prefix: str = "dr") -> pl.DataFrame:
        """Return the coordinates ``dr0``, ``dr1``, …, beside the frame's columns if `full`."""
        points = pl.DataFrame({f"{prefix}{i}": axis for i, axis in enumerate(self.points.T)})
        return _beside(self.df, points) if full else points


class Classifier:
    """A frame, and predictions for its rows by a logistic regression fitted to some of them."""

    def __init__(
        self, df, target, features, drop, test_size=0.3, random_state=SEED, stratify=None, **other
    ) -> None:
        from sklearn import linear_model, pipeline, preprocessing

        labels = _column(df, target, "target")
        y, self.cn = _classes(labels, None)
        groups = None if stratify is None else _column(df, stratify, "stratify")
        df_split = _with_index(df, y, self.cn, test_size, random_state, groups)
        train = _training_rows(df_split, None, y, self.cn, new=False)
        X = _matrix(df, features, drop, labels.name, "index")
        # scikit-learn warns unless these are given: its defaults will change (0.0: an L2 penalty)
        given = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"}
        classifier = linear_model.LogisticRegressionCV(**given | other)
        self.model = pipeline.make_pipeline(preprocessing.StandardScaler(), classifier)
        with _explained(f"{train.sum()} training rows cannot be fitted"):
            self.model.fit(X[train], y.numpy()[train])  # positions, so that columns follow cn
        self.df, self.probability = df, self.model.predict_proba(X)
        classes = _predictions(torch.from_numpy(self.probability), y, self.cn)
        parts = pl.Series("index_", np.where(train, "train", "test"))
        self.classes = classes.insert_column(0, parts)

    def score(self) -> dict[str, float]:
        """Return the accuracy, in [0, 1], on the training and on the test rows."""
        right = pl.col("target_") == pl.col("prediction_")
        return dict(self.classes.group_by("index_").agg(right.mean()).sort("index_").iter_rows())

    def predict_proba(self, full: bool = False, prefix: str = "") -> pl.DataFrame:
        """Return the columns of ``DSTorch.predict_proba`` and ``index_``, "train" or "test"."""
        frame = _with_probabilities(self.classes, self.probability, self.cn, prefix)
        return _beside(self.df, frame) if full else frame

    def confusion_matrix(self):
        """Plot how many test rows of each class are predicted as each class."""
        return _confusion_plot(self.classes.filter(index_="test"), self.cn)


class DSImage:
    """Drawings of the pictures that a frame lists."""

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
        """Draw at most `limit` pictures in rows of `ncol`.

        The column `filepath` holds files, `label_name` titles (None, or no column "label": none).
        `size` is in inches for each picture; by default a row is 6 inches wide, and no picture
        wider than 2. `invert` draws grey as ink on paper; by default only if edges are near black.
        """
        _check_counts(ncol=ncol, limit=limit)
        paths, df = _column(df, filepath, "filepath").head(limit), df.head(limit)
        untitled = label_name is None or (label_name == "label" and "label" not in df.columns)
        labels = [""] * df.height if untitled else _column(df, label_name, "label_name")
        pictures = [_read_picture(paths, row) for row in range(len(paths))]
        ncol = max(1, min(ncol, len(pictures)))
        size = min(2, 6 / ncol) if size is None else size
        _check(size > 0, f"size is {size}: give the inches of each picture, above 0.")
        titles = [_wrapped(str(label), size) for label in labels]
        invert = _have_dark_edges(pictures) if invert is None else invert
        return _draw_grid(pictures, titles, ncol, size, "gray_r" if invert else "gray")


# --- 2. Implementation -------------------------------------------------------------------------

SCORING_BATCH = 64  # cases scored at once; many more are slower, and change logits by 1e-7
LARGE = 2**24  # bytes: from this size, parts of X are on disk, so memory need hold only X
DISK = "/var/tmp" if Path("/var/tmp").is_dir() else None  # /tmp may be in memory
# Pillow's modes of a file and of the loaded picture: 1 is black and white, L is grey, P a palette,
# A is transparency, I;16 is grey in 16 bits, and the others are in colour
MODES = {"1": "L", "L": "L", "LA": "L", "P": "RGB", "PA": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
MODES |= {"I;16": "I;16", "CMYK": "RGB", "YCbCr": "RGB"}


def _loaded(X: Tensor, y: Tensor | None, train: np.ndarray, cn: list) -> Loaded:
    """Return all cases, those for training, and those for testing."""
    y_train, y_test = (None, None) if y is None else (y[train], y[~train])
    return Loaded(X, _rows(X, train), _rows(X, ~train), y, y_train, y_test, cn)


def _rows(X: Tensor, chosen: np.ndarray) -> Tensor:
    """Return a copy of some rows; a large copy is in a file and read where it is used."""
    if (size := int(chosen.sum())) * X[0].nbytes < LARGE:
        return X[chosen]
    full = "X_train and X_test do not fit on the disk, so free some space, or load fewer pictures"
    with _explained(full), tempfile.TemporaryFile(dir=DISK) as file:
        for row in np.flatnonzero(chosen):
            file.write(X[row].numpy().data)
        file.flush()
        return torch.from_numpy(np.memmap(file, X.numpy().dtype, "c", shape=(size, *X.shape[1:])))


def _classes(labels: pl.Series | None, cn: Sequence | None) -> tuple[Any, list]:
    """Return each label's position among the class names, int64 (N,), and the names."""
    if labels is None:
        _check(cn is not None, "Labels are missing: name their column, or give new cases cn=cn.")
        return None, _names(cn).to_list()
    holds = f"Column {labels.name!r}, the labels, holds"
    _check(not labels.dtype.is_nested(), f"{holds} {labels.dtype}; expected one class a row.")
    if cn is None:
        cn = list(dict.fromkeys(map(_composed, labels.unique().sort())))
        _check(len(cn) > 1, f"{holds} the classes {cn}: two are needed, so check your filters.")
    names = _names(cn).to_list()
    position = {_composed(name): i for i, name in enumerate(names)}
    others = [label for label in labels.unique() if _composed(label) not in position]
    wrong = f"{holds} {reprlib.repr(others)}, not among the class names, {reprlib.repr(names)}"
    _check(not others, f"{wrong}: correct the labels, or cn.")
    return torch.tensor([position[_composed(label)] for label in labels]), names


def _composed(value: Any) -> Any:
    """Return a text in Unicode's composed form: é may be one character, or e and an accent."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _training_rows(df, index: str | None, y, cn: list, new: bool) -> np.ndarray:
    """Return which rows are for training, bool (N,), according to the column; none if new."""
    _check(df.height, "The frame is empty: check your filters.")
    if new and index is None and "index" not in df.columns:
        return np.zeros(df.height, dtype=bool)
    parts = _column(df, index or "index", "index").cast(pl.String)
    fits = set(parts) <= {"train", "test", "unseen"} if new else {*parts} == {"train", "test"}
    found = f"Column {parts.name!r}, the split, holds {reprlib.repr(sorted(set(parts)))}"
    wanted = "'train' and 'test', or, for new cases alone, their class names, cn=cn"
    _check(fits, f"{found}; expected {wanted}.")
    train = (parts == "train").to_numpy()
    absent = [] if new else [name for i, name in enumerate(cn) if i not in {*y[train].tolist()}]
    found = f"Labels {reprlib.repr(absent)} never occur in training"
    _check(not absent, f"{found}: drop them, or, if they are measurements, use regression.")
    return train


def _with_index(df, y: Tensor, cn: list, test_size, seed=SEED, groups=None) -> pl.DataFrame:
    """Return a frame with a column "index"; if new, it holds out a random share of each group."""
    if "index" in df.columns:
        return df
    from sklearn.model_selection import train_test_split

    single = [cn[i] for i in (torch.bincount(y) == 1).nonzero()[:, 0].tolist()]
    found = f"Classes of a single case, {reprlib.repr(single)}, cannot be split"
    column = 'or add a column "index" of "train" and "test"'
    _check(not single, f"{found}: drop them, merge them with others, {column}.")
    draw = {"random_state": seed, "stratify": np.asarray(y if groups is None else groups)}
    parts = np.full(df.height, "train")
    with _explained(f"{df.height} rows cannot be split, so merge small classes, {column}"):
        parts[train_test_split(np.arange(df.height), test_size=test_size, **draw)[1]] = "test"
    return df.with_columns(index=pl.Series(parts))


def _read_picture(paths: pl.Series, row: int) -> np.ndarray:
    """Read a picture as a viewer shows it, upright and on white: unsigned integers, (C, H, W)."""
    from PIL import Image, ImageOps

    found = f"Column {paths.name!r} holds {paths.dtype}, not paths as text"
    _check(isinstance(paths[row], str), f"{found}: put str(path) into the frame for each path.")
    path = Path(paths[row]).expanduser()
    advice = "save it as PNG or JPEG (an iPhone's HEIC, too)"
    if not path.exists():
        advice = f"check the path, seen from {Path.cwd()}; `make data` makes the book's pictures"
    with _explained(f"{paths[row][-200:]} (row {row}) cannot be read as a picture, so {advice}"):
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)  # cameras store which side is up
        _check(image.mode in MODES, f"mode {image.mode} is none of {list(MODES)}")
        mode = MODES[image.mode]
        if image.mode in ("P", "PA"):  # pixels are indices into a palette, as in a GIF
            palette = np.array(image.getpalette()).reshape(-1, 3)
            mode = "L" if (palette == palette[:, :1]).all() else "RGB"  # grey: as much red as green
        if image.has_transparency_data and mode != "RGBA":
            _check(mode != "I;16", "grey in 16 bits, mode I;16, with transparency")
            paper = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(paper, image.convert("RGBA"))
        return np.atleast_3d(np.asarray(image.convert(mode))).transpose(2, 0, 1)


def _word_indices(tokens: pl.Series, model: Any, max_length: int, pad_idx: int) -> Tensor:
    """Return the positions of each row's tokens in the vocabulary, cut or padded to one length."""
    with _explained("model must be a gensim Word2Vec or KeyedVectors"):
        words = getattr(model, "wv", model).index_to_key  # Word2Vec has its KeyedVectors in wv
    wanted = f"give the index of a word, or {len(words)}, the number of words"
    _check(pad_idx in range(len(words) + 1), f"pad_idx is {reprlib.repr(pad_idx)}: {wanted}.")
    wanted = 'lists of strings, as from c.text.str.extract_all("[a-z]+")'
    _check(tokens.dtype.is_nested(), f"tokens_expr selects {tokens.dtype}; expected {wanted}.")
    tokens = tokens.cast(pl.List(pl.String))
    bad = ((tokens.list.len() == 0) | tokens.list.contains(None)).arg_true().to_list()
    _check(not bad, f"tokens_expr has no tokens, or null, in rows {reprlib.repr(bad)}: drop them.")
    index, flat = {word: i for i, word in enumerate(words)}, tokens.explode()
    unknown = flat.filter(~flat.is_in(words))
    composed = {_composed(word): index[word] for word in reversed(words)}
    other_forms = {word: composed.get(_composed(word)) for word in unknown.unique()}
    index |= {word: i for word, i in other_forms.items() if i is not None}
    _check_unknown(unknown.filter(~unknown.is_in([*index])), len(flat), words)
    # a dict and a list comprehension would be simpler, but five times as slow
    position = pl.element().replace_strict([*index], [*index.values()], default=None)
    known = tokens.list.eval(position.drop_nulls().head(max_length))
    if lost := (known.list.len() == 0).arg_true().to_list():
        message = f"Rows {reprlib.repr(lost)} have no known word, only padding: drop them."
        warnings.warn(message, stacklevel=3)
    rows = known.list.concat([int(pad_idx)] * max_length).list.head(max_length)
    return torch.tensor(rows.explode().to_numpy()).reshape(len(tokens), max_length)


@contextmanager
def _mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Put the model into train or eval mode; afterwards restore the mode of each part."""
    before = {part: part.training for part in model.modules()}
    if not training or not any(before.values()):  # otherwise parts in eval mode stay so
        model.train(training)
    for part in model.modules():
        weights = list(part.parameters())
        if weights and not any(weight.requires_grad for weight in weights):  # frozen
            part.eval()
    try:
        yield  # runs the block of `with`
    finally:
        for part, mode in before.items():
            part.training = mode


def _outputs(model: nn.Module, batch: Tensor, widths: range) -> Tensor:
    """Return a model's outputs for a batch; raise unless they are logits, (rows, classes)."""
    given = f"{len(batch)} rows of X, {batch.dtype} of shape {tuple(batch.shape[1:])}"
    width = f"{widths[0]} or more" if len(widths) > 1 else widths[0]
    given += f", {batch.min():g} to {batch.max():g}, into ({len(batch)}, {width}) logits"
    with _explained(f"The model must turn {given}, so change its layers, or batch_size"):
        device = next(model.parameters(), batch).device  # a model may have no weights
        logits = model(batch.to(device))
        if len(batch) == 1 == logits.ndim:  # a model that squeezes drops the axis of rows
            logits = logits[np.newaxis]
        shape = tuple(logits.shape)
        _check(shape[:-1] == (len(batch),) and shape[-1] in widths, f"it returns {shape}.")
    return logits


def _logits(model: nn.Module, X: Tensor, y: Tensor | None, cn: Sequence | None) -> Tensor:
    """Return the logits of X, computed batch by batch in eval mode, on the CPU."""
    widths = _check_cases(model, X, y, cn)
    batches = torch.arange(len(X)).split(SCORING_BATCH)
    with _mode(model, training=False), torch.no_grad():
        logits = torch.cat([_outputs(model, X[rows], widths).cpu() for rows in batches])
    largest = logits.amax(dim=1)  # others may be -inf, as a model may rule out a class
    found = "The model's outputs are NaN or infinite, or rule out every class"
    _check(largest.isfinite().all(), f"{found}; {DIVERGED}")
    return logits


def _is_right(model: nn.Module, X: Tensor, y: Tensor, cn: Sequence | None) -> np.ndarray:
    """Return which rows have their largest logit at their true class."""
    _check(y is not None, "y is None: a score needs the true classes.")
    return (_logits(model, X, y, cn).argmax(dim=1) == y.cpu()).numpy()


def _predictions(scores: Tensor, y: Tensor | None, cn: Sequence) -> pl.DataFrame:
    """Return the names of the true class, if `y` is given, and of the one that scores highest."""
    names = _names(cn)
    frame = pl.DataFrame({"prediction_": names[scores.argmax(dim=1).numpy()]})
    return frame if y is None else frame.insert_column(0, names[y.cpu().numpy()].alias("target_"))


def _with_probabilities(frame: pl.DataFrame, probability: np.ndarray, cn, prefix: str):
    """Return a frame with the probabilities of the prediction and of each class added."""
    classes = {f"{prefix}{name}": probability[:, i] for i, name in enumerate(cn)}
    frame = frame.with_columns(pl.Series("prob_pred_", probability.max(axis=1)))
    return _beside(frame, pl.DataFrame(classes))


def _beside(df: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with further columns; raise if it already has columns of these names."""
    twice = [name for name in new.columns if name in df.columns]
    advice = 'choose other names by prefix=, as in prefix="second_"'
    _check(not twice, f"The frame already has columns {reprlib.repr(twice)}: {advice}.")
    return df.hstack(new)


def _confusion_plot(frame: pl.DataFrame, cn: Sequence):
    """Draw a tile with its count for each pair of a true class (rows) and a predicted one."""
    import plotnine as p9

    names = _names(cn).cast(pl.String).to_list()
    pairs = frame.cast(pl.String).group_by("target_", "prediction_", maintain_order=True)
    return (
        p9.ggplot(pairs.len("cases"), p9.aes("prediction_", "target_"))
        + p9.geom_tile(p9.aes(alpha="cases"), fill="#3b6ea5", show_legend=False)
        + p9.scale_alpha_continuous(range=(0.1, 0.6))  # the counts stay legible
        + p9.geom_text(p9.aes(label="cases"))
        + p9.scale_x_discrete(limits=names)
        + p9.scale_y_discrete(limits=names[::-1])
        + p9.labs(x="predicted class", y="true class")
        + p9.theme(axis_text=p9.element_text(family=_font(names)))
    )


def _font(texts: list[str]) -> str:
    """Return the first of matplotlib's fonts that can draw the texts; raise if none can."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties, findfont, get_font

    letters = sorted({letter for letter in "".join(texts) if letter.isprintable()})
    for name in rcParams["font.family"]:
        font = get_font(findfont(FontProperties(family=[name])))
        missing = [letter for letter in letters if not font.get_char_index(ord(letter))]
        if not missing:
            return name
    found = f"The font {font.family_name} lacks the letters {reprlib.repr(missing)}"
    setting = 'matplotlib.rcParams["font.family"] = ["Noto Sans CJK JP"]'
    raise ValueError(f"{found}: set an installed font that has them, as in {setting}.")


def _matrix(df: pl.DataFrame, features, drop, *also_drop: str) -> np.ndarray:
    """Return the features as one float64 matrix, (N, F), with list columns spread."""
    _check_frame(df)
    with _explained("features and drop must select columns of df"):
        others = df.drop(*df.select(drop).columns, *also_drop, strict=False)
        columns = (others if features is None else df.select(features)).get_columns()
        _check(columns, "there are no features.")
    blocks = []
    for column in columns:
        number = getattr(column.dtype, "inner", column.dtype)  # the type inside a list
        found = f"Column {column.name!r} holds {column.dtype}"
        with _explained(f"{found}; expected numbers, or lists of one length, so drop or fill it"):
            _check(number.is_numeric(), "this type is not numeric.")
            blocks.append(np.array(column.to_list(), dtype=np.float64))
            _check(np.isfinite(blocks[-1]).all(), "some are missing, NaN or infinite.")
    return np.column_stack(blocks)


def _have_dark_edges(pictures: list[np.ndarray]) -> bool:
    """Return whether most grey pictures are nearly black (below a sixteenth) along their edges."""
    greys = [p[0] / np.iinfo(p.dtype).max for p in pictures if len(p) == 1]
    edges = [[np.median(edge) for edge in (g[0], g[-1], g[:, 0], g[:, -1])] for g in greys]
    return bool(edges) and float(np.median(np.mean(edges, axis=1))) < 1 / 16


def _wrapped(title: str, inches: float) -> str:
    """Break a title between words into at most six lines, for a picture of this width."""
    letters = max(10, int(13 * inches))
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, letters)]
    return "\n".join(lines if len(lines) <= 6 else [*lines[:5], "…"])


def _draw_grid(pictures: list[np.ndarray], titles: list[str], ncol: int, size: float, cmap: str):
    """Draw pictures below their titles on one canvas, in inches with y pointing down."""
    import matplotlib.pyplot as plt

    _font(titles)  # raises if letters would be drawn as boxes
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
    right, bottom = ncol * size, -(-max(1, len(pictures)) // ncol) * row_height  # rounded up
    figure.set_size_inches(right, bottom)
    ax.set(xlim=(0, right), ylim=(bottom, 0))
    widest = max(text.get_window_extent().width for text in ax.texts) / figure.dpi
    plt.setp(ax.texts, fontsize=9 * side / max(widest, side))  # titles do not overlap
    plt.close(figure)  # the cell shows its result; an open figure would be shown twice
    return figure


# --- 3. Checks ---------------------------------------------------------------------------------

DIVERGED = "fill or drop NaN in X, or start again with a smaller learning rate."


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
        raise ValueError(textwrap.shorten(f"{message}: {error}", 600, placeholder=" …")) from None


def _check_counts(**numbers: int) -> None:
    for name, n in numbers.items():
        _check(isinstance(n, Integral) and n > 0, f"{name} is {n}: give a whole number above 0.")


def _check_frame(df: Any) -> None:
    advice = "call df.collect() on a LazyFrame, or pl.from_pandas(df)"
    _check(isinstance(df, pl.DataFrame), f"df is {type(df)}, not a polars DataFrame: {advice}.")


def _column(df: pl.DataFrame, expr: Any, argument: str) -> pl.Series:
    """Return the values of an expression; raise unless there is one for each row."""
    _check_frame(df)
    with _explained(f"{argument} must select a column of df"):
        columns = df.select(expr).get_columns()
        found = f"it selects {len(columns)} columns of {len(columns[0]) if columns else 0} values"
        _check(len(columns) == 1 and len(columns[0]) == df.height, f"{found} for {df.height} rows.")
    values = columns[0]
    known = values.fill_nan(None) if values.dtype.is_float() else values  # NaN is also missing
    rows = reprlib.repr(known.is_null().arg_true().to_list())
    missing = f"{argument}, column {values.name!r}, has missing values in rows {rows}"
    _check(not known.has_nulls(), f"{missing}: fill or drop them.")
    return values


def _check_memory(picture: np.ndarray, count: int) -> None:
    needed, free = 4 * picture.size * count, psutil.virtual_memory().available  # bytes
    found = f"{count:,} pictures of {picture.shape} need {needed / 1e9:,.1f} GB of memory"
    advice = f"load fewer, as in df.head({count * free // needed // 2}), or make them smaller"
    _check(needed < free, f"{found}, but {free / 1e9:.1f} GB are free: {advice}.")


def _check_alike(picture: np.ndarray, first: np.ndarray, name: str) -> None:
    found, wanted = (f"{p.dtype} {p.shape}" for p in (picture, first))
    advice = "save all in one size and mode"
    _check(found == wanted, f"{name} is {found}, but the first is {wanted}: {advice}.")


def _names(cn: Any) -> pl.Series:
    """Return class names as a column; raise unless they are ordered and distinct."""
    with _explained(f"cn must be a list of distinct class names, not {reprlib.repr(cn)}"):
        names = pl.Series("cn", [] if isinstance(cn, str) else cn)
        distinct = {_composed(name) for name in names}
        _check(0 < len(distinct) == len(names), "it is empty, or has duplicates")
    return names


def _check_unknown(unknown: pl.Series, total: int, words: list[str]) -> None:
    """Warn if a tenth or more of the tokens are unknown, and raise if all are."""
    if len(unknown) < 0.1 * total:
        return
    counts = unknown.rename("word").value_counts().sort("count", "word", descending=[True, False])
    often = reprlib.repr(counts["word"].head(5).to_list())
    lower = unknown.str.to_lowercase().is_in(words).sum() / len(unknown)
    advice = "lower-casing would not help, so tokenise as for the model, or train it on these texts"
    if lower >= 0.1:
        advice = f"lower-case the texts, .str.to_lowercase(), which makes {lower:.0%} of them known"
    found = f"{len(unknown) / total:.0%} of the tokens are unknown to the model, mostly {often}"
    message = f"{found}: {advice}; its {len(words)} words are {reprlib.repr(words)}."
    _check(len(unknown) < total, message)
    warnings.warn(message, stacklevel=4)


def _check_cases(model: Any, X: Any, y: Any, cn: Sequence | None = None) -> range:
    """Return how many outputs the model may have; raise unless `y` fits X, if it is given."""
    found = f"model is a {type(model).__name__}"
    _check(isinstance(model, nn.Module), f"{found}: give a network, not its class.")
    _check(isinstance(X, Tensor), f"X is {type(X)}: torch.from_numpy(X) makes a tensor.")
    _check(X.ndim and X.numel(), f"X has shape {tuple(X.shape)}: give a row for each case.")
    classes = None if cn is None else len(_names(cn))
    most = classes or 10**9
    if y is None:  # new cases
        return range(classes or 1, most + 1)
    fits = isinstance(y, Tensor) and y.dtype == torch.int64 and y.shape == X.shape[:1]
    found = f"{y.dtype} of shape {tuple(y.shape)}" if isinstance(y, Tensor) else f"{type(y)}"
    wanted = f"a tensor, torch.int64 of shape ({len(X)},), a class for each row of X"
    _check(fits, f"y is {found}; expected {wanted}.")
    fewest = classes or max(0, int(y.max())) + 1
    wanted = f"positions among the class names, 0 to {fewest - 1}"
    _check(0 <= y.min() <= y.max() < fewest, f"y is {y.min()} to {y.max()}; expected {wanted}.")
    return range(fewest, most + 1)


def _check_no_probabilities(outputs: Tensor) -> None:
    """Raise if the outputs come from a softmax or sigmoid, or if each row is a distribution."""
    last_step = str(outputs.grad_fn)  # in training; None in scoring
    sums, one_hot = outputs.sum(dim=1), ((outputs == 0) | (outputs == 1)).all()
    normal = (outputs >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-5)
    already = last_step.startswith(("<Softmax", "<Sigmoid")) or (normal and not one_hot)
    advice = "remove the softmax or sigmoid at its end, and train it anew"
    _check(not already, f"The model's outputs are probabilities, not logits: {advice}.")


def _check_optimizer(optimizer: Any, model: nn.Module) -> None:
    """Raise unless the optimiser can change the model, in a step without a closure."""
    advice = "make one after the model, as in optim.Adam(model.parameters())"
    wanted = f"one whose step needs no closure, so {advice}"
    with _explained(f"optimizer is a {type(optimizer).__name__}; expected {wanted}"):
        inspect.signature(optimizer.step).bind()
        held = {weight for group in optimizer.param_groups for weight in group["params"]}
    fits = held.issubset(model.parameters()) and any(weight.requires_grad for weight in held)
    _check(fits, f"The optimizer holds another model's weights, or only frozen ones: {advice}.")
