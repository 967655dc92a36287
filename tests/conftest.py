"""Options, settings and built books shared by all tests of the book."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from bookbuild import available_cores
from renderer.tests.support.books import probe_book
from renderer.tests.support.processes import build, shared
from renderer.tests.support.programs import missing
from tests.parity import record
from tests.site.sites import BOOK, BUILTIN, QUARTO, ROOT, no_quarto_site, renderer_of

os.environ.setdefault("MPLBACKEND", "Agg")  # draw figures in memory, open no window

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)  # the same examples each time
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_addoption(parser):
    parser.addoption(
        "--site",
        metavar="FOLDER",
        help="run the tests of tests/site on this built site of the book alone",
    )


def pytest_configure(config):
    folder = config.getoption("--site")
    if folder and not Path(folder, "index.html").is_file():
        raise pytest.UsageError(f"--site: {folder} is not a built site")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Use cores + 1 workers: tests spend about a sixth of their time waiting for subprocesses."""
    return available_cores() + 1


def pytest_collection_modifyitems(items):
    """Run the site tests last: Playwright leaves an event loop running, which nbclient rejects."""
    items.sort(key=lambda item: item.path.is_relative_to(ROOT / "tests/site"))


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site of the small test book; its sources are in the folder around it."""

    def make(folder: Path) -> None:
        # in a subprocess: the first test to need it may have an event loop running
        build(probe_book(folder))

    return shared(tmp_path_factory, "probe", make) / "_book"


@pytest.fixture(scope="session")
def builtin_book() -> Path:
    """Return the site of the book if the built-in renderer built it."""
    if renderer_of(BOOK) != BUILTIN:
        missing("_book/ is not the built-in renderer's: run make book RENDERER=builtin")
    return BOOK


@pytest.fixture(scope="session")
def quarto_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return Quarto's site of the book, rendering it unless _book/ is Quarto's."""
    if renderer_of(BOOK) == QUARTO:
        return BOOK
    if no_quarto_site():
        pytest.skip(no_quarto_site())

    def make(folder: Path) -> None:
        build(record.copy_whole(folder), "quarto")

    return shared(tmp_path_factory, "quarto", make) / "_book"
