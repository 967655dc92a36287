"""Settings and built books shared by all tests of the renderer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from bookbuild import available_cores
from tests.support.books import SmallBook, probe_book
from tests.support.processes import build, shared

os.environ.setdefault("MPLBACKEND", "Agg")  # draw figures in memory, open no window

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)  # the same examples each time
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use cores + 1 workers: tests spend about a sixth of their time waiting for subprocesses."""
    return available_cores() + 1


@pytest.fixture
def book(tmp_path: Path) -> SmallBook:
    """Return a small book for one test."""
    return SmallBook(tmp_path / "book")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """Return a small book that has been built; only `built_book` uses it."""
    book = SmallBook(tmp_path_factory.mktemp("small") / "book")
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture
def built_book(built_once: SmallBook, tmp_path: Path) -> SmallBook:
    """Return a small book for one test, built: with its site and its cache."""
    return built_once.copy(tmp_path / "book")


@pytest.fixture
def fails(book: SmallBook, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Return a function that runs a command, which must fail, and returns the message."""

    def run(*command: str) -> str:
        assert book.run(*command) == 1
        return capsys.readouterr().err

    return run


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the probe book's site; its sources are in the folder around it."""
    return shared(tmp_path_factory, "probe", lambda folder: build(probe_book(folder))) / "_book"
