"""Prepare the book's data: ``python -m data.prepare``.

Each output is made in a temporary folder and renamed when it is complete. ``.manifest.json`` is
removed once all archives have arrived and written again at the very end, so an interrupted run
can simply be repeated. A run with nothing to do changes nothing. fetch.py downloads and checks
the archives.
"""

from __future__ import annotations

import csv
import fcntl
import gzip
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tqdm import tqdm

if not __package__:
    sys.exit("data: run `python -m data.prepare` in the book's folder, or `make data`")

from data.fetch import DataError, Source, fetch, open_member, read_sources, sha256

DATA = Path(__file__).resolve().parent
MANIFEST = ".manifest.json"
RECIPE = ["prepare.py", "fetch.py", "sources.toml", "models.json", "glove_loader.py"]
RECIPE += ["imdb5k_e5.parquet"]
SEED = 14  # fixed before any result was seen; never changed for a nicer number

DIGITS_PER_CLASS = {"train": 75, "test": 25, "unseen": 400}
REVIEWS_PER_CLASS = {"train": 2000, "test": 500}
GLOVE_WORDS = 341_479
GLOVE_FOLDER = "gensim-data/glove-wiki-gigaword-100"
MODEL_LIST = "gensim-data/information.json"


def main() -> int:
    """Prepare the data in this file's folder; return the exit status."""
    try:
        prepare(DATA)
    except (DataError, OSError) as error:  # OSError: a full disk, a read-only folder
        print(f"data: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(data: Path) -> None:
    """Bring every output in the folder `data` up to date with the recipe in that folder."""
    with one_at_a_time(data):
        recipe = read_recipe(data)
        if is_current(data, recipe):
            print("data: up to date")
            return
        for leftover in [*data.glob(".partial-*"), *data.glob("downloads/.partial-*")]:
            shutil.rmtree(leftover)  # a killed run's: we hold the lock
        sources = read_sources(data / "sources.toml")
        steps: list[tuple[str, Callable[[Source, Path, Path, Path], list[str]]]] = [
            ("mnist", make_digits),
            ("reviews", make_reviews),
            ("glove", make_glove),
        ]
        archives = [fetch(sources[name], data / "downloads") for name, _ in steps]
        (data / MANIFEST).unlink(missing_ok=True)
        outputs: list[str] = []
        for (name, make), archive in zip(steps, archives, strict=True):
            outputs += make_and_move(make, sources[name], archive, data)
        write_manifest(data, recipe, outputs)
        print(f"data: {len(outputs)} outputs ready in {data.name}/")


@contextmanager
def one_at_a_time(data: Path) -> Iterator[None]:
    """Hold the folder's lock; a second run waits until the first has ended."""
    with (data / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("data: another run is preparing the data; waiting for it to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_recipe(data: Path) -> dict[str, str]:
    """Return the checksum of each committed file that the outputs depend on."""
    if missing := [name for name in RECIPE if not (data / name).is_file()]:
        raise DataError(
            f"{data.name}/ lacks {', '.join(missing)}; restore with `git checkout -- {data.name}`."
        )
    return {name: sha256(data / name) for name in RECIPE}


def is_current(data: Path, recipe: dict[str, str]) -> bool:
    """Return whether the manifest has this recipe and every output is unchanged."""
    try:
        manifest = json.loads((data / MANIFEST).read_text(encoding="utf-8"))
        outputs = manifest["outputs"]
        return manifest["recipe"] == recipe and outputs == checksums(data, list(outputs))
    except (OSError, ValueError, KeyError, TypeError):  # no manifest, or a damaged one
        return False


def write_manifest(data: Path, recipe: dict[str, str], outputs: list[str]) -> None:
    """Write the checksums of recipe and outputs, which mark the data as complete."""
    manifest = {"recipe": recipe, "outputs": checksums(data, outputs)}
    partial = data / f"{MANIFEST}.partial"
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    partial.replace(data / MANIFEST)


def checksums(data: Path, outputs: list[str]) -> dict[str, str]:
    """Return the sha256 of each output: of a file, or of a folder's file names and contents."""
    return {name: _checksum(data / name) for name in outputs}


def _checksum(path: Path) -> str:
    if path.name == Path(MODEL_LIST).name and path.is_file():
        return "any"  # gensim rewrites it whenever it can reach its server
    if path.is_file():
        return sha256(path)
    whole = hashlib.sha256()
    for file in sorted(path.glob("*.png")):
        whole.update(file.name.encode() + file.read_bytes())
    return whole.hexdigest()


def make_and_move(
    make: Callable[[Source, Path, Path, Path], list[str]], source: Source, archive: Path, data: Path
) -> list[str]:
    """Have `make` write its outputs into a temporary folder, then move each into `data`."""
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=data) as partial:
        try:
            outputs = make(source, archive, Path(partial), data)
        except DataError:
            raise
        except Exception as error:  # numpy, polars or zlib, for unexpected contents
            raise DataError(
                f"{archive.name}: cannot use its member {source.member}: "
                f"{type(error).__name__}: {error}. Existing outputs are unchanged."
            ) from error
        for name in outputs:
            target = data / name
            if target.is_dir():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            (Path(partial) / name).replace(target)
    return outputs


# --- digits ------------------------------------------------------------------------------------


def make_digits(source: Source, archive: Path, out: Path, data: Path) -> list[str]:
    """Write the 1,000 sampled digits and the other 4,000: pictures, and a table for each set."""
    import numpy as np

    with open_member(source, archive) as stream:
        lines = gzip.decompress(stream.read()).decode("ascii").splitlines()
    table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    per_class = sum(DIGITS_PER_CLASS.values())
    expected = (10 * per_class, 28 * 28 + 1)
    if table.shape != expected:
        raise DataError(f"{archive.name}: digits of shape {table.shape}, expected {expected}")
    pixels, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]
    if (counts := np.bincount(labels).tolist()) != [per_class] * 10:
        raise DataError(f"{archive.name}: {counts} pictures of 0, 1, …; expected {per_class} each")
    rng = np.random.default_rng(SEED)
    split: dict[str, list[int]] = {name: [] for name in DIGITS_PER_CLASS}
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        start = 0
        for name, size in DIGITS_PER_CLASS.items():
            split[name] += rows[start : start + size].tolist()
            start += size
    index_of = {row: name for name, rows in split.items() for row in rows}
    outputs = []
    sets = {"mnist_1000": split["train"] + split["test"], "mnist_rest": split["unseen"]}
    for name, members in sets.items():
        chosen = rng.permutation(members)
        records = [(int(labels[row]), index_of[row]) for row in chosen]
        outputs += write_digits(name, pixels[chosen], records, out)
    return outputs


def write_digits(name: str, pixels, records: list[tuple[int, str]], out: Path) -> list[str]:
    """Write one set of digits: ``name/00000.png`` … and ``name.csv``."""
    from PIL import Image

    (out / name).mkdir()
    with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["label", "filepath", "index"])
        for number, (label, index) in enumerate(
            tqdm(records, desc=f"pictures of {name}", disable=None)
        ):
            Image.fromarray(pixels[number]).save(out / name / f"{number:05}.png")
            table.writerow([label, f"data/{name}/{number:05}.png", index])
    return [f"{name}.csv", name]


# --- film reviews ------------------------------------------------------------------------------


def make_reviews(source: Source, archive: Path, out: Path, data: Path) -> list[str]:
    """Write the 5,000 sampled film reviews with their E5 embeddings, and the others without."""
    import polars as pl

    with open_member(source, archive) as stream:
        frame = pl.read_csv(stream.read())
    sample = sample_reviews(frame)
    embedded = join_e5(sample, pl.read_parquet(data / "imdb5k_e5.parquet"))
    embedded.write_parquet(out / "imdb5k_pca.parquet")
    other_reviews(frame, sample).write_parquet(out / "imdb_rest.parquet")
    return ["imdb5k_pca.parquet", "imdb_rest.parquet"]


def sample_reviews(frame):
    """Sample the book's reviews from the table of the package.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns ``text`` (str), ``label`` (0 negative, 1 positive), ``source`` (str).

    Returns
    -------
    polars.DataFrame
        5,000 rows of ``id``, ``label``, ``text``, ``index``. Training and test set each have
        as many positive as negative reviews.

    Raises
    ------
    DataError
        If a column is missing.
    """
    import numpy as np
    import polars as pl

    imdb = distinct_reviews(frame)
    rng = np.random.default_rng(SEED)
    size = sum(REVIEWS_PER_CLASS.values())
    index = pl.Series("index", [name for name, n in REVIEWS_PER_CLASS.items() for _ in range(n)])
    classes = []
    for value, label in enumerate(["negative", "positive"]):
        of_class = imdb.filter(label=value)
        drawn = of_class[rng.choice(of_class.height, size, replace=False)]
        classes.append(drawn.select(pl.lit(label).alias("label"), "text", index))
    sample = pl.concat(classes)[rng.permutation(2 * size)]
    number = pl.int_range(1, sample.height + 1).cast(pl.String).str.zfill(4)
    return sample.select(pl.format("doc{}", number).alias("id"), "label", "text", "index")


def other_reviews(frame, sample):
    """Return the reviews that were not sampled, shuffled: ``id``, ``label``, ``text``, ``index``.

    A review with the same words as an earlier or a sampled one is left out, even if the
    punctuation differs: to the book's networks it is the same review.
    """
    import numpy as np
    import polars as pl

    words = pl.col("text").str.to_lowercase().str.extract_all("[a-z]+").list.join(" ")
    rest = (
        distinct_reviews(frame)
        .with_columns(words=words)
        .unique("words", keep="first", maintain_order=True)
        .join(sample.select(words=words), on="words", how="anti", maintain_order="left")
    )
    rest = rest[np.random.default_rng(SEED).permutation(rest.height)]
    number = pl.int_range(1, rest.height + 1).cast(pl.String).str.zfill(5)
    label = pl.when(pl.col("label") == 1).then(pl.lit("positive")).otherwise(pl.lit("negative"))
    index = pl.lit("unseen").alias("index")
    return rest.select(pl.format("rest{}", number).alias("id"), label.alias("label"), "text", index)


def distinct_reviews(frame):
    """Return the film site's reviews, line breaks replaced by spaces, without duplicates."""
    import polars as pl

    if missing := {"text", "label", "source"} - set(frame.columns):
        raise DataError(f"reviews: no column {sorted(missing)}; the table has {frame.columns}")
    text = pl.col("text").str.replace_all("<br />", " ", literal=True)
    reviews = frame.filter(source="imdb").with_columns(text)
    return reviews.unique("text", keep="first", maintain_order=True)


def join_e5(sample, e5):
    """Add the committed embeddings as column ``e5``; raise if one was made from another text."""
    import polars as pl

    joined = sample.join(e5, on="id", how="left", maintain_order="left")
    of_text = pl.Series([hashlib.sha1(text.encode()).hexdigest() for text in sample["text"]])
    if not (wrong := joined.filter(joined["sha1"].ne_missing(of_text))).is_empty():
        raise DataError(
            f"imdb5k_e5.parquet: the embeddings of {wrong.height} reviews, first "
            f"{wrong['id'][0]}, were made from other texts. Run `make e5` (about an hour), or "
            f"check out data/ again if you did not change the sampling."
        )
    return joined.select("id", "label", "text", "index", pl.col("e5").cast(pl.List(pl.Float64)))


# --- GloVe -------------------------------------------------------------------------------------


def make_glove(source: Source, archive: Path, out: Path, data: Path) -> list[str]:
    """Write the gensim-data folder: the list of models, and GloVe's words and vectors."""
    import numpy as np

    folder = out / GLOVE_FOLDER
    folder.mkdir(parents=True)
    words: list[str] = []
    with open_member(source, archive) as stream:
        entries = tqdm(glove_entries(stream), total=GLOVE_WORDS, desc="GloVe", disable=None)
        rows = np.empty((GLOVE_WORDS, 100), dtype=np.float32)
        for number, (word, numbers) in enumerate(entries):
            vector = np.fromstring(numbers, sep=",", dtype=np.float32)
            if len(vector) != 102:  # 100 numbers, the norm, the rank
                raise DataError(f"{archive.name}: {word!r} has {len(vector)} numbers, expected 102")
            rows[number] = vector[:100]
            words.append(word)
    if len(words) != len(rows):
        raise DataError(f"{archive.name}: {len(words):,} word vectors, expected {len(rows):,}")
    np.save(folder / "vectors.npy", rows)
    (folder / "words.txt").write_text("\n".join(words), encoding="utf-8")
    shutil.copyfile(data / "glove_loader.py", folder / "__init__.py")
    shutil.copyfile(data / "models.json", out / MODEL_LIST)
    names = ["vectors.npy", "words.txt", "__init__.py"]
    return [MODEL_LIST, *(f"{GLOVE_FOLDER}/{name}" for name in names)]


def glove_entries(stream: IO[bytes], chunk: int = 1 << 22) -> Iterator[tuple[str, str]]:
    r"""Yield each word and its numbers from wink's JSON, reading one chunk at a time.

    The file is one object of 307 MB; its key ``vectors`` holds ``"word":[100 numbers, the norm,
    the rank]`` for each word, in GloVe's order. Parsing it whole would take gigabytes of memory.
    """
    entry = re.compile(rb'("(?:[^"\\]|\\.)*"):\[([-0-9.,eE]+)\]')
    rest = b""
    while (start := rest.find(b'"vectors":{')) < 0:
        if not (block := stream.read(chunk)):
            raise DataError('the GloVe file has no key "vectors"')
        rest += block
    rest = rest[start:]
    while True:
        end = 0
        for match in entry.finditer(rest):
            if match[1] == b'"unkVector"':
                return
            yield json.loads(match[1]), match[2].decode()
            end = match.end()
        if not (block := stream.read(chunk)):
            return
        rest = rest[end:] + block


if __name__ == "__main__":
    sys.exit(main())
