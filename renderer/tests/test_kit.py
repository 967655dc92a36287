"""The kit: its contents, its bytes, and how a notebook in the cloud gets it."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import nbclient
import nbformat
import pytest

from bookbuild.outputs.needs import Needs, check_code
from bookbuild.source.project import load
from tests.support.books import SmallBook
from tests.support.pages import parse
from tests.support.server import served

pytestmark = pytest.mark.thorough

NAME = "small-book-kit.zip"
COLLECT = """
from pathlib import Path
folder = Path(__file__).parent
(folder / "made.csv").write_text(f"a\\n{(folder / 'list.toml').read_text()}")
print("data: ready")
"""


@pytest.fixture(scope="module")
def built_kit_book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """Return a book whose notebook needs a module, prepared data and committed data."""
    book = SmallBook(tmp_path_factory.mktemp("kit") / "book")
    book.configure()
    book.write("handout/README.md", "# Read me\n")
    book.write("handout/requirements.txt", "tiny==1.0\n")
    book.write("COPYING", "freely\n")
    book.write("measurements/__init__.py", "")
    book.write("measurements/ABOUT.md", "where it comes from\n")
    book.write("measurements/collect.py", COLLECT)
    book.write("measurements/list.toml", "1")
    book.write("measurements/words/one.txt", "word")
    book.write("measurements/made.csv", "a\n1")
    manifest = {"outputs": {"made.csv": "x"}, "recipe": {"collect.py": "x", "list.toml": "x"}}
    book.write("measurements/state.json", json.dumps(manifest))
    files = '["measurements/made.csv", "measurements/words/one.txt"]'
    book.write("helper.py", f"VALUE = 1\nFILES = {files}\n")
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


# Contents


def test_it_contains_the_notebooks_and_what_they_need_and_nothing_else(kit):
    assert names(kit) == [
        "COPYING",
        "README.md",
        "contents.txt",
        "helper.py",
        "measurements/ABOUT.md",
        "measurements/__init__.py",
        "measurements/collect.py",
        "measurements/list.toml",
        "measurements/words/one.txt",
        "one.ipynb",
        "requirements.txt",
    ]
    with zipfile.ZipFile(kit) as archive:
        assert archive.read("requirements.txt") == b"tiny==1.0\n", "the kit's own, not the book's"
        notebook = kit.parent / "chapters" / "one.ipynb"
        assert archive.read("one.ipynb") == notebook.read_bytes()
        listed = archive.read("contents.txt").decode().split()
        assert listed == [n for n in names(kit) if n not in ("contents.txt", "one.ipynb")]


def test_its_bytes_depend_on_its_files_only(kit, kit_book):
    before = kit.read_bytes()
    for path in [*kit_book.root.glob("handout/*"), *kit_book.root.glob("measurements/*.*")]:
        path.chmod(0o600)
        os.utime(path, (1e9, 1e9))
    for made in ("_book", ".cache/kit"):
        shutil.rmtree(kit_book.root / made)
    assert kit_book.run("build", "--renderer", "builtin") == 0
    assert kit.read_bytes() == before
    with zipfile.ZipFile(kit) as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}


def test_the_preface_and_pages_with_notebooks_link_it(kit, kit_book):
    for page, target in {"index.html": NAME, "chapters/one.html": f"../{NAME}"}.items():
        [link] = parse(kit_book.page(page)).select(".take-away a[href$='.zip']")
        assert (link["href"], link.has_attr("download")) == (target, True)


def remove_folder(book: SmallBook) -> None:
    shutil.rmtree(book.root / "handout")


def remove_setting(book: SmallBook) -> None:
    book.edit("pyproject.toml", 'kit = "handout"\n', "")


@pytest.mark.parametrize("remove", [remove_folder, remove_setting])
def test_a_book_without_a_kit(kit_book, remove):
    remove(kit_book)
    assert kit_book.run("build", "--renderer", "builtin") == 0
    assert not [*kit_book.root.glob("_book/*.zip")]
    assert ".zip" not in kit_book.page() and ".zip" not in kit_book.page("index.html")
    notebook = (kit_book.root / "_book/chapters/one.ipynb").read_text(encoding="utf-8")
    assert "from the book's repository" in notebook


def test_a_kit_of_a_book_with_kit_as_its_only_setting(book):
    book.configure(kit="handout")
    book.write("handout/README.md", "# Read me\n")
    assert book.run("build", "--renderer", "builtin") == 0
    assert names(book.root / "_book" / NAME) == [
        "README.md",
        "contents.txt",
        "helper.py",
        "one.ipynb",
    ]


def test_two_notebooks_with_the_same_name_are_refused(kit_book, capsys):
    kit_book.add_chapter("more/one", "# Two {#sec-two}\n\n```{python}\n1\n```\n")
    assert kit_book.run("build", "--renderer", "builtin") == 1
    message = capsys.readouterr().err
    assert "chapters/more/one.qmd" in message and "rename one of them" in message


# In the cloud


@pytest.fixture
def site(kit_book: SmallBook) -> Iterator[str]:
    """Yield the address of a server on this machine that acts as the published site."""
    with served(kit_book.root / "_book") as url:
        yield url.rstrip("/")


@pytest.fixture
def published(kit_book: SmallBook, site: str) -> SmallBook:
    """Return the book as built for publication, with its site served."""
    address = f"  site-url: {site}\n  repo-url: https://git.example/a/b\n"
    kit_book.edit("_quarto.yml", "  title:", f"{address}  title:")
    assert kit_book.run("build", "--renderer", "builtin") == 0
    return kit_book


def test_links_open_the_notebook_in_both_services(published, site):
    links = {a.text: a["href"] for a in parse(published.page()).select(".take-away a")}
    colab, binder = urlsplit(links["Colab"]), urlsplit(links["Binder"])
    address = unquote(colab.fragment.removeprefix("fileId="))
    assert address == f"{site}/chapters/one.ipynb"
    assert unquote(binder.path).startswith("/v2/git/https://git.example/a/b/HEAD")
    assert parse_qs(binder.query)["urlpath"] == ["lab/tree/unpacked/one.ipynb"]
    preface = parse(published.page("index.html"))
    assert [a.text for a in preface.select(".take-away a")] == ["Kit"]


def test_binder_is_not_offered_without_its_path(published):
    published.edit("pyproject.toml", 'binder-path = "lab/tree/unpacked"\n', "")
    assert published.run("build", "--renderer", "builtin") == 0
    links = [a.text for a in parse(published.page()).select(".take-away a")]
    assert "Colab" in links and "Binder" not in links


@pytest.mark.parametrize("key", ["site-url", "repo-url"])
def test_cloud_links_need_both_addresses(kit_book, key):
    kit_book.edit("_quarto.yml", "  title:", f"  {key}: https://example.org\n  title:")
    assert kit_book.run("build", "--renderer", "builtin") == 0
    assert not re.search("Colab|Binder", kit_book.page())
    notebook = (kit_book.root / "_book/chapters/one.ipynb").read_text(encoding="utf-8")
    assert "urlopen" not in notebook


def execute(notebook: Path, folder: Path) -> nbformat.NotebookNode:
    """Execute a notebook in a folder."""
    node = nbformat.read(notebook, 4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(node, timeout=600, resources=resources).execute()
    return node


def test_a_notebook_alone_gets_the_kit_and_runs(published, tmp_path):
    folder = tmp_path / "cloud"
    folder.mkdir()
    (folder / "README.md").write_text("mine", encoding="utf-8")
    node = execute(published.root / "_book/chapters/one.ipynb", folder)
    assert node.cells[-1].outputs[0].text == "first 1\n"
    assert (folder / "measurements/made.csv").exists(), "the data are prepared"
    assert (folder / "README.md").read_text() == "mine", "nothing is overwritten"


def test_a_notebook_gets_a_kit_without_data(book, tmp_path):
    book.configure(kit="handout")
    book.write("handout/README.md", "# Read me\n")
    (book.root / "_book").mkdir()
    with served(book.root / "_book") as url:
        address = f"  site-url: {url}\n  repo-url: https://git.example/a/b\n"
        book.edit("_quarto.yml", "  title:", f"{address}  title:")
        build = book.copy(tmp_path / "elsewhere")  # so as not to replace the folder being served
        assert build.run("build", "--renderer", "builtin") == 0
        shutil.copytree(build.root / "_book", book.root / "_book", dirs_exist_ok=True)
        folder = tmp_path / "cloud"
        folder.mkdir()
        node = execute(book.root / "_book/chapters/one.ipynb", folder)
    assert node.cells[-1].outputs[0].text == "first 1\n"


def test_a_missing_package_is_installed_in_its_pinned_version(kit_book):
    kit_book.write("requirements.txt", "Pillow==13.0.0\nscikit-learn==1.9.1\n")
    kit_book.edit("_quarto.yml", "  title:", "  site-url: a\n  repo-url: b\n  title:")
    code = check_code(load(kit_book.root), Needs(packages=("PIL", "sklearn")))
    assert "{'PIL': 'Pillow==13.0.0', 'sklearn': 'scikit-learn==1.9.1'}" in code
