"""A build with nothing to do does nothing; whatever may have changed, it builds again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import pytest

from bookbuild.cli import build as pipeline
from tests.support.books import SmallBook

BUILD = ("build", "--renderer", "builtin")

CHANGES: dict[str, Callable[[SmallBook], object]] = {
    "prose": lambda book: book.edit("chapters/one.qmd", "Some prose", "Other prose"),
    "a module": lambda book: book.write("helper.py", "VALUE = 2\n"),
    "a file saved again": lambda book: os.utime(book.root / "references.bib"),
    "a new file": lambda book: book.write("chapters/_metadata.yml", ""),
    "a file removed": lambda book: (book.root / "requirements.txt").unlink(),
    "a page edited": lambda book: book.write("_book/index.html", "another page"),
    "a page removed": lambda book: (book.root / "_book/index.html").unlink(),
    "the cache removed": lambda book: shutil.rmtree(book.root / ".cache"),
    "the record damaged": lambda book: book.write(".cache/built.json", "[]"),
}


@pytest.fixture
def rebuilds(built_book, monkeypatch) -> Callable[[], bool]:
    """Return a function that builds the book and returns whether anything was done."""
    done = []
    whole = pipeline.build
    monkeypatch.setattr(pipeline, "build", lambda *a: done.append(a) or whole(*a))

    def build() -> bool:
        done.clear()
        built_book.run(*BUILD)
        return bool(done)

    build()  # the book has been copied
    return build


def test_a_second_build_does_nothing(rebuilds, capsys):
    assert not rebuilds()
    assert "_book/index.html" in capsys.readouterr().out


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_built(rebuilds, built_book, name):
    CHANGES[name](built_book)
    assert rebuilds()


def test_a_change_of_packages_is_built(rebuilds, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert rebuilds()


def test_hidden_folders_and_environments_do_not_count(rebuilds, built_book):
    built_book.write(".git/index", "1")
    built_book.write("__pycache__/helper.pyc", "1")
    built_book.write("env/pyvenv.cfg", "home = /usr")
    assert not rebuilds()


def test_a_link_to_a_folder_above_it_is_not_followed(rebuilds, built_book):
    (built_book.root / "chapters/up").symlink_to(built_book.root)
    assert not rebuilds()


def test_a_failed_build_is_tried_again(rebuilds, built_book):
    built_book.edit("chapters/one.qmd", "Some prose", "See @sec-none")
    assert rebuilds()
    assert rebuilds()
