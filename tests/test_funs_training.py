"""Test layers, training and scoring against loops, closed forms, scikit-learn and scipy."""

import copy
import json
import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from funs import DSTorch, set_seed
from nets import SimpleCNN, TextCNN

ROOT = Path(__file__).resolve().parent.parent
CPU = Path("/proc/cpuinfo").read_text(encoding="utf-8")
NO_VECTORS = {"ATEN_CPU_CAPABILITY": "default"}  # a reader's own choice is kept


@pytest.fixture(autouse=True)
def _seed_and_restore_torch():
    """Let no test depend on those before it, nor change torch's settings for those after it."""
    exact = torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(14)
    yield
    torch.use_deterministic_algorithms(exact)


# --- the layers of the chapter -----------------------------------------------------------------


def slow_convolution(pictures, kernels, bias):
    """Convolve as the chapter explains it: 3×3, padded by one zero, a sum at each position."""
    count, _, height, width = pictures.shape
    padded = np.zeros((count, pictures.shape[1], height + 2, width + 2))
    padded[:, :, 1:-1, 1:-1] = pictures
    out = np.zeros((count, len(kernels), height, width))
    for n in range(count):
        for f, kernel in enumerate(kernels):
            for i in range(height):
                for j in range(width):
                    out[n, f, i, j] = (padded[n, :, i : i + 3, j : j + 3] * kernel).sum() + bias[f]
    return out


def slow_pooling(maps):
    """Take the largest of each 2×2 block; an odd last row or column is left out."""
    count, channels, height, width = maps.shape
    out = np.zeros((count, channels, height // 2, width // 2))
    for n, c, i, j in np.ndindex(out.shape):
        out[n, c, i, j] = max(
            maps[n, c, 2 * i, 2 * j],
            maps[n, c, 2 * i, 2 * j + 1],
            maps[n, c, 2 * i + 1, 2 * j],
            maps[n, c, 2 * i + 1, 2 * j + 1],
        )
    return out


def weights(layer):
    return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()


@given(
    channels=st.integers(1, 3),
    filters=st.integers(1, 4),
    size=st.tuples(st.integers(2, 7), st.integers(2, 7)),
    seed=st.integers(0, 2**31),
)
def test_convolution_and_pooling_match_loops(channels, filters, size, seed):
    torch.manual_seed(seed)
    layer = nn.Conv2d(channels, filters, kernel_size=3, padding=1)
    X = torch.randn(2, channels, *size)
    expected = slow_convolution(X.double().numpy(), *weights(layer))
    np.testing.assert_allclose(layer(X).detach().numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(nn.MaxPool2d(2)(X).numpy(), slow_pooling(X.numpy()))


def test_simple_cnn_matches_loops():
    torch.manual_seed(14)
    model = SimpleCNN().eval()
    X = torch.rand(1, 1, 28, 28)
    first, second, dense, last = (p for p in model.net if hasattr(p, "weight"))
    maps = slow_pooling(slow_convolution(X.numpy(), *weights(first)).clip(min=0))
    maps = slow_pooling(slow_convolution(maps, *weights(second)).clip(min=0))
    hidden = (weights(dense)[0] @ maps.flatten() + weights(dense)[1]).clip(min=0)
    expected = weights(last)[0] @ hidden + weights(last)[1]
    np.testing.assert_allclose(model(X).detach().numpy()[0], expected, atol=1e-5)
    convolutions = (9 * 1 + 1) * 16 + (9 * 16 + 1) * 32
    assert sum(p.numel() for p in model.parameters()) == (
        convolutions + (7 * 7 * 32 + 1) * 128 + (128 + 1) * 10
    )


def test_text_cnn_matches_loops():
    torch.manual_seed(14)
    vectors = torch.randn(9, 4)
    model = TextCNN(vectors, num_filters=5).eval()
    X = torch.tensor([[3, 0, 8, 8, 1]])
    kernels, bias = weights(model.conv)
    words = np.vstack([np.zeros(4), vectors.numpy()[X[0]], np.zeros(4)]).T
    maps = np.array(
        [
            [(words[:, i : i + 3] * k).sum() + b for i in range(5)]
            for k, b in zip(kernels, bias, strict=True)
        ]
    )
    dense, last = (part for part in model.classifier if hasattr(part, "weight"))
    hidden = (weights(dense)[0] @ maps.clip(min=0).max(axis=1) + weights(dense)[1]).clip(min=0)
    expected = weights(last)[0] @ hidden + weights(last)[1]
    np.testing.assert_allclose(model(X).detach().numpy()[0], expected, atol=1e-5)
    model.embedding.weight.data += 1
    assert not torch.equal(model.embedding.weight, vectors)  # the model holds a copy


# --- training ----------------------------------------------------------------------------------


def printed_losses(capsys):
    lines = capsys.readouterr().out.splitlines()
    return [
        float(re.fullmatch(rf"Epoch {number}/{len(lines)}, Loss: (\d+\.\d{{4}})", line)[1])
        for number, line in enumerate(lines, start=1)
    ]


def toy_data(seed=14, size=50, features=4, classes=3):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(size, features, generator=generator)
    y = torch.randint(0, classes, (size,), generator=generator)
    y[:classes] = torch.arange(classes)
    return X, y


def bare_loop(weight, bias, X, y, rate, num_epochs, batch_size):
    """Train softmax regression in NumPy, with gradients derived by hand."""
    losses = []
    for _ in range(num_epochs):
        order = torch.randperm(len(X)).numpy()
        loss = 0.0
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            probability = softmax(X[rows] @ weight.T + bias, axis=1)
            loss += -np.log(probability[np.arange(len(rows)), y[rows]]).sum()
            error = probability.copy()
            error[np.arange(len(rows)), y[rows]] -= 1
            weight = weight - rate * error.T @ X[rows] / len(rows)
            bias = bias - rate * error.mean(axis=0)
        losses.append(loss / len(X))
    return losses, weight, bias


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_first_epochs_match_a_plain_loop(batch_size, capsys):
    X, y = toy_data()
    torch.manual_seed(14)
    model = nn.Linear(4, 3)
    start = [w.copy() for w in weights(model)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.manual_seed(15)
    DSTorch.train(model, optimizer, X, y, num_epochs=3, batch_size=batch_size)
    torch.manual_seed(15)
    losses, *expected = bare_loop(*start, X.double().numpy(), y.numpy(), 0.1, 3, batch_size)
    np.testing.assert_allclose(printed_losses(capsys), losses, atol=6e-5)
    for got, wanted in zip(weights(model), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("batch_size", [7, 25])
def test_dropout_draws_as_in_a_plain_loop(batch_size):
    """Nothing is drawn before the first step, even if the last batch has one row (50 % 7)."""
    X, y = toy_data()
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    twin = copy.deepcopy(model)
    torch.manual_seed(15)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    DSTorch.train(model, optimizer, X, y, num_epochs=1, batch_size=batch_size)
    torch.manual_seed(15)
    for batch in torch.randperm(50).split(batch_size):
        loss = nn.CrossEntropyLoss()(twin(X[batch]), y[batch])
        twin.zero_grad()
        loss.backward()
        with torch.no_grad():
            for weight in twin.parameters():
                weight -= 0.1 * weight.grad
    torch.testing.assert_close(model.state_dict(), twin.state_dict())


@pytest.mark.parametrize("batch_size", [7, 64])
def test_printed_loss_is_the_mean_over_samples(batch_size, capsys):
    """With a rate of 0 the weights do not change, and the loss is scikit-learn's."""
    X, y = toy_data()
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    DSTorch.train(model, optimizer, X, y, num_epochs=2, batch_size=batch_size)
    expected = log_loss(y, softmax(model(X).detach().double().numpy(), axis=1))
    np.testing.assert_allclose(printed_losses(capsys), [expected] * 2, atol=6e-5)


def test_defaults_are_18_epochs_of_batches_of_32(capsys):
    X, y = toy_data()
    watched = Watched()
    DSTorch.train(watched, torch.optim.SGD(watched.parameters(), lr=0.1), X, y)
    sizes = [size for size, training in watched.seen if training]
    assert sizes == [32, 18] * 18
    assert len(printed_losses(capsys)) == 18


def test_set_seed_repeats_training_to_the_bit(capsys):
    results = []
    for _ in range(2):
        set_seed()
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
        DSTorch.train(model, torch.optim.Adam(model.parameters()), *toy_data(), num_epochs=2)
        results.append((capsys.readouterr().out, model.state_dict()))
    (first, first_state), (second, second_state) = results
    assert first == second
    assert all(torch.equal(first_state[name], second_state[name]) for name in first_state)


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_set_seed_seeds_python_numpy_and_torch(seed):
    torch.use_deterministic_algorithms(False)
    set_seed() if seed is None else set_seed(seed)
    seed = 14 if seed is None else seed
    assert random.random() == random.Random(seed).random()
    assert np.random.rand() == np.random.RandomState(seed).rand()
    assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(seed))
    assert torch.are_deterministic_algorithms_enabled()


def python(program, *arguments, asked=()):
    """Run a program in a new Python that has none of the settings of this one."""
    theirs = ("OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS")
    environment = {k: v for k, v in os.environ.items() if k not in theirs} | dict(asked)
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


THREADS = """
import json, sys
if "libraries first" in sys.argv:
    import numpy, torch, scipy.linalg, sklearn.linear_model
from funs import *
if "set_seed" in sys.argv:
    set_seed()
import scipy.linalg, sklearn.linear_model, threadpoolctl, torch
pools = threadpoolctl.threadpool_info()
print(json.dumps([torch.get_num_threads(), *[pool["num_threads"] for pool in pools]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "arguments"),
    [
        ({}, []),
        ({}, ["libraries first", "set_seed"]),
        ({"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}, ["libraries first", "set_seed"]),
    ],
)
def test_every_library_uses_one_thread(asked, arguments):
    done = python(THREADS, *arguments, asked=asked)
    threads = json.loads(done.stdout)
    assert len(threads) > 2 and set(threads) == {1}, done.stderr


ARITHMETIC = """
import os, sys
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:int(sys.argv[1])])
import numpy as np
from funs import *
import gensim, hashlib, sklearn.decomposition, sklearn.linear_model, torch
set_seed()
X = np.random.rand(400, 300).astype(np.float32)
y = (X[:, 0] > 0.5).astype(int)
texts = [[f"w{n % 37}" for n in range(row, row + 50)] for row in range(60)]
words = gensim.models.Word2Vec(texts, vector_size=20, seed=14, workers=1, min_count=1)
layer = torch.nn.Conv2d(1, 8, 3)
layer(torch.from_numpy(X).reshape(25, 1, 60, 80)).square().mean().backward()
results = [
    X.T @ X,
    np.linalg.svd(X)[1],
    sklearn.decomposition.PCA(9, random_state=0).fit_transform(X),
    sklearn.linear_model.LogisticRegression().fit(X, y).coef_,
    words.wv.vectors,
    layer.weight.grad.numpy(),
]
print(*[hashlib.sha256(np.ascontiguousarray(result)).hexdigest() for result in results])
"""


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a single processor is allowed")
def test_results_do_not_depend_on_the_number_of_processors():
    one, all_of_them = (python(ARITHMETIC, count) for count in ("1", "64"))
    assert len(one.stdout.split()) == 6, one.stderr
    assert one.stdout == all_of_them.stdout


INSTRUCTIONS = """
from funs import *
import scipy.linalg, threadpoolctl, torch
found = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
print(torch.backends.cpu.get_cpu_capability(), *{pool["architecture"] for pool in found})
"""


@pytest.mark.thorough
@pytest.mark.skipif(" avx2 " not in CPU, reason="a processor without AVX2 keeps its own")
@pytest.mark.parametrize(("asked", "taken"), [({}, "AVX2"), (NO_VECTORS, "DEFAULT")])
def test_every_processor_uses_the_same_instructions(asked, taken):
    done = python(INSTRUCTIONS, asked=asked)
    assert done.stdout.split() == [taken, "Haswell"], done.stderr


# --- scoring -----------------------------------------------------------------------------------

CN = ["six", "seven", "eight"]
LOGITS = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-30, 30, width=32)
)


@given(logits=LOGITS, data=st.data())
def test_scores_match_scikit_learn(logits, data):
    """A model that returns its input makes X the logits."""
    size = len(logits)
    y = np.array(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)))
    model, X, truth = nn.Identity(), torch.from_numpy(logits), torch.from_numpy(y)
    accuracy = accuracy_score(y, [int(np.argmax(row)) for row in logits])
    assert DSTorch.score_image(model, X, truth, CN) == pytest.approx(accuracy)
    assert DSTorch.score_text(model, X, truth) == pytest.approx(accuracy)
    assert DSTorch.is_right(model, X, truth).tolist() == (logits.argmax(axis=1) == y).tolist()
    assert torch.equal(DSTorch.logits(model, X), X)

    frame = DSTorch.predict(model, X, truth, CN)
    assert frame.columns == ["target_", "prediction_"]
    assert frame["target_"].to_list() == [CN[i] for i in y]
    assert frame["prediction_"].to_list() == [CN[int(np.argmax(row))] for row in logits]

    sure = DSTorch.predict_proba(model, X, truth, CN)
    assert sure.columns == ["target_", "prediction_", "prob_pred_", *CN]
    probability = sure.select(CN).to_numpy()
    np.testing.assert_allclose(probability, softmax(logits.astype(float), axis=1), rtol=1e-6)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-12)
    assert sure["prob_pred_"].to_list() == probability.max(axis=1).tolist()
    assert sure.select("target_", "prediction_").equals(frame)


@given(st.permutations(range(20)))
def test_predict_preserves_the_order_of_rows(order):
    X, y = toy_data(size=600)  # more than are scored at once
    order = [30 * i + j for i in order for j in range(30)]
    whole = DSTorch.predict(nn.Identity(), X[:, :3], y, CN)
    moved = DSTorch.predict(nn.Identity(), X[order, :3], y[order], CN)
    assert moved.equals(whole[order])


@pytest.mark.parametrize("cn", [[3, 5, 8], [0.5, 1.5, 2.5], ["self", "exprs", "ß"]])
def test_class_names_of_any_type(cn):
    X, y = toy_data(features=3)
    frame = DSTorch.predict_proba(nn.Identity(), X, y, cn)
    assert frame.columns[3:] == [str(name) for name in cn]
    assert frame["target_"].to_list() == [cn[i] for i in y]
    with_truth = pl.DataFrame({"row": range(50)}).with_columns(
        DSTorch.predict(nn.Identity(), X, y, cn)
    )
    assert with_truth.columns == ["row", "target_", "prediction_"]


# --- what stays as it was ----------------------------------------------------------------------


class Watched(nn.Module):
    """Softmax regression that records the size of each batch and its own mode."""

    def __init__(self, fails_at=None):
        super().__init__()
        self.dense = nn.Linear(4, 3)
        self.frozen = nn.Dropout(0.5)
        self.fails_at = fails_at
        self.seen = []

    def forward(self, x):
        self.seen.append((len(x), self.training))
        if len(self.seen) == self.fails_at:
            raise RuntimeError("the fault")
        return self.frozen(self.dense(x))


def call_train(model, X, y):
    weights = nn.Linear(1, 1).parameters() if isinstance(model, type) else model.parameters()
    DSTorch.train(model, torch.optim.SGD(weights, lr=0.1), X, y, num_epochs=2)


CALLS = {
    "train": call_train,
    "score_image": lambda model, X, y: DSTorch.score_image(model, X, y, CN),
    "score_text": DSTorch.score_text,
    "is_right": DSTorch.is_right,
    "logits": lambda model, X, y: DSTorch.logits(model, X),
    "predict": lambda model, X, y: DSTorch.predict(model, X, y, CN),
    "predict_proba": lambda model, X, y: DSTorch.predict_proba(model, X, y, CN),
    "confusion_matrix": lambda model, X, y: DSTorch.confusion_matrix(model, X, y, CN),
}


@pytest.mark.parametrize("fails_at", [None, 1, 2])
@pytest.mark.parametrize("modes", [(True, False), (False, True)])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_the_mode_of_the_model_is_restored(call, modes, fails_at):
    """The mode of every part is restored, even if the modes differ, and even after an error."""
    model = Watched(fails_at)
    model.training, model.frozen.training = modes
    try:
        call(model, *toy_data(size=300))  # more than are scored at once
    except (RuntimeError, ValueError) as error:
        assert fails_at and "the fault" in str(error)
    else:
        assert not fails_at
    assert (model.training, model.frozen.training) == modes


@pytest.mark.parametrize("name", CALLS)
def test_training_uses_train_mode_and_scoring_eval_mode(name):
    model = Watched()
    CALLS[name](model, *toy_data())
    assert any(training for _, training in model.seen) == (name == "train")


@pytest.mark.parametrize("name", CALLS)
def test_calls_do_not_change_data_weights_or_random_state(name):
    X, y = toy_data()
    model = Watched()
    kept = X.clone(), y.clone(), list(CN), copy.deepcopy(model.state_dict())
    states = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    CALLS[name](model, X, y)
    assert torch.equal(X, kept[0]) and torch.equal(y, kept[1]) and kept[2] == CN
    after = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    same = all(torch.equal(kept[3][part], model.state_dict()[part]) for part in kept[3])
    if name == "train":  # it changes the weights, and shuffles with torch's generator
        assert not same
        assert after[:2] == states[:2]
    else:
        assert same
        assert after == states


# --- bad inputs --------------------------------------------------------------------------------


def train(model, X, y, **numbers):
    DSTorch.train(model, torch.optim.SGD(model.parameters(), lr=0.1), X, y, **numbers)


def with_nan(value):
    X, _ = toy_data()
    X[::2, 1] = value  # so in the first batch, whatever the order
    return X


def word_model(rows):
    """Return a model that averages the vectors of words and takes indices below `rows`."""
    return nn.Sequential(nn.EmbeddingBag(rows, 4), nn.Linear(4, 3))


X, Y = toy_data()
INDICES = torch.zeros(50, 6, dtype=torch.int64)
INDICES[::2, 2] = 9  # so in the first batch, whatever the order


class Gives(nn.Linear):
    """A model with weights that returns a function of its input."""

    def __init__(self, function):
        super().__init__(1, 1)
        self.forward = function


def spoilt(value):
    model = nn.Linear(4, 3)
    nn.init.constant_(model.bias, value)
    return model


FLAT = nn.Sequential(nn.Linear(4, 3), nn.Flatten(0))
ALL = list(CALLS)
LABELLED = [name for name in CALLS if name != "logits"]  # which takes no classes
SOME = ["train", "score_text", "predict"]
NAMED = ["score_image", "predict", "predict_proba", "confusion_matrix"]
# which calls, model, X, y, and words of the message
BAD_DATA = {
    "no rows": (ALL, nn.Linear(4, 3), X[:0], Y[:0], ["X has shape (0, 4)"]),
    "a number for X": (SOME, nn.Linear(4, 3), X[0, 0], Y, ["X has shape ()"]),
    "other lengths": (LABELLED, nn.Linear(4, 3), X, Y[:-1], ["(49,)", "(50,)"]),
    "X of numpy": (ALL, nn.Linear(4, 3), X.numpy(), Y, ["X is", "numpy", "from_numpy"]),
    "y of numpy": (LABELLED, nn.Linear(4, 3), X, Y.numpy(), ["y is", "numpy", "a tensor"]),
    "a class": (ALL, nn.Linear, X, Y, ["model is a type", "give a network"]),
    "a tuple": (ALL, Gives(lambda x: (x[:, :3], 1)), X, Y, ["must turn", "'tuple' object"]),
    "a dict": (SOME, Gives(lambda x: {"logits": x}), X, Y, ["must turn", "'dict' object"]),
    "NaN weights": (ALL[1:], spoilt(math.nan), X, Y, ["outputs are NaN", "learning rate"]),
    "all classes ruled out": (ALL[1:], Gives(lambda x: x[:, :3] - math.inf), X, Y, ["infinite"]),
    "infinite": (SOME[1:], spoilt(math.inf), X, Y, ["outputs are NaN or inf", "learning rate"]),
    "NaN in training": (["train"], spoilt(math.nan), X, Y, ["Epoch 1: the loss is nan", "smaller"]),
    "infinite in training": (["train"], spoilt(math.inf), X, Y, ["the loss is nan", "smaller"]),
    "NaN": (ALL[1:], nn.Linear(4, 3), with_nan(math.nan), Y, ["outputs are NaN", "NaN in X"]),
    "infinite X": (ALL[1:], nn.Linear(4, 3), with_nan(math.inf), Y, ["infinite", "NaN in X"]),
    "NaN among X": (["train"], nn.Linear(4, 3), with_nan(math.nan), Y, ["loss is nan", "NaN in X"]),
    "other features": (ALL, nn.Linear(5, 3), X, Y, ["(4,)", "must turn", "5x3"]),
    "other type": (SOME, nn.Linear(4, 3), X.double(), Y, ["torch.float64", "must turn"]),
    "no rows of logits": (["train"], FLAT, X, Y, ["(96,)", "(32, 3 or more)"]),
    "flat logits": (LABELLED[1:], FLAT, X, Y, ["(150,)", "(50, 3"]),
    "too few logits": (LABELLED, nn.Linear(4, 2), X, Y, [", 2)", ", 3"]),
    "y of floats": (LABELLED, nn.Linear(4, 3), X, Y.double(), ["y", "torch.float64", "int64"]),
    "y of two columns": (SOME, nn.Linear(4, 3), X, Y.reshape(50, 1), ["y", "(50, 1)", "(50,)"]),
    "torch's ignored label": (LABELLED, nn.Linear(4, 3), X, Y - 100, ["y is -100", "names, 0 to"]),
    "word without a vector": (ALL, word_model(9), INDICES, Y, ["(6,)", "0 to 9", "must turn"]),
    "fewer names than logits": (NAMED, nn.Linear(4, 4), X, Y, ["(50, 4)", "(50, 3) logits"]),
    "fewer names than classes": (NAMED, nn.Linear(4, 4), X, Y + 1, ["y is 1 to 3", "0 to 2"]),
    "no truth": ([*LABELLED[:4], "confusion_matrix"], nn.Linear(4, 3), X, None, ["needs the true"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "model", "X", "y", "expected"),
    [
        pytest.param(name, *rest, id=f"{case} - {name}")
        for case, (names, *rest) in BAD_DATA.items()
        for name in names
    ],
)
def test_bad_data(name, model, X, y, expected):
    before = [] if isinstance(model, type) else [w.clone() for w in model.parameters()]
    with pytest.raises(ValueError) as caught:
        CALLS[name](model, X, y)
    assert all(part in str(caught.value) for part in expected), str(caught.value)
    assert len(str(caught.value)) <= 600
    after = [] if isinstance(model, type) else model.parameters()
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"num_epochs": 0}, ["num_epochs is 0", "whole number above 0"]),
        ({"batch_size": -5}, ["batch_size is -5", "whole number above 0"]),
    ],
)
def test_bad_numbers(numbers, expected):
    with pytest.raises(ValueError) as caught:
        train(nn.Linear(4, 3), *toy_data(), **numbers)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


# --- training that could not work --------------------------------------------------------------


def normalised():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


def frozen():
    return nn.Linear(4, 3).requires_grad_(False)


def replaced_layer(make_optimizer):
    """Return a model whose last layer was replaced after its optimiser was created."""
    model = normalised()
    optimizer = make_optimizer(model.parameters())
    model[2] = nn.Linear(8, 3)
    return model, optimizer


def own(model, make_optimizer):
    return model, make_optimizer(model.parameters())


def other(model, make_optimizer):
    return model, make_optimizer(nn.Linear(4, 3).parameters())


FOREIGN = ["another model's weights", "optim.Adam(model.parameters())"]
# how model and optimiser are created, further arguments, and words of the message
HOPELESS = {
    "optimiser of another model": (lambda o: other(nn.Linear(4, 3), o), {}, FOREIGN),
    "optimiser of an older layer": (replaced_layer, {}, FOREIGN),
    "all is frozen": (lambda o: own(frozen(), o), {}, ["frozen", "model.parameters()"]),
    "no optimiser": (
        lambda o: (nn.Linear(4, 3), "adam"),
        {},
        ["optimizer is a str", "optim.Adam("],
    ),
    "an optimiser with a closure": (
        lambda o: (model := nn.Linear(4, 3), torch.optim.LBFGS(model.parameters())),
        {},
        ["optimizer is a LBFGS", "no closure", "optim.Adam("],
    ),
    "a class, not a network": (
        lambda o: (nn.Linear, None),
        {},
        ["model is a type", "give a network"],
    ),
}


class Squeeze(nn.Module):
    def forward(self, x):
        return x.squeeze()


@pytest.mark.parametrize(("make", "numbers", "expected"), HOPELESS.values(), ids=HOPELESS.keys())
def test_impossible_training_stops_before_the_first_step(make, numbers, expected, capsys):
    model, optimizer = make(torch.optim.Adam)
    before = {} if isinstance(model, type) else copy.deepcopy(model.state_dict())
    generator = torch.get_rng_state()
    with pytest.raises(ValueError) as caught:
        DSTorch.train(model, optimizer, *toy_data(), **numbers)
    assert all(part in str(caught.value) for part in expected), str(caught.value)
    assert not capsys.readouterr().out
    assert all(torch.equal(part, model.state_dict()[name]) for name, part in before.items())
    assert torch.equal(generator, torch.get_rng_state())


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_normalisation_and_partly_frozen_models_can_train(batch_size, capsys):
    """Layers over positions accept a batch of one; the optimiser may omit a part."""
    model = nn.Sequential(nn.Conv1d(1, 8, 2), nn.BatchNorm1d(8), nn.Flatten(), nn.Linear(24, 3))
    X, y = toy_data()
    first, last = (model[i].weight.clone() for i in (0, 3))
    optimizer = torch.optim.Adam(model[3].parameters())
    DSTorch.train(model, optimizer, X[:, None], y, num_epochs=1, batch_size=batch_size)
    assert torch.equal(model[0].weight, first) and not torch.equal(model[3].weight, last)
    assert len(printed_losses(capsys)) == 1


def test_training_stops_at_the_first_nonfinite_loss(capsys):
    """The loss of the third of ten epochs is infinite."""

    class Failing(nn.Linear):
        seen = 0

        def forward(self, x):
            self.seen += self.training
            return super().forward(x) * (math.inf if self.seen > 4 else 1)

    model = Failing(4, 3)
    weights_at_failure = []
    model.register_forward_pre_hook(lambda m, _: weights_at_failure.append(m.weight.clone()))
    with pytest.raises(ValueError, match=r"Epoch 3: the loss is (nan|inf).*learning rate"):
        train(model, *toy_data(), num_epochs=10, batch_size=25)
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert torch.equal(model.weight, weights_at_failure[-1])  # no step is taken with it


@pytest.mark.parametrize("size", [1, 2, 65])
def test_a_model_that_squeezes_can_be_scored(size):
    """The last batch of 65 rows has one row, whose logits lack the axis of rows."""
    X, y = (
        toy_data(size=size, features=3)
        if size > 2
        else (torch.eye(3)[:size], torch.zeros(size).long())
    )
    squeezing = nn.Sequential(nn.Identity(), Squeeze())
    for call in (DSTorch.predict, DSTorch.predict_proba):
        assert call(squeezing, X, y, CN).equals(call(nn.Identity(), X, y, CN))


def test_a_model_may_rule_out_a_class():
    X, _ = toy_data(features=3)
    two = Gives(lambda x: x + torch.tensor([0, 0, -math.inf]))
    frame = DSTorch.predict_proba(two, X, None, CN)
    assert frame["eight"].to_list() == [0] * 50
    expected = softmax(X[:, :2].double().numpy(), axis=1)
    np.testing.assert_allclose(frame.select("six", "seven").to_numpy(), expected)


# --- scoring once, without labels, beside a frame ----------------------------------------------


@pytest.mark.parametrize("name", list(CALLS)[1:])
def test_scoring_uses_each_row_once(name):
    model = Watched()
    CALLS[name](model, *toy_data(size=150))
    assert [size for size, _ in model.seen] == [64, 64, 22]


def test_prediction_needs_no_labels():
    X, y = toy_data(features=3)
    for call in (DSTorch.predict, DSTorch.predict_proba):
        assert call(nn.Identity(), X, None, CN).equals(
            call(nn.Identity(), X, y, CN).drop("target_")
        )


def test_a_prefix_distinguishes_probabilities_from_other_columns():
    X, y = toy_data(features=3)
    df = pl.DataFrame({"six": range(50)})
    sure = DSTorch.predict_proba(nn.Identity(), X, y, CN, prefix="p_")
    assert sure.columns[3:] == ["p_six", "p_seven", "p_eight"]
    assert df.with_columns(sure)["six"].to_list() == list(range(50))
    with pytest.raises(ValueError, match=r"already has columns \['target_'\].*prefix="):
        DSTorch.predict_proba(nn.Identity(), X, y, ["six", "target_", "eight"])


@pytest.mark.parametrize("cn", [{"six", "seven", "eight"}, "678", ["six", "six", "eight"]])
def test_class_names_must_be_ordered_and_distinct(cn):
    for name in NAMED:
        X, y = toy_data(features=3)
        call = getattr(DSTorch, name)
        with pytest.raises(ValueError, match="cn must be a list of distinct class names"):
            call(nn.Identity(), X, y, cn)


# --- devices -----------------------------------------------------------------------------------


class Elsewhere(nn.Module):
    """A model whose weights are on the meta device, which has only shapes, but not its logits."""

    def __init__(self):
        super().__init__()
        self.there = nn.Parameter(torch.zeros(1, device="meta"))
        self.here = nn.Parameter(torch.zeros(3))
        self.met = []

    def forward(self, x):
        self.met.append(x.device.type)
        return torch.ones(len(x), 1) * self.here


def test_batches_are_moved_to_the_models_device(capsys):
    X, y = toy_data(size=300)
    model = Elsewhere()
    for name in list(CALLS)[1:]:
        CALLS[name](model, X, y)
    DSTorch.train(model, torch.optim.SGD([model.here], lr=0.1), X, y, num_epochs=1)
    assert set(model.met) == {"meta"} and len(model.met) > 10
    assert model.here.abs().min() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU was found")
@pytest.mark.parametrize("data", ["cpu", "cuda"])
@pytest.mark.parametrize("weights_on", ["cpu", "cuda"])
def test_model_and_data_may_be_on_different_devices(data, weights_on, capsys):
    set_seed()
    X, y = torch.rand(70, 1, 28, 28), torch.arange(70) % 10
    model = SimpleCNN()
    expected = copy.deepcopy(model)
    train(expected, X, y, num_epochs=2)
    losses = printed_losses(capsys)
    set_seed()
    torch.rand(70, 1, 28, 28), SimpleCNN()  # brings the generator to the same state
    model = model.to(weights_on)
    X, y = X.to(data), y.to(data)
    train(model, X, y, num_epochs=2)
    np.testing.assert_allclose(printed_losses(capsys), losses, atol=1e-3)
    digits = list(range(10))
    frame = DSTorch.predict_proba(model, X, y, digits)
    there = DSTorch.predict_proba(expected, X.cpu(), y.cpu(), digits)
    np.testing.assert_allclose(frame["prob_pred_"], there["prob_pred_"], atol=1e-3)
    assert 0 <= DSTorch.score_text(model, X, y) == DSTorch.score_image(model, X, y, digits) <= 1
