"""Test that mistakes in meaning are reported in one sentence, and that similar calls pass.

Each mistake is a strategy that draws calls; each has neighbours that look alike and must pass.
"""

import copy
import io
import re
import tempfile
import traceback
import unicodedata
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import polars as pl
import psutil
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from gensim.models import Word2Vec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from PIL import Image, ImageOps
from polars import col
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from funs import DSImage, DSSklearn, DSTorch

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=20)


def told(call, *says):
    """Run a call that must fail, or warn, with one short sentence that contains these parts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
        except ValueError as error:
            shown = "".join(traceback.format_exception(error))
            assert "During handling" not in shown and "direct cause" not in shown
            messages = [str(error)]
        else:
            messages = [str(w.message) for w in caught if w.category is UserWarning]
    assert messages, "accepted silently"
    (message,) = messages
    assert len(message) <= 600 and "\n" not in message and ". " not in message, message
    assert all(part in message for part in says), message
    return message


def word2vec(words):
    model = Word2Vec(vector_size=2, min_count=1)
    model.build_vocab([words])
    return model


def data(seed, rows, features, classes):
    generator = torch.Generator().manual_seed(seed % 2**31)
    X = torch.randn(rows, features, generator=generator)
    return X, torch.arange(rows) % classes


def fit(model, X, y, **numbers):
    weights = [w for w in model.parameters() if w.requires_grad]
    DSTorch.train(model, torch.optim.SGD(weights, lr=0.1), X, y, **{"num_epochs": 1} | numbers)


# --- outputs that are probabilities --------------------------------------------------------------


class Ends(nn.Linear):
    """A layer followed by a function of its outputs."""

    def __init__(self, features, classes, end):
        super().__init__(features, classes)
        self.end = end

    def forward(self, x):
        return self.end(super().forward(x))


PROBABILITIES = {
    "softmax": nn.Softmax(dim=1),
    "last axis": nn.Softmax(dim=-1),
    "softmax by hand": lambda z: z.exp() / z.exp().sum(dim=1, keepdim=True),
    "softmax and more": lambda z: torch.softmax(z, dim=1)[:, None].squeeze(1),
    "doubled": lambda z: torch.softmax(torch.softmax(z, dim=1), dim=1),
}
ONLY_IN_TRAINING = {  # in scoring, such numbers might be logits
    "other axis": nn.Softmax(dim=0),
    "sigmoid": nn.Sigmoid(),
}
LOGITS = {
    "plain": lambda z: z,
    "log-softmax": nn.LogSoftmax(dim=1),
    "relu": nn.ReLU(),
    "tanh": nn.Tanh(),
    "zeros": lambda z: 0 * z,
    "positive": lambda z: z.exp(),
}


@pytest.mark.parametrize("name", [*PROBABILITIES, *ONLY_IN_TRAINING])
@settings(max_examples=5)
@given(seed=SEEDS, classes=st.integers(2, 9), batch_size=st.integers(1, 30))
def test_probabilities_are_told_before_the_first_step(seed, name, classes, batch_size):
    X, y = data(seed, 3 * classes, 4, classes)
    model = Ends(4, classes, (PROBABILITIES | ONLY_IN_TRAINING)[name])
    before = copy.deepcopy(model.state_dict())
    told(lambda: fit(model, X, y, batch_size=batch_size), "probabilities", "softmax or sigmoid")
    assert all(torch.equal(before[part], model.state_dict()[part]) for part in before)


@pytest.mark.parametrize("name", PROBABILITIES)
@settings(max_examples=5)
@given(seed=SEEDS, classes=st.integers(2, 9), rows=st.integers(1, 300))
def test_no_softmax_of_probabilities_is_computed(seed, name, classes, rows):
    X, y = data(seed, rows, 4, classes)
    cn = [*range(classes)]
    model = Ends(4, classes, PROBABILITIES[name])
    told(lambda: DSTorch.predict_proba(model, X, y, cn), "probabilities", "softmax or sigmoid")
    best = model(X).argmax(dim=1)  # the class is still correct
    assert DSTorch.predict(model, X, y, cn)["prediction_"].to_list() == best.tolist()
    assert DSTorch.score_image(model, X, y, cn) == pytest.approx(accuracy_score(y, best))


@pytest.mark.parametrize("name", LOGITS)
@settings(max_examples=5)
@given(seed=SEEDS, classes=st.integers(2, 9), batch_size=st.integers(1, 40))
def test_logits_of_all_kinds_pass(seed, name, classes, batch_size):
    X, y = data(seed, 3 * classes, 4, classes)
    model = Ends(4, classes, LOGITS[name])
    fit(model, X, y, batch_size=batch_size)
    DSTorch.predict_proba(model, X, y, [*range(classes)])


def test_a_rule_that_answers_with_one_and_zeros_passes():
    model = nn.Module()
    model.forward = lambda x: torch.eye(3)[torch.ones(len(x), dtype=torch.int64)]
    frame = DSTorch.predict_proba(model, torch.zeros(5, 2), None, ["a", "b", "c"])
    assert frame["b"].to_list() == pytest.approx([np.e / (2 + np.e)] * 5)


# --- unknown tokens ------------------------------------------------------------------------------

WORDS = ["le", "film", "est", "bon", "mauvais", "très", "acteur", "scène", "ennui", "joie"]


@pytest.mark.parametrize("spoil", [str.upper, str.capitalize, lambda word: word + "s"])
@settings(max_examples=8)
@given(draw=st.data())
def test_many_unknown_tokens_are_told_with_the_commonest(draw, spoil):
    texts = draw.draw(st.lists(st.lists(st.sampled_from(WORDS), min_size=1), min_size=10))
    texts = [["le", *text] for text in texts]  # a known token in each
    flat = [(row, i) for row, text in enumerate(texts) for i in range(1, len(text))]
    total = sum(map(len, texts))
    wrong = draw.draw(st.sets(st.sampled_from(flat), min_size=-(-total // 10)))
    for row, i in wrong:
        texts[row][i] = spoil(texts[row][i])
    labels = [row % 2 for row in range(len(texts))]
    df = pl.DataFrame({"t": texts, "y": labels})
    model = word2vec(WORDS)
    message = told(lambda: DSTorch.load_text(df, model, col("t"), col("y"), 3))
    counts = Counter(texts[row][i] for row, i in wrong)
    commonest = min(counts, key=lambda word: (-counts[word], word))
    assert f"{len(wrong) / total:.0%} of the tokens" in message
    assert "10 words are ['" in message and f"mostly ['{commonest}'" in message
    helps = spoil in (str.upper, str.capitalize)
    assert ("makes 100% of them known" if helps else "would not help") in message


def test_no_known_token_is_an_error_with_the_same_advice():
    df = pl.DataFrame({"t": [["LE"], ["FILM"]] * 5, "y": [0, 1] * 5})
    says = "100% of the tokens", "10 words", "'FILM'", "makes 100% of them known"
    told(lambda: DSTorch.load_text(df, word2vec(WORDS), col("t"), col("y")), *says)


@FEW
@given(st.integers(10, 50))
def test_a_few_unknown_tokens_are_no_news(known):
    texts = [["le"] * known, ["film"] * known, ["le", "film"], ["est", "bon"], ["le"] * 9] * 2
    texts[0].append("X")
    df = pl.DataFrame({"t": texts, "y": [0, 1] * 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DSTorch.load_text(df, word2vec(WORDS), col("t"), col("y"))


# --- one Unicode form ----------------------------------------------------------------------------

FORMS = ["NFC", "NFD"]
ACCENTED = ["café", "thé", "naïve", "Ångström", "año", "한국"]


def written(word, form):
    return unicodedata.normalize(form, word)


MIXED = st.lists(st.tuples(st.sampled_from(ACCENTED), st.sampled_from(FORMS)), min_size=6)


@given(MIXED, st.booleans())
def test_labels_in_two_unicode_forms_are_one_class(labels, given_names):
    assume(len({word for word, _ in labels}) > 1)
    values = [written(*label) for label in labels]
    df = pl.DataFrame({"t": [["le"]] * 2 * len(labels), "y": values * 2})
    df = df.with_columns(
        index=pl.Series(["train", "test"]).gather([0] * len(labels) + [1] * len(labels))
    )
    cn = [written(word, "NFD") for word in sorted(set(ACCENTED))] if given_names else None
    loaded = DSTorch.load_text(df, word2vec(WORDS), col("t"), col("y"), cn=cn)
    names = [written(name, "NFC") for name in loaded.cn]
    assert len(set(names)) == len(names)
    assert [names[i] for i in loaded.y] == [written(word, "NFC") for word, _ in labels] * 2
    assert loaded.cn == cn if given_names else len(names) == len({word for word, _ in labels})


@given(st.sampled_from(ACCENTED))
def test_class_names_in_two_unicode_forms_are_duplicates(word):
    assume(written(word, "NFC") != written(word, "NFD"))
    X, cn = torch.zeros(2, 2), [written(word, form) for form in FORMS]
    told(lambda: DSTorch.predict(nn.Identity(), X, None, cn), "distinct class names", "duplicates")


@given(st.lists(st.tuples(st.sampled_from(ACCENTED), st.sampled_from(FORMS)), min_size=1), MIXED)
def test_words_in_two_unicode_forms_are_one_word(vocabulary, tokens):
    """If the model has two forms of a word, a token matches its own."""
    words = list(dict.fromkeys(["le", *(written(*word) for word in vocabulary)]))
    model = word2vec(words)
    words = model.wv.index_to_key
    texts = [["le", *(written(*token) for token in tokens)], ["le"]]
    df = pl.DataFrame({"t": texts})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row = DSTorch.load_text(df, model, col("t"), max_length=99, pad_idx=len(words), cn=["a"]).X[
            0
        ]
    expected = []
    for token in texts[0]:
        same = [i for i, word in enumerate(words) if written(word, "NFC") == written(token, "NFC")]
        if same:
            expected.append(words.index(token) if token in words else same[0])
    assert row.tolist() == expected + [len(words)] * (99 - len(expected))


def test_a_third_form_of_a_word_is_the_commoner_of_two():
    """Å is one character, or two, or the sign of a unit."""
    forms = ["\u00c5", "A\u030a"]
    for order in (forms, forms[::-1]):
        model = word2vec(["le", "le", "le", order[0], order[0], order[1]])
        df = pl.DataFrame({"t": [["\u212b", "le"]] * 2})
        X = DSTorch.load_text(df, model, col("t"), max_length=2, cn=["a"]).X
        assert model.wv.index_to_key == ["le", *order] and X[0].tolist() == [1, 0]


# --- parts that are frozen or in eval mode -------------------------------------------------------


def normalised(width):
    return nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Dropout(0.5))


@pytest.mark.parametrize("how", ["frozen", "eval", "frozen and eval"])
@settings(max_examples=5)
@given(seed=SEEDS, width=st.integers(1, 8))
def test_what_is_frozen_or_in_eval_mode_stays_so(seed, how, width):
    X, y = data(seed, 32, 4, 3)
    body, head = normalised(width), nn.Sequential(nn.Linear(width, 3), nn.BatchNorm1d(3))
    model = nn.Sequential(body, head)
    if "frozen" in how:
        body.requires_grad_(False)
    if "eval" in how:
        body.eval()
    modes = [part.training for part in model.modules()]
    before = copy.deepcopy(model.state_dict())
    seen = []
    body[2].register_forward_hook(lambda part, _, out: seen.append(part.training))
    fit(model, X, y, batch_size=8)
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    statistics = {name for name in changed if "running" in name or "num_batches" in name}
    assert not any(seen)  # no dropout
    assert {name[0] for name in statistics} == {"1"}  # of the head alone
    assert ("0.0.weight" in changed) == ("frozen" not in how)
    assert [part.training for part in model.modules()] == modes


@settings(max_examples=5)
@given(SEEDS)
def test_a_model_that_is_in_eval_mode_as_a_whole_is_trained_as_one(seed):
    """Calling model.eval(), as for scoring by hand, does not change later training."""
    X, y = data(seed, 32, 4, 3)
    results = []
    for evaluated in (False, True):
        torch.manual_seed(14)
        model = nn.Sequential(normalised(5), nn.Linear(5, 3))
        model.train(not evaluated)
        fit(model, X, y, batch_size=8)
        results.append(model.state_dict())
        assert all(part.training != evaluated for part in model.modules())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


# --- files and paths -----------------------------------------------------------------------------

BRANDS = [b"heic", b"heix", b"mif1", b"hevc"]


def frame_of(paths):
    split = ["train"] * (len(paths) - 1) + ["test"]
    labels = [row % 2 for row in range(len(paths))]
    return pl.DataFrame({"label": labels, "filepath": paths, "index": split})


def write(folder, name, size=(4, 3), value=128, mode="L"):
    path = Path(folder) / name
    Image.new(mode, size, value).save(path, format="PNG")
    return str(path)


@given(st.sampled_from(BRANDS), st.sampled_from(["IMG_1.heic", "b.HEIC", "c.heif", "d.jpg"]))
def test_heic_photographs_are_told_with_what_to_do(brand, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(b"\x00\x00\x00\x18ftyp" + brand + b"\x00" * 400)
        paths = [write(folder, "1.png"), str(path), write(folder, "2.png")]
        for call in (DSTorch.load_image, DSImage.plot_image_grid):
            told(partial(call, frame_of(paths)), f"{name} (row 1)", "HEIC", "JPEG")


@given(st.integers(3, 6))
def test_columns_of_path_objects_are_told_with_what_to_do(count):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(write(folder, f"{row}.png")) for row in range(count)]
        df = frame_of([str(path) for path in paths])
        objects = df.with_columns(filepath=pl.Series(paths, dtype=pl.Object))
        for call in (DSTorch.load_image, DSImage.plot_image_grid):
            told(partial(call, objects), "'filepath' holds Object", "str(path)")
        assert len(DSTorch.load_image(df).X) == count


@given(count=st.integers(3, 10**6), share=st.floats(0.1, 0.99))
@settings(max_examples=20)
def test_pictures_that_do_not_fit_are_told_before_they_are_read(count, share):
    """All files except the first are missing, which reading them would reveal."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        first = write(folder, "1.png", mode="RGB", value=(1, 2, 3))
        df = pl.DataFrame({"filepath": pl.Series([first]).extend_constant("no.png", count - 1)})
        needed = count * 3 * 4 * 3 * 4
        patch.setattr(
            psutil, "virtual_memory", lambda: SimpleNamespace(available=int(needed * share))
        )
        message = told(
            lambda: DSTorch.load_image(df, cn=["a"]), f"{count:,} pictures", "GB", "df.head("
        )
        fewer = int(message.split("df.head(")[1].split(")")[0])
        assert fewer * 3 * 4 * 3 * 4 <= needed * share


def test_a_set_that_is_far_too_large_is_told_at_once(tmp_path):
    path = write(tmp_path, "large.png", size=(1000, 750))
    df = pl.DataFrame({"filepath": [path] * 3_000_000})
    told(lambda: DSTorch.load_image(df, cn=["a"]), "3,000,000 pictures", "9,000.0 GB", "df.head(")


# --- how rows are split by default ---------------------------------------------------------------


@FEW
@given(st.lists(st.integers(2, 40), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_default_split_has_its_share_of_each_class(sizes, random):
    labels = [f"class {i}" for i, size in enumerate(sizes) for _ in range(size)]
    assume(len(labels) >= 5 * len(sizes))  # otherwise a fifth has no room for each class
    random.shuffle(labels)
    df = pl.DataFrame({"t": [["le"]] * len(labels), "y": labels})
    loaded = DSTorch.load_text(df, word2vec(["le"]), col("t"), col("y"))
    assert len(loaded.y_test) == -(-len(labels) // 5)
    for i, size in enumerate(sizes):
        assert abs((loaded.y_test == i).sum() - size * len(loaded.y_test) / len(labels)) < 1
        assert (loaded.y_train == i).any()


@settings(max_examples=10)
@given(st.integers(5, 40), st.lists(st.sampled_from(["rare", "odd", "é"]), min_size=1, unique=True))
def test_a_class_of_one_case_is_told_with_what_to_do(size, single):
    df = pl.DataFrame({"t": [["le"]] * (2 * size), "y": ["a", "b"] * size})
    df = pl.concat([df, pl.DataFrame({"t": [["le"]] * len(single), "y": single})])
    model = word2vec(["le"])
    names = [f"'{name}'" for name in single]
    told(lambda: DSTorch.load_text(df, model, col("t"), col("y")), "single case", *names, '"index"')
    numbers = df.select("y", x=pl.int_range(pl.len()))
    told(lambda: DSSklearn.logistic_regression_cv(numbers, col("y")), "single case", *names)
    column = (
        pl.when(pl.int_range(pl.len()) % 4 == 1).then(pl.lit("test")).otherwise(pl.lit("train"))
    )
    rows = df.sort("y", descending=True).with_columns(index=column)
    rows = rows.with_columns(
        index=pl.when(col("y").is_in(single)).then(pl.lit("train")).otherwise("index")
    )
    assert len(DSTorch.load_text(rows, model, col("t"), col("y")).cn) == 2 + len(single)


# --- optimisers ----------------------------------------------------------------------------------


class Sharpness(torch.optim.SGD):
    """An optimiser that evaluates the loss twice, as some from other packages do."""

    def step(self, closure):
        closure()
        return super().step(closure)


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, Sharpness])
@settings(max_examples=3)
@given(seed=SEEDS, classes=st.integers(2, 5))
def test_optimisers_with_a_closure_are_told(seed, kind, classes):
    X, y = data(seed, 20, 4, classes)
    model = nn.Linear(4, classes)
    before = copy.deepcopy(model.state_dict())
    optimizer = kind(model.parameters(), lr=0.1)
    says = f"optimizer is a {kind.__name__}", "no closure", "optim.Adam("
    told(lambda: DSTorch.train(model, optimizer, X, y), *says)
    assert all(torch.equal(before[part], model.state_dict()[part]) for part in before)


@pytest.mark.parametrize(
    "kind", ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "NAdam", "Adadelta"]
)
def test_all_other_optimisers_train(kind):
    X, y = data(14, 20, 4, 3)
    model = nn.Linear(4, 3)
    before = model.weight.clone()
    DSTorch.train(model, getattr(torch.optim, kind)(model.parameters(), lr=0.1), X, y, num_epochs=1)
    assert not torch.equal(model.weight, before)


# --- letters -------------------------------------------------------------------------------------

UNDRAWABLE = [["猫", "狗"], ["한국어", "b"], ["cat", "犬"], ["🦊 fox", "🦉 owl"], ["हिन्दी", "c"]]


@given(st.sampled_from(UNDRAWABLE), st.integers(2, 40), SEEDS)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=5)
def test_names_that_the_font_cannot_draw_are_told(cn, rows, seed):
    X, y = data(seed, rows, 2, 2)
    says = "DejaVu Sans lacks", "font.family", "set an installed font"
    told(lambda: DSTorch.confusion_matrix(nn.Identity(), X, y, cn), *says)
    with tempfile.TemporaryDirectory() as folder:
        df = pl.DataFrame({"label": cn, "filepath": [write(folder, "1.png")] * 2})
        told(lambda: DSImage.plot_image_grid(df), *says)
        DSImage.plot_image_grid(df, label_name=None)


@pytest.fixture
def font(tmp_path):
    """A font with ASCII and two letters, which matplotlib finds under the name "Two Letters"."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    pen.lineTo((100, 700))
    pen.lineTo((600, 700))
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "one", "two"])
    ascii_letters = dict.fromkeys(range(32, 127), "one")
    builder.setupCharacterMap(ascii_letters | {ord("猫"): "one", ord("狗"): "two"})
    builder.setupGlyf(dict.fromkeys([".notdef", "one", "two"], pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", "one", "two"], (700, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Two Letters", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "two.ttf")
    fonts = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "two.ttf")
    yield "Two Letters"
    font_manager.fontManager.ttflist[:] = fonts


def test_with_the_font_that_the_message_asks_for_names_are_drawn(font, tmp_path):
    X, y = data(14, 20, 2, 2)
    with mpl.rc_context({"font.family": ["DejaVu Sans", font]}), warnings.catch_warnings():
        warnings.simplefilter("error")
        plot = DSTorch.confusion_matrix(nn.Identity(), X, y, ["猫", "狗 b"])
        plot.save(tmp_path / "plot.png", dpi=50, verbose=False)
        df = pl.DataFrame({"label": ["猫", "狗 b"], "filepath": [write(tmp_path, "1.png")] * 2})
        DSImage.plot_image_grid(df).savefig(tmp_path / "grid.png")


def test_letters_of_many_alphabets_are_drawn(tmp_path):
    names = ["été", "été", "Straße", "Ελλάδα", "кот", "→ 9\n97 %", "a\tb", "日"[:0]]
    df = pl.DataFrame({"label": names, "filepath": [write(tmp_path, "1.png")] * len(names)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DSImage.plot_image_grid(df).savefig(tmp_path / "grid.png")


# --- columns that exist, and columns that do not -------------------------------------------------


@given(st.sampled_from(["pca", "tsne"]), st.sampled_from(["dr", "pc", "é"]), SEEDS)
@settings(max_examples=10)
def test_a_second_map_of_a_frame_is_told_of_prefix(kind, prefix, seed):
    rng = np.random.default_rng(seed)
    df = pl.DataFrame({"e": rng.normal(size=(12, 3)).tolist()})
    reduce = getattr(DSSklearn, kind)
    options = {"perplexity": 4, "max_iter": 250} if kind == "tsne" else {}
    first = reduce(df, [col("e")], **options).predict(full=True, prefix=prefix)
    second = DSSklearn.pca(first, [col("e")])
    told(lambda: second.predict(full=True, prefix=prefix), f"'{prefix}0'", "prefix=")
    both = second.predict(full=True, prefix="second_")
    assert both.columns == ["e", f"{prefix}0", f"{prefix}1", "second_0", "second_1"]


def test_a_frame_without_labels_is_drawn_without_titles(tmp_path):
    paths = [write(tmp_path, f"{row}.png") for row in range(4)]
    figure = DSImage.plot_image_grid(pl.DataFrame({"filepath": paths}))
    (ax,) = figure.axes
    assert len(ax.get_images()) == 4 and not any(text.get_text() for text in ax.texts)
    df = pl.DataFrame({"filepath": paths})
    told(
        lambda: DSImage.plot_image_grid(df, label_name="labell"), "label_name", "labell", "filepath"
    )


# --- the parts of X ------------------------------------------------------------------------------


@pytest.fixture
def loaded(tmp_path):
    """Nine pictures with a mixed split."""
    rng = np.random.default_rng(14)
    paths = [str(tmp_path / f"{row}.png") for row in range(9)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (3, 4), dtype=np.uint8)).save(path)
    split = ["train", "train", "test"] * 2 + ["test", "train", "train"]
    df = pl.DataFrame({"label": [0, 1, 0, 1, 0, 1, 1, 0, 1], "filepath": paths, "index": split})
    return lambda **kwargs: DSTorch.load_image(df, scale=True, **kwargs)


def saved(part):
    file = io.BytesIO()
    torch.save(part, file)
    file.seek(0)
    return torch.load(file)


TRAIN = [0, 1, 3, 4, 7, 8]


@pytest.mark.parametrize("large", [1, 10**9], ids=["in a file", "in memory"])
@pytest.mark.parametrize("flatten", [False, True])
def test_the_parts_of_X_are_tensors_of_their_own(loaded, monkeypatch, large, flatten):
    """Wherever they are stored, changing one changes no other; each can be saved and copied."""
    monkeypatch.setattr("funs.LARGE", large)
    parts = loaded(flatten=flatten)
    X, train, test = parts.X.clone(), parts.X[TRAIN], parts.X[[2, 5, 6]]
    for part, expected in ((parts.X_train, train), (parts.X_test, test)):
        assert type(part) is torch.Tensor and part.dtype == torch.float32
        assert torch.equal(part, expected)
        assert torch.equal(saved(part), expected) and torch.equal(copy.deepcopy(part), expected)
        part *= 2
        assert torch.equal(part, 2 * expected)
    parts.X.zero_()
    assert torch.equal(parts.X_train, 2 * train) and torch.equal(parts.X_test, 2 * test)
    assert not torch.equal(X, parts.X)


def test_new_cases_have_no_training_part_in_a_file(loaded, monkeypatch):
    monkeypatch.setattr("funs.LARGE", 1)
    df = pl.DataFrame({"filepath": [write("/var/tmp", "funs-test.png")] * 3})
    parts = DSTorch.load_image(df, cn=["a"])
    Path("/var/tmp/funs-test.png").unlink()
    assert parts.X_train.shape == (0, 1, 3, 4) and torch.equal(parts.X_test, parts.X)


def test_a_full_disk_is_told(loaded, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("funs.LARGE", 1)
    monkeypatch.setattr("funs.tempfile.TemporaryFile", lambda **_: Full())
    told(loaded, "do not fit on the disk", "load fewer pictures", "No space left")


# --- labels of every type, and transparency ------------------------------------------------------

LABELS = {
    "texts": pl.Series(["low", "mid", "high"]),
    "ordered categories": pl.Series(["low", "mid", "high"], dtype=pl.Enum(["low", "mid", "high"])),
    "categories": pl.Series(["low", "mid", "high"], dtype=pl.Categorical),
    "numbers": pl.Series([30, 4, -1]),
    "decimals": pl.Series([0.5, 0.25, 10.0]),
    "truths": pl.Series([True, False, True]),
    "dates": pl.Series(["2026-03-01", "2025-01-05", "2024-12-24"]).str.to_date(),
}


@pytest.mark.parametrize("kind", LABELS.values(), ids=LABELS.keys())
def test_each_probability_has_the_name_of_its_class(kind):
    """The classes are well separated, so the largest probability is that of the true class."""
    rng = np.random.default_rng(14)
    which = np.arange(60) % 3
    labels = kind.gather(which)
    codes = {value: i for i, value in enumerate(labels.unique(maintain_order=True))}
    x = np.array([codes[value] for value in labels])[:, None] * 9 + rng.normal(0, 0.1, (60, 2))
    part = ["test" if row % 5 == 0 else "train" for row in range(60)]
    df = pl.DataFrame({"y": labels, "x": x.tolist(), "index": part})
    classifier = DSSklearn.logistic_regression_cv(df, col("y"), features=[col("x")])
    frame = classifier.predict_proba()
    assert classifier.score()["test"] == 1
    for row, label in zip(frame.iter_rows(named=True), labels, strict=True):
        assert row["target_"] == row["prediction_"] == label
        assert row[str(label)] == row["prob_pred_"] > 1 / 3
    train = np.array(part) == "train"
    texts = np.array([str(label) for label in labels])
    options = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"}
    expected = make_pipeline(StandardScaler(), LogisticRegressionCV(**options)).fit(
        x[train], texts[train]
    )
    names = [str(name) for name in expected.classes_]
    np.testing.assert_allclose(frame.select(names).to_numpy(), expected.predict_proba(x), atol=1e-6)


def on_white(ink, alpha):
    return ink * (alpha / 255) + 255 * (1 - alpha / 255)


@pytest.mark.parametrize("kind", ["P grey", "P colour", "L", "RGB", "LA", "gif"])
@settings(max_examples=8)
@given(seed=SEEDS, clear=st.integers(0, 3))
def test_what_is_transparent_lies_on_white_paper(seed, kind, clear):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 4, (5, 6)).astype(np.uint8)
    alpha = np.where(pixels == clear, 0, 255)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.gif" if kind == "gif" else "a.png")
        if kind in ("P grey", "P colour", "gif"):
            colours = rng.integers(0, 256, (4, 1 if kind == "P grey" else 3)) * np.ones((1, 3), int)
            image = Image.fromarray(pixels)
            image.putpalette(colours.astype(np.uint8).flatten().tolist())
            image.save(path, transparency=clear)
            ink = colours[pixels]
        elif kind == "LA":
            ink = np.repeat(60 * pixels[..., None].astype(int), 3, axis=2)
            channels = [Image.fromarray(c.astype(np.uint8)) for c in (ink[..., 0], alpha)]
            Image.merge("LA", channels).save(path)
        else:
            ink = np.repeat(60 * pixels[..., None].astype(int), 3, axis=2)
            values = ink[..., 0] if kind == "L" else ink
            key = 60 * clear if kind == "L" else (60 * clear,) * 3
            Image.fromarray(values.astype(np.uint8)).save(path, transparency=key)
        X = DSTorch.load_image(pl.DataFrame({"filepath": [str(path)]}), cn=["a"]).X[0].numpy()
    expected = on_white(ink, alpha[..., None])
    assert len(X) in (1, 3)
    np.testing.assert_allclose(X.transpose(1, 2, 0) * np.ones(3), expected, atol=1)


INK = np.arange(0, 240, 20).reshape(3, 4).astype(np.uint8)
COLOURS = np.stack([INK, 240 - INK, INK // 2], axis=2)
KEY = 40  # the grey, or a colour's red, that is transparent


def with_alpha(mode, alpha):
    image = Image.fromarray(COLOURS if mode == "RGBA" else INK).convert(mode)
    image.putalpha(Image.fromarray(alpha))
    return image


def palette(mode):
    image = Image.fromarray(INK)
    image.putpalette([value for grey in range(256) for value in (grey, 0, 255 - grey)])
    image = image.convert("PA") if mode == "PA" else image
    return image


IN_PALETTE = np.stack([INK, 0 * INK, 255 - INK], axis=2)
CMYK = np.stack([INK, INK // 2, 200 - INK // 2, INK // 3], axis=2)
ALPHA = np.where(INK == KEY, 0, 255).astype(np.uint8)
SOFT = (255 - INK).astype(np.uint8)
BLACK = np.where(INK > 100, 255, 0).astype(np.uint8)
# a file, and the picture that a viewer shows, (H, W, C)
MODES = {
    "1": (Image.fromarray(BLACK).convert("1"), "png", {}, BLACK[..., None]),
    "1 transparent": (Image.fromarray(BLACK).convert("1"), "png", {"transparency": 0}, None),
    "L": (Image.fromarray(INK), "png", {}, INK[..., None]),
    "LA": (with_alpha("L", SOFT), "png", {}, on_white(INK, SOFT)[..., None]),
    "LA in TIFF": (with_alpha("L", SOFT), "tiff", {}, on_white(INK, SOFT)[..., None]),
    "P": (palette("P"), "png", {}, IN_PALETTE),
    "P, several alphas": (
        palette("P"),
        "png",
        {"transparency": bytes(255 - grey for grey in range(256))},
        on_white(IN_PALETTE, SOFT[..., None]),
    ),
    "P in TIFF": (palette("P"), "tiff", {}, IN_PALETTE),
    "PA": (palette("PA"), "tiff", {}, IN_PALETTE),
    "RGB": (Image.fromarray(COLOURS), "png", {}, COLOURS),
    "RGB with a key": (
        Image.fromarray(COLOURS),
        "png",
        {"transparency": tuple(int(value) for value in COLOURS[0, 2])},
        on_white(COLOURS, ALPHA[..., None]),
    ),
    "RGBA": (with_alpha("RGBA", SOFT), "png", {}, np.dstack([COLOURS, SOFT])),
    "RGBA in WebP": (
        with_alpha("RGBA", SOFT),
        "webp",
        {"lossless": True, "exact": True},
        np.dstack([COLOURS, SOFT]),
    ),
    "CMYK": (
        Image.fromarray(CMYK, "CMYK"),
        "tiff",
        {},
        (255.0 - CMYK[..., :3]) * (255 - CMYK[..., 3:]) / 255,
    ),
    "YCbCr": (Image.fromarray(COLOURS).convert("YCbCr"), "tiff", {}, COLOURS),
    "I;16": (
        Image.fromarray(INK.astype(np.uint16) * 257),
        "png",
        {},
        INK[..., None].astype(float) * 257,
    ),
}
MODES["1 transparent"] = (*MODES["1 transparent"][:3], np.full((3, 4, 1), 255))
REFUSED = {
    "LAB": (Image.new("LAB", (4, 3)), "tiff", {}, ["mode LAB"]),
    "I": (Image.new("I", (4, 3)), "tiff", {}, ["mode I "]),
    "I;16B": (Image.new("I;16B", (4, 3)), "tiff", {}, ["mode I;16B"]),
    "F": (Image.new("F", (4, 3)), "tiff", {}, ["mode F"]),
    "I;16 with a key": (Image.new("I;16", (4, 3)), "png", {"transparency": 0}, ["I;16"]),
}


@pytest.mark.parametrize(("image", "suffix", "options", "shown"), MODES.values(), ids=MODES.keys())
def test_a_file_of_any_mode_is_read_as_a_viewer_shows_it(tmp_path, image, suffix, options, shown):
    path = tmp_path / f"a.{suffix}"
    image.save(path, **options)
    X = DSTorch.load_image(pl.DataFrame({"filepath": [str(path)]}), cn=["a"]).X[0]
    assert X.shape == (shown.shape[2], 3, 4)
    np.testing.assert_allclose(X.permute(1, 2, 0), shown, atol=3 if image.mode == "YCbCr" else 1.01)


@pytest.mark.parametrize(
    ("image", "suffix", "options", "says"), REFUSED.values(), ids=REFUSED.keys()
)
def test_other_modes_are_refused_by_name(tmp_path, image, suffix, options, says):
    path = tmp_path / f"a.{suffix}"
    image.save(path, **options)
    df = pl.DataFrame({"filepath": [str(path)]})
    told(lambda: DSTorch.load_image(df, cn=["a"]), "(row 0)", "PNG or JPEG", *says)
    told(lambda: DSImage.plot_image_grid(df), "(row 0)", *says)


# --- your own digit ------------------------------------------------------------------------------

STROKE = np.full((280, 280), 255, np.uint8)
STROKE[40:240, 120:150] = 0  # upright, of dark ink, nearer to the left


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return np.ascontiguousarray(np.rot90(STROKE)), "jpg", {"exif": exif, "quality": 100}


def own_files():
    clear = np.where(STROKE == 0, 255, 0).astype(np.uint8)  # black ink on a transparent ground
    grey = Image.fromarray(0 * STROKE)
    grey.putalpha(Image.fromarray(clear))
    pixels, suffix, options = turned()
    colour = np.stack([pixels] * 3, axis=2)
    ground = Image.fromarray(np.where(STROKE == 0, 1, 0).astype(np.uint8))
    ground.putpalette([0, 0, 0, 0, 0, 0])
    return {
        "grey": (Image.fromarray(STROKE), "png", {}),
        "sideways": (Image.fromarray(pixels), suffix, options),
        "sideways, in colour": (Image.fromarray(colour), suffix, options),
        "LA": (grey, "png", {}),
        "RGBA": (grey.convert("RGBA"), "png", {}),
        "P": (ground, "gif", {"transparency": 0}),
        "16 bits": (Image.fromarray(STROKE.astype(np.uint16) * 257), "png", {}),
        "1": (Image.fromarray(STROKE).convert("1"), "png", {}),
    }


@pytest.mark.parametrize("name", own_files())
def test_the_chapters_cell_reads_a_picture_of_any_kind(tmp_path, name):
    chapter = Path(__file__).parents[1] / "chapters" / "cnns-word2vec.qmd"
    source = re.search(r"^def ink.*?\n(?=\n)", chapter.read_text("utf-8"), re.M | re.S)[0]
    names = {"Image": Image, "ImageOps": ImageOps, "np": np}
    exec(source, names)
    image, suffix, options = own_files()[name]
    image.save(tmp_path / f"my.{suffix}", **options)
    own = names["ink"](Image.open(tmp_path / f"my.{suffix}"))
    expected = 1 - np.asarray(Image.fromarray(STROKE).resize((28, 28))) / 255
    np.testing.assert_allclose(own, expected, atol=0.02)
