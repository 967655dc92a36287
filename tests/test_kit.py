"""Test the kit's start program, what Binder runs, and the contents of the book's own kit."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from packaging.specifiers import SpecifierSet

import bookbuild
from renderer.tests.support.books import SmallBook
from renderer.tests.support.notebooks import needed_files, run_alone
from renderer.tests.support.pages import parse
from renderer.tests.support.programs import missing
from renderer.tests.support.server import served
from tests import tiny

ROOT = Path(__file__).resolve().parent.parent
NAME = "small-book-kit.zip"
PREPARE = """
from pathlib import Path
folder = Path(__file__).parent
(folder / "made.csv").write_text(f"a\\n{(folder / 'list.toml').read_text()}")
print("data: ready")
"""


@pytest.fixture(scope="module")
def built_kit_book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """Return a small book with this book's settings and start program, and data to prepare."""
    book = SmallBook(tmp_path_factory.mktemp("kit") / "book")
    shutil.copy(ROOT / "pyproject.toml", book.root)
    book.write("kit/README.md", "# Read me\n")
    book.write("kit/requirements.txt", "tiny==1.0\n")
    shutil.copy(ROOT / "kit" / "start.py", book.root / "kit")
    book.write("data/__init__.py", "")
    book.write("data/prepare.py", PREPARE)
    book.write("data/list.toml", "1")
    book.write("data/made.csv", "a\n1")
    manifest = {"outputs": {"made.csv": "x"}, "recipe": {"prepare.py": "x", "list.toml": "x"}}
    book.write("data/.manifest.json", json.dumps(manifest))
    book.write("helper.py", 'VALUE = 1\nFILE = "data/made.csv"\n')
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture
def kit_book(built_kit_book: SmallBook, tmp_path: Path) -> SmallBook:
    return built_kit_book.copy(tmp_path / "book")


# The start program


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Return a folder with the only package that pip can find: tiny 1.0."""
    return tiny.make_index(tmp_path / "index")


@pytest.fixture
def start(
    kit_book: SmallBook, index: Path, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess]:
    """Unpack the kit into an empty folder; return a function that starts it there."""
    folder = tmp_path / "away"
    with zipfile.ZipFile(kit_book.root / "_book" / NAME) as archive:
        archive.extractall(folder)

    def run(*command: str, **settings: str) -> subprocess.CompletedProcess:
        command = command or (sys._base_executable, "start.py", "--no-browser")
        own = tiny.environment(index) | settings
        return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True)

    return run


def sentence(done: subprocess.CompletedProcess) -> str:
    """Return the one sentence with which the program stopped."""
    assert done.returncode == 1
    message = done.stderr.strip()
    assert message.startswith("start: ") and message.endswith(".") and "\n" not in message, message
    return message


@pytest.mark.slow
def test_it_explains_each_obstacle_until_it_starts(start, index, tmp_path):
    """In the end it needs only Python."""
    wheel = index / tiny.WHEEL
    wheel.rename(tmp_path / wheel.name)
    assert "is there a network" in sentence(start())
    (tmp_path / wheel.name).rename(wheel)
    prepare = tmp_path / "away/data/prepare.py"
    prepare.write_text("raise SystemExit(1)", encoding="utf-8")
    assert "the data are not ready" in sentence(start())
    prepare.write_text("print('nothing made')", encoding="utf-8")
    message = sentence(start())
    assert "one.ipynb" in message and "data/made.csv" in message
    prepare.write_text(PREPARE, encoding="utf-8")
    done = start()
    assert done.returncode == 0, done.stderr
    assert "data: ready" in done.stdout and "Start JupyterLab with: " in done.stdout
    assert (tmp_path / "away/data/made.csv").exists()
    again = start()
    assert again.returncode == 0 and "installing" not in again.stdout


@pytest.mark.slow
def test_a_dead_environment_is_made_anew(start, tmp_path):
    venv = tmp_path / "away/.venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to("/gone/python3.12")
    shutil.copy(tmp_path / "away/requirements.txt", venv / "installed.txt")
    done = start()
    assert done.returncode == 0, done.stderr
    [packages] = venv.glob("lib/*")
    packages.rename(packages.with_name("python3.2"))  # as if the link led to another version
    done = start()
    assert done.returncode == 0 and "installing" in done.stdout, done.stderr


@pytest.mark.slow
def test_settings_that_would_break_it_are_dropped(start, tmp_path):
    """Python's own safe path hides the kit's modules; its optimisation removes assertions."""
    prepare = tmp_path / "away/data/prepare.py"
    prepare.write_text(f"import helper\n{PREPARE}assert False, 'checked'\n", encoding="utf-8")
    done = start(PYTHONSAFEPATH="1", PYTHONPATH="/nowhere", PYTHONOPTIMIZE="2", PIP_USER="1")
    assert "AssertionError: checked" in done.stderr


@pytest.mark.slow
def test_two_at_once_install_once(start):
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: start(), range(2)))
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    assert sum("installing 1 packages" in done.stdout for done in both) == 1


@pytest.mark.thorough
def test_a_missing_file_is_named(start, tmp_path):
    (tmp_path / "away/data/list.toml").unlink()
    assert "data/list.toml" in sentence(start())


@pytest.mark.parametrize("version", [(2, 7, 18), *((3, minor, 2) for minor in range(9, 17))])
def test_exactly_the_supported_pythons_are_accepted(start, tmp_path, version):
    renderer = tomllib.loads((ROOT / "renderer/pyproject.toml").read_text("utf-8"))
    supported = SpecifierSet(renderer["project"]["requires-python"])
    (tmp_path / "away/data/list.toml").unlink()
    other = f"import sys, runpy; sys.version_info = {version}; "
    other += "runpy.run_path('start.py', run_name='__main__')"
    message = sentence(start(sys.executable, "-c", other))
    if supported.contains(".".join(map(str, version))):
        assert "missing files" in message, "the next obstacle"
    else:
        assert "this is Python {}.{}, but the packages need".format(*version) in message


def test_an_old_python_can_read_it():
    text = (ROOT / "kit/start.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 4))  # no assignment expression, no matrix product
    nodes = list(ast.walk(ast.parse(text)))
    assert not [node for node in nodes if isinstance(node, (ast.JoinedStr, ast.AnnAssign))]
    assert not [n for n in nodes if getattr(n, "annotation", None) or getattr(n, "returns", None)]
    assert not [node for node in nodes if isinstance(node, ast.arguments) and node.kwonlyargs]


# Binder


def test_binder_unpacks_the_kit_where_the_links_lead(kit_book):
    with served(kit_book.root / "_book") as url:
        address = f"  site-url: {url}\n  repo-url: https://git.example/a/b\n"
        kit_book.edit("_quarto.yml", "  title:", f"{address}  title:")
        command = [sys.executable, str(ROOT / ".binder/postBuild")]
        subprocess.run(command, cwd=kit_book.root, check=True)
    [path] = re.findall(
        r'^binder-path = "lab/tree/(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.M
    )
    assert (kit_book.root / path / "one.ipynb").exists()
    assert (kit_book.root / path / "data/made.csv").exists(), "the data are prepared"


# The book's own kit


@pytest.fixture(scope="module")
def real() -> Iterator[zipfile.ZipFile]:
    """Yield the book's kit as it was built."""
    project = bookbuild.load(ROOT)
    path = ROOT / project.output / str(project.kit_name)
    if not path.exists():
        missing("the real book is not built: run make book")
    assert path.stat().st_size < 7e6
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.mark.book
def test_the_real_kit_has_everything_that_its_notebooks_need(real):
    names = {*real.namelist()}
    assert {"start.py", "README.md", "LICENSE", "LICENSE-TEXT"} <= names
    assert {"funs.py", "nets.py", "evaluation.py"} <= names
    assert {"data/__init__.py", "data/README.md"} <= names
    recipe = json.loads((ROOT / "data/.manifest.json").read_text("utf-8"))["recipe"]
    assert {f"data/{name}" for name in recipe} <= names
    notebooks = re.findall(r"`([\w-]+\.ipynb)`", real.read("README.md").decode())
    assert notebooks and {*notebooks} <= names
    assert len(real.read("README.md").splitlines()) <= 40, "one screen"


@pytest.mark.book
@pytest.mark.slow
def test_the_real_kit_contains_no_more_of_the_reviews_than_the_pages(real):
    pages = " ".join(parse(p.read_text("utf-8")).text for p in ROOT.glob("_book/**/*.html"))
    shown = " ".join(pages.split())
    kit = b" ".join(real.read(name) for name in real.namelist()).decode("utf-8", "replace")
    kit = " ".join(kit.replace('\\"', '"').replace("\\n", " ").split())
    reviews = pl.concat(
        pl.read_parquet(ROOT / "data" / name, columns=["text"])
        for name in ("imdb5k_pca.parquet", "imdb_rest.parquet")
    )
    beginnings = {" ".join(text.split())[:40] for text in reviews["text"]}

    def contained(text: str) -> set[str]:
        slices = (text[at : at + 40] for at in range(len(text)))
        return {part for part in slices if part in beginnings}

    assert [beginning for beginning in contained(kit) if beginning not in shown] == []
    assert contained(" ".join(reviews["text"][0].split())), "a review in the kit would be noticed"


@pytest.mark.book
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.environ.get("CI") != "true", reason="takes minutes: CI=true runs it")
def test_the_chapter_runs_with_exactly_the_files_it_names(tmp_path):
    built = ROOT / "_book" / "chapters" / "cnns-word2vec.ipynb"
    run_alone(built, ROOT, needed_files(built), tmp_path / "away")
