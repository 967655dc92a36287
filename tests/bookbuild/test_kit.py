"""The kit: what is in it, its bytes, and that it starts where there is nothing but Python."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import nbclient
import nbformat
import pytest

from bookbuild.project import load
from tests.kit.books import SmallBook
from tests.kit.pages import parse
from tests.kit.programs import missing
from tests.kit.server import served

ROOT = Path(__file__).parents[2]
NAME = "small-book-kit.zip"
PREPARE = """
from pathlib import Path
folder = Path(__file__).parent
(folder / "made.csv").write_text(f"a\\n{(folder / 'list.toml').read_text()}")
print("data: ready")
"""


@pytest.fixture(scope="module")
def built_kit_book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A book whose notebook needs a module, data that is made and data that is committed."""
    book = SmallBook(tmp_path_factory.mktemp("kit") / "book")
    book.write("kit/README.md", "# Read me\n")
    book.write("kit/requirements.txt", "tiny==1.0\n")
    shutil.copy(ROOT / "kit" / "start.py", book.root / "kit")
    book.write("data/prepare.py", PREPARE)
    book.write("data/list.toml", "1")
    book.write("data/README.md", "where it comes from\n")
    book.write("data/words/one.txt", "word")
    book.write("data/made.csv", "a\n1")
    manifest = {"outputs": {"made.csv": "x"}, "recipe": {"prepare.py": "x", "list.toml": "x"}}
    book.write("data/.manifest.json", json.dumps(manifest))
    book.write("helper.py", 'VALUE = 1\nFILES = ["data/made.csv", "data/words/one.txt"]\n')
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture
def kit_book(built_kit_book: SmallBook, tmp_path: Path) -> SmallBook:
    return built_kit_book.copy(tmp_path / "book")


@pytest.fixture
def kit(kit_book: SmallBook) -> Path:
    return kit_book.root / "_book" / NAME


def names(kit: Path) -> list[str]:
    with zipfile.ZipFile(kit) as archive:
        return archive.namelist()


# What is in it


def test_it_holds_the_notebooks_and_what_they_need_and_nothing_else(kit):
    assert names(kit) == [
        "README.md",
        "contents.txt",
        "data/README.md",
        "data/list.toml",
        "data/prepare.py",
        "data/words/one.txt",
        "helper.py",
        "one.ipynb",
        "requirements.txt",
        "start.py",
    ]
    with zipfile.ZipFile(kit) as archive:
        assert archive.read("requirements.txt") == b"tiny==1.0\n", "the kit's own, not the book's"
        notebook = kit.parent / "chapters" / "one.ipynb"
        assert archive.read("one.ipynb") == notebook.read_bytes()
        listed = archive.read("contents.txt").decode().split()
        assert listed == [n for n in names(kit) if n not in ("contents.txt", "one.ipynb")]


def test_its_bytes_depend_on_its_files_alone(kit, kit_book):
    before = kit.read_bytes()
    for path in [*kit_book.root.glob("kit/*"), *kit_book.root.glob("data/*.*")]:
        path.chmod(0o600)
        os.utime(path, (1e9, 1e9))
    shutil.rmtree(kit_book.root / "_book")
    assert kit_book.run("build", "--renderer", "builtin") == 0
    assert kit.read_bytes() == before
    with zipfile.ZipFile(kit) as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}


def test_pages_link_it_on_the_preface_and_beside_each_notebook(kit, kit_book):
    for page, target in {"index.html": NAME, "chapters/one.html": f"../{NAME}"}.items():
        [link] = parse(kit_book.page(page)).select(".take-away a[href$='.zip']")
        assert (link["href"], link.has_attr("download")) == (target, True)


def test_a_book_without_the_folder_has_no_kit(kit_book):
    book = kit_book
    shutil.rmtree(book.root / "kit")
    assert book.run("build", "--renderer", "builtin") == 0
    assert not [*book.root.glob("_book/*.zip")]
    assert ".zip" not in book.page() and ".zip" not in book.page("index.html")


def test_two_notebooks_of_one_name_are_refused(kit_book, capsys):
    kit_book.write("chapters/more/one.qmd", "# Two {#sec-two}\n\n```{python}\n1\n```\n")
    kit_book.edit("_quarto.yml", "chapters/one.qmd]", "chapters/one.qmd, chapters/more/one.qmd]")
    assert kit_book.run("build", "--renderer", "builtin") == 1
    said = capsys.readouterr().err
    assert "chapters/more/one.qmd" in said and "rename one of them" in said


# It starts


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of packages that stands for the index: one wheel."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    about = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder


@pytest.fixture
def start(kit: Path, shelf: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Unpack the kit into an empty folder; return what starts it there."""
    folder = tmp_path / "away"
    with zipfile.ZipFile(kit) as archive:
        archive.extractall(folder)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    own |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)}

    def run(*command: str) -> subprocess.CompletedProcess:
        command = command or (sys._base_executable, "start.py", "--no-browser")
        return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True)

    return run


def sentence(done: subprocess.CompletedProcess) -> str:
    """Return the one sentence with which it stopped."""
    assert done.returncode == 1
    said = done.stderr.strip()
    assert said.startswith("start: ") and said.endswith(".") and "\n" not in said, said
    return said


@pytest.mark.slow
def test_it_says_what_is_wrong_until_it_starts_with_nothing_but_python(start, shelf, tmp_path):
    wheel = shelf / "tiny-1.0-py3-none-any.whl"
    wheel.rename(tmp_path / wheel.name)
    assert "is there a network" in sentence(start())
    (tmp_path / wheel.name).rename(wheel)
    prepare = tmp_path / "away/data/prepare.py"
    prepare.write_text("raise SystemExit(1)", encoding="utf-8")
    assert "the data are not ready" in sentence(start())
    prepare.write_text("print('nothing made')", encoding="utf-8")
    said = sentence(start())
    assert "one.ipynb" in said and "data/made.csv" in said
    prepare.write_text(PREPARE, encoding="utf-8")
    done = start()
    assert done.returncode == 0, done.stderr
    assert "data: ready" in done.stdout and "this opens JupyterLab" in done.stdout
    assert (tmp_path / "away/data/made.csv").exists()
    again = start()
    assert again.returncode == 0 and "installing" not in again.stdout


def test_it_says_which_file_is_missing(start, tmp_path):
    (tmp_path / "away/data/list.toml").unlink()
    assert "data/list.toml" in sentence(start())


def test_an_old_python_says_that_it_is_too_old(start):
    old = "import sys, runpy; sys.version_info = (3, 9, 18); runpy.run_path('start.py')"
    assert "this is Python 3.9, and it must be 3.11" in sentence(start(sys.executable, "-c", old))


def test_an_old_python_can_read_it():
    text = (ROOT / "kit/start.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 4))  # no walrus, no matrices
    nodes = list(ast.walk(ast.parse(text)))
    assert not [node for node in nodes if isinstance(node, (ast.JoinedStr, ast.AnnAssign))]
    assert not [n for n in nodes if getattr(n, "annotation", None) or getattr(n, "returns", None)]
    assert not [node for node in nodes if isinstance(node, ast.arguments) and node.kwonlyargs]


# In the cloud


@pytest.fixture
def site(kit_book: SmallBook) -> Iterator[str]:
    """The address of a server on this machine that stands for the published site."""
    with served(kit_book.root / "_book") as url:
        yield url.rstrip("/")


@pytest.fixture
def published(kit_book: SmallBook, site: str) -> SmallBook:
    """The book as it is built where it is published, its site served."""
    address = f"  site-url: {site}\n  repo-url: https://git.example/a/b\n"
    kit_book.edit("_quarto.yml", "  title: Small book\n", f"  title: Small book\n{address}")
    assert kit_book.run("build", "--renderer", "builtin") == 0
    return kit_book


def test_links_open_the_notebook_in_both_services(published, site):
    links = {a.text: a["href"] for a in parse(published.page()).select(".take-away a")}
    colab, binder = urlsplit(links["Colab"]), urlsplit(links["Binder"])
    address = unquote(colab.fragment.removeprefix("fileId="))
    assert address == f"{site}/chapters/one.ipynb"
    assert unquote(binder.path).startswith("/v2/git/https://git.example/a/b/HEAD")
    assert parse_qs(binder.query)["urlpath"] == ["lab/tree/notebooks/one.ipynb"]
    preface = parse(published.page("index.html"))
    assert [a.text for a in preface.select(".take-away a")] == ["Kit"]


@pytest.mark.parametrize("key", ["site-url", "repo-url"])
def test_with_one_of_the_two_addresses_nothing_of_it_is_shown(kit_book, key):
    kit_book.edit("_quarto.yml", "  title:", f"  {key}: https://example.org\n  title:")
    assert kit_book.run("build", "--renderer", "builtin") == 0
    assert not re.search("Colab|Binder", kit_book.page())
    notebook = (kit_book.root / "_book/chapters/one.ipynb").read_text(encoding="utf-8")
    assert "urlopen" not in notebook


def test_a_notebook_alone_gets_the_kit_and_runs(published, tmp_path):
    folder = tmp_path / "cloud"
    folder.mkdir()
    (folder / "README.md").write_text("mine", encoding="utf-8")
    node = nbformat.read(published.root / "_book/chapters/one.ipynb", 4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(node, timeout=600, resources=resources).execute()
    assert node.cells[-1].outputs[0].text == "first 1\n"
    assert (folder / "data/made.csv").exists(), "the data are prepared"
    assert (folder / "README.md").read_text() == "mine", "nothing is overwritten"


def test_binder_unpacks_the_kit_where_the_links_look_for_it(published):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "postBuild")]
    subprocess.run(command, cwd=published.root, env=environment, check=True)
    assert (published.root / "notebooks/one.ipynb").exists()
    assert (published.root / "notebooks/data/made.csv").exists()


def test_what_is_missing_is_asked_for_by_its_pinned_version(kit_book):
    from bookbuild.needs import Needs, check

    kit_book.write("requirements.txt", "Pillow==13.0.0\nscikit-learn==1.9.1\n")
    kit_book.edit("_quarto.yml", "  title:", "  site-url: a\n  repo-url: b\n  title:")
    code = check(load(kit_book.root), Needs(packages=("PIL", "sklearn")))
    assert "{'PIL': 'Pillow==13.0.0', 'sklearn': 'scikit-learn==1.9.1'}" in code


# The real kit


@pytest.fixture(scope="module")
def real() -> zipfile.ZipFile:
    project = load(ROOT)
    path = ROOT / project.output / str(project.kit_name)
    if not path.exists():
        missing("the real book is not built: run make book")
    assert path.stat().st_size < 7e6
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.mark.book
def test_the_real_kit_has_all_that_its_notebooks_name(real):
    assert {"start.py", "README.md", "LICENSE", "funs.py", "nets.py"} <= {*real.namelist()}
    recipe = json.loads((ROOT / "data/.manifest.json").read_text("utf-8"))["recipe"]
    assert {f"data/{name}" for name in recipe} <= {*real.namelist()}
    named = re.findall(r"`([\w-]+\.ipynb)`", real.read("README.md").decode())
    assert named and {*named} <= {*real.namelist()}
    assert len(real.read("README.md").splitlines()) <= 40, "one screen"


@pytest.mark.book
def test_the_real_kit_holds_no_more_of_the_reviews_than_the_pages_show(real):
    import polars as pl

    pages = " ".join(parse(p.read_text("utf-8")).text for p in ROOT.glob("_book/**/*.html"))
    shown = " ".join(pages.split())
    kit = b" ".join(real.read(name) for name in real.namelist()).decode("utf-8", "replace")
    kit = " ".join(kit.replace('\\"', '"').replace("\\n", " ").split())
    reviews = pl.concat(
        pl.read_parquet(ROOT / "data" / name, columns=["text"])
        for name in ("imdb5k_pca.parquet", "imdb_rest.parquet")
    )
    begins = {" ".join(text.split())[:40] for text in reviews["text"]}

    def held(text: str) -> set[str]:
        return {text[at : at + 40] for at in range(len(text)) if text[at : at + 40] in begins}

    assert [begin for begin in held(kit) if begin not in shown] == []
    assert held(" ".join(reviews["text"][0].split())), "a review in the kit would be found"
