"""What all tests share: books to build, and how hypothesis looks for examples."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from bookbuild.quarto import find
from tests.kit.books import SmallBook, probe_book
from tests.kit.programs import missing
from tools import quarto_facts

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn into memory, no window is opened

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)  # the same examples each time
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than cores: tests wait a sixth of the time, for processes that they start."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items):
    """Put the test that takes minutes first and the browser tests last.

    Begun last, the long one would leave a single worker busy. Playwright leaves an event loop
    running, which nbclient rejects.
    """
    last = {item: "browser" in item.path.parts for item in items}
    items.sort(key=lambda item: (last[item], not item.get_closest_marker("minutes")))


@pytest.fixture
def book(tmp_path: Path) -> SmallBook:
    return SmallBook(tmp_path / "book")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A small book that is built; only `built_book` uses it."""
    book = SmallBook(tmp_path_factory.mktemp("small") / "book")
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture
def built_book(built_once: SmallBook, tmp_path: Path) -> SmallBook:
    """A small book of the test's own, with its site and its cache: `book` after a build."""
    return built_once.copy(tmp_path / "book")


@pytest.fixture
def fails(book: SmallBook, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Run a command that must fail; return what it says."""

    def run(*command: str) -> str:
        assert book.run(*command) == 1
        return capsys.readouterr().err

    return run


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the probe book's site, built once; its sources lie around it."""
    root = probe_book(tmp_path_factory.mktemp("probe") / "book")
    command = [sys.executable, "-m", "bookbuild", "--root", str(root), "build"]
    # a process of its own: the first to ask may be a browser test, with an event loop running
    done = subprocess.run([*command, "--renderer", "builtin"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_book"


@pytest.fixture(scope="session", params=["probe", pytest.param("book", marks=pytest.mark.book)])
def built(request: pytest.FixtureRequest) -> Path:
    """The folder of a built site: the probe book's, then the real book's."""
    if request.param == "probe":
        return request.getfixturevalue("probe")
    if not (ROOT / "_book").is_dir():
        missing("the real book is not built: run make book")
    return ROOT / "_book"


@pytest.fixture(scope="session")
def quarto_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the real book's site by Quarto, where there is one."""
    quarto, why = find("auto")
    if not quarto:
        pytest.skip(f"no Quarto here: {why}")
    book = quarto_facts.copy_whole(tmp_path_factory.mktemp("quarto") / "book")
    return quarto_facts.build(book, "quarto")
